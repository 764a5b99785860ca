"""How well classes were told: figures per class and over all, ROC, PR and calibration curves.

Returns data, prints nothing. A figure without a meaning is None, never 0: all of a class that the
test part lacks, and the precision of one that was never told. ROC, precision-recall and F are
scikit-learn's; `models.workshop.bootstrap` gives their intervals.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AVERAGES",
    "BINS",
    "PER_CLASS",
    "Calibration",
    "Curve",
    "Measured",
    "averages",
    "calibration",
    "calibration_error",
    "measure",
    "pr_curve",
    "roc_curve",
]

PER_CLASS: Final = ("precision", "recall", "f1", "auc", "ap")
"""Figures of one class: against all others (one versus rest); ``ap`` is the average precision."""
AVERAGES: Final = ("macro", "weighted")
"""Over the classes that the test part has: each alike, or by its beats."""
BINS: Final = 15
"""Of the calibration, of equal width over 0..1 (Guo et al. 2017)."""
_MOST_POINTS: Final = 2000
"""A curve is thinned to about so many points: no eye sees more."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on a test part.

    Attributes
    ----------
    classes
        In label order.
    n
        Beats.
    counts
        Beats of each class.
    figures
        Fractions of 1 by name: ``accuracy``, ``ece``, and who and what: ``V recall``, ``macro f1``.
        None = undefined.
    confusion
        Row: true class, column: class told; beats.
    """

    classes: tuple[str, ...]
    n: int
    counts: tuple[int, ...]
    figures: dict[str, float | None]
    confusion: tuple[tuple[int, ...], ...]


class Curve(NamedTuple):
    """A line in the unit square: false positive rate and recall (ROC), or recall and precision (PR)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Calibration(NamedTuple):
    """By bin of the highest probability: beats, how sure they were told, and the share told rightly.

    Each of shape (`BINS`,); NaN where a bin has no beats.
    """

    n: NDArray[np.float64]
    confidence: NDArray[np.float64]
    right: NDArray[np.float64]


def measure(
    truth: NDArray[np.int64], probabilities: NDArray[np.floating], classes: Sequence[str]
) -> Measured:
    """Return all figures of a test part.

    Parameters
    ----------
    truth
        Of shape (n,): index into ``classes``.
    probabilities
        Of shape (n, n_classes).

    Raises
    ------
    ValueError
        The shapes do not agree, there are no beats, or a label is none of the classes.
    """
    from sklearn.metrics import (
        average_precision_score,
        confusion_matrix,
        precision_recall_fscore_support,
        roc_auc_score,
    )

    _check(truth, probabilities, classes)
    labels = np.arange(len(classes))
    told = np.argmax(probabilities, axis=1)
    rates = precision_recall_fscore_support(truth, told, labels=labels, zero_division=np.nan)
    by_name = dict(zip(PER_CLASS[:3], rates[:3], strict=True))
    counts = np.bincount(truth, minlength=len(classes))
    for name, score in (("auc", roc_auc_score), ("ap", average_precision_score)):
        by_name[name] = np.array(
            [score(truth == k, probabilities[:, k]) if 0 < counts[k] < len(truth) else np.nan for k in labels]
        )
    for values in by_name.values():
        values[counts == 0] = np.nan
    figures: dict[str, float] = {
        "accuracy": float(np.mean(truth == told)),
        "ece": calibration_error(calibration(truth, probabilities)),
    }
    for name, values in by_name.items():
        figures |= {f"{who} {name}": float(value) for who, value in zip(classes, values, strict=True)}
        figures |= {f"{who} {name}": value for who, value in averages(name, values, counts).items()}
    return Measured(
        classes=tuple(classes),
        n=len(truth),
        counts=tuple(counts.tolist()),
        figures={name: None if np.isnan(value) else value for name, value in figures.items()},
        confusion=tuple(map(tuple, confusion_matrix(truth, told, labels=labels).tolist())),
    )


def averages(name: str, values: NDArray[np.floating], counts: NDArray[np.number]) -> Mapping[str, float]:
    """Return a figure's `AVERAGES` over the classes that are there; NaN where it is defined for none.

    The precision of a class that is there but was never told counts as 0, as scikit-learn's does:
    otherwise it would pay to tell fewer classes.

    Parameters
    ----------
    name
        Out of `PER_CLASS`.
    values, counts
        Of shape (n_classes,): the figure, NaN where undefined, and the beats of each class.
    """
    if name == "precision":
        values = np.where((counts > 0) & np.isnan(values), 0.0, values)
    known = np.isfinite(values)
    if not known.any():
        return dict.fromkeys(AVERAGES, float("nan"))
    weighted = np.average(values[known], weights=counts[known])
    return {"macro": float(values[known].mean()), "weighted": float(weighted)}


def roc_curve(truth: NDArray[np.int64], score: NDArray[np.floating], label: int) -> Curve | None:
    """Return the ROC curve of one class against the others; None where either is absent."""
    from sklearn.metrics import roc_curve as curve

    positive = truth == label
    if not 0 < positive.sum() < len(positive):
        return None
    false, true, _ = curve(positive, score)
    return _thinned(false, true)


def pr_curve(truth: NDArray[np.int64], score: NDArray[np.floating], label: int) -> Curve | None:
    """Return the precision-recall curve of one class against the others; None where it is absent."""
    from sklearn.metrics import precision_recall_curve as curve

    positive = truth == label
    if not 0 < positive.sum() < len(positive):
        return None
    precision, recall, _ = curve(positive, score)
    # The last point, precision 1 at recall 0, is no threshold's but drawn in by convention.
    return _thinned(recall[-2::-1], precision[-2::-1])


def calibration(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    weights: NDArray[np.float64] | None = None,
) -> Calibration:
    """Return how sure beats were told and how many of them rightly, by bin of the highest probability.

    Parameters
    ----------
    weights
        Of shape (n,): how often each beat counts; None = once.
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    right = truth == np.argmax(probabilities, axis=1)
    bins = np.clip((sure * BINS).astype(np.int64), 0, BINS - 1)
    once = np.ones(len(truth)) if weights is None else weights
    n = np.bincount(bins, weights=once, minlength=BINS).astype(np.float64)
    held = np.where(n > 0, n, np.nan)
    return Calibration(
        n,
        np.bincount(bins, weights=once * sure, minlength=BINS) / held,
        np.bincount(bins, weights=once * right, minlength=BINS) / held,
    )


def calibration_error(found: Calibration) -> float:
    """Return the expected calibration error: the mean over beats of a bin's distance from the truth."""
    return float(np.nansum(found.n * np.abs(found.right - found.confidence)) / found.n.sum())


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    kept = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(np.int64))
    return Curve(x[kept], y[kept])


def _check(truth: NDArray[np.int64], probabilities: NDArray[np.floating], classes: Sequence[str]) -> None:
    expected = (len(truth), len(classes))
    if probabilities.shape != expected or not len(truth):
        raise ValueError(
            f"probabilities: expected the shape {expected}, with beats, received {probabilities.shape}"
        )
    if truth.min() < 0 or truth.max() >= len(classes):
        raise ValueError(
            f"truth: expected labels 0 to {len(classes) - 1}, received {truth.min()} to {truth.max()}"
        )
