"""Pictures of what was measured, as PNG: plain axes with units, colours that the colour-blind can tell.

matplotlib is imported where a picture is drawn, never before; no window is ever opened.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from monitor.canvas import COLOURS, picture

__all__ = ["noise_curves"]

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
"""A second cue beside colour."""
_MOST_CURVES: Final = 6
"""Of more records only the sum is drawn."""
_CURVES: Final = (
    ("QRS missed and invented", "beats", (("fn", "missed", "-"), ("fp", "invented", "--"))),
    ("V told where there is none", "beats", (("false_v", "", "-"),)),
    ("False high-priority alarms", "per hour", (("high_per_h", "", "-"),)),
    ("Other false alarms", "per hour", (("medium_per_h", "medium", "-"), ("low_per_h", "low", "--"))),
)
"""Title, unit, and the lines: key of a row, what to call it, style."""


def noise_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw errors and false alarms against the noise, a line per record.

    Parameters
    ----------
    rows
        Of `monitor.stress_report.rows`. Levels stand from the left: without noise, then ratios in
        descending order, or gains in the order given.
    path
        A PNG file.
    """
    levels = list(dict.fromkeys(row["level"] for row in rows))
    levels.sort(key=lambda level: _order(level, rows))
    records = [name for name in dict.fromkeys(row["record"] for row in rows) if name != "all"]
    names = {name: name for name in records}
    if len(records) > _MOST_CURVES:
        names = {"all": f"{len(records)} records"}
    values = {(row["record"], row["level"]): row for row in rows}
    with picture(path, rows=2, columns=2, size=(10.0, 7.0)) as (figure, axes):
        for axis, (title, unit, lines) in zip(axes, _CURVES, strict=True):
            for i, record in enumerate(names):
                for key, name, style in lines:
                    heights = [values.get((record, level), {}).get(key) for level in levels]
                    if name and not any(heights) and len(lines) > 1:
                        continue
                    axis.plot(
                        range(len(levels)),
                        [float("nan") if height is None else height for height in heights],
                        style,
                        color=COLOURS[i % len(COLOURS)],
                        marker=MARKERS[i % len(MARKERS)],
                        markerfacecolor=COLOURS[i % len(COLOURS)] if style == "-" else "white",
                        clip_on=False,
                        label=f"{names[record]} {name}".strip(),
                    )
            axis.set_title(title, loc="left")
            axis.set_ylabel(unit)
            axis.set_xticks(range(len(levels)), levels)
            axis.set_ylim(0, max(1.0, axis.get_ylim()[1]))
            if axis.lines:
                axis.legend(loc="upper left")
        for axis in axes[2:]:
            axis.set_xlabel(f"{rows[0]['noise']} noise, worse to the right")
        figure.suptitle("The line under noise, from 5:00 on", x=0.01, ha="left")


def _order(level: str, rows: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    snr_db = next(row["snr_db"] for row in rows if row["level"] == level)
    return (0 if level == "clean" else 1, 0.0 if snr_db is None else -snr_db)
