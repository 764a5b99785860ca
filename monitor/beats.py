"""The beat window and its features: the one cut that both training and serving use.

A beat is shown to the network as a short window of the monitor-band signal around R, resampled to
the rate that the model card names, next to the patient's dominant beat so far, and as a few numbers
about rhythm and shape. All of it comes from the past and the window itself: nothing here waits for
the next beat, and no label ever comes back in (law 2).

Per-beat work is plain loop kernels with explicit state: bit-identical for any partition (law 1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat, BeatWindow
from monitor.shapes import N_CLUSTERS, N_HABITS, N_RHYTHM, resample_kernel, rhythm_kernel, shape_kernel
from monitor.stage import State
from monitor.window import FEATURES, MAX_LAG_S, QRS_S, WindowSpec

__all__ = ["FEATURES", "BeatCutter", "WindowSpec"]

_LOOKBACK_S = 4.0
"""How long after R a detector may still decide a beat (search-back)."""


class BeatCutter:
    """Cut windows and features around detected beats.

    Parameters
    ----------
    spec
        What the network wants.
    fs
        Sampling frequency of the wave, Hz.
    n_leads
        Columns of the wave.
    wave_delay
        The wave at index ``i`` shows the signal at ``i - wave_delay``.
    start
        Absolute index of the first sample to come.

    Attributes
    ----------
    post
        Samples after R that a window needs, ``wave_delay`` included: the declared delay.
    """

    def __init__(self, spec: WindowSpec, *, fs: float, n_leads: int, wave_delay: int, start: int = 0) -> None:
        self.spec = spec
        self._fs = fs
        self._n_leads = n_leads
        self._used = min(n_leads, spec.n_leads)
        self._delay = wave_delay
        self._first, self._weights = _resampler(spec, fs=fs)
        self.post = int(self._first[-1]) + self._weights.shape[1] - 1 + wave_delay
        self._lookback = round(_LOOKBACK_S * fs)
        self._history = self._lookback + max(0, -int(self._first[0])) + 1
        self._select = np.array([FEATURES.index(name) for name in spec.features], dtype=np.int64)
        self._qrs = (
            spec.n_pre + round(QRS_S[0] * spec.fs),
            spec.n_pre + round(QRS_S[1] * spec.fs) + 1,
            round(MAX_LAG_S * spec.fs),
        )
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything, the patient's shapes too; the next sample pushed has index ``start``."""
        self._wave = np.zeros((0, self._n_leads))
        self._stop = start
        self._pending: list[Beat] = []
        self._rhythm = np.zeros(N_RHYTHM)
        self._shapes = np.zeros((N_CLUSTERS, self.spec.n_points, self.spec.n_leads))
        self._clusters = np.zeros((N_CLUSTERS, N_HABITS))

    def push(self, wave: NDArray[np.float64], beats: Sequence[Beat]) -> list[BeatWindow]:
        """Take the next samples of the wave and the beats decided within them.

        Parameters
        ----------
        wave
            Of shape (n_samples, n_leads), millivolt, after `monitor.filters.monitor_band`.
        beats
            In the order of their samples.

        Returns
        -------
        list of BeatWindow
            Those complete by the last sample pushed, in the order of their beats.

        Raises
        ------
        ValueError
            The wave has another number of leads, or a beat was decided later after R than any
            search-back may.
        """
        if wave.shape[1:] != (self._n_leads,):
            raise ValueError(f"wave: expected {self._n_leads} leads, received an array of shape {wave.shape}")
        for beat in beats:
            if beat.decided - beat.sample > self._lookback:
                raise ValueError(
                    f"beat at {beat.sample}: expected to be decided within {self._lookback} samples, "
                    f"received {beat.decided - beat.sample}"
                )
        self._wave = np.concatenate([self._wave, wave])
        self._stop += len(wave)
        self._pending.extend(beats)
        n_ready = 0
        for beat in self._pending:
            if beat.sample + self.post >= self._stop:
                break
            n_ready += 1
        ready = self._pending[:n_ready]
        del self._pending[:n_ready]
        windows = [self._cut(beat, max(beat.sample + self.post, beat.decided)) for beat in ready]
        if len(self._wave) > self._history:
            self._wave = self._wave[-self._history :].copy()
        return windows

    def flush(self, beats: Sequence[Beat] = ()) -> list[BeatWindow]:
        """Complete what is pending at the end of a stream, as if its last value had gone on.

        ``beats`` are those that the end itself decided. Such a window is decided by the last sample.
        """
        pending, self._pending = [*self._pending, *beats], []
        return [self._cut(beat, max(self._stop - 1, beat.decided)) for beat in pending]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "wave": self._wave.copy(),
            "stop": self._stop,
            "pending": [(beat.sample, beat.decided, beat.rr) for beat in self._pending],
            "rhythm": self._rhythm.copy(),
            "shapes": self._shapes.copy(),
            "clusters": self._clusters.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._wave = state["wave"].copy()
        self._stop = state["stop"]
        self._pending = [
            Beat(sample=sample, decided=decided, rr=rr) for sample, decided, rr in state["pending"]
        ]
        self._rhythm = state["rhythm"].copy()
        self._shapes = state["shapes"].copy()
        self._clusters = state["clusters"].copy()

    def _cut(self, beat: Beat, decided: int) -> BeatWindow:
        spec = self.spec
        raw = np.zeros((spec.n_points, spec.n_leads))
        window = np.zeros((spec.n_points, spec.n_channels), dtype=np.float32)
        features = np.zeros(len(FEATURES))
        at = beat.sample + self._delay - (self._stop - len(self._wave))
        resample_kernel(self._wave, at, self._first, self._weights, self._used, raw)
        rr_s = 0.0 if beat.rr is None else beat.rr / self._fs
        rhythm_kernel(rr_s, self._rhythm, features)
        shape_kernel(raw, self._qrs, self._rhythm, self._shapes, self._clusters, features, window)
        chosen = np.clip(features[self._select], -2.5, 2.5).astype(np.float32)
        return BeatWindow(sample=beat.sample, decided=decided, window=window, features=chosen)


def _resampler(spec: WindowSpec, *, fs: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, per window point, the first sample relative to R and the weights from there on.

    A hat as wide as one period of the slower of the two rates on either side: linear interpolation
    when the window is the finer grid, a mild anti-aliasing mean when it is the coarser one.
    """
    at = np.arange(-spec.n_pre, spec.n_post + 1) * (fs / spec.fs)
    reach = max(1.0, fs / spec.fs)
    first = np.floor(at - reach).astype(np.int64) + 1
    n_taps = int(np.ceil(2 * reach))
    taps = first[:, np.newaxis] + np.arange(n_taps)
    weights = np.clip(1.0 - np.abs(taps - at[:, np.newaxis]) / reach, 0.0, None)
    return first, np.ascontiguousarray(weights / weights.sum(axis=1, keepdims=True))
