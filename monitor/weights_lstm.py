"""The weights of a recurrent detector: plain numbers beside a model card, read without Keras.

``beatline models dual`` writes them into its run folder, as ``detector.json``::

    {"version": 1, "fs": 125.0, "delay_s": 0.24, "threshold": 0.5, "belief": [1.0, 0.0],
     "band": {...}, "model": "<sha256 of model.keras>", "layers": {"conv_w": [[...], ...], ...}}

They are the numbers of the ``model.keras`` that the file names; a test holds both to the same
probabilities. Nothing is read while signal comes.
"""

from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ArtifactError
from monitor.settings import FilterSettings

__all__ = [
    "FILE",
    "MAX_TAPS",
    "N_INPUTS",
    "Recurrent",
    "StandIn",
    "encoded",
    "read_stand_in",
    "stand_in",
]

_CARD: Final = "card.json"

FILE: Final = "detector.json"
"""Its name in a run folder."""

VERSION: Final = 1
"""Of what the numbers mean: how the input is filtered, resampled and scaled (`monitor.detect_lstm`)."""

N_INPUTS: Final = 2
"""Leads that the network sees at once."""


MAX_TAPS: Final = 64
"""Steps that the convolution reaches back, at most."""


class Recurrent(NamedTuple):
    """A convolution, LSTM layers of one size over each other, and two outputs, in the order of Keras.

    Attributes
    ----------
    conv_w, conv_b
        Of shapes (n_taps, 2, n_filters), the oldest step first, and (n_filters,).
    w0
        Of shape (n_filters, 4 n_units): from the convolution; gates in the order input, forget, cell, output.
    w
        Of shape (n_layers - 1, n_units, 4 n_units): from the layer below.
    r
        Of shape (n_layers, n_units, 4 n_units): from the layer itself, a step earlier.
    b
        Of shape (n_layers, 4 n_units).
    peak_w, peak_b
        Of shapes (n_units, 1) and (1,): log odds that an R peak lay there.
    beat_w, beat_b
        Of shapes (n_units, 2) and (2,): logits of a normal and an abnormal beat.
    """

    conv_w: NDArray[np.float64]
    conv_b: NDArray[np.float64]
    w0: NDArray[np.float64]
    w: NDArray[np.float64]
    r: NDArray[np.float64]
    b: NDArray[np.float64]
    peak_w: NDArray[np.float64]
    peak_b: NDArray[np.float64]
    beat_w: NDArray[np.float64]
    beat_b: NDArray[np.float64]


class RecurrentFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file holds; see the module."""

    version: int
    fs: float
    delay_s: float
    threshold: float
    belief: tuple[float, float]
    band: FilterSettings
    model: str
    layers: dict[str, list[object]]

    def __post_init__(self) -> None:
        if not (self.fs >= 1 and 0 < self.delay_s <= 1 and 0 < self.threshold < 1):
            raise ValueError(
                "expected at least 1 Hz, a delay up to 1 s and a threshold between 0 and 1, received "
                f"{self.fs:g} Hz, {self.delay_s:g} s and {self.threshold:g}"
            )


class StandIn(NamedTuple):
    """A recurrent detector as it is served.

    Attributes
    ----------
    network
        Its weights.
    fs
        Steps per second of the network.
    delay
        The network says at each step whether an R peak lay so many steps ago.
    threshold
        Above this probability there was one.
    belief
        Slope and offset that turn the log odds of a peak into those of a beat (Platt 1999), so that the
        classifier is told a confidence of the kind that it was trained with.
    band
        The filter that it was trained behind.
    model
        The sha256 of the Keras network with these weights, as its card has it.
    """

    network: Recurrent
    fs: float
    delay: int
    threshold: float
    belief: tuple[float, float]
    band: FilterSettings
    model: str


def stand_in(weights: str) -> StandIn | None:
    """Return the recurrent detector that the settings' ``weights`` name, None if they name none.

    Parameters
    ----------
    weights
        A finished run folder that holds `FILE`, or that file. Whatever else is the verifier's, see
        `monitor.weights`.

    Raises
    ------
    ArtifactError
        As `read_stand_in`; or the folder's card is missing, serves something else or names other weights.
    """
    if not weights:
        return None
    path = Path(weights)
    if (path / FILE).is_file():
        network = read_stand_in(path / FILE)
        _check_card(path, network)
        return network
    return read_stand_in(path) if path.name == FILE else None


def read_stand_in(path: Path) -> StandIn:
    """Read a file of recurrent weights.

    Raises
    ------
    ArtifactError
        There is no such file, it is not one of ours or of another version, or its arrays do not fit.
    """
    try:
        file = msgspec.json.decode(path.read_bytes(), type=RecurrentFile)
    except OSError as error:
        raise ArtifactError(f"weights {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ArtifactError(f"weights {path}: expected a recurrent detector, received {error}") from error
    if file.version != VERSION:
        raise ArtifactError(
            f"{path}: expected a recurrent detector of version {VERSION}, received {file.version}"
        )
    return StandIn(
        network=_network(file.layers, path),
        fs=file.fs,
        delay=round(file.delay_s * file.fs),
        threshold=file.threshold,
        belief=file.belief,
        band=file.band,
        model=file.model,
    )


def encoded(detector: StandIn) -> bytes:
    """Return what a file of these weights holds: every digit of them, a line for each row."""
    file = RecurrentFile(
        version=VERSION,
        fs=detector.fs,
        delay_s=detector.delay / detector.fs,
        threshold=detector.threshold,
        belief=detector.belief,
        band=detector.band,
        model=detector.model,
        layers={name: array.tolist() for name, array in detector.network._asdict().items()},
    )
    return msgspec.json.encode(file).replace(b"],", b"],\n") + b"\n"


class _Card(msgspec.Struct):
    """The part of a model card that is of concern here; `monitor.artifact` reads the whole."""

    sha256: str
    serves: str = "beats"


def _check_card(folder: Path, network: StandIn) -> None:
    """Raise `ArtifactError` unless the folder's card is there, and is that of this detector."""
    try:
        card = msgspec.json.decode((folder / _CARD).read_bytes(), type=_Card)
    except OSError as error:
        raise ArtifactError(
            f"run {folder}: expected a finished one with a {_CARD}, received {error.strerror}"
        ) from error
    except msgspec.DecodeError as error:
        raise ArtifactError(f"run {folder}: expected a model card in {_CARD}, received {error}") from error
    if card.serves != "detector":
        raise ArtifactError(
            f"run {folder}: expected a card that serves as detector, received one for {card.serves}"
        )
    if card.sha256 != network.model:
        raise ArtifactError(
            f"run {folder}: {FILE} is not that of its card: expected the weights of {card.sha256[:12]}..., "
            f"received those of {network.model[:12]}..."
        )


def _network(layers: dict[str, list[object]], path: Path) -> Recurrent:
    """Return the arrays of a file, checked."""
    try:
        network = Recurrent(**{name: np.array(rows, np.float64) for name, rows in layers.items()})
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected the arrays {', '.join(Recurrent._fields)}, received {', '.join(layers)}"
        ) from error
    n_layers, units = max(1, len(network.b)), len(network.peak_w)
    n_taps, n_filters = len(network.conv_w), len(network.conv_b)
    if n_layers == 1:  # JSON has no shape for the missing layers
        network = network._replace(w=np.zeros((0, units, 4 * units)))
    shapes = [
        (n_taps, N_INPUTS, n_filters),
        (n_filters,),
        (n_filters, 4 * units),
        (n_layers - 1, units, 4 * units),
        (n_layers, units, 4 * units),
        (n_layers, 4 * units),
        (units, 1),
        (1,),
        (units, 2),
        (2,),
    ]
    if (
        min(units, n_filters) < 1
        or not 1 <= n_taps <= MAX_TAPS
        or shapes != [array.shape for array in network]
    ):
        raise ArtifactError(
            f"{path}: expected arrays of shapes {shapes} (at most {MAX_TAPS} taps), "
            f"received {[array.shape for array in network]}"
        )
    return network
