"""What a line got wrong on one noisy record, counted from 5:00 on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import records
from monitor.alarm_truth import Span, expected_alarms, false_alarms, spans
from monitor.events import Alarm, Event, Label, LabelledBeat, LeadQuality, Priority
from monitor.records import Record
from monitor.settings import Settings

__all__ = ["Reference", "Tally", "gross", "reference_of", "tally"]

_FROM_S: Final = 300.0
_WINDOW_S: Final = 0.15
_PRIORITIES: Final[tuple[Priority, ...]] = ("high", "medium", "low")
_AAMI: Final[dict[str, Label]] = {
    **dict.fromkeys("NLRejn", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}


class Reference(msgspec.Struct, frozen=True):
    """Reference beats, ascending, and the stretches of fibrillation or flutter between ``[`` and ``]``."""

    samples: NDArray[np.int64]
    symbols: list[str]
    labels: list[Label]
    flutter: list[tuple[int, int]]


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
    technical: int
    noisy: tuple[float, ...]
    noisy_clean: tuple[float, ...]


def reference_of(name: str, *, data: Path | None) -> Reference:
    """Read a record's reference annotations (``atr``).

    Raises
    ------
    SourceError
        It has none, or they cannot be read.
    """
    samples, symbols, _ = records.annotations(name, data=data)
    beats = [(int(at), symbol) for at, symbol in zip(samples, symbols, strict=True) if symbol in _AAMI]
    flutter: list[tuple[int, int]] = []
    begun: int | None = None
    for at, symbol in zip(samples.tolist(), symbols, strict=True):
        if symbol == "[":
            begun = at
        elif symbol == "]" and begun is not None:
            flutter.append((begun, at))
            begun = None
    return Reference(
        np.array([at for at, _ in beats], np.int64),
        [symbol for _, symbol in beats],
        [_AAMI[symbol] for _, symbol in beats],
        flutter,
    )


def tally(
    events: Sequence[Event],
    reference: Reference,
    settings: Settings,
    *,
    record: Record,
    segments: Sequence[tuple[int, int]],
) -> Tally:
    """Count what was told of a record against its reference, from 5:00 on.

    Parameters
    ----------
    events
        Of `monitor.label.label_record`.
    settings
        With which the line ran: the rules that the reference's alarms follow.
    segments
        Where the noise is.
    """
    fs, stop = record.fs, record.n_samples
    start = round(_FROM_S * fs)
    labelled = [e for e in events if isinstance(e, LabelledBeat) and not e.provisional]
    labelled.sort(key=lambda beat: beat.sample)
    found = np.array([beat.sample for beat in labelled], np.int64)
    told = np.array([beat.label for beat in labelled], dtype=np.str_)
    judged = (found >= start) & ~_within(found, reference.flutter, round(_WINDOW_S * fs))
    truth = np.array(reference.labels, dtype=np.str_)
    kept = (reference.samples >= start) & ~_within(reference.samples, reference.flutter, 0)
    found, told, truth, at = found[judged], told[judged], truth[kept], reference.samples[kept]
    hit, by = _matched(at, found, round(_WINDOW_S * fs))
    meant = np.full(len(found), "O")
    meant[by] = truth[hit]
    states = _noisy_states(events, n_leads=len(record.leads), n_samples=stop)
    return Tally(
        n_beats=len(at),
        n_told=len(found),
        fn=len(at) - len(hit),
        fp=len(found) - len(hit),
        n_v=int((truth == "V").sum()),
        v_hit=int(((told == "V") & (meant == "V")).sum()),
        false_v=int(((told == "V") & ~np.isin(meant, ("V", "F"))).sum()),
        n_s=int((truth == "S").sum()),
        s_hit=int(((told == "S") & (meant == "S")).sum()),
        false_s=int(((told == "S") & (meant != "S")).sum()),
        n_q=int((told == "Q").sum()),
        hours=max(0, stop - start) / fs / 3600,
        alarms=_false_by_priority(events, reference, settings, record),
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
        noisy=means("noisy"),
        noisy_clean=means("noisy_clean"),
    )


def _false_by_priority(
    events: Sequence[Event], reference: Reference, settings: Settings, record: Record
) -> dict[str, int]:
    beats = list(zip(reference.samples.tolist(), reference.labels, strict=True))
    raised = expected_alarms(beats, settings, fs=record.fs, n_samples=record.n_samples)
    expected = spans(raised, n_samples=record.n_samples)
    expected += [Span("ventricular_fibrillation", begin, begin, end) for begin, end in reference.flutter]
    told = [event for event in events if isinstance(event, Alarm)]
    false = false_alarms(told, expected, fs=record.fs, from_sample=round(_FROM_S * record.fs))
    return {priority: sum(alarm.priority == priority for alarm in false) for priority in _PRIORITIES}


def _within(
    samples: NDArray[np.int64], stretches: Sequence[tuple[int, int]], margin: int
) -> NDArray[np.bool_]:
    inside = np.zeros(len(samples), bool)
    for begin, end in stretches:
        inside |= (samples >= begin - margin) & (samples <= end + margin)
    return inside


def _matched(
    reference: NDArray[np.int64], found: NDArray[np.int64], tolerance: int
) -> tuple[list[int], list[int]]:
    """Return indices of what matches, nearest first, each once."""
    first = np.searchsorted(found, reference - tolerance, "left")
    stop = np.searchsorted(found, reference + tolerance, "right")
    near = sorted(
        (abs(int(found[j]) - int(reference[i])), i, j)
        for i in range(len(reference))
        for j in range(first[i], stop[i])
    )
    hit: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in near:
        if i not in hit and j not in used:
            hit[i] = j
            used.add(j)
    return list(hit), list(hit.values())


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
