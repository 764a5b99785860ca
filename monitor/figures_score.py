"""Pictures of a comparison with reference annotations: where the errors lie, and how late things are told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from monitor.canvas import COLOURS, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["delays", "jitter", "record_errors"]

_MISSED, _INVENTED = COLOURS[0], COLOURS[1]
_MOST_BARS: Final = 60
_BINS: Final = 60


def record_errors(
    panels: Mapping[str, tuple[Sequence[str], Sequence[int], Sequence[int]]], path: Path
) -> None:
    """Draw missed (up) and false (down) beats of each record, the worst records first.

    Parameters
    ----------
    panels
        By title: names of records, and how many beats of each were missed and how many false. Each panel
        has its own order; records without an error are left out.
    path
        A PNG file.
    """
    with picture(path, rows=len(panels), size=(11.0, 0.4 + 2.5 * len(panels))) as (_, axes):
        for axis, (title, (records, missed, false)) in zip(axes, panels.items(), strict=True):
            order = sorted(range(len(records)), key=lambda i: (-(missed[i] + false[i]), records[i]))
            kept = [i for i in order if missed[i] + false[i]][:_MOST_BARS]
            x = np.arange(len(kept))
            for counts, sign, ink, name in ((missed, 1, _MISSED, "missed"), (false, -1, _INVENTED, "false")):
                heights = [sign * counts[i] for i in kept]
                bars = axis.bar(x, heights, color=ink, width=0.75, label=f"{name} {sum(counts):,}")
                texts = [f"{counts[i]}" if counts[i] else "" for i in kept]
                axis.bar_label(bars, texts, padding=1, fontsize=7, color=ink)
            axis.axhline(0, color="black", linewidth=0.8)
            axis.set_yscale("symlog", linthresh=10, linscale=0.6)
            axis.tick_params(axis="y", which="both", left=False, labelleft=False)
            axis.margins(y=0.16)
            axis.set_xticks(x, [records[i] for i in kept], rotation=90, fontsize=8)
            axis.set_xlim(-0.6, min(_MOST_BARS, max(len(records), 12)) - 0.4)
            axis.grid(visible=False)
            axis.set_ylabel("beats (log)")
            without = sum(not (m or f) for m, f in zip(missed, false, strict=True))
            axis.set_title(f"{title}: {without} of {len(records)} records without error", loc="left")
            axis.legend(loc="upper right", ncols=2)


def delays(kinds: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    """Draw how long after the R peak things were told.

    Parameters
    ----------
    kinds
        What was told (``detection``, ``provisional label`` ...) and the delays in milliseconds.
    path
        A PNG file.
    """
    shown = {name: values for name, values in kinds.items() if len(values)}
    far = max((float(np.percentile(values, 99.5)) for values in shown.values()), default=0.0)
    edges = np.linspace(0.0, max(100.0, 1.05 * far), _BINS + 1)
    with picture(path, rows=max(len(shown), 1), size=(8.0, 0.8 + 1.7 * max(len(shown), 1))) as (_, axes):
        for axis, (i, (name, values)) in zip(axes, enumerate(shown.items()), strict=False):
            axis.hist(
                np.clip(values, edges[0], edges[-1]), bins=edges.tolist(), color=COLOURS[i % len(COLOURS)]
            )
            _mark(axis, values, (50, 99), ("median", "p99"))
            axis.set_title(f"{name}: {len(values):,}", loc="left")
            axis.set_ylabel("beats")
            axis.set_xlim(edges[0], edges[-1])
        axes[-1].set_xlabel("ms after the R peak of the beat (more in the last bar)")


def jitter(values: NDArray[np.float64], path: Path, *, step_ms: float) -> None:
    """Draw how far R peaks told lie from the reference's, in milliseconds; late is positive.

    Parameters
    ----------
    step_ms
        One sample: no bar is narrower, and none lies between samples.
    """
    far = float(np.percentile(np.abs(values), 99.5)) if len(values) else 0.0
    width = step_ms * max(1, round(2.0 / step_ms))
    n_bars = max(4, round(max(20.0, min(150.0, far)) / width))
    edges = (np.arange(-n_bars, n_bars + 2) - 0.5) * width
    with picture(path, size=(8.0, 3.2)) as (_, (axis,)):
        inside = np.clip(values, edges[0] + width / 2, edges[-1] - width / 2)
        axis.hist(inside, bins=edges.tolist(), color=COLOURS[0], edgecolor="white", linewidth=0.4)
        if len(values):
            size = np.abs(values)
            axis.set_title(
                f"R peak, told minus reference: |median| {np.median(size):.1f} ms, "
                f"p90 {np.percentile(size, 90):.1f} ms, mean {np.mean(values):+.1f} ms",
                loc="left",
            )
        axis.set_xlabel("ms (more in the outer bars)")
        axis.set_ylabel("beats")


def _mark(
    axis: "Axes", values: NDArray[np.float64], percentiles: Sequence[int], names: Sequence[str]
) -> None:
    """Draw where percentiles lie, and say so."""
    for percentile, name, style in zip(percentiles, names, ("-", "--"), strict=True):
        at = float(np.percentile(values, percentile))
        axis.axvline(at, color="black", linewidth=1.2, linestyle=style, label=f"{name} {at:.0f} ms")
    axis.legend(loc="best")
