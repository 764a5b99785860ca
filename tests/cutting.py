"""A patient's wave and beats, and the cut of them: what tests of beat windows share."""

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from monitor.beats import BeatCutter, WindowSpec
from monitor.cutter import Cutter
from monitor.events import Beat, BeatWindow
from monitor.window import FEATURES

__all__ = ["FS", "SPEC", "assert_same", "cutter", "features_of", "feed", "kind", "patient"]

FS = 250.0
SPEC = WindowSpec(fs=128.0, n_pre=49, n_post=46, n_leads=2, shapes=2, features=FEATURES)
DELAY = 3


def patient(n_beats: int, *, fs: float = FS, n_leads: int = 2) -> tuple[NDArray[np.float64], list[Beat]]:
    """Return a wave of bumps, every seventh early and wide, and its beats, decided up to 1.2 s late."""
    rng = np.random.default_rng(3)
    seconds = np.cumsum(rng.uniform(0.75, 0.85, n_beats) - 0.3 * (np.arange(n_beats) % 7 == 6))
    peaks = np.rint(seconds * fs).astype(int)
    time = np.arange(peaks[-1] + round(2 * fs)) / fs
    wave = 0.01 * rng.normal(size=(len(time), n_leads))
    for k, peak in enumerate(peaks):
        width = 0.04 if k % 7 == 6 else 0.012
        bump = np.exp(-0.5 * ((time - peak / fs - DELAY / fs) / width) ** 2)
        wave += bump[:, np.newaxis] * np.linspace(1, -0.7, n_leads)
    late = np.maximum.accumulate(
        peaks + np.where(np.arange(n_beats) % 5 == 0, 1.2 * fs, 0.1 * fs).astype(int)
    )
    rr = [None, *np.diff(peaks).tolist()]
    beats = [Beat(sample=int(p), decided=int(d), rr=r) for p, d, r in zip(peaks, late, rr, strict=True)]
    return wave, beats


def cutter(spec: WindowSpec = SPEC, *, n_leads: int = 2, fs: float = FS) -> BeatCutter:
    return BeatCutter(spec, fs=fs, n_leads=n_leads, wave_delay=DELAY)


def feed(
    stage: Cutter, wave: NDArray[np.float64], beats: list[Beat], sizes: list[int], *, first: int = 0
) -> list[BeatWindow]:
    """Push everything in blocks of the given sizes, over and over; do not flush."""
    windows, start, turn = [], first, 0
    while start < len(wave):
        stop = min(start + sizes[turn % len(sizes)], len(wave))
        windows += stage.push(wave[start:stop], [beat for beat in beats if start <= beat.decided < stop])
        start, turn = stop, turn + 1
    return windows


def kind(windows: list[BeatWindow], *, provisional: bool) -> list[BeatWindow]:
    """Return the windows of one kind."""
    return [window for window in windows if window.provisional == provisional]


def assert_same(expected: list[BeatWindow], actual: list[BeatWindow]) -> None:
    keys = [[(w.sample, w.decided, w.provisional) for w in windows] for windows in (expected, actual)]
    assert keys[0] == keys[1]
    for one, other in zip(expected, actual, strict=True):
        assert_array_equal(one.window, other.window)
        assert_array_equal(one.features, other.features)


def features_of(windows: list[BeatWindow]) -> list[dict[str, float]]:
    """Return each window's features by name."""
    return [dict(zip(FEATURES, window.features.tolist(), strict=True)) for window in windows]
