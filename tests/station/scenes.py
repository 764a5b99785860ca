"""A monitor that a test plays, and a station on it, driven by Textual's pilot."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from textual.pilot import Pilot

from monitor import link
from monitor.link import Update, Welcome
from monitor.snapshots import BedSnapshot, WardSnapshot, encode
from monitor.station.app import Options, Station
from monitor.station.canvas import Canvas
from monitor.station.line import LineState
from monitor.station.state import State

KIM = Options(by="kim", control=True, frames_per_s=20.0)


class Played:
    """The line to a monitor, played by a test: what it says stands in ``ward`` and ``entries``."""

    def __init__(self, ward: WardSnapshot, *, control: bool = True) -> None:
        self.state: LineState = "up"
        self.welcome: Welcome | None = Welcome(name="ward", run=1, control=control)
        self.refused = ""
        self.trouble = ""
        self.anew = True
        self.awaited = False
        self.ward = ward
        self.entries: list[link.Entry] = []
        self.told: list[link.Request] = []
        self.pulls: list[link.Pull] = []
        self.closed = False

    def ask(self, pull: link.Pull) -> None:
        """Take a pull."""
        self.pulls.append(pull)
        self.awaited = True

    def tell(self, command: link.Request) -> bool:
        """Take a command."""
        self.told.append(command)
        return self.state == "up"

    async def answer(self, seconds: float) -> Update | None:  # noqa: ARG002  as a line is asked
        """Answer the last pull at once, or not at all."""
        await asyncio.sleep(0)
        if self.state != "up":
            return None
        self.awaited = False
        pull = self.pulls[-1]
        ward = msgspec.structs.replace(self.ward, taken_ns=time.time_ns())
        entries, self.entries = self.entries, []
        return Update(
            ward=encode(ward, seconds=pull.seconds, trend=pull.trend),
            entries=entries,
            last=pull.after + len(entries),
            missed=0,
            first_sample_ns=None,
            classifier="ready",
            done=False,
            faults=0,
            cpu_s=0.0,
        )

    def close(self) -> None:
        """Note it."""
        self.closed = True


def drive(
    played: Played,
    script: Callable[[Station, Pilot[int]], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 40),
    options: Options = KIM,
    state: State | None = None,
) -> Station:
    """Run a station on a played monitor while a script presses its keys."""

    async def run() -> Station:
        station = Station(played, state or State(), options)
        async with station.run_test(size=size) as pilot:
            await until(pilot, lambda: bool(played.pulls) and not played.awaited)
            await until(pilot, lambda: station.known.ward.beds != () or not played.ward.beds)
            await script(station, pilot)
        return station

    return asyncio.run(run())


async def until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    """Let the station run until something holds."""
    for _ in range(400):
        if true():
            return
        await pilot.pause(0.005)
    raise AssertionError("it did not come true")


def shown(station: Station) -> str:
    """Return what is on the picture."""
    station.paint()
    return "\n".join(station.query_one(Canvas).frame.lines())


def with_limits(bed: BedSnapshot, **limits: float) -> BedSnapshot:
    """Return the bed with these limits in force."""
    return msgspec.structs.replace(bed, limits=limits)
