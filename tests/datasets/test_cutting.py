"""One recipe: what is trained on is what serving cuts."""

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.datasets.cutting import BAND, KACHUEE, median_rr, resampled, served
from monitor.events import Beat
from monitor.filters import monitor_band
from monitor.plain_window import PlainCutter
from monitor.window import WindowSpec
from tests.datasets.made import ecg

AROUND = WindowSpec(fs=125.0, n_pre=93, n_post=93, n_leads=2, shapes=0, features=(), scaling="unit")


@pytest.mark.parametrize(
    "spec",
    [
        AROUND,
        msgspec.structs.replace(AROUND, scaling="millivolt"),
        msgspec.structs.replace(KACHUEE, n_leads=2),
    ],
)
def test_windows_are_those_that_serving_cuts(spec: WindowSpec) -> None:
    """Law 6, bit for bit, from the first beat to the last."""
    fs = 360.0
    signal = np.column_stack([ecg(30, fs=fs), -0.4 * ecg(30, fs=fs)])
    peaks = np.rint(np.cumsum(np.random.default_rng(1).uniform(0.5, 1.1, 35)) * fs).astype(np.int64)
    peaks = peaks[peaks < len(signal)]
    band = monitor_band(BAND, fs=fs, n_leads=2)
    cutter = PlainCutter(spec, fs=fs, n_leads=2, wave_delay=band.delay)
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(p), rr=r) for p, r in zip(peaks, rr, strict=True)]
    shown = cutter.push(band.push(signal), beats) + cutter.flush()
    expected = np.stack([window.window for window in shown if window.provisional])
    assert_array_equal(expected, served(signal, peaks, spec, fs=fs))


def test_the_median_rr_knows_nothing_of_the_next_beat() -> None:
    """Causal: the median of the last 10 s, this beat's RR included; none before there is one."""
    peaks = np.array([0, 100, 300, 600, 5000])
    assert_array_equal([np.nan, 1.0, 1.5, 2.0, 44.0], median_rr(peaks, fs=100.0))
    assert_array_equal(median_rr(peaks, fs=100.0)[:3], median_rr(peaks[:3], fs=100.0))
    assert 0 == len(median_rr(peaks[:0], fs=100.0))


def test_resampling_keeps_place_and_height() -> None:
    """No delay; a missing sample is no reason to lose the record."""
    wave = ecg(10, fs=500)[:, np.newaxis]
    wave[7] = np.nan
    coarse = resampled(wave, fs=500.0, to=125.0)
    assert 1250 == len(coarse)
    assert np.abs(coarse[10:-10, 0] - wave[::4, 0][10:-10]).max() < 0.1
