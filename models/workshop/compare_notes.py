"""What has to be known to read a comparison: which beats, how trained, who was tested on, where timed."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.datasets.beatset import BeatSet
from models.workshop.bootstrap import clusters
from models.workshop.compare import Comparison, Result
from models.workshop.compare_table import CLAIMS, called
from models.workshop.fit import Loss
from models.workshop.material import Material, Overlap, overlap
from models.workshop.predictions import Predictions
from models.workshop.seeds import judge

__all__ = ["notes"]

_FEW: Final = 10
"""Intervals from fewer patients are too narrow, and are said to be."""
_LOSSES: Final[dict[Loss, str]] = {
    "weighted": "cross-entropy with rare classes weighing more",
    "balanced": "cross-entropy with each class shown as often",
    "focal": "focal loss",
    "plain": "cross-entropy",
}
_MONITOR: Final = (
    "The monitor's own network has no line: it is told the beats that the detector finds, with the rhythm "
    "around them, and is scored as EC57 has it; its figures are not of this kind."
)


def notes(config: Comparison, found: Sequence[Result], beats: BeatSet) -> list[str]:
    """Return what is said below a table, a sentence or two each.

    Parameters
    ----------
    beats
        Those that all runs were given.
    """
    splits = dict.fromkeys(one.which.split for one in found)
    return [
        _which_beats(config, beats),
        _how_trained(config, found),
        *(_who(how, found, beats) for how in splits),
        *_balanced(config, found),
        _uncertain(found),
        _timed(found),
        *_claimed(found),
        *([_MONITOR] if config.dataset == "wfdb" else []),
    ]


def _which_beats(config: Comparison, beats: BeatSet) -> str:
    counts = np.bincount(beats.y, minlength=len(beats.classes)).tolist()
    classes = ", ".join(f"{name} {n:,}" for name, n in zip(beats.classes, counts, strict=True))
    people = f" of {len(set(beats.patients.tolist()))} patients" if beats.knows_patients else ""
    records = len(set(beats.records.tolist()) - {""})
    kept = f" in {records} records" if records else ""
    return (
        f"Data set {config.dataset}: {len(beats):,} beats{people}{kept} ({classes}), "
        f"{beats.n_points} points at {beats.fs:g} Hz, {beats.n_channels} lead{'s'[: beats.n_channels - 1]}."
    )


def _how_trained(config: Comparison, found: Sequence[Result]) -> str:
    seeds: dict[int, list[str]] = {}
    for arch in dict.fromkeys(one.which.arch for one in found):
        n = len({one.which.seed for one in found if one.which.arch == arch})
        seeds.setdefault(n, []).append(arch)
    each = "; ".join(f"{n} seed{'s' if n > 1 else ''}: {', '.join(names)}" for n, names in seeds.items())
    capped = sum(len(one.run.history) >= config.epochs for one in found)
    stop = f" or {config.patience} without a better validation loss" if config.patience else ""
    augmented = f"augmented ({', '.join(config.augment)})" if config.augment else "no augmentation"
    return (
        f"All trained alike: Adam, {config.batch} beats a step, {_LOSSES[config.loss]}, {augmented}, at "
        f"most {config.epochs} epoch{'s'[: config.epochs - 1]}{stop}, the best epoch counts; {capped} of "
        f"{len(found)} runs went to the last. {each}."
    )


def _who(how: str, found: Sequence[Result], beats: BeatSet) -> str:
    """Say of one split who was both trained and tested on, and what is left without them."""
    mine = [one for one in found if one.which.split == how]
    shared = overlap(Material(beats, mine[0].run.config.divided(beats)))
    told = f"{called(how).capitalize()}: {shared.sentence()}"
    if shared.n_tested is None or not 0 < len(shared.shared) < shared.n_tested:
        return told
    alone = "; ".join(
        f"{arch} {_without([one.told for one in mine if one.which.arch == arch], shared)}"
        for arch in dict.fromkeys(one.which.arch for one in mine)
    )
    return f"{told} Accuracy / macro F1 without: {alone}."


def _without(runs: Sequence[Predictions], shared: Overlap) -> str:
    kept = []
    for run in runs:
        strange = ~np.isin(run.patients, shared.shared)
        columns = {name: getattr(run, name)[strange] for name in Predictions._fields if name != "classes"}
        kept.append(run._replace(**columns))
    figures = judge(kept, resamples=0)
    values = (figures[name].value for name in ("accuracy", "macro f1"))
    return " / ".join("-" if value is None else f"{100 * value:.1f}" for value in values)


def _balanced(config: Comparison, found: Sequence[Result]) -> list[str]:
    """Say what has been adjusted to a test part with as many beats of each class, and what it was before."""
    if not config.options.balanced or config.loss == "balanced":
        return []
    runs: dict[str, list[Predictions]] = {}
    for one in found:
        runs.setdefault(f"{one.which.arch}, {called(one.which.split)}", []).append(one.run.predictions)
    before = "; ".join(f"{who} {_accuracy(mine)}" for who, mine in runs.items())
    return [
        "Tested on as many beats of each class, which training had not: probabilities are divided by how "
        f"frequent training made the classes seem (Saerens et al. 2002). Accuracy as trained: {before}."
    ]


def _accuracy(runs: Sequence[Predictions]) -> str:
    value = judge(runs, resamples=0)["accuracy"].value
    return "-" if value is None else f"{100 * value:.1f}"


def _uncertain(found: Sequence[Result]) -> str:
    told = [one.run.predictions for one in found]
    drawn = [clusters(run.patients, run.records, run.rows) for run in told]
    few = min(cluster.n for cluster in drawn)
    text = (
        f"Percent. Figures are means over the seeds; F1 of the class told, macro: the mean over the classes "
        f"that the test part has. Intervals: 95 %, bootstrap over {drawn[0].kind}"
    )
    return text + (f"; from {few}, they are too narrow." if few < _FEW else ".")


def _timed(found: Sequence[Result]) -> str:
    machines = "; ".join(dict.fromkeys(one.latency.machine for one in found))
    return (
        f"Training: minutes of a run, mean; a call with 1 and with 1,024 beats: milliseconds, median, "
        f"traced, after warm-up; on {machines}, beside whatever else it did."
    )


def _claimed(found: Sequence[Result]) -> list[str]:
    there = dict.fromkeys(one.which.arch for one in found if one.which.arch in CLAIMS)
    if not there:
        return []
    each = "; ".join(f"{arch}: {CLAIMS[arch].whose}" for arch in there)
    return [f"Claimed: what others state of networks of this kind, not measured here ({each})."]
