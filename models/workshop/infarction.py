"""Infarction against normal in cross-validation: several methods on the very same people left out.

Beside the split by patient stands the split by beat, which most of what is published uses: beats of one
record are then on both sides, and what is measured is memory.
"""

import shutil
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.splits import manifest
from models.progress import Report
from models.workshop import outcome
from models.workshop.boosting import METHODS, Sizes
from models.workshop.folder import alone, begin
from models.workshop.outcome import Figures, Part
from models.workshop.pooling import logit, records_of, sigmoid
from monitor.errors import SettingsError

__all__ = ["BLEND", "Infarction", "Row", "Sizes", "cross_validate", "splits_of", "table"]


RESULTS: Final = "results.csv"
PARTS: Final = "parts"
BLEND: Final = "blend"
"""The mean of the log odds of `BLENDED`."""
BLENDED: Final = ("trees", "machine", "kernels")
COMPARED: Final = "boosting"


class Infarction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a cross-validation gives, but for the beats themselves.

    Attributes
    ----------
    dataset, options
        Of `models.datasets.load`.
    methods
        Names in `METHODS`, and ``blend`` where all that it is made of are there.
    folds
        Which folds are left out in turn; what is learned from are all others.
    splits
        ``patients``, ``random`` or both.
    sizes
        How much the methods learn.
    seed
        Fixes everything that is random.
    """

    dataset: str
    options: DataOptions = DataOptions()
    methods: tuple[str, ...] = (COMPARED, *BLENDED, BLEND)
    folds: tuple[int, ...] = tuple(range(1, outcome.N_FOLDS + 1))
    splits: tuple[str, ...] = ("patients", "random")
    sizes: Sizes = Sizes()
    seed: int = 1


class Row(NamedTuple):
    """One method under one split: over all folds asked for, and over fold 10 alone (None if it was not)."""

    split: str
    method: str
    figures: Figures
    fold10: Figures | None


def splits_of(beats: BeatSet) -> tuple[str, ...]:
    """Return the splits that can be made of these beats."""
    return ("patients", "random") if beats.knows_patients else ("random",)


def cross_validate(
    config: Infarction, beats: BeatSet, folder: Path, *, command: str, report: Report
) -> list[Row]:
    """Run what is not there yet, and return the table; each fold of each method is kept when it is done.

    Raises
    ------
    ArtifactError
        The folder holds something else, or was begun with another configuration or other beats.
    SettingsError
        There is no such method, or the beats are not of two classes or cannot be split so.
    """
    _check(config, beats)
    for how in config.splits:
        outcome.fold_of_rows(beats, how, seed=config.seed)  # beats that cannot be split so begin no folder
    checkpoint = begin(folder, config, manifest(beats), command=command)
    with alone(folder):
        (folder / PARTS).mkdir(exist_ok=True)
        _run(config, beats, folder, report)
        rows = table(config, beats, folder, report=report)
        _write(rows, folder / RESULTS)
    shutil.rmtree(checkpoint)
    return rows


def _run(config: Infarction, beats: BeatSet, folder: Path, report: Report) -> None:
    """Learn and tell what is not there yet."""
    folds = {how: outcome.fold_of_rows(beats, how, seed=config.seed) for how in config.splits}
    methods = [method for method in config.methods if method != BLEND]
    plan = [(how, method, k) for how in config.splits for method in methods for k in config.folds]
    for done, (how, method, k) in enumerate(plan):
        report(f"{method}, split by {how}, fold {k}", done, len(plan))
        path = folder / PARTS / f"{how}-{method}-{k}.npz"
        if not path.exists():
            held = folds[how] == k
            _part(config, method, beats, np.flatnonzero(~held), np.flatnonzero(held)).save(path)


def table(config: Infarction, beats: BeatSet, folder: Path, *, report: Report) -> list[Row]:
    """Return the table of a folder whose parts are all there."""
    rows = []
    for how in config.splits:
        parts: dict[str, list[Part]] = {}
        for method in config.methods:
            parts[method] = [_blended(parts, n) for n in range(len(config.folds))] if method == BLEND else []
            if method != BLEND:
                paths = [folder / PARTS / f"{how}-{method}-{k}.npz" for k in config.folds]
                parts[method] = [Part.load(path) for path in paths]
        for n, method in enumerate(config.methods):
            report(f"drawing patients, {method}", n, len(config.methods))
            both = [outcome.joined(parts[name], beats, split=how) for name in (method, config.methods[0])]
            found = outcome.figures(both[0], beats, both[1] if n else None, seed=config.seed)
            last = None
            if 10 in config.folds:
                at = config.folds.index(10)
                one = outcome.joined(parts[method][at : at + 1], beats, split=how)
                last = outcome.figures(one, beats, seed=config.seed)
            rows.append(Row(how, method, found, last))
    return rows


def _part(
    config: Infarction, method: str, beats: BeatSet, kept: NDArray[np.int64], held: NDArray[np.int64]
) -> Part:
    """Learn from some rows and tell the others."""
    tell = METHODS[method](beats.of(kept), seed=config.seed, sizes=config.sizes)
    other = beats.of(held)
    told = tell(other)
    return Part(held, told.beats, told.records[records_of(other).of])


def _blended(parts: dict[str, list[Part]], n: int) -> Part:
    """Return the mean log odds of the n-th part of all that are blended."""
    mine = [parts[name][n] for name in BLENDED]
    beats, whole = (
        sigmoid(np.mean([logit(getattr(part, level)) for part in mine], axis=0))
        for level in ("beats", "whole")
    )
    return Part(mine[0].rows, beats, whole)


def _check(config: Infarction, beats: BeatSet) -> None:
    known = (*METHODS, BLEND)
    unknown = [method for method in config.methods if method not in known]
    lacking = set(BLENDED) - set(config.methods) if BLEND in config.methods else set()
    if unknown or lacking or not config.methods:
        raise SettingsError(
            f"methods: expected names out of {', '.join(known)}, and {', '.join(BLENDED)} where there is "
            f"{BLEND}, received {', '.join(config.methods) or 'none'}"
        )
    outcome.infarct_class(beats)


def _write(rows: list[Row], path: Path) -> None:
    outcome.write(
        [
            (
                {
                    "split": row.split,
                    "method": row.method,
                    "fold10_record_auc": "" if row.fold10 is None else round(row.fold10.record_auc.value, 5),
                },
                row.figures,
            )
            for row in rows
        ],
        path,
    )
