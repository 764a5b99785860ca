"""The loops behind `monitor.beats`: one beat's window, its rhythm, and the patient's usual shapes.

The patient's shapes are kept as a handful of running clusters, after the idea in Hamilton's
open-source analyser (EP Limited, 2002) and in de Chazal et al. 2004 (IEEE TBME 51:1196), who
compare each beat with the patient's own. Deviations: shapes are compared by correlation over all
leads at small lags, clusters fade with time, and what is learned per cluster (how early its beats
come, how long a pause follows) is given to the network as numbers and decides nothing here.

Everything is a plain loop over explicit arrays: bit-identical for any partition (law 1).
"""

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel

__all__ = ["N_CLUSTERS", "N_HABITS", "N_RHYTHM", "resample_kernel", "rhythm_kernel", "shape_kernel"]

N_CLUSTERS = 5
N_MEAN = 8
_N_LONG = 128.0
_N_SHAPE = 16.0
"""A cluster's shape and habits are running means over about this many of its beats."""
_SAME = 0.8
"""Correlation from which on a beat belongs to a cluster."""
_FADE = 0.98
"""What remains of a cluster's weight after each beat: a memory of about 50 beats."""
_SUCCEED = 1.2
"""A cluster becomes the dominant one when it rules this many times as much as the present one."""
_EARLY = -0.08
_EARLY_RULE = 0.2
"""A beat this early (log ratio to the mean RR) adds only so much to the rule of its cluster: in
bigeminy half of the beats are ventricular, and the other half are the patient's own."""
# Places in the vector of running RR state; the last RR, oldest overwritten first, stand before them.
_BEATS, _SEEN, _LAST, _SECOND, _LONG, _LOG, _CLUSTER, _DOMINANT = range(N_MEAN, N_MEAN + 8)
N_RHYTHM = _DOMINANT + 1
N_HABITS = 6


@kernel
def resample_kernel(
    wave: NDArray[np.float64],
    at: int,
    first: NDArray[np.int64],
    weights: NDArray[np.float64],
    n_used: int,
    raw: NDArray[np.float64],
) -> None:
    """Fill ``raw`` with the window around index ``at``, each lead's own mean removed.

    Leads from ``n_used`` on stay as they are. Samples beyond either end of the wave repeat its
    first or last one.
    """
    n_points, n_taps = weights.shape
    last = len(wave) - 1
    for lead in range(n_used):
        mean = 0.0
        for k in range(n_points):
            value = 0.0
            for tap in range(n_taps):
                i = min(max(at + first[k] + tap, 0), last)
                value += weights[k, tap] * wave[i, lead]
            raw[k, lead] = value
            mean += value
        mean /= n_points
        for k in range(n_points):
            raw[k, lead] -= mean


@kernel
def rhythm_kernel(rr_s: float, rhythm: NDArray[np.float64], features: NDArray[np.float64]) -> None:
    """Write the RR features and move the running RR state on by one beat; ``rr_s`` 0 = unknown."""
    features[14] = min(1.0, rhythm[_BEATS] / 32.0)
    rhythm[_BEATS] += 1.0
    rhythm[_LOG] = 0.0
    if rr_s <= 0.0:
        return
    features[0] = (rr_s - 0.8) / 0.4
    rr = min(max(rr_s, 0.15), 3.0)
    seen = int(rhythm[_SEEN])
    held = min(seen, N_MEAN)
    if held > 0:
        mean = 0.0
        change = 0.0
        for k in range(held):
            mean += rhythm[k]
        mean /= held
        for k in range(1, held):
            change += abs(rhythm[(seen - k) % N_MEAN] - rhythm[(seen - k - 1) % N_MEAN])
        features[1] = np.log(rr / mean)
        features[2] = np.log(rhythm[_LAST] / mean)
        features[3] = np.log(rhythm[_SECOND] / mean)
        features[4] = np.log(rr / rhythm[_LAST])
        features[5] = np.log(rr / rhythm[_LONG])
        features[6] = change / (max(1, held - 1) * mean)
        rhythm[_LOG] = features[1]
    rhythm[seen % N_MEAN] = rr
    rhythm[_SECOND] = rhythm[_LAST] if held > 0 else rr
    rhythm[_LAST] = rr
    rhythm[_LONG] += (rr - rhythm[_LONG]) / min(seen + 1.0, _N_LONG)
    rhythm[_SEEN] += 1.0


@kernel
def shape_kernel(
    raw: NDArray[np.float64],
    qrs: tuple[int, int, int],
    rhythm: NDArray[np.float64],
    shapes: NDArray[np.float64],
    clusters: NDArray[np.float64],
    features: NDArray[np.float64],
    window: NDArray[np.float32],
) -> None:
    """Compare the beat with the patient's shapes, write features and window, and learn from it.

    ``qrs`` is first and one past the last point of the QRS, and the largest lag. Each row of
    ``clusters`` holds weight, beats, mean log prematurity, beats followed, mean log pause, rule.
    """
    n_points, n_leads = raw.shape
    first = rhythm[_BEATS] <= 1.0
    if not first:
        previous = clusters[int(rhythm[_CLUSTER])]
        previous[3] += 1.0
        previous[4] += (rhythm[_LOG] - previous[4]) / min(previous[3], _N_SHAPE)
    scale = np.empty(n_leads)
    _scale_kernel(raw if first else shapes[int(rhythm[_DOMINANT])], qrs, scale)
    own, lag = _match_kernel(raw, qrs, scale, int(rhythm[_DOMINANT]), shapes, clusters)
    if lag > n_points:  # no cluster has this shape: the lightest makes room
        shapes[own] = raw
        clusters[own] = 0.0
        lag = 0
    for k in range(len(clusters)):
        clusters[k, 0] *= _FADE
        clusters[k, 5] *= _FADE
    clusters[own, 0] += 1.0
    clusters[own, 5] += _EARLY_RULE if rhythm[_LOG] < _EARLY else 1.0
    if first or clusters[own, 5] > _SUCCEED * clusters[int(rhythm[_DOMINANT]), 5]:
        rhythm[_DOMINANT] = own
        _scale_kernel(shapes[own], qrs, scale)
    dominant = int(rhythm[_DOMINANT])
    _describe_kernel(raw, shapes[dominant], qrs, scale, features)
    total = np.sum(clusters[:, 0])
    features[10] = clusters[own, 0] / total
    features[11] = clusters[dominant, 0] / total
    features[12] = clusters[own, 2]
    features[13] = clusters[own, 4]
    for lead in range(n_leads):
        for k in range(n_points):
            window[k, lead] = min(max(raw[k, lead] / scale[lead], -8.0), 8.0)
            if window.shape[1] > n_leads:
                window[k, n_leads + lead] = min(max(shapes[dominant, k, lead] / scale[lead], -8.0), 8.0)
    _learn_kernel(raw, lag, rhythm[_LOG], shapes[own], clusters[own])
    rhythm[_CLUSTER] = own


@kernel
def _scale_kernel(shape: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64]) -> None:
    """Write each lead's QRS height, at least a tenth of the largest, so that a dead lead stays small."""
    largest = 1e-6
    for lead in range(len(scale)):
        low = shape[qrs[0], lead]
        high = low
        for k in range(qrs[0], qrs[1]):
            low = min(low, shape[k, lead])
            high = max(high, shape[k, lead])
        scale[lead] = high - low
        largest = max(largest, scale[lead])
    for lead in range(len(scale)):
        scale[lead] = max(scale[lead], 0.1 * largest)


@kernel
def _match_kernel(
    raw: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    dominant: int,
    shapes: NDArray[np.float64],
    clusters: NDArray[np.float64],
) -> tuple[int, int]:
    """Return the cluster of most alike shape and the lag; a lag beyond the window: none is alike."""
    best = _SAME
    own = -1
    at = 0
    lightest = -1
    for k in range(len(clusters)):
        if clusters[k, 1] > 0.0:
            for lag in range(-qrs[2], qrs[2] + 1):
                alike = _alike_kernel(raw, shapes[k], qrs, lag, scale)
                if alike > best:
                    best, own, at = alike, k, lag
        if (k != dominant or clusters[k, 1] == 0.0) and (
            lightest < 0 or clusters[k, 0] < clusters[lightest, 0]
        ):
            lightest = k
    if own < 0:
        return lightest, len(raw) + 1
    return own, at


@kernel
def _alike_kernel(
    raw: NDArray[np.float64],
    shape: NDArray[np.float64],
    qrs: tuple[int, int, int],
    lag: int,
    scale: NDArray[np.float64],
) -> float:
    """Return the correlation of the QRS of ``raw``, ``lag`` points later, with that of ``shape``."""
    n = qrs[1] - qrs[0]
    across = 0.0
    own = 1e-12
    other = 1e-12
    for lead in range(len(scale)):
        mean_a = 0.0
        mean_b = 0.0
        aa = 0.0
        ab = 0.0
        bb = 0.0
        for k in range(qrs[0], qrs[1]):
            a = raw[k + lag, lead]
            b = shape[k, lead]
            mean_a += a
            mean_b += b
            aa += a * a
            ab += a * b
            bb += b * b
        weight = 1.0 / (scale[lead] * scale[lead])
        across += weight * (ab - mean_a * mean_b / n)
        own += weight * (aa - mean_a * mean_a / n)
        other += weight * (bb - mean_b * mean_b / n)
    return float(across / np.sqrt(own * other))


@kernel
def _describe_kernel(
    raw: NDArray[np.float64],
    dominant: NDArray[np.float64],
    qrs: tuple[int, int, int],
    scale: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write correlation, relative amplitude and relative width of the QRS against the dominant one."""
    best = -1.0
    for lag in range(-qrs[2], qrs[2] + 1):
        best = max(best, _alike_kernel(raw, dominant, qrs, lag, scale))
    features[7] = best
    height = np.zeros(2)
    area = np.zeros(2)
    for lead in range(len(scale)):
        for which in range(2):
            shape = raw if which == 0 else dominant
            low = shape[qrs[0], lead]
            high = low
            middle = 0.0
            for k in range(qrs[0], qrs[1]):
                low = min(low, shape[k, lead])
                high = max(high, shape[k, lead])
                middle += shape[k, lead] / (qrs[1] - qrs[0])
            height[which] += (high - low) / scale[lead]
            for k in range(qrs[0], qrs[1]):
                area[which] += abs(shape[k, lead] - middle) / scale[lead]
    tiny = 1e-9
    features[8] = np.log((height[0] + tiny) / (height[1] + tiny))
    features[9] = np.log((area[0] + tiny) / (area[1] + tiny)) - features[8]


@kernel
def _learn_kernel(
    raw: NDArray[np.float64],
    lag: int,
    log_rr: float,
    shape: NDArray[np.float64],
    habits: NDArray[np.float64],
) -> None:
    """Move one cluster's shape and habits towards this beat."""
    habits[1] += 1.0
    rate = 1.0 / min(habits[1], _N_SHAPE)
    habits[2] += rate * (log_rr - habits[2])
    n_points, n_leads = raw.shape
    for lead in range(n_leads):
        for k in range(n_points):
            i = min(max(k + lag, 0), n_points - 1)
            shape[k, lead] += rate * (raw[i, lead] - shape[k, lead])
