"""What has been received and not yet been taken: a queue for each bed, bounded, and taken from in turn.

A bed that sends more than can be followed delays no other. One thread puts, another takes; each number
here is written by one of them alone, so there is no lock. What one reads of the other's numbers is at
worst a moment old, and errs towards "full".

What does not fit becomes a `Gap` with reason ``overflow``: samples and gaps together still account for
everything. Three limits hold: seconds of signal and number of items per bed, and bytes altogether.
"""

from collections import deque
from typing import Final

from monitor.assemble import Closed, Fault, Item, Lost, Opened, Samples
from monitor.events import Gap
from monitor.settings import FeedSettings

__all__ = ["Backlog"]

_STREAMS: Final = 64
"""Openings and closings that one bed may have in the queue."""
_ITEM_BYTES: Final = 512
"""What an item costs beside its samples, about."""
_RESUME: Final = 0.75
"""After an overflow nothing is let in before a quarter is free: one hole, not many."""


class _Lane:
    """One bed's share: ``pushed_*`` belong to the thread that puts, the rest to the one that takes.

    ``in_turn``: it waits to be taken from.
    """

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.in_turn = False
        self.limit = 0
        self.pushed_samples = self.taken_samples = 0
        self.pushed_items = self.taken_items = 0
        self.pushed_streams = self.taken_streams = 0
        self.overflow: tuple[int, int] | None = None


class Backlog:
    """Bounded queues between the receiving thread and its consumer.

    Parameters
    ----------
    settings
        The limits.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings
        self._lanes: dict[str, _Lane] = {}
        self._of_nobody = _Lane()
        self._forgotten: deque[_Lane] = deque()
        self._turns: deque[_Lane] = deque()
        self._overflowing: set[str] = set()
        self._pushed_bytes = self._taken_bytes = 0

    def __bool__(self) -> bool:
        """Whether there is something to take."""
        return self._pushed_bytes != self._taken_bytes

    @property
    def waiting(self) -> frozenset[str]:
        """The beds of which something waits to be taken."""
        return frozenset(bed for bed, lane in list(self._lanes.items()) if lane.items)

    def take(self, max_items: int) -> list[Item]:
        """Return at most ``max_items``, of each bed in turn one, its oldest. For the consumer."""
        items: list[Item] = []
        while self._forgotten and len(items) < max_items:  # first, as a bed may have come back
            if self._forgotten[0].items:
                items.append(self._taken(self._forgotten[0]))
            else:
                self._forgotten.popleft()
        for lane in [self._of_nobody, *list(self._lanes.values())]:
            if lane.items and not lane.in_turn:
                lane.in_turn = True
                self._turns.append(lane)
        while self._turns and len(items) < max_items:
            lane = self._turns.popleft()
            if lane.items:  # one that was forgotten may have none left
                items.append(self._taken(lane))
            lane.in_turn = bool(lane.items)
            if lane.in_turn:
                self._turns.append(lane)
        return items

    def _taken(self, lane: _Lane) -> Item:
        item = lane.items.popleft()
        self._taken_bytes += _size(item)
        lane.taken_items += 1
        lane.taken_samples += _length(item)
        lane.taken_streams += isinstance(item, Opened | Closed)
        return item

    def put(self, item: Item) -> int:
        """Add an item, or what is left of it; return how many samples were given up."""
        lane = self._of_nobody if item.bed is None else self._lanes.setdefault(item.bed, _Lane())
        if item.bed is None or isinstance(item, Fault):
            if self._has_memory(0):
                self._append(lane, item)
            return 0
        if isinstance(item, Samples):
            if self._has_room(lane, len(item.block.samples), item.block.samples.nbytes):
                self._end_overflow(item.bed, lane)
                self._append(lane, item)
                return 0
            self._overflow(item.bed, lane, item.block.start, item.block.stop)
            return len(item.block.samples)
        if isinstance(item, Lost) and item.gap.reason != "restarted":
            if lane.overflow is None and self._has_room(lane, 0, 0):
                self._append(lane, item)
            else:
                self._overflow(item.bed, lane, item.gap.sample, item.gap.stop)
            return 0
        self._end_overflow(item.bed, lane)
        self._append(lane, item)
        if isinstance(item, Opened):
            lane.limit = round(self._settings.queue_s * item.fs)
        return 0

    def accepts_stream(self, bed: str) -> bool:
        """Return whether another opening or closing of this bed fits; these are never given up."""
        lane = self._lanes.get(bed)
        waiting = 0 if lane is None else lane.pushed_streams - lane.taken_streams
        return waiting <= _STREAMS and self._has_memory(0)

    def settle(self) -> None:
        """Tell the overflows that are over, also of beds that have fallen silent."""
        for bed in tuple(self._overflowing):
            lane = self._lanes.get(bed)
            if lane is None:
                self._overflowing.discard(bed)
            elif self._has_room(lane, 0, 0):
                self._end_overflow(bed, lane)

    def forget(self, bed: str) -> None:
        """Drop the accounts of a bed that is gone; what is queued of it stays."""
        lane = self._lanes.pop(bed, None)
        if lane is not None:
            self._forgotten.append(lane)

    def _has_room(self, lane: _Lane, n_samples: int, n_bytes: int) -> bool:
        share = 1.0 if lane.overflow is None else _RESUME
        return (
            lane.pushed_samples - lane.taken_samples + n_samples <= share * lane.limit
            and lane.pushed_items - lane.taken_items < share * self._settings.queue_items
            and self._has_memory(n_bytes)
        )

    def _has_memory(self, n_bytes: int) -> bool:
        return self._pushed_bytes - self._taken_bytes + n_bytes <= self._settings.queue_mib * 2**20

    def _overflow(self, bed: str, lane: _Lane, start: int, stop: int) -> None:
        lane.overflow = (start if lane.overflow is None else lane.overflow[0], stop)
        self._overflowing.add(bed)

    def _end_overflow(self, bed: str, lane: _Lane) -> None:
        if lane.overflow is not None:
            start, stop = lane.overflow
            lane.overflow = None
            self._overflowing.discard(bed)
            self._append(lane, Lost(bed, Gap(sample=start, stop=stop, decided=stop, reason="overflow")))

    def _append(self, lane: _Lane, item: Item) -> None:
        self._pushed_bytes += _size(item)
        lane.pushed_items += 1
        lane.pushed_samples += _length(item)
        lane.pushed_streams += isinstance(item, Opened | Closed)
        lane.items.append(item)


def _length(item: Item) -> int:
    return len(item.block.samples) if isinstance(item, Samples) else 0


def _size(item: Item) -> int:
    return _ITEM_BYTES + (item.block.samples.nbytes if isinstance(item, Samples) else 0)
