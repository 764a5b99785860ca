"""Pictures of the screen for the README: the very frame that a terminal was shown, as SVG.

Every cell is placed by itself and braille and block characters are drawn as shapes, so the picture
looks the same whatever fonts a viewer has.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from rich.terminal_theme import TerminalTheme

from monitor.errors import StorageError
from monitor.frame import Frame
from monitor.inks import styles

__all__ = ["write_svg"]

_THEME: Final = TerminalTheme(
    (12, 14, 18),
    (214, 218, 224),
    [
        (12, 14, 18),
        (205, 49, 49),
        (57, 200, 110),
        (229, 192, 74),
        (72, 126, 220),
        (196, 98, 196),
        (60, 190, 210),
        (200, 204, 210),
    ],
    [
        (122, 130, 142),
        (255, 90, 90),
        (90, 235, 140),
        (255, 214, 90),
        (110, 160, 250),
        (230, 130, 230),
        (100, 225, 240),
        (245, 247, 250),
    ],
)


_WIDTH, _HEIGHT = 8, 16
"""Pixels of a cell."""
_BLOCKS: Final = {"█": (0.0, 1.0), "▀": (0.0, 0.5), "▄": (0.5, 1.0), "─": (0.48, 0.54)}
"""Characters that are drawn as a share of the cell's height."""


def write_svg(frame: Frame, path: Path, *, scheme: str = "night") -> None:
    """Save a frame as an SVG picture.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    n_columns, n_rows = frame.size
    width, height = (n_columns + 2) * _WIDTH, (n_rows + 1) * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" rx="6" fill="{_hex(_THEME.background_color)}"/>',
        f'<g transform="translate({_WIDTH} {_HEIGHT // 2})" font-size="13.28" xml:space="preserve" '
        "font-family=\"'DejaVu Sans Mono',Menlo,Consolas,monospace\">",
        *_inks(frame, scheme),
        "</g></svg>",
    ]
    try:
        path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"picture {path} cannot be written: {error.strerror}") from error


def _inks(frame: Frame, scheme: str) -> Iterator[str]:
    """Yield, for each ink, its backgrounds, its shapes as one path, and its text."""
    for ink in np.unique(frame.inks).tolist():
        style = styles(scheme)[ink]
        color = _hex(style.color.get_truecolor(_THEME) if style.color else _THEME.foreground_color)
        ground = _hex(style.bgcolor.get_truecolor(_THEME)) if style.bgcolor else ""
        if style.reverse:
            color, ground = ground or _hex(_THEME.background_color), color
        cells = np.argwhere(frame.inks == ink).tolist()
        if ground:
            filled = "".join(_rectangle(column, row, 0.0, 1.0) for row, column in cells)
            yield f'<path fill="{ground}" d="{filled}"/>'
        shapes: list[str] = []
        dots: list[str] = []
        for row, column in cells:
            code = int(frame.codes[row, column])
            if 0x2800 <= code < 0x2900:
                dots.append(_dots(column, row, code - 0x2800))
            elif chr(code) in _BLOCKS:
                shapes.append(_rectangle(column, row, *_BLOCKS[chr(code)]))
        if shapes:
            yield f'<path fill="{color}" d="{"".join(shapes)}"/>'
        if dots:
            yield f'<path stroke="{color}" stroke-width="2.8" d="{"".join(dots)}"/>'
        weight = ' font-weight="bold"' if style.bold else ""
        for row, column, word in _words(frame, ink):
            place = f'x="{column * _WIDTH}" y="{row * _HEIGHT + 13}" textLength="{len(word) * _WIDTH}"'
            yield f'<text {place} fill="{color}"{weight}>{escape(word)}</text>'


def _words(frame: Frame, ink: int) -> Iterator[tuple[int, int, str]]:
    """Yield (row, column, word) of what is text in one ink."""
    for row in np.flatnonzero((frame.inks == ink).any(axis=1)).tolist():
        here = zip(frame.codes[row].tolist(), frame.inks[row].tolist(), strict=True)
        text = "".join(chr(code) if at == ink and _is_text(code) else " " for code, at in here)
        for match in re.finditer(r"\S+", text):
            yield row, match.start(), match.group()


def _is_text(code: int) -> bool:
    return not 0x2800 <= code < 0x2900 and chr(code) not in _BLOCKS


def _rectangle(column: int, row: int, top: float, bottom: float) -> str:
    height = (bottom - top) * _HEIGHT
    return f"M{column * _WIDTH} {row * _HEIGHT + top * _HEIGHT:g}h{_WIDTH}v{height:g}h-{_WIDTH}z"


def _dots(column: int, row: int, bits: int) -> str:
    """Return the dots of one braille cell as strokes, four pixels apart."""
    places = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
    return "".join(
        f"M{column * _WIDTH + 4 * x + 2} {row * _HEIGHT + 4 * y}v3"
        for bit, (x, y) in enumerate(places)
        if bits >> bit & 1
    )


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color[:3])
