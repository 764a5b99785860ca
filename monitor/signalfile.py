"""The signals of a recording: WFDB format 16, growing by whole frames, and the header that goes with them."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.errors import StorageError
from monitor.storage import WholeFile

__all__ = ["Layout", "SignalFile"]

_MISSING: Final = -32768
"""What WFDB format 16 writes for a missing sample."""
_KEPT_S: Final = 60.0
"""Signal that waits in memory while the disk is full; what exceeds it is recorded as missing."""
_FILL_FRAMES: Final = 1 << 16
"""Missing frames written at a time, so that a long gap needs no memory."""


class Layout:
    """What all parts of a recording have in common."""

    def __init__(
        self,
        leads: tuple[str, ...],
        fs: float,
        gains: NDArray[np.float64],
        baselines: NDArray[np.float64],
    ) -> None:
        self.leads = leads
        self.fs = fs
        self._gains = gains
        self._baselines = baselines

    def digital(self, samples: NDArray[np.float64]) -> NDArray[np.int16]:
        """Return millivolts as the integers of the file: rounded, clipped, NaN as missing."""
        scaled = np.clip(np.rint(samples * self._gains + self._baselines), _MISSING + 1, -_MISSING - 1)
        return np.where(np.isnan(scaled), _MISSING, scaled).astype("<i2")

    def header(self, name: str, start: int, length: str, signals: Sequence[tuple[int, int]]) -> bytes:
        """Return the header; ``signals`` gives first value and checksum of each lead."""
        counter = f"/{self.fs:.10g}({start})" if start else ""
        lines = [f"{name} {len(self.leads)} {self.fs:.10g}{counter}{length}"]
        for i, (lead, (first, checksum)) in enumerate(zip(self.leads, signals, strict=True)):
            gain = f"{self._gains[i]:.17g}({self._baselines[i]:.0f})/mV"
            title = (
                "".join(c if c.isprintable() and c.isascii() else "?" for c in lead).strip() or f"lead{i + 1}"
            )
            lines.append(f"{name}.dat 16 {gain} 16 0 {first} {checksum} 0 {title}")
        lines.append(f"# Recorded by beatline; the first sample has index {start}.")
        return "\n".join([*lines, ""]).encode("ascii")


class SignalFile:
    """Frames on their way to a file, and how far they have come.

    Parameters
    ----------
    file
        Empty.
    layout
        How many leads there are, and their rate.
    """

    def __init__(self, file: WholeFile, layout: Layout) -> None:
        self._file = file
        self._n_leads = len(layout.leads)
        self._most_kept = round(_KEPT_S * layout.fs)
        self._waiting: deque[NDArray[np.int16] | int] = deque()  # frames, or how many are missing
        self._first: NDArray[np.int16] = np.zeros(self._n_leads, np.int16)
        self._sums = np.zeros(self._n_leads, np.int64)
        self.n_written = 0
        self.n_frames = 0

    def put(self, frames: NDArray[np.int16]) -> None:
        """Take frames of shape (n_frames, n_leads), to be written by the next `flush`."""
        self._waiting.append(frames)
        self.n_frames += len(frames)

    def skip(self, n_frames: int) -> None:
        """Take frames that are missing."""
        self._waiting.append(n_frames)
        self.n_frames += n_frames

    def flush(self) -> None:
        """Write what waits.

        Raises
        ------
        StorageError
            It cannot be written. It goes on waiting; when it is more than a minute of signal it is
            let go, and will be written as missing.
        """
        while self._waiting:
            frames = self._gather()
            try:
                self._file.put(frames.tobytes())
            except StorageError:
                self._waiting.appendleft(frames)
                self._bound()
                raise
            if len(frames) and not self.n_written:
                self._first = frames[0]
            self._sums += frames.sum(axis=0, dtype=np.int64)
            self.n_written += len(frames)

    def signals(self) -> list[tuple[int, int]]:
        """Return first value and checksum of each lead, as a header wants them."""
        checksums = (self._sums + 32768) % 65536 - 32768
        return list(zip(self._first.tolist(), checksums.tolist(), strict=True))

    def _gather(self) -> NDArray[np.int16]:
        """Take off the queue what can be written in one piece."""
        head = self._waiting.popleft()
        if isinstance(head, int):
            n_frames = min(head, _FILL_FRAMES)
            if head > n_frames:
                self._waiting.appendleft(head - n_frames)
            return np.full((n_frames, self._n_leads), _MISSING, "<i2")
        frames = [head]
        while self._waiting:
            head = self._waiting.popleft()
            if isinstance(head, int):
                self._waiting.appendleft(head)
                break
            frames.append(head)
        return np.concatenate(frames)

    def _bound(self) -> None:
        """Let what waits go when it is too much: only how much it was is kept."""
        if sum(len(frames) for frames in self._waiting if not isinstance(frames, int)) > self._most_kept:
            self._waiting = deque([self.n_frames - self.n_written])
