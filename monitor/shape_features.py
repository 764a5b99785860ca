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
    "log_ratio_kernel",
    "recent_kernel",
    "size_ratio_kernel",
]

_TINY: Final = 1e-9
_FLAT: Final = 0.05
"""Heights before and after the QRS are compared as if they were this much larger (of a QRS)."""

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
    CLUSTER_P,
) = range(49)


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
    features[AFTER_SIZE] = size_ratio_kernel(raw, dominant, after, 0, scale)
    features[BEFORE_CORRELATION] = alike_kernel(raw, dominant, before, lag, scale)
    features[BEFORE_SIZE] = size_ratio_kernel(raw, dominant, before, 0, scale)
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
    raw: NDArray[np.float64],
    shape: NDArray[np.float64],
    span: tuple[int, int],
    lag: int,
    scale: NDArray[np.float64],
) -> float:
    """Return the log ratio of two heights: over a span of ``raw``, ``lag`` points later, and of ``shape``."""
    height = size_kernel(raw, (span[0] + lag, span[1] + lag), scale)[0]
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
