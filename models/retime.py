"""Real beats in other rhythms: records whose heart is made to fibrillate, to jump ahead, to race or to pause.

Few patients have supraventricular beats, and fewer have atrial fibrillation, where a beat that comes
early is an N. A network that has seen three such hearts learns those three. So the beats of every
record are lifted off their baseline and laid down again at other times: with the P wave as it was
(sinus rhythm), changed (ectopic beats, labelled S), or left out and fibrillatory waves in its place
(atrial fibrillation, all N). Ventricular beats stay what they are.

A *varied* copy also has what is rarer still, and is told apart by its P waves and by how the QRS
complex begins: bundle branches that fail for some beats or minutes (the label stays; the earlier an
ectopic beat, the more often, as in Gouaux & Ashman 1947, Am Heart J 34:366), and ventricular beats in
pairs, in tachycardias and in rhythms that stand in for the sinus node, and fusion beats (labelled F),
alone and as the first of a pair.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.data import Recording
from models.pieces import Conduction, Piece, conducted, faded, lay, lift
from monitor.events import CLASSES

__all__ = ["RHYTHMS", "retimed"]

Floats = NDArray[np.float64]

_N, _S, _V, _F = (CLASSES.index(name) for name in "NSVF")
_LEAST_RR_S: Final = 0.28
_BLOCK_S: Final = (60.0, 240.0)


_PAIR_FUSED: Final = 0.7
"""Share of the pairs in varied copies that begin with a fusion beat."""
_FUSED: Final = 0.04
"""Share of the sinus beats in varied copies that are fusion beats."""

Way: TypeAlias = Literal["usual", "aberrant", "fused"]
"""How a beat is conducted."""


class Laid(NamedTuple):
    """One beat to lay down: RR before it (s), how much of its P wave is left, its label, its conduction."""

    rr_s: float
    p: float
    label: int
    way: Way = "usual"


Rhythm = Callable[[np.random.Generator, float, bool], list[Laid]]
"""The next few beats, given the usual RR (s) and whether the next beat is ventricular."""


def _ventricular(rng: np.random.Generator, usual_s: float, *, varied: bool, sinus: bool) -> list[Laid]:
    """Return ventricular beats: one, and in varied copies a pair, a tachycardia or a rhythm that stands in.

    Without P waves nothing would tell a run from N that are conducted otherwise, and there is nothing
    to fuse with: ``sinus`` is False in fibrillation, which gets single beats and pairs.
    """
    kind = rng.choice(4, p=(0.78, 0.12, 0.06, 0.04)) if varied else 0
    early = Laid(usual_s * rng.uniform(0.45, 0.85), 0.0, _V)
    if kind == 1 and sinus and rng.uniform() < _PAIR_FUSED:
        return [Laid(usual_s * rng.uniform(0.85, 1.0), 1.0, _F, "fused"), early]
    if kind == 1:
        return [early, Laid(usual_s * rng.uniform(0.4, 0.95), 0.0, _V)]
    if kind >= 2 and sinus:
        n = int(np.exp(rng.uniform(np.log(3), np.log(60))))
        rr_s = rng.uniform(0.28, 0.55) if kind == 2 else usual_s * rng.uniform(0.8, 1.5)
        return [Laid(rr_s * rng.normal(1, 0.03), 0.0, _V) for _ in range(n)]
    return [early]


def _sinus(_: np.random.Generator, varied: bool) -> Rhythm:
    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if not ventricular and varied and rng.uniform() < _FUSED:
            return [Laid(usual_s * rng.normal(0.95, 0.03), 1.0, _F, "fused")]
        if not ventricular:
            return [Laid(usual_s * rng.normal(1, 0.02), 1.0, _N)]
        focus = _ventricular(rng, usual_s, varied=varied, sinus=True)
        early_s = focus[-1].rr_s
        full = rng.uniform() < 0.7 and early_s < usual_s
        rest_s = 2 * usual_s - early_s if full else usual_s * rng.uniform(0.95, 1.1)
        return [*focus, Laid(rest_s, 1.0, _N)]

    return beats


def _fibrillating(rng: np.random.Generator, varied: bool) -> Rhythm:
    spread = rng.uniform(9, 30)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if not ventricular:
            return [Laid(max(0.3, usual_s * rng.gamma(spread, 1 / spread)), 0.0, _N)]
        focus = _ventricular(rng, usual_s, varied=varied, sinus=False)
        return [*focus, Laid(usual_s * rng.uniform(0.8, 1.8), 0.0, _N)]

    return beats


def _ectopic(rng: np.random.Generator, varied: bool) -> Rhythm:
    """Early beats now and then, alone or in a run, from one focus."""
    focus = _Focus.of(rng, varied)
    share, sinus = rng.uniform(0.02, 0.3), _sinus(rng, varied)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular or rng.uniform() > share:
            return sinus(rng, usual_s, ventricular)
        n = 1 if rng.uniform() < 0.7 else int(rng.integers(2, 30))
        return [*focus.run(rng, usual_s, n), Laid(usual_s * rng.uniform(0.95, 1.35), 1.0, _N)]

    return beats


def _bigeminal(rng: np.random.Generator, varied: bool) -> Rhythm:
    """Every second or third beat comes early, for minutes: early beats make half of what is usual."""
    focus = _Focus.of(rng, varied)
    n_sinus, pause, sinus = int(rng.integers(1, 3)), rng.uniform(0.95, 1.35), _sinus(rng, varied)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular:
            return sinus(rng, usual_s, True)
        rest = [Laid(usual_s * rng.normal(1, 0.02), 1.0, _N) for _ in range(n_sinus - 1)]
        return [*focus.run(rng, usual_s, 1), Laid(usual_s * pause * rng.normal(1, 0.02), 1.0, _N), *rest]

    return beats


def _sick(rng: np.random.Generator, varied: bool) -> Rhythm:
    """Runs of early beats after pauses: most beats are S, and the mean RR tells less than the long ones."""
    focus, sinus = _Focus.of(rng, varied), _sinus(rng, varied)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular:
            return sinus(rng, usual_s, True)
        pause = Laid(usual_s * rng.uniform(1.0, 2.2), 1.0, _N)
        return [pause, *focus.run(rng, usual_s, int(rng.integers(1, 9)))]

    return beats


class _Focus(NamedTuple):
    """Where early beats come from: how early, what their P waves look like, how often they are aberrated."""

    ratio: float
    p: float
    aberrant: float

    @classmethod
    def of(cls, rng: np.random.Generator, varied: bool) -> "_Focus":
        ratio = rng.uniform(0.35 if varied else 0.45, 0.85)
        often = varied and rng.uniform() < (0.5 if ratio < 0.6 else 0.15)
        return cls(ratio=ratio, p=rng.uniform(-1.0, 1.0), aberrant=rng.uniform(0.2, 1.0) if often else 0.02)

    def run(self, rng: np.random.Generator, usual_s: float, n: int) -> list[Laid]:
        """Return early beats; the bundle branches get used to a run after a few."""
        n_aberrant = int(rng.integers(1, 4)) if rng.uniform() < self.aberrant else 0
        rrs = usual_s * self.ratio * rng.normal(1, 0.04, n)
        return [
            Laid(rr_s, self.p, _S, "aberrant" if k < n_aberrant else "usual")
            for k, rr_s in enumerate(rrs.tolist())
        ]


RHYTHMS: Final[dict[str, Callable[[np.random.Generator, bool], Rhythm]]] = {
    "sinus": _sinus,
    "fibrillating": _fibrillating,
    "ectopic": _ectopic,
    "bigeminal": _bigeminal,
    "sick": _sick,
}
"""What makes a rhythm, each with an average of its own, varied or not."""
_CHANCES: Final = (0.15, 0.4, 0.2, 0.12, 0.13)
_BLOCKED: Final = 0.15
"""Share of the stretches, but for fibrillation, in which a bundle branch fails now and then."""
_BLOCKED_S: Final = (5.0, 60.0)
_NEAR: Final = 10
"""Further ventricular beats of a run are drawn from so many before and after."""


class _Stretch:
    """Minutes of one rhythm, with the conduction that goes with it."""

    def __init__(self, at: float, n_leads: int, rng: np.random.Generator, *, varied: bool) -> None:
        self.until = at + rng.uniform(*_BLOCK_S)
        self.rhythm = str(rng.choice(list(RHYTHMS), p=_CHANCES))
        self.beats = RHYTHMS[self.rhythm](rng, varied)
        self.glide = rng.uniform(-0.004, 0.004) if self.rhythm == "sinus" else 0.0
        self._aberration = Conduction.of(rng, n_leads)
        self._fusion = Conduction.fused(rng, n_leads)
        failing = varied and self.rhythm != "fibrillating" and rng.uniform() < _BLOCKED
        self._block = Conduction.of(rng, n_leads) if failing else None
        self._failed, self._change = False, at

    def conduction(self, at: float, laid: Laid, rng: np.random.Generator) -> Conduction | None:
        """Return how a beat at a time (s) is conducted, None for as usual."""
        if at >= self._change:
            self._failed, self._change = not self._failed, at + rng.uniform(*_BLOCKED_S)
        if laid.way == "fused":
            return self._fusion
        if laid.way == "aberrant":
            return self._aberration
        return self._block if self._failed and laid.label != _V else None


def retimed(recording: Recording, rng: np.random.Generator, *, varied: bool = False) -> Recording:
    """Return the beats of a recording in other rhythms, minutes of each, and the labels that go with them."""
    fs, (n, n_leads) = recording.fs, recording.signal.shape
    usable = np.flatnonzero(np.isin(recording.labels, (_N, _V)))
    usable = usable[(recording.peaks[usable] > fs) & (recording.peaks[usable] < n - fs)]
    foci = usable[recording.labels[usable] == _V]
    signal = rng.normal(0, 0.01, recording.signal.shape)
    peaks: list[int] = []
    labels: list[int] = []
    at, k, usual = 1.0, 0, 0.8
    stretch: _Stretch | None = None
    while k < len(usable) and at < n / fs - 3:
        if stretch is None or at >= stretch.until:
            stretch = _Stretch(at, n_leads, rng, varied=varied)
            usual = float(np.clip(usual * np.exp(rng.normal(0, 0.25)), 0.45, 1.15))
            if stretch.rhythm == "fibrillating":
                _fibrillate(signal, (round(at * fs), round(stretch.until * fs)), fs, rng)
        usual = float(np.clip(usual * np.exp(stretch.glide + rng.normal(0, 0.004)), 0.4, 1.3))
        for laid in stretch.beats(rng, usual, bool(recording.labels[usable[k]] == _V)):
            while laid.label != _V and k < len(usable) and recording.labels[usable[k]] == _V:
                k += 1
            if k >= len(usable):
                break
            at += max(laid.rr_s, _LEAST_RR_S)
            if at >= n / fs - 2:
                break
            beat = int(usable[k])
            if laid.label == _V and recording.labels[beat] != _V:  # the record has no further one in a row
                beat = _near(foci, beat, rng)
            else:
                k += 1
            lay(signal, round(at * fs), _piece(recording, beat, laid, stretch.conduction(at, laid, rng)))
            peaks.append(round(at * fs))
            labels.append(laid.label)
    end = min(n, round((at + 1.0) * fs))
    return Recording(
        recording.name,
        fs,
        signal[:end],
        np.array(peaks, dtype=np.int64),
        np.array(labels, dtype=np.int64),
        np.zeros(end, dtype=np.bool_),
    )


def _piece(recording: Recording, beat: int, laid: Laid, how: Conduction | None) -> Piece:
    piece = faded(lift(recording, beat), laid.p, fs=recording.fs)
    return piece if how is None else conducted(piece, how, fs=recording.fs)


def _near(foci: NDArray[np.intp], beat: int, rng: np.random.Generator) -> int:
    """Return one of the ventricular beats around a place."""
    place = int(np.searchsorted(foci, beat)) + int(rng.integers(-_NEAR, _NEAR))
    return int(foci[min(max(place, 0), len(foci) - 1)])


def _fibrillate(signal: Floats, span: tuple[int, int], fs: float, rng: np.random.Generator) -> None:
    """Add fibrillatory waves: two beating tones of 4 to 9 Hz, of another size in every lead."""
    stop = min(span[1], len(signal))
    seconds = np.arange(span[0], stop) / fs
    for _ in range(2):
        drift = np.cumsum(rng.normal(0, 0.02, len(seconds)))
        wave = np.sin(2 * np.pi * (rng.uniform(4, 9) * seconds) + drift)
        signal[span[0] : stop] += wave[:, np.newaxis] * rng.uniform(0, 0.06, signal.shape[1])
