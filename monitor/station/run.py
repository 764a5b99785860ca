"""Starting a station: where its monitor is, on which terminal, and for how long."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from monitor import attach
from monitor.errors import FeedError
from monitor.pictures import write_svg
from monitor.station.app import Options, Station
from monitor.station.canvas import Canvas
from monitor.station.line import Line
from monitor.station.state import State

__all__ = ["Options", "Picture", "demo", "found", "run"]

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A station without a terminal, whose last frame is saved.

    Attributes
    ----------
    path, size
        File, and (columns, rows).
    seconds
        How long it watches.
    keys
        What is pressed one second before the end.
    """

    path: Path
    size: tuple[int, int]
    seconds: float
    keys: tuple[str, ...] = ()


def found(address: str | None, *, wait: bool) -> str:
    """Return the address of a monitor that is there, or is waited for.

    Raises
    ------
    FeedError
        There is none, and it is not to be waited for.
    """
    if address is None and wait and not attach.running():
        address = attach.NAME
    where = attach.find(address)
    if not wait and not _answers(where):
        raise FeedError(
            f"no monitor answers at {where}: start one with beatline monitor, or wait with --wait"
        )
    return where


def run(address: str, state: State, options: Options, picture: Picture | None = None) -> int:
    """Run a station on this process's terminal, or for a picture; return the exit code.

    Raises
    ------
    FeedError
        This is no address, or there is no terminal.
    """
    if picture is not None:
        return asyncio.run(_pictured(address, state, options, picture))
    terminal = all(map(_is_terminal, (sys.stdin, sys.stdout, sys.stderr)))
    if not terminal and "TEXTUAL_DRIVER" not in os.environ:  # a browser is one too
        raise FeedError("a station needs a terminal: expected one on all three standard streams")
    return Station(Line(address), state, options).run() or 0


async def _pictured(address: str, state: State, options: Options, picture: Picture) -> int:
    station = Station(Line(address), state, options)
    async with station.run_test(size=picture.size) as pilot:
        await asyncio.sleep(max(0.0, picture.seconds - 1.0))
        if picture.keys:
            await pilot.press(*picture.keys)
        await asyncio.sleep(1.0)
        station.paint()
        canvas = station.query_one(Canvas)
        write_svg(canvas.frame, picture.path, scheme=canvas.scheme)
        station.exit(0)
    return 0


@contextlib.contextmanager
def demo(*arguments: str) -> Iterator[str]:
    """Run ``beatline demo`` beside this station; yield its address.

    It ends when this process does, however that ends: a terminal that goes leaves nobody to end it.
    """
    name = f"demo-{os.getpid()}"
    command = [sys.executable, "-m", "monitor", "demo", "--plain", "--allow-control", "--name", name]
    command += ["--parent", str(os.getpid())]
    child = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield attach.find(name)
    finally:
        child.terminate()
        try:
            child.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _answers(address: str) -> bool:
    """Whether somebody listens there."""
    parts = urlsplit(address)
    family = socket.AF_UNIX if parts.scheme == "ipc" else socket.AF_INET
    try:
        where = address.removeprefix("ipc://") if parts.scheme == "ipc" else (parts.hostname, parts.port)
        with socket.socket(family) as probe:
            probe.settimeout(2.0)
            probe.connect(where)
    except (OSError, ValueError, TypeError):
        return False
    return True


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
