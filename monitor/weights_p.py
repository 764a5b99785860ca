"""The weights of the networks that read P waves: the one place that reads their file.

A file is JSON, package data, read once, when the first bed is made::

    {"version": 1, "shapes": {"kernel1": [7, 1, 12], ...}, "members": [{"kernel1": [...], ...}, ...]}

``version`` counts changes of what the networks are shown: a file of another version is refused.
"""

import functools
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ArtifactError

__all__ = ["N_POINTS", "VERSION", "Network", "Weights", "read", "shipped"]

Floats = NDArray[np.float32]

VERSION: Final = 1
"""Of what the weights are shown."""

N_POINTS: Final = 96
"""Points of a beat's window, of one lead: see `monitor.p_reader`."""

_FILE: Final = Path(__file__).with_name("p_weights.json")


class Network(NamedTuple):
    """Weights, layer by layer.

    Attributes
    ----------
    kernel1, bias1, kernel2, bias2, kernel3, bias3
        Convolutions, of shapes (n_taps, n_in, n_out) and (n_out,).
    kernel4, bias4, kernel5, bias5
        Dense layers, of shapes (n_in, n_out) and (n_out,), the last with one output; the points of the third
        convolution one after the other, each with all its channels.
    """

    kernel1: Floats
    bias1: Floats
    kernel2: Floats
    bias2: Floats
    kernel3: Floats
    bias3: Floats
    kernel4: Floats
    bias4: Floats
    kernel5: Floats
    bias5: Floats


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file holds: each layer's shape, and of each network its numbers, row by row."""

    version: int
    shapes: dict[str, tuple[int, ...]]
    members: list[dict[str, list[float]]]


def read(path: str | Path) -> tuple[Network, ...]:
    """Return the networks of a file.

    Raises
    ------
    ArtifactError
        There is no such file, it is not one of weights, of another version, or of shapes that do not fit.
    """
    weights = _decoded(Path(path))
    if weights.version != VERSION:
        raise ArtifactError(f"{path}: expected weights of version {VERSION}, received {weights.version}")
    try:
        return tuple(_fitting(_network(member, weights.shapes)) for member in weights.members)
    except (KeyError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected arrays {', '.join(Network._fields)} that fit each other: {error}"
        ) from error


def _network(layers: dict[str, list[float]], shapes: dict[str, tuple[int, ...]]) -> Network:
    return Network(*(np.array(layers[name], np.float32).reshape(shapes[name]) for name in Network._fields))


def _fitting(net: Network) -> Network:
    """Check that each layer takes what the one before gives."""
    n = N_POINTS // 8
    given = (1, *(taps.shape[-1] for taps in net[0:6:2]))
    for taps, bias, n_in in zip(net[0:6:2], net[1:6:2], given, strict=False):
        if taps.ndim != 3 or taps.shape[1] != n_in or bias.shape != taps.shape[2:]:
            raise ValueError(f"a convolution of {n_in} channels has {taps.shape} and {bias.shape}")
    if net.kernel4.shape != (n * given[-1], len(net.bias4)) or net.kernel5.shape != (len(net.bias4), 1):
        raise ValueError(f"the dense layers have {net.kernel4.shape} and {net.kernel5.shape}")
    if net.bias5.shape != (1,):
        raise ValueError(f"the last bias has {net.bias5.shape}")
    return net


@functools.cache
def shipped() -> tuple[Network, ...]:
    """Return the networks that the monitor uses."""
    return read(_FILE)


def _decoded(path: Path) -> Weights:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Weights)
    except OSError as error:
        raise ArtifactError(f"weights {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ArtifactError(f"weights {path}: expected a file of weights, received {error}") from error
