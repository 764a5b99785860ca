"""Where a simulated bed's signal comes from: a WFDB record, a synthetic patient, a ramp.

A `Source` is read by absolute sample index, so that any partition gives the same samples; `blocks`
cuts one into packets of a stated length.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor import records
from monitor.errors import SourceError
from monitor.events import Block
from monitor.wire import MAX_LEADS, MAX_SAMPLES

__all__ = ["RampSource", "RecordSource", "Source", "blocks", "packet_bounds"]

Floats = NDArray[np.float64]

_RAMP_LOW: Final = -32767
_RAMP_PERIOD: Final = 65535


class Source(Protocol):
    """A signal with a name, read by absolute index.

    Attributes
    ----------
    record
        What is played, as a device says it.
    fs
        Sampling rate in Hz.
    leads
        Names, in the order of the columns.
    gains, baselines
        Per lead: what an int16 on the wire means, ``(sample - baseline) / gain`` millivolt.
    """

    record: str
    fs: float
    leads: tuple[str, ...]
    gains: tuple[float, ...]
    baselines: tuple[int, ...]

    @property
    def n_samples(self) -> int | None:
        """Samples from index 0 to the end, None where there is none."""

    def read(self, start: int, stop: int) -> Floats:
        """Return millivolts of shape (n, n_leads) from ``start`` to ``stop``, fewer or none past the end."""


class RecordSource:
    """A WFDB record, any rate and any leads.

    Parameters
    ----------
    name
        ``208`` or ``svdb/800``; see `monitor.records`.
    data
        Folder of one database, where records are looked for alone.
    loop
        Begin again at the end; the index goes on.
    shift
        Begin this share (0 to 1) of the record later, and play what was left out at its end: for beds
        that play one record and should not look the same.

    Raises
    ------
    SourceError
        There is no such record, or it does not fit the wire (100 to 1000 Hz, 1 to 12 leads).
    """

    def __init__(
        self, name: str, *, data: Path | None = None, loop: bool = False, shift: float = 0.0
    ) -> None:
        found = _read(name, data)
        if not found.n_samples:
            raise SourceError(f"record {name}: expected samples to play, received none")
        if not 100 <= found.fs <= 1000 or len(found.leads) > MAX_LEADS:
            raise SourceError(
                f"record {name} cannot be sent: expected 100 to 1000 Hz and at most {MAX_LEADS} leads, "
                f"received {found.fs:g} Hz and {len(found.leads)} leads"
            )
        self.name = name
        self._shift = round(shift * found.n_samples)
        self.record = str(records.parse(name)) + (f" from {self._shift / found.fs:.0f} s" if shift else "")
        self.fs = found.fs
        self.leads = tuple(_printable(lead, number) for number, lead in enumerate(found.leads, 1))
        self.gains = found.gains
        self.baselines = found.baselines
        self._digital = found.digital
        self._loop = loop

    @property
    def n_samples(self) -> int | None:
        """Samples of the record, None when it loops."""
        return None if self._loop else len(self._digital)

    def read(self, start: int, stop: int) -> Floats:
        """Return millivolts, NaN = missing; see `Source`."""
        if not self._loop:
            stop = min(stop, len(self._digital))
        index = (np.arange(start, max(start, stop)) + self._shift) % len(self._digital)
        digital = self._digital[index]
        values: Floats = (digital - np.array(self.baselines, np.float64)) / np.array(self.gains)
        values[digital == records.MISSING] = np.nan
        return values


class RampSource:
    """The sample number itself, for tests: what arrives tells where it belongs.

    Lead k at index i is ``-32767 + (i + 1000 k) mod 65535``, at gain 1 and baseline 0: every value is
    an int16 and none is the one that stands for missing, so the wire gives it back exactly.
    """

    record = "ramp"

    def __init__(self, *, fs: float = 360.0, n_leads: int = 2, n_samples: int | None = None) -> None:
        self.fs = fs
        self.leads = tuple(f"ramp {number}" for number in range(1, n_leads + 1))
        self.gains = (1.0,) * n_leads
        self.baselines = (0,) * n_leads
        self._n_samples = n_samples

    @property
    def n_samples(self) -> int | None:
        """Samples of the ramp, None where it never ends."""
        return self._n_samples

    def read(self, start: int, stop: int) -> Floats:
        """Return the ramp; see `Source`."""
        if self._n_samples is not None:
            stop = min(stop, self._n_samples)
        index = np.arange(start, max(start, stop))[:, np.newaxis]
        leads = np.arange(len(self.leads))[np.newaxis, :]
        return (_RAMP_LOW + (index + 1000 * leads) % _RAMP_PERIOD).astype(np.float64)


def packet_bounds(number: int, *, fs: float, packet_ms: float, start: int = 0) -> tuple[int, int]:
    """Return first and one-past-last index of packet ``number`` of a stream that began at ``start``.

    Computed from the number alone, so a rate that does not divide (14.4 samples in 40 ms) does not drift.

    Examples
    --------
    >>> [packet_bounds(k, fs=360, packet_ms=40) for k in range(3)]
    [(0, 14), (14, 29), (29, 43)]
    """
    length = fs * packet_ms / 1000.0
    if not 1 <= length <= MAX_SAMPLES:
        raise ValueError(
            f"packet of {packet_ms:g} ms at {fs:g} Hz: expected 1 to {MAX_SAMPLES} samples, "
            f"received {length:g}"
        )
    return start + round(number * length), start + round((number + 1) * length)


def blocks(
    source: Source, *, packet_ms: float = 40.0, start: int = 0, stop: int | None = None
) -> Iterator[Block]:
    """Yield a source as consecutive blocks of one packet each; the last one may be shorter."""
    number = 0
    while True:
        first, last = packet_bounds(number, fs=source.fs, packet_ms=packet_ms, start=start)
        samples = source.read(first, last if stop is None else min(last, stop))
        if len(samples):
            yield Block(first, samples)
        if len(samples) < last - first:
            return
        number += 1


@lru_cache(maxsize=16)
def _read(name: str, data: Path | None) -> records.Record:
    """Read a record once, however many beds play it."""
    return records.read(name, data=data)


def _printable(lead: str, number: int) -> str:
    """Return a lead's name as the wire allows it: 1 to 32 printable ASCII characters."""
    kept = "".join(character for character in lead if " " <= character <= "~").strip()[:32].strip()
    return kept or f"lead {number}"
