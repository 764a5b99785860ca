"""Pictures of how well classes were told, as PNG: plain axes, colours that the colour-blind can tell.

Drawn on `monitor.canvas`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from models.workshop.metrics import BINS, Calibration, Curve
from monitor.canvas import COLOURS, picture

__all__ = ["curves", "history", "reliability"]

_DASHES: Final = ("-", (0, (6, 2)), (0, (2, 1.5)), "-.", (0, (8, 2, 2, 2, 2, 2)))
"""A second cue beside colour."""
_LATE: Final = 25
"""From so many epochs on, no marker stands on each."""


def curves(
    lines: Mapping[str, Curve], path: Path, *, labels: tuple[str, str], shares: Mapping[str, float] | None
) -> None:
    """Draw ROC or precision-recall curves in the unit square.

    Parameters
    ----------
    lines
        By what the legend calls them.
    labels
        Of x and y.
    shares
        Precision-recall: the share of each line's class, which is what a guess has for precision.
        None: a ROC curve, where a guess lies on the diagonal.
    """
    with picture(path, size=(6.0, 6.6)) as (figure, (axis,)):
        if shares is None:
            axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="a guess")
        for i, (name, curve) in enumerate(lines.items()):
            ink, dash = COLOURS[i % len(COLOURS)], _DASHES[i % len(_DASHES)]
            style = "default" if shares is None else "steps-pre"
            axis.plot(curve.x, curve.y, color=ink, linestyle=dash, linewidth=1.8, label=name, drawstyle=style)
            if shares is not None:
                axis.axhline(shares[name], color=ink, linewidth=0.8, alpha=0.6)
        axis.set_xlim(-0.01, 1.01)
        axis.set_ylim(-0.01, 1.01)
        axis.set_aspect("equal")
        axis.set_xlabel(labels[0])
        axis.set_ylabel(labels[1])
        if axis.lines:
            figure.legend(loc="outside lower center", ncols=2, fontsize=9)


def reliability(found: Calibration, error: float, path: Path) -> None:
    """Draw how often beats were told rightly against how sure they were told, and how many were how sure.

    Parameters
    ----------
    error
        The expected calibration error, told in the title.
    """
    edges = np.linspace(0, 1, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    with picture(path, rows=2, size=(6.4, 6.2), heights=(3, 1)) as (_, (above, below)):
        above.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as sure as right")
        above.plot(found.confidence, found.right, "o-", color=COLOURS[0], linewidth=1.6, label="told rightly")
        gaps = (found.confidence, found.confidence, found.right)
        above.vlines(*gaps, color=COLOURS[1], linewidth=2.5, alpha=0.7, label="distance")
        above.set_ylabel("share told rightly")
        above.set_ylim(-0.02, 1.03)
        above.set_title(f"expected calibration error {100 * error:.1f} %", loc="left")
        above.legend(loc="upper left")
        below.bar(middles, found.n, width=0.9 / BINS, color=COLOURS[0])
        below.set_yscale("log")
        below.set_ylim(0.5, max(10.0, 2 * float(found.n.max())))
        below.set_ylabel("beats (log)")
        below.set_xlabel("highest probability")
        for axis in (above, below):
            axis.set_xlim(-0.01, 1.01)


def history(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw what training and validation had after each epoch: the loss, and what else has both.

    Parameters
    ----------
    rows
        Of ``history.csv``: a row per epoch; ``val_*`` is the validation's, the best loss is marked.
    """
    from matplotlib.ticker import MaxNLocator

    pairs = [name for name in rows[0] if f"val_{name}" in rows[0]]
    names = sorted(pairs, key=lambda name: name != "loss") or ["loss"]
    epochs = np.arange(1, len(rows) + 1)
    marker = "o" if len(rows) < _LATE else ""
    with picture(path, columns=len(names), size=(0.8 + 4.4 * len(names), 3.8)) as (_, axes):
        for axis, name in zip(axes, names, strict=True):
            for key, ink, dash, label in (
                (name, COLOURS[0], "-", "training"),
                (f"val_{name}", COLOURS[1], "--", "validation"),
            ):
                if key in rows[0]:
                    values = [row[key] for row in rows]
                    axis.plot(epochs, values, dash, color=ink, marker=marker, markersize=3.5, label=label)
            if "val_loss" in rows[0]:
                best = min(rows, key=lambda row: row["val_loss"])
                axis.axvline(
                    1 + rows.index(best), color="#777777", linewidth=1, linestyle=":", label="best loss"
                )
            axis.set_title(name.replace("_", " "), loc="left")
            axis.set_xlabel("epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.legend(loc="best", fontsize=9)
