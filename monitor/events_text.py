"""What a store holds, as a table for people, and as JSON lines or CSV for programs."""

import csv
import datetime
from collections.abc import Iterator
from typing import Any, Final, Literal, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.events import Alarm, AnyEvent, AudioPause, Gap, LimitChange, Notice, Rhythm, Stream
from monitor.lines import MARKS, clock, printable
from monitor.store.read import Listed

__all__ = ["said", "span", "write_csv", "write_json", "write_table"]

_INKS: Final = {"high": "red", "medium": "yellow", "low": "cyan", "technical": "magenta"}
_HEAD: Final = ("Time", "Bed", "", "What", "Lasted", "Answered")
_LINE: Final = "{:19}  {:10}  {:3}  {:32}  {:>8}  {}"
_COLUMNS: Final = (
    "time",
    "bed",
    "record",
    "type",
    "kind",
    "priority",
    "state",
    "text",
    "sample",
    "decided",
    "fs",
    "lead",
    "value",
    "labels",
    "evidence",
    "ended",
    "duration_s",
    "acknowledged",
    "acknowledged_by",
    "n_reminded",
    "reminded",
    "cleared",
)


def write_table(listed: Iterator[Listed], out: TextIO) -> int:
    """Write a table, one line an event; return how many lines.

    A terminal gets colours and columns as wide as need be, a pipe lines as they come, none of them cut.
    """
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        return _write_lines(listed, out)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _HEAD:
        table.add_column(name, no_wrap=name not in ("What", "Answered"), justify=_side(name))
    for one in listed:
        weight = "bold " if one.type == "alarm" and one.cleared_ns is None else ""
        table.add_row(*map(Text, _cells(one)), style=weight + _INKS.get(one.priority, ""))
    if table.row_count:
        console.print(table)
    return table.row_count


def _side(name: str) -> Literal["left", "right"]:
    return "right" if name == "Lasted" else "left"


def _write_lines(listed: Iterator[Listed], out: TextIO) -> int:
    """Write lines whose columns stand below each other unless something is longer than usual."""
    n = 0
    for one in listed:
        if not n:
            out.write(_LINE.format(*_HEAD).rstrip() + "\n")
        n += 1
        out.write(_LINE.format(*_cells(one)).rstrip() + "\n")
    return n


def write_json(listed: Iterator[Listed], out: TextIO) -> int:
    """Write one JSON object a line; return how many."""
    n = 0
    for one in listed:
        n += 1
        facts = {key: value for key, value in _facts(one).items() if value not in (None, "")}
        if isinstance(one.event, Alarm) and one.event.evidence:
            facts["evidence"] = one.event.evidence
        out.write(msgspec.json.encode(facts).decode() + "\n")
    return n


def write_csv(listed: Iterator[Listed], out: TextIO) -> int:
    """Write CSV with a head; return how many rows."""
    writer = csv.DictWriter(out, fieldnames=_COLUMNS, lineterminator="\n")
    writer.writeheader()
    n = 0
    for one in listed:
        n += 1
        evidence = " ".join(map(str, getattr(one.event, "evidence", ())))
        writer.writerow(_facts(one) | {"evidence": evidence})
    return n


def said(event: AnyEvent) -> str:
    """Return what an event says in words, safe to print."""
    match event:
        case Alarm():
            return printable(event.text) + (f" lead {event.lead + 1}" if event.lead is not None else "")
        case Rhythm():
            return f"rhythm {event.rhythm.removeprefix('(')} {event.state}s"
        case AudioPause():
            by = f" by {printable(event.by)}" if event.by else ""
            return f"sound paused{by}" if event.state == "start" else "sound back"
        case Stream():
            leads = " ".join(event.leads)
            played = f", plays {event.record}" if event.record else ""
            return printable(f"stream begins: {leads} at {event.fs:g} Hz{played}")
        case Gap() | Notice() | LimitChange():
            return printable(event.text)
    return type(event).__name__.lower()


def span(seconds: float | None) -> str:
    """Return a duration for people.

    Examples
    --------
    >>> span(4.25), span(75), span(7384)
    ('4.2 s', '1:15', '2:03:04')
    """
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cells(one: Listed) -> tuple[str, ...]:
    moment = datetime.datetime.fromtimestamp(one.time_ns / 1e9).astimezone()
    mark = MARKS.get(one.priority, "")  # type: ignore[call-overload]
    return (
        moment.isoformat(sep=" ", timespec="seconds")[:19],
        one.bed,
        mark,
        said(one.event),
        _lasted(one),
        _answered(one),
    )


def _lasted(one: Listed) -> str:
    if one.type != "alarm":
        return ""
    return span(one.duration_s) if one.duration_s is not None else "no end"


def _answered(one: Listed) -> str:
    """Return what a person did about an alarm."""
    parts = []
    if one.acknowledged_ns is not None:
        after = span(max(0.0, (one.acknowledged_ns - one.time_ns) / 1e9))
        by = f" by {one.acknowledged_by}" if one.acknowledged_by else ""
        parts.append(f"after {after}{by}")
    if one.n_reminded:
        parts.append(f"reminded {one.n_reminded} x")
    return ", ".join(parts)


def _facts(one: Listed) -> dict[str, Any]:
    """Return a row by column names; times as ISO 8601 in this machine's zone."""
    event = one.event
    times = {
        name: None if at is None else clock(at)
        for name, at in (
            ("ended", one.ended_ns),
            ("acknowledged", one.acknowledged_ns),
            ("reminded", one.reminded_ns),
            ("cleared", one.cleared_ns),
        )
    }
    return {
        "time": clock(one.time_ns),
        "bed": one.bed,
        "record": one.record,
        "type": one.type,
        "kind": one.kind,
        "priority": one.priority,
        "state": one.state,
        "text": said(event),
        "sample": one.sample,
        "decided": one.decided,
        "fs": one.fs,
        "lead": getattr(event, "lead", None),
        "value": getattr(event, "value", None),
        "labels": getattr(event, "labels", None),
        "duration_s": None if one.duration_s is None else round(one.duration_s, 3),
        "acknowledged_by": one.acknowledged_by,
        "n_reminded": one.n_reminded if one.type == "alarm" else None,
    } | times
