"""Typical beats of a whole record at 500 Hz, offline: one without a high-pass filter, one of the usual band.

A high-pass filter bends what matters in infarction, the level of ST and the end of T. So the wander is taken
out as a reader with a ruler does: the level between P and QRS of every beat is zero, and between beats a
monotone cubic joins those levels (Meyer & Keiser 1977, Comput Biomed Res 10:459, with a cubic that does not
overshoot: Fritsch & Carlson 1980, SIAM J Numer Anal 17:238). Nothing here looks at a label.
"""

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

__all__ = [
    "BAND_AT",
    "BAND_FS",
    "BAND_POINTS",
    "FS",
    "R_AT",
    "RecordBeats",
    "band_beat",
    "levelled",
    "pr_beats",
]

FS: Final = 500.0
R_AT: Final = 220
"""Sample of R in a beat with PR baseline, which begins 0.44 s before it."""
_AFTER: Final = 320
BAND_FS: Final = 250.0
BAND_AT: Final = 90
"""Sample of R in a beat of the usual band, which begins 0.36 s before it."""
_BAND_AFTER: Final = 140
BAND_POINTS: Final = BAND_AT + _BAND_AFTER

_ALIKE: Final = 0.05
"""Beats whose correlation with the median beat lies so far below the median one are not typical."""
_SHIFT: Final = 15
"""Samples that R is moved by at most in one round of alignment: 30 ms."""
_REACH: Final = 50
"""Samples before and after R that are compared: 100 ms."""
_RR_S: Final = 0.8
"""Where a record has one beat alone."""


class RecordBeats(NamedTuple):
    """The beats of one record over their PR level, millivolt, 500 Hz, R at sample `R_AT`.

    Attributes
    ----------
    typical, spread
        Of shape (540,): median and standard deviation of the beats that are alike.
    each
        Of shape (n_beats, 540): those with their whole window within the record; all, where fewer than two
        have.
    alike
        Of shape (n_beats,): correlation with the median from 0.2 s before R to 0.4 s after it.
    peaks
        Of shape (n_peaks,): samples of R, ascending.
    rr_s
        Median RR, seconds.
    """

    typical: NDArray[np.float32]
    spread: NDArray[np.float32]
    each: NDArray[np.float32]
    alike: NDArray[np.float64]
    peaks: NDArray[np.int64]
    rr_s: float

    @property
    def usual(self) -> NDArray[np.bool_]:
        """Which beats are alike; at least one is."""
        return _usual(self.alike)


def pr_beats(signal: NDArray[np.float64], peaks: NDArray[np.int64]) -> RecordBeats:
    """Return the beats of a record over their PR level, low-passed at 100 Hz both ways.

    Parameters
    ----------
    signal
        Of shape (n_samples,), millivolt, 500 Hz, more than 2 s.
    peaks
        Where a detector found beats, at least one.
    """
    found = _aligned(sosfiltfilt(_band(5.0, 40.0), signal), peaks)
    wave = np.pad(levelled(signal, found), R_AT + _AFTER, mode="edge")
    whole = (found >= R_AT) & (found + _AFTER <= len(signal))
    each = _cut(wave, (found[whole] if whole.sum() >= 2 else found) + _AFTER, R_AT + _AFTER)
    alike = _correlations(each[:, 120:420], np.median(each, axis=0)[120:420])
    usual = each[_usual(alike)]
    typical = np.median(usual, axis=0) if len(usual) > 2 else usual.mean(axis=0)
    rr_s = float(np.median(np.diff(found))) / FS if len(found) > 1 else _RR_S
    f32 = np.float32
    return RecordBeats(
        typical.astype(f32), usual.std(axis=0).astype(f32), each.astype(f32), alike, found, rr_s
    )


def levelled(signal: NDArray[np.float64], peaks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the signal, low-passed at 100 Hz, over a curve through its PR levels; of shape (n_samples,).

    The PR level of a beat is the median of 26 ms where the median beat is flattest: the 24 ms of least span
    that begin 120 to 52 ms before R. Before the first and after the last such level the curve is flat; with
    fewer than four it is a line, with fewer than two the median of the record.

    Parameters
    ----------
    peaks
        Samples of R, at least one.
    """
    n = len(signal)
    wave = sosfiltfilt(_low(), signal, padlen=500)
    smooth = np.pad(uniform_filter1d(signal, 10), 70, mode="edge")  # 20 ms: no mains
    before = np.median(_cut(smooth, peaks, 70), axis=0)
    flattest = 10 + int(np.argmin([np.ptp(before[k : k + 12]) for k in range(10, 45)]))
    points = np.unique(peaks + flattest - 64)
    points = points[(points >= 6) & (points < n - 6)]
    levels = np.array([np.median(wave[k - 6 : k + 7]) for k in points])
    if len(points) < 2:
        return wave - np.median(wave)
    at = np.clip(np.arange(n), points[0], points[-1])
    if len(points) < 4:
        return np.asarray(wave - np.interp(at, points, levels), np.float64)
    return np.asarray(wave - PchipInterpolator(points, levels)(at), np.float64)


def band_beat(signal: NDArray[np.float64], peaks: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the median beat of 0.5 to 45 Hz, filtered both ways: of shape (230,), 250 Hz, R at `BAND_AT`.

    R is where the detector has it; beats are moved by up to 20 ms to where they match the median, twice.

    Parameters
    ----------
    signal, peaks
        As for `pr_beats`.
    """
    wave = sosfiltfilt(_band(0.5, 45.0), signal, padlen=1000)[::2]
    at = np.round(peaks / 2).astype(np.int64)
    inner = at[(at >= BAND_AT) & (at + _BAND_AFTER < len(wave))]
    padded = np.pad(wave, BAND_POINTS)
    begin = BAND_POINTS - BAND_AT
    cut = _cut(padded, (inner if len(inner) else at) + begin, BAND_POINTS)
    middle = np.median(cut, axis=0)
    for _ in range(2):
        if len(inner):
            moved = _matched(
                padded, inner + BAND_POINTS, middle[BAND_AT - 40 : BAND_AT + 60], before=40, by=5
            )
            cut = _cut(padded, moved - BAND_AT, BAND_POINTS)
        middle = np.median(cut[_usual(_correlations(cut, middle))], axis=0)
    return middle.astype(np.float32)


def _aligned(quick: NDArray[np.float64], peaks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move each peak to where the wave, of 5 to 40 Hz, matches the median QRS best, twice; return R.

    All are moved alike in the end, so that R is the largest deflection of the median QRS.
    """
    n = len(quick)
    found = peaks[(peaks >= 0) & (peaks < n)]
    pad = _REACH + _SHIFT
    padded = np.pad(quick, pad)
    for _ in range(2):
        inner = (found >= 60) & (found < n - 60)
        movable = inner & (found < n - 80)  # the last may leave the record
        if not inner.any():
            return found
        middle = np.median(_cut(padded, found[inner] + pad - _REACH, 2 * _REACH), axis=0)
        found = found.copy()
        found[movable] = _matched(padded, found[movable] + pad, middle, before=_REACH, by=_SHIFT) - pad
    middle = np.median(_cut(padded, found + pad - _REACH, 2 * _REACH), axis=0)
    off = int(np.argmax(np.abs(middle[20:80]))) - 30
    return np.unique(np.clip(found + off, 0, n - 1))


def _matched(
    wave: NDArray[np.float64], at: NDArray[np.int64], middle: NDArray[np.float64], *, before: int, by: int
) -> NDArray[np.int64]:
    """Return each place, moved by up to ``by`` samples to where ``middle``, from ``before`` it, fits best."""
    near = _cut(wave, at - before - by, len(middle) + 2 * by)
    products = np.lib.stride_tricks.sliding_window_view(near, len(middle), axis=1) @ middle
    return np.asarray(at - by + np.argmax(products, axis=1), np.int64)


def _cut(wave: NDArray[np.float64], begin: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.asarray(wave[begin[:, np.newaxis] + np.arange(n)])


def _correlations(x: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of each row with ``middle``; 0 where either is flat."""
    rows, one = x - x.mean(axis=1, keepdims=True), middle - middle.mean()
    size = np.linalg.norm(rows, axis=1) * np.linalg.norm(one)
    return np.asarray(np.divide(rows @ one, size, out=np.zeros(len(x)), where=size > 0))


def _usual(alike: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(alike >= np.median(alike) - _ALIKE)


@cache
def _band(low_hz: float, high_hz: float) -> NDArray[np.float64]:
    return np.asarray(butter(2, [low_hz, high_hz], "bandpass", fs=FS, output="sos"))


@cache
def _low() -> NDArray[np.float64]:
    return np.asarray(butter(4, 100.0, fs=FS, output="sos"))
