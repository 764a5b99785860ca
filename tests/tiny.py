"""A network of a few weights with a proper card, for tests."""

from pathlib import Path

import numpy as np

from monitor import artifact
from monitor.artifact import Card
from monitor.settings import FilterSettings
from monitor.window import WindowSpec

__all__ = ["SPEC", "make_artifact", "make_card"]

SPEC = WindowSpec(
    fs=100.0, n_pre=15, n_post=20, n_leads=1, shapes=0, features=("rr", "rr_to_mean", "next_to_rr")
)


def make_card(weights: Path) -> Card:
    """Return a card for these weights."""
    return Card(
        schema=artifact.SCHEMA,
        name="tiny",
        architecture="tiny",
        window=SPEC,
        band=FilterSettings(),
        classes=("V", "N"),
        scaling="-",
        missing_leads="-",
        sha256=artifact.digest(weights),
        n_parameters=0,
        trained_on=("101",),
        metrics={},
        seed=0,
        command="-",
        version="0",
        keras="3",
    )


def make_artifact(folder: Path) -> Path:
    """Write an artefact that tells V from N at random, but always the same."""
    import keras

    keras.utils.set_random_seed(7)
    window = keras.Input((SPEC.n_points, SPEC.n_channels))
    features = keras.Input((len(SPEC.features),))
    both = keras.layers.Concatenate()([keras.layers.Flatten()(window), features])
    model = keras.Model([window, features], keras.layers.Dense(2, activation="softmax")(both))
    folder.mkdir()
    model.save(folder / artifact.WEIGHTS, include_optimizer=False)
    artifact.save_card(make_card(folder / artifact.WEIGHTS), folder)
    return folder


def random_beats(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return windows and features that fit `SPEC`."""
    rng = np.random.default_rng(n)
    windows = rng.normal(size=(n, SPEC.n_points, SPEC.n_channels)).astype(np.float32)
    return windows, rng.normal(size=(n, len(SPEC.features))).astype(np.float32)
