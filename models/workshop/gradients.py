"""The gradient of a network's output with respect to what it is shown, on any Keras backend."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ArtifactError

if TYPE_CHECKING:
    import keras

__all__ = ["Gradient", "differentiated"]

Gradient: TypeAlias = Callable[
    [NDArray[np.float32], NDArray[np.int64]], tuple[NDArray[np.float64], NDArray[np.float64]]
]
"""From inputs of shape (n, ...) and a class for each, of shape (n,), to the outputs of those classes, of
shape (n,), and their gradients, of the shape of the inputs."""


def differentiated(model: "keras.Model") -> Gradient:
    """Return the function that gives outputs and gradients of a network with one input and one output.

    Raises
    ------
    ArtifactError
        Keras runs on a backend without gradients.
    """
    import keras

    name = keras.backend.backend()
    if name not in _BACKENDS:
        raise ArtifactError(f"no gradients: expected Keras on one of {', '.join(_BACKENDS)}, received {name}")
    return _BACKENDS[name](model)


def _tensorflow(model: Any) -> Gradient:  # noqa: ANN401 - Keras has no types
    tf = importlib.import_module("tensorflow")

    def traced(x: Any, target: Any) -> Any:  # noqa: ANN401
        with tf.GradientTape() as tape:
            tape.watch(x)
            told = tf.gather(model(x, training=False), target, axis=1, batch_dims=1)
        return told, tape.gradient(told, x)

    shape = (None, *model.inputs[0].shape[1:])
    function = tf.function(
        traced, input_signature=[tf.TensorSpec(shape, tf.float32), tf.TensorSpec((None,), tf.int64)]
    )
    return lambda x, target: _arrays(*function(tf.constant(x), tf.constant(target)))


def _jax(model: Any) -> Gradient:  # noqa: ANN401
    jax = importlib.import_module("jax")
    weights = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
    )

    def chosen(x: Any, target: Any) -> Any:  # noqa: ANN401
        told = model.stateless_call(*weights, x, training=False)[0]
        told = jax.numpy.take_along_axis(told, target[:, None], axis=1)[:, 0]
        return told.sum(), told

    function = jax.jit(jax.grad(chosen, has_aux=True))

    def run(x: NDArray[np.float32], target: NDArray[np.int64]) -> Any:  # noqa: ANN401
        slope, told = function(x, target)
        return _arrays(told, slope)

    return run


def _torch(model: Any) -> Gradient:  # noqa: ANN401
    torch = importlib.import_module("torch")
    device = next(iter(model.parameters())).device

    def run(x: NDArray[np.float32], target: NDArray[np.int64]) -> Any:  # noqa: ANN401
        given = torch.from_numpy(np.ascontiguousarray(x)).to(device).requires_grad_()
        told = model(given, training=False)
        told = told.gather(1, torch.from_numpy(target).to(device)[:, None])[:, 0]
        (slope,) = torch.autograd.grad(told.sum(), given)
        return _arrays(told.detach().cpu(), slope.cpu())

    return run


def _arrays(told: Any, slope: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ANN401
    return np.asarray(told, np.float64), np.asarray(slope, np.float64)


_BACKENDS: Final[dict[str, Callable[[Any], Gradient]]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}
