"""Timelines: what a reference holds against what was told, a line for each kind of alarm."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from monitor.canvas import COLOURS, picture
from monitor.score.alarms import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Line", "timeline"]

_INKS: Final[dict[Verdict, str]] = {
    "right": COLOURS[2],
    "related": COLOURS[5],
    "false": COLOURS[1],
    "unjudged": "#999999",
}
_HATCHES: Final[dict[Verdict, str]] = {"right": "", "related": "", "false": "///", "unjudged": "..."}
"""A second cue beside colour."""
_NAMES: Final[dict[Verdict, str]] = {
    "right": "told, right",
    "related": "told, another condition",
    "false": "told, false",
    "unjudged": "told, cannot be judged",
}
_LEAST: Final = 1 / 400
"""Share of the time shown that a bar takes at least, so that it can be seen."""


class Line(NamedTuple):
    """One kind: stretches of the reference with whether they were answered, and alarms with their verdict."""

    kind: str
    asked: Sequence[tuple[float, float, bool]]
    told: Sequence[tuple[float, float, Verdict]]


def timeline(lines: Sequence[Line], path: Path, *, title: str, seconds: tuple[float, float]) -> None:
    """Draw lines below each other: the reference above, what was told below.

    Parameters
    ----------
    path
        A PNG file.
    seconds
        Where the time shown begins and ends.
    """
    with picture(path, size=(11.0, 1.5 + 0.42 * len(lines))) as (figure, (axis,)):
        for row, line in enumerate(lines):
            for start, stop, answered in line.asked:
                ink = "black" if answered else COLOURS[3]
                _bar(axis, (start, stop), row - 0.36, seconds, color=ink, hatch="" if answered else "xxx")
            for start, stop, verdict in line.told:
                _bar(axis, (start, stop), row + 0.02, seconds, color=_INKS[verdict], hatch=_HATCHES[verdict])
        axis.set_yticks(range(len(lines)), [line.kind.replace("_", " ") for line in lines])
        axis.set_ylim(len(lines) - 0.45, -0.55)
        axis.set_xlim(seconds[0] / 60, seconds[1] / 60)
        axis.set_xlabel("min; of each kind above the reference, below what was told")
        axis.set_title(title, loc="left")
        _legend(figure, lines)


def _bar(
    axis: "Axes",
    stretch: tuple[float, float],
    top: float,
    seconds: tuple[float, float],
    *,
    color: str,
    hatch: str,
) -> None:
    width = max(stretch[1] - stretch[0], _LEAST * (seconds[1] - seconds[0]))
    axis.broken_barh(
        [(stretch[0] / 60, width / 60)],
        (top, 0.34),
        facecolor=color,
        edgecolor="white" if hatch else color,
        linewidth=0.3,
        hatch=hatch,
    )


def _legend(figure: "Figure", lines: Sequence[Line]) -> None:
    """Name what is to be seen."""
    from matplotlib.patches import Patch

    told = {verdict for line in lines for *_, verdict in line.told}
    answered = {raised for line in lines for *_, raised in line.asked}
    marks = [Patch(color="black", label="reference, raised in time")] if True in answered else []
    if False in answered:
        marks.append(Patch(facecolor=COLOURS[3], edgecolor="white", hatch="xxx", label="reference, missed"))
    marks += [
        Patch(facecolor=ink, edgecolor="white", hatch=_HATCHES[verdict], label=_NAMES[verdict])
        for verdict, ink in _INKS.items()
        if verdict in told
    ]
    figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), fontsize=8)
