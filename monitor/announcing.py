"""Which of a bed's alarms a screen shows, in which order, and which of them call aloud. Pure."""

from typing import Final, Literal

from monitor import definitions
from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, Priority
from monitor.snapshots import BedSnapshot, Standing

__all__ = ["announced", "sounding"]

_PRIORITIES: Final[tuple[Priority, ...]] = ("high", "medium", "low", "technical")
_CALLS: Final[tuple[Literal["high", "medium", "low"], ...]] = ("high", "medium", "low")


def announced(bed: BedSnapshot) -> list[Standing]:
    """Return the alarms that a screen should show, in its order; the first one is the banner.

    Of each family only the worst (`monitor.definitions`), what still stands before what has ended, what
    nobody has acknowledged before the rest.
    """
    known = {(alarm.kind, alarm.lead): alarm for alarm in bed.alarms if alarm.kind in DEFINITIONS}
    steps = definitions.announced(_last_step(alarm) for alarm in known.values())
    shown = [known[step.kind, step.lead] for step in steps]
    shown += [alarm for alarm in bed.alarms if alarm.kind not in DEFINITIONS]
    return sorted(shown, key=_urgency)


def sounding(*beds: BedSnapshot) -> Literal["high", "medium", "low"] | None:
    """Return the urgency with which beds call aloud now, None for silence.

    The worst of what is announced and nobody has acknowledged, on beds whose sound is not paused. What is
    latched calls until somebody comes, over or not. Technical alarms sound as what they borrow.
    """
    heard = [alarm for bed in beds if bed.audio_pause_s <= 0 for alarm in announced(bed)]
    calling = [_urgency(alarm)[0] for alarm in heard if not alarm.acknowledged]
    return _CALLS[min(calling)] if calling else None


def _last_step(alarm: Standing) -> Alarm:
    return Alarm(
        sample=alarm.onset,
        decided=alarm.onset,
        kind=alarm.kind,
        priority=alarm.priority,
        state="end" if alarm.ended else "acknowledged" if alarm.acknowledged else "start",
        text=alarm.text,
        lead=alarm.lead,
    )


def _urgency(alarm: Standing) -> tuple[int, bool]:
    definition = DEFINITIONS.get(alarm.kind)
    urgency = min(2, _PRIORITIES.index(alarm.priority)) if definition is None else definition.urgency
    return urgency, alarm.acknowledged or alarm.ended
