"""What a line got wrong on one noisy record, counted from 5:00 on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import records
from monitor.alarm_truth import Span, expected_alarms, false_alarms, spans
from monitor.annotations import content
from monitor.errors import SourceError
from monitor.events import CLASSES, Alarm, Event, LeadQuality, Priority
from monitor.records import Record
from monitor.score.beats import NOTHING, compare_beats
from monitor.score.marks import Marks, decode
from monitor.settings import Settings

__all__ = ["Tally", "gross", "reference_of", "tally"]

_FROM_S: Final = 300.0
_PRIORITIES: Final[tuple[Priority, ...]] = ("high", "medium", "low")
_N, _S, _V, _F, _Q = range(NOTHING)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one record, from 5:00 on; false V: V told where the reference has neither V nor F.

    Attributes
    ----------
    n_beats, n_told
        Beats of the reference, and told.
    fn, fp
        Beats missed, and told where none is (150 ms, one to one).
    n_v, v_hit, false_v
        V of the reference, those told as V, and V told where it has neither V nor F.
    n_s, s_hit, false_s
        The same for S; false where the reference has no S.
    n_q
        Beats told as Q.
    hours
        Length of what is judged.
    alarms
        False alarms by priority (`monitor.alarm_truth`).
    kinds
        The same by kind, those that there are.
    technical
        Technical alarms told.
    noisy
        Share of the noisy minutes that each lead was told noisy, flat, saturated or off.
    noisy_clean
        The same of the clean minutes.
    """

    n_beats: int
    n_told: int
    fn: int
    fp: int
    n_v: int
    v_hit: int
    false_v: int
    n_s: int
    s_hit: int
    false_s: int
    n_q: int
    hours: float
    alarms: dict[str, int]
    kinds: dict[str, int]
    technical: int
    noisy: tuple[float, ...]
    noisy_clean: tuple[float, ...]


def reference_of(name: str, *, data: Path | None, fs: float) -> Marks:
    """Read a record's reference annotations (``atr``), in samples of ``fs`` Hz.

    Raises
    ------
    SourceError
        It has none, or they cannot be read.
    """
    path = records.locate(name, data=data).with_suffix(".atr")
    try:
        marks = decode(path.read_bytes(), name=str(path))
    except OSError as error:
        raise SourceError(f"record {name}: expected annotations in {path}: {error.strerror}") from error
    return marks.rescaled(fs / (marks.fs or fs))


def tally(
    events: Sequence[Event],
    reference: Marks,
    settings: Settings,
    *,
    record: Record,
    segments: Sequence[tuple[int, int]],
) -> Tally:
    """Count what was told of a record against its reference, from 5:00 on.

    Parameters
    ----------
    events
        Of `monitor.label.label_record`; what counts is what would stand in its annotation file.
    settings
        With which the line ran: the rules that the reference's alarms follow.
    segments
        Where the noise is.
    """
    fs, stop = record.fs, record.n_samples
    start = round(_FROM_S * fs)
    told = decode(content(events, fs=fs), name=record.name)
    table = compare_beats(reference, told, fs=fs, start=start, end=stop).confusion
    states = _noisy_states(events, n_leads=len(record.leads), n_samples=stop)
    false = _false(events, reference, settings, record)
    counts = {
        "n_beats": table[:NOTHING].sum(),
        "n_told": table[:, :NOTHING].sum(),
        "fn": table[:NOTHING, NOTHING].sum(),
        "fp": table[NOTHING, :NOTHING].sum(),
        "n_v": table[_V].sum(),
        "v_hit": table[_V, _V],
        "false_v": table[:, _V].sum() - table[_V, _V] - table[_F, _V],
        "n_s": table[_S].sum(),
        "s_hit": table[_S, _S],
        "false_s": table[:, _S].sum() - table[_S, _S],
        "n_q": table[:, _Q].sum(),
    }
    return Tally(
        **{name: int(count) for name, count in counts.items()},
        hours=max(0, stop - start) / fs / 3600,
        alarms={one: sum(alarm.priority == one for alarm in false) for one in _PRIORITIES},
        kinds=dict(sorted(Counter(alarm.kind for alarm in false).items())),
        technical=sum(
            isinstance(e, Alarm) and e.priority == "technical" and e.state == "start" and e.decided >= start
            for e in events
        ),
        noisy=_share(states, segments),
        noisy_clean=_share(states, _between(segments, start, stop)),
    )


def gross(tallies: Sequence[Tally]) -> Tally:
    """Return the sums over records; shares of time as means, of the leads that all records have."""

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in tallies)

    def means(name: str) -> tuple[float, ...]:
        return tuple(float(np.mean(column)) for column in zip(*(getattr(one, name) for one in tallies)))  # noqa: B905

    counts = {name: total(name) for name in Tally.__struct_fields__ if Tally.__annotations__[name] is int}
    return Tally(
        **counts,
        hours=float(sum(one.hours for one in tallies)),
        alarms={priority: sum(one.alarms[priority] for one in tallies) for priority in _PRIORITIES},
        kinds=dict(sorted(sum((Counter(one.kinds) for one in tallies), Counter()).items())),
        noisy=means("noisy"),
        noisy_clean=means("noisy_clean"),
    )


def _false(events: Sequence[Event], reference: Marks, settings: Settings, record: Record) -> list[Alarm]:
    """Return the alarms that the reference does not stand behind."""
    stop = record.n_samples
    beats = reference.beats(start=0, end=stop)
    known = [(int(at), CLASSES[label]) for at, label in zip(beats.samples, beats.classes, strict=True)]
    expected = spans(expected_alarms(known, settings, fs=record.fs, n_samples=stop), n_samples=stop)
    expected += [
        Span("ventricular_fibrillation", begin, begin, end) for begin, end in reference.fibrillation(stop)
    ]
    told = [event for event in events if isinstance(event, Alarm)]
    return false_alarms(told, expected, fs=record.fs, from_sample=round(_FROM_S * record.fs))


def _noisy_states(events: Sequence[Event], *, n_leads: int, n_samples: int) -> NDArray[np.bool_]:
    """Return where each lead is told to be anything but good, of shape (n_samples, n_leads)."""
    states = np.zeros((n_samples, n_leads), bool)
    changes = [event for event in events if isinstance(event, LeadQuality)]
    for change in sorted(changes, key=lambda change: change.decided):
        states[change.decided :, change.lead] = change.state != "good"
    return states


def _share(states: NDArray[np.bool_], stretches: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    parts = [states[begin:end] for begin, end in stretches]
    if not sum(map(len, parts)):
        return tuple(0.0 for _ in range(states.shape[1]))
    return tuple(float(share) for share in np.concatenate(parts).mean(axis=0))


def _between(segments: Sequence[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """Return what lies between the segments, from ``start`` to ``stop``."""
    edges = [start, *(edge for segment in segments for edge in segment), stop]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
