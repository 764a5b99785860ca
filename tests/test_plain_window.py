"""Plain windows: the signal around R as published classifiers cut it, by the laws of every stage."""

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from monitor.beats import BeatCutter
from monitor.cutter import cutter_of
from monitor.errors import ArtifactError
from monitor.events import Beat, BeatWindow, Block, Event, LabelledBeat, Output
from monitor.excerpt import resampler
from monitor.pipeline import Pipeline
from monitor.plain_window import PlainCutter, plain_beat
from monitor.settings import ServingSettings, Settings
from monitor.window import WindowSpec
from tests import cutting
from tests.cutting import DELAY, FS, assert_same, feed, kind, patient

KACHUEE = WindowSpec(
    fs=125.0, n_pre=0, n_post=186, n_leads=2, shapes=0, features=(), scaling="unit", length_rr=1.2
)
AROUND = msgspec.structs.replace(KACHUEE, n_pre=93, n_post=93, scaling="millivolt", length_rr=None)
LONG = msgspec.structs.replace(KACHUEE, n_pre=100, n_post=500, length_rr=3.0)
SPECS = [KACHUEE, AROUND, LONG]


def cutter(spec: WindowSpec = KACHUEE, *, n_leads: int = 2, fs: float = FS) -> PlainCutter:
    return PlainCutter(spec, fs=fs, n_leads=n_leads, wave_delay=DELAY)


def batch(wave: NDArray[np.float64], beats: list[Beat], spec: WindowSpec) -> list[NDArray[np.float32]]:
    """Cut a whole record at once, by the formula: matrix products, and medians over all beats so far."""
    first, weights = resampler(spec, fs=FS)
    windows = []
    for k, beat in enumerate(beats):
        rows = np.clip(beat.sample + DELAY + first[:, np.newaxis] + np.arange(weights.shape[1]), 0, None)
        raw = np.einsum("kt,ktl->kl", weights, wave[np.minimum(rows, len(wave) - 1)])
        recent = [b.rr for b in beats[: k + 1] if b.rr and b.sample > beat.sample - 10 * FS]
        rr_s = float(np.median(recent)) / FS if recent else None
        windows.append(plain_beat(raw[:, : spec.n_leads], spec=spec, rr_s=rr_s))
    return windows


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("sizes", [[1], [7], [360], [0, 1, 500, 0, 3]])
def test_any_partition_gives_identical_windows(spec: WindowSpec, sizes: list[int]) -> None:
    """Law 1: bit for bit, samples, decisions and windows, empty blocks included."""
    wave, beats = patient(25)
    whole = cutter(spec)
    expected = feed(whole, wave, beats, [len(wave)]) + whole.flush()
    parts = cutter(spec)
    actual = feed(parts, wave, beats, sizes) + parts.flush()
    assert len(expected) == 2 * len(beats)
    assert_same(expected, actual)


@pytest.mark.parametrize("spec", SPECS)
def test_a_stream_is_cut_as_the_whole_record_at_once(spec: WindowSpec) -> None:
    """Law 6: training cuts whole records, serving cuts streams; both see the same beat."""
    wave, beats = patient(25)
    windows = kind(feed(cutter(spec), wave, beats, [50]), provisional=True)
    assert len(windows) >= 20
    for expected, window in zip(batch(wave, beats, spec), windows, strict=False):
        np.testing.assert_allclose(expected, window.window, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_restored_cutter_goes_on_as_if_nothing_had_happened(spec: WindowSpec) -> None:
    """A bed is moved in mid-record without a trace: pending beats, the wave and the RR go along."""
    wave, beats = patient(25)
    middle = beats[12].sample + round(0.7 * FS)
    expected = feed(cutter(spec), wave, beats, [100])
    first = cutter(spec)
    actual = feed(first, wave[:middle], beats, [middle])
    second = cutter(spec)
    second.restore(first.snapshot())
    first.reset(0)
    actual += feed(second, wave, beats, [50], first=middle)
    assert_same(expected, actual)


@pytest.mark.parametrize("spec", SPECS)
def test_later_signal_changes_nothing(spec: WindowSpec) -> None:
    """Law 2: a window comes from what was received by ``decided``, nothing later."""
    wave, beats = patient(20)
    expected = feed(cutter(spec), wave, beats, [64])
    for window in expected[::7]:
        known = window.decided + 1
        until = [beat for beat in beats if beat.decided < known]
        actual = feed(cutter(spec), wave[:known], until, [64])
        assert_same(expected[: len(actual)], actual)
        assert window.sample in [w.sample for w in actual]


def test_both_windows_leave_where_the_last_point_is_there() -> None:
    """Law 2: the delay is declared, 1.5 s here, and nothing of the next beat is waited for."""
    wave, beats = patient(20)
    stage = cutter()
    windows = feed(stage, wave, beats, [10])
    assert 186 / 125 * FS <= stage.post <= 186 / 125 * FS + DELAY + FS / 125
    expected = [max(beat.sample + stage.post, beat.decided) for beat in beats[: len(windows) // 2]]
    for provisional in (True, False):
        assert expected == [window.decided for window in kind(windows, provisional=provisional)]
    assert {(0,)} == {window.features.shape for window in windows}


def test_a_unit_window_goes_from_0_to_1_up_to_its_end_and_is_zero_after_it() -> None:
    """Kachuee et al. 2018: each lead by itself, ended 1.2 median RR after R."""
    wave, beats = patient(20)
    for window in feed(cutter(), wave, beats, [99])[4:]:
        kept = round(1.2 * 0.8 * 125)
        assert_array_equal(window.window.max(axis=0), [1.0, 1.0])
        assert_array_equal(window.window[:kept].min(axis=0), [0.0, 0.0])
        assert window.window[kept - 12 : kept - 6].any()
        assert not window.window[kept + 6 :].any()


@pytest.mark.parametrize(("rr_s", "last"), [(None, 120), (0.5, 75), (3.0, 186)])
def test_the_end_is_counted_in_median_rr_and_in_75_bpm_before_there_is_one(
    rr_s: float | None, last: int
) -> None:
    """The points up to ``length_rr`` median RR after R are kept, those later are zero."""
    window = plain_beat(1.0 + np.arange(187.0)[:, np.newaxis], spec=KACHUEE, rr_s=rr_s)
    assert last == np.flatnonzero(window[:, 0]).max()
    assert 1.0 == window[last, 0]


def test_the_median_is_that_of_the_last_ten_seconds() -> None:
    """A rhythm that has become slow moves the end within ten seconds, and not at once."""
    peaks = 100 + np.cumsum([0, *[125] * 20, *[250] * 20])
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(p) + 20, rr=r) for p, r in zip(peaks, rr, strict=True)]
    wave = np.random.default_rng(0).normal(size=(int(peaks[-1]) + 600, 2))
    windows = kind(feed(cutter(), wave, beats, [500]), provisional=True)
    ends = [int(np.flatnonzero(window.window.any(axis=1)).max()) for window in windows]
    assert [75] * 20 == ends[1:21]
    assert {75, 150} >= set(ends[21:30])
    assert [150] * 10 == ends[31:41]
    assert 75 == ends[23]


def test_a_millivolt_window_is_the_wave_itself() -> None:
    """As filtered: the gain of the signal is that of the window, and nothing is taken off it."""
    wave, beats = patient(10)
    spec = msgspec.structs.replace(AROUND, fs=FS)
    for window in feed(cutter(spec), wave, beats, [77]):
        at = window.sample + DELAY
        np.testing.assert_allclose(wave[at - 93 : at + 94], window.window, atol=1e-6)


def test_a_constant_lead_is_zeros() -> None:
    """A lead that is off says nothing, whatever its offset and the last bits of the filter."""
    wave, beats = patient(10)
    wave[:, 1] = 0.3 + 1e-5 * np.sin(np.arange(len(wave)))
    for window in feed(cutter(), wave, beats, [100]):
        assert window.window[:, 0].any()
        assert not window.window[:, 1].any()


def test_a_lead_that_is_not_good_is_zeros_and_where_none_is_all_are_shown() -> None:
    """As `BeatCutter` has it."""
    wave, beats = patient(10)
    alone = [msgspec.structs.replace(beat, leads=(1,)) for beat in beats]
    for window in feed(cutter(), wave, alone, [100]):
        assert not window.window[:, 0].any()
        assert window.window[:, 1].any()
    none = [msgspec.structs.replace(beat, leads=()) for beat in beats]
    assert_same(feed(cutter(), wave, beats, [50]), feed(cutter(), wave, none, [50]))


def test_further_leads_are_ignored() -> None:
    """A feed of twelve leads is cut like its first two."""
    wave, beats = patient(10)
    many = np.concatenate([wave, np.random.default_rng(0).normal(size=(len(wave), 10))], axis=1)
    assert_same(feed(cutter(), wave, beats, [99]), feed(cutter(n_leads=12), many, beats, [99]))


@pytest.mark.parametrize("fs", [100.0, 128.0, 360.0, 1000.0])
def test_windows_of_any_rate_look_alike(fs: float) -> None:
    """One network serves all sampling rates."""
    spec = msgspec.structs.replace(KACHUEE, length_rr=None)
    reference = kind(feed(cutter(spec, fs=1000.0), *patient(12, fs=1000.0), [4000]), provisional=True)
    windows = kind(feed(cutter(spec, fs=fs), *patient(12, fs=fs), [4000]), provisional=True)
    for one, other in zip(reference[2:9], windows[2:9], strict=True):
        assert np.corrcoef(one.window[:, 0], other.window[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("sizes", [[36], [10_000]])
def test_flush_completes_by_holding_the_last_value(sizes: list[int]) -> None:
    """The end of a stream is decided by its last sample; no beat is lost."""
    wave, beats = patient(5)
    cut_short = wave[: beats[-1].sample + 20]
    stage = cutter(AROUND)
    windows = feed(stage, cut_short, beats[:-2], sizes)
    windows += stage.flush([msgspec.structs.replace(b, decided=len(cut_short) - 1) for b in beats[-2:]])
    for provisional in (True, False):
        assert [b.sample for b in beats] == [w.sample for w in kind(windows, provisional=provisional)]
    assert len(cut_short) - 1 == windows[-1].decided
    assert np.ptp(windows[-1].window[-20:, 0]) == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"shapes": 1}, "neither shapes nor features"),
        ({"features": ("rr",)}, "neither shapes nor features"),
        ({"n_pre": -1}, "0 to 4 s before and after R, received -1"),
        ({"n_post": 501}, "received 0 and 501 points"),
        ({"length_rr": 0.0}, "expected length_rr > 0, received 0"),
        ({"least_leads": 3}, "least_leads from 1 to the 2 leads it uses, received 3"),
        ({"scaling": "dominant"}, "before and"),
        ({"scaling": "dominant", "n_pre": 60}, "expected no length_rr with scaling dominant"),
        ({"scaling": "percent"}, "percent"),
    ],
)
def test_an_impossible_plain_window_is_refused(changed: dict[str, object], told: str) -> None:
    """A card cannot ask for what cannot be cut; the message says what was expected and received."""
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert({**msgspec.to_builtins(KACHUEE), **changed}, WindowSpec)


def test_the_spec_chooses_the_cutter() -> None:
    """One place decides, for the pipeline and for training."""
    arguments = {"fs": FS, "n_leads": 2, "wave_delay": DELAY}
    assert isinstance(cutter_of(KACHUEE, **arguments), PlainCutter)  # type: ignore[arg-type]
    assert isinstance(cutter_of(cutting.SPEC, **arguments), BeatCutter)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected scaling unit or millivolt, received dominant"):
        PlainCutter(cutting.SPEC, fs=FS, n_leads=2, wave_delay=DELAY)
    with pytest.raises(ValueError, match=r"expected 187 points .* received 5"):
        plain_beat(np.zeros((5, 1)), spec=KACHUEE, rr_s=None)


def test_a_feed_that_lacks_leads_is_refused_unless_the_model_does_without() -> None:
    """Zeros in the place of a lead are for networks that have learned them: their card says so."""
    wave, beats = patient(4, n_leads=1)
    with pytest.raises(ArtifactError, match="expected at least 2 leads, received 1"):
        Pipeline(Settings(), KACHUEE, fs=FS, leads=["II"])
    with pytest.raises(ArtifactError, match="expected at least 2 leads, received 1"):
        cutter_of(msgspec.structs.replace(cutting.SPEC, least_leads=2), fs=FS, n_leads=1, wave_delay=DELAY)
    spec = msgspec.structs.replace(KACHUEE, least_leads=1)
    stage = cutter_of(spec, fs=FS, n_leads=1, wave_delay=DELAY)
    windows = stage.push(wave, beats) + stage.flush()
    assert 2 * len(beats) == len(windows)
    assert all(w.window[:, 0].any() and not w.window[:, 1].any() for w in windows)


def heart() -> NDArray[np.float64]:
    """Return half a minute at 75 bpm, two leads, every seventh beat early."""
    rr_s = [0.8 if k % 7 else 0.55 for k in range(36)]
    time = np.arange(round(30 * FS)) / FS
    pulses = np.exp(-0.5 * ((time[:, np.newaxis] - np.cumsum([1.0, *rr_s])) / 0.012) ** 2).sum(axis=1)
    return np.stack([pulses, 0.5 * pulses], axis=1)


def pure(window: BeatWindow) -> list[float]:
    """Label a beat by a pure function of its window."""
    early = np.flatnonzero(window.window[60:90, 0] > 0.5).size > 0
    return [0.0, 0.0, 1.0, 0.0, 0.0] if early else [1.0, 0.0, 0.0, 0.0, 0.0]


def labels(size: int, *, late: bool) -> list[Event]:
    """Run the heart through a pipeline in blocks; answer each window at once or all at the end."""
    signal = heart()
    pipeline = Pipeline(Settings(), KACHUEE, fs=FS, leads=["a", "b"])
    events: list[Event] = []
    waiting: list[BeatWindow] = []

    def take(outputs: list[Output]) -> None:
        waiting.extend(output for output in outputs if isinstance(output, BeatWindow))
        while waiting and not late:
            window = waiting.pop(0)
            events.extend(pipeline.label(window.sample, pure(window), provisional=window.provisional))

    for at in range(0, len(signal), size):
        take(pipeline.push(Block(at, signal[at : at + size])))
    take(pipeline.flush())
    for window in reversed(waiting):
        events.extend(pipeline.label(window.sample, pure(window), provisional=window.provisional))
    return events


def test_labels_of_plain_windows_are_the_same_live_and_late() -> None:
    """Laws 1 and 2 through the pipeline: both labels of a beat, 1.5 s after R, whenever they come."""
    expected = labels(25, late=False)
    told = [event for event in expected if isinstance(event, LabelledBeat)]
    assert len(told) > 60
    assert {"N", "V"} == {beat.label for beat in told}
    assert all(beat.decided - beat.sample >= 1.48 * FS for beat in told[:-8])
    first, last = ([beat for beat in told if beat.provisional == p] for p in (True, False))
    assert [msgspec.structs.replace(beat, provisional=False) for beat in first] == last
    for size, late in ((len(heart()), True), (500, True), (360, False)):
        assert expected == sorted(labels(size, late=late), key=expected.index)


def test_a_label_is_not_overdue_while_its_window_is_not_complete() -> None:
    """The time that a label is waited for begins where the window ends, however far after R that is."""
    settings = Settings(serving=ServingSettings(label_timeout_s=0.5))
    pipeline = Pipeline(settings, KACHUEE, fs=FS, leads=["a", "b"])
    signal = heart()
    windows: dict[int, int] = {}
    for at in range(0, len(signal), 25):
        outputs = pipeline.push(Block(at, signal[at : at + 25]))
        windows |= {output.sample: output.decided for output in outputs if isinstance(output, BeatWindow)}
        for event in pipeline.give_up():
            assert isinstance(event, LabelledBeat)
            assert event.probabilities is None
            assert windows[event.sample] == event.decided < pipeline.index - 0.5 * FS
    assert len(windows) > 20
