"""Shapes of ventricular beats: which are one, which are two, and what is not known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import BeatWindow, Label, LabelledBeat
from monitor.forms import Forms
from monitor.likeness import Likeness
from monitor.window import WindowSpec

SPEC = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=0, features=())
TIME = np.arange(-SPEC.n_pre, SPEC.n_post + 1) / SPEC.fs


def hump(*waves: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return a beat of Gaussians (time s, width s, height), the same in both leads but for its sign."""
    shape = sum(height * np.exp(-0.5 * ((TIME - at) / width) ** 2) for at, width, height in waves)
    return np.stack([shape, -0.5 * np.asarray(shape)], axis=1)


ONE = hump((0.0, 0.03, 1.0), (0.09, 0.03, -0.5))
OTHER = hump((-0.05, 0.02, -0.6), (0.02, 0.03, 0.4), (0.08, 0.03, 0.9))


def numbers(
    shapes: list[NDArray[np.float64]], label: Label = "V", spec: WindowSpec = SPEC
) -> list[int | None]:
    """Return the number of each beat's shape."""
    likeness = Likeness(spec)
    forms = Forms(likeness)
    found = []
    for i, shape in enumerate(shapes):
        window = shape.astype(np.float32)
        likeness.observe([BeatWindow(i, i, True, window, np.zeros(0, np.float32))])
        restored = Forms(likeness)
        restored.restore(forms.snapshot())
        found.append(restored.of(LabelledBeat(sample=i, decided=i, label=label)))
        forms = restored
    return found


def test_beats_of_one_shape_have_one_number() -> None:
    """Whatever their size, a little noise or a small shift; over a restart too."""
    rng = np.random.default_rng(0)
    noisy = ONE + rng.normal(0, 0.05, ONE.shape)
    assert [1, 1, 1, 1] == numbers([ONE, 2.5 * ONE, noisy, np.roll(ONE, 2, axis=0)])


def test_another_shape_has_another_number_and_the_first_keeps_its_own() -> None:
    """Two places in the heart, in turn."""
    assert [1, 2, 1, 2, 1] == numbers([ONE, OTHER, ONE, OTHER, ONE])


@pytest.mark.parametrize("label", ["N", "S", "F", "Q"])
def test_only_ventricular_beats_have_a_number(label: Label) -> None:
    """The patient's own shape is no form of PVC."""
    assert [None, None] == numbers([ONE, OTHER], label)


def test_a_beat_without_signal_or_window_has_no_number() -> None:
    """Unknown is not another shape."""
    assert [1, None, 1] == numbers([ONE, np.zeros_like(ONE), ONE])
    assert Forms(Likeness(SPEC)).of(LabelledBeat(sample=1, decided=1, label="V")) is None


def test_a_window_that_ends_at_once_tells_no_shape() -> None:
    """A card may ask for next to nothing of a beat."""
    short = WindowSpec(fs=120.0, n_pre=2, n_post=4, n_leads=2, shapes=0, features=(), scaling="unit")
    assert [None] == numbers([ONE[:7]], spec=short)
