"""Cutting a screen into tiles."""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["MIN_FLAT", "MIN_TILE", "Area", "grid"]

MIN_TILE: Final = (38, 5)
"""(columns, rows) of the smallest tile with a row of beat letters."""
MIN_FLAT: Final = (38, 2)
"""Of the smallest that shows anything: a title with rate and alarm, and a strip of wave."""
_RATIO: Final = 9.0
"""Width over height of a tile that shows a sweep well; a cell is twice as high as it is wide."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells.

    Attributes
    ----------
    least
        Height of the lowest tile beside it, which chooses the layout: all tiles of a grid look alike.
    """

    row: int
    column: int
    width: int
    height: int
    least: int = 0

    def holds(self, column: int, row: int) -> bool:
        """Whether a cell lies within."""
        return self.column <= column < self.column + self.width and self.row <= row < self.row + self.height


def grid(n_tiles: int, area: Area, *, smallest: tuple[int, int] = MIN_TILE) -> list[Area]:
    """Cut an area into tiles: as many of ``n_tiles`` as fit, as near to a good shape as can be.

    Parameters
    ----------
    smallest
        (columns, rows) that a tile must have; one tile is always returned.
    """
    width, height = area.width, area.height
    best: tuple[int, float, int, int] | None = None
    for n_across in range(1, max(1, width // smallest[0]) + 1):
        n_down = max(1, min(-(-n_tiles // n_across), height // smallest[1]))
        n_shown = min(n_tiles, n_across * n_down)
        ratio = (width / n_across) / (height / n_down)
        choice = (n_shown, -abs(math.log(ratio / _RATIO)), n_across, n_down)
        if best is None or choice > best:
            best = choice
    assert best is not None
    n_shown, _, n_across, n_down = best
    areas = []
    for i in range(n_shown):
        down, across = divmod(i, n_across)
        top, bottom = (area.row + height * edge // n_down for edge in (down, down + 1))
        left, right = (area.column + width * edge // n_across for edge in (across, across + 1))
        between = 2 if right < area.column + width else 0
        areas.append(Area(top, left, right - left - between, bottom - top, height // n_down))
    return areas
