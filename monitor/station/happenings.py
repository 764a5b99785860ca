"""What a station remembers of alarms: what happened, and the waves around it. Bounded, and pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from monitor.events import Alarm, AnyEvent, AudioPause, Gap, LimitChange, Notice
from monitor.link import Entry
from monitor.snapshots import BedSnapshot, Mark, WardSnapshot
from monitor.strip import Strip
from monitor.vitals import KEEP_S

__all__ = ["AFTER_S", "BEFORE_S", "AlarmStrip", "Happening", "Memory"]

BEFORE_S: Final = 10.0
AFTER_S: Final = 5.0
"""Seconds of signal kept before the onset of an alarm and after it, as in the event store."""
_HAPPENINGS: Final = 500
_STRIPS: Final = 50
"""Some 40 KiB each; a store has the older ones."""
_DUE: Final = 64
"""Alarms whose waves are still to come."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the alarm list."""

    bed: str
    time_ns: int
    fs: float
    event: Alarm | AudioPause | Gap | LimitChange | Notice


@dataclass(frozen=True, slots=True)
class AlarmStrip:
    """The waves around the onset of an alarm: what `monitor.vitals` showed of them.

    Attributes
    ----------
    bed
        As it was, with ``strip`` and ``marks`` cut to the alarm.
    at
        Sample of the alarm's onset, counted from the beginning of the strip; below 0: it lies before.
    """

    alarm: Alarm
    time_ns: int
    bed: BedSnapshot
    at: int = 0

    @property
    def key(self) -> tuple[str, str, int, int | None]:
        """Which alarm it is: a strip of this station and one of the store may be of the same."""
        return self.bed.bed, self.alarm.kind, self.alarm.sample, self.alarm.lead


class Memory:
    """Collects both from what the monitor tells.

    Attributes
    ----------
    happenings, strips
        Newest first.
    """

    def __init__(self) -> None:
        self.happenings: deque[Happening] = deque(maxlen=_HAPPENINGS)
        self.strips: deque[AlarmStrip] = deque(maxlen=_STRIPS)
        self._due: deque[tuple[Entry, Alarm]] = deque(maxlen=_DUE)

    def push(self, entries: Sequence[Entry]) -> None:
        """Take what was told."""
        for entry in entries:
            event: AnyEvent = entry.event
            if not isinstance(event, Alarm | AudioPause | Gap | LimitChange | Notice):
                continue
            self.happenings.appendleft(Happening(entry.bed, entry.time_ns, entry.fs, event))
            if isinstance(event, Alarm) and event.state == "start" and event.priority in ("high", "medium"):
                self._due.append((entry, event))

    def wants(self, ward: WardSnapshot) -> float:
        """Return how many seconds of waveform would complete a strip, 0 where none is due."""
        beds = {bed.bed: bed for bed in ward.beds}
        seconds = 0.0
        for entry, alarm in self._due:
            bed = beds.get(entry.bed)
            if bed is not None and bed.fs > 0 and self._complete(bed, alarm):
                back_s = (bed.index - _window(alarm, bed.fs)[0]) / bed.fs + 1.0
                seconds = max(seconds, min(KEEP_S, back_s))
        return seconds

    def cut(self, ward: WardSnapshot, *, seconds: float) -> None:
        """Take the waves that are complete in a ward with so many seconds; what has gone is let go."""
        beds = {bed.bed: bed for bed in ward.beds}
        waiting = []
        for entry, alarm in self._due:
            bed = beds.get(entry.bed)
            if bed is None or bed.fs <= 0:
                continue
            more = seconds < KEEP_S and bed.strip.start - bed.delay > _window(alarm, bed.fs)[0]
            if not self._complete(bed, alarm) or more:
                if bed.connection == "up":
                    waiting.append((entry, alarm))
                continue
            strip = _cut(bed, alarm)
            if strip is not None:
                self.strips.appendleft(
                    AlarmStrip(alarm, entry.time_ns, strip, alarm.sample - _window(alarm, bed.fs)[0])
                )
        self._due = deque(waiting, maxlen=_DUE)

    def forget_due(self) -> None:
        """The monitor is another run: waves of the one before, which were waited for, will not come."""
        self._due.clear()

    @staticmethod
    def _complete(bed: BedSnapshot, alarm: Alarm) -> bool:
        return bed.index - bed.delay >= _window(alarm, bed.fs)[1]


def _window(alarm: Alarm, fs: float) -> tuple[int, int]:
    """Return start and stop of an alarm's strip, as `monitor.store.strips` keeps them too.

    What took long to tell, such as atrial fibrillation, is shown as it was decided.
    """
    stop = max(alarm.sample + round(AFTER_S * fs), alarm.decided)
    return stop - round((BEFORE_S + AFTER_S) * fs), stop


def _cut(bed: BedSnapshot, alarm: Alarm) -> BedSnapshot | None:
    """Return the bed with the alarm's strip alone, from index 0 on."""
    start, stop = _window(alarm, bed.fs)
    first = max(0, start + bed.delay - bed.strip.start)
    last = stop + bed.delay - bed.strip.start
    samples = bed.strip.samples[first : max(first, last)]
    if not len(samples):
        return None
    offset = bed.strip.start + first - bed.delay - start  # what is missing at the beginning stays empty
    marks = tuple(Mark(mark.sample - start, mark.label) for mark in bed.marks if start <= mark.sample < stop)
    alone = replace(bed, ventricular=(), rates=(), trend=())  # what lasts for minutes is not kept with it
    return replace(alone, strip=Strip(offset, samples.copy()), delay=0, marks=marks, index=stop - start)
