"""Training of `models.dual.lstm_dual`, epoch by epoch, with a network that remembers between batches.

An epoch draws a stretch of signal for each lane (a row of the batch) and shows all of them in pieces, the
state of each lane going on from piece to piece and the error no further back than one: truncated
back-propagation through time. What is random in an epoch is drawn from the seed and the epoch's number,
so a training that is taken up again shows what one that ran through would have shown.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Recording
from models.dual import ABNORMAL, DELAY_S, FS, LEAD_IN, Stretch, draw, lstm_dual, stretch_of
from models.progress import Report
from models.workshop.checkpoint import History, Progress, arrays, assign, keep, restore
from models.workshop.runs import RunConfig
from monitor.errors import ArtifactError
from monitor.events import CLASSES

if TYPE_CHECKING:
    import keras

__all__ = ["SHAPE", "Shape", "fit_dual", "served"]

_STRETCH_S: Final = 120.0
_PIECE: Final = 500
"""Steps of a piece: 4 s, a few beats."""
_LOWEST: Final = 0.02
_POWER: Final = 0.5
"""Abnormal beats weigh as the square root of how rare they are."""

Floats = NDArray[np.float32]


class Shape(NamedTuple):
    """How large the network is."""

    units: int = 32
    n_layers: int = 2
    filters: int = 24


SHAPE: Final = Shape()


def fit_dual(
    config: RunConfig,
    train: Sequence[Recording],
    validate: Sequence[Recording],
    *,
    shape: Shape = SHAPE,
    state: Path,
    each: Callable[[History], None] = lambda _: None,
    report: Report = lambda *_: None,
) -> "keras.Model":
    """Train the network; it has the weights of the epoch that told the validation part best.

    Parameters
    ----------
    config
        ``batch`` is the number of lanes; ``loss`` ``focal`` or cross-entropy, rare classes weighing more
        in ``weighted``.
    train, validate
        Recordings of patients who are in one of them only.
    state
        File with all that is needed to go on, written after each epoch.
    each
        Called after each epoch with the history so far, a row per epoch: ``epoch``, ``loss``,
        ``val_loss``, its two parts ``val_peak_loss`` and ``val_normality_loss``, ``seconds``.

    Returns
    -------
    keras.Model
        As it is served: no state between calls, any number of steps.

    Raises
    ------
    ArtifactError
        The state is not one of this network's, or the loss is no longer a number.
    """
    import keras

    keras.utils.set_random_seed(config.seed)
    model = lstm_dual(**shape._asdict(), batch=config.batch, n_steps=_PIECE)
    weights = _weights(train) if config.loss == "weighted" else (1.0, 1.0)
    _compile(model, config)
    variables, moments = model.trainable_variables, model.optimizer.variables
    progress, best = Progress([]), arrays(variables)
    if state.exists():
        progress, best = restore(state, variables, moments)
    held = _lanes(validate, config, weights, np.random.default_rng([config.seed, 0]), augment=())
    while not progress.over(epochs=config.epochs, patience=config.patience):
        epoch, began = len(progress.history) + 1, time.perf_counter()
        rng = np.random.default_rng([config.seed, epoch])
        lanes = _lanes(train, config, weights, rng, augment=config.augment)
        row = {"epoch": float(epoch), "loss": _pass(model, lanes, report, config, epoch)["loss"]}
        row |= {f"val_{name}": value for name, value in _pass(model, held, None, config, epoch).items()}
        row["seconds"] = round(time.perf_counter() - began, 3)
        if not np.isfinite(row["loss"] + row["val_loss"]):
            raise ArtifactError(
                f"training: expected a finite loss, received {row['loss']:g} and {row['val_loss']:g} "
                f"in epoch {epoch} (a lower learning rate may help)"
            )
        progress.history.append(row)
        if progress.improves(row["val_loss"]):
            best = arrays(variables)
        keep(state, variables, moments, (progress, best))
        each(progress.history)
    assign(variables, best)
    return served(model, shape)


def served(model: "keras.Model", shape: Shape) -> "keras.Model":
    """Return the same network without a memory between calls, for any number of steps and rows."""
    free = lstm_dual(**shape._asdict())
    for layer in free.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights()[: len(layer.weights)])
    return free


def _weights(train: Sequence[Recording]) -> tuple[float, float]:
    """Return what a normal and an abnormal beat weigh."""
    labels = np.concatenate([recording.labels for recording in train])
    n = max(1, int(np.sum(labels == CLASSES.index("N"))))
    n_abnormal = max(1, int(np.isin(labels, ABNORMAL).sum()))
    return 1.0, float(min(10.0, (n / n_abnormal) ** _POWER))


def _compile(model: "keras.Model", config: RunConfig) -> None:
    import keras

    steps = _n_pieces() * config.epochs
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, max(1, steps), alpha=_LOWEST)
    losses: dict[str, Any] = {"peak": "binary_crossentropy", "normality": "categorical_crossentropy"}
    if config.loss == "focal":
        losses = {
            "peak": keras.losses.BinaryFocalCrossentropy(gamma=2.0),
            "normality": keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0),
        }
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    model.compile(optimizer, loss=losses, jit_compile=False)  # XLA is five times slower at LSTM on a CPU
    optimizer.build(model.trainable_variables)


def _n_pieces() -> int:
    return int(_STRETCH_S * FS) // _PIECE


def _lanes(
    recordings: Sequence[Recording],
    config: RunConfig,
    weights: tuple[float, float],
    rng: np.random.Generator,
    *,
    augment: tuple[str, ...],
) -> Stretch:
    """Return a stretch for each lane, of shape (n_lanes, n_steps, ...); what is too short ends in zeros."""
    n_steps = _n_pieces() * _PIECE
    order = [k % len(recordings) for k in range(config.batch)]
    rows: list[Stretch] = []
    for k in order:
        piece = stretch_of(draw(recordings[k], _STRETCH_S + DELAY_S, augment, rng), weights=weights)
        padded = []
        for array in piece:
            full = np.zeros((n_steps, *array.shape[1:]), np.float32)
            full[: len(array)] = array[:n_steps]
            padded.append(full)
        rows.append(Stretch(*padded))
    return Stretch(*(np.stack(column) for column in zip(*rows, strict=True)))


def _pass(
    model: "keras.Model", lanes: Stretch, report: Report | None, config: RunConfig, epoch: int
) -> dict[str, float]:
    """Show all lanes piece by piece; train where there is a report, else measure. Return the mean losses."""
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
    step = model.test_on_batch if report is None else model.train_on_batch
    model.reset_metrics()
    told: dict[str, Any] = {}
    n = _n_pieces()
    before = np.pad(lanes.shown, ((0, 0), (LEAD_IN, 0), (0, 0)))
    for k in range(n):
        part = Stretch(*(array[:, k * _PIECE : (k + 1) * _PIECE] for array in lanes))
        truth = {
            "peak": part.peak[..., None],
            "normality": np.stack([1 - part.abnormal, part.abnormal], axis=-1),
        }
        weight = {"peak": part.peak_weight, "normality": part.beat_weight}
        told = step(
            before[:, k * _PIECE : (k + 1) * _PIECE + LEAD_IN], truth, sample_weight=weight, return_dict=True
        )
        if report is not None:
            what = f"epoch {epoch} of {config.epochs}, loss {float(told['loss']):.4f}"
            report(what, (epoch - 1) * n + k + 1, config.epochs * n)
    return {name: float(value) for name, value in told.items()}
