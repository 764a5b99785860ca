"""Atrial fibrillation from labelled beats: RR that are irregular without a pattern.

In atrial fibrillation the next RR cannot be told from the one before it; nearly everywhere else it can, at
least by somebody who has heard the last minute. So each pair of neighbouring RR is asked how surprising its
second one is: of the other pairs of the last ``af_window_s`` that begin with about the same RR, how many go
on with about the same one? Bigeminy, trigeminy, frequent premature beats and Wenckebach periods repeat,
sinus arrhythmia is smooth: their RR are foretold. The mean of these surprises is the conditional entropy
that Lake & Moorman (2011) estimate as sample entropy with templates of length one (COSEn), here told beat
by beat, so that it can also say *where* the rhythm changed. Pairs of RR are the Lorenz plot of Sarkar,
Ritscher & Mehra (2008), and what is told beat by beat can be summed as low-complexity detectors do
(Petrenas, Marozas & Sornmo 2015).

- RR that begin or end with a ventricular beat, or with one that nobody can label, and those during
  ventricular fibrillation count for nothing. Supraventricular labels count like normal ones: in
  fibrillation every early beat may be called so.
- A P wave that looks like the patient's own (``p_correlation``, where the network asks for it) speaks
  against it, and its absence for it; never alone, as the sum of both has to reach ``af_surprise``.
- It begins where the sum of what exceeds ``af_surprise`` is largest up to now, and is told once that
  stretch is ``af_s`` long and the sum large enough. It is over where the sum is largest from its beginning,
  and that is told ``af_end_s`` later.

What it does not do: it does not tell flutter of irregular conduction from fibrillation, it does not look
for fibrillatory waves, and regular RR (a pacemaker, complete block) hide fibrillation from it. Multifocal
atrial rhythms look alike.

Sources
-------
- Lake & Moorman, *Accurate estimation of entropy in very short physiological time series: the problem of
  atrial fibrillation detection in implanted ventricular devices*, Am J Physiol Heart Circ Physiol 300:H319,
  2011.
- Sarkar, Ritscher & Mehra, *A detector for a chronic implantable atrial tachyarrhythmia monitor*, IEEE TBME
  55:1219, 2008.
- Petrenas, Marozas & Sornmo, *Low-complexity detection of atrial fibrillation in continuous long-term
  monitoring*, Comput Biol Med 65:184, 2015.
- Zhou, Ding, Ung, Pickwell-MacPherson & Zhang, *Automatic online detection of atrial fibrillation based on
  symbolic dynamics and Shannon entropy*, BioMed Eng OnLine 13:18, 2014.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow, LabelledBeat, Rhythm
from monitor.settings import RhythmSettings
from monitor.stage import State, kernel
from monitor.turns import MAX_EVIDENCE, Turn
from monitor.window import WindowSpec

__all__ = ["Atrial", "surprise_kernel"]

_KIND: Final = "atrial_fibrillation"
_P_WAVE: Final = "p_correlation"
_ALIKE: Final = 0.05
"""RR within this share of the mean RR of one another are alike ..."""
_ALIKE_S: Final = 0.02
"""... and so are those that differ by less than this."""
_RR_S: Final = (0.2, 3.0)
"""RR outside these say nothing: a false detection, a pause."""
_UNKNOWN: Final = (0.5, 2.0)
"""Before anything was heard: so many pairs go on alike out of so many."""
_MOST: Final = 2.5
"""No single pair surprises more than this: one premature beat is not fibrillation."""
_ENOUGH: Final = 15.0
"""What the sum has to reach: 30 pairs that exceed the limit by 0.5 each."""
_P_USUAL: Final = 0.8
"""Fisher's z of a P wave that speaks neither for fibrillation nor against it ..."""
_P_REACH: Final = 1.0
"""... as far from it as counts ..."""
_P_WEIGHT: Final = 0.5
"""... and how much a step of one counts."""
_FEWEST: Final = 2
"""Pairs without which nothing is judged."""


class _Pair(NamedTuple):
    """Two neighbouring RR, in samples.

    Attributes
    ----------
    sample, before
        R peaks at the ends of the second one: the later and the earlier.
    first, second
        The RR.
    p_wave
        How much the P wave speaks against fibrillation, -1 to 1; 0 where it is not known.
    """

    sample: int
    before: int
    first: int
    second: int
    p_wave: float


class Atrial:
    """Atrial fibrillation of one bed.

    Parameters
    ----------
    settings
        ``af_window_s``, ``af_s``, ``af_end_s`` and ``af_surprise``.
    window
        What the network is shown of a beat: where it shows the P wave.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, settings: RhythmSettings, window: WindowSpec, *, fs: float) -> None:
        self.fs = fs
        self._settings = settings
        self._place = window.features.index(_P_WAVE) if _P_WAVE in window.features else None
        self._p_waves: dict[int, float] = {}
        self._fibrillation: list[tuple[int, bool]] = []
        self._fibrillating = False
        self._pairs: list[_Pair] = []
        self._rr: int | None = None
        self._before = False
        self._onset: int | None = None
        self._until = -1

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; each beat's P wave waits for its label."""
        if self._place is not None:
            for window in windows:
                self._p_waves[window.sample] = float(window.features[self._place])

    def note(self, rhythms: Sequence[Rhythm]) -> None:
        """Learn where ventricular fibrillation starts and ends, as it is decided."""
        self._fibrillation += [(rhythm.decided, rhythm.state == "start") for rhythm in rhythms]

    def push(self, beat: LabelledBeat) -> list[Turn]:
        """Take the next beat, in beat order, whenever its label arrived; all of one kind.

        Returns
        -------
        list
            Fibrillation that starts or ends, decided where the beat's label takes effect. A start is about
            the R peak from which RR were irregular, an end about the last one of them.
        """
        self._take(beat)
        oldest = beat.sample - round(self._settings.af_window_s * self.fs)
        self._pairs = [pair for pair in self._pairs if pair.sample > oldest]
        if self._onset is not None:
            return self._end(beat)
        return self._start(beat)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "p_waves": list(self._p_waves.items()),
            "fibrillation": list(self._fibrillation),
            "fibrillating": self._fibrillating,
            "pairs": [list(pair) for pair in self._pairs],
            "rr": self._rr,
            "before": self._before,
            "onset": self._onset,
            "until": self._until,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._p_waves = dict(state["p_waves"])
        self._fibrillation = [(decided, starts) for decided, starts in state["fibrillation"]]
        self._fibrillating = state["fibrillating"]
        self._pairs = [_Pair(*pair) for pair in state["pairs"]]
        self._rr = state["rr"]
        self._before = state["before"]
        self._onset = state["onset"]
        self._until = state["until"]

    def _take(self, beat: LabelledBeat) -> None:
        """Add the pair of RR that ends with this beat, if both say anything."""
        while self._fibrillation and self._fibrillation[0][0] <= beat.decided:
            self._fibrillating = self._fibrillation.pop(0)[1]
        usable = beat.label not in "VQ" and not self._fibrillating
        shortest, longest = (round(seconds * self.fs) for seconds in _RR_S)
        rr = beat.rr if usable and self._before else None
        if rr is not None and not shortest < rr < longest:
            rr = None
        p_wave = self._p_wave(beat.sample)
        if rr is not None and self._rr is not None:
            self._pairs.append(_Pair(beat.sample, beat.sample - rr, self._rr, rr, p_wave))
        self._rr = rr
        self._before = usable

    def _p_wave(self, sample: int) -> float:
        """Return how much a beat's P wave speaks against fibrillation; beats come in order, each once."""
        z = self._p_waves.pop(sample, 0.0)
        return min(max(z - _P_USUAL, -_P_REACH), _P_REACH) if z else 0.0

    def _excess(self) -> NDArray[np.float64]:
        """Return how much each pair, oldest first, exceeds what fibrillation asks for."""
        first = np.array([pair.first for pair in self._pairs], np.int64)
        second = np.array([pair.second for pair in self._pairs], np.int64)
        p_wave = np.array([pair.p_wave for pair in self._pairs])
        surprise = np.empty(len(first))
        surprise_kernel(first, second, max(_ALIKE * float(second.mean()), _ALIKE_S * self.fs), surprise)
        return surprise - _P_WEIGHT * p_wave - self._settings.af_surprise

    def _start(self, beat: LabelledBeat) -> list[Turn]:
        """Begin at the pair from which on the sum is largest, if it is large enough."""
        used = sum(pair.before < self._until for pair in self._pairs)
        if len(self._pairs) - used < _FEWEST:
            return []
        sums = np.cumsum(self._excess()[used:][::-1])[::-1]
        best = int(np.argmax(sums))
        stretch = self._pairs[used + best :]
        onset = stretch[0].before
        if sums[best] < _ENOUGH or beat.sample - onset < self._settings.af_s * self.fs:
            return []
        self._onset = onset
        self._until = beat.sample
        bpm = 60 * self.fs * len(stretch) / sum(pair.second for pair in stretch)
        peaks = tuple(pair.sample for pair in stretch[-MAX_EVIDENCE:])
        return [Turn(_KIND, "start", onset, beat.decided, peaks, bpm)]

    def _end(self, beat: LabelledBeat) -> list[Turn]:
        """End at the pair up to which the sum is largest, once that is long enough ago."""
        if len(self._pairs) >= _FEWEST:
            sums = np.cumsum(self._excess())
            best = len(sums) - 1 - int(np.argmax(sums[::-1]))
            if sums[best] > 0:
                self._until = max(self._until, self._pairs[best].sample)
        if beat.sample - self._until < self._settings.af_end_s * self.fs:
            return []
        self._onset = None
        return [Turn(_KIND, "end", self._until, beat.decided)]


@kernel
def surprise_kernel(
    first: NDArray[np.int64], second: NDArray[np.int64], alike: float, surprise: NDArray[np.float64]
) -> None:
    """Write how surprising the second RR of each pair is, by all the others; in nats, at most `_MOST`.

    Parameters
    ----------
    first, second
        Of shape (n_pairs,): the RR of each pair, in samples.
    alike
        RR that differ by no more than this, in samples, are alike.
    surprise
        Of shape (n_pairs,): written.
    """
    for i in range(len(first)):
        n_begin = 0
        n_both = 0
        for j in range(len(first)):
            if j != i and abs(first[j] - first[i]) <= alike:
                n_begin += 1
                n_both += abs(second[j] - second[i]) <= alike
        share = (n_both + _UNKNOWN[0]) / (n_begin + _UNKNOWN[1])
        surprise[i] = min(_MOST, -np.log(share))
