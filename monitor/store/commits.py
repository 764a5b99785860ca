"""The writing side of a store: takes what is queued, one transaction at a time.

A transaction that fails is tried again each second as it is. Of one that failed so that nobody knows
whether it was committed, the store knows: each transaction says up to which item it goes.
"""

import logging
import queue
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep, time_ns
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import insert, select, update

from monitor.errors import StorageError
from monitor.events import Alarm
from monitor.handover import NOTHING, Bedside, Handover
from monitor.link import Entry
from monitor.settings import StoreSettings
from monitor.store import read, resume, retention
from monitor.store.database import Store
from monitor.store.rows import Item, Key, Life, Rows
from monitor.store.schema import runs
from monitor.store.strips import KeptStrip

__all__ = ["Commits", "Queue", "Run", "item_bytes"]

log = logging.getLogger(__name__)

_BATCH: Final = 1000
"""Items of one transaction at most."""
_GATHER_S: Final = 0.1
"""How long a transaction waits for more to come: the disk is synchronised ten times a second, unless ..."""
_AT_ONCE: Final = ("high", "medium")
"""... a step of such an alarm comes: what has sounded must not be told anew by the next run."""
_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 0.2
_PRUNE_S: Final = 600.0
_ITEM_BYTES: Final = 1024
"""What an event takes in memory, about."""

Batch: TypeAlias = list[tuple[int, Item]]
Queue: TypeAlias = "queue.SimpleQueue[tuple[int, Item] | None]"
"""Numbered items; None is the last."""


def item_bytes(item: Item) -> int:
    """Return what an item takes in memory, about."""
    return _ITEM_BYTES + (len(item.samples) if isinstance(item, KeptStrip) else 0)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes: the monitor's name, and what the run is identified by, as JSON.

    ``key`` is its start in microseconds since the epoch.
    """

    monitor: str
    about: str
    key: int = msgspec.field(default_factory=lambda: time_ns() // 1000)


class Commits:
    """Empties a queue into a store; `work` is the life of a thread.

    Every attribute is written by that thread alone, and may be read by any.

    Attributes
    ----------
    number
        Of the last item whose commit was confirmed.
    done_bytes
        What all committed items took in memory.
    left
        What the run before left, by bed; None until the store could be asked.
    trouble
        Why nothing can be written, empty where it can.
    busy_since
        Since when, by the monotonic clock, the store has been at one transaction; None at rest.
    said
        Lines for people.
    """

    def __init__(self, store: Store, items: Queue, *, run: Run, limits: StoreSettings) -> None:
        self._store = store
        self._items = items
        self._limits = limits
        self._lives: dict[Key, Life] = {}
        self._bedside: dict[str, Bedside] = {}
        self._known = False
        self._ending = False
        self._deadline = 0.0
        self._prune_at = 0.0
        self.run = run
        self._mine = runs.c.run == run.key
        self.number = 0
        self.done_bytes = 0
        self.left: Mapping[str, Handover] | None = None
        self.trouble = ""
        self.busy_since: float | None = None
        self.said: deque[str] = deque(maxlen=100)

    def resume(self) -> None:
        """Open the store for this run, learn what the one before it `left`, and go on from there.

        Raises
        ------
        StorageError
            As `Store.open`.
        """
        self._store.prepare()
        left = resume.handovers(self._store, monitor=self.run.monitor)
        self._bedside = {bed: one.bedside for bed, one in left.items() if one.bedside != NOTHING.bedside}
        self._begin()
        self.left = left

    def _begin(self) -> None:
        """Write that this run has begun, unless the store knows."""
        self._lives = read.lives(self._store, monitor=self.run.monitor)
        now_ns = time_ns()
        with self._store.writing() as connection:
            if connection.scalar(select(runs.c.run).where(self._mine)) is None:
                told = {"run": self.run.key, "monitor": self.run.monitor, "about": self.run.about}
                started = {"started_ns": now_ns, "written_ns": now_ns, "committed": 0}
                bedside = _encoded(self._bedside)
                connection.execute(insert(runs).values(**told, **started, bedside=bedside))
        self._known = True

    def work(self) -> None:
        """Write until the queue's end has come, or the time that `end_by` gave is up."""
        try:
            if not self._done_in_time(self._begun):
                return
            while batch := self._gather():
                if not self._done_in_time(partial(self._tried, batch)):
                    return
                self._prune()
            self._leave()
        except BaseException as error:
            log.exception("the store's thread died")
            self.trouble = f"store {self._store.name}: {type(error).__name__}: {error}"
        finally:
            self._store.close()

    def end_by(self, deadline: float) -> None:
        """Give up what cannot be written by then (monotonic clock)."""
        self._deadline, self._ending = deadline, True

    def _done_in_time(self, action: Callable[[], bool]) -> bool:
        """Do something again and again until it succeeds; tell whether it did before the time was up."""
        while not action():
            if self._ending and monotonic() > self._deadline:
                return False
            sleep(_LAST_RETRY_S if self._ending else _RETRY_S)
        return True

    def _begun(self) -> bool:
        """Try to learn what stood before this run; nothing is written before that is known."""
        if self.left is not None:
            return True
        try:
            with self._busy():
                self.resume()
        except StorageError as error:
            self._failed(error)
            return False
        self.trouble = ""
        return True

    def _failed(self, error: StorageError) -> None:
        if not self.trouble:
            log.warning("%s", error)
        self.trouble = str(error)

    def _gather(self) -> Batch:
        """Wait for items; return what comes together, nothing at the queue's end.

        With an alarm that calls only what is there already comes along.
        """
        batch: Batch = []
        due: float | None = None
        while len(batch) < _BATCH:
            try:
                item = self._items.get(timeout=None if due is None else max(0.0, due - monotonic()))
            except queue.Empty:
                break
            if item is None:
                self._items.put(None)  # found again once the batch is written
                break
            due = monotonic() if _calls(item[1]) else due or monotonic() + _GATHER_S
            batch.append(item)
        return batch

    def _tried(self, batch: Batch) -> bool:
        """Try to write a batch; tell whether it is committed."""
        try:
            with self._busy():
                if self._known and self._store.moved:
                    self._known = False
                    self.said.append(f"store {self._store.name} was taken away: a new one is begun")
                if not self._known:
                    self._store.prepare()
                    self._begin()
                if not (self.trouble and self._done(batch)):
                    self._commit(batch)
        except StorageError as error:
            self._failed(error)
            return False
        self.number = batch[-1][0]
        self.done_bytes += sum(item_bytes(item) for _, item in batch)
        self.trouble = ""
        return True

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self.busy_since = monotonic()
        try:
            yield
        finally:
            self.busy_since = None

    def _commit(self, batch: Batch) -> None:
        rows = Rows(self.run.key, self._lives, self._bedside)
        rows.add(batch)
        said = {"committed": batch[-1][0], "bedside": _encoded(rows.bedside)}
        watched = {self.run.key, *(life.run for life in self._lives.values())}  # also those gone on with
        with self._store.writing() as connection:
            connection.execute(update(runs).where(runs.c.run.in_(watched)).values(written_ns=time_ns()))
            connection.execute(update(runs).where(self._mine).values(**said))
            rows.write(connection)
        self._lives, self._bedside = rows.lives, rows.bedside

    def _done(self, batch: Batch) -> bool:
        """Ask the store whether it has a batch: its commit may have been done and not confirmed."""
        with self._store.reading() as connection:
            reached = connection.scalar(select(runs.c.committed).where(self._mine))
        if reached is None or reached < batch[-1][0]:
            return False
        self._lives = read.lives(self._store, monitor=self.run.monitor)
        self._bedside = resume.bedside(self._store, monitor=self.run.monitor)
        return True

    def _prune(self) -> None:
        """Keep to the limits, now and then; what goes wrong here is tried again, and no event lost."""
        if monotonic() < self._prune_at:
            return
        self._prune_at = monotonic() + _PRUNE_S
        limits = self._limits
        try:
            with self._busy():
                text = retention.prune(
                    self._store, keep_days=limits.keep_days, max_mib=limits.max_mib, now_ns=time_ns()
                )
        except StorageError as error:
            log.warning("%s", error)
            return
        if text:
            self.said.append(text)

    def _leave(self) -> None:
        """Say that the run has ended; not worth waiting for."""
        try:
            with self._store.writing() as connection:
                ended = {"ended_ns": time_ns()}
                connection.execute(update(runs).where(self._mine).values(**ended))
        except StorageError as error:
            log.warning("%s", error)


def _calls(item: Item) -> bool:
    return isinstance(item, Entry) and isinstance(item.event, Alarm) and item.event.priority in _AT_ONCE


def _encoded(bedside: Mapping[str, Bedside]) -> str:
    return msgspec.json.encode(bedside).decode()
