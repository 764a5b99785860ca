"""What dies is said, what lives goes on: law 8 on real processes."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from monitor import lines
from monitor.events import Notice
from tests.integration.processes import beatline, free_port, interrupt, no_records, run

Facts = dict[str, Any]

_LIMIT_KIB = 8192
"""No file may grow beyond it: much room for compiled kernels, little for a journal that is nearly full."""


def child(process: "subprocess.Popen[str]", word: str) -> psutil.Process:
    """Return the child process whose command line has a word in it."""
    (found,) = [
        one
        for one in psutil.Process(process.pid).children(recursive=True)
        if any(word in part for part in one.cmdline())
    ]
    return found


def read_until(process: "subprocess.Popen[str]", wanted: Callable[[Facts], bool]) -> Facts:
    """Read JSON lines until one is as wanted; the test's own time limit ends a vain wait."""
    assert process.stdout is not None
    for line in process.stdout:
        fact: Facts = json.loads(line)
        if wanted(fact):
            return fact
    raise AssertionError("the output ended before what was waited for")


def is_beat(fact: Facts) -> bool:
    """Whether it is a beat that the network has labelled."""
    return fact["type"] == "beat" and fact["probabilities"] is not None


def is_alarm(kind: str) -> Callable[[Facts], bool]:
    """Return whether it is the start of such an alarm."""
    return lambda fact: fact["type"] == "alarm" and (fact["kind"], fact["state"]) == (kind, "start")


def test_a_classifier_that_dies_is_an_alarm_and_beats_go_on() -> None:
    """The alarm stands, the bed goes on without labels, and the exit code is 1 when the run ends."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with (
        beatline("monitor", endpoint, "--json") as monitor,
        beatline("sim", "--loop", "--endpoint", endpoint, "--bed", "7") as sim,
    ):
        read_until(monitor, is_beat)
        child(monitor, "monitor.classify").kill()
        alarm = read_until(monitor, is_alarm("classifier_failed"))
        assert (alarm["bed"], alarm["text"]) == ("7", "NO BEAT LABELS")
        read_until(monitor, lambda fact: fact["type"] == "qrs" and fact["sample"] > alarm["sample"])
        code, _, err = interrupt(monitor, signal.SIGINT)
        assert (code, err) == (1, "")
        interrupt(sim, signal.SIGTERM)


def test_an_engine_that_dies_is_said_and_ends_the_run_with_1() -> None:
    """Nobody is left believing that beds are watched."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with (
        beatline("monitor", endpoint, "--plain") as monitor,
        beatline("sim", "--loop", "--endpoint", endpoint, "--bed", "7") as sim,
    ):
        assert monitor.stdout is not None
        while "stream begins" not in (line := monitor.stdout.readline()):
            assert line, "the output ended before the stream began"
        classifier = child(monitor, "monitor.classify")
        child(monitor, "monitor.engine").kill()
        out, _ = monitor.communicate(timeout=60)
        assert monitor.returncode == 1
        assert "THE MONITOR HAS STOPPED: no bed is being watched" in out
        classifier.wait(60)  # the orphan ends by itself
        interrupt(sim, signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_monitor_whose_terminal_goes_or_that_is_killed_leaves_nothing_behind(
    number: signal.Signals, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its engine ends too, however early it was left alone, and no file of theirs stays."""
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests run without a terminal, and so would the monitor")
    folder = tmp_path_factory.mktemp("t")  # short: the path of a socket may have 107 bytes
    env = {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(tmp_path)}
    with beatline("monitor", f"tcp://127.0.0.1:{free_port()}", "--plain", env=env) as monitor:
        while not (begun := psutil.Process(monitor.pid).children()):
            assert monitor.poll() is None
        interrupt(monitor, number)
    assert monitor.returncode == (0 if number == signal.SIGHUP else -number)
    _, left = psutil.wait_procs(begun, timeout=60)
    assert ([], []) == (left, list(folder.iterdir()))


def test_a_disk_that_fills_is_an_alarm_and_what_was_written_stays(tmp_path: Path) -> None:
    """The journal keeps whole lines, the bed goes on, and the exit code is 1 when the run ends."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    journal = tmp_path / "run.jsonl"
    earlier = b'{"type":"journal","format":1}\n'
    notice = lines.entry(Notice(sample=0, decided=0, text="x" * 900), bed="", record="", time=None) + b"\n"
    journal.write_bytes(earlier + notice * ((_LIMIT_KIB - 64) * 1024 // len(notice)))
    n_before = len(journal.read_bytes().splitlines())
    with (
        beatline("monitor", endpoint, "--json", "--journal", str(journal), file_kib=_LIMIT_KIB) as monitor,
        beatline("sim", "--loop", "--endpoint", endpoint, "--bed", "7", "--speed", "20") as sim,
    ):
        alarm = read_until(monitor, is_alarm("storage_failed"))
        assert str(journal) in alarm["text"]
        read_until(monitor, lambda fact: fact["type"] == "qrs" and fact["sample"] > alarm["sample"])
        code, _, err = interrupt(monitor, signal.SIGINT)
        assert (code, err) == (1, "")
        interrupt(sim, signal.SIGTERM)
    kept = [json.loads(line)["type"] for line in journal.read_text().splitlines()]
    assert kept[n_before] == "journal"
    assert "qrs" in kept[n_before:]


def test_a_demo_whose_device_dies_ends_with_1_and_says_so(tmp_path: Path) -> None:
    """The device is a part of the demo: what dies is said, and what was shown stays shown."""
    with beatline("demo", "--plain", env=no_records(tmp_path)) as demo:
        assert demo.stdout is not None
        while "stream begins" not in demo.stdout.readline():
            pass
        child(demo, "--or-synthetic").kill()
        _, err = demo.communicate(timeout=60)
    assert (demo.returncode, err) == (1, "beatline: the simulated device has died\n")


def test_a_record_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    """Only the demo's own record may be replaced by the synthetic patient."""
    code, _, err = run("demo", "--plain", "--record", "208", env=no_records(tmp_path))
    assert code == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("beatline: ")
    assert "208" in line
