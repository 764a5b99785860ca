"""The compiled inside of `monitor.detect_lstm`: samples to steps, steps to probabilities, peaks to beats."""

import numpy as np
from numpy.typing import NDArray

from monitor.detect_lstm_memory import LstmLead, LstmMemory, LstmParameters, LstmScalars
from monitor.detect_memory import NEVER
from monitor.detect_peak import excursion
from monitor.stage import kernel
from monitor.weights_lstm import MAX_TAPS, N_INPUTS, Recurrent

__all__ = ["run"]


@kernel
def run(
    samples: NDArray[np.float64],
    band: NDArray[np.float64],
    quality: NDArray[np.int8],
    p: LstmParameters,
    net: Recurrent,
    m: LstmMemory,
    found: NDArray[np.float64],
    trace: NDArray[np.float64],
) -> tuple[int, int]:
    """Advance over a block.

    Writes (sample, decided, belief in a beat, P(abnormal)) rows to ``found`` and, where ``trace`` has rows,
    what each step showed and answered (`TRACED`) to it; returns both numbers of rows.
    """
    s: LstmScalars = m.scalars[0]
    n = 0
    n_trace = 0
    for i in range(len(samples)):
        now = s.now
        for lead in range(len(m.leads)):
            take_in(now, samples[i, lead], band[i, lead], quality[i, lead], p, m.leads[lead], m.rings[lead])
        while s.step * p.ratio <= now - s.start:
            look(p, m)
            convolve(net, m)
            recur(net, m)
            if n_trace < len(trace):
                trace[n_trace, :2] = m.shown
                trace[n_trace, 2:] = m.told
                n_trace += 1
            if peaked(p, m):
                n += accept(p, m, found, n)
            s.step += 1
        s.now = now + 1
    return n, n_trace


@kernel
def take_in(
    now: int,
    value: float,
    band: float,
    quality: int,
    p: LstmParameters,
    k: LstmLead,
    ring: NDArray[np.float64],
) -> None:
    """Keep one sample of one lead, and whether the lead is usable."""
    if not np.isnan(value):
        k.held = value
    ring[now & p.mask] = k.held
    k.before = k.value
    k.value = band
    if quality >= 2:
        k.since = NEVER
    elif k.since == NEVER:
        k.since = now + p.settle


@kernel
def look(p: LstmParameters, m: LstmMemory) -> None:
    """Set what the network is shown at this step: the first two usable leads, scaled by their own past."""
    s: LstmScalars = m.scalars[0]
    back = (s.now - s.start) - s.step * p.ratio
    slot = 0
    m.shown[:] = 0.0
    for lead in range(len(m.leads)):
        k: LstmLead = m.leads[lead]
        if slot == len(m.shown) or k.since > s.now:
            continue
        value = k.value - back * (k.value - k.before) if s.now > s.start else k.value
        square = value * value
        k.square += p.gain * (square - k.square)
        k.weight += p.gain * (1.0 - k.weight)
        k.long_square += p.long_gain * (square - k.long_square)
        k.long_weight += p.long_gain * (1.0 - k.long_weight)
        level = np.sqrt(k.square / k.weight)
        level = max(level, p.share * np.sqrt(k.long_square / k.long_weight), p.floor)
        m.shown[slot] = min(max(0.5 * value / level, -p.clip), p.clip)
        slot += 1


@kernel
def convolve(net: Recurrent, m: LstmMemory) -> None:
    """Let the convolution see the last steps; before the first one there were zeros."""
    s: LstmScalars = m.scalars[0]
    newest = s.step & (MAX_TAPS - 1)
    n_taps = len(net.conv_w)
    m.past[newest] = m.shown
    m.seen[:] = net.conv_b
    for tap in range(n_taps):
        at = (newest - (n_taps - 1 - tap)) & (MAX_TAPS - 1)
        for lead in range(N_INPUTS):
            add(m.seen, m.past[at, lead], net.conv_w[tap, lead])
    for j in range(len(m.seen)):
        m.seen[j] = max(m.seen[j], 0.0)


@kernel
def recur(net: Recurrent, m: LstmMemory) -> None:
    """Advance the network by one step, as Keras does: gates in the order input, forget, cell, output."""
    z = m.gates
    units = m.hidden.shape[1]
    for layer in range(len(m.hidden)):
        h = m.hidden[layer]
        c = m.cell[layer]
        z[:] = net.b[layer]
        if layer == 0:
            for i in range(len(m.seen)):
                add(z, m.seen[i], net.w0[i])
        else:
            for i in range(units):
                add(z, m.hidden[layer - 1, i], net.w[layer - 1, i])
        for i in range(units):
            add(z, h[i], net.r[layer, i])
        for j in range(units):
            opened = sigmoid(z[j]) * np.tanh(z[2 * units + j])
            c[j] = sigmoid(z[units + j]) * c[j] + opened
            h[j] = sigmoid(z[3 * units + j]) * np.tanh(c[j])
    peak = net.peak_b[0]
    odds = net.beat_b[1] - net.beat_b[0]
    top = m.hidden[len(m.hidden) - 1]
    for j in range(units):
        peak += top[j] * net.peak_w[j, 0]
        odds += top[j] * (net.beat_w[j, 1] - net.beat_w[j, 0])
    m.told[0] = sigmoid(peak)
    m.told[1] = sigmoid(odds)


@kernel
def add(z: NDArray[np.float64], value: float, row: NDArray[np.float64]) -> None:
    """Add a row times a value: the order of sums is that of the source, whatever the machine."""
    for j in range(len(z)):
        z[j] += value * row[j]


@kernel
def sigmoid(x: float) -> float:
    """Return the logistic function."""
    return float(1.0 / (1.0 + np.exp(-x)))


@kernel
def peaked(p: LstmParameters, m: LstmMemory) -> bool:
    """Follow the probability of a peak, and say when it has passed its highest place."""
    s: LstmScalars = m.scalars[0]
    value = m.told[0]
    if value >= p.threshold and (s.rising == 0 or value > s.peak):
        s.rising = 1
        s.peak = value
        s.peak_step = s.step
        s.abnormal = m.told[1]
        return False
    if s.rising == 1 and (value < 0.5 * s.peak or s.step - s.peak_step >= p.hang):
        s.rising = 0
        return True
    return False


@kernel
def accept(p: LstmParameters, m: LstmMemory, found: NDArray[np.float64], n: int) -> int:
    """Write the beat of the peak that has passed, unless the last one is too close; return how many."""
    s: LstmScalars = m.scalars[0]
    centre = s.start + int(np.floor((s.peak_step - p.delay) * p.ratio + 0.5)) - p.lag
    first = max(centre - p.radius, s.start)
    if s.n_beats > 0:
        first = max(first, s.last_sample + p.refractory)
    last = min(centre + p.radius, s.now)
    if first > min(centre + p.radius // 2, last):
        return 0
    sample = locate(first, last, p, m)
    found[n, 0] = sample
    found[n, 1] = s.now
    found[n, 2] = sigmoid(p.slope * np.log(s.peak / max(1.0 - s.peak, 1e-12)) + p.offset)
    found[n, 3] = s.abnormal
    s.last_sample = sample
    s.n_beats += 1
    return 1


@kernel
def locate(first: int, last: int, p: LstmParameters, m: LstmMemory) -> int:
    """Return the index of the R peak: the largest excursion of the first usable lead from first to last."""
    best = 0
    for lead in range(len(m.leads) - 1, -1, -1):
        if m.leads[lead].since <= m.scalars[0].now:
            best = lead
    k: LstmLead = m.leads[best]
    sample, k.polarity = excursion(m.rings[best], p.mask, first, last, k.polarity)
    return sample
