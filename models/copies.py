"""Disturbed copies of records for the QRS verifier: other leads and rates, noise, hearts that stop."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import data
from models.data import Recording
from models.motion import motion
from monitor import noise, records
from monitor.names import RecordName

__all__ = ["COPIES", "Copy", "changed", "database", "read", "stressed"]

Floats = NDArray[np.float64]
NoiseOf = Callable[[str], Recording]

_KINDS: Final = (("bw",), ("ma",), ("bw", "ma"))
"""Records of nstdb that are mixed in; ``em`` is kept for tests."""
_SPREAD_DB: Final = 4.0
_EVERY_S: Final = 40.0
_STILL_S: Final = (5.0, 15.0)
_FADE_S: Final = 0.1


class Copy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to a record before the detector sees it.

    Attributes
    ----------
    database
        Which records get this copy: ``mitdb`` or ``svdb``.
    lead
        The one lead that is left, None for all.
    fs
        Resampled to this rate (Hz), None for its own.
    snr_db
        Noise at this ratio (+-4 dB, two minutes of three), None for none.
    still
        Whether the heart stops now and then.
    moved
        Whether the noise is made-up electrode motion (then +-8 dB), instead of a recorded one.
    """

    database: str
    lead: int | None = None
    fs: float | None = None
    snr_db: float | None = None
    still: bool = False
    moved: bool = False


COPIES: Final = (
    Copy(database="mitdb"),
    Copy(database="mitdb", lead=0),
    Copy(database="mitdb", lead=1),
    Copy(database="mitdb", fs=250.0),
    Copy(database="mitdb", fs=128.0, snr_db=9.0),
    Copy(database="mitdb", snr_db=12.0),
    Copy(database="mitdb", snr_db=3.0),
    Copy(database="mitdb", fs=250.0, lead=0, snr_db=9.0),
    Copy(database="mitdb", still=True),
    Copy(database="mitdb", snr_db=1.0, moved=True),
    Copy(database="mitdb", snr_db=9.0, moved=True),
    Copy(database="mitdb", lead=0, snr_db=6.0, moved=True),
    Copy(database="svdb", snr_db=2.0, moved=True),
    Copy(database="svdb", snr_db=12.0, moved=True),
    Copy(database="svdb"),
    Copy(database="svdb", lead=0),
    Copy(database="svdb", snr_db=6.0),
    Copy(database="svdb", lead=1, snr_db=9.0),
    Copy(database="svdb", still=True),
)


def database(name: str) -> str:
    """Return the database of a record name: ``svdb/800`` is of svdb, ``208`` of mitdb."""
    return RecordName.of(name).database


def read(name: str) -> Recording:
    """Read a record; a noise record (``nstdb/bw``) has no beats."""
    if database(name) != "nstdb":
        return data.read(name)
    record = records.read(name)
    none = np.empty(0, np.int64)
    return Recording(name, record.fs, record.samples(), none, none, np.zeros(record.n_samples, np.bool_))


def changed(recording: Recording, copy: Copy, read: NoiseOf, rng: np.random.Generator) -> Recording:
    """Return a copy of the recording; ``flutter`` also covers what its reference no longer tells.

    ``read`` gives the noise: it is called with ``nstdb/bw`` and ``nstdb/ma``.
    """
    if copy.lead is not None:
        signal = np.ascontiguousarray(recording.signal[:, copy.lead : copy.lead + 1])
        recording = _with(recording, signal=signal)
    if copy.fs is not None:
        recording = _resampled(recording, copy.fs)
    if copy.still:
        recording = _still(recording, rng)
    if copy.snr_db is not None:
        snr_db = copy.snr_db + rng.uniform(-_SPREAD_DB, _SPREAD_DB)
        if copy.moved:
            snr_db += rng.uniform(-_SPREAD_DB, _SPREAD_DB)
            added = motion(len(recording.signal), fs=recording.fs, n_leads=recording.signal.shape[1], rng=rng)
        else:
            added = _mixed(recording, read, rng)
        recording = _with(recording, signal=_noisy(recording, added, snr_db))
    return recording


def stressed(recording: Recording, snr_db: float, rng: np.random.Generator) -> Recording:
    """Return the recording under made-up motion, five minutes clean first: the noise-stress protocol."""
    fs, (n_samples, n_leads) = recording.fs, recording.signal.shape
    added = motion(n_samples, fs=fs, n_leads=n_leads, rng=rng)
    sizes = noise.qrs_size(recording.signal, recording.peaks, fs=fs)
    gain = noise.gains(sizes, noise.noise_rms(added, fs=fs), snr_db=snr_db)
    signal = noise.stress(recording.signal, added, gain, noise.noisy_segments(n_samples, fs=fs))
    return _with(recording, signal=signal)


def _with(recording: Recording, *, signal: Floats) -> Recording:
    return Recording(
        recording.name, recording.fs, signal, recording.peaks, recording.labels, recording.flutter
    )


def _resample(signal: Floats, fs: float, to: float) -> Floats:
    from scipy.signal import resample_poly

    ratio = Fraction(round(to), round(fs))
    return np.ascontiguousarray(resample_poly(signal, ratio.numerator, ratio.denominator, axis=0))


def _resampled(recording: Recording, fs: float) -> Recording:
    signal = _resample(recording.signal, recording.fs, fs)
    back = np.minimum(np.arange(len(signal)) * recording.fs / fs, len(recording.flutter) - 1).astype(np.int64)
    peaks = np.minimum(np.rint(recording.peaks * fs / recording.fs), len(signal) - 1).astype(np.int64)
    return Recording(recording.name, fs, signal, peaks, recording.labels, recording.flutter[back])


def _mixed(recording: Recording, read: NoiseOf, rng: np.random.Generator) -> Floats:
    """Return recorded noise for each lead, from a place of its own."""
    fs, n = recording.fs, len(recording.signal)
    added = np.zeros_like(recording.signal)
    kinds = _KINDS[rng.integers(len(_KINDS))]
    for lead in range(added.shape[1]):
        for kind in kinds:
            source = read(f"nstdb/{kind}")
            column = source.signal[:, rng.integers(source.signal.shape[1])]
            column = _resample(column - column.mean(), source.fs, fs) if source.fs != fs else column
            column = np.resize(np.roll(column, rng.integers(len(column))), n)
            added[:, lead] += (column - column.mean()) / column.std()
    return added


def _noisy(recording: Recording, added: Floats, snr_db: float) -> Floats:
    """Add noise at a ratio to each lead, two minutes of three."""
    fs, n = recording.fs, len(recording.signal)
    sizes = noise.qrs_size(recording.signal, recording.peaks, fs=fs)
    gain = noise.gains(sizes, noise.noise_rms(added, fs=fs), snr_db=snr_db)
    gate = (np.arange(n) / fs // 60) % 3 != 0
    noisy: Floats = recording.signal + gain * added * gate[:, np.newaxis]
    return noisy


def _still(recording: Recording, rng: np.random.Generator) -> Recording:
    """Stop the heart for 5 to 15 s now and then: its beats fade into the slow part of the signal.

    Line noise of up to 4 % of the QRS size (RMS) goes on throughout.
    """
    from scipy.ndimage import uniform_filter1d

    fs, n = recording.fs, len(recording.signal)
    beating = np.ones(n)
    start = rng.uniform(0, _EVERY_S)
    while start * fs < n:
        stop = start + rng.uniform(*_STILL_S)
        beating[round(start * fs) : round(stop * fs)] = rng.uniform(0.0, 0.03)
        start = stop + rng.exponential(_EVERY_S)
    fade = max(1, round(_FADE_S * fs))
    beating = uniform_filter1d(beating, fade)
    slow = uniform_filter1d(uniform_filter1d(recording.signal, round(fs), axis=0), round(fs), axis=0)
    line = rng.standard_normal(recording.signal.shape) * rng.uniform(0.0, 0.04, recording.signal.shape[1])
    line *= noise.qrs_size(recording.signal, recording.peaks, fs=fs)
    signal = slow + (recording.signal - slow) * beating[:, np.newaxis] + line
    whole = beating > 0.99
    doubtful = (beating > 0.05) & ~whole
    kept = whole[recording.peaks]
    return Recording(
        recording.name,
        fs,
        np.ascontiguousarray(signal),
        recording.peaks[kept],
        recording.labels[kept],
        recording.flutter | doubtful,
    )
