"""The rhythm around a beat in numbers: its RR against short and long memories of the RR before it.

The names and meanings stand in `monitor.window.INTERVALS`. Short memories (means of 8, the last 32
in order) show a beat that comes early in a steady rhythm; long ones (means over hundreds of beats, a
slow RR, the rhythm before a sudden change) show it where most beats come early, and so do the shares
of alike RR, which tell ectopic beats (some RR keep coming back) from atrial fibrillation (none do).

Loops over explicit arrays: bit-identical for any partition of the signal (law 1).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.stage import kernel, put_in_order

__all__ = ["BEATS", "LOG_RR", "N_RHYTHM", "rhythm_kernel"]

N_MEAN: Final = 8
N_RING: Final = 32
_LONG: Final = 128.0
_IRREGULAR: Final = 100.0
_NEAR: Final = 0.08
"""Two RR this close (natural logarithm of their ratio) count as equal."""
_TURN_S: Final = 0.04
_SHORTENED: Final = 0.85
"""An RR below this share of the mean begins a run, which lasts until RR are back above it."""
_RR_S: Final = (0.15, 3.0)

# Places in the vector of running state: the last RR stand first, the oldest overwritten next.
BEATS, SEEN, LONG, SLOW, LOG_RR, RUN_FROM, RUN_LENGTH, IRREGULAR = range(N_RING, N_RING + 8)
N_RHYTHM: Final = N_RING + 8

# Places of the features, in the order of `monitor.window.INTERVALS` (a test holds them together).
(
    _RR,
    _RR_TO_MEAN,
    _PREVIOUS_TO_MEAN,
    _SECOND_TO_MEAN,
    _THIRD_TO_MEAN,
    _RR_TO_PREVIOUS,
    _RR_TO_MEDIAN,
    _RR_TO_LONG_MEAN,
    _MEAN_TO_LONG_MEAN,
    _VARIABILITY,
    _LONG_VARIABILITY,
    _LOW_RR,
    _HIGH_RR,
    _RANK,
    _REGULARITY,
    _REPEATS,
    _ALTERNATION,
    _RR_TO_MODE,
    _MODE_SHARE,
    _IRREGULARITY,
    _RR_TO_SLOW,
    _RUN_RATIO,
    _RUN_LENGTH,
    _EXPERIENCE,
) = range(24)


@kernel
def rhythm_kernel(rr_s: float, rhythm: NDArray[np.float64], features: NDArray[np.float64]) -> None:
    """Write the RR features and move the running RR state on by one beat; ``rr_s`` 0 = unknown."""
    features[_EXPERIENCE] = min(1.0, rhythm[BEATS] / 32.0)
    rhythm[BEATS] += 1.0
    rhythm[LOG_RR] = 0.0
    if rr_s <= 0.0:
        return
    features[_RR] = (rr_s - 0.8) / 0.4
    rr = min(max(rr_s, _RR_S[0]), _RR_S[1])
    seen = int(rhythm[SEEN])
    if seen > 0:
        mean = _means_kernel(rr, seen, rhythm, features)
        _run_kernel(rr, mean, rhythm, features)
        ordered = np.empty(min(seen, N_RING))
        _order_kernel(rr, seen, rhythm, ordered, features)
        _spread_kernel(rr, seen, rhythm, ordered, features)
        rhythm[LOG_RR] = features[_RR_TO_MEAN]
        rhythm[SLOW] += 0.008 if features[_RR_TO_SLOW] > 0.0 else -0.002
    else:
        rhythm[SLOW] = np.log(rr)
    rhythm[seen % N_RING] = rr
    rhythm[LONG] += (rr - rhythm[LONG]) / min(seen + 1.0, _LONG)
    rhythm[SEEN] += 1.0


@kernel
def _means_kernel(rr: float, seen: int, rhythm: NDArray[np.float64], features: NDArray[np.float64]) -> float:
    """Write this RR and the last ones against running means; return the mean of the last 8."""
    n = min(seen, N_MEAN)
    mean = 0.0
    change = 0.0
    for k in range(n):
        mean += rhythm[(seen - 1 - k) % N_RING]
    mean /= n
    for k in range(1, n):
        change += abs(rhythm[(seen - k) % N_RING] - rhythm[(seen - k - 1) % N_RING])
    last = rhythm[(seen - 1) % N_RING]
    features[_RR_TO_MEAN] = np.log(rr / mean)
    features[_PREVIOUS_TO_MEAN] = np.log(last / mean)
    if n > 1:
        features[_SECOND_TO_MEAN] = np.log(rhythm[(seen - 2) % N_RING] / mean)
    if n > 2:
        features[_THIRD_TO_MEAN] = np.log(rhythm[(seen - 3) % N_RING] / mean)
    features[_RR_TO_PREVIOUS] = np.log(rr / last)
    features[_RR_TO_LONG_MEAN] = np.log(rr / rhythm[LONG])
    features[_MEAN_TO_LONG_MEAN] = np.log(mean / rhythm[LONG])
    features[_VARIABILITY] = change / (max(1, n - 1) * mean)
    features[_RR_TO_SLOW] = np.log(rr) - rhythm[SLOW]
    return mean


@kernel
def _run_kernel(rr: float, mean: float, rhythm: NDArray[np.float64], features: NDArray[np.float64]) -> None:
    """Write how far below the rhythm before a sudden shortening RR still are, and since when."""
    if rhythm[RUN_LENGTH] > 0.0 and rr < _SHORTENED * rhythm[RUN_FROM]:
        rhythm[RUN_LENGTH] += 1.0
        rhythm[RUN_FROM] += 0.002 * (rr - rhythm[RUN_FROM])
    elif rhythm[RUN_LENGTH] > 0.0:
        rhythm[RUN_LENGTH] = 0.0
    elif rr < _SHORTENED * mean:
        rhythm[RUN_LENGTH] = 1.0
        rhythm[RUN_FROM] = mean
    if rhythm[RUN_LENGTH] > 0.0:
        features[_RUN_RATIO] = np.log(rr / rhythm[RUN_FROM])
        features[_RUN_LENGTH] = np.log(1.0 + rhythm[RUN_LENGTH]) / 3.0


@kernel
def _order_kernel(
    rr: float,
    seen: int,
    rhythm: NDArray[np.float64],
    ordered: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Put the last RR in order; write where this one stands, and against median and mode."""
    held = len(ordered)
    below = 0.0
    for k in range(held):
        ordered[k] = rhythm[(seen - 1 - k) % N_RING]
        if ordered[k] < rr:
            below += 1.0
    put_in_order(ordered)
    median = ordered[held // 2]
    mode = median
    crowd = -1
    for j in range(held):
        near = 0
        for k in range(held):
            if abs(np.log(ordered[k] / ordered[j])) < _NEAR:
                near += 1
        if near > crowd:
            crowd = near
            mode = ordered[j]
    features[_RR_TO_MEDIAN] = np.log(rr / median)
    features[_LOW_RR] = np.log(ordered[held // 8] / median)
    features[_HIGH_RR] = np.log(ordered[held - 1 - held // 8] / median)
    features[_RANK] = 2.0 * below / held - 1.0
    features[_RR_TO_MODE] = np.log(rr / mode)
    features[_MODE_SHARE] = 2.0 * crowd / held - 1.0
    away = min(abs(features[_RR_TO_MEDIAN]), 0.4)
    rhythm[IRREGULAR] += (away - rhythm[IRREGULAR]) / min(seen + 1.0, _IRREGULAR)
    features[_IRREGULARITY] = 5.0 * rhythm[IRREGULAR]


@kernel
def _spread_kernel(
    rr: float,
    seen: int,
    rhythm: NDArray[np.float64],
    ordered: NDArray[np.float64],
    features: NDArray[np.float64],
) -> None:
    """Write how the last RR change from one to the next, and how many are like the last and this one."""
    held = len(ordered)
    last = rhythm[(seen - 1) % N_RING]
    near_last = 0.0
    near_this = 0.0
    change = 0.0
    total = 0.0
    turns = 0.0
    step_before = 0.0
    for k in range(held):
        value = rhythm[(seen - 1 - k) % N_RING]
        total += value
        if abs(np.log(value / rr)) < _NEAR:
            near_this += 1.0
        if k == 0:
            continue
        if abs(np.log(value / last)) < _NEAR:
            near_last += 1.0
        step = rhythm[(seen - k) % N_RING] - value
        change += abs(step)
        if step * step_before < 0.0 and abs(step) > _TURN_S and abs(step_before) > _TURN_S:
            turns += 1.0
        step_before = step
    features[_LONG_VARIABILITY] = change * held / (max(1, held - 1) * total)
    features[_REGULARITY] = near_last / max(1, held - 1)
    features[_REPEATS] = near_this / held
    features[_ALTERNATION] = turns / max(1, held - 2)
