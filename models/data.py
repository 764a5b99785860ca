"""Records to training beats, through the serving filter, the serving detector and the serving cut.

Beats are cut where our own detector finds them, from the whole record in one pass, so that the place
of R, missed and false beats and all running state (RR means, the patient's shapes) are what they are
live. A detection where the reference has no beat is kept as `NO_BEAT`. Augmentation acts on the
signal before everything else, for the same reason. Classes follow AAMI EC57.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import records
from monitor.beats import WindowSpec
from monitor.cutter import cutter_of
from monitor.detect import Detector
from monitor.events import CLASSES, Beat, Label
from monitor.filters import monitor_band
from monitor.quality import Quality
from monitor.records import DS1, DS2
from monitor.settings import FilterSettings, Settings
from monitor.succession import Succession

__all__ = [
    "AAMI",
    "DOUBTFUL",
    "DS1",
    "DS2",
    "FOLDS",
    "LEFT_OUT",
    "NOISE_TESTS",
    "NO_BEAT",
    "SVDB",
    "Augment",
    "Beats",
    "Found",
    "Recording",
    "cut",
    "detected",
    "disturb",
    "found_in",
    "join",
    "pairs",
    "read",
]

_SVDB = (
    "804 805 807 809 810 811 812 820 821 825 827 829 840 841 843 844 848 852 854 855 "
    "856 857 859 863 864 865 866 867 868 870 874 875 879 881 883 884 886 888 894"
)

SVDB: Final[tuple[str, ...]] = tuple(f"svdb/{name}" for name in _SVDB.split())
"""Half of the MIT-BIH Supraventricular Arrhythmia Database: 39 further patients, rich in S and V."""

DOUBTFUL: Final = ("svdb/841", "svdb/868")
"""Records whose reference calls beats of one shape and timing now S, now V: scored, not trained on."""

NOISE_TESTS: Final = ("118", "119")
"""What the noise-stress protocol is run on; never trained on, like the noise ``em``."""

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
"""WFDB beat symbols to AAMI EC57 classes, escape beats (j, e, n) as N: de Chazal et al. 2004 have them so,
``bxb``, by which we are scored, has them as S (`monitor.score.marks.AAMI`)."""


NO_BEAT: Final = len(CLASSES)
"""Label of a detection where the reference has no beat: trained as Q, scored as a false beat."""

LEFT_OUT: Final = -1
"""Label of a detection within ventricular flutter, where the reference marks no beats."""

_TOLERANCE_S = 0.150


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
    flutter
        Of shape (n_samples,): whether the reference marks ventricular flutter.
    """

    name: str
    fs: float
    signal: NDArray[np.float64]
    peaks: NDArray[np.int64]
    labels: NDArray[np.int64]
    flutter: NDArray[np.bool_]


class Found(NamedTuple):
    """Beats to cut, and for each an index into `CLASSES`, `NO_BEAT` or `LEFT_OUT`."""

    beats: list[Beat]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Beats:
    """Beats ready for a network, row by row.

    Attributes
    ----------
    windows
        Of shape (n_beats, n_points, n_channels), float32.
    features
        Of shape (n_beats, n_features), float32: provisional, nothing known of the next beat.
    confirmed
        Of the same shape: with what the next beat tells. The window is the same.
    labels
        Of shape (n_beats,): index into `monitor.events.CLASSES`, or `NO_BEAT`.
    records
        Of shape (n_beats,): the name of each beat's record.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32]
    confirmed: NDArray[np.float32]
    labels: NDArray[np.int64]
    records: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> "Beats":
        """Return the chosen rows."""
        return Beats(
            self.windows[chosen],
            self.features[chosen],
            self.confirmed[chosen],
            self.labels[chosen],
            self.records[chosen],
        )


class Augment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one noisy copy of a record differs from it; each copy draws its own strengths.

    Attributes
    ----------
    noise_mv, motion_mv, wander_mv
        Largest RMS of wide-band noise, of slow electrode motion (1 to 8 Hz, in the way of QRS and T)
        and of baseline wander, per lead; the square of a uniform number says how much of it a copy has.
    gain
        Largest factor by which a lead grows or shrinks.
    mixed
        Probability that the leads are others: mixtures of two, as if the electrodes sat elsewhere,
        or the same in another order.
    lone
        Probability that only one lead is left, for the whole copy.
    """

    noise_mv: float = 0.12
    motion_mv: float = 0.12
    wander_mv: float = 0.4
    gain: float = 1.6
    mixed: float = 0.7
    lone: float = 0.35


def read(name: str, *, data: Path | None = None) -> Recording:
    """Read a record and its reference beats; found as `monitor.records.locate` finds it."""
    record = records.read(name, data=data)
    sample, symbol, _ = records.annotations(name, data=data)
    symbols = np.array(symbol)
    beats = np.isin(symbols, list(AAMI)) & (sample >= 0) & (sample < record.n_samples)
    flutter = np.zeros(record.n_samples, dtype=np.bool_)
    ends = iter(sample[symbols == "]"].tolist())
    for begin in sample[symbols == "["].tolist():
        flutter[begin : next(ends, None)] = True
    return Recording(
        name=name,
        fs=record.fs,
        signal=record.samples(),
        peaks=sample[beats],
        labels=np.array([CLASSES.index(AAMI[symbol]) for symbol in symbols[beats]], dtype=np.int64),
        flutter=flutter,
    )


def found_in(signal: NDArray[np.float64], settings: Settings, *, fs: float) -> list[Beat]:
    """Return what our detector finds in a whole record, of shape (n_samples, n_leads), as it would live."""
    n_leads = signal.shape[1]
    codes = Quality(settings.quality, fs=fs, n_leads=n_leads).push(signal)[1]
    detector = Detector(settings.detector, fs=fs, n_leads=n_leads)
    succession = Succession(n_leads=n_leads)
    return succession.push(detector.push(signal, codes), codes) + succession.flush(detector.flush())


def detected(recording: Recording, signal: NDArray[np.float64], settings: Settings) -> Found:
    """Return what our detector finds in ``signal``, labelled by the reference within 150 ms, one to one."""
    beats = found_in(signal, settings, fs=recording.fs)
    peaks = np.array([beat.sample for beat in beats], dtype=np.int64)
    labels = np.where(recording.flutter[np.clip(peaks, 0, len(signal) - 1)], LEFT_OUT, NO_BEAT)
    for reference, detection in pairs(recording.peaks, peaks, tolerance=_TOLERANCE_S * recording.fs):
        labels[detection] = recording.labels[reference]
    return Found(beats, labels)


def disturb(recording: Recording, augment: Augment, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a copy of the signal with other leads, gains, noise and wander, of random strength per lead."""
    n_samples, n_leads = recording.signal.shape
    seconds = np.arange(n_samples) / recording.fs
    leads = _mixed(recording.signal, rng) if rng.uniform() < augment.mixed else recording.signal
    copy: NDArray[np.float64] = leads * np.exp(rng.uniform(-1, 1, n_leads) * np.log(augment.gain))
    for lead in range(n_leads):
        white = _noise(n_samples, rng)
        noise = white + 2 * _smooth(white, 5)
        motion = _smooth(_noise(n_samples, rng), round(0.08 * recording.fs))
        motion -= _smooth(motion, round(0.5 * recording.fs))
        for kind, strength in ((noise, augment.noise_mv), (motion, augment.motion_mv)):
            # It comes and goes over some seconds, as a restless patient's does.
            waxing = np.clip(np.sin(2 * np.pi * (seconds / rng.uniform(8, 40) + rng.uniform())) + 0.5, 0, 1)
            copy[:, lead] += rng.uniform() ** 2 * strength * waxing * kind / kind.std()
        for _ in range(3):
            wave = np.sin(2 * np.pi * (rng.uniform(0.1, 0.7) * seconds + rng.uniform()))
            copy[:, lead] += rng.uniform() ** 2 * augment.wander_mv * wave
    if rng.uniform() < augment.lone:
        lead = int(rng.integers(n_leads))
        return np.ascontiguousarray(copy[:, lead : lead + 1])
    return copy


def _mixed(signal: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return other leads of the same heart: swapped, or each a random mixture of the first two."""
    if signal.shape[1] < 2:
        return signal
    if rng.uniform() < 0.3:
        return signal[:, ::-1]
    size = np.nanstd(signal[:, :2], axis=0) + 1e-9
    unit = signal[:, :2] / size
    angles = rng.uniform(-np.pi, np.pi, 2)
    turned = np.outer(unit[:, 0], np.cos(angles)) + np.outer(unit[:, 1], np.sin(angles))
    return np.asarray(turned * size, dtype=np.float64)


def cut(
    recording: Recording, signal: NDArray[np.float64], found: Found, spec: WindowSpec, band: FilterSettings
) -> Beats:
    """Cut beats with the serving code; what is labelled `LEFT_OUT` counts for the running state alone."""
    band_pass = monitor_band(band, fs=recording.fs, n_leads=signal.shape[1])
    cutter = cutter_of(spec, fs=recording.fs, n_leads=signal.shape[1], wave_delay=band_pass.delay)
    shown = cutter.push(band_pass.push(signal), found.beats) + cutter.flush()
    windows = [window for window in shown if window.provisional]
    return Beats(
        windows=np.stack([window.window for window in windows]),
        features=np.stack([window.features for window in windows]),
        confirmed=np.stack([window.features for window in shown if not window.provisional]),
        labels=found.labels,
        records=np.full(len(windows), recording.name),
    ).of(found.labels != LEFT_OUT)


def join(parts: Sequence[Beats]) -> Beats:
    """Put beats of several records or copies one after the other."""
    return Beats(
        windows=np.concatenate([part.windows for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        confirmed=np.concatenate([part.confirmed for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        records=np.concatenate([part.records for part in parts]),
    )


def pairs(
    reference: NDArray[np.int64], found: NDArray[np.int64], *, tolerance: float
) -> list[tuple[int, int]]:
    """Match one to one, nearest pairs first, and return pairs of indices."""
    first = np.searchsorted(found, reference - tolerance, "left")
    stop = np.searchsorted(found, reference + tolerance, "right")
    near = sorted(
        (abs(int(found[j]) - int(reference[i])), i, j)
        for i in range(len(reference))
        for j in range(int(first[i]), int(stop[i]))
    )
    taken_reference: set[int] = set()
    taken_found: set[int] = set()
    matched = []
    for _, i, j in near:
        if i not in taken_reference and j not in taken_found:
            taken_reference.add(i)
            taken_found.add(j)
            matched.append((i, j))
    return matched


def _noise(n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(rng.normal(0, 1, n_samples), dtype=np.float64)


def _smooth(signal: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean over ``width`` samples, three times over: close to a Gaussian."""
    from scipy.ndimage import uniform_filter1d

    for _ in range(3):
        signal = uniform_filter1d(signal, width)
    return signal
