"""How well beats were told: confusion, and Se, +P and F1 per class. Returns data, prints nothing."""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.artifact import Score
from monitor.events import CLASSES

__all__ = ["SCORED", "Goal", "confusion", "scores", "tell", "tune"]

SCORED: Final = ("N", "S", "V", "F")
"""Classes that figures are given for; Q beats of the reference are left out, as EC57 does for ratios."""

N_CLASSES = len(CLASSES)


def tell(probabilities: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the most probable class of each row, as an index into `CLASSES`."""
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def confusion(reference: NDArray[np.int64], told: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the table of shape (6, 5): reference class (last row: no beat at all) by class told."""
    flat = np.bincount(reference * N_CLASSES + told, minlength=(N_CLASSES + 1) * N_CLASSES)
    return flat.reshape(N_CLASSES + 1, N_CLASSES)


def scores(table: NDArray[np.int64]) -> dict[str, Score]:
    """Return sensitivity, positive predictivity and F1 per class in percent, None where undefined.

    All of a class without beats is, and the predictivity of one that was never told.
    As EC57 counts: beats whose reference is Q are left out, an F called V is no false V, and a false
    detection called V is one. Beats that the detector missed are in no table.
    """
    known = table.copy()
    known[CLASSES.index("Q")] = 0
    result = {}
    for name in SCORED:
        k = CLASSES.index(name)
        true, n, told = known[k, k], known[k].sum(), known[:, k].sum()
        if name == "V":
            told -= known[CLASSES.index("F"), k]
        se, ppv = true / max(1, n), true / max(1, told)
        result[name] = Score(
            se=round(float(100 * se), 2) if n else None,
            ppv=round(float(100 * ppv), 2) if n and told else None,
            f1=round(float(200 * se * ppv / max(1e-9, se + ppv)), 2) if n else None,
            n=int(n),
        )
    return result


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one class: how much it counts, and ``beta`` of its F measure.

    F with a beta below 1 takes a false label for worse than a missed one (van Rijsbergen 1979).
    """

    weight: float = 1.0
    beta: float = 1.0


def tune(
    probabilities: NDArray[np.floating],
    reference: NDArray[np.int64],
    *,
    goals: Mapping[str, Goal],
) -> NDArray[np.float64]:
    """Return what to add to each class's log probability so that the weighted sum of F is largest.

    A coordinate search on beats the network has not seen; N stays 0. Meant for the pooled
    predictions of patients left out, see `models.train`.

    Parameters
    ----------
    probabilities, reference
        Of shape (n_beats, 5) and (n_beats,).
    goals
        By class.
    """
    logs = np.log(np.maximum(probabilities, 1e-9))
    offsets = np.zeros(N_CLASSES)

    def value(candidate: NDArray[np.float64]) -> float:
        found = scores(confusion(reference, tell(logs + candidate)))
        return sum(goal.weight * _f(found[name], goal.beta) for name, goal in goals.items())

    best = value(offsets)
    for _ in range(3):
        for name in goals:
            for step in np.linspace(-2.5, 2.5, 41):
                candidate = offsets.copy()
                candidate[CLASSES.index(name)] = step
                if (found := value(candidate)) > best:
                    best, offsets = found, candidate
    return offsets


def _f(score: Score, beta: float) -> float:
    """Return the F measure in percent; 0 where it is undefined, so that there is nothing to be won."""
    se, ppv = score.se or 0.0, score.ppv or 0.0
    return (1 + beta**2) * se * ppv / max(1e-9, beta**2 * ppv + se)
