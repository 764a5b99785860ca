"""A waveform as characters: where each sample stands in a sweep, and which dots it sets.

A sweep stands still while time passes over it: the place of a sample is its absolute index modulo
the sweep, and a bar of blank columns runs ahead of the newest one. So a screen that repaints only
what changed writes a few columns per frame.

Each dot column is drawn from the lowest to the highest value inside it, its interpolated edges
included: no R peak falls between two columns and no step is left open. Cells are braille (2 x 4
dots), half blocks (1 x 2) or ASCII (1 x 3), for terminals and fonts that have no more.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.strip import Strip

__all__ = ["CELLS", "Charset", "Sweep", "bar", "cells", "charset_for", "trace"]

Charset: TypeAlias = Literal["braille", "block", "ascii"]

CELLS: Final[dict[Charset, tuple[int, int]]] = {"braille": (2, 4), "block": (1, 2), "ascii": (1, 3)}
"""Dots of one character cell: (across, down)."""

_BITS: Final[dict[Charset, NDArray[np.uint32]]] = {
    "braille": np.array([[1, 8], [2, 16], [4, 32], [64, 128]], dtype=np.uint32),
    "block": np.array([[1], [2]], dtype=np.uint32),
    "ascii": np.array([[1], [2], [4]], dtype=np.uint32),
}
_GLYPHS: Final[dict[Charset, NDArray[np.uint32]]] = {
    "braille": np.array([0x20, *range(0x2801, 0x2900)], dtype=np.uint32),
    "block": np.array([ord(c) for c in " ▀▄█"], dtype=np.uint32),
    "ascii": np.array([ord(c) for c in " '-|.|||"], dtype=np.uint32),
}


def charset_for(encoding: str | None, term: str = "") -> Charset:
    """Return the finest charset that an output encoding and a terminal can show.

    Examples
    --------
    >>> charset_for("utf-8"), charset_for("cp437"), charset_for("ascii"), charset_for("utf-8", "linux")
    ('braille', 'block', 'ascii', 'block')
    """
    wanted: dict[Charset, str] = {"braille": "⣿", "block": "▀▄█│─·"}
    for charset, sample in wanted.items():
        if charset == "braille" and term == "linux":  # the kernel's console font has no braille
            continue
        try:
            sample.encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            continue
        return charset
    return "ascii"


@dataclass(frozen=True, slots=True)
class Sweep:
    """The geometry of one sweep.

    Attributes
    ----------
    n_samples
        Length of the sweep in samples.
    n_cells
        Its width on the screen.
    head
        Index one past the newest sample drawn, in time of the received signal.
    charset
        What the cells are made of.
    erased
        Cells kept blank ahead of the newest.
    """

    n_samples: int
    n_cells: int
    head: int
    charset: Charset = "braille"
    erased: int = 2

    @property
    def n_columns(self) -> int:
        """Dot columns of the sweep."""
        return self.n_cells * CELLS[self.charset][0]

    @property
    def visible(self) -> tuple[int, int]:
        """Absolute dot columns shown: first, and one past the last."""
        stop = (self.head - 1) * self.n_columns // self.n_samples + 1
        return stop - self.n_columns + self.erased * CELLS[self.charset][0], stop

    def cell(self, sample: int) -> int | None:
        """Return the cell in which a sample stands, None where it is not on the screen."""
        column = sample * self.n_columns // self.n_samples
        first, stop = self.visible
        if not first <= column < stop:
            return None
        return column % self.n_columns // CELLS[self.charset][0]


def trace(
    strip: Strip, *, lead: int, delay: int, sweep: Sweep, view: tuple[float, float], n_rows: int
) -> NDArray[np.uint32]:
    """Draw one lead.

    Parameters
    ----------
    strip, delay
        The waveform; its value at index i shows what happened at i - delay.
    lead
        Which column of it.
    sweep
        Where things stand.
    view
        (lowest, highest) value shown, millivolt; what lies beyond is drawn at the edge.
    n_rows
        Height in cells.

    Returns
    -------
    NDArray
        Character codes of shape (n_rows, sweep.n_cells).
    """
    _, down = CELLS[sweep.charset]
    dots = np.zeros((n_rows * down, sweep.n_columns), dtype=bool)
    first, stop = sweep.visible
    low, high = _envelope(strip, lead=lead, delay=delay, sweep=sweep)
    drawn = np.flatnonzero(np.isfinite(low))
    if len(drawn):
        n = n_rows * down
        top = _dot_rows(high[drawn], view=view, n=n)
        bottom = _dot_rows(low[drawn], view=view, n=n)
        rows = np.arange(n)[:, np.newaxis]
        dots[:, np.arange(first, stop)[drawn] % sweep.n_columns] = (rows >= top) & (rows <= bottom)
    return cells(dots, sweep.charset, shape=(n_rows, sweep.n_cells))


def bar(
    low: float, high: float, *, view: tuple[float, float], n_rows: int, charset: Charset
) -> NDArray[np.uint32]:
    """Draw an upright bar from ``low`` to ``high`` millivolt in one column of cells."""
    across, down = CELLS[charset]
    rows = np.arange(n_rows * down)
    top, bottom = _dot_rows(np.array([high, low]), view=view, n=len(rows))
    dots = np.zeros((len(rows), across), dtype=bool)
    dots[:, -1] = (rows >= top) & (rows <= bottom)
    return cells(dots, charset, shape=(n_rows, 1))


def _envelope(
    strip: Strip, *, lead: int, delay: int, sweep: Sweep
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return lowest and highest value within each visible dot column, NaN where there is nothing."""
    first, stop = sweep.visible
    edges = np.arange(first, stop + 1)
    starts = -(-edges * sweep.n_samples // sweep.n_columns)  # the first sample of each column
    values = np.full(max(1, int(starts[-1] - starts[0])), np.nan)
    shift = strip.start - delay - int(starts[0])
    source = strip.samples[max(0, -shift) : max(0, len(values) - shift), lead]
    at = max(0, shift)
    values[at : at + len(source)] = source
    at_edges = np.interp(
        edges * (sweep.n_samples / sweep.n_columns) - starts[0],
        np.arange(len(values)),
        values,
        left=np.nan,
        right=np.nan,
    )
    begin = np.minimum(starts[:-1] - starts[0], len(values) - 1)
    empty = np.diff(starts) == 0
    low = np.where(empty, np.nan, np.fmin.reduceat(values, begin))
    high = np.where(empty, np.nan, np.fmax.reduceat(values, begin))
    low = np.fmin(low, np.fmin(at_edges[:-1], at_edges[1:]))
    high = np.fmax(high, np.fmax(at_edges[:-1], at_edges[1:]))
    return low, high


def _dot_rows(values: NDArray[np.float64], *, view: tuple[float, float], n: int) -> NDArray[np.int64]:
    low, high = view
    rows = np.rint((high - values) / (high - low) * (n - 1))
    return np.clip(rows, 0, n - 1).astype(np.int64)


def cells(dots: NDArray[np.bool_], charset: Charset, *, shape: tuple[int, int]) -> NDArray[np.uint32]:
    """Return the characters of dots, of shape (rows x dots down, columns x dots across)."""
    across, down = CELLS[charset]
    grouped = dots.reshape(shape[0], down, shape[1], across)
    codes = np.einsum("rdca,da->rc", grouped, _BITS[charset], dtype=np.uint32)
    glyphs: NDArray[np.uint32] = _GLYPHS[charset][codes]
    return glyphs
