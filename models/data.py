"""Records to training beats, through the serving filter and the serving cut.

Beats are cut at annotated R peaks, moved by a random few milliseconds as a detector would, from the
whole record in one pass, so that running state (RR means, the patient's shapes) is what it is live.
Augmentation acts on the signal before the filter, for the same reason. Classes follow AAMI EC57.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import records
from monitor.beats import BeatCutter, WindowSpec
from monitor.events import CLASSES, Beat, Label
from monitor.filters import monitor_band
from monitor.records import DS1, DS2
from monitor.settings import FilterSettings

__all__ = [
    "AAMI",
    "DS1",
    "DS2",
    "FOLDS",
    "SVDB",
    "Augment",
    "Beats",
    "Recording",
    "cut",
    "join",
    "read",
]

_SVDB = (
    "804 805 807 809 810 811 812 820 821 825 827 829 840 841 843 844 848 852 854 855 "
    "856 857 859 863 864 865 866 867 868 870 874 875 879 881 883 884 886 888 894"
)

SVDB: Final[tuple[str, ...]] = tuple(f"svdb/{name}" for name in _SVDB.split())
"""Half of the MIT-BIH Supraventricular Arrhythmia Database: 39 further patients, rich in S and V."""

FOLDS: Final = (
    ("101", "108", "119", "207", "209", "220", *SVDB[0::4]),
    ("106", "112", "118", "203", "205", *SVDB[1::4]),
    ("109", "114", "116", "201", "208", "122", *SVDB[2::4]),
    ("115", "124", "215", "223", "230", *SVDB[3::4]),
)
"""Patients for cross-validation, each fold with ventricular and supraventricular beats."""

AAMI: Final[dict[str, Label]] = {
    **dict.fromkeys("NLRejnB", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    "F": "F",
    **dict.fromkeys("/fQ?", "Q"),
}
"""WFDB beat symbols to AAMI EC57 classes."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A record with its reference beats.

    Attributes
    ----------
    signal
        Of shape (n_samples, n_leads), millivolt; NaN = missing.
    peaks
        Of shape (n_beats,): annotated R samples, ascending.
    labels
        Of shape (n_beats,): index into `monitor.events.CLASSES`.
    """

    name: str
    fs: float
    signal: NDArray[np.float64]
    peaks: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Beats:
    """Beats ready for a network, row by row.

    Attributes
    ----------
    windows
        Of shape (n_beats, n_points, n_channels), float32.
    features
        Of shape (n_beats, n_features), float32.
    labels
        Of shape (n_beats,): index into `monitor.events.CLASSES`.
    records
        Of shape (n_beats,): the name of each beat's record.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    records: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> "Beats":
        """Return the chosen rows."""
        return Beats(self.windows[chosen], self.features[chosen], self.labels[chosen], self.records[chosen])


class Augment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one noisy copy of a record differs from it; each copy draws its own strengths.

    Attributes
    ----------
    jitter_ms
        Standard deviation of the error of R.
    noise_mv, wander_mv
        Largest RMS of coloured noise and of baseline wander, per lead.
    gain
        Largest factor by which a lead grows or shrinks.
    lone
        Probability that only the first lead is left, for the whole copy.
    """

    jitter_ms: float = 8.0
    noise_mv: float = 0.08
    wander_mv: float = 0.4
    gain: float = 1.6
    lone: float = 0.25


def read(name: str, *, data: Path | None = None) -> Recording:
    """Read a record and its reference beats; found as `monitor.records.locate` finds it."""
    record = records.read(name, data=data)
    sample, symbol, _ = records.annotations(name, data=data)
    symbols = np.array(symbol)
    beats = np.isin(symbols, list(AAMI)) & (sample >= 0) & (sample < record.n_samples)
    return Recording(
        name=name,
        fs=record.fs,
        signal=record.samples(),
        peaks=sample[beats],
        labels=np.array([CLASSES.index(AAMI[symbol]) for symbol in symbols[beats]], dtype=np.int64),
    )


def cut(
    recording: Recording,
    spec: WindowSpec,
    band: FilterSettings,
    *,
    augment: Augment | None = None,
    rng: np.random.Generator | None = None,
) -> Beats:
    """Cut every reference beat with the serving code; with ``augment``, from a disturbed copy."""
    signal, peaks = recording.signal, recording.peaks
    if augment is not None:
        rng = rng or np.random.default_rng(0)
        signal = _disturbed(signal, augment, fs=recording.fs, rng=rng)
        shift = np.rint(rng.normal(0, augment.jitter_ms / 1000 * recording.fs, len(peaks))).astype(np.int64)
        peaks = np.maximum.accumulate(np.clip(peaks + shift, 0, len(signal) - 1))
    band_pass = monitor_band(band, fs=recording.fs, n_leads=signal.shape[1])
    cutter = BeatCutter(spec, fs=recording.fs, n_leads=signal.shape[1], wave_delay=band_pass.delay)
    rr: list[int | None] = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=peak, decided=peak, rr=rr[k] or None) for k, peak in enumerate(peaks.tolist())]
    windows = cutter.push(band_pass.push(signal), beats) + cutter.flush()
    return Beats(
        windows=np.stack([window.window for window in windows]),
        features=np.stack([window.features for window in windows]),
        labels=recording.labels,
        records=np.full(len(windows), recording.name),
    )


def join(parts: Sequence[Beats]) -> Beats:
    """Put beats of several records or copies one after the other."""
    return Beats(
        windows=np.concatenate([part.windows for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        records=np.concatenate([part.records for part in parts]),
    )


def _disturbed(
    signal: NDArray[np.float64], augment: Augment, *, fs: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a copy with other gains, coloured noise and wander, of random strength per lead."""
    n_samples, n_leads = signal.shape
    seconds = np.arange(n_samples) / fs
    copy: NDArray[np.float64] = signal * np.exp(rng.uniform(-1, 1, n_leads) * np.log(augment.gain))
    for lead in range(n_leads):
        white = np.asarray(rng.normal(0, 1, n_samples), dtype=np.float64)
        smooth = np.convolve(white, np.full(5, 0.2), mode="same")
        noise = white + 2 * smooth
        strength = rng.uniform(0, 1) ** 2 * augment.noise_mv
        # Bursts: noise comes and goes over about ten seconds, as a restless patient's does.
        waxing = 0.5 + 0.5 * np.sin(2 * np.pi * (seconds / rng.uniform(8, 25) + rng.uniform()))
        copy[:, lead] += strength * waxing * noise / noise.std()
        for _ in range(3):
            wave = np.sin(2 * np.pi * (rng.uniform(0.1, 0.7) * seconds + rng.uniform()))
            copy[:, lead] += rng.uniform(0, 1) ** 2 * augment.wander_mv * wave
    if rng.uniform() < augment.lone:
        copy[:, 1:] = 0.0
    return copy
