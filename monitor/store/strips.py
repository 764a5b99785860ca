"""The strip of signal kept with an alarm: 10 s before its onset to 5 s after.

It is the waveform of the screen (monitor band), kept at once up to the moment of the alarm, so that a
crash right behind it leaves that much, and again when the 5 s are there, or as far as they came when the
stream ends. Where an alarm was decided later than that (fibrillation of the atria takes half a minute to
tell), the strip ends at the decision.
"""

import zlib
from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.events import Alarm, Label
from monitor.link import Entry
from monitor.snapshots import BedSnapshot
from monitor.strip import Strip

__all__ = ["AFTER_S", "BEFORE_S", "GAIN", "Cutter", "KeptStrip", "pack", "unpack"]

BEFORE_S: Final = 10.0
AFTER_S: Final = 5.0
GAIN: Final = 1000.0
"""Units per millivolt: that of `monitor.strip.Strip.packed`."""
_LABELS_S: Final = 2.0
"""So much longer a strip waits for the labels of its last beats."""
_MOST: Final = 64
"""Strips of one bed that may wait for their end; the oldest then stays as it is."""
_MISSING: Final = -32768


class KeptStrip(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of signal for the alarm whose start was item ``number`` of this run.

    ``start`` is the signal's sample (not the filter's output's), ``samples`` int16 little-endian of all
    leads in turn, microvolt; ``beats`` are those within it with the labels known then.
    """

    number: int
    time_ns: int
    fs: float
    start: int
    leads: tuple[str, ...]
    samples: bytes
    beats: tuple[tuple[int, Label | None], ...] = ()


class _Wanted(msgspec.Struct):
    """A strip to cut: ``stop`` is exclusive; ``begun`` once a first part of it was handed out."""

    number: int
    time_ns: int
    start: int
    stop: int
    begun: bool = False


class Cutter:
    """Cuts strips out of the beds' snapshots as the signal comes."""

    def __init__(self) -> None:
        self._wanted: dict[str, list[_Wanted]] = {}
        self._shown: dict[str, BedSnapshot] = {}

    def want(self, entry: Entry, number: int) -> None:
        """Ask for the strip of an alarm that starts; its start is item ``number``."""
        event = entry.event
        if not isinstance(event, Alarm):
            raise TypeError(f"expected an alarm, received {type(event).__name__}")
        stop = max(event.sample + round(AFTER_S * entry.fs), event.decided)
        start = stop - round((BEFORE_S + AFTER_S) * entry.fs)
        waiting = self._wanted.setdefault(entry.bed, [])
        waiting.append(_Wanted(number, entry.time_ns, start, stop))
        del waiting[:-_MOST]

    def forget(self, bed: str) -> list[KeptStrip]:
        """Return what there is of a bed's strips, and wait no more: a new stream counts its samples anew."""
        waiting, shown = self._wanted.pop(bed, []), self._shown.pop(bed, None)
        return [] if shown is None else _cuts(shown, waiting)

    def flush(self) -> list[KeptStrip]:
        """Return what there is of all strips that lack something."""
        return [strip for bed in list(self._wanted) for strip in self.forget(bed)]

    def cut(self, snapshot: BedSnapshot) -> list[KeptStrip]:
        """Return the strips that begin or are complete with what a bed shows now: all where it has ended."""
        self._shown[snapshot.bed] = snapshot
        if snapshot.status == "ended":
            return self.forget(snapshot.bed)
        waiting = self._wanted.get(snapshot.bed)
        if not waiting:
            return []
        reached = snapshot.strip.stop - snapshot.delay - round(_LABELS_S * snapshot.fs)
        ready = [wanted for wanted in waiting if not wanted.begun or wanted.stop <= reached]
        kept = _cuts(snapshot, ready)
        for wanted in ready:
            wanted.begun = True
        left = [wanted for wanted in waiting if wanted.stop > reached]
        if left:
            self._wanted[snapshot.bed] = left
        else:
            del self._wanted[snapshot.bed]
        return kept


def pack(strip: KeptStrip) -> bytes:
    """Return the samples as they are stored: differences in time, modulo 2**16, by zlib."""
    values = np.frombuffer(strip.samples, dtype="<i2").reshape(-1, len(strip.leads))
    differences = np.diff(values, axis=0, prepend=np.zeros((1, values.shape[1]), dtype="<i2"))
    return zlib.compress(differences.astype("<i2").tobytes())


def unpack(body: bytes, n_leads: int) -> NDArray[np.float64]:
    """Return samples of shape (n_samples, n_leads), millivolt, NaN = missing, from what `pack` made."""
    differences = np.frombuffer(zlib.decompress(body), dtype="<i2").reshape(-1, n_leads)
    values = np.cumsum(differences, axis=0, dtype=np.int16)
    return np.where(values == _MISSING, np.nan, values / GAIN)


def _cuts(snapshot: BedSnapshot, wanted: Iterable[_Wanted]) -> list[KeptStrip]:
    return [strip for one in wanted if (strip := _cut(snapshot, one)) is not None]


def _cut(snapshot: BedSnapshot, wanted: _Wanted) -> KeptStrip | None:
    strip, delay = snapshot.strip, snapshot.delay
    first = max(wanted.start + delay, strip.start)
    last = min(wanted.stop + delay, strip.stop)
    if last <= first or not snapshot.leads:
        return None
    part = Strip(first, strip.samples[first - strip.start : last - strip.start])
    return KeptStrip(
        number=wanted.number,
        time_ns=wanted.time_ns,
        fs=snapshot.fs,
        start=first - delay,
        leads=snapshot.leads,
        samples=part.packed()[2],
        beats=tuple(
            (mark.sample, mark.label)
            for mark in snapshot.marks
            if first - delay <= mark.sample < last - delay
        ),
    )
