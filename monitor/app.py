"""Wiring: the front process starts an engine, pulls from it at its own rate and shows what it says.

The front imports nothing heavy, so the first frame is up at once; TensorFlow, numba and scipy load in
other processes. An engine that dies is shown, never hidden: the exit code is then 1.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, TypeAlias

import msgspec

from monitor import artifact, attach, link
from monitor.config import Config
from monitor.errors import FeedError
from monitor.settings import Settings
from monitor.show import JsonLines, PlainLines, Show
from monitor.stats import Stats
from monitor.store import place_of
from monitor.wire import DEFAULT_ENDPOINT

__all__ = ["Device", "Kind", "Look", "Processes", "Stations", "config", "demo", "free_port", "run"]

Kind: TypeAlias = Literal["screen", "plain", "json"]

_PATIENCE_S = 12.0
"""How long an engine may take to end once it is told to."""
DEMO_RECORD = "208"
"""What a demonstration plays: bigeminy, couplets and runs within half an hour."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is shown, and for how long.

    Attributes
    ----------
    seconds
        Wall time from the first sample received, None for no end.
    picture
        File for the last frame as SVG; drawn also where there is no terminal.
    size
        (columns, rows) to draw, None for the terminal's.
    stats
        File for what `monitor.stats` measured, as JSON.
    parent
        The run ends once this is no longer the parent process.
    """

    kind: Kind
    ascii_only: bool = False
    seconds: float | None = None
    picture: Path | None = None
    size: tuple[int, int] | None = None
    stats: Path | None = None
    parent: int | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The simulated device of a demonstration.

    Without a ``record`` it plays `DEMO_RECORD`, or a synthetic patient where that cannot be had; a
    record that was asked for must be there.
    """

    record: str | None = None
    speed: float = 1.0
    beds: int = 1
    data: Path | None = None


class Stations(msgspec.Struct, frozen=True, kw_only=True):
    """Who may attach to a run.

    Attributes
    ----------
    name
        What stations know it by; None takes the first free one.
    attach
        Addresses beside the socket in the user's runtime folder.
    allow_control
        Whether stations may acknowledge, pause and set limits.
    """

    name: str | None = None
    attach: tuple[str, ...] = ()
    allow_control: bool = False


class Processes:
    """Child processes of one run, each in a process group of its own so that Ctrl-C is ours alone.

    What they write to standard error goes to files: the screen is not theirs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start ``python ARGUMENTS``."""
        with (self._folder / name).open("wb") as errors:
            child = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                process_group=0,
            )
        self._children[name] = child
        return child

    def ended(self, name: str) -> bool:
        """Whether a child has ended, however it did; one that was never started has not."""
        child = self._children.get(name)
        return child is not None and child.poll() is not None

    def failed(self, name: str) -> bool:
        """Whether a child has ended, and not well."""
        return self.ended(name) and self._children[name].returncode != 0

    def complaint(self, name: str) -> str:
        """Return the last line that a child wrote to standard error; nothing of one that was killed."""
        code = self._children[name].poll()
        if code is None or code < 0:
            return ""
        text = (self._folder / name).read_text(encoding="utf-8", errors="replace").strip()
        return text.splitlines()[-1].removeprefix("beatline: ") if text else ""

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + _PATIENCE_S  # an engine has files to close
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            if child.poll() is None:
                child.kill()
                child.wait()


def config(
    settings: Settings,
    *,
    endpoints: Sequence[str] | None = None,
    connect: bool = False,
    model: str | None = None,
    journal: Path | None = None,
    store: str | None = None,
    record: Path | None = None,
    until_bye: bool = False,
    stations: "Stations | None" = None,
) -> Config:
    """Return what an engine is to be told; the folder, and where stations attach, is filled in by `run`.

    A ``model`` that serves as detector finds the beats, and the shipped network labels them.
    """
    stations = stations or Stations()
    folder = artifact.locate(model)
    if artifact.load_card(folder).serves == "detector":
        detector = msgspec.structs.replace(settings.detector, weights=str(folder.absolute()))
        settings, model = msgspec.structs.replace(settings, detector=detector), None
    return Config(
        endpoints=tuple(endpoints or [DEFAULT_ENDPOINT]),
        bind=not connect,
        settings=settings,
        model=model,
        journal=None if journal is None else str(journal.absolute()),
        store=None if store is None else place_of(store),
        record=None if record is None else str(record.absolute()),
        until_bye=until_bye,
        name=stations.name or "",
        attach=stations.attach,
        allow_control=stations.allow_control,
    )


def run(told: Config, look: Look) -> int:
    """Run a monitor until it ends or is ended; return the exit code."""
    with _folder() as folder, Processes(folder) as processes:
        return _run(msgspec.structs.replace(told, folder=str(folder)), look, processes)


def demo(told: Config, device: Device, look: Look) -> int:
    """Run a simulated device in a process of its own, and a monitor on it."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with _folder() as folder, Processes(folder) as processes:
        processes.start("sim", "-m", "sim", *_arguments(device, endpoint))
        told = msgspec.structs.replace(told, folder=str(folder), endpoints=(endpoint,), bind=True)
        return _run(told, look, processes)


def _arguments(device: Device, endpoint: str) -> list[str]:
    """Return the simulator's command line; it ends when this process does."""
    arguments = [device.record or DEMO_RECORD, "--endpoint", endpoint, "--loop", "--parent", str(os.getpid())]
    arguments += ["--speed", str(device.speed), "--beds", str(device.beds)]
    if device.data is not None:
        arguments += ["--data", str(device.data)]
    if device.record is None:
        arguments += ["--or-synthetic"]
    return arguments


def _run(told: Config, look: Look, processes: Processes) -> int:
    """Start the engine and show it; the show is closed before anything is raised."""
    stats = Stats(look.stats)
    with (
        attach.claimed(told.name or None) as name,
        contextlib.closing(_show(look, told.settings)) as show,
        _interruptions() as interrupted,
    ):
        address = f"ipc://{attach.socket_of(name)}"
        attached = (address, *told.attach)
        told = msgspec.structs.replace(told, name=name, attach=attached, parent=os.getpid())
        show.tick()
        stats.frame()
        processes.start("engine", "-m", "monitor.engine", msgspec.json.encode(told).decode())
        client = link.Client(told.link)
        try:
            code = _Watch(client, processes, show, stats, look).until_done(interrupted)
        finally:
            client.close()
    stats.write()
    if processes.failed("sim"):
        raise FeedError(processes.complaint("sim") or "the simulated device has died")
    complaint = processes.complaint("engine") if code and processes.failed("engine") else ""
    if complaint:
        raise FeedError(complaint)
    return code


class _Watch:
    """The front's loop: one pull per tick, never more than one under way."""

    def __init__(
        self,
        client: link.Client,
        processes: Processes,
        show: Show,
        stats: Stats,
        look: Look,
    ) -> None:
        self._client = client
        self._processes = processes
        self._show = show
        self._stats = stats
        self._look = look
        self._last = 0
        self._answered = False
        self._first_sample_ns: int | None = None
        self._told_at: float | None = None
        self._device_died = False

    def until_done(self, interrupted: list[int]) -> int:
        """Pull and show until the engine is done; return the exit code."""
        next_tick = time.monotonic()
        while True:
            next_tick = max(next_tick + self._show.interval_s, time.monotonic())
            self._client.pull(link.Pull(after=self._last, seconds=self._show.seconds))
            # An answer later than half a tick is shown with the next: the rhythm of the frames is kept.
            update = self._client.receive(500 * self._show.interval_s)
            if update is not None:
                self._take(update)
                if update.done:
                    return 1 if update.faults or self._device_died else 0
            elif self._processes.ended("engine"):
                asked = self._told_at is not None and not self._processes.failed("engine")
                return 0 if asked else self._died(interrupted)
            if self._processes.failed("sim") and not self._device_died:
                self._device_died = True
                self._end()
            self._show.tick()
            self._stats.frame()
            quit_asked = self._keys(next_tick)
            if interrupted or quit_asked or self._time_is_up():
                self._end()
            if self._told_at is not None and time.monotonic() - self._told_at > _PATIENCE_S:
                return 1

    def _take(self, update: link.Update) -> None:
        self._answered = True
        self._last, self._first_sample_ns = update.last, update.first_sample_ns
        self._show.push(update)
        self._stats.push(update, drawn=self._show.seconds == 0)

    def _died(self, interrupted: list[int]) -> int:
        """Say that nothing more will come; a screen stands, with the alarm, until somebody ends it.

        An engine that never came up has nothing to show: its complaint is the error of this command.
        """
        if not self._answered:
            return 1
        self._show.engine_died()
        while self._show.seconds and not interrupted and not self._time_is_up():
            self._show.tick()
            if "q" in self._show.keys(self._show.interval_s):
                break
        return 1

    def _keys(self, until: float) -> bool:
        """Spend the time to the next tick on the keyboard; return whether to end."""
        quit_asked = False
        while True:  # at least once: the keyboard works also while the engine does not
            for key in self._show.keys(max(0.0, until - time.monotonic())):
                if key == "a":
                    self._client.tell(link.Acknowledge())
                quit_asked = quit_asked or key == "q"
            if time.monotonic() >= until:
                return quit_asked

    def _time_is_up(self) -> bool:
        """Whether this has run for as long as it should, or whoever started it has gone."""
        if self._look.parent is not None and os.getppid() != self._look.parent:
            return True
        if self._look.seconds is None or self._first_sample_ns is None:
            return False
        return time.time_ns() - self._first_sample_ns >= self._look.seconds * 1e9

    def _end(self) -> None:
        if self._told_at is None:
            self._client.tell(link.Stop())
            self._told_at = time.monotonic()


def _show(look: Look, settings: Settings) -> Show:
    if look.kind == "json":
        return JsonLines(sys.stdout)
    if look.kind == "plain":
        return PlainLines(sys.stdout)
    from monitor.screen import Screen

    return Screen(settings.display, ascii_only=look.ascii_only, picture=look.picture, size=look.size)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder that only this user can read, for sockets and the children's last words.

    It goes however this ends; after a kill -9 the engine removes it.
    """
    folder = Path(tempfile.mkdtemp(prefix="beatline-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Collect Ctrl-C, SIGTERM and the loss of the terminal instead of being torn apart by them.

    The second one, or no end within `_PATIENCE_S` of the first, ends at once: whoever should read what
    is printed may have stopped reading, and then a write would wait for ever.
    """
    caught: list[int] = []

    def catch(number: int, _: FrameType | None) -> None:
        caught.append(number)
        if len(caught) == 1:
            signal.alarm(round(_PATIENCE_S))
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that is still to be printed may block
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGALRM]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else it is ignored: nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, catch) for number in numbers}
    try:
        yield caught
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> int:
    """Return a loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
