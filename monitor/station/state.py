"""What a person at a station has chosen, and what each key makes of it. Pure.

The ward is never part of it: a station chooses what to look at and asks for things; it changes nothing
by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias, TypeVar

from monitor.inks import SCHEMES
from monitor.snapshots import WardSnapshot
from monitor.waveform import CELLS, Charset

__all__ = ["HOURS", "Command", "State", "View", "Wall", "pressed"]

_T = TypeVar("_T")

View: TypeAlias = Literal["wall", "bed", "trends", "alarms", "strips"]

Command: TypeAlias = Literal["", "acknowledge", "acknowledge all", "pause", "pause all", "quit"]
"""What a key asks of somebody else than the screen; empty for nothing."""

HOURS: Final = (1, 4, 12, 24)
"""Spans of a trend."""
_SPEEDS: Final[tuple[Literal[25, 50], ...]] = (25, 50)
_GAINS: Final[tuple[Literal[5, 10, 20] | None, ...]] = (None, 5, 10, 20)
_COMMANDS: Final[Mapping[str, Command]] = {
    "a": "acknowledge",
    "A": "acknowledge all",
    "space": "pause",
    "P": "pause all",
    "q": "quit",
}
_VIEWS: Final[Mapping[str, View]] = {"r": "strips", "t": "trends", "e": "alarms"}


@dataclass(frozen=True, slots=True)
class State:
    """What is looked at, and how.

    Attributes
    ----------
    selected
        The bed that keys act on.
    speed, gain
        Sweep speed in mm/s and gain in mm/mV; a gain of None is each lead's own.
    calm
        Reduced motion: nothing flashes and waves move in steps of a second.
    hours
        Span of the trend.
    cursor
        Which line of a list is chosen.
    frozen
        The ward whose waves stand still, None while they move.
    panel
        What stands beside the picture.
    """

    view: View = "wall"
    selected: str = ""
    speed: Literal[25, 50] = 25
    gain: Literal[5, 10, 20] | None = None
    scheme: str = "night"
    charset: Charset = "braille"
    calm: bool = False
    hours: int = HOURS[1]
    cursor: int = 0
    frozen: WardSnapshot | None = None
    panel: Literal["", "help", "limits"] = ""


@dataclass(frozen=True, slots=True)
class Wall:
    """What keys must know of the screen: the beds in their order, and how many stand side by side."""

    beds: Sequence[str] = ()
    across: int = 1
    ward: WardSnapshot = field(default_factory=WardSnapshot)


def pressed(state: State, key: str, wall: Wall) -> tuple[State, Command]:
    """Return what a key leads to, and what it asks for.

    Parameters
    ----------
    key
        A character, or ``space``, ``enter``, ``escape``, ``up``, ``down``, ``left``, ``right``.
    """
    if key in _COMMANDS:
        return state, _COMMANDS[key]
    if key in ("up", "down", "left", "right", "home", "end"):
        return _moved(state, key, wall), ""
    if len(key) == 1 and key in "123456789":
        return _numbered(state, int(key), wall), ""
    if key in _VIEWS:
        view: View = "wall" if state.view == _VIEWS[key] else _VIEWS[key]
        return replace(state, view=view, cursor=0), ""
    return _switched(state, key, wall), ""


def _switched(state: State, key: str, wall: Wall) -> State:
    match key:
        case "enter":
            return replace(state, view="bed" if state.view == "wall" else "wall")
        case "escape" | "w" | "0":
            return replace(state, panel="") if state.panel else replace(state, view="wall")
        case "f":
            return replace(state, frozen=None if state.frozen else wall.ward)
        case "l":
            return replace(state, panel="" if state.panel == "limits" else "limits")
        case "h" | "question_mark" | "?":
            return replace(state, panel="" if state.panel == "help" else "help")
        case "s":
            return replace(state, speed=_next(_SPEEDS, state.speed))
        case "g":
            return replace(state, gain=_next(_GAINS, state.gain))
        case "c":
            return replace(state, scheme=_next(tuple(SCHEMES), state.scheme))
        case "b":
            return replace(state, charset=_next(tuple(CELLS), state.charset))
        case "plus" | "+":
            return replace(state, hours=_next(HOURS, state.hours))
    return state


def _next(values: Sequence[_T], value: _T) -> _T:
    return values[(values.index(value) + 1) % len(values)]


def _numbered(state: State, number: int, wall: Wall) -> State:
    """Show a bed large, or whatever is shown of one bed."""
    if number > len(wall.beds):
        return state
    view: View = "bed" if state.view in ("wall", "alarms") else state.view
    return replace(state, selected=wall.beds[number - 1], view=view)


def _moved(state: State, key: str, wall: Wall) -> State:
    """Move the cursor of a list, or from bed to bed."""
    if state.view in ("alarms", "strips") and key in ("up", "down", "home", "end"):
        places = {"up": state.cursor - 1, "down": state.cursor + 1, "home": 0, "end": 10**6}
        return replace(state, cursor=max(0, places[key]))
    if not wall.beds:
        return state
    at = wall.beds.index(state.selected) if state.selected in wall.beds else 0
    row = wall.across if state.view == "wall" else 1
    steps = {"left": at - 1, "right": at + 1, "up": at - row, "down": at + row, "home": 0}
    to = steps.get(key, len(wall.beds) - 1)
    if not 0 <= to < len(wall.beds):
        return state
    return replace(state, selected=wall.beds[to])
