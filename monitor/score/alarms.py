"""Alarms against what the reference holds: what was raised in time, and what was told for nothing.

A `Condition` is something that an alarm should be raised for (``demanded``) or may be (a stretch too short
to ask for one, say); a `Told` is one alarm, from the onset that it claims to its end. Times are seconds of
the record.

In time
    An alarm answers a condition if the time that it is about touches the condition and it was told no later
    than `WITHIN_S` after the condition was due: its onset, or where a rule over beats first holds. One that
    was told before and still stands when it is due answers at once; one that is over by then does not
    answer.
False
    An alarm is *right* if a condition of its kind stands at most `WITHIN_S` away from where it was told,
    *related* if one of those in `RELATED` does, and false otherwise. Technical alarms are never judged: they
    say that something is not known. What would be false of a kind of which the reference knows nothing is
    *unjudged*.

One alarm may answer several conditions, and one condition may be answered by several alarms, as EC57 counts
episodes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from monitor.events import Alarm, Priority

__all__ = [
    "LETHAL",
    "RELATED",
    "WITHIN_S",
    "Answer",
    "Condition",
    "Judged",
    "Told",
    "Verdict",
    "answers",
    "judge",
    "told_alarms",
]

WITHIN_S: Final = 10.0
"""The legal ceiling for the delay of lethal alarms (IEC 60601-2-27, Challenge 2015)."""
_TOUCH_S: Final = 1.0
"""Marks of rhythms are put by eye: about a beat."""

LETHAL: Final = frozenset({"ventricular_tachycardia", "ventricular_fibrillation"})
"""Conditions that any high-priority alarm answers, where all of them are counted together."""

_FAST: Final = frozenset({"ventricular_tachycardia", "ventricular_fibrillation", "extreme_tachycardia"})
_STILL: Final = frozenset({"asystole", "ventricular_fibrillation"})
RELATED: Final[Mapping[str, frozenset[str]]] = {
    "ventricular_fibrillation": _FAST | {"asystole"},
    "ventricular_tachycardia": _FAST,
    "extreme_tachycardia": _FAST | {"supraventricular_tachycardia"},
    "asystole": frozenset({"ventricular_fibrillation"}),
    "nonsustained_vt": frozenset({"ventricular_tachycardia", "ventricular_run", "idioventricular"}),
    "ventricular_run": frozenset({"ventricular_tachycardia", "nonsustained_vt", "idioventricular"}),
    "idioventricular": frozenset({"ventricular_tachycardia", "ventricular_run"}),
    "high_rate": _FAST | {"supraventricular_tachycardia"},
    "extreme_bradycardia": _STILL,
    "low_rate": _STILL | {"extreme_bradycardia", "pause"},
    "pause": _STILL,
    "missed_beat": _STILL | {"pause"},
}
"""Conditions that stand behind an alarm of another kind: not what it says, but no false alarm either."""

Verdict: TypeAlias = Literal["right", "related", "false", "unjudged"]


class Condition(NamedTuple):
    """What the reference holds.

    Attributes
    ----------
    kind
        That of the alarm which it asks for.
    start, stop
        Seconds of the record.
    due
        When an alarm could be asked for first: the onset, or where a rule over beats first holds.
    source
        The mark, such as ``(VT``, or ``beats``.
    demanded
        Whether an alarm must answer; else one may.
    """

    kind: str
    start: float
    stop: float
    due: float
    source: str
    demanded: bool = True


class Told(NamedTuple):
    """One alarm: from the onset that it claims, told at ``decided``, to its end (or that of the record)."""

    kind: str
    priority: Priority
    onset: float
    decided: float
    stop: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A condition and the first alarm that answered it in time, or, if none did, the first that came late."""

    condition: Condition
    by: Told | None
    in_time: bool

    @property
    def delay_s(self) -> float | None:
        """From the condition's onset to the alarm, 0 for one that stood by then; None without any."""
        return None if self.by is None else max(0.0, self.by.decided - self.condition.start)


class Judged(NamedTuple):
    """An alarm and what the reference says of it."""

    told: Told
    verdict: Verdict


def told_alarms(steps: Iterable[Alarm], *, fs: float, end: float) -> list[Told]:
    """Return how long each alarm stood, from the steps of their lives in the order in which they were told.

    Parameters
    ----------
    steps
        Sample indices at ``fs`` Hz.
    end
        Length of the record in seconds: alarms that have no end stand until then.
    """
    begun: dict[tuple[str, int | None], Alarm] = {}
    found = []
    for alarm in steps:
        key = (alarm.kind, alarm.lead)
        over = begun.pop(key, None) if alarm.state in ("start", "end") else None
        if over is not None:
            found.append(_told(over, alarm.decided / fs, fs))
        if alarm.state == "start":
            begun[key] = alarm
    found += [_told(alarm, end, fs) for alarm in begun.values()]
    return sorted(found, key=lambda one: (one.decided, one.kind))


def _told(alarm: Alarm, stop: float, fs: float) -> Told:
    return Told(alarm.kind, alarm.priority, alarm.sample / fs, alarm.decided / fs, stop)


def answers(
    conditions: Iterable[Condition],
    told: Sequence[Told],
    *,
    kinds: Mapping[str, frozenset[str]] | None = None,
) -> list[Answer]:
    """Return what answered each demanded condition.

    Parameters
    ----------
    told
        In order of ``decided``.
    kinds
        Kinds of alarms that answer conditions of a kind; without, its own alone.
    """
    found = []
    for condition in conditions:
        if not condition.demanded:
            continue
        accepted = (kinds or {}).get(condition.kind, frozenset({condition.kind}))
        mine = [one for one in told if one.kind in accepted and _touches(one, condition)]
        in_time = [one for one in mine if one.decided <= condition.due + WITHIN_S]
        first = next(iter(in_time or mine), None)
        found.append(Answer(condition, first, bool(in_time)))
    return found


def _touches(told: Told, condition: Condition) -> bool:
    """Return whether an alarm is about a condition; one that was over before it was due is not."""
    return told.onset <= condition.stop + _TOUCH_S and told.stop > condition.due


def judge(told: Iterable[Told], conditions: Sequence[Condition], *, judged: frozenset[str]) -> list[Judged]:
    """Return every alarm but the technical ones with its verdict.

    Parameters
    ----------
    conditions
        All that is known, demanded or not.
    judged
        Kinds of which the reference knows where they are not: others are never false.
    """
    return [Judged(one, _verdict(one, conditions, judged)) for one in told if one.priority != "technical"]


def _verdict(told: Told, conditions: Sequence[Condition], judged: frozenset[str]) -> Verdict:
    near = {one.kind for one in conditions if one.start - WITHIN_S <= told.decided <= one.stop + WITHIN_S}
    if told.kind in near:
        return "right"
    if near & RELATED.get(told.kind, frozenset()):
        return "related"
    return "false" if told.kind in judged else "unjudged"
