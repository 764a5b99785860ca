"""Alarms of one record, and what many records give together: figures with intervals over records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.score.alarms import Answer, Judged
from monitor.score.episodes import EpisodeCounts
from monitor.score.record import Figure, draws, figure
from monitor.score.timing import Spread, spread

__all__ = [
    "EMERGENCIES",
    "HIGH",
    "AlarmGroup",
    "Episodes",
    "KindFigures",
    "RecordAlarms",
    "group_alarms",
]

HIGH: Final = "High priority"
"""Name of the row that takes all high-priority alarms together."""
EMERGENCIES: Final = "Marked VT or VF"
"""Name of the row of marked VT, fibrillation and flutter, answered by any high-priority alarm."""

_VERDICTS: Final = ("right", "related", "false", "unjudged")
_DAY_H: Final = 24.0


@dataclass(frozen=True, slots=True)
class RecordAlarms:
    """What alarms did on one record.

    Attributes
    ----------
    record
        Its name.
    seconds
        The time compared.
    answers
        What answered each condition, by an alarm of its own kind.
    emergencies
        What answered each marked VT and fibrillation, by any high-priority alarm.
    judged
        Every alarm told but the technical ones.
    episodes
        By kind, rhythms told against rhythms marked: those of which either side has one.
    """

    record: str
    seconds: float
    answers: Sequence[Answer] = field(repr=False)
    emergencies: Sequence[Answer] = field(repr=False)
    judged: Sequence[Judged] = field(repr=False)
    episodes: Mapping[str, EpisodeCounts] = field(repr=False)

    def counts(self, kind: str) -> dict[str, float]:
        """Return everything that is summed over records for one kind, or for `HIGH` or `EMERGENCIES`."""
        mine = self.asked(kind)
        told = self.told(kind)
        return {
            "hours": self.seconds / 3600,
            "demanded": len(mine),
            "found": sum(one.in_time for one in mine),
            "told": len(told),
            **{verdict: sum(one.verdict == verdict for one in told) for verdict in _VERDICTS},
        }

    def asked(self, kind: str) -> list[Answer]:
        """Return what was demanded of a kind, and what answered it; nothing is asked of `HIGH` by itself."""
        if kind == EMERGENCIES:
            return list(self.emergencies)
        return [one for one in self.answers if one.condition.kind == kind]

    def told(self, kind: str) -> list[Judged]:
        """Return the alarms of a kind."""
        high = kind in (HIGH, EMERGENCIES)
        return [one for one in self.judged if one.told.kind == kind or (high and one.told.priority == "high")]


class KindFigures(NamedTuple):
    """One row of the table of alarms.

    Attributes
    ----------
    kind
        Of the alarm, or `HIGH` or `EMERGENCIES`.
    sums
        Counts over all records; see `RecordAlarms.counts`.
    se, ppv
        Per cent: conditions answered in time, and alarms that are right or related of those judged.
    false_per_day
        False alarms per patient-day.
    challenge
        Per cent: the Challenge 2015 score without true negatives, of which a continuous record has none
        that could be counted: found / (found + false + 5 missed). With any it would be higher.
    delay
        From onset to alarm, in seconds, late ones included; of those never told nothing.
    """

    kind: str
    sums: Mapping[str, float]
    se: Figure
    ppv: Figure
    false_per_day: Figure
    challenge: Figure
    delay: Spread


class Episodes(NamedTuple):
    """One row of the table of rhythms; figures in per cent."""

    kind: str
    sums: Mapping[str, float]
    se: Figure
    ppv: Figure
    duration_se: Figure
    duration_ppv: Figure


@dataclass(frozen=True, slots=True)
class AlarmGroup:
    """Records taken together: a row for each kind that was demanded or told, and for each rhythm."""

    records: tuple[str, ...]
    hours: float
    kinds: tuple[KindFigures, ...]
    episodes: tuple[Episodes, ...]


def group_alarms(records: Sequence[RecordAlarms], *, order: Sequence[str], seed: int = 0) -> AlarmGroup:
    """Take records together.

    Parameters
    ----------
    records
        May be empty: then there are no rows but the first two.
    order
        Kinds in the order of the table; others come behind.
    seed
        Of the bootstrap over records.
    """
    drawn = draws(len(records), seed=seed)
    seen = {one.condition.kind for record in records for one in record.answers}
    seen |= {one.told.kind for record in records for one in record.judged}
    told = {kind for record in records for kind in record.episodes}
    return AlarmGroup(
        records=tuple(one.record for one in records),
        hours=sum(one.seconds for one in records) / 3600,
        kinds=tuple(_kind(kind, records, drawn) for kind in (EMERGENCIES, HIGH, *_ordered(seen, order))),
        episodes=tuple(_episodes(kind, records, drawn) for kind in _ordered(told, order)),
    )


def _ordered(kinds: set[str], order: Sequence[str]) -> list[str]:
    return [kind for kind in order if kind in kinds] + sorted(kinds - set(order))


def _kind(kind: str, records: Sequence[RecordAlarms], drawn: NDArray[np.int64]) -> KindFigures:
    sums, (se, ppv, false, challenge) = _figures([one.counts(kind) for one in records], _ALARMS, drawn)
    late = [one.delay_s for record in records for one in record.asked(kind)]
    delays = np.array([delay for delay in late if delay is not None], np.float64)
    return KindFigures(kind, sums, se, ppv, false, challenge, spread([delays]))


def _episodes(kind: str, records: Sequence[RecordAlarms], drawn: NDArray[np.int64]) -> Episodes:
    nothing = EpisodeCounts(0, 0, 0, 0, 0.0, 0.0, 0.0)
    counts = [record.episodes.get(kind, nothing) for record in records]
    each = [{name: float(getattr(one, name)) for name in EpisodeCounts.__slots__} for one in counts]
    sums, (se, ppv, duration_se, duration_ppv) = _figures(each, _RHYTHMS, drawn)
    return Episodes(kind, sums, se, ppv, duration_se, duration_ppv)


Measure = Callable[[Mapping[str, NDArray[np.float64]]], NDArray[np.float64]]


def _figures(
    each: Sequence[Mapping[str, float]], measures: Sequence[Measure], drawn: NDArray[np.int64]
) -> tuple[dict[str, float], list[Figure]]:
    """Return sums by name, and figures of them."""
    names = list(each[0]) if each else []
    table = np.array([[one[name] for name in names] for one in each], np.float64).reshape(
        len(each), len(names)
    )
    sums = dict(zip(names, table.sum(axis=0).tolist(), strict=True))
    return sums, [figure(measure, names, table, drawn) for measure in measures]


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return per cent, NaN of nothing."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.asarray(100 * np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


_ALARMS: Final[tuple[Measure, ...]] = (
    lambda n: _share(n["found"], n["demanded"]),
    lambda n: _share(n["right"] + n["related"], n["right"] + n["related"] + n["false"]),
    lambda n: _share(n["false"], n["hours"]) * (_DAY_H / 100),
    lambda n: _share(n["found"], n["found"] + n["false"] + 5 * (n["demanded"] - n["found"])),
)
_RHYTHMS: Final[tuple[Measure, ...]] = (
    lambda n: _share(n["found"], n["found"] + n["missed"]),
    lambda n: _share(n["true"], n["true"] + n["false"]),
    lambda n: _share(n["overlap_s"], n["reference_s"]),
    lambda n: _share(n["overlap_s"], n["test_s"]),
)
