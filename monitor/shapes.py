"""One beat against the patient's shapes: the loops behind `monitor.beats`.

`monitor.shape_clusters` keeps the shapes; here a beat is compared with the *dominant* one, the *recent*
one and the *late* one, which is the mean of beats that did not come early: its P wave is the sinus
node's, where it has one. Names and meanings of the features stand in `monitor.window.SHAPES`.

Everything is a plain loop over explicit arrays: bit-identical for any partition (law 1).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.intervals import BEATS, LOG_RR
from monitor.measures import alike_kernel, best_lag_kernel, compare_kernel, scale_kernel, size_kernel
from monitor.onset import initial_kernel, p_wave_kernel
from monitor.shape_clusters import (
    AWAY,
    AWAY_AMPLITUDE,
    AWAY_WIDTH,
    COHERENCE,
    COUNT,
    DOMINANT,
    EARLINESS,
    LAST_CORRELATION,
    OWN,
    P_WAVE,
    PAUSE,
    RECENT,
    RECENT_UNREST,
    RULE,
    RUN_BEATS,
    SAME,
    SPREAD,
    WEIGHT,
    Memory,
    follow_kernel,
    learn_kernel,
    match_kernel,
    move_kernel,
    rule_kernel,
    succeeds_kernel,
)
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

__all__ = ["shape_kernel"]

_N_USUAL: Final = 32.0
"""So many beats make what is usual: deviations from the dominant shape, the late shape."""
_NOT_EARLY: Final = -0.05
_FEW: Final = 1 / 6
"""Weight of one beat in the mean of the last few."""
_TINY: Final = 1e-9


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
    scale_kernel(raw if first else memory.shapes[int(numbers[DOMINANT])], qrs, scale)
    if not first:
        follow_kernel(memory.clusters[int(numbers[OWN])], log_rr)
        features[LIKE_PREVIOUS] = compare_kernel(raw, memory.previous, qrs, scale)
        features[PREVIOUS_CORRELATION] = numbers[LAST_CORRELATION]
    own, lag, fit = match_kernel(raw, qrs, scale, memory)
    if fit <= SAME:  # no cluster has this shape: the lightest makes room
        memory.shapes[own] = raw
        memory.clusters[own] = 0.0
        lag = 0
    features[FIT] = fit
    rule_kernel(own, first, log_rr, memory)
    if first or succeeds_kernel(own, memory, qrs, scale):
        numbers[DOMINANT] = own
    dominant = memory.shapes[int(numbers[DOMINANT])]
    scale_kernel(dominant, qrs, scale)
    describe_kernel(raw, dominant, qrs, scale, features)
    around_kernel(raw, dominant, qrs, scale, features)
    initial_kernel(raw, dominant, qrs, scale, features)
    recent_kernel(raw, memory.shapes[int(numbers[RECENT])], qrs, scale, features)
    features[RECENT_SAME] = 1.0 if own == int(numbers[RECENT]) else 0.0
    _usual_kernel(own, memory, features)
    _late_kernel(raw, (own, first, log_rr, rhythm[BEATS]), qrs, scale, memory, features)
    _habits_kernel(own, memory, qrs, scale, features)
    same = own == int(numbers[OWN]) and not first
    numbers[RUN_BEATS] = numbers[RUN_BEATS] + 1.0 if same else 0.0
    features[PREVIOUS_SAME] = 1.0 if same else 0.0
    features[RUN] = min(numbers[RUN_BEATS], 8.0) / 8.0
    numbers[RECENT_UNREST] += _FEW * (features[QUIET_RESIDUAL] - numbers[RECENT_UNREST])
    features[UNREST] = numbers[RECENT_UNREST]
    numbers[LAST_CORRELATION] = features[CORRELATION]
    numbers[OWN] = own
    memory.previous[:] = raw
    _show_kernel(raw, dominant, memory.shapes[own], scale, window)
    learn_kernel(raw, lag, (log_rr, features[P_CORRELATION]), memory.shapes[own], memory.clusters[own])


@kernel
def _usual_kernel(own: int, memory: Memory, features: NDArray[np.float64]) -> None:
    """Write the differences from the dominant shape in units of those that are usual for this patient."""
    dominant = int(memory.numbers[DOMINANT])
    usual = memory.clusters[dominant]
    away = 1.0 - features[CORRELATION]
    features[MISFIT] = np.log((away + 0.01) / (usual[AWAY] + 0.01)) / 2.0
    features[AMPLITUDE_MISFIT] = features[AMPLITUDE] / (usual[AWAY_AMPLITUDE] + 0.05) / 4.0
    features[WIDTH_MISFIT] = features[WIDTH] / (usual[AWAY_WIDTH] + 0.05) / 4.0
    if own == dominant:
        rate = 1.0 / min(usual[COUNT] + 1.0, _N_USUAL)
        usual[AWAY] += rate * (away - usual[AWAY])
        usual[AWAY_AMPLITUDE] += rate * (abs(features[AMPLITUDE]) - usual[AWAY_AMPLITUDE])
        usual[AWAY_WIDTH] += rate * (abs(features[WIDTH]) - usual[AWAY_WIDTH])


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
        features[LATE_SIZE] = size_ratio_kernel(raw, late, before, 0, scale)
        p_wave_kernel(raw, late, qrs, scale, features)
    if log_rr > _NOT_EARLY:
        rate = 1.0 / min(n_beats, _N_USUAL)
        numbers[COHERENCE] += rate * (features[LATE_CORRELATION] - numbers[COHERENCE])
        if own == int(numbers[DOMINANT]):
            move_kernel(raw, lag, rate, late)
    features[P_COHERENCE] = numbers[COHERENCE]


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
    dominant = int(memory.numbers[DOMINANT])
    weights = 0.0
    rules = _TINY
    for k in range(len(clusters)):
        weights += clusters[k, WEIGHT]
        rules += clusters[k, RULE]
    features[CLUSTER_SHARE] = cluster[WEIGHT] / weights
    features[DOMINANT_SHARE] = clusters[dominant, WEIGHT] / weights
    features[CLUSTER_RULE] = cluster[RULE] / rules
    features[CLUSTER_COUNT] = np.log(1.0 + cluster[COUNT]) / 4.0 - 0.5
    features[CLUSTER_PREMATURITY] = cluster[EARLINESS]
    features[CLUSTER_SPREAD] = cluster[SPREAD]
    features[CLUSTER_PAUSE] = cluster[PAUSE]
    features[CLUSTER_P] = cluster[P_WAVE]
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
