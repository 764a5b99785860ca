"""Pictures of mean waveforms: with what speaks for a class on them, and with what each point tells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.workshop.explain import METHODS, Explanation
from models.workshop.material import Axis
from monitor.canvas import COLOURS, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["attribution", "profile"]

_FOR, _AGAINST = COLOURS[1], COLOURS[0]
_INKS: Final = (_AGAINST, "#B8B8B8", _FOR)
"""From against to for, over nothing in the middle: vermilion and blue differ for any colour vision."""
_SMOOTH: Final = 5
"""Points over which the colour is averaged, so that it can be seen; the shares below are not."""
_STRONG: Final = 0.35
"""From this part of the highest share on, the colour is full; of Grad-CAM only the highest is."""
_DASHES: Final = ("-", (0, (6, 2)), (0, (2, 1.5)), "-.", (0, (8, 2, 2, 2, 2, 2)))


def attribution(found: Sequence[Explanation], path: Path, *, axis: Axis) -> None:
    """Draw each class's mean waveform, coloured by what speaks for the class, and that below it.

    A row for each class, a column for each lead. The grey band is one standard deviation of the beats.
    Below, the shares themselves: up speaks for the class, down against it.
    """
    n_leads, signed = found[0].mean.shape[1], found[0].method == "ig"
    heights = [part for _ in found for part in (2.2, 1.0)]
    size = (max(7.0, 5.2 * n_leads), 0.9 + 2.3 * len(found))
    with picture(path, rows=2 * len(found), columns=n_leads, size=size, heights=heights) as (figure, all_):
        for k, one in enumerate(found):
            most = max(float(np.abs(one.attribution).max()), 1e-12)
            for lead in range(n_leads):
                above, below = (all_[(2 * k + row) * n_leads + lead] for row in (0, 1))
                _wave(above, one, lead, axis.ms, most * (_STRONG if signed else 1.0))
                _shares(below, one.attribution[:, lead], axis.ms, most)
                title = f"{one.name}, {one.counted}"
                where = f"lead {lead + 1} of {n_leads}"
                above.set_title(f"{title}, {where}" if n_leads > 1 else title, loc="left")
        for below in all_[-n_leads:]:
            below.set_xlabel(axis.label)
        how = "share in the probability of the class" if signed else "strength, of all leads together"
        figure.suptitle(
            f"{METHODS[found[0].method]}: {how};\nvermilion speaks for the class"
            + (", blue against it" if signed else ""),
            x=0.01,
            ha="left",
        )


def profile(
    bits: NDArray[np.float64],
    means: Mapping[str, NDArray[np.float64]],
    path: Path,
    *,
    axis: Axis,
    entropy: float,
) -> None:
    """Draw how much each point of the window tells of the class, below the classes' mean waveforms.

    Parameters
    ----------
    bits
        Of shape (n_points, n_channels).
    means
        By class, of the same shape.
    entropy
        Bits there are to be told: the entropy of the classes.
    """
    n_leads = bits.shape[1]
    size = (max(7.0, 5.2 * n_leads), 5.0)
    with picture(path, rows=2, columns=n_leads, size=size, heights=(1.4, 1)) as (_, all_):
        for lead in range(n_leads):
            above, below = all_[lead], all_[n_leads + lead]
            for i, (name, mean) in enumerate(means.items()):
                ink, dash = COLOURS[i % len(COLOURS)], _DASHES[i % len(_DASHES)]
                above.plot(axis.ms, mean[:, lead], color=ink, linestyle=dash, linewidth=1.6, label=name)
            above.set_title("mean beats" + (f", lead {lead + 1}" if n_leads > 1 else ""), loc="left")
            above.legend(loc="best", fontsize=9)
            below.fill_between(axis.ms, bits[:, lead], color=COLOURS[0], alpha=0.8, linewidth=0)
            below.set_title(f"information gain; the classes hold {entropy:.2f} bit", loc="left")
            below.set_ylabel("bit")
            below.set_ylim(0, 1.08 * max(float(bits.max()), 1e-6))
            below.set_xlabel(axis.label)
            for here in (above, below):
                here.set_xlim(axis.ms[0], axis.ms[-1])


def _wave(here: "Axes", one: Explanation, lead: int, ms: NDArray[np.float64], full: float) -> None:
    """Draw a mean waveform in stretches, each in the colour of what it says, full from ``full`` on."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    mean, spread = one.mean[:, lead], one.spread[:, lead]
    smooth = np.convolve(one.attribution[:, lead], np.ones(_SMOOTH) / _SMOOTH, mode="same")
    here.fill_between(ms, mean - spread, mean + spread, color="#E6E6E6", linewidth=0)
    points = np.stack((ms, mean), axis=1)
    lines = LineCollection(
        np.stack((points[:-1], points[1:]), axis=1).tolist(),
        cmap=LinearSegmentedColormap.from_list("speaks", _INKS),
        norm=Normalize(-full, full, clip=True),
        linewidth=2.6,
        capstyle="round",
    )
    lines.set_array(smooth[:-1] / 2 + smooth[1:] / 2)
    here.add_collection(lines)
    here.set_xlim(ms[0], ms[-1])
    here.autoscale_view(scalex=False)
    here.tick_params(labelbottom=False)


def _shares(here: "Axes", shares: NDArray[np.float64], ms: NDArray[np.float64], most: float) -> None:
    for side, ink in ((np.maximum(shares, 0), _FOR), (np.minimum(shares, 0), _AGAINST)):
        here.fill_between(ms, side, color=ink, linewidth=0, step="mid")
    here.axhline(0, color="#777777", linewidth=0.8)
    here.set_xlim(ms[0], ms[-1])
    here.set_ylim(-1.05 * most if shares.min() < 0 else 0, 1.05 * most)
