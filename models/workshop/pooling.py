"""From beats to records: whose beat is whose, typical beats, and what all beats of a record tell together.

Where a source does not say which record a beat is of, every beat is a record of its own.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet

__all__ = ["Records", "logit", "pooled", "records_of", "sigmoid", "typical"]

_ALIKE: Final = 0.9
"""Correlation with the median beat from which a beat is one of the record's usual ones."""
_FEW: Final = 3
"""With fewer usual beats all are taken."""
_SURE: Final = 1e-6
"""No probability counts as nearer to 0 or 1: one beat cannot outvote all others."""


class Records(NamedTuple):
    """The records of a set of beats.

    Attributes
    ----------
    of
        Of shape (n_beats,): which record each beat is of.
    names, patients
        Of shape (n_records,); ``""`` where the source does not tell.
    y
        Of shape (n_records,): the label of its beats.
    """

    of: NDArray[np.int64]
    names: NDArray[np.str_]
    patients: NDArray[np.str_]
    y: NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.y)


def records_of(beats: BeatSet) -> Records:
    """Return the records of beats, in the order of their names; the label is that of the first beat."""
    if not len(beats) or np.any(beats.records == ""):
        return Records(np.arange(len(beats)), beats.records, beats.patients, beats.y)
    names, first, of = np.unique(beats.records, return_index=True, return_inverse=True)
    return Records(of.astype(np.int64), names, beats.patients[first], beats.y[first])


def pooled(probabilities: NDArray[np.floating], records: Records) -> NDArray[np.float64]:
    """Return the probability of each record, of shape (n_records,): the mean of its beats' log odds.

    Parameters
    ----------
    probabilities
        Of shape (n_beats,): of the second class.
    """
    total = np.bincount(records.of, weights=logit(probabilities), minlength=records.n)
    return sigmoid(total / np.maximum(np.bincount(records.of, minlength=records.n), 1))


def typical(beats: BeatSet, records: Records) -> NDArray[np.float32]:
    """Return the median beat of each record, of shape (n_records, n_points, n_channels).

    Beats unlike the first median (correlation below 0.9, such as ectopic ones) are left out of the
    second, unless fewer than three remain.
    """
    order = np.argsort(records.of, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(records.of, minlength=records.n))[:-1])
    return np.stack([np.median(_usual(beats.x[rows]), axis=0) for rows in groups]).astype(np.float32)


def logit(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log odds, those of 0 and 1 as of a millionth."""
    kept = np.clip(probabilities.astype(np.float64), _SURE, 1 - _SURE)
    return np.asarray(np.log(kept / (1 - kept)))


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _usual(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the beats that are alike."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    middle = np.median(flat, axis=0)
    size = np.linalg.norm(flat, axis=1) * np.linalg.norm(middle)
    alike = flat @ middle >= _ALIKE * size
    return x[alike] if alike.sum() >= _FEW else x
