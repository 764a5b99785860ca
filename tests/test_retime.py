"""Real beats in other rhythms: what is laid down, where, and what it is called."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.retime import RHYTHMS, Laid, retimed
from monitor.events import CLASSES
from tests.test_models import FS, recording

N, S, V, F = (CLASSES.index(name) for name in "NSVF")


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_beats_lie_where_they_are_said_to(seed: int, varied: bool) -> None:
    """The reference of a made-up rhythm is exact: a QRS complex at each R, none elsewhere."""
    made = retimed(recording("a"), np.random.default_rng(seed), varied=varied)
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
    n_ventricular = 0
    for seed in range(6):
        made = retimed(patient, np.random.default_rng(seed))
        size = [np.abs(made.signal[r - 12 : r + 13, 0]).sum() for r in made.peaks]
        wide = np.array(size) > np.median(size) * 2
        assert_array_equal(wide, made.labels == V)
        assert (made.labels == V).sum() <= (patient.labels == V).sum()
        n_ventricular += (made.labels == V).sum()
    assert n_ventricular > 0


def test_one_seed_makes_one_rhythm() -> None:
    """A copy is a pure function of its seed."""
    one, again, other = (retimed(recording("a"), np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert_array_equal(one.signal, again.signal)
    assert not np.array_equal(one.peaks[:20], other.peaks[:20])


def test_a_varied_copy_has_runs_of_ventricular_beats_and_no_others_become_ventricular() -> None:
    """Pairs, tachycardias and rhythms that stand in are drawn from the record's own ventricular beats."""
    patient = recording("a")
    longest = []
    for seed in range(6):
        made = retimed(patient, np.random.default_rng(seed), varied=True)
        runs = "".join("V" if label == V else "-" for label in made.labels.tolist()).split("-")
        longest.append(max(map(len, runs)))
        size = [np.abs(made.signal[r - 12 : r + 13, 0]).sum() for r in made.peaks]
        others = np.isin(made.labels, (N, S))
        assert np.min(np.array(size)[made.labels == V]) > 1.5 * np.median(np.array(size)[others])
    assert max(longest) >= 3


def _laid(rhythm: str, n: int = 400, *, varied: bool = False, seed: int = 1) -> list[Laid]:
    rng = np.random.default_rng(seed)
    beats = RHYTHMS[rhythm](rng, varied)
    return [beat for _ in range(n) for beat in beats(rng, 0.8, False)]


def test_only_early_beats_are_aberrated_and_often_only_in_varied_copies() -> None:
    """Aberration comes of prematurity (Ashman); it does not change what a beat is."""
    usual = [beat for seed in range(30) for beat in _laid("ectopic", 60, seed=seed)]
    varied = [beat for seed in range(30) for beat in _laid("ectopic", 60, varied=True, seed=seed)]
    assert {S} == {beat.label for beat in usual + varied if beat.way == "aberrant"}
    share = [np.mean([b.way == "aberrant" for b in beats if b.label == S]) for beats in (usual, varied)]
    assert 3 * share[0] < share[1]


def test_fibrillation_has_no_p_wave_no_pattern_and_no_s() -> None:
    """In atrial fibrillation a beat that comes early is an N."""
    rr, p, labels, _ = map(np.array, zip(*_laid("fibrillating"), strict=True))
    assert not p.any()
    assert {N} == set(labels.tolist())
    assert rr.std() / rr.mean() > 0.2
    assert abs(np.corrcoef(rr[1:], rr[:-1])[0, 1]) < 0.15


@pytest.mark.parametrize("rhythm", ["ectopic", "bigeminal", "sick"])
def test_early_beats_are_s_and_the_others_n(rhythm: str) -> None:
    """What is labelled S comes early, what is labelled N does not; in a sick sinus most are S."""
    rr, _, labels, _ = map(np.array, zip(*_laid(rhythm), strict=True))
    assert rr[labels == S].max() < 0.8 < rr[labels == N].max()
    assert rr[labels == N].min() > 0.7
    assert ((labels == S).mean() > 0.5) == (rhythm == "sick")


def test_varied_copies_alone_have_fusion_beats_and_these_come_on_time_with_their_p_waves() -> None:
    """A sinus wave was under way when the ventricular one met it; in fibrillation there is none."""
    patient = recording("a")
    usual, varied = (
        [retimed(patient, np.random.default_rng(seed), varied=varied) for seed in range(6)]
        for varied in (False, True)
    )
    assert not any((made.labels == F).any() for made in usual)
    assert sum((made.labels == F).sum() for made in varied) > 0
    fused = [beat for seed in range(5) for beat in _laid("sinus", varied=True, seed=seed) if beat.label == F]
    assert all(beat.p == 1.0 and 0.6 < beat.rr_s < 1.0 and beat.way == "fused" for beat in fused)
    assert 0.01 * 2000 < len(fused) < 0.1 * 2000
    assert F not in {beat.label for beat in _laid("fibrillating", varied=True)}
