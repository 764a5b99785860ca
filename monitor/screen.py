"""The live screen: pulled snapshots, drawn at its own rate on a terminal that is given back as it was."""

import os
import select
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console

from monitor import snapshots
from monitor.display import Look, render
from monitor.frame import Frame, Painter
from monitor.link import Update
from monitor.settings import DisplaySettings
from monitor.show import ENGINE_DIED
from monitor.snapshots import WardSnapshot
from monitor.terminal import Stops, terminal_size
from monitor.vitals import KEEP_S
from monitor.waveform import charset_for

__all__ = ["Screen"]


class Screen:
    """Draws the ward on this process's terminal.

    Parameters
    ----------
    settings
        Frames per second and length of the sweep.
    ascii_only
        Draw with ASCII characters alone.
    picture
        File that the last frame is saved to, as SVG.
    size
        (columns, rows) to draw, None for the terminal's own.
    """

    def __init__(
        self,
        settings: DisplaySettings,
        *,
        ascii_only: bool,
        picture: Path | None,
        size: tuple[int, int] | None,
    ) -> None:
        charset = charset_for("ascii" if ascii_only else sys.stdout.encoding, os.environ.get("TERM", ""))
        self.interval_s = 1 / settings.frames_per_s
        self.seconds = min(KEEP_S, settings.sweep_s + 2 * self.interval_s)
        self._look = Look(
            charset=charset,
            sweep_s=settings.sweep_s,
            page_s=settings.page_s,
            stale_s=settings.stale_s,
            hint="a acknowledge  q end",
        )
        self._picture = picture
        self._size = size
        self._ward = WardSnapshot(
            classifier="loading",
            notices=("starting: what stood before is not known yet",),
            taken_ns=time.time_ns(),
        )
        self._frame: Frame | None = None
        self._painter = Painter(Console()) if sys.stdout.isatty() else None
        self._stops = Stops()
        if self._painter is not None:
            self._painter.__enter__()
            self._stops.watch()

    def push(self, update: Update) -> None:
        """Take the ward as it stands."""
        if update.ward:
            self._ward = snapshots.decode(update.ward)

    def tick(self) -> None:
        """Draw it; stop here where Ctrl-Z asked for it, and draw anew when that is over."""
        self._obey_stops()
        now = time.time_ns()
        # Before there is a bed, nothing that is shown can be stale: the engine may still be loading.
        ward = self._ward if self._ward.beds else msgspec.structs.replace(self._ward, taken_ns=now)
        columns, rows = self._size or terminal_size()
        frame = render(ward, (columns, rows), now, look=self._look)
        if self._painter is not None:
            self._painter.paint(frame)
        if not any(bed.connection == "ended" for bed in ward.beds):
            self._frame = frame  # the picture is of the run, not of its end

    def keys(self, seconds: float) -> list[str]:
        """Wait so long at most for keys pressed."""
        if sys.stdin is None or not sys.stdin.isatty():
            time.sleep(seconds)
            return []
        readable, _, _ = select.select([sys.stdin], [], [], seconds)
        if not readable:
            return []
        pressed = os.read(sys.stdin.fileno(), 64).decode("utf-8", "ignore")
        if not pressed:  # the terminal has gone
            time.sleep(seconds)
        return list(pressed)

    def engine_died(self) -> None:
        """Leave the last picture, with every bed lost and the reason above all."""
        beds = tuple(msgspec.structs.replace(bed, connection="lost") for bed in self._ward.beds)
        self._ward = msgspec.structs.replace(self._ward, beds=beds, notices=(f"! {ENGINE_DIED}",))

    def close(self) -> None:
        """Give the terminal back; save the picture if one is wanted."""
        if self._painter is not None:
            self._stops.forget()
            self._painter.__exit__(None, None, None)
        if self._picture is not None and self._frame is not None:
            from monitor.pictures import write_svg

            write_svg(self._frame, self._picture)

    def _obey_stops(self) -> None:
        if self._painter is not None and self._stops.pending:
            self._painter.__exit__(None, None, None)
            self._stops.obey()
            self._painter.__enter__()
            self._painter.forget()
