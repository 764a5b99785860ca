"""What surrounds a candidate: how sure the detector was lately, the rhythm of sure beats, rivals."""

import numpy as np

from monitor.detect_memory import RAW, Candidate, Lead, Memory, Parameters, Scalars
from monitor.stage import kernel

__all__ = ["begin_context", "describe_context", "doubtful", "keep_context", "spaced"]


@kernel
def begin_context(start: int, p: Parameters, m: Memory) -> None:
    """Forget what was sure."""
    s: Scalars = m.scalars[0]
    s.doubt = 0.0
    s.spacing = 1.0
    s.candidate_at = start
    s.before_at = start
    s.sure_at = start
    s.last_score = 0.5
    s.sure_rr = 0.8 * p.fs
    m.bank_uses[:] = 0.0


@kernel
def spaced(at: int, p: Parameters, m: Memory) -> None:
    """Follow how far apart candidates are, in RR, and where."""
    s: Scalars = m.scalars[0]
    if at - m.recent[0] >= p.close:
        for j in range(len(m.recent) - 1, 0, -1):
            m.recent[j] = m.recent[j - 1]
    m.recent[0] = at
    s.spacing += 0.1 * (min((at - s.candidate_at) / s.sure_rr, 1.5) - s.spacing)
    s.candidate_at = at


@kernel
def doubtful(score: float, m: Memory) -> None:
    """Follow how unsure the verifier is of what it decides: 0 sure, 1 not at all."""
    s: Scalars = m.scalars[0]
    s.doubt += 0.08 * (4.0 * score * (1.0 - score) - s.doubt)


@kernel
def keep_context(at: int, score: float, p: Parameters, m: Memory) -> None:
    """Take in one accepted beat; called before it becomes the last one."""
    s: Scalars = m.scalars[0]
    doubtful(score, m)
    rr = float(at - s.last_at)
    if s.n_beats > 0:
        if s.n_beats < 6:
            s.sure_rr = s.rr
        elif score > 0.9 and s.last_score > 0.9 and s.doubt < 0.15 and rr < 1.6 * s.sure_rr:
            s.sure_rr += 0.1 * (max(rr, p.rr_min) - s.sure_rr)
    s.before_at = s.last_at if s.n_beats > 0 else at
    s.last_score = score
    if score > 0.97:
        s.sure_at = at


@kernel
def moved(at: int, p: Parameters, m: Memory) -> float:
    """Return how far the line lies from where it was before the candidate, over the span of beats."""
    s: Scalars = m.scalars[0]
    far = int(0.14 * p.fs)
    near = int(0.08 * p.fs)
    centre = at - p.lag
    total = 0.0
    weights = 1e-12
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known == 0 or k.since > at or k.span <= 0.0:
            continue
        before = after = 0.0
        for i in range(near, far):
            before += m.rings[lead, RAW, max(centre - i, s.start) & p.mask]
            after += m.rings[lead, RAW, min(centre + i, s.now) & p.mask]
        step = abs(after - before) / (far - near)
        total += k.weight * np.log(step / k.span + 0.02)
        weights += k.weight
    return total / weights


@kernel
def describe_context(j: int, p: Parameters, m: Memory) -> None:
    """Features 31 to 41."""
    s: Scalars = m.scalars[0]
    c: Candidate = m.pending[j]
    f = m.features
    gap = float(c.at - s.last_at) if s.n_beats > 0 else s.rr
    cycles = (c.at - s.sure_at) / s.sure_rr
    f[31] = s.doubt
    f[32] = s.spacing
    f[33] = s.last_score
    f[34] = min(gap / s.sure_rr, 3.0)
    f[35] = min(cycles, 6.0)
    f[36] = abs(cycles - np.rint(cycles))
    f[37] = min((c.at - s.before_at) / s.sure_rr, 4.0)
    noisy = 0.0
    n = 0
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known > 0 and k.since <= c.at:
            noisy += 1.0 if k.state == 1 else 0.0
            n += 1
    f[38] = noisy / max(n, 1)
    f[39] = moved(c.at, p, m)
    f[40] = 0.0
    f[41] = 0.0
    for i in range(s.n_pending):
        other: Candidate = m.pending[i]
        if i < j:
            f[40] = max(f[40], other.score)
        elif i > j:
            f[41] = max(f[41], other.score)
