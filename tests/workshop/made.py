"""Beats made up, and a small run trained on them, for tests of what reads runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.workshop.runs import RunConfig, train_run
from monitor.window import WindowSpec

__all__ = ["N_POINTS", "beats", "run_folder"]

N_POINTS = 48
CLASSES = ("N", "V", "Q")
"""No beat is Q: a class that no part has."""


def beats(*, n_patients: int = 6, each: int = 40, known: bool = True) -> BeatSet:
    """Return beats of two leads: V wide and upside down, N narrow, one in four V."""
    rng = np.random.default_rng(5)
    n = n_patients * each
    y = (np.arange(n) % 4 == 3).astype(np.int64)
    at = np.arange(N_POINTS) - N_POINTS // 2
    width = np.where(y == 1, 4.0, 1.5)[:, None]
    wave = np.where(y == 1, -1.0, 1.0)[:, None] * np.exp(-((at / width) ** 2))
    x = np.stack((wave, 0.5 * wave), axis=2) + rng.normal(0, 0.1, (n, N_POINTS, 2))
    names = np.repeat([f"{100 + k}" for k in range(n_patients)], each)
    window = WindowSpec(
        fs=125.0,
        n_pre=N_POINTS // 2,
        n_post=N_POINTS // 2 - 1,
        n_leads=2,
        shapes=0,
        features=(),
        scaling="millivolt",
    )
    return BeatSet(
        name="wfdb",
        classes=CLASSES,
        fs=125.0,
        x=x.astype(np.float32),
        y=y,
        patients=names if known else np.full(n, ""),
        records=names if known else np.full(n, ""),
        part=np.where(names < "104", "train", "test"),
        window=window,
    )


def run_folder(
    folder: Path,
    *,
    split: str = "patients",
    given: Callable[[], BeatSet] = beats,
    options: DataOptions | None = None,
) -> Path:
    """Train a small network for a moment, and return its folder."""
    asked = options or DataOptions()
    config = RunConfig(arch="cnn", dataset="wfdb", options=asked, split=split, epochs=3, batch=16, seed=2)
    return train_run(config, given(), folder, command="beatline models train ...", report=lambda *_: None)
