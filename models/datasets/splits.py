"""How beats are divided into those trained on, those chosen by and those reported on.

A random split by beat puts beats of one patient on both sides, and beats of one patient are nearly
alike: what it measures is memory. A split by patient asks of people never seen. Both are here because
the difference is the point.
"""

import hashlib
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from monitor.errors import SettingsError
from monitor.physionet import DS1, DS2, PACED

__all__ = ["N_BALANCED", "SPLITS", "Split", "balanced", "manifest", "split"]

SPLITS: Final = ("random", "patients", "given", "fold:K")
"""What `split` knows."""
N_BALANCED: Final = 819
"""Test beats of each class in Kachuee et al. 2018, about: 4,079 in five classes."""

_TEST: Final = 5
"""One part in so many is tested on, where the split is ours to make."""
_VALIDATE: Final = 6
"""One part in so many of the training rows is taken out to choose by."""
_N_FOLDS: Final = 10
_N_DRAWS: Final = 300
_PARTS: Final = ("train", "test", *(f"fold{k}" for k in range(1, _N_FOLDS + 1)), "")
_PACED_TEST: Final = PACED[2:]
"""Half of the paced patients are tested on where paced records are wanted at all."""


class Split(NamedTuple):
    """Rows of a `BeatSet`: no row in two of them, some perhaps in none.

    Ascending, each once; but the test rows that `balanced` draws are as drawn, and some come again.
    """

    train: NDArray[np.int64]
    validate: NDArray[np.int64]
    test: NDArray[np.int64]


def split(beats: BeatSet, how: str, *, seed: int) -> Split:
    """Divide the beats.

    Parameters
    ----------
    how
        ``random``: a fifth of the beats of each class is tested on, whoever they are of.

        ``patients``: nobody is on two sides. Where records of DS1 and DS2 are there (de Chazal 2004):
        DS2 tests and all else trains, but the paced 107 and 217, which test; 201 and 202, one patient
        on either side, are so by convention, and figures should be given without 202 too. Where there
        are folds: as ``given``. Else a fifth of the patients, drawn with the classes in mind.

        ``given``: the source's own; folds 1-8 train, 9 validates, 10 tests.

        ``fold:K``: fold K tests, the one before it (10 before 1) validates; the source's folds, or
        ten folds of patients, drawn with the classes in mind.
    seed
        Fixes what is drawn: rows or patients of the test part, and of the validation part, which is a
        sixth of the training rows: whole patients, unless the test part shares patients with them.

    Raises
    ------
    SettingsError
        There is no such split, or the beats do not tell what it needs, or a side would be empty.
    """
    rows = np.arange(len(beats))
    if how == "random":
        test = _drawn(beats, rows, seed=seed, share=_TEST, whole=False)
    elif how == "patients":
        _need_patients(beats, how)
        if "fold1" in beats.part:
            return _given(beats, how, seed)
        test = _of_patients(beats, rows, seed=seed)
    elif how == "given":
        return _given(beats, how, seed)
    elif how.startswith("fold:"):
        return _fold(beats, how, seed)
    else:
        raise SettingsError(f"no such split: expected one of {', '.join(SPLITS)}, received {how!r}")
    return _checked(_with_validation(beats, np.setdiff1d(rows, test), test, seed=seed), how)


def balanced(beats: BeatSet, parts: Split, *, n: int = N_BALANCED, seed: int = 0) -> Split:
    """Return the split with ``n`` test rows of each class, drawn out of its test rows.

    Without replacement where there are as many, else every row of the class as often as the others, give
    or take one. Accuracy on them is the mean recall of the classes. Rows that come again are no new
    evidence: draw intervals over patients or beats, not over rows.

    Raises
    ------
    SettingsError
        A class has no test rows.
    """
    rng = np.random.default_rng(seed)
    picked = []
    for label, name in enumerate(beats.classes):
        rows = parts.test[beats.y[parts.test] == label]
        if not len(rows):
            raise SettingsError(f"balanced test: expected test beats of class {name}, received none")
        turns = [rng.permutation(rows) for _ in range(-(-n // len(rows)))]
        picked.append(np.concatenate(turns)[:n])
    return parts._replace(test=np.concatenate(picked))


def manifest(beats: BeatSet) -> dict[str, Any]:
    """Return what the set holds, as JSON can say it: counts per class and part, patients, hashes."""
    parts = [part for part in _PARTS if part in beats.part]
    return {
        "name": beats.name,
        "classes": list(beats.classes),
        "fs": beats.fs,
        "n_points": beats.n_points,
        "n_channels": beats.n_channels,
        "n_beats": len(beats),
        "n_patients": len(set(beats.patients.tolist()) - {""}),
        "n_records": len(set(beats.records.tolist()) - {""}),
        "parts": {part: _counts(beats, beats.part == part) for part in parts},
        "counts": _counts(beats, np.ones(len(beats), dtype=np.bool_)),
        "served": beats.window is not None and not beats.unserved,
        "sha256": {"x": _digest(beats.x), "y": _digest(beats.y)},
    }


def _counts(beats: BeatSet, chosen: NDArray[np.bool_]) -> dict[str, int]:
    n = np.bincount(beats.y[chosen], minlength=len(beats.classes)).tolist()
    return dict(zip(beats.classes, n, strict=True))


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _given(beats: BeatSet, how: str, seed: int) -> Split:
    if "fold10" in beats.part:
        return _fold(beats, "fold:10", seed)
    train, test = (np.flatnonzero(beats.part == part) for part in ("train", "test"))
    if not len(train) or not len(test):
        found = sorted(set(beats.part.tolist()) - {""})
        raise SettingsError(
            f"split {how}: expected beats that their source divides into train and test or into folds, "
            f"received {beats.name} with {', '.join(found) or 'neither'}"
        )
    return _checked(_with_validation(beats, train, test, seed=seed), how)


def _fold(beats: BeatSet, how: str, seed: int) -> Split:
    number = how.removeprefix("fold:")
    if not (number.isdecimal() and 1 <= int(number) <= _N_FOLDS):
        raise SettingsError(f"split: expected fold:1 to fold:{_N_FOLDS}, received {how!r}")
    k = int(number)
    before = (k - 2) % _N_FOLDS + 1
    folds = _folds(beats, how, seed)
    tested, validated = folds == f"fold{k}", folds == f"fold{before}"
    rest = ~tested & ~validated & (folds != "")
    return _checked(Split(*(np.flatnonzero(rows) for rows in (rest, validated, tested))), how)


def _folds(beats: BeatSet, how: str, seed: int) -> NDArray[np.str_]:
    """Return the fold of each row: the source's, or ours by patient."""
    if "fold1" in beats.part or "fold10" in beats.part:
        return beats.part
    _need_patients(beats, how)
    folds = np.zeros(len(beats), dtype="<U6")
    for k, rows in enumerate(_grouped(beats, seed=seed, n=_N_FOLDS), start=1):
        folds[rows] = f"fold{k}"
    return folds


def _of_patients(beats: BeatSet, rows: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Return the rows of DS2, with half of the paced patients; drawn ones where DS1 or DS2 is not there."""
    if np.isin(beats.records, DS1).any() and np.isin(beats.records, DS2).any():
        return np.flatnonzero(np.isin(beats.records, (*DS2, *_PACED_TEST)))
    return _drawn(beats, rows, seed=seed, share=_TEST, whole=True)


def _with_validation(
    beats: BeatSet, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
) -> Split:
    """Take a validation part out of the training rows, as unlike them as the test part is."""
    # By record, not patient: by convention 201 trains and 202 tests, and that is no random split.
    shared = set(beats.records[train].tolist()) & set(beats.records[test].tolist())
    whole = beats.knows_patients and not shared and len(set(beats.patients[train].tolist())) > 1
    validate = _drawn(beats, train, seed=seed, share=_VALIDATE, whole=whole)
    return Split(np.setdiff1d(train, validate), validate, test)


def _drawn(
    beats: BeatSet, rows: NDArray[np.int64], *, seed: int, share: int, whole: bool
) -> NDArray[np.int64]:
    """Draw one part in ``share`` of the rows: whole patients, or beats of each class."""
    rng = np.random.default_rng(seed)
    if whole:
        return _of_some_patients(beats, rows, rng, share=share)
    picked = []
    for label in range(len(beats.classes)):
        mine = rows[beats.y[rows] == label]
        picked.append(rng.permutation(mine)[: round(len(mine) / share)])
    return np.sort(np.concatenate(picked))


def _of_some_patients(
    beats: BeatSet, rows: NDArray[np.int64], rng: np.random.Generator, *, share: int
) -> NDArray[np.int64]:
    """Draw the rows of one patient in ``share``: of many draws the one with the nearest share of each class.

    Rare classes are those of a few patients (nine in ten F of DS1 are one man's): a draw that takes
    these away from training, or has none, would choose the wrong epoch.
    """
    patients, of_row = np.unique(beats.patients[rows], return_inverse=True)
    _need_so_many(len(patients), 2)
    counts = np.zeros((len(patients), len(beats.classes)))
    np.add.at(counts, (of_row, beats.y[rows]), 1)
    shares = counts[:, counts.any(axis=0)] / counts.sum(axis=0)[counts.any(axis=0)]
    n = max(1, round(len(patients) / share))
    draws = [rng.permutation(len(patients))[:n] for _ in range(_N_DRAWS)]
    best = min(draws, key=lambda draw: float(np.abs(shares[draw].sum(axis=0) - 1 / share).sum()))
    return rows[np.isin(of_row, best)]


def _grouped(beats: BeatSet, *, seed: int, n: int) -> list[NDArray[np.int64]]:
    """Divide the rows into ``n`` groups of whole patients, each with its share of every class, about."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    _need_so_many(len(set(beats.patients.tolist())), n)
    folds = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class may have fewer beats than there are folds (Q without paced records); that is no fault.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        divided = folds.split(np.zeros(len(beats)), beats.y, beats.patients)
        return [held.astype(np.int64) for _, held in divided]


def _need_so_many(n_patients: int, n: int) -> None:
    if n_patients < n:
        raise SettingsError(
            f"split by patient: expected beats of at least {n} patients, received {n_patients}"
        )


def _need_patients(beats: BeatSet, how: str) -> None:
    if not beats.knows_patients:
        raise SettingsError(
            f"split {how}: expected beats that say whose they are, received {beats.name}, which does not "
            f"(use given or random)"
        )


def _checked(parts: Split, how: str) -> Split:
    for name, rows in parts._asdict().items():
        if not len(rows):
            raise SettingsError(f"split {how}: expected beats to {name} on, received none")
    return parts
