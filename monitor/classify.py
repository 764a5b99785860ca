"""Labels from the network: in this process, or micro-batched over beds in a process of its own.

`Classifier` runs one artefact. Beats are padded to a few fixed batch sizes (buckets), each with one
traced function per backend, because tracing anew per shape costs seconds and ``predict`` a hundred
milliseconds a call. `serve` is the loop of the classifier process, `Labeller` the engine's end.

Keras and its backend are imported inside functions only: TensorFlow takes seconds, and it belongs
into a process where nobody waits for it.
"""

import importlib
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from monitor import logs
from monitor.artifact import WEIGHTS, load_card
from monitor.errors import ArtifactError, BeatlineError
from monitor.events import CLASSES
from monitor.labeller import Labeller
from monitor.quiet import hushed
from monitor.settings import ServingSettings

__all__ = ["BUCKETS", "Classifier", "Labeller", "main", "serve"]

BUCKETS: Final = (1, 8, 64, 256, 1024)
"""Batch sizes the network is traced for."""

_Function: TypeAlias = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

log = logging.getLogger(__name__)


class Classifier:
    """One artefact, ready to tell beats apart.

    Parameters
    ----------
    folder
        The artefact; its card is checked first.
    buckets
        Batch sizes, ascending.

    Attributes
    ----------
    card
        The artefact's card.
    device
        In words: backend, its version and the device it runs on.

    Raises
    ------
    ArtifactError
        Card and weights do not agree, or the network is not the one the card describes.
    """

    def __init__(self, folder: Path, buckets: Sequence[int] = BUCKETS) -> None:
        self.card = load_card(folder)
        self.buckets = tuple(buckets)
        self._places = [CLASSES.index(name) for name in self.card.classes]
        backend = _backend()
        self._model = _load(folder)
        self._check(folder)
        self._trace, self.device = backend(self._model)
        self._functions: dict[int, _Function] = {}
        log.info("classifier %s: %s", self.card.identity, self.device)

    def warm_up(self) -> None:
        """Trace every bucket now, so that no beat waits for it."""
        window = self.card.served_window
        for bucket in self.buckets:
            shape = (bucket, window.n_points, window.n_channels)
            self._function(bucket)(
                np.zeros(shape, np.float32), np.zeros((bucket, len(window.features)), np.float32)
            )

    def probabilities(
        self, windows: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        windows
            Of shape (n_beats, n_points, n_channels), as `monitor.beats.BeatCutter` cuts them.
        features
            Of shape (n_beats, n_features).

        Returns
        -------
        NDArray
            Of shape (n_beats, 5), in the order of `CLASSES`. The same beat in another batch differs
            by less than 1e-5.

        Raises
        ------
        ValueError
            The shapes are not those of the card.
        """
        window = self.card.served_window
        expected = ((window.n_points, window.n_channels), (len(window.features),))
        if (windows.shape[1:], features.shape[1:]) != expected or len(windows) != len(features):
            raise ValueError(
                f"beats: expected windows of shape (n, {window.n_points}, {window.n_channels}) and "
                f"features of shape (n, {len(window.features)}), "
                f"received {windows.shape} and {features.shape}"
            )
        result = np.zeros((len(windows), len(CLASSES)))
        start = 0
        while start < len(windows):
            bucket = self._bucket(len(windows) - start)
            stop = min(start + bucket, len(windows))
            told = self._function(bucket)(
                _padded(windows[start:stop], bucket), _padded(features[start:stop], bucket)
            )
            result[start:stop, self._places] = told[: stop - start]
            start = stop
        return result

    def _bucket(self, n_beats: int) -> int:
        return next((bucket for bucket in self.buckets if bucket >= n_beats), self.buckets[-1])

    def _function(self, bucket: int) -> _Function:
        if bucket not in self._functions:
            window = self.card.served_window
            self._functions[bucket] = self._trace(
                (bucket, window.n_points, window.n_channels), (bucket, len(window.features))
            )
        return self._functions[bucket]

    def _check(self, folder: Path) -> None:
        window = self.card.served_window
        expected = [(window.n_points, window.n_channels), (len(window.features),), (len(self.card.classes),)]
        tensors = [*self._model.inputs, *self._model.outputs]
        received = [tuple(tensor.shape[1:]) for tensor in tensors]
        if received != expected:
            raise ArtifactError(
                f"model {folder}: the network is not the one its card describes: expected shapes {expected}, "
                f"received {received}"
            )


def serve(endpoint: str, folder: Path, settings: ServingSettings, *, parent: int | None = None) -> None:
    """Label beats for the `Labeller` at ``endpoint`` until it says stop or its process has gone.

    Beats are collected for ``settings.collect_ms`` after the first, or until the largest bucket is
    full, whatever bed they are of. How things stand is told through the socket: loading, ready,
    failed.

    Parameters
    ----------
    endpoint, folder, settings
        Where the labeller is, the artefact, how long to collect.
    parent
        Process id of the labeller's process, whose child this one is; by default the parent now. Who
        starts this process names it, because it may have gone before this line is reached.

    Raises
    ------
    BeatlineError
        The artefact cannot be used; the labeller has been told.
    """
    parent = os.getppid() if parent is None else parent
    if _left(parent):
        return
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 1000
    for queue in (zmq.SNDHWM, zmq.RCVHWM):
        socket.setsockopt(queue, 0)  # the labeller bounds what is under way
    socket.connect(endpoint)
    try:
        socket.send_multipart([b"loading"])
        classifier = Classifier(folder)
        if _left(parent):
            return
        classifier.warm_up()
        if _left(parent):
            return
        socket.send_multipart([b"ready", classifier.device.encode()])
        collect_s, n_most = settings.collect_ms / 1000, classifier.buckets[-1]
        while (frames := _collect(socket, collect_s, n_most, parent=parent)) is not None:
            socket.send_multipart([b"answer", *_answer(classifier, frames)])
    except Exception as error:
        text = str(error) if isinstance(error, BeatlineError) else f"{type(error).__name__}: {error}"
        socket.send_multipart([b"failed", text.encode()])
        raise
    finally:
        socket.close()


def main(argv: Sequence[str]) -> None:
    """Be the classifier process: endpoint, artefact folder, serving settings as JSON, the engine's pid.

    The pid may be left out: then it is the parent's as of now.
    Ctrl-C is for the screen alone, which ends the engine, which ends this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure()
    endpoint, folder, settings, *engine = argv
    parent = int(engine[0]) if engine else None
    try:
        serve(endpoint, Path(folder), msgspec.json.decode(settings, type=ServingSettings), parent=parent)
    except BeatlineError:
        sys.exit(1)  # the labeller was told why


def _left(parent: int) -> bool:
    """Whether the parent process has gone: then nobody reads answers, and nobody ends this process."""
    return os.getppid() != parent


def _collect(
    socket: zmq.Socket[bytes], collect_s: float, n_most: int, *, parent: int
) -> list[list[bytes]] | None:
    """Wait for beats and return the frames of a batch; None: stop, or the parent process has gone."""
    while not socket.poll(1000):
        if _left(parent):
            return None
    batch: list[list[bytes]] = []
    until = time.monotonic() + collect_s
    while len(batch) < n_most and socket.poll(max(0, math.ceil(1000 * (until - time.monotonic())))):
        kind, *frames = socket.recv_multipart()
        if kind == b"stop":
            return None
        batch.append(frames)
    return batch


def _answer(classifier: Classifier, batch: list[list[bytes]]) -> tuple[bytes, bytes]:
    """Return ids and probabilities of a batch, as bytes."""
    window = classifier.card.served_window
    windows = np.frombuffer(b"".join(frames[1] for frames in batch), "<f4")
    features = np.frombuffer(b"".join(frames[2] for frames in batch), "<f4")
    told = classifier.probabilities(
        windows.reshape(len(batch), window.n_points, window.n_channels),
        features.reshape(len(batch), len(window.features)),
    )
    return b"".join(frames[0] for frames in batch), told.astype("<f8").tobytes()


def _padded(rows: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    if len(rows) == n:
        return np.ascontiguousarray(rows, dtype=np.float32)
    padded = np.zeros((n, *rows.shape[1:]), np.float32)
    padded[: len(rows)] = rows
    return padded


def _load(folder: Path) -> Any:  # noqa: ANN401 - a keras.Model, and Keras has no types
    import keras

    try:
        return keras.saving.load_model(folder / WEIGHTS, compile=False, safe_mode=True)
    except Exception as error:
        raise ArtifactError(
            f"model {folder}: expected a network that Keras {keras.__version__} can load: {error}"
        ) from error


_Trace: TypeAlias = Callable[[tuple[int, ...], tuple[int, ...]], _Function]


def _backend() -> Callable[[Any], tuple[_Trace, str]]:
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


def _tensorflow(model: Any) -> tuple[_Trace, str]:  # noqa: ANN401
    import tensorflow as tf

    with hushed():
        gpus = tf.config.list_physical_devices("GPU")
    where = f"{len(gpus)} GPU" if gpus else "CPU (no GPU found)"

    def trace(window: tuple[int, ...], features: tuple[int, ...]) -> _Function:
        signature = [tf.TensorSpec(window, tf.float32), tf.TensorSpec(features, tf.float32)]
        graph = tf.function(
            lambda x, y: model([x, y], training=False), input_signature=signature
        ).get_concrete_function()
        return lambda x, y: np.asarray(graph(tf.constant(x), tf.constant(y)))

    return trace, f"tensorflow {tf.__version__} on {where}"


def _jax(model: Any) -> tuple[_Trace, str]:  # noqa: ANN401
    jax = importlib.import_module("jax")

    weights = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
    )

    def trace(window: tuple[int, ...], features: tuple[int, ...]) -> _Function:
        traced = jax.jit(lambda x, y: model.stateless_call(*weights, [x, y], training=False)[0])
        compiled = traced.lower(*(jax.ShapeDtypeStruct(s, np.float32) for s in (window, features))).compile()
        return lambda x, y: np.asarray(compiled(x, y))

    return trace, f"jax {jax.__version__} on {jax.devices()[0].platform.upper()}"


def _torch(model: Any) -> tuple[_Trace, str]:  # noqa: ANN401
    torch = importlib.import_module("torch")

    device = next(iter(model.parameters())).device

    def trace(*_shapes: tuple[int, ...]) -> _Function:
        def run(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.no_grad():
                told = model([torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)], training=False)
            return np.asarray(told.cpu().numpy())

        return run

    return trace, f"torch {torch.__version__} on {str(device).upper()}"
