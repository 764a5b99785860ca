"""All that one picture of a station is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from msgspec.structs import replace

from monitor.definitions import DEFINITIONS
from monitor.events import TrendPoint
from monitor.layout import Area
from monitor.names import natural
from monitor.snapshots import BedSnapshot, Standing, WardSnapshot
from monitor.station.happenings import AlarmStrip, Happening
from monitor.station.state import State

__all__ = ["Attached", "Scene", "Tiles", "cut_off", "frozen", "kept"]


@dataclass(frozen=True, slots=True)
class Attached:
    """How things stand with the monitor.

    Attributes
    ----------
    name, control
        What the monitor is called, and whether it takes commands from here.
    up
        Whether it answers.
    trouble
        Why not, as a person reads it.
    """

    name: str = ""
    control: bool = False
    up: bool = False
    trouble: str = "connecting"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn.

    Attributes
    ----------
    gone
        Beds of it that the monitor has not any more.
    trends
        Of each bed, as last asked for.
    history, strips
        What happened, and waves kept around alarms: newest first.
    message
        A line for the person at this station, empty for none.
    silent
        This station has been told not to ring.
    """

    state: State
    ward: WardSnapshot = field(default_factory=WardSnapshot)
    gone: frozenset[str] = frozenset()
    attached: Attached = Attached()
    trends: Mapping[str, tuple[TrendPoint, ...]] = field(default_factory=lambda: MappingProxyType({}))
    history: Sequence[Happening] = ()
    strips: Sequence[AlarmStrip] = ()
    message: str = ""
    silent: bool = False

    @property
    def chosen(self) -> BedSnapshot | None:
        """The bed that keys act on."""
        return next((bed for bed in self.ward.beds if bed.bed == self.state.selected), None)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Where beds were drawn: for arrow keys and clicks."""

    places: tuple[tuple[str, Area], ...] = ()
    across: int = 1


def kept(before: WardSnapshot, after: WardSnapshot, dismissed: frozenset[str]) -> WardSnapshot:
    """Return the ward with the beds that vanished during an alarm, each at its place.

    They stay until they come back or are dismissed.
    """
    there = {bed.bed for bed in after.beds}
    gone = tuple(
        replace(bed, connection="lost")
        for bed in before.beds
        if bed.alarms and bed.bed not in there and bed.bed not in dismissed
    )
    return replace(after, beds=tuple(sorted((*after.beds, *gone), key=lambda bed: natural(bed.bed))))


def cut_off(ward: WardSnapshot) -> WardSnapshot:
    """Return the ward as it stands where its monitor does not answer: no bed's feed comes any more.

    The alarm is the station's own, as nobody else is there to raise it: it calls whatever was
    acknowledged before. A bed that had said good-bye was not watched any more.
    """
    return replace(ward, beds=tuple(bed if bed.connection == "ended" else _lost(bed) for bed in ward.beds))


def _lost(bed: BedSnapshot) -> BedSnapshot:
    lost = DEFINITIONS["feed_lost"]
    others = tuple(alarm for alarm in bed.alarms if alarm.kind != lost.kind)
    alarm = Standing(kind=lost.kind, priority=lost.priority, text=lost.text, onset=bed.index, since=bed.index)
    return replace(bed, connection="lost", alarms=(*others, alarm))


def frozen(live: WardSnapshot, still: WardSnapshot | None) -> WardSnapshot:
    """Return the ward with the waves of ``still``: rates and alarms go on, whatever stands still."""
    if still is None:
        return live
    waves = {bed.bed: bed for bed in still.beds}
    return replace(live, beds=tuple(_with_waves(bed, waves.get(bed.bed)) for bed in live.beds))


def _with_waves(bed: BedSnapshot, still: BedSnapshot | None) -> BedSnapshot:
    if still is None or (still.leads, still.fs) != (bed.leads, bed.fs):
        return bed
    return replace(bed, strip=still.strip, delay=still.delay, marks=still.marks, scales=still.scales)
