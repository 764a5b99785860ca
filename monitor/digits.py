"""Numbers large enough to read from the door."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.waveform import Charset

__all__ = ["big", "small"]

_PIXELS: Final = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
}
_SEVEN: Final = {
    "0": (" _ ", "| |", "|_|"),
    "1": ("   ", "  |", "  |"),
    "2": (" _ ", " _|", "|_ "),
    "3": (" _ ", " _|", " _|"),
    "4": ("   ", "|_|", "  |"),
    "5": (" _ ", "|_ ", " _|"),
    "6": (" _ ", "|_ ", "|_|"),
    "7": (" _ ", "  |", "  |"),
    "8": (" _ ", "|_|", "|_|"),
    "9": (" _ ", "|_|", " _|"),
    "-": ("   ", " _ ", "   "),
}


def big(text: str, charset: Charset) -> NDArray[np.uint32]:
    """Return character codes of shape (5, 7 n - 1) for digits and ``-``."""
    full = "#" if charset == "ascii" else "█"
    rows = [" ".join("".join(2 * pixel for pixel in _PIXELS[c][row]) for c in text) for row in range(5)]
    return _codes([row.replace("#", full) for row in rows])


def small(text: str, charset: Charset) -> NDArray[np.uint32]:
    """Return character codes of shape (3, 4 n - 1) for digits and ``-``."""
    if charset == "ascii":
        return _codes([" ".join(_SEVEN[c][row] for c in text) for row in range(3)])
    half = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}
    rows = [" ".join(_PIXELS[c][row] for c in text) for row in range(5)]
    rows.append(" " * len(rows[0]))
    joined = [
        "".join(half[a + b] for a, b in zip(rows[i], rows[i + 1], strict=True))
        for i in range(0, len(rows), 2)
    ]
    return _codes(joined)


def _codes(rows: list[str]) -> NDArray[np.uint32]:
    return np.array([[ord(c) for c in row] for row in rows], dtype=np.uint32)
