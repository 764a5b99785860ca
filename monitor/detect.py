"""QRS detection, sample by sample."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.detect_kernel import CANDIDATE, LEAD, PARAMETERS, SCALARS, Memory, run
from monitor.filters import SosFilter, group_delay
from monitor.settings import DetectorSettings
from monitor.stage import State

__all__ = ["Detection", "Detector"]

_N_PENDING = 32
_NEVER = 1 << 60


class Detection(NamedTuple):
    """One QRS complex."""

    sample: int
    decided: int
    confidence: float


class Detector:
    """Incremental QRS detector over all usable leads."""

    def __init__(self, settings: DetectorSettings, *, fs: float, n_leads: int, start: int = 0) -> None:
        self.fs = fs
        self.n_leads = n_leads
        sos = qrs_sections(settings, fs=fs)
        self._band = SosFilter(sos, n_leads=n_leads, delay=group_delay(sos, fs=fs, band_hz=(8.0, 16.0)))
        self._parameters = parameters(settings, fs=fs, delay=self._band.delay)
        self.delay_max = int(self._parameters[0]["delay_max"])
        self.reset(start)

    def reset(self, start: int) -> None:
        self._band.reset()
        self._memory = blank(self._parameters, n_leads=self.n_leads, start=start)

    def push(self, samples: NDArray[np.float64], quality: NDArray[np.int8]) -> list[Detection]:
        found = np.empty((2 * len(samples) // 10 + 64, 3))
        n = run(
            np.ascontiguousarray(samples),
            self._band.push(samples),
            np.ascontiguousarray(quality),
            self._parameters[0],
            self._memory,
            found,
        )
        return [Detection(int(a), int(b), float(c)) for a, b, c in found[:n]]

    def flush(self) -> list[Detection]:
        return []

    def snapshot(self) -> State:
        return {"band": self._band.snapshot(), "memory": [a.copy() for a in self._memory]}

    def restore(self, state: State) -> None:
        self._band.restore(state["band"])
        self._memory = Memory(*[a.copy() for a in state["memory"]])


def qrs_sections(settings: DetectorSettings, *, fs: float) -> NDArray[np.float64]:
    from scipy import signal

    return np.asarray(
        signal.butter(settings.order, [settings.low_hz, settings.high_hz], "bandpass", fs=fs, output="sos")
    )


def parameters(s: DetectorSettings, *, fs: float, delay: int) -> NDArray[np.void]:
    def n(seconds: float) -> int:
        return max(1, round(seconds * fs))

    p = np.zeros(1, PARAMETERS)
    q = p[0]
    q["smooth"] = n(s.smooth_s)
    q["ring"] = n(6.0)
    q["lag"] = delay + (n(s.smooth_s) - 1) // 2
    q["learn"] = n(s.learn_s)
    q["settle"] = n(0.3)
    q["forget"] = n(2.0)
    q["refractory"] = n(s.refractory_s)
    q["twave"] = n(s.twave_s)
    q["hang"] = n(s.hang_s)
    q["delay_max"] = n(s.delay_max_s)
    q["radius"] = n(s.radius_s)
    q["slope"] = fs / (2 * np.pi * np.sqrt(s.low_hz * s.high_hz))
    q["floor"] = 0.005
    q["crest"] = s.crest
    q["high"] = s.high
    q["low"] = s.low
    q["search_back"] = s.search_back
    q["twave_ratio"] = s.twave_ratio
    q["rr_min"] = 0.3 * fs
    q["rr_max"] = 1.5 * fs
    return p


def blank(p: NDArray[np.void], *, n_leads: int, start: int) -> Memory:
    ring = int(p[0]["ring"])
    scalars = np.zeros(1, SCALARS)
    scalars["now"] = scalars["start"] = scalars["learn_from"] = start
    scalars["learning"] = 1
    leads = np.zeros(n_leads, LEAD)
    leads["held"] = np.nan
    leads["since"] = _NEVER
    return Memory(
        scalars,
        leads,
        np.zeros(_N_PENDING, CANDIDATE),
        np.zeros((n_leads, ring)),
        np.zeros((n_leads, ring)),
        np.zeros((n_leads, int(p[0]["smooth"]))),
        np.zeros(ring),
    )
