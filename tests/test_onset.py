"""How a QRS complex begins and what leads up to it: each feature means what its name says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from monitor.measures import scale_kernel
from monitor.onset import initial_kernel, p_wave_kernel
from monitor.shape_features import describe_kernel
from monitor.window import SHAPES

FS = 128.0
N_PRE = 49
QRS = (N_PRE - 13, N_PRE + 20, 3)
BEGINNING = ("initial_correlation", "initial_residual", "upstroke", "upstroke_own", "duration")

Shape = NDArray[np.float64]


def complexes(*waves: tuple[float, float, float], n_points: int = 96) -> Shape:
    """Return a beat of two leads made of waves: (ms after R, width as a deviation in ms, height)."""
    ms = 1000 * (np.arange(n_points) - N_PRE) / FS
    beat = np.zeros((n_points, 2))
    for at, width, height in waves:
        beat += height * np.exp(-0.5 * ((ms - at) / width) ** 2)[:, np.newaxis] * (1.0, -0.6)
    return beat


OWN = complexes((-25, 8, -0.15), (0, 12, 1.0), (28, 9, -0.3))
BLOCKED = complexes((-25, 8, -0.15), (0, 12, 1.0), (70, 20, -0.8))
"""The patient's own beginning, and a late part as slow as behind a blocked bundle."""
VENTRICULAR = complexes((0, 45, -1.0), (70, 25, 0.5))


def told(beat: Shape, dominant: Shape, qrs: tuple[int, int, int] = QRS) -> dict[str, float]:
    """Return the features of a beat against a dominant shape."""
    features, scale = np.zeros(len(SHAPES)), np.empty(dominant.shape[1])
    scale_kernel(dominant, qrs, scale)
    describe_kernel(beat, dominant, qrs, scale, features)
    initial_kernel(beat, dominant, qrs, scale, features)
    return dict(zip(SHAPES, features.tolist(), strict=True))


@pytest.mark.parametrize("shape", [OWN, BLOCKED, VENTRICULAR, np.zeros((96, 2))])
def test_the_dominant_shape_begins_like_itself(shape: Shape) -> None:
    """All that compares is at its end: correlation 1 (of nothing 0), the least residual, ratios of 1."""
    own = told(shape, shape)
    expected = [1.0 if shape.any() else 0.0, np.log(0.01) / 2, 0.0, own["upstroke_own"], 0.0]
    assert_allclose([own[name] for name in BEGINNING], expected, atol=1e-6)


def test_a_beat_that_is_slow_only_later_begins_like_the_patients_own() -> None:
    """What tells aberrant conduction from a ventricular focus: the whole differs, the beginning does not."""
    blocked, ventricular = told(BLOCKED, OWN), told(VENTRICULAR, OWN)
    assert blocked["correlation"] < 0.8 < 0.95 < blocked["initial_correlation"]
    assert ventricular["initial_correlation"] < 0.5
    assert blocked["initial_residual"] < ventricular["initial_residual"] - 1
    assert min(blocked["duration"], ventricular["duration"]) > 0.3


def test_a_slow_upstroke_is_told_by_its_way_in_40_ms() -> None:
    """Vereckei's vi/vt: under 1 (log below 0) where the first 40 ms are slower than the last."""
    slow_end = complexes((0, 12, 1.0), (70, 25, -0.6), n_points=104)
    slow_start = np.ascontiguousarray(slow_end[::-1])
    forth, back = told(slow_end, slow_end), told(slow_start, slow_end)
    assert back["upstroke_own"] < -0.3 < 0.3 < forth["upstroke_own"]
    assert -forth["upstroke_own"] == pytest.approx(back["upstroke_own"], abs=1e-9)
    assert -2 * forth["upstroke_own"] == pytest.approx(back["upstroke"], abs=1e-9)
    assert 0 == pytest.approx(back["duration"], abs=1e-9)


@pytest.mark.parametrize("change", ["gain", "offset", "moved"])
def test_gain_baseline_and_place_of_the_record_change_nothing(change: str) -> None:
    """Invariances: the patient's own QRS height is the unit, the onset the place."""
    for beat in (BLOCKED, VENTRICULAR):
        expected = told(beat, OWN)
        if change == "gain":
            actual = told(5.0 * beat, 5.0 * OWN)
        elif change == "offset":
            actual = told(beat + 0.4, OWN + 0.4)
        else:
            actual = told(np.roll(beat, 2, axis=0), OWN)
        assert_allclose(
            [actual[name] for name in BEGINNING], [expected[name] for name in BEGINNING], atol=1e-2
        )


def test_beyond_a_short_window_its_last_value_holds() -> None:
    """A window that ends with the QRS is enough, wherever in it the complex begins."""
    qrs = (3, 36, 3)
    rise = np.repeat(np.linspace(0, 1, 39)[:, np.newaxis] ** 12, 2, axis=1)
    step = np.repeat((np.arange(39) == 2).astype(float)[:, np.newaxis], 2, axis=1)
    for beat in (rise, step, np.ascontiguousarray(rise[::-1])):
        held = np.concatenate([beat, np.repeat(beat[-1:], 10, axis=0)])
        expected = told(held, np.concatenate([rise, np.repeat(rise[-1:], 10, axis=0)]), qrs)
        assert expected == told(beat, rise, qrs)


def _with_p(beat: Shape, at_ms: float, height: float = 0.12) -> Shape:
    """Return the beat with a P wave at a time before R."""
    return beat + complexes((at_ms, 22, height))


def _p_wave(beat: Shape, late: Shape) -> dict[str, float]:
    features, scale = np.zeros(len(SHAPES)), np.empty(2)
    scale_kernel(late, QRS, scale)
    p_wave_kernel(beat, late, QRS, scale, features)
    return dict(zip(SHAPES, features.tolist(), strict=True))


def test_a_p_wave_is_found_at_its_distance_from_the_onset_however_slow_the_rest_is() -> None:
    """A block widens the QRS complex, by whose middle windows are cut; PR time stays."""
    late = _with_p(OWN, -160)
    assert _p_wave(late, late)["p_correlation"] == pytest.approx(1.0)
    assert _p_wave(late, late)["p_size"] == pytest.approx(0.0)
    for moved in range(-5, 3):
        blocked = np.roll(_with_p(BLOCKED, -160), moved, axis=0)
        assert _p_wave(blocked, late)["p_correlation"] > 0.95
    for absent in (BLOCKED, VENTRICULAR, np.zeros((96, 2))):
        assert _p_wave(absent, late)["p_correlation"] < 0.6
        assert _p_wave(absent, late)["p_size"] < -0.3
    assert _p_wave(_with_p(BLOCKED, -160, -0.12), late)["p_correlation"] < 0


def test_a_window_too_short_for_a_p_wave_tells_of_none() -> None:
    """No index leaves the window, whatever the card asks for."""
    qrs = (3, 30, 2)
    short = OWN[N_PRE - 13 : N_PRE + 24]
    features, scale = np.zeros(len(SHAPES)), np.empty(2)
    scale_kernel(short, qrs, scale)
    p_wave_kernel(np.ascontiguousarray(short), np.ascontiguousarray(short), qrs, scale, features)
    assert np.isfinite(features).all()
