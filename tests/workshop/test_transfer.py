"""Transfer: what a run learned of other beats, carried over to infarction."""

import csv
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from models.datasets.beatset import BeatSet
from models.datasets.cutting import KACHUEE
from models.workshop import outcome
from models.workshop.runs import RunConfig, load_run, train_run
from models.workshop.studies import study_of
from models.workshop.transfer import Transfer, shared, transfer, window_of
from monitor.artifact import digest
from monitor.cli import app
from monitor.errors import ArtifactError
from tests.workshop.test_infarction import people, quiet, unknown, write_data
from tests.workshop.waves import CONFIG as WAVES
from tests.workshop.waves import waves


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on a few beats cut as Kachuee et al. cut theirs."""
    rng = np.random.default_rng(0)
    n = 40
    patients = np.array([f"p{k}" for k in np.arange(n) // 4])
    beats = BeatSet(
        name="kachuee",
        classes=("N", "V"),
        fs=KACHUEE.fs,
        x=rng.uniform(size=(n, KACHUEE.n_points, 1)).astype(np.float32),
        y=np.arange(n, dtype=np.int64) % 2,
        patients=patients,
        records=patients,
        part=np.full(n, ""),
        window=KACHUEE,
    )
    config = RunConfig(arch="cnn", dataset="kachuee", split="patients", epochs=1, batch=16)
    folder = tmp_path_factory.mktemp("runs") / "kachuee"
    return train_run(config, beats, folder, command="test", report=quiet)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the user's cache, and draw few times."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(outcome, "RESAMPLES", 20)


def invoke(*arguments: str) -> tuple[int, str]:
    """Run ``beatline models transfer``; return exit code and all that was printed."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["models", "transfer", *arguments], env=environment)
    return result.exit_code, result.output


def table(out: Path) -> list[tuple[str, str, str]]:
    """Return split, mode and share of each row."""
    with (out / "results.csv").open(newline="") as file:
        return [(row["split"], row["mode"], row["share"]) for row in csv.DictReader(file)]


def of_window(n_points: int) -> BeatSet:
    """Return beats of infarction as long as the run's."""
    beats = people(told=True)
    x = np.pad(beats.x, ((0, 0), (0, n_points - beats.n_points), (0, 0)))
    return replace(beats, x=x, fs=KACHUEE.fs)


def test_a_share_of_the_labels_is_whole_patients() -> None:
    """All beats of each that is drawn, both classes, and the smaller share lies within the larger."""
    beats = people(told=True)
    rows = np.arange(len(beats))
    one, ten, all_ = (shared(beats, rows, s, split="patients", seed=1) for s in (1, 10, 100))
    assert (16, 32) == (len(one), len(ten))
    assert set(one.tolist()) < set(ten.tolist())
    np.testing.assert_array_equal(rows, all_)
    drawn = set(beats.patients[ten].tolist())
    np.testing.assert_array_equal(np.flatnonzero(np.isin(beats.patients, list(drawn))), ten)
    assert set(beats.y[one].tolist()) == {0, 1}


def test_a_share_of_beats_of_nobody_is_beats() -> None:
    """Where it is not known whose they are."""
    beats = unknown(people(told=True))
    assert len(shared(beats, np.arange(len(beats)), 10, split="random", seed=1)) == 32


def test_the_beats_are_cut_as_the_run_saw_them(source: Path) -> None:
    """Rate, length and scaling of its card are asked of records; a CSV is as it is."""
    asked = window_of(load_run(source), "ptbxl")
    assert asked == ["fs=120.0", "n_pre=0", "n_post=186", "scaling=unit", "length_rr=1.2"]
    assert window_of(load_run(source), "kaggle") == ["task=infarction"]


@pytest.mark.parametrize(("dataset", "mode"), [("ptbxl", "frozen"), ("ptb", "finetune")])
def test_the_command_runs_on_records(source: Path, tmp_path: Path, dataset: str, mode: str) -> None:
    """On folders in the formats of PTB-XL and PTB, split by patient and by beat."""
    write_data(dataset, tmp_path / "data")
    arguments = ("--dataset", dataset, "--data", str(tmp_path / "data"), "--mode", mode, "--share", "100")
    out = tmp_path / "out"
    code, text = invoke(str(out), "--from", str(source), "--epochs", "1", *arguments)
    assert code == 0, text
    assert table(out) == [("patients", mode, "100"), ("random", mode, "100")]


def test_all_modes_run_on_csvs_and_are_kept(source: Path, tmp_path: Path) -> None:
    """Kaggle's files; the source is not touched; asked again nothing is trained; otherwise it is refused."""
    write_data("kaggle", tmp_path / "data")
    out, before = tmp_path / "out", digest(source / "model.keras")
    arguments = ["--from", str(source), "--dataset", "kaggle", "--data", str(tmp_path / "data")]
    code, text = invoke(str(out), *arguments, "--share", "100", "--epochs", "1")
    assert code == 0, text
    modes = ("frozen", "finetune", "scratch")
    assert table(out) == [("random", mode, "100") for mode in modes]
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    study = study_of(out)
    assert study == (
        "transfer",
        True,
        "a finished transfer, whose table is results.csv; predictions in parts",
    )
    assert not (out / "results-partial.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    again, _ = invoke(str(out), *arguments, "--share", "100", "--epochs", "1")
    assert (again, kept) == (0, {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()})
    other, _ = invoke(str(out), *arguments, "--share", "100", "--epochs", "2")
    assert (other, before) == (1, digest(source / "model.keras"))
    assert not (out / "checkpoint").exists()


def test_a_table_that_is_not_complete_does_not_have_its_name(source: Path, tmp_path: Path) -> None:
    """A transfer that was stopped shows its figures so far, as such; finished, it has one table."""

    def stop(what: str, _done: int, _total: int) -> None:
        if what.startswith("scratch"):
            raise KeyboardInterrupt

    beats, out = of_window(KACHUEE.n_points), tmp_path / "out"
    run = load_run(source)
    config = Transfer(
        source=run.card.identity,
        dataset="kaggle",
        modes=("frozen", "scratch"),
        shares=(100,),
        epochs=1,
        splits=("patients",),
    )
    with pytest.raises(KeyboardInterrupt):
        transfer(config, run, beats, out, command="test", report=stop)
    assert not (out / "results.csv").exists()
    with (out / "results-partial.csv").open(newline="") as file:
        assert [row["mode"] for row in csv.DictReader(file)] == ["frozen"]
    study = study_of(out)
    assert study is not None
    assert not study.finished
    transfer(config, run, beats, out, command="test", report=quiet)
    assert table(out) == [("patients", "frozen", "100"), ("patients", "scratch", "100")]
    assert not (out / "results-partial.csv").exists()


def test_a_network_for_other_windows_is_refused(tmp_path: Path) -> None:
    """Points, leads and rate of run and beats must be the same; no folder is begun."""
    config = msgspec.structs.replace(WAVES, epochs=1)
    run = load_run(train_run(config, waves(), tmp_path / "waves", command="test", report=quiet))
    wanted = Transfer(source=run.card.identity, dataset="ptbxl")
    with pytest.raises(ArtifactError, match="expected a network for 32 points of 1 leads at 125 Hz"):
        transfer(wanted, run, people(told=True), tmp_path / "out", command="test", report=quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["0", "101", "ten", "1,,10"])
def test_a_share_that_is_no_percentage_is_refused(source: Path, tmp_path: Path, share: str) -> None:
    """Usage: exit code 2, and what was expected."""
    data = tmp_path / "data"
    write_data("kaggle", data)
    arguments = ("--from", str(source), "--dataset", "kaggle", "--data", str(data), "--share", share)
    code, text = invoke(str(tmp_path / "out"), *arguments)
    assert code == 2
    assert "expected whole numbers from 1 to 100" in text
