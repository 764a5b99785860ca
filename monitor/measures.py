"""One beat's shape in numbers, by itself and against other shapes of the patient.

Loops over explicit arrays: bit-identical for any partition of the signal (law 1).
"""

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel

__all__ = ["alike_kernel", "best_lag_kernel", "compare_kernel", "scale_kernel", "size_kernel"]

_TINY = 1e-9


@kernel
def scale_kernel(shape: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64]) -> None:
    """Write each lead's QRS height, at least a tenth of the largest, so that a dead lead stays small."""
    largest = 1e-6
    for lead in range(len(scale)):
        low = shape[qrs[0], lead]
        high = low
        for k in range(qrs[0], qrs[1]):
            low = min(low, shape[k, lead])
            high = max(high, shape[k, lead])
        scale[lead] = high - low
        largest = max(largest, scale[lead])
    for lead in range(len(scale)):
        scale[lead] = max(scale[lead], 0.1 * largest)


@kernel
def alike_kernel(
    raw: NDArray[np.float64],
    shape: NDArray[np.float64],
    span: tuple[int, int],
    lag: int,
    scale: NDArray[np.float64],
) -> float:
    """Return the correlation over a span of ``raw``, ``lag`` points later, with that of ``shape``."""
    n = span[1] - span[0]
    across = 0.0
    own = 1e-12
    other = 1e-12
    for lead in range(len(scale)):
        mean_a = 0.0
        mean_b = 0.0
        aa = 0.0
        ab = 0.0
        bb = 0.0
        for k in range(span[0], span[1]):
            a = raw[k + lag, lead]
            b = shape[k, lead]
            mean_a += a
            mean_b += b
            aa += a * a
            ab += a * b
            bb += b * b
        weight = 1.0 / (scale[lead] * scale[lead])
        across += weight * (ab - mean_a * mean_b / n)
        own += weight * (aa - mean_a * mean_a / n)
        other += weight * (bb - mean_b * mean_b / n)
    return float(across / np.sqrt(own * other))


@kernel
def best_lag_kernel(
    raw: NDArray[np.float64],
    shape: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
) -> tuple[float, int]:
    """Return the best correlation of two QRS complexes at small lags, and that lag."""
    best = -2.0
    at = 0
    for lag in range(-qrs[2], qrs[2] + 1):
        alike = alike_kernel(raw, shape, (qrs[0], qrs[1]), lag, scale)
        if alike > best:
            best, at = alike, lag
    return best, at


@kernel
def compare_kernel(
    raw: NDArray[np.float64],
    shape: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
) -> float:
    """Return the best correlation of two QRS complexes at small lags."""
    return best_lag_kernel(raw, shape, qrs, scale)[0]


@kernel
def size_kernel(
    shape: NDArray[np.float64], span: tuple[int, int], scale: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return height, equivalent width (area over height, points) and steepest slope over a span.

    Heights and slopes are means over the leads in units of ``scale``.
    """
    height = 0.0
    area = 0.0
    slope = 0.0
    for lead in range(len(scale)):
        low = shape[span[0], lead]
        high = low
        middle = 0.0
        steepest = 0.0
        for k in range(span[0], span[1]):
            low = min(low, shape[k, lead])
            high = max(high, shape[k, lead])
            middle += shape[k, lead] / (span[1] - span[0])
            steepest = max(steepest, abs(shape[k, lead] - shape[k - 1, lead]))
        height += (high - low) / scale[lead]
        slope += steepest / scale[lead]
        for k in range(span[0], span[1]):
            area += abs(shape[k, lead] - middle) / scale[lead]
    n = len(scale)
    return height / n, area / (height + _TINY), slope / n
