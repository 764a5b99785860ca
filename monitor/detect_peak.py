"""Where R lies, for any detector: the largest excursion near a candidate."""

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel

__all__ = ["excursion"]


@kernel
def excursion(
    ring: NDArray[np.float64], mask: int, first: int, last: int, polarity: float
) -> tuple[int, float]:
    """Return the index of the largest excursion from first to last, and which direction is the usual one now.

    Measured from the line between the ends, in the direction that was the larger one lately.

    Parameters
    ----------
    ring
        Raw millivolts; index ``i`` lies at ``i & mask``.
    first, last
        Absolute indices, both included.
    polarity
        From -1 (down) to 1 (up).
    """
    left = ring[first & mask]
    right = ring[last & mask]
    up = -1e30
    down = -1e30
    up_at = first
    down_at = first
    for j in range(first, last + 1):
        share = (j - first) / max(last - first, 1)
        value = ring[j & mask] - left - share * (right - left)
        if value > up:
            up = value
            up_at = j
        if -value > down:
            down = -value
            down_at = j
    balance = (up - down) / (up + down + 1e-12)
    sample = up_at if balance + 0.5 * polarity >= 0 else down_at
    return sample, polarity + 0.125 * (balance - polarity)
