"""Annotations written by hand, for tests of what is made of them."""

from collections.abc import Sequence

import numpy as np

from monitor.score.marks import Marks

Row = tuple[int, str] | tuple[int, str, int | str]
"""Sample and symbol; then a subtype or a note."""


def marks(*rows: Row, fs: float | None = None) -> Marks:
    """Return annotations: ``marks((100, "N"), (200, "+", "(AFIB"), (300, "~", -1))``."""
    extras = [row[2] if len(row) > 2 else 0 for row in rows]
    return Marks(
        np.array([row[0] for row in rows], np.int64),
        tuple(row[1] for row in rows),
        tuple(extra if isinstance(extra, int) else 0 for extra in extras),
        tuple(extra if isinstance(extra, str) else "" for extra in extras),
        fs,
    )


def beats(symbols: str, *, first: int = 1000, step: int = 300) -> list[Row]:
    """Return beats at equal distances."""
    return [(first + i * step, symbol) for i, symbol in enumerate(symbols)]


def shifted(rows: Sequence[Row], by: int) -> list[Row]:
    """Return the same, later."""
    return [(row[0] + by, *row[1:]) for row in rows]
