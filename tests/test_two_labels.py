"""A beat's two labels through the whole line: where the confirmed one differs, everybody says so rightly.

A heart at 75 bpm, one early beat with its pause, then eight beats at 109 bpm. The network, a pure function of
the features, calls every early beat V, and N again once it hears that the next one came as early.
"""

import random
from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from monitor.annotations import SUFFIXES, write_annotations
from monitor.assemble import Closed, Opened, Samples
from monitor.beats import FEATURES, WindowSpec
from monitor.beds import Bed, Key
from monitor.events import Alarm, BeatWindow, Event, LabelledBeat, Notice, Stream, sort_key
from monitor.events import Block as SampleBlock
from monitor.handover import BYE
from monitor.label import label_record
from monitor.lines import Lines
from monitor.link import Entry
from monitor.records import Record
from monitor.settings import Settings

FS = 250.0
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=40, n_leads=1, shapes=2, features=FEATURES)
RR_S = [0.8] * 15 + [0.55, 1.05] + [0.8] * 5 + [0.55] * 8 + [1.7, 1.9, 1.8, 1.7]
FIRST = "N" * 16 + "V" + "N" * 6 + "V" * 6 + "N" * 6
LAST = "N" * 16 + "V" + "N" * 18
EARLY, KNOWN, AFTER = (FEATURES.index(name) for name in ("rr_to_mean", "next_known", "next_to_rr"))


def network(_: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell V by what comes early and is not followed by another such beat."""
    ventricular = (features[:, EARLY] < -0.15) & ((features[:, KNOWN] == 0) | (features[:, AFTER] > 0.3))
    told = np.zeros((len(features), 5))
    told[np.arange(len(told)), np.where(ventricular, 2, 0)] = 1.0
    return told


@pytest.fixture(scope="module")
def record() -> Record:
    """The heart, at 1 uV."""
    peaks = np.cumsum([1.0, *RR_S])
    time = np.arange(round((peaks[-1] + 3) * FS)) / FS
    pulses = np.exp(-0.5 * ((time[:, np.newaxis] - peaks) / 0.012) ** 2).sum(axis=1)
    digital = np.rint(1000 * pulses).astype(np.int16)[:, np.newaxis]
    return Record("made", FS, ("II",), (1000.0,), (0,), ("mV",), digital)


@pytest.fixture(scope="module")
def offline(record: Record) -> list[Event]:
    """What ``beatline label`` says."""
    return label_record(record, Settings(), WINDOW, network)


class Live:
    """A bed that is sent the record in packets and answered late and out of order."""

    def __init__(self, record: Record, folder: Path, *, seed: int) -> None:
        self.entries: list[Entry] = []
        self.waiting: list[tuple[Key, BeatWindow]] = []
        self.shown: list[str] = []
        self._chance = random.Random(seed)
        self.bed = Bed(
            "made",
            Settings(),
            WINDOW,
            tell=self.entries.append,
            ask=lambda key, window: self.waiting.append((key, window)),
            record=folder,
            fault=self.shown.append,
        )
        self.bed.take(Opened("made", 1, FS, ("II",), 0, 0, ""))
        samples = record.samples()
        for at in range(0, len(samples), 20):
            self.bed.take(Samples("made", SampleBlock(at, samples[at : at + 20]), 1, 1))
            self.answer(len(self.waiting) // 3)
        self.bed.take(Closed("made", len(samples)))
        self.answer(len(self.waiting))
        self.bed.close()

    def answer(self, n: int) -> None:
        """Give ``n`` answers, any of those that wait."""
        self._chance.shuffle(self.waiting)
        for _ in range(n):
            (name, sample, provisional), window = self.waiting.pop()
            told = network(window.window[np.newaxis], window.features[np.newaxis])[0]
            self.bed.answer(int(name.rpartition("#")[2]), sample, told.tolist(), provisional=provisional)

    @property
    def events(self) -> list[Event]:
        """What was told of the signal, in the order of its time: not that a stream began and said bye."""
        told = [entry.event for entry in self.entries if not isinstance(entry.event, Stream)]
        bye = [event for event in told if isinstance(event, Notice)]
        assert [BYE] == [event.text for event in bye]
        return sorted((event for event in told if event not in bye), key=sort_key)


@pytest.fixture(scope="module")
def live(record: Record, tmp_path_factory: pytest.TempPathFactory) -> tuple[Live, Path]:
    """Return a bed that has seen it all, and the folder it was recorded into."""
    folder = tmp_path_factory.mktemp("kept")
    return Live(record, folder, seed=1), folder


def labels(events: list[Event], *, provisional: bool) -> str:
    """Return the labels of one kind in the order in which they are told."""
    return "".join(
        event.label
        for event in events
        if isinstance(event, LabelledBeat) and event.provisional == provisional
    )


def test_both_labels_are_events(offline: list[Event]) -> None:
    """Provisional and confirmed, each in beat order."""
    assert (FIRST, LAST) == (labels(offline, provisional=True), labels(offline, provisional=False))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_live_run_says_what_label_says(
    record: Record, offline: list[Event], tmp_path: Path, seed: int
) -> None:
    """Law 2: for both kinds, whatever the packets and whenever and in whatever order answers come."""
    assert offline == Live(record, tmp_path, seed=seed).events


def test_tachycardia_is_announced_by_the_provisional_labels(offline: list[Event]) -> None:
    """It waits for no next beat: within 0.6 s of the fifth V, and says what it goes by."""
    beats = [event for event in offline if isinstance(event, LabelledBeat) and event.provisional]
    fifth = [beat for beat in beats if beat.label == "V"][5]  # the first stands alone
    alarms = [event for event in offline if isinstance(event, Alarm) and event.labels]
    start = next(alarm for alarm in alarms if alarm.priority == "high")
    assert "provisional" == start.labels
    assert ("ventricular_tachycardia", "start", fifth.decided) == (start.kind, start.state, start.decided)
    assert (start.decided - fifth.sample) / FS < 0.6


def test_each_annotation_file_holds_its_labels(
    offline: list[Event], live: tuple[Live, Path], tmp_path: Path
) -> None:
    """``.blt`` confirmed, ``.blp`` provisional; the recorder's files are those of ``beatline label``."""
    for kind, expected in (("confirmed", LAST), ("provisional", FIRST)):
        suffix = SUFFIXES[kind]  # type: ignore[index]
        write_annotations(tmp_path / f"made{suffix}", offline, fs=FS, labels=kind)  # type: ignore[arg-type]
        assert (tmp_path / f"made{suffix}").read_bytes() == (live[1] / f"made{suffix}").read_bytes()
        found = wfdb.rdann(str(live[1] / "made"), suffix[1:])
        assert expected == "".join(symbol for symbol in found.symbol if symbol in "NSVFQ")


def test_the_screen_ends_with_the_confirmed_labels_and_counts_them_once(live: tuple[Live, Path]) -> None:
    """One premature beat, however many were called so at first."""
    snapshot = live[0].bed.snapshot
    shown = [mark for mark in snapshot.marks if mark.label]
    assert LAST.endswith("".join(mark.label or "" for mark in shown))
    assert 1 == len(snapshot.ventricular)


def test_a_plain_line_has_the_confirmed_label_and_what_was_first_said(live: tuple[Live, Path]) -> None:
    """One line per beat."""
    lines = Lines()
    told = [
        line
        for entry in live[0].entries
        for line in lines.push(entry.bed, entry.event, time_ns=entry.time_ns, fs=entry.fs)
        if " RR " in line
    ]
    assert [] == lines.flush()
    assert LAST == "".join(line.split()[2] for line in told)
    corrected = "".join("V" if line.endswith(", first called V") else "-" for line in told)
    assert corrected == "".join("V" if a != b else "-" for a, b in zip(FIRST, LAST, strict=True))
