"""The engine process: sockets, the ward, the classifier process, and whoever is watching.

One thread turns the crank: it takes what `monitor.ingest` has queued, gives it to the ward, sends
windows to the classifier, gives its answers back, and answers the screens' pulls. Nothing in a turn
waits for anything else, so a slow screen or a loading network holds up no bed. Kernels load, and on
the very first start compile, in a thread of their own before devices are listened to.
"""

import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import zmq

from monitor import __version__, artifact, bequest, journal, keeping, link, logs
from monitor.config import Config
from monitor.desk import Desk
from monitor.errors import BeatlineError, FeedError, StorageError
from monitor.handover import UNKNOWN, Handover
from monitor.ingest import Ingest
from monitor.labeller import Labeller, State
from monitor.names import natural
from monitor.snapshots import BedSnapshot, WardSnapshot, encode

if TYPE_CHECKING:
    from monitor.ward import Ward

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
_ITEMS_S = 0.1
"""How long a turn takes items, so that clocks are looked at and screens and answers served between."""
_AT_ONCE = 64
"""Items taken before that time is looked at: of a ward, one packet of each bed."""
_LONGEST_NAME = 64
"""Characters of the name of somebody who acknowledges."""
_SLOW_START_S = 5.0
"""Loading that takes longer is compiling, and is said to be."""
_COMPILING = "compiling for this machine: on the very first start this takes up to a minute"


class Engine:
    """The loop over sockets, ward, classifier and screens.

    Parameters
    ----------
    config
        What to listen to and where to write.

    Raises
    ------
    BeatlineError
        An address, the model or a file cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._events = link.EventLog()
        self._ward: Ward | None = None
        self._before: Mapping[str, Handover] | None = {}
        self._loading_failed: BaseException | None = None
        self._stopping = self._done = False
        self._notice = "starting"
        self._next_flush = self._next_check = 0.0
        folder = artifact.locate(config.model)
        self._card = artifact.load_card(folder)
        self._window = self._card.served_window
        self._run_number = time.time_ns()
        self._screens = Desk(config.link, serve=self._served)
        self._stations = Desk(*config.attach, serve=self._served_station)
        self._ingest = Ingest(config.endpoints, bind=config.bind, settings=config.settings.feed)
        self._ingest.open()
        head = keeping.about(config, model=self._card.identity)
        self._journal = keeping.open_journal(config, head)
        self._store = keeping.open_store(config, head)
        self._labeller = Labeller(link.endpoint(Path(config.folder), "classifier"))
        self._classifier = self._start_classifier(folder)

    def run(self) -> int:
        """Run until told to stop; return the exit code: 1 if a part failed on the way."""
        try:
            ward = self._load()
            if ward is None:
                return 0
            self._ingest.start()
            poller = zmq.Poller()
            desks = (self._screens.socket, self._stations.socket)
            for socket in (self._ingest.wake, self._labeller.socket, *desks):
                poller.register(socket, zmq.POLLIN)
            while not self._over(ward):
                poller.poll(_TICK_MS)
                if "feed" in ward.faults and self._ingest.wake in poller:
                    poller.unregister(self._ingest.wake)
                self._turn(ward)
            self._finish(ward)
        finally:
            self._close()
        return 1 if ward.faults else 0

    def stop(self) -> None:
        """End the run cleanly at the next turn."""
        self._stopping = True

    def _load(self) -> "Ward | None":
        """Load, or on the very first start compile, all that beds run on; None: told to stop meanwhile."""
        thread = threading.Thread(target=self._make_ward, name="load", daemon=True)
        began = time.monotonic()
        thread.start()
        while thread.is_alive() and not self._stopping and not self._config.orphaned:
            self._screens.socket.poll(_TICK_MS)
            self._serve_clients()
            if time.monotonic() - began > _SLOW_START_S and self._notice != _COMPILING:
                self._notice = _COMPILING
                self._events.append(link.ward_entry(_COMPILING))
        if thread.is_alive():
            self._done = True
            self._serve_to_the_end()
            return None
        if self._loading_failed is not None:
            raise self._loading_failed
        self._notice = ""
        return self._ward

    def _make_ward(self) -> None:
        try:
            self._before = self._left()  # shown while the rest loads
            from monitor.ward import Ward
            from monitor.warming import warm_up

            warm_up(self._config.settings, self._window)
            self._ward = Ward(
                self._config.settings,
                self._window,
                ask=self._labeller.ask,
                events=self._events,
                journal=self._journal,
                record=None if self._config.record is None else Path(self._config.record),
                store=self._store,
                before=self._before,
            )
        except BaseException as error:
            self._loading_failed = error

    def _turn(self, ward: "Ward") -> None:
        """Do all that is to be done now; never wait."""
        self._take_items(ward)
        self._take_answers(ward)
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_S
            ward.check(time.time_ns(), waiting=self._ingest.waiting)
            self._check_classifier(ward)
        if now >= self._next_flush:
            self._next_flush = now + _FLUSH_S
            ward.flush()
        self._serve_clients()

    def _take_items(self, ward: "Ward") -> bool:
        """Give the ward what was received, for some time; return whether there may be more."""
        until = time.monotonic() + _ITEMS_S
        more = "feed" not in ward.faults
        while more and time.monotonic() < until:
            try:
                items = self._ingest.take(_AT_ONCE)
            except FeedError as error:
                ward.fault("feed", str(error))
                ward.lose()
                return False
            for item in items:
                ward.take(item)
            more = len(items) == _AT_ONCE
        return more

    def _take_answers(self, ward: "Ward") -> None:
        for key, probabilities in self._labeller.answers():
            ward.answer(key, probabilities.tolist())

    def _check_classifier(self, ward: "Ward") -> None:
        if self._labeller.state == "failed":
            ward.fault("classifier", self._labeller.message)
        elif self._classifier.poll() is not None:
            ward.fault("classifier", f"its process ended with code {self._classifier.returncode}")
        if "classifier" in ward.faults:
            ward.technical("classifier_failed")

    def _network(self) -> State:
        """How the classifier is: what it said last, unless its process has died since."""
        failed = self._ward is not None and "classifier" in self._ward.faults
        return "failed" if failed else self._labeller.state

    def _serve_clients(self) -> None:
        """Answer what screens and stations have asked since, and do what they command."""
        self._screens.turn()
        self._stations.turn()

    def _served_station(self, request: link.Request) -> link.Answer | None:
        """Serve a station, which may not all that this run's own screen may."""
        refused = link.refusal(request, control=self._config.allow_control)
        return link.Refused(refused) if refused else self._served(request)

    def _served(self, request: link.Request) -> link.Answer | None:
        """Answer a pull or a hello; do what is commanded, and answer if that cannot be done."""
        if isinstance(request, link.Pull):
            return self._update(request)
        if isinstance(request, link.Hello):
            return self._welcome()
        refused = self._obey(request)
        return link.Refused(refused) if refused else None

    def _welcome(self) -> link.Welcome:
        return link.Welcome(
            version=__version__,
            name=self._config.name,
            run=self._run_number,
            control=self._config.allow_control,
            store=self._stated_store(),
            last=self._events.last,
        )

    def _stated_store(self) -> str:
        """Return where stations may read strips: a file, which guards itself; a URL may hold a password."""
        store = self._config.store or ""
        return "" if "://" in store else store

    def _obey(self, command: link.Command) -> str:
        """Do what is commanded; return why not, empty if it was done."""
        if isinstance(command, link.Stop):
            self._stopping = True
            return ""
        ward, by = self._ward, command.by[:_LONGEST_NAME]
        if ward is None:
            return "the monitor is still starting"
        match command:
            case link.Acknowledge():
                return ward.acknowledge(command.bed, command.kind, by)
            case link.PauseAudio():
                return ward.pause_audio(command.bed, on=command.on, by=by)
            case link.SetLimits():
                return ward.set_limits(command.bed, command.limits, by)

    def _update(self, pull: link.Pull) -> link.Update:
        entries, last, missed = self._events.after(pull.after, pull.limit)
        done = self._done and last == self._events.last
        used = resource.getrusage(resource.RUSAGE_SELF)
        return link.Update(
            ward=self._encoded(pull) if pull.seconds > 0 else b"",
            entries=entries,
            last=last,
            missed=missed,
            first_sample_ns=None if self._ward is None else self._ward.first_sample_ns,
            classifier=self._network(),
            done=done,
            faults=0 if self._ward is None else len(self._ward.faults),
            cpu_s=used.ru_utime + used.ru_stime,
        )

    def _encoded(self, pull: link.Pull) -> bytes:
        return encode(self._snapshot(), seconds=pull.seconds, trend=pull.trend)

    def _snapshot(self) -> WardSnapshot:
        beds, notices = self._stood() if self._ward is None else self._ward.shown(self._ingest.counters)
        return WardSnapshot(
            beds=beds,
            classifier=self._network(),
            message=self._labeller.message,
            notices=(self._notice, *notices) if self._notice else notices,
            taken_ns=time.time_ns(),
        )

    def _stood(self) -> tuple[tuple[BedSnapshot, ...], tuple[str, ...]]:
        """Return what is shown of beds until kernels are loaded: what stood when the run before ended."""
        if self._before is None:
            return (), ((f"! {UNKNOWN}",) if self._store is not None else ())
        now_ns, settings = time.time_ns(), self._config.settings
        return tuple(
            bequest.shown(bed, left, limits=settings.for_bed(bed).alarms.limits(), now_ns=now_ns)
            for bed, left in sorted(self._before.items(), key=lambda entry: natural(entry[0]))
            if left.alarms
        ), ()

    def _over(self, ward: "Ward") -> bool:
        """Whether the run is to end now."""
        if self._stopping or self._config.orphaned:
            return True
        gone = self._config.until_bye and ward.all_gone
        return gone and (not ward.n_waiting or self._network() == "failed")

    def _finish(self, ward: "Ward") -> None:
        """Take what was received, flush every bed, wait a little for labels, let the screens read all."""
        self._ingest.close()
        while self._take_items(ward):
            pass
        ward.end()
        deadline = time.monotonic() + _GRACE_S
        while ward.n_waiting and self._network() == "ready" and time.monotonic() < deadline:
            self._labeller.socket.poll(_TICK_MS)
            self._take_answers(ward)
            self._check_classifier(ward)
            self._serve_clients()
        ward.abandon()
        self._done = True
        self._serve_to_the_end()

    def _serve_to_the_end(self) -> None:
        """Let a screen read what is left; one that has gone is not waited for."""
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline and not self._screens.done and self._screens.socket.poll(1000):
            self._serve_clients()

    def _close(self) -> None:
        self._classifier.terminate()
        self._ingest.close()
        if self._ward is not None:
            self._ward.close()
        else:
            for kept in (self._journal, self._store):
                if kept is not None:
                    kept.close()
        self._labeller.close()
        self._screens.close()
        self._stations.close()

    def _left(self) -> Mapping[str, Handover] | None:
        """Return what the run before left, by bed: as the store has it, else the journal; None: not known."""
        if self._store is not None and self._store.known:
            return self._store.left
        if self._config.journal is None:
            return None
        try:
            return journal.handovers(Path(self._config.journal), now_ns=time.time_ns())
        except StorageError as error:  # an old line is no reason not to watch
            log.warning("%s", error)
            self._events.append(link.ward_entry(f"what stood before is not known: {error}"))
            return None

    def _start_classifier(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the process that loads TensorFlow, out of everybody's way."""
        code = "import sys; from monitor.classify import main; main(sys.argv[1:])"
        serving = msgspec.json.encode(self._config.settings.serving).decode()
        arguments = [self._labeller.endpoint, str(folder), serving, str(os.getpid())]
        environ = os.environ | {"TMPDIR": self._config.folder}  # TensorFlow's own files, if it is killed
        return subprocess.Popen([sys.executable, "-c", code, *arguments], process_group=0, env=environ)


def main(argv: list[str]) -> None:
    """Run an engine as the JSON of its `monitor.config.Config` says; faults are one line on standard error.

    A terminal's Ctrl-C is for the screen's process alone, which then asks this one to stop; SIGTERM
    asks it directly. Leaves without waiting for a kernel that may still be compiling.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(0.001)
    config = msgspec.json.decode(argv[0], type=Config)
    try:
        logs.configure()
        engine = Engine(config)
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        code = engine.run()
    except BeatlineError as error:
        log.error("%s", error)  # noqa: TRY400  a known fault, said in one line
        print(f"beatline: {error}", file=sys.stderr, flush=True)  # noqa: T201  this process's last words
        code = 1
    logging.shutdown()
    zmq.Context.instance().destroy(linger=500)
    if config.orphaned:
        shutil.rmtree(config.folder, ignore_errors=True)
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
