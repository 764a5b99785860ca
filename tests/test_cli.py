"""The front door: help that teaches, clear errors, exit codes 0, 1 and 2."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor import __version__
from monitor.cli import app
from monitor.events import Notice
from monitor.journal import Journal

COMMANDS = [
    [],
    ["demo"],
    ["monitor"],
    ["sim"],
    ["label"],
    ["noise"],
    ["events"],
    ["report"],
    ["alarms"],
    ["alarms", "list"],
    ["alarms", "init"],
    ["replay"],
    ["bench"],
    ["bench", "latency"],
    ["bench", "memory"],
    ["models"],
    ["models", "train"],
    ["models", "verifier"],
    ["models", "evaluate"],
    ["models", "explain"],
    ["models", "ablate"],
    ["models", "compare"],
    ["models", "dataset"],
    ["models", "dual"],
    ["models", "dual-evaluate"],
    ["models", "infarction"],
    ["models", "transfer"],
    ["models", "export"],
    ["models", "list"],
    ["data"],
    ["data", "fetch"],
    ["data", "list"],
]


def invoke(*arguments: str) -> tuple[int, str]:
    """Run a command in this process; return exit code and all that was printed."""
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120", "NO_COLOR": "1"})
    return result.exit_code, result.output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "beatline")
def test_every_command_has_help(command: list[str]) -> None:
    """Help exits 0 and shows usage, our options alone; a command that does something shows an example."""
    code, text = invoke(*command, "--help")
    assert code == 0
    assert "Usage:" in text
    is_group = command in ([], ["bench"], ["models"], ["data"], ["alarms"])
    assert is_group or f"beatline {' '.join(command)} " in text
    assert not re.search(r"\x1b\[", text)
    assert "completion" not in text


def test_the_version_is_printed() -> None:
    """One line."""
    assert invoke("--version") == (0, f"beatline {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["demo", "--speed", "fast"],
        ["demo", "--seconds", "-3"],
        ["label", "--jobs", "0"],
        ["demo", "--plain", "--json"],
        ["replay"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """Usage: 2."""
    code, text = invoke(*arguments)
    assert code == 2
    assert "Usage:" in text


def test_a_record_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    """A failure: 1, with what was looked for and where."""
    code, text = invoke("label", "999", "--data", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 1
    (line,) = text.strip().splitlines()
    assert line.startswith("beatline: ")
    assert "999" in line
    assert str(tmp_path) in line


@pytest.mark.parametrize("second", ["svdb/100", "100", "mitdb/100"])
def test_two_records_of_one_name_are_not_written_over_each_other(tmp_path: Path, second: str) -> None:
    """Usage: 2, with both names, before anything is read or written."""
    out = tmp_path / "out"
    code, text = invoke("label", "mitdb/100", "mitdb/101", second, "--data", str(tmp_path), "--out", str(out))
    assert code == 2
    assert f"received mitdb/100 and {second}" in " ".join(text.replace("│", " ").split())
    assert not out.exists()


def test_a_model_that_does_not_exist_is_one_clear_line(tmp_path: Path, mitdb: Path) -> None:
    """A failure: 1, naming what was expected and received."""
    arguments = ["label", "100", "--data", str(mitdb), "--out", str(tmp_path), "--model", "nobody"]
    code, text = invoke(*arguments)
    assert code == 1
    (line,) = text.strip().splitlines()
    assert "received 'nobody'" in line


def test_a_settings_file_with_an_unknown_key_names_it(tmp_path: Path) -> None:
    """Bad settings are refused before anything starts."""
    file = tmp_path / "beatline.toml"
    file.write_text("[alarms]\nhigh_rate = 130\n")
    code, text = invoke("monitor", "--config", str(file), "--plain")
    assert code == 1
    assert "high_rate" in text


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """A failure: 1, in one line."""
    file = tmp_path / "notes.txt"
    file.write_text("hello\n")
    code, text = invoke("replay", str(file))
    assert code == 1
    assert "is not a journal" in text


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_as_good_as_empty_ones(tmp_path: Path, closed: str) -> None:
    """No traceback, the same exit code, and nothing printed into a file that took a stream's number."""
    path = tmp_path / "log.jsonl"
    log = Journal(path, head={})
    log.append(Notice(sample=0, decided=0, text="hello"), bed="a")
    log.close()
    before = path.read_bytes()
    command = [sys.executable, "-m", "monitor", "replay", str(path)]
    result = subprocess.run(
        ["bash", "-c", f'exec "$@" {closed}', "bash", *command], capture_output=True, text=True, check=False
    )
    shown = result.stdout.partition(" a ")[2]
    assert (0, "", "" if ">&-" in closed else "! hello\n") == (result.returncode, result.stderr, shown)
    assert path.read_bytes() == before


@pytest.mark.parametrize("pieces", [1, 3000])
def test_a_reader_that_has_gone_is_no_fault(tmp_path: Path, pieces: int) -> None:
    """A closed pipe ends with 0 and says nothing, however much was still to be printed."""
    path = tmp_path / "log.jsonl"
    log = Journal(path, head={})
    for _ in range(pieces):
        log.append(Notice(sample=0, decided=0, text="hello"), bed="a")
    log.close()
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "monitor", "replay", str(path)]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (0, "") == (result.returncode, result.stderr)


_LOADING = """
import time
print("loading", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt as error:
    raise RuntimeError("a class could not be made") from error
"""
"""A library that takes long, and makes something else of an interrupt: classes whose members are named do."""

_STARTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
from monitor.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_it_loads_ends_it_without_a_word(tmp_path: Path, number: signal.Signals) -> None:
    """Nobody who thinks better of it within the first half second is shown a traceback."""
    (tmp_path / "typer.py").write_text(_LOADING)
    with subprocess.Popen(
        [sys.executable, "-c", _STARTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        assert process.stdout is not None
        assert "loading\n" == process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (-number, "") == (process.returncode, errors)
