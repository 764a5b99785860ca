"""What every minute of a bed came to: heart rate, and beats by class.

A store keeps these instead of each beat: a day of one bed is 1,440 rows and not 100,000, and what reports
and trends ask for. Who wants every beat keeps a journal beside it.
"""

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Final

import msgspec

from monitor.events import CLASSES, LabelledBeat, Rate, Stream
from monitor.link import Entry

__all__ = ["Minute", "Minutes"]

_OVERDUE_S: Final = 90.0
"""A minute so long over is told, whatever labels still wait: they are given up earlier (60 s by default)."""
_IDLE_NS: Final = 600_000_000_000
"""A bed that says nothing for so long is forgotten, its last minute told."""


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of a bed's signal.

    Attributes
    ----------
    time_ns
        Wall time at which its first second was told.
    sample
        Where it begins: a multiple of 60 s of the stream.
    seconds
        For how many seconds a heart rate was told, known or not: below 60 where signal is missing.
    hr_bpm, hr_low_bpm, hr_high_bpm
        Median, lowest and highest of those that were known, None where none was.
    beats
        Confirmed labels, in the order of `monitor.events.CLASSES`.
    """

    bed: str
    record: str
    time_ns: int
    fs: float
    sample: int
    seconds: int
    hr_bpm: float | None
    hr_low_bpm: float | None
    hr_high_bpm: float | None
    beats: tuple[int, ...]

    @property
    def n_v(self) -> int | None:
        """Beats confirmed as V; None where no beat was told N, S, V or F: the network was not there."""
        told = dict(zip(CLASSES, self.beats, strict=True))
        return told["V"] if any(n for label, n in told.items() if label != "Q") else None


class _Count(msgspec.Struct):
    """A minute that is not over."""

    record: str
    time_ns: int
    fs: float
    seconds: int = 0
    rates: list[float] = []
    beats: list[int] = msgspec.field(default_factory=lambda: [0] * len(CLASSES))


class _Bed(msgspec.Struct):
    """The open minutes of one bed by their number, and when it was last heard."""

    heard_ns: int = 0
    open: dict[int, _Count] = {}


class Minutes:
    """Counts beds' minutes from what is told of them; at most a few minutes of each bed are held."""

    def __init__(self) -> None:
        self._beds: dict[str, _Bed] = {}

    def push(self, entry: Entry) -> list[Minute]:
        """Take what was told; return the minutes that are complete by it.

        A minute is complete when a beat behind it has its confirmed label, as these come in order, or
        when it has been over for 90 s.
        """
        event = entry.event
        if isinstance(event, Stream):  # it may count its samples anew
            return self.settle(entry.time_ns, ended=(entry.bed,))
        if isinstance(event, Rate):
            count = self._count(entry)
            count.seconds += 1
            if event.hr_bpm is not None:
                count.rates.append(event.hr_bpm)
            return list(self._close(entry.bed, event.sample - round(_OVERDUE_S * entry.fs)))
        if isinstance(event, LabelledBeat) and not event.provisional:
            self._count(entry).beats[CLASSES.index(event.label)] += 1
            return list(self._close(entry.bed, event.sample))
        return []

    def settle(self, now_ns: int, *, ended: Iterable[str] = ()) -> list[Minute]:
        """Return what is open of beds of which no more will come: that ``ended``, or long said nothing.

        A bed has ended when its stream has, and all of its beats have their labels. ``now_ns`` is wall time.
        """
        silent = [name for name, bed in self._beds.items() if now_ns - bed.heard_ns > _IDLE_NS]
        return [minute for bed in (*ended, *silent) for minute in self._leave(bed)]

    def flush(self) -> list[Minute]:
        """Return what is open of all beds."""
        return [minute for bed in list(self._beds) for minute in self._leave(bed)]

    def _count(self, entry: Entry) -> _Count:
        bed = self._beds.setdefault(entry.bed, _Bed())
        bed.heard_ns = entry.time_ns
        number = entry.event.sample // _length(entry.fs)
        return bed.open.setdefault(number, _Count(entry.record, entry.time_ns, entry.fs))

    def _close(self, bed: str, sample: int) -> Iterator[Minute]:
        """Complete the minutes that end at or before a sample."""
        counts = self._beds[bed].open
        for number in sorted(counts):
            if (number + 1) * _length(counts[number].fs) <= sample:
                yield _minute(bed, number, counts.pop(number))

    def _leave(self, bed: str) -> list[Minute]:
        counts = self._beds.pop(bed, _Bed()).open
        return [_minute(bed, number, counts[number]) for number in sorted(counts)]


def _length(fs: float) -> int:
    return max(1, round(60 * fs))


def _minute(bed: str, number: int, count: _Count) -> Minute:
    rates = count.rates
    return Minute(
        bed=bed,
        record=count.record,
        time_ns=count.time_ns,
        fs=count.fs,
        sample=number * _length(count.fs),
        seconds=count.seconds,
        hr_bpm=median(rates) if rates else None,
        hr_low_bpm=min(rates, default=None),
        hr_high_bpm=max(rates, default=None),
        beats=tuple(count.beats),
    )
