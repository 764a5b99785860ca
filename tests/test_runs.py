"""A run of ventricular beats is not broken by one beat between that is told otherwise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from monitor.events import CLASSES, Beat, BeatWindow, LabelledBeat
from monitor.lane import Lane
from monitor.runs import Runs

USUAL, FAST, QUICK = 300, 200, 150
"""RR in samples; the last one lies above 133 beats a minute."""


class Told(NamedTuple):
    """RR before a beat, its label and how probable V is beside it; V has the ``rival`` given, or none."""

    rr: int
    label: str
    v: float = 0.3
    rival: str = ""


def probabilities(told: Told) -> tuple[float, ...]:
    values = [0.0] * len(CLASSES)
    values[CLASSES.index("V")] = told.v
    values[CLASSES.index(told.label)] = 1.0 if told.label == "V" else 1.0 - told.v
    if told.rival:
        values[CLASSES.index("V")], values[CLASSES.index(told.rival)] = told.v, 0.9 * told.v
    return tuple(values)


def confirmed(beats: Sequence[Told], *, late: bool = False, leads: tuple[int, ...] = (0,)) -> str:
    """Return the confirmed labels of beats; answers come in order, or the provisional ones ``late``."""
    runs = Runs(fs=360.0)
    lanes = Lane("provisional"), Lane("confirmed", runs)
    samples = np.cumsum([told.rr for told in beats]).tolist()
    events = [
        Beat(sample=sample, decided=sample, rr=told.rr, confidence=1.0, leads=leads)
        for sample, told in zip(samples, beats, strict=True)
    ]
    own = [sample + 100 for sample in samples]
    when = (own, [*own[1:], samples[-1] + 400])
    for lane, decided in zip(lanes, when, strict=True):
        lane.expect(events)
        lane.decide([_window(sample, at) for sample, at in zip(samples, decided, strict=True)])
    labels: list[LabelledBeat] = []
    order = (lanes[1], lanes[0]) if late else (lanes[0], lanes[1])
    for lane in order:
        for sample, told in zip(samples, beats, strict=True):
            lane.answer(sample, probabilities(told))
            for beat in lanes[0].release():
                runs.observe(beat)
            labels += lanes[1].release(before=lanes[0].oldest)
    return "".join(beat.label for beat in labels)


def _window(sample: int, decided: int) -> BeatWindow:
    return BeatWindow(
        sample=sample,
        decided=decided,
        provisional=True,
        window=np.zeros((1, 1), np.float32),
        features=np.zeros(1, np.float32),
    )


BEFORE = [Told(USUAL, "N")] * 12


@pytest.mark.parametrize("late", [False, True])
def test_a_beat_between_two_ventricular_ones_at_a_fast_rate_is_ventricular(late: bool) -> None:
    """Nothing conducted has room there; when answers come makes no difference (law 2)."""
    run = [Told(FAST, label) for label in "VNVSVV"]
    assert "N" * 12 + "VVVVVV" + "N" == confirmed([*BEFORE, *run, Told(USUAL, "N")], late=late)


@pytest.mark.parametrize(
    ("why", "beats"),
    [
        ("a pause", [Told(FAST, "V"), Told(USUAL, "N"), Told(FAST, "V")]),
        ("a pause after it", [Told(FAST, "V"), Told(FAST, "N"), Told(USUAL, "V")]),
        ("the network is sure", [Told(FAST, "V"), Told(FAST, "N", 0.05), Told(FAST, "V")]),
        ("it lies close to one of them", [Told(FAST, "V"), Told(FAST // 2, "Q", 0.0), Told(FAST, "V")]),
        ("none before", [Told(FAST, "N"), Told(FAST, "N"), Told(FAST, "V")]),
        ("none after", [Told(FAST, "V"), Told(FAST, "N"), Told(FAST, "N")]),
    ],
)
def test_otherwise_a_label_stays(why: str, beats: list[Told]) -> None:
    """Bigeminy has pauses, and an interpolated beat leaves no doubt."""
    assert "N" * 12 + "".join(told.label for told in beats) == confirmed([*BEFORE, *beats]), why


def test_between_two_ventricular_beats_halfway_something_was_found_for_good_reason() -> None:
    """What the network takes for no beat at all is one: without it the run would miss a beat."""
    beats = [*BEFORE, *(Told(FAST, label, 0.0 if label == "Q" else 0.3) for label in "VQVV")]
    assert "N" * 12 + "VVVV" == confirmed(beats)


def test_a_beat_found_while_no_lead_is_good_keeps_its_label() -> None:
    """N or Q it is then, whatever stands around it."""
    beats = [*BEFORE, *(Told(FAST, label) for label in "VNV")]
    assert "N" * 12 + "QNQ" == confirmed(beats, leads=())


@pytest.mark.parametrize(
    ("why", "beats", "labels"),
    [
        ("after one V", [Told(FAST, "V"), Told(QUICK, "N", 0.4)], "VV"),
        ("after one V the network is rather sure", [Told(FAST, "V"), Told(QUICK, "N", 0.3)], "VN"),
        (
            "after two",
            [Told(FAST, "V"), Told(QUICK, "V"), Told(QUICK, "N", 0.15), Told(QUICK, "S", 0.15)],
            "VVVV",
        ),
        ("after two it is sure", [Told(FAST, "V"), Told(QUICK, "V"), Told(QUICK, "N", 0.1)], "VVN"),
        ("at a slower rate", [Told(FAST, "V"), Told(FAST, "V"), Told(FAST, "N", 0.15)], "VVN"),
        ("begun by what cannot be told", [Told(QUICK, "Q", 0.3), Told(QUICK, "N", 0.4)], "VV"),
    ],
)
def test_a_run_at_a_high_rate_goes_on_until_the_network_is_sure(
    why: str, beats: list[Told], labels: str
) -> None:
    """A tachycardia does not end because one of its beats looks less like the others."""
    assert "N" * 12 + labels == confirmed([*BEFORE, *beats]), why


@pytest.mark.parametrize(("beats", "labels"), [([(200, 0.45)], "N"), ([(200, 0.45), (200, 1.0)], "VV")])
def test_a_ventricular_beat_alone_stands_out(beats: list[tuple[int, float]], labels: str) -> None:
    """One that is hardly likelier than its rival is believed in beside another ventricular one only."""
    told = [Told(rr, "V", v, rival="N" if v < 1 else "") for rr, v in beats]
    assert "N" * 12 + labels == confirmed([*BEFORE, *told])


def test_what_is_known_of_runs_is_kept_and_restored() -> None:
    """A restart in the middle of a run changes nothing."""
    runs, other = Runs(fs=360.0), Runs(fs=360.0)
    for k in range(20):
        beat = LabelledBeat(
            sample=300 * k, decided=300 * k + 400, label="V" if k == 18 else "N", rr=FAST if k > 17 else USUAL
        )
        runs.observe(beat)
        if k < 19:
            runs.confirm(beat, doubtful=False)
    other.restore(runs.snapshot())
    assert runs.snapshot() == other.snapshot()
    runs.confirm(beat, doubtful=False)
    assert runs.snapshot() != other.snapshot()
