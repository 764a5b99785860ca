"""One bed, drawn into a part of a frame: name, alarms, heart rate, waveform with its beats.

Two layouts. High tiles put alarms and a large heart rate above waveforms as wide as the tile; flat
ones put the heart rate beside them. What is always there, always stands at the same place: the
title row, the rate, the row of beat letters, the traces with their names and a bar of known height.
"""

from dataclasses import dataclass
from typing import Final

from monitor import digits
from monitor.frame import Frame
from monitor.lines import MARKS
from monitor.snapshots import BedSnapshot, Scale, Standing
from monitor.vitals import announced
from monitor.waveform import CELLS, Charset, Sweep, bar, trace

__all__ = ["Area", "alarm_ink", "alarm_text", "draw_bed"]

_GUTTER: Final = 6
"""Cells left of a trace: lead name and the bar."""
_HIGH: Final = 15
"""Rows from which on a tile has the large layout."""
_OWN_ROW: Final = 10
"""Rows from which on alarms have a row of their own."""
_DOTS_PER_S: Final = 20
"""Least resolution of a sweep: a QRS of 100 ms is two dots wide."""
_LOSS_WIDTH: Final = 60
"""Cells from which on a title has room for the samples lost."""
_LEAD_ROWS: Final = 4
"""Rows a second lead must have to be worth drawing."""
_BARS_MV: Final = (5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
_QUALITY: Final = {"off": "LEAD OFF", "saturated": "SATURATED", "flat": "NO SIGNAL", "noisy": "NOISY"}
_STATUS: Final = {
    "waiting": ("WAITING", "technical"),
    "learning": ("LEARNING", "technical"),
    "live": ("live", "dim"),
    "lost": ("FEED LOST", "technical"),
    "ended": ("ended", "dim"),
}


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells.

    Attributes
    ----------
    least
        Height of the lowest tile beside it, which chooses the layout: all tiles of a grid look alike.
    """

    row: int
    column: int
    width: int
    height: int
    least: int = 0


def alarm_text(alarm: Standing) -> str:
    """Return an alarm as it is written: mark of its priority, text, and what has become of it."""
    state = " (latched)" if alarm.ended else " (acknowledged)" if alarm.acknowledged else ""
    return f"{MARKS[alarm.priority]} {alarm.text}{state}"


def alarm_ink(alarm: Standing) -> str:
    """Return the ink of an alarm: filled while it stands and nobody has acknowledged it."""
    quiet = alarm.ended or alarm.acknowledged
    return f"{alarm.priority} quiet" if quiet and alarm.priority != "technical" else alarm.priority


def draw_bed(frame: Frame, area: Area, bed: BedSnapshot, *, charset: Charset, sweep_s: float) -> None:
    """Draw one bed into its area, at least 38 x 5 cells."""
    alarms = announced(bed)
    own_row = area.least >= _OWN_ROW
    _title(frame, area, bed, [] if own_row else alarms, charset=charset)
    if area.least >= _HIGH:
        digits_width = _rate_large(frame, area, bed, alarms, charset=charset)
        for i, alarm in enumerate(alarms[:4]):
            _banner(frame, area.row + 1 + i, area.column + 1, area.width - digits_width - 3, alarm)
        waves = Area(area.row + 6, area.column, area.width, area.height - 6, area.least - 6)
    else:
        panel = _rate_small(frame, area, bed, alarms, charset=charset)
        top = area.row + 1
        if own_row:
            if alarms:
                width = area.width - panel - 2
                _banner(frame, top, area.column + 1, width, alarms[0], more=len(alarms) - 1)
            top += 1
        taken = top - area.row
        waves = Area(top, area.column, area.width - panel, area.height - taken, area.least - taken)
    _waves(frame, waves, bed, charset=charset, sweep_s=sweep_s)


def _title(frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], *, charset: Charset) -> None:
    """Write the rule that heads a tile: bed, alarm if it has no row of its own, record, state."""
    line = "-" if charset == "ascii" else "─"
    frame.fill(area.row, area.column, area.width, line, "dim")
    at = frame.put(area.row, area.column + 1, f" {bed.bed} ", "strong", width=max(8, area.width // 4))
    status, ink = _STATUS[bed.status]
    right = area.column + area.width - len(status) - 3
    if alarms and bed.status == "live" and at + len(_titled(alarms, short=True)) >= right:
        right = area.column + area.width - 1  # the alarm needs the room more
    else:
        frame.put(area.row, right, f" {status} ", ink)
    if bed.counters.lost and not alarms and area.width >= _LOSS_WIDTH:
        lost = f" {bed.counters.lost} lost "
        right -= len(lost) + 1
        frame.put(area.row, right, lost, "technical")
    if alarms:
        text = _titled(alarms, short=False)
        text = text if at + len(text) < right else _titled(alarms, short=True)
        at = frame.put(area.row, at, text, alarm_ink(alarms[0]), width=right - at - 1)
    if "synthetic" in bed.record.lower():
        frame.put(area.row, at, " SYNTHETIC ", "technical", width=right - at - 1)
    elif bed.record not in ("", bed.bed) and right - at > len(bed.record) + 2:
        frame.put(area.row, at, f" {bed.record} ", "dim")


def _titled(alarms: list[Standing], *, short: bool) -> str:
    """Return the first alarm as a title holds it; the short form cannot be cut before its state."""
    alarm = alarms[0]
    if short:
        state = "(L)" if alarm.ended else "(A)" if alarm.acknowledged else ""
        return f" {MARKS[alarm.priority]}{state} {alarm.text} "
    more = f" +{len(alarms) - 1}" if len(alarms) > 1 else ""
    return f" {alarm_text(alarm)}{more} "


def _banner(frame: Frame, row: int, column: int, width: int, alarm: Standing, *, more: int = 0) -> None:
    ink = alarm_ink(alarm)
    text = f" {alarm_text(alarm)}" + (f"   +{more} more" if more else "")
    frame.put(row, column, text.ljust(width), ink, width=width)


def _rate(bed: BedSnapshot, alarms: list[Standing]) -> tuple[str, str]:
    """Return the heart rate as text and its ink; ``---`` while it is not known or not current."""
    if bed.hr_bpm is None or bed.status in ("waiting", "lost", "ended"):
        return "---", "dim"
    worst = alarms[0].priority if alarms and not alarms[0].ended else "technical"
    ink = {"high": "high quiet", "medium": "medium quiet"}.get(worst, "rate")
    return f"{min(999, round(bed.hr_bpm)):>3}".replace(" ", ""), ink


def _rate_large(
    frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], *, charset: Charset
) -> int:
    text, ink = _rate(bed, alarms)
    codes = digits.big(text, charset)
    width = 22
    left = area.column + area.width - 1 - codes.shape[1]
    frame.blit(area.row + 1, left, codes, ink)
    label = area.column + area.width - 1 - width - 8
    frame.put(area.row + 1, label, "HR", "strong")
    frame.put(area.row + 2, label, "bpm", "dim")
    frame.put(area.row + 4, label, "PVC/min", "dim")
    frame.put(area.row + 5, label, str(bed.pvc_per_min), "strong")
    return width + 9


def _rate_small(
    frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], *, charset: Charset
) -> int:
    text, ink = _rate(bed, alarms)
    codes = digits.small(text, charset)
    left = area.column + area.width - 1
    frame.blit(area.row + 1, left - codes.shape[1], codes, ink)
    if area.least < _OWN_ROW:
        frame.put(area.row + 4, left - 11, f"PVC {bed.pvc_per_min:>2}/min".rjust(11), "dim")
    else:
        frame.put(area.row + 4, left - 6, "HR bpm", "dim")
        frame.put(area.row + 6, left - 11, f"PVC/min {bed.pvc_per_min:>3}", "dim")
    return 13


def _waves(frame: Frame, area: Area, bed: BedSnapshot, *, charset: Charset, sweep_s: float) -> None:
    """Draw the row of beat letters and as many leads as have room."""
    width = area.width - _GUTTER - 1
    if not len(bed.strip) or bed.fs <= 0:
        return
    across = CELLS[charset][0]
    seconds = max(2.0, min(sweep_s, float(width * across // _DOTS_PER_S)))
    sweep = Sweep(
        n_samples=round(seconds * bed.fs),
        n_cells=width,
        head=bed.strip.stop - bed.delay,
        charset=charset,
        erased=max(2, width // 24),
    )
    left = area.column + _GUTTER
    _letters(frame, area.row, left, bed, sweep)
    rows = area.height - 1
    leads = _leads(bed, n=max(1, (area.least - 1) // _LEAD_ROWS))
    ink = "dim" if bed.status in ("lost", "ended") else "trace"
    for i, lead in enumerate(leads):
        top = area.row + 1 + rows * i // len(leads)
        height = area.row + 1 + rows * (i + 1) // len(leads) - top
        scale = bed.scales[lead]
        view = (scale.low, scale.high)
        codes = trace(bed.strip, lead=lead, delay=bed.delay, sweep=sweep, view=view, n_rows=height)
        frame.blit(top, left, codes, ink)
        _lead_gutter(frame, Area(top, area.column, _GUTTER, height), bed.leads[lead], scale, charset=charset)
        _lead_state(frame, Area(top, left, width, height), bed.quality[lead])


def _leads(bed: BedSnapshot, *, n: int) -> list[int]:
    """Return the leads to draw, in their order; the usable ones where there is no room for all."""
    everything = range(len(bed.leads))
    usable = sorted(everything, key=lambda lead: bed.quality[lead] in ("off", "saturated", "flat"))
    return sorted(usable[:n])


def _letters(frame: Frame, row: int, left: int, bed: BedSnapshot, sweep: Sweep) -> None:
    """Write each beat's label above the place where it happened."""
    waiting = "." if sweep.charset == "ascii" else "·"
    for mark in bed.marks:
        cell = sweep.cell(mark.sample)
        if cell is not None:
            frame.put(row, left + cell, mark.label or waiting, f"mark {mark.label or 'Q'}")


def _lead_gutter(frame: Frame, area: Area, name: str, scale: Scale, *, charset: Charset) -> None:
    """Write the lead's name and a bar of known height, which stands on 0 mV where that is in view."""
    span = scale.high - scale.low
    height_mv = next((mv for mv in _BARS_MV if mv <= 0.6 * span), _BARS_MV[-1])
    base = max(scale.low, 0.0) if scale.low + height_mv <= scale.high else scale.low
    base = min(base, scale.high - height_mv)
    view = (scale.low, scale.high)
    codes = bar(base, base + height_mv, view=view, n_rows=area.height, charset=charset)
    frame.blit(area.row, area.column + _GUTTER - 1, codes, "dim")
    frame.put(area.row, area.column, name, "strong", width=_GUTTER - 1)
    if area.height > 1:
        frame.put(area.row + 1, area.column, f"{height_mv:g}mV", "dim", width=_GUTTER - 1)


def _lead_state(frame: Frame, area: Area, quality: str) -> None:
    text = _QUALITY.get(quality)
    if text is None:
        return
    if quality == "noisy" and area.height > 2:  # the trace still says something: do not cover it
        frame.put(area.row + 2, area.column - _GUTTER, text, "technical", width=_GUTTER - 1)
        return
    column = area.column + (area.width - len(text) - 2) // 2
    frame.put(area.row + (area.height - 1) // 2, max(area.column, column), f" {text} ", "technical")
