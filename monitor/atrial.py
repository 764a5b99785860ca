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
- P waves speak against it, and their absence, less so, for it (`monitor.p_waves`): ``af_surprise`` is 1.3,
  and 3.2 where every beat has the P wave of its neighbours and of the patient, 0.6 where none has. Regular
  RR are never fibrillation.
- It begins where the sum of what exceeds ``af_surprise`` is largest up to now, and is told once that
  stretch is ``af_s`` long and the sum large enough.
- It may come and go (`monitor.stretches`): the rhythm is marked beat by beat while the alarm lasts, and from
  its onset; the alarm is over ``af_end_s`` after the last stretch of irregular RR.
- Four RR in a row that are alike speak against marking it there, however rare they were in the last minute:
  fibrillation seldom has them by chance, and between its bursts other rhythms may last a few seconds only.
- Flutter that is conducted by twos, threes and fours is as irregular. It is marked as flutter where its wave
  can be followed from beat to beat (`monitor.flutter`). The alarm is the same: its definition is of RR.

What it does not do: it does not look for fibrillatory waves, and regular RR (a pacemaker, complete block)
hide fibrillation from it. Atrial rhythms of many foci look alike, and flutter whose wave does not show.

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

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from monitor.events import BeatWindow, LabelledBeat, Rhythm
from monitor.flutter import Flutter
from monitor.p_waves import PWaves
from monitor.settings import RhythmSettings
from monitor.stage import State, kernel
from monitor.stretches import BEFORE, FIRST, SAMPLE, SECOND, Stretches
from monitor.turns import FLUTTER, PAROXYSM, Turn
from monitor.window import WindowSpec

__all__ = ["Atrial", "surprise_kernel"]

_KIND: Final = "atrial_fibrillation"
_ALIKE: Final = 0.05
"""RR within this share of the mean RR of one another are alike ..."""
_ALIKE_S: Final = 0.02
"""... and so are those that differ by less than this."""
_REGULAR: Final = 0.04
"""RR of a row that differ by no more than this share of the mean are regular ..."""
_ROW: Final = 4
_ROW_NATS: Final = 2.0
"""... and four of them in a row speak so much against fibrillation."""
_RR_S: Final = (0.2, 3.0)
"""RR outside these say nothing: a false detection, a pause."""
_HEARD: Final = (0.5, 2.0)
"""Before anything was heard: so many pairs went on alike out of so many."""
_MOST: Final = 2.5
"""No single pair surprises more than this: one premature beat is not fibrillation."""
_ENOUGH: Final = 15.0
"""What the sum has to reach: 30 pairs that exceed the limit by half a nat each."""
_PLAIN: Final = 2.0
"""Beats are marked as flutter where its wave says more than so many nats."""
_LATEST_S: Final = 3.0
"""No label takes effect later than this after its R peak; a silence is longer."""
_FEWEST: Final = 2
"""Pairs without which nothing is judged."""


class Atrial:
    """Atrial fibrillation of one bed.

    Parameters
    ----------
    settings
        ``af_window_s``, ``af_s``, ``af_surprise`` and ``af_end_s``.
    window
        What the network is shown of a beat, the P wave with it.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, settings: RhythmSettings, window: WindowSpec, *, fs: float) -> None:
        self._fs = fs
        self._limit = settings.af_surprise
        self._span = round(settings.af_window_s * fs)
        self._least = round(settings.af_s * fs)
        self._delay = round(settings.af_end_s * fs)
        self._shortest, self._longest = (round(seconds * fs) for seconds in _RR_S)
        self._p_waves = PWaves(window, fs=fs, span=self._span)
        self._flutter = Flutter(window, fs=fs, span=self._span)
        self._stretches = tuple(
            Stretches(kind, fs=fs, delay=self._delay) for kind in (_KIND, PAROXYSM, FLUTTER)
        )
        self._irregular, *self._marked = self._stretches
        self._fibrillation: list[tuple[int, bool]] = []
        self._fibrillating = False
        self._pairs = np.empty((0, 4))
        self._rr: int | None = None
        self._usable = False
        self._lasts = False
        self._onset = -1

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; each beat's waves wait for its label."""
        self._p_waves.observe(windows)
        self._flutter.observe(windows)

    def note(self, rhythms: Sequence[Rhythm]) -> None:
        """Learn where ventricular fibrillation starts and ends, as it is decided.

        What was heard before either is forgotten: the heart begins anew.
        """
        self._fibrillation += [(rhythm.decided, rhythm.state == "start") for rhythm in rhythms]

    def push(self, beat: LabelledBeat) -> list[Turn]:
        """Take the next beat, in beat order, whenever its label arrived; all of one kind.

        Returns
        -------
        list
            Fibrillation, and its stretches and those of flutter, that start or end, decided where the
            beat's label takes effect. A start is about the R peak from which on RR were irregular, and its
            value the mean rate since, in beats per minute; an end is about the last of these beats.
        """
        pair = self._pair(beat)
        self._pairs = self._pairs[self._pairs[:, SAMPLE] > beat.sample - self._span]
        if pair is not None:
            self._pairs = np.vstack([self._pairs, pair])
        if self._lasts:
            return [*self._follow(beat, self._excess(), [len(self._pairs)]), *self._end(beat)]
        return self._start(beat) if pair is not None else []

    def advance(self, index: int) -> list[Turn]:
        """Let time run: no label decided before ``index`` will come any more.

        Without a beat it is over as late as with regular ones, once their labels would have come.
        """
        due = self._irregular.until + self._delay + round(_LATEST_S * self._fs)
        return self._over(due) if self._lasts and due < index else []

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "p_waves": self._p_waves.snapshot(),
            "fibrillation": list(self._fibrillation),
            "fibrillating": self._fibrillating,
            "pairs": self._pairs.copy(),
            "rr": self._rr,
            "usable": self._usable,
            "lasts": self._lasts,
            "onset": self._onset,
            "flutter": self._flutter.snapshot(),
            "stretches": [each.snapshot() for each in self._stretches],
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._p_waves.restore(state["p_waves"])
        self._fibrillation = [(decided, starts) for decided, starts in state["fibrillation"]]
        self._fibrillating = state["fibrillating"]
        self._pairs = state["pairs"].copy()
        self._rr = state["rr"]
        self._usable = state["usable"]
        self._lasts, self._onset = state["lasts"], state["onset"]
        self._flutter.restore(state["flutter"])
        for each, kept in zip(self._stretches, state["stretches"], strict=True):
            each.restore(kept)

    def _pair(self, beat: LabelledBeat) -> list[float] | None:
        """Return the pair of RR that ends with this beat, if both say anything."""
        while self._fibrillation and self._fibrillation[0][0] <= beat.decided:
            self._fibrillating = self._fibrillation.pop(0)[1]
            self._pairs = self._pairs[:0]
        usable = beat.label not in "VQ" and not self._fibrillating
        self._p_waves.push(beat.sample, counts=usable)
        self._flutter.push(beat.sample, counts=usable)
        first, second = self._rr, beat.rr if usable and self._usable else None
        if second is not None and not self._shortest < second < self._longest:
            second = None
        self._rr, self._usable = second, usable
        if first is None or second is None:
            return None
        return [beat.sample, beat.sample - second, first, second]

    def _excess(self) -> NDArray[np.float64]:
        """Return by how much each pair exceeds what fibrillation asks for, oldest first."""
        excess = np.zeros(len(self._pairs))
        if len(self._pairs):
            alike = max(_ALIKE * float(self._pairs[:, SECOND].mean()), _ALIKE_S * self._fs)
            surprise_kernel(self._pairs[:, FIRST].copy(), self._pairs[:, SECOND].copy(), alike, excess)
        return excess - self._p_waves.against(self._pairs[:, SAMPLE]) - self._limit

    def _in_row(self) -> NDArray[np.bool_]:
        """Return which pairs end with one of four RR in a row that are alike."""
        pairs = self._pairs
        found = np.zeros(len(pairs), dtype=bool)
        if len(pairs) < _ROW - 1:
            return found
        alike = max(_REGULAR * float(pairs[:, SECOND].mean()), _ALIKE_S * self._fs)
        joined = pairs[1:, BEFORE] == pairs[:-1, SAMPLE]
        rr = sliding_window_view(pairs[:, SECOND], _ROW - 1)
        first = pairs[: len(rr), FIRST]
        spread = np.maximum(rr.max(axis=1), first) - np.minimum(rr.min(axis=1), first)
        rows = (spread <= alike) & sliding_window_view(joined, _ROW - 2).all(axis=1)
        for place in range(_ROW - 1):
            found[place : place + len(rows)] |= rows
        found[: len(rows) - 1] |= rows[1:] & joined[: len(rows) - 1]
        return found

    def _start(self, beat: LabelledBeat) -> list[Turn]:
        """Begin with the pair from which on the sum is largest, if it is large and long enough.

        The stretches up to now are told with it.
        """
        first = self._irregular.first(self._pairs)
        if len(self._pairs) - first < _FEWEST:
            return []
        excess = self._excess()
        sums = np.cumsum(excess[first:][::-1])[::-1]
        best = first + int(np.argmax(sums))
        onset = int(self._pairs[best, BEFORE])
        if sums[best - first] < _ENOUGH or beat.sample - onset < self._least:
            return []
        self._lasts, self._onset = True, onset
        start = self._irregular.begin(self._pairs[best:], beat.decided)
        for each in self._stretches:
            each.since, each.until = None, onset
        return [start, *self._follow(beat, excess, range(best + 1, len(self._pairs) + 1))]

    def _follow(self, beat: LabelledBeat, excess: NDArray[np.float64], upto: Iterable[int]) -> list[Turn]:
        """Let stretches end and begin, looking at the oldest pairs, so many of them at each step.

        The last step is now; those before are at the last pair of each.
        """
        flutter = np.zeros(len(excess))
        asked = self._pairs[:, BEFORE] >= self._onset
        flutter[asked] = self._flutter.against(self._pairs[asked, SAMPLE])
        fibrillation = excess - flutter - _ROW_NATS * self._in_row()
        evidence = (excess, fibrillation, flutter - _PLAIN + np.minimum(excess, 0.0))
        turns = []
        for heard in upto:
            now = beat.sample if heard == len(excess) else int(self._pairs[heard - 1, SAMPLE])
            for each, nats in zip(self._stretches, evidence, strict=True):
                told = each.follow(self._pairs[:heard], nats[:heard], now=now, decided=beat.decided)
                turns += told if each is not self._irregular else []
        return turns

    def _end(self, beat: LabelledBeat) -> list[Turn]:
        """End it once the last stretch is long enough ago."""
        over = self._irregular.since is None and beat.sample - self._irregular.until >= self._delay
        return self._over(beat.decided) if over else []

    def _over(self, decided: int) -> list[Turn]:
        """End it, and its stretches if any last."""
        self._lasts = False
        self._irregular.since = None
        turns = [turn for each in self._marked for turn in each.end(decided)]
        return [*turns, Turn(_KIND, "end", self._irregular.until, decided)]


@kernel
def surprise_kernel(
    first: NDArray[np.float64], second: NDArray[np.float64], alike: float, surprise: NDArray[np.float64]
) -> None:
    """Write how surprising the second RR of each pair is, by all the others; in nats, at most `_MOST`.

    Parameters
    ----------
    first, second
        Of shape (n_pairs,): the RR of each pair.
    alike
        RR that differ by no more than this are alike.
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
        surprise[i] = min(_MOST, -np.log((n_both + _HEARD[0]) / (n_begin + _HEARD[1])))
