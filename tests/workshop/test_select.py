"""Points by information gain: which are chosen, from what."""

import numpy as np
import pytest

from models.workshop.select import best, gains, parse
from monitor.errors import SettingsError


def test_a_point_that_tells_the_class_gains_most() -> None:
    """Oracle: one point is the class and noise, the others noise alone; ln 2 is all there is to know."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=400)
    x = rng.normal(size=(400, 12, 1)).astype(np.float32)
    x[:, 7, 0] += 20 * y
    gain = gains(x, y, seed=1)
    assert gain.shape == (12,)
    assert best(gain, 1).columns == [7]
    assert abs(gain[7] - np.log(2)) < 0.05
    assert np.delete(gain, 7).max() < 0.1
    np.testing.assert_array_equal(gain, gains(x, y, seed=1))


def test_rare_classes_survive_thinning() -> None:
    """20,000 beats are too many, thirty of a class are not."""
    rng = np.random.default_rng(0)
    y = np.zeros(20_000, np.int64)
    y[:30] = 1
    x = rng.normal(size=(len(y), 2, 1)).astype(np.float32)
    x[:30, 1] += 20
    assert gains(x, y, seed=1)[1] > 5 * gains(x, y, seed=1)[0]


@pytest.mark.parametrize("text", ["60", "ig:", "ig:0", "ig:188", "chi2:60", "ig:-1"])
def test_a_selection_that_cannot_be_is_refused(text: str) -> None:
    """Expected and received."""
    with pytest.raises(SettingsError, match=f"expected ig:K with K from 1 to 187, received '{text}'"):
        parse(text, 187)


def test_no_selection_is_all_points() -> None:
    """The empty text asks for nothing."""
    assert parse("", 187) is None
