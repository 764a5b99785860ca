"""The compiled inside of `monitor.detect`: one pass over samples, every decision at an absolute index.

What the steps are, and where they come from, stands in the docstring of `monitor.detect`. All state
lives in `Memory`: plain numpy arrays, kept in rings that are addressed by the absolute index, so a
copy of the arrays is a copy of the detector.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel

__all__ = ["CANDIDATE", "LEAD", "PARAMETERS", "SCALARS", "Memory", "run"]

PARAMETERS = np.dtype(
    [
        ("smooth", "i8"),
        ("ring", "i8"),
        ("lag", "i8"),
        ("learn", "i8"),
        ("learn_max", "i8"),
        ("settle", "i8"),
        ("forget", "i8"),
        ("refractory", "i8"),
        ("twave", "i8"),
        ("hang", "i8"),
        ("confirm", "i8"),
        ("delay_max", "i8"),
        ("radius", "i8"),
        ("bridge", "i8"),
        ("slope", "f8"),
        ("floor", "f8"),
        ("crest", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("search_back", "f8"),
        ("twave_ratio", "f8"),
        ("rr_min", "f8"),
        ("rr_max", "f8"),
    ]
)
"""All that a kernel needs to know, in samples and ratios."""

SCALARS = np.dtype(
    [
        ("now", "i8"),
        ("start", "i8"),
        ("learning", "i8"),
        ("learn_from", "i8"),
        ("rising", "i8"),
        ("peak_at", "i8"),
        ("peak", "f8"),
        ("valley", "f8"),
        ("n_pending", "i8"),
        ("n_beats", "i8"),
        ("last_at", "i8"),
        ("last_sample", "i8"),
        ("last_height", "f8"),
        ("rr", "f8"),
        ("noise", "f8"),
        ("polarity", "f8"),
    ]
)

LEAD = np.dtype(
    [
        ("held", "f8"),
        ("band", "f8"),
        ("sum", "f8"),
        ("since", "i8"),
        ("lost", "i8"),
        ("known", "i8"),
        ("signal", "f8"),
        ("noise", "f8"),
        ("polarity", "f8"),
    ]
)

CANDIDATE = np.dtype([("at", "i8"), ("height", "f8")])

_NEVER = 1 << 60


class Memory(NamedTuple):
    """The detector's whole state.

    Attributes
    ----------
    scalars
        Of shape (1,), dtype `SCALARS`.
    leads
        Of shape (n_leads,), dtype `LEAD`.
    pending
        Of shape (n_pending_max,), dtype `CANDIDATE`: peaks not yet decided, in order of time.
    raw, feature
        Rings of shape (n_leads, n_ring): held signal (mV), smoothed envelope of the QRS band.
    envelope
        Of shape (n_leads, smooth): the envelope itself, for the moving average.
    combined
        Ring of shape (n_ring,): envelopes over their QRS levels, averaged over usable leads.
    """

    scalars: NDArray[Any]
    leads: NDArray[Any]
    pending: NDArray[Any]
    raw: NDArray[np.float64]
    feature: NDArray[np.float64]
    envelope: NDArray[np.float64]
    combined: NDArray[np.float64]


@kernel
def run(
    samples: NDArray[np.float64],
    band: NDArray[np.float64],
    quality: NDArray[np.int8],
    p: Any,
    m: Memory,
    found: NDArray[np.float64],
) -> int:
    """Advance over a block; write (sample, decided, confidence) rows to ``found``; return their number."""
    s = m.scalars[0]
    n = 0
    for i in range(len(samples)):
        now = s.now
        for lead in range(len(m.leads)):
            take_in(samples[i, lead], band[i, lead], quality[i, lead], lead, p, m)
        if s.learning == 1:
            learn(p, m)
            if s.learning == 0:
                for at in range(s.learn_from, now):
                    follow(at, p, m)
        if s.learning == 0:
            follow(now, p, m)
            n = decide(p, m, found, n)
        s.now = now + 1
    return n


@kernel
def take_in(value: float, band: float, quality: int, lead: int, p: Any, m: Memory) -> None:
    """Keep one sample of one lead: held value, smoothed envelope, and whether the lead is usable."""
    now = m.scalars[0].now
    k = m.leads[lead]
    if np.isnan(value):
        value = 0.0 if np.isnan(k.held) else k.held
    else:
        k.held = value
    m.raw[lead, now % p.ring] = value
    slope = (band - k.band) * p.slope
    k.band = band
    place = now % p.smooth
    envelope = np.sqrt(band * band + slope * slope)
    k.sum += envelope - m.envelope[lead, place]
    m.envelope[lead, place] = envelope
    if place == 0:  # sum anew, so that rounding never piles up
        k.sum = 0.0
        for j in range(p.smooth):
            k.sum += m.envelope[lead, j]
    m.feature[lead, now % p.ring] = max(0.0, k.sum / p.smooth)
    if quality >= 2:
        k.since = _NEVER
        k.lost += 1
        if k.lost > p.forget:
            k.known = 0
    elif k.since == _NEVER:
        k.since = now + p.settle
        k.lost = 0


@kernel
def learn(p: Any, m: Memory) -> None:
    """Set first QRS levels once the last stretch holds a peak that stands out of its surroundings."""
    s = m.scalars[0]
    first = _NEVER
    for lead in range(len(m.leads)):
        first = min(first, m.leads[lead].since)
    if s.now - max(first, s.learn_from) + 1 < p.learn:
        return
    start = max(s.now - p.learn + 1, s.learn_from)
    ready = 0
    for lead in range(len(m.leads)):
        k = m.leads[lead]
        if k.since > start:
            k.known = 0
            continue
        top = 0.0
        mean = 0.0
        for at in range(start, s.now + 1):
            value = m.feature[lead, at % p.ring]
            mean += value
            top = max(top, value)
        mean /= s.now + 1 - start
        k.known = 0
        if top > p.floor and top > p.crest * mean:
            k.known = 1
            k.signal = top
            k.noise = 0.5 * mean
            ready += 1
    if ready > 0:
        s.learning = 0
        s.learn_from = start
        s.rising = 0
        s.peak = 0.0
        s.valley = 0.0
        s.noise = 0.1
        s.n_pending = 0
        s.n_beats = 0
        s.last_height = 1.0
        s.rr = p.rr_max


@kernel
def follow(at: int, p: Any, m: Memory) -> None:
    """Combine the leads at one index and follow the rise and fall of the combined feature."""
    s = m.scalars[0]
    total = 0.0
    weights = 0.0
    for lead in range(len(m.leads)):
        k = m.leads[lead]
        if k.known > 0 and k.since <= at:
            ratio = k.signal / (k.noise + 1e-9)
            weight = min(ratio * ratio, 400.0)
            total += weight * m.feature[lead, at % p.ring] / k.signal
            weights += weight
    value = total / weights if weights > 0 else 0.0
    m.combined[at % p.ring] = value
    if s.rising == 1:
        if value > s.peak:
            s.peak = value
            s.peak_at = at
        elif value < 0.6 * s.peak or at - s.peak_at >= p.hang:
            propose(p, m)
            s.rising = 0
            s.valley = value
    elif value > 1.25 * s.valley and value > 0.05:
        s.rising = 1
        s.peak = value
        s.peak_at = at
    else:
        s.valley = min(s.valley, value)


@kernel
def propose(p: Any, m: Memory) -> None:
    """Make the peak that has just ended a candidate; of two within the refractory time keep the higher."""
    s = m.scalars[0]
    if s.n_beats > 0 and s.peak_at - s.last_at < p.refractory:
        return
    while s.n_pending > 0 and s.peak_at - m.pending[s.n_pending - 1].at < p.refractory:
        if m.pending[s.n_pending - 1].height >= s.peak:
            return
        s.n_pending -= 1
    if s.n_pending == len(m.pending):
        drop(m)
    c = m.pending[s.n_pending]
    c.at = s.peak_at
    c.height = s.peak
    s.n_pending += 1


@kernel
def drop(m: Memory) -> None:
    """Give up the oldest candidate: it was noise."""
    s = m.scalars[0]
    s.noise += 0.125 * (min(m.pending[0].height, 1.0) - s.noise)
    for j in range(1, s.n_pending):
        m.pending[j - 1].at = m.pending[j].at
        m.pending[j - 1].height = m.pending[j].height
    s.n_pending -= 1


@kernel
def decide(p: Any, m: Memory, found: NDArray[np.float64], n: int) -> int:
    """Accept or give up pending candidates as far as this sample allows."""
    s = m.scalars[0]
    going = True
    while going and s.n_pending > 0:
        going = False
        strong = -1
        for j in range(s.n_pending):
            if is_strong(m.pending[j].at, m.pending[j].height, p, m):
                strong = j
                break
        if strong >= 0:
            c = m.pending[strong]
            if s.rising == 1 and s.peak > c.height and s.peak_at - c.at < p.refractory:
                return n
            gap = c.at - s.last_at
            if s.n_beats > 0 and gap > p.search_back * s.rr:
                back = best_weak(s.last_at, c.at, p, m)
                if back >= 0:
                    strong = back
            n = accept(strong, p, m, found, n)
            going = True
        elif s.n_beats > 0 and s.now - p.lag - s.last_at > p.search_back * s.rr:
            back = best_weak(s.last_at, s.now, p, m)
            if back >= 0:
                n = accept(back, p, m, found, n)
                going = True
    while s.n_pending > 0 and s.now - (m.pending[0].at - p.lag - p.radius) >= p.delay_max:
        drop(m)
    return n


@kernel
def is_strong(at: int, height: float, p: Any, m: Memory) -> bool:
    """Whether a candidate needs no further evidence."""
    s = m.scalars[0]
    threshold = s.noise + p.high * (1.0 - s.noise)
    if s.n_beats > 0 and at - s.last_at < p.twave:
        threshold = max(threshold, p.twave_ratio * min(s.last_height, 1.5))
    return height >= threshold


@kernel
def best_weak(after: int, before: int, p: Any, m: Memory) -> int:
    """Return the highest candidate that a search back may accept, or -1."""
    s = m.scalars[0]
    best = -1
    threshold = s.noise + p.low * (1.0 - s.noise)
    for j in range(s.n_pending):
        c = m.pending[j]
        if c.at - after < p.twave or before - c.at < p.refractory:
            continue
        if c.height >= threshold and (best < 0 or c.height > m.pending[best].height):
            best = j
    return best


@kernel
def accept(j: int, p: Any, m: Memory, found: NDArray[np.float64], n: int) -> int:
    """Emit candidate ``j``, learn from it, and give up those before it."""
    s = m.scalars[0]
    for _ in range(j):
        drop(m)
    c = m.pending[0]
    at = c.at
    height = c.height
    sample = locate(at, p, m)
    if s.n_beats > 0:
        rr = min(max(float(at - s.last_at), p.rr_min), p.rr_max)
        if s.n_beats == 1:
            s.rr = rr
        elif rr < 1.6 * s.rr:
            s.rr += 0.125 * (rr - s.rr)
        else:
            s.rr += 0.06 * (rr - s.rr)
    adapt(at, p, m)
    s.last_height = height
    s.last_at = at
    s.last_sample = sample
    s.n_beats += 1
    kept = 0
    for k in range(1, s.n_pending):
        if m.pending[k].at - at >= p.refractory:
            m.pending[kept].at = m.pending[k].at
            m.pending[kept].height = m.pending[k].height
            kept += 1
    s.n_pending = kept
    found[n, 0] = sample
    found[n, 1] = s.now
    found[n, 2] = min(1.0, height)
    return n + 1


@kernel
def adapt(at: int, p: Any, m: Memory) -> None:
    """Move each usable lead's QRS level and noise level towards what this beat and the time before it show."""
    s = m.scalars[0]
    gain = 0.4 if s.n_beats < 4 else 0.125
    near = p.smooth // 2
    first = max(at - p.ring // 2, s.learn_from)
    if s.n_beats > 0:
        first = max(first, s.last_at + 2 * near)
    for lead in range(len(m.leads)):
        k = m.leads[lead]
        if k.since > at - near:
            continue
        top = 0.0
        for j in range(max(at - near, s.start), min(at + near, s.now) + 1):
            top = max(top, m.feature[lead, j % p.ring])
        mean = 0.0
        for j in range(first, at - 2 * near):
            mean += m.feature[lead, j % p.ring]
        count = max(at - 2 * near - first, 0)
        if k.known == 0:
            k.known = 1
            k.signal = max(top, 1e-9)
            k.noise = mean / count if count > 0 else 0.3 * top
            continue
        top = min(max(top, 0.4 * k.signal), 2.0 * k.signal)
        k.signal += gain * (top - k.signal)
        if count > 0:
            k.noise += gain * (mean / count - k.noise)


@kernel
def locate(at: int, p: Any, m: Memory) -> int:
    """Return the index of the R peak: the largest excursion of the best lead near the candidate."""
    s = m.scalars[0]
    centre = at - p.lag
    first = max(centre - p.radius, s.start)
    if s.n_beats > 0:
        first = max(first, s.last_sample + 1)
    last = min(centre + p.radius, s.now)
    best = 0
    score = -1.0
    for lead in range(len(m.leads)):
        k = m.leads[lead]
        if k.known > 0 and k.since <= at:
            ratio = k.signal / (k.noise + 1e-9)
            if lead == 0:
                ratio *= 2.0
            if ratio > score:
                score = ratio
                best = lead
    left = m.raw[best, first % p.ring]
    right = m.raw[best, last % p.ring]
    up = -1e30
    down = -1e30
    up_at = first
    down_at = first
    for j in range(first, last + 1):
        share = (j - first) / max(last - first, 1)
        value = m.raw[best, j % p.ring] - left - share * (right - left)
        if value > up:
            up = value
            up_at = j
        if -value > down:
            down = -value
            down_at = j
    k = m.leads[best]
    balance = (up - down) / (up + down + 1e-12)
    sample = up_at if balance + 0.5 * k.polarity >= 0 else down_at
    k.polarity += 0.125 * (balance - k.polarity)
    return sample
