"""What every picture is drawn on: plain axes, colours that the colour-blind can tell, a PNG file.

matplotlib is imported where a picture is drawn, never before; no window is ever opened.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.storage import cannot_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "picture"]

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
