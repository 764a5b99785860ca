"""Noise at a stated signal-to-noise ratio, baseline wander, and the noise-stress protocol.

The ratio is that of the MIT-BIH Noise Stress Test Database (Moody, Muldrow & Mark 1984; nst(1) and
sigamp(1) of the WFDB Software Package)::

    SNR = 10 log10 (S / (a**2 N))      S = size**2 / 8,  N = rms**2

with ``size`` the mean peak-to-peak amplitude of normal QRS complexes (a sine of that size has the
power S), ``rms`` that of the noise about its mean in windows of one second, both trimmed of their
largest and smallest 5 %, and ``a`` the gain of the noise. For record 118 with ``em`` this gives the
database's own gains within 1.5 % (test).

Nothing here reads a file: noise comes in as an array.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DATABASE_GAINS",
    "KINDS",
    "NoiseKind",
    "gains",
    "noise_rms",
    "noisy_segments",
    "qrs_size",
    "stress",
    "synthetic",
    "wander",
]

NoiseKind: TypeAlias = Literal["muscle", "motion", "baseline", "white"]
"""The kinds that `synthetic` makes."""

KINDS: Final[tuple[NoiseKind, ...]] = get_args(NoiseKind)

DATABASE_GAINS: Final[Mapping[tuple[str, str], Mapping[float, tuple[float, ...]]]] = MappingProxyType(
    {
        ("118", "em"): MappingProxyType(
            {
                24.0: (0.1868, 0.4818),
                12.0: (0.7432, 1.9156),
                0.0: (2.9604, 7.6391),
                -6.0: (5.9084, 15.2501),
            }
        )
    }
)
"""The gains that the database's own records were made with, by record and noise, dB and lead."""

_WINDOWS: Final = 300
"""QRS complexes, and one-second windows of noise, that are measured: the first so many."""
_HALF_QRS_S: Final = 0.05
_TRIMMED: Final = 0.05

Floats: TypeAlias = NDArray[np.float64]


def qrs_size(signal: Floats, r_peaks: Sequence[int] | NDArray[np.int64], *, fs: float) -> Floats:
    """Return the mean peak-to-peak amplitude of the first 300 QRS complexes, per lead.

    Parameters
    ----------
    signal
        Of shape (n_samples, n_leads).
    r_peaks
        Sample indices of normal beats; those within 50 ms of an end are left out.

    Returns
    -------
    NDArray[np.float64]
        Of shape (n_leads,), in the unit of the signal.

    Raises
    ------
    ValueError
        There is no beat to measure.
    """
    half = round(_HALF_QRS_S * fs)
    inside = [int(r) for r in r_peaks if half <= r < len(signal) - half]
    if not inside:
        raise ValueError(
            f"no QRS to measure: expected normal beats inside the signal, received {len(r_peaks)}"
        )
    sizes = [np.ptp(signal[r - half : r + half + 1], axis=0) for r in inside[:_WINDOWS]]
    return _trimmed_mean(np.array(sizes))


def noise_rms(noise: Floats, *, fs: float) -> Floats:
    """Return the noise's RMS about its mean, per lead, over its first 300 windows of one second."""
    width = round(fs)
    count = min(_WINDOWS, len(noise) // width)
    if count == 0:
        raise ValueError(f"noise too short: expected at least {width} samples, received {len(noise)}")
    windows = noise[: count * width].reshape(count, width, -1)
    return _trimmed_mean(windows.std(axis=1))


def gains(size: Floats, rms: Floats, *, snr_db: float) -> Floats:
    """Return the gain of the noise for each ECG lead, so that the ratio is ``snr_db``.

    Where there are fewer noise leads than ECG leads, they are used in turn, as nst(1) does.

    Examples
    --------
    >>> gains(np.array([2.0]), np.array([0.5]), snr_db=0.0).round(4).tolist()
    [1.4142]
    """
    paired = rms[np.arange(len(size)) % len(rms)]
    result: Floats = np.sqrt(size**2 / 8.0 / 10.0 ** (snr_db / 10.0)) / paired
    return result


def noisy_segments(
    n_samples: int, *, fs: float, clean_s: float = 300.0, period_s: float = 120.0
) -> list[tuple[int, int]]:
    """Return (start, stop) of the noisy stretches: 5 min clean, then 2 min noisy and 2 clean in turn.

    Examples
    --------
    >>> noisy_segments(700, fs=1.0)
    [(300, 420), (540, 660)]
    """
    first, width = round(clean_s * fs), round(period_s * fs)
    return [(start, min(start + width, n_samples)) for start in range(first, n_samples, 2 * width)]


def stress(signal: Floats, noise: Floats, gain: Floats, segments: Sequence[tuple[int, int]]) -> Floats:
    """Return the signal with noise in the segments: ``signal[k] + gain * noise[k] + offset``.

    Noise sample k goes to signal sample k; a noise that is shorter begins again. The offset changes
    where a segment begins and ends, so that no step appears there, as nst(1) does.
    """
    result = signal.copy()
    columns = np.arange(signal.shape[1]) % noise.shape[1]
    offset = np.zeros(signal.shape[1])
    for position, (start, stop) in enumerate(segments):
        added = gain * noise[np.arange(start, stop + 1) % len(noise)][:, columns]
        offset = offset - added[0]
        result[start:stop] += added[:-1] + offset
        offset = offset + added[-1]
        following = segments[position + 1][0] if position + 1 < len(segments) else len(result)
        result[stop:following] += offset
    return result


def wander(start: int, stop: int, *, fs: float, size: float, seed: int, n_leads: int = 1) -> Floats:
    """Return baseline wander of ``size`` peak to peak at most, from sample ``start`` to ``stop``.

    Three slow waves (0.05 to 0.4 Hz: drift, posture, breathing) with seeded frequencies and phases,
    as a function of the absolute index: any partition gives the same.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(start, stop)[:, np.newaxis] / fs
    total = np.zeros((stop - start, n_leads))
    for low_hz, high_hz, share in ((0.05, 0.08, 0.35), (0.10, 0.18, 0.25), (0.22, 0.40, 0.40)):
        frequency = rng.uniform(low_hz, high_hz)
        phase = rng.uniform(0, 2 * np.pi) + rng.uniform(-0.5, 0.5, n_leads)
        total += share * np.sin(2 * np.pi * frequency * t + phase)
    return total * (size / 2)


def synthetic(kind: NoiseKind, n_samples: int, *, fs: float, seed: int, n_leads: int = 1) -> Floats:
    """Return seeded noise of unit RMS, of shape (n_samples, n_leads), independent between leads.

    ``muscle`` lies between 15 Hz and 0.4 fs, ``motion`` between 0.7 and 12 Hz in bursts (electrodes that
    are pulled at), ``baseline`` between 0.05 and 0.6 Hz, ``white`` everywhere.
    """
    from scipy.signal import butter, sosfilt

    rng = np.random.default_rng(seed)
    values: Floats = rng.standard_normal((n_samples, n_leads))
    bands = {"muscle": (15.0, 0.4 * fs), "motion": (0.7, 12.0), "baseline": (0.05, 0.6)}
    if kind in bands:
        values = np.asarray(sosfilt(butter(2, bands[kind], "bandpass", fs=fs, output="sos"), values, axis=0))
    if kind == "motion":
        slow = sosfilt(butter(2, 0.3, fs=fs, output="sos"), rng.standard_normal((n_samples, n_leads)), axis=0)
        values = values * np.exp(1.5 * slow / max(float(np.std(slow)), 1e-12))
    rms = np.sqrt(np.mean(values**2, axis=0))
    result: Floats = values / np.where(rms > 0, rms, 1.0)
    return result


def _trimmed_mean(values: Floats) -> Floats:
    cut = int(_TRIMMED * len(values))
    result: Floats = np.sort(values, axis=0)[cut : len(values) - cut].mean(axis=0)
    return result
