"""One recurrent network with two outputs, and the stretches of signal that it is trained on: system D.

The network reads the signal step by step, never ahead, and says at each step whether an R peak lay
`DELAY_S` ago and whether the beat there is normal. It is shown exactly what
`monitor.detect_lstm.LstmDetector` shows it live, because that is what cuts the stretches: law 6.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import data
from models.data import Augment, Recording
from monitor.detect_lstm import LstmDetector
from monitor.events import CLASSES
from monitor.settings import DetectorSettings, FilterSettings
from monitor.weights_lstm import N_INPUTS, Recurrent, StandIn

if TYPE_CHECKING:
    import keras

__all__ = [
    "ABNORMAL",
    "AUGMENTATIONS",
    "BAND",
    "BEATS",
    "DELAY_S",
    "FS",
    "LEAD_IN",
    "Stretch",
    "draw",
    "layers_of",
    "lstm_dual",
    "stretch_of",
    "unread",
]

FS: Final = 125.0
"""Steps per second: that of the Kachuee CSVs too; a QRS complex has ten."""
DELAY_S: Final = 0.24
"""The network answers so long after R: the QRS complex and the ST segment have passed, T has not."""
LEAD_IN: Final = 40
"""Steps before the first answer that the network must be shown."""
BAND: Final = FilterSettings(mains_hz=0.0)
"""The monitor band without its notch, so that 50 and 60 Hz are alike."""
BEATS: Final = ("normal", "abnormal")
"""Classes of the second output: N against S, V and F. Q is left out."""
AUGMENTATIONS: Final = ("flip", "noise", "stretch")
"""What may be done to a stretch: polarity of each lead; other leads, one lead, noise and wander
(`models.data.disturb`); read as if at another rate."""

ABNORMAL: Final = tuple(CLASSES.index(name) for name in ("S", "V", "F"))
_Q: Final = CLASSES.index("Q")
_SPREAD: Final = 1.5
"""Standard deviation of the soft target around R, steps: references lie about 12 ms apart."""
_NEAR: Final = 2
"""Normality is asked for so many steps around the place where R is told."""
_PEAK_WEIGHT: Final = 6.0
"""What a step at R weighs; there is one in a hundred."""
_BEAT_WEIGHT: Final = 5.0
"""What a normal beat's steps weigh in the second question."""
_STRETCHED: Final = 0.15
_DISTURBED: Final = 0.7
_FLIPPED: Final = 0.25


class Stretch(NamedTuple):
    """Some minutes of signal as the network sees them, and what it should say.

    Attributes
    ----------
    shown
        Of shape (n_steps, 2).
    peak, peak_weight
        Of shape (n_steps,): 1 where an R peak lay `DELAY_S` ago, less beside it; 0 weight where nobody
        knows (flutter, the first steps).
    abnormal, beat_weight
        Of shape (n_steps,): 1 for S, V and F; 0 weight away from beats and at Q.
    """

    shown: NDArray[np.float32]
    peak: NDArray[np.float32]
    peak_weight: NDArray[np.float32]
    abnormal: NDArray[np.float32]
    beat_weight: NDArray[np.float32]


def lstm_dual(
    *,
    units: int = 32,
    n_layers: int = 2,
    filters: int = 24,
    batch: int | None = None,
    n_steps: int | None = None,
) -> "keras.Model":
    """Return the network of system D.

    One input, ``signal`` of shape (batch, `LEAD_IN` + n_steps, 2): two leads, zeros for one that is not
    there; at a start the lead-in is zeros. A convolution over 41 steps (0.33 s, so that R is still in
    sight when it is asked for), relu; LSTM layers over each other, forwards only; from the last one two
    outputs at each step, ``peak`` of shape (batch, n_steps, 1), a sigmoid, and ``normality`` of shape
    (batch, n_steps, 2), a softmax over `BEATS`. With two layers of 32 units 17,707 parameters.

    Parameters
    ----------
    batch
        Where it is given the state is kept from one batch to the next, row by row, until it is reset:
        so a sequence can be shown in pieces (truncated back-propagation, Williams & Peng 1990).
    n_steps
        Steps of each piece; None for any number.

    Notes
    -----
    Hochreiter & Schmidhuber 1997 (Neural Comput 9:1735). System D reads the samples with LSTMs alone; here
    a convolution goes before them, so that they need not learn to count 30 steps back, and they read the
    past alone, so that it can be served live.
    """
    import keras
    from keras import layers

    length = None if n_steps is None else LEAD_IN + n_steps
    signal = keras.Input(batch_shape=(batch, length, N_INPUTS), name="signal")
    x = layers.Conv1D(filters, LEAD_IN + 1, activation="relu", name="conv")(signal)
    for k in range(n_layers):
        x = layers.LSTM(units, return_sequences=True, stateful=batch is not None, name=f"lstm{k}")(x)
    peak = layers.Dense(1, activation="sigmoid", dtype="float32", name="peak")(x)
    normality = layers.Dense(2, activation="softmax", dtype="float32", name="normality")(x)
    return keras.Model(signal, {"peak": peak, "normality": normality}, name="lstm_dual")


def layers_of(model: "keras.Model") -> Recurrent:
    """Return the weights of a `lstm_dual` as the detector's kernel takes them."""
    cells: list[list[NDArray[np.float64]]] = []
    while len(cells) < len(model.layers) and any(x.name == f"lstm{len(cells)}" for x in model.layers):
        cells.append([np.asarray(w, np.float64) for w in model.get_layer(f"lstm{len(cells)}").get_weights()])
    units = cells[0][1].shape[0]
    peak, beat = (model.get_layer(name).get_weights() for name in ("peak", "normality"))
    conv = [np.asarray(w, np.float64) for w in model.get_layer("conv").get_weights()]
    return Recurrent(
        conv_w=conv[0],
        conv_b=conv[1],
        w0=cells[0][0],
        w=np.array([cell[0] for cell in cells[1:]]).reshape(-1, units, 4 * units),
        r=np.array([cell[1] for cell in cells]),
        b=np.array([cell[2] for cell in cells]),
        peak_w=np.asarray(peak[0], np.float64),
        peak_b=np.asarray(peak[1], np.float64),
        beat_w=np.asarray(beat[0], np.float64),
        beat_b=np.asarray(beat[1], np.float64),
    )


def unread() -> StandIn:
    """Return a detector that finds nothing: what it is shown is what training needs of it."""
    network = Recurrent(
        conv_w=np.zeros((1, N_INPUTS, 1)),
        conv_b=np.zeros(1),
        w0=np.zeros((1, 4)),
        w=np.zeros((0, 1, 4)),
        r=np.zeros((1, 1, 4)),
        b=np.zeros((1, 4)),
        peak_w=np.zeros((1, 1)),
        peak_b=np.full(1, -20.0),
        beat_w=np.zeros((1, 2)),
        beat_b=np.zeros(2),
    )
    return StandIn(network, FS, round(DELAY_S * FS), 0.5, (1.0, 0.0), BAND, "")


def stretch_of(recording: Recording, *, weights: tuple[float, float] = (1.0, 1.0)) -> Stretch:
    """Return a recording as the network sees it, with its targets.

    Parameters
    ----------
    weights
        What a normal and an abnormal beat weigh.
    """
    fs, signal = recording.fs, np.ascontiguousarray(recording.signal)
    detector = LstmDetector(DetectorSettings(), unread(), fs=fs, n_leads=signal.shape[1])
    shown = detector.examine(signal, np.zeros(signal.shape, np.int8)).steps[:, :N_INPUTS]
    delay = round(DELAY_S * FS)
    told = (recording.peaks + detector.lag) * FS / fs + delay
    peak, peak_weight = np.zeros(len(shown)), np.ones(len(shown))
    abnormal, beat_weight = np.zeros(len(shown)), np.zeros(len(shown))
    at = np.clip(np.arange(len(shown)) - delay, 0, None) * fs / FS - detector.lag
    doubtful = recording.flutter[np.clip(at, 0, len(signal) - 1).astype(np.int64)]
    reach = np.arange(-6, 7)
    for place, label in zip(told.tolist(), recording.labels.tolist(), strict=True):
        steps = round(place) + reach
        within = (steps >= 0) & (steps < len(shown))
        near = within & (np.abs(reach) <= _NEAR)
        bump = np.exp(-0.5 * ((steps - place) / _SPREAD) ** 2)
        peak[steps[within]] = np.maximum(peak[steps[within]], bump[within])
        if label != _Q:
            abnormal[steps[near]] = float(label in ABNORMAL)
            beat_weight[steps[near]] = _BEAT_WEIGHT * weights[int(label in ABNORMAL)]
    peak_weight += (_PEAK_WEIGHT - 1) * peak
    for weight in (peak_weight, beat_weight):
        weight[: delay + 2] = 0.0
        weight[doubtful] = 0.0
    return Stretch(*(np.asarray(x, np.float32) for x in (shown, peak, peak_weight, abnormal, beat_weight)))


def draw(
    recording: Recording, seconds: float, augment: tuple[str, ...], rng: np.random.Generator
) -> Recording:
    """Return a stretch of a recording, from anywhere in it, changed as asked for.

    Parameters
    ----------
    seconds
        Its length after all changes; a shorter recording is taken whole.
    augment
        Names in `AUGMENTATIONS`.
    """
    rate = 1 + (rng.uniform(-_STRETCHED, _STRETCHED) if "stretch" in augment else 0.0)
    fs = min(max(recording.fs * rate, 100.0), 1000.0)
    n = round(seconds * fs)
    start = int(rng.integers(max(1, len(recording.signal) - n)))
    within = (recording.peaks >= start) & (recording.peaks < start + n)
    piece = Recording(
        name=recording.name,
        fs=fs,
        signal=np.ascontiguousarray(recording.signal[start : start + n]),
        peaks=recording.peaks[within] - start,
        labels=recording.labels[within],
        flutter=recording.flutter[start : start + n],
    )
    signal = piece.signal
    if "noise" in augment and rng.uniform() < _DISTURBED:
        signal = data.disturb(piece, Augment(), rng)
    if "flip" in augment:
        signal = signal * np.where(rng.uniform(size=signal.shape[1]) < _FLIPPED, -1.0, 1.0)
    return Recording(piece.name, fs, signal, piece.peaks, piece.labels, piece.flutter)
