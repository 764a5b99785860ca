"""Figures of a network trained with several seeds: their mean, and its interval.

The runs are judged together: the interval is the bootstrap over patients, each patient drawn for all seeds
at once. It tells how the mean would vary with other patients; how much it varies with the seed is told by
the figures of each.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.workshop.bootstrap import RESAMPLES, Clusters, clusters, interval
from models.workshop.predictions import Predictions

__all__ = ["Judged", "judge"]


class Judged(NamedTuple):
    """A figure, a fraction of 1: mean over the seeds, 95 % interval, and of each seed; None = undefined."""

    value: float | None
    interval: tuple[float, float] | None
    by_seed: tuple[float | None, ...]


def judge(runs: Sequence[Predictions], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Judged]:
    """Return accuracy, macro F1 and the F1 of each class, by the names of `models.workshop.metrics`.

    Parameters
    ----------
    runs
        What was said of the test part by each seed; with a random split that is another one each time.
    resamples
        How many draws; 0: no intervals.
    """
    classes = runs[0].classes
    drawn = _drawn(runs)
    which = np.repeat(np.arange(len(runs)), [len(run.truth) for run in runs])
    truth = np.concatenate([run.truth for run in runs])
    told = np.concatenate([run.probabilities.argmax(axis=1) for run in runs])
    tables = np.zeros((drawn.n, len(runs), len(classes), len(classes)))
    np.add.at(tables, (drawn.of, which, truth, told), 1)
    rng = np.random.default_rng(seed)
    even = np.full(drawn.n, 1 / drawn.n)
    draws = np.zeros((resamples, *tables.shape[1:]))
    for draw in draws:
        draw[:] = np.tensordot(rng.multinomial(drawn.n, even), tables, axes=1)
    by_seed, by_draw = _figures(tables.sum(axis=0)), _figures(draws)
    names = ("accuracy", "macro f1", *(f"{name} f1" for name in classes))
    return {
        name: Judged(
            value=_known(by_seed[:, k].mean()),
            interval=interval(by_draw[:, :, k].mean(axis=1)) if resamples and drawn.n > 1 else None,
            by_seed=tuple(_known(value) for value in by_seed[:, k]),
        )
        for k, name in enumerate(names)
    }


def _figures(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return accuracy, macro F1 and F1 of each class, along the last axis; NaN = undefined.

    Parameters
    ----------
    tables
        Of shape (..., n_classes, n_classes): beats by true class and class told.
    """
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    counts, told = tables.sum(axis=-1), tables.sum(axis=-2)
    total = counts.sum(axis=-1)
    f1 = 2 * right / np.where(counts > 0, counts + told, np.nan)
    accuracy = right.sum(axis=-1) / np.where(total > 0, total, np.nan)
    macro = np.nansum(f1, axis=-1) / np.where(total > 0, (counts > 0).sum(axis=-1), np.nan)
    return np.concatenate([accuracy[..., None], macro[..., None], f1], axis=-1)


def _drawn(runs: Sequence[Predictions]) -> Clusters:
    """Return what is drawn: patients, records or beats, the same in all runs."""
    patients, records, rows = (
        np.concatenate([np.asarray(getattr(run, name)) for run in runs])
        for name in ("patients", "records", "rows")
    )
    return clusters(patients, records, rows)


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
