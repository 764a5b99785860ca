"""From sockets to bounded queues: one thread receives, one consumer takes, nothing is lost unsaid.

The thread decodes (`monitor.wire`), puts each bed's packets in order (`monitor.assemble`) and queues
the items. What does not fit into the queue becomes a `Gap` with reason ``overflow``. Memory is bounded
whatever arrives: frames, messages waiting in the socket, beds, items per bed and bytes altogether all
have a limit. Complaints about refused bytes are told at most once a second per bed, with a count.
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Final, cast

import msgspec
import zmq

from monitor import wire
from monitor.assemble import Assembler, Closed, Counters, Fault, Item, Lost, Opened, Samples
from monitor.backlog import Backlog
from monitor.errors import FeedError, WireError
from monitor.settings import FeedSettings
from monitor.wire import MAX_FRAME_BYTES, Hello, Packet

__all__ = [
    "Assembler",
    "Closed",
    "Counters",
    "Fault",
    "Ingest",
    "Item",
    "Lost",
    "Opened",
    "Samples",
]

_BATCH: Final = 256
"""Messages handled before the consumer is woken and other sockets are looked at."""
_TICK_MS: Final = 100
"""How long the thread sleeps at most: how late a hole may be given up."""
_COMPLAIN_NS: Final = 1_000_000_000
_HELLO_NS: Final = 3_000_000_000
"""A bed that sends for so long without a hello does not repeat it, as the protocol asks."""


class Ingest:
    """Receives beds from one or more endpoints in a thread of its own.

    Parameters
    ----------
    endpoints
        ZeroMQ addresses such as ``tcp://127.0.0.1:5600``; port ``*`` binds to a free one.
    bind
        True: devices connect to us. False: we connect to them.
    settings
        Limits; see `FeedSettings`.
    context
        A ZeroMQ context to share; by default one of its own.

    Attributes
    ----------
    wake
        An inproc PULL socket for the consumer's poller: readable when there is something to take.
        It is drained by `take`; the consumer only polls it.
    endpoints
        The addresses in use, known after `start`: a wildcard port is resolved.
    malformed
        Messages that were not of our protocol, all beds together.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        bind: bool,
        settings: FeedSettings,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("no endpoint: expected at least one address, received none")
        self.endpoints = tuple(endpoints)
        self.malformed = 0
        self._bind = bind
        self._settings = settings
        self._own_context = context is None
        self._context = zmq.Context() if context is None else context
        name = f"inproc://beatline-ingest-{id(self)}"
        self.wake = self._inproc(zmq.PULL, name, bind=True)
        self._poke = self._inproc(zmq.PUSH, name)
        self._signal = self._inproc(zmq.PUSH, name)
        self._stop_in = self._inproc(zmq.PAIR, name + "-stop", bind=True)
        self._stop_out = self._inproc(zmq.PAIR, name + "-stop")
        self._signalled = False
        self._backlog = Backlog(settings)
        self._beds: dict[str, Assembler] = {}
        self._holding: set[str] = set()
        self._unannounced: dict[str, int] = {}
        self._complaints: dict[str | None, tuple[int, int]] = {}
        self._failure: BaseException | None = None
        self._subscriber: zmq.Socket[bytes] | None = None
        self._thread: threading.Thread | None = None

    def _inproc(self, kind: int, name: str, *, bind: bool = False) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        (socket.bind if bind else socket.connect)(name)
        return socket

    def open(self) -> None:
        """Take the addresses; nothing is asked for before `start`, so devices that wait go on waiting.

        Raises
        ------
        FeedError
            An address is in use or cannot be used; the message names it.
        """
        for endpoint in self.endpoints:
            wire.check_endpoint(endpoint)
        socket = self._context.socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, self._settings.receive_hwm)
        # Somewhat above the protocol's limit, so that most of what is too long can be named as such;
        # beyond this libzmq drops the connection.
        socket.setsockopt(zmq.MAXMSGSIZE, 4 * MAX_FRAME_BYTES)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10_000)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        actual = []
        for endpoint in self.endpoints:
            try:
                (socket.bind if self._bind else socket.connect)(endpoint)
            except (zmq.ZMQError, UnicodeError) as error:
                socket.close()
                verb = "bind to" if self._bind else "connect to"
                raise FeedError(
                    f"cannot {verb} {endpoint}: expected a free address such as "
                    f"{wire.DEFAULT_ENDPOINT}, received: {error}"
                ) from error
            actual.append(cast("bytes", socket.getsockopt(zmq.LAST_ENDPOINT)).decode().rstrip("\0"))
        self.endpoints = tuple(actual)
        self._subscriber = socket

    def start(self) -> None:
        """Begin to receive; opens first if need be, and raises as `open` does."""
        if self._subscriber is None:
            self.open()
        assert self._subscriber is not None
        self._subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop receiving and give all sockets back; what is queued can still be taken."""
        if self._thread is not None:
            with contextlib.suppress(zmq.Again):
                self._stop_out.send(b"", zmq.NOBLOCK)
            self._thread.join()
            self._thread = None
        sockets = (self._subscriber, self.wake, self._poke, self._signal, self._stop_in, self._stop_out)
        for socket in sockets:
            if socket is not None:
                socket.close()
        if self._own_context:
            self._context.term()

    def take(self, max_items: int = 10_000) -> list[Item]:
        """Return what is queued, at most ``max_items``: of each bed in turn, its oldest first; never waits.

        Raises
        ------
        FeedError
            The receiving thread has died. Raised once all that it had received has been taken.
        """
        items = self._backlog.take(max_items)
        if not self._backlog and not self.wake.closed:
            # Cleared before the queue is looked at again: whatever is put in after that look wakes us.
            with contextlib.suppress(zmq.Again):
                while True:
                    self.wake.recv(zmq.NOBLOCK)
            self._signalled = False
            if self._backlog or (items and self._failure is not None):
                self._poke.send(b"", zmq.NOBLOCK)
        if not items and not self._backlog and self._failure is not None:
            raise FeedError(f"receiving has stopped: {self._failure!r}") from self._failure
        return items

    @property
    def waiting(self) -> frozenset[str]:
        """The beds of which something is queued."""
        return self._backlog.waiting

    @property
    def counters(self) -> dict[str, Counters]:
        """Counters by bed, as of now."""
        return {
            bed: msgspec.structs.replace(assembler.counters) for bed, assembler in list(self._beds.items())
        }

    def _run(self) -> None:
        try:
            self._receive_until_stopped()
        except BaseException as error:
            self._failure = error
            self._signalled = False
        self._notify(always=self._failure is not None)

    def _receive_until_stopped(self) -> None:
        assert self._subscriber is not None
        poller = zmq.Poller()
        poller.register(self._subscriber, zmq.POLLIN)
        poller.register(self._stop_in, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(_TICK_MS))
            drained = self._receive_batch(self._subscriber)
            if drained:
                self._tidy(time.time_ns())
            self._notify()
            if self._stop_in in ready:
                return

    def _receive_batch(self, socket: "zmq.Socket[bytes]") -> bool:
        """Handle up to a batch of messages; return whether none was left."""
        for _ in range(_BATCH):
            try:
                frames = [socket.recv(zmq.NOBLOCK)]
            except zmq.Again:
                return True
            received_ns = time.time_ns()
            while socket.getsockopt(zmq.RCVMORE):
                frame = socket.recv()
                # A third frame is kept to tell the fault; what comes after it is not.
                if len(frames) < 3:
                    frames.append(frame)
            self._handle(frames, received_ns)
        return False

    def _handle(self, frames: list[bytes], received_ns: int) -> None:
        try:
            message = wire.decode(frames)
        except WireError as error:
            self._malformed(frames[0], str(error), received_ns)
            return
        assembler = self._beds.get(message.bed)
        if assembler is None:
            if not isinstance(message, Hello):
                self._without_hello(message.bed, received_ns)
                return
            self._unannounced.pop(message.bed, None)
            assembler = self._new_bed(message.bed, received_ns)
            if assembler is None:
                return
        if not isinstance(message, Packet) and not self._backlog.accepts_stream(message.bed):
            assembler.counters.refused += 1
            text = f"bed {message.bed}: hello or bye refused: expected streams no faster than they are read"
            self._complain(message.bed, text, received_ns)
            return
        self._put(assembler, assembler.push(message, received_ns), received_ns)
        if assembler.holding:
            self._holding.add(message.bed)

    def _without_hello(self, bed: str, now_ns: int) -> None:
        """Wait for the hello of a bed heard in mid-stream, which should come within a second; then say so."""
        if bed not in self._unannounced and len(self._unannounced) >= self._settings.max_beds:
            self._unannounced.clear()
        if now_ns - self._unannounced.setdefault(bed, now_ns) > _HELLO_NS:
            self._unannounced[bed] = now_ns
            self._complain(
                None, f"bed {bed} cannot be shown: expected a hello each second, received none", now_ns
            )

    def _malformed(self, topic: bytes, text: str, now_ns: int) -> None:
        self.malformed += 1
        bed = topic.decode("ascii", "replace")
        assembler = self._beds.get(bed)
        if assembler is None:
            self._complain(None, text, now_ns)
        else:
            assembler.counters.refused += 1
            self._complain(bed, f"bed {bed}: {text}", now_ns)

    def _new_bed(self, bed: str, now_ns: int) -> Assembler | None:
        if len(self._beds) >= self._settings.max_beds:
            gone = next((name for name, assembler in self._beds.items() if assembler.closed), None)
            if gone is None:
                self._complain(
                    None,
                    f"bed {bed} refused: expected at most {self._settings.max_beds} beds (feed.max_beds)",
                    now_ns,
                )
                return None
            del self._beds[gone]
            self._backlog.forget(gone)
            self._complaints.pop(gone, None)
        assembler = self._beds[bed] = Assembler(bed)
        return assembler

    def _tidy(self, now_ns: int) -> None:
        """Give up holes whose time is over, and tell overflows whose bed has gone quiet."""
        for bed in tuple(self._holding):
            assembler = self._beds.get(bed)
            if assembler is not None:
                self._put(assembler, assembler.expire(now_ns), now_ns)
            if assembler is None or not assembler.holding:
                self._holding.discard(bed)
        self._backlog.settle()

    def _put(self, assembler: Assembler, items: list[Item], now_ns: int) -> None:
        for item in items:
            if isinstance(item, Fault):
                self._complain(item.bed, item.text, now_ns)
            else:
                assembler.counters.overflow += self._backlog.put(item)

    def _complain(self, bed: str | None, text: str, now_ns: int) -> None:
        last_ns, unsaid = self._complaints.get(bed, (0, 0))
        if 0 <= now_ns - last_ns < _COMPLAIN_NS:
            self._complaints[bed] = (last_ns, unsaid + 1)
            return
        self._complaints[bed] = (now_ns, 0)
        more = f" (and {unsaid} more before it)" if unsaid else ""
        self._backlog.put(Fault(bed, text + more))

    def _notify(self, *, always: bool = False) -> None:
        if (self._backlog or always) and not self._signalled:
            self._signalled = True
            with contextlib.suppress(zmq.Again):
                self._signal.send(b"", zmq.NOBLOCK)
