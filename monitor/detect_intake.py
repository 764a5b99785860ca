"""From samples to the one feature that is searched: held values, envelopes, leads combined, peaks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.detect_memory import BAND, ENVELOPE, FEATURE, NEVER, RAW, Lead, Parameters, Scalars
from monitor.stage import kernel

__all__ = ["follow", "take_in"]


@kernel
def take_in(
    now: int, value: float, band: float, quality: int, p: Parameters, k: Lead, rings: NDArray[np.float64]
) -> None:
    """Keep one sample of one lead: held value, smoothed envelope, and whether the lead is usable."""
    if np.isnan(value):
        value = 0.0 if np.isnan(k.held) else k.held
    else:
        k.held = value
    here = now & p.mask
    rings[RAW, here] = value
    rings[BAND, here] = band
    slope = (band - k.band) * p.slope
    k.band = band
    envelope = np.sqrt(band * band + slope * slope)
    rings[ENVELOPE, here] = envelope
    if here & 1023 == 0:  # sum anew, so that rounding never piles up
        k.sum = 0.0
        for j in range(p.smooth):
            k.sum += rings[ENVELOPE, (now - j) & p.mask]
    else:
        k.sum += envelope - rings[ENVELOPE, (now - p.smooth) & p.mask]
    rings[FEATURE, here] = max(0.0, k.sum / p.smooth)
    k.state = quality
    if quality >= 2:
        k.since = NEVER
        k.lost += 1
        if k.lost > p.forget:
            k.known = 0
            if quality == 2:
                k.usual = 0.0
    elif k.since == NEVER:
        k.since = now + p.settle
        k.lost = 0


@kernel
def follow(
    at: int,
    p: Parameters,
    s: Scalars,
    leads: NDArray[Any],
    rings: NDArray[np.float64],
    combined: NDArray[np.float64],
) -> bool:
    """Combine the leads at one index, follow the rise and fall of the sum, and say when a peak has ended."""
    total = 0.0
    weights = 0.0
    for lead in range(len(leads)):
        k: Lead = leads[lead]
        if k.known > 0 and k.since <= at:
            total += k.share * rings[lead, FEATURE, at & p.mask]
            weights += k.weight
    value = total / weights if weights > 0 else 0.0
    combined[at & p.mask] = value
    s.mean += (min(value, 1.0) - s.mean) * p.mean_gain
    if s.rising == 1:
        if value > s.peak:
            s.peak = value
            s.peak_at = at
        elif value < 0.6 * s.peak or at - s.peak_at >= p.hang:
            s.rising = 0
            s.valley = value
            return True
    elif value > 1.25 * s.valley and value > 0.05:
        s.rising = 1
        s.peak = value
        s.peak_at = at
    else:
        s.valley = min(s.valley, value)
    return False
