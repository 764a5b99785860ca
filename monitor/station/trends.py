"""The trend of one bed: heart rate and V per minute over hours, with axes. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.announcing import announced
from monitor.events import TrendPoint
from monitor.frame import Frame
from monitor.layout import Area
from monitor.snapshots import BedSnapshot
from monitor.tile import Pen, alarm_brief, alarm_text, flashing, pvc_text
from monitor.waveform import CELLS, cells

__all__ = ["draw_trends"]

_GUTTER: Final = 8
_WIDE: Final = 100
"""Columns from which on there is room for all that became of an alarm."""
_HR_STEPS: Final = (10, 20, 25, 50, 100)
_PVC_STEPS: Final = (1, 2, 5, 10, 20, 50, 100)
_NONE: Final = "no trend yet: one point is kept per minute of signal"


def draw_trends(
    frame: Frame, area: Area, bed: BedSnapshot, points: Sequence[TrendPoint], pen: Pen, *, hours: int
) -> None:
    """Draw the heart rate above the V per minute, the newest at the right."""
    rate = "---" if bed.hr_bpm is None or bed.status in ("lost", "ended") else f"{bed.hr_bpm:.0f}"
    at = frame.put(area.row, area.column + 1, f" {bed.bed} ", "strong")
    for alarm in announced(bed)[:1]:
        text = alarm_text(alarm) if area.width >= _WIDE else alarm_brief(alarm)
        at = frame.put(area.row, at + 1, f" {text} ", flashing(alarm, pen))
    at = frame.put(area.row, at + 1, f"HR {rate}  PVC/min {pvc_text(bed)}", "rate")
    frame.put(area.row, at + 2, f"last {hours} h of signal (+ changes)", "dim")
    now = points[-1].minute if points else 0
    shown = [point for point in points if point.minute > now - 60 * hours]
    if not shown:
        frame.put(area.row + area.height // 2, area.column + (area.width - len(_NONE)) // 2, _NONE, "dim")
        return
    width = area.width - _GUTTER - 1
    high = max(3, (area.height - 3) * 2 // 3)
    minutes = np.array([point.minute - (now - 60 * hours) - 1 for point in shown])
    columns = np.stack([minutes, minutes + 1]) * width * CELLS[pen.charset][0] // (60 * hours)
    upper = Area(area.row + 1, area.column + _GUTTER, width, high)
    lower = Area(upper.row + high + 1, upper.column, width, max(1, area.height - high - 3))
    rates = np.array([np.nan if p.hr_bpm is None else p.hr_bpm for p in shown])
    _graph(frame, upper, columns, _Axis.of(rates, _HR_STEPS, floor=False), rates, pen)
    frame.put(upper.row, area.column, "HR", "strong")
    counts = np.array([np.nan if p.pvc is None else float(p.pvc) for p in shown])
    _graph(frame, lower, columns, _Axis.of(counts, _PVC_STEPS, floor=True), counts, pen)
    frame.put(lower.row, area.column, "PVC", "strong")
    _hours(frame, area, upper, hours)


class _Axis:
    """A range in whole steps that holds all values; with ``floor`` it begins at 0 and values are bars."""

    def __init__(self, low: float, high: float, *, floor: bool) -> None:
        self.low, self.high, self.floor = low, high, floor

    @classmethod
    def of(cls, values: NDArray[np.float64], steps: Sequence[int], *, floor: bool) -> "_Axis":
        known = values[np.isfinite(values)]
        least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        least = 0.0 if floor else least
        step = next((step for step in steps if most - least <= 4 * step), steps[-1])
        low = np.floor(least / step) * step
        return cls(float(low), float(max(np.ceil(most / step) * step, low + step)), floor=floor)


def _graph(
    frame: Frame,
    area: Area,
    columns: NDArray[np.int64],
    axis: _Axis,
    values: NDArray[np.float64],
    pen: Pen,
) -> None:
    """Draw a step per minute, or a bar up to it; minutes without a value stay empty.

    ``columns`` has shape (2, n_points): the dot column at which each minute begins, and that of its end.
    """
    across, down = CELLS[pen.charset]
    n = area.height * down
    dots = np.zeros((n, area.width * across), dtype=bool)
    rows = np.rint((axis.high - values) / (axis.high - axis.low) * (n - 1))
    before: tuple[int, int] | None = None
    for start, stop, row in zip(*columns.tolist(), rows.tolist(), strict=True):
        if not np.isfinite(row):
            continue
        at = int(np.clip(row, 0, n - 1))
        bottom = n if axis.floor and at < n - 1 else at + 1
        dots[at:bottom, start : max(stop, start + 1)] = True
        if not axis.floor and before is not None and before[0] == start:  # the minute before joins
            dots[min(at, before[1]) : max(at, before[1]) + 1, start] = True
        before = (stop, at)
    codes = cells(dots, pen.charset, shape=(area.height, area.width))
    frame.blit(area.row, area.column, codes, "mark V" if axis.floor else "trace")
    for row, value in ((area.row, axis.high), (area.row + area.height - 1, axis.low)):
        frame.put(row, area.column - 4, f"{value:>3.0f}", "dim")


def _hours(frame: Frame, area: Area, graph: Area, hours: int) -> None:
    """Write how long ago, below the graphs."""
    row = area.row + area.height - 1
    for quarter in range(4):
        minutes = 60 * hours * (4 - quarter) // 4
        text = f"-{minutes // 60}:{minutes % 60:02}"
        frame.put(row, graph.column + graph.width * quarter // 4, text, "dim")
    frame.put(row, graph.column + graph.width - 3, "now", "dim")
