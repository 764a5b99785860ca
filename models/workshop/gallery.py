"""Beats as the network saw them, with what they are, what it told and how sure: hits and misses."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.workshop.material import Axis
from monitor.canvas import COLOURS, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EACH", "Shown", "choose", "draw"]

EACH: Final = 3
"""Hits and misses shown of each class."""
_HIT, _MISS = COLOURS[0], COLOURS[1]
_GAP: Final = 1.15
"""Leads stand so many times the highest lead's range apart."""


class Shown(NamedTuple):
    """A beat to show.

    Attributes
    ----------
    row
        Its place among the predictions.
    truth, told
        Names of classes.
    probability
        Of the class told.
    """

    row: int
    truth: str
    told: str
    probability: float

    @property
    def hit(self) -> bool:
        """Whether it was told rightly."""
        return self.truth == self.told


def choose(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    classes: Sequence[str],
    *,
    each: int = EACH,
    seed: int = 0,
) -> list[list[Shown | None]]:
    """Return, for each class that is there, a row of hits, drawn at random, and of its surest misses.

    Parameters
    ----------
    truth, probabilities
        Of shape (n,) and (n, n_classes).
    each
        Hits in a row, and misses; None stands where there are not so many.
    """
    rng = np.random.default_rng(seed)
    told, sure = np.argmax(probabilities, axis=1), np.max(probabilities, axis=1)
    rows: list[list[Shown | None]] = []
    for label in np.unique(truth).tolist():
        hits = np.flatnonzero((truth == label) & (told == label))
        misses = np.flatnonzero((truth == label) & (told != label))
        picked = np.sort(rng.choice(hits, min(each, len(hits)), replace=False))
        surest = misses[np.argsort(-sure[misses], kind="stable")][:each]
        row: list[Shown | None] = []
        for places in (picked, surest):
            row += [Shown(k, classes[label], classes[told[k]], float(sure[k])) for k in places.tolist()]
            row += [None] * (each - len(places))
        rows.append(row)
    return rows


def draw(
    shown: Sequence[Sequence[Shown | None]],
    windows: NDArray[np.float32],
    records: NDArray[np.str_],
    path: Path,
    *,
    axis: Axis,
) -> None:
    """Draw beats as `choose` returns them, hits to the left and misses to the right; leads one below another.

    Parameters
    ----------
    windows, records
        Of the predictions' rows: (n, n_points, n_channels) and (n,).
    axis
        Of the windows.
    """
    n = len(shown[0])
    with picture(path, rows=len(shown), columns=n, size=(2.0 * n, 0.7 + 1.55 * len(shown))) as (figure, all_):
        for k, here in enumerate(all_):
            one = shown[k // n][k % n]
            here.set_yticks([])
            here.spines["left"].set_visible(False)
            if one is None:
                here.set_axis_off()
                here.text(
                    0.5,
                    0.5,
                    "none" if k % (n // 2) == 0 else "",
                    ha="center",
                    color="#777777",
                    fontsize=9,
                    transform=here.transAxes,
                )
                continue
            _beat(here, windows[one.row], axis.ms, _HIT if one.hit else _MISS)
            mark = "✓" if one.hit else "✗"
            here.set_title(
                f"{mark} {one.truth} told {one.told} {one.probability:.2f}",
                loc="left",
                fontsize=9,
                color=_HIT if one.hit else _MISS,
                fontweight="bold",
            )
            here.set_xlabel(f"record {records[one.row]}" if records[one.row] else "", fontsize=8, labelpad=1)
            here.tick_params(labelsize=8)
        figure.suptitle(
            f"Hits, drawn at random (left), and the surest misses (right); {axis.label}", x=0.01, ha="left"
        )


def _beat(here: "Axes", window: NDArray[np.float32], ms: NDArray[np.float64], ink: str) -> None:
    step = _GAP * max(float(np.ptp(window, axis=0).max()), 1e-6)
    for lead in range(window.shape[1]):
        values = window[:, lead] - np.median(window[:, lead]) - lead * step
        here.plot(ms, values, color=ink if lead == 0 else "#555555", linewidth=1.1)
    here.set_xlim(ms[0], ms[-1])
