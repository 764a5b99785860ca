"""Intervals of figures: the bootstrap over patients, since beats of one patient are no new evidence.

Patients are drawn with replacement and all their beats with them (cluster bootstrap, Davison and
Hinkley 1997, section 3.8); a drawn beat counts as often as its patient was drawn. scikit-learn takes
such weights too but sorts anew for each draw, which takes minutes; here scores are sorted once.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.progress import Report
from models.workshop.metrics import PER_CLASS, averages, calibration, calibration_error

__all__ = ["LEVEL", "RESAMPLES", "Clusters", "clusters", "interval", "intervals", "weighted_figures"]

LEVEL: Final = 0.95
RESAMPLES: Final = 1000
_LEAST_DEFINED: Final = 0.5
"""Share of the draws in which a figure must be defined for an interval to be given."""


class Clusters(NamedTuple):
    """What is drawn: the kind of it, and for each beat which one it belongs to (0 to n - 1)."""

    kind: Literal["patients", "records", "beats"]
    of: NDArray[np.int64]
    n: int


def clusters(
    patients: NDArray[np.str_], records: NDArray[np.str_], rows: NDArray[np.int64] | None = None
) -> Clusters:
    """Return what to draw: patients if all are known, else records if all are, else beats.

    Parameters
    ----------
    patients, records
        Of shape (n,); ``""`` where the source does not tell.
    rows
        Of shape (n,): which beat each is, where one may come again; None: each is another.
    """
    kinds: tuple[tuple[Literal["patients", "records"], NDArray[np.str_]], ...] = (
        ("patients", patients),
        ("records", records),
    )
    for kind, names in kinds:
        if len(names) and np.all(names != ""):
            found, of = np.unique(names, return_inverse=True)
            return Clusters(kind, of.astype(np.int64), len(found))
    found, of = np.unique(np.arange(len(records)) if rows is None else rows, return_inverse=True)
    return Clusters("beats", of.astype(np.int64), len(found))


def intervals(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    classes: Sequence[str],
    drawn: Clusters,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    report: Report = lambda *_: None,
) -> dict[str, tuple[float, float] | None]:
    """Return the 95 % percentile interval of each figure of `models.workshop.metrics.measure`.

    Draws that lack a class give no figure for it; where more than half do, or there is only one
    cluster, there is no interval (None).

    Parameters
    ----------
    truth, probabilities
        Of shape (n,) and (n, n_classes).
    drawn
        See `clusters`.
    resamples
        How many draws.
    """
    rng = np.random.default_rng(seed)
    figures = weighted_figures(truth, probabilities, classes)
    if drawn.n < 2:
        return dict.fromkeys(figures(np.ones(len(truth))))
    draws: dict[str, list[float]] = {}
    for k in range(resamples):
        times = rng.multinomial(drawn.n, np.full(drawn.n, 1 / drawn.n)).astype(np.float64)
        for name, value in figures(times[drawn.of]).items():
            draws.setdefault(name, []).append(value)
        report(f"drawing {drawn.kind}", k + 1, resamples)
    return {name: interval(np.array(values)) for name, values in draws.items()}


def weighted_figures(
    truth: NDArray[np.int64], probabilities: NDArray[np.floating], classes: Sequence[str]
) -> Callable[[NDArray[np.float64]], dict[str, float]]:
    """Return a function from how often each beat counts, of shape (n,), to all figures; NaN = undefined.

    With each beat counted once they are those of `models.workshop.metrics.measure`.
    """
    n_classes = len(classes)
    cells = truth * n_classes + np.argmax(probabilities, axis=1)
    ranked = [_Ranked.of(truth == k, probabilities[:, k]) for k in range(n_classes)]

    def figures(weights: NDArray[np.float64]) -> dict[str, float]:
        flat = np.bincount(cells, weights=weights, minlength=n_classes**2).astype(np.float64)
        table = flat.reshape(n_classes, n_classes)
        counts, told, right = table.sum(axis=1), table.sum(axis=0), np.diag(table)
        present = counts > 0
        areas = np.array([one.areas(weights) for one in ranked])
        columns = (
            _ratio(right, np.where(present, told, 0)),
            _ratio(right, counts),
            _ratio(2 * right, np.where(present, told + counts, 0)),
            areas[:, 0],
            areas[:, 1],
        )
        result = {
            "accuracy": float(right.sum() / counts.sum()),
            "ece": calibration_error(calibration(truth, probabilities, weights)),
        }
        for name, values in zip(PER_CLASS, columns, strict=True):
            result |= {f"{who} {name}": float(value) for who, value in zip(classes, values, strict=True)}
            result |= {f"{who} {name}": value for who, value in averages(name, values, counts).items()}
        return result

    return figures


class _Ranked(NamedTuple):
    """Beats by falling score, and where a run of equal scores ends."""

    order: NDArray[np.int64]
    positive: NDArray[np.bool_]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, positive: NDArray[np.bool_], score: NDArray[np.floating]) -> "_Ranked":
        order = np.argsort(-score, kind="stable")
        ends = np.flatnonzero(np.diff(score[order], append=-np.inf))
        return cls(order, positive[order], ends)

    def areas(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Return the areas below the ROC curve (by trapezia) and the PR curve (by steps)."""
        sorted_ = weights[self.order]
        true = np.cumsum(np.where(self.positive, sorted_, 0.0))[self.ends]
        false = np.cumsum(sorted_)[self.ends] - true
        if not (true[-1] > 0 and false[-1] > 0):
            return float("nan"), float("nan")
        gained = np.diff(true, prepend=0.0)
        roc = np.sum(np.diff(false, prepend=0.0) * (true - gained / 2)) / (true[-1] * false[-1])
        told = true + false
        held = told > 0
        return float(roc), float(np.sum(gained[held] * true[held] / told[held]) / true[-1])


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(part / np.where(whole > 0, whole, np.nan))


def interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a figure's draws, NaN = undefined; None if most are."""
    known = values[np.isfinite(values)]
    if not len(known) or len(known) < _LEAST_DEFINED * len(values):
        return None
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
