"""What stands on a station's picture, at which sizes, and that no colour is needed to read it."""

import datetime
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from rich.color import ColorSystem

from monitor.announcing import sounding
from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, AudioPause, Gap, Notice, TrendPoint
from monitor.frame import Frame, changes
from monitor.inks import INKS, NUMBERS, SCHEMES, prefixes, styles
from monitor.layout import MIN_FLAT, Area, grid
from monitor.lines import MARKS
from monitor.snapshots import Scale, WardSnapshot
from monitor.station.draw import draw
from monitor.station.happenings import Happening, Memory
from monitor.station.scene import Attached, Scene, kept
from monitor.station.state import State
from monitor.strip import Strip
from monitor.waves import Pen
from tests.wards import FS, NOW_NS, a_bed, a_ward, an_alarm, with_alarms

VT = an_alarm("ventricular_tachycardia", "high", "VENT TACHY")
HIGH = an_alarm("high_rate", "medium", "HIGH RATE")
COUPLET = an_alarm("couplet", "low", "COUPLET")
LEAD = an_alarm("lead_off", "technical", "LEAD OFF V1")
UP = Attached(name="ward", control=True, up=True)


def scene(n_beds: int = 8, **state: object) -> Scene:
    chosen: State = replace(State(selected="bed-1"), **state)  # type: ignore[arg-type]
    return Scene(chosen, ward=a_ward(n_beds), attached=UP)


def with_bed(told: Scene, i: int, **changed: object) -> Scene:
    beds = list(told.ward.beds)
    beds[i] = msgspec.structs.replace(beds[i], **changed)
    return replace(told, ward=msgspec.structs.replace(told.ward, beds=tuple(beds)))


def text(told: Scene, size: tuple[int, int] = (120, 40), now_ns: int = NOW_NS) -> str:
    frame, _ = draw(told, size, now_ns)
    assert size == frame.size
    return "\n".join(frame.lines())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("n_beds", [1, 8, 16])
def test_the_wall_shows_every_bed_with_rate_and_wave(n_beds: int, size: tuple[int, int]) -> None:
    """1 to 16 beds, also at 80x24: none is on another page."""
    shown = text(scene(n_beds), size)
    for i in range(n_beds):
        assert f"bed-{i + 1} " in shown
    assert n_beds == shown.count(" live ")
    assert n_beds <= shown.count("MLII")
    assert "not in sight" not in shown


def test_beds_that_do_not_fit_are_turned_to_and_their_alarms_stay_in_sight() -> None:
    """40 beds at 80x24: the page is that of the chosen bed."""
    told = with_bed(scene(40), 39, alarms=(VT,))
    assert "bed-40 *** VENT TACHY" in text(told, (80, 24))
    later = replace(told, state=replace(told.state, selected="bed-40"))
    assert ">40 bed-40" in text(later, (80, 24))


@pytest.mark.parametrize("view", ["wall", "bed", "trends", "alarms", "strips"])
@pytest.mark.parametrize("charset", ["braille", "ascii"])
def test_no_size_is_an_error(view: str, charset: str) -> None:
    """Resizing to anything is drawn or answered with a sentence."""
    told = with_bed(scene(5, view=view, charset=charset), 1, alarms=(VT, COUPLET))
    told = replace(told, trends={"bed-1": (TrendPoint(0, 70.0, 1), TrendPoint(1, None, 0))})
    for size in ((1, 1), (39, 8), (40, 8), (41, 9), (60, 12), (80, 24), (300, 9)):
        shown = text(told, size)
        assert charset != "ascii" or shown.isascii()


@pytest.mark.parametrize("size", [(39, 8), (120, 7), (24, 2)])
@pytest.mark.parametrize("view", ["wall", "strips"])
def test_a_station_too_small_for_its_beds_still_shows_the_worst_alarm(
    size: tuple[int, int], view: str
) -> None:
    """In every view; that the monitor is gone comes before how much room would be needed."""
    told = with_bed(with_bed(scene(4, view=view), 2, alarms=(VT,)), 1, alarms=(HIGH, LEAD))
    first, second, *_ = text(told, size).splitlines()
    assert "bed-3 *** VENT TACHY +2" in first
    assert second.startswith("terminal too small")
    gone = replace(told, attached=replace(UP, up=False, trouble="GONE"))
    assert text(gone, size).splitlines()[1].startswith("! GONE: nothing here")


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_scheme_knows_every_ink_and_every_terminal(scheme: str) -> None:
    """16, 256 and true colours, and none at all."""
    assert len(INKS) == len(styles(scheme))
    for system in ("standard", "256", "truecolor", None):
        assert len(INKS) == len(prefixes(scheme, system))
        assert all(prefix.startswith("\x1b[0") for prefix in prefixes(scheme, system))


def test_the_scheme_for_every_colour_vision_differs_in_lightness() -> None:
    """High, medium and low are told apart where only light and dark are seen."""
    light = []
    for name in ("high", "medium", "low"):
        color = styles("safe")[NUMBERS[name]].bgcolor
        assert color is not None
        r, g, b = color.get_truecolor()
        light.append(0.2126 * r + 0.7152 * g + 0.0722 * b)
    assert min(abs(a - b) for i, a in enumerate(light) for b in light[:i]) > 40


def test_the_scheme_without_colour_has_none() -> None:
    """NO_COLOR: bold, reverse and underline alone."""
    for style in styles("mono"):
        assert not style.color
        assert not style.bgcolor
    assert all(";3" not in p and ";4" not in p.replace(";4m", "m") for p in prefixes("mono", "256"))
    assert ColorSystem.EIGHT_BIT


def test_every_priority_is_a_sign_and_a_word_whatever_its_half_of_the_flash() -> None:
    """Colour is never the only cue, and nothing blinks away."""
    told = scene(4)
    for i, alarm in enumerate((VT, HIGH, COUPLET, LEAD)):
        told = with_bed(told, i, alarms=(alarm,))
    for ms in (0, 250, 1000, 1250):
        shown = text(told, now_ns=NOW_NS // 10**9 * 10**9 + ms * 10**6)
        for expected in ("*** VENT TACHY", "** HIGH RATE", "* COUPLET", "! LEAD OFF V1"):
            assert expected in shown


def test_flashing_changes_inks_alone_and_reduced_motion_stops_it() -> None:
    """High alarms flash; with reduced motion the picture stands still."""
    told = with_bed(scene(1), 0, alarms=(VT,))
    at = NOW_NS // 10**9 * 10**9
    (lit, _), (unlit, _) = (draw(told, (80, 24), at + ms * 10**6) for ms in (0, 250))
    assert lit.lines() == unlit.lines()
    assert (lit.inks != unlit.inks).any()
    calm = replace(told, state=replace(told.state, calm=True))
    (one, _), (two, _) = (draw(calm, (80, 24), at + ms * 10**6) for ms in (0, 250))
    np.testing.assert_array_equal(one.inks, two.inks)


@pytest.mark.parametrize("view", ["bed", "strips", "trends"])
def test_out_of_sight_what_nobody_has_acknowledged_stands_first_and_the_rest_is_counted(view: str) -> None:
    """A long word of what is worst is not left out for a short one of what is less."""
    told = with_bed(scene(8, view=view), 6, alarms=(msgspec.structs.replace(VT, reminded=True),))
    for i in (2, 3, 4):
        told = with_bed(told, i, alarms=(HIGH,))
    told = with_bed(told, 1, alarms=(msgspec.structs.replace(VT, acknowledged=True, by="kim"),))
    top = text(told, (80, 24)).splitlines()[0]
    assert "bed-7 *** VENT TACHY" in top
    assert "+4" in top
    top = text(told, (200, 50)).splitlines()[0]
    places = [top.index(f"bed-{i} ") for i in (7, 3, 4, 5, 2)]
    assert sorted(places) == places
    assert "bed-2 *** VENT TACHY (acknowledged by kim)" in top


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("width", [40, 50, 60, 72])
def test_an_alarm_out_of_sight_comes_before_what_is_good_to_know(width: int, up: bool) -> None:
    """Clock, number of beds and names make room; nothing is written over anything."""
    told = with_bed(scene(8), 7, alarms=(VT,))
    if not up:
        told = replace(told, attached=replace(UP, up=False, trouble="gone"))
    top = text(told, (width, 8)).splitlines()[0]
    assert "*** VENT TACHY" in top or "*** +1" in top
    assert up or "! NOT CONNECTED" in top
    assert up == ("bed-8 *** VENT TACHY" in top) or width > 40


def test_who_acknowledged_pauses_and_limits_are_on_the_large_bed() -> None:
    """What a nurse asks first."""
    told = with_bed(
        scene(3, view="bed"),
        0,
        alarms=(msgspec.structs.replace(VT, acknowledged=True, by="kim"),),
        audio_paused_until=round((20 + 103) * FS),
        limits={"high_rate_bpm": 130.0, "low_rate_bpm": 45.0},
    )
    shown = text(told)
    for expected in (
        "*** VENT TACHY (acknowledged by kim)",
        "sound paused 1:43",
        "high rate 130",
        "low rate 45",
        "control",
        "3 beds, 2 not in sight",
    ):
        assert expected in shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("n_beds", [1, 8, 16])
@pytest.mark.parametrize("ended", [False, True])
def test_a_pause_of_sound_is_seen_at_every_bed_beside_any_alarm(
    n_beds: int, size: tuple[int, int], ended: bool
) -> None:
    """A ward that is silent on purpose says so, and until when: on the wall and for all in its header."""
    alarm = an_alarm("ventricular_fibrillation", "high", "VENT FIB/FLUTTER", ended=ended)
    told = scene(n_beds)
    for i in range(n_beds):
        alarms = (VT, alarm)[i % 2 : i % 2 + 1] if i % 3 else ()
        told = with_bed(told, i, audio_paused_until=round((20 + 117) * FS) - 90, alarms=alarms)
    told = with_bed(told, n_beds - 1, alarms=(alarm,), connection="lost")
    top, *body = text(told, size).splitlines()
    assert ("mute 1:57" if n_beds == 1 else f"{n_beds} of {n_beds} mute 1:57") in top
    shown = "\n".join(body)
    assert n_beds == shown.count("mute 1:57") + shown.count("sound paused 1:57")
    assert shown.count("VENT FIB/FLUTTER") == sum(alarm in bed.alarms for bed in told.ward.beds)
    assert "FEED LOST" in shown


def test_the_header_tells_how_many_beds_are_silent_and_for_how_long_at_most() -> None:
    """Also where another view hides their tiles; nothing where no sound is paused."""
    told = with_bed(scene(8, view="strips"), 2, audio_paused_until=round((20 + 30) * FS))
    told = with_bed(told, 4, audio_paused_until=round((20 + 61) * FS))
    assert "2 of 8 mute 1:01" in text(told, (80, 24)).splitlines()[0]
    assert "mute" not in text(scene(8), (80, 24))


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_any_alarm_is_read_whole_on_the_large_bed_at_every_width(kind: str) -> None:
    """Figures are small before an alarm is cut: VT and VF begin alike; latched is told apart."""
    entry = DEFINITIONS[kind]
    alarm = an_alarm(kind, entry.priority, entry.text)
    told = with_bed(scene(3, view="bed"), 0, alarms=(alarm,), strip=Strip())  # waves take time to draw
    latched = with_bed(told, 0, alarms=(msgspec.structs.replace(alarm, ended=True),))
    sizes = [(width, 24) for width in range(40, 201)]
    for size in [*sizes, *((width, n) for width in (40, 57, 90, 200) for n in (8, 13, 50))]:
        assert f"{MARKS[entry.priority]} {entry.text} " in text(told, size), size
    for width in range(40, 201, 8):
        shown = text(latched, (width, 24))
        assert f"(L) {entry.text}" in shown or f"{entry.text} (latched)" in shown, width


def test_a_large_bed_counts_the_alarms_that_have_no_row() -> None:
    """Five alarms of their own families, four rows."""
    kinds = ("asystole", "atrial_fibrillation", "lead_off", "feed_error", "storage_failed")
    alarms = [an_alarm(kind, DEFINITIONS[kind].priority, DEFINITIONS[kind].text) for kind in kinds]
    told = with_bed(scene(1, view="bed"), 0, alarms=tuple(alarms))
    for width in (40, 58, 80):
        shown = text(told, (width, 24))
        assert "*** ASYSTOLE" in shown.splitlines()[2]
        assert "+1" in shown.splitlines()[5]


def test_twelve_leads_are_all_drawn() -> None:
    """In one column where it is high, in two where it is wide, closer together where there is little room."""
    bed = a_bed()
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    samples = np.repeat(bed.strip.samples[:, :1], 12, axis=1)
    told = with_bed(
        scene(1, view="bed"),
        0,
        leads=names,
        strip=Strip(0, samples),
        scales=(Scale(),) * 12,
        quality=("good",) * 12,
    )
    for size in ((80, 24), (120, 40), (200, 50), (90, 70)):
        shown = text(told, size)
        assert all(f"{name} " in shown for name in names), size


def test_speed_and_gain_are_what_they_say() -> None:
    """At 2 mm a cell: 25 mm/s shows 8 s in 100 cells; 10 mm/mV shows 2 mV in 5 rows of 4 mm."""
    assert 8.0 == Pen(speed_mm_s=25).seconds(100)
    assert 4.0 == Pen(speed_mm_s=50).seconds(100)
    low, high = Pen(gain_mm_mv=10).view(Scale(-1.0, 1.0), 5)
    assert (-1.0, 1.0) == (low, high)
    assert (-0.5, 1.5) == Pen().view(Scale(), 5)


def test_a_dead_monitor_is_over_everything() -> None:
    """In the header and in words, with the alarms that stood."""
    told = replace(
        with_bed(scene(2), 1, alarms=(VT,)), attached=Attached(name="ward", trouble="THE MONITOR HAS GONE")
    )
    shown = text(told, (80, 24))
    assert "! NOT CONNECTED" in shown.splitlines()[0]
    assert "! THE MONITOR HAS GONE: nothing here is current" in shown
    assert "*** VENT TACHY" in shown


def test_the_alarm_list_has_what_stands_and_what_happened() -> None:
    """The worst first; below it the past, the newest first, with who did what."""
    told = with_bed(with_bed(scene(3, view="alarms"), 2, alarms=(VT,)), 0, alarms=(COUPLET,))
    step = Alarm(
        sample=1, decided=2, kind=VT.kind, priority="high", state="acknowledged", text=VT.text, by="kim"
    )
    past = (
        AudioPause(sample=3, decided=3, state="start", until=99, by="lee"),
        step,
        Gap(sample=0, decided=0, stop=0, reason="restarted"),
        Gap(sample=5, decided=9, stop=9),
        Notice(sample=0, decided=0, text="limits refused"),
    )
    told = replace(told, history=[Happening("bed-3", NOW_NS, FS, event) for event in past])
    shown = text(told)
    assert shown.index("*** VENT TACHY ") < shown.index("* COUPLET")
    expected = (
        "sound paused by lee",
        "*** VENT TACHY acknowledged by kim",
        "! a new stream began",
        "! lost on the way: 4 samples",
        "limits refused",
    )
    places = [shown.index(line) for line in expected]
    assert sorted(places) == places


def test_the_list_of_alarms_has_units_and_no_time_that_stands_still() -> None:
    """A rate is a rate, a pause has seconds; where the feed is lost nobody knows for how long."""
    pause = msgspec.structs.replace(an_alarm("pause", "medium", "PAUSE"), value=2.4)
    told = with_bed(scene(2, view="alarms"), 0, alarms=(msgspec.structs.replace(HIGH, value=131.0), pause))
    shown = text(told)
    assert "** HIGH RATE   131 bpm, for 20 s" in shown
    assert "** PAUSE   2.4 s, for 20 s" in shown
    over = msgspec.structs.replace(VT, ended=True, since=100 + round(4 * FS))
    assert "*** VENT TACHY (latched)   lasted 4 s" in text(with_bed(told, 0, alarms=(over,)))
    lost = text(with_bed(told, 0, connection="lost"))
    assert "** HIGH RATE   131 bpm " in lost
    assert "for 20 s" not in lost


def test_the_list_of_alarms_has_no_time_in_samples_of_two_streams() -> None:
    """What was carried over a new stream stands since a time of day, if that is known."""
    began = Alarm(
        sample=HIGH.onset, decided=9, kind=HIGH.kind, priority="medium", state="start", text=HIGH.text
    )
    ended = msgspec.structs.replace(VT, ended=True, since=100 + round(4 * FS))
    told = with_bed(scene(2, view="alarms"), 0, alarms=(HIGH, ended))
    anew = Gap(sample=0, decided=0, stop=0, reason="restarted")
    past = [
        Happening("bed-1", NOW_NS, FS, anew),  # the newest first
        Happening("bed-1", NOW_NS - 60 * 10**9, FS, began),
    ]

    def standing(told: Scene) -> str:
        return text(told).partition("WHAT HAPPENED")[0]

    before = standing(replace(told, history=past[1:]))
    assert ("for 20 s" in before, "lasted 4 s" in before) == (True, True)
    since = datetime.datetime.fromtimestamp(past[1].time_ns // 10**9, tz=datetime.UTC).astimezone()
    shown = standing(replace(told, history=past))
    assert f"** HIGH RATE   since {since:%H:%M:%S}" in shown
    assert ("for " in shown, "lasted" in shown) == (False, False)
    assert "since" not in standing(replace(told, history=past[:1]))
    assert "for 20 s" in standing(replace(told, history=past[::-1]))  # told in the stream that is there
    assert "for " not in standing(with_bed(told, 0, index=5))


def test_a_trend_shows_its_hours_and_leaves_gaps_open() -> None:
    """A minute without a rate is no rate of zero."""
    points = tuple(TrendPoint(i, None if 60 <= i < 120 else 70.0 + i % 10, i % 7) for i in range(240))
    told = replace(scene(1, view="trends"), trends={"bed-1": points})
    shown = text(told, (120, 40))
    for expected in ("last 4 h", "HR", "PVC", "-4:00", "now", " 80", " 70"):
        assert expected in shown
    width = 120 - 8
    rows = shown.splitlines()[2:20]
    gap = slice(7 + width * 65 // 240, 7 + width * 115 // 240)
    assert not "".join(row[gap] for row in rows).strip()
    assert "".join(row[7 : gap.start - 3] for row in rows).strip()
    assert "no trend yet" in text(scene(1, view="trends"))


def test_a_trend_of_v_has_a_line_where_none_was_found_and_a_gap_where_nobody_knows() -> None:
    """None known is not none found."""
    points = tuple(TrendPoint(i, 70.0, None if 60 <= i < 120 else 0) for i in range(240))
    shown = text(replace(scene(1, view="trends"), trends={"bed-1": points}), (120, 40)).splitlines()
    width = 120 - 8
    line = next(row for row in reversed(shown) if row.startswith("      0") or row[4:7] == "  0")
    assert not line[7 + width * 65 // 240 : 7 + width * 115 // 240].strip()
    assert line[7 + width * 125 // 240 :].strip()
    assert line[8 : 7 + width * 55 // 240].strip()


def test_what_calls_most_urgently_is_what_nobody_has_silenced() -> None:
    """Acknowledged or paused is quiet; technical alarms borrow an urgency."""
    ward = a_ward(2)

    def called(**changed: object) -> str | None:
        bed = msgspec.structs.replace(ward.beds[0], **changed)
        return sounding(bed, ward.beds[1])

    assert None is called()
    assert "high" == called(alarms=(COUPLET, VT))
    assert "low" == called(alarms=(LEAD,))
    assert None is called(alarms=(msgspec.structs.replace(VT, acknowledged=True),))
    assert None is called(alarms=(VT,), audio_paused_until=10**9)
    assert "high" == called(alarms=(msgspec.structs.replace(VT, ended=True),))


def test_a_bed_without_alarm_that_goes_is_gone() -> None:
    """Only an alarm keeps a bed on the screen that the monitor knows no more."""
    before = a_ward(2)
    assert () == kept(before, WardSnapshot(), frozenset()).beds
    alarmed = msgspec.structs.replace(before, beds=(with_alarms(before.beds[0], VT), before.beds[1]))
    assert ["bed-1"] == [bed.bed for bed in kept(alarmed, WardSnapshot(), frozenset()).beds]
    assert () == kept(alarmed, WardSnapshot(), frozenset({"bed-1"})).beds


def test_memory_is_bounded() -> None:
    """A night of alarms leaves the last of them."""
    from monitor.link import Entry

    memory = Memory()
    alarm = Alarm(sample=1, decided=1, kind="pause", priority="medium", state="start", text="PAUSE")
    memory.push([Entry("bed-1", "", NOW_NS, FS, alarm)] * 2000)
    assert 500 == len(memory.happenings)
    memory.cut(a_ward(1), seconds=30.0)
    assert len(memory.strips) <= 50
    assert 0 == memory.wants(a_ward(1))


def test_tiles_cover_their_area_without_overlap() -> None:
    """However many, wherever they begin; too many for the room are left out."""
    for n in range(1, 40):
        areas = grid(n, Area(3, 10, 90, 20), smallest=MIN_FLAT)
        cells = {(r, c) for a in areas for r in range(a.row, a.row + a.height) for c in (a.column,)}
        assert len(cells) == sum(a.height for a in areas)
        assert all(10 <= a.column and a.column + a.width <= 100 and a.row + a.height <= 23 for a in areas)
        assert len(areas) == min(n, 20)


def test_only_what_changed_is_written_where_it_stands() -> None:
    """At an offset too: a picture need not begin at the terminal's corner."""
    old, new = Frame(20, 3), Frame(20, 3)
    new.put(1, 4, "abc", "high")
    written = changes(old, new, prefixes("night", "standard"), at=(5, 2))
    assert "\x1b[4;10H\x1b[0;1;37;41mabc" == written
    assert "" == changes(new, new, prefixes("night", "standard"))
