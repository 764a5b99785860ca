"""Per-lead signal quality: whether a lead is connected, within its range, alive, and legible.

One state per lead and sample, from the raw signal, causal, with hysteresis. Worst first:

``off``
    Samples are missing (NaN) for at least ``off_s``: the device says that the electrode is off, or
    the signal never came.
``saturated``
    The signal sits at a rail: runs of equal values at the most extreme value seen so far, far from
    the baseline, for a notable share of the last half second.
``flat``
    Exactly constant for at least ``flat_s``: a dead lead. Asystole is *not* flat in this sense: a body
    without a heartbeat still leaves amplifier and electrode noise on the line, and an exactly constant
    line stays ``good`` for ``flat_s``, long enough for an asystole alarm (4 s) to be raised first.
``noisy``
    The QRS band is swamped, so that beats found cannot be trusted (`monitor.quality_noise`).
``good``
    None of these. Fibrillation and asystole are meant to be good: they are for others to judge.

The idea of band-power ratios and of flat-line and saturation tests follows the signal quality
indices of Clifford, Behar, Li and Rezek (Physiol Meas 33:1419, 2012) and of Li, Mark and Clifford
(Physiol Meas 29:15, 2008); the bins, the learned level and the weights are our own.

Nothing here looks ahead: an event is decided at the very sample that it names; the condition
itself began up to the stated time earlier.
"""

from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.events import LeadQuality
from monitor.quality_noise import BANDS_HZ, BIN_S, N_BINS, add_power, bands, close_bin, judge
from monitor.settings import QualitySettings
from monitor.stage import State, kernel, record

__all__ = ["STATES", "LeadState", "Quality", "good_leads"]

LeadState: TypeAlias = Literal["good", "noisy", "off", "saturated", "flat"]

STATES: Final[tuple[LeadState, ...]] = ("good", "noisy", "off", "saturated", "flat")
"""The states by code: what `Quality.push` answers per sample indexes this tuple."""

_GOOD, _NOISY, _OFF, _SATURATED, _FLAT = range(5)
_SETTLE_BINS: Final = 4
"""Bins left out after a lead has come back: the filters still ring from the step."""


class _Parameters(Protocol):
    """Settings in samples and gains per sample or bin."""

    off: int
    back: int
    flat: int
    rail_run: int
    bin: int
    enter_bins: int
    leave_bins: int
    enter: float
    leave: float
    rail_mv: float
    rail_gain: float
    rail_enter: float
    rail_leave: float
    baseline_gain: float


class _Lead(Protocol):
    """State of one lead."""

    missing: int
    present: int
    seen: int
    equal: int
    off: int
    saturated: int
    noisy: int
    state: int
    in_bin: int
    n_bins: int
    run: int
    clear: int
    last: float
    origin: float
    top: float
    bottom: float
    baseline: float
    railed: float
    usual: float


def good_leads(codes: NDArray[np.int8]) -> tuple[int, ...]:
    """Return the leads that are good by their codes at one sample, of shape (n_leads,)."""
    return tuple(np.flatnonzero(codes == STATES.index("good")).tolist())


class Quality:
    """The quality stage of one bed: a state per lead and sample, an event at each change.

    Parameters
    ----------
    settings
        Times and thresholds.
    fs
        Sampling rate, Hz; above 85 (the highest band ends at 40 Hz).
    n_leads
        Number of columns of every block.
    start
        Absolute index of the first sample to come.
    """

    def __init__(self, settings: QualitySettings, *, fs: float, n_leads: int, start: int = 0) -> None:
        self.fs = fs
        self.n_leads = n_leads
        self._parameters = _parameters(settings, fs=fs)
        self._sos = bands(fs=fs)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample has index ``start``, and every lead counts as good."""
        self._now = start
        self._leads = np.zeros(self.n_leads, record(_Lead))
        self._filters = np.zeros((self.n_leads, len(BANDS_HZ), 2))
        self._sums = np.zeros((self.n_leads, len(BANDS_HZ)))
        self._bins = np.zeros((self.n_leads, len(BANDS_HZ), N_BINS))

    def push(self, samples: NDArray[np.float64]) -> tuple[list[LeadQuality], NDArray[np.int8]]:
        """Judge the next samples.

        Parameters
        ----------
        samples
            Of shape (n_samples, n_leads), raw millivolt; n_samples may be 0; NaN = missing.

        Returns
        -------
        events
            One for each change of state of a lead, in order of time, then lead.
        states
            Of the shape of ``samples``: codes that index `STATES`.
        """
        codes = np.empty(samples.shape, np.int8)
        before = self._leads["state"].astype(np.int8)
        changes = _quality_kernel(
            np.ascontiguousarray(samples),
            codes,
            self._now,
            self._parameters[0],
            self._leads,
            (self._sos, self._filters, self._sums, self._bins),
        )
        events = _events(codes, before, self._now) if changes else []
        self._now += len(samples)
        return events, codes

    def skip(self, stop: int) -> NDArray[np.int8]:
        """Go on at ``stop`` as before: what lay between never came, which says nothing of the leads.

        Returns
        -------
        NDArray
            Of shape (n_skipped, n_leads): the codes that go on to hold.
        """
        n_skipped, self._now = stop - self._now, stop
        self._leads["n_bins"] = np.minimum(self._leads["n_bins"], -_SETTLE_BINS)
        return np.tile(self._leads["state"].astype(np.int8), (n_skipped, 1))

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "now": self._now,
            "leads": self._leads.copy(),
            "filters": self._filters.copy(),
            "sums": self._sums.copy(),
            "bins": self._bins.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._now = state["now"]
        self._leads = state["leads"].copy()
        self._filters = state["filters"].copy()
        self._sums = state["sums"].copy()
        self._bins = state["bins"].copy()


def _events(codes: NDArray[np.int8], before: NDArray[np.int8], start: int) -> list[LeadQuality]:
    changed = np.diff(codes, axis=0, prepend=before[np.newaxis]) != 0
    return [
        LeadQuality(
            sample=start + int(i), decided=start + int(i), lead=int(lead), state=STATES[codes[i, lead]]
        )
        for i, lead in zip(*np.nonzero(changed), strict=True)
    ]


def _parameters(settings: QualitySettings, *, fs: float) -> NDArray[Any]:
    parameters = np.zeros(1, record(_Parameters))
    p = parameters[0]
    p["off"] = max(1, round(settings.off_s * fs))
    p["back"] = max(1, round(settings.back_s * fs))
    p["flat"] = max(2, round(settings.flat_s * fs))
    p["rail_run"] = max(3, round(settings.rail_run_s * fs))
    p["bin"] = max(1, round(BIN_S * fs))
    p["enter_bins"] = max(1, round(settings.noisy_enter_s / BIN_S))
    p["leave_bins"] = max(1, round(settings.noisy_leave_s / BIN_S))
    p["enter"] = settings.noisy_enter
    p["leave"] = settings.noisy_leave
    p["rail_mv"] = settings.rail_mv
    p["rail_gain"] = 1.0 - np.exp(-1.0 / (0.5 * fs))
    p["rail_enter"] = settings.rail_enter
    p["rail_leave"] = settings.rail_leave
    p["baseline_gain"] = 1.0 - np.exp(-1.0 / (2.0 * fs))
    return parameters


@kernel
def _quality_kernel(
    samples: NDArray[np.float64],
    codes: NDArray[np.int8],
    start: int,
    p: _Parameters,
    leads: NDArray[Any],
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> int:
    """Write the state of every lead at every sample; return the number of changes."""
    sos, filters, sums, bins = spectrum
    changes = 0
    for lead in range(len(leads)):
        k: _Lead = leads[lead]
        for i in range(len(samples)):
            value = samples[i, lead]
            if np.isnan(value):
                k.missing += 1
                k.present = 0
            else:
                k.missing = 0
                k.present += 1
                _follow_range(value, p, k)
            if k.seen > 0:
                add_power(k.last - k.origin, sos, filters[lead], sums[lead])
                k.in_bin += 1
            if (start + i + 1) % p.bin == 0 and k.in_bin > 0:
                close_bin(sums[lead], bins[lead], k)
                if k.n_bins >= N_BINS:
                    judge(bins[lead], p, k)
            if k.missing >= p.off:
                k.off = 1
            elif k.off == 1 and k.present >= p.back:
                k.off = 0
            if k.off == 1 or k.saturated == 1:
                k.n_bins = -_SETTLE_BINS
                k.noisy = 0
            state = _GOOD
            if k.off == 1:
                state = _OFF
            elif k.saturated == 1:
                state = _SATURATED
            elif k.equal >= p.flat:
                state = _FLAT
            elif k.noisy == 1:
                state = _NOISY
            if state != k.state:
                changes += 1
            k.state = state
            codes[i, lead] = state
    return changes


@kernel
def _follow_range(value: float, p: _Parameters, k: _Lead) -> None:
    """Follow the range, the runs of equal values and the share of time at a rail."""
    if k.seen == 0:
        k.seen = 1
        k.origin = k.top = k.bottom = k.baseline = k.last = value
    k.equal = k.equal + 1 if value == k.last else 1
    k.last = value
    k.top = max(k.top, value)
    k.bottom = min(k.bottom, value)
    extreme = value == k.top or value == k.bottom
    if extreme and k.equal >= p.rail_run and abs(value - k.baseline) >= p.rail_mv:
        k.railed += p.rail_gain * (1.0 - k.railed)
    else:
        k.railed -= p.rail_gain * k.railed
        k.baseline += p.baseline_gain * (value - k.baseline)
    if k.railed > p.rail_enter:
        k.saturated = 1
    elif k.railed < p.rail_leave:
        k.saturated = 0
