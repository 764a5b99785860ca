"""All beds together: what fails is set aside and said, the others go on."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.announcing import sounding
from monitor.assemble import Assembler, Closed, Fault, Opened, Samples
from monitor.beats import FEATURES, WindowSpec
from monitor.beds import Key
from monitor.errors import StorageError
from monitor.events import Alarm, Beat, BeatWindow, Block, LabelledBeat, Notice, TrendPoint
from monitor.handover import Handover
from monitor.journal import Journal
from monitor.link import Entry, EventLog
from monitor.pipeline import Pipeline
from monitor.recorder import Recorder
from monitor.settings import Settings
from monitor.store.writer import Writer
from monitor.trouble import Trouble
from monitor.ward import Ward
from monitor.wire import Bye, Hello, Message, Packet

FS = 250.0
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=1, shapes=2, features=FEATURES)
SECOND = 1_000_000_000


class Run:
    """A ward, and all that it told."""

    def __init__(
        self, journal: Journal | None = None, record: Path | None = None, store: Writer | None = None
    ) -> None:
        self.asked: list[tuple[Key, BeatWindow]] = []
        self.log = EventLog()
        self.ward = Ward(
            Settings(),
            WINDOW,
            ask=lambda key, window: self.asked.append((key, window)),
            events=self.log,
            journal=journal,
            record=record,
            store=store,
            before=store.left if store is not None and store.known else None,
        )

    def open(self, *beds: str) -> None:
        """Begin a stream on each bed."""
        for bed in beds:
            self.ward.take(Opened(bed, 1, FS, ("II",), 0, 0, ""))

    def play(self, bed: str, start_s: float, stop_s: float) -> None:
        """Send beats, one every 0.8 s."""
        for at in range(round(start_s * FS), round(stop_s * FS), 25):
            self.ward.take(Samples(bed, Block(at, pulses(at, at + 25)), SECOND, SECOND))

    def told(self, bed: str) -> list[Entry]:
        """Return what was told of a bed."""
        return [entry for entry in self.log.after(0, 1 << 30)[0] if entry.bed == bed]

    def alarms(self, bed: str, kind: str) -> list[str]:
        """Return the steps of one kind of alarm on a bed."""
        events = [entry.event for entry in self.told(bed)]
        return [event.state for event in events if isinstance(event, Alarm) and event.kind == kind]

    def n_beats(self, bed: str) -> int:
        """Return how many beats were found on a bed."""
        return sum(isinstance(entry.event, Beat) for entry in self.told(bed))


def pulses(start: int, stop: int) -> NDArray[np.float64]:
    """Return one lead with a narrow pulse every 0.8 s."""
    phase = (np.arange(start, stop) / FS) % 0.8
    return np.exp(-0.5 * ((phase - 0.4) / 0.012) ** 2)[:, np.newaxis]


def test_a_trend_of_a_bed_that_comes_hours_later_is_another_patient_s() -> None:
    """It is kept for an hour for a device to come back."""
    for hours, n in ((0.5, 1), (1.1, 0)):
        left = {"1": Handover(trend=(TrendPoint(0, 70.0),))}
        ward = Ward(Settings(), WINDOW, ask=lambda *_: None, events=EventLog(), before=left)
        ward.check(time.time_ns() + round(hours * 3600 * SECOND))
        ward.take(Opened("1", 1, FS, ("II",), 0, 0, ""))
        assert n == len(ward.beds["1"].snapshot.trend)


@pytest.fixture
def break_bed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ward, str], None]:
    """Return a function that makes one bed's pipeline fail from now on."""

    def break_it(ward: Ward, name: str) -> None:
        def fail(self: Pipeline, item: object) -> list[object]:
            if self is broken:
                raise ZeroDivisionError("boom")
            return push(self, item)  # type: ignore[arg-type, return-value]

        push, broken = Pipeline.push, ward.beds[name]._analysis.pipeline
        monkeypatch.setattr(Pipeline, "push", fail)

    return break_it


def test_a_bed_that_fails_is_set_aside_and_the_others_go_on(
    break_bed: Callable[[Ward, str], None], tmp_path: Path
) -> None:
    """Law 8: the alarm stands, the other beds go on, the run ends with 1; what was recorded is closed."""
    run = Run(record=tmp_path)
    run.open("1", "2")
    run.play("1", 0, 10)
    run.play("2", 0, 10)
    break_bed(run.ward, "1")
    run.play("1", 10, 11)
    run.play("2", 10, 20)
    assert run.alarms("1", "bed_failed") == ["start"]
    assert run.alarms("2", "bed_failed") == []
    assert list(run.ward.faults) == ["bed 1"]
    assert run.n_beats("2") > 22
    beats = [entry.event.sample for entry in run.told("1") if isinstance(entry.event, Beat)]
    labelled = [entry.event for entry in run.told("1") if isinstance(entry.event, LabelledBeat)]
    for provisional in (True, False):  # they leave, as Q
        assert beats == [label.sample for label in labelled if label.provisional == provisional]
    assert (tmp_path / "1.hea").read_text().splitlines()[0].split()[3] == str(round(10.1 * FS))
    run.ward.abandon()


def test_a_failed_bed_can_still_be_acknowledged(break_bed: Callable[[Ward, str], None]) -> None:
    """A person can answer every alarm that is shown."""
    run = Run()
    run.open("1")
    run.play("1", 0, 5)
    break_bed(run.ward, "1")
    run.play("1", 5, 6)
    run.ward.acknowledge(None)
    assert run.alarms("1", "bed_failed") == ["start", "acknowledged"]


def test_a_failed_bed_shows_no_rate_is_reminded_of_and_sounds_again_when_a_pause_is_over(
    break_bed: Callable[[Ward, str], None],
) -> None:
    """Law 8: nobody knows how that patient is, and nobody is left to forget it."""
    run = Run()
    run.open("1")
    run.play("1", 0, 10)
    bed = run.ward.beds["1"]
    assert ("live", 75) == (bed.snapshot.status, round(bed.snapshot.hr_bpm or 0))
    run.ward.pause_audio(None, on=True)
    break_bed(run.ward, "1")
    run.play("1", 10, 11)
    now = time.time_ns()
    assert ("lost", None, None) == (bed.snapshot.status, bed.snapshot.hr_bpm, sounding(bed.snapshot))
    run.ward.check(now + 119 * SECOND)
    assert None is sounding(bed.snapshot)
    run.ward.check(now + 121 * SECOND)
    assert "medium" == sounding(bed.snapshot)
    run.ward.acknowledge(None)
    assert ("lost", None, None) == (bed.snapshot.status, bed.snapshot.hr_bpm, sounding(bed.snapshot))
    run.ward.check(now + 190 * SECOND)
    assert ["start", "acknowledged", "reminded"] == run.alarms("1", "bed_failed")
    assert [] == run.alarms("1", "feed_lost")


def test_a_failed_bed_is_watched_again_when_its_device_begins_anew(
    break_bed: Callable[[Ward, str], None],
) -> None:
    """Alarms that stood and a pause go on; that it failed is still told by the exit code."""
    run = Run()
    run.open("1")
    run.play("1", 0, 10)
    run.ward.set_limits("1", {"high_rate_bpm": 70.0})
    run.play("1", 10, 12)
    run.ward.pause_audio(None, on=True)
    break_bed(run.ward, "1")
    run.play("1", 12, 13)
    snapshot = run.ward.beds["1"].snapshot
    assert {"high_rate", "bed_failed"} == {alarm.kind for alarm in snapshot.alarms}
    n_before = run.n_beats("1")
    run.play("1", 13, 20)
    assert n_before == run.n_beats("1")
    run.ward.take(Opened("1", 2, FS, ("II",), 0, 0, ""))
    run.play("1", 0, 10)
    assert ["start", "end", "cleared"] == run.alarms("1", "bed_failed")
    assert ["start"] == run.alarms("1", "high_rate")
    snapshot = run.ward.beds["1"].snapshot
    assert ("live", 75, 70.0) == (
        snapshot.status,
        round(snapshot.hr_bpm or 0),
        snapshot.limits["high_rate_bpm"],
    )
    assert 100 < snapshot.audio_pause_s < 120
    assert run.n_beats("1") > n_before + 8
    assert (["bed 1"], ()) == (list(run.ward.faults), run.ward.shown({})[1])


def test_a_failed_bed_does_not_keep_a_run_from_ending(break_bed: Callable[[Ward, str], None]) -> None:
    """``--until-bye`` counts a bed that failed as gone."""
    run = Run()
    run.open("1", "2")
    run.play("1", 0, 5)
    run.play("2", 0, 5)
    break_bed(run.ward, "1")
    run.play("1", 5, 6)
    assert not run.ward.all_gone
    run.ward.take(Closed("2", round(5 * FS)))
    assert run.ward.all_gone


def test_refused_packets_are_an_alarm_while_they_go_on() -> None:
    """Bad input is seen: on the bed as an alarm, in the journal as a line each."""
    run = Run()
    run.open("1")
    run.play("1", 0, 5)
    run.ward.take(Fault("1", "index runs backwards: expected 1250, received 3"))
    run.ward.take(Fault("1", "index runs backwards: expected 1250, received 4"))
    (alarm,) = run.ward.beds["1"].snapshot.alarms
    assert alarm.text == "FEED ERROR: index runs backwards: expected 1250, received 3"
    notices = [entry.event for entry in run.told("1") if isinstance(entry.event, Notice)]
    assert len(notices) == 2
    run.ward.check(run.ward.beds["1"].trouble._refused_ns + 11 * SECOND)
    assert run.alarms("1", "feed_error") == ["start", "end", "cleared"]


def test_a_clock_set_back_does_not_keep_the_feed_in_error() -> None:
    """The ten seconds count anew from then, and not until the clock has caught up."""
    run = Run()
    run.open("1")
    run.ward.take(Fault("1", "index runs backwards: expected 1250, received 3"))
    hour_ago = run.ward.beds["1"].trouble._refused_ns - 3600 * SECOND
    for seconds in (0, 9):
        run.ward.check(hour_ago + seconds * SECOND)
    assert run.alarms("1", "feed_error") == ["start"]
    run.ward.check(hour_ago + 11 * SECOND)
    assert run.alarms("1", "feed_error") == ["start", "end", "cleared"]


def test_bytes_of_nobody_are_a_line_on_the_screen() -> None:
    """What cannot be given to a bed is told for the whole ward."""
    run = Run()
    run.ward.take(Fault(None, "version 2 of the protocol: expected 1"))
    _, notices = run.ward.shown({})
    assert notices == ("! version 2 of the protocol: expected 1",)
    assert len(run.told("")) == 1


def test_a_journal_that_cannot_be_written_is_an_alarm_on_every_bed_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beds that come later are told too; a healthy recording does not take the alarm back.

    What is shown is what stands; what the run ends with, and what was told, is what has been.
    """
    full = True

    def flush(self: Journal) -> None:
        if full:
            raise StorageError("cannot write run.jsonl: No space left on device")

    journal = Journal(tmp_path / "run.jsonl", head={})
    monkeypatch.setattr(Journal, "flush", flush)
    run = Run(journal, record=tmp_path / "kept")
    run.open("1")
    run.play("1", 0, 3)
    run.ward.flush()
    run.open("2")
    run.play("2", 0, 3)
    run.ward.flush()
    assert run.alarms("1", "storage_failed") == ["start"]
    assert run.alarms("2", "storage_failed") == ["start"]
    assert list(run.ward.faults) == ["journal"]
    assert run.ward.shown({})[1] == ("! journal failed: cannot write run.jsonl: No space left on device",)
    full = False
    run.ward.flush()
    assert (run.ward.shown({})[1], list(run.ward.faults)) == ((), ["journal"])
    full = True
    run.ward.flush()
    full = False
    run.ward.flush()
    told = [entry.event.text for entry in run.told("") if isinstance(entry.event, Notice)]
    failed = "journal failed: cannot write run.jsonl: No space left on device"
    assert told == [failed, "journal works again"] * 2
    assert run.alarms("1", "storage_failed") == ["start", "end", "cleared"] * 2
    assert run.alarms("2", "storage_failed") == ["start", "end", "cleared"] * 2
    run.ward.abandon()
    run.ward.close()


def test_a_recording_that_failed_is_shown_as_such_until_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all beds together: one that is well does not speak for another."""
    full = True
    whole = Recorder.flush

    def flush(self: Recorder) -> None:
        if full:
            raise StorageError("cannot write 1.dat: No space left on device")
        whole(self)

    run = Run(record=tmp_path)
    run.open("1", "2")
    run.play("1", 0, 3)
    monkeypatch.setattr(Recorder, "flush", flush)
    run.ward.flush()
    assert run.ward.shown({})[1] == ("! recording failed: cannot write 1.dat: No space left on device",)
    full = False
    run.ward.beds["2"].recording.flush()
    assert len(run.ward.shown({})[1]) == 1
    run.ward.flush()
    assert (run.ward.shown({})[1], list(run.ward.faults)) == ((), ["recording"])
    run.ward.abandon()


def test_a_bed_that_left_long_ago_is_forgotten() -> None:
    """Law 5: a device with a new name at each start does not fill the memory."""
    run = Run()
    run.open("1", "2")
    run.play("1", 0, 5)
    run.ward.take(Closed("1", round(5 * FS)))
    closed = run.ward.beds["1"].closed_ns
    assert closed is not None
    run.ward.check(closed + 599 * SECOND)
    assert set(run.ward.beds) == {"1", "2"}
    run.ward.check(closed + 601 * SECOND)
    assert set(run.ward.beds) == {"2"}
    run.ward.answer(("1#1", 100, True), [1.0, 0.0, 0.0, 0.0, 0.0])  # too late, and nobody is hurt


def test_beds_stand_in_the_order_of_their_names() -> None:
    """A bed has the same place after every start, whichever device comes first."""
    run = Run()
    run.open("bed10", "bed2", "bed1")
    beds, _ = run.ward.shown({})
    assert ["bed1", "bed2", "bed10"] == [bed.bed for bed in beds]
    assert "expected one of bed1, bed2, bed10, received" in run.ward.acknowledge("bed3")


def test_each_bed_is_judged_by_what_waits_of_it() -> None:
    """One that floods keeps no other from being called lost."""
    run = Run()
    run.open("1", "2")
    run.play("1", 0, 5)
    run.play("2", 0, 5)
    run.ward.check(time.time_ns(), waiting={"2"})
    assert (["start"], []) == (run.alarms("1", "feed_lost"), run.alarms("2", "feed_lost"))


def test_a_bed_that_was_forgotten_and_goes_on_after_its_bye_is_watched_again() -> None:
    """What receives knows the stream still, the ward does not any more: it is told of it again."""
    run, assembler = Run(), Assembler("1")

    def send(message: Message) -> None:
        for item in assembler.push(message, time.time_ns()):
            run.ward.take(item)

    def play(start_s: int, stop_s: int) -> None:
        for at in range(round(start_s * FS), round(stop_s * FS), 25):
            samples = (1000 * pulses(at, at + 25)).astype(np.int16)
            packet = Packet(bed="1", stream=1, sequence=at // 25, index=at, device_time_ns=0, samples=samples)
            send(packet)

    send(Hello(bed="1", stream=1, fs=FS, leads=("II",), gain=(1000.0,), baseline=(0,), sequence=0, index=0))
    play(0, 10)
    send(Bye(bed="1", stream=1, total=round(10 * FS)))
    run.ward.check(time.time_ns() + 700 * SECOND)
    assert {} == run.ward.beds
    n_before = run.n_beats("1")
    play(10, 20)
    assert ({}, "live") == (run.ward.faults, run.ward.beds["1"].snapshot.status)
    assert run.n_beats("1") > n_before + 8


def test_a_bed_that_cannot_even_be_set_aside_hurts_nobody(
    break_bed: Callable[[Ward, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containment has no holes: raising the alarm may fail too."""
    run = Run()
    run.open("1", "2")

    def fail(self: Trouble, kind: str, text: str = "") -> None:
        raise RuntimeError("boom again")

    monkeypatch.setattr(Trouble, "start", fail)
    break_bed(run.ward, "1")
    run.play("1", 0, 1)
    run.play("2", 0, 10)
    assert list(run.ward.faults) == ["bed 1"]
    assert run.n_beats("2") > 8
