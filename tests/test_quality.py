"""Signal quality: the states, their hysteresis, and the laws of a stage."""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from monitor.events import LeadQuality
from monitor.quality import STATES, Quality
from monitor.settings import QualitySettings

FS = 360.0
GOOD, NOISY, OFF, SATURATED, FLAT = (STATES.index(s) for s in ("good", "noisy", "off", "saturated", "flat"))


def read(folder: Path, name: str, *, stop_s: int) -> NDArray[np.float64]:
    signals = wfdb.rdrecord(str(folder / name), sampto=int(stop_s * FS)).p_signal
    return np.ascontiguousarray(signals, dtype=np.float64)


def quality(n_leads: int = 2) -> Quality:
    return Quality(QualitySettings(), fs=FS, n_leads=n_leads)


def feed(
    stage: Quality, samples: NDArray[np.float64], sizes: Iterable[int]
) -> tuple[list[LeadQuality], NDArray[np.int8]]:
    """Push samples in blocks of the given sizes, the last one cut short."""
    events: list[LeadQuality] = []
    states = []
    at = 0
    for size in sizes:
        new, codes = stage.push(samples[at : at + size])
        events += new
        states.append(codes)
        at += size
        if at >= len(samples):
            return events, np.concatenate(states)
    raise AssertionError("the sizes do not cover the samples")


def eventful(mitdb: Path) -> NDArray[np.float64]:
    """Two minutes in which every state occurs."""
    samples = read(mitdb, "203", stop_s=120)
    samples[5000:6000, 0] = np.nan
    samples[10000:12000, 1] = samples[:, 1].max() + 3.0
    samples[15000:20000, 0] = 0.25
    rng = np.random.default_rng(3)
    samples[22000:30000] += rng.standard_normal((8000, 2))
    return samples


@pytest.mark.parametrize("sizes", [[1], [7], [36], [360], [0, 1, 0, 800, 13, 0, 255, 3]], ids=str)
def test_any_partition_gives_the_same_states(mitdb: Path, sizes: list[int]) -> None:
    """Law 1: chunk invariance, bit for bit, empty blocks included."""
    samples = eventful(mitdb)
    expected_events, expected_states = feed(quality(), samples, [len(samples)])
    events, states = feed(quality(), samples, cycle(sizes))
    assert set(expected_states.ravel().tolist()) == set(range(len(STATES)))
    assert expected_events == events
    np.testing.assert_array_equal(expected_states, states)


def test_snapshot_and_restore_change_nothing(mitdb: Path) -> None:
    """A bed can move in mid-record: its state is what the snapshot holds, and no more."""
    samples = eventful(mitdb)
    _, expected = feed(quality(), samples, [len(samples)])
    first = quality()
    _, before = first.push(samples[:23000])
    kept = first.snapshot()
    first.push(samples[23000:])
    second = quality()
    second.restore(kept)
    _, after = second.push(samples[23000:])
    np.testing.assert_array_equal(expected, np.concatenate([before, after]))


def test_events_tell_every_change_and_nothing_else(mitdb: Path) -> None:
    """The events alone rebuild the states; each is decided at the sample it names."""
    samples = eventful(mitdb)
    events, states = feed(quality(), samples, [len(samples)])
    rebuilt = np.zeros_like(states)
    for event in events:
        assert event.decided == event.sample
        rebuilt[event.sample :, event.lead] = STATES.index(event.state)
    np.testing.assert_array_equal(states, rebuilt)


def test_a_lead_is_off_after_missing_for_the_stated_time_and_back_after_another(mitdb: Path) -> None:
    """Off at 0.2 s of missing samples, exactly; back half a second after they return."""
    samples = read(mitdb, "119", stop_s=20)
    samples[2000:3000, 1] = np.nan
    events, _ = feed(quality(), samples, [len(samples)])
    assert [(e.sample, e.lead, e.state) for e in events] == [
        (2000 + 72 - 1, 1, "off"),
        (3000 + 180 - 1, 1, "good"),
    ]


def test_a_short_dropout_is_not_lead_off(mitdb: Path) -> None:
    """A few missing samples, even often, are the wire's matter."""
    samples = read(mitdb, "119", stop_s=20)
    for at in range(500, 7000, 250):
        samples[at : at + 60] = np.nan
    events, _ = feed(quality(), samples, [len(samples)])
    assert events == []


def test_a_signal_at_its_rail_is_saturated_until_it_leaves(mitdb: Path) -> None:
    """Equal extreme values far from the baseline; not flat, however long they last."""
    samples = read(mitdb, "119", stop_s=60)
    samples[6000:12000, 0] = 5.115
    _, states = feed(quality(), samples, [len(samples)])
    assert np.all(states[6000 + 90 : 12000, 0] == SATURATED)
    assert np.all(states[12000 + 3 * 360 :, 0] == GOOD)
    assert np.all(states[:, 1] == GOOD)


def test_an_exactly_constant_lead_is_flat_only_after_an_asystole_alarm_had_its_time(mitdb: Path) -> None:
    """A constant line stays analysable for 8 s, then it is a dead lead."""
    samples = read(mitdb, "119", stop_s=30)
    samples[3600:9000, 0] = 0.1
    _, states = feed(quality(), samples, [len(samples)])
    assert np.all(states[3600 : 3600 + int(7.9 * FS), 0] == GOOD)
    assert np.all(states[3600 + int(8.1 * FS) : 9000, 0] == FLAT)


def test_asystole_with_a_little_noise_on_the_line_stays_good(mitdb: Path) -> None:
    """A heart that stands still is not a broken lead, and not noise."""
    samples = read(mitdb, "119", stop_s=60)
    rng = np.random.default_rng(5)
    still = samples[-1] + rng.normal(0.0, 0.005, (int(20 * FS), 2))
    _, states = feed(quality(), np.concatenate([samples, still]), [len(samples) + len(still)])
    assert np.all(states == GOOD)


@pytest.mark.parametrize("name", ["100", "119", "208", "223"])
def test_real_records_are_good_nearly_all_the_time(mitdb: Path, name: str) -> None:
    """No false 'cannot analyse': the first lead is good for at least 99 % of five minutes."""
    _, states = feed(quality(), read(mitdb, name, stop_s=300), [10**6])
    assert np.mean(states[:, 0] == GOOD) >= 0.99


def test_a_swamped_lead_is_noisy_and_recovers(mitdb: Path, databases: Path) -> None:
    """Electrode motion at 0 dB (NSTDB gains, record 118): noisy for most of it, good around it."""
    samples = read(mitdb, "118", stop_s=240)
    motion = wfdb.rdrecord(str(databases / "nstdb" / "em"), sampfrom=0, sampto=len(samples)).p_signal
    first, last = int(60 * FS), int(180 * FS)
    samples[first:last] += motion[first:last] * (2.9604, 7.6391)
    _, states = feed(quality(), samples, [len(samples)])
    assert np.mean(states[first:last] == NOISY) >= 0.5
    assert np.mean(states[:first] == GOOD) >= 0.99
    assert np.mean(states[last + int(5 * FS) :] == GOOD) >= 0.95


def test_the_shape_of_what_comes_out_is_that_of_what_went_in() -> None:
    """Codes are int8, one per sample and lead, also for nothing."""
    events, states = quality(3).push(np.empty((0, 3)))
    assert (events, states.shape, states.dtype) == ([], (0, 3), np.dtype(np.int8))


def after_silence(beating: NDArray[np.float64], size_mv: float, *, seconds: float) -> NDArray[np.float64]:
    """Return a line that holds noise alone (RMS) before a heart beats on it."""
    noise = np.random.default_rng(0).normal(0.0, size_mv, (round(seconds * FS), 2))
    return np.concatenate([beating[0] + noise, beating])


@pytest.mark.parametrize("seconds", [3.5, 6.0, 60.0])
@pytest.mark.parametrize("size_mv", [0.0, 0.005, 0.01, 0.02])
@pytest.mark.parametrize("name", ["100", "119", "222"])
def test_beats_on_a_line_that_was_silent_from_the_start_are_no_noise(
    mitdb: Path, name: str, size_mv: float, seconds: float
) -> None:
    """What is learned without electrodes, or in asystole, is no usual level: 6 s later both are good."""
    _, states = feed(
        quality(), after_silence(read(mitdb, name, stop_s=60), size_mv, seconds=seconds), [10**6]
    )
    assert np.all(states[round((seconds + 6) * FS) :] == GOOD)


def test_beats_behind_a_long_gap_in_silence_are_no_noise(mitdb: Path) -> None:
    """A stage that begins anew in the silence learns of the beats behind it."""
    beating = read(mitdb, "100", stop_s=20)
    stage = quality()
    stage.push(beating)
    stage.reset(round(35 * FS))
    _, states = stage.push(after_silence(beating, 0.0, seconds=5))
    assert np.all(states[round(8 * FS) :] == GOOD)


@pytest.mark.parametrize("silent_s", [0.0, 6.0])
def test_noise_is_noise_from_the_start_and_behind_silence(
    mitdb: Path, databases: Path, silent_s: float
) -> None:
    """Electrode motion at 0 dB: a line that was silent before it is judged as one that never was."""
    samples = read(mitdb, "118", stop_s=60)
    motion = wfdb.rdrecord(str(databases / "nstdb" / "em"), sampto=len(samples)).p_signal
    swamped = after_silence(samples + motion * (2.9604, 7.6391), 0.005, seconds=silent_s)
    _, states = feed(quality(), swamped, [len(swamped)])
    assert np.mean(states[round((silent_s + 6) * FS) :, 1] == NOISY) >= 0.8
