"""What is told, as rows: one transaction's worth at a time.

An alarm is one row for its whole life, found again by bed, kind, lead and onset; each of its steps is an
event too. A step of an alarm whose start was never seen makes a row of its own. One that starts while one
of another run stands (its run could not ask the store what stood) goes on in the row of that one, or, if
that one was over, closes it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, and_, bindparam, delete, insert, update

from monitor import handover
from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, AudioPause, Event, Gap, LimitChange, Notice, Rhythm, Stream
from monitor.handover import Bedside
from monitor.lines import printable
from monitor.link import Entry
from monitor.store import schema
from monitor.store.minutes import Minute
from monitor.store.strips import GAIN, KeptStrip, pack

__all__ = ["BYE", "KEPT", "Item", "Key", "Life", "Rows"]

KEPT: Final = (Stream, Gap, Rhythm, Alarm, AudioPause, LimitChange, Notice)
"""Events that are rows; beats and rates come as minutes."""

Item: TypeAlias = Entry | Minute | KeptStrip
Key: TypeAlias = tuple[str, str, int | None]
"""Bed, kind and lead: at most one alarm of each stands."""

_Row: TypeAlias = dict[str, Any]
BYE: Final = "bye"
"""The kind of the line that a stream has ended."""
_LIMITS: Final = "limits"
_BY_WALL: Final = frozenset(kind for kind, one in DEFINITIONS.items() if one.lane == "wall")


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in an alarm's row, and what its changes are counted from.

    ``sample`` is the onset that the row has, ``onset`` the one that steps name: another where the alarm
    was found anew by a run that did not know of it. ``other_stream``: one has begun since, and counts its
    samples anew.
    """

    run: int
    number: int
    sample: int
    onset: int
    time_ns: int
    state: str
    body: str
    ended_ns: int | None = None
    duration_s: float | None = None
    acknowledged_ns: int | None = None
    acknowledged_by: str = ""
    n_reminded: int = 0
    reminded_ns: int | None = None
    cleared_ns: int | None = None
    other_stream: bool = False


_FIXED: Final = ("run", "number", "sample", "onset", "time_ns", "other_stream")
_CHANGING: Final = tuple(name for name in Life.__struct_fields__ if name not in _FIXED)


class Rows:
    """The rows of a batch of items.

    Parameters
    ----------
    run
        The run whose items they are.
    lives
        Alarms that stand; not changed.
    bedside
        By bed, what persons have set; not changed.

    Attributes
    ----------
    lives, bedside
        The same behind the batch: valid once it is committed.
    """

    def __init__(self, run: int, lives: Mapping[Key, Life], bedside: Mapping[str, Bedside]) -> None:
        self.lives = dict(lives)
        self.bedside = dict(bedside)
        self._run = run
        self._events: list[_Row] = []
        self._minutes: list[_Row] = []
        self._strips: dict[int, _Row] = {}
        self._begun: dict[tuple[int, int], _Row] = {}
        self._changed: dict[tuple[int, int], Life] = {}

    def add(self, items: Iterable[tuple[int, Item]]) -> None:
        """Take numbered items, in order."""
        for number, item in items:
            match item:
                case Entry():
                    self._entry(number, item)
                case Minute():
                    self._minutes.append(self._minute(number, item))
                case KeptStrip():
                    self._strips[item.number] = self._strip(item)

    def write(self, connection: Connection) -> None:
        """Write them, within the caller's transaction."""
        if self._events:
            connection.execute(insert(schema.events), self._events)
        if self._begun:
            rows = [row | _changing(self._changed[key]) for key, row in self._begun.items()]
            connection.execute(insert(schema.alarms), rows)
        changed = [
            {"key_run": run, "key_number": number, **_changing(life)}
            for (run, number), life in self._changed.items()
            if (run, number) not in self._begun
        ]
        if changed:
            connection.execute(_CHANGE, changed)
        if self._minutes:
            connection.execute(insert(schema.minutes), self._minutes)
        if self._strips:
            keys = [{"key_run": self._run, "key_number": number} for number in self._strips]
            connection.execute(_REPLACE, keys)
            connection.execute(insert(schema.strips), list(self._strips.values()))

    def _entry(self, number: int, entry: Entry) -> None:
        event = entry.event
        life = self._step(number, entry, event) if isinstance(event, Alarm) else None
        if isinstance(event, AudioPause | LimitChange):
            self._set(entry)
        elif isinstance(event, Stream):
            lives = self.lives.items()
            self.lives = {
                key: replace(one, other_stream=key[0] == entry.bed or one.other_stream) for key, one in lives
            }
        self._events.append(
            self._told(number, entry)
            | {
                "decided": event.decided,
                "type": event.__struct_config__.tag,
                "kind": _kind(event),
                "state": getattr(event, "state", ""),
                "body": _body(event),
                "alarm_run": None if life is None else life.run,
                "alarm_number": None if life is None else life.number,
            }
        )

    def _step(self, number: int, entry: Entry, alarm: Alarm) -> Life:
        """Follow an alarm by one step."""
        key = (entry.bed, alarm.kind, alarm.lead)
        life = self.lives.get(key)
        if life is not None and alarm.state == "start":
            life = self._again(life, entry, alarm)
        if life is None or life.onset != alarm.sample:
            life = Life(
                run=self._run,
                number=number,
                sample=alarm.sample,
                onset=alarm.sample,
                time_ns=entry.time_ns,
                state="start",
                body="",
            )
            self._begun[life.run, life.number] = self._told(number, entry) | {
                "kind": alarm.kind,
                "lead": alarm.lead,
                "priority": alarm.priority,
                "text": printable(alarm.text),
                "value": alarm.value,
            }
        life = _stepped(life, entry, alarm)
        self._changed[life.run, life.number] = life
        if life.cleared_ns is None:
            self.lives[key] = life
        else:
            self.lives.pop(key, None)
        return life

    def _again(self, life: Life, entry: Entry, alarm: Alarm) -> Life | None:
        """Return the life that goes on where an alarm starts though one stands; None: another begins."""
        if life.run == self._run:
            return None
        if life.ended_ns is None:
            return replace(life, onset=alarm.sample)
        self._changed[life.run, life.number] = replace(life, state="cleared", cleared_ns=entry.time_ns)
        return None

    def _set(self, entry: Entry) -> None:
        """Follow what persons set, and let go of what is over: beds come and go."""
        old = self.bedside.get(entry.bed, Bedside())
        new = old.after(entry.event, time_ns=entry.time_ns, fs=entry.fs)
        both = self.bedside | {entry.bed: new}
        self.bedside = {bed: one for bed, one in both.items() if one.stands(entry.time_ns)}

    def _told(self, number: int, item: Entry | Minute) -> _Row:
        return {
            "run": self._run,
            "number": number,
            "bed": item.bed,
            "record": item.record,
            "time_ns": item.time_ns,
            "fs": item.fs,
            "sample": item.sample if isinstance(item, Minute) else item.event.sample,
        }

    def _minute(self, number: int, minute: Minute) -> _Row:
        counts = {f"n_{label}": n for label, n in zip("nsvfq", minute.beats, strict=True)}
        rates = {name: getattr(minute, name) for name in ("hr_bpm", "hr_low_bpm", "hr_high_bpm")}
        return self._told(number, minute) | {"seconds": minute.seconds} | rates | counts

    def _strip(self, strip: KeptStrip) -> _Row:
        return {
            "run": self._run,
            "number": strip.number,
            "time_ns": strip.time_ns,
            "fs": strip.fs,
            "start": strip.start,
            "n_samples": len(strip.samples) // (2 * len(strip.leads)),
            "leads": msgspec.json.encode(strip.leads).decode(),
            "gain": GAIN,
            "samples": pack(strip),
            "beats": msgspec.json.encode(strip.beats).decode(),
        }


def _matching(table: Any) -> Any:  # noqa: ANN401  SQLAlchemy's columns are known at run time alone
    return and_(table.c.run == bindparam("key_run"), table.c.number == bindparam("key_number"))


_CHANGE: Final = (
    update(schema.alarms)
    .where(_matching(schema.alarms))
    .values({name: bindparam(name) for name in _CHANGING})
)
_REPLACE: Final = delete(schema.strips).where(_matching(schema.strips))


def _changing(life: Life) -> _Row:
    row = asdict(life)
    return {name: row[name] for name in _CHANGING}


def _stepped(life: Life, entry: Entry, alarm: Alarm) -> Life:
    """Return the life after a step; when it ended and was acknowledged is kept behind later steps."""
    life = replace(life, body=_body(alarm), state=alarm.state)
    match alarm.state:
        case "end":
            return replace(life, ended_ns=entry.time_ns, duration_s=_lasted_s(life, entry, alarm))
        case "acknowledged":
            return replace(life, acknowledged_ns=entry.time_ns, acknowledged_by=printable(alarm.by))
        case "reminded":
            return replace(life, reminded_ns=entry.time_ns, n_reminded=life.n_reminded + 1)
        case "cleared":
            return replace(life, cleared_ns=entry.time_ns)
    return life


def _lasted_s(life: Life, entry: Entry, alarm: Alarm) -> float:
    """Return the seconds that an alarm lasted: of signal where that tells, otherwise of the wall clock.

    Signal does not tell of what the wall clock judges: while a feed is lost it stands still. Nor does it
    where its samples were counted anew.
    """
    samples = alarm.decided - life.sample
    same = life.onset == life.sample and not life.other_stream
    counts = samples >= 0 and same and alarm.kind not in _BY_WALL
    return samples / entry.fs if counts else (entry.time_ns - life.time_ns) / 1e9


def _kind(event: Event) -> str:
    """Return the word by which events of one type are told apart."""
    match event:
        case Alarm():
            return event.kind
        case Rhythm():
            return event.rhythm
        case Gap():
            return event.reason
        case LimitChange():
            return _LIMITS
        case Notice() if event.text.startswith(_LIMITS):  # refused
            return _LIMITS
        case Notice(text=handover.BYE):
            return BYE
    return ""


def _body(event: Event) -> str:
    """Return the event as JSON; control characters leave as escapes."""
    return msgspec.json.encode(event).decode()
