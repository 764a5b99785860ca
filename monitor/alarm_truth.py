"""Which alarms were false: those that the reference beats, put through the very same rules, do not raise.

An alarm rule is judged elsewhere. Here the question is what noise, missed and invented beats and wrong
labels add to it: the reference beats, with their reference classes, are given to the stages that turn
beats into alarms, and what a line told is held against what they tell. Fibrillation, which the line finds
in the waveform, is expected between the reference marks ``[`` and ``]``. Technical alarms are never false:
they say that something is not known.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from monitor.alarms import Alarms
from monitor.arrhythmias import Arrhythmias
from monitor.events import Alarm, Beat, Event, Label, LabelledBeat, sort_key
from monitor.rhythm import HeartRate, Rhythms
from monitor.settings import Settings
from monitor.turns import alarming

_UNJUDGED: Final = ("multiform_pvc",)
"""What reference beats do not tell: they have no shape."""

_LONGER: Final = {"nonsustained_vt": "ventricular_tachycardia"}
"""What is told of a longer run of which the provisional labels told nothing."""

__all__ = ["Span", "expected_alarms", "false_alarms", "spans"]

_GRACE_S: Final = 10.0
"""An alarm counts for a condition up to so long before and after it: the legal ceiling of its delay."""


class Span(NamedTuple):
    """A condition that stood, in samples: from its onset, told at ``decided``, until ``stop``."""

    kind: str
    start: int
    decided: int
    stop: int


def expected_alarms(
    beats: Sequence[tuple[int, Label]], settings: Settings, *, fs: float, n_samples: int
) -> list[Alarm]:
    """Return the steps of the alarms that beats and their classes raise, on a signal that is always good.

    Parameters
    ----------
    beats
        R peak and AAMI class of each, ascending.
    """
    rate = HeartRate(settings.rhythm, fs=fs)
    rhythms = Rhythms(settings.rhythm, fs=fs)
    arrhythmias = Arrhythmias(settings, fs=fs)
    alarms = Alarms(settings.alarms, fs=fs, n_leads=1)
    told: list[Alarm] = []
    events: list[Event] = []
    last: int | None = None
    for sample, label in beats:
        rr = None if last is None else sample - last
        beat = Beat(sample=sample, decided=sample, rr=rr)
        events += [*rate.advance(sample), beat]
        rate.observe(beat)
        labelled = LabelledBeat(sample=sample, decided=sample, label=label, rr=rr)
        silent, turned = rhythms.advance(sample), rhythms.push(labelled)
        arrhythmias.observe([*silent, *turned])
        told += alarms.fell_silent(sample, silent)
        told += alarms.labelled(labelled, turned, rhythms.evidence)
        told += alarms.turned(arrhythmias.advance(sample)) + alarms.advance_labels(sample)
        told += alarms.turned(alarming(arrhythmias.push(labelled)))
        last = sample
    told += alarms.fell_silent(n_samples, rhythms.advance(n_samples))
    told += alarms.turned(arrhythmias.advance(n_samples)) + alarms.advance_labels(n_samples)
    events += rate.advance(n_samples)
    for event in sorted(events, key=sort_key):
        told += alarms.advance(event.decided)
        told += alarms.observe(event)
    told += alarms.advance(n_samples)
    return sorted(told, key=sort_key)


def spans(alarms: Iterable[Alarm], *, n_samples: int) -> list[Span]:
    """Return how long each alarm stood: from its start to its end, or to the end of the record."""
    begun: dict[tuple[str, int | None], Alarm] = {}
    found = []
    for alarm in alarms:
        key = (alarm.kind, alarm.lead)
        if alarm.state == "start":
            begun[key] = alarm
        elif alarm.state == "end" and key in begun:
            start = begun.pop(key)
            found.append(Span(alarm.kind, start.sample, start.decided, alarm.decided))
    found += [Span(alarm.kind, alarm.sample, alarm.decided, n_samples) for alarm in begun.values()]
    return sorted(found, key=lambda span: span.decided)


def false_alarms(
    told: Iterable[Alarm], expected: Sequence[Span], *, fs: float, from_sample: int
) -> list[Alarm]:
    """Return the alarms told from a sample on that nothing expected of the same kind stands behind.

    A short tachycardia is not false where a longer one is expected.

    Parameters
    ----------
    told
        Steps of alarms; only starts count, technical alarms never do, nor what needs the beats' shape.
    expected
        What `spans` made of `expected_alarms`, and what else is known to be there.
    """
    grace = round(_GRACE_S * fs)
    return [
        alarm
        for alarm in told
        if alarm.state == "start"
        and alarm.priority != "technical"
        and alarm.kind not in _UNJUDGED
        and alarm.decided >= from_sample
        and not any(
            span.kind in (alarm.kind, _LONGER.get(alarm.kind))
            and span.start - grace <= alarm.decided <= span.stop + grace
            for span in expected
        )
    ]
