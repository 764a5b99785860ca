"""What every picture is drawn on: plain axes, colours that the colour-blind can tell, a PNG file.

And the one drawing that both score and workshop have: a confusion.

matplotlib is imported where a picture is drawn, never before; no window is ever opened.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from monitor.storage import cannot_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "confusion", "picture"]

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito 2008: told apart by people with any colour vision."""
_STYLE: Final[Any] = {  # matplotlib types its names one by one
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "figure.dpi": 120,
    "savefig.dpi": 120,
}


@contextmanager
def picture(
    path: Path,
    *,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (8.0, 4.5),
    heights: Sequence[float] | None = None,
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """Give a figure with axes to draw on, row by row, and write it when they are drawn.

    Parameters
    ----------
    path
        A PNG file; its folder is made if it does not exist.
    size
        Width and height in inches, at 120 dots each.
    heights
        Of the rows, in relation to one another.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        yield figure, list(axes.flat)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        except OSError as error:
            raise cannot_write(path, error) from error


def confusion(counts: ArrayLike, rows: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Draw beats by reference (rows) and class told (columns), shaded by the share of the row.

    Parameters
    ----------
    counts
        Of shape (n_rows, n_columns). A row without beats says so by dashes.
    rows, columns
        What to call them.
    path
        A PNG file.
    """
    table = np.asarray(counts)
    totals = table.sum(axis=1, keepdims=True)
    share = table / np.where(totals > 0, totals, 1)
    size = (2.2 + 1.0 * len(columns), 1.5 + 0.66 * len(rows))
    with picture(path, size=size) as (_, (axis,)):
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(columns)), columns)
        axis.set_yticks(range(len(rows)), rows)
        axis.tick_params(length=0)
        axis.xaxis.tick_top()
        axis.xaxis.set_label_position("top")
        axis.set_xlabel("told")
        axis.set_ylabel("reference")
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        for (i, j), count in np.ndenumerate(table):
            ink = "white" if share[i, j] > 0.55 else "#666666" if count == 0 else "black"
            text = f"{count:,}\n{100 * share[i, j]:.1f} %" if count else "0" if totals[i, 0] else "-"
            axis.text(j, i, text, ha="center", va="center", color=ink, linespacing=1.15)
