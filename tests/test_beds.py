"""A bed in the engine: items in, events out, and trouble that stays where it belongs."""

import time
from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from monitor.assemble import Closed, Lost, Opened, Samples
from monitor.beats import FEATURES, WindowSpec
from monitor.beds import Bed, Key
from monitor.errors import StorageError
from monitor.events import Alarm, Beat, BeatWindow, Block, Event, Gap, LabelledBeat, Stream
from monitor.handover import NOTHING, Handover
from monitor.link import Entry
from monitor.recorder import Recorder
from monitor.settings import Settings

FS = 250.0
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=1, shapes=2, features=FEATURES)
NORMAL = [0.9, 0.05, 0.03, 0.01, 0.01]
SECOND = 1_000_000_000


def beating(seconds: float, *, rr_s: float = 0.8) -> NDArray[np.float64]:
    """Return one lead with a narrow pulse every ``rr_s``."""
    phase = (np.arange(round(seconds * FS)) / FS) % rr_s
    return np.exp(-0.5 * ((phase - rr_s / 2) / 0.012) ** 2)[:, np.newaxis]


class Ward:
    """Everything that a bed says to its engine."""

    def __init__(self, record: Path | None = None, before: Handover = NOTHING) -> None:
        self.entries: list[Entry] = []
        self.asked: list[tuple[Key, BeatWindow]] = []
        self.faults: list[str] = []
        self.bed = Bed(
            "7",
            Settings(),
            WINDOW,
            tell=self.entries.append,
            ask=lambda key, window: self.asked.append((key, window)),
            record=record,
            fault=self.faults.append,
            before=before,
        )

    def open(self, stream: int, *, index: int = 0) -> None:
        """Begin a stream."""
        self.bed.take(Opened("7", stream, FS, ("II",), 0, index, "test"))

    def play(self, samples: NDArray[np.float64], *, start: int = 0, packet: int = 10) -> int:
        """Send samples in packets; return the next index."""
        for at in range(0, len(samples), packet):
            block = Block(start + at, samples[at : at + packet])
            self.bed.take(Samples("7", block, SECOND, SECOND + 1000))
        return start + len(samples)

    def events(self, *kinds: type[Event]) -> list[Event]:
        """Return what was told, of some kinds."""
        return [entry.event for entry in self.entries if isinstance(entry.event, kinds)]

    def alarms(self, kind: str) -> list[str]:
        """Return the steps of one kind of alarm."""
        return [
            event.state for event in self.events(Alarm) if isinstance(event, Alarm) and event.kind == kind
        ]

    def answer_all(self) -> None:
        """Call every beat normal."""
        for (name, sample, provisional), _ in self.asked:
            self.bed.answer(int(name.rpartition("#")[2]), sample, NORMAL, provisional=provisional)
        self.asked.clear()


def test_a_stream_is_told_and_its_beats_are_asked_for_and_labelled() -> None:
    """The line of one bed: stream, beats, windows out, labels back, each with its times."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(20))
    ward.answer_all()
    assert ward.events(Stream) == [
        Stream(sample=0, decided=0, stream="1", fs=FS, leads=("II",), record="test")
    ]
    labelled = [entry for entry in ward.entries if isinstance(entry.event, LabelledBeat)]
    assert len(labelled) > 20
    for entry in labelled:
        assert (entry.bed, entry.record, entry.fs) == ("7", "test", FS)
        assert entry.timing is not None
        assert entry.timing.captured == SECOND
        assert entry.timing.heard == entry.timing.received == SECOND + 1000
        assert entry.timing.detected <= entry.timing.windowed <= entry.timing.labelled


def test_a_new_stream_learns_anew_and_keeps_standing_alarms() -> None:
    """Same bed, new stream id: the stages begin again, the alarms that stood go on standing."""
    ward = Ward()
    ward.open(1)
    ward.play(np.concatenate([beating(20), beating(8, rr_s=1000)]))
    assert ward.alarms("asystole") == ["start"]
    ward.open(2)
    standing = [alarm.kind for alarm in ward.bed.snapshot.alarms]
    assert "asystole" in standing
    first = len(ward.entries)
    ward.play(beating(20))
    beats = [entry.event for entry in ward.entries[first:] if isinstance(entry.event, Beat)]
    assert beats[0].rr is None
    assert ward.alarms("asystole") == ["start", "end"]


def test_a_device_that_starts_anew_again_and_again_is_an_alarm() -> None:
    """A stream each six seconds never lets asystole be told: that this is so is told within ten."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(20))
    ward.open(2)
    ward.play(beating(6, rr_s=1000))
    assert [] == ward.alarms("signal_gaps")
    for stream in range(3, 9):
        ward.open(stream)
        ward.play(beating(6, rr_s=1000))
    assert ["start"] == ward.alarms("signal_gaps")
    ward.play(beating(20), start=round(6 * FS))
    assert ["start", "end", "cleared"] == ward.alarms("signal_gaps")


def test_a_feed_slower_than_real_time_is_an_alarm_until_it_keeps_up() -> None:
    """Signal time is late by the wall, so every alarm is: a person must know."""
    ward = Ward()
    ward.open(1)
    now = time.time_ns()
    for k, speed in enumerate([0.5] * 400 + [1.0] * 200):
        now += round(0.04 * SECOND / speed)
        ward.bed.take(Samples("7", Block(10 * k, np.zeros((10, 1))), now, now))
        ward.bed.tick(now)
        if k == 100:
            assert [] == ward.alarms("signal_slow")
        if k == 399:
            assert ["start"] == ward.alarms("signal_slow")
    assert ["start", "end", "cleared"] == ward.alarms("signal_slow")


def test_answers_for_an_earlier_stream_are_too_late_to_matter() -> None:
    """The sample numbers of two streams are not confused."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(10))
    late = list(ward.asked)
    ward.open(2)
    ward.play(beating(10))
    told = len(ward.events(LabelledBeat))
    for (name, sample, provisional), _ in late:
        ward.bed.answer(int(name.rpartition("#")[2]), sample, NORMAL, provisional=provisional)
    assert len(ward.events(LabelledBeat)) == told


def test_beats_of_an_ended_stream_that_nobody_labelled_are_q() -> None:
    """Nothing is lost silently: every beat gets its line."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(10))
    ward.open(2)
    beats = [event.sample for event in ward.events(Beat)]
    labelled = [event for event in ward.events(LabelledBeat) if isinstance(event, LabelledBeat)]
    for provisional in (True, False):
        assert [event.sample for event in labelled if event.provisional == provisional] == beats
    assert {(event.label, event.probabilities) for event in labelled} == {("Q", None)}


def test_a_silent_feed_is_a_technical_alarm_and_ends_with_the_next_packet() -> None:
    """Wall clock: feed lost after 3 s of silence."""
    ward = Ward()
    ward.open(1)
    index = ward.play(beating(4))
    ward.bed.tick(SECOND + 2 * SECOND)
    assert ward.alarms("feed_lost") == []
    ward.bed.tick(SECOND + 4 * SECOND)
    ward.bed.tick(SECOND + 5 * SECOND)
    assert ward.alarms("feed_lost") == ["start"]
    assert ward.bed.snapshot.status == "lost"
    ward.play(beating(1), start=index)
    assert ward.alarms("feed_lost") == ["start", "end", "cleared"]
    assert ward.bed.snapshot.status in ("live", "learning")


def test_a_clock_that_is_set_back_while_a_feed_falls_silent_does_not_hide_that() -> None:
    """Silence then counts from the new time on."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(4))
    now = SECOND - 3600 * SECOND
    ward.bed.tick(now)
    ward.bed.tick(now + 2 * SECOND)
    assert ward.alarms("feed_lost") == []
    ward.bed.tick(now + 4 * SECOND)
    assert (["start"], "lost") == (ward.alarms("feed_lost"), ward.bed.snapshot.status)


def test_a_bed_of_which_more_was_received_than_taken_is_not_called_lost() -> None:
    """A monitor that is behind does not take its own slowness for a device's silence."""
    ward = Ward()
    ward.open(1)
    ward.play(beating(4))
    ward.bed.tick(SECOND + 60 * SECOND, heard=True)
    assert ([], "live") == (ward.alarms("feed_lost"), ward.bed.snapshot.status)


def test_a_closed_bed_is_not_called_lost() -> None:
    """A device that said good-bye has not vanished."""
    ward = Ward()
    ward.open(1)
    index = ward.play(beating(4))
    ward.bed.take(Closed("7", index))
    ward.bed.tick(SECOND + 60 * SECOND)
    assert ward.alarms("feed_lost") == []
    assert ward.bed.snapshot.status == "ended"


def test_a_stream_that_goes_on_after_its_bye_is_watched_again() -> None:
    """Nothing that comes is left aside: it is opened again, the bed learns anew and is live."""
    ward = Ward()
    ward.open(1)
    index = ward.play(beating(10))
    ward.bed.take(Closed("7", index))
    before = len(ward.events(Beat))
    ward.open(1, index=index)
    ward.play(beating(10), start=index)
    later = [event for event in ward.events(Beat) if isinstance(event, Beat)][before:]
    assert len(later) > 8
    assert later[0].rr is None
    assert all(event.sample >= index for event in later)
    assert ward.bed.snapshot.status == "live"


def test_a_device_that_only_says_hello_is_a_lost_feed() -> None:
    """Silence counts from the hello on."""
    ward = Ward()
    ward.open(1)
    ward.bed.tick(time.time_ns() + 4 * SECOND)
    assert ward.alarms("feed_lost") == ["start"]


def test_labels_that_never_come_are_a_technical_alarm_until_they_do() -> None:
    """Classifier late: beats over 60 s of signal old are given up, and the screen says so."""
    ward = Ward()
    ward.open(1)
    index = ward.play(beating(70))
    ward.bed.tick(SECOND)
    assert ward.alarms("classifier_late") == ["start"]
    ward.answer_all()
    ward.play(beating(2), start=index)
    assert ward.alarms("classifier_late") == ["start", "end", "cleared"]


def test_gaps_are_told_and_recorded_as_missing(tmp_path: Path) -> None:
    """Loss is an event, and on disk indices agree with the device's."""
    ward = Ward(tmp_path)
    ward.open(1)
    index = ward.play(beating(6))
    stop = index + 500
    ward.bed.take(Lost("7", Gap(sample=index, stop=stop, decided=stop)))
    end = ward.play(beating(6), start=stop)
    ward.bed.take(Closed("7", end))
    ward.bed.close()
    assert ward.events(Gap) == [Gap(sample=index, stop=stop, decided=stop)]
    record = wfdb.rdrecord(str(tmp_path / "7"))
    assert record.sig_len == end
    assert bool(np.isnan(record.p_signal[index:stop]).all())
    assert not np.isnan(record.p_signal[:index]).any()


def test_a_recording_that_cannot_be_written_never_stops_the_bed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is a technical alarm; beats go on, and the alarm ends when there is room again."""
    ward = Ward(tmp_path)
    ward.open(1)
    full = True

    def flush(self: Recorder) -> None:
        if full:
            raise StorageError("cannot write 7.dat: No space left on device")

    monkeypatch.setattr(Recorder, "flush", flush)
    index = ward.play(beating(5))
    ward.bed.recording.flush()
    ward.bed.recording.flush()
    assert ward.alarms("storage_failed") == ["start"]
    assert set(ward.faults) == {"cannot write 7.dat: No space left on device"}
    before = len(ward.events(Beat))
    index = ward.play(beating(5), start=index)
    assert len(ward.events(Beat)) > before
    full = False
    ward.bed.recording.flush()
    assert ward.alarms("storage_failed") == ["start", "end", "cleared"]
    ward.bed.close()


def test_a_folder_that_cannot_be_made_is_an_alarm(tmp_path: Path) -> None:
    """The bed is watched although it cannot be recorded."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    ward = Ward(blocked / "records")
    ward.open(1)
    ward.play(beating(5))
    assert ward.alarms("storage_failed") == ["start"]
    assert len(ward.events(Beat)) > 3
