"""Ways to tell infarction from normal without a trained network: boosting, a support vector machine, kernels.

Each is a function from beats to a `Teller`; each beat has its record's label. ``boosting`` looks at raw
beats, all of them, and is what anything more elaborate has to beat. The others look at the typical beat of
each record: there is one label per record, and single beats carry noise that is not the heart's.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.workshop.kernels import answers
from models.workshop.pooling import pooled, records_of, sigmoid, typical

__all__ = ["METHODS", "Sizes", "Teller", "Told"]

_FLAT: Final = 1e-3
"""No window spans less, in its own unit."""
_MOST_BEATS: Final = 40_000
"""Boosting learns from at most so many beats, evenly chosen."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the methods learn.

    Attributes
    ----------
    rounds
        Trees of the boosting.
    filters, draws
        Random filters of `kernels`, and how often they are drawn.
    shrink
        Inverse strength of the penalty (C) of the logistic regression over their answers.
    """

    rounds: int = 300
    filters: int = 1000
    draws: int = 3
    shrink: float = 0.006


class Told(NamedTuple):
    """Probabilities of the second class: of shape (n_beats,) and (n_records,), see `Records`."""

    beats: NDArray[np.float64]
    records: NDArray[np.float64]


Teller: TypeAlias = Callable[[BeatSet], Told]
"""What a method learned."""


def boosting(beats: BeatSet, *, seed: int, sizes: Sizes) -> Teller:
    """Learn gradient boosted trees on the points of raw beats; a record is the mean of their log odds.

    `sklearn.ensemble.HistGradientBoostingClassifier` (after Ke et al. 2017, LightGBM).
    """
    rows = np.unique(np.linspace(0, len(beats) - 1, min(len(beats), _MOST_BEATS)).astype(np.int64))
    learned = _trees(sizes, seed).fit(_flat(beats.x[rows]), beats.y[rows])

    def tell(other: BeatSet) -> Told:
        told = learned.predict_proba(_flat(other.x))[:, 1]
        return Told(told, pooled(told, records_of(other)))

    return tell


def machine(beats: BeatSet, *, seed: int, sizes: Sizes) -> Teller:  # noqa: ARG001 - as all have it
    """Learn a support vector machine with Gaussian kernel on typical beats, as standardised points."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    learned = make_pipeline(StandardScaler(), SVC(C=3.0, random_state=seed))
    return _of_typical(learned, _flat, beats)


def trees(beats: BeatSet, *, seed: int, sizes: Sizes) -> Teller:
    """Learn gradient boosted trees on the points of typical beats."""
    return _of_typical(_trees(sizes, seed), _flat, beats)


def kernels(beats: BeatSet, *, seed: int, sizes: Sizes) -> Teller:
    """Learn logistic regressions on what `models.workshop.kernels` answers to typical beats.

    Two for each draw of filters, whose log odds are averaged: on the beat as it is and on the beat from 0
    to 1. Height tells of infarction (lost R, deep Q), and so does shape whatever the height.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    records = records_of(beats)
    learned = []
    for k, view in enumerate((_as_is, _unit) * sizes.draws):
        x = answers(view(typical(beats, records)), n_kernels=sizes.filters, seed=seed * 100 + k)
        learner = make_pipeline(StandardScaler(), LogisticRegression(C=sizes.shrink, max_iter=2000))
        learned.append((view, seed * 100 + k, learner.fit(x, records.y)))

    def odds(x: NDArray[np.float32]) -> NDArray[np.float64]:
        told = [
            each.decision_function(answers(view(x), n_kernels=sizes.filters, seed=draw))
            for view, draw, each in learned
        ]
        return np.asarray(np.mean(told, axis=0), np.float64)

    return _teller(odds)


class _Method(Protocol):
    def __call__(self, beats: BeatSet, *, seed: int, sizes: Sizes) -> Teller: ...


METHODS: Final[dict[str, _Method]] = {
    "boosting": boosting,
    "trees": trees,
    "machine": machine,
    "kernels": kernels,
}
"""By name; the first is what the others are compared with."""


def _of_typical(
    learner: Any,  # noqa: ANN401 - scikit-learn is untyped
    seen: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    beats: BeatSet,
) -> Teller:
    records = records_of(beats)
    learned = learner.fit(seen(typical(beats, records)), records.y)

    def odds(x: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(learned.decision_function(seen(x)), np.float64)

    return _teller(odds)


def _teller(odds: Callable[[NDArray[np.float32]], NDArray[np.float64]]) -> Teller:
    """Return what tells beats by themselves, and records by their typical beats."""

    def tell(beats: BeatSet) -> Told:
        return Told(sigmoid(odds(beats.x)), sigmoid(odds(typical(beats, records_of(beats)))))

    return tell


def _as_is(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each channel of each window from 0 to 1."""
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    return np.asarray((x - low) / np.maximum(high - low, _FLAT), np.float32)


def _trees(sizes: Sizes, seed: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=sizes.rounds,
        learning_rate=0.04,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        max_features=0.2,
        random_state=seed,
    )


def _flat(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x.reshape(len(x), -1)
