"""Strips of signal around the worst errors: the reference above, what was told below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from monitor.canvas import COLOURS, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WIDTH_S", "Strip", "densest", "strips"]

WIDTH_S: Final = 10.0
"""Seconds of a strip."""
_INKS: Final = {"N": "#444444", "S": COLOURS[2], "V": COLOURS[1], "F": COLOURS[3], "Q": COLOURS[0]}
_TOP, _BOTTOM = 0.93, 0.07
"""Where the reference and what was told stand, as shares of the height."""
_LEAST_MV: Final = 0.6


@dataclass(frozen=True)
class Strip:
    """A stretch of a record with what is said of its beats.

    Attributes
    ----------
    title
        What it shows.
    start
        Index of the first sample.
    samples
        Of shape (n_samples, n_leads), millivolt; NaN = missing.
    reference, told
        Sample and class of each beat.
    errors
        Samples that are to be marked.
    """

    title: str
    fs: float
    leads: tuple[str, ...]
    start: int
    samples: NDArray[np.float64] = field(repr=False)
    reference: Sequence[tuple[int, str]]
    told: Sequence[tuple[int, str]]
    errors: Sequence[int]


def densest(
    errors: Mapping[str, NDArray[np.int64]], width: Mapping[str, int], *, most: int
) -> list[tuple[str, int]]:
    """Return where errors stand closest together: record and first sample, the worst first.

    A record gives one stretch, and further ones only where there are fewer records than asked for.

    Parameters
    ----------
    errors
        Samples of errors by record, ascending.
    width
        Samples of a stretch, by record.
    most
        How many to return.
    """
    found: list[tuple[int, int, str, int]] = []
    for record, samples in errors.items():
        free = np.asarray(samples, np.int64)
        for turn in range(most):
            if not len(free):
                break
            n_inside = np.searchsorted(free, free + width[record], "left") - np.arange(len(free))
            first = int(np.argmax(n_inside))
            inside = free[first : first + int(n_inside[first])]
            margin = (width[record] - int(inside[-1] - inside[0])) // 2
            found.append((turn, -len(inside), record, max(0, int(inside[0]) - margin)))
            free = free[(free < inside[0] - width[record]) | (free > inside[-1] + width[record])]
    return [(record, start) for _, _, record, start in sorted(found)[:most]]


def strips(shown: Sequence[Strip], path: Path, *, title: str = "") -> None:
    """Draw strips below each other.

    Parameters
    ----------
    shown
        At least one.
    path
        A PNG file.
    title
        Of the whole picture.
    """
    n_leads = max(len(strip.leads) for strip in shown)
    height = 1.35 + 0.65 * n_leads
    with picture(path, rows=len(shown), size=(13.0, 0.35 + height * len(shown))) as (figure, axes):
        for axis, strip in zip(axes, shown, strict=True):
            _draw(axis, strip)
        axes[-1].set_xlabel("s")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold")


def _draw(axis: "Axes", strip: Strip) -> None:
    n_samples = len(strip.samples)
    seconds = np.arange(n_samples) / strip.fs
    level = 0.0
    for lead, name in enumerate(strip.leads):
        values = strip.samples[:, lead] - np.nanmedian(strip.samples[:, lead])
        low, high = np.nanpercentile(values, (0.2, 99.8))
        low, high = min(low, -_LEAST_MV / 2), max(high, _LEAST_MV / 2)
        level -= high
        axis.plot(seconds, np.clip(values, low, high) + level, color="black", linewidth=0.8)
        axis.annotate(name, (0, level), (-4, 0), textcoords="offset points", ha="right", va="center")
        level += low
    axis.set_ylim(level * 1.18 - 0.1, -level * 0.18 + 0.1)
    axis.set_xlim(0, n_samples / strip.fs)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_xticks(np.arange(0, n_samples / strip.fs + 0.01, 1.0))
    axis.set_title(strip.title, loc="left", fontsize=10)
    stretch = range(strip.start, strip.start + n_samples)
    for at in strip.errors:
        if at in stretch:
            middle = (at - strip.start) / strip.fs
            axis.axvspan(middle - 0.12, middle + 0.12, color=COLOURS[4], alpha=0.35, linewidth=0)
    for height, name, marks in ((_TOP, "ref", strip.reference), (_BOTTOM, "told", strip.told)):
        transform = axis.get_xaxis_transform()
        axis.annotate(
            name,
            (0, height),
            (-4, 0),
            xycoords=axis.transAxes,
            textcoords="offset points",
            ha="right",
            va="center",
            color="#777777",
        )
        for at, label in marks:
            if at in stretch:
                axis.text(
                    (at - strip.start) / strip.fs,
                    height,
                    label,
                    transform=transform,
                    ha="center",
                    va="center",
                    fontsize=10,
                    fontweight="bold",
                    color=_INKS.get(label, "#444444"),
                )
    size = 1.0
    axis.plot([n_samples / strip.fs] * 2, [level, level + size], color="black", linewidth=2.5, clip_on=False)
    axis.annotate(
        "1 mV",
        (n_samples / strip.fs, level + size / 2),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )
