"""The window to confirm: what the next beat tells of a beat, and how long it is waited for."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import Beat
from monitor.window import FEATURES, NEXT_FEATURES
from tests.cutting import FS, SPEC, assert_same, cutter, features_of, feed, kind, patient


def slow_and_late() -> tuple[NDArray[np.float64], list[Beat]]:
    """Return beats that meet every way to be confirmed: close, far, late by search-back, at the limit."""
    stage = cutter()
    within = round(1.5 * FS) - stage.post
    peaks = [300, 500, 620, 1200, 1390, 1480, 1600, 1900, 2200, 2200 + within, 2200 + 2 * within + 1]
    decided = [330, 530, 650, 1800, 1800, 1870, 1890, 1930, 2290, peaks[9] + 30, peaks[10] + 30]
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=p, decided=d, rr=r) for p, d, r in zip(peaks, decided, rr, strict=True)]
    return np.random.default_rng(0).normal(size=(peaks[-1] + 500, 2)), beats


def test_a_beat_is_confirmed_by_the_next_ones_shape_by_its_rr_or_by_none() -> None:
    """Law 2: at the end of the next beat's window, or 1.5 s after R by what is known then."""
    wave, beats = slow_and_late()
    windows = feed(cutter(), wave, beats, [1])
    first, confirmed = (kind(windows, provisional=provisional) for provisional in (True, False))
    post, peaks = cutter().post, [beat.sample for beat in beats]
    ends = [500 + post, 620 + post, 995, 1800, 1800, 1870, 1975, 2275, 2575]
    assert [*ends, peaks[9] + 375, peaks[10] + 375] == [w.decided for w in confirmed]
    told = features_of(confirmed)
    assert [1.5, 1.5, 0.5, 1.5, 0.5, 0.5, 1, 0.5, 1.5, 1, 0.5] == [one["next_known"] for one in told]
    after = [200, 120, 375, 190, 410, 390, 300, 375, peaks[9] - 2200, peaks[10] - peaks[9], 375]
    ratios = [0.0 if b.rr is None else np.log(n / b.rr) for b, n in zip(beats, after, strict=True)]
    np.testing.assert_allclose(ratios, [one["next_to_rr"] for one in told], atol=1e-6)
    for one, before in list(zip(told, features_of(first), strict=True))[2:]:
        assert {0.0} == {before[name] for name in NEXT_FEATURES}
        for mean in ("mean", "long_mean"):
            expected = one["next_to_rr"] + before[f"rr_to_{mean}"]
            assert expected == pytest.approx(one[f"next_to_{mean}"], abs=1e-6)


def test_what_is_told_of_the_next_beat_is_what_it_tells_of_itself() -> None:
    """One description of a beat's shape, whoever asks; 0 where it did not come in time."""
    wave, beats = slow_and_late()
    windows = feed(cutter(), wave, beats, [50])
    own, told = (features_of(kind(windows, provisional=provisional)) for provisional in (True, False))
    same = ("correlation", "like_previous", "width", "after_correlation", "late_correlation")
    for one, following in zip(told, own[1:], strict=False):
        expected = [following[name] if one["next_known"] == 1.5 else 0.0 for name in same]
        assert expected == [one[name] for name in NEXT_FEATURES[4:]]
        assert one["next_known"] < 1.5 or all(expected)


def test_each_window_leaves_with_the_sample_that_decides_it() -> None:
    """Law 2: it is there once ``decided`` has been received, whatever decided it, and not before."""
    wave, beats = slow_and_late()
    expected = feed(cutter(), wave, beats, [len(wave)])
    assert 2 * len(beats) == len(expected)
    for window in expected:
        for known in (window.decided, window.decided + 1):
            heard = [beat for beat in beats if beat.decided < known]
            actual = feed(cutter(), wave[:known], heard, [200])
            assert_same([other for other in expected if other.decided < known], actual)


def test_a_cutter_moved_after_every_block_goes_on_as_if_nothing_had_happened() -> None:
    """Law 1 and snapshots in every state: waiting for a window, for a beat, for nothing."""
    wave, beats = slow_and_late()
    whole = cutter()
    expected = feed(whole, wave, beats, [len(wave)]) + whole.flush()
    stage, actual = cutter(), []
    for start in range(0, len(wave), 9):
        stop = min(start + 9, len(wave))
        actual += feed(stage, wave[:stop], beats, [9], first=start)
        moved = cutter()
        moved.restore(stage.snapshot())
        stage.reset(0)
        stage = moved
    assert_same(expected, actual + stage.flush())


@pytest.mark.parametrize("seed", range(4))
def test_of_any_rhythm_each_beat_is_confirmed_once_and_when_it_should_be(seed: int) -> None:
    """Laws 1 and 2, with RR from 0.2 to 3 s and beats decided up to 1.7 s late, in blocks of any size."""
    rng = np.random.default_rng(seed)
    peaks = 100 + np.cumsum(np.exp(rng.uniform(np.log(0.2), np.log(3.0), 60)) * FS).astype(int)
    decided = np.maximum.accumulate(peaks + (rng.uniform(0.05, 1.7, 60) ** 2 * 0.6 * FS).astype(int))
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(d), rr=r) for p, d, r in zip(peaks, decided, rr, strict=True)]
    wave = rng.normal(size=(decided[-1] + 1000, 1))
    windows = feed(cutter(n_leads=1), wave, beats, rng.integers(0, 300, 50).tolist())
    assert_same(feed(cutter(n_leads=1), wave, beats, [len(wave)]), windows)
    assert windows == sorted(windows, key=lambda window: window.decided)
    first, last = (kind(windows, provisional=provisional) for provisional in (True, False))
    ends = np.maximum(peaks + cutter(n_leads=1).post, decided)
    assert ends.tolist() == [window.decided for window in first]
    latest = np.maximum(ends, peaks + round(1.5 * FS))
    next_end, next_decided = (np.array([*column[1:], len(wave)]) for column in (ends, decided))
    expected = np.minimum(next_end, latest)
    assert list(zip(peaks, expected, strict=True)) == [(w.sample, w.decided) for w in last]
    known = np.where(next_end <= latest, 1.5, np.where(next_decided <= latest, 1.0, 0.5))
    assert known.tolist() == [window.features[FEATURES.index("next_known")] for window in last]
    assert {0.5, 1.0, 1.5} == set(known)


def test_without_a_feature_of_the_next_beat_nothing_waits_for_it() -> None:
    """Both windows leave together and are one."""
    wave, beats = patient(10)
    spec = msgspec.structs.replace(SPEC, features=("rr", "width"))
    windows = feed(cutter(spec), wave, beats, [7])
    assert 20 == len(windows)
    for first, second in zip(windows[::2], windows[1::2], strict=True):
        assert (first.sample, first.decided, True) == (second.sample, second.decided, first.provisional)
        assert first.window is second.window
        assert first.features is second.features
