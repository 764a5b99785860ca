"""What a training keeps after each epoch, so that it can be taken up again after any of them."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ArtifactError
from monitor.storage import drafted

__all__ = ["UNREADABLE", "Arrays", "History", "Progress", "arrays", "assign", "keep", "restore"]

Arrays: TypeAlias = list[NDArray[Any]]
History: TypeAlias = list[dict[str, float]]
UNREADABLE: Final = (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises at a file of arrays that is damaged, or another's."""


class Progress(msgspec.Struct):
    """How far a training is, beside the arrays."""

    history: History
    best_epoch: int = 0
    best_loss: float | None = None

    def over(self, *, epochs: int, patience: int) -> bool:
        """Whether all epochs were run, or ``patience`` (0: no limit) in a row without a better loss."""
        since = len(self.history) - self.best_epoch
        return len(self.history) >= epochs or (0 < patience <= since and self.best_epoch > 0)

    def improves(self, loss: float) -> bool:
        """Take the loss of the epoch that the last row is of; tell whether it is the best so far."""
        better = self.best_loss is None or loss < self.best_loss
        if better:
            self.best_loss, self.best_epoch = loss, len(self.history)
        return better


def keep(
    path: Path, variables: Sequence[Any], moments: Sequence[Any], state: tuple[Progress, Arrays]
) -> None:
    """Write all that is needed to go on; the file is whole or the one before it.

    Parameters
    ----------
    variables, moments
        Of the network and of its optimizer.
    state
        How far the training is, and the variables of its best epoch.
    """
    progress, best = state
    found: dict[str, Any] = {"progress": np.frombuffer(msgspec.json.encode(progress), np.uint8)}
    groups = {"now": arrays(variables), "optimizer": arrays(moments), "best": best}
    for name, group in groups.items():
        found |= {f"{name}{k}": array for k, array in enumerate(group)}
    with drafted(path) as draft, draft.open("wb") as file:
        np.savez(file, **found)
        file.flush()
        os.fsync(file.fileno())


def restore(path: Path, variables: Sequence[Any], moments: Sequence[Any]) -> tuple[Progress, Arrays]:
    """Set network and optimizer to what `keep` wrote, and return the rest of it.

    Raises
    ------
    ArtifactError
        The file is not one of this network's.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            progress = msgspec.json.decode(found["progress"].tobytes(), type=Progress)
            now, moved, best = (
                [found[f"{name}{k}"] for k in range(len(group))]
                for name, group in (("now", variables), ("optimizer", moments), ("best", variables))
            )
        assign(variables, now)
        assign(moments, moved)
    except (*UNREADABLE, TypeError) as error:
        raise ArtifactError(f"checkpoint {path}: expected one of this network, received: {error}") from error
    return progress, best


def arrays(variables: Sequence[Any]) -> Arrays:
    """Return copies of Keras variables."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def assign(variables: Sequence[Any], values: Arrays) -> None:
    """Set Keras variables, each to its own; ValueError, before any is set, if one is of another shape."""
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{variable.path} of shape {value.shape} instead of {tuple(variable.shape)}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
