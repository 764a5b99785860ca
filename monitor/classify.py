"""Labels from the network: in this process, or micro-batched over beds in a process of its own.

`Classifier` runs one artefact. Beats are padded to a few fixed batch sizes (buckets), each with one
traced function per backend, because tracing anew per shape costs seconds and ``predict`` a hundred
milliseconds a call. `serve` is the loop of the classifier process, `Labeller` the engine's end.

Keras and its backend are imported inside functions only: TensorFlow takes seconds, and it belongs
into a process where nobody waits for it.
"""

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from monitor import backends, logs
from monitor.artifact import load_card
from monitor.backends import Function
from monitor.errors import ArtifactError, BeatlineError
from monitor.events import CLASSES
from monitor.labeller import Labeller
from monitor.settings import ServingSettings

__all__ = ["BUCKETS", "Classifier", "Labeller", "main", "serve"]

BUCKETS: Final = (1, 8, 64, 256, 1024)
"""Batch sizes the network is traced for."""

log = logging.getLogger(__name__)


class Classifier:
    """One artefact, ready to tell beats apart.

    A network has two inputs, window and features, or the window alone where its card asks for no
    features.

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
        Card and weights do not agree, the model does not tell beats apart, or the network is not the one
        the card describes.
    """

    def __init__(self, folder: Path, buckets: Sequence[int] = BUCKETS) -> None:
        self.card = load_card(folder)
        self._window = self.card.served_window
        self.buckets = tuple(buckets)
        self._places = [CLASSES.index(name) for name in self.card.classes]
        backend = backends.backend()
        self._model = backends.load(folder)
        self._check(folder)
        self._trace, self.device = backend(self._model)
        self._functions: dict[int, Function] = {}
        log.info("classifier %s: %s", self.card.identity, self.device)

    def warm_up(self) -> None:
        """Trace every bucket now, so that no beat waits for it."""
        window = self._window
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
        window = self._window
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

    def _function(self, bucket: int) -> Function:
        if bucket not in self._functions:
            window = self._window
            self._functions[bucket] = self._trace(
                (bucket, window.n_points, window.n_channels), (bucket, len(window.features))
            )
        return self._functions[bucket]

    def _check(self, folder: Path) -> None:
        window = self._window
        shown = [(window.n_points, window.n_channels), (len(window.features),)]
        expected = [*shown[: 2 if window.features else 1], (len(self.card.classes),)]
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
