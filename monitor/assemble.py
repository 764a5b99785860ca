"""From decoded messages to contiguous blocks and stated gaps: one bed, pure, no socket and no clock.

Packets of one stream are put back in order, duplicates are dropped, and what is missing becomes a
`Gap`: after the first `Opened`, samples and gaps together account for every index exactly once.

======================================  =========================================================
what arrives                            what comes out
======================================  =========================================================
first hello of a bed                    Opened; accounting begins at its ``index``
hello of a new stream                   Opened, Lost (reason restarted, empty): the bed learns anew
hello that changes fs, leads or scale   Fault; the stream goes on as it was announced
hello or packet of an earlier stream    Fault: two devices claim one bed, the later one keeps it
the next packet                         Samples
a packet further on, sequence skipped   held until the hole is filled or the reorder window is over
a packet further on, sequence whole     Lost (resumed): the device itself left samples out
a packet already seen                   dropped and counted
a packet of a hole given up             dropped and counted; its samples were told as lost
a packet from before the first hello    dropped and counted: it waited while nobody listened
an index that runs backwards            Fault; the packet is refused and the stream goes on
bye                                     Lost up to its ``total`` where the end is missing, Closed
what goes on after its bye              Opened at the next index: whoever has forgotten the bed learns anew
======================================  =========================================================

The reorder window is 8 packets or 320 ms of signal, whichever is less: a hole is given up when more
than that has come after it, or when 320 ms have passed (`Assembler.expire`) and nothing came.
"""

from collections import deque
from typing import Final, Literal, TypeAlias

import msgspec

from monitor.events import Alarm, Block, Gap, Stream
from monitor.wire import Bye, Hello, Message, Packet, per_millivolt, to_millivolt

__all__ = ["Assembler", "Closed", "Counters", "Fault", "Item", "Lost", "Opened", "Samples"]

_WINDOW_PACKETS: Final = 8
_WINDOW_S: Final = 0.32
_LATE_PACKETS: Final = 64
"""A packet this far behind is a late or repeated one; further behind, the index runs backwards."""
_LONGEST_JUMP_S: Final = 86_400.0
"""A longer hole inside one stream is taken for a broken index: such a device opens a new stream."""


class Opened(msgspec.Struct, frozen=True):
    """A stream begins (its first hello was heard); ``index`` is where accounting begins.

    ``gain`` is in digital units per millivolt, whatever unit the hello named; ``baseline`` the digital
    value of 0 mV.
    """

    bed: str
    stream: int
    fs: float
    leads: tuple[str, ...]
    device_time_ns: int
    index: int
    record: str = ""
    gain: tuple[float, ...] | None = None
    baseline: tuple[int, ...] | None = None

    @property
    def event(self) -> Stream:
        """The same as it is told."""
        return Stream(
            sample=self.index,
            decided=self.index,
            stream=str(self.stream),
            fs=self.fs,
            leads=self.leads,
            record=self.record,
        )

    def lacks(self, alarm: Alarm) -> bool:
        """Whether the lead that an alarm is about, if any, is not among these, by its place and name."""
        lead = alarm.lead
        if lead is None:
            return False
        return lead >= len(self.leads) or not alarm.text.endswith(f" {self.leads[lead]}")


class Samples(msgspec.Struct, frozen=True, eq=False):
    """Millivolts, NaN = missing; ``block`` begins where the one before it, or a gap, has ended.

    ``captured_ns`` is the device's clock at the last sample, ``received_ns`` ours on receipt.
    """

    bed: str
    block: Block
    captured_ns: int
    received_ns: int


class Lost(msgspec.Struct, frozen=True):
    """A hole in a stream."""

    bed: str
    gap: Gap


class Closed(msgspec.Struct, frozen=True):
    """A stream said bye; ``total`` is the index one past its last sample."""

    bed: str
    total: int


class Fault(msgspec.Struct, frozen=True):
    """Bytes or a packet that were refused, in one line; ``bed`` is None where no bed can be named."""

    bed: str | None
    text: str


Item: TypeAlias = Opened | Samples | Lost | Closed | Fault


class Counters(msgspec.Struct):
    """What happened to a bed's packets since it was first heard of.

    Attributes
    ----------
    packets, samples
        Delivered, in order.
    lost
        Samples told as lost, on the wire or by the device.
    overflow
        Samples received, then given up because the queue was full.
    duplicates, late, reordered
        Packets seen twice, come after they were given up, and put back in order.
    refused
        Packets, hellos and byes that did not fit their stream, and malformed bytes on the bed's topic.
    """

    packets: int = 0
    samples: int = 0
    lost: int = 0
    overflow: int = 0
    duplicates: int = 0
    late: int = 0
    reordered: int = 0
    refused: int = 0


class Assembler:
    """Puts one bed's messages in order; see the table above.

    Parameters
    ----------
    bed
        The bed's name; messages of other beds must not be pushed.
    """

    def __init__(self, bed: str) -> None:
        self.bed = bed
        self.counters = Counters()
        self._hello: Hello | None = None
        self._retired: deque[int] = deque(maxlen=16)
        self._begin(0, 0)
        self._closed = False

    def _begin(self, index: int, sequence: int) -> None:
        self._first = index
        self._next = index
        self._sequence = sequence
        self._held: list[tuple[Packet, int]] = []
        self._holes: deque[tuple[int, int]] = deque(maxlen=16)

    @property
    def holding(self) -> bool:
        """Whether packets are held back for an earlier one, so that `expire` has work to do."""
        return bool(self._held)

    @property
    def closed(self) -> bool:
        """Whether the bed's stream has said bye and nothing came after."""
        return self._closed

    def push(self, message: Message, received_ns: int) -> list[Item]:
        """Take one message, received at ``received_ns`` on any steady clock, and return what is known now."""
        items: list[Item] = []
        if isinstance(message, Packet):
            self._packet(message, received_ns, items)
        elif isinstance(message, Hello):
            self._announce(message, items)
        else:
            self._bye(message, items)
        return items

    def expire(self, now_ns: int) -> list[Item]:
        """Give up holes that packets have been held for longer than the window; same clock as `push`."""
        items: list[Item] = []
        while self._held and now_ns - self._held[0][1] > _WINDOW_S * 1e9:
            self._give_up_first_hole(items)
        return items

    def _announce(self, hello: Hello, items: list[Item]) -> None:
        current = self._hello
        if current is None:
            self._open(hello, items)
        elif hello.stream == current.stream:
            changed = [
                f"{name} from {getattr(current, name)} to {getattr(hello, name)}"
                for name in ("fs", "leads", "gain", "baseline", "unit")
                if getattr(current, name) != getattr(hello, name)
            ]
            if changed:
                self._refuse(
                    f"hello of stream {hello.stream} changes {', '.join(changed)}: "
                    "expected the same for the whole stream, or a new stream id",
                    items,
                )
        elif hello.stream in self._retired:
            self._refuse(
                f"hello of stream {hello.stream}, which stream {current.stream} has replaced: "
                "expected one device per bed",
                items,
            )
        else:
            self._give_up_all_holes(items)
            self._retired.append(current.stream)
            self._open(hello, items)
            gap = Gap(sample=hello.index, stop=hello.index, decided=hello.index, reason="restarted")
            items.append(Lost(self.bed, gap))

    def _open(self, hello: Hello, items: list[Item]) -> None:
        self._hello = hello
        self._begin(hello.index, hello.sequence)
        self._tell_opened(hello, items)

    def _tell_opened(self, hello: Hello, items: list[Item]) -> None:
        """Say that accounting goes on from the next index."""
        self._closed = False
        items.append(
            Opened(
                bed=self.bed,
                stream=hello.stream,
                fs=hello.fs,
                leads=hello.leads,
                device_time_ns=hello.device_time_ns,
                index=self._next,
                record=hello.record,
                gain=tuple(gain * per_millivolt(hello.unit) for gain in hello.gain),
                baseline=hello.baseline,
            )
        )

    def _packet(self, packet: Packet, received_ns: int, items: list[Item]) -> None:
        hello = self._hello
        if hello is None or packet.stream != hello.stream:
            known = "a hello first" if hello is None else f"stream {hello.stream}"
            self._refuse(f"packet of stream {packet.stream}: expected {known}", items)
        elif packet.samples.shape[1] != len(hello.leads):
            self._refuse(
                f"packet of {packet.samples.shape[1]} leads: expected {len(hello.leads)} as announced "
                f"({', '.join(hello.leads)}), or a new stream id",
                items,
            )
        elif packet.index == self._next:
            self._accept(packet, received_ns, items)
            self._release(items)
        elif packet.index < self._next:
            self._behind(packet, items)
        elif packet.index - self._next > _LONGEST_JUMP_S * hello.fs:
            self._refuse(
                f"index jumps from {self._next} to {packet.index}: expected at most "
                f"{_LONGEST_JUMP_S / 3600:g} h inside one stream, or a new stream id",
                items,
            )
        elif packet.sequence > self._sequence:
            self._hold(packet, received_ns, hello.fs, items)
        else:
            while self._held and self._held[0][0].index < packet.index:
                self._give_up_first_hole(items)
            if packet.index < self._next:
                self._behind(packet, items)
                return
            self._skip_to(packet.index, "resumed", items)
            self._accept(packet, received_ns, items)
            self._release(items)

    def _behind(self, packet: Packet, items: list[Item]) -> None:
        stop = packet.index + len(packet.samples)
        missed = self._sequence - packet.sequence
        if self._next == self._first and stop <= self._first and missed > 0:
            self.counters.late += 1  # it waited on the way while nobody listened
        elif not 0 < missed <= _LATE_PACKETS or stop > self._next:
            self._refuse(
                f"index runs backwards: expected {self._next} or more in stream {packet.stream}, "
                f"received {packet.index}; a device that starts again takes a new stream id",
                items,
            )
        elif packet.index < self._first or any(a <= packet.index and stop <= b for a, b in self._holes):
            self.counters.late += 1
        else:
            self.counters.duplicates += 1

    def _hold(self, packet: Packet, received_ns: int, fs: float, items: list[Item]) -> None:
        if any(held.index == packet.index for held, _ in self._held):
            self.counters.duplicates += 1
            return
        self._held.append((packet, received_ns))
        self._held.sort(key=lambda entry: entry[0].index)
        while self._held:
            last = self._held[-1][0]
            span = last.index + len(last.samples) - self._next
            if len(self._held) <= _WINDOW_PACKETS and span <= _WINDOW_S * fs:
                break
            self._give_up_first_hole(items)

    def _give_up_first_hole(self, items: list[Item]) -> None:
        self._skip_to(self._held[0][0].index, "lost", items)
        self._release(items, in_order=True)

    def _give_up_all_holes(self, items: list[Item]) -> None:
        while self._held:
            self._give_up_first_hole(items)

    def _release(self, items: list[Item], *, in_order: bool = False) -> None:
        """Deliver held packets that follow; they count as reordered when the hole was filled."""
        while self._held and self._held[0][0].index <= self._next:
            packet, received_ns = self._held.pop(0)
            if packet.index == self._next:
                self._accept(packet, received_ns, items)
                self.counters.reordered += not in_order
            else:
                self._refuse(
                    f"packets overlap: expected {self._next} or more in stream {packet.stream}, "
                    f"received {packet.index}",
                    items,
                )

    def _accept(self, packet: Packet, received_ns: int, items: list[Item]) -> None:
        assert self._hello is not None
        if self._closed:
            self._tell_opened(self._hello, items)
        block = Block(self._next, to_millivolt(packet.samples, self._hello))
        items.append(Samples(self.bed, block, packet.device_time_ns, received_ns))
        self._next = block.stop
        self._sequence = packet.sequence + 1
        self.counters.packets += 1
        self.counters.samples += len(packet.samples)

    def _skip_to(self, index: int, reason: Literal["lost", "resumed"], items: list[Item]) -> None:
        if index > self._next:
            if self._closed and self._hello is not None:
                self._tell_opened(self._hello, items)
            gap = Gap(sample=self._next, stop=index, decided=index, reason=reason)
            items.append(Lost(self.bed, gap))
            self._holes.append((self._next, index))
            self.counters.lost += index - self._next
            self._next = index

    def _bye(self, bye: Bye, items: list[Item]) -> None:
        hello = self._hello
        if hello is None or bye.stream != hello.stream:
            known = "a hello first" if hello is None else f"stream {hello.stream}"
            self._refuse(f"bye of stream {bye.stream}: expected {known}", items)
            return
        if self._closed:
            return
        self._give_up_all_holes(items)
        if self._next <= bye.total <= self._next + _LONGEST_JUMP_S * hello.fs:
            self._skip_to(bye.total, "lost", items)
        else:
            self._refuse(f"bye with a total of {bye.total}: expected {self._next} as received", items)
        self._closed = True
        items.append(Closed(self.bed, self._next))

    def _refuse(self, text: str, items: list[Item]) -> None:
        self.counters.refused += 1
        items.append(Fault(self.bed, f"bed {self.bed}: {text}"))
