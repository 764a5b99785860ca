"""A tachycardia that lasts: told for as long as nothing changes, whatever its beats are called."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from msgspec.structs import replace
from numpy.typing import NDArray
from typer.testing import CliRunner

from monitor.cli import app
from monitor.definitions import raised
from monitor.events import BeatWindow, Label, LabelledBeat
from monitor.likeness import Likeness
from monitor.sustained import Sustained
from tests.test_forms import ONE, OTHER, SPEC

FS = 250.0
Told = tuple[Label, float, NDArray[np.float64]]
"""What a beat is called, the RR before it in seconds, and its shape."""


def stage(likeness: Likeness, standing_bpm: float | None = None) -> Sustained:
    """Return one at 250 Hz for tachycardias above 100 beats a minute, in which one may stand from before."""
    sustained = Sustained(likeness, fs=FS, slowest_bpm=100.0)
    if standing_bpm is not None:
        alarm = raised("ventricular_tachycardia", sample=0, decided=0, value=standing_bpm)
        sustained.take_up([replace(alarm, state="end", value=99.0), alarm])
    return sustained


def confirmed(*told: Told, standing_bpm: float | None = None, doubtful: tuple[int, ...] = ()) -> str:
    """Return the labels confirmed, one letter each; the stage is made anew from its snapshot at each beat."""
    labels, at = "", 0
    likeness = Likeness(SPEC)
    sustained = stage(likeness, standing_bpm)
    for k, (label, rr_s, shape) in enumerate(told):
        at += round(rr_s * FS)
        window = shape.astype(np.float32)
        likeness.observe([BeatWindow(at, at + 100, True, window, np.zeros(0, np.float32))])
        restored = stage(likeness)
        restored.restore(sustained.snapshot())
        sustained = restored
        beat = LabelledBeat(sample=at, decided=at + 100, label=label, rr=round(rr_s * FS))
        labels += sustained.confirm(beat, doubtful=k in doubtful)
    return labels


def run(n: int, label: Label = "V", rr_s: float = 0.4, shape: NDArray[np.float64] = ONE) -> list[Told]:
    """Return so many beats, all alike."""
    return [(label, rr_s, shape)] * n


@pytest.mark.parametrize("called", ["S", "N", "F", "Q"])
def test_a_run_that_has_lasted_goes_on_whatever_its_beats_are_called(called: Label) -> None:
    """Same rate, same shape: same rhythm."""
    assert "V" * 60 == confirmed(*run(20), *run(40, called))


def test_a_run_that_has_not_lasted_is_believed_to_be_over() -> None:
    """19 beats are not 20, and those before an interruption do not count."""
    assert "V" * 19 + "S" * 9 == confirmed(*run(19), *run(9, "S"))
    assert "V" * 15 + "N" + "V" * 19 + "S" * 9 == confirmed(*run(15), *run(1, "N"), *run(19), *run(9, "S"))


def test_it_ends_with_another_rate_or_another_shape() -> None:
    """What does not fit keeps its label; what is called V goes on being called so."""
    assert "V" * 25 + "N" * 30 == confirmed(*run(25), *run(30, "N", rr_s=0.7))
    assert "V" * 25 + "N" * 30 == confirmed(*run(25), *run(30, "N", rr_s=0.45, shape=OTHER))
    assert "V" * 30 == confirmed(*run(25), *run(5, rr_s=0.3))


def test_a_few_beats_that_do_not_fit_end_nothing() -> None:
    """A capture, a false detection, a beat that was missed, a few seconds of noise."""
    odd = [*run(1, "N", shape=OTHER), *run(10, "S"), *run(12, "Q", rr_s=0.8, shape=OTHER), *run(10, "S")]
    assert "V" * 25 + "N" + "V" * 10 + "Q" * 12 + "V" * 10 == confirmed(*run(25), *odd)


def test_r_on_another_deflection_is_the_same_run() -> None:
    """After eight beats in a row, all alike and at just that rate; not at one that is only near it."""
    assert "V" * 25 + "S" * 7 + "V" * 9 == confirmed(*run(25), *run(16, "S", shape=OTHER))
    assert "V" * 25 + "S" * 16 == confirmed(*run(25), *run(16, "S", rr_s=0.44, shape=OTHER))
    turns = [
        beat for pair in zip(run(8, "S", shape=OTHER), run(8, "S", shape=-ONE), strict=True) for beat in pair
    ]
    assert "V" * 25 + "S" * 16 == confirmed(*run(25), *turns)


def test_after_ten_seconds_of_another_rhythm_it_is_forgotten() -> None:
    """What is as fast, and alike, and told otherwise by then, is what it is told."""
    between = run(14, "N", rr_s=0.8, shape=OTHER)
    assert "V" * 25 + "N" * 14 + "S" * 30 == confirmed(*run(25), *between, *run(30, "S"))
    assert "V" * 25 + "N" * 14 + "V" * 20 + "V" * 9 == confirmed(*run(25), *between, *run(20), *run(9, "S"))


def test_a_rate_may_drift() -> None:
    """From 150 to 210 beats a minute, a beat at a time."""
    faster: list[Told] = [("S", rr_s, ONE) for rr_s in np.linspace(0.4, 0.285, 60)]
    assert "V" * 85 == confirmed(*run(25), *faster)


def test_a_slow_run_keeps_its_labels() -> None:
    """Paced beats, and those of a bundle branch block, are called V by mistake."""
    assert "V" * 40 + "N" * 10 == confirmed(*run(40, rr_s=0.7), *run(10, "N", rr_s=0.7))


def test_what_is_found_while_no_lead_is_good_keeps_its_label() -> None:
    """An honest Q beats a wrong V, and it ends nothing either."""
    noise = tuple(range(25, 30))
    assert "V" * 25 + "Q" * 5 + "V" * 9 == confirmed(*run(25), *run(5, "Q"), *run(9, "S"), doubtful=noise)


def test_seconds_in_which_nothing_is_heard_do_not_count() -> None:
    """A gap in the stream, and noise in all leads: the run is the same behind it."""
    likeness = Likeness(SPEC)
    sustained = stage(likeness)
    at, labels = 0, ""
    for k, (label, rr_s, shape) in enumerate([*run(25), *run(9, "S")]):
        if k == 25:
            sustained.miss(at, at + round(60 * FS))
            at += round(60 * FS)
        at += round(rr_s * FS)
        likeness.observe([BeatWindow(at, at, True, shape.astype(np.float32), np.zeros(0, np.float32))])
        rr = None if k == 25 else round(rr_s * FS)
        labels += sustained.confirm(LabelledBeat(sample=at, decided=at, label=label, rr=rr), doubtful=False)
    assert "V" * 34 == labels
    noise = tuple(range(25, 75))
    assert "V" * 25 + "Q" * 50 + "V" * 9 == confirmed(*run(25), *run(50, "Q"), *run(9, "S"), doubtful=noise)


def test_what_stood_before_the_first_beat_goes_on_at_its_rate() -> None:
    """Nothing but the rate is known of it: the first beats that fit give the shape."""
    assert "V" * 30 == confirmed(*run(30, "N"), standing_bpm=150.0)
    assert "N" * 30 == confirmed(*run(30, "N", rr_s=0.55), standing_bpm=150.0)
    assert "V" * 5 + "N" * 7 == confirmed(*run(5, "N"), *run(7, "N", shape=OTHER), standing_bpm=150.0)


def test_beats_without_a_shape_are_no_part_of_it() -> None:
    """A flat window tells nothing."""
    assert "V" * 25 + "S" * 9 == confirmed(*run(25), *run(9, "S", shape=np.zeros_like(ONE)))


def test_a_tachycardia_of_minutes_is_told_from_its_first_beat_to_its_last(tmp_path: Path) -> None:
    """The whole chain. What is usual in the patient is the tachycardia itself by then."""
    made, told = str(tmp_path / "made"), tmp_path / "told"
    script = "sinus:20@75, vt:90@200, sinus:10@75"
    for arguments in (
        ["sim", "--script", script, "--out", made, "--bed", "vt", "--seed", "3"],
        ["label", "--data", made, "--out", str(told)],
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    labels = wfdb.rdann(str(told / "vt"), "blt")
    truth = wfdb.rdann(str(tmp_path / "made" / "vt"), "atr")
    tachycardia = truth.sample[np.array(truth.symbol) == "V"]
    ventricular = labels.sample[np.array(labels.symbol) == "V"]
    assert len(tachycardia) - 5 <= len(ventricular) <= len(tachycardia) + 2
    rhythms = [
        (note.rstrip("\0"), at) for note, at in zip(labels.aux_note, labels.sample, strict=True) if note
    ]
    starts = [at for note, at in rhythms if note == "(VT"]
    assert len(starts) == 1
    over = next(at for note, at in rhythms if at > starts[0] and note == "(N")
    assert over > tachycardia[-1]
