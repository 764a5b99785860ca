"""Questions to an event store: alarms and other events of a time, minutes, strips, and what stands."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from monitor.definitions import DEFINITIONS
from monitor.errors import StorageError
from monitor.events import Alarm, AnyEvent, Label, Priority
from monitor.handover import TAKEN_UP_S
from monitor.store import schema
from monitor.store.database import Store
from monitor.store.minutes import Minute
from monitor.store.rows import Key, Life
from monitor.store.strips import unpack

__all__ = [
    "Listed",
    "Query",
    "StoredStrip",
    "alarms",
    "beds",
    "events",
    "lives",
    "minutes",
    "standing",
    "strips",
]

_EVENT: Final = msgspec.json.Decoder(AnyEvent)
_CHUNK: Final = 1000
"""Rows fetched at once."""
_FEW: Final = 200
"""Strips asked for at once."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; empty or None asks for all.

    ``since_ns`` is inclusive, ``until_ns`` exclusive: of the telling, or of any moment that an alarm lasted.
    ``kinds`` are kinds of alarms, types of events (``rhythm``), or names within them (``(VT``, ``limits``).
    """

    bed: str = ""
    since_ns: int | None = None
    until_ns: int | None = None
    kinds: tuple[str, ...] = ()
    priorities: tuple[Priority, ...] = ()


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the store, or an alarm with its whole life.

    ``decided`` is the sample of the decision, an alarm's that of its start; None where that is not kept.
    """

    run: int
    number: int
    bed: str
    record: str
    time_ns: int
    fs: float
    sample: int
    decided: int | None
    type: str
    kind: str
    state: str
    event: AnyEvent
    priority: str = ""
    ended_ns: int | None = None
    duration_s: float | None = None
    acknowledged_ns: int | None = None
    acknowledged_by: str = ""
    n_reminded: int = 0
    reminded_ns: int | None = None
    cleared_ns: int | None = None


class StoredStrip(msgspec.Struct, frozen=True, kw_only=True):
    """A strip as it was kept: ``samples`` of shape (n_samples, n_leads), millivolt, NaN = missing."""

    fs: float
    start: int
    leads: tuple[str, ...]
    samples: NDArray[np.float64]
    beats: tuple[tuple[int, Label | None], ...]


def beds(store: Store) -> tuple[str, ...]:
    """Return the names of all beds that the store knows."""
    found: set[str] = set()
    with store.reading() as connection:
        for table in (schema.minutes, schema.events, schema.alarms):
            found.update(connection.scalars(select(table.c.bed).distinct()))
    return tuple(sorted(found - {""}))


def alarms(store: Store, query: Query) -> Iterator[Listed]:
    """Return the alarms that lasted at some moment of the time asked for, oldest first."""
    table = schema.alarms
    last_ns = func.coalesce(table.c.ended_ns, table.c.cleared_ns, schema.runs.c.written_ns, table.c.time_ns)
    tests = _told(table, query)
    if query.since_ns is not None:
        tests.append(or_(table.c.time_ns >= query.since_ns, last_ns >= query.since_ns))
    if query.kinds and "alarm" not in query.kinds:
        tests.append(table.c.kind.in_(query.kinds))
    if query.priorities:
        tests.append(table.c.priority.in_(query.priorities))
    began = schema.events
    joined = table.outerjoin(schema.runs, schema.runs.c.run == table.c.run).outerjoin(
        began, and_(began.c.run == table.c.run, began.c.number == table.c.number)
    )
    asked = select(table, began.c.decided).select_from(joined).where(*tests)
    return (_alarm(row) for row in _rows(store, asked, table))


def events(store: Store, query: Query) -> Iterator[Listed]:
    """Return all other events of the time asked for, oldest first; none where priorities are asked for."""
    if query.priorities:
        return iter(())
    table = schema.events
    tests = [*_told(table, query), table.c.type != "alarm"]
    if query.since_ns is not None:
        tests.append(table.c.time_ns >= query.since_ns)
    if query.kinds:
        tests.append(or_(table.c.type.in_(query.kinds), table.c.kind.in_(query.kinds)))
    return (_event(row) for row in _rows(store, select(table).where(*tests), table))


def minutes(store: Store, query: Query) -> Iterator[Minute]:
    """Return the minutes of the time asked for, oldest first."""
    table = schema.minutes
    tests = _told(table, query)
    if query.since_ns is not None:
        tests.append(table.c.time_ns >= query.since_ns)
    for row in _rows(store, select(table).where(*tests), table):
        told = {name: row[name] for name in Minute.__struct_fields__ if name != "beats"}
        yield Minute(**told, beats=tuple(row[f"n_{label}"] for label in "nsvfq"))


def strips(store: Store, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], StoredStrip]:
    """Return the strips of alarms, by run and number; those that have none are left out."""
    table = schema.strips
    found: dict[tuple[int, int], StoredStrip] = {}
    with store.reading() as connection:
        for at in range(0, len(keys), _FEW):
            some = keys[at : at + _FEW]
            wanted = [and_(table.c.run == run, table.c.number == number) for run, number in some]
            for row in connection.execute(select(table).where(or_(*wanted))).mappings():
                found[row["run"], row["number"]] = _strip(row)
    return found


def standing(
    store: Store, *, monitor: str | None = None, now_ns: int | None = None
) -> dict[str, tuple[Alarm, ...]]:
    """Return by bed the last step of each alarm that stood when a monitor ended or was killed.

    Oldest first. Alarms of a run that has been silent for an hour are history and left out.

    Parameters
    ----------
    monitor
        Whose alarms, as `monitor.store.writer.Writer` was told; None for everybody's.
    """
    told: dict[str, list[Alarm]] = {}
    for (bed, _, _), life in lives(store, monitor=monitor, now_ns=now_ns).items():
        told.setdefault(bed, []).append(msgspec.json.decode(life.body, type=Alarm))
    return {bed: tuple(steps) for bed, steps in told.items()}


def lives(store: Store, *, monitor: str | None = None, now_ns: int | None = None) -> dict[Key, Life]:
    """Return what `standing` does, as the writer follows it: the newest of each bed, kind and lead."""
    table, runs = schema.alarms, schema.runs
    since_ns = (time.time_ns() if now_ns is None else now_ns) - round(TAKEN_UP_S * 1e9)
    joined = table.join(runs, runs.c.run == table.c.run)
    recent = or_(runs.c.written_ns >= since_ns, table.c.time_ns >= since_ns)
    asked = select(table, _other_stream()).select_from(joined).where(table.c.cleared_ns.is_(None), recent)
    if monitor is not None:
        asked = asked.where(runs.c.monitor == monitor)
    found: dict[Key, Life] = {}
    with store.reading() as connection:
        for row in connection.execute(asked.order_by(table.c.time_ns, table.c.number)).mappings():
            if row["kind"] in DEFINITIONS:
                told = {name: row[name] for name in Life.__struct_fields__ if name != "onset"}
                told["other_stream"] = bool(row["other_stream"])
                onset = msgspec.json.decode(row["body"], type=Alarm).sample
                found.pop((row["bed"], row["kind"], row["lead"]), None)
                found[row["bed"], row["kind"], row["lead"]] = Life(**told, onset=onset)
    return found


def _other_stream() -> ColumnElement[bool]:
    """Return whether a stream of an alarm's bed has begun since the alarm was told."""
    alarms, events = schema.alarms.c, schema.events.c
    since = and_(events.bed == alarms.bed, events.time_ns > alarms.time_ns, events.type == "stream")
    return exists().where(since).label("other_stream")


def _told(table: Any, query: Query) -> list[ColumnElement[bool]]:  # noqa: ANN401  columns are dynamic
    tests: list[ColumnElement[bool]] = []
    if query.bed:
        tests.append(table.c.bed == query.bed)
    if query.until_ns is not None:
        tests.append(table.c.time_ns < query.until_ns)
    return tests


def _rows(store: Store, asked: Select[Any], table: Any) -> Iterator[Any]:  # noqa: ANN401  as above
    """Return rows oldest first, a thousand at a time, so that memory stays flat whatever is asked for."""
    ordered = asked.order_by(table.c.time_ns, table.c.run, table.c.number)
    with store.reading() as connection:
        yield from connection.execution_options(yield_per=_CHUNK).execute(ordered).mappings()


def _alarm(row: Any) -> Listed:  # noqa: ANN401  as above
    names = set(Listed.__struct_fields__) - {"type", "event"}
    return Listed(**{name: row[name] for name in names}, type="alarm", event=_decoded(row))


def _event(row: Any) -> Listed:  # noqa: ANN401  as above
    names = set(Listed.__struct_fields__) & set(row.keys())
    return Listed(**{name: row[name] for name in names}, event=_decoded(row))


def _decoded(row: Any) -> AnyEvent:  # noqa: ANN401  as above
    try:
        event: AnyEvent = _EVENT.decode(row["body"])
    except msgspec.DecodeError as error:
        raise StorageError(
            f"store: event {row['number']} of run {row['run']} cannot be read: {error}; expected an event, "
            f"received {row['body'][:80]!r}"
        ) from error
    return event


def _strip(row: Any) -> StoredStrip:  # noqa: ANN401  as above
    leads = msgspec.json.decode(row["leads"], type=tuple[str, ...])
    return StoredStrip(
        fs=row["fs"],
        start=row["start"],
        leads=leads,
        samples=unpack(row["samples"], len(leads)),
        beats=msgspec.json.decode(row["beats"], type=tuple[tuple[int, Label | None], ...]),
    )
