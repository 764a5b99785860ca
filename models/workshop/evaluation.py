"""A run's test part, measured: figures, intervals, and whether patients tested on were trained on too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from models.progress import Report
from models.workshop import bootstrap
from models.workshop.bootstrap import Clusters, clusters, intervals
from models.workshop.material import (
    NO_BEATS,
    Material,
    Overlap,
    hears_records,
    material,
    overlap,
    recorded,
)
from models.workshop.metrics import AVERAGES, PER_CLASS, Measured, measure
from models.workshop.runs import Run
from monitor.errors import ArtifactError, BeatlineError

__all__ = ["R_PEAKS", "Evaluation", "as_json", "beats_of", "evaluate"]

R_PEAKS: Final = "r_peaks.json"
"""Written by networks that find R peaks too: sensitivity and positive predictivity."""


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes
    ----------
    run, measured
        The run, and its figures.
    limits
        95 % interval of each figure by name, None where there is none.
    drawn, resamples, seed
        What the bootstrap drew, how often, from which seed.
    material
        The beats behind the run; None where they were not asked for or not to be had, and
        ``without`` says why.
    r_peaks
        What `R_PEAKS` says; None if it is not there.
    strangers
        The figures of those patients alone who were not trained on, where only some were; else None.
    equal
        The figures were all classes taken to be as frequent, where they are so in the test part, but
        were not in training; else, and without the beats, None.
    """

    run: Run
    measured: Measured
    limits: dict[str, tuple[float, float] | None]
    drawn: Clusters
    resamples: int
    seed: int
    material: Material | None
    without: str
    r_peaks: dict[str, Any] | None
    strangers: Measured | None
    equal: Measured | None

    @property
    def balance(self) -> str:
        """A sentence on the shares of classes, where those of the test part were made equal; or nothing."""
        if not self.run.config.options.balanced:
            return ""
        told = "The test part was made to have as many beats of each class, "
        if self.run.config.loss == "balanced":
            return f"{told}and so training saw them."
        told += "which training had not. "
        if self.equal is None:
            return f"{told}What is told is not adjusted to it: {self.without}."
        return (
            f"{told}For equal shares: each probability over how frequent training made its class seem "
            f"(Saerens et al. 2002), accuracy {100 * (self.equal.figures['accuracy'] or 0):.2f} %; all other "
            "figures are as trained."
        )

    @property
    def leak(self) -> str:
        """A sentence on whether patients tested on were trained on too."""
        known = overlap(self.material) if self.material is not None else recorded(self.run)
        if known is not None:
            return known.sentence()
        tested = set(self.run.predictions.records.tolist())
        if "" in tested:
            return f"Whether patients tested on were trained on too was not checked: {self.without}."
        shared = tested & set(self.run.card.trained_on)
        return (
            f"By the run's card, of the records tested on ({len(tested)}) {len(shared) or 'none'} "
            f"{'were' if len(shared) > 1 else 'was'} trained on; not checked by patient: {self.without}."
        )


def evaluate(
    run: Run,
    *,
    found: Material | str,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
    report: Report = lambda *_: None,
) -> Evaluation:
    """Measure a run.

    Parameters
    ----------
    found
        The beats behind it (`beats_of`), or why they are not there.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    ArtifactError
        Its files do not agree with one another.
    """
    told = run.predictions
    try:
        measured = measure(told.truth, told.probabilities, told.classes)
    except ValueError as error:
        raise ArtifactError(f"predictions of run {run.folder}: {error}") from error
    drawn = clusters(told.patients, told.records, told.rows)
    limits = intervals(
        told.truth,
        told.probabilities,
        told.classes,
        drawn,
        resamples=resamples,
        seed=seed,
        report=report,
    )
    return Evaluation(
        run=run,
        measured=measured,
        limits=limits,
        drawn=drawn,
        resamples=resamples,
        seed=seed,
        material=found if isinstance(found, Material) else None,
        without="" if isinstance(found, Material) else found,
        r_peaks=_r_peaks(run.folder),
        strangers=_of_strangers(run, overlap(found) if isinstance(found, Material) else recorded(run)),
        equal=_for_equal_shares(run, found) if isinstance(found, Material) else None,
    )


def beats_of(run: Run, *, data: Path | None, report: Report) -> Material | str:
    """Return the beats behind a run, or, where nobody named a folder with them, why they are not to be had.

    Raises
    ------
    BeatlineError
        A folder was named, and they are not to be had from it.
    """
    if hears_records(run):
        return NO_BEATS
    try:
        return material(run, data=data, report=report)
    except BeatlineError as error:
        if data is not None:
            raise
        return f"the beats are not at hand ({error})"


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return all that was found, as JSON can say it; figures are fractions of 1, null = undefined."""
    measured = found.measured

    def figure(name: str) -> dict[str, float | None]:
        low, high = found.limits.get(name) or (None, None)
        return {"value": measured.figures[name], "low": low, "high": high}

    def figures(who: str) -> dict[str, Any]:
        return {name: figure(f"{who} {name}") for name in PER_CLASS}

    counts = zip(measured.classes, measured.counts, strict=True)
    shared = overlap(found.material) if found.material else recorded(found.run)
    return {
        "run": str(found.run.folder),
        "config": msgspec.to_builtins(found.run.config),
        "n": measured.n,
        "accuracy": figure("accuracy"),
        "ece": figure("ece"),
        "classes": {name: {"n": n, **figures(name)} for name, n in counts},
        **{average: figures(average) for average in AVERAGES},
        "confusion": measured.confusion,
        "intervals": {
            "level": bootstrap.LEVEL,
            "over": found.drawn.kind,
            "n": found.drawn.n,
            "resamples": found.resamples,
            "seed": found.seed,
        },
        "strangers": found.strangers.figures if found.strangers else None,
        "balanced_test": found.run.config.options.balanced,
        "equal_shares": found.equal.figures if found.equal else None,
        "patients_trained_on_too": shared._asdict() if shared else None,
        "r_peaks": found.r_peaks,
    }


def _of_strangers(run: Run, known: Overlap | None) -> Measured | None:
    """Measure those never trained on, where some of the others were: by convention 201 trains, 202 tests."""
    if known is None or not known.shared or len(known.shared) == known.n_tested:
        return None
    told = run.predictions
    rows = ~np.isin(told.patients, known.shared)
    return measure(told.truth[rows], told.probabilities[rows], told.classes)


def _for_equal_shares(run: Run, found: Material) -> Measured | None:
    """Measure what would be told were all classes as frequent, where that is so of the test part alone."""
    config = run.config
    if not config.options.balanced or config.loss == "balanced":
        return None
    told = run.for_equal_shares(found.beats.y[found.parts.train])
    return measure(told.truth, told.probabilities, told.classes)


def _r_peaks(folder: Path) -> dict[str, Any] | None:
    """Return what is said of R peaks: of the records asked for later, else of the run's own."""
    there = [path for path in (folder / "evaluation" / R_PEAKS, folder / R_PEAKS) if path.exists()]
    if not there:
        return None
    path = there[0]
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise ArtifactError(f"R peaks {path}: expected a JSON object, received: {error}") from error
