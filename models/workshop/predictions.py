"""What a network says of the test part, as a file of a run folder."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from monitor.errors import ArtifactError
from monitor.storage import drafted

__all__ = ["Predictions", "load_predictions", "save_predictions"]

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
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            columns: dict[str, Any] = {name: found[name] for name in Predictions._fields}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(
            f"predictions {path}: expected {', '.join(Predictions._fields)}, received: {error}"
        ) from error
    columns["classes"] = tuple(columns["classes"].tolist())
    return Predictions(**columns)


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
