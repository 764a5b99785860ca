"""The verifier's weights as a file: what `monitor.weights` reads."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.verifier import Trained
from monitor.errors import StorageError
from monitor.storage import cannot_write
from monitor.weights import VERSION, Network, Weights

__all__ = ["write"]


def write(network: Network, path: Path, *, left_out: Sequence[str] = ()) -> None:
    """Write a network, five digits of each weight, a line for each row.

    Parameters
    ----------
    left_out
        Records of the training databases that it has not seen.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    layers = {name: _rounded(array) for name, array in network._asdict().items()}
    text = msgspec.json.encode(Weights(version=VERSION, left_out=tuple(left_out), layers=layers))
    try:
        path.write_bytes(text.replace(b"],", b"],\n") + b"\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def _rounded(array: NDArray[np.float64]) -> list[float | list[float]]:
    rounded: list[float | list[float]] = np.vectorize(lambda x: float(f"{x:.5g}"))(array).tolist()
    return rounded


def write_folds(trained: Trained, folder: Path, *, names: Sequence[Sequence[str]]) -> None:
    """Write ``all.json`` and a file for each fold, as `monitor.weights.fitting` finds them.

    Parameters
    ----------
    names
        For each fold the records that its network never saw.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder}: {error.strerror}") from error
    write(trained.network, folder / "all.json")
    for k, (alone, left_out) in enumerate(zip(trained.held_out, names, strict=True)):
        write(alone, folder / f"fold{k + 1}.json", left_out=left_out)
