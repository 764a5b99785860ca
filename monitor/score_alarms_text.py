"""What alarms did, as tables for people: texts and rows, whoever prints them."""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from monitor.definitions import DEFINITIONS
from monitor.score.alarms_group import EMERGENCIES, HIGH, Episodes, KindFigures, RecordAlarms
from monitor.score.record import Figure
from monitor.score_alarms import AlarmScore

__all__ = ["Case", "Rows", "cases", "notes", "tables"]

_NOTHING: Final = "-"
_NAME: Final = 20
"""Cells of a name: on a terminal of 80 columns each table of figures then has room."""
_HIGH: Final = frozenset(kind for kind, entry in DEFINITIONS.items() if entry.priority == "high")


class Rows(NamedTuple):
    """A table of texts; the first column is of names, the others of numbers."""

    heading: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Case(NamedTuple):
    """One thing that went wrong, or that no reference can judge: where, and what to call it.

    Attributes
    ----------
    what
        ``missed``, ``false`` or ``unjudged``.
    at_s
        The onset of what was missed, or when the alarm was told.
    """

    record: str
    what: str
    kind: str
    at_s: float
    text: str


def notes(score: AlarmScore) -> list[str]:
    """Return what a reader of the tables must know, a line each."""
    return [
        f"Alarms from {_clock(score.start_s)} on, {score.group.hours:.2f} h. Asked: what the reference "
        "holds. Raised: within 10 s",
        "of its onset, or of where a rule over beats first holds. Marked VF, VT, SVTA ask from 6 s on, AF "
        "30 s.",
        f"{EMERGENCIES}: by any high-priority alarm. Other: another tachycardia or standstill is there.",
        "?: the reference cannot tell. Challenge: found / (found + false + 5 missed).",
    ]


def tables(score: AlarmScore) -> list[Rows]:
    """Return the tables, in the order of the report."""
    kinds, episodes = score.group.kinds, score.group.episodes
    found = [
        Rows(
            "Alarms raised",
            ["", "asked", "raised", "Se %", "median s", "p99 s", "Challenge"],
            [_raised(one) for one in kinds if one.sums.get("demanded")],
        ),
        Rows(
            "Alarms told",
            ["", "told", "right", "other", "?", "false", "+P %", "false/day"],
            [_told(one) for one in kinds if one.kind != EMERGENCIES and one.sums.get("told")],
        ),
        Rows(
            "Marked rhythms, any overlap and by duration, %",
            ["", "of", "Se", "told", "+P", "by time Se", "by time +P"],
            [_episode(one) for one in episodes],
        ),
        Rows(
            "Missed, and false alarms of high priority",
            ["record", "", "", "at", ""],
            [[one.record, one.what, one.kind, _clock(one.at_s), one.text] for one in cases(score)],
        ),
    ]
    return [table for table in found if table.rows]


def cases(score: AlarmScore) -> list[Case]:
    """Return every miss of a high-priority kind and every false or unjudged alarm of one, by record."""
    return [case for record in score.records for case in sorted(_cases(record), key=lambda one: one.at_s)]


def _cases(record: RecordAlarms) -> Iterator[Case]:
    missed = [one for one in record.asked(EMERGENCIES) if not one.in_time]
    worse = [one.condition for one in missed]
    own = [one for one in record.answers if not one.in_time and one.condition.kind in _HIGH]
    for what, answer in [
        *(("missed", one) for one in missed),
        *(("no own alarm", one) for one in own if one.condition not in worse),
    ]:
        asked = answer.condition
        late = "" if answer.delay_s is None else f", told after {answer.delay_s:.1f} s"
        text = f"{asked.stop - asked.start:.1f} s of {asked.source}{late}"
        yield Case(record.record, what, asked.kind, asked.start, text)
    for one in record.told(HIGH):
        if one.verdict in ("false", "unjudged"):
            lasted = f"onset {_clock(one.told.onset)}, stood {one.told.stop - one.told.decided:.1f} s"
            yield Case(record.record, one.verdict, one.told.kind, one.told.decided, lasted)


def _raised(one: KindFigures) -> list[str]:
    delay = one.delay
    return [
        _name(one.kind),
        f"{one.sums['demanded']:.0f}",
        f"{one.sums['found']:.0f}",
        _interval(one.se, 1),
        _number(delay.median),
        _number(delay.p99),
        _interval(one.challenge, 1),
    ]


def _told(one: KindFigures) -> list[str]:
    counts = [f"{one.sums[name]:.0f}" for name in ("told", "right", "related", "unjudged", "false")]
    return [_name(one.kind), *counts, _interval(one.ppv, 1), _interval(one.false_per_day, 2)]


def _episode(one: Episodes) -> list[str]:
    return [
        _name(one.kind),
        f"{one.sums['found'] + one.sums['missed']:.0f}",
        _interval(one.se, 1),
        f"{one.sums['true'] + one.sums['false']:.0f}",
        *(_interval(figure, 1) for figure in (one.ppv, one.duration_se, one.duration_ppv)),
    ]


def _name(kind: str) -> str:
    """Return what a row is called, in 20 cells."""
    name = kind.replace("_", " ")
    for long, short in (("ventricular", "ventr."), ("tachycardia", "tachy")):
        name = name.replace(long, short) if len(name) > _NAME else name
    return name


def _interval(figure: Figure, digits: int) -> str:
    return figure.text(f".{digits}f", f".{digits - 1}f")


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else _NOTHING


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}:{rest:04.1f}"
