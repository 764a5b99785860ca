"""The cut: one window per beat, the same for any partition, from the past alone."""

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monitor.beats import BeatCutter, WindowSpec
from monitor.events import Beat
from monitor.filters import monitor_band
from monitor.settings import FilterSettings
from monitor.window import CORRELATIONS, FEATURES
from tests.cutting import FS, SPEC, assert_same, cutter, features_of, feed, kind, patient


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


@pytest.mark.parametrize(("n_late", "known"), [(1, [1.5, 1.5, 1.5, 1.5, 0]), (2, [1.5, 1.5, 0.5, 1.5, 0])])
@pytest.mark.parametrize("sizes", [[36], [1], [10_000]])
def test_flush_completes_by_holding_the_last_value(n_late: int, known: list[float], sizes: list[int]) -> None:
    """The end of a stream is decided by its last sample; no beat is lost, and each confirms the last."""
    wave, beats = patient(5)
    cut_short = wave[: beats[-1].sample + 20]
    stage = cutter()
    windows = feed(stage, cut_short, beats[:-n_late], sizes)
    late = [msgspec.structs.replace(beat, decided=len(cut_short) - 1) for beat in beats[-n_late:]]
    windows += stage.flush(late)
    assert known == [told["next_known"] for told in features_of(kind(windows, provisional=False))]
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
    like = np.tanh(told["correlation"])
    assert like[odd].max() < 0.5 < 0.95 < like[~odd][5:].min()
    assert told["width"][odd].min() > 0.3
    assert np.tanh(told["recent_correlation"][-1]) > 0.95


@pytest.mark.parametrize("p_wave", [True, False])
def test_a_block_that_lasts_becomes_the_patients_own_shape_if_p_waves_lead_up_to_it(p_wave: bool) -> None:
    """A wide rhythm on time is conducted if P waves lead up to it, and may be ventricular without."""
    peaks = np.rint((1.0 + 0.8 * np.arange(400)) * FS).astype(int)
    blocked = np.arange(400) >= 200
    time = np.arange(peaks[-1] + round(2 * FS)) / FS
    wave = 0.005 * np.random.default_rng(2).normal(size=(len(time), 2))
    for peak, slow in zip(peaks, blocked, strict=True):
        at = time - peak / FS
        near = np.abs(at) < 0.5
        bump = np.exp(-0.5 * (at[near] / 0.012) ** 2)
        if slow:
            bump -= 0.9 * np.exp(-0.5 * ((at[near] - 0.08) / 0.035) ** 2)
        if p_wave or not slow:
            bump += 0.12 * np.exp(-0.5 * ((at[near] + 0.16) / 0.02) ** 2)
        wave[near] += bump[:, np.newaxis] * (1.0, 0.7)
    beats = [Beat(sample=int(p), decided=int(p) + 30, rr=200) for p in peaks]
    rows = features_of(kind(feed(cutter(), wave, beats, [2000]), provisional=True))
    told = {name: np.tanh([row[name] for row in rows]) for name in ("correlation", "cluster_p")}
    assert told["correlation"][201:330].max() < 0.9
    assert (told["cluster_p"][230:330].min() > 0.8) == (told["cluster_p"][230:330].max() > 0.6) == p_wave
    assert (told["correlation"][-20:].min() > 0.95) == p_wave


def test_a_lead_that_is_not_good_is_left_out() -> None:
    """A beat found while a lead is wrecked is described as if that lead were not there, the feed as it is."""
    wave, beats = patient(30)
    rails = wave.copy()
    rails[:, 1] = 5 * np.sign(np.sin(np.arange(len(wave)) / 37.0))
    alone = [msgspec.structs.replace(beat, leads=(0,)) for beat in beats]
    expected = feed(cutter(n_leads=1), np.ascontiguousarray(wave[:, :1]), beats, [50])
    windows = feed(cutter(), rails, alone, [50])
    assert len(expected) == len(windows) > 40
    place = FEATURES.index("alone")
    for one, other in zip(expected, windows, strict=True):
        assert_array_equal(one.window, other.window)
        assert_array_equal(np.delete(one.features, place), np.delete(other.features, place))
        assert (1, 0) == (one.features[place], other.features[place])  # the feed has two all the same


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
    assert np.tanh(min(usual)) > 0.95
    assert all(not w.window[:, [1, 3, 5]].any() for w in windows[20:30])
    assert all(w.window[:, [1, 3, 5]].any(axis=0).all() for w in windows[30:])


def test_correlations_are_told_as_fishers_z() -> None:
    """Beats that are nearly the same stay apart: the last hundredths below 1 take up half of the scale."""
    wave, beats = patient(30)
    rows = features_of(feed(cutter(), wave, beats, [500]))
    told = np.array([[row[name] for name in CORRELATIONS] for row in rows])
    assert np.abs(told).max() == pytest.approx(np.arctanh(0.985))
    like = np.array([row["correlation"] for row in rows])
    assert like.max() - like.min() > 1.0
