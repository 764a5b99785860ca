"""Asystole beside what only looks like beats: P waves and pacing spikes alone are no QRS complexes."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import Alarm, Beat, Block, Event, Rate
from monitor.pipeline import Pipeline
from monitor.settings import Settings
from monitor.steepness import Steepness
from sim.synthetic import SyntheticPatient
from tests.alarm_cases import WINDOW

Signal = NDArray[np.float64]
_STOP_S = 20.0
_PERIOD_S = 0.8


def _spikes(height_mv: float, ms: float = 1.0) -> Callable[[Signal, float], None]:
    """Return what puts spikes of a length, of one sample at least, on a line 75 times a minute."""

    def put(line: Signal, fs: float) -> None:
        for at in range(0, len(line) - 8, round(_PERIOD_S * fs)):
            line[at : at + max(1, round(ms / 1000 * fs))] += height_mv

    return put


def _p_waves(height_mv: float) -> Callable[[Signal, float], None]:
    """Return what puts P waves on a line 75 times a minute."""

    def put(line: Signal, fs: float) -> None:
        phase = (np.arange(len(line)) / fs) % _PERIOD_S - _PERIOD_S / 2
        line += (height_mv * np.exp(-((phase / 0.035) ** 2)))[:, np.newaxis]

    return put


def _played(
    put: Callable[[Signal, float], None], *, fs: float = 250.0, script: str = "asystole:40", block: int = 100
) -> list[Event]:
    """Play 20 s of sinus rhythm and what follows it, with something put on that."""
    patient = SyntheticPatient(f"sinus:{_STOP_S:g}@75, {script}", fs=fs, seed=3)
    samples = patient.read(0, patient.n_samples or 0).copy()
    put(samples[round(_STOP_S * fs) :], fs)
    pipeline = Pipeline(Settings(), WINDOW, fs=fs, leads=patient.leads)
    events: list[Event] = []
    for at in range(0, len(samples), block):
        events += [e for e in pipeline.push(Block(at, samples[at : at + block])) if isinstance(e, Event)]
    return events


@pytest.mark.parametrize(
    ("put", "fs"),
    [
        (_spikes(0.5), 250.0),
        (_spikes(2.0), 250.0),
        (_spikes(5.0), 250.0),
        (_spikes(2.0, 2.0), 500.0),
        (_spikes(5.0, 2.0), 1000.0),
        (_p_waves(0.15), 250.0),
        (_p_waves(0.25), 250.0),
        (_p_waves(0.3), 250.0),
    ],
)
def test_what_is_no_qrs_complex_does_not_hide_asystole(
    put: Callable[[Signal, float], None], fs: float
) -> None:
    """Asystole within 4.5 s of the last QRS; it stands, and no rate is shown."""
    events = _played(put, fs=fs)
    steps = [e for e in events if isinstance(e, Alarm) and e.kind == "asystole"]
    assert ["start"] == [alarm.state for alarm in steps]
    assert _STOP_S < steps[0].decided / fs < _STOP_S + 4.5
    after = [e.hr_bpm for e in events if isinstance(e, Rate) and e.sample > steps[0].decided + fs]
    assert {None} == set(after)


def test_spikes_that_capture_are_beats() -> None:
    """A wide, slow QRS complex behind each spike: as in the paced records of mitdb."""

    def put(line: Signal, fs: float) -> None:
        _spikes(2.0)(line, fs)
        time_s = (np.arange(len(line)) / fs) % _PERIOD_S
        line += (1.2 * np.exp(-(((time_s - 0.08) / 0.04) ** 2)))[:, np.newaxis]

    events = _played(put)
    assert [] == [e.kind for e in events if isinstance(e, Alarm) and e.kind == "asystole"]
    assert 45 <= sum(isinstance(e, Beat) and not e.weak for e in events[len(events) // 3 :])


@pytest.mark.parametrize("block", [7, 1001])
def test_no_partition_changes_what_is_weak(block: int) -> None:
    """Law 1."""
    expected = [e for e in _played(_p_waves(0.3)) if isinstance(e, Beat)]
    assert any(beat.weak for beat in expected)
    assert expected == [e for e in _played(_p_waves(0.3), block=block) if isinstance(e, Beat)]


def _beats(heights: list[float], *, restarts: bool = False) -> list[bool]:
    """Return what is told of beats, a second apart, of some heights in mV; each rises within 20 ms."""
    fs = 250.0
    stage = Steepness(fs=fs, n_leads=1, delay_max=100)
    told = []
    for k, height in enumerate(heights):
        second = np.zeros((250, 1))
        second[100:110, 0] = height * np.sin(np.linspace(0, np.pi, 10))
        beat = Beat(sample=250 * k + 105, decided=250 * k + 150, rr=250, leads=(0,))
        told += [one.weak for one in stage.push(second, [beat])]
        if restarts:
            state, stage = stage.snapshot(), Steepness(fs=fs, n_leads=1, delay_max=100)
            stage.restore(state)
    return told


def test_a_quarter_of_the_usual_steepness_is_enough() -> None:
    """Other beats of the patient, a third as steep, count; a fifth as steep ones do not."""
    told = _beats([1.0] * 20 + [0.33, 0.2, 1.0])
    assert [False] * 20 + [False, True, False] == told


def test_what_a_patient_has_is_not_known_before_some_beats() -> None:
    """At a start everything counts."""
    assert [False] * 4 == _beats([1.0, 1.0, 0.1, 0.1])


def test_a_stretch_of_noise_does_not_make_the_heart_behind_it_weak() -> None:
    """Forty beats ten times as steep are a quarter of a memory that holds sixty-four, and no more."""
    assert not any(_beats([1.0] * 64 + [10.0] * 40 + [1.0] * 10))


def test_beats_that_stay_smaller_for_minutes_are_the_patients_own() -> None:
    """Asystole is not told for ever of one whose QRS complexes have shrunk; spikes alone never are beats."""
    told = _beats([1.0] * 20 + [0.2] * 200)
    assert all(told[20:200])
    assert not any(told[202:])
    assert all(_beats([1.0] * 20 + [0.02] * 400)[20:])


def test_the_state_can_be_kept() -> None:
    """A snapshot after each beat changes nothing."""
    heights = [1.0] * 12 + [0.2] * 5 + [1.0, 0.1]
    assert _beats(heights) == _beats(heights, restarts=True)
