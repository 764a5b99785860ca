"""What one run of a monitor hands to the next, bed by bed, so that a restart neither loses nor undoes it.

Alarms that stand, what persons have set at the bedside, and the trend. Events tell all of it, so journal
and event store keep it alike, a kill -9 included.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from monitor.events import Alarm, AudioPause, Event, LimitChange, TrendPoint

__all__ = ["BYE", "NOTHING", "TAKEN_UP_S", "UNKNOWN", "Bedside", "Handover"]

TAKEN_UP_S: Final = 3600.0
"""What nobody has watched for longer is not taken up by the next run: it may be another patient's."""

BYE: Final = "the stream has ended"
"""What is said of a bed whose device took its leave: it is not missed, after a restart either."""

UNKNOWN: Final = "what stood before the start is not known yet: the store cannot be read"
"""What is said until it is."""


class Bedside(msgspec.Struct, frozen=True, kw_only=True):
    """What persons have set for a bed at a station.

    Attributes
    ----------
    limits, by
        Alarm limits that differ from the settings, by key, and who was the last to set one.
    quiet_until_ns
        Wall time up to which alarm sound is paused; 0 where it is not.
    """

    limits: dict[str, float] = {}
    by: str = ""
    quiet_until_ns: int = 0

    def after(self, event: Event, *, time_ns: int, fs: float) -> "Bedside":
        """Return what is set after an event, told at wall time ``time_ns`` of a bed sampled at ``fs`` Hz."""
        match event:
            case LimitChange():
                return replace(self, limits=event.own, by=event.by if event.own else "")
            case AudioPause(state="start"):
                left_s = (event.until - event.sample) / fs
                return replace(self, quiet_until_ns=time_ns + round(left_s * 1e9))
            case AudioPause():
                return replace(self, quiet_until_ns=0)
        return self

    def stands(self, now_ns: int) -> bool:
        """Whether anything of it is in force."""
        return bool(self.limits) or self.quiet_until_ns > now_ns


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What a bed's next run begins with.

    Attributes
    ----------
    alarms
        Last steps of those that stand, oldest first.
    bedside
        What persons have set.
    trend
        Minutes of signal, numbered on from run to run.
    ended
        Whether its stream had ended, and none had begun since.
    """

    alarms: tuple[Alarm, ...] = ()
    bedside: Bedside = Bedside()
    trend: tuple[TrendPoint, ...] = ()
    ended: bool = False


NOTHING: Final = Handover()
"""Of a bed that is new."""
