"""Windows around peaks: what `monitor.plain_window.PlainCutter` gives, for all beats of a record at once."""

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.excerpt import excerpt_kernel, resampler
from monitor.filters import monitor_band
from monitor.plain_window import RR_MEMORY_S, plain_beat
from monitor.settings import FilterSettings
from monitor.window import WindowSpec

__all__ = ["BAND", "FS_PUBLISHED", "KACHUEE", "NEXT_RR", "median_rr", "resampled", "served", "windows"]

BAND: Final = FilterSettings()
"""The filter that the live pipeline has unless told otherwise; a model is trained for that."""

FS_PUBLISHED: Final = 120.0
"""Points per second of the published CSVs: every third sample of MIT-BIH (see `models.datasets.kachuee`)."""

KACHUEE: Final = WindowSpec(
    fs=FS_PUBLISHED,
    n_pre=0,
    n_post=186,
    n_leads=1,
    shapes=0,
    features=(),
    scaling="unit",
    length_rr=1.2,
)
"""The window of the published CSVs: from R on, 1.2 RR long, zeros up to 187 points."""

NEXT_RR: Final = (
    "its windows end by R peaks to come, which a monitor has not seen: train with --dataset kachuee "
    "--option recipe=served"
)
"""Why networks trained on the published CSVs serve nothing."""


def windows(
    wave: NDArray[np.float64],
    peaks: NDArray[np.int64],
    spec: WindowSpec,
    *,
    fs: float,
    rr_s: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Cut, resample, end and scale the window of each peak.

    Parameters
    ----------
    wave
        Of shape (n_samples, n_leads).
    peaks
        Of shape (n_beats,): indices into it.
    fs
        Of the wave, Hz.
    rr_s
        Of shape (n_beats,): the RR that ``spec.length_rr`` counts in, seconds; NaN where not known.

    Returns
    -------
    NDArray
        Of shape (n_beats, n_points, n_leads); what lies beyond either end repeats the last value.
    """
    first, weights = resampler(spec, fs=fs)
    cut = np.zeros((len(peaks), spec.n_points, wave.shape[1]), np.float32)
    raw = np.zeros(cut.shape[1:])
    for k, (peak, rr) in enumerate(zip(peaks.tolist(), rr_s.tolist(), strict=True)):
        excerpt_kernel(wave, peak, first, weights, raw)
        cut[k] = plain_beat(raw, spec=spec, rr_s=None if np.isnan(rr) else rr)
    return cut


def served(
    signal: NDArray[np.float64], peaks: NDArray[np.int64], spec: WindowSpec, *, fs: float
) -> NDArray[np.float32]:
    """Return the windows that serving would cut, were these the beats it found.

    Parameters
    ----------
    signal
        Of shape (n_samples, n_leads), millivolt, NaN = missing.
    peaks
        Of shape (n_beats,): indices into it, ascending.

    Returns
    -------
    NDArray
        Of shape (n_beats, n_points, n_leads).
    """
    band = monitor_band(BAND, fs=fs, n_leads=signal.shape[1])
    rr_s = np.full(len(peaks), np.nan) if spec.length_rr is None else median_rr(peaks, fs=fs)
    return windows(band.push(signal), peaks + band.delay, spec, fs=fs, rr_s=rr_s)


def median_rr(peaks: NDArray[np.int64], *, fs: float) -> NDArray[np.float64]:
    """Return for each peak the median RR of the last 10 s, its own included, in seconds; NaN for the first.

    Nothing of the next beat goes into it.
    """
    medians = np.full(len(peaks), np.nan)
    rr = np.diff(peaks)
    oldest = np.searchsorted(peaks, peaks - round(RR_MEMORY_S * fs), "right")
    for k in range(1, len(peaks)):
        medians[k] = np.median(rr[max(int(oldest[k]) - 1, 0) : k]) / fs
    return medians


def resampled(signal: NDArray[np.float64], *, fs: float, to: float) -> NDArray[np.float64]:
    """Return a signal of shape (n_samples, n_leads) at another rate, by `scipy.signal.resample_poly`."""
    from scipy.signal import resample_poly

    ratio = Fraction(repr(to)) / Fraction(repr(fs))
    whole = np.nan_to_num(signal)
    return np.asarray(
        resample_poly(whole, ratio.numerator, ratio.denominator, axis=0, padtype="edge"), dtype=np.float64
    )
