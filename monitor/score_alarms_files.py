"""What alarms did, for programs and for later: JSON, CSV, pictures and their part of the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor import records
from monitor.definitions import DEFINITIONS
from monitor.errors import SourceError
from monitor.figures_alarms import Line, timeline
from monitor.figures_strips import Strip, strips
from monitor.html_report import Part, Picture, Section, Table
from monitor.score.alarms_group import EMERGENCIES, Episodes, KindFigures, RecordAlarms
from monitor.score.marks import Marks
from monitor.score.record import Figure
from monitor.score_alarms import AlarmScore
from monitor.score_alarms_text import Case, cases, notes, tables
from monitor.scoring import Evidence, Request, evidence
from monitor.textfiles import write_csv

__all__ = ["as_plain", "section", "write"]

_BEFORE_S, _AFTER_S = 10.0, 5.0
"""A strip shows so much before an alarm, or the onset of what was missed ..."""
_MISSED_BEFORE_S, _MISSED_AFTER_S = 3.0, 12.0
_MOST_LEADS = 3


def as_plain(score: AlarmScore) -> dict[str, Any]:
    """Return everything as plain objects; figures that are undefined are NaN."""
    return {
        "from_s": score.start_s,
        "hours": score.group.hours,
        "kinds": [_kind(one) for one in score.group.kinds],
        "rhythms": [_rhythm(one) for one in score.group.episodes],
        "cases": [case._asdict() for case in cases(score)],
    }


def write(score: AlarmScore, out: Path) -> None:
    """Write ``alarms.csv``: a line for each thing asked for, and for each alarm told.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    rows = [row for record in score.records for row in _rows(record)]
    write_csv(out / "alarms.csv", sorted(rows, key=lambda row: (row["record"], row["start_s"])))


def section(score: AlarmScore, out: Path, request: Request) -> Section:
    """Draw the pictures into a folder and return the part of the report that shows them.

    A timeline of each record of which the reference or the line had something to say, as
    ``alarms_<record>.png``; a strip of each case as ``<what>_<record>_<second>_<kind>.png``, where the
    reference's folder holds the signals.

    Raises
    ------
    StorageError
        A picture cannot be written.
    """
    parts: list[Part] = [*notes(score)]
    parts += [Table(one.head, one.rows, f"{one.heading}.") for one in tables(score)]
    for record in score.records:
        if lines := _lines(record):
            path = out / f"alarms_{record.record}.png"
            timeline(
                lines, path, title=record.record, seconds=(score.start_s, score.start_s + record.seconds)
            )
            parts.append(Picture(path))
    read: dict[str, Evidence] = {}
    for case in cases(score):
        try:
            parts.append(_strip(case, out, request, read))
        except (SourceError, ValueError):  # no signals, or fewer than the annotations are about
            parts.append("The signals are not at hand, so no strips are drawn.")
            break
    return Section("Alarms", parts)


def _strip(case: Case, out: Path, request: Request, read: dict[str, Evidence]) -> Picture:
    if case.record not in read:
        read[case.record] = evidence(case.record, request)
    known = read[case.record]
    missed = case.what in ("missed", "no own alarm")
    before, after = (_MISSED_BEFORE_S, _MISSED_AFTER_S) if missed else (_BEFORE_S, _AFTER_S)
    start = max(0, round((case.at_s - before) * known.fs))
    stop = min(known.end, round((case.at_s + after) * known.fs))
    signal = records.read(case.record, data=request.reference, start=start, stop=stop)
    strip = Strip(
        title=f"{case.record}: {case.what}, {case.kind.replace('_', ' ')}, {case.text}",
        fs=known.fs,
        leads=signal.leads[:_MOST_LEADS],
        start=start,
        samples=signal.samples()[:, :_MOST_LEADS],
        reference=_shown(known.reference),
        told=_shown(known.test),
        errors=[round(case.at_s * known.fs)],
    )
    path = out / f"{case.what.replace(' ', '_')}_{case.record}_{case.at_s:06.1f}_{case.kind}.png"
    strips([strip], path)
    return Picture(path, strip.title)


def _shown(marks: Marks) -> list[tuple[int, str]]:
    """Return beats by their symbols and rhythms by their names; nothing of notes and noise."""
    return [
        (at, name if symbol == "+" else symbol)
        for at, symbol, name in zip(marks.samples.tolist(), marks.symbols, marks.notes, strict=True)
        if symbol not in '"~|'
    ]


def _lines(record: RecordAlarms) -> list[Line]:
    """Return what a timeline shows, a line for each kind."""
    kinds = dict.fromkeys([one.condition.kind for one in record.answers])
    kinds |= dict.fromkeys(one.told.kind for one in record.judged)
    return [
        Line(
            kind,
            [(one.condition.start, one.condition.stop, one.in_time) for one in record.asked(kind)],
            [(one.told.decided, one.told.stop, one.verdict) for one in record.told(kind)],
        )
        for kind in DEFINITIONS
        if kind in kinds
    ]


def _rows(record: RecordAlarms) -> list[dict[str, Any]]:
    asked = [("any high", one) for one in record.asked(EMERGENCIES)]
    asked += [("own", one) for one in record.answers]
    rows: list[dict[str, Any]] = [
        {
            "record": record.record,
            "side": "reference",
            "kind": one.condition.kind,
            "start_s": one.condition.start,
            "stop_s": one.condition.stop,
            "source": one.condition.source,
            "by": by,
            "verdict": "raised" if one.in_time else "missed" if one.by is None else "late",
            "decided_s": None if one.by is None else one.by.decided,
            "delay_s": one.delay_s,
        }
        for by, one in asked
    ]
    return rows + [
        {
            "record": record.record,
            "side": "told",
            "kind": one.told.kind,
            "start_s": one.told.onset,
            "stop_s": one.told.stop,
            "source": one.told.priority,
            "by": "",
            "verdict": one.verdict,
            "decided_s": one.told.decided,
            "delay_s": None,
        }
        for one in record.judged
    ]


def _kind(one: KindFigures) -> dict[str, Any]:
    figures = {"se": one.se, "ppv": one.ppv, "false_per_day": one.false_per_day, "challenge": one.challenge}
    return {"kind": one.kind, **one.sums, **_figures(figures), "delay_s": one.delay._asdict()}


def _rhythm(one: Episodes) -> dict[str, Any]:
    figures = {
        "se": one.se,
        "ppv": one.ppv,
        "duration_se": one.duration_se,
        "duration_ppv": one.duration_ppv,
    }
    return {"kind": one.kind, **one.sums, **_figures(figures)}


def _figures(figures: Mapping[str, Figure]) -> dict[str, dict[str, float]]:
    return {
        name: {"gross": one.gross, "average": one.average, "low": one.low, "high": one.high}
        for name, one in figures.items()
    }
