"""One bed, drawn into a part of a frame: name, alarms, heart rate, waveform with its beats.

Three layouts. High tiles put alarms and a large heart rate above waveforms as wide as the tile; lower
ones put the heart rate beside them; flat ones have it in figures beside a strip of wave. What is
always there, always stands at the same place: the title row, the rate, the row of beat letters, the
traces with their names and a bar of known height.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor import digits
from monitor.announcing import announced
from monitor.frame import Frame
from monitor.layout import MIN_TILE, Area
from monitor.lines import MARKS
from monitor.snapshots import BedSnapshot, Standing
from monitor.waveform import Charset
from monitor.waves import Pen, draw_waves

__all__ = [
    "Pen",
    "Tag",
    "alarm_brief",
    "alarm_ink",
    "alarm_text",
    "draw_bed",
    "flashing",
    "pause_left",
    "pvc_text",
]

_HIGH: Final = 15
"""Rows from which on a tile has the large layout."""
_OWN_ROW: Final = 10
"""Rows from which on alarms have a row of their own."""
_LOSS_WIDTH: Final = 60
"""Cells from which on a title has room for the samples lost."""
_LARGE_PANEL: Final = 31
"""Cells that the rate in large digits takes with its names."""
_PANEL: Final = 12
"""The same in small digits."""
_BANNER: Final = 24
"""Cells in which there is room for any alarm of `monitor.definitions`, briefly."""
_STATUS: Final = {
    "waiting": ("WAITING", "technical"),
    "learning": ("LEARNING", "technical"),
    "live": ("live", "dim"),
    "lost": ("FEED LOST", "technical"),
    "ended": ("ended", "dim"),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tile's title says beside the bed's name.

    Attributes
    ----------
    number
        The bed's number on the wall, None for none.
    selected
        Whether keys act on this bed.
    note
        Such as ``VANISHED, a lets go``; empty for nothing. A pause of the bed's sound is told by the bed.
    """

    number: int | None = None
    selected: bool = False
    note: str = ""


_PLAIN: Final = Tag()


def alarm_text(alarm: Standing) -> str:
    """Return an alarm as it is written: mark of its priority, text, and what has become of it."""
    by = f" by {alarm.by}" if alarm.by else ""
    state = " (latched)" if alarm.ended else f" (acknowledged{by})" if alarm.acknowledged else ""
    if alarm.reminded and not alarm.acknowledged and not alarm.ended:
        state = " (again)"
    return f"{MARKS[alarm.priority]} {alarm.text}{state}"


def alarm_brief(alarm: Standing) -> str:
    """Return an alarm in little room: what has become of it stands before its name, where nothing is cut."""
    state = "(L)" if alarm.ended else "(A)" if alarm.acknowledged else ""
    return f"{MARKS[alarm.priority]}{state} {alarm.text}"


def alarm_ink(alarm: Standing) -> str:
    """Return the ink of an alarm: filled while it stands and nobody has acknowledged it."""
    quiet = alarm.ended or alarm.acknowledged
    return f"{alarm.priority} quiet" if quiet and alarm.priority != "technical" else alarm.priority


def flashing(alarm: Standing, pen: Pen) -> str:
    """Return the ink of an alarm at this moment: in the dark half of a flash it is that of a quiet one."""
    ink = alarm_ink(alarm)
    return f"{ink} quiet" if ink in pen.dark else ink


def pause_left(*beds: BedSnapshot) -> str:
    """Return for how long the sound of beds is still paused at most, as ``1:57``; empty where none is."""
    left = math.ceil(max((bed.audio_pause_s for bed in beds), default=0.0))
    return f"{left // 60}:{left % 60:02}" if left > 0 else ""


def pvc_text(bed: BedSnapshot) -> str:
    """Return how many V there were in the last minute, ``--`` where nobody knows."""
    count = bed.pvc_per_min
    return "--" if count is None else f"{count}"


def draw_bed(frame: Frame, area: Area, bed: BedSnapshot, pen: Pen, tag: Tag = _PLAIN) -> None:
    """Draw one bed into its area, at least `monitor.layout.MIN_FLAT` cells."""
    alarms = announced(bed)
    own_row = area.least >= _OWN_ROW
    left_over = _title(frame, area, bed, _Heading(tag, () if own_row else tuple(alarms)), pen)
    if area.least < MIN_TILE[1]:
        _flat(frame, area, bed, alarms, pen)
    elif area.least >= _HIGH:
        _high(frame, area, bed, alarms, pen)
    else:
        panel = _rate_small(frame, area, bed, alarms, charset=pen.charset)
        top = area.row + 1
        if own_row:
            _banners(frame, Area(top, area.column + 1, area.width - panel - 2, 1), alarms, pen)
            top += 1
        taken = top - area.row
        waves = Area(top, area.column, area.width - panel - 1, area.height - taken, area.least - taken)
        draw_waves(frame, waves, bed, pen)
    right = area.column + area.width - _PANEL - 1
    for text, ink in left_over:
        right -= len(text) + 2
        frame.put(area.row + area.height - 1, right, f" {text} ", ink)


def _high(frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], pen: Pen) -> None:
    """Draw alarms and rate above waves of the whole width; figures are large where alarms leave room."""
    rate = _rate_large if area.width - _LARGE_PANEL - 2 >= _BANNER else _rate_small
    panel = rate(frame, area, bed, alarms, charset=pen.charset)
    _banners(frame, Area(area.row + 1, area.column + 1, area.width - panel - 2, 4), alarms, pen)
    draw_waves(frame, Area(area.row + 6, area.column, area.width, area.height - 6, area.least - 6), bed, pen)


def _flat(frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], pen: Pen) -> None:
    """Draw below the title what has room in one to three rows: the rate in figures, and waves."""
    text, ink = _rate(bed, alarms)
    left = area.column + area.width - 11
    at = frame.put(area.row + 1, left, "HR ", "dim")
    frame.put(area.row + 1, at, text.rjust(3), ink)
    if area.height > 2:
        frame.put(area.row + 2, left, f"PVC {pvc_text(bed):>2}/min", "dim")
    height = area.height - 1
    draw_waves(frame, Area(area.row + 1, area.column, area.width - 12, height, height), bed, pen)


_Word: TypeAlias = tuple[str, str]
"""A text and its ink."""


@dataclass(frozen=True, slots=True)
class _Heading:
    """What a title row holds beside the state: alarms only where they have no row of their own."""

    tag: Tag
    alarms: tuple[Standing, ...]


def _title(frame: Frame, area: Area, bed: BedSnapshot, heading: _Heading, pen: Pen) -> list[_Word]:
    """Write the rule that heads a tile: bed, alarm if it has no row of its own, record, state.

    Returns what must be seen and has no room beside the alarm.
    """
    line = "-" if pen.charset == "ascii" else "─"
    frame.fill(area.row, area.column, area.width, line, "dim")
    at = _name(frame, area, bed, heading.tag)
    alarms = list(heading.alarms)
    right = area.column + area.width
    room = right - 1 - at - (len(_titled(alarms, short=True)) if alarms else 0)
    words, left_over = _words(bed, heading.tag, room)
    right -= 1 if words else 0
    for text, ink in words:
        right -= len(text) + 2
        frame.put(area.row, right, f" {text} ", ink)
    if bed.counters.lost and not alarms and area.width >= _LOSS_WIDTH:
        lost = f" {bed.counters.lost} lost "
        right -= len(lost) + 1
        frame.put(area.row, right, lost, "technical")
    if alarms:
        text = _titled(alarms, short=False)
        text = text if at + len(text) <= right else _titled(alarms, short=True)
        at = frame.put(area.row, at, text, flashing(alarms[0], pen), width=right - at)
    if "synthetic" in bed.record.lower():
        frame.put(area.row, at, " SYNTHETIC ", "technical", width=right - at - 1)
    elif bed.record not in ("", bed.bed) and right - at > len(bed.record) + 2:
        frame.put(area.row, at, f" {bed.record} ", "dim")
    return left_over


def _words(bed: BedSnapshot, tag: Tag, room: int) -> tuple[list[_Word], list[_Word]]:
    """Return what a title ends with, from the right, and what must be seen and has no room there.

    A note is shortened for the state, and comes before a state that is as it should be.
    """
    status, left = _state(bed), pause_left(bed)
    notes = [tag.note, tag.note.partition(",")[0]] if tag.note else [f"sound paused {left}", f"mute {left}"]
    noted = [[(note, "technical")] for note in notes] if tag.note or left else [[]]
    needed = noted[-1] if bed.status == "live" else [status, *noted[-1]]
    choices = (*([status, *note] for note in noted), needed, needed[:1], needed[1:])
    words = next((some for some in choices if sum(len(text) + 2 for text, _ in some) <= room), [])
    complete = len(words) == 1 + len(noted[0])
    return words, [] if complete else [word for word in needed if word not in words]


def _state(bed: BedSnapshot) -> _Word:
    """Return the state of a bed; where the analysis has stopped nobody is sent to look for a cable."""
    kinds = {alarm.kind for alarm in bed.alarms}
    stopped = bed.status == "lost" and "bed_failed" in kinds and "feed_lost" not in kinds
    return ("STOPPED", "technical") if stopped else _STATUS[bed.status]


def _name(frame: Frame, area: Area, bed: BedSnapshot, tag: Tag) -> int:
    """Write number and name; the one that keys act on has ``>`` before it."""
    sign = ">" if tag.selected else " "
    number = "" if tag.number is None else f"{tag.number} "
    ink = "selected" if tag.selected else "strong"
    width = max(12, area.width // 4)
    return frame.put(area.row, area.column + 1, f"{sign}{number}{bed.bed} ", ink, width=width)


def _titled(alarms: list[Standing], *, short: bool) -> str:
    """Return the first alarm as a title holds it."""
    if short:
        return f" {alarm_brief(alarms[0])} "
    more = f" +{len(alarms) - 1}" if len(alarms) > 1 else ""
    return f" {alarm_text(alarms[0])}{more} "


def _banners(frame: Frame, area: Area, alarms: list[Standing], pen: Pen) -> None:
    """Write alarms, a row each, the worst first; the last row says how many more there are."""
    for i, alarm in enumerate(alarms[: area.height]):
        more = len(alarms) - area.height if i == area.height - 1 else 0
        texts = [f" {alarm_text(alarm)}", f" {alarm_brief(alarm)}"]
        if more > 0:
            texts = [f"{texts[0]}   +{more} more", *(f"{text} +{more}" for text in texts), texts[1]]
        text = next((text for text in texts if len(text) <= area.width), texts[-1])
        frame.put(area.row + i, area.column, text.ljust(area.width), flashing(alarm, pen), width=area.width)


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
    left = area.column + area.width - 1 - codes.shape[1]
    frame.blit(area.row + 1, left, codes, ink)
    label = area.column + area.width - _LARGE_PANEL
    frame.put(area.row + 1, label, "HR", "strong")
    frame.put(area.row + 2, label, "bpm", "dim")
    frame.put(area.row + 4, label, "PVC/min", "dim")
    frame.put(area.row + 5, label, pvc_text(bed), "strong")
    return _LARGE_PANEL


def _rate_small(
    frame: Frame, area: Area, bed: BedSnapshot, alarms: list[Standing], *, charset: Charset
) -> int:
    text, ink = _rate(bed, alarms)
    codes = digits.small(text, charset)
    left = area.column + area.width - 1
    frame.blit(area.row + 1, left - codes.shape[1], codes, ink)
    if area.least < _OWN_ROW:
        frame.put(area.row + 4, left - 11, f"PVC {pvc_text(bed):>2}/min".rjust(11), "dim")
    else:
        frame.put(area.row + 4, left - 6, "HR bpm", "dim")
        frame.put(area.row + 5, left - 11, f"PVC/min {pvc_text(bed):>3}", "dim")
    return _PANEL
