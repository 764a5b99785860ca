"""The beat window and its features: the one cut that both training and serving use.

A beat is shown to the network as a short window of the monitor-band signal around R, resampled to
the rate that the model card names, next to the patient's own shapes so far, and as numbers about
rhythm and shape. A lead that was not good when the beat was found is left out. All of it comes from
the past and the window itself, and no label ever comes back in (law 2).

A beat is shown twice. The *provisional* window leaves as soon as its last sample is there, and says
nothing of the next beat. The one to *confirm* is the same window with what the next beat tells
(`monitor.window.NEXT_FEATURES`): its RR and its shape, once its own window is complete. If that is
not so within ``confirm_s`` of R, the beat is confirmed then by the RR alone, if the next beat has been
decided, or by none having come. Where the card asks for nothing of the next beat there is nothing to
wait for: both leave together.

Per-beat work is plain loop kernels with explicit state: bit-identical for any partition (law 1).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat, BeatWindow
from monitor.excerpt import center_kernel, resample_kernel, resampler
from monitor.intervals import N_RHYTHM, rhythm_kernel
from monitor.pending import PendingBeats, leads_of
from monitor.settings import ServingSettings
from monitor.shape_clusters import Memory, blank, keep_leads, of_leads
from monitor.shapes import shape_kernel
from monitor.stage import State
from monitor.window import (
    CORRELATIONS,
    FEATURES,
    INTERVALS,
    MAX_LAG_S,
    MAX_SHIFT_S,
    NEXT_FEATURES,
    QRS_S,
    SHAPES,
    WindowSpec,
)

__all__ = ["FEATURES", "BeatCutter", "WindowSpec"]

_RR_S = (0.15, 3.0)
"""RR beyond are taken for these, as the kernels do."""
_SLOPE_S = 0.008
_HALF_QRS_S = 0.1
"""The middle of a QRS complex: slopes over twice the one, looked for within the other."""
_OF_INTERVALS = slice(0, len(INTERVALS))
_OF_SHAPES = slice(len(INTERVALS), len(INTERVALS) + len(SHAPES))
_CORRELATIONS = [FEATURES.index(name) for name in CORRELATIONS if name not in NEXT_FEATURES]
_NEARLY_ONE = 0.985
"""Correlations beyond are taken for this: Fisher's z knows no end."""
_CONFIDENCE, _DOUBT, _ALONE = (FEATURES.index(name) for name in ("confidence", "doubt", "alone"))
_FEW = 1 / 6
"""Weight of one beat in the mean of the last few."""
_NEXT_KNOWN, _NEXT_TO_RR = (FEATURES.index(name) for name in NEXT_FEATURES[:2])
_NEXT_TO = [
    (FEATURES.index(f"next_to_{mean}"), FEATURES.index(f"rr_to_{mean}")) for mean in ("mean", "long_mean")
]
"""Where the next RR and this one are compared with one and the same mean."""
_OF_NEXT = {
    "next_correlation": "correlation",
    "next_like": "like_previous",
    "next_width": "width",
    "next_after": "after_correlation",
    "next_before": "late_correlation",
}
"""What is told of the next beat's shape, and what that beat tells of itself: the same numbers."""
_NEXT_SHAPE = [FEATURES.index(name) for name in _OF_NEXT]
_OWN_SHAPE = [FEATURES.index(name) for name in _OF_NEXT.values()]
_NONE_CAME, _RR_KNOWN, _SHAPE_KNOWN = 0.5, 1.0, 1.5
"""``next_known`` of a confirmed beat."""


@dataclass(frozen=True, slots=True)
class _Open:
    """The last beat that was cut: shown provisionally, to be confirmed; ``features`` are all there are."""

    sample: int
    decided: int
    rr: int | None
    window: NDArray[np.float32]
    features: NDArray[np.float64]


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
    confirm_s
        How long after R the next beat and its window are waited for; the setting ``serving.confirm_s``.

    Attributes
    ----------
    post
        Samples after R that a window needs, ``wave_delay`` included: the declared delay.
    """

    def __init__(
        self,
        spec: WindowSpec,
        *,
        fs: float,
        n_leads: int,
        wave_delay: int,
        start: int = 0,
        confirm_s: float = ServingSettings().confirm_s,
    ) -> None:
        self.spec = spec
        self._fs = fs
        self._n_leads = n_leads
        self._used = min(n_leads, spec.n_leads)
        self._delay = wave_delay
        self._first, self._weights = resampler(spec, fs=fs)
        step, half, most = (max(1, round(seconds * fs)) for seconds in (_SLOPE_S, _HALF_QRS_S, MAX_SHIFT_S))
        self._reach = (step, half, most)
        self.post = wave_delay + most + max(int(self._first[-1]) + self._weights.shape[1] - 1, half + step)
        self._patience = round(confirm_s * fs)
        before = most + max(-int(self._first[0]), half + step)
        self._line = PendingBeats(fs=fs, n_leads=n_leads, before=before, post=self.post)
        self._select = np.array([FEATURES.index(name) for name in spec.features], dtype=np.int64)
        self._qrs = (
            spec.n_pre + round(QRS_S[0] * spec.fs),
            spec.n_pre + round(QRS_S[1] * spec.fs) + 1,
            round(MAX_LAG_S * spec.fs),
        )
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything, the patient's shapes too; the next sample pushed has index ``start``."""
        self._line.reset(start)
        self._open: _Open | None = None
        self._rhythm = np.zeros(N_RHYTHM)
        self._memory = blank(n_points=self.spec.n_points, n_leads=self._used)
        self._shift = 0
        self._doubt = 0.0

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
            Those decided by the last sample pushed, in the order of ``decided``: provisional ones and
            those to confirm, either kind in the order of its beats.

        Raises
        ------
        ValueError
            The wave has another number of leads, or a beat was decided later after R than any
            search-back may.
        """
        self._line.push(wave, beats)
        windows: list[BeatWindow] = []
        for beat, decided in self._line.complete():
            windows += self._follow(beat, decided)
        if self._open is not None and self._latest(self._open) < self._line.stop:
            windows.append(self._confirmed_late(self._open, self._line.first))
            self._open = None
        self._line.trim()
        return sorted(windows, key=_order)

    def flush(self, beats: Sequence[Beat] = ()) -> list[BeatWindow]:
        """Complete what is pending at the end of a stream, as if its last value had gone on.

        ``beats`` are those that the end itself decided. Such a window is decided by the last sample and
        confirms the beat before it; the last beat is confirmed without anything known of a next one.
        """
        windows: list[BeatWindow] = []
        for beat, decided in self._line.rest(beats):
            windows += self._follow(beat, decided)
        last, self._open = self._open, None
        if last is not None:
            windows.append(self._shown(last, max(self._line.stop - 1, last.decided), provisional=False))
        return sorted(windows, key=_order)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "line": self._line.snapshot(),
            "open": None if self._open is None else asdict(self._open),
            "rhythm": self._rhythm.copy(),
            "memory": {name: array.copy() for name, array in self._memory._asdict().items()},
            "shift": self._shift,
            "doubt": self._doubt,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._line.restore(state["line"])
        self._open = None if state["open"] is None else _Open(**state["open"])
        self._rhythm = state["rhythm"].copy()
        self._memory = Memory(**{name: array.copy() for name, array in state["memory"].items()})
        self._shift = state["shift"]
        self._doubt = state["doubt"]

    def _follow(self, beat: Beat, decided: int) -> list[BeatWindow]:
        """Show a beat, its window complete, and confirm the one before it if that still waits."""
        cut = self._cut(beat, decided)
        provisional = self._shown(cut, decided, provisional=True)
        if not self.spec.asks_next:
            return [provisional, replace(provisional, provisional=False)]
        before, self._open = self._open, cut
        if before is None:
            return [provisional]
        if decided > self._latest(before):
            return [self._confirmed_late(before, beat), provisional]
        known = self._with_rr(before, beat.sample - before.sample, known=_SHAPE_KNOWN)
        known.features[_NEXT_SHAPE] = cut.features[_OWN_SHAPE]
        return [self._shown(known, max(before.decided, decided), provisional=False), provisional]

    def _cut(self, beat: Beat, decided: int) -> _Open:
        """Cut a beat and compute all that it tells by itself."""
        spec = self.spec
        shown = leads_of(beat, self._used)
        wave, memory = self._line.wave, self._memory
        if len(shown) < self._n_leads:
            wave = np.ascontiguousarray(wave[:, shown])
        if len(shown) < self._used:
            memory = of_leads(memory, shown)
        raw = np.zeros((spec.n_points, len(shown)))
        window = np.zeros((spec.n_points, 1 + spec.shapes, len(shown)), dtype=np.float32)
        features = np.zeros(len(FEATURES))
        at = self._line.place(beat.sample + self._delay)
        shift = center_kernel(wave, at, self._reach, len(shown))
        resample_kernel(wave, at + shift, self._first, self._weights, raw)
        rr = 0 if beat.rr is None else max(beat.rr + shift - self._shift, 1)
        self._shift = shift
        rhythm_kernel(rr / self._fs, self._rhythm, features[_OF_INTERVALS])
        shape_kernel(raw, self._qrs, self._rhythm, memory, features[_OF_SHAPES], window)
        if len(shown) < self._used:
            keep_leads(self._memory, memory, shown)
        whole = np.zeros((spec.n_points, 1 + spec.shapes, spec.n_leads), dtype=np.float32)
        whole[:, :, shown] = window
        features[_CORRELATIONS] = np.arctanh(np.clip(features[_CORRELATIONS], -_NEARLY_ONE, _NEARLY_ONE))
        features[_CONFIDENCE] = 2.0 * beat.confidence - 1.0
        self._doubt += _FEW * (1.0 - beat.confidence - self._doubt)
        features[_DOUBT] = 2.0 * self._doubt
        features[_ALONE] = 1.0 if self._used == 1 else 0.0
        return _Open(beat.sample, decided, beat.rr, whole.reshape(spec.n_points, -1), features)

    def _latest(self, beat: _Open) -> int:
        """Return until when a beat waits for the next one's window; then it goes by what is known."""
        return max(beat.decided, beat.sample + self._patience)

    def _confirmed_late(self, beat: _Open, following: Beat | None) -> BeatWindow:
        """Confirm a beat without the next one's shape: by the RR to it, or by how long none came."""
        latest = self._latest(beat)
        if following is not None and following.decided <= latest:
            known = self._with_rr(beat, following.sample - beat.sample, known=_RR_KNOWN)
        else:
            known = self._with_rr(beat, latest - beat.sample, known=_NONE_CAME)
        return self._shown(known, latest, provisional=False)

    def _with_rr(self, beat: _Open, rr: int, *, known: float) -> _Open:
        """Return a copy of the beat with the features that the RR after it tells."""
        features = beat.features.copy()
        features[_NEXT_KNOWN] = known
        if beat.rr is not None:
            own_s, next_s = (min(max(n / self._fs, _RR_S[0]), _RR_S[1]) for n in (beat.rr, rr))
            features[_NEXT_TO_RR] = math.log(next_s / own_s)
            for place, own in _NEXT_TO:
                features[place] = features[_NEXT_TO_RR] + features[own]
        return replace(beat, features=features)

    def _shown(self, beat: _Open, decided: int, *, provisional: bool) -> BeatWindow:
        """Return the beat as the card asks for it."""
        chosen = np.clip(beat.features[self._select], -2.5, 2.5).astype(np.float32)
        return BeatWindow(
            sample=beat.sample,
            decided=decided,
            provisional=provisional,
            window=beat.window,
            features=chosen,
        )


def _order(window: BeatWindow) -> tuple[int, int, bool]:
    return (window.decided, window.sample, not window.provisional)
