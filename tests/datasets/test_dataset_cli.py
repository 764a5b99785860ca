"""The command: what a data set holds, as a table, as JSON, as files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.cli import app
from models.datasets import DataOptions, load
from monitor.errors import BeatlineError
from tests.datasets.made import write_csv, write_ptbxl

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Return a folder with the two arrhythmia files."""
    write_csv(tmp_path / "mitbih_train.csv", [0, 0, 1, 2, 3, 4])
    write_csv(tmp_path / "mitbih_test.csv", [0, 1, 2, 3, 4])
    return tmp_path


def test_the_table_counts_beats(kaggle: Path) -> None:
    """Per class and part; what the source does not tell is said."""
    done = runner.invoke(app, ["dataset", "kaggle", "--data", str(kaggle)])
    assert 0 == done.exit_code
    assert "kaggle: 11 beats of 0 records, patients not told; 187 points at 120 Hz, 1 channels" in done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert ["6", "2", "1", "1", "1", "1"] == rows["train"]
    assert ["11", "3", "2", "2", "2", "2"] == rows["all"]


def test_json_is_all_that_is_printed(kaggle: Path) -> None:
    """One object on standard output, progress elsewhere."""
    done = runner.invoke(app, ["dataset", "kaggle", "--data", str(kaggle), "--json", "--rows", "6"])
    told = json.loads(done.stdout)
    assert (6, "kaggle", 6) == (told["n_beats"], told["name"], told["options"]["rows"])


def test_infarction_beats_become_the_ptb_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact format that the loader of the Kaggle files reads, from PTB-XL."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_ptbxl(tmp_path / "ptbxl", ["NORM", "MI"])
    out = tmp_path / "out"
    done = runner.invoke(app, ["dataset", "ptbxl", "--data", str(tmp_path / "ptbxl"), "--out", str(out)])
    assert 0 == done.exit_code, done.output
    told = json.loads((out / "manifest.json").read_text())
    assert ["ptbdb_normal.csv", "ptbdb_abnormal.csv"] == list(told["files"])
    back = load("kaggle", data=out, options=DataOptions(task="infarction"))
    assert told["n_beats"] == len(back)
    assert {"ptbxl/100"} == set(back.patients.tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mnist"], "no such data set: expected one of wfdb"),
        (["kaggle"], "expected --data DIR with mitbih_train.csv"),
    ],
)
def test_a_wrong_request_says_what_was_expected(arguments: list[str], message: str) -> None:
    """Errors of the world reach the front door, which prints one line."""
    done = runner.invoke(app, ["dataset", *arguments])
    assert isinstance(done.exception, BeatlineError)
    assert message in str(done.exception)


def test_an_unknown_option_is_wrong_usage() -> None:
    """Exit code 2."""
    assert 2 == runner.invoke(app, ["dataset", "wfdb", "--option", "colour=red"]).exit_code
