"""What goes wrong between a patient and a monitor: pure, seeded, and the same for any partition.

Signal faults change a `Block` by its absolute indices. Transport faults take packets in order and
say when each of them arrives, if it does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor import noise
from monitor.events import Block
from monitor.wire import Packet

__all__ = [
    "SignalFault",
    "Transport",
    "add_noise",
    "add_wander",
    "apply",
    "lead_loose",
    "lead_off",
    "saturate",
]

SignalFault: TypeAlias = Callable[[Block], Block]

Floats = NDArray[np.float64]

_LOOSE_MV: Final = 0.02
"""What an input shows whose electrode has no contact: this much noise about zero."""


def apply(faults: Sequence[SignalFault], block: Block) -> Block:
    """Return the block after all faults, in their order."""
    for fault in faults:
        block = fault(block)
    return block


def add_noise(samples: Floats, gain: Floats) -> SignalFault:
    """Add a stretch of noise, repeated: sample k gets ``gain * samples[k mod len]``.

    Parameters
    ----------
    samples
        Of shape (n_noise, n_noise_leads), such as `monitor.noise.synthetic` or a noise record gives.
    gain
        Of shape (n_leads,), such as `monitor.noise.gains` gives for a stated SNR.
    """
    columns = np.arange(len(gain)) % samples.shape[1]

    def fault(block: Block) -> Block:
        index = np.arange(block.start, block.stop) % len(samples)
        return Block(block.start, block.samples + gain * samples[index][:, columns])

    return fault


def add_wander(size_mv: float, *, fs: float, seed: int) -> SignalFault:
    """Add baseline wander of at most ``size_mv`` peak to peak."""

    def fault(block: Block) -> Block:
        n_leads = block.samples.shape[1]
        return Block(
            block.start,
            block.samples
            + noise.wander(block.start, block.stop, fs=fs, size=size_mv, seed=seed, n_leads=n_leads),
        )

    return fault


def lead_off(lead: int, *, start: int = 0, stop: int | None = None) -> SignalFault:
    """Take one lead off from sample ``start`` to ``stop``: a device that notices sends missing samples."""
    return _replaced(lead, start, stop, lambda index: np.full(len(index), np.nan))


def lead_loose(lead: int, *, start: int = 0, stop: int | None = None, seed: int = 0) -> SignalFault:
    """Loosen one lead from sample ``start`` to ``stop``: a little noise about zero, and nothing says so."""
    return _replaced(lead, start, stop, lambda index: _LOOSE_MV * (_uniform(index, seed) - 0.5))


def _replaced(
    lead: int, start: int, stop: int | None, what: Callable[[NDArray[np.int64]], Floats]
) -> SignalFault:
    def fault(block: Block) -> Block:
        index = np.arange(block.start, block.stop)
        gone = (index >= start) & ((index < stop) if stop is not None else True)
        if not gone.any():
            return block
        samples = block.samples.copy()
        samples[gone, lead] = what(index[gone])
        return Block(block.start, samples)

    return fault


def saturate(limit_mv: float) -> SignalFault:
    """Clip the signal at plus and minus ``limit_mv``, as an amplifier at its rails does.

    Peaks alone are at a rail too briefly to count as saturation (`monitor.quality`): only a baseline
    that wanders past the limit, which must lie 1.5 mV or more from it, keeps the signal there.
    """

    def fault(block: Block) -> Block:
        return Block(block.start, np.clip(block.samples, -limit_mv, limit_mv))

    return fault


@dataclass(frozen=True, slots=True)
class Transport:
    """What the way from device to monitor does to packets.

    Each packet's fate depends on the seed and its sequence number alone.

    Attributes
    ----------
    drop, duplicate, reorder
        Probabilities, 0 to 1. A packet that is reordered arrives after the one or two that follow it.
    late_ms
        Packets come up to this much late; beyond the length of a packet their order suffers.
    seed
        Of all choices.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    late_ms: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("drop", "duplicate", "reorder"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: expected a probability from 0 to 1, received {value:g}")
        if self.late_ms < 0:
            raise ValueError(f"late_ms: expected 0 or more, received {self.late_ms:g}")

    @property
    def idle(self) -> bool:
        """Whether packets pass untouched."""
        return not (self.drop or self.duplicate or self.reorder or self.late_ms)

    def deliveries(self, packet: Packet, *, packet_ms: float) -> list[float]:
        """Return after how many milliseconds each copy of a packet arrives; none when it is lost."""
        if self.idle:
            return [0.0]
        drop, duplicate, reorder, far, late = np.random.default_rng([self.seed, packet.sequence]).random(5)
        if drop < self.drop:
            return []
        delay_ms = self.late_ms * float(late)
        if reorder < self.reorder:
            delay_ms += packet_ms * (1.5 if far < 0.5 else 2.5)
        return [delay_ms, delay_ms] if duplicate < self.duplicate else [delay_ms]


def _uniform(index: NDArray[np.int64], seed: int) -> Floats:
    """Return a number from 0 to 1 for each index: a hash (splitmix64), so any partition gives the same."""
    x = index.astype(np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
