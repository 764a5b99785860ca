"""Transfer: what a network learned of arrhythmia, used to tell infarction (Kachuee et al. 2018, section IV).

Three ways to come by the same network (`models.workshop.carry`), each with a part of the labels.
A part of the labels is a part of the patients, or of the beats where it is not known whose they are: with
1 % of the beats drawn singly nearly every patient would be in it.
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
from models.progress import Report, part
from models.workshop import outcome
from models.workshop.carry import MODES, carried
from models.workshop.fit import Fitting
from models.workshop.folder import alone, begin
from models.workshop.outcome import Figure, Figures, Part
from models.workshop.pooling import pooled, records_of
from models.workshop.runs import Run
from monitor.canvas import COLOURS, picture
from monitor.errors import ArtifactError, SettingsError

__all__ = ["MODES", "PICTURE", "RESULTS", "Row", "Transfer", "shared", "transfer", "window_of"]


COMPARED: Final = "scratch"
"""What the others' gain is over, with the same labels."""
RESULTS: Final = "results.csv"
PARTIAL: Final = "results-partial.csv"
"""The table so far, without intervals, while the study is under way."""
PICTURE: Final = "curve.png"
PARTS: Final = "parts"
_GENTLER: Final = 0.2
"""Of the learning rate, where all layers learn from weights that are good already."""
_MOST: Final = 10
"""At most so many times the epochs, where there are few labels and so few steps an epoch."""

_NEAR: Final = 0.05
"""How far rates may differ: the published CSVs are called 125 Hz, and those of MIT-BIH are 120."""


class Transfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a transfer gives, but for the beats and the run themselves.

    Attributes
    ----------
    source
        Identity of the run's network, from its card.
    dataset, options
        Of `models.datasets.load`.
    modes, shares, folds, splits
        What is run: all combinations. ``shares`` in percent of the labels.
    epochs, batch, learning_rate, seed
        As in `models.workshop.fit.Fitting`; with a share s of the labels there are min(10, 1/s) times the
        epochs, at most.
    """

    source: str
    dataset: str
    options: DataOptions = DataOptions()
    modes: tuple[str, ...] = MODES
    shares: tuple[int, ...] = (1, 10, 100)
    folds: tuple[int, ...] = (10,)
    splits: tuple[str, ...] = ("patients", "random")
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 1e-3
    seed: int = 1


class Row(NamedTuple):
    """One mode with one share of the labels under one split, over all folds that were left out."""

    split: str
    mode: str
    share: int
    figures: Figures


class _Job(NamedTuple):
    """One training."""

    split: str
    share: int
    mode: str
    fold: int

    @property
    def name(self) -> str:
        return f"{self.split}-{self.mode}-{self.share}-{self.fold}"


def window_of(run: Run, dataset: str) -> list[str]:
    """Return, as ``NAME=VALUE``, what a data set is asked for beats cut as the run's were.

    Raises
    ------
    ArtifactError
        The run's card does not say how.
    """
    if dataset == "kaggle":
        return ["task=infarction"]
    window = run.card.window
    if window is None:
        raise ArtifactError(f"run {run.folder}: expected a card that tells its window, received one without")
    asked = {"fs": window.fs, "n_pre": window.n_pre, "n_post": window.n_post, "scaling": window.scaling}
    if window.length_rr is not None:
        asked["length_rr"] = window.length_rr
    return [f"{name}={value}" for name, value in asked.items()]


def transfer(
    config: Transfer, run: Run, beats: BeatSet, folder: Path, *, command: str, report: Report
) -> list[Row]:
    """Run what is not there yet, and return the table; each training is kept when it is done.

    Raises
    ------
    ArtifactError
        The folder holds something else or was begun otherwise, or the network does not fit the beats.
    SettingsError
        The beats are not of two classes, or cannot be split so.
    """
    outcome.infarct_class(beats)
    _fits(run, beats)
    folds = {how: outcome.fold_of_rows(beats, how, seed=config.seed) for how in config.splits}
    checkpoint = begin(folder, config, manifest(beats), command=command)
    plan = [
        _Job(how, share, mode, k)
        for how in config.splits
        for share in config.shares
        for mode in config.modes
        for k in config.folds
    ]
    with alone(folder):
        (folder / PARTS).mkdir(exist_ok=True)
        _run(config, run, beats, folder, (plan, folds, report))
        rows = table(config, beats, folder, plan)
        _write(rows, folder / RESULTS)
        (folder / PARTIAL).unlink(missing_ok=True)
        draw(rows, folder / PICTURE)
    shutil.rmtree(checkpoint)
    return rows


def _run(
    config: Transfer,
    run: Run,
    beats: BeatSet,
    folder: Path,
    work: tuple[list[_Job], dict[str, NDArray[np.int64]], Report],
) -> None:
    """Train and tell what is not there yet; the table so far has no intervals."""
    plan, folds, report = work
    for done, job in enumerate(plan):
        path = folder / PARTS / f"{job.name}.npz"
        if not path.exists():
            told = part(
                report, f"{job.mode}, {job.share} %, by {job.split}, fold {job.fold}", done, len(plan)
            )
            _train(config, run, beats, folds[job.split], job=job, report=told).save(path)
            rows = table(config, beats, folder, plan[: done + 1], resamples=0)
            _write(rows, folder / PARTIAL)


def table(
    config: Transfer, beats: BeatSet, folder: Path, jobs: list[_Job], *, resamples: int | None = None
) -> list[Row]:
    """Return a row for each mode, share and split of these jobs, their folds joined."""
    parts: dict[tuple[str, int, str], list[Part]] = {}
    for job in jobs:
        part = Part.load(folder / PARTS / f"{job.name}.npz")
        parts.setdefault((job.split, job.share, job.mode), []).append(part)
    rows = []
    for (how, share, mode), mine in parts.items():
        whole = outcome.joined(mine, beats, split=how)
        anew = parts.get((how, share, COMPARED), [])
        against = outcome.joined(anew, beats, split=how) if len(anew) == len(mine) else None
        found = outcome.figures(
            whole, beats, None if mode == COMPARED else against, resamples=resamples, seed=config.seed
        )
        rows.append(Row(how, mode, share, found))
    return rows


def shared(
    beats: BeatSet, rows: NDArray[np.int64], share: int, *, split: str, seed: int
) -> NDArray[np.int64]:
    """Return the part of some rows that ``share`` percent of the labels are, at least one of each class.

    Whole patients, unless the split is random. What a smaller share has, a larger one has too.
    """
    if share >= 100:
        return rows
    names = beats.patients[rows] if split == "patients" else rows.astype(str)
    rng = np.random.default_rng(seed)
    kept: list[str] = []
    for label in np.unique(beats.y[rows]):
        found = rng.permutation(np.unique(names[beats.y[rows] == label]))
        kept += found[: max(1, round(len(found) * share / 100))].tolist()
    return np.asarray(rows[np.isin(names, kept)])


def draw(rows: list[Row], path: Path) -> None:
    """Draw the AUC over the share of the labels, per record and per beat, with intervals."""
    splits = list(dict.fromkeys(row.split for row in rows))
    with picture(path, columns=len(splits), size=(5.5 * len(splits), 4.5)) as (_, axes):
        for split, panel in zip(splits, axes, strict=True):
            for colour, mode in zip(COLOURS, dict.fromkeys(row.mode for row in rows), strict=False):
                mine = sorted((r for r in rows if (r.split, r.mode) == (split, mode)), key=lambda r: r.share)
                shares = [row.share for row in mine]
                for level, dash in (("record_auc", "-"), ("beat_auc", ":")):
                    found: list[Figure] = [getattr(row.figures, level) for row in mine]
                    label = f"{mode}, {'records' if level == 'record_auc' else 'beats'}"
                    panel.plot(shares, [f.value for f in found], dash, marker="o", color=colour, label=label)
                    if level == "record_auc":
                        low, high = [f.low for f in found], [f.high for f in found]
                        panel.fill_between(shares, low, high, color=colour, alpha=0.12, linewidth=0)
            panel.set_xscale("log")
            panel.set_xticks(sorted({row.share for row in rows}))
            panel.set_xticklabels([str(share) for share in sorted({row.share for row in rows})])
            panel.minorticks_off()
            panel.set_xlabel("percent of the labels learned from")
            panel.set_title("patients unseen" if split == "patients" else "split by beat")
        limits = [panel.get_ylim() for panel in axes]
        for panel in axes:  # alike, or the eye compares what cannot be compared
            panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        axes[0].set_ylabel("AUC, infarction against normal")
        axes[0].legend(fontsize=8)


def _train(
    config: Transfer, run: Run, beats: BeatSet, folds: NDArray[np.int64], *, job: _Job, report: Report
) -> Part:
    """Train one network and return what it tells of the fold left out."""
    before = (job.fold - 2) % outcome.N_FOLDS + 1
    held = np.flatnonzero(folds == job.fold)
    chosen_by = shared(beats, np.flatnonzero(folds == before), job.share, split=job.split, seed=config.seed)
    rest = np.flatnonzero((folds != job.fold) & (folds != before) & (folds > 0))
    kept = shared(beats, rest, job.share, split=job.split, seed=config.seed)
    if not len(held) or len(np.unique(beats.y[kept])) < 2:
        raise SettingsError(f"fold {job.fold}: expected beats of both classes to train on and beats to test")
    fitting = Fitting(
        epochs=config.epochs * min(_MOST, round(100 / job.share)),
        patience=6 * min(_MOST, round(100 / job.share)),
        batch=config.batch,
        learning_rate=config.learning_rate * (_GENTLER if job.mode == "finetune" else 1.0),
        seed=config.seed,
    )
    told = carried(job.mode, run, beats, (kept, chosen_by, held), fitting, report)
    records = records_of(beats.of(held))
    return Part(held, told, pooled(told, records)[records.of])


def _fits(run: Run, beats: BeatSet) -> None:
    window = run.card.window
    if window is None:
        return
    expected = (beats.n_points, beats.n_channels)
    if (window.n_points, window.n_leads) != expected or abs(window.fs / beats.fs - 1) > _NEAR:
        raise ArtifactError(
            f"run {run.folder}: expected a network for {beats.n_points} points of {beats.n_channels} leads "
            f"at {beats.fs:g} Hz, as {beats.name} has them, received one for {window.n_points} points of "
            f"{window.n_leads} leads at {window.fs:g} Hz (train it on kachuee, or with --option leads=1)"
        )


def _write(rows: list[Row], path: Path) -> None:
    outcome.write(
        [({"split": row.split, "mode": row.mode, "share": row.share}, row.figures) for row in rows], path
    )
