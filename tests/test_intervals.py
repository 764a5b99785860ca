"""RR features: each means what its name says."""

import numpy as np
import pytest

from monitor import intervals, shape_features
from monitor.intervals import N_RHYTHM, rhythm_kernel
from monitor.window import INTERVALS, SHAPES


def told(rr_s: list[float]) -> dict[str, np.ndarray]:
    """Return each feature over a series of RR."""
    rhythm = np.zeros(N_RHYTHM)
    rows = []
    for rr in rr_s:
        features = np.zeros(len(INTERVALS))
        rhythm_kernel(rr, rhythm, features)
        rows.append(features)
    return dict(zip(INTERVALS, np.array(rows).T, strict=True))


@pytest.mark.parametrize(
    ("module", "prefix", "names"), [(intervals, "_", INTERVALS), (shape_features, "", SHAPES)]
)
def test_kernels_write_the_features_that_the_card_names(
    module: object, prefix: str, names: tuple[str, ...]
) -> None:
    """Law 6: a card asks by name, a kernel writes by place."""
    short = {"correlation_best": "BEST", "correlation_worst": "WORST"}
    for place, name in enumerate(names):
        assert place == getattr(module, prefix + short.get(name, name.upper()))


def test_an_early_beat_is_early_against_every_memory() -> None:
    """After a steady rhythm, ratios are logarithms of this RR over it."""
    features = told([0.8] * 200 + [0.5])
    for name in ("mean", "previous", "median", "long_mean", "mode", "slow"):
        assert np.log(0.5 / 0.8) == pytest.approx(features[f"rr_to_{name}"][-1], abs=0.01)
    assert -1 == features["rank"][-1]
    assert np.log(0.5 / 0.8) == pytest.approx(features["run_ratio"][-1])


def test_long_memories_show_early_beats_where_most_come_early() -> None:
    """Seven early beats and a pause, over and over: a median hides them, a mean and a slow RR do not."""
    features = told([*([0.6] * 7), 2.0] * 40)
    assert abs(features["rr_to_median"][-2]) < 0.01
    assert features["rr_to_mean"][-2] < -0.2
    assert features["rr_to_long_mean"][-2] < -0.2


def test_alike_rr_tell_ectopy_from_fibrillation() -> None:
    """Where every fifth beat is early most RR are alike; where none has a pattern few are."""
    rng = np.random.default_rng(0)
    ectopic = told([*([0.8] * 4), 0.5] * 40)
    fibrillating = told((0.8 * rng.gamma(12, 1 / 12, 200)).tolist())
    assert ectopic["mode_share"][-1] > 0.2 > fibrillating["mode_share"][50:].mean()
    assert ectopic["irregularity"][-1] < 0.6 < fibrillating["irregularity"][50:].mean()


def test_a_run_is_remembered_until_it_ends() -> None:
    """A sudden tachycardia stays early against the rhythm before it, however long it lasts."""
    features = told([0.8] * 50 + [0.4] * 60 + [0.8])
    assert features["run_ratio"][109] < np.log(0.6)
    assert abs(features["rr_to_mean"][109]) < 0.01
    assert 0 == features["run_length"][110]


def test_an_unknown_rr_tells_nothing() -> None:
    """The first beat after a start has no RR: all but experience is 0, and the memory stays."""
    features = told([0.8] * 10 + [0.0, 0.8])
    assert {0.0} == {features[name][10] for name in INTERVALS if name != "experience"}
    assert 0 == pytest.approx(features["rr_to_mean"][11])
