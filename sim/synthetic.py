"""A synthetic patient: an ECG made from a rhythm script, whose every beat is known.

Each beat is a sum of Gaussians for P, Q, R, S and T, after McSharry, Clifford, Tarassenko & Smith,
"A dynamical model for generating synthetic electrocardiogram signals", IEEE Trans Biomed Eng 50(3),
2003. Deviations: the waves are placed in time around the R peak instead of on a limit cycle that is
integrated, so the R peak lies on its sample exactly; the T wave moves with the square root of RR
(Bazett); ventricular beats, fibrillation of atria and ventricles, breathing, wander and noise are added.

Signals are rendered in stretches at absolute indices, so any partition gives the same bits. Imports
numpy alone: a demo without records starts at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitor.noise import wander
from sim.script import DEFAULT_SCRIPT, Planned, Span, parse, plan

__all__ = ["SyntheticPatient", "Truth"]

Floats = NDArray[np.float64]

_STRETCH: Final = 256
"""Samples rendered at a time: little, so that many beds in one process are never late together."""
_REACH_S: Final = 0.75
"""How far from its R peak a beat's waves reach."""

# (time s, width s, amplitude in lead II mV, in V1 mV); times of T scale with sqrt(RR).
_Wave = tuple[float, float, float, float]
_QRS: Final[tuple[_Wave, ...]] = (
    (-0.026, 0.0075, -0.11, 0.0),
    (0.0, 0.0105, 1.15, 0.28),
    (0.027, 0.010, -0.24, -0.85),
)
_P: Final[tuple[_Wave, ...]] = ((-0.165, 0.022, 0.13, 0.05), (-0.145, 0.018, 0.04, -0.03))
_ECTOPIC_P: Final[tuple[_Wave, ...]] = ((-0.125, 0.018, -0.07, 0.08),)
_T: Final[tuple[_Wave, ...]] = ((0.24, 0.050, 0.20, 0.06), (0.29, 0.034, 0.14, 0.04))
_WIDE: Final[tuple[_Wave, ...]] = (
    (-0.052, 0.022, 0.24, -0.08),
    (0.003, 0.034, 1.45, 1.05),
    (0.088, 0.034, -0.62, -0.45),
)
_WIDE_T: Final[tuple[_Wave, ...]] = ((0.27, 0.070, -0.52, -0.38),)
_WIDE_TOO: Final[tuple[_Wave, ...]] = (
    (-0.060, 0.020, -0.30, 0.22),
    (0.000, 0.026, 0.85, -1.25),
    (0.070, 0.040, 0.62, 0.50),
)
"""From the other ventricle: the bundle branch block pattern of the other side."""
_WIDE_TOO_T: Final[tuple[_Wave, ...]] = ((0.28, 0.070, -0.35, 0.45),)
_LEADS: Final = ("II", "V1")

_SYMBOL: Final[dict[str, Literal["N", "S", "V"]]] = {
    "normal": "N",
    "fibrillating": "N",
    "atrial": "S",
    "ventricular": "V",
    "ventricular_too": "V",
}
_WIDE_SHAPES: Final = {"ventricular": (_WIDE, _WIDE_T), "ventricular_too": (_WIDE_TOO, _WIDE_TOO_T)}


@dataclass(frozen=True, slots=True)
class Truth:
    """What a synthetic signal holds, exactly.

    Attributes
    ----------
    r_peaks
        Sample indices, increasing, of shape (n_beats,).
    labels
        AAMI class of each: N, S or V.
    rhythms
        (start, stop, WFDB name), adjoining, up to the end asked for.
    """

    r_peaks: NDArray[np.int64]
    labels: tuple[str, ...]
    rhythms: tuple[tuple[int, int, str], ...]


class SyntheticPatient:
    """A source of millivolts played from a rhythm script.

    Parameters
    ----------
    script
        See `sim.script`.
    fs
        Sampling rate in Hz, any.
    seed
        Equal seeds, scripts and rates give equal signals; beats of one seed lie at the same times
        whatever the rate.
    n_leads
        1 (lead II) or 2 (and V1).
    loop
        Begin the script again when it is over; the index goes on.

    Raises
    ------
    SourceError
        The script is not understood.
    """

    record = "synthetic"

    def __init__(
        self,
        script: str = DEFAULT_SCRIPT,
        *,
        fs: float,
        seed: int = 0,
        n_leads: int = 2,
        loop: bool = False,
    ) -> None:
        if n_leads not in (1, 2):
            raise ValueError(f"leads of a synthetic patient: expected 1 or 2, received {n_leads}")
        self.fs = fs
        self.leads: tuple[str, ...] = _LEADS[:n_leads]
        self.gains = (1000.0,) * n_leads
        self.baselines = (0,) * n_leads
        self._seed = seed
        self._plan: Iterator[Planned | Span | float] = plan(parse(script), seed=seed, loop=loop)
        self._loop = loop
        self._r_peaks: list[int] = []
        self._beats: list[Planned] = []
        self._spans: list[tuple[int, str]] = []
        self._planned = 0
        self._end: int | None = None
        self._stretches: dict[int, Floats] = {}

    @property
    def n_samples(self) -> int | None:
        """Samples of the whole script, None when it loops."""
        if self._loop:
            return None
        self._plan_until(2**62)
        return self._end

    def read(self, start: int, stop: int) -> Floats:
        """Return samples ``start`` up to ``stop`` in millivolt, fewer or none past the end.

        Returns
        -------
        NDArray[np.float64]
            Of shape (n_samples, n_leads).
        """
        self._plan_until(stop)
        if self._end is not None:
            stop = min(stop, self._end)
        if stop <= start:
            return np.empty((0, len(self.leads)))
        numbers = range(start // _STRETCH, (stop - 1) // _STRETCH + 1)
        joined = np.concatenate([self._stretch(number) for number in numbers])
        first = numbers[0] * _STRETCH
        return joined[start - first : stop - first]

    def truth(self, stop: int | None = None) -> Truth:
        """Return what is in the signal up to sample ``stop`` (its end by default, where it has one).

        Raises
        ------
        ValueError
            The script loops and no end was asked for.
        """
        if stop is None:
            if self.n_samples is None:
                raise ValueError("truth of a looping script: expected a stop, received None")
            stop = self.n_samples
        self._plan_until(stop)
        count = bisect_left(self._r_peaks, stop)
        bounds = [start for start, _ in self._spans if start < stop] + [stop]
        return Truth(
            r_peaks=np.array(self._r_peaks[:count], dtype=np.int64),
            labels=tuple(_SYMBOL[beat.kind] for beat in self._beats[:count]),
            rhythms=tuple(
                (start, following, aux)
                for (start, aux), following in zip(self._spans, bounds[1:], strict=False)
                if following > start
            ),
        )

    def _plan_until(self, stop: int) -> None:
        """Play the script until every beat that reaches into samples before ``stop`` is planned."""
        wanted = stop + round((_REACH_S + 1.0) * self.fs)
        while self._end is None and self._planned < wanted:
            step = next(self._plan, None)
            if step is None:
                self._end = self._planned
            elif isinstance(step, float):
                self._planned = round(step * self.fs)
            else:
                index = round(step.time_s * self.fs)
                if isinstance(step, Span):
                    self._spans.append((index, step.rhythm))
                else:
                    self._r_peaks.append(index)
                    self._beats.append(step)
                self._planned = max(self._planned, index)

    def _stretch(self, number: int) -> Floats:
        found = self._stretches.get(number)
        if found is None:
            found = self._render(number)
            self._stretches[number] = found
            while len(self._stretches) > 8:
                self._stretches.pop(next(iter(self._stretches)))
        return found

    def _render(self, number: int) -> Floats:
        start = number * _STRETCH
        stop = start + _STRETCH
        self._plan_until(stop)
        n_leads = len(self.leads)
        rng = np.random.default_rng([self._seed, 2, number])
        signal = 0.009 * rng.standard_normal((_STRETCH, n_leads))
        signal += wander(start, stop, fs=self.fs, size=0.22, seed=self._seed, n_leads=n_leads)
        reach = round(_REACH_S * self.fs)
        first = bisect_left(self._r_peaks, start - reach)
        last = bisect_left(self._r_peaks, stop + reach)
        for r, beat in zip(self._r_peaks[first:last], self._beats[first:last], strict=True):
            self._add_beat(signal, start, r, beat)
        for position in range(max(bisect_right(self._spans, (start, "~")) - 1, 0), len(self._spans)):
            begin, aux = self._spans[position]
            if begin >= stop:
                break
            later = self._spans[position + 1 : position + 2]
            end = later[0][0] if later else self._planned
            if aux in ("(AFIB", "(VF") and end > start:
                self._add_fibrillation(signal, start, (begin, end), aux)
        return signal

    def _add_beat(self, signal: Floats, start: int, r: int, beat: Planned) -> None:
        reach = round(_REACH_S * self.fs)
        low, high = max(r - reach, start), min(r + reach, start + len(signal))
        if low >= high:
            return
        t = (np.arange(low, high) - r) / self.fs
        rng = np.random.default_rng([self._seed, 3, max(r, 0)])
        size = 1.0 + 0.05 * np.sin(2 * np.pi * 0.25 * beat.time_s) + 0.02 * rng.standard_normal()
        stretch = float(np.sqrt(np.clip(beat.rr_s, 0.3, 1.2) / 0.8))
        complexes, repolarisation = _WIDE_SHAPES.get(beat.kind, (_QRS, _T))
        waves = list(complexes)
        waves += [
            (time * stretch, width * stretch, first, second) for time, width, first, second in repolarisation
        ]
        if beat.kind in ("normal", "atrial"):
            squeeze = min(1.0, stretch)
            atrial = _P if beat.kind == "normal" else _ECTOPIC_P
            waves += [(time * squeeze, width, first, second) for time, width, first, second in atrial]
        columns = signal[low - start : high - start]
        for time, width, *heights in waves:
            shape = size * np.exp(-0.5 * ((t - time) / width) ** 2)
            for lead in range(signal.shape[1]):
                columns[:, lead] += heights[lead] * shape

    def _add_fibrillation(self, signal: Floats, start: int, span: tuple[int, int], aux: str) -> None:
        begin, end = span
        low, high = max(begin, start), min(end, start + len(signal))
        index = np.arange(low, high)
        t = (index - begin) / self.fs
        rng = np.random.default_rng([self._seed, 4, begin])
        base_hz, height = (6.2, 0.055) if aux == "(AFIB" else (4.6, 0.55)
        edge = np.clip(np.minimum(index - begin, end - index) / (0.4 * self.fs), 0.0, 1.0)
        for lead in range(signal.shape[1]):
            wave = np.zeros(len(index))
            for share, ratio in ((0.6, 1.0), (0.4, 0.83), (0.3, 1.31), (0.18, 1.9)):
                phase = rng.uniform(0, 2 * np.pi, 3)
                depth, slow_hz = rng.uniform(0.5, 1.2), rng.uniform(0.15, 0.45)
                angle = 2 * np.pi * base_hz * ratio * t + depth * np.sin(2 * np.pi * slow_hz * t + phase[1])
                swell = 1.0 + 0.45 * np.sin(2 * np.pi * 0.7 * slow_hz * t + phase[2])
                wave += share * swell * np.sin(angle + phase[0])
            signal[low - start : high - start, lead] += height * (1.0 if lead == 0 else 0.8) * edge * wave
