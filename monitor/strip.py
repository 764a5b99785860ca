"""The newest stretch of a waveform, immutable to whoever holds it and cheap to extend.

`Strip.extended` returns a new strip and leaves the old one as it was. Both may share one buffer: a
strip writes only behind everything that was ever handed out, and copies when it cannot. So a packet
costs its own samples and not the whole history.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Strip"]

_MISSING = -32768
_LIMIT_UV = 32767


class _Tape:
    """A buffer that strips share; ``used`` rows have been handed out."""

    __slots__ = ("rows", "used")

    def __init__(self, n_rows: int, n_leads: int) -> None:
        self.rows = np.empty((n_rows, n_leads), dtype=np.float32)
        self.used = 0


class Strip:
    """Consecutive samples of all leads, millivolt, float32; NaN where samples never came.

    Attributes
    ----------
    start, stop
        Absolute index of the first sample, and one past the last.
    """

    __slots__ = ("_first", "_last", "_tape", "stop")

    stop: int
    _first: int
    _last: int
    _tape: _Tape

    def __init__(self, start: int = 0, samples: NDArray[np.floating[Any]] | None = None) -> None:
        n, n_leads = (0, 1) if samples is None else samples.shape
        self._tape = _Tape(n, n_leads)
        if samples is not None:
            self._tape.rows[:] = samples
        self._tape.used = n
        self._first, self._last = 0, n
        self.stop = start + n

    @property
    def start(self) -> int:
        """Absolute index of the first sample kept."""
        return self.stop - (self._last - self._first)

    @property
    def samples(self) -> NDArray[np.float32]:
        """A read-only view of shape (n_samples, n_leads)."""
        view = self._tape.rows[self._first : self._last]
        view.flags.writeable = False
        return view

    def __len__(self) -> int:
        return self._last - self._first

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Strip):
            return NotImplemented
        return self.stop == other.stop and np.array_equal(self.samples, other.samples, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Strip({self.start}..{self.stop})"

    def extended(self, start: int, samples: NDArray[np.floating[Any]], *, keep: int) -> "Strip":
        """Return a strip that ends with ``samples`` and holds at most the last ``keep`` of all.

        Samples that are skipped (``start`` beyond `stop`) are NaN; a ``start`` before `stop`, or another
        number of leads, begins anew.
        """
        n, n_leads = samples.shape
        if n == 0:
            return self
        skipped = start - self.stop
        if not len(self) or skipped < 0 or n_leads != self._tape.rows.shape[1]:
            return _begun(start, samples, keep=keep)
        longer = Strip.__new__(Strip)
        longer.stop = start + n
        n_new = n + skipped
        if self._tape.used == self._last and self._last + n_new <= len(self._tape.rows):
            longer._tape, first = self._tape, self._last
        else:
            held = max(0, min(len(self), keep - n_new))
            longer._tape = _Tape(2 * keep, n_leads)
            longer._tape.rows[:held] = self._tape.rows[self._last - held : self._last]
            first = held
            n_new = min(n_new, keep)
        longer._last = first + n_new
        rows = longer._tape.rows
        n = min(n, n_new)
        rows[longer._last - n : longer._last] = samples[len(samples) - n :]
        rows[first : longer._last - n] = np.nan
        longer._tape.used = longer._last
        longer._first = max(0, longer._last - keep, 0 if longer._tape is not self._tape else self._first)
        return longer

    def tail(self, n_samples: int) -> "Strip":
        """Return the last ``n_samples`` of it; shares the buffer."""
        shorter = Strip.__new__(Strip)
        shorter._tape, shorter._last, shorter.stop = self._tape, self._last, self.stop
        shorter._first = max(self._first, self._last - n_samples)
        return shorter

    def packed(self) -> tuple[int, int, bytes]:
        """Return (start, n_leads, samples as int16 microvolt): what `unpacked` reads.

        Resolution is 1 uV; what lies beyond +-32.767 mV is clipped.
        """
        values = np.clip(self.samples * np.float32(1000), -_LIMIT_UV, _LIMIT_UV)
        whole = np.where(np.isnan(values), np.float32(_MISSING), np.rint(values)).astype("<i2")
        return self.start, self._tape.rows.shape[1], whole.tobytes()

    @classmethod
    def unpacked(cls, start: int, n_leads: int, body: bytes) -> "Strip":
        """Return the strip that `packed` wrote; a body of another length is a `ValueError`."""
        if n_leads < 1 or len(body) % (2 * n_leads):
            raise ValueError(
                f"waveform body: expected whole samples of {n_leads} leads, received {len(body)} bytes"
            )
        whole = np.frombuffer(body, dtype="<i2").reshape(-1, n_leads)
        values = whole.astype(np.float32) / np.float32(1000)
        values[whole == _MISSING] = np.nan
        return cls(start, values)


def _begun(start: int, samples: NDArray[np.floating[Any]], *, keep: int) -> Strip:
    """Return a strip of these samples alone, with room behind them."""
    n = min(len(samples), keep)
    strip = Strip.__new__(Strip)
    strip._tape = _Tape(2 * keep, samples.shape[1])
    strip._tape.rows[:n] = samples[len(samples) - n :]
    strip._tape.used = n
    strip._first, strip._last, strip.stop = 0, n, start + len(samples)
    return strip
