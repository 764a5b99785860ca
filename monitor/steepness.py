"""Whether what was found as a beat is as steep as this patient's QRS complexes.

When the ventricles have stopped, the detector may still find something at a regular rate: P waves, or the
spikes of a pacemaker that captures nothing. A QRS complex is steep for as long as a heartbeat takes to spread
through the ventricles; a P wave is not steep, and a spike only for a millisecond. So each beat is measured
where it was found and behind that (the QRS complex behind a spike): the greatest change within 16 ms, once
what lasts less than 4 ms is gone, over all leads, in share of what is usual.

Of 190,146 beats found in DS1, the paced records of `mitdb`, `vfdb` and `svdb`, one is below a quarter; of the
P waves of DS1, most are (``docs/alarms.md``). A beat that is below is called *weak*; neither the detector nor
labels and scores go by it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from monitor.events import Beat, LeadQuality
from monitor.stage import State

__all__ = ["Steepness"]

_WEAK: Final = 0.25
"""A beat is weak where the leads together reach less than this share of what is usual ..."""
_WHOLE: Final = 0.6
"""... and none reaches this share of its own, as one does when another has lost its electrode."""
_N_USUAL: Final = 64
"""The usual one is the lower quartile over so many beats, so that a stretch of noise does not make it, ..."""
_N_KNOWN: Final = 8
"""... and known once there were so many."""
_CHANGE_S: Final = 0.016
_SPIKE_S: Final = 0.004
_AROUND_S: Final = (0.06, 0.16)
"""A beat is looked at so long before and behind its peak, as far as it had come when it was decided."""
_RELENT_S: Final = 180.0
"""After so long with none but weak beats they are what is usual now ..."""
_LEAST_MV: Final = 0.05
"""... if they change by as much: spikes alone never are."""


class Steepness:
    """Tells weak beats of one bed.

    Parameters
    ----------
    fs
        Sampling rate in Hz.
    n_leads
        Number of leads.
    delay_max
        Samples from a beat to its decision, at most.
    start
        Absolute index of the first sample to come.
    """

    def __init__(self, *, fs: float, n_leads: int, delay_max: int, start: int = 0) -> None:
        self._n_leads = n_leads
        self._change = max(1, round(_CHANGE_S * fs))
        self._half = max(1, int(np.ceil(_SPIKE_S * fs)))
        self._around = round(_AROUND_S[0] * fs), round(_AROUND_S[1] * fs)
        self._keep = delay_max + self._around[0]
        self._relent = round(_RELENT_S * fs)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample has index ``start``."""
        self._index = start
        self._raw = np.empty((0, self._n_leads))
        self._usual: list[list[float]] = [[] for _ in range(self._n_leads)]
        self._weak_since: int | None = None

    def push(
        self, samples: NDArray[np.float64], beats: Sequence[Beat], changes: Sequence[LeadQuality] = ()
    ) -> list[Beat]:
        """Return beats with ``weak`` told.

        Parameters
        ----------
        samples
            Of shape (n_samples, n_leads), raw millivolt; n_samples may be 0; NaN = missing.
        beats
            Those decided within these samples, in order.
        changes
            Of the leads' states within these samples: one that goes off is forgotten.
        """
        self._raw = np.concatenate([self._raw, samples])
        self._index += len(samples)
        told = []
        off = [change for change in changes if change.state == "off"]
        for beat in beats:
            while off and off[0].decided <= beat.decided:
                self._usual[off.pop(0).lead] = []
            told.append(self._judged(beat))
        for change in off:
            self._usual[change.lead] = []
        self._raw = self._raw[-self._keep :]
        return told

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "index": self._index,
            "raw": self._raw.copy(),
            "usual": [list(values) for values in self._usual],
            "weak_since": self._weak_since,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._index = state["index"]
        self._raw = state["raw"].copy()
        self._usual = [list(values) for values in state["usual"]]
        self._weak_since = state["weak_since"]

    def _judged(self, beat: Beat) -> Beat:
        """Judge a beat by what is usual, or learn that from it."""
        steep = self._steep(beat)
        known = [lead for lead, values in enumerate(self._usual) if len(values) >= _N_KNOWN]
        usual = [_quartile(self._usual[lead]) for lead in known]
        shown = [steep[lead] for lead in known]
        none_whole = all(now < _WHOLE * before for now, before in zip(shown, usual, strict=True))
        weak = bool(known) and none_whole and sum(shown) < _WEAK * sum(usual)
        if weak and max(steep) >= _LEAST_MV:
            self._weak_since = beat.sample if self._weak_since is None else self._weak_since
            if beat.sample - self._weak_since > self._relent:
                self._usual = [[] for _ in range(self._n_leads)]
                weak = False
        if weak:
            return replace(beat, weak=True)
        self._weak_since = None
        for lead in range(self._n_leads) if beat.leads is None else beat.leads:
            self._usual[lead] = [*self._usual[lead], steep[lead]][-_N_USUAL:]
        return beat

    def _steep(self, beat: Beat) -> list[float]:
        """Return the greatest change of each lead around a beat, mV; 0 where nothing is known."""
        begin = self._index - len(self._raw)
        first = max(beat.sample - self._around[0] - begin, 0)
        stop = max(min(beat.decided, beat.sample + self._around[1]) + 1 - begin, first)
        shown = self._raw[first:stop]
        if len(shown) <= 2 * self._half + self._change:
            return [0.0] * self._n_leads
        windows = sliding_window_view(shown, 2 * self._half + 1, axis=0)
        without_spikes = np.sort(windows, axis=-1)[..., self._half]
        change = np.abs(without_spikes[self._change :] - without_spikes[: -self._change])
        greatest: list[float] = np.nan_to_num(np.fmax.reduce(change, axis=0)).tolist()
        return greatest


def _quartile(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 4]
