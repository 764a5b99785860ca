"""The beats of Kachuee, Fazeli & Sarrafzadeh 2018 (arXiv 1805.00794), rebuilt from MIT-BIH.

Their CSVs (Kaggle, ``mitbih_train.csv`` and ``mitbih_test.csv``) hold 109,446 beats of lead II. The
paper's section III tells how beats are cut; the files do not quite follow it. Three recipes:

``published``
    As the files evidently were made: every third sample of the first lead (120 Hz, not 125), from the
    *annotated* R on, 1.2 times the RR to the *next* beat long, those points scaled to 0..1, zeros up
    to 187. All 48 records; the last beat of each has no next and is left out, which gives their
    counts in every class. Ten rows whose first points are quoted in public were found in MIT-BIH so, to
    the last digit, each at an annotated R; one of them is quoted whole: record 122 from sample 82,213 on. The
    length may be off by one point, since that is the only one. Note what this implies: the
    next R lies in the window at 5/6 of its length, so that a classifier sees the RR that follows.
``paper``
    As the text has it: 10-s windows at 125 Hz scaled to 0..1, R where a local maximum exceeds 0.9, T
    the median RR of the window, 1.2 T from R on, zeros up to 187. R is matched to the reference within
    150 ms. Finds half of the beats (53,807), and of V less than a quarter (1,640).
``served``
    As the monitor would cut the same window: its filter, 120 Hz, T the median RR of the last 10 s,
    which is known when the beat is.

How the authors divided beats is not known, only how many of each class they put where. Ours are drawn
at random, so many of each (or a fifth, where the records are not all 48). By the beat: train and test
share their patients.
"""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data import Recording, pairs, read
from models.datasets.beatset import BeatSet, join
from models.datasets.cutting import FS_PUBLISHED, KACHUEE, NEXT_RR, resampled, served
from models.datasets.options import DataOptions
from models.datasets.wfdb_beats import names_of, patient_of
from models.progress import Report
from monitor.errors import SettingsError
from monitor.events import CLASSES

__all__ = ["OPTIONS", "PUBLISHED_TEST", "PUBLISHED_TRAIN", "beats"]

PUBLISHED_TRAIN: Final = (72471, 2223, 5788, 641, 6431)
PUBLISHED_TEST: Final = (18118, 556, 1448, 162, 1608)
"""Beats of N, S, V, F and Q in the published files."""

OPTIONS: Final = ("records", "recipe")
"""What may be asked of it: see `models.datasets.check`."""
_SEED: Final = 1805
"""Fixes which beats are test beats."""
_TEST_SHARE: Final = 0.2
_WINDOW_S: Final = 10.0
_THRESHOLD: Final = 0.9
_TOLERANCE_S: Final = 0.150
_STEP: Final = 3
_FS_PAPER: Final = 125.0


def beats(data: Path | None, options: DataOptions, report: Report) -> BeatSet:
    """Rebuild the beats; ``part`` is ``train`` or ``test``, by the beat.

    Parameters
    ----------
    data
        The folder of one database; None to look where `monitor.records` does.

    Returns
    -------
    BeatSet
        Of shape (n_beats, 187, 1). ``window`` is the nearest that serving can cut, and of the recipe
        ``served`` exactly what it cuts; the others differ by the monitor's filter and by T, which asks for
        beats to come, and networks trained on them serve nothing.

    Raises
    ------
    SourceError
        A record cannot be read.
    SettingsError
        A record has not the 360 Hz that the published recipe counts on.
    """
    names = names_of("all" if options.records == "mitdb" else options.records)
    cut = {"published": _published, "paper": _paper, "served": _served}[options.recipe]
    parts = []
    for k, name in enumerate(names):
        recording = read(name, data=data)
        parts.append(_as_set(recording, *cut(recording), options))
        report("cutting beats", k + 1, len(names))
    return _divided(join(parts))


def _as_set(
    recording: Recording, x: NDArray[np.float32], y: NDArray[np.int64], options: DataOptions
) -> BeatSet:
    fs = _FS_PAPER if options.recipe == "paper" else FS_PUBLISHED
    return BeatSet(
        name="kachuee",
        classes=CLASSES,
        fs=fs,
        x=x,
        y=y,
        patients=np.full(len(y), patient_of(recording.name)),
        records=np.full(len(y), recording.name),
        part=np.zeros(len(y), dtype="<U5"),
        window=msgspec.structs.replace(KACHUEE, fs=fs),
        unserved="" if options.recipe == "served" else NEXT_RR,
    )


def _published(recording: Recording) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut from each annotated R but the last, every third sample, 1.2 times the RR that follows."""
    if recording.fs != _STEP * FS_PUBLISHED:
        raise SettingsError(
            f"record {recording.name}: expected {_STEP * FS_PUBLISHED:g} Hz, of which the published recipe "
            f"takes every third sample, received {recording.fs:g} Hz"
        )
    lead = np.nan_to_num(recording.signal[:, :1])
    x = np.zeros((max(len(recording.peaks) - 1, 0), KACHUEE.n_points, 1), np.float32)
    for k, (peak, rr) in enumerate(
        zip(recording.peaks.tolist(), np.diff(recording.peaks).tolist(), strict=False)
    ):
        beat = _ended(lead[peak::_STEP], rr / _STEP)
        low, high = beat.min(), beat.max()
        x[k, : len(beat)] = (beat - low) / (high - low) if high > low else 0
    return x, recording.labels[:-1]


def _paper(recording: Recording) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find R by the paper's text in windows of 10 s, and cut from there."""
    whole = resampled(recording.signal[:, :1], fs=recording.fs, to=_FS_PAPER)
    n = round(_WINDOW_S * _FS_PAPER)
    found: list[int] = []
    cuts: list[NDArray[np.float64]] = []
    for start in range(0, len(whole) - n + 1, n):
        stretch = whole[start : start + n]
        span = np.ptp(stretch)
        unit = (stretch - stretch.min()) / (span if span > 0 else 1)
        peaks = _maxima(unit[:, 0])
        if len(peaks) < 2:
            continue  # no RR, no T
        period = float(np.median(np.diff(peaks)))
        inside = [peak for peak in peaks.tolist() if peak + 1.2 * period < n]
        found += [start + peak for peak in inside]
        cuts += [_ended(unit[peak:], period) for peak in inside]
    at = np.rint(recording.peaks * (_FS_PAPER / recording.fs)).astype(np.int64)
    matched = sorted(
        (k, reference)
        for reference, k in pairs(at, np.array(found, dtype=np.int64), tolerance=_TOLERANCE_S * _FS_PAPER)
    )
    x = np.zeros((len(matched), KACHUEE.n_points, 1), np.float32)
    for row, (k, _) in enumerate(matched):
        x[row, : len(cuts[k])] = cuts[k]
    return x, recording.labels[[reference for _, reference in matched]]


def _served(recording: Recording) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut as serving cuts the same window."""
    signal = np.ascontiguousarray(recording.signal[:, :1])
    return served(signal, recording.peaks, KACHUEE, fs=recording.fs), recording.labels


def _ended(points: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    """Return the first 1.2 periods, at most a window: as many as `monitor.plain_window` keeps."""
    return points[: min(1 + int(1.2 * period), KACHUEE.n_points)]


def _maxima(unit: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return where the signal has a local maximum above the threshold; of a flat one its first sample."""
    inner = (unit[1:-1] > unit[:-2]) & (unit[1:-1] >= unit[2:]) & (unit[1:-1] > _THRESHOLD)
    return np.flatnonzero(inner) + 1


def _divided(whole: BeatSet) -> BeatSet:
    """Draw the test beats: as many of each class as published, where all else agrees, or a fifth."""
    counts = np.bincount(whole.y, minlength=len(CLASSES))
    published = tuple(a + b for a, b in zip(PUBLISHED_TRAIN, PUBLISHED_TEST, strict=True))
    same = tuple(counts.tolist()) == published
    rng = np.random.default_rng(_SEED)
    for label in range(len(CLASSES)):
        rows = rng.permutation(np.flatnonzero(whole.y == label))
        n_test = PUBLISHED_TEST[label] if same else round(_TEST_SHARE * len(rows))
        whole.part[rows[n_test:]] = "train"
        whole.part[rows[:n_test]] = "test"
    return whole
