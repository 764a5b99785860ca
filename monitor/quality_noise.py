"""How noisy a lead is: whether its QRS band is swamped, so that beats found cannot be trusted.

The measure looks at the last 3 s in bins of a quarter of a second: the power in four bands
(0.5 to 2.5, 2.5 to 8, 8 to 20 and 20 to 40 Hz), how quiet the QRS band is in its quieter bins against
its loudest, and both against the lead's usual QRS level, which is learned while the lead is good.
Nine logarithms of ratios go into one logistic score. Its weights were fitted on DS1 records without
118 and 119, clean and with noise added (``bw``, ``ma``, coloured noise, synthetic electrode motion;
never ``em``), a bin being noisy where the noise in the QRS band exceeds 0.9 of the signal there and
clean below 0.45; ventricular fibrillation and tachycardia of vfdb 418 to 428 count as clean. A lead
whose QRS band held next to nothing for a second is quiet, not noisy, whatever came before: asystole
after a shock must be seen.

What is learned of a line without a beat is no usual level: beats on it would all be noise. Until complexes
have stood clear for some seconds, a line that has held next to nothing is learned anew as soon as twice as
much comes; what holds, good or noisy, goes on to hold for the 3 s that this takes.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel, put_in_order

__all__ = ["BANDS_HZ", "BIN_S", "N_BINS", "Lead", "Parameters", "add_power", "bands", "close_bin", "judge"]

BANDS_HZ: Final = ((0.5, 2.5), (2.5, 8.0), (8.0, 20.0), (20.0, 40.0))
_QRS: Final = 2
N_BINS: Final = 12
BIN_S: Final = 0.25
_HARMLESS: Final = 0.15
"""Below this share of the usual QRS level nothing in the QRS band swamps anything: asystole, a dead lead."""
_NOTHING_MV: Final = 0.006
"""RMS in the QRS band below which there is nothing, on a line that has never held twice as much: one that
was silent from the start holds electronic noise alone (30 uV from peak to valley, about 5 uV RMS, are
allowed by ANSI/AAMI EC13), and its usual level is that of the noise."""
_NO_QRS_MV: Final = 0.02
"""Usual level that no QRS complex has made: one of 0.15 mV, which a monitor need not find (ANSI/AAMI EC13),
has half as much again."""
_MORE: Final = 2.0
"""Beats may have begun on a line without any where there is so many times the usual level."""
_CLEAR: Final = -2.0
"""Score below which complexes stand clear of what is between them; white noise alone seldom has it, ..."""
_CLEAR_BINS: Final = 20
"""... so many times in a row it never had it in 20 min; small beats are known by then."""
_FULL: Final = 0.85
"""Complexes have at least this share of the usual level: less is what a burst has left behind."""
_QUIET_BINS: Final = 4
_SILENCE: Final = -10.0
"""Score of a quiet line."""
_WEIGHTS: Final = np.array([8.655, 2.487, 0.754, -6.388, 3.89, 0.576, 5.029, 0.369, -2.946])
_INTERCEPT: Final = 2.001


class Parameters(Protocol):
    """What is set of it: log odds to enter and to leave the noisy state, and for how many bins."""

    enter_bins: int
    leave_bins: int
    enter: float
    leave: float


class Lead(Protocol):
    """What a lead's state has for it."""

    noisy: int
    in_bin: int
    n_bins: int
    run: int
    clear: int
    usual: float


def bands(*, fs: float) -> NDArray[np.float64]:
    """Return one second-order section per band, of shape (n_bands, 5): b0, b1, b2, a1, a2."""
    from scipy import signal

    sos = np.concatenate([signal.butter(1, band, "bandpass", fs=fs, output="sos") for band in BANDS_HZ])
    return np.ascontiguousarray(sos[:, [0, 1, 2, 4, 5]])


@kernel
def add_power(
    value: float, sos: NDArray[np.float64], filters: NDArray[np.float64], sums: NDArray[np.float64]
) -> None:
    """Add one sample's power in each band to the open bin."""
    for band in range(len(sos)):
        out = sos[band, 0] * value + filters[band, 0]
        filters[band, 0] = sos[band, 1] * value - sos[band, 3] * out + filters[band, 1]
        filters[band, 1] = sos[band, 2] * value - sos[band, 4] * out
        sums[band] += out * out


@kernel
def close_bin(sums: NDArray[np.float64], bins: NDArray[np.float64], k: Lead) -> None:
    """Move the open bin's mean powers into the last place of the window."""
    for band in range(len(sums)):
        for j in range(1, bins.shape[1]):
            bins[band, j - 1] = bins[band, j]
        bins[band, -1] = sums[band] / k.in_bin
        sums[band] = 0.0
    k.in_bin = 0
    k.n_bins += 1


@kernel
def judge(bins: NDArray[np.float64], p: Parameters, k: Lead) -> None:
    """Score the window, move between good and noisy, and learn the usual QRS level while good."""
    level = np.sqrt(bins[_QRS])
    put_in_order(level)
    loud = level[-2]
    if k.clear < _CLEAR_BINS and k.usual < _NO_QRS_MV and loud > _MORE * k.usual > 0.0:
        _learn_anew(k)
        return
    if k.usual == 0.0:
        k.usual = loud + 1e-9
    quiet = _quiet(bins[_QRS], k.usual)
    score = _SILENCE if quiet else _score(bins, level, k.usual)
    if k.clear < _CLEAR_BINS:
        clear = score < _CLEAR and not quiet and loud > _FULL * k.usual
        k.clear = k.clear + 1 if clear else 0
    if k.noisy == 0:
        k.run = k.run + 1 if score > p.enter else 0
    else:
        k.run = k.run + 1 if score < p.leave else 0
    if quiet and k.noisy == 1:
        k.noisy = k.run = 0
    elif k.run >= (p.enter_bins if k.noisy == 0 else p.leave_bins):
        k.noisy = 1 - k.noisy
        k.run = 0
    gain = 0.05 if loud > k.usual else 0.01
    if k.noisy == 1:
        gain = 0.004
    elif quiet:
        gain = 0.0005
    k.usual += gain * (min(max(loud, 0.5 * k.usual), 2.0 * k.usual) - k.usual)


@kernel
def _learn_anew(k: Lead) -> None:
    """Forget the level of a line without a beat; what holds goes on to hold until the window is full."""
    k.usual = 0.0
    k.n_bins = k.run = k.clear = 0


@kernel
def _quiet(powers: NDArray[np.float64], usual: float) -> bool:
    """Tell whether the QRS band held next to nothing in the last second: asystole, whatever came before."""
    loudest = 0.0
    for j in range(len(powers) - _QUIET_BINS, len(powers)):
        loudest = max(loudest, powers[j])
    silent = _NOTHING_MV if usual < 2 * _NOTHING_MV else 0.0
    return loudest < max(_HARMLESS * usual, silent) ** 2


@kernel
def _score(bins: NDArray[np.float64], level: NDArray[np.float64], usual: float) -> float:
    """Return the log odds that the window is noisy."""
    n = bins.shape[1]
    power = np.zeros(4)
    for band in range(4):
        for j in range(n):
            power[band] += bins[band, j] / n
        power[band] += (0.01 * usual) ** 2  # what is far below a QRS complex has no colour
    terms = np.empty(9)
    terms[0] = np.log(level[n // 4] / usual + 0.01)
    terms[1] = np.log(level[n // 2] / usual + 0.01)
    terms[2] = np.log(level[-2] / usual + 0.01)
    terms[3] = np.log(level[n // 4] / (level[-1] + 1e-9) + 0.003)
    terms[4] = 0.5 * np.log(power[0] / power[_QRS])
    terms[5] = 0.5 * np.log(power[1] / power[_QRS])
    terms[6] = 0.5 * np.log(power[3] / power[_QRS])
    terms[7] = 0.5 * np.log(power[0] / usual**2 + 1e-4)
    terms[8] = 0.5 * np.log(power[1] / usual**2 + 1e-4)
    score = _INTERCEPT
    for j in range(9):
        score += _WEIGHTS[j] * terms[j]
    return float(score)
