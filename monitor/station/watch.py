"""What a station knows of a monitor, kept up to date from one answer to the next. No screen in here."""

import time
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from monitor import link, snapshots
from monitor.errors import WireError
from monitor.events import LimitChange, Notice, TrendPoint
from monitor.snapshots import WardSnapshot
from monitor.station.happenings import AlarmStrip, Memory
from monitor.station.line import LineState
from monitor.station.pauses import Pauses
from monitor.station.scene import cut_off, kept
from monitor.vitals import KEEP_S

__all__ = ["Source", "Watch"]

_TREND_S: Final = 10.0
"""How often trends are asked for: they change once a minute."""
_NEWS_NS: Final = 10_000_000_000
"""What was told before is history: it stands in the list of alarms."""
_HISTORY: Final = 10_000
"""Events of the past that a station takes when it comes: two minutes of sixteen beds."""
_ENTRIES: Final = 1000
"""Events taken at a time: what a monitor remembers of hours must not hold up beds when a station comes."""


class Source(Protocol):
    """What a station asks of its line to a monitor; see `monitor.station.line.Line`."""

    state: LineState
    welcome: link.Welcome | None
    refused: str
    anew: bool
    awaited: bool

    @property
    def trouble(self) -> str:
        """Why nothing comes."""

    def ask(self, pull: link.Pull) -> None:
        """Ask for what is new."""

    def tell(self, command: link.Request) -> bool:
        """Send a command."""

    async def answer(self, seconds: float) -> link.Update | None:
        """Wait for an answer."""

    def close(self) -> None:
        """Let go."""


class Watch:
    """The newest of everything that a station shows.

    Attributes
    ----------
    ward
        The beds, with those that vanished during an alarm.
    gone
        Beds that the monitor has not any more, kept for their alarms.
    trends
        Of each bed, as last asked for.
    memory
        What happened, and waves around alarms.
    recalled
        Strips that a store has.
    """

    def __init__(self) -> None:
        self.ward = WardSnapshot()
        self.gone: frozenset[str] = frozenset()
        self.trends: dict[str, tuple[TrendPoint, ...]] = {}
        self.memory = Memory()
        self.recalled: list[AlarmStrip] = []
        self._trend_due_s = 0.0
        self._last = 0
        self._pulled = link.Pull(after=0)
        self._dismissed: frozenset[str] = frozenset()
        self._pauses = Pauses()

    def pull(self, source: Source, *, seconds: float, trend: bool) -> link.Pull:
        """Return what is wanted next: ``seconds`` that are seen, or what a strip lacks; a trend if due."""
        if source.anew:
            source.anew = False
            newest = source.welcome.last if source.welcome else 0
            self._last, self._dismissed = max(0, newest - _HISTORY), frozenset()
            self.memory.forget_due()
        if source.awaited:
            return self._pulled
        self._pulled = link.Pull(
            after=self._last,
            seconds=min(KEEP_S, max(seconds, self.memory.wants(self.ward))),
            limit=_ENTRIES,
            trend=trend and time.monotonic() >= self._trend_due_s,
        )
        return self._pulled

    def take(self, update: link.Update) -> list[str]:
        """Take an answer; return lines for the person at this station."""
        self._last = update.last
        self.memory.push(update.entries)
        self._pauses.told(update.entries)
        since_ns = time.time_ns() - _NEWS_NS
        news = (entry for entry in update.entries if entry.time_ns >= since_ns)
        told = [f"! {update.missed} events not shown: read too slowly"] if update.missed else []
        told += [f"{entry.bed} {text}".strip() for entry in news if (text := _line(entry))]
        if not update.ward:
            return told
        try:
            ward = snapshots.decode(update.ward)
        except WireError as error:
            return [*told, f"the monitor is of another version: {error}"]
        self.memory.cut(ward, seconds=self._pulled.seconds)
        if self._pulled.trend:
            self.trends = {bed.bed: bed.trend for bed in ward.beds}
            self._trend_due_s = time.monotonic() + _TREND_S
        there = {bed.bed for bed in ward.beds}
        self._dismissed -= there
        self.ward = self._pauses.run_down(kept(self.ward, ward, self._dismissed), time.monotonic())
        self.gone = frozenset(bed.bed for bed in self.ward.beds) - there
        return told

    def lost(self) -> None:
        """Keep what was shown, and its alarms, as nothing that is current; no pause of sound outlasts it."""
        self.ward = self._pauses.run_down(cut_off(self.ward), time.monotonic())

    def dismiss(self, name: str | None) -> None:
        """Let go of a bed, or of all, that the monitor has not any more."""
        self._dismissed |= {bed for bed in self.gone if name in (None, bed)}
        self.gone -= self._dismissed
        beds = tuple(bed for bed in self.ward.beds if bed.bed not in self._dismissed)
        self.ward = msgspec.structs.replace(self.ward, beds=beds)

    @property
    def strips(self) -> Sequence[AlarmStrip]:
        """The strips of this station, and those of the store that it has not; newest first."""
        own = {strip.key for strip in self.memory.strips}
        both = [*self.memory.strips, *(strip for strip in self.recalled if strip.key not in own)]
        return sorted(both, key=lambda strip: -strip.time_ns)


def _line(entry: link.Entry) -> str:
    """Return what a person here should read at once: that limits were changed, or could not be."""
    event = entry.event
    if isinstance(event, LimitChange | Notice) and event.text.startswith("limits"):
        return event.text
    return ""
