"""The recurrent detector: the laws of every stage, its protocol, and what its run folder must be."""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from monitor.detect import Detection, Detector
from monitor.detect_lstm import LstmDetector, detector_for
from monitor.errors import ArtifactError
from monitor.events import Beat, Block
from monitor.pipeline import Pipeline
from monitor.settings import DetectorSettings, Settings
from monitor.weights import fitting
from monitor.weights_lstm import FILE, StandIn, read_stand_in, stand_in
from monitor.window import WindowSpec
from tests.standing_in import beating, peaky, random, write_run

FS = 250.0
SECONDS = 40.0
Samples = NDArray[np.float64]


def detector(
    network: StandIn | None = None, *, fs: float = FS, n_leads: int = 2, start: int = 0
) -> LstmDetector:
    return LstmDetector(DetectorSettings(), network or random(), fs=fs, n_leads=n_leads, start=start)


def feed(
    stage: LstmDetector, samples: Samples, sizes: Iterable[int], codes: NDArray[np.int8] | None = None
) -> list[Detection]:
    """Push samples in blocks of the given sizes, the last one cut short; then flush."""
    quality = np.zeros(samples.shape, np.int8) if codes is None else codes
    found: list[Detection] = []
    at = 0
    for size in sizes:
        found += stage.push(samples[at : at + size], quality[at : at + size])
        at += size
        if at >= len(samples):
            return found + stage.flush()
    raise AssertionError("the sizes do not cover the samples")


def whole(samples: Samples, network: StandIn | None = None, *, fs: float = FS) -> list[Detection]:
    return feed(detector(network, fs=fs, n_leads=samples.shape[1]), samples, [len(samples)])


@pytest.mark.parametrize("sizes", [[7], [36], [250], [0, 1, 0, 800, 13, 0, 255, 3]], ids=str)
def test_any_partition_gives_the_same_beats_to_the_bit(sizes: list[int]) -> None:
    """Law 1: chunk invariance, empty blocks included; confidences are compared too."""
    samples, _ = beating(SECONDS, fs=FS)
    expected = whole(samples)
    assert len(expected) > 20
    assert feed(detector(), samples, cycle(sizes)) == expected


def test_sample_by_sample_shows_the_network_the_same() -> None:
    """Law 1, at its extreme, of every step: what is shown and what is answered."""
    samples, _ = beating(4, fs=FS)
    codes = np.zeros(samples.shape, np.int8)
    expected = detector().examine(samples, codes).steps
    stage = detector()
    parts = [stage.examine(samples[k : k + 1], codes[k : k + 1]).steps for k in range(len(samples))]
    assert_array_equal(expected, np.concatenate(parts))


def test_a_beat_is_decided_when_it_says_so() -> None:
    """Law 2: fed up to ``decided`` the beat is out, fed one sample less it is not."""
    samples, _ = beating(SECONDS, fs=FS)
    codes = np.zeros(samples.shape, np.int8)
    for beat in whole(samples)[3:20:5]:
        stage = detector()
        assert beat not in stage.push(samples[: beat.decided], codes[: beat.decided])
        last = slice(beat.decided, beat.decided + 1)
        assert beat in stage.push(samples[last], codes[last])


@pytest.mark.parametrize("fs", [100.0, 128.0, 360.0, 1000.0])
def test_the_declared_delay_holds_and_beats_ascend(fs: float) -> None:
    """Law 2 for any weights: no beat is later than ``delay_max``, none within the refractory time."""
    samples, _ = beating(SECONDS, fs=fs)
    found = whole(samples, fs=fs)
    delays = [beat.decided - beat.sample for beat in found]
    assert min(delays) >= 0
    assert max(delays) <= detector(fs=fs).delay_max
    assert np.diff([beat.sample for beat in found]).min() >= round(0.2 * fs)


def test_snapshot_and_restore_change_nothing() -> None:
    """A bed can move in mid-record: its state is what the snapshot holds, and no more."""
    samples, _ = beating(SECONDS, fs=FS)
    codes = np.zeros(samples.shape, np.int8)
    first = detector()
    before = first.push(samples[:4000], codes[:4000])
    kept = first.snapshot()
    first.push(samples[4000:6000], codes[4000:6000])
    second = detector()
    second.restore(kept)
    assert whole(samples) == before + feed(second, samples[4000:], [len(samples)])


def test_after_a_reset_indices_start_where_told() -> None:
    """A gap too long to bridge: the pipeline resets, and absolute indices go on from there."""
    samples, _ = beating(SECONDS, fs=FS)
    stage = detector(start=5)
    feed(stage, samples, [len(samples)])
    stage.reset(10**9)
    moved = feed(stage, samples, [len(samples)])
    expected = [(beat.sample, beat.decided) for beat in whole(samples)]
    assert expected == [(beat.sample - 10**9, beat.decided - 10**9) for beat in moved]


@pytest.mark.parametrize("fs", [100.0, 125.0, 360.0, 1000.0])
def test_r_lies_where_it_is(fs: float) -> None:
    """The delays of filter and network are accounted for at any rate: R within 6 ms, none missed."""
    samples, peaks = beating(SECONDS, fs=fs)
    found = np.array([beat.sample for beat in whole(samples, peaky(), fs=fs)])
    after = peaks > 2 * fs
    nearest = np.abs(found[:, np.newaxis] - peaks[after]).min(axis=0)
    assert nearest.max() <= 0.006 * fs + 1
    assert len(found[found > 2 * fs - 5]) == after.sum()


def test_gain_and_offset_do_not_matter() -> None:
    """The scale is that of the signal's own past: only ratios decide."""
    samples, _ = beating(SECONDS, fs=FS)
    plain = [beat[:2] for beat in whole(samples, peaky())]
    assert plain == [beat[:2] for beat in whole(4.0 * samples, peaky())]
    assert plain == [beat[:2] for beat in whole(0.37 * samples + 2.5, peaky())]


def test_normality_is_read_where_the_beat_is() -> None:
    """The second question is answered about the beat that was found."""
    samples, peaks = beating(SECONDS, fs=FS)
    stage = detector(peaky())
    told = stage.examine(samples, np.zeros(samples.shape, np.int8))
    by_sample = dict(zip([beat.sample for beat in told.detections], told.abnormal, strict=True))
    known = [(k, by_sample[at]) for k, at in enumerate(peaks.tolist()) if at in by_sample and at > 2 * FS]
    assert len(known) > 20
    assert [k % 4 != 3 for k, _ in known] == [abnormal > 0.5 for _, abnormal in known]


def test_confidence_is_the_calibrated_belief() -> None:
    """What a classifier is told of a detection is on the scale that it was trained with."""
    samples, _ = beating(SECONDS, fs=FS)
    raw = whole(samples, random()._replace(belief=(1.0, 0.0)))
    told = whole(samples, random()._replace(belief=(2.0, -1.0)))
    odds = np.array([beat.confidence / (1 - beat.confidence) for beat in raw])
    expected = 1 / (1 + np.exp(1.0) / odds**2)
    np.testing.assert_allclose([beat.confidence for beat in told], expected, rtol=1e-9)
    assert [beat[:2] for beat in raw] == [beat[:2] for beat in told]


def test_the_other_lead_is_used_while_the_first_is_off() -> None:
    """The first two usable leads are shown: a lead that is off is not."""
    samples, peaks = beating(SECONDS, fs=FS, n_leads=1)
    two = np.concatenate([np.zeros_like(samples), samples], axis=1)
    codes = np.zeros(two.shape, np.int8)
    codes[:, 0] = 2
    found = [beat.sample for beat in feed(detector(peaky()), two, [len(two)], codes)]
    assert found == [beat.sample for beat in whole(samples, peaky())]
    assert len(found) >= len(peaks) - 3


def test_without_a_usable_lead_there_are_no_beats() -> None:
    """While nothing can be analysed nothing is invented; afterwards the beats come back."""
    samples, peaks = beating(SECONDS, fs=FS)
    codes = np.zeros(samples.shape, np.int8)
    first, last = int(10 * FS), int(20 * FS)
    codes[first:last] = 2
    found = np.array([beat.sample for beat in feed(detector(peaky()), samples, [len(samples)], codes)])
    assert not np.any((found > first + FS / 3) & (found < last))
    assert np.sum(found > last + FS) == np.sum(peaks > last + FS)


def test_a_line_without_a_heart_has_no_beats() -> None:
    """Asystole: the scale remembers a minute, so noise a fiftieth of the beats is not blown up to beats."""
    samples, _ = beating(SECONDS, fs=FS)
    noise = 0.02 * np.random.default_rng(3).normal(size=(int(30 * FS), 2))
    found = whole(np.concatenate([samples, noise]), peaky())
    assert [beat for beat in found if beat.sample > len(samples)] == []


def test_flush_decides_no_later_than_the_end() -> None:
    """A beat shortly before the end is found, and nothing after it."""
    samples, peaks = beating(SECONDS, fs=FS)
    cut = samples[: peaks[-1] + round(0.1 * FS)]
    found = whole(cut, peaky())
    assert peaks[-1] == found[-1].sample
    assert found[-1].decided <= len(cut) - 1


def test_a_rate_out_of_range_is_refused() -> None:
    """A caller's mistake is a ValueError that says what was expected and what received."""
    with pytest.raises(ValueError, match=r"expected 100 to 1000 Hz, received 50"):
        detector(fs=50.0)


def test_settings_that_name_a_run_get_its_detector(tmp_path: Path) -> None:
    """``--detector RUN``: a finished run stands in for every record; without one ours is used."""
    run = write_run(tmp_path / "run", peaky())
    settings = fitting(DetectorSettings(weights=str(run)), "100")
    assert settings.weights == str(run)
    assert isinstance(detector_for(settings, fs=FS, n_leads=2), LstmDetector)
    assert isinstance(detector_for(DetectorSettings(), fs=FS, n_leads=2), Detector)
    read = stand_in(str(run))
    assert read is not None
    for expected, actual in zip(peaky().network, read.network, strict=True):
        assert_array_equal(expected, actual)


def test_the_pipeline_runs_on_it(tmp_path: Path) -> None:
    """The beats of the pipeline are those of the detector."""
    run = write_run(tmp_path / "run", peaky())
    samples, _ = beating(20, fs=FS)
    settings = Settings(detector=DetectorSettings(weights=str(run)))
    window = WindowSpec(fs=100.0, n_pre=20, n_post=20, n_leads=2, shapes=0, features=(), scaling="unit")
    pipeline = Pipeline(settings, window, fs=FS, leads=("a", "b"))
    out = [*pipeline.push(Block(0, samples)), *pipeline.flush()]
    beats = [(one.sample, one.decided) for one in out if isinstance(one, Beat)]
    assert beats == [(beat.sample, beat.decided) for beat in whole(samples, peaky())]


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (None, r"expected a finished one with a card\.json"),
        (b"{", r"expected a model card"),
        (b'{"sha256": "abc"}', r"expected a card that serves as detector, received one for beats"),
        (b'{"sha256": "other", "serves": "detector"}', r"expected the weights of other\.\.\., received"),
    ],
    ids=["none", "broken", "of beats", "of other weights"],
)
def test_a_run_that_is_not_a_finished_detector_is_refused(
    tmp_path: Path, card: bytes | None, said: str
) -> None:
    """Without its own card a folder is no detector: half written, of something else, or mixed up."""
    run = write_run(tmp_path / "run", peaky())
    (run / "card.json").unlink()
    if card is not None:
        (run / "card.json").write_bytes(card)
    with pytest.raises(ArtifactError, match=said):
        stand_in(str(run))


def test_a_run_without_a_detector_is_no_folder_of_folds(tmp_path: Path) -> None:
    """A run half written, or of a beat classifier, is told apart from a folder of verifier weights."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"with detector\.json, received one without"):
        fitting(DetectorSettings(weights=str(tmp_path)), "100")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Another version, arrays of other shapes or names, no number, no file: each says what was expected."""
    run = write_run(tmp_path / "run", peaky())
    good = msgspec.json.decode((run / FILE).read_bytes())
    layers = good["layers"]
    bad = {
        "expected a recurrent detector of version 1, received 9": {**good, "version": 9},
        "expected arrays of shapes": {**good, "layers": {**layers, "peak_b": [1.0, 2.0]}},
        "expected the arrays conv_w, conv_b": {**good, "layers": {"w0": [[1.0]]}},
        "a threshold between 0 and 1, received": {**good, "threshold": 2.0},
        "expected a recurrent detector, received": [1],
    }
    for said, content in bad.items():
        (run / FILE).write_bytes(msgspec.json.encode(content))
        with pytest.raises(ArtifactError, match=said):
            read_stand_in(run / FILE)
    with pytest.raises(ArtifactError, match="No such file"):
        read_stand_in(tmp_path / FILE)
    assert stand_in("") is None
    assert stand_in(str(tmp_path)) is None
