"""A run's network, explained on its own test part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.progress import Report
from models.workshop.explain import METHODS, Explanation, Method, explain, information
from models.workshop.material import Axis, Material
from models.workshop.runs import Run
from monitor.errors import ArtifactError, SettingsError

__all__ = ["ROWS", "Explained", "explain_run", "explained_json"]

ROWS = 64
"""Beats of each class that are averaged over, unless another number is asked for."""


@dataclass(frozen=True)
class Explained:
    """What was found.

    Attributes
    ----------
    classes
        What speaks for each class that the test part has.
    bits
        Of shape (n_points, n_channels): what each point tells of the class, on the training part.
    seed
        Drew the beats.
    """

    run: Run
    material: Material
    classes: list[Explanation]
    bits: NDArray[np.float64]
    seed: int


def explain_run(
    run: Run,
    found: Material,
    *,
    method: Method = "ig",
    rows: int = ROWS,
    seed: int = 0,
    report: Report = lambda *_: None,
) -> Explained:
    """Explain a run's network on beats of its test part, class by class.

    Beats told rightly are drawn; only where none of a class was, any of it.

    Parameters
    ----------
    found
        The beats behind the run.
    rows
        At most so many beats of each class.

    Raises
    ------
    ArtifactError
        The network does not take the windows of the beats alone.
    SettingsError
        The method does not fit the network, or the run has selected points (Grad-CAM).
    """
    if method == "gradcam" and run.config.select:
        raise SettingsError(
            f"Grad-CAM of {run.folder}: expected a network that looks at every point, received one with "
            f"--select {run.config.select} (integrated gradients explain any)"
        )
    model = run.model()
    beats, parts = found
    expected, received = [(beats.n_points, beats.n_channels)], [tuple(t.shape[1:]) for t in model.inputs]
    if expected != received or len(model.outputs) != 1:
        raise ArtifactError(
            f"run {run.folder}: expected a network from windows of shape {expected[0]} to classes, "
            f"received one from {received} to {len(model.outputs)} outputs"
        )
    classes = explain(model, _chosen(run, found, rows, seed), method=method, report=report)
    report("estimating information", 0, 1)
    bits = information(beats.x[parts.train], beats.y[parts.train], seed=seed)
    report("estimating information", 1, 1)
    return Explained(run=run, material=found, classes=classes, bits=bits, seed=seed)


def explained_json(found: Explained, axis: Axis) -> dict[str, Any]:
    """Return what was found, as JSON can say it; the curves are in explanation.npz."""
    return {
        "run": str(found.run.folder),
        "method": METHODS[found.classes[0].method],
        "seed": found.seed,
        "axis": axis.label,
        "classes": {
            one.name: {
                "beats": one.n,
                "told_rightly": one.right,
                "gap": one.gap,
                "most_at_ms": float(axis.ms[int(np.argmax(one.attribution.sum(axis=1)))]),
            }
            for one in found.classes
        },
        "information_most_at_ms": float(axis.ms[int(np.argmax(found.bits.max(axis=1)))]),
        "information_most_bits": float(found.bits.max()),
    }


def _chosen(
    run: Run, found: Material, rows: int, seed: int
) -> dict[str, tuple[int, NDArray[np.float32], bool]]:
    """Draw beats of each class that is there."""
    told = run.predictions
    rng = np.random.default_rng(seed)
    hit = told.truth == np.argmax(told.probabilities, axis=1)
    chosen = {}
    for label in np.unique(told.truth).tolist():
        mine = told.truth == label
        right = bool((mine & hit).any())
        places = np.flatnonzero(mine & hit if right else mine)
        drawn = np.sort(rng.choice(places, min(rows, len(places)), replace=False))
        chosen[told.classes[label]] = (label, found.beats.x[told.rows[drawn]], right)
    return chosen
