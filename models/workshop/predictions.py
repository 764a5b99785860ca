"""What a network says of the test part, as a file of a run folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.workshop.checkpoint import UNREADABLE
from monitor.errors import ArtifactError
from monitor.storage import drafted

__all__ = ["Predictions", "columns", "load_predictions", "save_predictions"]

PREDICTIONS: Final = "predictions.npz"


class Predictions(NamedTuple):
    """What a network says of the test part.

    Attributes
    ----------
    rows
        Of shape (n,): into the data set.
    truth
        Of shape (n,): index into the classes.
    probabilities
        Of shape (n, n_classes).
    records, patients
        Of shape (n,).
    classes
        Names, in the order of the columns.
    """

    rows: NDArray[np.int64]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    records: NDArray[np.str_]
    patients: NDArray[np.str_]
    classes: tuple[str, ...]

    def for_equal_shares(self, shares: NDArray[np.float64]) -> "Predictions":
        """Return what would be said were all classes as frequent, not of the given shares.

        Saerens, Latinne & Decaestecker 2002 (Neural Comput 14:21): each probability over its class's share,
        of sum 1 again. Nothing is learned from the beats that are told.
        """
        told = self.probabilities / shares
        return self._replace(probabilities=told / told.sum(axis=1, keepdims=True))


def load_predictions(folder: Path) -> Predictions:
    """Read them from a run folder; ArtifactError if they are not ours."""
    path = folder / PREDICTIONS
    told = columns(path, Predictions._fields, apart=("classes",))
    told["classes"] = tuple(told["classes"].tolist())
    return Predictions(**told)


def columns(path: Path, names: Sequence[str], *, apart: Sequence[str] = ()) -> dict[str, Any]:
    """Read arrays by name, with a row each for the same beats.

    Parameters
    ----------
    apart
        Those of the names that have no rows of beats.

    Raises
    ------
    ArtifactError
        The file is not to be read, one of them is not there, or they are not of equal length.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            told: dict[str, Any] = {name: found[name] for name in names}
    except (*UNREADABLE, TypeError) as error:  # a TypeError, where the file holds a single array
        raise ArtifactError(
            f"predictions {path}: expected {', '.join(names)}, received: {error or 'nothing'}"
        ) from error
    shapes = {name: told[name].shape for name in names if name not in apart}
    if len({shape[:1] for shape in shapes.values()}) > 1 or () in shapes.values():
        received = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ArtifactError(f"predictions {path}: expected a row for each beat, received shapes {received}")
    return told


def save_predictions(
    folder: Path, beats: BeatSet, rows: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> None:
    """Write what is said of some rows into a run folder: whole, or not at all."""
    with drafted(folder / PREDICTIONS) as draft:
        np.savez_compressed(
            draft,
            rows=rows,
            truth=beats.y[rows],
            probabilities=probabilities.astype(np.float32),
            records=beats.records[rows],
            patients=beats.patients[rows],
            classes=np.array(beats.classes),
        )
