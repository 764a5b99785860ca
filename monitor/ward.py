"""All beds of one monitor: who gets what, what is told, what has failed. No socket in here.

A bed that fails is set aside with a standing alarm and the others go on; a file that cannot be
written is an alarm on every bed that it concerns and is tried again.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.assemble import Closed, Counters, Item, Opened, Samples
from monitor.beats import WindowSpec
from monitor.beds import Bed, Key
from monitor.definitions import DEFINITIONS
from monitor.errors import StorageError
from monitor.events import BeatWindow
from monitor.handover import NOTHING, TAKEN_UP_S, UNKNOWN, Handover
from monitor.journal import Journal
from monitor.link import Entry, EventLog, ward_entry
from monitor.names import natural
from monitor.settings import Settings
from monitor.vitals import BedSnapshot

if TYPE_CHECKING:
    from monitor.store.writer import Writer

__all__ = ["Ward"]

log = logging.getLogger(__name__)

_NOTICE_NS = 10_000_000_000
"""How long a line about the whole ward stays on the screen."""
_FORGET_NS = 600_000_000_000
"""How long a bed that has said good-bye stays on the screen."""


class Ward:
    """The beds, their journal, and what went wrong.

    Parameters
    ----------
    settings, window
        As every bed's pipeline wants them.
    ask
        Called with every window to be labelled.
    events
        Where all that is told is remembered for screens.
    journal
        Where it is written down, None for nowhere.
    record
        Folder to record into, None for no recording.
    store
        Where events are stored, None for nowhere.
    before
        By bed, what the process before this one left; None where that is not known yet: it is then taken
        up as soon as the store knows.

    Attributes
    ----------
    faults
        Parts that have failed, with the reason: the run then ends with exit code 1, mended or not.
    first_sample_ns
        Wall time at which the first sample was received.
    """

    def __init__(
        self,
        settings: Settings,
        window: WindowSpec,
        *,
        ask: Callable[[Key, BeatWindow], None],
        events: EventLog,
        journal: Journal | None = None,
        record: Path | None = None,
        store: "Writer | None" = None,
        before: Mapping[str, Handover] | None = None,
    ) -> None:
        self.beds: dict[str, Bed] = {}
        self.faults: dict[str, str] = {}
        self.first_sample_ns: int | None = None
        self._settings = settings
        self._window = window
        self._ask = ask
        self._events = events
        self._journal = journal
        self._record = record
        self._store = store
        self._failing: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}
        self._notice = ("", 0)
        self._before: dict[str, Handover] = {}
        self._began_ns = time.time_ns()
        self._unknown = before is None and store is not None
        if self._unknown:
            self._tell(ward_entry(UNKNOWN))
        self._take_up(before or {})

    def take(self, item: Item) -> None:
        """Give an item to its bed; a fault of nobody's bed is told for the whole ward."""
        if item.bed is None:
            self.notice(item.text)
            return
        if isinstance(item, Samples) and self.first_sample_ns is None:
            self.first_sample_ns = item.received_ns
        bed = self.beds.get(item.bed) or self._admit(item.bed)
        if isinstance(item, Opened | Closed):  # a bed that failed begins anew with its stream
            self._guarded(bed, partial(bed.take, item))
            if not bed.failed:
                self._mended(f"bed {bed.name}")
        else:
            self._contained(bed, partial(bed.take, item))
        self._watched(bed)

    def answer(self, key: Key, probabilities: Sequence[float]) -> None:
        """Give the classifier's answer to the bed that asked; a bed that has gone needs none."""
        stream, sample, provisional = key
        name, _, count = stream.rpartition("#")
        bed = self.beds.get(name)
        if bed is not None:
            self._contained(
                bed, partial(bed.answer, int(count), sample, probabilities, provisional=provisional)
            )
            self._watched(bed)

    def check(self, now_ns: int, *, waiting: Collection[str] = ()) -> None:
        """Let every bed look at the wall clock; forget those that left long ago.

        Beds of which something is ``waiting`` to be taken are not silent, whenever they were heard last.
        """
        if now_ns - self._began_ns > TAKEN_UP_S * 1e9:
            self._before.clear()
        for bed in list(self.beds.values()):
            self._guarded(bed, partial(bed.tick, now_ns, heard=bed.name in waiting))
            if bed.closed_ns is not None and now_ns - bed.closed_ns > _FORGET_NS and bed.seen:
                self._guarded(bed, bed.discharge)
                del self.beds[bed.name]
                self._failing.pop(f"bed {bed.name}", None)
        if self._store is not None:
            ended = [bed.name for bed in self.beds.values() if bed.closed and not bed.n_waiting]
            self._store.settle(now_ns, ended=ended)

    def acknowledge(self, name: str | None, kind: str | None = None, by: str = "") -> str:
        """Acknowledge what stands, on one bed or on all; return why not, empty if it was done."""
        if kind is not None and kind not in DEFINITIONS:
            return f"alarm: expected one of the kinds that beatline alarms list shows, received {kind!r}"
        return self._each(name, lambda bed: bed.acknowledge(by, kind))

    def pause_audio(self, name: str | None, *, on: bool, by: str = "") -> str:
        """Pause all alarm sound, of one bed or of all, or let it back; return why not, empty if done."""
        return self._each(name, lambda bed: bed.pause_audio(on=on, by=by))

    def set_limits(self, name: str, limits: Mapping[str, float], by: str = "") -> str:
        """Change alarm limits of one bed from now on; return why not, empty if they hold."""
        refused: list[str] = []
        missing = self._each(name, lambda bed: refused.append(bed.set_limits(limits, by)))
        return missing or "".join(refused)

    def lose(self) -> None:
        """Call every feed lost: nothing is received any more."""
        for bed in self.beds.values():
            self._contained(bed, bed.lose)

    def technical(self, kind: str) -> None:
        """Raise a technical alarm on every bed."""
        for bed in self.beds.values():
            self._contained(bed, partial(bed.trouble.start, kind))

    def fault(self, part: str, text: str) -> None:
        """Keep what has failed: it is shown until it is mended, and the exit code will be 1."""
        self.faults.setdefault(part, text)
        if part not in self._failing:
            self._failing[part] = text
            log.error("%s: %s", part, text)
            self._tell(ward_entry(f"{part} failed: {text}"))

    def _mended(self, part: str) -> None:
        """Show a part as failed no longer."""
        if self._failing.pop(part, ""):
            self._tell(ward_entry(f"{part} works again"))

    def notice(self, text: str) -> None:
        """Tell one line about the whole ward; the screen shows it for some seconds."""
        self._notice = (text, time.time_ns() + _NOTICE_NS)
        self._tell(ward_entry(text))

    def flush(self) -> None:
        """Bring files up to date."""
        for bed in self.beds.values():
            self._contained(bed, bed.recording.flush)
        if not any(bed.recording.failing for bed in self.beds.values()):
            self._mended("recording")
        if self._store is not None:
            if self._unknown and self._store.known:
                self._unknown = False
                self._take_up(self._store.left)
            self._written("store", self._store.trouble)
            for text in self._store.news():
                self.notice(text)
        if self._journal is None:
            return
        try:
            self._journal.flush()
        except StorageError as error:
            self._written("journal", str(error))
            return
        self._written("journal", "")

    def end(self) -> None:
        """End every stream: last beats and windows leave, answers are still taken."""
        for bed in self.beds.values():
            self._contained(bed, bed.end)
            self._watched(bed)

    def abandon(self) -> None:
        """Call Q what was never labelled; close recordings."""
        for bed in self.beds.values():
            self._guarded(bed, bed.close)
            self._watched(bed)
        self.flush()

    def close(self) -> None:
        """Let go of the journal and the store, which may take some seconds to write what waits."""
        for what, kept in (("journal", self._journal), ("store", self._store)):
            try:
                if kept is not None:
                    kept.close()
            except StorageError as error:
                log.warning("%s", error)
                self.faults.setdefault(what, str(error))

    @property
    def n_waiting(self) -> int:
        """Beats that wait for their label."""
        return sum(bed.n_waiting for bed in self.beds.values() if not bed.failed)

    @property
    def all_gone(self) -> bool:
        """Whether there were beds and every one has said good-bye or failed."""
        opened = [bed for bed in self.beds.values() if bed.opened or bed.failed]
        return bool(opened) and all(bed.closed or bed.failed for bed in opened)

    def shown(self, counters: Mapping[str, Counters]) -> tuple[tuple[BedSnapshot, ...], tuple[str, ...]]:
        """Return what screens show: the beds in the order of their names, and lines about the whole ward."""
        notices = [f"! {part} failed: {text}" for part, text in self._failing.items()]
        if self._unknown:
            notices.append(f"! {UNKNOWN}")
        text, until_ns = self._notice
        if time.time_ns() < until_ns:
            notices.append(f"! {text}")
        beds = tuple(self.beds[name].shown(counters.get(name, Counters())) for name in self._names)
        return beds, tuple(notices)

    @property
    def _names(self) -> list[str]:
        return sorted(self.beds, key=natural)

    def _take_up(self, left: Mapping[str, Handover]) -> None:
        """Give each bed what the run before left; one that is not here yet is shown at once if need be."""
        for name, one in left.items():
            bed = self.beds.get(name)
            if bed is not None:
                self._contained(bed, partial(bed.take_up, one))
                continue
            self._before[name] = one
            if one.alarms or one.bedside != NOTHING.bedside:
                self._admit(name)  # whether or not a device comes back

    def _admit(self, name: str) -> Bed:
        bed = self.beds[name] = Bed(
            name,
            self._settings.for_bed(name),
            self._window,
            tell=self._tell,
            ask=self._ask,
            record=self._record,
            fault=lambda text: self.fault("recording", text),
            before=self._before.pop(name, NOTHING),
        )
        for what, reason in self._unwritten.items():
            bed.trouble.not_stored(what, reason)
        return bed

    def _each(self, name: str | None, action: Callable[[Bed], None]) -> str:
        """Let one bed act, or all; return what is wrong with the name."""
        if name is not None and name not in self.beds:
            return f"bed: expected one of {', '.join(self._names) or 'none yet'}, received {name!r}"
        for bed in self.beds.values():
            if name in (None, bed.name):
                self._guarded(bed, partial(action, bed))
        return ""

    def _contained(self, bed: Bed, action: Callable[[], None]) -> None:
        """Let a bed act; if it fails, set it aside with a standing alarm: the others go on."""
        if not bed.failed:
            self._guarded(bed, action)

    def _guarded(self, bed: Bed, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            log.exception("bed %s failed", bed.name)
            reason = f"{type(error).__name__}: {error}"
            self.fault(f"bed {bed.name}", reason)
            try:
                bed.set_aside(reason)
            except Exception:
                log.exception("bed %s failed while it was set aside", bed.name)

    def _watched(self, bed: Bed) -> None:
        """Let the store see what a bed shows: it keeps strips of it with alarms."""
        if self._store is not None and (bed.closed or not bed.failed):
            self._store.watch(bed.snapshot)

    def _tell(self, entry: Entry) -> None:
        """Remember an event for screens and write it down."""
        self._events.append(entry)
        if self._store is not None:
            self._store.append(entry)
        if self._journal is None:
            return
        try:
            self._journal.append(entry.event, bed=entry.bed, record=entry.record, time_ns=entry.time_ns)
        except StorageError as error:
            self._written("journal", str(error))

    def _written(self, what: str, trouble: str) -> None:
        """Say on every bed that something cannot be written, or can again; it keeps what it has meanwhile."""
        if trouble and what not in self._unwritten:
            self._unwritten[what] = trouble
            self.fault(what, trouble)
            for bed in self.beds.values():
                bed.trouble.not_stored(what, trouble)
        elif not trouble and self._unwritten.pop(what, ""):
            self._mended(what)
            for bed in self.beds.values():
                self._contained(bed, partial(bed.trouble.stored, what))
