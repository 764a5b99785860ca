"""Events as lines of text: for people and pipes (``--plain``), and as JSON (``--json``, journals).

Pure: lines are returned, not printed, and carry no escape codes. Names that came over the wire are
stripped of control characters, so that a bed cannot write into somebody's terminal.
"""

import datetime
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from monitor.errors import StorageError
from monitor.events import (
    GAP_REASONS,
    Alarm,
    AnyEvent,
    AudioPause,
    Beat,
    Event,
    Gap,
    LabelledBeat,
    LimitChange,
    Notice,
    Priority,
    Rate,
    Stream,
)

__all__ = ["MARKS", "Envelope", "Lines", "clock", "entry", "nanoseconds", "parse", "printable"]

MARKS: Final[dict[Priority, str]] = {"high": "***", "medium": "**", "low": "*", "technical": "!"}
"""How each priority is written, so that colour is never the only cue."""

_HELD: Final = 1000
"""Beats of one bed that may wait for a label (over 5 min at 180 bpm); the oldest then goes without."""

_STATES: Final = {
    "start": "",
    "end": " ended",
    "acknowledged": " acknowledged",
    "reminded": " still stands",
}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What the shells add to an event: whose it is and when it was told (ISO 8601, None offline)."""

    bed: str
    record: str = ""
    time: str | None = None


def clock(time_ns: int, *, zone: datetime.tzinfo | None = None) -> str:
    """Return a wall time as ISO 8601 with milliseconds and the zone's offset.

    Parameters
    ----------
    time_ns
        Nanoseconds since the epoch.
    zone
        None is the zone of this machine.

    Examples
    --------
    >>> clock(1_700_000_000_250_000_000, zone=datetime.UTC)
    '2023-11-14T22:13:20.250+00:00'
    """
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    moment = moment.replace(microsecond=rest // 1000).astimezone(zone)
    return moment.isoformat(timespec="milliseconds")


def nanoseconds(time: str) -> int:
    """Return the nanoseconds since the epoch of a time that `clock` wrote.

    Examples
    --------
    >>> nanoseconds('2023-11-14T22:13:20.250+00:00')
    1700000000250000000
    """
    return round(datetime.datetime.fromisoformat(time).timestamp() * 1e3) * 1_000_000


def printable(text: str) -> str:
    r"""Return ``text`` with everything that is not a printable character replaced by ``?``.

    Examples
    --------
    >>> printable("bed\x1b[2J 1")
    'bed?[2J 1'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def entry(event: Event, *, bed: str, record: str, time: int | str | None) -> bytes:
    """Return one event as one line of JSON, without the newline.

    The order of keys is fixed: ``type, bed, record, sample, decided, time``, then the event's own.

    Parameters
    ----------
    event
        Any of `monitor.events.AnyEvent`.
    bed, record
        Whose event it is; ``record`` is empty for a living patient.
    time
        Wall time: nanoseconds since the epoch (written in this machine's zone), an ISO 8601 string,
        or None where there is no wall time.
    """
    facts = msgspec.structs.asdict(event)
    told = facts.pop("record", "")  # a Stream names the record itself: one key for both
    line = {
        "type": event.__struct_config__.tag,
        "bed": bed,
        "record": record or told,
        "sample": facts.pop("sample"),
        "decided": facts.pop("decided"),
        "time": clock(time) if isinstance(time, int) else time,
    }
    return _ENCODER.encode(line | facts)


def parse(line: bytes | str) -> tuple[Envelope, AnyEvent]:
    """Read a line that `entry` wrote.

    Raises
    ------
    StorageError
        The line is not a JSON object of that kind; the message says what is wrong in it.
    """
    try:
        return _ENVELOPE.decode(line), _EVENT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageError(
            f"not an event line: {error}; expected one JSON object with type, bed, sample and decided, "
            f"received {_shortened(line)}"
        ) from error


@dataclass(slots=True)
class _Held:
    """A beat that waits for its confirmed label; ``first`` is the provisional one."""

    sample: int
    time: str
    rr_ms: int | None
    hr_bpm: float | None
    first: str | None = None
    label: str | None = None

    def line(self, bed: str) -> str:
        """Return what is told of it: the best label there is, and the first one where it was another."""
        rr = "-" if self.rr_ms is None else str(self.rr_ms)
        hr = "-" if self.hr_bpm is None else f"{self.hr_bpm:.0f}"
        label = self.label or self.first or "-"
        first = "" if self.first in (None, "-", label) else f", first called {self.first}"
        return f"{self.time} {printable(bed)} {label} RR {rr:>4} ms HR {hr:>3} bpm{first}"


@dataclass(slots=True)
class _Bed:
    held: deque[_Held] = field(default_factory=deque)
    hr_bpm: float | None = None


class Lines:
    """Events of many beds as text lines: one per beat, alarm step, gap and notice.

    A beat's line is held until its label is confirmed, so that each beat has one line, in order, and
    none is taken back. A beat whose provisional label was another says so at the end of its line: an
    alarm may have been raised by it. A beat without an answer (its label Q carries no probabilities) is
    printed with ``-``: Q is what the network says of a beat, ``-`` is that nobody said anything. Alarms,
    gaps and notices are not held. A new stream of a bed ends the wait for labels of the old one: a beat
    that was not confirmed goes with its provisional label.

    Parameters
    ----------
    zone
        Of the wall times; None is the zone of this machine.
    """

    def __init__(self, *, zone: datetime.tzinfo | None = None) -> None:
        self._zone = zone
        self._beds: dict[str, _Bed] = {}
        self._abandoned = False

    def push(self, bed: str, event: Event, *, time_ns: int, fs: float) -> list[str]:
        """Take the next event of a bed and return the lines that are now complete.

        Parameters
        ----------
        bed
            Name of the bed.
        event
            Any of `monitor.events.AnyEvent`; those without a line of their own return none.
        time_ns
            Wall time in ns since the epoch; a beat's line carries the time of its `Beat`, not of its label.
        fs
            Sampling rate of the bed in Hz.
        """
        state = self._beds.setdefault(bed, _Bed())
        match event:
            case Rate():
                state.hr_bpm = event.hr_bpm
            case Beat():
                rr_ms = None if event.rr is None else round(1000 * event.rr / fs)
                state.held.append(_Held(event.sample, self._clock(time_ns), rr_ms, state.hr_bpm))
                if self._abandoned:
                    return self._released(bed, state, everything=True)
                if len(state.held) > _HELD:
                    state.held[0].label = state.held[0].first or "-"
            case LabelledBeat():
                label = "-" if event.probabilities is None else event.label
                for held in state.held:
                    if held.sample == event.sample and event.provisional:
                        held.first = label
                    elif held.sample == event.sample:
                        held.label = label
            case Stream():  # its samples may be counted from 0 again: labels to come are not of these beats
                state.hr_bpm = None
                return [*self._released(bed, state, everything=True), *self._line(bed, event, time_ns, fs)]
            case _:
                return self._line(bed, event, time_ns, fs)
        return self._released(bed, state, everything=False)

    def flush(self) -> list[str]:
        """Return every beat still held, with ``-`` for those without any label: the end of a run."""
        return [
            line for bed, state in self._beds.items() for line in self._released(bed, state, everything=True)
        ]

    def abandon(self) -> list[str]:
        """Hold nothing from now on, as no labels will come; return what was held."""
        self._abandoned = True
        return self.flush()

    def _released(self, bed: str, state: _Bed, *, everything: bool) -> list[str]:
        lines = []
        while state.held and (everything or state.held[0].label is not None):
            lines.append(state.held.popleft().line(bed))
        return lines

    def _line(self, bed: str, event: Event, time_ns: int, fs: float) -> list[str]:
        """Return the line of an event that is not a beat's, if it has one."""
        text = _told(event, fs=fs)
        return [] if text is None else [" ".join(filter(None, (self._clock(time_ns), printable(bed), text)))]

    def _clock(self, time_ns: int) -> str:
        return clock(time_ns, zone=self._zone)


def _told(event: Event, *, fs: float) -> str | None:
    """Return what a line says of an event, or None where it has no line."""
    match event:
        case Alarm() if event.state in _STATES:  # cleared follows end or acknowledged: bookkeeping
            text = f"{MARKS[event.priority]} {printable(event.text)}{_STATES[event.state]}"
            return text + _by(event.by if event.state == "acknowledged" else "")
        case AudioPause():
            if event.state == "end":
                return f"! alarm sound is back{_by(event.by)}"
            return f"! alarm sound paused for {(event.until - event.sample) / fs:.0f} s{_by(event.by)}"
        case Gap():
            n = event.stop - event.sample
            return f"! gap: {n} samples ({n / fs:.3f} s) from {event.sample}, {GAP_REASONS[event.reason]}"
        case Stream():
            record = f" {printable(event.record)}" if event.record else ""
            leads = " ".join(printable(lead) for lead in event.leads)
            return f"! stream begins:{record} {event.fs:g} Hz, {leads}"
        case Notice() | LimitChange():
            return f"! {printable(event.text)}"
        case _:
            return None


def _by(name: str) -> str:
    return f" by {printable(name)}" if name else ""


def _shortened(line: bytes | str) -> str:
    text = repr(line[:80])
    return text if len(line) <= 80 else text + " ..."


_ENCODER = msgspec.json.Encoder()
_ENVELOPE = msgspec.json.Decoder(Envelope)
_EVENT: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
