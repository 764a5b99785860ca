"""The cut: one window per beat, the same for any partition, from the past alone."""

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from monitor.beats import BeatCutter, WindowSpec
from monitor.events import Beat, BeatWindow
from monitor.filters import monitor_band
from monitor.settings import FilterSettings
from monitor.window import FEATURES, NEXT_FEATURES

FS = 250.0
SPEC = WindowSpec(fs=128.0, n_pre=49, n_post=46, n_leads=2, shapes=2, features=FEATURES)
DELAY = 3


def patient(n_beats: int, *, fs: float = FS, n_leads: int = 2) -> tuple[NDArray[np.float64], list[Beat]]:
    """Return a wave of bumps, every seventh early and wide, and its beats, decided up to 1.2 s late."""
    rng = np.random.default_rng(3)
    seconds = np.cumsum(rng.uniform(0.75, 0.85, n_beats) - 0.3 * (np.arange(n_beats) % 7 == 6))
    peaks = np.rint(seconds * fs).astype(int)
    time = np.arange(peaks[-1] + round(2 * fs)) / fs
    wave = 0.01 * rng.normal(size=(len(time), n_leads))
    for k, peak in enumerate(peaks):
        width = 0.04 if k % 7 == 6 else 0.012
        bump = np.exp(-0.5 * ((time - peak / fs - DELAY / fs) / width) ** 2)
        wave += bump[:, np.newaxis] * np.linspace(1, -0.7, n_leads)
    late = np.maximum.accumulate(
        peaks + np.where(np.arange(n_beats) % 5 == 0, 1.2 * fs, 0.1 * fs).astype(int)
    )
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(d), rr=r) for p, d, r in zip(peaks, late, rr, strict=True)]
    return wave, beats


def cutter(spec: WindowSpec = SPEC, *, n_leads: int = 2, fs: float = FS) -> BeatCutter:
    return BeatCutter(spec, fs=fs, n_leads=n_leads, wave_delay=DELAY)


def feed(
    stage: BeatCutter, wave: NDArray[np.float64], beats: list[Beat], sizes: list[int], *, first: int = 0
) -> list[BeatWindow]:
    """Push everything in blocks of the given sizes, over and over; do not flush."""
    windows, start, turn = [], first, 0
    while start < len(wave):
        stop = min(start + sizes[turn % len(sizes)], len(wave))
        windows += stage.push(wave[start:stop], [beat for beat in beats if start <= beat.decided < stop])
        start, turn = stop, turn + 1
    return windows


def kind(windows: list[BeatWindow], *, provisional: bool) -> list[BeatWindow]:
    """Return the windows of one kind."""
    return [window for window in windows if window.provisional == provisional]


def assert_same(expected: list[BeatWindow], actual: list[BeatWindow]) -> None:
    keys = [[(w.sample, w.decided, w.provisional) for w in windows] for windows in (expected, actual)]
    assert keys[0] == keys[1]
    for one, other in zip(expected, actual, strict=True):
        assert_array_equal(one.window, other.window)
        assert_array_equal(one.features, other.features)


@pytest.mark.parametrize("sizes", [[1], [7], [36], [360], [0, 1, 500, 0, 3]])
def test_any_partition_gives_identical_windows(sizes: list[int]) -> None:
    """Law 1: bit for bit, samples, decisions, windows and features."""
    wave, beats = patient(40)
    whole = cutter()
    expected = feed(whole, wave, beats, [len(wave)]) + whole.flush()
    parts = cutter()
    actual = feed(parts, wave, beats, sizes) + parts.flush()
    assert len(expected) == 2 * len(beats)
    assert_same(expected, actual)


def test_restored_cutter_goes_on_as_if_nothing_had_happened() -> None:
    """A bed is moved in mid-record without a trace."""
    wave, beats = patient(40)
    middle = beats[20].sample + round(0.7 * FS)  # cut, and not yet confirmed
    whole = cutter()
    expected = feed(whole, wave, beats, [100])
    first = cutter()
    actual = feed(first, wave[:middle], beats, [middle])
    second = cutter()
    second.restore(first.snapshot())
    first.reset(0)
    actual += feed(second, wave, beats, [50], first=middle)
    assert_same(expected, actual)


def test_later_signal_changes_nothing() -> None:
    """Law 2: a window and its features come from what was received by ``decided``, nothing later."""
    wave, beats = patient(30)
    expected = feed(cutter(), wave, beats, [64])
    for window in expected[::7]:
        known = window.decided + 1
        until = [beat for beat in beats if beat.decided < known]
        stage = cutter()
        actual = feed(stage, wave[:known], until, [64])
        assert_same(expected[: len(actual)], actual)
        assert (window.sample, window.provisional) in [(w.sample, w.provisional) for w in actual]


def test_decided_is_the_end_of_the_window_or_the_late_decision() -> None:
    """Law 2: ``decided`` is the first sample at which the window could be known."""
    wave, beats = patient(20)
    stage = cutter()
    windows = kind(feed(stage, wave, beats, [10]), provisional=True)
    expected = [max(beat.sample + stage.post, beat.decided) for beat in beats[: len(windows)]]
    assert expected == [window.decided for window in windows]
    assert stage.post <= round(0.5 * FS)


def test_a_beat_is_confirmed_by_the_next_or_after_a_while() -> None:
    """Law 2: max(end of window, min(next beat's decision, R + 1.5 s)); what is known then is told."""
    peaks = [300, 500, 620, 1200, 1390, 1480, 1600]
    decided = [330, 530, 650, 1800, 1800, 1870, 1890]  # from the fourth on by search-back
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=p, decided=d, rr=r) for p, d, r in zip(peaks, decided, rr, strict=True)]
    wave = np.random.default_rng(0).normal(size=(2600, 2))
    windows = feed(cutter(), wave, beats, [1])
    confirmed = kind(windows, provisional=False)
    assert [530, 650, 995, 1800, 1800, 1870, 1975] == [w.decided for w in confirmed]
    told = [dict(zip(FEATURES, w.features.tolist(), strict=True)) for w in confirmed]
    assert [1, 1, 0.5, 1, 0.5, 0.5, 0.5] == [one["next_known"] for one in told]
    after = [200, 120, 375, 190, 410, 390, 375]
    ratios = [0.0 if b.rr is None else np.log(n / b.rr) for b, n in zip(beats, after, strict=True)]
    np.testing.assert_allclose(ratios, [one["next_to_rr"] for one in told], atol=1e-6)
    for one, first in zip(told[2:], kind(windows, provisional=True)[2:], strict=True):
        before = dict(zip(FEATURES, first.features.tolist(), strict=True))
        assert {0.0} == {before[name] for name in NEXT_FEATURES}
        for mean in ("mean", "long_mean"):
            expected = one["next_to_rr"] + before[f"rr_to_{mean}"]
            assert expected == pytest.approx(one[f"next_to_{mean}"], abs=1e-6)


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
    following = [*decided[1:].tolist(), len(wave)]
    expected = np.maximum(ends, np.minimum(following, peaks + round(1.5 * FS)))
    assert list(zip(peaks, expected, strict=True)) == [(w.sample, w.decided) for w in last]
    known = np.where(following <= expected, 1.0, 0.5)
    assert known.tolist() == [window.features[FEATURES.index("next_known")] for window in last]


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


def test_flush_completes_by_holding_the_last_value() -> None:
    """The end of a stream is decided by its last sample; no beat is lost."""
    wave, beats = patient(5)
    cut_short = wave[: beats[-1].sample + 20]
    stage = cutter()
    windows = feed(stage, cut_short, [b for b in beats if b.decided < len(cut_short)], [36])
    late = [b for b in beats if b.decided >= len(cut_short)]
    at_end = [Beat(sample=b.sample, decided=len(cut_short) - 1, rr=b.rr) for b in late]
    windows += stage.flush(at_end)
    for provisional in (True, False):
        told = kind(windows, provisional=provisional)
        assert [beat.sample for beat in beats] == [window.sample for window in told]
    assert_array_equal(windows[-2].features, windows[-1].features)  # of the next beat nothing is known
    assert len(cut_short) - 1 == windows[-1].decided
    assert np.ptp(windows[-1].window[-20:, 0]) == 0


def test_gain_of_the_signal_changes_nothing() -> None:
    """The window's unit is the patient's own QRS height."""
    wave, beats = patient(20)
    for one, other in zip(
        feed(cutter(), wave, beats, [500]), feed(cutter(), 3.7 * wave, beats, [500]), strict=True
    ):
        np.testing.assert_allclose(one.window, other.window, atol=1e-5)
        np.testing.assert_allclose(one.features, other.features, atol=1e-5)


@pytest.mark.parametrize("fs", [100.0, 128.0, 360.0, 1000.0])
def test_windows_of_any_rate_look_alike(fs: float) -> None:
    """One network serves all sampling rates: the window shows the same shape at each."""
    wave, beats = patient(20, fs=1000.0)
    step = round(1000 / fs)
    slow, few = patient(20, fs=fs)
    reference = feed(cutter(fs=1000.0), wave, beats, [4000])
    windows = feed(cutter(fs=fs), slow, few, [4000])
    assert step >= 1
    for one, other in zip(reference[3:15], windows[3:15], strict=True):
        assert np.corrcoef(one.window[:, 0], other.window[:, 0])[0, 1] > 0.97


def test_a_missing_lead_is_all_zeros() -> None:
    """What the card says of missing leads."""
    wave, beats = patient(10, n_leads=1)
    windows = feed(cutter(n_leads=1), wave, beats, [100])
    assert SPEC.n_channels == windows[0].window.shape[1]
    for window in windows:
        assert not window.window[:, [1, 3]].any()
        assert window.window[:, [0, 2]].any()


def test_further_leads_are_ignored() -> None:
    """A feed of twelve leads is cut like its first two."""
    wave, beats = patient(10)
    many = np.concatenate([wave, np.random.default_rng(0).normal(size=(len(wave), 10))], axis=1)
    assert_same(feed(cutter(), wave, beats, [99]), feed(cutter(n_leads=12), many, beats, [99]))


def test_features_tell_an_early_wide_beat() -> None:
    """RR and shape features mean what their names say."""
    wave, beats = patient(28)
    stage = cutter()
    windows = kind(feed(stage, wave, beats, [1000]) + stage.flush(), provisional=True)
    told = {name: np.array([w.features[k] for w in windows]) for k, name in enumerate(FEATURES)}
    odd = np.arange(28) % 7 == 6
    assert told["rr_to_mean"][odd].max() < -0.3 < told["rr_to_mean"][~odd][1:].min()
    assert told["width"][odd][1:].min() > 0.3 > np.abs(told["width"][~odd]).max()
    assert told["cluster_prematurity"][odd][1:].max() < -0.2
    assert told["cluster_pause"][odd][-1] > told["cluster_pause"][~odd][-1]


def test_a_beat_decided_too_late_is_the_callers_mistake() -> None:
    """What no longer lies in the history is refused rather than cut wrongly."""
    wave, _ = patient(5)
    with pytest.raises(ValueError, match="expected to be decided within"):
        cutter().push(wave, [Beat(sample=0, decided=round(5 * FS), rr=None)])


def test_a_wave_of_other_leads_is_refused() -> None:
    """Leads that change in mid-stream never reach the kernels."""
    with pytest.raises(ValueError, match="expected 2 leads"):
        cutter().push(np.zeros((10, 3)), [])


@pytest.mark.parametrize(
    "changed", [{"features": ("rr", "age")}, {"fs": 0.0}, {"n_leads": 0}, {"n_pre": 3}, {"n_post": 3}]
)
def test_an_impossible_window_is_refused(changed: dict[str, object]) -> None:
    """A card cannot ask for what cannot be cut."""
    with pytest.raises(ValueError, match=r"expected"):
        msgspec.convert({**msgspec.to_builtins(SPEC), **changed}, WindowSpec)


def test_a_real_record_is_cut_the_same_in_any_partition(mitdb: object) -> None:
    """Law 1 on what a patient really sends: two minutes of 208 through the monitor band."""
    from monitor import records

    record = records.read("208", stop=43200)
    samples, symbols, _ = records.annotations("208")
    peaks = [int(s) for s, symbol in zip(samples, symbols, strict=True) if symbol in "NVF" and s < 43000]
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=p, decided=p + 90, rr=r) for p, r in zip(peaks, rr, strict=True)]
    cuts = []
    for sizes in ([43200], [36], [7, 0, 360]):
        band = monitor_band(FilterSettings(), fs=record.fs, n_leads=2)
        stage = BeatCutter(SPEC, fs=record.fs, n_leads=2, wave_delay=band.delay)
        cuts.append(feed(stage, band.push(record.samples()), beats, sizes) + stage.flush())
    assert_same(cuts[0], cuts[1])
    assert_same(cuts[0], cuts[2])


def test_r_on_another_deflection_of_one_shape_is_cut_alike() -> None:
    """A detector may take now this, now that peak of a biphasic complex for R: the window stays."""
    wave, beats = patient(20)
    swapped = [
        msgspec.structs.replace(beat, sample=beat.sample + (10 if k % 2 else -6))
        for k, beat in enumerate(beats)
    ]
    for one, other in zip(
        feed(cutter(), wave, beats, [99]), feed(cutter(), wave, swapped, [99]), strict=False
    ):
        if one.provisional and other.provisional:
            np.testing.assert_allclose(one.window, other.window, atol=0.2)


def test_a_run_of_other_beats_does_not_become_the_patients_own_shape() -> None:
    """Half a minute of ventricular rhythm is still compared with the beats before it."""
    rng = np.random.default_rng(0)
    n, fs = 160, FS
    wide = np.arange(n) >= 110
    peaks = np.rint(np.cumsum(np.full(n, 0.8)) * fs).astype(int)
    time = np.arange(peaks[-1] + round(2 * fs)) / fs
    wave = 0.005 * rng.normal(size=(len(time), 1))
    for peak, broad in zip(peaks, wide, strict=True):
        bump = np.exp(-0.5 * ((time - peak / fs) / (0.045 if broad else 0.012)) ** 2)
        wave[:, 0] += -bump if broad else bump
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(p) + 20, rr=r) for p, r in zip(peaks, rr, strict=True)]
    windows = kind(feed(cutter(n_leads=1), wave, beats, [500]), provisional=True)
    told = {name: np.array([w.features[k] for w in windows]) for k, name in enumerate(FEATURES)}
    odd = wide[: len(windows)]
    assert told["correlation"][odd].max() < 0.5 < 0.95 < told["correlation"][~odd][5:].min()
    assert told["width"][odd].min() > 0.3
    assert told["recent_correlation"][-1] > 0.95


def test_a_lead_that_is_not_good_is_left_out() -> None:
    """A beat found while a lead is wrecked is described as if that lead were not there."""
    wave, beats = patient(30)
    rails = wave.copy()
    rails[:, 1] = 5 * np.sign(np.sin(np.arange(len(wave)) / 37.0))
    alone = [msgspec.structs.replace(beat, leads=(0,)) for beat in beats]
    expected = feed(cutter(n_leads=1), np.ascontiguousarray(wave[:, :1]), beats, [50])
    windows = feed(cutter(), rails, alone, [50])
    assert len(expected) == len(windows) > 40
    for one, other in zip(expected, windows, strict=True):
        assert_array_equal(one.window, other.window)
        assert_array_equal(one.features, other.features)


def test_where_no_lead_is_good_all_are_shown() -> None:
    """There is nothing better to describe the beat by; what comes of its label is for others to say."""
    wave, beats = patient(10)
    none = [msgspec.structs.replace(beat, leads=()) for beat in beats]
    assert_same(feed(cutter(), wave, beats, [50]), feed(cutter(), wave, none, [50]))


def test_a_lead_that_comes_back_is_learned_again() -> None:
    """What was seen while it was away tells nothing of it, and the shapes known before stay known."""
    wave, beats = patient(60)
    some = [
        msgspec.structs.replace(beat, leads=(0,) if 20 <= k < 30 else (0, 1)) for k, beat in enumerate(beats)
    ]
    windows = kind(feed(cutter(), wave, some, [64]), provisional=True)
    place = FEATURES.index("correlation")
    usual = [w.features[place] for k, w in enumerate(windows) if k % 7 != 6 and k > 3]
    assert min(usual) > 0.95
    assert all(not w.window[:, [1, 3, 5]].any() for w in windows[20:30])
    assert all(w.window[:, [1, 3, 5]].any(axis=0).all() for w in windows[30:])
