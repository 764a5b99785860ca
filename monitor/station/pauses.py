"""Pauses of sound, run down by this station's own clock as well. No screen in here.

A monitor counts a pause in signal and sees to it that no wall clock outlasts it. Where neither comes any
more (a feed is lost, a bed has vanished, the monitor is dead) nobody would ever end it, so a station ends
each by itself, no later than it should have ended when it was first seen.
"""

import math
from collections.abc import Iterable

from msgspec.structs import replace

from monitor.events import AudioPause
from monitor.link import Entry
from monitor.snapshots import BedSnapshot, WardSnapshot

__all__ = ["Pauses"]


class Pauses:
    """When the pause of each bed ends at the latest, in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}

    def told(self, entries: Iterable[Entry]) -> None:
        """Begin anew where somebody has paused again: the signal's clock may not tell the two apart."""
        for entry in entries:
            if isinstance(entry.event, AudioPause):
                self._until_s.pop(entry.bed, None)

    def run_down(self, ward: WardSnapshot, now_s: float) -> WardSnapshot:
        """Return the ward with every pause as long as it still is at this moment."""
        paused = {bed.bed: bed.audio_pause_s for bed in ward.beds if bed.audio_pause_s > 0}
        self._until_s = {
            bed: min(self._until_s.get(bed, math.inf), now_s + left_s) for bed, left_s in paused.items()
        }
        beds = (
            _paused(bed, self._until_s[bed.bed] - now_s) if bed.bed in paused else bed for bed in ward.beds
        )
        return replace(ward, beds=tuple(beds))


def _paused(bed: BedSnapshot, left_s: float) -> BedSnapshot:
    """Return the bed with its sound paused for so much longer at most."""
    until = bed.index + math.ceil(left_s * (bed.fs or 1.0)) if left_s > 0 else None
    return bed if until == bed.audio_paused_until else replace(bed, audio_paused_until=until)
