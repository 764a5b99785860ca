"""What is received is kept as a WFDB record that wfdb reads at any moment."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from monitor import annotationfile, records, signalfile
from monitor.annotations import write_annotations
from monitor.errors import StorageError
from monitor.events import Alarm, Block, Event, Gap, LabelledBeat, Rhythm, sort_key
from monitor.recorder import Recorder
from monitor.score.marks import decode
from monitor.sections import RhythmSettings, ServingSettings

FS = 250.0


def digital(n: int, n_leads: int = 2) -> NDArray[np.int16]:
    return np.random.default_rng(7).integers(-900, 900, (n, n_leads)).astype(np.int16)


def start(folder: Path, bed: str = "bed1", n_leads: int = 2) -> Recorder:
    """Begin a recording at 200 units per millivolt around 100."""
    leads = [f"L{i}" for i in range(n_leads)]
    return Recorder(folder, bed, fs=FS, leads=leads, gains=[200.0] * n_leads, baselines=[100] * n_leads)


def block(signal: NDArray[np.int16], first: int = 0) -> Block:
    return Block(first, np.where(signal == -32768, np.nan, (signal - 100.0) / 200.0))


def feed(kept: Recorder, signal: NDArray[np.int16], *, first: int = 0, step: int = 10) -> None:
    for i in range(0, len(signal), step):
        kept.block(block(signal[i : i + step], first + i))


def signals(path: Path) -> NDArray[np.int64]:
    found: NDArray[np.int64] = wfdb.rdrecord(str(path), physical=False).d_signal
    return found


def notes(path: Path, kind: str = "blt") -> list[tuple[int, str, str]]:
    found = wfdb.rdann(str(path), kind)
    return list(zip(found.sample.tolist(), found.symbol, found.aux_note, strict=True))


def beat(sample: int) -> LabelledBeat:
    return LabelledBeat(sample=sample, decided=sample + 100, label="N")


@contextmanager
def full_disk(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow past a size: the system then refuses or takes a part."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("n_leads", [1, 2, 12])
def test_what_was_received_is_what_is_read(tmp_path: Path, n_leads: int) -> None:
    """Every integer, missing ones included; the header tells names, gains, length and checksums."""
    signal = digital(1003, n_leads)
    signal[::17] = -32768
    kept = start(tmp_path, n_leads=n_leads)
    feed(kept, signal)
    kept.close()

    found = wfdb.rdrecord(str(tmp_path / "bed1"), physical=False)

    np.testing.assert_array_equal(signal, found.d_signal)
    assert (found.fs, found.sig_len, found.n_sig) == (FS, 1003, n_leads)
    assert found.sig_name == [f"L{i}" for i in range(n_leads)]
    assert (found.adc_gain, found.baseline) == ([200.0] * n_leads, [100] * n_leads)
    assert [sum_ % 65536 for sum_ in found.checksum] == found.calc_checksum()
    assert found.init_value == signal[0].tolist()
    assert np.isnan(wfdb.rdrecord(str(tmp_path / "bed1")).p_signal[0]).all()


def test_a_recording_reads_as_our_own_record(tmp_path: Path) -> None:
    """So that ``beatline label`` and ``beatline sim`` take it."""
    kept = start(tmp_path)
    feed(kept, digital(500))
    kept.close()
    np.testing.assert_array_equal(digital(500), records.read("bed1", data=tmp_path).digital)


def test_a_real_record_comes_back_bit_for_bit(tmp_path: Path, mitdb: Path) -> None:
    """Two minutes of record 208, as packets of 40 ms bring it."""
    record = records.read("208", data=mitdb, stop=43_200)
    kept = Recorder(
        tmp_path, "bed1", fs=record.fs, leads=record.leads, gains=record.gains, baselines=record.baselines
    )
    samples = record.samples()
    for i in range(0, len(samples), 14):
        kept.block(Block(i, samples[i : i + 14]))
    kept.close()
    again = records.read("bed1", data=tmp_path)
    np.testing.assert_array_equal(record.digital, again.digital)
    np.testing.assert_array_equal(samples, again.samples())


def test_without_the_devices_gains_a_microvolt_is_kept(tmp_path: Path) -> None:
    """Beyond 32 mV it is clipped, never wrapped, and never taken for missing."""
    kept = Recorder(tmp_path, "bed1", fs=FS, leads=["I"])
    kept.block(Block(0, np.array([[0.001], [-1.2345], [40.0], [-40.0], [np.nan]])))
    kept.close()
    assert signals(tmp_path / "bed1")[:, 0].tolist() == [1, -1234, 32767, -32767, -32768]


def test_a_recording_can_be_read_while_it_is_made(tmp_path: Path) -> None:
    """No length in the header until it is closed; what has been flushed is there, at once and in full."""
    signal = digital(1000)
    kept = start(tmp_path)
    for n in range(100, 1001, 100):
        kept.block(block(signal[n - 100 : n], n - 100))
        kept.event(beat(n - 50))
        kept.flush()
        np.testing.assert_array_equal(signal[:n], signals(tmp_path / "bed1"))
        assert [sample for sample, _, _ in notes(tmp_path / "bed1")] == list(range(50, n, 100))
    assert (tmp_path / "bed1.hea").read_text().startswith("bed1 2 250\n")
    kept.close()
    assert (tmp_path / "bed1.hea").read_text().startswith("bed1 2 250 1000\n")


def test_a_second_of_signal_does_not_wait_for_a_flush(tmp_path: Path) -> None:
    """A kill costs a second, not a minute."""
    kept = start(tmp_path)
    feed(kept, digital(2000))
    assert len(signals(tmp_path / "bed1")) > 1700
    kept.close()


def test_gaps_are_missing_samples_so_that_indices_agree(tmp_path: Path) -> None:
    """A mark where the gap begins and one where it ends; the sample after it stands at its own index."""
    signal = digital(1000)
    kept = start(tmp_path)
    feed(kept, signal[:300])
    kept.gap(Gap(sample=300, decided=450, stop=450))
    kept.event(Gap(sample=300, decided=450, stop=450))
    feed(kept, signal[450:], first=450)
    kept.event(beat(500))
    kept.close()

    found = signals(tmp_path / "bed1")

    assert (found[300:450] == -32768).all()
    np.testing.assert_array_equal(signal[450:], found[450:])
    assert notes(tmp_path / "bed1") == [
        (300, "~", "lost 150 samples"),
        (450, "~", ""),
        (500, "N", ""),
    ]


def test_a_hole_that_nobody_told_of_is_missing_too(tmp_path: Path) -> None:
    """Indices agree whatever the caller forgets; going back is the caller's mistake."""
    kept = start(tmp_path)
    kept.block(block(digital(10)))
    kept.block(block(digital(10), 30))
    with pytest.raises(ValueError, match="expected sample 40, received sample 39"):
        kept.block(block(digital(10), 39))
    kept.close()
    assert (signals(tmp_path / "bed1")[10:30] == -32768).all()


def test_a_record_begins_at_the_first_sample(tmp_path: Path) -> None:
    """A monitor that joins late records from there; the header's counter says which index that was."""
    kept = start(tmp_path)
    kept.event(beat(100_250))
    kept.block(block(digital(500), 100_000))
    kept.event(beat(100_400))
    kept.close()
    found = wfdb.rdrecord(str(tmp_path / "bed1"))
    assert (found.sig_len, found.counter_freq, found.base_counter) == (500, 250, 100_000)
    assert [sample for sample, _, _ in notes(tmp_path / "bed1")] == [250, 400]


def test_a_gap_of_hours_begins_a_new_record(tmp_path: Path) -> None:
    """Nobody's disk is filled with nothing; late labels still find the record of their beat."""
    far = 10**15
    kept = start(tmp_path)
    feed(kept, digital(500))
    kept.gap(Gap(sample=500, decided=far, stop=far, reason="resumed"))
    feed(kept, digital(700), first=far)
    kept.event(beat(450))
    kept.event(beat(far + 50))
    kept.close()
    assert [len(signals(tmp_path / name)) for name in ("bed1", "bed1_2")] == [500, 700]
    assert notes(tmp_path / "bed1") == [(450, "N", ""), (500, "~", f"resumed {far - 500} samples")]
    assert notes(tmp_path / "bed1_2") == [(50, "N", "")]


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    """A new stream of the same bed, or a second run, gets a name of its own."""
    (tmp_path / "bed1_2.blt").write_bytes(b"somebody's")
    for n in (100, 200, 300):
        kept = start(tmp_path)
        feed(kept, digital(n))
        kept.close()
    assert [len(signals(tmp_path / name)) for name in ("bed1", "bed1_3", "bed1_4")] == [100, 200, 300]
    assert (tmp_path / "bed1_2.blt").read_bytes() == b"somebody's"


def test_a_recording_without_a_sample_leaves_nothing(tmp_path: Path) -> None:
    """Readers refuse an empty record; closing twice is fine."""
    kept = start(tmp_path)
    kept.event(beat(5))
    kept.block(block(digital(0)))
    kept.close()
    kept.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("bed", "name"),
    [
        ("bed 1", "bed_1"),
        ("../../x", "______x"),
        ("ICU.7", "ICU_7"),
        ("-rf", "rf"),
        ("", "bed"),
        ("ß" * 90, "_" * 40),
    ],
)
def test_a_bed_gives_its_record_a_safe_name(tmp_path: Path, bed: str, name: str) -> None:
    """Letters, digits, ``_`` and ``-``, as WFDB allows: no way out of the folder."""
    kept = start(tmp_path / "kept", bed)
    feed(kept, digital(50))
    kept.close()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        f"{name}.{s}" for s in ("hea", "dat", "blt", "blp")
    }
    assert len(signals(tmp_path / "kept" / name)) == 50


def test_lead_names_cannot_break_the_header(tmp_path: Path) -> None:
    """They came over a wire."""
    kept = Recorder(tmp_path, "bed1", fs=FS, leads=["II\n# x", "  ", "µ lead"])
    kept.block(Block(0, np.zeros((10, 3))))
    kept.close()
    assert wfdb.rdheader(str(tmp_path / "bed1")).sig_name == ["II?# x", "lead2", "? lead"]


def late_events(n: int) -> list[Event]:
    """Beats, rhythms that are known late, alarms: in the order of ``decided``."""
    events: list[Event] = [beat(i) for i in range(100, n, 200)]
    events += [
        Rhythm(sample=900, decided=2600, rhythm="(AFIB", state="start"),
        Rhythm(sample=3000, decided=3300, rhythm="(VT", state="start"),
        Rhythm(sample=3900, decided=4000, rhythm="(VT", state="end"),
        Rhythm(sample=4100, decided=5200, rhythm="(VFIB", state="start"),
        Rhythm(sample=5700, decided=6000, rhythm="(VFIB", state="end"),
        Rhythm(sample=7000, decided=7100, rhythm="(AFIB", state="end"),
        Alarm(sample=3000, decided=3300, kind="vt", priority="high", state="start", text="VT"),
        Alarm(sample=3000, decided=4000, kind="vt", priority="high", state="end", text="VT"),
    ]
    return sorted(events, key=lambda event: event.decided)


def test_each_kind_of_labels_has_its_file_and_all_else_stands_in_both(tmp_path: Path) -> None:
    """``.blt`` holds the confirmed labels, ``.blp`` the provisional, in whatever order they come."""
    rhythm = Rhythm(sample=100, decided=900, rhythm="(VT", state="start", labels="provisional")
    first = LabelledBeat(sample=100, decided=220, label="V", provisional=True)
    events = [LabelledBeat(sample=100, decided=400, label="S"), first, rhythm]
    kept = start(tmp_path)
    feed(kept, digital(500))
    kept.gap(Gap(sample=500, decided=510, stop=510))
    for event in events:
        kept.event(event)
    kept.close()
    rest = [(100, "+", "(VT"), (500, "~", "lost 10 samples"), (510, "~", "")]
    assert sorted([(100, "S", ""), *rest]) == sorted(notes(tmp_path / "bed1"))
    assert sorted([(100, "V", ""), *rest]) == sorted(notes(tmp_path / "bed1", "blp"))


@pytest.mark.parametrize("late", [0, 1, 5, 30])
def test_late_labels_change_nothing(tmp_path: Path, late: int) -> None:
    """Whenever labels arrive, and however often files are flushed, they read as written at once."""
    n = 8000
    events = late_events(n)
    write_annotations(tmp_path / "whole.blt", events, fs=FS)
    kept = start(tmp_path)
    told: list[Event] = []
    for i in range(0, n, 50):
        kept.block(block(digital(50), i))
        known = [
            event
            for event in events
            if event.decided + late * FS < i + 50 or not isinstance(event, LabelledBeat)
        ]
        for event in known:
            if event.decided < i + 50 and event not in told:
                told.append(event)
                kept.event(event)
        kept.flush()
        assert len(notes(tmp_path / "bed1")) == len(told)
    for event in events:
        if event not in told:
            kept.event(event)
    kept.close()
    assert (tmp_path / "whole.blt").read_bytes() == (tmp_path / "bed1.blt").read_bytes()


def test_the_latest_labels_that_settings_allow_find_their_beats(tmp_path: Path) -> None:
    """Answers may come for ``serving.label_timeout_s``, and then fibrillation from ``af_window_s`` before."""
    late, peaks = round(300 * FS), range(90_000, 160_000, 250)
    waiting = [LabelledBeat(sample=at, decided=at + 1600, label="N") for at in peaks]
    kept = start(tmp_path)
    for stop in range(250, 240_000, 250):
        kept.block(block(digital(250), stop - 250))
        alarm = Alarm(sample=stop, decided=stop, kind="couplet", priority="low", state="start", text="")
        kept.event(alarm)  # what is not late settles the file
        while waiting and waiting[0].decided + late <= stop:
            label = waiting.pop(0)
            kept.event(label)
            if label.sample == 150_000:
                onset = 150_000 - round(300 * FS)
                kept.event(Rhythm(sample=onset, decided=label.decided, rhythm="(AFIB", state="start"))
    kept.close()
    found = notes(tmp_path / "bed1")
    assert [*peaks] == [sample for sample, symbol, _ in found if symbol == "N"]
    assert [(75_000, "+", "(AFIB")] == [note for note in found if note[1] == "+"]


def test_a_file_stays_open_for_as_long_as_settings_allow() -> None:
    """The bounds of the settings are those that it was made for."""
    waits, looks = (most(ServingSettings, "label_timeout_s"), most(RhythmSettings, "af_window_s"))
    assert annotationfile._LATE_S == waits + looks + 10


def most(section: type, key: str) -> float:
    """Return the largest value that a setting allows."""
    (meta,) = get_type_hints(section, include_extras=True)[key].__metadata__
    assert isinstance(meta.le, (int, float))
    return float(meta.le)


def test_a_pattern_of_minutes_is_recorded_as_it_is_labelled(tmp_path: Path) -> None:
    """Bigeminy within atrial fibrillation may last longer than a file stays open to changes."""
    n, beats = 300_000, range(500, 299_000, 200)
    began, ended = 20_000, 260_000
    events: list[Event] = [
        LabelledBeat(sample=at, decided=at + 100, label="V" if began <= at < ended and i % 2 else "N")
        for i, at in enumerate(beats)
    ]
    events += [
        Rhythm(sample=1000, decided=8000, rhythm="(AFIB", state="start"),
        Rhythm(sample=began, decided=began + 1300, rhythm="(B", state="start"),
        Rhythm(sample=ended, decided=ended + 1300, rhythm="(B", state="end"),
    ]
    events.sort(key=sort_key)
    write_annotations(tmp_path / "whole.blt", events, fs=FS)
    kept = start(tmp_path)
    told = iter(events)
    event = next(told, None)
    for stop in range(250, n + 1, 250):
        kept.block(block(digital(250), stop - 250))
        while event is not None and event.decided < stop:
            kept.event(event)
            event = next(told, None)
    kept.close()
    assert (tmp_path / "whole.blt").read_bytes() == (tmp_path / "bed1.blt").read_bytes()


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """What can no longer change is forgotten: an hour holds no more than ten minutes."""
    kept = start(tmp_path)
    for second in range(0, 3600, 10):
        kept.gap(Gap(sample=second * 250, decided=second * 250, stop=(second + 10) * 250))
        for i in range(10):
            kept.event(beat((second + i) * 250 + 100))
    for annotations in kept._part._notes.values():
        assert annotations.n_kept < 800
    kept.close()
    assert len([note for note in notes(tmp_path / "bed1") if note[1] == "N"]) == 3600


@pytest.mark.parametrize("seconds", [0.1, 30, 600])
def test_a_gap_is_a_shutdown_of_its_own_length(tmp_path: Path, seconds: float) -> None:
    """Whatever is told late of what was before: it stands before the gap, however long that was."""
    stop = 1000 + round(seconds * FS)
    kept = start(tmp_path)
    feed(kept, digital(1000))
    kept.event(beat(700))
    kept.gap(Gap(sample=1000, decided=stop, stop=stop))
    for second in range(3):
        feed(kept, digital(250), first=stop + second * 250)
        kept.event(beat(800 + 50 * second))
    kept.event(beat(1000))
    kept.event(beat(stop))
    kept.close()
    found = decode((tmp_path / "bed1.blt").read_bytes(), name="bed1")
    assert found.shutdowns(stop + 750, fs=FS) == [(1000, stop)]
    assert found.samples[found.classes >= 0].tolist() == [700, 800, 850, 900, 1000, stop]


def test_a_later_than_late_event_takes_the_first_place_left(tmp_path: Path) -> None:
    """Beyond ten minutes the file is settled; nothing is lost and nothing stands out of order."""
    kept = start(tmp_path)
    for second in range(700):
        kept.gap(Gap(sample=second * 250, decided=second * 250, stop=(second + 1) * 250))
    kept.event(beat(10))
    kept.close()
    found = notes(tmp_path / "bed1")
    assert [sample for sample, symbol, _ in found if symbol == "N"] == [88 * 250]
    assert len(found) == 1401
    assert sorted(found) == found or [f[0] for f in found] == sorted(f[0] for f in found)


def test_a_full_disk_loses_nothing_for_a_minute(tmp_path: Path) -> None:
    """Each try raises, the record stays readable, and what waited is written when there is room."""
    signal = digital(5000)
    kept = start(tmp_path)
    feed(kept, signal[:1000])
    kept.flush()
    failed = 0
    with full_disk(4500):  # bytes: 1,125 frames, and only some of the next
        for i in range(1000, 4000, 100):
            try:
                kept.block(block(signal[i : i + 100], i))
                kept.event(beat(i))
            except StorageError as error:
                assert "bed1.dat: File too large" in str(error)  # noqa: PT017 one of several
                failed += 1
            np.testing.assert_array_equal(
                signal[: len(signals(tmp_path / "bed1"))], signals(tmp_path / "bed1")
            )
    assert 5 < failed < 20
    feed(kept, signal[4000:], first=4000)
    kept.close()
    np.testing.assert_array_equal(signal, signals(tmp_path / "bed1"))


def test_a_disk_full_for_longer_leaves_a_hole_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded: what exceeds the minute is missing, and indices still agree."""
    monkeypatch.setattr(signalfile, "_KEPT_S", 4.0)
    signal = digital(10_000)
    kept = start(tmp_path)
    feed(kept, signal[:1000])
    kept.flush()
    with full_disk(4001):
        for i in range(1000, 8000, 100):
            with suppress(StorageError):
                kept.block(block(signal[i : i + 100], i))
            assert sum(map(np.size, kept._part._signals._waiting)) <= 2 * 6 * FS
    feed(kept, signal[8000:], first=8000)
    kept.close()
    found = signals(tmp_path / "bed1")
    assert len(found) == 10_000
    lost = (found == -32768).all(axis=1)
    assert lost.any()
    np.testing.assert_array_equal(signal[~lost], found[~lost])
    assert not lost[:1000].any()
    assert not lost[8000:].any()


def test_a_full_disk_leaves_annotations_whole(tmp_path: Path) -> None:
    """Entries that do not fit are taken back, the closing word stands, and they come later."""
    kept = start(tmp_path)
    kept.block(block(digital(100)))
    events = [
        Alarm(sample=i, decided=i, kind="pause", priority="low", state="start", text="x" * 200)
        for i in range(1, 40)
    ]
    with full_disk(2000):
        for event in events:
            kept.event(event)
        with pytest.raises(StorageError, match=r"cannot write .*bed1\.blt: File too large"):
            kept.flush()
        assert notes(tmp_path / "bed1") == []
    kept.close()
    assert [sample for sample, _, _ in notes(tmp_path / "bed1")] == list(range(1, 40))


@pytest.mark.parametrize("folder", ["/proc/none", "/dev/null/x"])
def test_a_place_that_cannot_be_written_is_refused_at_once(folder: str) -> None:
    """One line with the path and the reason."""
    with pytest.raises(StorageError, match=f"cannot write {folder}/bed1: "):
        start(Path(folder))


def test_gains_must_be_as_many_as_leads(tmp_path: Path) -> None:
    """The caller's mistake, before anything is on disk."""
    with pytest.raises(ValueError, match=r"as many gains and baselines as leads \(2\), received 1 and 2"):
        Recorder(tmp_path, "bed1", fs=FS, leads=["a", "b"], gains=[1.0])
    assert list(tmp_path.iterdir()) == []


_WRITER = """
import sys
import numpy as np
from pathlib import Path
from monitor.events import Block, LabelledBeat
from monitor.recorder import Recorder

kept = Recorder(Path(sys.argv[1]), "bed1", fs=250, leads=["I"], gains=[1.0])
for i in range(10**9):
    kept.block(Block(i * 100, np.arange(i * 100, i * 100 + 100, dtype=float)[:, None] % 30000))
    kept.event(LabelledBeat(sample=i * 100 + 50 - i % 3 * 120 + 240, decided=i * 100 + 99, label="V"))
    if i % 5 == 4:
        kept.flush()
        print(i + 1, flush=True)
"""


def test_a_kill_leaves_a_record_with_all_that_was_flushed(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing, with entries going before others."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(40):
            n_flushed = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
    assert n_flushed == 200
    found = signals(tmp_path / "bed1")[:, 0]
    assert len(found) >= n_flushed * 100
    np.testing.assert_array_equal(np.arange(len(found)) % 30000, found)
    told: Sequence[int] = [sample for sample, _, _ in notes(tmp_path / "bed1")]
    assert len(told) >= n_flushed
    assert told == sorted(i * 100 + 290 - i % 3 * 120 for i in range(len(told)))
