"""The QRS verifier's weights: plain numbers in a file, and the one place that reads and writes it.

The shipped file is package data, read once, when the first detector is made: a detector is a pure
function of its settings and its samples, but its weights are data, and data lie in a file. Nothing
is read while signal comes. A file is JSON::

    {"version": 2, "left_out": ["106", ...], "layers": {"offset": [...], "w1": [[...], ...], ...}}

``version`` counts changes of what the features mean: a file of another version, or of another number
of features, is refused.
``left_out`` names the records of training databases that these weights have *not* seen.
"""

import functools
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import weights_lstm
from monitor.errors import ArtifactError
from monitor.names import is_among
from monitor.settings import DetectorSettings

__all__ = ["N_FEATURES", "VERSION", "Network", "Weights", "fitting", "read", "shipped"]

N_FEATURES: Final = 44
"""Features of a candidate, see `monitor.detect_features.describe`."""

VERSION: Final = 2
"""Of the meaning of the features."""

_FILE: Final = Path(__file__).with_name("qrs_weights.json")


class Network(NamedTuple):
    """A perceptron with two hidden layers of rectified units and one sigmoid output.

    Attributes
    ----------
    offset, scale
        Of shape (n_features,): features are taken as (x - offset) * scale.
    w1, b1, w2, b2, w3, b3
        Of shapes (n_features, n1), (n1,), (n1, n2), (n2,), (n2,), (1,).
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    w1: NDArray[np.float64]
    b1: NDArray[np.float64]
    w2: NDArray[np.float64]
    b2: NDArray[np.float64]
    w3: NDArray[np.float64]
    b3: NDArray[np.float64]


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file holds; see the module."""

    version: int
    left_out: tuple[str, ...]
    layers: dict[str, list[float | list[float]]]


def read(path: str | Path) -> Network:
    """Return the network of a file.

    Raises
    ------
    ArtifactError
        There is no such file, it is not one of weights, of another version, or of shapes that do not fit.
    """
    weights = _decoded(Path(path))
    if weights.version != VERSION:
        raise ArtifactError(f"{path}: expected weights of version {VERSION}, received {weights.version}")
    try:
        network = Network(**{name: np.array(rows, np.float64) for name, rows in weights.layers.items()})
        n1, n2 = len(network.b1), len(network.b2)
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected the arrays {', '.join(Network._fields)}, received {', '.join(weights.layers)}"
        ) from error
    n = N_FEATURES
    shapes = [(n,), (n,), (n, n1), (n1,), (n1, n2), (n2,), (n2,), (1,)]
    if shapes != [array.shape for array in network]:
        raise ArtifactError(
            f"{path}: expected arrays of shapes {shapes}, received {[array.shape for array in network]}"
        )
    return network


@functools.cache
def shipped() -> Network:
    """Return the verifier that the detector uses unless told otherwise."""
    return read(_FILE)


def fitting(settings: DetectorSettings, record: str) -> DetectorSettings:
    """Return the settings for one record: of a folder of weights, those that left its patient out.

    A folder as ``beatline models verifier --folds`` writes it: one file a fold, and ``all.json`` for
    records that no fold names. A file, none, or the run of a recurrent detector is taken as it is.

    Raises
    ------
    ArtifactError
        The folder is a run of something else, or one that is not finished; or a file of it cannot be read.
    """
    folder = Path(settings.weights)
    if not settings.weights or not folder.is_dir() or (folder / weights_lstm.FILE).is_file():
        return settings
    if (folder / "config.json").is_file():
        raise ArtifactError(
            f"run {folder}: expected a finished run of a detector, with {weights_lstm.FILE}, "
            f"received one without"
        )
    for file in sorted(folder.glob("*.json")):
        if is_among(record, _decoded(file).left_out):
            return msgspec.structs.replace(settings, weights=str(file))
    return msgspec.structs.replace(settings, weights=str(folder / "all.json"))


def _decoded(path: Path) -> Weights:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Weights)
    except OSError as error:
        raise ArtifactError(f"weights {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ArtifactError(f"weights {path}: expected a file of weights, received {error}") from error
