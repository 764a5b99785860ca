"""All beds of one monitor: who gets what, what is told, what has failed. No socket in here.

A bed that fails is set aside with a standing alarm and the others go on; a file that cannot be
written is an alarm on every bed that it concerns and is tried again.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from monitor.assemble import Counters, Item, Samples
from monitor.beats import WindowSpec
from monitor.beds import Bed, Key
from monitor.definitions import DEFINITIONS
from monitor.errors import StorageError
from monitor.events import BeatWindow
from monitor.journal import Journal
from monitor.link import Entry, EventLog, ward_entry
from monitor.settings import Settings
from monitor.vitals import BedSnapshot

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

    Attributes
    ----------
    faults
        Parts that have failed, with the reason: the run then ends with exit code 1.
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
        self._journal_error = ""
        self._notice = ("", 0)

    def take(self, item: Item) -> None:
        """Give an item to its bed; a fault of nobody's bed is told for the whole ward."""
        if item.bed is None:
            self.notice(item.text)
            return
        if isinstance(item, Samples) and self.first_sample_ns is None:
            self.first_sample_ns = item.received_ns
        bed = self.beds.get(item.bed) or self._admit(item.bed)
        self._contained(bed, partial(bed.take, item))

    def answer(self, key: Key, probabilities: Sequence[float]) -> None:
        """Give the classifier's answer to the bed that asked; a bed that has gone needs none."""
        stream, sample, provisional = key
        name, _, count = stream.rpartition("#")
        bed = self.beds.get(name)
        if bed is not None:
            self._contained(
                bed, partial(bed.answer, int(count), sample, probabilities, provisional=provisional)
            )

    def check(self, now_ns: int) -> None:
        """Let every bed look at the wall clock; forget those that left long ago."""
        for bed in list(self.beds.values()):
            self._contained(bed, partial(bed.tick, now_ns))
            if bed.closed_ns is not None and now_ns - bed.closed_ns > _FORGET_NS and not bed.snapshot.alarms:
                bed.close()
                del self.beds[bed.name]

    def acknowledge(self, name: str | None) -> None:
        """Acknowledge all that stands, on one bed or on all."""
        for bed in self.beds.values():
            if name in (None, bed.name):
                self._guarded(bed, bed.acknowledge)

    def technical(self, kind: str) -> None:
        """Raise a technical alarm on every bed."""
        for bed in self.beds.values():
            self._contained(bed, partial(bed.technical, kind))

    def fault(self, part: str, text: str) -> None:
        """Keep what has failed: it is shown until the end, and the exit code will be 1."""
        if part not in self.faults:
            self.faults[part] = text
            log.error("%s: %s", part, text)
            self._tell(ward_entry(f"{part} failed: {text}"))

    def notice(self, text: str) -> None:
        """Tell one line about the whole ward; the screen shows it for some seconds."""
        self._notice = (text, time.time_ns() + _NOTICE_NS)
        self._tell(ward_entry(text))

    def flush(self) -> None:
        """Bring files up to date."""
        for bed in self.beds.values():
            self._contained(bed, bed.flush_files)
        if self._journal is None:
            return
        try:
            self._journal.flush()
        except StorageError as error:
            self._journal_failed(error)
            return
        if self._journal_error:
            self._journal_error = ""
            for bed in self.beds.values():
                self._contained(bed, partial(bed.stored, "journal"))

    def end(self) -> None:
        """End every stream: last beats and windows leave, answers are still taken."""
        for bed in self.beds.values():
            self._contained(bed, bed.end)

    def abandon(self) -> None:
        """Call Q what was never labelled; close recordings."""
        for bed in self.beds.values():
            self._guarded(bed, bed.close)
        self.flush()

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            try:
                self._journal.close()
            except StorageError as error:
                log.warning("%s", error)

    @property
    def n_waiting(self) -> int:
        """Beats that wait for their label."""
        return sum(bed.n_waiting for bed in self.beds.values() if not bed.failed)

    @property
    def all_gone(self) -> bool:
        """Whether there were beds and every one has said good-bye or failed."""
        return bool(self.beds) and all(bed.closed or bed.failed for bed in self.beds.values())

    def shown(self, counters: Mapping[str, Counters]) -> tuple[tuple[BedSnapshot, ...], tuple[str, ...]]:
        """Return what screens show: the beds, and lines about the whole ward."""
        notices = [f"! {part} failed: {text}" for part, text in self.faults.items()]
        text, until_ns = self._notice
        if time.time_ns() < until_ns:
            notices.append(f"! {text}")
        beds = tuple(bed.shown(counters.get(name, Counters())) for name, bed in self.beds.items())
        return beds, tuple(notices)

    def _admit(self, name: str) -> Bed:
        bed = self.beds[name] = Bed(
            name,
            self._settings,
            self._window,
            tell=self._tell,
            ask=self._ask,
            record=self._record,
            fault=lambda text: self.fault("recording", text),
        )
        if self._journal_error:
            bed.not_stored("journal", self._journal_error)
        return bed

    def _contained(self, bed: Bed, action: Callable[[], None]) -> None:
        """Let a bed act; if it fails, set it aside with a standing alarm: the others go on."""
        if not bed.failed:
            self._guarded(bed, action)

    def _guarded(self, bed: Bed, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            log.exception("bed %s failed", bed.name)
            bed.failed = True
            self.fault(f"bed {bed.name}", f"{type(error).__name__}: {error}")
            try:
                bed.technical(
                    "bed_failed", f"{DEFINITIONS['bed_failed'].text}: {type(error).__name__}: {error}"
                )
                bed.close()
            except Exception:
                log.exception("bed %s failed while it was set aside", bed.name)

    def _tell(self, entry: Entry) -> None:
        """Remember an event for screens and write it down."""
        self._events.append(entry)
        if self._journal is None:
            return
        try:
            self._journal.append(entry.event, bed=entry.bed, record=entry.record, time_ns=entry.time_ns)
        except StorageError as error:
            self._journal_failed(error)

    def _journal_failed(self, error: StorageError) -> None:
        """Say so on every bed; the journal keeps its lines and is tried again."""
        if self._journal_error:
            return
        self._journal_error = str(error)
        self.fault("journal", str(error))
        for bed in self.beds.values():
            bed.not_stored("journal", str(error))
