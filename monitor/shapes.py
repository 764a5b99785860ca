"""The loops behind `monitor.beats`: the patient's usual shapes, and one beat against them.

The patient's shapes are kept as a handful of running clusters, after the idea in Hamilton's
open-source analyser (EP Limited, 2002) and in de Chazal et al. 2004 (IEEE TBME 51:1196), who
compare each beat with the patient's own. Deviations: shapes are compared by correlation over all
leads at small lags, clusters fade with time, and what is learned per cluster (how early its beats
come, how long a pause follows) is given to the network as numbers and decides nothing here.

The *dominant* shape has ruled over the last minutes, beats that come early ruling less: a run of
ventricular beats, or minutes of bigeminy, do not take its place. The *recent* one has ruled over the
last half minute. The *late* one is the mean of beats that did not come early: its P wave is the
sinus node's, where it has one. Names and meanings of the features stand in `monitor.window.SHAPES`.

Everything is a plain loop over explicit arrays: bit-identical for any partition (law 1).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.intervals import BEATS, LOG_RR
from monitor.measures import alike_kernel, best_lag_kernel, compare_kernel, scale_kernel, size_kernel
from monitor.onset import initial_kernel, p_wave_kernel
from monitor.shape_features import (
    AMPLITUDE,
    AMPLITUDE_MISFIT,
    CLUSTER_AMPLITUDE,
    CLUSTER_CORRELATION,
    CLUSTER_COUNT,
    CLUSTER_P,
    CLUSTER_PAUSE,
    CLUSTER_PREMATURITY,
    CLUSTER_RULE,
    CLUSTER_SHARE,
    CLUSTER_SPREAD,
    CLUSTER_WIDTH,
    CORRELATION,
    DOMINANT_SHARE,
    FIT,
    LATE_CORRELATION,
    LATE_SIZE,
    LIKE_PREVIOUS,
    MISFIT,
    P_COHERENCE,
    P_CORRELATION,
    PREVIOUS_CORRELATION,
    PREVIOUS_SAME,
    QUIET_RESIDUAL,
    RECENT_SAME,
    RUN,
    UNREST,
    WIDTH,
    WIDTH_MISFIT,
    around_kernel,
    describe_kernel,
    log_ratio_kernel,
    recent_kernel,
    size_ratio_kernel,
)
from monitor.stage import kernel

__all__ = ["Memory", "blank", "keep_leads", "of_leads", "shape_kernel"]

_N_CLUSTERS: Final = 6
_N_SHAPE: Final = 16.0
"""A cluster's shape and habits are running means over about this many of its beats."""
_N_USUAL: Final = 32.0
"""So many beats make what is usual: deviations from the dominant shape, the late shape."""
_SAME: Final = 0.8
"""Correlation from which on a beat belongs to a cluster."""
_FADE: Final = 0.98
"""What remains of a cluster's weight after each beat: a memory of about 50 beats."""
_SLOW_FADE: Final = 0.997
"""The same for what makes a shape dominant: about 330 beats."""
_SUCCEED: Final = 1.2
"""A cluster becomes the dominant one when it rules this many times as much as the present one."""
_NARROWER: Final = 0.7
_WIDER: Final = 4.0
"""The same for a shape that is narrower or wider: times the cube of the widths' ratio, within these."""
_CONDUCTED: Final = (0.3, 0.7)
"""From the one to the other mean correlation of its P waves with the sinus node's, a wider shape is believed
to be conducted, and needs no more than others: a bundle branch block may last."""
_EARLY: Final = -0.08
_EARLY_RULE: Final = 0.2
"""A beat this early (log ratio to the mean RR) adds only so much to the rule of its cluster: in
bigeminy half of the beats are ventricular, and the other half are the patient's own."""
_NOT_EARLY: Final = -0.05
_FEW: Final = 1 / 6
"""Weight of one beat in the mean of the last few."""
_TINY: Final = 1e-9

# Columns of the clusters.
_WEIGHT, _COUNT, _EARLINESS, _FOLLOWED, _PAUSE, _RULE, _SPREAD, _RECENT_RULE = range(8)
_AWAY, _AWAY_AMPLITUDE, _AWAY_WIDTH, _P_WAVE = range(8, 12)
_N_HABITS: Final = 12

# Places of running numbers.
_OWN, _DOMINANT, _RECENT, _COHERENCE, _LAST_CORRELATION, _RUN, _UNREST = range(7)


class Memory(NamedTuple):
    """What is known of the patient's shapes; written in place.

    Attributes
    ----------
    shapes
        Of shape (n_clusters, n_points, n_leads): mean of each cluster.
    clusters
        Of shape (n_clusters, n_habits): weight, beats, how early, how often followed, ...
    previous, late
        Of shape (n_points, n_leads): the last beat, and the mean of beats that did not come early.
    numbers
        Clusters of the last beat, of the dominant and of the recent shape, and running numbers.
    """

    shapes: NDArray[np.float64]
    clusters: NDArray[np.float64]
    previous: NDArray[np.float64]
    late: NDArray[np.float64]
    numbers: NDArray[np.float64]


def blank(*, n_points: int, n_leads: int) -> Memory:
    """Return the memory of a patient who was never seen."""
    return Memory(
        shapes=np.zeros((_N_CLUSTERS, n_points, n_leads)),
        clusters=np.zeros((_N_CLUSTERS, _N_HABITS)),
        previous=np.zeros((n_points, n_leads)),
        late=np.zeros((n_points, n_leads)),
        numbers=np.zeros(7),
    )


def of_leads(memory: Memory, leads: list[int]) -> Memory:
    """Return what the memory holds of some leads: shapes are copied, all else is shared."""
    return memory._replace(
        shapes=np.ascontiguousarray(memory.shapes[:, :, leads]),
        previous=np.ascontiguousarray(memory.previous[:, leads]),
        late=np.ascontiguousarray(memory.late[:, leads]),
    )


def keep_leads(memory: Memory, part: Memory, leads: list[int]) -> None:
    """Take back what `of_leads` gave out; of a shape seen for the first time the other leads know nothing."""
    memory.shapes[:, :, leads] = part.shapes
    memory.previous[:, leads] = part.previous
    memory.late[:, leads] = part.late
    own = int(memory.numbers[_OWN])
    if memory.clusters[own, _COUNT] == 1.0:
        others = [lead for lead in range(memory.shapes.shape[2]) if lead not in leads]
        memory.shapes[own][:, others] = 0.0


@kernel
def shape_kernel(
    raw: NDArray[np.float64],
    qrs: tuple[int, int, int],
    rhythm: NDArray[np.float64],
    memory: Memory,
    features: NDArray[np.float64],
    window: NDArray[np.float32],
) -> None:
    """Compare the beat with the patient's shapes, write features and window, and learn from it.

    ``qrs`` is first and one past the last point of the QRS, and the largest lag. ``window`` is of
    shape (n_points, groups, n_leads): the beat and as many shapes as it has groups for.
    """
    numbers = memory.numbers
    first = rhythm[BEATS] <= 1.0
    log_rr = rhythm[LOG_RR]
    scale = np.empty(raw.shape[1])
    scale_kernel(raw if first else memory.shapes[int(numbers[_DOMINANT])], qrs, scale)
    if not first:
        _follow_kernel(memory.clusters[int(numbers[_OWN])], log_rr)
        features[LIKE_PREVIOUS] = compare_kernel(raw, memory.previous, qrs, scale)
        features[PREVIOUS_CORRELATION] = numbers[_LAST_CORRELATION]
    own, lag, fit = _match_kernel(raw, qrs, scale, memory)
    if fit <= _SAME:  # no cluster has this shape: the lightest makes room
        memory.shapes[own] = raw
        memory.clusters[own] = 0.0
        lag = 0
    features[FIT] = fit
    _rule_kernel(own, first, log_rr, memory)
    if first or _succeeds_kernel(own, memory, qrs, scale):
        numbers[_DOMINANT] = own
    dominant = memory.shapes[int(numbers[_DOMINANT])]
    scale_kernel(dominant, qrs, scale)
    describe_kernel(raw, dominant, qrs, scale, features)
    around_kernel(raw, dominant, qrs, scale, features)
    initial_kernel(raw, dominant, qrs, scale, features)
    recent_kernel(raw, memory.shapes[int(numbers[_RECENT])], qrs, scale, features)
    features[RECENT_SAME] = 1.0 if own == int(numbers[_RECENT]) else 0.0
    _usual_kernel(own, memory, features)
    _late_kernel(raw, (own, first, log_rr, rhythm[BEATS]), qrs, scale, memory, features)
    _habits_kernel(own, memory, qrs, scale, features)
    same = own == int(numbers[_OWN]) and not first
    numbers[_RUN] = numbers[_RUN] + 1.0 if same else 0.0
    features[PREVIOUS_SAME] = 1.0 if same else 0.0
    features[RUN] = min(numbers[_RUN], 8.0) / 8.0
    numbers[_UNREST] += _FEW * (features[QUIET_RESIDUAL] - numbers[_UNREST])
    features[UNREST] = numbers[_UNREST]
    numbers[_LAST_CORRELATION] = features[CORRELATION]
    numbers[_OWN] = own
    memory.previous[:] = raw
    _show_kernel(raw, dominant, memory.shapes[own], scale, window)
    _learn_kernel(raw, lag, (log_rr, features[P_CORRELATION]), memory.shapes[own], memory.clusters[own])


@kernel
def _follow_kernel(cluster: NDArray[np.float64], log_rr: float) -> None:
    """Tell the last beat's cluster how long a pause followed it."""
    cluster[_FOLLOWED] += 1.0
    cluster[_PAUSE] += (log_rr - cluster[_PAUSE]) / min(cluster[_FOLLOWED], _N_SHAPE)


@kernel
def _match_kernel(
    raw: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64], memory: Memory
) -> tuple[int, int, float]:
    """Return the cluster most alike, the lag and the likeness; if none is alike, one to replace."""
    best = -2.0
    own = -1
    at = 0
    lightest = -1
    clusters = memory.clusters
    for k in range(len(clusters)):
        if clusters[k, _COUNT] > 0.0:
            alike, lag = best_lag_kernel(raw, memory.shapes[k], qrs, scale)
            if alike > best:
                best, own, at = alike, k, lag
        rules = k == int(memory.numbers[_DOMINANT]) or k == int(memory.numbers[_RECENT])
        if (not rules or clusters[k, _COUNT] == 0.0) and (
            lightest < 0 or clusters[k, _WEIGHT] < clusters[lightest, _WEIGHT]
        ):
            lightest = k
    if best <= _SAME:
        return lightest, 0, best
    return own, at, best


@kernel
def _rule_kernel(own: int, first: bool, log_rr: float, memory: Memory) -> None:
    """Let every cluster fade, add this beat to its own, and see which shape ruled lately."""
    clusters = memory.clusters
    numbers = memory.numbers
    for k in range(len(clusters)):
        clusters[k, _WEIGHT] *= _FADE
        clusters[k, _RULE] *= _SLOW_FADE
        clusters[k, _RECENT_RULE] *= _FADE
    rule = _EARLY_RULE if log_rr < _EARLY else 1.0
    clusters[own, _WEIGHT] += 1.0
    clusters[own, _RULE] += rule
    clusters[own, _RECENT_RULE] += rule
    if first or clusters[own, _RECENT_RULE] > _SUCCEED * clusters[int(numbers[_RECENT]), _RECENT_RULE]:
        numbers[_RECENT] = own


@kernel
def _succeeds_kernel(own: int, memory: Memory, qrs: tuple[int, int, int], scale: NDArray[np.float64]) -> bool:
    """Return whether a cluster rules so much more than the dominant one that it takes its place.

    A wider QRS complex without P waves needs more: what the heart conducts itself is narrow, and a
    ventricular rhythm may last. A narrower one needs less.
    """
    dominant = int(memory.numbers[_DOMINANT])
    width = size_kernel(memory.shapes[own], (qrs[0], qrs[1]), scale)[1]
    usual = size_kernel(memory.shapes[dominant], (qrs[0], qrs[1]), scale)[1]
    wider = min(max(((width + _TINY) / (usual + _TINY)) ** 3, _NARROWER), _WIDER)
    if wider > 1.0:
        p_wave = (memory.clusters[own, _P_WAVE] - _CONDUCTED[0]) / (_CONDUCTED[1] - _CONDUCTED[0])
        wider -= (wider - 1.0) * min(max(p_wave, 0.0), 1.0)
    needed = _SUCCEED * wider
    return bool(memory.clusters[own, _RULE] > needed * memory.clusters[dominant, _RULE])


@kernel
def _usual_kernel(own: int, memory: Memory, features: NDArray[np.float64]) -> None:
    """Write the differences from the dominant shape in units of those that are usual for this patient."""
    dominant = int(memory.numbers[_DOMINANT])
    usual = memory.clusters[dominant]
    away = 1.0 - features[CORRELATION]
    features[MISFIT] = np.log((away + 0.01) / (usual[_AWAY] + 0.01)) / 2.0
    features[AMPLITUDE_MISFIT] = features[AMPLITUDE] / (usual[_AWAY_AMPLITUDE] + 0.05) / 4.0
    features[WIDTH_MISFIT] = features[WIDTH] / (usual[_AWAY_WIDTH] + 0.05) / 4.0
    if own == dominant:
        rate = 1.0 / min(usual[_COUNT] + 1.0, _N_USUAL)
        usual[_AWAY] += rate * (away - usual[_AWAY])
        usual[_AWAY_AMPLITUDE] += rate * (abs(features[AMPLITUDE]) - usual[_AWAY_AMPLITUDE])
        usual[_AWAY_WIDTH] += rate * (abs(features[WIDTH]) - usual[_AWAY_WIDTH])


@kernel
def _late_kernel(
    raw: NDArray[np.float64],
    beat: tuple[int, bool, float, float],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    memory: Memory,
    features: NDArray[np.float64],
) -> None:
    """Compare what precedes the QRS complex with that of beats that did not come early; learn it.

    ``beat`` is its cluster, whether it is the first, its log RR over the mean, and beats so far.
    """
    own, first, log_rr, n_beats = beat
    late = memory.late
    numbers = memory.numbers
    before = (qrs[2] + 1, qrs[0])
    lag = best_lag_kernel(raw, late, qrs, scale)[1]
    if not first:
        features[LATE_CORRELATION] = alike_kernel(raw, late, before, lag, scale)
        features[LATE_SIZE] = size_ratio_kernel(raw, late, before, scale)
        p_wave_kernel(raw, late, qrs, scale, features)
    if log_rr > _NOT_EARLY:
        rate = 1.0 / min(n_beats, _N_USUAL)
        numbers[_COHERENCE] += rate * (features[LATE_CORRELATION] - numbers[_COHERENCE])
        if own == int(numbers[_DOMINANT]):
            _move_kernel(raw, lag, rate, late)
    features[P_COHERENCE] = numbers[_COHERENCE]


@kernel
def _habits_kernel(
    own: int,
    memory: Memory,
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write what is known of earlier beats of this shape."""
    clusters = memory.clusters
    cluster = clusters[own]
    dominant = int(memory.numbers[_DOMINANT])
    weights = 0.0
    rules = _TINY
    for k in range(len(clusters)):
        weights += clusters[k, _WEIGHT]
        rules += clusters[k, _RULE]
    features[CLUSTER_SHARE] = cluster[_WEIGHT] / weights
    features[DOMINANT_SHARE] = clusters[dominant, _WEIGHT] / weights
    features[CLUSTER_RULE] = cluster[_RULE] / rules
    features[CLUSTER_COUNT] = np.log(1.0 + cluster[_COUNT]) / 4.0 - 0.5
    features[CLUSTER_PREMATURITY] = cluster[_EARLINESS]
    features[CLUSTER_SPREAD] = cluster[_SPREAD]
    features[CLUSTER_PAUSE] = cluster[_PAUSE]
    features[CLUSTER_P] = cluster[_P_WAVE]
    shape = memory.shapes[own]
    height, width, _ = size_kernel(shape, (qrs[0], qrs[1]), scale)
    usual, usual_width, _ = size_kernel(memory.shapes[dominant], (qrs[0], qrs[1]), scale)
    features[CLUSTER_CORRELATION] = compare_kernel(shape, memory.shapes[dominant], qrs, scale)
    features[CLUSTER_AMPLITUDE] = log_ratio_kernel(height, usual)
    features[CLUSTER_WIDTH] = log_ratio_kernel(width, usual_width)


@kernel
def _show_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    own: NDArray[np.float64],
    scale: NDArray[np.float64],
    window: NDArray[np.float32],
) -> None:
    """Fill the network's window: the beat, then as many shapes as it wants, in QRS heights."""
    for group in range(window.shape[1]):
        shape = raw if group == 0 else (dominant if group == 1 else own)
        for lead in range(len(scale)):
            for k in range(len(raw)):
                window[k, group, lead] = min(max(shape[k, lead] / scale[lead], -8.0), 8.0)


@kernel
def _learn_kernel(
    raw: NDArray[np.float64],
    lag: int,
    beat: tuple[float, float],
    shape: NDArray[np.float64],
    habits: NDArray[np.float64],
) -> None:
    """Move one cluster's shape and habits towards this beat.

    ``beat`` is its log RR over the mean, and how like the sinus node's its P wave is.
    """
    log_rr, p_wave = beat
    habits[_COUNT] += 1.0
    rate = 1.0 / min(habits[_COUNT], _N_SHAPE)
    habits[_SPREAD] += rate * (abs(log_rr - habits[_EARLINESS]) - habits[_SPREAD])
    habits[_EARLINESS] += rate * (log_rr - habits[_EARLINESS])
    habits[_P_WAVE] += rate * (p_wave - habits[_P_WAVE])
    _move_kernel(raw, lag, rate, shape)


@kernel
def _move_kernel(raw: NDArray[np.float64], lag: int, rate: float, shape: NDArray[np.float64]) -> None:
    """Move a shape towards the beat, which lies ``lag`` points later."""
    n_points, n_leads = raw.shape
    for lead in range(n_leads):
        for k in range(n_points):
            i = min(max(k + lag, 0), n_points - 1)
            shape[k, lead] += rate * (raw[i, lead] - shape[k, lead])
