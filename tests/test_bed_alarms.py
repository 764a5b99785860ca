"""The alarms of a bed beyond one stream: limits changed, sound paused, processes killed, devices gone."""

import datetime
import time
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from monitor import journal, lines
from monitor.announcing import announced, sounding
from monitor.assemble import Closed, Opened, Samples
from monitor.errors import StorageError
from monitor.events import Alarm, AudioPause, Block, Event, LimitChange, Notice, Stream
from monitor.handover import BYE, Bedside, Handover
from monitor.journal import Journal
from monitor.link import EventLog
from monitor.settings import AlarmSettings, BedSettings, Settings
from monitor.ward import Ward
from tests.test_beds import FS, SECOND, WINDOW, beating
from tests.test_beds import Ward as OneBed

HOUR = 3600 * SECOND
FLAT = np.zeros((round(12 * FS), 1))


def texts(ward: OneBed) -> list[str]:
    """Return the notices of a bed, and what was told of its limits."""
    return [e.text for e in ward.events(Notice, LimitChange) if isinstance(e, Notice | LimitChange)]


def alarm(kind: str, state: str = "start", *, sample: int = 900, **more: object) -> Alarm:
    """Return the last step of a high alarm that stood."""
    known = {"decided": 5000, "priority": "high", "text": kind.upper()} | more
    return Alarm(sample=sample, kind=kind, state=state, **known)  # type: ignore[arg-type]


def stood(alarms: list[Alarm]) -> Handover:
    """Return what a run leaves whose alarms stood."""
    return Handover(alarms=tuple(alarms))


# -- limits ------------------------------------------------------------------------------------------


def test_a_limit_that_a_station_changes_holds_from_now_on_and_for_streams_to_come() -> None:
    """Effective at once, told, shown, and kept when the device starts anew."""
    ward = OneBed()
    ward.open(1)
    index = ward.play(beating(15))  # 75 bpm
    assert [] == ward.alarms("high_rate")
    assert "" == ward.bed.set_limits({"high_rate_bpm": 70.0, "low_rate_bpm": 40.0}, by="Ada")
    assert ["limits: high_rate_bpm 120 to 70, low_rate_bpm 50 to 40 (by Ada)"] == texts(ward)
    ward.play(beating(2), start=index)
    assert ["start"] == ward.alarms("high_rate")
    ward.open(2)
    assert 70.0 == ward.bed.snapshot.limits["high_rate_bpm"]
    ward.play(beating(20, rr_s=0.7))
    assert ["start"] == ward.alarms("high_rate")  # the same goes on
    assert "" == ward.bed.set_limits({"high_rate_bpm": 120.0, "low_rate_bpm": 40.0})
    assert "limits: high_rate_bpm 70 to 120" == texts(ward)[-1]  # what is as it was is no change
    ward.play(beating(2, rr_s=0.7), start=round(20 * FS))
    assert ["start", "end", "cleared"] == ward.alarms("high_rate")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"high_rate_bpm": 50.0}, "alarms.low_rate_bpm must lie below high_rate_bpm"),
        ({"hihg": 1.0}, "alarms.hihg is no limit; expected one of high_rate_bpm"),
        ({"asystole_s": 60.0}, "alarms.asystole_s: Expected `float` <= 10"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_told_and_changes_nothing(
    limits: dict[str, float], reason: str
) -> None:
    """Asystole cannot be switched off by a figure either."""
    ward = OneBed()
    ward.open(1)
    assert reason in ward.bed.set_limits(limits)
    (told,) = texts(ward)
    assert told.startswith("limits refused: ")
    assert reason in told
    assert ward.bed.snapshot.limits == AlarmSettings().limits()


def test_each_bed_goes_by_its_own_limits() -> None:
    """The file's table of a bed is that bed's alone."""
    own = BedSettings(alarms={"high_rate_bpm": 70.0})
    ward = Ward(Settings(beds={"2": own}), WINDOW, ask=lambda *_: None, events=EventLog())
    for name in ("1", "2"):
        ward.take(Opened(name, 1, FS, ("II",), 0, 0, ""))
        ward.take(Samples(name, Block(0, beating(20)), SECOND, SECOND))
    assert ["2"] == [name for name, bed in ward.beds.items() if bed.snapshot.alarms]
    assert [120.0, 70.0] == [bed.snapshot.limits["high_rate_bpm"] for bed in ward.beds.values()]


def test_a_command_for_a_bed_or_kind_that_is_none_is_refused() -> None:
    """What was wrong, what was expected, what was received."""
    ward = Ward(Settings(), WINDOW, ask=lambda *_: None, events=EventLog())
    ward.take(Opened("1", 1, FS, ("II",), 0, 0, ""))
    expected = "bed: expected one of 1, received '2'"
    assert expected == ward.acknowledge("2")
    assert expected == ward.pause_audio("2", on=True)
    assert expected == ward.set_limits("2", {})
    assert "received 'asistole'" in ward.acknowledge("1", kind="asistole")
    assert "" == ward.acknowledge(None, kind="asystole")


# -- sound -------------------------------------------------------------------------------------------


def test_a_pause_goes_on_over_a_new_stream() -> None:
    """The device starts anew and the nurse is still there: the rest of the pause is kept."""
    ward = OneBed()
    ward.open(1)
    index = ward.play(np.concatenate([beating(10), FLAT]))
    assert "high" == sounding(ward.bed.snapshot)
    ward.bed.pause_audio(on=True, by="Ada")
    ward.play(FLAT[:2500], start=index)
    ward.open(2)
    assert (None, 110.0) == (sounding(ward.bed.snapshot), ward.bed.snapshot.audio_pause_s)
    assert [("start", "Ada"), ("start", "")] == [
        (event.state, event.by) for event in ward.events(AudioPause) if isinstance(event, AudioPause)
    ]
    ward.bed.pause_audio(on=False)
    assert "high" == sounding(ward.bed.snapshot)


def test_a_pause_ends_by_the_wall_where_the_signal_stands_still() -> None:
    """A feed that is lost stops the samples' clock; it must not silence the bed for ever."""
    ward = OneBed()
    ward.open(1)
    ward.play(beating(4))
    ward.bed.pause_audio(on=True)
    now = time.time_ns()
    ward.bed.tick(now + 119 * SECOND)
    assert (["start"], None) == (ward.alarms("feed_lost"), sounding(ward.bed.snapshot))
    ward.bed.tick(now + 121 * SECOND)
    assert "medium" == sounding(ward.bed.snapshot)


def test_a_lost_feed_is_reminded_of_by_the_wall_clock() -> None:
    """It was acknowledged, and still nobody knows how the patient is."""
    ward = OneBed()
    ward.open(1)
    ward.play(beating(4))
    now = time.time_ns()
    ward.bed.tick(now + 4 * SECOND)
    ward.bed.acknowledge(by="Ada")
    ward.bed.tick(now + 170 * SECOND)
    assert ["start", "acknowledged"] == ward.alarms("feed_lost")
    ward.bed.tick(now + 190 * SECOND)
    assert ["start", "acknowledged", "reminded"] == ward.alarms("feed_lost")


@pytest.mark.parametrize("streamed", [False, True])
def test_what_stood_on_a_bed_that_was_set_aside_is_reminded_of_by_the_wall_clock(*, streamed: bool) -> None:
    """Acknowledged before or after: nothing judges the signal, and the patient may still be so."""
    before = [
        alarm("asystole"),
        alarm("ventricular_fibrillation", "acknowledged"),
        alarm("extreme_bradycardia", "end"),
    ]
    ward = OneBed(before=stood(before))
    if streamed:
        ward.open(1)
    ward.bed.set_aside("boom")
    ward.bed.acknowledge(by="Ada")
    now = time.time_ns()
    ward.bed.tick(now + 170 * SECOND)
    assert ["acknowledged"] == ward.alarms("asystole")
    for _ in range(2):
        ward.bed.tick(now + 190 * SECOND)
    assert ["acknowledged", "reminded"] == ward.alarms("asystole")
    assert ["reminded"] == ward.alarms("ventricular_fibrillation")
    assert ["acknowledged", "cleared"] == ward.alarms("extreme_bradycardia")


def test_a_bed_whose_feed_is_lost_is_shown_as_such_until_a_packet_comes() -> None:
    """Acknowledged, reminded of, told hello: nobody takes the last rate of a dead bed for its rate now."""
    ward = OneBed()
    ward.open(1)
    index = ward.play(beating(10))
    assert ("live", 75) == (ward.bed.snapshot.status, round(ward.bed.snapshot.hr_bpm or 0))
    now = time.time_ns()

    def dead() -> bool:
        return ("lost", None) == (ward.bed.snapshot.status, ward.bed.snapshot.hr_bpm)

    ward.bed.tick(now + 4 * SECOND)
    assert dead()
    ward.bed.acknowledge(by="Ada")
    assert dead()
    ward.bed.tick(now + 190 * SECOND)
    assert ["start", "acknowledged", "reminded"] == ward.alarms("feed_lost")
    assert dead()
    ward.bed.acknowledge(kind="feed_lost")
    ward.open(2, index=index)
    assert dead()
    ward.play(beating(10), start=index)
    assert ("live", 75) == (ward.bed.snapshot.status, round(ward.bed.snapshot.hr_bpm or 0))
    assert () == ward.bed.snapshot.alarms


# -- another process, another stream -----------------------------------------------------------------


def test_alarms_of_a_killed_process_stand_at_once_and_are_not_told_again() -> None:
    """No device is there yet: they are shown, can be acknowledged, and no step of theirs is repeated."""
    before = [
        alarm("asystole"),
        alarm("ventricular_tachycardia", "end"),
        alarm("high_rate", "acknowledged", priority="medium"),
    ]
    ward = OneBed(before=stood(before))
    assert [] == ward.events(Alarm)
    assert ["taken up from the run before: ASYSTOLE, VENTRICULAR_TACHYCARDIA (over), HIGH_RATE"] == texts(
        ward
    )
    shown = {one.kind: (one.ended, one.acknowledged, one.onset) for one in ward.bed.snapshot.alarms}
    assert {
        "asystole": (False, False, 900),
        "ventricular_tachycardia": (True, False, 900),
        "high_rate": (False, True, 900),
    } == shown
    assert "high" == sounding(ward.bed.snapshot)
    ward.bed.acknowledge(by="Ada")
    assert ["acknowledged"] == ward.alarms("asystole")
    assert ["acknowledged", "cleared"] == ward.alarms("ventricular_tachycardia")
    assert [] == ward.alarms("high_rate")
    assert None is sounding(ward.bed.snapshot)


@pytest.mark.parametrize("index", [0, 9000], ids=["a new stream", "the same stream goes on"])
def test_a_condition_found_again_after_a_restart_goes_on_as_the_same_alarm(index: int) -> None:
    """Neither lost nor repeated; what is found to be over ends, about its old onset."""
    ward = OneBed(before=stood([alarm("asystole"), alarm("high_rate", priority="medium", sample=800)]))
    ward.open(1, index=index)
    after = ward.play(FLAT, start=index)
    assert [] == ward.alarms("asystole")
    assert ["end", "cleared"] == ward.alarms("high_rate")
    ward.play(beating(3), start=after)
    (end,) = [event for event in ward.events(Alarm) if isinstance(event, Alarm) and event.kind == "asystole"]
    assert ("end", 900) == (end.state, end.sample)
    assert [("asystole", True)] == [(one.kind, one.ended) for one in ward.bed.snapshot.alarms]


def test_trouble_of_the_old_process_ends_and_a_lost_feed_goes_on() -> None:
    """What failed has been started anew; the device has still not come back."""
    before = [
        alarm(kind, priority="technical", sample=7)
        for kind in ("classifier_failed", "storage_failed", "bed_failed", "feed_lost")
    ]
    ward = OneBed(before=stood(before))
    for kind in ("classifier_failed", "storage_failed", "bed_failed"):
        assert ["end", "cleared"] == ward.alarms(kind)
    ward.bed.tick(time.time_ns() + 10 * SECOND)
    assert [] == ward.alarms("feed_lost")
    assert ["feed_lost"] == [one.kind for one in ward.bed.snapshot.alarms]
    ward.open(1)
    ward.play(beating(1))
    assert ["end", "cleared"] == ward.alarms("feed_lost")


def test_limits_and_a_pause_of_a_killed_process_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, whether or not the device is there; told, with whom; alarms go by them."""
    until_ns = time.time_ns() + 60 * SECOND
    kept = Bedside(limits={"high_rate_bpm": 70.0}, by="Ada", quiet_until_ns=until_ns)
    ward = OneBed(before=Handover(bedside=kept))
    assert ["limits stay as set before the restart: high_rate_bpm 70, not 120 (by Ada)"] == texts(ward)
    assert 70.0 == ward.bed.snapshot.limits["high_rate_bpm"]
    assert 55 < ward.bed.snapshot.audio_pause_s <= 60
    monkeypatch.setattr(time, "time_ns", lambda: until_ns - 20 * SECOND)
    ward.open(1)  # half a minute later: the restart has made it no longer
    assert 20 == ward.bed.snapshot.audio_pause_s
    ward.play(beating(15))  # 75 bpm
    assert ["start"] == ward.alarms("high_rate")
    assert None is sounding(ward.bed.snapshot)
    ward.bed.tick(until_ns + SECOND)
    assert "medium" == sounding(ward.bed.snapshot)


def test_a_pause_that_was_over_before_the_restart_or_is_longer_than_any_does_not_go_on() -> None:
    """A clock that was set back must not silence a bed for a year."""
    for seconds, left_s in ((-1, 0), (10**7, AlarmSettings().audio_pause_s)):
        kept = Bedside(quiet_until_ns=time.time_ns() + seconds * SECOND)
        assert left_s == OneBed(before=Handover(bedside=kept)).bed.snapshot.audio_pause_s


def test_limits_that_do_not_fit_the_settings_of_today_are_left_and_that_is_told() -> None:
    """Nobody is watched by limits that cross; the settings hold."""
    ward = OneBed(before=Handover(bedside=Bedside(limits={"high_rate_bpm": 45.0})))
    (why, what) = texts(ward)
    assert why.startswith("limits set before the restart do not fit the settings: alarms.low_rate_bpm must")
    assert "limits are those of the settings" == what
    assert ward.bed.snapshot.limits == AlarmSettings().limits()
    (told,) = ward.events(LimitChange)
    assert isinstance(told, LimitChange)
    assert ("dropped", {}) == (told.state, told.own)


def test_a_bed_that_had_limits_of_its_own_and_left_is_forgotten_with_them() -> None:
    """It is expected for ten minutes and is no lost feed; the next patient has the limits of the settings."""
    log = EventLog()
    kept = Bedside(limits={"high_rate_bpm": 70.0})
    ward = Ward(Settings(), WINDOW, ask=lambda *_: None, events=log, before={"9": Handover(bedside=kept)})
    ward.check(time.time_ns() + 9 * 60 * SECOND)
    assert (["9"], False) == (list(ward.beds), ward.all_gone)
    assert () == ward.beds["9"].snapshot.alarms
    ward.check(time.time_ns() + 11 * 60 * SECOND)
    assert [] == list(ward.beds)
    told = [entry.event for entry in log.after(0, 1000)[0]]
    assert [("kept", kept.limits), ("dropped", {})] == [
        (one.state, one.own) for one in told if isinstance(one, LimitChange)
    ]


def test_alarms_of_another_version_are_left_out() -> None:
    """A kind that nobody knows any more keeps no monitor from starting."""
    ward = OneBed(before=stood([alarm("heart_attack"), alarm("asystole")]))
    assert ["taken up from the run before: ASYSTOLE"] == texts(ward)


def test_a_bed_that_does_not_come_back_is_a_lost_feed() -> None:
    """It was watched a moment ago: silence counts from the start of the new process on."""
    ward = OneBed(before=stood([alarm("asystole")]))
    ward.bed.tick(time.time_ns() + 4 * SECOND)
    assert ["start"] == ward.alarms("feed_lost")
    assert ["asystole", "feed_lost"] == [one.kind for one in announced(ward.bed.snapshot)]


def test_a_bed_that_had_said_bye_is_not_missed_after_a_restart() -> None:
    """It has ended, as before, until a device comes; somebody who has seen its alarm lets it go."""
    left = replace(stood([alarm("asystole", "end")]), ended=True)
    ward = OneBed(before=left)
    ward.bed.tick(time.time_ns() + 4 * SECOND)
    assert ([], "ended") == (ward.alarms("feed_lost"), ward.bed.snapshot.status)
    assert ["asystole"] == [one.kind for one in announced(ward.bed.snapshot)]
    assert not ward.bed.seen
    ward.bed.acknowledge()
    assert (["acknowledged", "cleared"], True) == (ward.alarms("asystole"), ward.bed.seen)
    ward.open(1)
    ward.bed.tick(time.time_ns() + 4 * SECOND)
    assert (["start"], "lost") == (ward.alarms("feed_lost"), ward.bed.snapshot.status)


def test_an_alarm_about_a_lead_that_is_not_there_any_more_ends() -> None:
    """By its place and its name; one whose lead is there goes on."""
    for lead, text, steps in ((0, "LEAD OFF II", []), (0, "LEAD OFF V5", ["end", "cleared"])):
        ward = OneBed(before=stood([alarm("lead_off", lead=lead, text=text, priority="technical")]))
        ward.open(1)
        assert steps == ward.alarms("lead_off")


def test_a_device_that_vanishes_during_an_alarm_leaves_it_standing() -> None:
    """Gone without a word, or with one: on the screen it stands until somebody acknowledges it."""
    for says_bye in (False, True):
        ward = OneBed()
        ward.open(1)
        index = ward.play(np.concatenate([beating(10), FLAT]))
        if says_bye:
            ward.bed.take(Closed("7", index))
        ward.bed.tick(time.time_ns() + 4 * SECOND)
        assert "asystole" == announced(ward.bed.snapshot)[0].kind
        assert ["start"] == ward.alarms("asystole")
        assert "high" == sounding(ward.bed.snapshot)
        ward.bed.acknowledge()
        assert ["start", "acknowledged"] == ward.alarms("asystole")


def test_a_bed_is_forgotten_only_when_somebody_has_seen_its_alarms_and_these_are_then_closed() -> None:
    """Law 5 against an alarm that nobody has looked at: the alarm wins; every life closes."""
    log = EventLog()
    ward = Ward(Settings(), WINDOW, ask=lambda *_: None, events=log)
    ward.take(Opened("1", 1, FS, ("II",), 0, 0, ""))
    signal = np.concatenate([beating(10), FLAT])
    ward.take(Samples("1", Block(0, signal), SECOND, SECOND))
    ward.take(Closed("1", len(signal)))
    ward.check(time.time_ns() + HOUR)
    assert ["1"] == list(ward.beds)
    ward.acknowledge("1", by="Ada")
    ward.check(time.time_ns() + HOUR)
    assert [] == list(ward.beds)
    told = [entry.event for entry in log.after(0, 1000)[0]]
    steps = [one.state for one in told if isinstance(one, Alarm) and one.kind == "asystole"]
    assert ["start", "acknowledged", "end", "cleared"] == steps


def test_beds_taken_up_do_not_keep_a_run_from_ending() -> None:
    """``--until-bye`` is about beds that came."""
    ward = Ward(
        Settings(), WINDOW, ask=lambda *_: None, events=EventLog(), before={"9": stood([alarm("asystole")])}
    )
    assert (["9"], False) == (list(ward.beds), ward.all_gone)
    ward.take(Opened("1", 1, FS, ("II",), 0, 0, ""))
    assert not ward.all_gone
    ward.take(Closed("1", 0))
    assert ward.all_gone


# -- what a journal says stood ------------------------------------------------------------------------


def written(path: Path, *runs: tuple[int, list[Event]]) -> Path:
    """Write a journal of several runs, each told at a time in seconds."""
    for at_s, events in runs:
        kept = Journal(path, head={})
        for event in events:
            kept.append(event, bed="7", time_ns=at_s * SECOND)
        kept.close()
    return path


def test_a_journal_says_what_stood_when_its_last_run_ended(tmp_path: Path) -> None:
    """Over all its runs, each alarm by its last step, until it was cleared."""
    start = alarm("asystole")
    vt = alarm("ventricular_tachycardia")
    path = written(
        tmp_path / "run.jsonl",
        (
            1000,
            [
                start,
                vt,
                replace(vt, state="end"),
                replace(vt, state="cleared"),
                Notice(sample=1, decided=1, text=""),
            ],
        ),
        (1100, [replace(start, state="acknowledged", by="Ada"), replace(start, sample=1, state="cleared")]),
        (1200, []),
    )
    assert {"7": stood([replace(start, state="acknowledged", by="Ada")])} == journal.handovers(
        path, now_ns=1300 * SECOND
    )
    assert {} == journal.handovers(path, now_ns=1100 * SECOND + HOUR + 1)
    assert {} == journal.handovers(tmp_path / "none.jsonl", now_ns=0)


def test_alarms_of_a_watch_long_over_are_left_behind(tmp_path: Path) -> None:
    """An hour in which nobody watched makes it another patient's."""
    start = alarm("asystole")
    path = written(tmp_path / "run.jsonl", (1000, [start]), (1000 + 3601, [alarm("high_rate")]))
    assert {"7": stood([alarm("high_rate")])} == journal.handovers(path, now_ns=4700 * SECOND)


def test_a_journal_says_what_persons_had_set_when_its_last_run_ended(tmp_path: Path) -> None:
    """The last word on limits and sound, by the wall clock; over runs, until it is set back."""
    pause = AudioPause(sample=900, decided=900, state="start", until=900 + 120 * 250)
    limits = LimitChange(
        sample=1, decided=1, state="set", before={"low_rate_bpm": 50}, after={"low_rate_bpm": 40}, own={}
    )
    own = replace(limits, own={"low_rate_bpm": 40.0}, by="Ada")
    stream = Stream(sample=0, decided=0, stream="s", fs=250.0, leads=("II",))
    path = written(tmp_path / "run.jsonl", (1000, [stream, own, pause]))
    kept = Bedside(limits={"low_rate_bpm": 40.0}, by="Ada", quiet_until_ns=1120 * SECOND)
    assert {"7": Handover(bedside=kept)} == journal.handovers(path, now_ns=1060 * SECOND)
    assert {} == journal.handovers(path, now_ns=1001 * SECOND + HOUR)
    written(path, (1060, [replace(pause, sample=0, until=60)]))  # taken up before there is a stream: 1 Hz
    assert {"7": Handover(bedside=kept)} == journal.handovers(path, now_ns=1061 * SECOND)
    written(path, (1070, [replace(pause, state="end")]))
    (left,) = journal.handovers(path, now_ns=1071 * SECOND).values()
    assert replace(kept, quiet_until_ns=0) == left.bedside
    written(path, (1080, [limits]))
    assert {} == journal.handovers(path, now_ns=1081 * SECOND)


def test_a_journal_says_whose_stream_had_ended(tmp_path: Path) -> None:
    """Until another begins; any other line says nothing of that."""
    stream = Stream(sample=0, decided=0, stream="1", fs=FS, leads=("II",))
    bye, other = (Notice(sample=9, decided=9, text=text) for text in (BYE, "limits refused"))
    first = [stream, alarm("asystole"), bye, other]
    path = written(tmp_path / "a.jsonl", (0, first))
    assert Handover(alarms=(alarm("asystole"),), ended=True) == journal.handovers(path, now_ns=HOUR)["7"]
    path = written(tmp_path / "b.jsonl", (0, first), (1, [stream]))
    assert not journal.handovers(path, now_ns=HOUR)["7"].ended


def test_a_line_that_a_kill_cut_short_hides_nothing(tmp_path: Path) -> None:
    """The alarm before it stands; what is no event is refused by name."""
    path = written(tmp_path / "run.jsonl", (1000, [alarm("asystole")]))
    with path.open("ab") as stream:
        stream.write(b'{"type":"alarm","bed":"7","sam')
    assert ["7"] == list(journal.handovers(path, now_ns=1001 * SECOND))
    with path.open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(StorageError, match="not an event line"):
        journal.handovers(path, now_ns=1001 * SECOND)


# -- lines -------------------------------------------------------------------------------------------


def test_lines_say_who_acknowledged_what_is_announced_again_and_that_sound_is_paused() -> None:
    """What a person did stands in the lines of ``--plain`` and ``replay``."""
    plain = lines.Lines(zone=datetime.UTC)
    high = alarm("high_rate", priority="medium", text="HIGH RATE")
    told = [
        line.split(" ", 2)[2]
        for event in (
            high,
            replace(high, state="acknowledged", by="Ada\n"),
            replace(high, state="reminded"),
            replace(high, state="end", by="Ada"),
            replace(high, state="cleared"),
            AudioPause(sample=100, decided=100, state="start", until=100 + 120 * 250, by="Ada"),
            AudioPause(sample=200, decided=200, state="end", until=200),
        )
        for line in plain.push("7", event, time_ns=0, fs=250.0)
    ]
    assert [
        "** HIGH RATE",
        "** HIGH RATE acknowledged by Ada?",
        "** HIGH RATE still stands",
        "** HIGH RATE ended",
        "! alarm sound paused for 120 s by Ada",
        "! alarm sound is back",
    ] == told
