"""A run folder: what one training leaves behind, and how it is read back.

    config.json        what was asked for: `RunConfig`
    environment.json   versions, backend, machine, command line
    manifest.json      the beats it was given: counts and hashes
    selection.json     where columns were selected: which, and the gain of each
    history.csv        a row per epoch
    checkpoint/        while under way: all that is needed to go on after the last whole epoch
    model.keras        the network, best epoch, without optimizer
    predictions.npz    what it says of the test part
    card.json          written last: with it the run is finished, without it it is not

The folder belongs to one configuration and one set of beats. Asked for again with the same ones, an
unfinished run goes on; with others, or finished, it is refused. Nothing is ever overwritten.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.options import DataOptions
from monitor.artifact import CARD, WEIGHTS, Card, load_card
from monitor.errors import ArtifactError
from monitor.quiet import hushed

if TYPE_CHECKING:
    import keras

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "Loss",
    "Predictions",
    "Report",
    "Run",
    "RunConfig",
    "is_finished",
    "load_run",
]

CONFIG: Final = "config.json"
CHECKPOINT: Final = "checkpoint"
HISTORY: Final = "history.csv"
PREDICTIONS: Final = "predictions.npz"

Loss: TypeAlias = Literal["weighted", "focal", "plain"]
"""What training makes small; see `models.workshop.fit`."""

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a run gives, but for the beats themselves.

    Attributes
    ----------
    arch
        Name in `models.networks.NETWORKS`.
    dataset, options
        Of `models.datasets.load`.
    split
        Of `models.datasets.splits.split`.
    augment
        Names in `models.workshop.augment.AUGMENTATIONS`.
    select
        Which columns the network looks at: ``""`` all, ``"ig:60"`` the 60 that tell most.
    loss
        What training makes small: cross-entropy with rare classes weighing more, focal loss, or
        cross-entropy as it is.
    epochs, patience
        At most so many epochs; at most so many in a row without a better validation loss, 0: no limit.
    batch, learning_rate
        Beats per step; the rate at its highest.
    seed
        Fixes split, weights, order, augmentation and dropout.
    """

    arch: str
    dataset: str
    options: DataOptions = DataOptions()
    split: str = "patients"
    augment: tuple[str, ...] = ()
    select: str = ""
    loss: Loss = "weighted"
    epochs: int = 30
    patience: int = 6
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 1


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


class Run:
    """A finished run, read back.

    Attributes
    ----------
    folder, config, card, history, predictions
        Where it lies and what lies there; ``history`` has a row per epoch.
    """

    def __init__(self, folder: Path, config: RunConfig, card: Card) -> None:
        self.folder, self.config, self.card = folder, config, card
        self.history = _history(folder / HISTORY)
        self.predictions = _predictions(folder / PREDICTIONS)

    def model(self) -> "keras.Model":
        """Load the network; ArtifactError if Keras cannot."""
        with hushed():
            import keras
        try:
            return keras.saving.load_model(self.folder / WEIGHTS, compile=False)
        except Exception as error:
            raise ArtifactError(
                f"run {self.folder}: expected a network that Keras {keras.__version__} can load: {error}"
            ) from error


def load_run(folder: Path) -> Run:
    """Read a finished run.

    Raises
    ------
    ArtifactError
        There is none, it is not finished, it was written by another version, or a file of it is not
        what it should be.
    """
    if not (folder / CONFIG).is_file():
        raise ArtifactError(f"run {folder}: expected a run folder with a {CONFIG}, received none")
    if not is_finished(folder):
        raise ArtifactError(
            f"run {folder}: expected a finished run, received one without {CARD} "
            f"(the command that began it goes on with it)"
        )
    return Run(folder, read_config(folder), load_card(folder))


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that came to its end."""
    return (folder / CARD).is_file()


def read_config(folder: Path) -> RunConfig:
    """Read what a run was asked for; ArtifactError if this version cannot."""
    path = folder / CONFIG
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtifactError(
            f"run {folder}: expected the {CONFIG} of a workshop run of this version, received: {error}"
        ) from error


def _history(path: Path) -> list[dict[str, float]]:
    try:
        with path.open(newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"history {path}: expected numbers in columns, received: {error}") from error


def _predictions(path: Path) -> Predictions:
    try:
        with np.load(path, allow_pickle=False) as found:
            columns: dict[str, Any] = {name: found[name] for name in Predictions._fields}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ArtifactError(
            f"predictions {path}: expected {', '.join(Predictions._fields)}, received: {error}"
        ) from error
    columns["classes"] = tuple(columns["classes"].tolist())
    return Predictions(**columns)
