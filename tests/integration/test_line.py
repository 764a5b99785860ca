"""The whole line over real processes and sockets, with the shipped model."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from monitor import records
from tests.integration.processes import beatline, free_port, interrupt, no_records, run

RECORD = "208"
SECONDS = 45.0

Fact = dict[str, Any]


def facts(text: str) -> list[Fact]:
    """Return the events of signal time in JSON lines, sorted, without bed, record and wall time."""
    found = [json.loads(line) for line in text.splitlines()]
    kept = [
        {key: value for key, value in fact.items() if key not in ("bed", "record", "time")}
        for fact in found
        if fact["type"] not in ("stream", "notice", "journal")
        and fact.get("kind") not in ("feed_lost", "signal_slow", "classifier_late")
    ]
    return sorted(kept, key=lambda fact: (fact["decided"], fact["type"], fact["sample"], str(fact)))


def without_probabilities(events: list[Fact]) -> list[Fact]:
    """Return the events without what may differ in the last digits."""
    return [{key: value for key, value in fact.items() if key != "probabilities"} for fact in events]


@pytest.fixture(scope="module")
def excerpt(mitdb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the first 45 s of record 208."""
    folder = tmp_path_factory.mktemp("excerpt")
    record = records.read(RECORD, data=mitdb)
    stop = round(SECONDS * record.fs)
    source = wfdb.rdrecord(str(mitdb / RECORD), sampto=stop, physical=False)
    wfdb.wrsamp(
        RECORD,
        fs=source.fs,
        units=source.units,
        sig_name=source.sig_name,
        d_signal=source.d_signal.astype(np.int64),
        fmt=["212", "212"],
        adc_gain=source.adc_gain,
        baseline=source.baseline,
        write_dir=str(folder),
    )
    return folder


def test_a_live_run_gives_the_events_of_label(excerpt: Path, tmp_path: Path) -> None:
    """Streamed through sim and socket without loss, a record gives the identical events."""
    code, _, err = run("label", RECORD, "--data", str(excerpt), "--out", str(tmp_path / "labels"), "--events")
    assert (code, err.count("Error")) == (0, 0)
    offline = facts((tmp_path / "labels" / f"{RECORD}.events.jsonl").read_text())

    endpoint = f"tcp://127.0.0.1:{free_port()}"
    kept, journal = tmp_path / "kept", tmp_path / "run.jsonl"
    with (
        beatline(
            "monitor", endpoint, "--json", "--until-bye", "--record", str(kept), "--journal", str(journal)
        ) as monitor,
        beatline("sim", RECORD, "--data", str(excerpt), "--endpoint", endpoint, "--speed", "5") as sim,
    ):
        out, err = monitor.communicate(timeout=110)
        sim.communicate(timeout=20)
    assert (monitor.returncode, err, sim.returncode) == (0, "", 0)
    live = facts(out)

    assert len([fact for fact in live if fact["type"] == "beat"]) > 120
    assert without_probabilities(offline) == without_probabilities(live)
    for a, b in zip(offline, live, strict=True):
        if a.get("probabilities") is not None:
            np.testing.assert_allclose(a["probabilities"], b["probabilities"], rtol=0, atol=1e-5)
    assert facts(journal.read_text()) == live

    original = wfdb.rdrecord(str(excerpt / RECORD), physical=False)
    recorded = wfdb.rdrecord(str(kept / RECORD), physical=False)
    np.testing.assert_array_equal(original.d_signal, recorded.d_signal)
    told = [fact for fact in offline if fact["type"] == "beat"]
    for kind, provisional in (("blt", False), ("blp", True)):
        labels = wfdb.rdann(str(kept / RECORD), kind)
        beats = [(fact["sample"], fact["label"]) for fact in told if fact["provisional"] == provisional]
        found = [
            (int(sample), symbol)
            for sample, symbol in zip(labels.sample, labels.symbol, strict=True)
            if symbol in "NSVFQ"
        ]
        assert found == sorted(beats)

    code, again, _ = run("replay", str(journal), "--json")
    assert (code, facts(again)) == (0, live)


def test_the_demo_without_records_or_network_is_synthetic_and_says_so(tmp_path: Path) -> None:
    """On a machine with nothing at all there is something to see, named for what it is."""
    code, out, err = run("demo", "--seconds", "4", "--plain", env=no_records(tmp_path))
    assert (code, err) == (0, "")
    (begins,) = [line for line in out.splitlines() if "stream begins" in line]
    assert "synthetic" in begins
    assert "\x1b" not in out
    beats = [line for line in out.splitlines() if re.search(r" (N|S|V|F|Q|-) RR ", line)]
    assert len(beats) >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_monitor_ends_cleanly(number: signal.Signals) -> None:
    """Law 8: Ctrl-C and SIGTERM exit 0 after a clean end, and leave no process behind."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with (
        beatline("monitor", endpoint, "--plain") as monitor,
        beatline("sim", "--loop", "--endpoint", endpoint, "--bed", "7") as sim,
    ):
        assert monitor.stdout is not None
        first = next(line for line in monitor.stdout if "compiling for this machine" not in line)
        assert "stream begins" in first
        code, _, err = interrupt(monitor, number)
        assert (code, err) == (0, "")
        code, _, _ = interrupt(sim, number)
        assert code == 0


def test_a_port_in_use_is_one_clear_line() -> None:
    """Bad input: what was wrong, expected and received; exit 1."""
    import zmq

    with zmq.Context() as context, context.socket(zmq.PUB) as taken:
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        code, _, err = run("monitor", f"tcp://127.0.0.1:{port}", "--plain")
    assert code == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("beatline: cannot bind to")
    assert str(port) in line


def test_a_closed_pipe_ends_quietly() -> None:
    """Law 8: a closed pipe ends with 0 and says nothing."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with (
        beatline("monitor", endpoint, "--json") as monitor,
        beatline("sim", "--loop", "--endpoint", endpoint) as sim,
    ):
        assert monitor.stdout is not None
        assert monitor.stderr is not None
        monitor.stdout.readline()
        monitor.stdout.close()
        assert monitor.wait(60) == 0
        assert monitor.stderr.read() == ""
        interrupt(sim, signal.SIGTERM)
