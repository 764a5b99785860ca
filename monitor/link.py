"""What a screen and the engine say to each other, over one local ZeroMQ socket.

The engine answers pulls and never pushes: a client asks at its own rate for the ward as it stands
and for the events after the last one it has seen. A slow client loses nothing but time, a dead one
holds nothing up, and any number may attach. What a client missed because it was away for longer than
the engine remembers is counted, not hidden.

Encoding is MessagePack through msgspec, typed on both sides. Endpoints are ``ipc://`` files in a
folder of the user's own.
"""

import time
from collections import deque
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
import zmq
from msgspec import Meta

from monitor.errors import FeedError, WireError
from monitor.events import AnyEvent, Notice
from monitor.vitals import KEEP_S

__all__ = [
    "PROTOCOL",
    "Acknowledge",
    "Answer",
    "Client",
    "Command",
    "Entry",
    "EventLog",
    "Hello",
    "PauseAudio",
    "Pull",
    "Refused",
    "Request",
    "SetLimits",
    "Stop",
    "Timing",
    "Update",
    "Welcome",
    "answer",
    "decoded",
    "encoded",
    "endpoint",
    "listen",
    "next_message",
    "refusal",
    "requested",
    "ward_entry",
]

PROTOCOL = 3
"""What this file says, numbered: a station and a monitor of different numbers do not talk."""

_MEMORY = 50_000
"""Events the engine remembers for clients that are behind: some 10 minutes of 32 beds."""
_MAX_REQUEST = 4096
_MAX_ENTRIES: Final = 5000
"""Events in one answer: some 2 MiB."""
_UNREAD: Final = 4
"""Answers kept for a client that does not read: one that asks when it has its answer never has so many."""

_Count = Annotated[int, Meta(ge=0, le=2**62)]
_Finite = Annotated[float, Meta(ge=-1e9, le=1e9)]
"""No limit of anything is larger; neither infinite nor NaN."""


class Timing(msgspec.Struct, frozen=True):
    """Wall-clock nanoseconds of a beat's way through the line.

    ``heard`` and ``detected`` belong to the packet that completed the detection, decided at sample
    ``detection``; ``captured``, ``received`` and ``windowed`` to the packet that completed the window.
    """

    detection: int
    heard: int
    detected: int

    captured: int
    received: int
    windowed: int
    labelled: int


class Entry(msgspec.Struct, frozen=True):
    """An event with what the shells add to it: bed, record, wall time of the telling, sampling rate."""

    bed: str
    record: str
    time_ns: int
    fs: float
    event: AnyEvent
    timing: Timing | None = None


def ward_entry(text: str) -> Entry:
    """Return a line about the whole ward, of no bed."""
    notice = Notice(sample=0, decided=0, text=text)
    return Entry(bed="", record="", time_ns=time.time_ns(), fs=1.0, event=notice)


class Pull(msgspec.Struct, frozen=True, tag="pull"):
    """Ask for events after number ``after``, and for the ward with ``seconds`` of waveform (0: without).

    ``trend``: with what the beds' trends hold. What no snapshot keeps cannot be asked for.
    """

    after: _Count
    seconds: Annotated[float, Meta(ge=0, le=KEEP_S)] = 0.0
    limit: Annotated[int, Meta(ge=1, le=_MAX_ENTRIES)] = _MAX_ENTRIES
    trend: bool = False


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """A station says who it is; `Welcome` is the answer."""

    protocol: int = PROTOCOL
    version: str = ""


class Acknowledge(msgspec.Struct, frozen=True, tag="acknowledge"):
    """Acknowledge the alarms that stand now, of one bed or of all, of one kind or of all."""

    bed: str | None = None
    kind: str | None = None
    by: str = ""


class PauseAudio(msgspec.Struct, frozen=True, tag="pause_audio"):
    """Pause all alarm sound of one bed or of all, for ``alarms.audio_pause_s``; ``on`` False: let it back."""

    bed: str | None = None
    on: bool = True
    by: str = ""


class SetLimits(msgspec.Struct, frozen=True, tag="set_limits"):
    """Change alarm limits of one bed from now on, by the keys of `monitor.settings.LIMITS`."""

    bed: str
    limits: dict[str, _Finite]
    by: str = ""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End the run cleanly: flush, label what can be labelled, close files."""


Command: TypeAlias = Acknowledge | PauseAudio | SetLimits | Stop
Request: TypeAlias = Pull | Hello | Command


class Welcome(msgspec.Struct, frozen=True, tag="welcome", kw_only=True):
    """The answer to a `Hello`: which monitor this is, which of its runs, and what a station may do here.

    ``last`` is the number of its newest event: nobody has to take all that it remembers.
    """

    protocol: int = PROTOCOL
    version: str = ""
    name: str = ""
    run: int = 0
    control: bool = False
    store: str = ""
    last: int = 0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The answer to what was not done: this station may not ask for it, it makes no sense, or it failed.

    ``pull``: that was a pull, and no other answer to it will come.
    """

    text: str
    pull: bool = False


class Update(msgspec.Struct, frozen=True, tag="update"):
    """The engine's answer to a `Pull`.

    Attributes
    ----------
    ward
        What `monitor.vitals.encode` made, empty where no waveform was asked for.
    entries
        Events in the order of their telling.
    last
        Number of the last of them: the next pull's ``after``.
    missed
        Events after the one asked for that are no longer remembered.
    first_sample_ns
        Wall time at which the first sample of the run came, None before.
    classifier
        ``loading``, ``ready`` or ``failed``.
    done
        Nothing further will come.
    faults
        How many parts of the engine have failed so far.
    cpu_s
        CPU seconds of the engine process.
    """

    ward: bytes
    entries: list[Entry]
    last: int
    missed: int
    first_sample_ns: int | None
    classifier: str
    done: bool
    faults: int
    cpu_s: float


Answer: TypeAlias = Update | Welcome | Refused


class EventLog:
    """The last events, numbered from 1: bounded, and honest about what it forgot."""

    def __init__(self, size: int = _MEMORY) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self.last = 0

    def append(self, entry: Entry) -> None:
        """Add an event; the oldest goes when the log is full."""
        self._entries.append(entry)
        self.last += 1

    def after(self, number: int, limit: int) -> tuple[list[Entry], int, int]:
        """Return up to ``limit`` entries after ``number``, the number reached, and how many are forgotten."""
        oldest = self.last - len(self._entries) + 1
        first = max(number + 1, oldest)
        offset = first - oldest
        count = min(limit, len(self._entries) - offset)
        entries = [self._entries[i] for i in range(offset, offset + count)] if count > 0 else []
        return entries, first + len(entries) - 1, max(0, oldest - number - 1)


_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_encoder = msgspec.msgpack.Encoder()


class Client:
    """A screen's end: at most one pull is under way, so answers never queue up."""

    def __init__(self, address: str) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)
        self.waiting = False

    def pull(self, request: Pull) -> None:
        """Ask, unless an answer is still awaited."""
        if not self.waiting:
            self.socket.send(_encoder.encode(request))
            self.waiting = True

    def tell(self, request: Command) -> None:
        """Send a command; only a refusal is answered."""
        self.socket.send(_encoder.encode(request))

    def receive(self, timeout_ms: float) -> Update | None:
        """Return the answer to a pull if it comes in time; what was refused is told as a notice too."""
        if not self.socket.poll(max(0, round(timeout_ms))):
            return None
        answered = decoded(self.socket.recv())
        if isinstance(answered, Update):
            self.waiting = False
            return answered
        if isinstance(answered, Refused) and answered.pull:
            self.waiting = False
        return None

    def close(self) -> None:
        """Let go of the socket."""
        self.socket.close()


def endpoint(folder: Path, name: str) -> str:
    """Return an address below ``folder``, which should be readable by this user alone."""
    return f"ipc://{folder / name}"


def listen(*addresses: str) -> zmq.Socket[bytes]:
    """Bind the engine's end, at every address.

    For a client that does not read, some answers are kept and later ones dropped: memory stays bounded.

    Raises
    ------
    FeedError
        The address cannot be bound.
    """
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.MAXMSGSIZE, _MAX_REQUEST)
    socket.setsockopt(zmq.SNDHWM, _UNREAD)
    socket.setsockopt(zmq.LINGER, 1000)
    for address in addresses:
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            socket.close()
            raise FeedError(f"cannot listen for screens at {address}: {error}") from error
    return socket


def next_message(socket: zmq.Socket[bytes]) -> tuple[bytes, bytes] | None:
    """Return who asks next, and the bytes that came (see `requested`), or None: never waits."""
    if not socket.poll(0):
        return None
    client, *frames = socket.recv_multipart()
    return client, frames[-1] if frames else b""


def requested(body: bytes) -> Request:
    """Read a request.

    Raises
    ------
    WireError
        This is none, or something in it is out of range.
    """
    try:
        return _request_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(f"request: {error}; received {len(body)} bytes") from error


def answer(socket: zmq.Socket[bytes], client: bytes, update: Answer) -> None:
    """Send an answer; a client that has gone is nobody's trouble."""
    socket.send_multipart([client, _encoder.encode(update)])


def refusal(request: Request, *, control: bool) -> str:
    """Return why a station may not ask for this, empty where it may."""
    if isinstance(request, Stop):
        return "a station cannot end the monitor: end it where it was started"
    if isinstance(request, Pull | Hello) or control:
        return ""
    return "this monitor is read only: it was started without --allow-control"


def encoded(request: Request) -> bytes:
    """Return a request as it is sent."""
    return _encoder.encode(request)


def decoded(body: bytes) -> Answer:
    """Read an answer.

    Raises
    ------
    WireError
        This is none: the monitor is of another version, or it is no monitor.
    """
    try:
        return _answer_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise WireError(f"answer of the monitor: {error}; expected protocol {PROTOCOL}") from error
