"""Real beats in other rhythms: what is laid down, where, and what it is called."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.retime import RHYTHMS, retimed
from monitor.events import CLASSES
from tests.test_models import FS, recording

N, S, V = (CLASSES.index(name) for name in "NSV")


@pytest.mark.parametrize("seed", range(3))
def test_beats_lie_where_they_are_said_to(seed: int) -> None:
    """The reference of a made-up rhythm is exact: a QRS complex at each R, none elsewhere."""
    made = retimed(recording("a"), np.random.default_rng(seed))
    assert len(made.peaks) == len(made.labels) > 30
    assert made.peaks[-1] < len(made.signal) == len(made.flutter)
    assert np.diff(made.peaks).min() >= round(0.28 * FS) - 1
    high = np.flatnonzero(made.signal[:, 0] > 0.8)
    nearest = np.abs(high[:, np.newaxis] - made.peaks).min(axis=1)
    assert nearest.max() < 0.1 * FS
    reached = [made.signal[r - 5 : r + 6, 0].max() for r in made.peaks]
    assert min(reached) > 0.6


def test_every_ventricular_beat_stays_one_and_no_other_becomes_one() -> None:
    """The shape says V whatever the rhythm; beats left at the end are not laid down."""
    patient = recording("a")
    made = retimed(patient, np.random.default_rng(0))
    size = [np.abs(made.signal[r - 12 : r + 13, 0]).sum() for r in made.peaks]
    wide = np.array(size) > np.median(size) * 2
    assert_array_equal(wide, made.labels == V)
    assert 0 < (made.labels == V).sum() <= (patient.labels == V).sum()


def test_one_seed_makes_one_rhythm() -> None:
    """A copy is a pure function of its seed."""
    one, again, other = (retimed(recording("a"), np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert_array_equal(one.signal, again.signal)
    assert not np.array_equal(one.peaks[:20], other.peaks[:20])


def _laid(rhythm: str, n: int = 400) -> list[tuple[float, float, int]]:
    rng = np.random.default_rng(1)
    beats = RHYTHMS[rhythm](rng)
    return [beat for _ in range(n) for beat in beats(rng, 0.8, False)]


def test_fibrillation_has_no_p_wave_no_pattern_and_no_s() -> None:
    """In atrial fibrillation a beat that comes early is an N."""
    rr, p, labels = map(np.array, zip(*_laid("fibrillating"), strict=True))
    assert not p.any()
    assert {N} == set(labels.tolist())
    assert rr.std() / rr.mean() > 0.2
    assert abs(np.corrcoef(rr[1:], rr[:-1])[0, 1]) < 0.15


@pytest.mark.parametrize("rhythm", ["ectopic", "bigeminal", "sick"])
def test_early_beats_are_s_and_the_others_n(rhythm: str) -> None:
    """What is labelled S comes early, what is labelled N does not; in a sick sinus most are S."""
    rr, _, labels = map(np.array, zip(*_laid(rhythm), strict=True))
    assert rr[labels == S].max() < 0.8 < rr[labels == N].max()
    assert rr[labels == N].min() > 0.7
    assert ((labels == S).mean() > 0.5) == (rhythm == "sick")
