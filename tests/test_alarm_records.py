"""A sample of the tables of alarms, counted again on real records; the reference by another reader."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from monitor import records
from monitor.label import label_record
from monitor.score.alarms_group import EMERGENCIES, HIGH
from monitor.score.alarms_marks import conditions, fast_runs
from monitor.score.marks import Marks, decode
from monitor.score_alarms import alarms_of
from monitor.settings import Settings
from tests.cutting import SPEC


def marks(folder: Path, name: str) -> Marks:
    """Return the reference annotations."""
    return decode((folder / f"{name}.atr").read_bytes(), name=name)


def length(folder: Path, name: str) -> tuple[float, int]:
    """Return rate and number of samples of a record."""
    fs, n_samples = records.timing(name, data=folder)
    assert n_samples is not None
    return fs, n_samples


def test_what_asks_for_an_alarm_is_what_another_reader_finds(databases: Path) -> None:
    """The stretches of 6 s or more marked VT, VF, VFIB or VFL in vfdb, read by wfdb: 44."""
    import wfdb

    names = {"(VT": "ventricular_tachycardia"} | dict.fromkeys(
        ("(VF", "(VFIB", "(VFL"), "ventricular_fibrillation"
    )
    expected, found = [], []
    for path in sorted((databases / "vfdb").glob("*.atr")):
        read = wfdb.rdann(str(path.with_suffix("")), "atr")
        fs, n_samples = length(path.parent, path.stem)
        notes = [note.rstrip("\0") for note in read.aux_note]
        ends = [*read.sample[1:].tolist(), n_samples]
        for start, end, note in zip(read.sample.tolist(), ends, notes, strict=True):
            if note in names and end - start >= 6 * fs:
                expected.append((path.stem, names[note], start / fs))
        asked = conditions(marks(path.parent, path.stem), fs=fs, end=n_samples)
        found += [
            (path.stem, one.kind, one.start) for one in asked if one.demanded and one.kind in names.values()
        ]
    assert expected == found
    assert (44, 11) == (len(found), len({name for name, *_ in found}))


@pytest.mark.parametrize(("name", "n_runs"), [("203", 2), ("205", 4), ("210", 2), ("223", 3), ("208", 0)])
def test_fast_runs_are_those_that_another_reader_finds(mitdb: Path, name: str, n_runs: int) -> None:
    """Consecutive V of the reference, five of them over 100 bpm somewhere, counted with wfdb and groupby."""
    import wfdb

    read = wfdb.rdann(str(mitdb / name), "atr")
    of_beats = [
        (sample, symbol in "VEr")
        for sample, symbol in zip(read.sample.tolist(), read.symbol, strict=True)
        if symbol in "NLRBAaJSVErFejnfQ/?"
    ]
    runs = [[at for at, _ in run] for v, run in groupby(of_beats, key=lambda beat: beat[1]) if v]
    fast = [
        run for run in runs if any(60 * 360 * 4 / (run[i + 4] - run[i]) > 100 for i in range(len(run) - 4))
    ]
    _, n_samples = length(mitdb, name)
    found = fast_runs(marks(mitdb, name), n_beats=5, rate_bpm=100.0, fs=360.0, end=n_samples)
    assert [run[0] / 360 for run in fast] == [one.start for one in found]
    assert n_runs == len(found)


@pytest.mark.parametrize(
    ("name", "start_s", "stop_s", "onset_s"),
    [("vfdb/426", 620, 680, 645.7), ("mitdb/207", 0, 60, 40.8), ("vfdb/614", 1400, 1450, 1423.8)],
)
def test_marked_fibrillation_and_tachycardia_are_answered_in_time(
    databases: Path, name: str, start_s: int, stop_s: int, onset_s: float
) -> None:
    """Fibrillation, flutter and a fast VT by the waveform, whatever beats are called; nothing false."""
    database, record = name.split("/")
    folder = databases / database
    fs, _ = length(folder, record)
    signal = records.read(record, data=folder, start=round(start_s * fs), stop=round(stop_s * fs))
    whole = marks(folder, record)
    inside = whole.samples < stop_s * fs
    reference = Marks(
        np.maximum(whole.samples[inside] - round(start_s * fs), 0),
        tuple(np.array(whole.symbols)[inside]),
        tuple(np.array(whole.subtypes)[inside].tolist()),
        tuple(np.array(whole.notes)[inside]),
    )

    def normal(windows: np.ndarray, features: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(windows), 1))

    events = label_record(signal, Settings(), SPEC, normal)
    end = signal.n_samples
    found = alarms_of(name, reference, events, Settings(), fs=(fs, fs), end=end, start_s=0.0)
    (answer,) = found.asked(EMERGENCIES)
    assert onset_s - start_s == pytest.approx(answer.condition.start, abs=0.1)
    assert answer.in_time
    assert 0 == sum(one.verdict == "false" for one in found.told(HIGH))
