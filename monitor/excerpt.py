"""One beat's stretch of the wave: where its middle is, and its samples at the rate a network wants.

Loops over explicit arrays: bit-identical for any partition of the signal (law 1).
"""

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel
from monitor.window import WindowSpec

__all__ = ["center_kernel", "excerpt_kernel", "resample_kernel", "resampler"]


@kernel
def center_kernel(wave: NDArray[np.float64], at: int, reach: tuple[int, int, int], n_used: int) -> int:
    """Return how far after index ``at`` the QRS complex has its middle: the centroid of its squared slope.

    R may be any of the deflections of one and the same shape, and with a little noise now this and
    now that; the middle stays where it is, so that beats of one shape are cut alike. ``reach`` is
    half the step of the slope, half the width that is looked at, and the largest answer, in samples.
    """
    step, half, most = reach
    last = len(wave) - 1
    center = at
    for _ in range(2):
        total = 1e-12
        moment = 0.0
        for i in range(center - half, center + half + 1):
            energy = 0.0
            for lead in range(n_used):
                rise = wave[min(max(i + step, 0), last), lead] - wave[min(max(i - step, 0), last), lead]
                energy += rise * rise
            total += energy
            moment += energy * (i - center)
        center += int(np.floor(moment / total + 0.5))
        center = min(max(center, at - most), at + most)
    return center - at


@kernel
def excerpt_kernel(
    wave: NDArray[np.float64],
    at: int,
    first: NDArray[np.int64],
    weights: NDArray[np.float64],
    raw: NDArray[np.float64],
) -> None:
    """Fill ``raw`` with the first leads around index ``at``.

    Samples beyond either end of the wave repeat its first or last one.
    """
    n_points, n_taps = weights.shape
    last = len(wave) - 1
    for lead in range(raw.shape[1]):
        for k in range(n_points):
            value = 0.0
            for tap in range(n_taps):
                i = min(max(at + first[k] + tap, 0), last)
                value += weights[k, tap] * wave[i, lead]
            raw[k, lead] = value


@kernel
def resample_kernel(
    wave: NDArray[np.float64],
    at: int,
    first: NDArray[np.int64],
    weights: NDArray[np.float64],
    raw: NDArray[np.float64],
) -> None:
    """Do as `excerpt_kernel`, and remove each lead's own mean."""
    excerpt_kernel(wave, at, first, weights, raw)
    n_points = len(raw)
    for lead in range(raw.shape[1]):
        mean = 0.0
        for k in range(n_points):
            mean += raw[k, lead]
        mean /= n_points
        for k in range(n_points):
            raw[k, lead] -= mean


def resampler(spec: WindowSpec, *, fs: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, per window point, the first sample relative to the middle and the weights from there on.

    A hat as wide as one period of the slower of the two rates on either side: linear interpolation
    when the window is the finer grid, a mild anti-aliasing mean when it is the coarser one.
    """
    at = np.arange(-spec.n_pre, spec.n_post + 1) * (fs / spec.fs)
    reach = max(1.0, fs / spec.fs)
    first = np.floor(at - reach).astype(np.int64) + 1
    n_taps = int(np.ceil(2 * reach))
    taps = first[:, np.newaxis] + np.arange(n_taps)
    weights = np.clip(1.0 - np.abs(taps - at[:, np.newaxis]) / reach, 0.0, None)
    return first, np.ascontiguousarray(weights / weights.sum(axis=1, keepdims=True))
