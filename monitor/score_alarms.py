"""Alarms of a folder of events against reference annotations: what is asked for, and what came of it.

What is counted, and how, is `monitor.score.alarms`. What asks for an alarm:

- VF and flutter, AF: the reference's rhythm marks.
- Asystole: reference beats as far apart as its setting says, or a stretch marked so.
- VT: runs of reference V, long and fast enough by its settings, each once.
- All other kinds: the reference beats with their reference classes, put through the very rules of the line
  (`monitor.alarm_truth`); marks of the same rhythm excuse an alarm, but ask for none.
- Where the reference has no beats: rhythm marks alone. VF, VT, asystole and AF told where nothing is marked
  are false; of other kinds marks do not tell where there is none.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from monitor.alarm_truth import expected_alarms, spans
from monitor.definitions import DEFINITIONS
from monitor.events import CLASSES, Alarm, Event, LabelKind, Rhythm
from monitor.score.alarms import LETHAL, Answer, Condition, Told, answers, judge, told_alarms
from monitor.score.alarms_group import AlarmGroup, RecordAlarms, group_alarms
from monitor.score.alarms_marks import RHYTHMS, conditions, fast_runs, long_pauses, stretches
from monitor.score.episodes import EpisodeCounts, compare_spans
from monitor.score.marks import Marks
from monitor.settings import Settings

__all__ = ["AlarmScore", "alarms_of", "known", "together"]

_HIGH: Final = frozenset(kind for kind, entry in DEFINITIONS.items() if entry.priority == "high")
_MARKED: Final = frozenset({"ventricular_fibrillation", "atrial_fibrillation"})
"""Kinds that only rhythm marks tell of."""
_RUNS: Final = frozenset({"ventricular_tachycardia"})
"""Kinds of which each run of reference beats asks for one alarm, however often its rate crosses the limit."""
_UNKNOWN: Final = frozenset({"multiform_pvc"})
"""Kinds of which no reference tells: it does not say of which shape a beat is."""
_SILENT: Final = frozenset({"asystole", "pause", "missed_beat", "extreme_bradycardia", "low_rate"})
"""Kinds that reference beats seem to ask for where fibrillation leaves none."""
_EPISODES: Final = tuple(kind for kind in RHYTHMS if kind != "asystole")


class AlarmScore(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: each record, and all together; from which second on."""

    records: tuple[RecordAlarms, ...]
    group: AlarmGroup
    start_s: float


def together(records: Sequence[RecordAlarms], *, start_s: float) -> AlarmScore:
    """Take records together, kinds in the order of `monitor.definitions`."""
    group = group_alarms(records, order=tuple(DEFINITIONS))
    return AlarmScore(records=tuple(records), group=group, start_s=start_s)


def alarms_of(
    name: str,
    reference: Marks,
    events: Iterable[Event],
    settings: Settings,
    *,
    fs: tuple[float, float],
    end: int,
    start_s: float,
) -> RecordAlarms:
    """Judge the alarms of one record.

    Parameters
    ----------
    reference
        In samples of the record.
    events
        Of the record, in the order in which they were told.
    settings
        With which the line ran: the rules that the reference's beats follow.
    fs
        Rates of the reference and of the events.
    end
        Length of the record in samples of the reference.
    start_s
        What was asked for or told before does not count.
    """
    told_events = list(events)
    end_s = end / fs[0]
    steps = [event for event in told_events if isinstance(event, Alarm)]
    told = told_alarms(steps, fs=fs[1], end=end_s)
    asked = known(reference, settings, fs=fs[0], end=end)
    late = [one for one in asked if one.start >= start_s]
    marked = [one for one in conditions(reference, fs=fs[0], end=end) if one.start >= start_s]
    judged = judge(told, asked, judged=_judged(reference))
    return RecordAlarms(
        record=name,
        seconds=max(0.0, end_s - start_s),
        answers=answers(late, told),
        emergencies=_emergencies(marked, told),
        judged=[one for one in judged if one.told.decided >= start_s],
        episodes=_rhythms(reference, told_events, fs=fs, end=end, start_s=start_s),
    )


def known(reference: Marks, settings: Settings, *, fs: float, end: int) -> list[Condition]:
    """Return what a reference holds, in order of time: what asks for an alarm and what excuses one."""
    marked = conditions(reference, fs=fs, end=end)
    if not reference.n_beats:
        return marked
    fibrillation = [(one.start, one.stop) for one in marked if one.kind == "ventricular_fibrillation"]
    excused = [one if one.kind in _MARKED else one._replace(demanded=False) for one in marked]
    asked = [
        one
        for one in _by_rule(reference, settings, fs=fs, end=end)
        if not (one.kind in _SILENT and any(a <= one.stop and b >= one.start for a, b in fibrillation))
    ]
    pauses = long_pauses(reference, longest_s=settings.alarms.asystole_s, fs=fs, end=end)
    rule = settings.rhythm
    runs = fast_runs(reference, n_beats=rule.vt_beats, rate_bpm=rule.vt_rate_bpm, fs=fs, end=end)
    return sorted([*excused, *asked, *pauses, *runs], key=lambda one: (one.start, one.kind))


def _by_rule(reference: Marks, settings: Settings, *, fs: float, end: int) -> list[Condition]:
    """Return what the reference's beats raise."""
    beats = reference.beats(start=0, end=end)
    labelled = [(int(at), CLASSES[label]) for at, label in zip(beats.samples, beats.classes, strict=True)]
    steps = expected_alarms(labelled, settings, fs=fs, n_samples=end)
    return [
        Condition(one.kind, one.start / fs, one.stop / fs, one.decided / fs, "beats", one.kind not in _RUNS)
        for one in spans(steps, n_samples=end)
        if one.kind not in _MARKED | _UNKNOWN | {"asystole"}
    ]


def _judged(reference: Marks) -> frozenset[str]:
    return frozenset(DEFINITIONS) - _UNKNOWN if reference.n_beats else _MARKED | LETHAL | {"asystole"}


def _emergencies(marked: Sequence[Condition], told: Sequence[Told]) -> list[Answer]:
    """Return what any high-priority alarm answered of marked VT and fibrillation."""
    lethal = [one for one in marked if one.kind in LETHAL]
    return answers(lethal, told, kinds=dict.fromkeys(LETHAL, _HIGH))


def _rhythms(
    reference: Marks, events: Sequence[Event], *, fs: tuple[float, float], end: int, start_s: float
) -> dict[str, EpisodeCounts]:
    """Compare the rhythms told with those marked, of the kinds that either side has."""
    found = {}
    changes = [event for event in events if isinstance(event, Rhythm)]
    for kind in _EPISODES:
        test = _told_rhythms(changes, RHYTHMS[kind], fs=fs[1], end_s=end / fs[0])
        marked = [(one.start, one.stop) for one in stretches(reference, kind, fs=fs[0], end=end)]
        if test or marked:
            found[kind] = compare_spans(marked, test, fs=1.0, start=start_s, end=end / fs[0])
    return found


def _told_rhythms(
    changes: Sequence[Rhythm], names: Sequence[str], *, fs: float, end_s: float
) -> list[tuple[float, float]]:
    """Return the stretches of rhythms of these names, each instant once: both kinds of label tell of VT."""
    begun: dict[tuple[str, LabelKind | None], float] = {}
    found: list[tuple[float, float]] = []
    for change in changes:
        if change.rhythm not in names:
            continue
        told = (change.rhythm, change.labels)
        if change.state == "start":
            begun.setdefault(told, change.sample / fs)
        elif told in begun:
            found.append((begun.pop(told), change.sample / fs))
    joined: list[tuple[float, float]] = []
    for start, stop in sorted([*found, *((start, end_s) for start in begun.values())]):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
