"""A small perceptron, fitted by plain numpy: at two thousand weights a framework is not worth it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.weights import N_FEATURES, Network

__all__ = ["Examples", "Fitting", "fit", "join"]

Floats = NDArray[np.float64]


class Fitting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Size and training of the network.

    Attributes
    ----------
    penalty
        Of the squared hidden weights.
    jitter
        Normal noise on every input, in its deviations: another patient's features never lie quite the same.
    heaviest
        No example weighs more than this (an easy one that is kept stands for many).
    """

    hidden: tuple[int, int] = (32, 16)
    penalty: float = 1e-4
    jitter: float = 0.15
    epochs: int = 20
    batch: int = 1024
    learning_rate: float = 4e-3
    heaviest: float = 4.0
    seed: int = 0


class Examples(NamedTuple):
    """Candidates, row by row: features, whether they are a beat, weights, names of their records."""

    features: NDArray[np.float32]
    beats: NDArray[np.bool_]
    weights: Floats
    records: NDArray[np.str_]


def fit(rows: Examples, config: Fitting) -> Network:
    """Train one network by Adam; its inputs are standardised and cut off at five deviations."""
    rng = np.random.default_rng(config.seed)
    offset = rows.features.mean(axis=0, dtype=np.float64)
    scale = 1.0 / (rows.features.std(axis=0, dtype=np.float64) + 1e-6)
    inputs = np.clip((rows.features - offset) * scale, -5.0, 5.0).astype(np.float32)
    weights = np.minimum(rows.weights, config.heaviest).astype(np.float32)
    layers: list[NDArray[np.float32]] = []
    for n_in, n_out in pairwise((N_FEATURES, *config.hidden, 1)):
        limit = np.sqrt(6.0 / (n_in + n_out))
        kernel = rng.uniform(-limit, limit, (n_in, n_out)).astype(np.float32)
        layers += [kernel, np.zeros(n_out, np.float32)]
    first, second = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    n_batches = max(1, len(inputs) // config.batch)
    step = 0
    for _ in range(config.epochs):
        for batch in np.array_split(rng.permutation(len(inputs)), n_batches):
            done = step / (n_batches * config.epochs)
            rate = float(config.learning_rate * 0.5 * (1.0 + np.cos(np.pi * done)))
            step += 1
            shaken = rng.standard_normal((len(batch), N_FEATURES), dtype=np.float32)
            shaken = inputs[batch] + np.float32(config.jitter) * shaken
            slopes = _slopes(layers, shaken, rows.beats[batch], weights[batch], config.penalty)
            for k, slope in enumerate(slopes):
                first[k] += 0.1 * (slope - first[k])
                second[k] += 0.001 * (slope * slope - second[k])
                moved = first[k] / (1.0 - 0.9**step)
                layers[k] -= rate * moved / (np.sqrt(second[k] / (1.0 - 0.999**step)) + 1e-7)
    w1, b1, w2, b2, w3, b3 = (layer.astype(np.float64) for layer in layers)
    return Network(offset, scale, w1, b1, w2, b2, np.ascontiguousarray(w3[:, 0]), b3)


def _slopes(
    layers: Sequence[NDArray[np.float32]],
    inputs: NDArray[np.float32],
    beats: NDArray[np.bool_],
    weights: NDArray[np.float32],
    penalty: float,
) -> list[NDArray[np.float32]]:
    """Return the gradient of the weighted cross-entropy, plus ``penalty`` x the squared hidden weights."""
    w1, b1, w2, b2, w3, b3 = layers
    one = np.maximum(inputs @ w1 + b1, 0.0)
    two = np.maximum(one @ w2 + b2, 0.0)
    belief = 1.0 / (1.0 + np.exp(-(two @ w3 + b3)[:, 0]))
    last = ((belief - beats) * weights / len(beats)).astype(np.float32)[:, np.newaxis]
    middle = (last @ w3.T) * (two > 0)
    front = (middle @ w2.T) * (one > 0)
    return [
        inputs.T @ front + 2 * penalty * w1,
        front.sum(axis=0),
        one.T @ middle + 2 * penalty * w2,
        middle.sum(axis=0),
        two.T @ last,
        last.sum(axis=0),
    ]


def join(parts: Sequence[Examples]) -> Examples:
    """Put examples one after the other."""
    return Examples(*(np.concatenate(column) for column in zip(*parts, strict=True)))
