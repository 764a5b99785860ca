"""What P waves say about fibrillation: alike from beat to beat, or not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.p_waves import PWaves
from monitor.window import WindowSpec

FS = 250.0
SPAN = round(60 * FS)
SPEC = WindowSpec(fs=128.0, n_pre=49, n_post=46, n_leads=2, shapes=1, features=("p_correlation",))
RR = 200
POINTS = (np.arange(SPEC.n_points) - SPEC.n_pre) / SPEC.fs
"""Seconds from the middle of the QRS complex."""


def bump(at_s: float, width_s: float) -> NDArray[np.float64]:
    """Return a wave of height one."""
    return np.exp(-0.5 * ((POINTS - at_s) / width_s) ** 2)


QRS = bump(0.0, 0.012)
P_WAVE = 0.08 * bump(-0.16, 0.025)


def window(k: int, atria: NDArray[np.float64], *, leads: int = 2, z: float = 0.0) -> BeatWindow:
    """Return the window of the ``k``-th beat: what atria and ventricles do, in the first leads."""
    shown = np.zeros((SPEC.n_points, 4), np.float32)
    shown[:, :leads] = (QRS + atria)[:, np.newaxis]
    shown[:, 2 : 2 + leads] = QRS[:, np.newaxis]
    return BeatWindow(k * RR, k * RR + 100, True, shown, np.array([z], np.float32))


def waves(k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return fibrillatory waves of 6 Hz at any phase."""
    return np.asarray(0.08 * np.sin(2 * np.pi * (6 * POINTS + rng.random())))


def against(windows: list[BeatWindow], p_waves: PWaves | None = None) -> NDArray[np.float64]:
    """Return what is said of beats once all have come."""
    p_waves = p_waves or PWaves(SPEC, fs=FS, span=SPAN)
    p_waves.observe(windows)
    for one in windows:
        p_waves.push(one.sample, counts=True)
    return p_waves.against(np.array([one.sample for one in windows], np.float64))


def test_one_p_wave_before_every_beat_speaks_against_it() -> None:
    """However small it is; a line under it and noise of a fifth of its height change nothing of that."""
    rng = np.random.default_rng(1)
    noisy = [
        window(k, P_WAVE + 0.016 * rng.standard_normal(len(POINTS)) + 0.3 * rng.random() * POINTS)
        for k in range(40)
    ]
    assert np.all(against(noisy) > 0.5)
    clean = [window(k, 0.1 * P_WAVE) for k in range(40)]
    assert np.all(against(clean) == 1.5)


def test_waves_at_any_phase_speak_for_it_and_less_so() -> None:
    """Absence is no proof: at most a fifth of what presence says."""
    rng = np.random.default_rng(2)
    said = against([window(k, waves(k, rng)) for k in range(40)])
    assert np.mean(said) == pytest.approx(-0.3, abs=0.1)
    assert np.min(said) == pytest.approx(-0.3)


def test_the_border_between_two_rhythms_is_sharp() -> None:
    """A beat on either side has nothing in common with those of the other."""
    rng = np.random.default_rng(3)
    said = against([window(k, P_WAVE if k < 20 else waves(k, rng)) for k in range(40)])
    assert np.all(said[:20] > 0.3)
    assert np.mean(said[20:] < 0.3) >= 0.9


def test_a_lead_that_is_not_there_says_nothing() -> None:
    """Zeros in its place: the other one is judged alone; where none is left, nothing is said."""
    assert np.all(against([window(k, P_WAVE, leads=1) for k in range(20)]) == 1.5)
    assert np.all(against([window(k, P_WAVE, leads=0) for k in range(20)]) == 0.0)


def test_beats_too_few_or_not_counted_or_without_a_window_say_nothing() -> None:
    """A ventricular beat has no P wave to compare."""
    assert np.all(against([window(k, P_WAVE) for k in range(3)]) == 0.0)
    p_waves = PWaves(SPEC, fs=FS, span=SPAN)
    p_waves.observe([window(k, P_WAVE) for k in range(20)])
    for k in range(25):
        p_waves.push(k * RR, counts=k % 2 == 0)
    said = p_waves.against(np.arange(25, dtype=np.float64) * RR)
    assert np.all(said[0:20:2] == 1.5)
    assert np.all(said[1:20:2] == 0.0)
    assert np.all(said[20:] == 0.0)


def test_a_window_that_shows_no_p_wave_leaves_the_feature_alone() -> None:
    """Plain windows and short ones are not cut; the patient's own P wave still speaks, either way."""
    short = WindowSpec(fs=128.0, n_pre=30, n_post=46, n_leads=2, shapes=1, features=("p_correlation",))
    for z, expected in ((1.3, 0.2), (9.0, 0.4), (-9.0, -0.4), (0.0, 0.0)):
        windows = [window(k, P_WAVE, z=z) for k in range(20)]
        assert against(windows, PWaves(short, fs=FS, span=SPAN)) == pytest.approx(np.full(20, expected))


def test_it_forgets_and_it_goes_on_from_a_snapshot() -> None:
    """Memory is bounded by the span; a restored copy says the same of what comes."""
    rng = np.random.default_rng(4)
    windows = [window(k, waves(k, rng) + P_WAVE * rng.random()) for k in range(400)]
    first, second = (PWaves(SPEC, fs=FS, span=SPAN) for _ in range(2))
    first.observe(windows)
    for one in windows[:200]:
        first.push(one.sample, counts=True)
    second.restore(first.snapshot())
    for one in windows[200:]:
        for each in (first, second):
            each.push(one.sample, counts=True)
    recent = np.array([one.sample for one in windows[-70:]], np.float64)
    np.testing.assert_array_equal(first.against(recent), second.against(recent))
    assert len(first.snapshot()["beats"]) == SPAN / RR
    assert first.snapshot()["waiting"] == []
