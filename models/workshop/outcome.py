"""What was told of people that were left out, gathered over folds: figures per beat and per record.

Each part of the work (one method or mode, one fold) leaves one file of predictions; the figures come of
these alone, so that a table can be made again, and two methods compared on the very same draws.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.workshop.bootstrap import clusters, interval, weighted_figures
from models.workshop.pooling import pooled, records_of
from models.workshop.predictions import columns
from monitor.errors import ArtifactError, SettingsError
from monitor.storage import drafted

__all__ = [
    "RESAMPLES",
    "Figure",
    "Figures",
    "Part",
    "figures",
    "fold_of_rows",
    "infarct_class",
    "joined",
    "write",
]

RESAMPLES = 1000
N_FOLDS: Final = 10


class Part(NamedTuple):
    """What was told of the rows of a data set, once each.

    Attributes
    ----------
    rows
        Of shape (n,): into the data set.
    beats
        Of shape (n,): probability of infarction from the beat alone; NaN where records alone are told.
    whole
        Of shape (n,): that of the record which the beat is of, alike for all its beats.
    """

    rows: NDArray[np.int64]
    beats: NDArray[np.float64]
    whole: NDArray[np.float64]

    def save(self, path: Path) -> None:
        """Write the part: whole, or not at all."""
        with drafted(path) as draft:
            np.savez(draft, rows=self.rows, beats=self.beats, whole=self.whole)

    @classmethod
    def load(cls, path: Path) -> "Part":
        """Read a part; ArtifactError if it is none."""
        try:
            return cls(**columns(path, cls._fields))
        except ArtifactError as error:
            raise ArtifactError(f"{error} (without that file the same command makes it anew)") from error


class Figure(NamedTuple):
    """A figure with its 95 % interval; NaN where there is none."""

    value: float
    low: float = float("nan")
    high: float = float("nan")

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "-"
        return f"{self.value:.3f}" + ("" if np.isnan(self.low) else f" ({self.low:.3f}–{self.high:.3f})")


class Figures(NamedTuple):
    """How infarction was told from normal.

    Attributes
    ----------
    record_auc, record_f1
        A row per record.
    beat_auc, beat_f1
        A row per beat. F1 is that of infarction, at a probability of one half. NaN where none was told.
    macro_f1
        Per beat, mean of both classes.
    gain
        Difference of the record AUC to that of what it is compared with, on the same draws.
    n_records, n_beats
        How many there were.
    """

    record_auc: Figure
    record_f1: Figure
    beat_auc: Figure
    beat_f1: Figure
    macro_f1: Figure
    gain: Figure
    n_records: int
    n_beats: int


def infarct_class(beats: BeatSet) -> None:
    """Raise `SettingsError` unless the beats are of two classes, the second of which is told."""
    if len(beats.classes) != 2 or len(np.unique(beats.y)) != 2:
        there = ", ".join(beats.classes[k] for k in np.unique(beats.y))
        raise SettingsError(
            f"data set {beats.name}: expected beats of NORM and MI, received {there or 'none'}"
        )


def fold_of_rows(beats: BeatSet, how: str, *, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row, 1 to 10.

    Parameters
    ----------
    how
        ``patients``: the source's folds, or ten of patients drawn with the classes in mind. ``random``:
        ten of beats, whoever they are of.

    Raises
    ------
    SettingsError
        The beats do not say whose they are, or are of too few people.
    """
    from models.datasets.splits import split

    folds = np.zeros(len(beats), dtype=np.int64)
    if how == "patients":
        for k in range(1, N_FOLDS + 1):
            folds[split(beats, f"fold:{k}", seed=seed).test] = k
        return folds
    if how != "random":
        raise SettingsError(f"no such split: expected patients or random, received {how!r}")
    rng = np.random.default_rng(seed)
    for label in np.unique(beats.y):
        rows = rng.permutation(np.flatnonzero(beats.y == label))
        folds[rows] = np.arange(len(rows)) % N_FOLDS + 1
    return folds


def joined(parts: Sequence[Part], beats: BeatSet, *, split: str) -> Part:
    """Return all parts as one, ascending; where beats were split at random records are pooled anew."""
    rows, told, whole = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(rows)
    rows, told, whole = rows[order], told[order], whole[order]
    if split == "random":
        records = records_of(beats.of(rows))
        whole = pooled(told, records)[records.of]
    return Part(rows, told, whole)


def figures(
    part: Part, beats: BeatSet, against: Part | None = None, *, resamples: int | None = None, seed: int = 0
) -> Figures:
    """Return the figures of a part, intervals from draws of patients with all that is theirs.

    Parameters
    ----------
    against
        Another part of the same rows, for the paired difference.
    resamples
        How many draws; None for `RESAMPLES`, 0 for no intervals.
    """
    here = beats.of(part.rows)
    records = records_of(here)
    drawn = clusters(here.patients, here.records)
    _, first = np.unique(records.of, return_index=True)
    columns = [(here.y, part.beats, np.arange(len(here))), (records.y, part.whole[first], first)]
    if against is not None:
        columns.append((records.y, against.whole[first], first))
    rng = np.random.default_rng(seed)
    n_draws = RESAMPLES if resamples is None else resamples
    draws = rng.multinomial(drawn.n, np.full(drawn.n, 1 / drawn.n), size=n_draws if drawn.n > 1 else 0)
    weights = [np.ones(len(here)), *(times[drawn.of].astype(np.float64) for times in draws)]
    told = []
    for truth, p, of in columns:
        if np.isnan(p).any():
            told.append([dict.fromkeys(("MI auc", "MI f1", "macro f1"), float("nan"))])
            continue
        of_weights = weighted_figures(truth, np.stack([1 - p, p], axis=1), ("NORM", "MI"))
        told.append([of_weights(weight[of]) for weight in weights])

    def figure(level: int, name: str) -> Figure:
        return _figure(np.array([one[name] for one in told[level]]))

    gain = Figure(float("nan"))
    if against is not None:
        mine, others = (np.array([one["MI auc"] for one in told[level]]) for level in (1, 2))
        gain = _figure(mine - others)
    return Figures(
        record_auc=figure(1, "MI auc"),
        record_f1=figure(1, "MI f1"),
        beat_auc=figure(0, "MI auc"),
        beat_f1=figure(0, "MI f1"),
        macro_f1=figure(0, "macro f1"),
        gain=gain,
        n_records=records.n,
        n_beats=len(here),
    )


def write(rows: Sequence[tuple[dict[str, str | int | float], Figures]], path: Path) -> None:
    """Write a table as CSV: what each row is, then its figures with their limits."""
    with drafted(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file)
        for k, (what, found) in enumerate(rows):
            cells = dict(what)
            for name, value in found._asdict().items():
                cells |= _cells(name, value) if isinstance(value, Figure) else {name: value}
            if not k:
                writer.writerow(cells)
            writer.writerow(cells.values())


def _figure(values: NDArray[np.float64]) -> Figure:
    """Return the first value with the interval that the others give."""
    return Figure(float(values[0]), *(interval(values[1:]) or ()))


def _cells(name: str, figure: Figure) -> dict[str, str | int | float]:
    """Return a figure and its limits by column, empty where there are none."""
    return {
        f"{name}{end}": "" if np.isnan(number) else round(number, 5)
        for end, number in zip(("", "_low", "_high"), figure, strict=True)
    }
