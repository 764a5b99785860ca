"""Infarction against normal in cross-validation: what is compared, on whom, and how it is kept."""

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score
from typer.testing import CliRunner

from models.datasets.beatset import BeatSet
from models.workshop import outcome
from models.workshop.infarction import Infarction, Sizes, cross_validate
from models.workshop.kernels import answers
from models.workshop.outcome import Part
from models.workshop.pooling import pooled, records_of, typical
from models.workshop.studies import study_of
from monitor.cli import app
from monitor.errors import ArtifactError, SettingsError
from tests.datasets.made import write_csv, write_ptb, write_ptbxl

SMALL = Sizes(rounds=10, filters=100)
CONFIG = Infarction(dataset="ptbxl", methods=("boosting", "kernels"), folds=(9, 10), sizes=SMALL, seed=1)


def quiet(what: str, done: int, total: int) -> None:
    """Report to nobody."""


def people(*, told: bool, n_patients: int = 40, n_beats: int = 8) -> BeatSet:
    """Return beats of patients with a shape of their own; ``told``: infarction shows in it."""
    rng = np.random.default_rng(2)
    y = np.arange(n_patients) % 2
    own = rng.normal(size=(n_patients, 32)).cumsum(axis=1) / 4
    if told:
        own[:, 20:26] -= 4 * y[:, None]
    of = np.repeat(np.arange(n_patients), n_beats)
    x = own[of] + 0.05 * rng.normal(size=(len(of), 32))
    return BeatSet(
        name="made",
        classes=("NORM", "MI"),
        fs=125.0,
        x=x[:, :, None].astype(np.float32),
        y=y[of].astype(np.int64),
        patients=np.array([f"p{k}" for k in of]),
        records=np.array([f"r{k:03d}" for k in of]),
        part=np.array([f"fold{k // 2 % 10 + 1}" for k in of]),
        window=None,
    )


def unknown(beats: BeatSet) -> BeatSet:
    """Return the beats as if nobody knew whose they are."""
    none = np.full(len(beats), "")
    return BeatSet(beats.name, beats.classes, beats.fs, beats.x, beats.y, none, none, none, None)


def invoke(*arguments: str) -> tuple[int, str]:
    """Run ``beatline models infarction``; return exit code and all that was printed."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["models", "infarction", *arguments], env=environment)
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the user's cache, and draw few patients."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(outcome, "RESAMPLES", 20)


def test_a_record_is_the_mean_of_its_log_odds() -> None:
    """No beat outvotes the others, not even one that is told with certainty."""
    beats = people(told=True, n_patients=2, n_beats=2)
    told = pooled(np.array([0.9, 0.1, 0.5, 0.8]), records_of(beats))
    np.testing.assert_allclose([0.5, 2 / 3], told)
    assert 0 < pooled(np.array([0.0, 0.9, 1.0, 1.0]), records_of(beats))[0] < 0.5


def test_a_beat_of_nobody_is_a_record_of_its_own() -> None:
    """Where the source does not tell, nothing is pooled."""
    beats = unknown(people(told=True, n_patients=2))
    np.testing.assert_array_equal(np.arange(16), records_of(beats).of)
    np.testing.assert_array_equal(beats.x, typical(beats, records_of(beats)))


def test_an_ectopic_beat_is_not_typical() -> None:
    """The typical beat is the median of those that are alike."""
    beats = people(told=True, n_patients=2)
    records = records_of(beats)
    clean = typical(beats.of(np.arange(1, 16)), records_of(beats.of(np.arange(1, 16))))
    beats.x[0] = -5 * beats.x[0]
    np.testing.assert_array_equal(clean, typical(beats, records))


def test_filters_do_not_depend_on_what_they_are_shown() -> None:
    """A beat is answered alike, whatever stands beside it; two answers a filter."""
    x = people(told=True, n_patients=4).x
    whole = answers(x, n_kernels=30, seed=1)
    assert whole.shape == (32, 60)
    np.testing.assert_allclose(whole[5:9], answers(x[5:9], n_kernels=30, seed=1), atol=1e-5)
    assert not np.allclose(whole, answers(x, n_kernels=30, seed=2))


def test_figures_are_those_of_scikit_learn() -> None:
    """AUC and F1 of a row per beat and of a row per record; the interval holds the value."""
    beats = people(told=True)
    rng = np.random.default_rng(0)
    p = np.clip(0.5 + 0.2 * (beats.y - 0.5) + 0.2 * rng.normal(size=len(beats)), 0.01, 0.99)
    records = records_of(beats)
    part = Part(np.arange(len(beats)), p, pooled(p, records)[records.of])
    found = outcome.figures(part, beats, part, resamples=200)
    assert found.beat_auc.value == pytest.approx(roc_auc_score(beats.y, p))
    assert found.beat_f1.value == pytest.approx(f1_score(beats.y, p >= 0.5))
    assert found.record_auc.value == pytest.approx(roc_auc_score(records.y, pooled(p, records)))
    assert found.beat_auc.low < found.beat_auc.value < found.beat_auc.high
    assert found.gain == (0, 0, 0)
    assert (found.n_records, found.n_beats) == (40, 320)


def test_a_split_by_beat_measures_memory(tmp_path: Path) -> None:
    """Labels that nothing tells of but who one is: chance for people unseen, near 1 by beat."""
    beats = people(told=False)
    config = msgspec.structs.replace(CONFIG, methods=("machine",), folds=(1, 2, 3))
    by_patient, by_beat = cross_validate(config, beats, tmp_path / "out", command="test", report=quiet)
    assert by_patient.figures.record_auc.value < 0.75
    assert by_beat.figures.beat_auc.value > 0.95
    assert by_beat.figures.record_auc.value > 0.95


def test_infarction_that_shows_is_told(tmp_path: Path) -> None:
    """Every method tells people unseen apart; the first is what others are compared with."""
    config = Infarction(dataset="ptbxl", folds=(1, 10), splits=("patients",), sizes=SMALL)
    rows = cross_validate(config, people(told=True), tmp_path / "out", command="test", report=quiet)
    assert [row.method for row in rows] == ["boosting", "trees", "machine", "kernels", "blend"]
    assert all(row.figures.record_auc.value > 0.8 for row in rows if row.method != "trees")
    assert np.isnan(rows[0].figures.gain.value)
    assert rows[0].fold10 is not None


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    """What was cut off stops the study; without the file the same command makes the part anew."""
    beats, out = people(told=True), tmp_path / "out"
    config = msgspec.structs.replace(CONFIG, splits=("patients",))
    before = cross_validate(config, beats, out, command="test", report=quiet)
    study = study_of(out)
    assert study is not None
    assert ("cross-validation", True) == study[:2]
    part = out / "parts" / "patients-boosting-9.npz"
    part.write_bytes(part.read_bytes()[:300])
    with pytest.raises(
        ArtifactError, match=r"patients-boosting-9\.npz: .*without that file the same command"
    ):
        cross_validate(config, beats, out, command="test", report=quiet)
    part.unlink()
    after = cross_validate(config, beats, out, command="test", report=quiet)
    assert before[0].figures.record_auc == after[0].figures.record_auc


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    """A part that is kept is taken as it is; another configuration is refused."""
    beats, out = people(told=True), tmp_path / "out"
    config = msgspec.structs.replace(CONFIG, splits=("patients",))
    cross_validate(config, beats, out, command="test", report=quiet)
    table = (out / "results.csv").read_bytes()
    kept = out / "parts" / "patients-boosting-9.npz"
    before = kept.stat().st_mtime_ns
    (out / "parts" / "patients-boosting-10.npz").unlink()
    cross_validate(config, beats, out, command="test", report=quiet)
    assert (table, before) == ((out / "results.csv").read_bytes(), kept.stat().st_mtime_ns)
    assert not (out / "checkpoint").exists()
    other = msgspec.structs.replace(config, seed=2)
    with pytest.raises(ArtifactError, match="expected seed 1; received seed 2"):
        cross_validate(other, beats, out, command="test", report=quiet)
    other = msgspec.structs.replace(config, sizes=Sizes(rounds=10, filters=200))
    with pytest.raises(ArtifactError, match=r"'filters': 100, .*'filters': 200"):
        cross_validate(other, beats, out, command="test", report=quiet)
    kept.write_bytes(b"half")
    with pytest.raises(ArtifactError, match=r"predictions .*: expected rows, beats, whole"):
        cross_validate(config, beats, out, command="test", report=quiet)


@pytest.mark.parametrize("methods", [(), ("wishes",), ("boosting", "blend")])
def test_unknown_methods_are_refused(tmp_path: Path, methods: tuple[str, ...]) -> None:
    """Nor is a blend of what is not there; no folder is begun."""
    config = msgspec.structs.replace(CONFIG, methods=methods)
    with pytest.raises(SettingsError, match="methods: expected names out of boosting"):
        cross_validate(config, people(told=True), tmp_path / "out", command="test", report=quiet)
    assert not (tmp_path / "out").exists()


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    beats = people(told=True)
    with pytest.raises(SettingsError, match="expected beats of NORM and MI, received NORM"):
        cross_validate(CONFIG, beats.of(beats.y == 0), tmp_path / "out", command="test", report=quiet)


@pytest.mark.parametrize("dataset", ["ptbxl", "ptb", "kaggle"])
def test_the_command_runs_on_files_in_the_published_formats(tmp_path: Path, dataset: str) -> None:
    """One command for all; what does not say whose it is can be split by beat only."""
    data, out = tmp_path / "data", tmp_path / "out"
    write_data(dataset, data)
    code, text = invoke(
        str(out),
        *("--dataset", dataset, "--data", str(data), "--methods", "boosting,kernels", "--folds", "1,10"),
        *("--filters", "100", "--rounds", "10"),
    )
    assert code == 0, text
    assert ("patients unseen" in text) == (dataset != "kaggle")
    assert "split by beat: the same people on both sides" in text
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["boosting", "kernels"] * (1 if dataset == "kaggle" else 2)
    assert all(0 <= float(row["record_auc"]) <= 1 for row in rows)


def test_beats_of_nobody_cannot_be_split_by_patient(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and what to do instead."""
    write_data("kaggle", tmp_path / "data")
    arguments = ("--dataset", "kaggle", "--data", str(tmp_path / "data"), "--split", "patients")
    code, _ = invoke(str(tmp_path / "out"), *arguments)
    assert code == 1
    assert "expected beats that say whose they are" in caplog.text


def test_a_study_that_is_stopped_says_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is no failure: 0, and a line instead of a traceback."""

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("models.datasets.load", stopped)
    code, text = invoke(str(tmp_path / "out"))
    assert code == 0
    said = " ".join(text.split())
    assert said.endswith(f"stopped: {tmp_path / 'out'} is not finished; the same command goes on with it")


def write_data(dataset: str, folder: Path) -> None:
    """Write a small data set in its published format."""
    if dataset == "ptbxl":
        write_ptbxl(folder, ["NORM", "MI"] * 20)
    elif dataset == "ptb":
        reasons = ("Healthy control", "Myocardial infarction")
        write_ptb(folder, {f"patient{k:03d}/s{k:04d}_re": reasons[k % 2] for k in range(1, 13)})
    else:
        write_csv(folder / "ptbdb_normal.csv", [0] * 60)
        write_csv(folder / "ptbdb_abnormal.csv", [1] * 60, seed=1)
