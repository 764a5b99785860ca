"""``python -m sim`` as a process: exit codes, one line per fault, signals, and what arrives."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.errors import BeatlineError
from monitor.ingest import Closed, Fault, Ingest, Item, Lost, Opened, Samples
from monitor.settings import FeedSettings
from sim.cli import app

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    """Return an ingest on a free port."""
    receiver = Ingest(["tcp://127.0.0.1:*"], bind=True, settings=FeedSettings())
    receiver.start()
    yield receiver
    receiver.close()


def _start(*arguments: str, script: tuple[str, ...] = ("-m", "sim")) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.Popen(
        [sys.executable, *script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env=environment,
    )


def _take_until(ingest: Ingest, done: Callable[[list[Item]], bool]) -> list[Item]:
    items: list[Item] = []
    while not done(items):
        assert ingest.wake.poll(20_000), f"nothing came; so far {items[-3:]}"
        items += ingest.take()
    return items


def _closed(items: list[Item], count: int = 1) -> bool:
    return sum(isinstance(item, Closed) for item in items) >= count


def test_synthetic_beds_are_played_to_the_end(ingest: Ingest, tmp_path: Path) -> None:
    """Three beds of their own, from first hello to bye, nothing lost, and the run's figures written."""
    figures = tmp_path / "stats.json"
    process = _start(
        *("--script", "sinus:4@80, pvc, sinus:2", "--beds", "3", "--speed", "20", "--fs", "250"),
        *("--endpoint", ingest.endpoints[0], "--stats", str(figures)),
    )
    items = _take_until(ingest, lambda items: _closed(items, 3))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors.startswith("beatline: sim: a synthetic patient and 2 more, II, V1 at 250 Hz, to tcp://")
    opened = [item for item in items if isinstance(item, Opened)]
    assert [(item.bed, item.record, item.fs) for item in opened] == [
        (f"synthetic-{number}", "synthetic", 250.0) for number in (1, 2, 3)
    ]
    assert not any(isinstance(item, Lost | Fault) for item in items)
    first = [item.block.samples for item in items if isinstance(item, Samples) and item.bed == "synthetic-1"]
    second = [item.block.samples for item in items if isinstance(item, Samples) and item.bed == "synthetic-2"]
    assert (first[10] != second[10]).any()
    told = json.loads(figures.read_text())
    assert told["beds"] == 3
    assert told["packets"] == sum(isinstance(item, Samples) for item in items)
    assert set(told["pacing_error_ms"]) == {"p50", "p99", "max"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_run_cleanly_with_a_bye(ingest: Ingest, number: signal.Signals) -> None:
    """Law 8: exit code 0, a bye with what was sent, nothing told as lost."""
    process = _start("--ramp", "--beds", "2", "--endpoint", ingest.endpoints[0])
    items = _take_until(ingest, lambda items: sum(isinstance(item, Samples) for item in items) >= 6)
    process.send_signal(number)
    items += _take_until(ingest, lambda more: _closed(more, 2))
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not any(isinstance(item, Lost | Fault) for item in items)


def test_signal_while_waiting_for_a_monitor_ends_it_too() -> None:
    """Nobody listens, nobody is needed to end it."""
    process = _start("--ramp", "--bind", "--endpoint", "tcp://127.0.0.1:*")
    assert process.stderr is not None
    assert "a ramp, ramp 1, ramp 2 at 360 Hz, on tcp://127.0.0.1:" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


_PARENT = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-m", "sim", "--parent", str(os.getpid()), *sys.argv[1:]])
sys.stdin.read()
"""


def test_it_ends_with_the_parent_it_was_told_of(ingest: Ingest) -> None:
    """A demonstration that is killed leaves no simulator behind; until then it plays."""
    parent = _start("--ramp", "--endpoint", ingest.endpoints[0], script=("-c", _PARENT))
    items = _take_until(ingest, lambda items: sum(isinstance(item, Samples) for item in items) >= 3)
    assert not _closed(items)
    parent.kill()
    _take_until(ingest, _closed)
    parent.communicate(timeout=20)  # the simulator has the other end of this pipe: it has ended


def test_it_ends_at_once_when_its_parent_has_gone_before() -> None:
    """The parent is named, so that one that died while this process began is missed too."""
    process = _start("--ramp", "--bind", "--endpoint", "tcp://127.0.0.1:*", "--parent", str(os.getpid() + 1))
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_monitor_that_joins_late_gets_going_at_once(tmp_path: Path) -> None:
    """The simulator binds and plays to nobody; who joins hears a hello at once, not after a second."""
    endpoint = f"ipc://{tmp_path / 'feed'}"
    process = _start("--ramp", "--bind", "--no-wait", "--endpoint", endpoint)
    assert process.stderr is not None
    process.stderr.readline()
    late = Ingest([endpoint], bind=False, settings=FeedSettings())
    late.start()
    items = _take_until(late, lambda items: sum(isinstance(item, Samples) for item in items) >= 3)
    process.terminate()
    items += _take_until(late, _closed)
    process.communicate(timeout=20)
    late.close()
    assert isinstance(items[0], Opened)
    assert not any(isinstance(item, Lost | Fault) for item in items)


def test_faults_asked_for_arrive_as_gaps(ingest: Ingest) -> None:
    """Dropped and reordered on purpose: accounted for at the other end."""
    process = _start(
        *("--ramp", "--seconds", "1", "--speed", "10", "--endpoint", ingest.endpoints[0]),
        *("--drop", "0.1", "--reorder", "0.1", "--duplicate", "0.1"),
    )
    items = _take_until(ingest, _closed)
    process.communicate(timeout=20)
    samples = sum(len(item.block.samples) for item in items if isinstance(item, Samples))
    lost = sum(item.gap.stop - item.gap.sample for item in items if isinstance(item, Lost))
    assert samples + lost == 3600
    assert lost > 0
    assert not any(isinstance(item, Fault) for item in items)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--script", "sinus:10, polka:3"], "rhythm script, item 2: expected one of sinus"),
        (["999999", "--data", "."], "record 999999 not found: expected"),
    ],
)
def test_fault_ends_with_one_line_and_code_1(arguments: list[str], said: str) -> None:
    """One clear line on standard error, nothing on standard output; no other signal is put in its place."""
    process = _start(*arguments)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith(f"beatline: {said}")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["999999", "--data", "."], "record 999999 not found: expected"),
        (["--endpoint", "nonsense"], "address 'nonsense' cannot be used: expected one such as"),
        (["--script", "sinus:10", "--start", "50"], "synthetic: expected a start before its end"),
        (["--lead-off", "V9"], "lead off: expected one of II, V1"),
        (["--ramp", "--snr", "6"], "ramp: expected normal beats"),
        (["--fs", "100", "--packet-ms", "5"], "packet of 5 ms at 100 Hz: expected 1 to 2000 samples"),
        (["--ramp", "--fs", "128", "--packet-ms", "7"], "ramp: packet of 7 ms at 128 Hz: expected"),
    ],
)
def test_the_worlds_faults_are_named(arguments: list[str], said: str) -> None:
    """What was wrong, what was expected, what was received."""
    with pytest.raises(BeatlineError, match=said):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--speed", "0"], "--speed"),
        (["--drop", "2"], "--drop"),
        (["--start", "inf"], "--start"),
        (["--ramp", "--start", "1e16"], "--start"),
        (["--seconds", "inf"], "--seconds"),
        (["--snr", "nan"], "--snr"),
        (["--snr", "1e6"], "--snr"),
        (["--wander", "inf"], "--wander"),
        (["--saturate", "inf"], "--saturate"),
        (["--speed", "1001"], "--speed"),
        (["--beds", "4097"], "--beds"),
        (["--bed", "bed one"], "bed name refused"),
        (["--noise", "loud"], "expected one of"),
        (["208", "--script", "sinus:5"], "records bring their own signal"),
        (["--ramp", "--script", "sinus:5"], "choose one of"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_is_code_2(arguments: list[str], said: str) -> None:
    """The command line's own mistakes."""
    result = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}).invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_help_teaches_by_example() -> None:
    """Every command has an example."""
    result = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}).invoke(app, ["--help"])
    assert result.exit_code == 0
    assert 'beatline sim --script "sinus:20@75, pvc, sinus:5, vt:8@160, asystole:6"' in result.output


def test_record_that_cannot_be_had_is_replaced_if_asked_for(ingest: Ingest, tmp_path: Path) -> None:
    """A demonstration runs anywhere; what is played says so."""
    process = _start(
        *("208", "--or-synthetic", "--data", str(tmp_path), "--seconds", "0.2"),
        *("--endpoint", ingest.endpoints[0]),
    )
    items = _take_until(ingest, _closed)
    process.communicate(timeout=20)
    assert isinstance(items[0], Opened)
    assert (items[0].bed, items[0].record) == ("synthetic", "synthetic")


def test_records_are_played_side_by_side(ingest: Ingest, mitdb: Path) -> None:
    """A list of records is a ward."""
    process = _start(
        "100", "208", "--data", str(mitdb), "--seconds", "0.3", "--endpoint", ingest.endpoints[0]
    )
    items = _take_until(ingest, lambda items: _closed(items, 2))
    process.communicate(timeout=20)
    assert [item.bed for item in items if isinstance(item, Opened)] == ["100", "208"]
    assert [item.total for item in items if isinstance(item, Closed)] == [108, 108]


def test_example_feeder_is_received(ingest: Ingest) -> None:
    """The feeder in the documentation, which knows nothing of this package, is a device like any other."""
    process = _start(ingest.endpoints[0], "2.2", script=("examples/feeder.py",))
    items = _take_until(ingest, _closed)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert isinstance(items[0], Opened)
    assert (items[0].bed, items[0].fs, items[0].leads) == ("feeder-py", 250.0, ("II",))
    assert not any(isinstance(item, Lost | Fault) for item in items)
    assert items[-1] == Closed("feeder-py", 550)
    peak = max(float(item.block.samples.max()) for item in items if isinstance(item, Samples))
    assert peak == pytest.approx(1.0, abs=0.01)
