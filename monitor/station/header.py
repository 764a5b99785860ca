"""The top line of a station: what holds for all of it, and the alarms of beds that are not in sight. Pure."""

import datetime
from collections.abc import Sequence
from typing import Final, NamedTuple

from monitor.display import elsewhere, muted, room_elsewhere
from monitor.frame import Frame
from monitor.snapshots import BedSnapshot
from monitor.station.scene import Scene, Tiles
from monitor.tile import Pen

__all__ = ["draw_header"]

_ALWAYS: Final = 0
_BETWEEN: Final = 2


class _Word(NamedTuple):
    """A word of the line; where there is too little room those of the highest rank are left out first."""

    text: str
    ink: str
    rank: int


def draw_header(frame: Frame, scene: Scene, tiles: Tiles, pen: Pen, *, now_ns: int) -> None:
    """Write what must be seen, alarms out of sight before all that is merely good to know."""
    shown = {name for name, _ in tiles.places}
    # Every alarm stands in the list of alarms.
    listed = scene.state.view == "alarms"
    hidden = [] if listed else [bed for bed in scene.ward.beds if bed.bed not in shown]
    clock = _clock(now_ns)
    room = frame.size[0] - 2 - room_elsewhere(hidden)
    words = _fitting([*_words(scene, hidden), clock], room)
    right = frame.size[0] - 1
    if clock in words:
        right -= len(clock.text)
        frame.put(0, right, clock.text, clock.ink)
        words.remove(clock)
    at = 1 - _BETWEEN
    for word in words:
        at = frame.put(0, at + _BETWEEN, word.text, word.ink, width=right - at)
    at = elsewhere(frame, at, right, hidden, pen)
    gain = f", {scene.state.gain} mm/mV" if scene.state.gain else ""
    for text in (f"{scene.state.speed} mm/s{gain}", scene.attached.name):
        if at + 4 + len(text) < right:
            at = frame.put(0, at + _BETWEEN, text, "dim")


def _words(scene: Scene, hidden: Sequence[BedSnapshot]) -> list[_Word]:
    """Return the words of the line in their order."""
    state, attached, n = scene.state, scene.attached, len(scene.ward.beds)
    words = [_Word("beatline", "strong", 6), _Word(f"{n} bed{'s' if n != 1 else ''}", "dim", 5)]
    if hidden:
        words = [words[0], _Word(f"{n} beds, {len(hidden)} not in sight", "dim", 3)]
    if not attached.up:
        words.append(_Word("! NOT CONNECTED", "high", _ALWAYS))
    if state.frozen is not None:
        words.append(_Word("FROZEN", "medium", _ALWAYS))
    if quiet := muted(scene.ward.beds):
        words.append(_Word(quiet, "technical", 1))
    words.append(_Word("control", "dim", 5) if attached.control else _Word("read only", "technical", 2))
    if scene.silent:
        words.append(_Word("silent", "technical", 2))
    return words


def _fitting(words: list[_Word], room: int) -> list[_Word]:
    """Leave out what is least needed until the rest has room."""
    while sum(len(word.text) + _BETWEEN for word in words) > room:
        rank = max(word.rank for word in words)
        if rank == _ALWAYS:
            break
        words = [word for word in words if word.rank != rank]
    return words


def _clock(now_ns: int) -> _Word:
    moment = datetime.datetime.fromtimestamp(now_ns // 1_000_000_000, tz=datetime.UTC).astimezone()
    return _Word(moment.strftime("%H:%M:%S"), "dim", 4)
