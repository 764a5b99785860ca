"""The station as a person uses it: keys, what they show, and what reaches the monitor."""

import time

import msgspec
import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Label

from monitor import link
from monitor.announcing import sounding
from monitor.events import Alarm, Notice
from monitor.snapshots import BedSnapshot, WardSnapshot
from monitor.station.app import Options, Station
from monitor.station.canvas import Canvas
from monitor.station.line import LineState
from monitor.station.panels import Limits
from monitor.station.state import State
from tests.station.scenes import Played, drive, shown, until, with_limits
from tests.wards import FS, a_bed, a_ward, an_alarm, with_alarms

VT = an_alarm("ventricular_tachycardia", "high", "VENT TACHY")


def changed(ward: WardSnapshot, i: int, bed: BedSnapshot) -> WardSnapshot:
    return msgspec.structs.replace(ward, beds=(*ward.beds[:i], bed, *ward.beds[i + 1 :]))


def an_entry(bed: str, event: Alarm | Notice) -> link.Entry:
    return link.Entry(bed=bed, record="", time_ns=time.time_ns(), fs=FS, event=event)


def test_digits_arrows_and_enter_go_from_bed_to_bed() -> None:
    """1-9 shows a bed large, escape the wall, arrows choose, enter enlarges what is chosen."""

    async def script(station: Station, pilot: Pilot[int]) -> None:
        assert station.state.selected == "bed-1"
        await pilot.press("3")
        assert ("bed", "bed-3") == (station.state.view, station.state.selected)
        assert "not in sight" in shown(station)
        await pilot.press("escape", "right", "down")
        assert ("wall", "bed-6") == (station.state.view, station.state.selected)
        assert ">6 bed-6" in shown(station)
        await pilot.press("enter")
        assert station.state.view == "bed"

    drive(Played(a_ward(8)), script)


def test_a_number_never_means_another_bed_than_the_one_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bed that comes between moves those behind it: for a moment a number is answered with words."""
    beds = {name: with_alarms(a_bed(name), VT) for name in ("bed-1", "bed-2", "bed-3")}
    played = Played(WardSnapshot(beds=(beds["bed-1"], beds["bed-3"])))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: ("bed-1", "bed-3") == station.numbers.names)
        played.ward = WardSnapshot(beds=tuple(beds.values()))
        await until(pilot, lambda: ("bed-1", "bed-2", "bed-3") == station.numbers.names)
        await pilot.press("2")
        assert "the beds have moved: look again" in shown(station)
        assert ("wall", "bed-1") == (station.state.view, station.state.selected)
        monkeypatch.setattr("monitor.station.numbers.SETTLE_S", 0.0)
        await pilot.press("2", "a")

    drive(played, script)
    assert [link.Acknowledge(bed="bed-2", by="kim")] == played.told


def test_what_was_for_a_bed_that_has_gone_is_for_no_other() -> None:
    """Its place is taken by another patient: nothing of that one is acknowledged unseen, nor of all."""
    beds = tuple(with_alarms(a_bed(name), VT) for name in ("bed-1", "bed-2"))
    played = Played(WardSnapshot(beds=(beds[0], a_bed("bed-2"))))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("right")
        assert "bed-2" == station.state.selected
        played.ward = WardSnapshot(beds=beds[:1])
        await until(pilot, lambda: "bed-1" == station.state.selected)
        await pilot.press("a", "space")
        assert "the beds have moved: look again" in shown(station)

    drive(played, script)
    assert [] == played.told


def test_acknowledge_goes_to_the_chosen_bed_with_a_name() -> None:
    """``a`` is for one bed, ``A`` for all; a bed without an alarm is answered in words."""
    ward = a_ward(3)
    played = Played(changed(ward, 1, with_alarms(ward.beds[1], VT)))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("a")
        assert [] == played.told
        assert "bed-1 has nothing to acknowledge" in shown(station)
        await pilot.press("right", "a", "A", "space", "P")

    drive(played, script)
    assert [
        link.Acknowledge(bed="bed-2", by="kim"),
        link.Acknowledge(by="kim"),
        link.PauseAudio(bed="bed-2", on=True, by="kim"),
        link.PauseAudio(on=True, by="kim"),
    ] == played.told


@pytest.mark.parametrize(
    ("options", "control", "expected"),
    [
        (Options(), True, "start the station with --control"),
        (Options(control=True), False, "the monitor was started without --allow-control"),
    ],
)
def test_a_station_that_may_not_says_so_and_sends_nothing(
    options: Options, control: bool, expected: str
) -> None:
    """Read only, and it is written in the header all the time."""
    played = Played(a_ward(2), control=control)

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("space")
        assert expected in shown(station)
        assert "read only" in shown(station).splitlines()[0]

    drive(played, script, options=options)
    assert [] == played.told


def test_a_refusal_of_the_monitor_is_shown() -> None:
    """What the monitor does not take is answered in its own words."""
    played = Played(a_ward(1))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.refused = "this monitor is read only"
        await until(pilot, lambda: "! this monitor is read only" in shown(station))

    drive(played, script)


def test_frozen_waves_stand_still_while_alarms_go_on() -> None:
    """``f`` holds the waves; rate and alarms are never held."""
    first, later = a_bed(), a_bed(seconds=23.0)
    played = Played(WardSnapshot(beds=(first,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("1", "f")
        before = shown(station).splitlines()
        assert "FROZEN" in before[0]
        played.ward = WardSnapshot(beds=(with_alarms(later, VT),), classifier="ready")
        await until(pilot, lambda: "*** VENT TACHY" in shown(station))
        assert before[9:30] == shown(station).splitlines()[9:30]
        await pilot.press("f")
        assert before[9:30] != shown(station).splitlines()[9:30]

    drive(played, script, size=(100, 32))


def test_a_monitor_that_dies_is_shown_at_once_with_the_alarms_that_stood() -> None:
    """Nothing shown is current any more, and the alarm is still there; it comes back by itself."""
    played = Played(WardSnapshot(beds=(with_alarms(a_bed(), VT),), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.state, played.trouble = "lost", "THE MONITOR HAS GONE"
        await until(pilot, lambda: "! THE MONITOR HAS GONE: nothing here is current" in shown(station))
        await until(pilot, lambda: "FEED LOST" in shown(station))
        assert "NOT CONNECTED" in shown(station)
        assert "*** VENT TACHY" in shown(station)
        played.state, played.anew = "up", True
        await until(pilot, lambda: "HAS GONE" not in shown(station))
        assert 0 == played.pulls[-1].after

    drive(played, script)


@pytest.mark.parametrize("state", ["lost", "silent", "foreign"])
def test_whatever_was_acknowledged_a_ward_that_is_cut_off_rings(
    state: LineState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else is there to raise it; no figure is shown as current, and a feed that came back is live."""
    rung: list[float] = []
    monkeypatch.setattr(Station, "bell", lambda _: rung.append(0.0))
    seen = an_alarm("feed_lost", "technical", "FEED LOST", acknowledged=True)
    played = Played(WardSnapshot(beds=(with_alarms(a_bed(), seen),), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        assert ("HR 75" in shown(station), rung) == (True, [])
        played.state = state
        await until(pilot, lambda: len(rung) > 0)
        assert "medium" == sounding(*station.known.ward.beds)
        assert ("HR ---" in shown(station), "HR 75" in shown(station)) == (True, False)
        played.state = "up"
        await until(pilot, lambda: sounding(*station.known.ward.beds) is None)
        assert "HR 75" in shown(station)

    drive(played, script, state=State(view="trends"))


def test_a_bed_that_was_watched_and_is_no_more_stays_behind_a_restart() -> None:
    """A monitor that begins without it must not make its loss unseen; one that had said good-bye goes."""
    ward = a_ward(3)
    played = Played(changed(ward, 1, msgspec.structs.replace(ward.beds[1], connection="ended")))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.state = "lost"
        await until(pilot, lambda: station.known.ward.beds[0].connection == "lost")
        played.ward, played.state, played.anew = a_ward(1), "up", True
        await until(pilot, lambda: station.known.ward.beds[0].connection == "up")
        assert ["bed-1", "bed-3"] == [bed.bed for bed in station.known.ward.beds]
        assert "VANISHED" in shown(station)
        played.ward = ward
        await until(pilot, lambda: station.known.gone == frozenset())
        assert None is sounding(*station.known.ward.beds)

    drive(played, script)


def test_a_bed_that_vanishes_during_an_alarm_stays_until_it_is_acknowledged() -> None:
    """The alarm still stands on the screen; to let it go is this station's own affair."""
    ward = a_ward(3)
    played = Played(changed(ward, 2, with_alarms(ward.beds[2], VT)))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "VENT TACHY" in shown(station))
        played.ward = a_ward(2)
        await until(pilot, lambda: "FEED LOST" in shown(station))
        assert "bed-3" in shown(station)
        assert "VENT TACHY" in shown(station)
        assert "VANISHED" in shown(station)
        await pilot.press("down", "down", "a")
        assert "bed-3" not in shown(station)

    drive(played, script, options=Options())
    assert [] == played.told


def test_the_pause_of_all_beds_can_be_ended_while_one_has_vanished() -> None:
    """The sound of a bed that the monitor has not any more cannot be paused: it does not count."""
    beds = tuple(msgspec.structs.replace(bed, audio_paused_until=bed.index + 9000) for bed in a_ward(2).beds)
    lost = with_alarms(a_bed("bed-3"), VT)
    played = Played(WardSnapshot(beds=(*beds, lost)))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("P")
        played.ward = WardSnapshot(beds=beds)
        await until(pilot, lambda: station.known.gone == {"bed-3"})
        await pilot.press("P")

    drive(played, script)
    assert [link.PauseAudio(on=True, by="kim"), link.PauseAudio(on=False, by="kim")] == played.told


def test_limits_are_edited_checked_and_sent() -> None:
    """Fields hold what is in force; what cannot be is refused in words; what changed is asked for."""
    bed = with_limits(a_bed(), high_rate_bpm=120.0, low_rate_bpm=50.0)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        await pilot.pause()
        panel = station.query_one(Limits)
        high = panel.query_one("#high_rate_bpm", Input)
        assert "120" == high.value
        assert high.has_focus
        high.value = "40"
        await pilot.press("enter")
        assert "must lie below" in str(panel.query_one("#problem", Label).content)
        assert [] == played.told
        high.value = "130"
        await pilot.press("enter")
        await pilot.pause()
        assert [link.SetLimits("bed-1", {"high_rate_bpm": 130.0}, "kim")] == played.told
        played.entries = [an_entry("bed-1", Notice(sample=0, decided=0, text="limits refused: too high"))]
        await until(pilot, lambda: "too high" in str(panel.query_one("#problem", Label).content))
        await pilot.press("escape")
        await pilot.pause()
        assert not station.query(Limits)

    drive(played, script, size=(120, 30))


def test_a_limit_is_set_back_where_it_was() -> None:
    """Fields are compared with what is in force, not with what was when they were opened."""
    bed = with_limits(a_bed(), high_rate_bpm=120.0, low_rate_bpm=50.0)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        await pilot.pause()
        field = station.query_one("#high_rate_bpm", Input)
        for value in ("130", "120", "130"):  # nobody waits for the monitor to have heard
            field.value = value
            await pilot.press("enter")
            await pilot.pause()
        played.ward = changed(played.ward, 0, with_limits(bed, high_rate_bpm=130.0, low_rate_bpm=50.0))
        await until(pilot, lambda: station.known.ward.beds[0].limits["high_rate_bpm"] == 130.0)
        await pilot.press("enter")
        assert "nothing changed" in str(station.query_one("#problem", Label).content)
        field.value = "120"
        await pilot.press("enter")
        await pilot.pause()

    drive(played, script, size=(120, 30))
    asked = [told.limits for told in played.told if isinstance(told, link.SetLimits)]
    assert [{"high_rate_bpm": value} for value in (130.0, 120.0, 130.0, 120.0)] == asked


def test_what_another_station_sets_is_shown_but_where_somebody_types() -> None:
    """No limit is set back unseen, and nobody's figures are taken away."""
    bed = with_limits(a_bed(), high_rate_bpm=120.0, low_rate_bpm=50.0)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        await pilot.pause()
        high, low = (station.query_one(f"#{key}", Input) for key in bed.limits)
        low.value = "45"
        played.ward = changed(played.ward, 0, with_limits(bed, high_rate_bpm=135.0, low_rate_bpm=40.0))
        await until(pilot, lambda: high.value == "135")
        assert "45" == low.value
        await pilot.press("enter")
        await pilot.pause()

    drive(played, script, size=(120, 30))
    assert [link.SetLimits("bed-1", {"low_rate_bpm": 45.0}, "kim")] == played.told


def test_alarms_are_acknowledged_while_limits_are_edited() -> None:
    """A field takes figures alone; other keys do what they always do."""
    bed = with_limits(with_alarms(a_bed(), VT), high_rate_bpm=120.0)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        await pilot.pause()
        field = station.query_one("#high_rate_bpm", Input)
        await pilot.press("end", "backspace", "5", "a", "space", "A")
        assert "125" == field.value
        assert [link.Acknowledge, link.PauseAudio, link.Acknowledge] == [type(told) for told in played.told]
        await pilot.press("enter")
        await pilot.pause()
        assert link.SetLimits("bed-1", {"high_rate_bpm": 125.0}, "kim") == played.told[-1]

    drive(played, script, size=(120, 30))


def test_keys_that_come_together_are_taken_in_their_order() -> None:
    """Over a slow line a figure is what was typed, not what is left of it."""
    played = Played(WardSnapshot(beds=(with_limits(a_bed(), low_rate_bpm=50.0),), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        await pilot.pause()
        for key, character in (("backspace", "\x7f"), ("4", "4"), ("5", "5")):
            station.post_message(Key(key, character))
        await until(pilot, lambda: station.query_one("#low_rate_bpm", Input).value != "50")
        await pilot.pause()
        assert "45" == station.query_one("#low_rate_bpm", Input).value

    drive(played, script, size=(120, 30))


def test_where_there_is_no_room_beside_the_beds_these_stay() -> None:
    """A panel never takes what beds need; it is opened again where there is room again."""
    ward = a_ward(2)
    played = Played(changed(ward, 1, with_alarms(ward.beds[1], VT)))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "*** VENT TACHY" in shown(station)
        assert "no room: expected 62 columns, received 50" in shown(station)
        await pilot.resize_terminal(70, 24)
        await pilot.press("question_mark")
        await until(pilot, lambda: station.query_one(Canvas).size.width == 40)
        assert "*** VENT TACHY" in shown(station)

    drive(played, script, size=(50, 20))


@pytest.mark.parametrize("shrinks", [True, False])
def test_limits_that_have_no_room_take_no_keys(shrinks: bool) -> None:
    """Whether a terminal is or becomes too small: figures choose beds, enter asks for nothing."""
    beds = tuple(with_limits(bed, high_rate_bpm=120.0) for bed in a_ward(9).beds)
    played = Played(WardSnapshot(beds=beds, classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("l")
        if shrinks:
            await until(pilot, lambda: len(station.query(Limits)) == 1)
            await pilot.resize_terminal(55, 20)
        await until(pilot, lambda: "no room: expected 62 columns, received 55" in shown(station))
        await pilot.press("9")
        assert ("bed-9", "bed", "") == (station.state.selected, station.state.view, station.state.panel)
        await pilot.press("enter")
        assert ("wall", 0, None) == (station.state.view, len(station.query(Limits)), station.focused)

    drive(played, script, size=(120 if shrinks else 55, 20))
    assert [] == played.told


def test_help_and_limits_stand_beside_the_beds() -> None:
    """Alarms stay in sight while somebody reads."""
    ward = a_ward(8)
    played = Played(changed(ward, 7, with_alarms(ward.beds[7], VT)))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        await pilot.pause()
        await until(pilot, lambda: station.query_one(Canvas).size.width < 80)
        assert "*** VENT TACHY" in shown(station)

    drive(played, script, size=(80, 24))


def test_trends_are_asked_for_only_where_they_are_looked_at() -> None:
    """A day of sixteen beds weighs more than their waves."""
    played = Played(a_ward(2))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        assert not any(pull.trend for pull in played.pulls)
        await pilot.press("t")
        await until(pilot, lambda: any(pull.trend for pull in played.pulls))
        await until(pilot, lambda: "now" in shown(station))
        n = sum(pull.trend for pull in played.pulls)
        seen = len(played.pulls)
        await until(pilot, lambda: len(played.pulls) > seen + 3)
        assert n == sum(pull.trend for pull in played.pulls)

    drive(played, script)


def test_an_alarm_leaves_a_line_and_a_strip() -> None:
    """What began while somebody looked away: in the list, and as waves."""
    bed = with_alarms(a_bed(), VT)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))
    at = round(12 * FS)
    alarm = Alarm(
        sample=at - 200, decided=at, kind=VT.kind, priority="high", state="start", text="VENT TACHY"
    )

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.entries = [an_entry("bed-1", alarm)]
        await until(pilot, lambda: len(station.known.memory.strips) == 1)
        await pilot.press("e")
        assert "*** VENT TACHY began" in shown(station)
        await pilot.press("r")
        assert "▼ onset" in shown(station)
        assert "MLII" in shown(station)

    drive(played, script)


@pytest.mark.parametrize("panel", ["question_mark", "l"])
@pytest.mark.parametrize("width", [62, 70, 80, 100])
def test_a_panel_beside_the_bed_cuts_no_alarm(panel: str, width: int) -> None:
    """Help and limits leave the large bed 40 columns at least: VT and VF stay apart."""
    fibrillation = an_alarm("ventricular_fibrillation", "high", "VENT FIB/FLUTTER", ended=True)
    ward = a_ward(3)

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("2", panel)
        await until(pilot, lambda: station.query_one(Canvas).size.width < width)
        assert "VENT FIB/FLUTTER" in shown(station)

    drive(Played(changed(ward, 1, with_alarms(ward.beds[1], fibrillation))), script, size=(width, 24))


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (39, 8), (40, 8)])
def test_no_terminal_is_too_small_to_be_told(size: tuple[int, int]) -> None:
    """A terminal resized to nothing, and back, is drawn or answered."""

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.resize_terminal(*size)
        await pilot.pause()
        for key in ("e", "r", "t", "w", "1"):
            await pilot.press(key)
        assert shown(station)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "bed-1" in shown(station))

    drive(Played(a_ward(3, seconds=4.0)), script)


def test_leaving_ends_nothing_but_the_station() -> None:
    """``q`` lets go of the line; no command is sent."""
    played = Played(a_ward(1))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("q")

    station = drive(played, script)
    assert 0 == station.return_value
    assert played.closed
    assert [] == played.told


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: whatever scheme was chosen."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(station: Station, pilot: Pilot[int]) -> None:
        station.paint()
        assert "mono" == station.query_one(Canvas).scheme

    drive(Played(a_ward(1)), script)


def test_what_textual_repaints_is_what_was_painted() -> None:
    """Lines come from the frame itself: nothing older is cached."""
    played = Played(a_ward(2))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await pilot.press("2")
        canvas = station.query_one(Canvas)
        strips = canvas.render_lines(canvas.size.region)
        assert canvas.frame.lines() == [strip.text for strip in strips]

    drive(played, script)


@pytest.mark.parametrize("silent", [True, False])
def test_the_bell_rings_for_what_calls_unless_it_was_silenced(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--silent`` is written in the header, so that nobody waits for a sound."""
    rung: list[float] = []
    monkeypatch.setattr(Station, "bell", lambda _: rung.append(0.0))
    played = Played(WardSnapshot(beds=(with_alarms(a_bed(), VT),), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: len(rung) >= 2 or silent)
        assert silent == (" silent " in shown(station).splitlines()[0])

    drive(played, script, options=Options(silent=silent))
    assert silent == (rung == [])


def test_a_list_stands_still_for_whoever_goes_down_in_it() -> None:
    """The newest comes on top; a line that is being read does not move."""
    played = Played(a_ward(1))

    def began(n: int) -> link.Entry:
        return an_entry("bed-1", Notice(sample=0, decided=0, text=f"line {n}"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.entries = [began(n) for n in range(5)]
        await pilot.press("e")
        await until(pilot, lambda: "line 4" in shown(station))
        await pilot.press("down")
        assert "line 4" not in shown(station)
        played.entries = [began(9)]
        await until(pilot, lambda: len(station.known.memory.happenings) == 6)
        assert "line 9" not in shown(station)
        await pilot.press("up")
        assert "line 9" in shown(station)

    drive(played, script)


def test_limits_that_were_changed_long_ago_are_history() -> None:
    """What a station is told when it comes is no news."""
    played = Played(a_ward(1))
    old = msgspec.structs.replace(an_entry("b", Notice(sample=0, decided=0, text="limits: 1")), time_ns=1)

    async def script(station: Station, pilot: Pilot[int]) -> None:
        played.entries = [old]
        await until(pilot, lambda: len(station.known.memory.happenings) == 1)
        assert "limits: 1" not in shown(station)
        await pilot.press("e")
        assert "limits: 1" in shown(station)

    drive(played, script)


@pytest.mark.parametrize("key", ["question_mark", "l", "r"])
def test_keys_beside_q_are_nobody_s_any_more(key: str) -> None:
    """Typed quickly, they come while the station leaves: nothing is opened, nothing is left undone."""
    bed = with_limits(a_bed(), high_rate_bpm=120.0)
    played = Played(WardSnapshot(beds=(bed,), classifier="ready"))

    async def script(station: Station, pilot: Pilot[int]) -> None:
        for pressed in (key, "q", key, "l", "question_mark", "r", "a"):
            station.post_message(Key(pressed, None))
        await until(pilot, lambda: station.return_value == 0)

    drive(played, script, size=(120, 30))
    assert [] == played.told


def test_a_panel_is_not_opened_in_a_station_that_leaves() -> None:
    """Its place is going."""

    async def script(station: Station, _: Pilot[int]) -> None:
        station.exit(0)
        await station.action_press("question_mark")
        assert ("", 0) == (station.state.panel, len(station.query("Help")))

    drive(Played(a_ward(1)), script, size=(120, 30))
