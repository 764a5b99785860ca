"""The ward as a picture: pure, from a snapshot, a size and a time.

`render` makes a `Frame`, which is a rich renderable; `monitor.frame.Painter` shows it. The loop that
pulls snapshots and paints them is the application's.

One bed is drawn large, many in a grid of tiles; what does not fit is shown page after page, and a bed
that is not on the page still shows its alarm in the top line. A state is always written out; colour
only repeats it.
"""

import datetime
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from monitor.announcing import announced
from monitor.frame import Frame
from monitor.layout import Area, grid
from monitor.lines import MARKS
from monitor.settings import DisplaySettings
from monitor.snapshots import BedSnapshot, Standing, WardSnapshot
from monitor.tile import Pen, alarm_brief, alarm_ink, alarm_text, draw_bed, flashing, pause_left
from monitor.waveform import Charset

__all__ = [
    "MIN_SIZE",
    "Look",
    "elsewhere",
    "muted",
    "notices_of",
    "render",
    "room_elsewhere",
    "too_small",
    "write_footer",
]

MIN_SIZE: Final = (40, 8)
"""(columns, rows) below which nothing useful can be shown."""
_MORE: Final = 5
"""Cells in which there is room to say how many more alarms there are."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a screen is drawn.

    Attributes
    ----------
    charset
        What the waveform is made of, see `monitor.waveform.charset_for`.
    sweep_s, page_s, stale_s
        As in `monitor.settings.DisplaySettings`.
    zone
        Of the clock; None is the zone of this machine.
    hint
        What the keyboard does, shown at the end of the footer where there is room.
    """

    charset: Charset = "braille"
    sweep_s: float = DisplaySettings().sweep_s
    page_s: float = DisplaySettings().page_s
    stale_s: float = DisplaySettings().stale_s
    zone: datetime.tzinfo | None = None
    hint: str = ""


def render(ward: WardSnapshot, size: tuple[int, int], now_ns: int, *, look: Look | None = None) -> Frame:
    """Draw the ward.

    Parameters
    ----------
    ward
        What `monitor.vitals.decode` gave.
    size
        (columns, rows) of the terminal.
    now_ns
        Wall time: for the clock, for pages, and to see how old the snapshot is.
    look
        How to draw it.
    """
    look = look or Look()
    frame = Frame(*size, ascii_only=look.charset == "ascii")
    n_columns, n_rows = size
    if n_columns < MIN_SIZE[0] or n_rows < MIN_SIZE[1]:
        too_small(frame, size, ward.beds, notices_of(ward, now_ns, stale_s=look.stale_s))
        return frame
    notices = notices_of(ward, now_ns, stale_s=look.stale_s)[: max(1, n_rows // 6)]
    height = n_rows - 2 - len(notices)
    if ward.beds:
        areas = grid(len(ward.beds), Area(1, 0, n_columns, height))
        n_pages = -(-len(ward.beds) // len(areas))
        page = int(now_ns / 1e9 / look.page_s) % n_pages
        shown = ward.beds[page * len(areas) : (page + 1) * len(areas)]
        for bed, area in zip(shown, areas, strict=False):
            draw_bed(frame, area, bed, Pen(look.charset, look.sweep_s))
        hidden = [bed for bed in ward.beds if bed not in shown] if n_pages > 1 else []
    else:
        hidden = []
        _centred(frame, n_rows // 2, "waiting for a device")
    _header(frame, ward, hidden, now_ns=now_ns, look=look)
    for i, (text, ink) in enumerate(notices):
        frame.put(1 + height + i, 1, text, ink, width=n_columns - 2)
    write_footer(frame, ward, hint=look.hint)
    return frame


def _header(
    frame: Frame, ward: WardSnapshot, hidden: Sequence[BedSnapshot], *, now_ns: int, look: Look
) -> None:
    """Write name, alarms of beds that are not on this page, and the time of day."""
    n_columns, _ = frame.size
    moment = datetime.datetime.fromtimestamp(now_ns // 1_000_000_000, tz=datetime.UTC).astimezone(look.zone)
    clock = moment.strftime("%H:%M:%S")
    right = n_columns - len(clock) - 1
    frame.put(0, right, clock, "dim")
    n, at = len(ward.beds), -1
    for text, ink in (
        ("beatline", "strong"),
        (f"{n} bed{'s' if n != 1 else ''}", "dim"),
        (muted(ward.beds), "technical"),
        (f"{len(hidden)} on other pages" if hidden else "", "dim"),
    ):
        if text and at + 2 + len(text) + room_elsewhere(hidden) < right:
            at = frame.put(0, at + 2, text, ink)
    elsewhere(frame, at, right, hidden, Pen())


def muted(beds: Sequence[BedSnapshot]) -> str:
    """Return how many beds' sound is paused and for how long at most; empty where none is."""
    quiet = [bed for bed in beds if bed.audio_pause_s > 0]
    which = "" if len(beds) == 1 else f"{len(quiet)} of {len(beds)} "
    return f"{which}mute {pause_left(*quiet)}" if quiet else ""


def elsewhere(frame: Frame, at: int, right: int, hidden: Sequence[BedSnapshot], pen: Pen) -> int:
    """Write the alarms of beds that are not drawn into the top row; return the column behind.

    First those that nobody has acknowledged, the worst first; briefly where there is less room, and how
    many more there are where it ends.
    """
    waiting = _waiting(hidden)
    for i, (bed, alarm) in enumerate(waiting):
        left = len(waiting) - i
        room = right - at - 2 - (_MORE if left > 1 else 0)
        texts = (f" {bed.bed} {text} " for text in (alarm_text(alarm), alarm_brief(alarm)))
        text = next((text for text in texts if len(text) < room), "")
        if not text:
            text = f"+{left}" if i else f"{MARKS[alarm.priority]} +{left}"
            return frame.put(0, at + 2, text, flashing(alarm, pen), width=max(0, right - at - 2))
        at = frame.put(0, at + 2, text, flashing(alarm, pen))
    return at


def room_elsewhere(hidden: Sequence[BedSnapshot]) -> int:
    """Return how many columns the worst alarm of beds that are not drawn takes at least, 0 for none."""
    waiting = _waiting(hidden)
    if not waiting:
        return 0
    bed, alarm = waiting[0]
    return len(bed.bed) + len(alarm_brief(alarm)) + 6 + (_MORE if len(waiting) > 1 else 0)


def _waiting(hidden: Sequence[BedSnapshot]) -> list[tuple[BedSnapshot, Standing]]:
    """Return the first alarm of each bed, in the order in which somebody should look."""
    known = [(bed, announced(bed)[0]) for bed in hidden if bed.alarms]
    ranks = list(MARKS)
    return sorted(known, key=lambda one: (one[1].acknowledged, ranks.index(one[1].priority), one[1].ended))


def notices_of(ward: WardSnapshot, now_ns: int, *, stale_s: float) -> list[tuple[str, str]]:
    """Return lines about the whole monitor, with their ink: what is wrong first."""
    lines: list[tuple[str, str]] = []
    age_s = (now_ns - ward.taken_ns) / 1e9
    if ward.taken_ns and age_s > stale_s:
        lines.append((f"! this picture is {age_s:.0f} s old: the analysis does not answer", "high"))
    if ward.classifier == "failed":
        lines.append((f"! beats are not labelled: {ward.message}", "technical"))
    lines += [(notice, "dim") for notice in ward.notices]
    return lines


_LABELS: Final[dict[Literal["off", "loading", "ready", "failed"], str]] = {
    "off": "labels off",
    "loading": "labels loading",
    "ready": "labels on",
    "failed": "! labels failed",
}


def write_footer(frame: Frame, ward: WardSnapshot, *, hint: str) -> None:
    """Write connection, loss, latency and the classifier's state, for all beds together."""
    n_columns, n_rows = frame.size
    beds = ward.beds
    n_up = sum(bed.connection == "up" for bed in beds)
    lost = sum(bed.counters.lost for bed in beds)
    gaps = sum(bed.counters.gaps for bed in beds)
    known = [bed.latency_ms for bed in beds if bed.latency_ms is not None]
    parts = [
        ("no device" if not beds else f"connected {n_up}/{len(beds)}", n_up < len(beds)),
        (
            f"lost {lost} samples in {gaps} gap{'s' if gaps != 1 else ''}" if gaps else "nothing lost",
            gaps > 0,
        ),
    ]
    refused = sum(bed.counters.refused for bed in beds)
    if refused:
        parts.append((f"{refused} packets refused", True))
    if beds:
        parts.append((f"latency {max(known):.0f} ms" if known else "latency --", False))
    label = _LABELS[ward.classifier]
    if ward.classifier == "loading" and ward.message:
        label = ward.message
    parts.append((label, ward.classifier == "failed"))
    at = 1
    for text, wrong in parts:
        if at + len(text) < n_columns:
            at = frame.put(n_rows - 1, at, text, "technical" if wrong else "dim") + 3
    if at + len(hint) < n_columns:
        frame.put(n_rows - 1, n_columns - 1 - len(hint), hint, "dim")


def _centred(frame: Frame, row: int, text: str, ink: str = "dim") -> None:
    n_columns, _ = frame.size
    frame.put(row, max(0, (n_columns - len(text)) // 2), text, ink)


def too_small(
    frame: Frame, size: tuple[int, int], beds: Sequence[BedSnapshot], notices: Sequence[tuple[str, str]] = ()
) -> None:
    """Write in whatever room there is the most urgent alarm, what is wrong, and how much would be needed."""
    n_columns, n_rows = frame.size
    message = f"terminal too small: expected {MIN_SIZE[0]}x{MIN_SIZE[1]}, received {size[0]}x{size[1]}"
    lines = _first_alarm(beds, n_columns, n_rows)
    for text, ink in [*notices, (message, "plain")]:
        lines += [(part, ink) for part in _cut(text, n_columns)]
    at = 0
    for row, (text, ink) in enumerate(lines[:n_rows]):
        at = frame.put(row, 0, text, ink)
    if len(lines) > n_rows == 1:  # beside the alarm
        frame.put(0, at + 2, message)


def _first_alarm(beds: Sequence[BedSnapshot], n_columns: int, n_rows: int) -> list[tuple[str, str]]:
    """Return the most urgent alarm in lines: whole in one if it can be, its bed before how many more."""
    waiting = _waiting(beds)
    if not waiting:
        return []
    bed, alarm = waiting[0]
    n_more = sum(len(announced(bed)) for bed in beds) - 1
    brief, more = alarm_brief(alarm), f" +{n_more}" if n_more else ""
    short = f"{bed.bed} {brief}"
    texts = [f"{bed.bed} {alarm_text(alarm)}{more}{' more' if more else ''}", f"{short}{more}", short]
    lines = next(([text] for text in texts if len(text) <= n_columns), textwrap.wrap(texts[1], n_columns))
    if len(lines) > n_rows:
        lines = _cut(brief, n_columns)
    return [(line, alarm_ink(alarm)) for line in lines]


def _cut(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]
