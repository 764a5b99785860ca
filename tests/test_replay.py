"""A journal shown again: the lines of each of its runs, whatever became of the run before."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor import replay
from monitor.events import AnyEvent, Beat, LabelledBeat, Stream
from monitor.journal import Journal

NOON_NS = 1_763_726_400_000_000_000
STREAM = Stream(sample=0, decided=0, stream="s", fs=360.0, leads=("MLII",))
SURE = (0.0, 0.0, 1.0, 0.0, 0.0)


def keep(path: Path, events: Sequence[AnyEvent], *, hours: int = 0) -> None:
    """Append one run, of a bed ``a``, that began so many hours after noon."""
    log = Journal(path, head={})
    for i, event in enumerate(events):
        log.append(event, bed="a", time_ns=NOON_NS + hours * 3_600_000_000_000 + i * 1_000_000)
    log.close()


def beats_of(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if " RR " in line]


@pytest.mark.parametrize("second", [[STREAM], []], ids=["its own stream", "stream dropped"])
def test_a_run_that_was_killed_holds_nothing_of_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: list[AnyEvent]
) -> None:
    """Beats that a killed run never labelled are told as such, and take no label of the next run."""
    path = tmp_path / "log.jsonl"
    keep(path, [STREAM, *(Beat(sample=i, decided=i + 70, rr=None) for i in (100, 400))])
    label = LabelledBeat(sample=400, decided=550, label="V", probabilities=SURE)
    keep(path, [*second, Beat(sample=400, decided=470, rr=300), label])

    replay.replay(path)

    assert ["-", "-", "V"] == beats_of(capsys.readouterr().out)


def test_the_hours_between_two_runs_are_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--speed`` paces what happened, and between runs nothing did."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    path = tmp_path / "log.jsonl"
    keep(path, [STREAM, Beat(sample=100, decided=170, rr=None)])
    keep(path, [STREAM, Beat(sample=100, decided=170, rr=None)], hours=8)

    replay.replay(path, speed=1.0)

    assert [0.001, 0.001] == pytest.approx(waits)
    assert ["-", "-"] == beats_of(capsys.readouterr().out)
