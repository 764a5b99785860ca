"""Networks on whatever backend Keras has: loaded, and traced for a fixed batch size.

Keras and its backend are imported inside functions only: TensorFlow takes seconds.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.artifact import WEIGHTS
from monitor.errors import ArtifactError
from monitor.quiet import hushed

__all__ = ["Function", "Trace", "backend", "load"]

Function: TypeAlias = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Probabilities of windows and features, of one batch size."""

Trace: TypeAlias = Callable[[tuple[int, ...], tuple[int, ...]], Function]
"""The function for one shape of windows and of features."""


def load(folder: Path) -> Any:  # noqa: ANN401 - a keras.Model, and Keras has no types
    """Load the network of an artefact; ArtifactError if Keras cannot."""
    import keras

    try:
        return keras.saving.load_model(folder / WEIGHTS, compile=False, safe_mode=True)
    except Exception as error:
        raise ArtifactError(
            f"model {folder}: expected a network that Keras {keras.__version__} can load: {error}"
        ) from error


def _inputs(model: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401
    """Return how windows and features become what a network is called with."""
    return (
        (lambda window, _: window)
        if len(model.inputs) == 1
        else (lambda window, features: [window, features])
    )


def backend() -> Callable[[Any], tuple[Trace, str]]:
    """Import Keras on its backend, quietly, and return how this backend traces a model."""
    with hushed():
        try:
            import keras
        except (ImportError, ValueError) as error:  # ValueError: KERAS_BACKEND names none that Keras knows
            raise ArtifactError(f"no network can be run: expected Keras and a backend: {error}") from error
    name = keras.backend.backend()
    known = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    if name not in known:
        raise ArtifactError(
            f"no network can be run: expected Keras on one of {', '.join(known)}, received {name}"
        )
    return known[name]


def _tensorflow(model: Any) -> tuple[Trace, str]:  # noqa: ANN401
    import tensorflow as tf

    with hushed():
        gpus = tf.config.list_physical_devices("GPU")
    inputs = _inputs(model)
    where = f"{len(gpus)} GPU" if gpus else "CPU (no GPU found)"

    def trace(window: tuple[int, ...], features: tuple[int, ...]) -> Function:
        signature = [tf.TensorSpec(window, tf.float32), tf.TensorSpec(features, tf.float32)]
        graph = tf.function(
            lambda x, y: model(inputs(x, y), training=False), input_signature=signature
        ).get_concrete_function()
        return lambda x, y: np.asarray(graph(tf.constant(x), tf.constant(y)))

    return trace, f"tensorflow {tf.__version__} on {where}"


def _jax(model: Any) -> tuple[Trace, str]:  # noqa: ANN401
    jax = importlib.import_module("jax")

    inputs = _inputs(model)
    weights = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
    )

    def trace(window: tuple[int, ...], features: tuple[int, ...]) -> Function:
        traced = jax.jit(lambda x, y: model.stateless_call(*weights, inputs(x, y), training=False)[0])
        compiled = traced.lower(*(jax.ShapeDtypeStruct(s, np.float32) for s in (window, features))).compile()
        return lambda x, y: np.asarray(compiled(x, y))

    return trace, f"jax {jax.__version__} on {jax.devices()[0].platform.upper()}"


def _torch(model: Any) -> tuple[Trace, str]:  # noqa: ANN401
    torch = importlib.import_module("torch")

    device = next(iter(model.parameters())).device
    inputs = _inputs(model)

    def trace(*_shapes: tuple[int, ...]) -> Function:
        def run(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.no_grad():
                shown = inputs(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device))
                told = model(shown, training=False)
            return np.asarray(told.cpu().numpy())

        return run

    return trace, f"torch {torch.__version__} on {str(device).upper()}"
