"""Synthetic records with their truth on disk, and the whole way from a script to scored alarms."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monitor import lines, records
from monitor.annotations import write_annotations
from monitor.errors import SourceError
from monitor.events import Event
from monitor.label import label_record
from monitor.score.alarms_group import EMERGENCIES, HIGH
from monitor.score.marks import Marks, decode
from monitor.score_alarms import AlarmScore
from monitor.scoring import Request, score
from monitor.settings import Settings
from sim.beds import Play, make_beds
from sim.cli import app
from sim.kept import keep
from tests.cutting import SPEC

SCRIPT = "sinus:40@75, vf:12, sinus:30@75, asystole:8, sinus:30@75"
VF = "ventricular_fibrillation"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two records of `SCRIPT`, ``made-1`` and ``made-2``."""
    path: Path = tmp_path_factory.mktemp("made")
    keep(make_beds(Play(script=SCRIPT, beds=2, name="made", fs=250.0)), path, seconds=None)
    return path


def marks(folder: Path, name: str) -> Marks:
    """Return the truth on disk."""
    return decode((folder / f"{name}.atr").read_bytes(), name=name)


def test_signal_and_truth_come_back(folder: Path) -> None:
    """What is on disk is what the patient is: samples to the microvolt, beats, rhythms, fibrillation."""
    (bed, _) = make_beds(Play(script=SCRIPT, beds=2, name="made", fs=250.0))
    record = records.read("made-1", data=folder)
    assert (250.0, bed.source.n_samples) == (record.fs, record.n_samples)
    assert float(np.abs(record.samples() - bed.source.read(0, record.n_samples)).max()) <= 0.0005 + 1e-9
    truth = bed.source.truth()  # type: ignore[attr-defined]
    held = marks(folder, "made-1")
    assert truth.r_peaks.tolist() == held.samples[held.classes >= 0].tolist()
    assert [(start, name) for start, _, name in truth.rhythms] == list(held.rhythms())
    assert [(10_000, 13_000)] == held.fibrillation(record.n_samples)


def test_faults_are_in_the_signal_and_not_in_the_truth(tmp_path: Path) -> None:
    """A lead that comes off is missing; the beats are where they were."""
    told = CliRunner().invoke(
        app, ["--script", "sinus:20", "--lead-off", "V1:5-10", "--out", str(tmp_path), "--bed", "x"]
    )
    assert (0, f"{tmp_path / 'x'}\n") == (told.exit_code, told.stdout)
    samples = records.read("x", data=tmp_path).samples()
    assert [0, 5 * 360] == np.isnan(samples).sum(axis=0).tolist()
    assert len(samples) == 20 * 360
    assert marks(tmp_path, "x").n_beats > 20


def test_what_has_no_truth_or_no_end_is_refused(tmp_path: Path) -> None:
    """A ramp has no beats, a loop no end."""
    with pytest.raises(SourceError, match="expected a synthetic patient"):
        keep(make_beds(Play(ramp=True)), tmp_path, seconds=1.0)
    with pytest.raises(SourceError, match="expected --seconds to end a record at"):
        keep(make_beds(Play(loop=True)), tmp_path, seconds=None)
    (stem,) = keep(make_beds(Play(loop=True)), tmp_path, seconds=2.0)
    assert 720 == records.timing(stem.name, data=tmp_path)[1]


def labelled(name: str, folder: Path, out: Path) -> None:
    """Label a record by a network that says N; write what ``beatline label --events`` does."""
    record = records.read(name, data=folder)

    def normal(windows: np.ndarray, features: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(windows), 1))

    events: list[Event] = label_record(record, Settings(), SPEC, normal)
    write_annotations(out / f"{name}.blt", events, fs=record.fs)
    (out / f"{name}.events.jsonl").write_bytes(
        b"".join(lines.entry(event, bed=name, record=name, time=None) + b"\n" for event in events)
    )


def test_alarms_of_a_script_are_scored_against_its_truth(folder: Path, tmp_path: Path) -> None:
    """Fibrillation and asystole, each told in time, in both records, and no high alarm for nothing.

    Asystole may be told just before fibrillation, which shows no beat either: that is no false alarm.
    """
    for name in ("made-1", "made-2"):
        labelled(name, folder, tmp_path)
    found = score(Request(labels=tmp_path, reference=folder, start_s=0.0)).alarms
    assert isinstance(found, AlarmScore)
    rows = {row.kind: row for row in found.group.kinds}
    for kind in (EMERGENCIES, VF, "asystole"):
        assert (2, 2) == (rows[kind].sums["demanded"], rows[kind].sums["found"])
    assert (4, 0) == (rows[HIGH].sums["right"], rows[HIGH].sums["false"])
    assert 4.0 <= rows["asystole"].delay.median <= 4.5
    assert rows[VF].delay.max <= 6.0
    (episode,) = (row for row in found.group.episodes if row.kind == VF)
    assert episode.duration_se.gross > 80
