"""Simulated beds on a socket: what a bedside device does, many beds from one process.

Every packet has an absolute deadline, the moment at which its last sample is captured; that moment,
as wall-clock time, is the packet's device time. So on one machine the time from capture to receipt
includes how late the simulator was. Beds are spread over the length of a packet.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import zmq

from monitor import wire
from monitor.errors import FeedError
from monitor.events import Block
from monitor.wire import Bye, Hello, Packet
from sim.faults import SignalFault, Transport, apply
from sim.pacing import Clock, Pacer, PacingError
from sim.sources import Source, packet_bounds

__all__ = ["Performance", "Publisher", "SimulatedBed", "Stats"]

_HELLO_NS: Final = 1_000_000_000
_LINGER_MS: Final = 1000
"""How long the last messages may take to leave when the socket is closed."""


class Stats(msgspec.Struct, kw_only=True):
    """What a run of the simulator did; written by ``--stats``.

    ``packets`` and ``samples`` (per lead) were handed to the socket; ``dropped`` and ``duplicated``
    packets were so on purpose. CPU seconds are the process's own, imports included.
    """

    beds: int
    packets: int
    samples: int
    dropped: int
    duplicated: int
    seconds: float
    speed: float
    pacing_error_ms: dict[str, float]
    cpu_s: float


@dataclass(kw_only=True)
class SimulatedBed:
    """One bed: a source, its faults, and how far it has been played.

    Attributes
    ----------
    name, stream
        As on the wire.
    start
        Index of the first sample sent.
    stop
        Index at which it ends, None for the source's own end.
    """

    name: str
    stream: int
    source: Source
    faults: Sequence[SignalFault] = ()
    transport: Transport = field(default_factory=Transport)
    drift_ppm: float = 0.0
    packet_ms: float = 40.0
    start: int = 0
    stop: int | None = None
    sequence: int = field(default=0, init=False)
    index: int = field(default=0, init=False)
    over: bool = field(default=False, init=False)
    _made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.index = self.start
        self._scale = self.hello(0)

    def hello(self, device_time_ns: int) -> Hello:
        """Return the bed's announcement as of now."""
        return Hello(
            bed=self.name,
            stream=self.stream,
            fs=self.source.fs,
            leads=self.source.leads,
            gain=self.source.gains,
            baseline=self.source.baselines,
            sequence=self.sequence,
            index=self.index,
            device_time_ns=device_time_ns,
            record=self.source.record,
        )

    def next_packet(self, device_clock: Pacer) -> Packet | None:
        """Make and return the next packet, None when the source is over.

        It counts as played, for hello and bye, once `played` is told so.
        """
        first, last = packet_bounds(self._made, fs=self.source.fs, packet_ms=self.packet_ms, start=self.start)
        samples = self.source.read(first, last if self.stop is None else min(last, self.stop))
        if not len(samples):
            return None
        block = apply(self.faults, Block(first, samples))
        packet = Packet(
            bed=self.name,
            stream=self.stream,
            sequence=self._made,
            index=first,
            device_time_ns=device_clock.due_ns(block.stop - self.start),
            samples=wire.quantise(block.samples, self._scale),
        )
        self._made += 1
        return packet

    def played(self, packet: Packet) -> None:
        """Note that a packet's time has come, whatever became of it."""
        self.sequence = packet.sequence + 1
        self.index = packet.index + len(packet.samples)

    def bye(self) -> Bye:
        """Return the bed's farewell: up to here it has been played."""
        return Bye(bed=self.name, stream=self.stream, total=self.index)


class Publisher:
    """The device's socket (XPUB): it hears who subscribes.

    Parameters
    ----------
    endpoint
        A ZeroMQ address such as ``tcp://127.0.0.1:5600``.
    bind
        True: monitors connect to us. False: we connect to a monitor, now or when it appears.

    Raises
    ------
    FeedError
        The address is in use or cannot be used.
    """

    def __init__(self, endpoint: str, *, bind: bool) -> None:
        wire.check_endpoint(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._socket.setsockopt(zmq.SNDHWM, 20_000)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        try:
            (self._socket.bind if bind else self._socket.connect)(endpoint)
        except (zmq.ZMQError, UnicodeError) as error:
            self.close(linger_ms=0)
            verb = "bind to" if bind else "connect to"
            raise FeedError(
                f"cannot {verb} {endpoint}: expected an address such as {wire.DEFAULT_ENDPOINT}, "
                f"received: {error}"
            ) from error
        self.endpoint = str(self._socket.getsockopt_string(zmq.LAST_ENDPOINT))

    def poll(self, timeout_ms: int) -> bool:
        """Wait up to ``timeout_ms``; return whether somebody has subscribed."""
        if not self._socket.poll(timeout_ms):
            return False
        came = False
        try:
            while True:
                came |= self._socket.recv(zmq.NOBLOCK)[:1] == b"\x01"
        except zmq.Again:
            return came

    def send(self, frames: Sequence[bytes]) -> None:
        """Publish one message. Never waits: a subscriber that is too slow loses it, and can tell."""
        self._socket.send_multipart(frames)

    def close(self, *, linger_ms: int = _LINGER_MS) -> None:
        """Close the socket once what was sent has left, or ``linger_ms`` are over."""
        self._socket.close(linger=linger_ms)
        self._context.term()


class Performance:
    """Plays beds to a publisher, each packet at its time.

    Parameters
    ----------
    beds
        With names of their own.
    publisher
        Where they go.
    clock
        What time it is.
    speed
        Signal seconds per second.
    stopped
        Asked between packets; once it says yes, all beds say bye.
    """

    def __init__(
        self,
        beds: Sequence[SimulatedBed],
        publisher: Publisher,
        *,
        clock: Clock,
        speed: float = 1.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._beds = beds
        self._publisher = publisher
        self._clock = clock
        self._speed = speed
        self._stopped = stopped
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._error = PacingError()
        self._stats = Stats(
            beds=len(beds),
            packets=0,
            samples=0,
            dropped=0,
            duplicated=0,
            seconds=0.0,
            speed=speed,
            pacing_error_ms={},
            cpu_s=0.0,
        )

    def wait_for_subscriber(self) -> bool:
        """Wait until somebody listens; return False if it was stopped before."""
        while not self._publisher.poll(100):
            if self._stopped():
                return False
        return True

    def run(self, seconds: float | None = None) -> Stats:
        """Play until all beds are over, ``seconds`` have passed, or it is stopped; then say bye.

        How many samples are sent in ``seconds`` depends on the number alone, not on the machine.
        """
        for bed in self._beds:
            bed.source.read(bed.start, bed.start + 1)  # what is made at first use is made before time runs
        started_ns, wall_ns = self._clock.now_ns(), time.time_ns()
        for number, bed in enumerate(self._beds):
            phase_ns = int(number * bed.packet_ms * 1e6 / self._speed / len(self._beds))
            rate = {"fs": bed.source.fs, "speed": self._speed}
            pacer = Pacer(started_ns + phase_ns, drift_ppm=bed.drift_ppm, **rate)
            if seconds is not None:
                limit = bed.start + pacer.samples_until(started_ns + phase_ns + round(seconds * 1e9))
                bed.stop = limit if bed.stop is None else min(bed.stop, limit)
            self._greet(bed)
            self._plan_hello(bed, started_ns + phase_ns + _HELLO_NS)
            self._plan_packet(bed, pacer, Pacer(wall_ns + phase_ns, **rate))
        while not all(bed.over for bed in self._beds) and not self._stopped():
            due_ns, _, action = self._agenda[0]
            if self._clock.wait(due_ns, self._publisher.poll):
                for bed in self._beds:
                    if not bed.over:
                        self._greet(bed)
                continue
            heapq.heappop(self._agenda)
            action(due_ns)
        for bed in self._beds:
            self._leave(bed)
        self._stats.seconds = (self._clock.now_ns() - started_ns) / 1e9
        return self.stats()

    def stats(self) -> Stats:
        """Return what has been done so far."""
        self._stats.pacing_error_ms = self._error.summary()
        self._stats.cpu_s = time.process_time()
        return self._stats

    def _at(self, due_ns: int, action: Callable[[int], None]) -> None:
        heapq.heappush(self._agenda, (due_ns, next(self._order), action))

    def _greet(self, bed: SimulatedBed) -> None:
        self._publisher.send(wire.encode(bed.hello(time.time_ns())))

    def _plan_hello(self, bed: SimulatedBed, due_ns: int) -> None:
        def say(now_ns: int) -> None:
            if bed.over:
                return
            self._greet(bed)
            self._plan_hello(bed, now_ns + _HELLO_NS)

        self._at(due_ns, say)

    def _plan_packet(self, bed: SimulatedBed, pacer: Pacer, device_clock: Pacer) -> None:
        """Make a bed's next packet ahead of time, so that at its time there is only sending to do."""
        packet = bed.next_packet(device_clock)
        if packet is None:
            slack_ns = round((bed.transport.late_ms + 3 * bed.packet_ms) * 1e6)
            last_ns = pacer.due_ns(bed.index - bed.start)
            self._at(last_ns if bed.transport.idle else last_ns + slack_ns, lambda _: self._leave(bed))
            return
        frames = wire.encode(packet)
        delays = bed.transport.deliveries(packet, packet_ms=bed.packet_ms)
        self._stats.dropped += not delays
        self._stats.duplicated += len(delays) > 1

        def send(due_ns: int) -> None:
            for delay_ms in delays:
                if delay_ms:
                    self._at(
                        due_ns + round(delay_ms * 1e6 / self._speed), lambda _: self._send(frames, packet)
                    )
                else:
                    self._send(frames, packet)
            self._error.add(self._clock.now_ns() - due_ns)
            bed.played(packet)
            self._plan_packet(bed, pacer, device_clock)

        self._at(pacer.due_ns(packet.index + len(packet.samples) - bed.start), send)

    def _send(self, frames: Sequence[bytes], packet: Packet) -> None:
        self._publisher.send(frames)
        self._stats.packets += 1
        self._stats.samples += len(packet.samples)

    def _leave(self, bed: SimulatedBed) -> None:
        if not bed.over:
            bed.over = True
            self._publisher.send(wire.encode(bed.bye()))
