"""Recurrent detectors for tests: one that finds large positive peaks, and one of random weights."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.settings import FilterSettings
from monitor.weights_lstm import FILE, N_INPUTS, Recurrent, StandIn, encoded

__all__ = ["BAND", "beating", "peaky", "random", "write_run"]

BAND = FilterSettings(mains_hz=0.0)
_STEPS = 125.0
_DELAY = 30


def peaky() -> StandIn:
    """Return a detector that says yes where the first lead, 240 ms ago, stood at more than three RMS.

    The convolution picks one step out, and the gates of the only cell stand open. A beat is abnormal
    where the second lead was positive there.
    """
    taps = np.zeros((41, N_INPUTS, 2))
    taps[40 - _DELAY, 0, 0] = taps[40 - _DELAY, 1, 1] = 1.0
    w0 = np.zeros((2, 8))
    w0[0, 4] = 0.4
    w0[1, 5] = 5.0
    gates = np.repeat([20.0, -20.0, 0.0, 20.0], 2)
    network = Recurrent(
        conv_w=taps,
        conv_b=np.zeros(2),
        w0=w0,
        w=np.zeros((0, 2, 8)),
        r=np.zeros((1, 2, 8)),
        b=gates[np.newaxis],
        peak_w=np.array([[30.0], [0.0]]),
        peak_b=np.array([-15.0]),
        beat_w=np.array([[0.0, 0.0], [-10.0, 10.0]]),
        beat_b=np.array([5.0, -5.0]),
    )
    return StandIn(network, _STEPS, _DELAY, 0.5, (1.5, 0.5), BAND, "")


def random(*, units: int = 6, n_layers: int = 2, filters: int = 5, seed: int = 0) -> StandIn:
    """Return a detector of random weights: it finds whatever it finds, for laws that hold for any."""
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> NDArray[np.float64]:
        return rng.normal(0, 0.6, shape).astype(np.float32).astype(np.float64)

    network = Recurrent(
        conv_w=some(41, N_INPUTS, filters),
        conv_b=some(filters),
        w0=some(filters, 4 * units),
        w=some(n_layers - 1, units, 4 * units),
        r=some(n_layers, units, 4 * units),
        b=some(n_layers, 4 * units),
        peak_w=3 * some(units, 1),
        peak_b=some(1),
        beat_w=some(units, 2),
        beat_b=some(2),
    )
    return StandIn(network, _STEPS, _DELAY, 0.5, (1.5, 0.5), BAND, "")


def write_run(folder: Path, detector: StandIn) -> Path:
    """Write a run folder as the monitor wants it of a detector; its card has only what is looked at."""
    folder.mkdir()
    (folder / FILE).write_bytes(encoded(detector._replace(model="abc")))
    (folder / "card.json").write_bytes(msgspec.json.encode({"sha256": "abc", "serves": "detector"}))
    return folder


def beating(
    seconds: float, *, fs: float, n_leads: int = 2, seed: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a made-up signal, mV, and where its R peaks are; every fourth is negative in the second lead."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.uniform(0.6, 1.0, int(seconds)))
    peaks = np.rint(at[at < seconds - 0.5] * fs).astype(np.int64)
    time = np.arange(round(seconds * fs)) / fs
    signal = 0.01 * rng.normal(size=(len(time), n_leads))
    for k, peak in enumerate(peaks):
        bump = np.exp(-0.5 * ((time - peak / fs) / 0.012) ** 2)
        signal += bump[:, np.newaxis] * np.array([1.2, -0.6 if k % 4 == 3 else 0.6] * 6)[:n_leads]
    return signal, peaks
