"""One beat from where its QRS complex begins: the beginning, and the P wave before it.

What comes from above the ventricles has a P wave at its usual distance and begins as the patient's own
beats do, even where a bundle branch fails and all the rest is slow; a ventricular beat has and does
neither. The middle of the complex, which windows are centred on, moves as it widens; its onset stays.

The names and meanings stand in `monitor.window.SHAPES`. Loops over explicit arrays: bit-identical for
any partition of the signal (law 1).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.measures import alike_kernel
from monitor.shape_features import (
    DURATION,
    INITIAL_CORRELATION,
    INITIAL_RESIDUAL,
    P_CORRELATION,
    P_SIZE,
    UPSTROKE,
    UPSTROKE_OWN,
    size_ratio_kernel,
)
from monitor.stage import kernel

__all__ = ["extent_kernel", "initial_kernel", "p_wave_kernel"]

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
_P_POINTS: Final = (26, 4)
"""The P wave is looked for from 200 to 30 ms before the onset of the QRS complex ..."""
_P_LAG: Final = 2
"""... and may lie 16 ms from where it usually does."""
_TINY: Final = 1e-9


@kernel
def initial_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the beginning of the QRS complex compares with the dominant one's."""
    own = extent_kernel(raw, qrs, scale)
    usual = extent_kernel(dominant, qrs, scale)
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
def extent_kernel(
    shape: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64]
) -> tuple[int, int]:
    """Return the first and one past the last steep point of the QRS complex; at least one point.

    Parameters
    ----------
    shape
        Of shape (n_points, n_leads).
    qrs
        The stretch in which it lies: its first point and one past its last.
    scale
        Of shape (n_leads,): the QRS height of each lead.
    """
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
    own = extent_kernel(raw, qrs, scale)[0]
    usual = extent_kernel(late, qrs, scale)[0]
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
    features[P_SIZE] = size_ratio_kernel(raw, late, span, at, scale)
