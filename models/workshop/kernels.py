"""Random convolutions: what a beat looks like to thousands of small filters that were never trained.

Dempster, Petitjean & Webb 2020 (ROCKET, Data Min Knowl Disc 34:1454): of each filter the largest
answer and the share of answers above zero, then a linear classifier. With hundreds of records rather than
hundreds of thousands that is as good as a trained network, and takes seconds.

Deviations: filters of nine points with dilations of powers of two, so that all of one dilation are one
matrix product; always padded, so that the answers are as long as the window.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["answers"]

_WIDTH: Final = 9
_AT_ONCE: Final = 1 << 22
"""Answers computed at once, so that memory stays bounded."""


def answers(x: NDArray[np.float32], *, n_kernels: int, seed: int, bias: float = 0.1) -> NDArray[np.float32]:
    """Return two numbers for each filter, of shape (n, 2 n_kernels).

    Parameters
    ----------
    x
        Windows of shape (n, n_points, n_channels).
    n_kernels
        How many filters, dealt out evenly over the dilations that fit the window.
    seed
        Fixes the filters; they do not depend on ``x``.
    bias
        Largest threshold, in the unit of the windows.
    """
    _, n_points, n_channels = x.shape
    most = max(0, int(np.log2(max(1, (n_points - 1) / (_WIDTH - 1)))))
    rng = np.random.default_rng(seed)
    columns = []
    for part, dilation in zip(
        np.array_split(np.arange(n_kernels), most + 1), 2 ** np.arange(most + 1), strict=True
    ):
        weights = rng.normal(size=(_WIDTH, n_channels, len(part)))
        weights -= weights.mean(axis=0)
        biases = rng.uniform(-bias, bias, size=len(part))
        columns.append(_of_dilation(x, weights.astype(np.float32), biases.astype(np.float32), int(dilation)))
    return np.concatenate(columns, axis=1)


def _of_dilation(
    x: NDArray[np.float32], weights: NDArray[np.float32], biases: NDArray[np.float32], dilation: int
) -> NDArray[np.float32]:
    n, n_points, n_channels = x.shape
    width, _, n_kernels = weights.shape
    reach = (width // 2) * dilation
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    found = np.empty((n, 2 * n_kernels), np.float32)
    step = max(1, _AT_ONCE // (n_points * max(1, n_kernels)))
    flat = weights.reshape(width * n_channels, n_kernels)
    for begin in range(0, n, step):
        some = padded[begin : begin + step]
        taps = [some[:, k * dilation : k * dilation + n_points] for k in range(width)]
        told = np.concatenate(taps, axis=2) @ flat + biases
        found[begin : begin + step, :n_kernels] = told.max(axis=1)
        above = np.add.reduce(
            (told > 0).view(np.uint8), axis=1, dtype=np.uint32
        )  # ten times as fast as a mean
        found[begin : begin + step, n_kernels:] = above / n_points
    return found
