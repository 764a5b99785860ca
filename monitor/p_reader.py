"""Whether a P wave leads up to a beat, as small networks read it from the window of the beat alone.

It needs no beat to compare with, so that it tells the first beat after fibrillation from the last one of it.
Each lead is read by itself, by some networks whose mean counts; no P wave is believed where any lead shows
one. The weights are of patients in fibrillation and in sinus rhythm, none of them of mitdb;
`models.p_reader` has the recipe.

Three convolutions, each followed by rectified units and by taking the larger of two neighbouring
points, then two dense layers (LeCun, Bottou, Bengio & Haffner 1998).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel
from monitor.weights_p import Network, shipped
from monitor.window import WindowSpec

__all__ = ["SHOWN", "PReader", "cut_off", "read_kernel"]

Floats = NDArray[np.float32]

SHOWN: Final = WindowSpec(fs=128.0, n_pre=49, n_post=46, n_leads=1, shapes=0, features=())
"""What the network is shown of each lead."""

_LARGEST: Final = 2.0
"""What is higher than so many QRS is cut off."""
_TINY: Final = 1e-6


class PReader:
    """Reads the windows of one bed.

    Parameters
    ----------
    window
        What is cut of each beat. Where it is not in units of the dominant beat, of another rate or too
        short, nothing is read.
    """

    def __init__(self, window: WindowSpec) -> None:
        self._networks = shipped()
        self._first = window.n_pre - SHOWN.n_pre
        self._n_leads = window.n_leads
        reaches = self._first >= 0 and window.n_post >= SHOWN.n_post
        self._reads = not window.is_plain and window.fs == SHOWN.fs and reaches

    def read(self, window: NDArray[np.float32]) -> float:
        """Return the log-odds of no P wave, by the lead that speaks most for one; 0 where nothing is read.

        Parameters
        ----------
        window
            Of shape (n_points, n_channels), leads first.
        """
        if not self._reads:
            return 0.0
        shown = window[self._first : self._first + SHOWN.n_points, : self._n_leads]
        leads = [lead for lead in np.ascontiguousarray(shown.T) if _any(lead)]
        told = [sum(read_kernel(lead, each) for each in self._networks) for lead in leads]
        return min(told, default=0.0) / len(self._networks)


def cut_off(windows: Floats) -> Floats:
    """Cut off what is higher than two QRS complexes."""
    return np.clip(windows, -_LARGEST, _LARGEST)


def _any(lead: Floats) -> bool:
    return bool(np.ptp(lead) > _TINY)


@kernel
def read_kernel(lead: Floats, net: Network) -> float:
    """Return the log-odds of no P wave in one lead of shape (n_points,), in units of the dominant QRS."""
    whole = np.minimum(np.maximum(lead, -_LARGEST), _LARGEST).reshape(-1, 1)
    level = np.float32(np.mean(whole))
    one = _convolved((whole - level).astype(np.float32), net.kernel1, net.bias1)
    two = _convolved(one, net.kernel2, net.bias2)
    three = _convolved(two, net.kernel3, net.bias3)
    hidden = net.bias4.copy()
    n_channels = three.shape[1]
    for k in range(three.shape[0]):
        for c in range(n_channels):
            for j in range(len(hidden)):
                hidden[j] += three[k, c] * net.kernel4[k * n_channels + c, j]
    out = float(net.bias5[0])
    for j in range(len(hidden)):
        if hidden[j] > 0:
            out += hidden[j] * net.kernel5[j, 0]
    return float(out)


@kernel
def _convolved(x: Floats, taps: Floats, bias: Floats) -> Floats:
    """Return a convolution with zeros beyond either end, rectified, the larger of each two points."""
    n, n_in = x.shape
    n_taps, _, n_out = taps.shape
    half = n_taps // 2
    pooled = np.zeros((n // 2, n_out), np.float32)
    point = np.empty(n_out, np.float32)
    for k in range(2 * (n // 2)):
        point[:] = bias
        for tap in range(n_taps):
            at = k + tap - half
            if 0 <= at < n:
                for c in range(n_in):
                    for j in range(n_out):
                        point[j] += x[at, c] * taps[tap, c, j]
        for j in range(n_out):
            pooled[k // 2, j] = max(pooled[k // 2, j], point[j])
    return pooled
