"""A monitor killed and started again: no alarm is lost or told twice, and what persons set goes on."""

import json
import signal
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from monitor import attach, link
from tests.integration.processes import beatline, free_port, interrupt
from tests.integration.test_failures import Facts, child, is_alarm, read_until

_FS = 360


def steps(journal: Path, kinds: Collection[str]) -> list[tuple[str, str, int]]:
    """Return kind, state and onset of the steps of alarms, over all runs of a journal."""
    facts = [json.loads(line) for line in journal.read_text().splitlines()]
    return [(fact["kind"], fact["state"], fact["sample"]) for fact in facts if fact.get("kind") in kinds]


def later(sample: int, seconds: float) -> Callable[[Facts], bool]:
    """Return whether an event is a heart rate told so much later in signal time."""
    return lambda fact: fact["type"] == "rate" and fact["sample"] > sample + seconds * _FS


@pytest.fixture(autouse=True)
def _what_the_killed_leave(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep it with the tests: monitor and engine are killed, so nobody cleans up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))


@pytest.mark.parametrize(
    ("script", "speed", "kinds"),
    [
        ("sinus:6@75, sinus:9000@170", 5, {"extreme_tachycardia": "EXTREME TACHY", "high_rate": "HIGH RATE"}),
        ("sinus:20@75, vt:9000@150", 2, {"ventricular_tachycardia": "VENT TACHY"}),  # labels take their time
    ],
    ids=["by the signal", "by labels"],
)
def test_alarms_go_on_as_the_same_when_the_monitor_is_killed_and_started_again(
    script: str, speed: int, kinds: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 in a tachycardia: the next process shows it at once, finds it again, tells no second start.

    Of a ventricular one too, though the new process has never heard this patient in any other rhythm.
    """  # noqa: D403
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    journal = tmp_path / "run.jsonl"
    options = [
        "monitor",
        endpoint,
        "--json",
        "--journal",
        str(journal),
        "--store",
        str(tmp_path / "s.sqlite"),
    ]
    device = ["--script", script, "--endpoint", endpoint, "--bed", "7", "--speed", str(speed)]
    with beatline("sim", *device) as sim:
        with beatline(*options) as monitor:
            alarm = read_until(monitor, is_alarm(next(iter(kinds))))
            read_until(monitor, later(alarm["decided"], 12))
            read_until(monitor, lambda _: len(steps(journal, kinds)) == len(kinds))  # flushed each second
            child(monitor, "monitor.engine").kill()
            monitor.kill()
        before = steps(journal, kinds)
        assert [(kind, "start") for kind in sorted(kinds)] == sorted(
            (kind, state) for kind, state, _ in before
        )
        with beatline(*options) as monitor:
            taken = read_until(monitor, lambda fact: fact["type"] == "notice" and fact["bed"] == "7")
            said, _, names = str(taken["text"]).partition(": ")
            assert said == "taken up from the run before"
            assert set(kinds.values()) <= set(names.split(", "))
            stream = read_until(monitor, lambda fact: fact["type"] == "stream")
            read_until(monitor, later(stream["sample"], 25))  # what is not found again has ended by now
            assert interrupt(monitor, signal.SIGINT)[0] == 0
        interrupt(sim, signal.SIGTERM)
    assert before == steps(journal, kinds)


@pytest.mark.parametrize("kept", ["store", "journal"])
def test_limits_and_a_pause_of_sound_go_on_when_the_monitor_is_killed_and_started_again(
    kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 after a station has set them: told by whom, in force at once, from store or journal."""  # noqa: D403
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    options = ["--json", "--allow-control", "--name", "ward", f"--{kept}", str(tmp_path / "kept")]

    def told(kind: str, state: str) -> Callable[[Facts], bool]:
        return lambda fact: fact["type"] == kind and fact["state"] == state

    device = ["--script", "sinus:9000@75", "--endpoint", endpoint, "--bed", "7", "--speed", "4"]
    with beatline("sim", *device) as sim:
        with beatline("monitor", endpoint, *options) as monitor:
            read_until(monitor, lambda fact: fact["type"] == "stream")
            station = link.Client(attach.find("ward"))
            station.tell(link.SetLimits("7", {"high_rate_bpm": 70.0}, by="Ada"))
            station.tell(link.PauseAudio("7", by="Ada"))
            limits = read_until(monitor, told("limits", "set"))
            pause = read_until(monitor, told("audio_pause", "start"))
            assert "Ada" == limits["by"] == pause["by"]
            alarm = read_until(monitor, is_alarm("high_rate"))  # 75 bpm
            read_until(monitor, later(alarm["decided"], 10))  # 2 s and more: files are flushed each second
            station.close()
            child(monitor, "monitor.engine").kill()
            monitor.kill()
        with beatline("monitor", endpoint, *options) as monitor:
            back = read_until(monitor, told("audio_pause", "start"))
            assert 60 < back["until"] - back["sample"] < 120  # before there is a stream: at 1 Hz
            limits = read_until(monitor, told("limits", "kept"))
            assert ({"high_rate_bpm": 70.0}, "Ada") == (limits["own"], limits["by"])
            stream = read_until(monitor, lambda fact: fact["type"] == "stream")
            seen: list[Facts] = []
            read_until(monitor, lambda fact: seen.append(fact) or later(stream["sample"], 18)(fact))  # type: ignore[func-returns-value]
            assert [] == [fact for fact in seen if fact.get("kind") == "high_rate"]  # it goes on, by 70
            assert interrupt(monitor, signal.SIGINT)[0] == 0
        interrupt(sim, signal.SIGTERM)
