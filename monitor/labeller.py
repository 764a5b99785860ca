"""The engine's end of the classifier process: windows out, probabilities back, nothing ever waits.

Messages over one local ZeroMQ socket, first frame the kind; numbers are little-endian:

- to the classifier: ``beat`` (id as uint64, window and features as float32), ``stop``;
- from it: ``loading``, ``ready`` (what it runs on), ``answer`` (ids as uint64, probabilities as
  float64, five to a beat), ``failed`` (why).

Beats are kept until they are answered, so that those asked for while the network loads, or before
a classifier process was replaced, are sent when the next one is ready. A beat's provisional window and
the one to confirm are asked for under ids of their own. Only so many are sent and
unanswered at a time, so that a classifier that lives and does nothing does not fill the socket.
"""

import contextlib
from typing import Final, Literal, TypeAlias

import numpy as np
import zmq
from numpy.typing import NDArray

from monitor.errors import FeedError
from monitor.events import CLASSES, BeatWindow

__all__ = ["Key", "Labeller", "State"]

Key: TypeAlias = tuple[str, int, bool]
"""Whose beat, its sample, and whether it is asked for provisionally: each is asked for twice."""

State: TypeAlias = Literal["loading", "ready", "failed"]

_BACKLOG: Final = 32768
"""Windows that may wait: a minute of a hundred beds at 160 bpm, two to a beat."""
_UNDER_WAY: Final = 4096
"""Beats that may be sent and unanswered: four of the largest batches, some megabytes."""


class Labeller:
    """Ask for labels and collect the answers.

    Parameters
    ----------
    endpoint
        Where to listen for the classifier process; `monitor.classify.serve` connects to it.
    backlog
        How many beats may wait; beyond that the oldest is dropped and stays without an answer.
    under_way
        How many of them may be sent and unanswered; the rest is sent as answers come.

    Attributes
    ----------
    socket
        To be registered with a poller; readable when `answers` has something to do.
    state, message
        How the classifier process is, as far as it has said; why, or what it runs on.
    n_dropped
        Beats given up because too many waited.

    Raises
    ------
    FeedError
        The endpoint cannot be bound.
    """

    def __init__(self, endpoint: str, *, backlog: int = _BACKLOG, under_way: int = _UNDER_WAY) -> None:
        self.state: State = "loading"
        self.message = ""
        self.n_dropped = 0
        self._backlog = backlog
        self._most_under_way = under_way
        self._next = 0
        self._to_send = 0
        self._under_way: set[int] = set()
        self._waiting: dict[int, tuple[Key, BeatWindow]] = {}
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 200)
        for queue in (zmq.SNDHWM, zmq.RCVHWM):
            self.socket.setsockopt(queue, 0)  # bounded by what may be under way instead
        try:
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.socket.close()
            raise FeedError(f"cannot listen for the classifier at {endpoint}: {error}") from error
        self.endpoint: str = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def n_waiting(self) -> int:
        """Beats asked for and not yet answered."""
        return len(self._waiting)

    def ask(self, key: Key, window: BeatWindow) -> None:
        """Ask for a beat's probabilities; they come out of `answers` under this key."""
        if len(self._waiting) >= self._backlog:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._to_send = max(self._to_send, oldest + 1)
            self.n_dropped += 1
        self._waiting[self._next] = (key, window)
        self._next += 1
        self._send()

    def answers(self) -> list[tuple[Key, NDArray[np.float64]]]:
        """Return what has been answered since the last call: keys with probabilities of shape (5,)."""
        answered: list[tuple[Key, NDArray[np.float64]]] = []
        while self.socket.poll(0):
            kind, *frames = self.socket.recv_multipart()
            if kind == b"answer":
                answered += self._answered(*frames)
            elif kind == b"loading":
                self.state = "loading"
            elif kind == b"ready":
                self.state, self.message = "ready", frames[0].decode()
                self._under_way.clear()
                self._to_send = next(iter(self._waiting), self._next)
            elif kind == b"failed":
                self.state, self.message = "failed", frames[0].decode()
        self._send()
        return answered

    def close(self) -> None:
        """Tell the classifier process to end, and let go of the socket."""
        if not self.socket.closed:
            self._tell([b"stop"])
            self.socket.close()

    def _send(self) -> None:
        """Send what waits, oldest first, as far as it may be under way."""
        while (
            self.state == "ready"
            and self._to_send < self._next
            and len(self._under_way) < self._most_under_way
        ):
            number = self._to_send
            if number in self._waiting:  # else a classifier that was replaced has answered it after all
                _, window = self._waiting[number]
                frames = [number.to_bytes(8, "little"), window.window.tobytes(), window.features.tobytes()]
                if not self._tell([b"beat", *frames]):
                    return
                self._under_way.add(number)
            self._to_send += 1

    def _tell(self, frames: list[bytes]) -> bool:
        """Send, unless no classifier is there: then the next one will be sent what waits."""
        with contextlib.suppress(zmq.Again):
            self.socket.send_multipart(frames, zmq.NOBLOCK)
            return True
        return False

    def _answered(self, ids: bytes, probabilities: bytes) -> list[tuple[Key, NDArray[np.float64]]]:
        told = np.frombuffer(probabilities, "<f8").reshape(-1, len(CLASSES))
        numbers = np.frombuffer(ids, "<u8").tolist()
        self._under_way.difference_update(numbers)
        known = [(self._waiting.pop(number, None), row) for number, row in zip(numbers, told, strict=True)]
        return [(waiting[0], row) for waiting, row in known if waiting is not None]
