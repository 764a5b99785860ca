"""Asystole survives detector and quality: what is left on the line of a heart that stands still."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from monitor import records
from monitor.beats import FEATURES, WindowSpec
from monitor.events import Alarm, Beat, Block, LeadQuality, Output
from monitor.noise import qrs_size
from monitor.pipeline import Pipeline
from monitor.settings import Settings
from tests.alarm_cases import FS as PLAYED_HZ
from tests.alarm_cases import play

FS = 360.0
BEATING_S = 30
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=2, features=FEATURES)

Samples = NDArray[np.float64]


@pytest.fixture(scope="module")
def beating(mitdb: Path) -> Samples:
    """The beginning of record 119, both leads."""
    return records.read("119", data=mitdb, stop=round(BEATING_S * FS)).samples()


def run(samples: Samples, *, fs: float = FS) -> list[Output]:
    """Push everything in blocks of ten seconds."""
    pipeline = Pipeline(Settings(), WINDOW, fs=fs, leads=["a", "b"])
    step = round(10 * fs)
    outputs: list[Output] = []
    for start in range(0, len(samples), step):
        outputs += pipeline.push(Block(start, samples[start : start + step]))
    return outputs


def line(kind: str, beating: Samples, share: float, *, seconds: float, seed: int = 0) -> Samples:
    """Return a line without a heart whose swing (peak to peak) is a share of the QRS complexes'."""
    time = np.arange(round(seconds * FS)) / FS
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((len(time), 2))
    tremor = signal.sosfilt(signal.butter(2, (8, 20), "bandpass", fs=FS, output="sos"), white, axis=0)
    swing = {
        "white": white / 6,
        "mains": np.sin(2 * np.pi * 60 * time)[:, np.newaxis] * 0.5 + white / 50,
        "muscle": np.diff(white, axis=0, prepend=0) / 8,
        "wander": np.sin(2 * np.pi * 0.3 * time)[:, np.newaxis] * 0.5 + white / 50,
        "tremor": tremor / np.ptp(tremor, axis=0),
    }[kind]
    peaks = np.array([beat.sample for beat in run(beating) if isinstance(beat, Beat)])
    still: Samples = beating[-1] + share * qrs_size(beating, peaks, fs=FS) * swing
    return still


KINDS = ("white", "mains", "muscle", "wander", "tremor")


@pytest.mark.parametrize("share", [1 / 10, 1 / 20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_quiet_line_is_asystole_after_exactly_four_seconds(
    beating: Samples, kind: str, share: float
) -> None:
    """No noise beat delays it, no 'noisy' hides it: last QRS + 4 s, to the sample, and it lasts."""
    outputs = run(np.concatenate([beating, line(kind, beating, share, seconds=30)]))
    beats = [output.sample for output in outputs if isinstance(output, Beat)]
    states = [output.state for output in outputs if isinstance(output, LeadQuality)]
    alarms = [output for output in outputs if isinstance(output, Alarm) and output.kind == "asystole"]
    assert [beat for beat in beats if beat > len(beating) + 0.1 * FS] == []
    assert states == []
    assert [(alarm.state, alarm.decided) for alarm in alarms] == [("start", beats[-1] + round(4 * FS))]


def test_the_heart_is_found_again_after_a_minute_of_silence(beating: Samples) -> None:
    """The memory of how large a QRS complex is must not outlive the silence: a smaller one counts."""
    silence = line("white", beating, 1 / 20, seconds=60)
    back = np.concatenate([beating, silence, silence[-1] + 0.3 * (beating - beating[0])])
    beats = np.array([output.sample for output in run(back) if isinstance(output, Beat)])
    start = len(beating) + len(silence)
    usual = np.sum(beats < len(beating))
    assert np.sum(beats > start) >= usual - 2
    assert beats[beats > start][0] < start + 3 * FS


def test_an_artefact_at_the_start_does_not_deafen(beating: Samples) -> None:
    """Plugging in makes a spike of many times the QRS size: the beats behind it are no quiet line."""
    samples = beating.copy()
    samples[300:330] += 20.0
    beats = np.array([output.sample for output in run(samples) if isinstance(output, Beat)])
    expected = np.array([output.sample for output in run(beating) if isinstance(output, Beat)])
    late = expected[expected > 12 * FS]
    assert np.isin(late, beats).mean() >= 0.95


def test_a_shock_that_stops_the_heart_is_followed_by_asystole(databases: Path) -> None:
    """Record vfdb/430: fibrillation, a shock at 775.6 s, nine seconds without a beat."""
    start, stop = 600, 786
    record = records.read("430", data=databases / "vfdb", start=start * 250, stop=stop * 250)
    outputs = run(record.samples(), fs=record.fs)
    found = [output for output in outputs if isinstance(output, Alarm) and output.kind == "asystole"]
    decided = [alarm.decided / record.fs + start for alarm in found if alarm.state == "start"]
    assert len(decided) == 1
    assert 779.6 <= decided[0] <= 784.5


@pytest.mark.parametrize("fs", [128.0, 360.0, 500.0])
@pytest.mark.parametrize("size_mv", [0.002, 0.005])
def test_a_heart_that_stands_still_from_the_start_is_found_in_electronic_noise(
    fs: float, size_mv: float
) -> None:
    """A monitor switched on, or restarted, in asystole says so: noise of the amplifier is no bad signal."""
    samples = np.random.default_rng(3).normal(0, size_mv, (round(14 * fs), 2))
    told = [event for event in run(samples, fs=fs) if isinstance(event, Alarm)]
    assert [("asystole", round(8 * fs))] == [(alarm.kind, alarm.decided) for alarm in told]


def test_a_fast_heart_that_begins_on_a_silent_line_is_told() -> None:
    """A monitor that was on before its electrodes can analyse what comes, and says that it is too fast."""
    told = play("asystole:6, sinus:30@160")
    assert [] == told.starts("cannot_analyse")
    assert [True] == [alarm.decided < 20 * PLAYED_HZ for alarm in told.starts("extreme_tachycardia")]
