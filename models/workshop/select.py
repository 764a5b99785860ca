"""Which points of the window tell most of the class: information gain, on the training part alone.

The information gain of a point is the mutual information, in nats, between its value and the class,
estimated from nearest neighbours (Ross 2014, PLOS ONE 9:e87357), as scikit-learn has it. Each
point is judged alone: points next to one another tell nearly the same, and the best ones lie
together.
"""

from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ArtifactError, SettingsError

__all__ = ["Selection", "best", "gains", "parse", "read"]

_ROWS: Final = 6000
"""More beats than these are thinned: the estimate takes time, and hardly changes."""
_LEAST: Final = 50
"""Beats kept of each class, where there are as many."""


class Selection(NamedTuple):
    """Points chosen.

    Attributes
    ----------
    columns
        Their indices, ascending.
    gain
        Of every point of the window, chosen or not, in nats.
    """

    columns: list[int]
    gain: list[float]


def parse(text: str, n_points: int) -> int | None:
    """Return how many points ``ig:K`` asks for, None for nothing.

    Raises
    ------
    SettingsError
        It asks for something else, or for more points than there are.

    Examples
    --------
    >>> parse("ig:60", 187)
    60
    """
    if not text:
        return None
    method, _, number = text.partition(":")
    if method != "ig" or not number.isdecimal() or not 1 <= int(number) <= n_points:
        raise SettingsError(f"selection: expected ig:K with K from 1 to {n_points}, received {text!r}")
    return int(number)


def best(gain: NDArray[np.float64], k: int) -> Selection:
    """Choose the ``k`` points that tell most, the earlier of two that tell the same.

    Examples
    --------
    >>> best(np.array([0.1, 0.5, 0.0, 0.3]), 2).columns
    [1, 3]
    """
    columns = np.sort(np.argsort(-gain, kind="stable")[:k])
    return Selection(columns.tolist(), gain.tolist())


def read(path: Path, n_points: int) -> Selection:
    """Read a selection that was kept; ArtifactError if it is none of so many points."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, list[float]])
        columns, gain = [int(column) for column in kept["columns"]], kept["gain"]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise ArtifactError(f"selection {path}: expected columns and gain, received: {error}") from error
    if not columns or not all(0 <= column < n_points for column in columns):
        raise ArtifactError(
            f"selection {path}: expected columns from 0 to {n_points - 1}, received {columns[:8]}"
        )
    return Selection(columns, gain)


def gains(x: NDArray[np.float32], y: NDArray[np.int64], *, seed: int) -> NDArray[np.float64]:
    """Return the information gain of each point, in nats: the mean over channels.

    Parameters
    ----------
    x, y
        Of shape (n, n_points, n_channels) and (n,). More than 6,000 beats are thinned, class by class.
    seed
        Fixes which beats are kept, and the small noise that the estimate needs.

    Returns
    -------
    NDArray
        Of shape (n_points,).
    """
    from sklearn.feature_selection import mutual_info_classif

    rows = _thinned(y, np.random.default_rng(seed))
    flat = x[rows].reshape(len(rows), -1)
    told = mutual_info_classif(flat, y[rows], discrete_features=False, random_state=seed)
    return np.asarray(told.reshape(x.shape[1:]).mean(axis=1), dtype=np.float64)


def _thinned(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return at most about 6,000 rows, ascending: of each class its share, but at least 50."""
    if len(y) <= _ROWS:
        return np.arange(len(y))
    kept = []
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        n = min(len(rows), max(_LEAST, round(_ROWS * len(rows) / len(y))))
        kept.append(rng.choice(rows, n, replace=False))
    return np.sort(np.concatenate(kept))
