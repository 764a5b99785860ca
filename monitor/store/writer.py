"""Events on their way into a store: whoever tells them never waits for the database.

One thread tells, another writes (`monitor.store.commits`). Between them is a queue bounded in bytes and
without a lock: what does not fit is counted and said, never waited for.
"""

import queue
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from monitor.errors import StorageError
from monitor.events import Alarm, AnyEvent, Stream
from monitor.handover import Handover
from monitor.link import Entry
from monitor.settings import StoreSettings
from monitor.snapshots import BedSnapshot
from monitor.store.commits import Commits, Queue, Run, item_bytes
from monitor.store.database import Store, UnavailableError
from monitor.store.minutes import Minutes
from monitor.store.rows import KEPT, Item, Key
from monitor.store.strips import Cutter

__all__ = ["Writer"]

_HUNG_S: Final = 15.0
"""A database that takes longer over one transaction has trouble."""
_SPARE: Final = 0.75
"""So full, the queue takes steps of alarms alone."""


class Writer:
    """Appends to a store; its methods are for one thread, and only `close` waits for the database.

    Nor does the constructor wait for a file that somebody else has locked, but briefly.

    What is told while the store cannot be written waits in memory, up to ``max_bytes``, and is written
    when it can be. `trouble` says what is wrong meanwhile.

    Parameters
    ----------
    place
        A path of a SQLite file, or a SQLAlchemy URL.
    about
        What the run is identified by: model, settings, version.
    monitor
        Whose run it is, where several monitors write to one store: each takes up its own alarms alone.
    limits
        How long and how much the store keeps.
    max_bytes
        Memory for what waits.

    Attributes
    ----------
    last
        How many items were queued: the number of the last one.
    n_dropped
        Items for which there was no room.

    Raises
    ------
    StorageError
        It is not a store, is from a newer version, or will not let itself be written. A store that is
        locked, or whose server is gone, is no reason not to begin: see `trouble`.
    """

    def __init__(
        self,
        place: str | Path,
        *,
        about: Mapping[str, Any],
        monitor: str = "",
        limits: StoreSettings | None = None,
        max_bytes: int = 1 << 26,
    ) -> None:
        store = Store(place)
        self.name = store.name
        self._left: Mapping[str, Handover] | None = None
        self._started: set[Key] = set()
        self.last = self.n_dropped = 0
        self._n_told = self._put_bytes = 0
        self._max_bytes = max_bytes
        self._minutes, self._cutter = Minutes(), Cutter()
        self._queue: Queue = queue.SimpleQueue()
        told = msgspec.json.encode(about).decode()
        run = Run(monitor=monitor, about=told)
        self._commits = Commits(store, self._queue, run=run, limits=limits or StoreSettings())
        try:
            with store.hurried():
                self._commits.resume()
        except UnavailableError as error:
            self._commits.trouble = str(error)
        except BaseException:
            store.close()
            raise
        self._thread = threading.Thread(target=self._commits.work, name="store", daemon=True)
        self._thread.start()

    @property
    def run(self) -> int:
        """The key of this run in the store."""
        return self._commits.run.key

    @property
    def known(self) -> bool:
        """Whether the store could be asked what the run before left."""
        return self._commits.left is not None

    @property
    def left(self) -> Mapping[str, Handover]:
        """By bed, what the run before left for this one (`monitor.store.resume`); empty until it is `known`.

        Without the alarms that have started here meanwhile: in the store, these go on with what stood.
        """
        if self._left is None and self._commits.left is not None:
            self._left = {bed: self._stood(bed, one) for bed, one in self._commits.left.items()}
            self._started.clear()
        return self._left or {}

    @property
    def committed(self) -> int:
        """Number of the last item whose commit was confirmed."""
        return self._commits.number

    @property
    def n_waiting(self) -> int:
        """Items queued and not committed."""
        return self.last - self.committed

    @property
    def trouble(self) -> str:
        """Why nothing is written at the moment, empty where all is well."""
        since = self._commits.busy_since
        silent_s = 0.0 if since is None else time.monotonic() - since
        if not self._commits.trouble and silent_s > _HUNG_S:
            return f"store {self.name} has not answered for {silent_s:.0f} s"
        return self._commits.trouble

    def append(self, entry: Entry) -> None:
        """Take what was told: events of note as they are, beats and rates as minutes."""
        self._put_all(self._minutes.push(entry))
        event = entry.event
        if not isinstance(event, KEPT):
            return
        if isinstance(event, Stream):
            self._put_all(self._cutter.forget(entry.bed))
        if self._left is None and isinstance(event, Alarm):
            self._started.add((entry.bed, event.kind, event.lead))
        number = self._put(entry)
        if number and _worth_a_strip(event):
            self._cutter.want(entry, number)

    def watch(self, snapshot: BedSnapshot) -> None:
        """Look at what a bed shows: alarms that await a strip of it get theirs."""
        self._put_all(self._cutter.cut(snapshot))

    def settle(self, now_ns: int, *, ended: Iterable[str]) -> None:
        """Let go of the last minutes of beds: as `monitor.store.minutes.Minutes.settle`."""
        self._put_all(self._minutes.settle(now_ns, ended=ended))

    def news(self) -> list[str]:
        """Return what a person should read and was not given yet."""
        said = self._commits.said
        lines = [said.popleft() for _ in range(len(said))]
        if self.n_dropped > self._n_told and not self.trouble:
            n = self.n_dropped - self._n_told
            lines.append(f"store: {n} earlier events could not be kept and were dropped")
            self._n_told = self.n_dropped
        return lines

    def close(self, patience_s: float = 3.0) -> None:
        """Write what waits and let go of the store.

        Raises
        ------
        StorageError
            Something could not be written within ``patience_s``: it is lost.
        """
        if self._thread.is_alive():
            self._put_all([*self._cutter.flush(), *self._minutes.flush()])
            self._commits.end_by(time.monotonic() + patience_s)
            self._queue.put(None)
            self._thread.join(patience_s + 1.0)
        if self.n_waiting:
            reason = self.trouble or "not in time"
            raise StorageError(
                f"store {self.name}: {self.n_waiting} events could not be written and are lost: {reason}"
            )

    def _stood(self, bed: str, left: Handover) -> Handover:
        alarms = (alarm for alarm in left.alarms if (bed, alarm.kind, alarm.lead) not in self._started)
        return replace(left, alarms=tuple(alarms))

    def _put_all(self, items: Iterable[Item]) -> None:
        for item in items:
            self._put(item)

    def _put(self, item: Item) -> int:
        """Queue an item and return its number, 0 if there is no room."""
        size = item_bytes(item)
        alarm = isinstance(item, Entry) and isinstance(item.event, Alarm)
        room = self._max_bytes if alarm else _SPARE * self._max_bytes
        if self._put_bytes - self._commits.done_bytes + size > room:
            self.n_dropped += 1
            return 0
        self.last += 1
        self._put_bytes += size
        self._queue.put((self.last, item))
        return self.last


def _worth_a_strip(event: AnyEvent) -> bool:
    return isinstance(event, Alarm) and event.state == "start" and event.priority in ("high", "medium")
