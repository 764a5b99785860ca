"""Snapshots folded from events: how what a pipeline says becomes what a screen shows.

Pure: no clock, no socket, no drawing. `fold` takes one bed's snapshot and the next thing that its
pipeline said and returns the next snapshot; the old one stays as it was, so that a snapshot can be
handed out by reference. What it keeps is bounded: `KEEP_S` of waveform and the beats within it.
The picture does not depend on how the signal was cut into packets (law 1).

What shells alone know (connection, transport latency, refused packets) is put in by `with_status`
and `with_transport`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
from msgspec.structs import replace

from monitor.definitions import DEFINITIONS
from monitor.events import (
    Alarm,
    AudioPause,
    Beat,
    Block,
    Gap,
    LabelledBeat,
    LeadQuality,
    LimitChange,
    Output,
    Rate,
    Stream,
    TrendPoint,
    Wave,
)
from monitor.snapshots import (
    PVC_HOLE_S,
    PVC_WINDOW_S,
    TREND_MINUTES,
    BedSnapshot,
    Counters,
    Mark,
    Scale,
    Standing,
    WardSnapshot,
    decode,
    encode,
)
from monitor.strip import Strip

__all__ = [
    "KEEP_S",
    "BedSnapshot",
    "Counters",
    "Mark",
    "Scale",
    "Standing",
    "WardSnapshot",
    "decode",
    "encode",
    "fold",
    "with_standing",
    "with_status",
    "with_transport",
    "with_trend",
]

KEEP_S: Final = 30.0
"""Seconds of waveform and beat marks that a snapshot keeps."""

_MAX_MARKS = 512
"""Over 30 s at 1000 bpm: a detector gone mad stays bounded too."""
_SCALE_SECONDS = 8
"""Seconds that the gain looks back."""


def fold(snapshot: BedSnapshot, event: Output | Block) -> BedSnapshot:
    """Return the snapshot that stands after ``event``; ``snapshot`` itself does not change.

    Takes everything that a pipeline answers with, `monitor.events.Stream`, and the `Block` as received
    (for the count of samples). What a screen does not show leaves the snapshot as it is.
    """
    handler = _HANDLERS.get(type(event))
    return snapshot if handler is None else handler(snapshot, event)


def with_status(snapshot: BedSnapshot, status: Literal["waiting", "up", "lost", "ended"]) -> BedSnapshot:
    """Return the snapshot with what the shell knows of the connection; without one no rate is current."""
    return replace(snapshot, connection=status, hr_bpm=snapshot.hr_bpm if status == "up" else None)


def with_transport(
    snapshot: BedSnapshot, *, latency_ms: float | None, duplicates: int, refused: int
) -> BedSnapshot:
    """Return the snapshot with what ingest measured: latency, packets received twice or refused."""
    counters = replace(snapshot.counters, duplicates=duplicates, refused=refused)
    return replace(snapshot, latency_ms=latency_ms, counters=counters)


def with_standing(snapshot: BedSnapshot, alarms: Iterable[Alarm]) -> BedSnapshot:
    """Return the snapshot with alarms that stood before it began; these are their last steps.

    Until a stream says otherwise, the last of them is where its samples go on.
    """
    for alarm in alarms:
        snapshot = _on_alarm(snapshot, replace(alarm, state="start"))
        snapshot = _on_alarm(snapshot, alarm) if alarm.state != "start" else snapshot
        if not snapshot.leads:
            snapshot = replace(snapshot, index=max(snapshot.index, alarm.decided))
    return snapshot


def with_trend(snapshot: BedSnapshot, before: Sequence[TrendPoint]) -> BedSnapshot:
    """Return the snapshot with a trend from before it began: its own minutes are numbered on from there."""
    if not before:
        return snapshot
    by = before[-1].minute + 1
    own = (replace(point, minute=point.minute + by) for point in snapshot.trend)
    return replace(
        snapshot,
        trend=(*before, *own)[-TREND_MINUTES:],
        trend_base=snapshot.trend_base + by if snapshot.leads else 0,
        rates=tuple((minute + by, rate) for minute, rate in snapshot.rates),
    )


def _on_stream(bed: BedSnapshot, event: Stream) -> BedSnapshot:
    """Begin a new stream: the bed learns anew; its alarms and its accounting stay.

    One whose feed was lost is up again when samples come: a device may say hello and no more.
    """
    fresh = BedSnapshot(bed=bed.bed, bridge_s=bed.bridge_s, limits=bed.limits)
    return replace(
        fresh,
        record=event.record,
        fs=event.fs,
        leads=event.leads,
        connection="lost" if bed.connection == "lost" else "up",
        index=event.sample,
        scales=(Scale(),) * len(event.leads),
        quality=("good",) * len(event.leads),
        alarms=bed.alarms,
        counters=bed.counters,
        latency_ms=bed.latency_ms,
        trend=bed.trend,
        trend_base=bed.trend[-1].minute + 1 - _minute(event.sample, event.fs) if bed.trend else 0,
    )


def _on_block(bed: BedSnapshot, event: Block) -> BedSnapshot:
    counters = replace(bed.counters, samples=bed.counters.samples + len(event.samples))
    connection = "up" if bed.connection in ("waiting", "lost") else bed.connection
    return replace(bed, counters=counters, connection=connection, index=max(bed.index, event.stop))


def _on_wave(bed: BedSnapshot, event: Wave) -> BedSnapshot:
    """Extend the strip; at each whole second of signal look at the gain."""
    if bed.fs <= 0:  # no stream has begun
        return bed
    strip, scales = bed.strip, bed.scales
    keep, second = round(KEEP_S * bed.fs), max(1, round(bed.fs))
    at, stop = event.start, event.start + len(event.samples)
    while at < stop:
        until = min(stop, (at // second + 1) * second)
        strip = strip.extended(at, event.samples[at - event.start : until - event.start], keep=keep)
        if until % second == 0:
            scales = _rescaled(scales, strip.tail(second))
        at = until
    return replace(
        bed,
        strip=strip,
        delay=event.delay,
        scales=scales,
        index=max(bed.index, stop),
        marks=_fresh(bed.marks, strip.start - event.delay),
        connection="up" if bed.connection == "waiting" else bed.connection,
    )


def _fresh(marks: tuple[Mark, ...], oldest: int) -> tuple[Mark, ...]:
    if not marks or marks[0].sample >= oldest:
        return marks
    return tuple(mark for mark in marks if mark.sample >= oldest)


def _rescaled(scales: tuple[Scale, ...], second: Strip) -> tuple[Scale, ...]:
    samples = second.samples
    lows, highs = np.fmin.reduce(samples, axis=0), np.fmax.reduce(samples, axis=0)
    pairs = zip(scales, lows.tolist(), highs.tolist(), strict=False)
    return tuple(scale if low != low else _with_extremes(scale, low, high) for scale, low, high in pairs)


def _with_extremes(scale: Scale, low: float, high: float) -> Scale:
    """Add one second's extremes and leave the range only where it no longer fits."""
    recent = (*scale.recent[1 - _SCALE_SECONDS :], (low, high))
    spare = 1 if len(recent) > 2 else 0  # one artefact does not set the gain
    low = min(-0.1, sorted(pair[0] for pair in recent)[spare])
    high = max(0.3, sorted((pair[1] for pair in recent), reverse=True)[spare])
    span, drawn = high - low, scale.high - scale.low
    settled = len(recent) == _SCALE_SECONDS
    fits = scale.low <= low and high <= scale.high
    if fits and (span >= 0.5 * drawn or not settled):
        return Scale(scale.low, scale.high, recent)
    step = next((step for step in (0.25, 0.5, 1.0) if span <= 10 * step), 2.0)
    margin = 0.08 * span
    return Scale(
        float(np.floor((low - margin) / step)) * step, float(np.ceil((high + margin) / step)) * step, recent
    )


def _on_gap(bed: BedSnapshot, event: Gap) -> BedSnapshot:
    """Count what was lost; a gap without samples only says that a new stream begins."""
    n_lost = max(0, event.stop - event.sample)
    n_gaps = bed.counters.gaps + (n_lost > 0)
    counters = replace(bed.counters, lost=bed.counters.lost + n_lost, gaps=n_gaps)
    learning = bed.learning or event.reason == "restarted" or n_lost > bed.bridge_s * bed.fs
    return replace(
        bed,
        counters=counters,
        learning=learning,
        labelled=_labelled(bed, event.sample, event.stop),
        index=max(bed.index, event.stop),
    )


def _labelled(bed: BedSnapshot, start: int, stop: int) -> tuple[int, int] | None:
    """Return the stretch of labelled beats; nothing is known of what lies between ``start`` and ``stop``."""
    if bed.labelled is None or stop - start <= PVC_HOLE_S * bed.fs:
        return bed.labelled
    return max(bed.labelled[0], stop), bed.labelled[1]


def _on_quality(bed: BedSnapshot, event: LeadQuality) -> BedSnapshot:
    if not 0 <= event.lead < len(bed.quality):
        return bed
    quality = (*bed.quality[: event.lead], event.state, *bed.quality[event.lead + 1 :])
    return replace(bed, quality=quality)


def _on_beat(bed: BedSnapshot, event: Beat) -> BedSnapshot:
    marks = [*bed.marks[1 - _MAX_MARKS :], Mark(event.sample)]
    if len(marks) > 1 and marks[-2].sample > event.sample:
        marks.sort(key=lambda mark: mark.sample)
    return replace(bed, marks=tuple(marks), learning=False)


def _on_label(bed: BedSnapshot, event: LabelledBeat) -> BedSnapshot:
    """Write the label at its beat, the provisional one until the confirmed comes; the latter counts as PVC.

    One that has left the strip already still counts.
    """
    marks = bed.marks
    for i in range(len(marks) - 1, -1, -1):
        if marks[i].sample == event.sample:
            marks = (*marks[:i], Mark(event.sample, event.label), *marks[i + 1 :])
            break
    if event.provisional:
        return replace(bed, marks=marks)
    first, last = bed.labelled or (event.sample, event.sample)
    labelled = (first, max(last, event.sample))
    unanswered = event.label == "Q" and event.probabilities is None
    bed = replace(bed, marks=marks, labelled=None if unanswered else labelled)
    ventricular = bed.ventricular
    if (event.label == "V") != (event.sample in ventricular):
        since = bed.index - PVC_WINDOW_S * bed.fs
        kept = (sample for sample in ventricular if sample >= since and sample != event.sample)
        ventricular = (*kept, event.sample) if event.label == "V" else tuple(kept)
        ventricular = ventricular[-_MAX_MARKS:]
    trend = bed.trend
    if event.label != "Q" and bed.fs > 0:
        minute = bed.trend_base + _minute(event.sample, bed.fs)
        trend = _with_point(trend, minute, pvc=int(event.label == "V"))
    return replace(bed, ventricular=ventricular, trend=trend)


def _on_rate(bed: BedSnapshot, event: Rate) -> BedSnapshot:
    if bed.fs <= 0:
        return replace(bed, hr_bpm=event.hr_bpm)
    minute = bed.trend_base + _minute(event.sample, bed.fs)
    rates = tuple(rate for rate in bed.rates[-60:] if rate[0] == minute)
    if event.hr_bpm is not None:
        rates = (*rates, (minute, event.hr_bpm))
    median = float(np.median([hr for _, hr in rates])) if rates else None
    return replace(bed, hr_bpm=event.hr_bpm, rates=rates, trend=_with_point(bed.trend, minute, hr_bpm=median))


def _minute(sample: int, fs: float) -> int:
    return sample // max(1, round(60 * fs))


def _with_point(
    trend: tuple[TrendPoint, ...], minute: int, *, hr_bpm: float | None = None, pvc: int | None = None
) -> tuple[TrendPoint, ...]:
    """Set the heart rate of a minute, or add to its V, if given: in whatever order they come."""
    at = len(trend)
    while at and trend[at - 1].minute >= minute:
        at -= 1
    after = at
    old = TrendPoint(minute)
    if at < len(trend) and trend[at].minute == minute:
        old, after = trend[at], at + 1
    n_v = old.pvc if pvc is None else (old.pvc or 0) + pvc
    new = TrendPoint(minute, old.hr_bpm if hr_bpm is None else hr_bpm, n_v)
    if after > at and new == old:
        return trend
    return (*trend[:at], new, *trend[after:])[-TREND_MINUTES:]


def _on_alarm(bed: BedSnapshot, event: Alarm) -> BedSnapshot:
    """Follow one alarm through its life; one that latches and has ended stays until acknowledged.

    Its onset names it: a step of an alarm that a newer one of the kind has replaced changes nothing.
    """
    old = next((alarm for alarm in bed.alarms if (alarm.kind, alarm.lead) == (event.kind, event.lead)), None)
    if event.state != "start" and (old is None or old.onset != event.sample):
        return bed
    others = tuple(alarm for alarm in bed.alarms if alarm is not old)
    new: Standing | None = None
    if event.state == "start":
        new = _standing(event)
    elif old is not None and event.state == "end" and _latches(event) and not old.acknowledged:
        new = replace(old, ended=True, since=event.decided)
    elif old is not None and event.state == "acknowledged" and not old.ended:
        new = replace(old, acknowledged=True, reminded=False, since=event.decided, by=event.by)
    elif old is not None and event.state == "reminded":
        new = replace(old, acknowledged=False, reminded=True, since=event.decided)
    blind = event.kind == "cannot_analyse" and event.state == "end"
    return replace(
        bed,
        alarms=others if new is None else (*others, new),
        labelled=_labelled(bed, event.sample, event.decided) if blind else bed.labelled,
    )


def _standing(event: Alarm) -> Standing:
    return Standing(
        kind=event.kind,
        priority=event.priority,
        text=event.text,
        onset=event.sample,
        lead=event.lead,
        value=event.value,
        since=event.decided,
    )


def _on_audio_pause(bed: BedSnapshot, event: AudioPause) -> BedSnapshot:
    return replace(bed, audio_paused_until=event.until if event.state == "start" else None)


def _on_limits(bed: BedSnapshot, event: LimitChange) -> BedSnapshot:
    return replace(bed, limits=bed.limits | event.after)


def _latches(event: Alarm) -> bool:
    definition = DEFINITIONS.get(event.kind)
    return event.priority == "high" if definition is None else definition.latches


_HANDLERS: Final[dict[type, Callable[[BedSnapshot, Any], BedSnapshot]]] = {
    Stream: _on_stream,
    Block: _on_block,
    Wave: _on_wave,
    Gap: _on_gap,
    LeadQuality: _on_quality,
    Beat: _on_beat,
    LabelledBeat: _on_label,
    Rate: _on_rate,
    Alarm: _on_alarm,
    AudioPause: _on_audio_pause,
    LimitChange: _on_limits,
}
