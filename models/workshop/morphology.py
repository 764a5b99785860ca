"""Infarction against normal from whole records: typical beats seen by random filters, measured, and boosted.

Two learners whose log odds are averaged. One asks random filters (`models.workshop.kernels`) about four views
of the record: the beat over its PR level and the beat of the usual band, each in millivolts and from 0 to 1;
a logistic regression for each view. The other is boosting on what a reader would measure
(`models.workshop.beat_measures`), the points of the beat, and how the same filters tell of fourteen things
that a report may say (`models.workshop.diagnoses`); those answers are made without the row they are about.

It tells records, not beats, and learns the statements from records of other diseases too. How it was chosen:
``docs/infarction-runs.md``.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.recordings import Recordings
from models.progress import Report
from models.workshop.beat_measures import of_band_beat, record_measures
from models.workshop.diagnoses import TARGETS, targets
from models.workshop.gram import logistic, products, ridge
from models.workshop.kernels import answers
from models.workshop.pr_beat import band_beat, pr_beats

__all__ = ["Effort", "Morphology", "prepared"]

_VIEW: Final = slice(20, 500)
"""Of a beat at 500 Hz: from 0.40 s before R to 0.56 s after it."""
_DRAWS: Final = (126, 133, 51, 52)
"""Seeds of the filters of each view, for the seed 1."""
_FLAT_MV: Final = 1e-6
_C: Final = 25.0
_PENALTY: Final = 0.03
_INFARCTION, _NORMAL = TARGETS.index("infarction"), TARGETS.index("normal")


class Effort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is learned.

    Attributes
    ----------
    filters
        Random filters of each view.
    rounds, runs
        Trees of the boosting, and how many are averaged.
    """

    filters: int = 2000
    rounds: int = 250
    runs: int = 5


@dataclass(frozen=True, slots=True)
class Morphology:
    """Records made ready, to learn from some of them and tell others.

    Attributes
    ----------
    views
        What the filters answer to each view, of shape (n_records, 2 filters).
    measures
        Of shape (n_records, n_measures): of typical beats, single beats and rhythm, and points of the beat.
    targets
        Of shape (n_records, 14), see `models.workshop.diagnoses`.
    """

    views: tuple[NDArray[np.float32], ...]
    measures: NDArray[np.float32]
    targets: NDArray[np.float64]
    seed: int
    effort: Effort

    def tell(self, learned: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return log odds of infarction, of shape (n_asked,); nothing of the rows asked of is learned.

        Parameters
        ----------
        learned
            Rows to learn from: infarction, normal, and others for the statements alone.
        asked
            Rows to tell.
        """
        rows = np.concatenate([learned, asked])
        mine, other = np.arange(len(learned)), np.arange(len(learned), len(rows))
        y = self.targets[learned]
        named = np.flatnonzero((y[:, _INFARCTION] == 1) | (y[:, _NORMAL] == 1))
        grams = [products(view[rows], mine) for view in self.views]
        by_filters = [
            gram[np.ix_(other, named)] @ logistic(gram[np.ix_(named, named)], y[named, _INFARCTION], c=_C)
            for gram in grams
        ]
        gram = np.sum(grams, axis=0) / len(grams)
        weights, unseen = ridge(gram[np.ix_(mine, mine)], y, penalty=_PENALTY)
        x = np.hstack([unseen, self.measures[learned]])[named]
        by_boosting = self._boosted(
            x,
            y[named, _INFARCTION],
            np.hstack([gram[np.ix_(other, mine)] @ weights, self.measures[asked]]),
        )
        return np.asarray((np.mean(by_filters, axis=0) + by_boosting) / 2)

    def _boosted(
        self, x: NDArray[np.float64], y: NDArray[np.float64], asked: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the mean log odds of several boostings (`HistGradientBoostingClassifier`)."""
        runs = range(self.effort.runs)
        told = [
            _trees(self.effort.rounds, _drawn(self.seed, run)).fit(x, y).decision_function(asked)
            for run in runs
        ]
        return np.asarray(np.mean(told, axis=0), np.float64)


def prepared(recordings: Recordings, *, seed: int, effort: Effort, report: Report) -> Morphology:
    """Find and measure the typical beats of all records, and ask the filters: two minutes for PTB-XL."""
    beats, bands, measures = [], [], []
    for k, peaks in enumerate(recordings.peaks):
        signal = recordings.millivolts(k)
        found, band = pr_beats(signal, peaks), band_beat(signal, peaks)
        beats.append(found.typical[_VIEW])
        bands.append(band)
        of_band = of_band_beat(band, found.rr_s)
        measures.append([*record_measures(found).values(), *found.typical[_VIEW][::4], *of_band.values()])
        report("measuring beats", k + 1, len(recordings.peaks))
    views = []
    for k, view in enumerate(_views(np.stack(beats)[:, ::2], np.stack(bands))):
        report("asking random filters", k, len(_DRAWS))
        draw = _drawn(seed, _DRAWS[k])
        views.append(answers(view[:, :, np.newaxis], n_kernels=effort.filters, seed=draw))
    return Morphology(
        views=tuple(views),
        measures=np.nan_to_num(np.array(measures, np.float32), posinf=0, neginf=0),
        targets=targets(recordings.entries),
        seed=seed,
        effort=effort,
    )


def _views(*beats: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return beats as they are and from 0 to 1, each of shape (n, n_points)."""
    views = []
    for view in beats:
        low, high = view.min(axis=1, keepdims=True), view.max(axis=1, keepdims=True)
        unit = (view - low) / np.maximum(high - low, _FLAT_MV)
        views += [np.ascontiguousarray(view), unit.astype(np.float32)]
    return views


def _drawn(seed: int, k: int) -> int:
    """Return the k-th seed that a seed gives; of seed 1 it is ``k``."""
    return (k + 1000 * (seed - 1)) % 2**32


def _trees(rounds: int, seed: int) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=0.04,
        max_leaf_nodes=10,
        l2_regularization=2,
        max_features=0.2,
        min_samples_leaf=15,
        random_state=seed,
    )
