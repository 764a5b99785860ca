"""Beats made up so that a small network learns them in seconds, and the run that is trained on them."""

import numpy as np

from models.datasets.beatset import BeatSet
from models.workshop.runs import RunConfig
from monitor.window import WindowSpec

N_POINTS = 24
CLASSES = ("N", "V")
SERVED = WindowSpec(
    fs=125.0, n_pre=11, n_post=12, n_leads=1, shapes=0, features=(), scaling="unit", length_rr=None
)
CONFIG = RunConfig(
    arch="cnn",
    dataset="wfdb",
    split="patients",
    augment=("noise",),
    epochs=4,
    patience=0,
    batch=8,
    learning_rate=3e-3,
    seed=3,
)


def waves(
    *, classes: tuple[str, ...] = CLASSES, window: WindowSpec | None = SERVED, part: str = "", seed: int = 0
) -> BeatSet:
    """Return 120 beats of six patients: those of the second class have their wave later."""
    rng = np.random.default_rng(seed)
    y = np.arange(120) % len(classes)
    at = np.arange(N_POINTS)[None, :]
    x = np.exp(-(((at - 8 - 6 * y[:, None]) / 2.0) ** 2)) + 0.1 * rng.normal(size=(120, N_POINTS))
    patients = np.array([f"p{k}" for k in np.arange(120) // 20])
    return BeatSet(
        name="wfdb",
        classes=classes,
        fs=125.0,
        x=x[:, :, None].astype(np.float32),
        y=y.astype(np.int64),
        patients=patients,
        records=np.char.replace(patients, "p", "r"),
        part=np.full(120, part, dtype="<U6"),
        window=window,
    )
