"""Real beats in other rhythms: records whose heart is made to fibrillate, to jump ahead, to race or to pause.

Few patients have supraventricular beats, and fewer have atrial fibrillation, where a beat that comes
early is an N. A network that has seen three such hearts learns those three. So the beats of every
record are lifted off their baseline, QRS-T complex and P wave apart, and laid down again at other
times: with the P wave as it was (sinus rhythm), changed (ectopic beats, labelled S), or left out and
fibrillatory waves in its place (atrial fibrillation, all N). Ventricular beats stay what they are.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Recording
from monitor.events import CLASSES

__all__ = ["RHYTHMS", "retimed"]

Floats = NDArray[np.float64]

_N, _S, _V = (CLASSES.index(name) for name in "NSV")
_P_S: Final = (-0.26, -0.09)
_QRS_T_S: Final = 0.42
_EDGE_S: Final = 0.02
_BLOCK_S: Final = (60.0, 240.0)


class Laid(NamedTuple):
    """One beat to lay down: RR before it (s), how much of its P wave is left, its label."""

    rr_s: float
    p: float
    label: int


Rhythm = Callable[[np.random.Generator, float, bool], list[Laid]]
"""The next few beats, given the usual RR (s) and whether the next beat is ventricular."""


def _sinus(_: np.random.Generator) -> Rhythm:
    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if not ventricular:
            return [Laid(usual_s * rng.normal(1, 0.02), 1.0, _N)]
        rr = usual_s * rng.uniform(0.45, 0.85)
        rest = 2 * usual_s - rr if rng.uniform() < 0.7 else usual_s * rng.uniform(0.95, 1.1)
        return [Laid(rr, 0.0, _V), Laid(rest, 1.0, _N)]

    return beats


def _fibrillating(rng: np.random.Generator) -> Rhythm:
    spread = rng.uniform(9, 30)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if not ventricular:
            return [Laid(max(0.3, usual_s * rng.gamma(spread, 1 / spread)), 0.0, _N)]
        early, late = usual_s * rng.uniform(0.45, 0.8), usual_s * rng.uniform(0.8, 1.8)
        return [Laid(early, 0.0, _V), Laid(late, 0.0, _N)]

    return beats


def _ectopic(rng: np.random.Generator) -> Rhythm:
    """Early beats now and then, alone or in a run, from one focus."""
    focus = _Focus.of(rng)
    share, sinus = rng.uniform(0.02, 0.3), _sinus(rng)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular or rng.uniform() > share:
            return sinus(rng, usual_s, ventricular)
        n = 1 if rng.uniform() < 0.7 else int(rng.integers(2, 30))
        return [*focus.run(rng, usual_s, n), Laid(usual_s * rng.uniform(0.95, 1.35), 1.0, _N)]

    return beats


def _bigeminal(rng: np.random.Generator) -> Rhythm:
    """Every second or third beat comes early, for minutes: early beats make half of what is usual."""
    focus = _Focus.of(rng)
    n_sinus, pause, sinus = int(rng.integers(1, 3)), rng.uniform(0.95, 1.35), _sinus(rng)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular:
            return sinus(rng, usual_s, True)
        rest = [Laid(usual_s * rng.normal(1, 0.02), 1.0, _N) for _ in range(n_sinus - 1)]
        return [*focus.run(rng, usual_s, 1), Laid(usual_s * pause * rng.normal(1, 0.02), 1.0, _N), *rest]

    return beats


def _sick(rng: np.random.Generator) -> Rhythm:
    """Runs of early beats after pauses: most beats are S, and the mean RR tells less than the long ones."""
    focus, sinus = _Focus.of(rng), _sinus(rng)

    def beats(rng: np.random.Generator, usual_s: float, ventricular: bool) -> list[Laid]:
        if ventricular:
            return sinus(rng, usual_s, True)
        pause = Laid(usual_s * rng.uniform(1.0, 2.2), 1.0, _N)
        return [pause, *focus.run(rng, usual_s, int(rng.integers(1, 9)))]

    return beats


class _Focus(NamedTuple):
    """Where early beats come from: how early they come, and what their P waves look like."""

    ratio: float
    p: float

    @classmethod
    def of(cls, rng: np.random.Generator) -> "_Focus":
        return cls(ratio=rng.uniform(0.45, 0.85), p=rng.uniform(-1.0, 1.0))

    def run(self, rng: np.random.Generator, usual_s: float, n: int) -> list[Laid]:
        return [Laid(usual_s * self.ratio * rng.normal(1, 0.04), self.p, _S) for _ in range(n)]


RHYTHMS: Final[dict[str, Callable[[np.random.Generator], Rhythm]]] = {
    "sinus": _sinus,
    "fibrillating": _fibrillating,
    "ectopic": _ectopic,
    "bigeminal": _bigeminal,
    "sick": _sick,
}
"""What makes a rhythm, each with an average of its own."""
_CHANCES: Final = (0.15, 0.4, 0.2, 0.12, 0.13)
_ABERRANT: Final = 0.05
"""Share of early beats that are conducted slowly: wider, and of another height."""


def retimed(recording: Recording, rng: np.random.Generator) -> Recording:
    """Return the beats of a recording in other rhythms, minutes of each, and the labels that go with them."""
    fs, n = recording.fs, len(recording.signal)
    usable = np.flatnonzero(np.isin(recording.labels, (_N, _V)))
    usable = usable[(recording.peaks[usable] > fs) & (recording.peaks[usable] < n - fs)]
    signal = rng.normal(0, 0.01, recording.signal.shape)
    peaks: list[int] = []
    labels: list[int] = []
    at, k, until = 1.0, 0, 0.0
    beats, usual, glide = _sinus(rng), 0.8, 0.0
    while k < len(usable) and at < n / fs - 3:
        if at >= until:
            until = at + rng.uniform(*_BLOCK_S)
            rhythm = str(rng.choice(list(RHYTHMS), p=_CHANCES))
            beats = RHYTHMS[rhythm](rng)
            glide = rng.uniform(-0.004, 0.004) if rhythm == "sinus" else 0.0
            usual = float(np.clip(usual * np.exp(rng.normal(0, 0.25)), 0.45, 1.15))
            if rhythm == "fibrillating":
                _fibrillate(signal, (round(at * fs), round(until * fs)), fs, rng)
        usual = float(np.clip(usual * np.exp(glide + rng.normal(0, 0.004)), 0.4, 1.3))
        ventricular = bool(recording.labels[usable[k]] == _V)
        for laid in beats(rng, usual, ventricular):
            while laid.label != _V and k < len(usable) and recording.labels[usable[k]] == _V:
                k += 1
            if k >= len(usable):
                break
            at += max(laid.rr_s, 0.28)
            if at >= n / fs - 2:
                break
            slow = laid.label == _S and rng.uniform() < _ABERRANT
            width, height = (rng.uniform(1.1, 1.5), rng.uniform(0.6, 1.1)) if slow else (1.0, 1.0)
            _lay(signal, round(at * fs), recording, int(usable[k]), (laid.p, width, height))
            peaks.append(round(at * fs))
            labels.append(laid.label)
            k += 1
    end = min(n, round((at + 1.0) * fs))
    return Recording(
        recording.name,
        fs,
        signal[:end],
        np.array(peaks, dtype=np.int64),
        np.array(labels, dtype=np.int64),
        np.zeros(end, dtype=np.bool_),
    )


def _lay(
    signal: Floats, at: int, recording: Recording, beat: int, changed: tuple[float, float, float]
) -> None:
    """Add one beat, its baseline taken off: ``changed`` is the share of its P wave, its width and height."""
    p, width, height = changed
    fs, r = recording.fs, int(recording.peaks[beat])
    before = r - int(recording.peaks[beat - 1]) if beat else round(fs)
    after = int(recording.peaks[beat + 1]) - r if beat + 1 < len(recording.peaks) else round(fs)
    start = -min(round(-_P_S[0] * fs), round(0.45 * before))
    stop = min(round(_QRS_T_S * fs), round(0.6 * after))
    piece = recording.signal[r + start : r + stop]
    edge = max(1, round(_EDGE_S * fs))
    line = np.linspace(np.nanmean(piece[:edge], axis=0), np.nanmean(piece[-edge:], axis=0), len(piece))
    weight = np.ones(len(piece))
    n_p = max(edge + 1, -start + round(_P_S[1] * fs))
    weight[:n_p] = p
    weight[n_p - edge : n_p + edge] = np.linspace(p, 1.0, 2 * edge)
    weight[:edge] *= np.linspace(0, 1, edge)
    weight[-edge:] *= np.linspace(1, 0, edge)
    laid = height * np.nan_to_num(piece - line) * weight[:, np.newaxis]
    if width != 1.0:
        old = np.arange(start, stop)
        new = np.arange(round(start * width), round(stop * width))
        laid = np.stack([np.interp(new / width, old, laid[:, lead]) for lead in range(laid.shape[1])], axis=1)
        start = int(new[0])
    until = min(at + start + len(laid), len(signal))
    signal[at + start : until] += laid[: until - at - start]


def _fibrillate(signal: Floats, span: tuple[int, int], fs: float, rng: np.random.Generator) -> None:
    """Add fibrillatory waves: two beating tones of 4 to 9 Hz, of another size in every lead."""
    stop = min(span[1], len(signal))
    seconds = np.arange(span[0], stop) / fs
    for _ in range(2):
        drift = np.cumsum(rng.normal(0, 0.02, len(seconds)))
        wave = np.sin(2 * np.pi * (rng.uniform(4, 9) * seconds) + drift)
        signal[span[0] : stop] += wave[:, np.newaxis] * rng.uniform(0, 0.06, signal.shape[1])
