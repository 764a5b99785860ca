"""The waveforms of one bed, drawn into a part of a frame: leads, beat letters, bars of known height."""

from dataclasses import dataclass
from typing import Final, Literal

from monitor.events import Priority
from monitor.frame import Frame
from monitor.layout import Area
from monitor.settings import DisplaySettings
from monitor.snapshots import BedSnapshot, Scale
from monitor.waveform import CELLS, Charset, Sweep, bar, trace

__all__ = ["CELL_MM", "Pen", "draw_still", "draw_waves"]

CELL_MM: Final = (2.0, 4.0)
"""(width, height) that a cell is taken for where speed or gain is given in mm: a terminal knows no mm."""
_GUTTER: Final = 6
"""Cells left of a trace: lead name and the bar."""
_DOTS_PER_S: Final = 20
"""Least resolution of a sweep whose length is given: a QRS of 100 ms is two dots wide."""
_LEAD_ROWS: Final = 4
"""Rows a second lead must have to be worth drawing."""
_FLAT_ROWS: Final = 2
"""Rows of a lead where all of many are wanted."""
_COLUMN: Final = 50
"""Cells a column of leads must have where there are two."""
_HIGH: Final = 9
"""Rows of waveform from which on all leads are wanted."""
_BARS_MV: Final = (5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
_QUALITY: Final = {"off": "LEAD OFF", "saturated": "SATURATED", "flat": "NO SIGNAL", "noisy": "NOISY"}


@dataclass(frozen=True, slots=True)
class Pen:
    """How a bed is drawn.

    Attributes
    ----------
    sweep_s
        Seconds across, where no speed is given; a narrow tile shows less.
    speed_mm_s
        Sweep speed, for cells of `CELL_MM`.
    gain_mm_mv
        Gain, for the same; None lets every lead choose its own scale.
    dark
        Priorities whose flashing alarms are not lit now, see `monitor.signals.dark`.
    """

    charset: Charset = "braille"
    sweep_s: float = DisplaySettings().sweep_s
    speed_mm_s: Literal[25, 50] | None = None
    gain_mm_mv: Literal[5, 10, 20] | None = None
    dark: frozenset[Priority] = frozenset()

    def seconds(self, n_cells: int) -> float:
        """Return how much time so many cells show."""
        if self.speed_mm_s is not None:
            return n_cells * CELL_MM[0] / self.speed_mm_s
        across = CELLS[self.charset][0]
        return max(2.0, min(self.sweep_s, float(n_cells * across // _DOTS_PER_S)))

    def view(self, scale: Scale, n_rows: int) -> tuple[float, float]:
        """Return (lowest, highest) millivolt that so many rows show; a set gain keeps a lead's middle."""
        if self.gain_mm_mv is None:
            return scale.low, scale.high
        middle = (scale.low + scale.high) / 2
        half = n_rows * CELL_MM[1] / self.gain_mm_mv / 2
        return middle - half, middle + half


@dataclass(frozen=True, slots=True)
class _Part:
    """Some leads of a bed, in one geometry."""

    leads: list[int]
    sweep: Sweep
    ink: str


def draw_waves(frame: Frame, area: Area, bed: BedSnapshot, pen: Pen) -> None:
    """Draw the row of beat letters and as many leads as have room, in two columns if these hold more."""
    if not len(bed.strip) or bed.fs <= 0 or area.height < 1 or area.width <= _GUTTER + 2:
        return
    n_columns, n_down = _arranged(len(bed.leads), area)
    leads = _leads(bed, n=n_columns * n_down)
    for i in range(n_columns):
        left = area.column + area.width * i // n_columns
        right = area.column + area.width * (i + 1) // n_columns
        part = Area(area.row, left, right - left, area.height, area.least)
        if mine := leads[i * n_down : (i + 1) * n_down]:
            _column(frame, part, bed, mine, pen)


def draw_still(frame: Frame, area: Area, bed: BedSnapshot, pen: Pen, *, seconds: float) -> tuple[int, int]:
    """Draw what happened from sample 0 on, over the whole width: a strip that has ended.

    Returns
    -------
    tuple
        (first cell, number of cells) that the waves take.
    """
    left, width = area.column + _GUTTER, area.width - _GUTTER - 1
    n = round(seconds * bed.fs)
    sweep = Sweep(n_samples=n, n_cells=width, head=n, charset=pen.charset, erased=0)
    n_leads = min(len(bed.leads), max(1, (area.height - 1) // _LEAD_ROWS))
    _draw(frame, area, bed, _Part(_leads(bed, n=n_leads), sweep, "trace"), pen)
    return left, width


def _arranged(n_leads: int, area: Area) -> tuple[int, int]:
    """Return columns, and leads in each: of comfortable height if that shows all, else of less."""
    rows = max(1, area.least - 1)
    most = 2 if area.width >= 2 * _COLUMN else 1
    if rows < _HIGH or n_leads <= rows // _LEAD_ROWS:
        return 1, max(1, rows // _LEAD_ROWS)
    for n_columns in range(1, most + 1):
        n_down = -(-n_leads // n_columns)
        if n_down <= rows // _LEAD_ROWS:
            return n_columns, n_down
    n_columns = 2 if area.width >= _COLUMN else 1
    n_down = min(-(-n_leads // n_columns), max(rows // _FLAT_ROWS, 1))
    return n_columns, n_down


def _leads(bed: BedSnapshot, *, n: int) -> list[int]:
    """Return the leads to draw, in their order; the usable ones where there is no room for all."""
    everything = range(len(bed.leads))
    usable = sorted(everything, key=lambda lead: bed.quality[lead] in ("off", "saturated", "flat"))
    return sorted(usable[:n])


def _column(frame: Frame, area: Area, bed: BedSnapshot, leads: list[int], pen: Pen) -> None:
    """Draw leads one below the other, with the beats' letters above them where there is a row for these."""
    width = area.width - _GUTTER - 1
    sweep = Sweep(
        n_samples=max(1, round(pen.seconds(width) * bed.fs)),
        n_cells=width,
        head=bed.strip.stop - bed.delay,
        charset=pen.charset,
        erased=max(2, width // 24),
    )
    ink = "dim" if bed.status in ("lost", "ended") else "trace"
    _draw(frame, area, bed, _Part(leads, sweep, ink), pen)


def _draw(frame: Frame, area: Area, bed: BedSnapshot, part: _Part, pen: Pen) -> None:
    leads, sweep, ink = part.leads, part.sweep, part.ink
    width = sweep.n_cells
    left, above = area.column + _GUTTER, 1 if area.height > 1 else 0
    if above:
        _letters(frame, area.row, left, bed, sweep)
    rows = area.height - above
    for i, lead in enumerate(leads):
        top = area.row + above + rows * i // len(leads)
        height = area.row + above + rows * (i + 1) // len(leads) - top
        view = pen.view(bed.scales[lead], height)
        codes = trace(bed.strip, lead=lead, delay=bed.delay, sweep=sweep, view=view, n_rows=height)
        frame.blit(top, left, codes, ink)
        _gutter(frame, Area(top, area.column, _GUTTER, height), bed.leads[lead], view, charset=pen.charset)
        _state(frame, Area(top, left, width, height), bed.quality[lead])


def _letters(frame: Frame, row: int, left: int, bed: BedSnapshot, sweep: Sweep) -> None:
    """Write each beat's label above the place where it happened."""
    waiting = "." if sweep.charset == "ascii" else "·"
    for mark in bed.marks:
        cell = sweep.cell(mark.sample)
        if cell is not None:
            frame.put(row, left + cell, mark.label or waiting, f"mark {mark.label or 'Q'}")


def _gutter(frame: Frame, area: Area, name: str, view: tuple[float, float], *, charset: Charset) -> None:
    """Write the lead's name and a bar of known height, which stands on 0 mV where that is in view."""
    low, high = view
    height_mv = next((mv for mv in _BARS_MV if mv <= 0.6 * (high - low)), _BARS_MV[-1])
    base = max(low, 0.0) if low + height_mv <= high else low
    base = min(base, high - height_mv)
    codes = bar(base, base + height_mv, view=view, n_rows=area.height, charset=charset)
    frame.blit(area.row, area.column + _GUTTER - 1, codes, "dim")
    frame.put(area.row, area.column, name, "strong", width=_GUTTER - 1)
    if area.height > 1:
        frame.put(area.row + 1, area.column, f"{height_mv:g}mV", "dim", width=_GUTTER - 1)


def _state(frame: Frame, area: Area, quality: str) -> None:
    text = _QUALITY.get(quality)
    if text is None:
        return
    if quality == "noisy" and area.height > 2:  # the trace still says something: do not cover it
        frame.put(area.row + 2, area.column - _GUTTER, text, "technical", width=_GUTTER - 1)
        return
    column = area.column + (area.width - len(text) - 2) // 2
    frame.put(area.row + (area.height - 1) // 2, max(area.column, column), f" {text} ", "technical")
