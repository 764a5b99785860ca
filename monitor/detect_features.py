"""What a candidate looks like, in numbers without unit: the input of the verifier.

Everything is a ratio to what this patient's own beats have shown so far, or a time, so nothing
depends on amplitude, polarity or sampling rate.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.detect_bank import describe_bank
from monitor.detect_context import describe_context
from monitor.detect_memory import (
    BAND,
    FEATURE,
    N_POINTS,
    RAW,
    SHIFT,
    Candidate,
    Lead,
    Memory,
    Parameters,
    Scalars,
)
from monitor.stage import kernel
from monitor.weights import Network

__all__ = ["describe", "probability", "remember"]


@kernel
def probability(features: NDArray[np.float64], net: Network) -> float:
    """Return the verifier's belief that a candidate is a QRS complex, 0..1."""
    n1 = len(net.b1)
    n2 = len(net.b2)
    hidden = np.empty(n1)
    for j in range(n1):
        hidden[j] = net.b1[j]
    for i in range(len(features)):
        x = (features[i] - net.offset[i]) * net.scale[i]
        x = min(max(x, -5.0), 5.0)
        for j in range(n1):
            hidden[j] += x * net.w1[i, j]
    out = net.b3[0]
    for k in range(n2):
        total = net.b2[k]
        for j in range(n1):
            if hidden[j] > 0:
                total += hidden[j] * net.w2[j, k]
        if total > 0:
            out += total * net.w3[k]
    return float(1.0 / (1.0 + np.exp(-out)))


@kernel
def cut(at: int, p: Parameters, m: Memory) -> None:
    """Cut the QRS band around a candidate, one point each stride, into the scratch segment."""
    s: Scalars = m.scalars[0]
    n = N_POINTS + 2 * SHIFT
    first = at - p.smooth // 2 - (n // 2) * p.stride
    for lead in range(len(m.leads)):
        for j in range(n):
            index = first + j * p.stride
            m.segment[lead, j] = m.rings[lead, BAND, index & p.mask] if s.start <= index <= s.now else 0.0


@kernel
def likeness(template: int, at: int, m: Memory) -> tuple[float, int]:
    """Return the best weighted correlation of the cut segment with a template, and its shift."""
    best = -1.0
    best_shift = 0
    for shift in range(2 * SHIFT + 1):
        total = 0.0
        weights = 1e-12
        for lead in range(len(m.leads)):
            k: Lead = m.leads[lead]
            if k.known == 0 or k.since > at:
                continue
            dot = 0.0
            power = 1e-18
            for j in range(N_POINTS):
                value = m.segment[lead, shift + j]
                dot += value * m.templates[template, lead, j]
                power += value * value
            total += k.weight * dot / np.sqrt(power)
            weights += k.weight
        if total / weights > best:
            best = total / weights
            best_shift = shift
    return best, best_shift


@kernel
def remember(at: int, p: Parameters, m: Memory) -> None:
    """Teach the templates one accepted beat: the most like it moves to it, or the stalest gives way."""
    cut(at, p, m)
    best = -1.0
    chosen = 0
    shift = SHIFT
    for t in range(len(m.templates)):
        m.uses[t, 0] *= 0.98
        if m.uses[t, 1] > 0:
            value, by = likeness(t, at, m)
            if value > best:
                best = value
                chosen = t
                shift = by
    gain = 0.12
    if best < 0.75:
        chosen = 0
        for t in range(len(m.templates)):
            if m.uses[t, 0] < m.uses[chosen, 0]:
                chosen = t
        m.uses[chosen, 0] = 0.0
        shift = SHIFT
        gain = 1.0
    m.uses[chosen, 0] += 1.0
    m.uses[chosen, 1] = 1.0
    for lead in range(len(m.leads)):
        blend(chosen, lead, shift, gain, m)


@kernel
def blend(template: int, lead: int, shift: int, gain: float, m: Memory) -> None:
    """Move one lead of a template towards the cut segment, and keep its length at one."""
    power = 1e-18
    for j in range(N_POINTS):
        power += m.segment[lead, shift + j] ** 2
    length = 1e-18
    for j in range(N_POINTS):
        old = m.templates[template, lead, j]
        new = m.segment[lead, shift + j] / np.sqrt(power)
        m.templates[template, lead, j] = old + gain * (new - old)
        length += m.templates[template, lead, j] ** 2
    for j in range(N_POINTS):
        m.templates[template, lead, j] /= np.sqrt(length)


@kernel
def measure(lead: int, centre: int, p: Parameters, m: Memory) -> tuple[float, float, float]:
    """Return the span of the raw signal within 80 ms, its roughness there, and its span within 250 ms."""
    s: Scalars = m.scalars[0]
    near = int(0.08 * p.fs)
    wide = int(0.25 * p.fs)
    low = high = m.rings[lead, RAW, centre & p.mask]
    rough = 0.0
    for i in range(max(centre - near, s.start + 2 * p.fine), min(centre + near, s.now) + 1):
        value = m.rings[lead, RAW, i & p.mask]
        low = min(low, value)
        high = max(high, value)
        rough += abs(
            value
            - 2.0 * m.rings[lead, RAW, (i - p.fine) & p.mask]
            + m.rings[lead, RAW, (i - 2 * p.fine) & p.mask]
        )
    wide_low = low
    wide_high = high
    for i in range(max(centre - wide, s.start), min(centre + wide, s.now) + 1, p.fine):
        value = m.rings[lead, RAW, i & p.mask]
        wide_low = min(wide_low, value)
        wide_high = max(wide_high, value)
    return high - low, rough / (2 * near + 1), wide_high - wide_low


@kernel
def stretch(first: int, last: int, m: Memory, p: Parameters) -> tuple[float, float, int]:
    """Return mean and maximum of the combined feature from ``first`` to ``last``, and where."""
    mean = 0.0
    top = 0.0
    where = first
    for i in range(first, last + 1):
        value = m.combined[i & p.mask]
        mean += value
        if value > top:
            top = value
            where = i
    return mean / max(last - first + 1, 1), top, where


@kernel
def describe(j: int, p: Parameters, m: Memory) -> None:
    """Write the candidate's features, as far as they can be known now, to ``m.features``."""
    s: Scalars = m.scalars[0]
    c: Candidate = m.pending[j]
    f = m.features
    at = c.at
    gap = float(at - s.last_at) if s.n_beats > 0 else s.rr
    guard = int(0.12 * p.fs)
    before = max(at - int(0.6 * p.fs), s.learn_from)
    if s.n_beats > 0:
        before = max(before, s.last_at + guard)
    mean, top, _ = stretch(before, at - guard, m, p)
    after = at + int(0.08 * p.fs)
    _, later, later_at = stretch(after, s.now, m, p)
    f[0] = np.log(c.height)
    f[1] = np.log(c.height / s.last_height)
    f[2] = s.noise
    f[3] = np.log((mean + 0.01) / c.height)
    f[4] = np.log((top + 0.02) / c.height)
    f[5] = min(gap / s.rr, 3.0)
    f[6] = min(gap / p.fs, 2.0)
    f[7] = c.width / p.fs
    f[8] = np.log((later + 0.02) / c.height)
    f[9] = (later_at - at) / p.fs
    f[10] = (s.now - at) / p.fs
    f[11] = s.irregular
    f[12] = 1.0 / (1.0 + s.n_beats)
    f[13] = np.log(s.mean + 0.02)
    describe_leads(at, c.height, p, m)
    describe_shape(at, p, m)
    describe_bank(at, p, m)
    describe_context(j, p, m)


@kernel
def describe_leads(at: int, height: float, p: Parameters, m: Memory) -> None:
    """Features 14 to 20: the leads one by one, and the raw signal against what beats looked like."""
    f = m.features
    least = 1e9
    most = 0.0
    weights = 1e-12
    span = rough = wide = ratio = 0.0
    n = 0
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known == 0 or k.since > at:
            continue
        value = m.rings[lead, FEATURE, at & p.mask] / k.signal
        least = min(least, value)
        most = max(most, value)
        near, fine, far = measure(lead, at - p.lag, p, m)
        usual = k.span if k.span > 0 else near
        span += k.weight * np.log((near + 1e-9) / (usual + 1e-9))
        rough += k.weight * np.log((fine + 1e-9) / ((k.rough if k.span > 0 else fine) + 1e-9))
        wide += k.weight * np.log((far + 1e-9) / (usual + 1e-9))
        ratio += k.weight * np.log(k.signal / (k.noise + 1e-9))
        weights += k.weight
        n += 1
    f[14] = np.log((least + 0.01) / height)
    f[15] = np.log((most + 0.01) / height)
    f[16] = span / weights
    f[17] = rough / weights
    f[18] = wide / weights
    f[19] = ratio / weights
    f[20] = 1.0 if n > 1 else 0.0


@kernel
def describe_shape(at: int, p: Parameters, m: Memory) -> None:
    """Features 21 to 23: likeness to the most used template, to any, and how common the best one is."""
    f = m.features
    cut(at, p, m)
    usual = 0
    total = 1e-12
    for t in range(len(m.templates)):
        total += m.uses[t, 0]
        if m.uses[t, 0] > m.uses[usual, 0]:
            usual = t
    best = -1.0
    share = 0.0
    f[21] = 0.0
    for t in range(len(m.templates)):
        if m.uses[t, 1] == 0:
            continue
        value, _ = likeness(t, at, m)
        if t == usual:
            f[21] = value
        if value > best:
            best = value
            share = m.uses[t, 0] / total
    f[22] = max(best, 0.0)
    f[23] = share
