"""What each key makes of what a station looks at."""

from dataclasses import replace

import pytest

from monitor.snapshots import WardSnapshot
from monitor.station.state import Command, State, Wall, pressed

BEDS = tuple(f"bed-{i}" for i in range(1, 13))
WALL = Wall(BEDS, across=4, ward=WardSnapshot(taken_ns=1))
START = State(selected="bed-1")


def after(*keys: str, state: State = START) -> State:
    for key in keys:
        state, _ = pressed(state, key, WALL)
    return state


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("right", "right"), "bed-3"),
        (("down",), "bed-5"),
        (("down", "down", "down"), "bed-9"),
        (("left",), "bed-1"),
        (("end",), "bed-12"),
        (("end", "right"), "bed-12"),
        (("end", "home"), "bed-1"),
        (("7",), "bed-7"),
        (("enter", "down"), "bed-2"),
    ],
)
def test_arrows_walk_the_wall_as_it_is_drawn(keys: tuple[str, ...], expected: str) -> None:
    """Up and down go by rows, and nowhere beyond the last bed."""
    assert expected == after(*keys).selected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("3",), "bed"),
        (("enter",), "bed"),
        (("enter", "enter"), "wall"),
        (("t",), "trends"),
        (("t", "t"), "wall"),
        (("t", "3"), "trends"),
        (("e",), "alarms"),
        (("e", "3"), "bed"),
        (("r", "escape"), "wall"),
        (("3", "0"), "wall"),
    ],
)
def test_each_view_has_its_key_and_escape_is_the_wall(keys: tuple[str, ...], expected: str) -> None:
    """Pressed again, a view's key goes back."""
    assert expected == after(*keys).view


def test_escape_closes_a_panel_before_it_leaves_a_view() -> None:
    """One step at a time."""
    state = after("3", "l")
    assert ("bed", "limits") == (state.view, state.panel)
    assert ("bed", "") == (after("escape", state=state).view, after("escape", state=state).panel)
    assert "help" == after("question_mark", state=state).panel


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", "acknowledge"),
        ("A", "acknowledge all"),
        ("space", "pause"),
        ("P", "pause all"),
        ("q", "quit"),
        ("z", ""),
    ],
)
def test_commands_change_nothing_here(key: str, expected: Command) -> None:
    """What concerns the monitor is asked for; the state stays as it is."""
    assert (START, expected) == pressed(START, key, WALL)


def test_speed_gain_scheme_and_characters_go_round() -> None:
    """25 and 50 mm/s; auto, 5, 10 and 20 mm/mV; every scheme; every charset."""
    assert [50, 25] == [after(*keys).speed for keys in (("s",), ("s", "s"))]
    assert [5, 10, 20, None] == [after(*"gggg"[:n]).gain for n in range(1, 5)]
    assert ["day", "safe", "mono", "night"] == [after(*"cccc"[:n]).scheme for n in range(1, 5)]
    assert ["block", "ascii", "braille"] == [after(*"bbb"[:n]).charset for n in range(1, 4)]
    assert [12, 24, 1, 4] == [after(*("plus",) * n).hours for n in range(1, 5)]


def test_freezing_holds_the_ward_of_that_moment() -> None:
    """And lets it go again."""
    assert WALL.ward == after("f").frozen
    assert None is after("f", "f").frozen


def test_a_ward_without_beds_takes_every_key() -> None:
    """Nothing to choose is no error."""
    for key in ("1", "up", "end", "enter", "f", "l", "t", "r", "down"):
        state, _ = pressed(replace(START, selected=""), key, Wall())
        assert "" == state.selected
