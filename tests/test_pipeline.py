"""The pipeline as a whole: the laws that every stage obeys hold for all of them together."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor import records
from monitor.beats import FEATURES, WindowSpec
from monitor.events import (
    Alarm,
    Beat,
    BeatWindow,
    Block,
    Event,
    Gap,
    LabelKind,
    LabelledBeat,
    LeadQuality,
    Output,
    Rate,
    Rhythm,
    Wave,
    sort_key,
)
from monitor.pipeline import Pipeline
from monitor.rhythm import HeartRate
from monitor.settings import Settings

Samples = NDArray[np.float64]

FS = 360.0
KINDS: tuple[LabelKind, ...] = ("provisional", "confirmed")
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=2, features=FEATURES)


def made(n_leads: int = 2, *, start: int = 0) -> Pipeline:
    """Return a pipeline at 360 Hz."""
    return Pipeline(Settings(), WINDOW, fs=FS, leads=[f"lead {i}" for i in range(n_leads)], start=start)


def pure(window: BeatWindow) -> list[float]:
    """Label a beat by a pure function of its window: what law 1 is tested with."""
    total = float(np.abs(window.window).sum() + window.features.sum())
    scores = np.array([total % 1.0, total % 0.7, total % 0.5, total % 0.3, 0.1])
    return (scores / scores.sum()).tolist()  # type: ignore[no-any-return]


def answered(pipeline: Pipeline, window: BeatWindow) -> list[Event]:
    """Give the answer for a window."""
    return pipeline.label(window.sample, pure(window), provisional=window.provisional)


def key(window: BeatWindow) -> tuple[int, int, bool]:
    """Return what names a window, and where it was decided."""
    return (window.sample, window.decided, window.provisional)


class Told:
    """What a run said: fast lane, label lane and waveform."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.fast: list[Event] = []
        self.labelled: list[Event] = []
        self.waves: list[Samples] = []
        self.windows: list[BeatWindow] = []

    def take(self, outputs: Iterable[Output], *, label: bool = True) -> None:
        """Sort outputs by lane and label at once."""
        for output in outputs:
            if isinstance(output, Wave):
                self.waves.append(output.samples)
            elif isinstance(output, BeatWindow):
                self.windows.append(output)
                if label:
                    self.labelled += answered(self.pipeline, output)
            elif lane_of(output) is None:
                self.fast.append(output)
            else:  # an end that the label lane's own clock brought
                self.labelled.append(output)

    def lane(self, kind: LabelKind) -> list[Event]:
        """Return what one label lane said: its labels and what is derived from them."""
        return [event for event in self.labelled if lane_of(event) == kind]

    @property
    def wave(self) -> Samples:
        """The waveform in one piece."""
        return np.concatenate(self.waves)

    @property
    def events(self) -> list[Event]:
        """All events in the order of signal time."""
        return sorted(self.fast + self.labelled, key=sort_key)


def lane_of(event: Event) -> LabelKind | None:
    """Return which label lane an event comes from."""
    if isinstance(event, LabelledBeat):
        return "provisional" if event.provisional else "confirmed"
    return event.labels if isinstance(event, Rhythm | Alarm) else None


def run(samples: Samples, sizes: Iterable[int], pipeline: Pipeline | None = None) -> Told:
    """Push samples in blocks of these sizes, then flush."""
    pipeline = pipeline or made(samples.shape[1])
    told = Told(pipeline)
    at = 0
    for size in sizes:
        told.take(pipeline.push(Block(at, samples[at : at + size])))
        at = min(at + size, len(samples))
        if at == len(samples):
            break
    told.take(pipeline.flush())
    return told


def every(size: int, n: int) -> list[int]:
    """Return block sizes that cover ``n`` samples."""
    return [size] * (n // size + 1)


def ragged(n: int, seed: int) -> list[int]:
    """Return random block sizes, many of them empty, that cover ``n`` samples."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 400, n // 50)
    sizes[rng.random(len(sizes)) < 0.2] = 0
    return [*sizes.tolist(), n]


def assert_same(expected: Told, actual: Told) -> None:
    """Fail unless both runs said the same, bit for bit."""
    assert expected.fast == actual.fast
    for kind in KINDS:
        assert expected.lane(kind) == actual.lane(kind)
    assert expected.events == actual.events
    np.testing.assert_array_equal(expected.wave, actual.wave)
    assert [key(window) for window in expected.windows] == [key(window) for window in actual.windows]
    for a, b in zip(expected.windows, actual.windows, strict=True):
        np.testing.assert_array_equal(a.window, b.window)
        np.testing.assert_array_equal(a.features, b.features)


@pytest.fixture(scope="module")
def record_208(mitdb: Path) -> Samples:
    """Ten minutes of record 208, with stretches of missing samples, a dead lead, and noise in both."""
    samples = records.read("208", data=mitdb, stop=round(600 * FS)).samples()
    samples[20_000:20_050] = np.nan
    samples[60_000:64_000, 0] = np.nan
    samples[100_000:108_000] += np.random.default_rng(0).normal(0, 0.5, (8000, 2))
    return samples


@pytest.fixture(scope="module")
def whole(record_208: Samples) -> Told:
    """The run in one block."""
    return run(record_208, [len(record_208)])


@pytest.mark.parametrize("sizes", ["7", "36", "360", "ragged 1", "ragged 2"])
def test_any_partition_of_a_record_says_the_same(record_208: Samples, whole: Told, sizes: str) -> None:
    """Law 1: chunk invariance of the whole pipeline, bit for bit, empty blocks included."""
    n = len(record_208)
    parts = ragged(n, int(sizes.split()[1])) if sizes.startswith("ragged") else every(int(sizes), n)
    assert_same(whole, run(record_208, parts))


def test_two_minutes_sample_by_sample_say_the_same(record_208: Samples) -> None:
    """Law 1, at its finest."""
    samples = record_208[: round(120 * FS)]
    assert_same(run(samples, [len(samples)]), run(samples, every(1, len(samples))))


def test_the_record_has_beats_labels_rates_and_alarms(whole: Told) -> None:
    """The invariance tests above compare something, labels that change when confirmed included."""
    assert {type(event) for event in whole.events} >= {Beat, LabelledBeat, Rate, Alarm}
    first, last = (
        [event for event in whole.lane(kind) if isinstance(event, LabelledBeat)]
        for kind in ("provisional", "confirmed")
    )
    assert len(first) > 900
    assert [beat.sample for beat in first] == [beat.sample for beat in last]
    assert sum(a.label != b.label for a, b in zip(first, last, strict=True)) > 100


def test_a_beat_found_while_no_lead_is_good_is_n_or_q(whole: Told) -> None:
    """An honest Q beats a wrong V; the quality is that of the sample at which the beat was decided."""
    states = {0: "good", 1: "good"}
    doubtful = set()
    for event in whole.events:
        if isinstance(event, LeadQuality):
            states[event.lead] = event.state
        if isinstance(event, Beat) and "good" not in states.values():
            doubtful.add(event.sample)
    labels = {event.sample: event for event in whole.labelled if isinstance(event, LabelledBeat)}
    best = {sample: int(np.argmax(beat.probabilities or ())) for sample, beat in labels.items()}
    assert len(doubtful) > 10
    assert {"N", "Q"} == {labels[sample].label for sample in doubtful}
    assert any(0 < best[sample] < 4 for sample in doubtful)
    for sample, beat in labels.items():
        assert sample in doubtful or beat.label == "NSVFQ"[best[sample]]


@pytest.mark.parametrize("cut", [round(61.5 * FS), round(166.7 * FS), round(400 * FS)])
def test_snapshot_and_restore_in_mid_record_change_nothing(
    record_208: Samples, whole: Told, cut: int
) -> None:
    """A bed can be moved: a fresh pipeline goes on exactly where the snapshot was taken."""
    first = made()
    told = Told(first)
    told.take(first.push(Block(0, record_208[:cut])))
    second = made()
    second.restore(first.snapshot())
    first.push(Block(cut, record_208[cut : cut + 5000]))  # the snapshot shares nothing with the first
    rest = Told(second)
    rest.take(second.push(Block(cut, record_208[cut:])))
    rest.take(second.flush())
    assert whole.fast == told.fast + rest.fast
    for kind in KINDS:
        assert whole.lane(kind) == told.lane(kind) + rest.lane(kind)
    np.testing.assert_array_equal(whole.wave, np.concatenate([told.wave, rest.wave]))


def test_limits_set_at_the_bedside_outlive_a_snapshot(record_208: Samples) -> None:
    """A bed that is moved goes on by the limits that were set, in every lane."""
    settings = Settings()
    limits = msgspec.structs.replace(
        settings.alarms, high_rate_bpm=80.0, low_rate_bpm=70.0, pvc_per_min=200, hold_s=20.0
    )
    cut, stop = round(61.5 * FS), round(150 * FS)

    def told_with(*, changed: bool, moved: bool) -> Told:
        told = Told(made())
        told.take(told.pipeline.push(Block(0, record_208[:cut])))
        if changed:
            told.pipeline.set_limits(limits)
        if moved:
            state, told.pipeline = told.pipeline.snapshot(), made()
            told.pipeline.restore(state)
        told.take(told.pipeline.push(Block(cut, record_208[cut:stop])))
        told.take(told.pipeline.flush())
        return told

    expected, without = told_with(changed=True, moved=False), told_with(changed=False, moved=False)
    assert_same(expected, told_with(changed=True, moved=True))
    for lane in (None, "confirmed"):
        alarms, others = (
            [e for e in told.events if isinstance(e, Alarm) and e.labels == lane and e.decided > cut]
            for told in (expected, without)
        )
        assert alarms != others


def test_labels_that_come_late_and_out_of_order_change_nothing(record_208: Samples, whole: Told) -> None:
    """Law 2: a label takes effect at a sample fixed in advance, never at its arrival."""
    pipeline = made()
    told = Told(pipeline)
    rng = np.random.default_rng(5)
    waiting: list[BeatWindow] = []
    for at in range(0, len(record_208), 1800):
        told.take(pipeline.push(Block(at, record_208[at : at + 1800])), label=False)
        waiting += told.windows
        told.windows = []
        rng.shuffle(waiting)
        for _ in range(len(waiting) // 3):
            window = waiting.pop()
            told.labelled += answered(pipeline, window)
    told.take(pipeline.flush(), label=False)
    for window in waiting + told.windows:
        told.labelled += answered(pipeline, window)
    assert whole.fast == told.fast
    assert whole.events == told.events
    for kind in KINDS:
        assert whole.lane(kind) == told.lane(kind)
        decided = [event.decided for event in told.lane(kind)]
        assert decided == sorted(decided)


def test_an_overdue_label_becomes_q_and_the_rest_go_on(record_208: Samples) -> None:
    """Law 2: past the oldest unlabelled beat as Q once the declared number of samples is over."""
    pipeline = made()
    told = Told(pipeline)
    told.take(pipeline.push(Block(0, record_208[: round(30 * FS)])), label=False)
    missing, *others = told.windows
    for window in others:
        told.labelled += answered(pipeline, window)
    assert told.labelled == []
    told.take(pipeline.push(Block(pipeline.index, record_208[pipeline.index : round(70 * FS)])), label=False)
    given_up = [event for event in pipeline.give_up() if lane_of(event) == "provisional"]
    first, *rest = [event for event in given_up if isinstance(event, LabelledBeat)]
    assert first == LabelledBeat(
        sample=missing.sample, decided=missing.decided, label="Q", provisional=True, rr=first.rr
    )
    waited = [window.sample for window in others if window.provisional]
    assert [beat.sample for beat in rest[: len(waited)]] == waited
    assert pipeline.label(missing.sample, [1, 0, 0, 0, 0], provisional=True) == []


def test_no_event_is_decided_before_its_sample_or_after_the_block(record_208: Samples) -> None:
    """Law 2: causal. What is told in a push was decided within it, and never before it happened."""
    pipeline = made()
    n_events = 0
    for at in range(0, 60_000, 144):
        for event in pipeline.push(Block(at, record_208[at : at + 144])):
            if isinstance(event, Event | BeatWindow):
                assert at <= event.decided < at + 144
                assert event.sample <= event.decided
                n_events += 1
    assert n_events > 100


@pytest.mark.parametrize("changed", [{"rate_rr": 2}, {"rate_slow_ms": 500.0, "rate_slow_rr": 1}])
def test_the_heart_rate_goes_by_its_settings(
    record_208: Samples, whole: Told, changed: dict[str, float]
) -> None:
    """The mean is of as many RR as was set, and shorter where RR are slower than was set."""
    settings = Settings()
    settings = msgspec.structs.replace(settings, rhythm=msgspec.structs.replace(settings.rhythm, **changed))
    pipeline = Pipeline(settings, WINDOW, fs=FS, leads=["a", "b"])
    stop = round(60 * FS)
    told = run(record_208[:stop], [stop], pipeline)
    beats = [event for event in told.fast if isinstance(event, Beat)]
    rate = HeartRate(settings.rhythm, fs=FS)
    expected = [rate_told for beat in beats for rate_told in rate.observe(beat)] + rate.advance(stop)
    rates = [event for event in told.fast if isinstance(event, Rate)]
    assert expected == rates
    assert rates != [event for event in whole.fast if isinstance(event, Rate)][: len(rates)]


def test_a_gap_within_the_bridge_keeps_the_beats_around_it(record_208: Samples) -> None:
    """Law 4, stated: up to 0.2 s are bridged, so rr goes on across the gap."""
    told = Told(made())
    pipeline = told.pipeline
    stop = 40_000 + round(0.2 * FS)
    told.take(pipeline.push(Block(0, record_208[:40_000])))
    told.take(pipeline.push(Gap(sample=40_000, stop=stop, decided=stop)))
    told.take(pipeline.push(Block(stop, record_208[stop:60_000])))
    beats = [event for event in told.fast if isinstance(event, Beat)]
    assert [beat.rr for beat in beats].count(None) == 1
    assert len(told.wave) == 60_000


def test_a_long_gap_makes_the_stages_learn_anew(record_208: Samples) -> None:
    """Law 4, stated: after a longer gap the first beat has no rr, and samples plus gaps are complete."""
    told = Told(made())
    pipeline = told.pipeline
    told.take(pipeline.push(Block(0, record_208[:40_000])))
    told.take(pipeline.push(Gap(sample=40_000, stop=42_000, decided=42_000)))
    told.take(pipeline.push(Block(42_000, record_208[42_000:60_000])))
    told.take(pipeline.flush())
    beats = [event for event in told.fast if isinstance(event, Beat)]
    assert [beat.rr for beat in beats].count(None) == 2
    assert all(not 40_000 <= beat.sample < 42_000 for beat in beats)
    gaps = [event for event in told.fast if isinstance(event, Gap)]
    assert len(told.wave) + sum(gap.stop - gap.sample for gap in gaps) == 60_000
    for provisional in (True, False):
        windows = [window.sample for window in told.windows if window.provisional == provisional]
        assert [beat.sample for beat in beats] == windows


def test_a_model_that_asks_nothing_of_the_next_beat_is_asked_once(record_208: Samples) -> None:
    """One answer is both labels, where the window ends; the fast lane does not change."""
    spec = msgspec.structs.replace(WINDOW, features=("rr", "rr_to_mean", "correlation"))
    pipeline = Pipeline(Settings(), spec, fs=FS, leads=["a", "b"])
    told = run(record_208[:20_000], every(500, 20_000), pipeline)
    assert {window.provisional for window in told.windows} == {True}
    first, last = (
        [event for event in told.labelled if isinstance(event, LabelledBeat) and event.provisional == first]
        for first in (True, False)
    )
    assert len(first) == len(told.windows) > 50
    assert [msgspec.structs.replace(beat, provisional=False) for beat in first] == last


def by_the_next(window: BeatWindow) -> list[float]:
    """Call V what comes early, and N once the next beat comes as early: a fast rhythm."""
    told = dict(zip(FEATURES, window.features.tolist(), strict=True))
    early = told["rr_to_mean"] < -0.15
    pause = told["next_known"] == 0 or told["next_to_rr"] > 0.3
    return [0.0, 0.0, 1.0, 0.0, 0.0] if early and pause else [1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_label_that_the_next_beat_changes_is_told_both_ways() -> None:
    """Both are events; decided at the end of the window, and at that of the next or 1.5 s after R."""
    rr_s = [0.8] * 15 + [0.55, 1.05] + [0.8] * 5 + [0.55] * 8 + [1.7, 1.9, 1.8, 1.7]
    peaks = np.cumsum([1.0, *rr_s])
    time = np.arange(round((peaks[-1] + 3) * FS)) / FS
    pulses = np.exp(-0.5 * ((time[:, np.newaxis] - peaks) / 0.012) ** 2).sum(axis=1)
    pipeline = made(1)
    beats: dict[int, Beat] = {}
    labels: dict[tuple[int, bool], LabelledBeat] = {}
    for at in range(0, len(pulses), 50):
        outputs = pipeline.push(Block(at, pulses[at : at + 50, np.newaxis]))
        beats |= {output.sample: output for output in outputs if isinstance(output, Beat)}
        for window in [output for output in outputs if isinstance(output, BeatWindow)]:
            told = pipeline.label(window.sample, by_the_next(window), provisional=window.provisional)
            labels |= {(e.sample, e.provisional): e for e in told if isinstance(e, LabelledBeat)}
    samples = list(beats)
    np.testing.assert_allclose(peaks, np.array(samples) / FS, atol=0.02)
    first = "".join(labels[sample, True].label for sample in samples)
    last = "".join(labels[sample, False].label for sample in samples)
    assert first == "N" * 16 + "V" + "N" * 6 + "V" * 6 + "N" * (len(samples) - 29)
    assert last == "N" * 16 + "V" + "N" * (len(samples) - 17)
    for sample, following in pairwise(samples):
        expected = min(labels[following, True].decided, sample + round(1.5 * FS))
        assert expected == labels[sample, False].decided > labels[sample, True].decided
        assert labels[following, True].decided - following < 0.45 * FS


def test_a_block_out_of_order_is_the_callers_mistake() -> None:
    """The shell that feeds the core turns holes into gaps first."""
    pipeline = made()
    pipeline.push(Block(0, np.zeros((10, 2))))
    with pytest.raises(ValueError, match="expected sample 10, received sample 11"):
        pipeline.push(Block(11, np.zeros((10, 2))))


def test_a_block_with_another_number_of_leads_is_the_callers_mistake() -> None:
    """Leads that change in mid-stream are refused before the core."""
    with pytest.raises(ValueError, match=r"expected \(n, 2\), received \(10, 3\)"):
        made().push(Block(0, np.zeros((10, 3))))


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize("n_leads", [1, 12])
def test_every_rate_and_number_of_leads_runs(fs: float, n_leads: int) -> None:
    """The core takes fs 100 to 1000 Hz and 1 to 12 leads."""
    seconds = 20
    phase = (np.arange(round(seconds * fs)) / fs) % 0.8
    pulse = np.exp(-0.5 * ((phase - 0.4) / 0.012) ** 2)
    samples = np.repeat(pulse[:, np.newaxis], n_leads, axis=1)
    pipeline = Pipeline(Settings(), WINDOW, fs=fs, leads=[str(i) for i in range(n_leads)])
    told = Told(pipeline)
    told.take(pipeline.push(Block(0, samples)))
    told.take(pipeline.flush())
    beats = [event.sample / fs for event in told.fast if isinstance(event, Beat)]
    assert len(beats) >= 22
    assert np.abs((np.array(beats[1:]) % 0.8) - 0.4).max() < 0.03


def test_a_fresh_interpreter_imports_the_core_without_shells() -> None:
    """The pure core knows no socket, screen or network: importing it loads none."""
    code = (
        "import sys, monitor.pipeline; "
        "print(sorted({'zmq', 'rich', 'keras', 'tensorflow', 'wfdb', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_acknowledging_does_not_disturb_the_stream(record_208: Samples, whole: Told) -> None:
    """A person's act adds alarm steps of its own and nothing else."""
    pipeline = made()
    told = Told(pipeline)
    for at in range(0, len(record_208), 3600):
        told.take(pipeline.push(Block(at, record_208[at : at + 3600])))
        pipeline.acknowledge()
    told.take(pipeline.flush())

    def beats(events: Sequence[Event]) -> list[Event]:
        return [event for event in events if not isinstance(event, Alarm)]

    assert beats(whole.fast) == beats(told.fast)
    assert beats(whole.labelled) == beats(told.labelled)


def test_a_long_gap_ends_the_states_that_it_forgets() -> None:
    """A lead that was off before a gap is called good after it: every state told has its end."""
    phase = (np.arange(round(40 * FS)) / FS) % 0.8
    pulses = np.exp(-0.5 * ((phase - 0.4) / 0.012) ** 2)
    samples = np.stack([pulses, pulses], axis=1)
    samples[round(10 * FS) :, 1] = np.nan
    stop = len(samples) + 3600
    told = Told(made())
    told.take(told.pipeline.push(Block(0, samples)))
    told.take(told.pipeline.push(Gap(sample=len(samples), stop=stop, decided=stop)))
    states = [event for event in told.fast if isinstance(event, LeadQuality)]
    assert [(event.lead, event.state) for event in states] == [(1, "off"), (1, "good")]
    assert states[-1].decided == stop


@pytest.mark.parametrize(
    ("fs", "n_leads"), [(99.0, 1), (1001.0, 1), (360.0, 0), (360.0, 13), (float("nan"), 1)]
)
def test_what_the_core_does_not_take_is_the_callers_mistake(fs: float, n_leads: int) -> None:
    """The limits are stated, and said."""
    with pytest.raises(ValueError, match="expected fs from 100 to 1000 Hz and 1 to 12 leads"):
        Pipeline(Settings(), WINDOW, fs=fs, leads=["x"] * n_leads)


def test_samples_that_never_came_are_no_asystole() -> None:
    """What is not known is not announced: a gap of ten seconds is a gap, not a heart that stood still."""
    phase = (np.arange(round(60 * FS)) / FS) % 0.8
    pulses = np.exp(-0.5 * ((phase - 0.4) / 0.012) ** 2)
    samples = np.stack([pulses, pulses], axis=1)
    start, stop = round(30 * FS), round(40 * FS)
    told = Told(made())
    told.take(told.pipeline.push(Block(0, samples[:start])))
    told.take(told.pipeline.push(Gap(sample=start, stop=stop, decided=stop)))
    told.take(told.pipeline.push(Block(stop, samples[stop:])))
    assert [event for event in told.events if isinstance(event, Alarm) and event.kind == "asystole"] == []
