"""Beat shapes of quiet times, kept through noise, and how well a candidate fits them.

The shapes are slopes of the raw signal over two strides (a difference that passes 30 Hz best and
neither wander nor 60 Hz): electrode motion is strong at low frequencies, so in slopes it is nearly white,
and the correlation with the known slopes of a beat, lead by lead over the power of the
noise just before, is nearly the best detector there is (the matched filter). Unlike the templates of
`monitor.detect_features` they learn from beats that nothing cast a doubt on, and from no others.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.detect_memory import N_POINTS, RAW, SHIFT, Lead, Memory, Parameters, Scalars
from monitor.stage import kernel

__all__ = ["deposit", "describe_bank"]

_MIDDLE = SHIFT + N_POINTS // 2


@kernel
def cut_slopes(at: int, p: Parameters, m: Memory) -> None:
    """Cut the slopes around a candidate, one point each stride, into the scratch."""
    s: Scalars = m.scalars[0]
    first = at - p.lag - _MIDDLE * p.stride
    for lead in range(len(m.leads)):
        for j in range(m.slopes.shape[1]):
            index = first + j * p.stride
            value = 0.0
            if s.start + p.stride <= index <= s.now - p.stride:
                value = (
                    m.rings[lead, RAW, (index + p.stride) & p.mask]
                    - m.rings[lead, RAW, (index - p.stride) & p.mask]
                )
            m.slopes[lead, j] = value


@kernel
def restless(lead: int, at: int, p: Parameters, m: Memory) -> float:
    """Return the mean square of a lead's slopes in the second before a candidate, beats left out."""
    s: Scalars = m.scalars[0]
    last = at - p.lag - int(0.12 * p.fs)
    beat = s.last_at - p.lag
    near = int(0.1 * p.fs)
    total = 0.0
    n = 0
    index = max(last - int(p.fs), s.start + p.stride)
    while index <= last:
        if s.n_beats == 0 or abs(index - beat) > near:
            value = (
                m.rings[lead, RAW, (index + p.stride) & p.mask]
                - m.rings[lead, RAW, (index - p.stride) & p.mask]
            )
            total += value * value
            n += 1
        index += p.stride
    return total / n if n >= 12 else -1.0


@kernel
def fit(shape: int, shift: int, weights: NDArray[np.float64], m: Memory) -> tuple[float, float, float]:
    """Return the weighted products candidate x shape, candidate x candidate and shape x shape."""
    both = 0.0
    own = 1e-12
    known = 1e-12
    for lead in range(len(m.leads)):
        if weights[lead] == 0.0:
            continue
        for j in range(N_POINTS):
            value = m.slopes[lead, shift + j]
            usual = m.bank[shape, lead, j]
            both += weights[lead] * value * usual
            own += weights[lead] * value * value
            known += weights[lead] * usual * usual
    return both, own, known


@kernel
def best_fit(weights: NDArray[np.float64], m: Memory) -> tuple[int, int, float]:
    """Return the shape that a candidate correlates with best, the shift, and the correlation."""
    chosen = -1
    by = SHIFT
    best = -2.0
    for shape in range(len(m.bank)):
        if m.bank_uses[shape] == 0.0:
            continue
        for shift in range(2 * SHIFT + 1):
            both, own, known = fit(shape, shift, weights, m)
            value = both / np.sqrt(own * known)
            if value > best:
                chosen, by, best = shape, shift, value
    return chosen, by, best


@kernel
def weigh_leads(at: int, p: Parameters, m: Memory) -> float:
    """Weigh each usable lead by one over the power of its noise now; return the use of all shapes."""
    weights = m.weights[0]
    weights[:] = 0.0
    usual = 0
    total = 1e-12
    for shape in range(len(m.bank)):
        total += m.bank_uses[shape]
        if m.bank_uses[shape] > m.bank_uses[usual]:
            usual = shape
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known == 0 or k.since > at:
            continue
        power = 1e-12
        for j in range(N_POINTS):
            power += m.bank[usual, lead, j] ** 2 / N_POINTS
        noise = restless(lead, at, p, m)
        weights[lead] = 1.0 / (max(noise, 0.0) + 0.003 * power)
    return total


@kernel
def describe_bank(at: int, p: Parameters, m: Memory) -> None:
    """Features 24 to 30: size, correlation (all leads, least, most), beat over noise, what is left, use."""
    f = m.features
    for j in range(24, 31):
        f[j] = 0.0
    cut_slopes(at, p, m)
    describe_repeat(at, p, m)
    weights = m.weights[0]
    total = weigh_leads(at, p, m)
    shape, shift, correlation = best_fit(weights, m)
    if shape < 0:
        return
    both, own, known = fit(shape, shift, weights, m)
    f[24] = min(max(both / known, -1.0), 3.0)
    f[25] = correlation
    least = 1.0
    most = -1.0
    alone = m.weights[1]
    for lead in range(len(m.leads)):
        if weights[lead] > 0.0:
            alone[:] = 0.0
            alone[lead] = weights[lead]
            one, power, energy = fit(shape, shift, alone, m)
            value = one / np.sqrt(power * energy)
            least = min(least, value)
            most = max(most, value)
    f[26] = least
    f[27] = most
    f[28] = 0.5 * np.log(known / N_POINTS + 1e-3)
    f[29] = 0.5 * np.log(max(own - both * both / known, 0.0) / N_POINTS + 1e-2)
    f[30] = m.bank_uses[shape] / total


@kernel
def alike(at: int, p: Parameters, m: Memory) -> float:
    """Return the best correlation of the cut slopes with those around another index."""
    s: Scalars = m.scalars[0]
    first = at - p.lag - _MIDDLE * p.stride
    best = -1.0
    if first < s.start + 3 * p.stride or s.now - first > p.mask - 64 * p.stride:
        return best
    for shift in range(-2, 3):
        total = 0.0
        weights = 1e-12
        for lead in range(len(m.leads)):
            k: Lead = m.leads[lead]
            if k.known == 0 or k.since > at:
                continue
            both = 0.0
            own = 1e-12
            other = 1e-12
            for j in range(SHIFT, SHIFT + N_POINTS):
                index = first + (j + shift) * p.stride
                before = (
                    m.rings[lead, RAW, (index + p.stride) & p.mask]
                    - m.rings[lead, RAW, (index - p.stride) & p.mask]
                )
                value = m.slopes[lead, j]
                both += value * before
                own += value * value
                other += before * before
            total += k.weight * both / np.sqrt(own * other)
            weights += k.weight
        best = max(best, total / weights)
    return best


@kernel
def describe_repeat(at: int, p: Parameters, m: Memory) -> None:
    """Features 42 and 43: likeness to the most similar of the candidates before, and how far back it lies."""
    s: Scalars = m.scalars[0]
    f = m.features
    best = 0.0
    gap = 0.0
    for j in range(len(m.recent)):
        other = m.recent[j]
        if at - p.refractory >= other > at - int(1.5 * p.fs):
            value = alike(other, p, m)
            if value > best:
                best = value
                gap = (at - other) / s.sure_rr
    f[42] = best
    f[43] = min(gap, 2.0)


@kernel
def deposit(at: int, score: float, p: Parameters, m: Memory) -> None:
    """Teach the bank one accepted beat, if nothing casts a doubt on it."""
    s: Scalars = m.scalars[0]
    known = 0.0
    for shape in range(len(m.bank)):
        known += m.bank_uses[shape]
    if known > 0.0 and (score < 0.9 or s.doubt > 0.1):
        return
    cut_slopes(at, p, m)
    weights = m.weights[0]
    weights[:] = 0.0
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known > 0 and k.since <= at:
            weights[lead] = k.share * k.share
    chosen, shift, best = best_fit(weights, m)
    gain = 0.1
    for shape in range(len(m.bank)):
        m.bank_uses[shape] *= 0.98
    if best < 0.75:
        chosen = 0
        for shape in range(len(m.bank)):
            if m.bank_uses[shape] < m.bank_uses[chosen]:
                chosen = shape
        m.bank_uses[chosen] = 0.0
        shift = SHIFT
        gain = 1.0
    m.bank_uses[chosen] += 1.0
    for lead in range(len(m.leads)):
        k = m.leads[lead]
        if gain == 1.0 or k.state == 0:
            for j in range(N_POINTS):
                m.bank[chosen, lead, j] += gain * (m.slopes[lead, shift + j] - m.bank[chosen, lead, j])
