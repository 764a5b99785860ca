"""Causal filters with explicit state; each declares its delay.

All are cascades of second-order sections (direct form II transposed) run sample by sample in one
compiled kernel, so that any partition of a signal gives bit-identical output (law 1). State is one
plain float64 array, seeded from the first sample received as if that value had stood for ever:
no start-up step. A missing sample (NaN) repeats the last value received; what it means is for
`monitor.quality` to say.

Sources: Butterworth and notch designs from scipy.signal; the monitor band from IEC 60601-2-27.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.settings import FilterSettings
from monitor.stage import State, kernel

__all__ = ["SosFilter", "group_delay", "monitor_band", "monitor_sections"]

_MAINS_MARGIN = 0.95
"""The notch is designed only where the mains frequency lies below this share of Nyquist."""


class SosFilter:
    """A cascade of second-order sections over all leads, with state that can be kept and restored.

    Parameters
    ----------
    sos
        Of shape (n_sections, 6), as scipy.signal designs them.
    n_leads
        Number of columns of every block.
    delay
        Declared delay in samples, see `group_delay`.
    """

    def __init__(self, sos: NDArray[np.float64], *, n_leads: int, delay: int) -> None:
        self._sos = np.ascontiguousarray(sos, dtype=np.float64)
        self._zi = _steady_state(self._sos)
        self.n_leads = n_leads
        self.delay = delay
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample seeds the state anew."""
        self._state = np.zeros((self.n_leads, len(self._sos), 2))
        self._last = np.full(self.n_leads, np.nan)

    def push(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter the next samples.

        Parameters
        ----------
        samples
            Of shape (n_samples, n_leads); n_samples may be 0; NaN = missing.

        Returns
        -------
        NDArray
            Of the same shape, delayed by ``delay`` samples; never NaN (0 before the first sample).
        """
        filtered = np.empty(samples.shape)
        _sos_kernel(np.ascontiguousarray(samples), filtered, self._sos, self._zi, self._state, self._last)
        return filtered

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"state": self._state.copy(), "last": self._last.copy()}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._state = state["state"].copy()
        self._last = state["last"].copy()


def monitor_sections(settings: FilterSettings, *, fs: float) -> NDArray[np.float64]:
    """Design the monitor band: baseline high-pass, mains notch, low-pass, as second-order sections.

    The notch is left out where the mains frequency does not lie clearly below Nyquist, and the
    low-pass where its corner does not.

    Returns
    -------
    NDArray
        Of shape (n_sections, 6).
    """
    from scipy import signal

    sections: list[NDArray[np.float64]] = [
        signal.butter(2, settings.baseline_hz, "highpass", fs=fs, output="sos"),
    ]
    if 0 < settings.mains_hz < _MAINS_MARGIN * fs / 2:
        b, a = signal.iirnotch(settings.mains_hz, settings.mains_q, fs=fs)
        sections.append(np.concatenate([b, a])[np.newaxis])
    if settings.band_high_hz < 0.45 * fs:
        sections.append(signal.butter(2, settings.band_high_hz, "lowpass", fs=fs, output="sos"))
    return np.concatenate(sections)


def monitor_band(settings: FilterSettings, *, fs: float, n_leads: int) -> SosFilter:
    """Return the filter that beats are cut from and screens are drawn from."""
    sos = monitor_sections(settings, fs=fs)
    return SosFilter(sos, n_leads=n_leads, delay=group_delay(sos, fs=fs))


def group_delay(sos: NDArray[np.float64], *, fs: float, band_hz: Sequence[float] = (5.0, 20.0)) -> int:
    """Return the mean group delay over the QRS band, in whole samples."""
    from scipy import signal

    frequencies = np.linspace(band_hz[0], band_hz[1], 64)
    _, response = signal.freqz_sos(sos, worN=frequencies, fs=fs)
    phase = np.unwrap(np.angle(response))
    delay_s = -np.gradient(phase, 2 * np.pi * frequencies)
    return max(0, round(float(np.mean(delay_s)) * fs))


def _steady_state(sos: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state that a constant input of 1 settles to, of shape (n_sections, 2)."""
    from scipy import signal

    return np.ascontiguousarray(signal.sosfilt_zi(sos), dtype=np.float64)


@kernel
def _sos_kernel(
    samples: NDArray[np.float64],
    filtered: NDArray[np.float64],
    sos: NDArray[np.float64],
    zi: NDArray[np.float64],
    state: NDArray[np.float64],
    last: NDArray[np.float64],
) -> None:
    n_samples, n_leads = samples.shape
    for lead in range(n_leads):
        for i in range(n_samples):
            value = samples[i, lead]
            if np.isnan(value):
                value = last[lead]
                if np.isnan(value):
                    filtered[i, lead] = 0.0
                    continue
            elif np.isnan(last[lead]):
                for k in range(len(sos)):
                    state[lead, k, 0] = zi[k, 0] * value
                    state[lead, k, 1] = zi[k, 1] * value
            last[lead] = value
            for k in range(len(sos)):
                out = sos[k, 0] * value + state[lead, k, 0]
                state[lead, k, 0] = sos[k, 1] * value - sos[k, 4] * out + state[lead, k, 1]
                state[lead, k, 1] = sos[k, 2] * value - sos[k, 5] * out
                value = out
            filtered[i, lead] = value
