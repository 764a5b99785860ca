"""One beat's shape against another of the patient's, in numbers.

The names and meanings stand in `monitor.window.SHAPES`. Loops over explicit arrays: bit-identical for
any partition of the signal (law 1).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.measures import alike_kernel, best_lag_kernel, compare_kernel, size_kernel
from monitor.stage import kernel

__all__ = [
    "around_kernel",
    "describe_kernel",
    "initial_kernel",
    "log_ratio_kernel",
    "p_wave_kernel",
    "recent_kernel",
    "size_ratio_kernel",
]

_TINY: Final = 1e-9
_FLAT: Final = 0.05
"""Heights before and after the QRS are compared as if they were this much larger (of a QRS)."""

# How the QRS complex begins and ends. Numbers of points are for the 128 Hz that cards ask for; at
# another rate of the window they are as many points, and so another time.
_STEEP: Final = 0.2
"""Of the steepest slope: above it the complex has begun. P and T waves and noise stay below it."""
_N_INITIAL: Final = 6
"""47 ms from the onset, which a block of the right bundle, the usual aberration, leaves as it was."""
_N_STROKE: Final = 5
"""40 ms, the stretches of Vereckei et al. 2007."""
_ONSET_LAG: Final = 1
"""An onset between two points may be found at either."""
_STILL: Final = 0.02
"""Ways are compared as if they were this much longer (of a QRS height): where nothing moves, 1 : 1."""
_EQUAL: Final = 0.01
"""The same for the residual: what noise leaves of two equal beginnings."""

# Places of the features, in the order of `monitor.window.SHAPES` (a test holds them together).
(
    CORRELATION,
    BEST,
    WORST,
    AMPLITUDE,
    WIDTH,
    WIDTH_OWN,
    SHARPNESS,
    PEAK,
    TROUGH,
    AFTER_CORRELATION,
    AFTER_SIZE,
    BEFORE_CORRELATION,
    BEFORE_SIZE,
    QUIET_RESIDUAL,
    NOISY_RESIDUAL,
    MISFIT,
    AMPLITUDE_MISFIT,
    WIDTH_MISFIT,
    RECENT_CORRELATION,
    RECENT_WIDTH,
    RECENT_AMPLITUDE,
    RECENT_SAME,
    LATE_CORRELATION,
    LATE_SIZE,
    P_COHERENCE,
    FIT,
    CLUSTER_SHARE,
    DOMINANT_SHARE,
    CLUSTER_RULE,
    CLUSTER_COUNT,
    CLUSTER_PREMATURITY,
    CLUSTER_SPREAD,
    CLUSTER_PAUSE,
    CLUSTER_CORRELATION,
    CLUSTER_AMPLITUDE,
    CLUSTER_WIDTH,
    LIKE_PREVIOUS,
    PREVIOUS_CORRELATION,
    PREVIOUS_SAME,
    RUN,
    UNREST,
    INITIAL_CORRELATION,
    INITIAL_RESIDUAL,
    UPSTROKE,
    UPSTROKE_OWN,
    DURATION,
    P_CORRELATION,
    P_SIZE,
) = range(48)


@kernel
def log_ratio_kernel(value: float, usual: float) -> float:
    """Return the natural logarithm of a ratio, 0 where both are nothing."""
    return float(np.log((value + _TINY) / (usual + _TINY)))


@kernel
def describe_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the QRS complex compares with the dominant one."""
    span = (qrs[0], qrs[1])
    features[CORRELATION] = compare_kernel(raw, dominant, qrs, scale)
    features[BEST] = -2.0
    features[WORST] = 2.0
    n_leads = raw.shape[1]
    for lead in range(n_leads):
        one = slice(lead, lead + 1)
        alike = compare_kernel(raw[:, one], dominant[:, one], qrs, scale[one])
        features[BEST] = max(features[BEST], alike)
        features[WORST] = min(features[WORST], alike)
        low, high, usual_low, usual_high = 0.0, 0.0, 0.0, 0.0
        for k in range(qrs[0], qrs[1]):
            low = min(low, raw[k, lead])
            high = max(high, raw[k, lead])
            usual_low = min(usual_low, dominant[k, lead])
            usual_high = max(usual_high, dominant[k, lead])
        upright = usual_high >= -usual_low
        features[PEAK] += (high if upright else -low) / (scale[lead] * n_leads)
        features[TROUGH] += (-low if upright else high) / (scale[lead] * n_leads)
    height, width, slope = size_kernel(raw, span, scale)
    usual, usual_width, usual_slope = size_kernel(dominant, span, scale)
    features[AMPLITUDE] = log_ratio_kernel(height, usual)
    features[WIDTH] = log_ratio_kernel(width, usual_width)
    features[WIDTH_OWN] = width / 4.0 - 2.0
    features[SHARPNESS] = log_ratio_kernel(slope, usual_slope) - features[AMPLITUDE]


@kernel
def around_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how what precedes and what follows the QRS complex compare with the dominant shape."""
    lag = best_lag_kernel(raw, dominant, qrs, scale)[1]
    after = (qrs[1], len(raw) - qrs[2])
    before = (qrs[2] + 1, qrs[0])
    features[AFTER_CORRELATION] = alike_kernel(raw, dominant, after, lag, scale)
    features[AFTER_SIZE] = size_ratio_kernel(raw, dominant, after, scale)
    features[BEFORE_CORRELATION] = alike_kernel(raw, dominant, before, lag, scale)
    features[BEFORE_SIZE] = size_ratio_kernel(raw, dominant, before, scale)
    quiet = 9.0
    noisy = 0.0
    n = before[1] - before[0]
    for lead in range(len(scale)):
        square = 0.0
        mean = 0.0
        for k in range(before[0], before[1]):
            gap = (raw[k, lead] - dominant[k, lead]) / scale[lead]
            mean += gap / n
            square += gap * gap / n
        residual = np.sqrt(max(0.0, square - mean * mean))
        quiet = min(quiet, residual)
        noisy = max(noisy, residual)
    features[QUIET_RESIDUAL] = np.log(quiet + 0.01) / 2.0 + 1.5
    features[NOISY_RESIDUAL] = np.log(noisy + 0.01) / 2.0 + 1.5


@kernel
def size_ratio_kernel(
    raw: NDArray[np.float64], shape: NDArray[np.float64], span: tuple[int, int], scale: NDArray[np.float64]
) -> float:
    """Return the log ratio of two heights over a span."""
    height = size_kernel(raw, span, scale)[0]
    usual = size_kernel(shape, span, scale)[0]
    return float(np.log((height + _FLAT) / (usual + _FLAT)))


@kernel
def recent_kernel(
    raw: NDArray[np.float64],
    recent: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the QRS complex compares with the shape of the last half minute."""
    span = (qrs[0], qrs[1])
    height, width, _ = size_kernel(raw, span, scale)
    recent_height, recent_width, _ = size_kernel(recent, span, scale)
    features[RECENT_CORRELATION] = compare_kernel(raw, recent, qrs, scale)
    features[RECENT_WIDTH] = log_ratio_kernel(width, recent_width)
    features[RECENT_AMPLITUDE] = log_ratio_kernel(height, recent_height)


@kernel
def initial_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the beginning of the QRS complex compares with the dominant one's."""
    own = _extent_kernel(raw, qrs, scale)
    usual = _extent_kernel(dominant, qrs, scale)
    best = -2.0
    least = 9.0
    for lag in range(-_ONSET_LAG, _ONSET_LAG + 1):
        alike, residual = _beginnings_kernel(raw, dominant, own[0] + lag, usual[0], scale)
        best = max(best, alike)
        least = min(least, residual)
    features[INITIAL_CORRELATION] = best
    features[INITIAL_RESIDUAL] = np.log(least + _EQUAL) / 2.0
    features[UPSTROKE_OWN] = _stroke_kernel(raw, own, scale)
    features[UPSTROKE] = features[UPSTROKE_OWN] - _stroke_kernel(dominant, usual, scale)
    features[DURATION] = np.log((own[1] - own[0]) / (usual[1] - usual[0]))


@kernel
def _extent_kernel(
    shape: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64]
) -> tuple[int, int]:
    """Return the first and one past the last steep point of the QRS complex; at least one point."""
    steepest = 0.0
    for k in range(qrs[0], qrs[1]):
        steepest = max(steepest, _step_kernel(shape, k, scale))
    first = -1
    last = qrs[0]
    for k in range(qrs[0], qrs[1]):
        if _step_kernel(shape, k, scale) > _STEEP * steepest:
            if first < 0:
                first = k
            last = k
    return max(first, qrs[0]), last + 1


@kernel
def _step_kernel(shape: NDArray[np.float64], k: int, scale: NDArray[np.float64]) -> float:
    """Return the way that all leads cover up to a point from the one before it, in QRS heights."""
    step = 0.0
    for lead in range(len(scale)):
        step += abs(shape[k, lead] - shape[k - 1, lead]) / scale[lead]
    return step


@kernel
def _beginnings_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    onset: int,
    usual: int,
    scale: NDArray[np.float64],
) -> tuple[float, float]:
    """Return correlation and relative residual of two beginnings, each from the level before its onset.

    Correlated without their means: where a wave starts from is known. Beyond the window its ends hold.
    """
    until = len(raw) - 1
    across = 0.0
    aa = _TINY
    bb = _TINY
    gap = 0.0
    for lead in range(len(scale)):
        a_level = raw[max(onset - 1, 0), lead]
        b_level = dominant[max(usual - 1, 0), lead]
        for j in range(_N_INITIAL):
            a = (raw[min(max(onset + j, 0), until), lead] - a_level) / scale[lead]
            b = (dominant[min(usual + j, until), lead] - b_level) / scale[lead]
            across += a * b
            aa += a * a
            bb += b * b
            gap += (a - b) * (a - b)
    return float(across / np.sqrt(aa * bb)), gap / bb


@kernel
def _stroke_kernel(shape: NDArray[np.float64], extent: tuple[int, int], scale: NDArray[np.float64]) -> float:
    """Return the log ratio of the way at the beginning of the QRS complex to that at its end."""
    start, stop = extent
    rise = _STILL
    fall = _STILL
    for k in range(start, min(start + _N_STROKE, stop)):
        rise += _step_kernel(shape, k, scale)
    for k in range(max(start, stop - _N_STROKE), stop):
        fall += _step_kernel(shape, k, scale)
    return float(np.log(rise / fall))


_P_POINTS: Final = (26, 4)
"""The P wave is looked for from 200 to 30 ms before the onset of the QRS complex ..."""
_P_LAG: Final = 2
"""... and may lie 16 ms from where it usually does."""


@kernel
def p_wave_kernel(
    raw: NDArray[np.float64],
    late: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the P wave compares with the sinus node's, at its distance from where the QRS begins.

    A block widens the QRS complex and moves its middle away from the P wave; its onset stays.
    """
    own = _extent_kernel(raw, qrs, scale)[0]
    usual = _extent_kernel(late, qrs, scale)[0]
    span = (max(usual - _P_POINTS[0], 1), usual - _P_POINTS[1])
    best = -2.0
    at = 0
    for lag in range(own - usual - _P_LAG, own - usual + _P_LAG + 1):
        if span[0] + lag < 0:
            continue
        alike = alike_kernel(raw, late, span, lag, scale)
        if alike > best:
            best, at = alike, lag
    features[P_CORRELATION] = max(best, -1.0)
    height = size_kernel(raw, (span[0] + at, span[1] + at), scale)[0]
    features[P_SIZE] = np.log((height + _FLAT) / (size_kernel(late, span, scale)[0] + _FLAT))
