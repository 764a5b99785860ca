"""A station on a running monitor: attached by name, refused what it may not, told when that one goes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from monitor import attach, link
from monitor.snapshots import WardSnapshot, decode
from monitor.station.line import Line
from tests.integration.processes import beatline, no_records


async def until(line: Line, true: Callable[[WardSnapshot], bool]) -> WardSnapshot:
    """Pull until something holds of the ward."""
    ward, deadline = WardSnapshot(), time.monotonic() + 90
    while time.monotonic() < deadline:
        line.ask(link.Pull(after=0, seconds=5.0))
        update = await line.answer(0.1)
        if update is not None:
            ward = decode(update.ward)
        if true(ward):
            return ward
    raise AssertionError(f"it did not come true: {line.state}, {line.trouble}")


def test_a_station_watches_and_cannot_end_what_it_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the monitor's name; read only; its end and the monitor's are no concern of each other."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    async def watch(kill: Callable[[], None]) -> None:
        passing, line = Line(attach.find("ward")), Line(attach.find("ward"))
        try:
            await until(passing, lambda _: passing.state == "up")
            passing.close()
            ward = await until(line, lambda ward: bool(ward.beds) and ward.beds[0].index > 0)
            assert line.welcome is not None
            assert ("ward", False) == (line.welcome.name, line.welcome.control)
            assert len(ward.beds[0].strip) > 0
            line.tell(link.Pull(after=0, seconds=float("inf")))
            await until(line, lambda _: "Expected" in line.refused)
            for command in (link.Stop(), link.Acknowledge(), link.PauseAudio()):
                line.refused = ""
                assert line.tell(command)
                await until(line, lambda _: bool(line.refused))
            kill()
            await until(line, lambda _: line.state == "lost")
        finally:
            line.close()

    env = no_records(tmp_path) | {"XDG_RUNTIME_DIR": str(runtime)}
    with beatline("demo", "--plain", "--name", "ward", env=env) as process:
        asyncio.run(watch(lambda: process.send_signal(signal.SIGTERM)))
        process.communicate(timeout=60)
    assert 0 == process.returncode
    assert [] == attach.running()


_STATION = """
import signal
from monitor.station import run
with run.demo("--beds", "1") as address:
    print(address, flush=True)
    signal.pause()
"""


def test_a_demonstration_ends_when_its_station_is_killed(tmp_path: Path) -> None:
    """kill -9, as when its terminal goes: monitor, device, engine and classifier end by themselves."""  # noqa: D403
    (tmp_path / "run").mkdir(mode=0o700)
    env = os.environ | no_records(tmp_path) | {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    command = [sys.executable, "-c", _STATION]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as station:
        try:
            assert station.stdout is not None
            assert station.stdout.readline().startswith("ipc://")
            own = psutil.Process(station.pid)
            words = ("monitor.engine", "monitor.classify", "sim", "demo")
            while not all(map(running_in(own), words)):
                assert station.poll() is None
            begun = own.children(recursive=True)
        finally:
            station.kill()
    _, left = psutil.wait_procs(begun, timeout=60)
    for process in left:
        process.kill()
    assert [] == left


def running_in(process: psutil.Process) -> Callable[[str], bool]:
    """Return whether a descendant of a process has a word in its command line."""

    def command(one: psutil.Process) -> list[str]:
        with contextlib.suppress(psutil.Error):
            return one.cmdline()
        return []

    return lambda word: any(word in part for one in process.children(recursive=True) for part in command(one))
