"""The patient's shapes as a handful of running clusters: which one a beat has, and which one rules.

After the idea in Hamilton's open-source analyser (EP Limited, 2002) and in de Chazal et al. 2004 (IEEE
TBME 51:1196), who compare each beat with the patient's own. Deviations: shapes are compared by
correlation over all leads at small lags, clusters fade with time, and what is learned per cluster (how
early its beats come, how long a pause follows, whether P waves lead up to them) is given to the network as
numbers and decides nothing here but which wide shape may rule.

The *dominant* shape has ruled over the last minutes, beats that come early ruling less: a run of
ventricular beats, or minutes of bigeminy, do not take its place. The *recent* one has ruled over the
last half minute.

Everything is a plain loop over explicit arrays: bit-identical for any partition (law 1).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.measures import best_lag_kernel, size_kernel
from monitor.stage import kernel

__all__ = [
    "Memory",
    "blank",
    "follow_kernel",
    "keep_leads",
    "learn_kernel",
    "match_kernel",
    "move_kernel",
    "of_leads",
    "rule_kernel",
    "succeeds_kernel",
]

_N_CLUSTERS: Final = 6
_N_SHAPE: Final = 16.0
"""A cluster's shape and habits are running means over about this many of its beats."""
SAME: Final = 0.8
"""Correlation from which on a beat belongs to a cluster."""
_FADE: Final = 0.98
"""What remains of a cluster's weight after each beat: a memory of about 50 beats."""
_SLOW_FADE: Final = 0.997
"""The same for what makes a shape dominant: about 330 beats."""
_SUCCEED: Final = 1.2
"""A cluster becomes the dominant one when it rules this many times as much as the present one."""
_NARROWER: Final = 0.7
_WIDER: Final = 4.0
"""The same for a shape that is narrower or wider: times the cube of the widths' ratio, within these."""
_CONDUCTED: Final = (0.3, 0.7)
"""From the one to the other mean correlation of its P waves with the sinus node's, a wider shape is believed
to be conducted, and needs no more than others: a bundle branch block may last."""
_EARLY: Final = -0.08
_EARLY_RULE: Final = 0.2
"""A beat this early (log ratio to the mean RR) adds only so much to the rule of its cluster: in
bigeminy half of the beats are ventricular, and the other half are the patient's own."""
_TINY: Final = 1e-9

# Columns of the clusters.
WEIGHT, COUNT, EARLINESS, FOLLOWED, PAUSE, RULE, SPREAD, RECENT_RULE = range(8)
AWAY, AWAY_AMPLITUDE, AWAY_WIDTH, P_WAVE = range(8, 12)
_N_HABITS: Final = 12

# Places of running numbers.
OWN, DOMINANT, RECENT, COHERENCE, LAST_CORRELATION, RUN_BEATS, RECENT_UNREST = range(7)


class Memory(NamedTuple):
    """What is known of the patient's shapes; written in place.

    Attributes
    ----------
    shapes
        Of shape (n_clusters, n_points, n_leads): mean of each cluster.
    clusters
        Of shape (n_clusters, n_habits): weight, beats, how early, how often followed, ...
    previous, late
        Of shape (n_points, n_leads): the last beat, and the mean of beats that did not come early.
    numbers
        Clusters of the last beat, of the dominant and of the recent shape, and running numbers.
    """

    shapes: NDArray[np.float64]
    clusters: NDArray[np.float64]
    previous: NDArray[np.float64]
    late: NDArray[np.float64]
    numbers: NDArray[np.float64]


def blank(*, n_points: int, n_leads: int) -> Memory:
    """Return the memory of a patient who was never seen."""
    return Memory(
        shapes=np.zeros((_N_CLUSTERS, n_points, n_leads)),
        clusters=np.zeros((_N_CLUSTERS, _N_HABITS)),
        previous=np.zeros((n_points, n_leads)),
        late=np.zeros((n_points, n_leads)),
        numbers=np.zeros(7),
    )


def of_leads(memory: Memory, leads: list[int]) -> Memory:
    """Return what the memory holds of some leads: shapes are copied, all else is shared."""
    return memory._replace(
        shapes=np.ascontiguousarray(memory.shapes[:, :, leads]),
        previous=np.ascontiguousarray(memory.previous[:, leads]),
        late=np.ascontiguousarray(memory.late[:, leads]),
    )


def keep_leads(memory: Memory, part: Memory, leads: list[int]) -> None:
    """Take back what `of_leads` gave out; of a shape seen for the first time the other leads know nothing."""
    memory.shapes[:, :, leads] = part.shapes
    memory.previous[:, leads] = part.previous
    memory.late[:, leads] = part.late
    own = int(memory.numbers[OWN])
    if memory.clusters[own, COUNT] == 1.0:
        others = [lead for lead in range(memory.shapes.shape[2]) if lead not in leads]
        memory.shapes[own][:, others] = 0.0


@kernel
def follow_kernel(cluster: NDArray[np.float64], log_rr: float) -> None:
    """Tell the last beat's cluster how long a pause followed it."""
    cluster[FOLLOWED] += 1.0
    cluster[PAUSE] += (log_rr - cluster[PAUSE]) / min(cluster[FOLLOWED], _N_SHAPE)


@kernel
def match_kernel(
    raw: NDArray[np.float64], qrs: tuple[int, int, int], scale: NDArray[np.float64], memory: Memory
) -> tuple[int, int, float]:
    """Return the cluster most alike, the lag and the likeness; if none is alike, one to replace."""
    best = -2.0
    own = -1
    at = 0
    lightest = -1
    clusters = memory.clusters
    for k in range(len(clusters)):
        if clusters[k, COUNT] > 0.0:
            alike, lag = best_lag_kernel(raw, memory.shapes[k], qrs, scale)
            if alike > best:
                best, own, at = alike, k, lag
        rules = k == int(memory.numbers[DOMINANT]) or k == int(memory.numbers[RECENT])
        if (not rules or clusters[k, COUNT] == 0.0) and (
            lightest < 0 or clusters[k, WEIGHT] < clusters[lightest, WEIGHT]
        ):
            lightest = k
    if best <= SAME:
        return lightest, 0, best
    return own, at, best


@kernel
def rule_kernel(own: int, first: bool, log_rr: float, memory: Memory) -> None:
    """Let every cluster fade, add this beat to its own, and see which shape ruled lately."""
    clusters = memory.clusters
    numbers = memory.numbers
    for k in range(len(clusters)):
        clusters[k, WEIGHT] *= _FADE
        clusters[k, RULE] *= _SLOW_FADE
        clusters[k, RECENT_RULE] *= _FADE
    rule = _EARLY_RULE if log_rr < _EARLY else 1.0
    clusters[own, WEIGHT] += 1.0
    clusters[own, RULE] += rule
    clusters[own, RECENT_RULE] += rule
    if first or clusters[own, RECENT_RULE] > _SUCCEED * clusters[int(numbers[RECENT]), RECENT_RULE]:
        numbers[RECENT] = own


@kernel
def succeeds_kernel(own: int, memory: Memory, qrs: tuple[int, int, int], scale: NDArray[np.float64]) -> bool:
    """Return whether a cluster rules so much more than the dominant one that it takes its place.

    A wider QRS complex without P waves needs more: what the heart conducts itself is narrow, and a
    ventricular rhythm may last. A narrower one needs less.
    """
    dominant = int(memory.numbers[DOMINANT])
    width = size_kernel(memory.shapes[own], (qrs[0], qrs[1]), scale)[1]
    usual = size_kernel(memory.shapes[dominant], (qrs[0], qrs[1]), scale)[1]
    wider = min(max(((width + _TINY) / (usual + _TINY)) ** 3, _NARROWER), _WIDER)
    if wider > 1.0:
        p_wave = (memory.clusters[own, P_WAVE] - _CONDUCTED[0]) / (_CONDUCTED[1] - _CONDUCTED[0])
        wider -= (wider - 1.0) * min(max(p_wave, 0.0), 1.0)
    needed = _SUCCEED * wider
    return bool(memory.clusters[own, RULE] > needed * memory.clusters[dominant, RULE])


@kernel
def learn_kernel(
    raw: NDArray[np.float64],
    lag: int,
    beat: tuple[float, float],
    shape: NDArray[np.float64],
    habits: NDArray[np.float64],
) -> None:
    """Move one cluster's shape and habits towards this beat.

    ``beat`` is its log RR over the mean, and how like the sinus node's its P wave is.
    """
    log_rr, p_wave = beat
    habits[COUNT] += 1.0
    rate = 1.0 / min(habits[COUNT], _N_SHAPE)
    habits[SPREAD] += rate * (abs(log_rr - habits[EARLINESS]) - habits[SPREAD])
    habits[EARLINESS] += rate * (log_rr - habits[EARLINESS])
    habits[P_WAVE] += rate * (p_wave - habits[P_WAVE])
    move_kernel(raw, lag, rate, shape)


@kernel
def move_kernel(raw: NDArray[np.float64], lag: int, rate: float, shape: NDArray[np.float64]) -> None:
    """Move a shape towards the beat, which lies ``lag`` points later."""
    n_points, n_leads = raw.shape
    for lead in range(n_leads):
        for k in range(n_points):
            i = min(max(k + lag, 0), n_points - 1)
            shape[k, lead] += rate * (raw[i, lead] - shape[k, lead])
