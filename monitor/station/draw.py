"""One picture of a station: header, what is looked at, what is wrong, footer. Pure."""

from typing import Final

from monitor.display import MIN_SIZE, notices_of, too_small, write_footer
from monitor.frame import Frame
from monitor.layout import MIN_FLAT, MIN_TILE, Area, grid
from monitor.settings import DisplaySettings
from monitor.signals import dark
from monitor.snapshots import BedSnapshot
from monitor.station import lists, trends
from monitor.station.header import draw_header
from monitor.station.scene import Scene, Tiles, frozen
from monitor.tile import Pen, Tag, draw_bed

__all__ = ["draw"]

_HINTS: Final = (
    "a acknowledge  space pause sound  f freeze  r strips  t trends  e alarms  l limits  ? help  q quit",
    "a ack  space pause  f freeze  r strips  t trends  e alarms  l limits  ? help  q quit",
    "a ack  space pause  f freeze  r strips  t trends  e alarms  l limits  ? help",
    "a ack  space pause  ? help  q quit",
    "? help  q quit",
)

_ACCOUNTS: Final = 62
"""Cells that the accounting of the whole monitor takes in the footer."""


def draw(scene: Scene, size: tuple[int, int], now_ns: int) -> tuple[Frame, Tiles]:
    """Draw a scene.

    Parameters
    ----------
    size
        (columns, rows) that there are.
    now_ns
        Wall time: for the clock, for flashing, and to see how old the ward is.

    Returns
    -------
    tuple
        The frame, and where beds stand in it.
    """
    frame = Frame(*size, ascii_only=scene.state.charset == "ascii")
    n_columns, n_rows = size
    if n_columns < MIN_SIZE[0] or n_rows < MIN_SIZE[1]:
        too_small(frame, size, scene.ward.beds, _notices(scene, now_ns))
        return frame, Tiles()
    notices = _notices(scene, now_ns)[: max(1, n_rows // 6)]
    body = Area(1, 0, n_columns, n_rows - 2 - len(notices))
    tiles = _body(frame, body, scene, _pen(scene, now_ns))
    draw_header(frame, scene, tiles, _pen(scene, now_ns), now_ns=now_ns)
    for i, (text, ink) in enumerate(notices):
        frame.put(body.row + body.height + i, 1, text, ink, width=n_columns - 2)
    _footer(frame, scene)
    return frame, tiles


def _pen(scene: Scene, now_ns: int) -> Pen:
    state = scene.state
    return Pen(
        charset=state.charset,
        speed_mm_s=state.speed,
        gain_mm_mv=state.gain,
        dark=frozenset() if state.calm else dark(now_ns),
    )


def _body(frame: Frame, area: Area, scene: Scene, pen: Pen) -> Tiles:
    state, bed = scene.state, scene.chosen
    if state.view == "alarms":
        lists.draw_alarms(frame, area, scene, pen)
    elif state.view == "strips":
        lists.draw_strips(frame, area, scene, pen)
    elif not scene.ward.beds:
        text = "waiting for a device" if scene.attached.up else "waiting for a monitor"
        frame.put(area.row + area.height // 2, max(0, (area.width - len(text)) // 2), text, "dim")
    elif state.view == "trends" and bed is not None:
        trends.draw_trends(frame, area, bed, scene.trends.get(bed.bed, ()), pen, hours=state.hours)
        return Tiles(((bed.bed, area),))
    elif state.view == "bed" and bed is not None:
        return _large(frame, area, scene, bed, pen)
    else:
        return _wall(frame, area, scene, pen)
    return Tiles()


def _wall(frame: Frame, area: Area, scene: Scene, pen: Pen) -> Tiles:
    """Draw all beds, or the page of them on which the chosen one is."""
    beds = frozen(scene.ward, scene.state.frozen).beds
    areas = grid(len(beds), area, smallest=MIN_TILE)
    if len(areas) < len(beds):
        areas = grid(len(beds), area, smallest=MIN_FLAT)
    names = [bed.bed for bed in beds]
    at = names.index(scene.state.selected) if scene.state.selected in names else 0
    first = at // len(areas) * len(areas)
    places = []
    for i, place in enumerate(areas[: len(beds) - first]):
        bed = beds[first + i]
        draw_bed(frame, place, bed, pen, _tag(scene, bed, first + i + 1))
        places.append((bed.bed, place))
    across = sum(place.row == areas[0].row for place in areas)
    return Tiles(tuple(places), across)


def _large(frame: Frame, area: Area, scene: Scene, chosen: BedSnapshot, pen: Pen) -> Tiles:
    """Draw one bed as large as can be, and its limits."""
    beds = frozen(scene.ward, scene.state.frozen).beds
    number = next(i for i, bed in enumerate(beds) if bed.bed == chosen.bed)
    height = area.height - 1
    draw_bed(
        frame,
        Area(area.row, area.column, area.width, height, height),
        beds[number],
        pen,
        _tag(scene, chosen, number + 1),
    )
    _facts(frame, area.row + height, chosen)
    return Tiles(((chosen.bed, area),))


def _facts(frame: Frame, row: int, bed: BedSnapshot) -> None:
    """Write the limits in force below a large bed."""
    parts = [_limit(key, value) for key, value in bed.limits.items()]
    at = frame.put(row, 1, "limits ", "dim") if parts else 1
    for text in parts:
        if at + len(text) < frame.size[0]:
            at = frame.put(row, at, text, "dim") + 3


def _limit(key: str, value: float) -> str:
    name = key.removesuffix("_bpm").removesuffix("_s").replace("_", " ")
    return f"{name} {value:g}" + (" s" if key.endswith("_s") else "")


def _tag(scene: Scene, bed: BedSnapshot, number: int) -> Tag:
    note = "VANISHED, a lets go" if bed.bed in scene.gone else ""
    selected = bed.bed == scene.state.selected and len(scene.ward.beds) > 1
    return Tag(number=number if len(scene.ward.beds) > 1 else None, selected=selected, note=note)


def _notices(scene: Scene, now_ns: int) -> list[tuple[str, str]]:
    """Return lines about the monitor and for the person here, what is wrong first."""
    lines: list[tuple[str, str]] = []
    if not scene.attached.up:
        what = ": nothing here is current" if scene.ward.beds else ""
        lines.append((f"! {scene.attached.trouble}{what}", "high"))
    if scene.message:
        lines.append((scene.message, "technical"))
    if scene.attached.up:
        lines += notices_of(scene.ward, now_ns, stale_s=DisplaySettings().stale_s)
    return lines


def _footer(frame: Frame, scene: Scene) -> None:
    """Write what the keys do, and where there is room the accounting of the whole monitor."""
    n_columns, n_rows = frame.size
    beside = next((hint for hint in _HINTS[:3] if len(hint) + _ACCOUNTS <= n_columns), None)
    if beside is not None:
        write_footer(frame, scene.ward, hint=beside)
        return
    hint = next((hint for hint in _HINTS if len(hint) + 2 <= n_columns), _HINTS[-1])
    frame.put(n_rows - 1, 1, hint, "dim")
