"""The compiled inside of `monitor.detect`: one pass over samples, every decision at an absolute index.

What the steps are, and where they come from, stands in the docstring of `monitor.detect`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detect_bank import deposit
from monitor.detect_context import doubtful, keep_context, spaced
from monitor.detect_features import describe, probability, remember
from monitor.detect_intake import follow, take_in
from monitor.detect_levels import adapt, audible, learn, locate
from monitor.detect_memory import (
    FEATURE,
    NEVER,
    Candidate,
    Lead,
    Memory,
    Parameters,
    Scalars,
)
from monitor.stage import kernel
from monitor.weights import Network

__all__ = ["run"]

_OFF: Final = 2
_ONCE_MORE: Final = -4
"""Number of looks of a candidate that is to be looked at for a fourth time."""


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
                j = 0
                while j != -1:
                    j = due(p, m)
                    if j >= 0:
                        judge(j, p, net, m)
                        n_trace = keep(j, m, trace, n_trace)
                    else:
                        j = next_beat(p, m)
                        if j >= 0:
                            n = accept(j, p, m, found, n)
            if short_hole(now, p, s, m.leads):
                s.unseen += 1
            if now - s.last_at - s.unseen > p.relearn and s.n_pending == 0:
                s.learning = 1
                s.unseen = 0
                s.learn_from = now + 1
        s.now = now + 1
    return n, n_trace


@kernel
def short_hole(now: int, p: Parameters, s: Scalars, leads: NDArray[Any]) -> bool:
    """Tell whether all leads are missing for a moment, or settle after that: beats are not looked for."""
    for lead in range(len(leads)):
        k: Lead = leads[lead]
        lost = k.state == _OFF and k.lost <= p.forget
        if not (lost or (s.unseen > 0 and now < k.since < NEVER)):
            return False
    return True


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
    spaced(c.at, p, m)
    first = c.at
    while first > c.at - p.refractory and first > s.learn_from and m.combined[first & p.mask] > 0.5 * s.peak:
        first -= 1
    c.width = float(c.at - first)
    s.n_pending += 1


@kernel
def heard(at: int, p: Parameters, m: Memory) -> bool:
    """Tell whether some usable lead rises above what counts as a quiet line there."""
    for lead in range(len(m.leads)):
        k: Lead = m.leads[lead]
        if k.known > 0 and k.since <= at and m.rings[lead, FEATURE, at & p.mask] >= audible(k, at, p, m):
            return True
    return False


@kernel
def drop(j: int, m: Memory) -> None:
    """Give up a candidate: it was noise."""
    s: Scalars = m.scalars[0]
    s.noise += 0.125 * (min(m.pending[j].height, 1.0) - s.noise)
    for k in range(j + 1, s.n_pending):
        m.pending[k - 1] = m.pending[k]
    s.n_pending -= 1


@kernel
def due(p: Parameters, m: Memory) -> int:
    """Return the next candidate that the verifier has to look at now, or -1; drop those that are out."""
    s: Scalars = m.scalars[0]
    j = 0
    while j < s.n_pending:
        c: Candidate = m.pending[j]
        age = s.now - c.at
        if c.looks == 3 and c.score < p.back:
            doubtful(c.score, m)
            drop(j, m)
            continue
        if c.looks == _ONCE_MORE:
            c.looks = 4
            return j
        if c.looks == 0 or (c.looks == 1 and age >= p.again) or (c.looks == 2 and age >= p.final):
            c.looks = 3 if age >= p.final else (2 if age >= p.again else 1)
            return j
        j += 1
    return -1


@kernel
def judge(j: int, p: Parameters, net: Network, m: Memory) -> None:
    """Look at one candidate: set its features and its score."""
    c: Candidate = m.pending[j]
    describe(j, p, m)
    c.score = probability(m.features, net) if heard(c.at, p, m) else 0.0


@kernel
def keep(j: int, m: Memory, trace: NDArray[np.float64], n_trace: int) -> int:
    """Write what was seen of a candidate to the trace, if there is room; return its number of rows."""
    if n_trace >= len(trace):
        return n_trace
    trace[n_trace, 0] = m.pending[j].at
    trace[n_trace, 1] = m.pending[j].looks
    trace[n_trace, 2:] = m.features
    return n_trace + 1


@kernel
def next_beat(p: Parameters, m: Memory) -> int:
    """Return the candidate to accept now, -1 for none, -2 if some must be looked at once more first."""
    s: Scalars = m.scalars[0]
    while s.n_pending > 0 and s.now - (m.pending[0].at - p.lag - p.radius) > p.delay_max:
        drop(0, m)
    j = certain(p, m)
    late = s.last_at + p.search_back * s.rr
    if s.n_beats == 0 or s.n_pending == 0 or (m.pending[j].at if j >= 0 else s.now - p.lag) <= late:
        return j
    before = m.pending[j].at - int(1.5 * p.refractory) if j >= 0 else s.now - p.refractory
    again = False
    for k in range(s.n_pending):
        c: Candidate = m.pending[k]
        if c.looks == 3 and c.at <= before:
            c.looks = _ONCE_MORE
            again = True
    if again:
        return -2
    back = forgotten(before, p, m)
    return back if back >= 0 else j


@kernel
def certain(p: Parameters, m: Memory) -> int:
    """Return the first candidate that is a beat by its own score, unless a better one is close; else -1."""
    s: Scalars = m.scalars[0]
    for j in range(s.n_pending):
        c: Candidate = m.pending[j]
        if c.looks == 4 or c.score < (p.late if c.looks == 3 else p.early):
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
        possible = c.looks == 4 and c.at <= before and c.score >= p.late
        if possible and (best < 0 or c.score > m.pending[best].score):
            best = j
    return best


@kernel
def accept(j: int, p: Parameters, m: Memory, found: NDArray[np.float64], n: int) -> int:
    """Emit candidate ``j``, learn from it, and give up those before it and those too close behind."""
    s: Scalars = m.scalars[0]
    for _ in range(j):
        first: Candidate = m.pending[0]
        doubtful(first.score, m)
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
    deposit(at, c.score, p, m)
    keep_context(at, c.score, p, m)
    s.last_height = height
    s.last_at = at
    s.last_sample = int(found[n, 0])
    s.unseen = 0
    s.n_beats += 1
    kept = 0
    for k in range(1, s.n_pending):
        if m.pending[k].at - at >= p.refractory:
            m.pending[kept] = m.pending[k]
            kept += 1
    s.n_pending = kept
    return n + 1
