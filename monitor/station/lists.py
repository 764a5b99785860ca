"""The alarm list and the strips: what stands now, what happened, and the waves around it. Pure."""

import datetime
from collections.abc import Sequence
from typing import Final

from monitor.announcing import announced
from monitor.events import Alarm, AudioPause, Gap, LimitChange
from monitor.frame import Frame
from monitor.layout import Area
from monitor.lines import MARKS
from monitor.snapshots import BedSnapshot, Standing
from monitor.station.happenings import AFTER_S, BEFORE_S, AlarmStrip, Happening
from monitor.station.scene import Scene
from monitor.tile import Pen, alarm_text, flashing
from monitor.waves import draw_still

__all__ = ["draw_alarms", "draw_strips"]

_LIST: Final = 40
"""Cells of the list beside a strip."""
_UNITS: Final = {"pause": "s", "missed_beat": "s", "r_on_t": "s", "frequent_pvc": "per min"}
"""Of the figures that alarms come with; all others are heart rates."""
_STEPS: Final = {"start": "began", "end": "ended", "reminded": "announced again", "cleared": "cleared"}


def draw_alarms(frame: Frame, area: Area, scene: Scene, pen: Pen) -> None:
    """Write what stands, of all beds, the worst first; below it what happened, the newest first."""
    standing = [(bed, alarm) for bed in scene.ward.beds for alarm in announced(bed)]
    ranks = list(MARKS)
    standing.sort(key=lambda pair: (ranks.index(pair[1].priority), pair[1].acknowledged or pair[1].ended))
    row = area.row
    frame.put(row, area.column + 1, f"ALARMS THAT STAND: {len(standing)}", "strong")
    room = max(1, min(len(standing), area.height * 2 // 3))
    for bed, alarm in standing[:room]:
        row += 1
        lasted = _lasted(bed, alarm, scene.history)
        at = frame.put(row, area.column + 1, f" {bed.bed:<10.10} ", "strong")
        at = frame.put(row, at, f" {alarm_text(alarm)} ", flashing(alarm, pen), width=area.width - at)
        facts = ", ".join(filter(None, (_figure(alarm), lasted, "sound paused" * (bed.audio_pause_s > 0))))
        frame.put(row, at + 2, facts, "dim", width=area.column + area.width - at - 2)
    if len(standing) > room:
        row += 1
        frame.put(row, area.column + 2, f"{len(standing) - room} more", "technical")
    row += 2
    stop = area.row + area.height
    frame.put(row, area.column + 1, "WHAT HAPPENED (up, down)", "strong", width=area.width)
    first = min(scene.state.cursor, max(0, len(scene.history) - 1))
    for happening in list(scene.history)[first : first + max(0, stop - row - 1)]:
        row += 1
        text, ink = _told(happening)
        at = frame.put(row, area.column + 1, f"{_clock(happening.time_ns)} {happening.bed:<10.10} ", "dim")
        frame.put(row, at, text, ink, width=area.column + area.width - at)


def _figure(alarm: Standing) -> str:
    if alarm.value is None or alarm.kind == "asystole":  # which grows
        return ""
    return f"{alarm.value:.3g} {_UNITS.get(alarm.kind, 'bpm')}"


def _lasted(bed: BedSnapshot, alarm: Standing, history: Sequence[Happening]) -> str:
    """Return for how long an alarm has stood, or since when where its samples are those of another stream."""
    began_ns, anew = _began(bed, alarm, history)
    if anew:
        return "" if began_ns is None or alarm.ended else f"since {_clock(began_ns)}"
    if alarm.ended and bed.fs > 0:
        return f"lasted {_span((alarm.since - alarm.onset) / bed.fs)}"
    if bed.connection == "up" and bed.fs > 0:  # where the signal stands still, so does its clock
        return f"for {_span((bed.index - alarm.onset) / bed.fs)}"
    return ""


def _began(bed: BedSnapshot, alarm: Standing, history: Sequence[Happening]) -> tuple[int | None, bool]:
    """Return the wall time at which an alarm began, if that is known, and whether a stream began since."""
    anew = alarm.onset > bed.index
    step = ("start", alarm.kind, alarm.lead, alarm.onset)
    for happening in history:
        event = happening.event
        if happening.bed != bed.bed:
            continue
        if isinstance(event, Gap):
            anew = anew or event.reason == "restarted"
        elif isinstance(event, Alarm) and step == (event.state, event.kind, event.lead, event.sample):
            return happening.time_ns, anew
    return None, anew


def _told(happening: Happening) -> tuple[str, str]:
    """Return one line of the past with its ink."""
    event = happening.event
    if isinstance(event, Alarm):
        by = f" by {event.by}" if event.by else ""
        step = f"acknowledged{by}" if event.state == "acknowledged" else _STEPS[event.state]
        ink = f"{event.priority} quiet" if event.state in ("start", "reminded") else "plain"
        ink = "technical" if event.priority == "technical" and ink != "plain" else ink
        return f"{MARKS[event.priority]} {event.text} {step}", ink
    if isinstance(event, AudioPause):
        by = f" by {event.by}" if event.by else ""
        return (f"sound paused{by}" if event.state == "start" else f"sound back{by}"), "plain"
    if isinstance(event, Gap):
        return f"! {event.text}", "technical"
    return event.text, "plain" if isinstance(event, LimitChange) else "technical"


def _clock(time_ns: int) -> str:
    moment = datetime.datetime.fromtimestamp(time_ns // 1_000_000_000, tz=datetime.UTC).astimezone()
    return moment.strftime("%H:%M:%S")


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600} h {whole // 60 % 60:02}"


def draw_strips(frame: Frame, area: Area, scene: Scene, pen: Pen) -> None:
    """Draw the list of alarms with waves beside those of the chosen one; in a narrow place above them."""
    strips = list(scene.strips)
    if not strips:
        text = "no strips yet: the waves around each high and medium alarm are kept here"
        frame.put(area.row + area.height // 2, max(0, (area.width - len(text)) // 2), text, "dim")
        return
    cursor = min(scene.state.cursor, len(strips) - 1)
    beside = area.width >= 2 * _LIST + 30
    n = area.height if beside else max(2, min(len(strips), area.height // 3))
    first = max(0, min(cursor - n // 2, len(strips) - n))
    for i, strip in enumerate(strips[first : first + n]):
        sign, ink = (">", "selected") if first + i == cursor else (" ", "plain")
        text = f"{sign}{_clock(strip.time_ns)} {strip.bed.bed:<8.8} "
        text += f"{MARKS[strip.alarm.priority]} {strip.alarm.text}"
        frame.put(area.row + i, area.column, text.ljust(_LIST - 1), ink, width=_LIST - 1)
    if beside:
        place = Area(area.row, area.column + _LIST, area.width - _LIST, area.height)
    else:
        place = Area(area.row + n, area.column, area.width, area.height - n)
    _strip(frame, place, strips[cursor], pen)


def _strip(frame: Frame, area: Area, strip: AlarmStrip, pen: Pen) -> None:
    """Draw the waves of one alarm, with its onset marked."""
    alarm, bed = strip.alarm, strip.bed
    ink = "technical" if alarm.priority == "technical" else f"{alarm.priority} quiet"
    at = frame.put(area.row, area.column + 1, f" {bed.bed} ", "strong")
    at = frame.put(area.row, at, f"{MARKS[alarm.priority]} {alarm.text}", ink)
    frame.put(area.row, at + 2, f"{_clock(strip.time_ns)}, {BEFORE_S + AFTER_S:g} s", "dim", width=30)
    place = Area(area.row + 2, area.column, area.width, area.height - 2, area.height - 2)
    left, width = draw_still(frame, place, bed, pen, seconds=BEFORE_S + AFTER_S)
    column = left + round(width * strip.at / (bed.fs * (BEFORE_S + AFTER_S)))
    down, before = ("v", "<") if pen.charset == "ascii" else ("▼", "◀")
    frame.put(area.row + 1, max(left, column), f"{before if strip.at < 0 else down} onset", ink)
