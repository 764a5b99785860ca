"""The command: what a data set holds, as a table, as JSON, as files."""

import importlib
import json
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.datasets import DATASETS, DataOptions, check, load
from models.datasets.options import WINDOW
from models.options import OPTION_HELP, OPTIONS
from monitor.errors import BeatlineError, SettingsError
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
        (
            ["ptbxl", "--option", "recipe=paper", "--option", "leads=9", "--records", "nonsense"],
            "data set ptbxl: expected options out of strict, fs, n_pre, n_post, scaling, length_rr, rows, "
            "balanced, received records, leads, recipe",
        ),
        (["wfdb", "--option", "recipe=paper"], "received recipe"),
    ],
)
def test_a_wrong_request_says_what_was_expected(arguments: list[str], message: str) -> None:
    """Errors of the world reach the front door, which prints one line."""
    done = runner.invoke(app, ["dataset", *arguments])
    assert isinstance(done.exception, BeatlineError)
    assert message in str(done.exception)


@pytest.mark.parametrize("option", ["colour=red", "balanced=true"])
def test_an_option_that_is_none_of_its_own_is_wrong_usage(option: str) -> None:
    """Exit code 2; a balance is drawn where beats are split, and here they are not."""
    assert 2 == runner.invoke(app, ["dataset", "wfdb", "--option", option]).exit_code


def test_help_names_every_option_with_its_kind() -> None:
    """The fields of `DataOptions`, told without loading them."""

    def kind(hint: Any) -> str:
        if get_origin(hint) is Literal:
            return "|".join(get_args(hint))
        plain = {str: "NAMES", bool: "true|false", int: "INT", float: "NUMBER"}
        return plain[get_args(hint)[0] if get_args(hint) else hint]

    assert {name: kind(hint) for name, hint in get_type_hints(DataOptions).items()} == OPTIONS
    assert all(f"{name}={value}" in OPTION_HELP for name, value in OPTIONS.items())


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_asked_only_for_what_it_uses(name: str) -> None:
    """Oracle: the fields that its module reads. What an old run was asked for is loaded all the same."""
    source = Path(importlib.import_module(DATASETS[name]).__file__ or "").read_text()
    window = [*WINDOW, *([] if "n_leads=1" in source else ["leads"])] if "options.window" in source else []
    read = {*re.findall(r"options\.(\w+)", source), *window} - {"window"}
    other = {"fs": 250.0, "n_pre": 9, "n_post": 9, "scaling": "millivolt", "length_rr": 1.0, "leads": 1}
    other |= {"records": "DS1", "plain": True, "recipe": "paper", "task": "infarction", "strict": True}
    for field, value in other.items():
        options = msgspec.convert({field: value}, DataOptions)
        if field in read:
            check(name, options)
        else:
            with pytest.raises(SettingsError, match=f"data set {name}: .* received {field}$"):
                check(name, options)
    check(name, DataOptions(rows=9, balanced=True))
