"""Training one network on beats, epoch by epoch, so that it can be taken up again after any of them.

What is random in an epoch (order, augmentation) is drawn from the seed and the epoch's number; dropout
draws from the network's own state, which a checkpoint holds. So a run that was killed and taken up
again shows the network what one that ran through would have shown it.
"""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.progress import Report
from models.workshop.augment import augmented
from models.workshop.checkpoint import History, Progress, arrays, assign, keep, restore
from monitor.errors import ArtifactError

if TYPE_CHECKING:
    import keras

__all__ = ["Examples", "Fitting", "History", "Loss", "class_weights", "evenly", "fit", "predict"]

Loss: TypeAlias = Literal["weighted", "balanced", "focal", "plain"]

_POWER: Final = {"weighted": 0.5, "balanced": 1.0}
"""Of the inverse frequency. At 1 a class of fifteen beats weighs as much as one of seventy thousand, for
which a network pays with hundreds of false alarms where classes come as they do; at 0 nobody minds the
rare ones."""
_RAREST: Final = 1e-3
"""No class weighs as if it were rarer than this."""
_GAMMA: Final = 2.0
"""Of the focal loss (Lin et al. 2017, arXiv 1708.02002)."""
_LOWEST: Final = 0.02
"""The learning rate at the end, as a share of that at the beginning."""
_EVERY: Final = 10
"""Steps between reports."""


class Fitting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network is trained.

    Attributes
    ----------
    augment
        Names in `models.workshop.augment.AUGMENTATIONS`: done to what is trained on, never to the rest.
    loss
        What training makes small: ``weighted`` cross-entropy, a class weighing as the square root of how
        rare it is; ``balanced``, where each class is shown as often, beats of rare ones again and again;
        ``focal`` loss, which weighs beats by how wrong they are; ``plain`` cross-entropy.
    epochs, patience
        At most so many epochs; at most so many in a row without a better validation loss, 0: no limit.
    batch, learning_rate
        Beats per step; Adam's rate, which falls along a cosine to a fiftieth over all epochs.
    seed
        Fixes everything that is random.
    """

    augment: tuple[str, ...] = ()
    loss: Loss = "weighted"
    epochs: int = 30
    patience: int = 6
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.patience < 0 or self.batch < 1 or not self.learning_rate > 0:
            raise ValueError(
                f"training: expected at least one epoch, one beat a step and a learning rate above 0, "
                f"received {self.epochs} epochs, {self.batch} beats, {self.learning_rate:g}; and patience "
                f"of at least 0, received {self.patience}"
            )


class Examples(NamedTuple):
    """Windows of shape (n, n_points, n_channels) and labels of shape (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


def fit(
    model: "keras.Model",
    train: Examples,
    validate: Examples | None,
    fitting: Fitting,
    *,
    state: Path | None = None,
    each: Callable[[History], None] = lambda _: None,
    report: Report = lambda *_: None,
) -> History:
    """Train a network in place; it ends with the weights of its best epoch.

    Parameters
    ----------
    model
        One input, one softmax output. Layers that are frozen stay as they are.
    train, validate
        What is trained on, and what chooses the epoch. Without the latter all epochs are run, and
        the last one counts.
    state
        File in which all is kept that is needed to go on, written after each epoch; a training that
        finds one there goes on from it.
    each
        Called after every epoch with the rows so far.

    Returns
    -------
    list
        A row per epoch: ``epoch``, ``loss``, ``seconds``, and of the validation part ``val_loss`` (weighted
        as in training), ``val_accuracy`` and ``val_macro_f1`` (over the classes that are there).

    Raises
    ------
    ArtifactError
        The state is not one of this network's, or the loss is no longer a number.
    """
    weights = class_weights(train.y, model.output_shape[-1], fitting.loss)
    steps = max(1, len(train.y) // fitting.batch)
    _compile(model, fitting, steps)
    progress, best = Progress([]), arrays(model.variables)
    if state is not None and state.exists():
        progress, best = restore(state, model.variables, model.optimizer.variables)
    while not progress.over(epochs=fitting.epochs, patience=fitting.patience):
        epoch, began = len(progress.history) + 1, time.perf_counter()
        row = {"epoch": float(epoch), "loss": _epoch(model, train, weights, (fitting, epoch, steps), report)}
        if validate is not None:
            row |= _judge(model, validate, weights, fitting.loss)
        row["seconds"] = round(time.perf_counter() - began, 3)
        progress.history.append(row)
        measure = row.get("val_loss", -float(epoch))  # without one, the last is the best
        if not np.isfinite(row["loss"] + measure):
            raise ArtifactError(
                f"training: expected a finite loss, received {row['loss']:g} and {measure:g} in epoch "
                f"{epoch} (a lower learning rate may help)"
            )
        if progress.improves(measure):
            best = arrays(model.variables)
        if state is not None:
            keep(state, model.variables, model.optimizer.variables, (progress, best))
        each(progress.history)
    assign(model.variables, best)
    return progress.history


def class_weights(y: NDArray[np.int64], n_classes: int, loss: Loss) -> NDArray[np.float32]:
    """Return what the beats of each class weigh, of mean 1 over the beats: more the rarer it is, or all 1."""
    share = np.bincount(y, minlength=n_classes) / max(1, len(y))
    weights = np.maximum(share, _RAREST) ** -_POWER.get(loss, 0.0)
    return np.asarray(weights / np.sum(weights * share), np.float32)


def believed(y: NDArray[np.int64], n_classes: int, loss: Loss) -> NDArray[np.float64]:
    """Return how frequent training made the classes seem, of sum 1: their shares, as they weighed."""
    share = np.maximum(np.bincount(y, minlength=n_classes) / max(1, len(y)), _RAREST)
    seemed = share * class_weights(y, n_classes, loss)
    return np.asarray(seemed / seemed.sum(), np.float64)


def predict(model: "keras.Model", x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities of shape (n, n_classes)."""
    if not len(x):
        return np.zeros((0, model.output_shape[-1]))
    return np.asarray(model.predict(x, batch_size=1024, verbose=0), dtype=np.float64)


def _compile(model: "keras.Model", fitting: Fitting, steps: int) -> None:
    import keras

    # It warns of every sixth network of a process that functions are traced anew, as if that were a mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    rate = keras.optimizers.schedules.CosineDecay(
        fitting.learning_rate, max(1, fitting.epochs * steps), alpha=_LOWEST
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    loss = keras.losses.CategoricalCrossentropy()
    if fitting.loss == "focal":
        loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=_GAMMA)
    model.compile(optimizer, loss)
    optimizer.build(model.trainable_variables)


def _epoch(
    model: "keras.Model",
    train: Examples,
    weights: NDArray[np.float32],
    turn: tuple[Fitting, int, int],
    report: Report,
) -> float:
    """Show every beat once, or as many of each class, in whole batches; return the mean loss."""
    fitting, epoch, steps = turn
    one_hot = np.eye(len(weights), dtype=np.float32)
    weights = np.ones_like(weights) if fitting.loss == "balanced" else weights
    total = 0.0
    for step, (x, y) in enumerate(_batches(train, fitting, epoch, steps), start=1):
        total += float(model.train_on_batch(x, one_hot[y], sample_weight=weights[y]))
        if step % _EVERY == 0 or step == steps:
            done = (epoch - 1) * steps + step
            report(
                f"epoch {epoch} of {fitting.epochs}, loss {total / step:.4f}", done, fitting.epochs * steps
            )
    return total / steps


def _batches(
    train: Examples, fitting: Fitting, epoch: int, steps: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    rng = np.random.default_rng([fitting.seed, epoch])
    order = evenly(train.y, rng) if fitting.loss == "balanced" else rng.permutation(len(train.y))
    for step in range(steps):
        rows = order[step * fitting.batch : (step + 1) * fitting.batch]
        yield augmented(train.x[rows], fitting.augment, rng), train.y[rows]


def evenly(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw as many rows as ``y`` has, as many of each class; none again before all of its class were."""
    classes = np.unique(y)
    each = -(-len(y) // len(classes))
    drawn = []
    for label in classes:
        rows = np.flatnonzero(y == label)
        rounds = [rng.permutation(rows) for _ in range(-(-each // len(rows)))]
        drawn.append(np.concatenate(rounds)[:each])
    return rng.permutation(np.concatenate(drawn))[: len(y)]


def _judge(
    model: "keras.Model", examples: Examples, weights: NDArray[np.float32], loss: Loss
) -> dict[str, float]:
    from sklearn.metrics import f1_score

    probabilities, y = predict(model, examples.x), examples.y
    of_truth = np.maximum(probabilities[np.arange(len(y)), y], 1e-7)
    focus = (1 - of_truth) ** _GAMMA if loss == "focal" else 1.0
    each = -np.log(of_truth) * weights[y] * focus
    told = probabilities.argmax(axis=1)
    return {
        "val_loss": float(each.mean()),
        "val_accuracy": float((told == y).mean()),
        "val_macro_f1": float(f1_score(y, told, labels=np.unique(y), average="macro", zero_division=0)),
    }
