"""Infarction against normal in cross-validation: several methods on the very same people left out.

Beside the split by patient stands the split by beat, which most of what is published uses: beats of one
record are then on both sides, and what is measured is memory. One method tells whole records, and stands in
the split by patient alone (`models.workshop.morphology`).
"""

import shutil
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.recordings import Recordings
from models.datasets.splits import manifest
from models.progress import Report
from models.workshop import outcome
from models.workshop.boosting import METHODS, Sizes
from models.workshop.folder import alone, begin
from models.workshop.morphology import Effort, Morphology, prepared
from models.workshop.outcome import Figures, Part
from models.workshop.pooling import logit, records_of, sigmoid
from monitor.errors import SettingsError

__all__ = [
    "BLEND",
    "MORPHOLOGY",
    "Infarction",
    "Row",
    "Sizes",
    "cross_validate",
    "methods_of",
    "splits_of",
    "table",
]


RESULTS: Final = "results.csv"
PARTS: Final = "parts"
BLEND: Final = "blend"
"""The mean of the log odds of `BLENDED`."""
BLENDED: Final = ("trees", "machine", "kernels")
COMPARED: Final = "boosting"
MORPHOLOGY: Final = "morphology"
"""The one method that tells whole records: where there are some, and patients are unseen."""

_Learner: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], Part]
"""Learns from some rows of the beats, and tells others."""


class Infarction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a cross-validation gives, but for the beats themselves.

    Attributes
    ----------
    dataset, options
        Of `models.datasets.load`.
    methods
        Names in `METHODS`, ``blend`` where all that it is made of are there, and ``morphology``.
    folds
        Which folds are left out in turn; what is learned from are all others.
    splits
        ``patients``, ``random`` or both.
    sizes, effort
        How much the methods learn; ``effort`` is that of ``morphology``.
    seed
        Fixes everything that is random.
    """

    dataset: str
    options: DataOptions = DataOptions()
    methods: tuple[str, ...] = (COMPARED, *BLENDED, BLEND)
    folds: tuple[int, ...] = tuple(range(1, outcome.N_FOLDS + 1))
    splits: tuple[str, ...] = ("patients", "random")
    sizes: Sizes = Sizes()
    effort: Effort = Effort()
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


def methods_of(dataset: str, splits: tuple[str, ...]) -> tuple[str, ...]:
    """Return all methods that can tell a data set."""
    whole = dataset == "ptbxl" and "patients" in splits
    return (COMPARED, *BLENDED, BLEND, *([MORPHOLOGY] if whole else []))


def cross_validate(
    config: Infarction,
    beats: BeatSet,
    folder: Path,
    *,
    command: str,
    report: Report,
    recordings: Recordings | None = None,
) -> list[Row]:
    """Run what is not there yet, and return the table; each fold of each method is kept when it is done.

    Parameters
    ----------
    recordings
        The whole records that the beats are of; needed for ``morphology`` alone.

    Raises
    ------
    ArtifactError
        The folder holds something else, or was begun with another configuration or other beats.
    SettingsError
        There is no such method, or none for such data, or the beats are not of two classes or cannot be
        split so.
    """
    _check(config, beats, recordings)
    for how in config.splits:
        outcome.fold_of_rows(beats, how, seed=config.seed)  # beats that cannot be split so begin no folder
    given = manifest(beats) | ({} if recordings is None else {"recordings": recordings.digest()})
    checkpoint = begin(folder, config, given, command=command)
    with alone(folder):
        (folder / PARTS).mkdir(exist_ok=True)
        _run(config, beats, folder, _learners(config, beats, recordings, report), report)
        rows = table(config, beats, folder, report=report)
        _write(rows, folder / RESULTS)
    shutil.rmtree(checkpoint)
    return rows


def _run(
    config: Infarction,
    beats: BeatSet,
    folder: Path,
    learners: Mapping[str, _Learner],
    report: Report,
) -> None:
    """Learn and tell what is not there yet."""
    folds = {how: outcome.fold_of_rows(beats, how, seed=config.seed) for how in config.splits}
    plan = [
        (how, method, k)
        for how in config.splits
        for method in _methods(config, how)
        if method != BLEND
        for k in config.folds
    ]
    for done, (how, method, k) in enumerate(plan):
        report(f"{method}, split by {how}, fold {k}", done, len(plan))
        path = folder / PARTS / f"{how}-{method}-{k}.npz"
        if not path.exists():
            held = folds[how] == k
            learners[method](np.flatnonzero(~held), np.flatnonzero(held)).save(path)


def _methods(config: Infarction, how: str) -> tuple[str, ...]:
    """Return the methods that tell what is split so."""
    return tuple(method for method in config.methods if how == "patients" or method != MORPHOLOGY)


def table(config: Infarction, beats: BeatSet, folder: Path, *, report: Report) -> list[Row]:
    """Return the table of a folder whose parts are all there."""
    rows = []
    for how in config.splits:
        parts: dict[str, list[Part]] = {}
        methods = _methods(config, how)
        for method in methods:
            parts[method] = [_blended(parts, n) for n in range(len(config.folds))] if method == BLEND else []
            if method != BLEND:
                paths = [folder / PARTS / f"{how}-{method}-{k}.npz" for k in config.folds]
                parts[method] = [Part.load(path) for path in paths]
        for n, method in enumerate(methods):
            report(f"drawing patients, {method}", n, len(methods))
            both = [outcome.joined(parts[name], beats, split=how) for name in (method, methods[0])]
            found = outcome.figures(both[0], beats, both[1] if n else None, seed=config.seed)
            last = None
            if 10 in config.folds:
                at = config.folds.index(10)
                one = outcome.joined(parts[method][at : at + 1], beats, split=how)
                last = outcome.figures(one, beats, seed=config.seed)
            rows.append(Row(how, method, found, last))
    return rows


def _learners(
    config: Infarction, beats: BeatSet, recordings: Recordings | None, report: Report
) -> dict[str, _Learner]:
    """Return what learns by each method; whole records are made ready when they are first asked for."""
    learners: dict[str, _Learner] = {name: partial(_part, config, name, beats) for name in METHODS}
    if recordings is None:
        return learners
    ready = cache(partial(prepared, recordings, seed=config.seed, effort=config.effort, report=report))
    return learners | {MORPHOLOGY: partial(_part_of_records, beats, recordings, ready)}


def _part(
    config: Infarction, method: str, beats: BeatSet, kept: NDArray[np.int64], held: NDArray[np.int64]
) -> Part:
    """Learn from some rows and tell the others."""
    tell = METHODS[method](beats.of(kept), seed=config.seed, sizes=config.sizes)
    other = beats.of(held)
    told = tell(other)
    return Part(held, told.beats, told.records[records_of(other).of])


def _part_of_records(
    beats: BeatSet,
    recordings: Recordings,
    ready: Callable[[], Morphology],
    kept: NDArray[np.int64],
    held: NDArray[np.int64],
) -> Part:
    """Learn from the records of some rows and tell those of the others, of whose beats nothing is told."""
    records = records_of(beats.of(held))
    asked = recordings.rows(records.names)
    learned = recordings.beside(recordings.rows(records_of(beats.of(kept)).names), asked)
    odds = ready().tell(learned, asked)
    return Part(held, np.full(len(held), np.nan), sigmoid(odds)[records.of])


def _blended(parts: dict[str, list[Part]], n: int) -> Part:
    """Return the mean log odds of the n-th part of all that are blended."""
    mine = [parts[name][n] for name in BLENDED]
    beats, whole = (
        sigmoid(np.mean([logit(getattr(part, level)) for part in mine], axis=0))
        for level in ("beats", "whole")
    )
    return Part(mine[0].rows, beats, whole)


def _check(config: Infarction, beats: BeatSet, recordings: Recordings | None) -> None:
    known = (*METHODS, BLEND, MORPHOLOGY)
    unknown = [method for method in config.methods if method not in known]
    lacking = set(BLENDED) - set(config.methods) if BLEND in config.methods else set()
    if unknown or lacking or not config.methods:
        raise SettingsError(
            f"methods: expected names out of {', '.join(known)}, and {', '.join(BLENDED)} where there is "
            f"{BLEND}, received {', '.join(config.methods) or 'none'}"
        )
    if MORPHOLOGY in config.methods and (recordings is None or "patients" not in config.splits):
        raise SettingsError(
            f"method {MORPHOLOGY}: it tells whole records of patients unseen: expected data set ptbxl, split "
            f"by patients, received {config.dataset} split by {' and '.join(config.splits)}"
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
