"""How late things were known: delays from R, jitter of R, alarms per hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread", "Timing", "alarm_rates", "spread"]


@dataclass(frozen=True, slots=True)
class Timing:
    """What one record's events tell.

    Attributes
    ----------
    detection_ms, provisional_ms, confirmed_ms
        From the R peak that was found to the sample at which the detection, the provisional and the
        confirmed label were decided; one for each beat, empty where there are no such events.
    alarms
        How many began, by kind and priority.
    """

    detection_ms: NDArray[np.float64] = field(repr=False)
    provisional_ms: NDArray[np.float64] = field(repr=False)
    confirmed_ms: NDArray[np.float64] = field(repr=False)
    alarms: Mapping[tuple[str, str], int]


class Spread(NamedTuple):
    """Quantiles of a delay in ms; NaN where there is none."""

    n: int
    median: float
    p90: float
    p99: float
    max: float


def spread(values: Sequence[NDArray[np.float64]]) -> Spread:
    """Return the quantiles of all values together.

    Examples
    --------
    >>> spread([np.array([1.0, 2.0]), np.array([3.0])]).median
    2.0
    """
    together = np.concatenate([*values, np.zeros(0)])
    if not len(together):
        return Spread(0, np.nan, np.nan, np.nan, np.nan)
    median, p90, p99 = np.percentile(together, (50, 90, 99))
    return Spread(len(together), float(median), float(p90), float(p99), float(together.max()))


def alarm_rates(timings: Sequence[Timing], *, hours: float) -> dict[tuple[str, str], float]:
    """Return how many alarms began per hour, by kind and priority, in the order of their names."""
    totals: dict[tuple[str, str], int] = {}
    for timing in timings:
        for key, n in timing.alarms.items():
            totals[key] = totals.get(key, 0) + n
    return {key: totals[key] / hours if hours else np.nan for key in sorted(totals)}
