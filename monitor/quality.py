"""Per-lead signal quality: is this lead connected, within its range, alive, and legible?

One state per lead and sample, from the raw signal, causal, with hysteresis:

``off``
    Samples are missing (NaN) for at least ``off_s``: the device says that the electrode is off, or
    the signal never came.
``saturated``
    The signal sits at a rail: runs of equal values at the most extreme value seen so far, far from
    the baseline, for a notable share of the last half second.
``flat``
    Exactly constant for at least ``flat_s``: a dead lead. Asystole is *not* flat in this sense: a body
    without a heartbeat still leaves amplifier and electrode noise on the line, and an exactly constant
    line shorter than ``flat_s`` stays ``good``, long enough for an asystole alarm to be raised first.
``noisy``
    The QRS band is swamped: its envelope has no quiet stretches between peaks, and is larger or
    rougher than this lead's own beats were, so that beats found cannot be trusted.
``good``
    None of these.

Worst first: off, saturated, flat, noisy, good. Nothing here looks ahead; the sample at which an
event is decided is the one it names, so the condition itself began up to the stated time earlier.
"""

from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.events import LeadQuality
from monitor.filters import SosFilter
from monitor.settings import QualitySettings
from monitor.stage import State, kernel

__all__ = ["STATES", "LeadState", "Quality"]

LeadState: TypeAlias = Literal["good", "noisy", "off", "saturated", "flat"]

STATES: Final[tuple[LeadState, ...]] = ("good", "noisy", "off", "saturated", "flat")
"""The states by code: what `Quality.push` answers per sample indexes this tuple."""

_GOOD, _NOISY, _OFF, _SATURATED, _FLAT = range(5)

_LEAD = np.dtype(
    [
        ("seen", "i8"),
        ("missing", "i8"),
        ("present", "i8"),
        ("equal", "i8"),
        ("last", "f8"),
        ("top", "f8"),
        ("bottom", "f8"),
        ("baseline", "f8"),
        ("railed", "f8"),
        ("off", "i8"),
        ("saturated", "i8"),
        ("noisy", "i8"),
        ("state", "i8"),
    ]
)

_PARAMETERS = np.dtype(
    [
        ("off", "i8"),
        ("back", "i8"),
        ("flat", "i8"),
        ("rail_run", "i8"),
        ("rail_mv", "f8"),
        ("rail_gain", "f8"),
        ("rail_enter", "f8"),
        ("rail_leave", "f8"),
        ("baseline_gain", "f8"),
    ]
)


class Quality:
    """The quality stage of one bed: per-lead states, event at each change.

    Parameters
    ----------
    settings
        Times and thresholds.
    fs
        Sampling rate, Hz.
    n_leads
        Number of columns of every block.
    start
        Absolute index of the first sample to come.
    """

    def __init__(self, settings: QualitySettings, *, fs: float, n_leads: int, start: int = 0) -> None:
        self.fs = fs
        self.n_leads = n_leads
        self._parameters = _parameters(settings, fs=fs)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample has index ``start``, and every lead counts as good."""
        self._now = start
        self._leads = np.zeros(self.n_leads, _LEAD)
        self._leads["last"] = np.nan

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
        _quality_kernel(np.ascontiguousarray(samples), codes, self._parameters[0], self._leads)
        changed = np.diff(codes, axis=0, prepend=before[np.newaxis]) != 0
        events = [
            LeadQuality(
                sample=self._now + int(i),
                decided=self._now + int(i),
                lead=int(lead),
                state=STATES[codes[i, lead]],
            )
            for i, lead in zip(*np.nonzero(changed), strict=True)
        ]
        self._now += len(samples)
        return events, codes

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"now": self._now, "leads": self._leads.copy()}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._now = state["now"]
        self._leads = state["leads"].copy()


def _parameters(settings: QualitySettings, *, fs: float) -> NDArray[np.void]:
    parameters = np.zeros(1, _PARAMETERS)
    p = parameters[0]
    p["off"] = max(1, round(settings.off_s * fs))
    p["back"] = max(1, round(settings.back_s * fs))
    p["flat"] = max(2, round(settings.flat_s * fs))
    p["rail_run"] = max(3, round(settings.rail_run_s * fs))
    p["rail_mv"] = settings.rail_mv
    p["rail_gain"] = 1.0 - np.exp(-1.0 / (0.5 * fs))
    p["rail_enter"] = settings.rail_enter
    p["rail_leave"] = settings.rail_leave
    p["baseline_gain"] = 1.0 - np.exp(-1.0 / (2.0 * fs))
    return parameters


@kernel
def _quality_kernel(
    samples: NDArray[np.float64], codes: NDArray[np.int8], p: Any, leads: NDArray[Any]
) -> None:
    for lead in range(len(leads)):
        k = leads[lead]
        for i in range(len(samples)):
            value = samples[i, lead]
            if np.isnan(value):
                k.missing += 1
                k.present = 0
            else:
                k.missing = 0
                k.present += 1
                _take_in(value, p, k)
            if k.missing >= p.off:
                k.off = 1
            elif k.off == 1 and k.present >= p.back:
                k.off = 0
            k.state = _GOOD
            if k.off == 1:
                k.state = _OFF
            elif k.saturated == 1:
                k.state = _SATURATED
            elif k.equal >= p.flat:
                k.state = _FLAT
            elif k.noisy == 1:
                k.state = _NOISY
            codes[i, lead] = k.state


@kernel
def _take_in(value: float, p: Any, k: Any) -> None:
    """Follow the range, the runs of equal values and the share of time at a rail."""
    if k.seen == 0:
        k.top = k.bottom = k.baseline = value
    k.seen += 1
    k.equal = k.equal + 1 if value == k.last else 1
    k.last = value
    k.top = max(k.top, value)
    k.bottom = min(k.bottom, value)
    extreme = value == k.top or value == k.bottom
    railed = extreme and k.equal >= p.rail_run and abs(value - k.baseline) >= p.rail_mv
    if railed:
        k.railed += p.rail_gain * (1.0 - k.railed)
    else:
        k.railed -= p.rail_gain * k.railed
        k.baseline += p.baseline_gain * (value - k.baseline)
    if k.railed > p.rail_enter:
        k.saturated = 1
    elif k.railed < p.rail_leave:
        k.saturated = 0
