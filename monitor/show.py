"""How a run is shown: as lines, as JSON lines, or on a screen. Each takes the engine's updates."""

import time
from typing import Final, Protocol, TextIO

from monitor import lines
from monitor.events import Notice
from monitor.link import Update

__all__ = ["ENGINE_DIED", "JsonLines", "PlainLines", "Show"]

ENGINE_DIED: Final = "THE MONITOR HAS STOPPED: no bed is being watched"


class Show(Protocol):
    """What the front process asks of a way to show things.

    Attributes
    ----------
    interval_s
        How often it wants an update.
    seconds
        How much waveform it wants with it; 0 for none.
    """

    interval_s: float
    seconds: float

    def push(self, update: Update) -> None:
        """Take what the engine said."""

    def tick(self) -> None:
        """Draw what is known, whether or not an update came."""

    def keys(self, seconds: float) -> list[str]:
        """Wait so long at most for keys pressed."""

    def engine_died(self) -> None:
        """Say that the engine is gone: nothing more will come."""

    def close(self) -> None:
        """Show what is still held; give the terminal back."""


class _Text:
    """What both kinds of lines share: no keyboard, nothing to redraw."""

    interval_s = 0.02
    seconds = 0.0

    def tick(self) -> None:
        """Lines are printed as they come."""

    def keys(self, seconds: float) -> list[str]:
        """Wait; there is no keyboard."""
        time.sleep(seconds)
        return []


class PlainLines(_Text):
    """One line per beat, once, in order, and one per alert; see `monitor.lines.Lines`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines = lines.Lines()

    def push(self, update: Update) -> None:
        """Print the lines that are complete now."""
        if update.missed:
            self._print(
                [f"{lines.clock(time.time_ns())} ! {update.missed} events not shown: read too slowly"]
            )
        for entry in update.entries:
            self._print(self._lines.push(entry.bed, entry.event, time_ns=entry.time_ns, fs=entry.fs))
        if update.classifier == "failed":
            self._print(self._lines.abandon())
        if update.entries:
            self._out.flush()

    def engine_died(self) -> None:
        """Print it."""
        self._print([f"{lines.clock(time.time_ns())} {lines.MARKS['technical']} {ENGINE_DIED}"])

    def close(self) -> None:
        """Print the beats that were never labelled."""
        self._print(self._lines.flush())
        self._out.flush()

    def _print(self, texts: list[str]) -> None:
        self._out.writelines(f"{text}\n" for text in texts)


class JsonLines(_Text):
    """Every event as one JSON object per line; see `monitor.lines.entry`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out.buffer

    def push(self, update: Update) -> None:
        """Print the events, and how many could not be told."""
        if update.missed:
            self._notice(f"{update.missed} events not shown: read too slowly")
        for entry in update.entries:
            line = lines.entry(entry.event, bed=entry.bed, record=entry.record, time=entry.time_ns)
            self._out.write(line + b"\n")
        if update.entries:
            self._out.flush()

    def engine_died(self) -> None:
        """Print it as a notice."""
        self._notice(ENGINE_DIED)

    def _notice(self, text: str) -> None:
        notice = Notice(sample=0, decided=0, text=text)
        self._out.write(lines.entry(notice, bed="", record="", time=time.time_ns()) + b"\n")

    def close(self) -> None:
        """Nothing is held."""
        self._out.flush()
