"""``beatline alarms``: what is in force, and a file to begin with."""

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from monitor import settings
from monitor.alarms_cli import app
from monitor.cli import app as front_door
from monitor.definitions import DEFINITIONS
from monitor.errors import SettingsError, StorageError
from monitor.rules import RULES, rules
from monitor.settings import Settings
from monitor.settings_text import starting_file

WARD = '[alarms]\nhigh_rate_bpm = 130\noff = ["couplet"]\n[beds."bed-3".alarms]\nlow_rate_bpm = 40\n'


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Return a settings file."""
    path = tmp_path / "ward.toml"
    path.write_text(WARD)
    return path


def run(*arguments: str) -> str:
    """Return what the command prints; its fault is raised."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_every_alarm_has_its_words_and_they_hold_all_its_figures() -> None:
    """The list says what the code does: each kind once, no figure that is no setting."""
    assert list(DEFINITIONS) == [rule.kind for rule in rules(Settings(), [])]
    assert set(DEFINITIONS) == set(RULES)
    assert "no QRS for 4 s of analysable signal" in rules(Settings(), [])[0].definition


def test_the_list_says_who_set_which_figure(ward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file, environment and bed."""
    monkeypatch.setenv("BEATLINE_ALARMS__PAUSE_S", "2.5")
    listed = {
        rule["kind"]: rule
        for rule in json.loads(run("list", "--config", str(ward), "--bed", "bed-3", "--format", "json"))
    }
    sources = {
        figure["key"]: (figure["value"], figure["source"])
        for rule in listed.values()
        for figure in rule["figures"]
    }
    assert (4.0, "default") == sources["alarms.asystole_s"]
    assert (2.5, "environment") == sources["alarms.pause_s"]
    assert (130.0, f"file {ward}") == sources["alarms.high_rate_bpm"]
    assert (40.0, f"bed bed-3 in file {ward}") == sources["alarms.low_rate_bpm"]
    assert (False, f"file {ward}") == (listed["couplet"]["on"], listed["couplet"]["switched_by"])
    assert "heart rate below 40 bpm" in listed["low_rate"]["definition"]


def test_the_list_says_who_switched_what_off(tmp_path: Path) -> None:
    """A bed's own list adds to that of all: each kind by the one who named it first."""
    path = tmp_path / "ward.toml"
    path.write_text('[alarms]\noff = ["couplet"]\n[beds.a.alarms]\noff = ["bigeminy", "couplet"]\n')
    told = json.loads(run("list", "--config", str(path), "--bed", "a", "--format", "json"))
    off = {rule["kind"]: rule["switched_by"] for rule in told if not rule["on"]}
    assert {"couplet": f"file {path}", "bigeminy": f"bed a in file {path}"} == off


def test_the_table_names_what_is_off_and_what_is_not_the_default(ward: Path) -> None:
    """For people: one line per alarm, and what somebody changed below it."""
    lines = run("list", "--config", str(ward)).splitlines()
    (couplet,) = (line.split() for line in lines if line.startswith("couplet"))
    assert ["couplet", "low", "off"] == couplet[:3]
    assert any(f"alarms.high_rate_bpm = 130 by file {ward}, default 120" in line for line in lines)
    assert not any("low_rate_bpm" in line for line in lines)  # that is of another bed
    (asystole,) = (line.split() for line in lines if line.startswith("asystole"))
    assert ["asystole", "high", "latches"] == asystole[:3]


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    """As the monitor refuses it."""
    path = tmp_path / "wrong.toml"
    path.write_text("[alarms]\nhigh = 1")
    with pytest.raises(SettingsError, match=r"alarms\.high is no setting"):
        run("list", "--config", str(path))


def test_a_bed_that_cannot_be_is_refused() -> None:
    """What is in force for it would look right and hold for nobody."""
    result = CliRunner().invoke(front_door, ["alarms", "list", "--bed", "nonsense bed!"])
    assert 2 == result.exit_code
    told = " ".join(result.stderr.replace("│", " ").split())
    assert "--bed" in told
    assert "expected 1 to 32 of A-Z a-z 0-9 . _ - with a letter or digit first" in told


@pytest.mark.parametrize("command", [["monitor"], ["alarms", "list"]], ids=" ".join)
def test_a_wrong_file_is_one_line_and_exit_code_1(command: list[str], tmp_path: Path) -> None:
    """Nobody is watched by limits that somebody else meant: the monitor does not start."""
    path = tmp_path / "wrong.toml"
    path.write_text('[beds."3".alarms]\nlow_rate_bpm = 130')
    result = CliRunner().invoke(front_door, [*command, "--config", str(path)])
    assert 1 == result.exit_code
    (line,) = result.stderr.splitlines()
    assert line.startswith('beatline: bed "3": alarms.low_rate_bpm must lie below high_rate_bpm')


def test_the_file_to_begin_with_changes_nothing_and_holds_every_key(tmp_path: Path) -> None:
    """As written it is all comments; uncommented it is the defaults, key by key."""
    text = starting_file()
    assert {"alarms": {}, "rhythm": {}} == tomllib.loads(text)
    taken = re.sub(r"^#(?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
    path = tmp_path / "all.toml"
    path.write_text(taken.partition("# What differs for one bed")[0])
    assert Settings() == settings.load(environ={}, path=path)
    given = tomllib.loads(path.read_text())
    for section in ("alarms", "rhythm"):
        assert set(msgspec.structs.asdict(getattr(Settings(), section))) == set(given[section])
    example = text.partition("# What differs for one bed")[2].replace("\n#", "\n")
    path.write_text(example.partition("\n\n")[2])
    assert 130.0 == settings.load(environ={}, path=path).for_bed("bed-3").alarms.high_rate_bpm


def test_the_file_says_what_each_key_means_and_may_be() -> None:
    """Generated from the docstrings of the settings: it cannot drift."""
    text = starting_file()
    assert "# High heart rate limit. (from 15 up to 300)\n#high_rate_bpm = 120.0\n" in text
    assert "# An RR longer than this is a pause ... (from 1.5 up to 3)\n#pause_s = 2.0\n" in text
    assert "#off = []\n" in text
    assert "Any of: extreme_tachycardia, extreme_bradycardia" in text.replace("\n# ", " ")


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    """Settings that a person wrote are not lost."""
    path = tmp_path / "new.toml"
    run("init", str(path))
    assert starting_file() == path.read_text() == run("init") == run("init", "-")
    path.write_text("mine")
    with pytest.raises(StorageError, match=r"new.toml: expected a file that does not exist yet"):
        run("init", str(path))
    with pytest.raises(StorageError, match="cannot write"):
        run("init", str(tmp_path / "nowhere" / "new.toml"))
    assert "mine" == path.read_text()
