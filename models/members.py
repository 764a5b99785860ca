"""The networks whose average the monitor serves: how one is trained, and all of them."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.architectures import ARCHITECTURES, average
from models.data import Beats
from models.progress import Report, part
from models.recipe import TAUGHT, TRAINED, Config, seen
from monitor.events import CLASSES
from monitor.quiet import hushed

if TYPE_CHECKING:
    import keras

__all__ = ["fit", "fit_members"]

_RAREST = 1e-3
"""No class weighs as if it were rarer than this."""


def fit_members(
    beats: Beats, allowed: NDArray[np.bool_], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float | str]]]:
    """Train ``config.members`` on the allowed rows and return their average."""
    members = []
    history: list[dict[str, float | str]] = []
    for k, name in enumerate(config.members):
        alone = msgspec.structs.replace(config, seed=config.seed + k)
        told = part(report, f"network {k + 1}", k, len(config.members))
        model, rows = fit(name, beats, allowed, alone, told)
        members.append(model)
        history += [{"member": name, **row} for row in rows]
    return average(members, seen=seen(config), n_features=len(config.window.features)), history


def fit(
    architecture: str, beats: Beats, allowed: NDArray[np.bool_], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float]]]:
    """Train one network on the allowed rows.

    Returns
    -------
    model, history
        Probabilities over `TRAINED`; one row per epoch.
    """
    with hushed():
        import keras
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    chance = config.shown * np.where(beats.labels == CLASSES.index("N"), config.normal_share, 1.0) * allowed
    n_steps = config.epochs * max(1, round(float(chance.sum())) // config.batch)
    model = ARCHITECTURES[architecture](beats.windows.shape[1:], len(seen(config)), len(TRAINED))
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            config.learning_rate / 10, n_steps, warmup_target=config.learning_rate, warmup_steps=n_steps // 20
        ),
        weight_decay=config.weight_decay,
        use_ema=True,
        ema_momentum=0.99,
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss)
    history = []
    for epoch in range(config.epochs):
        began = time.perf_counter()
        losses = []
        for inputs, target, weight in _batches(beats, chance, config, rng):
            losses.append(float(model.train_on_batch(inputs, target, sample_weight=weight)))
        seconds = time.perf_counter() - began
        history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "seconds": round(seconds, 2)})
        report(f"training, loss {history[-1]['loss']:.4f}", epoch + 1, config.epochs)
    optimizer.finalize_variable_values(model.trainable_variables)
    return model, history


def _batches(
    beats: Beats, chance: NDArray[np.float64], config: Config, rng: np.random.Generator
) -> Iterator[tuple[list[NDArray[np.float32]], NDArray[np.float32], NDArray[np.float32]]]:
    """Yield ([window, features], one-hot target, weight): one epoch in random order.

    Half of the beats are shown as for a provisional label, half as for a confirmed one.
    """
    shown = seen(config)
    rows = rng.permutation(np.flatnonzero(rng.uniform(size=len(chance)) < chance))
    taught = [TRAINED.index(TAUGHT.get(name, name)) for name in CLASSES] + [TRAINED.index("Q")]
    targets = np.array(taught)[beats.labels]
    share = np.bincount(targets[rows], minlength=len(TRAINED)) / max(1, len(rows))
    weights = np.maximum(share, _RAREST) ** -config.power
    weights /= np.sum(weights * share)
    one_hot = np.eye(len(TRAINED), dtype=np.float32)
    for start in range(0, max(1, len(rows) - config.batch + 1), config.batch):
        batch = rows[start : start + config.batch]
        provisional = rng.uniform(size=(len(batch), 1)) < 0.5
        features = np.where(provisional, beats.features[batch], beats.confirmed[batch])
        target = targets[batch]
        yield [beats.windows[batch], features[:, shown]], one_hot[target], weights[target].astype(np.float32)
