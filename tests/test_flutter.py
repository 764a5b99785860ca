"""Flutter waves: one cycle and one phase through all beats, or not."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.atrial import Atrial
from monitor.events import BeatWindow, LabelledBeat
from monitor.flutter import Flutter
from monitor.settings import RhythmSettings
from monitor.turns import FLUTTER, PAROXYSM, Turn, alarming
from monitor.window import WindowSpec

FS = 250.0
SPAN = round(60 * FS)
SPEC = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=2, features=("p_correlation",))
Atria: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
POINTS_S = (np.arange(SPEC.n_points) - SPEC.n_pre) / SPEC.fs


def peaks(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return R peaks of RR from 0.4 to 1 s in no order."""
    return np.cumsum(rng.uniform(0.4, 1.0, n) * FS).astype(np.int64)


def flutter(at_s: NDArray[np.float64], cycle_s: float = 0.22) -> NDArray[np.float64]:
    """Return a sawtooth of height 0.1 at these times."""
    return 0.1 * (np.asarray(at_s) / cycle_s % 1.0)


def fibrillation(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return waves of height 0.1 whose cycle wanders from 0.14 to 0.22 s within a second or two."""
    phase = at_s / 0.17 + 0.8 * np.sin(1.9 * at_s) + 0.5 * np.sin(3.1 * at_s + 1.0)
    return np.asarray(0.05 * np.sin(2 * np.pi * phase))


def sinus(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return nothing: the P wave is the beat's own."""
    return np.zeros(len(at_s))


def window(sample: int, atria: NDArray[np.float64], noise: NDArray[np.float64]) -> BeatWindow:
    """Return a beat with a QRS complex, a P wave and a T wave, and what atria do beside them."""
    shown = np.zeros((SPEC.n_points, 6), np.float32)
    own = np.exp(-0.5 * (POINTS_S / 0.012) ** 2) + 0.2 * np.exp(-0.5 * ((POINTS_S - 0.25) / 0.04) ** 2)
    shown[:, 0] = own + atria + noise
    shown[:, 1] = 0.5 * own + noise
    return BeatWindow(sample, sample + 100, True, shown, np.zeros(1, np.float32))


def windows(
    at: NDArray[np.int64], atria: Atria = flutter, *, noise: float = 0.01, seed: int = 1
) -> list[BeatWindow]:
    """Return the windows of beats over what atria do all the while."""
    rng = np.random.default_rng(seed)
    return [
        window(int(sample), atria(sample / FS + POINTS_S), noise * rng.standard_normal(SPEC.n_points))
        for sample in at
    ]


def said(given: list[BeatWindow], stage: Flutter | None = None) -> NDArray[np.float64]:
    """Return what is said of all beats once they have come."""
    stage = stage or Flutter(SPEC, fs=FS, span=SPAN)
    stage.observe(given)
    for one in given:
        stage.push(one.sample, counts=True)
    return stage.against(np.array([one.sample for one in given], np.float64))


@pytest.mark.parametrize("cycle_s", [0.18, 0.2, 0.22, 0.25])
def test_a_wave_that_goes_on_through_all_beats_is_flutter(cycle_s: float) -> None:
    """At any cycle from 330 to 240 a minute, in one of two leads, under noise of two thirds of its size."""
    at = peaks(60, np.random.default_rng(2))
    for noise in (0.01, 0.02):
        assert np.all(said(windows(at, lambda at_s: flutter(at_s, cycle_s), noise=noise)) == 4.0)


@pytest.mark.parametrize("atria", [fibrillation, sinus])
def test_waves_of_any_phase_and_those_of_the_beat_itself_are_not(atria: Atria) -> None:
    """Fibrillatory waves are as large; a T wave is the same in each beat, however irregular these are."""
    for seed in range(5):
        told = said(windows(peaks(60, np.random.default_rng(seed)), atria, seed=seed))
        assert np.mean(told) < 0.2


def test_a_beat_waits_for_those_after_it() -> None:
    """Until all of four seconds have come it says what the one before says, and at first nothing."""
    at = peaks(40, np.random.default_rng(3))
    given = windows(at)
    stage = Flutter(SPEC, fs=FS, span=SPAN)
    assert 0.0 == said(given[:5], stage).max()
    told = said(given[5:], stage)
    assert np.all(told[-5:] == told[-6])
    assert told[-6] == 4.0


def test_its_border_is_told_within_seconds() -> None:
    """Half a minute of fibrillation, half a minute of flutter, and again."""
    at = peaks(170, np.random.default_rng(4))[:-1]
    turn_s = 30.0

    def atria(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(at_s // turn_s % 2 == 1, flutter(at_s), fibrillation(at_s))

    stage = Flutter(SPEC, fs=FS, span=4 * SPAN)
    told = said(windows(at, atria), stage)
    into_s = at / FS % turn_s
    inside = (into_s > 4) & (into_s < turn_s - 4)
    fluttering = at / FS // turn_s % 2 == 1
    assert np.mean(told[inside & fluttering]) > 3.5
    assert np.mean(told[inside & ~fluttering]) < 0.3


def test_a_known_cycle_is_found_where_it_hardly_shows() -> None:
    """Weak waves say more once strong ones have told the patient's cycle, and other cycles do not."""
    rng = np.random.default_rng(5)
    at = peaks(80, rng)
    weak = windows(at[40:], lambda at_s: 0.16 * flutter(at_s))
    alone = said(weak)[8:]
    strong: list[Atria] = [flutter, lambda at_s: flutter(at_s, 0.18)]
    same, another = (Flutter(SPEC, fs=FS, span=4 * SPAN) for _ in range(2))
    for stage, atria in zip((same, another), strong, strict=True):
        said(windows(at[:40], atria), stage)
    assert np.mean(said(weak, same)[8:]) > 3 * np.mean(alone)
    assert np.mean(said(weak, another)[8:]) <= np.mean(alone)


def test_ventricular_beats_are_left_out_and_few_beats_say_nothing() -> None:
    """What is not counted says nothing and disturbs nothing; four beats within eight seconds are too few."""
    at = peaks(60, np.random.default_rng(6))
    given = windows(at)
    for k in range(5, 60, 6):
        given[k].window[:, :2] *= -3.0
    stage = Flutter(SPEC, fs=FS, span=SPAN)
    stage.observe(given)
    for k, one in enumerate(given):
        stage.push(one.sample, counts=k % 6 != 5)
    kept = np.array([one.sample for k, one in enumerate(given) if k % 6 != 5], np.float64)
    assert np.mean(stage.against(kept)) > 3.5
    slow = (np.arange(1, 20) * 2.1 * FS).astype(np.int64)
    assert 0.0 == said(windows(slow)).max()


def test_windows_that_show_too_little_say_nothing() -> None:
    """A tenth of a second before R is not enough; no window at all neither."""
    short = WindowSpec(fs=120.0, n_pre=20, n_post=44, n_leads=1, shapes=0, features=())
    stage = Flutter(short, fs=FS, span=SPAN)
    at = peaks(30, np.random.default_rng(7))
    cut = [
        BeatWindow(one.sample, one.decided, True, one.window[20:, :1], one.features) for one in windows(at)
    ]
    assert 0.0 == said(cut, stage).max()
    unseen = Flutter(SPEC, fs=FS, span=SPAN)
    for sample in at:
        unseen.push(int(sample), counts=True)
    assert 0.0 == unseen.against(at.astype(np.float64)).max()


def test_one_restored_at_any_beat_goes_on_as_if_nothing_had_been() -> None:
    """Windows that wait, beats, what was asked and the cycle are all kept."""
    given = windows(peaks(50, np.random.default_rng(8)))
    whole = Flutter(SPEC, fs=FS, span=SPAN)
    whole.observe(given)
    for k, one in enumerate(given):
        other = Flutter(SPEC, fs=FS, span=SPAN)
        other.restore(whole.snapshot())
        for stage in (whole, other):
            stage.push(one.sample, counts=True)
        heard = np.array([each.sample for each in given[: k + 1]], np.float64)
        assert other.against(heard).tolist() == whole.against(heard).tolist()


def marked(turns: list[Turn], kind: str, end: int) -> int:
    """Return for how many samples a rhythm was told."""
    starts = [turn.sample for turn in turns if (turn.kind, turn.state) == (kind, "start")]
    stops = [turn.sample for turn in turns if (turn.kind, turn.state) == (kind, "end")]
    return sum(stop - start for start, stop in zip(starts, [*stops, end], strict=False))


def test_irregular_flutter_is_marked_as_flutter_under_the_same_alarm() -> None:
    """A minute and a half of either: one alarm over both, each under its own name for nearly all of it."""
    at = peaks(260, np.random.default_rng(9))
    border = 90.0

    def atria(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(at_s < border, fibrillation(at_s), flutter(at_s))

    atrial = Atrial(RhythmSettings(), SPEC, fs=FS)
    atrial.observe(windows(at, atria))
    turns: list[Turn] = []
    before = 0
    for sample in at.tolist():
        turns += atrial.push(LabelledBeat(sample=sample, decided=sample + 250, label="N", rr=sample - before))
        before = sample
    assert [("atrial_fibrillation", "start")] == [(turn.kind, turn.state) for turn in alarming(turns)]
    end = int(at[-1])
    fibrillating, fluttering = (marked(turns, kind, end) / FS for kind in (PAROXYSM, FLUTTER))
    assert fibrillating == pytest.approx(border, abs=8)
    assert fluttering == pytest.approx(end / FS - border, abs=12)
