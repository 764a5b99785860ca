"""What the run before left of a bed, as this version reads it."""

from collections.abc import Mapping

from msgspec.structs import replace

from monitor.definitions import DEFINITIONS
from monitor.events import Alarm
from monitor.handover import Handover
from monitor.snapshots import BedSnapshot
from monitor.vitals import with_standing, with_status

__all__ = ["lanes", "shown"]


def lanes(left: Handover) -> tuple[list[Alarm], list[Alarm]]:
    """Return the alarms that the signal decides, and those of the wall clock; none of an unknown kind."""
    known = [alarm for alarm in left.alarms if alarm.kind in DEFINITIONS]
    wall = [alarm for alarm in known if DEFINITIONS[alarm.kind].lane == "wall"]
    return [alarm for alarm in known if alarm not in wall], wall


def shown(bed: str, left: Handover, *, limits: Mapping[str, float], now_ns: int) -> BedSnapshot:
    """Return what a screen is to show of a bed of which nothing else is known yet.

    Parameters
    ----------
    limits
        As the settings have them; what was set at the bedside wins.
    now_ns
        Wall time.
    """
    alarms, _ = lanes(left)  # what else stood was trouble of that process, or comes again
    snapshot = with_standing(BedSnapshot(bed=bed, limits={**limits, **left.bedside.limits}), alarms)
    if left.ended:
        snapshot = with_status(snapshot, "ended")
    quiet_s = (left.bedside.quiet_until_ns - now_ns) / 1e9
    if quiet_s <= 0:
        return snapshot
    return replace(snapshot, audio_paused_until=snapshot.index + round(quiet_s))  # 1 Hz: there is no stream
