"""A screen as a grid of styled cells, and a painter that writes only the cells that changed.

`Frame` is a rich renderable: printed by a console it looks the same as painted. `Painter` owns a
terminal: alternate screen, hidden cursor, no echo, synchronized updates, and everything put back
however it ends.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from types import TracebackType
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from monitor.inks import NUMBERS, STYLES, prefixes

__all__ = ["Frame", "Painter", "changes"]

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE: Final = "\x1b[0m\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_NEAR: Final = 6
"""Unchanged cells that are cheaper to write again than to jump over."""


class Frame:
    """``n_rows`` x ``n_columns`` character cells with a style each.

    Attributes
    ----------
    codes
        Unicode code points, of shape (n_rows, n_columns).
    inks
        Index into `monitor.inks.INKS`, of the same shape.
    ascii_only
        What is not ASCII is written as ``?``.
    """

    def __init__(self, n_columns: int, n_rows: int, *, ascii_only: bool = False) -> None:
        self.codes: NDArray[np.uint32] = np.full((max(1, n_rows), max(1, n_columns)), 0x20, dtype=np.uint32)
        self.inks: NDArray[np.uint8] = np.zeros(self.codes.shape, dtype=np.uint8)
        self.ascii_only = ascii_only

    @property
    def size(self) -> tuple[int, int]:
        """(n_columns, n_rows)."""
        return self.codes.shape[1], self.codes.shape[0]

    def put(self, row: int, column: int, text: str, ink: str = "plain", *, width: int | None = None) -> int:
        """Write text, cut at ``width`` cells and at the edge; return the column behind it.

        Characters that are not exactly one cell wide, control characters among them, become ``?``: text
        from the wire cannot move anything on the screen.
        """
        n_columns, n_rows = self.size
        room = n_columns - column if width is None else min(width, n_columns - column)
        text = text[: max(0, room)]
        if 0 <= row < n_rows and 0 <= column < n_columns and text:
            if not (text.isascii() and text.isprintable()):
                text = "".join(map(self._shown, text))
            self.codes[row, column : column + len(text)] = np.frombuffer(
                text.encode("utf-32-le"), dtype="<u4"
            )
            self.inks[row, column : column + len(text)] = NUMBERS[ink]
        return column + len(text)

    def fill(self, row: int, column: int, width: int, character: str = " ", ink: str = "plain") -> None:
        """Fill a stretch of one row."""
        self.put(row, column, character * max(0, width), ink)

    def blit(self, row: int, column: int, codes: NDArray[np.uint32], ink: str) -> None:
        """Copy drawn cells of shape (n_rows, n_columns) into the frame."""
        height, width = codes.shape
        self.codes[row : row + height, column : column + width] = codes
        self.inks[row : row + height, column : column + width] = NUMBERS[ink]

    def lines(self) -> list[str]:
        """Return the rows as plain text."""
        return ["".join(map(chr, row)) for row in self.codes.tolist()]

    def runs(self, row: int, start: int = 0, stop: int | None = None) -> Iterator[tuple[str, int]]:
        """Yield (text, ink number) for each run of one style in part of a row."""
        inks = self.inks[row, start:stop]
        codes = self.codes[row, start:stop].tolist()
        cuts = [0, *(np.flatnonzero(np.diff(inks)) + 1).tolist(), len(codes)]
        for a, b in pairwise(cuts):
            yield "".join(map(chr, codes[a:b])), int(inks[a])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the rows as rich segments."""
        for row in range(len(self.codes)):
            for text, ink in self.runs(row):
                yield Segment(text, STYLES[ink])
            yield Segment.line()

    def _shown(self, character: str) -> str:
        return "?" if self.ascii_only and not character.isascii() else _one_cell(character)


@lru_cache(maxsize=1024)
def _one_cell(character: str) -> str:
    return character if character.isprintable() and cell_len(character) == 1 else "?"


class Painter:
    """Shows frames on a terminal, writing only what differs from the frame before.

    Use it as a context: on leaving, the terminal is as it was, also after an exception.

    Parameters
    ----------
    console
        Says where to write, which colours there are, and honours ``NO_COLOR``.

    Attributes
    ----------
    n_bytes, n_frames
        What was written so far.
    """

    def __init__(self, console: Console) -> None:
        self._stream: TextIO = console.file  # type: ignore[assignment]
        self._encoding: str = getattr(self._stream, "encoding", None) or "utf-8"
        self._prefixes = prefixes("mono" if console.no_color else "night", console.color_system)
        self._shown: Frame | None = None
        self._echo: list[object] | None = None
        self.n_bytes = 0
        self.n_frames = 0

    def __enter__(self) -> "Painter":
        self._echo = _silenced(sys.stdin)
        self._write(_ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone needs no restoring
            self._write(_LEAVE)
        _restored(sys.stdin, self._echo)

    def paint(self, frame: Frame) -> int:
        """Show a frame; return the bytes written."""
        changed = self._changes(frame)
        self._shown = frame
        self.n_frames += 1
        return self._write(f"{_BEGIN}{changed}{_END}") if changed else 0

    def forget(self) -> None:
        """Take nothing on the terminal for granted: the next frame is written in full."""
        self._shown = None

    def _changes(self, frame: Frame) -> str:
        if self._shown is not None and self._shown.size == frame.size:
            return changes(self._shown, frame, self._prefixes)
        return "\x1b[0m\x1b[2J" + changes(Frame(*frame.size), frame, self._prefixes)

    def _write(self, text: str) -> int:
        body = text.encode(self._encoding, "replace")  # a name must not stop the screen
        self._stream.write(body.decode(self._encoding))
        self._stream.flush()
        self.n_bytes += len(body)
        return len(body)


def changes(old: Frame, new: Frame, prefixes: Sequence[str], *, at: tuple[int, int] = (0, 0)) -> str:
    """Return what turns a terminal that shows ``old`` into one that shows ``new``, of the same size.

    Parameters
    ----------
    prefixes
        As `monitor.inks.prefixes` gives them.
    at
        (column, row) of the frame's corner on the terminal.
    """
    out: list[str] = []
    differ = (old.codes != new.codes) | (old.inks != new.inks)
    ink: int | None = None
    for row in np.flatnonzero(differ.any(axis=1)).tolist():
        for start, stop in _spans(np.flatnonzero(differ[row]).tolist()):
            out.append(f"\x1b[{row + at[1] + 1};{start + at[0] + 1}H")
            for text, now in new.runs(row, start, stop):
                if now != ink:
                    out.append(prefixes[now])
                    ink = now
                out.append(text)
    return "".join(out)


def _spans(columns: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Join changed cells that lie near each other into (start, stop)."""
    start = last = columns[0]
    for column in columns[1:]:
        if column - last > _NEAR:
            yield start, last + 1
            start = column
        last = column
    yield start, last + 1


def _silenced(stream: TextIO | None) -> list[object] | None:
    """Turn off echo and line mode of a terminal; return what to restore, None where it is none."""
    if stream is None:  # closed by whoever started this process
        return None
    try:
        import termios
    except ImportError:
        return None
    try:
        number = stream.fileno()
        if not os.isatty(number):
            return None
        before = termios.tcgetattr(number)
        after = list(before)
        after[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(number, termios.TCSADRAIN, after)
    except (OSError, ValueError, termios.error):  # no terminal, or closed, or gone
        return None
    return list(before)


def _restored(stream: TextIO | None, before: list[object] | None) -> None:
    if stream is None or before is None:
        return
    import termios

    with contextlib.suppress(OSError, ValueError, termios.error):
        termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, before)  # type: ignore[arg-type]
