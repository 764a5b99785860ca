"""Plain beat windows: the signal from a little before R to some way after it, and nothing else.

The cut that most published beat classifiers are trained on (Kachuee et al. 2018, arXiv 1805.00794, among
them): no shift to the middle of the QRS complex, no shapes of the patient's, no features. What one unit
is and where the window ends is said by the card (`monitor.window.WindowSpec`) and done by `plain_beat`
alone, in training and in serving.

Nothing of the next beat is asked, so the provisional window and the one to confirm leave together, as
soon as the last point is there: a window of 1.5 s after R makes every label that late.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat, BeatWindow
from monitor.excerpt import excerpt_kernel, resampler
from monitor.pending import PendingBeats, leads_of
from monitor.stage import State
from monitor.window import WindowSpec

__all__ = ["RR_MEMORY_S", "PlainCutter", "plain_beat"]

RR_MEMORY_S = 10.0
"""The median RR is that of the beats of so long before R (Kachuee et al. 2018 take it in windows of 10 s)."""
_RR_S = 0.8
"""It is taken for this before there is one: 75 bpm."""
_ROUNDING = 1e-6
"""So that 1.2 x 0.5 s x 125 Hz are 75 points, whatever the last bit says."""
_FLAT_MV = 1e-3
"""A lead that moves by less over the window is constant: a thousandth of a millivolt is no signal."""


def plain_beat(raw: NDArray[np.float64], *, spec: WindowSpec, rr_s: float | None) -> NDArray[np.float32]:
    """Scale a window and end it: the one recipe for training and serving.

    Parameters
    ----------
    raw
        Of shape (n_points, n_leads), millivolt, ``spec.n_pre`` points before R and ``spec.n_post`` after
        it at ``spec.fs``.
    spec
        With scaling ``unit`` or ``millivolt``.
    rr_s
        The median RR that ``spec.length_rr`` counts in, seconds; None where it is not known: 0.8.

    Returns
    -------
    NDArray
        Of the same shape. Points later than ``spec.length_rr * rr_s`` after R are zero. With ``unit``
        every lead goes from 0 to 1 over the points before that end; a constant lead is zeros.

    Raises
    ------
    ValueError
        The window is not of the spec's length, or the spec is not one of a plain window.

    Examples
    --------
    >>> spec = WindowSpec(fs=10, n_pre=1, n_post=3, n_leads=1, shapes=0, features=(), scaling="unit", length_rr=0.5)
    >>> plain_beat(np.array([[2.0], [4.0], [3.0], [2.0], [9.0]]), spec=spec, rr_s=0.4)[:, 0].tolist()
    [0.0, 1.0, 0.5, 0.0, 0.0]
    """  # noqa: E501  the example is one line
    if not spec.is_plain or len(raw) != spec.n_points:
        raise ValueError(
            f"plain window: expected {spec.n_points} points for a spec with scaling unit or millivolt, "
            f"received {len(raw)} for one with {spec.scaling}"
        )
    n_kept = spec.n_points
    if spec.length_rr is not None:
        after = int(spec.length_rr * (_RR_S if rr_s is None else rr_s) * spec.fs + _ROUNDING)
        n_kept = min(spec.n_pre + 1 + after, n_kept)
    window = np.zeros(raw.shape, dtype=np.float32)
    kept = raw[:n_kept]
    if spec.scaling == "unit":
        low = kept.min(axis=0)
        span = kept.max(axis=0) - low
        kept = np.where(span > _FLAT_MV, (kept - low) / np.where(span > _FLAT_MV, span, 1.0), 0.0)
    window[:n_kept] = kept
    return window


class PlainCutter:
    """Cut plain windows around detected beats; the protocol of `monitor.beats.BeatCutter`.

    Parameters
    ----------
    spec
        What the network wants: scaling ``unit`` or ``millivolt``.
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

    Raises
    ------
    ValueError
        The spec is not one of a plain window.
    """

    def __init__(self, spec: WindowSpec, *, fs: float, n_leads: int, wave_delay: int, start: int = 0) -> None:
        if not spec.is_plain:
            raise ValueError(f"plain windows: expected scaling unit or millivolt, received {spec.scaling}")
        self.spec = spec
        self._fs = fs
        self._n_leads = n_leads
        self._used = min(n_leads, spec.n_leads)
        self._delay = wave_delay
        self._first, self._weights = resampler(spec, fs=fs)
        self.post = wave_delay + int(self._first[-1]) + self._weights.shape[1] - 1
        self._memory = round(RR_MEMORY_S * fs)
        before = max(-int(self._first[0]), 0)
        self._line = PendingBeats(fs=fs, n_leads=n_leads, before=before, post=self.post)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample pushed has index ``start``."""
        self._line.reset(start)
        self._rr: list[tuple[int, int]] = []

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
            Two to a beat, provisional and to confirm, of the beats decided by the last sample pushed.

        Raises
        ------
        ValueError
            The wave has another number of leads, or a beat was decided later after R than any
            search-back may.
        """
        self._line.push(wave, beats)
        windows = [window for beat, decided in self._line.complete() for window in self._cut(beat, decided)]
        self._line.trim()
        return windows

    def flush(self, beats: Sequence[Beat] = ()) -> list[BeatWindow]:
        """Complete what is pending at the end of a stream, as if its last value had gone on.

        ``beats`` are those that the end itself decided. Such a window is decided by the last sample.
        """
        return [window for beat, decided in self._line.rest(beats) for window in self._cut(beat, decided)]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"line": self._line.snapshot(), "rr": list(self._rr)}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._line.restore(state["line"])
        self._rr = [(sample, rr) for sample, rr in state["rr"]]

    def _cut(self, beat: Beat, decided: int) -> tuple[BeatWindow, BeatWindow]:
        shown = leads_of(beat, self._used)
        wave = self._line.wave
        if len(shown) < self._n_leads:
            wave = np.ascontiguousarray(wave[:, shown])
        raw = np.zeros((self.spec.n_points, len(shown)))
        excerpt_kernel(wave, self._line.place(beat.sample + self._delay), self._first, self._weights, raw)
        window = np.zeros((self.spec.n_points, self.spec.n_leads), dtype=np.float32)
        window[:, shown] = plain_beat(raw, spec=self.spec, rr_s=self._median_rr_s(beat))
        provisional = BeatWindow(
            sample=beat.sample,
            decided=decided,
            provisional=True,
            window=window,
            features=np.zeros(0, dtype=np.float32),
        )
        return provisional, replace(provisional, provisional=False)

    def _median_rr_s(self, beat: Beat) -> float | None:
        """Return the median RR of the last beats, this one included."""
        if beat.rr is not None:
            self._rr.append((beat.sample, beat.rr))
        self._rr = [(sample, rr) for sample, rr in self._rr if sample > beat.sample - self._memory]
        return float(np.median([rr for _, rr in self._rr])) / self._fs if self._rr else None
