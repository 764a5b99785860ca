"""Noise: the ratio is the database's, the protocol is nst's, and what is added is what was asked for."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from monitor import records
from monitor.noise import gains, noise_rms, noisy_segments, qrs_size, stress, synthetic, wander


@pytest.mark.parametrize(
    ("snr_db", "published"),
    [
        (24.0, (0.1868, 0.4818)),
        (12.0, (0.7432, 1.9156)),
        (0.0, (2.9604, 7.6391)),
        (-6.0, (5.9084, 15.2501)),
    ],
)
def test_gains_are_those_of_the_noise_stress_database(
    databases: Path, snr_db: float, published: tuple[float, float]
) -> None:
    """Record 118 with em: within 2 % of the gains the database was made with (in ADC units, as there)."""
    ecg = records.read("118", data=databases / "mitdb", stop=360 * 600)
    index, symbols, _ = records.annotations("118", data=databases / "mitdb")
    normal = [i for i, symbol in zip(index, symbols, strict=True) if symbol in "NLR"]
    em = records.read("em", data=databases / "nstdb", stop=360 * 300)
    size = qrs_size(ecg.digital.astype(np.float64), normal, fs=360.0)
    rms = noise_rms(em.digital.astype(np.float64), fs=360.0)
    assert_allclose(gains(size, rms, snr_db=snr_db), published, rtol=0.02)


def test_size_and_rms_are_trimmed_means() -> None:
    """One artefact among many beats, or windows, does not count."""
    signal = np.zeros((36_000, 1))
    beats = list(range(180, 36_000, 360))
    signal[beats] = 1.0
    signal[beats[7]] = 50.0
    assert_allclose(qrs_size(signal, beats, fs=360.0), [1.0])
    noise = np.tile([[0.5], [-0.5]], (18_000, 1))
    noise[:100] *= 40
    assert_allclose(noise_rms(noise, fs=360.0), [0.5])


def test_measures_of_nothing_are_a_mistake() -> None:
    """The caller's, hence ValueError."""
    with pytest.raises(ValueError, match="no QRS to measure"):
        qrs_size(np.zeros((100, 1)), [], fs=360.0)
    with pytest.raises(ValueError, match="noise too short: expected at least 360 samples, received 100"):
        noise_rms(np.zeros((100, 1)), fs=360.0)


def test_protocol_is_five_clean_minutes_then_two_noisy_and_two_clean() -> None:
    """A half-hour record has 13 noisy minutes, as the database has."""
    segments = noisy_segments(30 * 60 * 360, fs=360.0)
    assert segments[:2] == [(108_000, 151_200), (194_400, 237_600)]
    assert sum(b - a for a, b in segments) / 360 / 60 == 13


def test_stress_adds_noise_in_the_segments_alone_and_makes_no_step() -> None:
    """Outside, the signal is shifted at most: nst cancels the step where the gain changes."""
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=(1000, 3)), 100 + np.cumsum(rng.normal(size=(300, 2)), axis=0)
    gain = np.array([0.5, 1.0, 2.0])
    noisy = stress(signal, noise, gain, [(200, 400), (600, 800)])
    difference = noisy - signal
    assert_array_equal(difference[:200], 0.0)
    for start, stop in ((200, 400), (600, 800)):
        index = np.arange(start, stop)
        expected = gain * noise[index % 300][:, [0, 1, 0]]
        assert_allclose(np.diff(difference[start:stop], axis=0), np.diff(expected, axis=0), atol=1e-9)
        assert_allclose(difference[start], difference[start - 1], atol=1e-9)
    assert_allclose(difference[400:600], np.broadcast_to(difference[400], (200, 3)), atol=1e-9)


def test_wander_is_the_same_for_any_partition_and_bounded() -> None:
    """A function of the absolute index."""
    whole = wander(0, 50_000, fs=360.0, size=1.0, seed=1, n_leads=2)
    parts = [wander(a, b, fs=360.0, size=1.0, seed=1, n_leads=2) for a, b in ((0, 7), (7, 7), (7, 50_000))]
    assert_array_equal(np.concatenate(parts), whole)
    assert 0.5 < np.ptp(whole[:, 0]) <= 1.0


@pytest.mark.parametrize(
    ("kind", "low_hz", "high_hz"),
    [("muscle", 10.0, 160.0), ("motion", 0.2, 20.0), ("baseline", 0.0, 2.0), ("white", 0.0, 180.0)],
)
def test_synthetic_noise_has_unit_power_in_its_band(kind: str, low_hz: float, high_hz: float) -> None:
    """Unit RMS, nine tenths of it where it belongs, repeatable, leads independent."""
    made = synthetic(kind, 36_000, fs=360.0, seed=1, n_leads=2)  # type: ignore[arg-type]
    again = synthetic(kind, 36_000, fs=360.0, seed=1, n_leads=2)  # type: ignore[arg-type]
    assert_array_equal(made, again)
    assert_allclose(np.sqrt(np.mean(made**2, axis=0)), [1.0, 1.0])
    power = np.abs(np.fft.rfft(made[:, 0])) ** 2
    frequency = np.fft.rfftfreq(36_000, 1 / 360.0)
    assert power[(frequency >= low_hz) & (frequency <= high_hz)].sum() / power.sum() > 0.9
    assert abs(np.mean(made[:, 0] * made[:, 1])) < 0.35
