"""Ventricular fibrillation and flutter from the waveform."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import Beat, Rhythm
from monitor.fibrillation import Fibrillation
from monitor.settings import RhythmSettings


def fibrillation(fs: float, seconds: float, *, mv: float = 0.4, hz: float = 5.0) -> NDArray[np.float64]:
    """Return a coarse fibrillation: an oscillation whose rate and size wander; of shape (n, 1)."""
    t: NDArray[np.float64] = np.arange(round(seconds * fs)) / fs
    phase = 2 * np.pi * hz * t + 1.5 * np.sin(2 * np.pi * 0.7 * t) + np.sin(2 * np.pi * 0.31 * t)
    size = mv * (0.7 + 0.3 * np.sin(2 * np.pi * 0.43 * t))
    wave: NDArray[np.float64] = size * (np.sin(phase) + 0.2 * np.sin(2.3 * phase))
    return wave.reshape(-1, 1)


def sinus(fs: float, seconds: float, *, rr_s: float = 0.8) -> NDArray[np.float64]:
    """Return narrow complexes, each with a T wave; of shape (n, 1)."""
    t = np.arange(round(seconds * fs)) / fs
    wave = np.zeros(len(t))
    for at in np.arange(0.3, seconds, rr_s):
        wave += np.exp(-0.5 * ((t - at) / 0.012) ** 2) + 0.2 * np.exp(-0.5 * ((t - at - 0.28) / 0.04) ** 2)
    wave -= wave.mean()
    return wave.reshape(-1, 1)


def wide_complexes(fs: float, seconds: float, *, width_s: float) -> NDArray[np.float64]:
    """Return complexes at 180 per minute with hardly a baseline between them, of shape (n, 1)."""
    t = np.arange(round(seconds * fs)) / fs
    wave = np.zeros(len(t))
    for at in np.arange(0.1, seconds, 0.33):
        wave += np.exp(-0.5 * ((t - at) / width_s) ** 2)
    wave -= wave.mean()
    return wave.reshape(-1, 1)


def sure_beats(fs: float, seconds: float) -> list[Beat]:
    """Return the beats of `wide_complexes` as a detector might find them."""
    at = [round(second * fs) for second in np.arange(0.1, seconds - 0.5, 0.33)]
    return [Beat(sample=sample, decided=sample + round(0.2 * fs), rr=None) for sample in at]


def steady_beats(fs: float, seconds: float, *, after_s: float = 0.0) -> list[Beat]:
    """Return those beats that come ``after_s``, found, but not for sure."""
    beats = [beat for beat in sure_beats(fs, seconds) if beat.sample >= after_s * fs]
    return [msgspec.structs.replace(beat, confidence=0.6) for beat in beats]


def moved(beats: list[Beat]) -> list[Beat]:
    """Return beats of which every fourth comes a fifth of an RR too late."""
    return [
        msgspec.structs.replace(beat, sample=beat.sample + 16) if i % 4 == 0 else beat
        for i, beat in enumerate(beats)
    ]


def find(
    wave: NDArray[np.float64],
    *,
    fs: float,
    good: NDArray[np.bool_] | None = None,
    start: int = 0,
    beats: Sequence[Beat] = (),
) -> list[Rhythm]:
    """Return what is found in a wave given whole."""
    stage = Fibrillation(RhythmSettings(), fs=fs, n_leads=wave.shape[1], start=start)
    return stage.push(wave, codes(wave, good), beats)


def codes(wave: NDArray[np.float64], good: NDArray[np.bool_] | None = None) -> NDArray[np.int8]:
    """Return quality codes: 0 where good, else 2 (off)."""
    return np.zeros(wave.shape, np.int8) if good is None else np.where(good, 0, 2).astype(np.int8)


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 360.0, 500.0, 1000.0])
def test_fibrillation_is_found_within_six_seconds_at_any_rate(fs: float) -> None:
    """VF within 6 s of its onset, from 100 to 1000 Hz, and over within 6 s of its end."""
    wave = np.concatenate([sinus(fs, 12), fibrillation(fs, 12), sinus(fs, 12)])
    changes = find(wave, fs=fs)
    assert ["start", "end"] == [change.state for change in changes]
    assert 12 < changes[0].decided / fs <= 18
    assert 24 < changes[1].decided / fs <= 30
    assert all(change.sample <= change.decided for change in changes)


@pytest.mark.parametrize("hz", [3.0, 4.0, 6.0, 8.0])
def test_flutter_and_fibrillation_of_any_usual_rate_are_found(hz: float) -> None:
    """From slow flutter to fast fibrillation."""
    changes = find(np.concatenate([sinus(250, 10), fibrillation(250, 10, hz=hz)]), fs=250)
    assert ["start"] == [change.state for change in changes]


@pytest.mark.parametrize("rr_s", [0.3, 0.4, 0.8, 1.6])
def test_beats_are_not_fibrillation(rr_s: float) -> None:
    """Complexes on a baseline, however fast, raise nothing."""
    assert [] == find(sinus(360, 40, rr_s=rr_s), fs=360)


def test_what_is_too_small_or_too_slow_is_not_fibrillation() -> None:
    """Fine noise, a flat line and baseline wander raise nothing."""
    noise = np.random.default_rng(5).normal(0, 0.02, (10_000, 1))
    wander = np.sin(2 * np.pi * 0.4 * np.arange(10_000) / 250)[:, np.newaxis]
    for wave in (noise, wander, np.zeros((10_000, 1)), fibrillation(250, 40, mv=0.05)):
        assert [] == find(wave, fs=250)


def test_fibrillation_shorter_than_its_time_is_not_announced() -> None:
    """The waveform must last: two seconds of it do not count."""
    assert [] == find(np.concatenate([sinus(250, 10), fibrillation(250, 2), sinus(250, 10)]), fs=250)


@pytest.mark.parametrize("break_s", [1.0, 1.4, 2.2, 6.0])
def test_episodes_are_disjoint(break_s: float) -> None:
    """Windows of two episodes overlap where little lies between them: their times must not."""
    parts = [
        sinus(250, 5),
        fibrillation(250, 9),
        sinus(250, break_s, rr_s=1.0),
        fibrillation(250, 9),
        sinus(250, 9),
    ]
    changes = find(np.concatenate(parts), fs=250)
    assert ["start", "end", "start", "end"] == [change.state for change in changes]
    assert sorted(change.sample for change in changes) == [change.sample for change in changes]


def test_sure_beats_ask_for_more() -> None:
    """A tachycardia whose beats are found for sure is no flutter, unless the wave leaves no doubt."""
    fs = 250.0
    beats = sure_beats(fs, 12)
    doubtful = wide_complexes(fs, 12, width_s=0.03)
    plain = wide_complexes(fs, 12, width_s=0.04)
    assert [] == find(doubtful, fs=fs, beats=beats)
    for wave, known in ((doubtful, []), (plain, beats), (plain, [])):
        assert ["start"] == [change.state for change in find(wave, fs=fs, beats=known)]


def test_beats_that_are_sure_but_for_one_ask_for_more() -> None:
    """They are sure on the whole, whatever their rhythm: one that is less so does not undo the others."""
    fs = 250.0
    wave = wide_complexes(fs, 12, width_s=0.03)
    beats = moved(sure_beats(fs, 12))
    for less, every, states in ((1.0, 1, []), (0.8, 6, []), (0.6, 3, ["start"])):
        known = [
            msgspec.structs.replace(beat, confidence=less) if i % every == 0 else beat
            for i, beat in enumerate(beats)
        ]
        assert states == [change.state for change in find(wave, fs=fs, beats=known)]


def test_a_beat_searched_back_a_pause_or_a_beat_not_yet_decided_asks_for_nothing() -> None:
    """The beats of a window are told together or not at all, and as far as is known by then (law 2)."""
    fs = 250.0
    wave = wide_complexes(fs, 12, width_s=0.03)
    beats = sure_beats(fs, 12)
    unsure = [
        msgspec.structs.replace(beat, confidence=0.5) if i % 6 == 0 else beat for i, beat in enumerate(beats)
    ]
    paused = [beat for i, beat in enumerate(beats) if i % 6 < 3]
    late = [msgspec.structs.replace(beat, decided=beat.sample + 1000) for beat in beats]
    alone = find(wave, fs=fs)
    for known in (unsure, paused, late):
        assert alone == find(wave, fs=fs, beats=known)


def test_steady_beats_ask_for_more_though_one_is_missed() -> None:
    """Beats need not be sure if they come at one rate; one missed between two does not hide it."""
    fs = 250.0
    wave = wide_complexes(fs, 12, width_s=0.03)
    beats = steady_beats(fs, 12)
    assert [] == find(wave, fs=fs, beats=beats)
    assert [] == find(wave, fs=fs, beats=[beat for i, beat in enumerate(beats) if i % 4])
    assert ["start"] == [change.state for change in find(wave, fs=fs, beats=moved(beats))]


def test_an_episode_ends_where_beats_come_at_a_steady_rate() -> None:
    """What stood before beats could be told must not stand on among them; plain flutter must."""
    fs = 250.0
    wave = wide_complexes(fs, 24, width_s=0.03)
    steady = steady_beats(fs, 24, after_s=10)
    start, end = find(wave, fs=fs, beats=steady)
    assert ("start", "end") == (start.state, end.state)
    assert 10 * fs <= end.sample < end.decided <= 15.5 * fs
    doubtful = [msgspec.structs.replace(beat, confidence=0.5) for beat in steady]
    for known in ([], doubtful, moved(steady)):
        assert [start] == find(wave, fs=fs, beats=known)
    plain = wide_complexes(fs, 24, width_s=0.04)
    assert ["start"] == [change.state for change in find(plain, fs=fs, beats=steady)]


def test_an_end_is_decided_once_its_beats_are_known() -> None:
    """Law 2: not a sample later, and nothing that comes later takes part."""
    fs = 250.0
    wave = wide_complexes(fs, 24, width_s=0.03)
    beats = steady_beats(fs, 24, after_s=10)
    start, end = find(wave, fs=fs, beats=beats)
    known = [beat for beat in beats if beat.decided <= end.decided]
    assert [start, end] == find(wave[: end.decided + 1], fs=fs, beats=known)
    assert [start] == find(wave[: end.decided], fs=fs, beats=known)
    late = [msgspec.structs.replace(beat, decided=end.decided + 1) for beat in beats]
    assert [start] == find(wave[: end.decided + 1], fs=fs, beats=late)


@pytest.mark.parametrize("size", [33, 1000])
def test_an_end_among_beats_is_the_same_however_fed(size: int) -> None:
    """Law 1, and a snapshot between any two blocks."""
    fs = 250.0
    wave = np.concatenate([wide_complexes(fs, 16, width_s=0.03), fibrillation(fs, 8)])
    beats = steady_beats(fs, 16, after_s=8)
    whole = find(wave, fs=fs, beats=beats)
    assert ["start", "end", "start"] == [change.state for change in whole]
    stage = Fibrillation(RhythmSettings(), fs=fs, n_leads=1)
    parts: list[Rhythm] = []
    for at in range(0, len(wave), size):
        block = wave[at : at + size]
        told = [beat for beat in beats if at <= beat.decided < at + size]
        parts += stage.push(block, codes(block), told) + stage.push(block[:0], codes(block[:0]))
        state, stage = stage.snapshot(), Fibrillation(RhythmSettings(), fs=fs, n_leads=1)
        stage.restore(state)
    assert whole == parts


def test_a_lead_that_cannot_be_used_decides_nothing() -> None:
    """A lead that is off neither raises nor hides fibrillation."""
    wave = np.concatenate([fibrillation(250, 20), sinus(250, 20)], axis=1)
    off = np.zeros(wave.shape, bool)
    assert [] == find(wave, fs=250, good=off)
    off[:, 0] = True
    assert ["start"] == [change.state for change in find(wave, fs=250, good=off)]
    assert [] == find(wave, fs=250, good=~off)


def test_a_noisy_lead_counts() -> None:
    """Fibrillation may itself be taken for noise: that must not hide it."""
    wave = np.concatenate([sinus(250, 10), fibrillation(250, 10)])
    stage = Fibrillation(RhythmSettings(), fs=250, n_leads=1)
    assert ["start"] == [change.state for change in stage.push(wave, np.ones(wave.shape, np.int8))]


@pytest.mark.parametrize("size", [7, 36, 125, 360, 5000])
def test_the_partition_changes_nothing(size: int) -> None:
    """Law 1: any partition, empty blocks too, any start index on the same grid, with beats or without."""
    fs = 360.0
    wave = np.concatenate([wide_complexes(fs, 9, width_s=0.03), fibrillation(fs, 9), sinus(fs, 9)])
    beats = [
        msgspec.structs.replace(beat, sample=beat.sample + 1000, decided=beat.decided + 1000)
        for beat in sure_beats(fs, 9)
    ]
    for known in (beats, []):
        whole = find(wave, fs=fs, start=1000, beats=known)
        stage = Fibrillation(RhythmSettings(), fs=fs, n_leads=1, start=1000)
        parts: list[Rhythm] = []
        for at in range(0, len(wave), size):
            block = wave[at : at + size]
            told = [beat for beat in known if at <= beat.decided - 1000 < at + size]
            parts += stage.push(block, codes(block), told) + stage.push(block[:0], codes(block[:0]))
        assert whole == parts
        assert (whole[0].decided < 1000 + 9 * fs) == (known == [])


def test_a_restored_stage_goes_on_exactly() -> None:
    """Snapshot and restore change nothing, in mid-fibrillation and among sure beats too."""
    fs = 250.0
    wave = np.concatenate([wide_complexes(fs, 8, width_s=0.03), fibrillation(fs, 8), sinus(fs, 8)])
    beats = sure_beats(fs, 8)
    whole = find(wave, fs=fs, beats=beats)
    assert ["start", "end"] == [change.state for change in whole]
    for cut in (501, 1501, 2600, 3500, 4700):
        first = Fibrillation(RhythmSettings(), fs=fs, n_leads=1)
        second = Fibrillation(RhythmSettings(), fs=fs, n_leads=1)
        before = [beat for beat in beats if beat.decided < cut]
        head = first.push(wave[:cut], codes(wave[:cut]), before)
        second.restore(first.snapshot())
        first.push(wave[:100], codes(wave[:100]))
        assert whole == head + second.push(wave[cut:], codes(wave[cut:]), beats[len(before) :])


def test_after_a_reset_nothing_earlier_counts() -> None:
    """A gap: the waveform must last anew."""
    fs = 250.0
    stage = Fibrillation(RhythmSettings(), fs=fs, n_leads=1)
    wave = fibrillation(fs, 3.9)
    assert [] == stage.push(wave, codes(wave))
    stage.reset(10_000)
    assert [] == stage.push(wave, codes(wave))
    later = stage.push(wave, codes(wave))
    assert 10_000 <= later[0].sample < later[0].decided


def test_a_record_with_flutter_and_one_without(mitdb: Path) -> None:
    """Record 207 has flutter, record 119 wide ectopic beats in plenty: the one is found, the others not.

    A stretch of four seconds, 242.1 to 246.4 s, gives too little evidence to be told.
    """
    import wfdb

    from monitor.filters import monitor_band
    from monitor.settings import FilterSettings

    found = {}
    for name in ("119", "207"):
        record = wfdb.rdrecord(str(mitdb / name), sampto=360 * 330)
        signal = np.ascontiguousarray(record.p_signal)
        wave = monitor_band(FilterSettings(), fs=360.0, n_leads=2).push(signal)
        starts = [change.decided / 360 for change in find(wave, fs=360.0) if change.state == "start"]
        found[name] = starts
    assert [] == found["119"]
    marked = [(40.7, 51.0), (54.8, 60.4), (247.9, 261.4), (269.5, 280.9)]
    assert [1] * 4 == [sum(onset < at < end + 3 for at in found["207"]) for onset, end in marked]
    assert 4 == len(found["207"])


@pytest.mark.parametrize(
    ("scores", "expected"), [([6.0] * 3, 3), ([2.0] * 3, 3), ([0.5] * 5, None), ([0.5] * 6, 6)]
)
def test_a_doubtful_wave_must_last_longer(scores: list[float], expected: int | None) -> None:
    """Scores above the limit of -0.5 must come to 6 in sum, and be three at least."""
    stage = Fibrillation(RhythmSettings(), fs=250.0, n_leads=1)
    told = [i for i, score in enumerate(scores, 1) if stage._decide(i * 125, score)]
    assert [expected] * (expected is not None) == told
