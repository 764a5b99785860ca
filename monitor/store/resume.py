"""What an event store knows of a monitor's run before: what the next one begins with."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import or_, select

from monitor.errors import StorageError
from monitor.events import TrendPoint
from monitor.handover import TAKEN_UP_S, Bedside, Handover
from monitor.snapshots import TREND_MINUTES
from monitor.store import read
from monitor.store.database import Store
from monitor.store.rows import BYE
from monitor.store.schema import events, minutes, runs

__all__ = ["bedside", "handovers"]

_DAY_NS: Final = 60_000_000_000 * TREND_MINUTES
_LONGEST_HOLE: Final = 60
"""Minutes that a stream may lack; where its samples jump by more it is another stream."""
_TOLD: Final = ("n_n", "n_s", "n_v", "n_f")
"""Beats that somebody has told: a minute of Q alone has no known number of V."""
_BEDSIDE: Final = msgspec.json.Decoder(dict[str, Bedside])


def handovers(store: Store, *, monitor: str, now_ns: int | None = None) -> dict[str, Handover]:
    """Return by bed what a monitor's run before left for the next.

    Nothing of a run that has been silent for longer than `monitor.handover.TAKEN_UP_S`.

    Parameters
    ----------
    monitor
        Whose, as `monitor.store.writer.Writer` was told.

    Raises
    ------
    StorageError
        The store cannot be read.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    alarms = read.standing(store, monitor=monitor, now_ns=now_ns)
    set_ = bedside(store, monitor=monitor, now_ns=now_ns)
    trend = trends(store, monitor=monitor, now_ns=now_ns)
    gone = _ended(store, [*alarms, *set_], monitor=monitor)
    return {
        bed: Handover(
            alarms=alarms.get(bed, ()),
            bedside=set_.get(bed, Bedside()),
            trend=trend.get(bed, ()),
            ended=bed in gone,
        )
        for bed in sorted({*alarms, *set_, *trend})
    }


def _ended(store: Store, beds: Iterable[str], *, monitor: str) -> set[str]:
    """Return the beds of which the last stream has ended."""
    told = select(events.c.kind).join(runs, runs.c.run == events.c.run).where(runs.c.monitor == monitor)
    told = told.where(or_(events.c.type == "stream", events.c.kind == BYE))
    told = told.order_by(events.c.time_ns.desc(), events.c.run.desc(), events.c.number.desc()).limit(1)
    with store.reading() as connection:
        return {bed for bed in beds if connection.scalar(told.where(events.c.bed == bed)) == BYE}


def trends(store: Store, *, monitor: str, now_ns: int) -> dict[str, tuple[TrendPoint, ...]]:
    """Return by bed the minutes of the last day, as a screen would have them had there been no restart.

    Back to a pause of more than `monitor.handover.TAKEN_UP_S`: before it there may have been another
    patient. Minutes of another run follow those before them; what passed between does not count.

    Raises
    ------
    StorageError
        As `handovers`.
    """
    names = ("bed", "run", "time_ns", "fs", "sample", "hr_bpm", *_TOLD)
    asked = (
        select(*(minutes.c[name] for name in names))
        .join(runs, runs.c.run == minutes.c.run)
        .where(runs.c.monitor == monitor, minutes.c.time_ns >= now_ns - _DAY_NS)
        .order_by(minutes.c.time_ns, minutes.c.run, minutes.c.number)
    )
    found: dict[str, _Trend] = {}
    with store.reading() as connection:
        for row in connection.execute(asked):
            found.setdefault(row.bed, _Trend()).add(row)
    since_ns = now_ns - round(TAKEN_UP_S * 1e9)
    return {bed: tuple(trend.points) for bed, trend in found.items() if trend.last_ns >= since_ns}


class _Trend:
    """The trend of one bed, from its stored minutes in order."""

    def __init__(self) -> None:
        self.points: deque[TrendPoint] = deque(maxlen=TREND_MINUTES)
        self.last_ns = 0
        self._run = self._sample = 0

    def add(self, row: Any) -> None:  # noqa: ANN401  columns are dynamic
        if row.time_ns - self.last_ns > TAKEN_UP_S * 1e9:
            self.points.clear()
        skipped = (row.sample - self._sample) // round(60 * row.fs) if row.run == self._run else 1
        step = skipped if 1 <= skipped <= _LONGEST_HOLE else 1
        number = self.points[-1].minute + step if self.points else 0
        told = any(getattr(row, name) for name in _TOLD)
        self.points.append(TrendPoint(number, row.hr_bpm, row.n_v if told else None))
        self._run, self._sample, self.last_ns = row.run, row.sample, row.time_ns


def bedside(store: Store, *, monitor: str, now_ns: int | None = None) -> dict[str, Bedside]:
    """Return by bed what persons had set when a monitor's newest run wrote last, as far as it stands.

    Raises
    ------
    StorageError
        As `handovers`.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    recent = runs.c.written_ns >= now_ns - round(TAKEN_UP_S * 1e9)
    newest = select(runs.c.bedside).where(runs.c.monitor == monitor, recent).order_by(runs.c.run.desc())
    with store.reading() as connection:
        body = connection.scalar(newest.limit(1))
    try:
        known = _BEDSIDE.decode(body or "{}")
    except msgspec.DecodeError as error:
        raise StorageError(
            f"store {store.name}: what was set at the bedside cannot be read: {error}"
        ) from error
    return {bed: one for bed, one in known.items() if one.stands(now_ns)}
