"""A comparison for programs, and for later: JSON, CSV, the line-format tables of the standard."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from monitor import score_alarms_files
from monitor.events import CLASSES
from monitor.score.measures import MEASURES
from monitor.score.record import Figure, Group, RecordScore
from monitor.score.tables import TABLES, lines
from monitor.score.timing import Spread, Timing, alarm_rates, spread
from monitor.score_text import notes, title
from monitor.scoring import Score
from monitor.textfiles import write_csv, write_text

__all__ = ["as_json", "rows", "write"]

_COLUMNS: Final = (*CLASSES, "none")
"""Rows and columns of a confusion matrix."""


def as_json(score: Score) -> bytes:
    """Return everything as one JSON object, with a newline; what is undefined is null.

    ``figures`` are those of the standard: QRS and episodes over all records, V, S, F and runs over those
    without paced beats; ``figures_without`` are the same without the records left out. ``groups`` hold every
    figure of each group.
    """
    told = {
        "title": title(score),
        "notes": notes(score),
        "request": msgspec.to_builtins(score.request, enc_hook=str),
        "hours": score.hours,
        "missing": score.missing,
        "figures": _standard(score, ""),
        "figures_without": {score.without.strip(): _standard(score, score.without)} if score.without else {},
        "groups": {name: _group(group) for name, group in score.groups.items()},
        "delays": _delays(score),
        "alarms_per_h": _alarms(score),
        "alarms": None if score.alarms is None else score_alarms_files.as_plain(score.alarms),
        "records": [_record(record) for record in score.records],
    }
    return msgspec.json.format(msgspec.json.encode(_plain(told)), indent=1) + b"\n"


def rows(score: Score) -> list[dict[str, object]]:
    """Return one row per record: counts, then figures; NaN where undefined."""
    return [
        {
            "record": record.record,
            "paced": int(record.paced),
            **record.counts(),
            **record.figures(),
            **{f"jitter_{name}_ms": value for name, value in _jitter(record).items() if name != "n"},
        }
        for record in score.records
    ]


def write(score: Score, out: Path) -> None:
    """Write ``records.csv``, ``alarms.csv``, ``score.json`` and ``ec57/*.txt`` into a folder.

    Of records without reference beats there are only the second and third.

    Raises
    ------
    StorageError
        A file cannot be written.
    """
    write_text(out / "score.json", as_json(score).decode())
    if score.alarms is not None:
        score_alarms_files.write(score.alarms, out)
    if not score.records:
        return
    write_csv(out / "records.csv", [_blank(row) for row in rows(score)])
    for table in TABLES:
        text = "\n".join(lines(table, score.records, summary=True))
        write_text(out / "ec57" / f"{table}.txt", f"{text}\n")


def _standard(score: Score, without: str) -> dict[str, Any]:
    if not score.groups:  # alarms alone
        return {}
    groups = {True: score.groups["all" + without], False: score.groups["nonpaced" + without]}
    return {name: _figure(groups[measure.paced].figures[name]) for name, measure in MEASURES.items()}


def _group(group: Group) -> dict[str, Any]:
    return {
        "records": group.records,
        "figures": {name: _figure(figure) for name, figure in group.figures.items()},
        "sums": group.sums,
        "confusion": _matrix(group.confusion),
    }


def _record(record: RecordScore) -> dict[str, Any]:
    return {
        "record": record.record,
        "fs": record.fs,
        "seconds": record.seconds,
        "paced": record.paced,
        "counts": record.counts(),
        "figures": record.figures(),
        "confusion": _matrix(record.beats.confusion),
        "missed_while_shut": dict(zip(CLASSES, record.beats.shut.tolist(), strict=True)),
        "jitter_ms": _jitter(record),
        "delays": None if record.timing is None else _timing([record.timing]),
    }


def _figure(figure: Figure) -> dict[str, float]:
    return {"gross": figure.gross, "average": figure.average, "low": figure.low, "high": figure.high}


def _matrix(confusion: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, dict[str, int]]:
    """Return counts by reference class, then by test class."""
    return {
        row: dict(zip(_COLUMNS, counts, strict=True))
        for row, counts in zip(_COLUMNS, confusion.tolist(), strict=True)
    }


def _jitter(record: RecordScore) -> dict[str, float]:
    return _spread(spread([np.abs(record.jitter_ms)]))


def _delays(score: Score) -> dict[str, Any]:
    """Return the spread of the jitter of R (absolute, and its bias) and of each delay, in ms."""
    jitter = [record.jitter_ms for record in score.records]
    together = np.concatenate([*jitter, np.zeros(0)])
    timings = [record.timing for record in score.records if record.timing is not None]
    return {
        "jitter_ms": _spread(spread([np.abs(together)])),
        "bias_ms": float(np.median(together)) if len(together) else math.nan,
        **_timing(timings),
    }


def _timing(timings: list[Timing]) -> dict[str, Any]:
    kinds = ("detection_ms", "provisional_ms", "confirmed_ms")
    return {kind: _spread(spread([getattr(timing, kind) for timing in timings])) for kind in kinds}


def _spread(values: Spread) -> dict[str, float]:
    return dict(values._asdict())


def _alarms(score: Score) -> list[dict[str, Any]]:
    timed = [record for record in score.records if record.timing is not None]
    hours = sum(record.seconds for record in timed) / 3600
    rates = alarm_rates([record.timing for record in timed if record.timing is not None], hours=hours)
    return [{"kind": kind, "priority": priority, "per_h": rate} for (kind, priority), rate in rates.items()]


def _plain(value: object) -> object:
    """Return a value with what JSON does not know replaced: NaN by null."""
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _blank(row: Mapping[str, object]) -> dict[str, object]:
    return {name: "" if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
