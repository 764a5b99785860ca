"""The engine process: sockets to pipelines to labels, journal, recordings and whoever is watching.

One thread turns the crank: it takes what `monitor.ingest` has queued, pushes it through each bed's
pipeline, sends windows to the classifier process, gives its answers back, and answers the screens'
pulls. Nothing here waits for anything else, so a slow screen or a loading network holds up no bed.

Wall-clock troubles become technical alarms here: feed lost, classifier late or failed, storage
failed. A bed whose pipeline fails is set aside with a standing technical alarm; the others go on.
"""

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import zmq

from monitor import __version__, artifact, labeller, link, logs, settings, vitals
from monitor.assemble import Item, Samples
from monitor.definitions import DEFINITIONS
from monitor.errors import BeatlineError, FeedError, StorageError, WireError
from monitor.events import Notice
from monitor.ingest import Ingest
from monitor.journal import Journal
from monitor.labeller import Labeller

if TYPE_CHECKING:
    from monitor.beds import Bed

__all__ = ["Engine", "main"]

log = logging.getLogger(__name__)

_TICK_MS = 20
"""Longest sleep of the loop: how late a wall-clock check may be."""
_CHECK_S = 0.1
"""How often each bed looks at the wall clock: a feed is lost, a label overdue so much later at most."""
_FLUSH_S = 1.0
"""How often files are brought up to date: what a power cut may cost."""
_GRACE_S = 5.0
"""How long the end of a run waits for labels that are under way, and for screens to read the rest."""
_MAX_ITEMS = 2000
"""Items taken per turn, so that screens and answers are served between."""


class Engine:
    """The loop over sockets, pipelines, classifier and screens.

    Parameters
    ----------
    config
        What to listen to and where to write.

    Raises
    ------
    BeatlineError
        An address, the model or a file cannot be used.
    """

    def __init__(self, config: link.Config) -> None:
        self._parent = os.getppid()
        self._config = config
        self._log = link.EventLog()
        self._beds: dict[str, Bed] = {}
        self._faults: dict[str, str] = {}
        self._first_sample_ns: int | None = None
        self._stopping = False
        self._done = False
        self._told_to_the_end = False
        self._notice = "starting"
        self._flushed = 0.0
        self._next_check = 0.0
        folder = artifact.locate(config.model)
        self._card = artifact.load_card(folder)
        self._journal = self._open_journal()
        self._screens = link.listen(config.link)
        self._ingest = Ingest(config.endpoints, bind=config.bind, settings=config.settings.feed)
        self._labeller, self._classifier = self._start_classifier(folder)

    def run(self) -> int:
        """Run until told to stop; return the exit code: 1 if a part failed on the way."""
        self._ingest.start()
        self._notice = "loading (kernels compile on the very first start)"
        self._serve_screens(wait_ms=200)
        from monitor import beds

        self._make_bed = beds.Bed
        beds.warm_up(self._config.settings, self._card.window)
        self._notice = ""
        self._poller = zmq.Poller()
        for socket in (self._ingest.wake, self._labeller.socket, self._screens):
            self._poller.register(socket, zmq.POLLIN)
        try:
            while not self._over() and os.getppid() == self._parent:
                self._poller.poll(_TICK_MS)
                self.turn()
            self._finish()
        finally:
            self._close()
        return 1 if self._faults else 0

    def stop(self) -> None:
        """End the run cleanly at the next turn."""
        self._stopping = True

    def turn(self) -> None:
        """Do all that is to be done now; never wait."""
        self._take_items()
        self._take_answers()
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_S
            self._check()
        self._serve_screens()

    def _take_items(self) -> None:
        try:
            for item in self._ingest.take(_MAX_ITEMS):
                self._take(item)
        except FeedError as error:
            self._poller.unregister(self._ingest.wake)
            self._fault("feed", str(error))

    def _take_answers(self) -> None:
        for (name, sample), probabilities in self._labeller.answers():
            bed, _, count = name.rpartition("#")
            self._contained(self._beds[bed], lambda b: b.answer(int(count), sample, probabilities.tolist()))  # noqa: B023

    def _take(self, item: Item) -> None:
        """Give an item to its bed; a fault of nobody's bed is told for the whole ward."""
        if item.bed is None:
            self._tell(self._ward_entry(Notice(sample=0, decided=0, text=item.text)))
            return
        if item.bed not in self._beds:
            self._beds[item.bed] = self._make_bed(
                item.bed,
                self._config.settings,
                self._card.window,
                tell=self._tell,
                ask=self._labeller.ask,
                record=None if self._config.record is None else Path(self._config.record),
                fault=lambda text: self._fault("recording", text),
            )
        if isinstance(item, Samples) and self._first_sample_ns is None:
            self._first_sample_ns = item.received_ns
        self._contained(self._beds[item.bed], lambda bed: bed.take(item))

    def _contained(self, bed: "Bed", action: "Callable[[Bed], None]") -> None:
        """Let a bed act; if it fails, set it aside with a standing alarm: the others go on."""
        if bed.failed:
            return
        try:
            action(bed)
        except Exception as error:
            log.exception("bed %s failed", bed.name)
            self._fault(f"bed {bed.name}", repr(error))
            bed.failed = True
            bed.technical("bed_failed", f"ANALYSIS STOPPED ({type(error).__name__}: {error})")

    def _tell(self, entry: link.Entry) -> None:
        """Number an event for the screens and write it down."""
        self._log.append(entry)
        if self._journal is None:
            return
        try:
            self._journal.append(entry.event, bed=entry.bed, record=entry.record, time_ns=entry.time_ns)
        except StorageError as error:
            self._journal_failed(error)

    def _journal_failed(self, error: StorageError) -> None:
        """Say so for as long as the run lasts; the journal keeps its lines and is tried again."""
        if "journal" not in self._faults:
            self._fault("journal", str(error))
            for bed in self._beds.values():
                bed.technical("storage_failed", f"{DEFINITIONS['storage_failed'].text}: {error}")

    def _check(self) -> None:
        """Look at the clock and at the classifier; bring files up to date."""
        now = time.time_ns()
        for bed in self._beds.values():
            self._contained(bed, lambda b: b.tick(now))
        if self._classifier.poll() is not None and "classifier" not in self._faults:
            self._fault("classifier", f"the classifier process ended with code {self._classifier.returncode}")
        if self._labeller.state == "failed" and "classifier" not in self._faults:
            self._fault("classifier", self._labeller.message)
        if "classifier" in self._faults:
            for bed in self._beds.values():
                bed.technical("classifier_failed")
        if time.monotonic() - self._flushed > _FLUSH_S:
            self._flushed = time.monotonic()
            self._flush()

    def _flush(self) -> None:
        if self._journal is not None:
            try:
                self._journal.flush()
            except StorageError as error:
                self._journal_failed(error)
        for bed in self._beds.values():
            self._contained(bed, lambda b: b.flush_files())

    def _fault(self, part: str, text: str) -> None:
        """Keep what has failed: it is shown until the end, and the exit code will be 1."""
        if part not in self._faults:
            self._faults[part] = text
            log.error("%s: %s", part, text)
            self._tell(self._ward_entry(Notice(sample=0, decided=0, text=f"{part} failed: {text}")))

    def _ward_entry(self, event: Notice) -> link.Entry:
        return link.Entry(bed="", record="", time_ns=time.time_ns(), fs=1.0, event=event)

    def _serve_screens(self, wait_ms: int = 0) -> None:
        """Answer what the screens have asked since, and do what they command."""
        if wait_ms:
            self._screens.poll(wait_ms)
        while True:
            try:
                asked = link.next_request(self._screens)
            except WireError as error:
                log.warning("%s", error)
                continue
            if asked is None:
                return
            client, request = asked
            match request:
                case link.Pull():
                    link.answer(self._screens, client, self._update(request))
                case link.Acknowledge():
                    for bed in self._beds.values():
                        if request.bed in (None, bed.name):
                            self._contained(bed, lambda b: b.acknowledge())
                case link.Stop():
                    self._stopping = True

    def _update(self, pull: link.Pull) -> link.Update:
        entries, last, missed = self._log.after(pull.after, pull.limit)
        ward = b""
        if pull.seconds > 0:
            ward = vitals.encode(self._ward(), seconds=pull.seconds)
        self_s = resource.getrusage(resource.RUSAGE_SELF)
        done = self._done and last == self._log.last
        self._told_to_the_end = self._told_to_the_end or done
        return link.Update(
            ward=ward,
            entries=entries,
            last=last,
            missed=missed,
            first_sample_ns=self._first_sample_ns,
            classifier=self._network,
            done=done,
            faults=len(self._faults),
            cpu_s=self_s.ru_utime + self_s.ru_stime,
        )

    def _ward(self) -> vitals.WardSnapshot:
        counters = self._ingest.counters
        notices = [f"{part} failed: {text}" for part, text in self._faults.items()]
        return vitals.WardSnapshot(
            beds=tuple(bed.shown(counters) for bed in self._beds.values()),
            classifier=self._network,
            message=self._labeller.message,
            notices=tuple([self._notice, *notices] if self._notice else notices),
            taken_ns=time.time_ns(),
        )

    @property
    def _network(self) -> labeller.State:
        """How the classifier is: what it said last, unless its process has died since."""
        return "failed" if "classifier" in self._faults else self._labeller.state

    def _over(self) -> bool:
        """Whether the run is to end now."""
        if self._stopping:
            return True
        finished = self._config.until_bye and bool(self._beds)
        return finished and all(bed.closed and not bed.n_waiting for bed in self._beds.values())

    def _finish(self) -> None:
        """Flush every bed, wait a little for labels under way, then let the screens read to the end."""
        for bed in self._beds.values():
            self._contained(bed, lambda b: b.end())
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline and self._labeller.state == "ready":
            if not any(bed.n_waiting for bed in self._beds.values()):
                break
            self._labeller.socket.poll(_TICK_MS)
            self._take_answers()
            self._serve_screens()
        for bed in self._beds.values():
            self._contained(bed, lambda b: b.close())
        self._flush()
        self._done = True
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline and not self._told_to_the_end and self._screens.poll(1000):
            self._serve_screens()

    def _close(self) -> None:
        self._ingest.close()
        self._classifier.terminate()
        if self._journal is not None:
            self._journal.close()
        self._labeller.close()
        self._screens.close()

    def _open_journal(self) -> Journal | None:
        if self._config.journal is None:
            return None
        told = self._config.settings
        head = {
            "version": __version__,
            "model": self._card.identity,
            "settings": settings.identity(told),
            "values": msgspec.to_builtins(told),
        }
        return Journal(Path(self._config.journal), head=head)

    def _start_classifier(self, folder: Path) -> tuple[Labeller, subprocess.Popen[bytes]]:
        """Start the process that loads TensorFlow, out of everybody's way."""
        address = link.endpoint(Path(self._config.folder), "classifier")
        code = "import sys; from monitor.classify import main; main(sys.argv[1:])"
        arguments = [address, str(folder), msgspec.json.encode(self._config.settings.serving).decode()]
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], process_group=0)
        return Labeller(address), process


def main(argv: list[str]) -> int:
    """Run an engine as the JSON of its `monitor.link.Config` says; faults are one line on standard error.

    A terminal's Ctrl-C is for the screen's process alone, which then asks this one to stop; SIGTERM
    asks it directly.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(0.001)
    try:
        logs.configure()
        engine = Engine(msgspec.json.decode(argv[0], type=link.Config))
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        return engine.run()
    except BeatlineError as error:
        log.error("%s", error)  # noqa: TRY400  a known fault, said in one line
        print(f"beatline: {error}", file=sys.stderr)  # noqa: T201  this process's last words
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
