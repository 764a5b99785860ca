"""The compiled inside of `monitor.detect`: one pass over samples, every decision at an absolute index.

What the steps are, and where they come from, stands in the docstring of `monitor.detect`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.detect_features import Network, describe, measure, probability, remember
from monitor.detect_memory import (
    BAND,
    ENVELOPE,
    FEATURE,
    NEVER,
    RAW,
    Candidate,
    Lead,
    Memory,
    Parameters,
    Scalars,
)
from monitor.stage import kernel

__all__ = ["run"]


@kernel
def run(
    samples: NDArray[np.float64],
    band: NDArray[np.float64],
    quality: NDArray[np.int8],
    p: Parameters,
    net: Network,
    m: Memory,
    found: NDArray[np.float64],
    trace: NDArray[np.float64],
) -> tuple[int, int]:
    """Advance over a block.

    Writes (sample, decided, confidence) rows to ``found`` and, where ``trace`` has rows, (index of the
    feature peak, number of the look, features...) of every candidate to it; returns both numbers of rows.
    """
    s: Scalars = m.scalars[0]
    n = 0
    n_trace = 0
    for i in range(len(samples)):
        now = s.now
        for lead in range(len(m.leads)):
            take_in(now, samples[i, lead], band[i, lead], quality[i, lead], p, m.leads[lead], m.rings[lead])
        if s.learning == 1:
            learn(p, m)
            if s.learning == 0:
                for at in range(s.learn_from, now):
                    if follow(at, p, s, m.leads, m.rings, m.combined):
                        propose(p, m)
        if s.learning == 0:
            if follow(now, p, s, m.leads, m.rings, m.combined):
                propose(p, m)
            if s.n_pending > 0:
                n_trace = look(p, net, m, trace, n_trace)
                n = decide(p, m, found, n)
            if now - s.last_at > p.relearn and s.n_pending == 0:
                s.learning = 1
                s.learn_from = now + 1
        s.now = now + 1
    return n, n_trace


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
    if quality >= 2:
        k.since = NEVER
        k.lost += 1
        if k.lost > p.forget:
            k.known = 0
    elif k.since == NEVER:
        k.since = now + p.settle
        k.lost = 0


@kernel
def learn(p: Parameters, m: Memory) -> None:
    """Set first QRS levels once the last stretch holds a peak that stands out of its surroundings."""
    s: Scalars = m.scalars[0]
    first = NEVER
    for lead in range(len(m.leads)):
        first = min(first, m.leads[lead].since)
    waited = s.now - max(first, s.learn_from) + 1
    if waited < p.learn or (waited - p.learn) % p.fine_learn != 0:
        return
    start = max(s.now - p.learn + 1, s.learn_from)
    ready = 0
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        k.known = 0
        if k.since > start:
            continue
        top = 0.0
        mean = 0.0
        for at in range(start, s.now + 1):
            value = m.rings[lead, FEATURE, at & p.mask]
            mean += value
            top = max(top, value)
        mean /= s.now + 1 - start
        if top > p.floor and (top > p.crest * mean or waited > p.learn_max):
            k.known = 1
            k.signal = top
            k.noise = 0.5 * mean
            weigh(k)
            k.span = 0.0
            ready += 1
    if ready > 0:
        begin(start, p, m)


@kernel
def begin(start: int, p: Parameters, m: Memory) -> None:
    """Leave learning: what was seen since ``start`` is gone through with the levels now known."""
    s: Scalars = m.scalars[0]
    s.learning = 0
    s.learn_from = start
    s.rising = 0
    s.peak = 0.0
    s.valley = 0.0
    s.noise = 0.1
    s.mean = 0.3
    s.n_pending = 0
    s.n_beats = 0
    s.last_at = start
    s.last_height = 1.0
    s.rr = 0.8 * p.fs
    s.irregular = 0.1
    m.uses[:] = 0.0


@kernel
def weigh(k: Lead) -> None:
    """Weigh a lead by the square of its QRS level over its noise level."""
    ratio = k.signal / (k.noise + 1e-9)
    k.weight = min(ratio * ratio, 400.0)
    k.share = k.weight / k.signal


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


@kernel
def propose(p: Parameters, m: Memory) -> None:
    """Make the peak that has just ended a candidate; of two close ones keep the higher."""
    s: Scalars = m.scalars[0]
    if s.peak < p.smallest or (s.n_beats > 0 and s.peak_at - s.last_at < p.refractory):
        return
    if s.n_pending > 0 and s.peak_at - m.pending[s.n_pending - 1].at < p.close:
        if m.pending[s.n_pending - 1].height >= s.peak:
            return
        s.n_pending -= 1
    if s.n_pending == len(m.pending):
        drop(0, m)
    c: Candidate = m.pending[s.n_pending]
    c.at = s.peak_at
    c.height = s.peak
    c.score = 0.0
    c.looks = 0
    first = c.at
    while first > c.at - p.refractory and first > s.learn_from and m.combined[first & p.mask] > 0.5 * s.peak:
        first -= 1
    c.width = float(c.at - first)
    s.n_pending += 1


@kernel
def drop(j: int, m: Memory) -> None:
    """Give up a candidate: it was noise."""
    s: Scalars = m.scalars[0]
    s.noise += 0.125 * (min(m.pending[j].height, 1.0) - s.noise)
    for k in range(j + 1, s.n_pending):
        m.pending[k - 1] = m.pending[k]
    s.n_pending -= 1


@kernel
def look(p: Parameters, net: Network, m: Memory, trace: NDArray[np.float64], n_trace: int) -> int:
    """Ask the verifier about candidates whose first, second or last look is due."""
    s: Scalars = m.scalars[0]
    j = 0
    while j < s.n_pending:
        c: Candidate = m.pending[j]
        age = s.now - c.at
        if c.looks == 0 or (c.looks == 1 and age >= p.again) or (c.looks == 2 and age >= p.final):
            c.looks = 3 if age >= p.final else (2 if age >= p.again else 1)
            describe(c, p, m)
            c.score = probability(m.features, net)
            if n_trace < len(trace):
                trace[n_trace, 0] = c.at
                trace[n_trace, 1] = c.looks
                trace[n_trace, 2:] = m.features
                n_trace += 1
            if c.looks == 3 and c.score < p.back:
                drop(j, m)
                continue
        j += 1
    return n_trace


@kernel
def decide(p: Parameters, m: Memory, found: NDArray[np.float64], n: int) -> int:
    """Accept or give up pending candidates as far as this sample allows."""
    s: Scalars = m.scalars[0]
    while s.n_pending > 0 and s.now - (m.pending[0].at - p.lag - p.radius) > p.delay_max:
        drop(0, m)
    going = True
    while going and s.n_pending > 0:
        going = False
        j = certain(p, m)
        if j < 0:
            if s.n_beats > 0 and s.now - p.lag - s.last_at > p.search_back * s.rr:
                j = forgotten(s.now - p.refractory, p, m)
        elif s.n_beats > 0 and m.pending[j].at - s.last_at > p.search_back * s.rr:
            back = forgotten(m.pending[j].at - int(1.5 * p.refractory), p, m)
            if back >= 0:
                j = back
        if j >= 0:
            n = accept(j, p, m, found, n)
            going = True
    return n


@kernel
def certain(p: Parameters, m: Memory) -> int:
    """Return the first candidate that is a beat by its own score, unless a better one is close; else -1."""
    s: Scalars = m.scalars[0]
    for j in range(s.n_pending):
        c: Candidate = m.pending[j]
        if c.score < (p.late if c.looks == 3 else p.early):
            continue
        if s.rising == 1 and s.peak > c.height and s.peak_at - c.at < p.refractory:
            return -1
        best = j
        for k in range(j + 1, s.n_pending):
            other: Candidate = m.pending[k]
            if other.at - c.at < p.refractory and other.score > m.pending[best].score:
                best = k
        return best
    return -1


@kernel
def forgotten(before: int, p: Parameters, m: Memory) -> int:
    """Return the candidate before an index that a search back would accept, or -1."""
    s: Scalars = m.scalars[0]
    best = -1
    for j in range(s.n_pending):
        c: Candidate = m.pending[j]
        possible = c.looks == 3 and c.at <= before and c.score >= p.back
        if possible and (best < 0 or c.score > m.pending[best].score):
            best = j
    return best


@kernel
def accept(j: int, p: Parameters, m: Memory, found: NDArray[np.float64], n: int) -> int:
    """Emit candidate ``j``, learn from it, and give up those before it and those too close behind."""
    s: Scalars = m.scalars[0]
    for _ in range(j):
        drop(0, m)
    c: Candidate = m.pending[0]
    at = c.at
    height = c.height
    found[n, 0] = locate(at, p, m)
    found[n, 1] = s.now
    found[n, 2] = c.score
    if s.n_beats > 0:
        rr = min(max(float(at - s.last_at), p.rr_min), p.rr_max)
        s.irregular += 0.125 * (min(abs(rr / s.rr - 1.0), 1.0) - s.irregular)
        gain = 1.0 if s.n_beats == 1 else (0.125 if rr < 1.6 * s.rr else 0.06)
        s.rr += gain * (rr - s.rr)
    for lead in range(len(m.leads)):
        if m.leads[lead].since <= at - p.smooth // 2:
            adapt(lead, at, p, m)
    remember(at, p, m)
    s.last_height = height
    s.last_at = at
    s.last_sample = int(found[n, 0])
    s.n_beats += 1
    kept = 0
    for k in range(1, s.n_pending):
        if m.pending[k].at - at >= p.refractory:
            m.pending[kept] = m.pending[k]
            kept += 1
    s.n_pending = kept
    return n + 1


@kernel
def adapt(lead: int, at: int, p: Parameters, m: Memory) -> None:
    """Move a lead's levels towards what this beat, and the time since the last one, show."""
    s: Scalars = m.scalars[0]
    k: Lead = m.leads[lead]
    gain = 0.4 if s.n_beats < 4 else 0.125
    near = p.smooth // 2
    first = max(at - p.mask // 2, s.learn_from)
    if s.n_beats > 0:
        first = max(first, s.last_at + 2 * near)
    top = 0.0
    for i in range(max(at - near, s.start), min(at + near, s.now) + 1):
        top = max(top, m.rings[lead, FEATURE, i & p.mask])
    mean = 0.0
    count = max(at - 2 * near - first, 0)
    for i in range(first, first + count):
        mean += m.rings[lead, FEATURE, i & p.mask]
    if k.known == 0:
        k.known = 1
        k.signal = max(top, 1e-9)
        k.noise = mean / count if count > 0 else 0.3 * top
        k.span = 0.0
    else:
        k.signal += gain * (min(max(top, 0.4 * k.signal), 2.0 * k.signal) - k.signal)
        if count > 0:
            k.noise += gain * (mean / count - k.noise)
    weigh(k)
    span, rough, _ = measure(lead, at - p.lag, p, m)
    if k.span == 0.0:
        k.span = span
        k.rough = rough
    else:
        k.span += gain * (min(span, 2.0 * k.span) - k.span)
        k.rough += gain * (min(rough, 2.0 * k.rough) - k.rough)


@kernel
def locate(at: int, p: Parameters, m: Memory) -> int:
    """Return the index of the R peak: the largest excursion of the best lead near the candidate."""
    s: Scalars = m.scalars[0]
    centre = at - p.lag
    first = max(centre - p.radius, s.start)
    if s.n_beats > 0:
        first = max(first, s.last_sample + 1)
    last = min(centre + p.radius, s.now)
    best = 0
    score = -1.0
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known > 0 and k.since <= at:
            weight = k.weight * (4.0 if lead == 0 else 1.0)
            if weight > score:
                score = weight
                best = lead
    left = m.rings[best, RAW, first & p.mask]
    right = m.rings[best, RAW, last & p.mask]
    up = -1e30
    down = -1e30
    up_at = first
    down_at = first
    for j in range(first, last + 1):
        share = (j - first) / max(last - first, 1)
        value = m.rings[best, RAW, j & p.mask] - left - share * (right - left)
        if value > up:
            up = value
            up_at = j
        if -value > down:
            down = -value
            down_at = j
    b: Lead = m.leads[best]
    balance = (up - down) / (up + down + 1e-12)
    sample = up_at if balance + 0.5 * b.polarity >= 0 else down_at
    b.polarity += 0.125 * (balance - b.polarity)
    return sample
