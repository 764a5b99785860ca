"""Shapes of beats on their way to their labels: cut once, kept for as long as somebody may ask."""

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.likeness import SAME, Likeness
from tests.test_forms import ONE, OTHER, SPEC


def window(sample: int, shape: NDArray[np.float64]) -> BeatWindow:
    """Return a provisional window of a beat."""
    return BeatWindow(sample, sample, True, shape.astype(np.float32), np.zeros(0, np.float32))


def test_a_shape_is_known_until_it_is_let_go() -> None:
    """Both label lanes and the forms ask for one beat; those before it wait for nobody."""
    likeness = Likeness(SPEC)
    likeness.observe([window(10, ONE), window(20, OTHER), window(30, ONE)])
    for _ in range(3):
        assert likeness.shape(20) is not None
    likeness.forget(20)
    assert [False, False, True] == [likeness.shape(at) is not None for at in (10, 20, 30)]


def test_a_restored_one_knows_the_same_shapes() -> None:
    """Bit for bit, and apart from the one that it was copied from."""
    likeness, restored = Likeness(SPEC), Likeness(SPEC)
    likeness.observe([window(10, ONE), window(20, np.zeros_like(ONE))])
    restored.restore(likeness.snapshot())
    likeness.forget(10)
    cut = restored.shape(10)
    assert cut is not None
    assert restored.shape(20) is None
    assert 1.0 == pytest.approx(restored.of(cut, 2.0 * cut))
    restored.observe([window(30, OTHER)])
    other = restored.shape(30)
    assert other is not None
    assert restored.of(cut, other) < SAME
