"""What the QRS detector takes as usual, learned at a start and from every beat; and where R lies."""

import numpy as np

from monitor.detect_context import begin_context
from monitor.detect_features import measure
from monitor.detect_memory import FEATURE, NEVER, RAW, Lead, Memory, Parameters, Scalars
from monitor.detect_peak import excursion
from monitor.stage import kernel

__all__ = ["adapt", "audible", "learn", "locate"]


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
        if top >= audible(k, s.now, p, m) and (
            top > p.crest * mean or (waited > p.learn_max and k.usual == 0.0)
        ):
            k.known = 1
            k.signal = top
            k.usual = min(k.usual, 0.5 * top / p.quiet)
            k.noise = 0.5 * mean
            weigh(k)
            k.span = 0.0
            ready += 1
    if ready > 0:
        begin(start, p, m)


@kernel
def audible(k: Lead, at: int, p: Parameters, m: Memory) -> float:
    """Return the height of the smoothed envelope below which a lead's line counts as quiet.

    A share of its usual QRS level; that share falls to one half in a long silence, and no further.
    """
    s: Scalars = m.scalars[0]
    silence = max(at - s.last_at, 0) if k.usual > 0.0 else 0
    return float(max(p.floor, p.quiet * k.usual * (0.5 + 0.5 * np.exp(-silence / p.fade))))


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
    begin_context(start, p, m)


@kernel
def weigh(k: Lead) -> None:
    """Weigh a lead by the square of its QRS level over its noise level."""
    ratio = k.signal / (k.noise + 1e-9)
    k.weight = min(ratio * ratio, 400.0)
    k.share = k.weight / k.signal


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
    keep_usual(at, p, s, k)
    weigh(k)
    span, rough, _ = measure(lead, at - p.lag, p, m)
    if k.span == 0.0:
        k.span = span
        k.rough = rough
    else:
        k.span += gain * (min(span, 2.0 * k.span) - k.span)
        k.rough += gain * (min(rough, 2.0 * k.rough) - k.rough)


@kernel
def keep_usual(at: int, p: Parameters, s: Scalars, k: Lead) -> None:
    """Move the long memory of the QRS level: up at once, in good signal only; down slowly, by beats.

    An artefact taken for the very first beats, or one that the quality stage calls noise, must not
    make the heart that follows look like a quiet line.
    """
    if k.signal > k.usual:
        if s.n_beats >= 4 and k.state == 0:
            k.usual = k.signal
    elif s.n_beats > 0:
        k.usual += (k.signal - k.usual) * min(float(at - s.last_at), p.rr_max) / p.fade


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
    b: Lead = m.leads[best]
    sample, b.polarity = excursion(m.rings[best, RAW], p.mask, first, last, b.polarity)
    return sample
