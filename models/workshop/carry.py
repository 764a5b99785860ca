"""One network of two classes out of another: what it learned there, and what it learns here.

``frozen``
    Everything up to ``features`` stays as it was; a new head of two layers, 32 units and the softmax,
    learns. The way of Kachuee et al. 2018, section IV.
``finetune``
    The same, and then all layers learn.
``scratch``
    The same layers begun anew.
"""

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.progress import Report
from models.workshop.fit import Examples, Fitting, fit, predict
from models.workshop.runs import Run
from monitor.quiet import hushed

if TYPE_CHECKING:
    import keras

__all__ = ["MODES", "carried"]

MODES: Final = ("frozen", "finetune", "scratch")
_HEAD: Final = 32


def carried(
    mode: str,
    run: Run,
    beats: BeatSet,
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    fitting: Fitting,
    report: Report,
) -> NDArray[np.float64]:
    """Train a network and return the probability of the second class.

    Parameters
    ----------
    run
        Whose network it was.
    rows
        Of ``beats``: to learn from, to choose the epoch by, and those to tell.
    fitting
        Of the whole network; a head alone learns at the usual rate.

    Returns
    -------
    NDArray
        Of shape (n_told,).
    """
    with hushed():
        import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(fitting.seed)
    base = _base(run)
    if mode == "scratch":
        base = keras.models.clone_model(base)
    train, validate, test = (Examples(beats.x[part], beats.y[part]) for part in rows)
    head = _head((int(base.output_shape[-1]),), len(beats.classes))
    if mode != "scratch":
        seen = [Examples(predict(base, part.x).astype(np.float32), part.y) for part in (train, validate)]
        once = msgspec.structs.replace(fitting, learning_rate=1e-3)
        fit(head, seen[0], seen[1], once, report=report)
    if mode == "frozen":
        return predict(head, predict(base, test.x).astype(np.float32))[:, 1]
    whole = keras.Model(base.input, head(base.output), name=mode)
    fit(whole, train, validate, fitting, report=report)
    return predict(whole, test.x)[:, 1]


def _base(run: Run) -> "keras.Model":
    """Return the run's network up to its features."""
    import keras

    model = run.model()
    return keras.Model(model.input, model.get_layer("features").output, name="base")


def _head(input_shape: tuple[int, ...], n_classes: int) -> "keras.Model":
    """Return the two layers that read the features."""
    import keras
    from keras import layers

    features = keras.Input(input_shape, name="seen")
    x = layers.Dense(_HEAD, activation="relu", name="head")(features)
    x = layers.Dense(n_classes, name="logits")(x)
    return keras.Model(features, layers.Softmax(name="probabilities", dtype="float32")(x), name="head_only")
