"""A comparison as tables for people: rich on a terminal, plain and aligned in a pipe; no figure is ever cut.

In a pipe a table has the width that it needs. On a terminal that is too narrow for one, intervals go
below their figures, and where that is not enough the table goes on below itself.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from monitor.events import CLASSES
from monitor.score.episodes import EPISODES
from monitor.score.record import Group, RecordScore
from monitor.score.runs import KINDS
from monitor.score.timing import alarm_rates, spread
from monitor.score_alarms import AlarmScore
from monitor.score_alarms_text import notes as alarm_notes
from monitor.score_alarms_text import tables as alarm_tables
from monitor.scoring import Score

__all__ = ["notes", "show", "show_alarms", "title"]

_ANY: Final = 10_000
"""Columns of a page that is never too narrow."""
_NOTHING: Final = "-"
_PLURALS: Final = {"couplet": "couplets", "short": "runs of 3-5", "long": "runs of 6+"}


def title(score: Score) -> str:
    """Return one line that says what was compared with what."""
    asked = score.request
    n_records = len(score.names)
    records = f"{n_records} record{'s' if n_records != 1 else ''}"
    if score.beatless:
        records += f" ({len(score.beatless)} without reference beats)"
    wanted = f" ({asked.records})" if asked.records else ""
    minutes, seconds = divmod(asked.start_s if score.records else asked.alarms_from_s, 60)
    return (
        f"{records}{wanted}, {asked.labels}/*.{asked.annotator} against {asked.reference}/"
        f"*.{asked.reference_annotator}, from {minutes:.0f}:{seconds:02.0f}, {score.hours:.2f} h"
    )


def notes(score: Score) -> list[str]:
    """Return what a reader of the figures must know, a line each."""
    told = [
        "In brackets: 95 % interval, bootstrap over records; none where only one record has the figure.",
        "+P: F and Q called V or S are not false, as EC57 has it; strict: they are.",
    ]
    if score.request.escape == "N":
        told.append("Escape beats (j, e, n) are taken as N here, not as S as EC57's own programs take them.")
    paced = [record.record for record in score.records if record.paced]
    if paced:
        told.append(f"Paced beats: {' '.join(paced)} count for QRS and episodes, not for V, S, F and runs.")
    flutter = [record.record for record in score.records if record.vf.found + record.vf.missed]
    if flutter:
        told.append(
            f"Ventricular flutter or fibrillation of {' '.join(flutter)}: beats inside it are not scored."
        )
    if any(record.af != record.afx for record in score.records):
        told.append(f"{EPISODES['afx']}: AF told in atrial flutter is neither true nor false (epicmp -x).")
    told += _left_out(score)
    timed = sum(record.timing is not None for record in score.records)
    if not timed:
        told.append("No delays: found no <record>.events.jsonl beside the labels (beatline label --events).")
    elif timed < len(score.records):
        told.append(f"Delays and alarms: of the {timed} records that have <record>.events.jsonl.")
    return told


def _left_out(score: Score) -> list[str]:
    """Return the line that names records which are not in the figures, if there are any."""
    if not score.missing:
        return []
    shown = " ".join(score.missing[:10]) + (" ..." if len(score.missing) > 10 else "")
    lacking = "labels or events" if score.request.alarms_alone else "labels"
    return [f"Without {lacking}, not scored: {len(score.missing)} records ({shown})."]


def show(score: Score, console: Console) -> None:
    """Print everything."""
    console.print(Text(title(score), style="bold"), soft_wrap=True)
    for note in notes(score) if score.records else _left_out(score):
        console.print(Text(note), soft_wrap=True)
    if score.records:
        for heading, table in _tables(score):
            _print(heading, table, console)
    if score.alarms is not None:
        console.print()
        show_alarms(score.alarms, console)


def show_alarms(score: AlarmScore, console: Console) -> None:
    """Print what the alarms did."""
    for note in alarm_notes(score):
        console.print(Text(note), soft_wrap=True)
    for heading, head, rows in alarm_tables(score):
        table = _table(head)
        for row in rows:
            table.add_row(*row)
        _print(heading, table, console)


def _print(heading: str, table: Table, console: Console) -> None:
    """Print a table at its natural width, in as many pieces as a terminal's own width asks for."""
    if console.is_terminal:
        pieces = _fitted(table, console)
    else:
        table.box, table.padding = None, (0, 2, 0, 0)
        pieces = [table]
    console.print()
    console.print(Text(heading, style="bold"), soft_wrap=True)
    for i, piece in enumerate(pieces):
        if i:
            console.print()
        piece.width = _width(piece, console)
        console.print(piece, crop=False)


def _fitted(table: Table, console: Console) -> list[Table]:
    """Return the table, with intervals below their figures where it is too wide, and cut into pieces.

    Each piece begins with the table's first column.
    """
    if _width(table, console) <= console.width:
        return [table]
    columns = [
        [str(column.header), *(str(cell).replace(" [", "\n[") for cell in column.cells)]
        for column in table.columns
    ]
    pieces = [_of_columns(columns[:2])]
    first = 1
    for i in range(2, len(columns)):
        wider = _of_columns([columns[0], *columns[first : i + 1]])
        if _width(wider, console) <= console.width:
            pieces[-1] = wider
        else:
            first = i
            pieces.append(_of_columns([columns[0], columns[i]]))
    return pieces


def _of_columns(columns: Sequence[Sequence[str]]) -> Table:
    """Return a table of columns, each with its head before its cells."""
    head, *rows = zip(*columns, strict=True)
    table = _table(head)
    for row in rows:
        table.add_row(*row)
    return table


def _width(table: Table, console: Console) -> int:
    """Return how many columns a table takes where nothing is cut."""
    return Measurement.get(console, console.options.update(max_width=_ANY), table).maximum


def _tables(score: Score) -> Iterable[tuple[str, Table]]:
    """Return headings and tables, in the order of the report."""
    yield "Records (* paced)", _records(score.records)
    yield "Beats, gross, %", _beats(score)
    yield "Runs, gross, %", _runs(score)
    yield "Episodes and their durations, gross, %", _episodes(score)
    yield "Errors", _rates(score)
    yield "Reference (rows) as told (columns), without paced records", _confusion(score.groups["nonpaced"])
    yield "Delays, ms", _delays(score)
    if rates := _alarms(score):
        yield "Alarms told, per hour", rates


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _records(records: Sequence[RecordScore]) -> Table:
    """Per record: missed and false beats, then each class with how many there are."""
    heads = ["", "beats", "FN", "FP", "Se", "+P"]
    for label in "VSF":
        heads += [label, f"{label} Se", f"{label} +P"]
    table = _table([*heads, "shut s"])
    for record in records:
        counts, figures = record.counts(), record.figures()
        row = [
            record.record + ("*" if record.paced else ""),
            f"{counts['qrs_tp'] + counts['qrs_fn']:.0f}",
            f"{counts['qrs_fn']:.0f}",
            f"{counts['qrs_fp']:.0f}",
            *(_number(figures[f"qrs_{side}"], 2) for side in ("se", "ppv")),
        ]
        for key in "vsf":
            row.append(f"{counts[f'{key}_tp'] + counts[f'{key}_fn']:.0f}")
            row += [_number(figures[f"{key}_{side}"], 1) for side in ("se", "ppv")]
        table.add_row(*row, f"{counts['shutdown_s']:.0f}")
    return table


def _beats(score: Score) -> Table:
    table = _table(["", "of", "Se", "+P", "F1"])
    for key, name in (("qrs", "QRS"), ("v", "V"), ("s", "S"), ("f", "F")):
        base = "all" if key == "qrs" else "nonpaced"
        _gross_rows(table, score, key, name, base=base, sides=("se", "ppv", "f1"))
        if key in "vs":
            group = score.groups[base]
            strict = [_interval(group, f"{key}_{side}_strict", 2) for side in ("ppv", "f1")]
            table.add_row("  strict", "", "", *strict)
    return table


def _gross_rows(
    table: Table, score: Score, key: str, name: str, *, base: str, sides: Sequence[str], digits: int = 2
) -> None:
    """Add a row of gross figures, one of averages, and one without the records left out."""
    group = score.groups[base]
    table.add_row(name, _total(group, key), *(_interval(group, f"{key}_{side}", digits) for side in sides))
    averages = [_number(group.figures[f"{key}_{side}"].average, digits) for side in sides]
    table.add_row("  average", "", *averages)
    if score.without:
        rest = score.groups[base + score.without]
        cells = [_interval(rest, f"{key}_{side}", digits) for side in sides]
        table.add_row(f" {score.without}", _total(rest, key), *cells)


def _runs(score: Score) -> Table:
    table = _table(["", "of", "Se", "+P"])
    paced = len(score.groups["all"].records) > len(score.groups["nonpaced"].records)
    for key in "vs":
        for kind in KINDS:
            name = f"{key.upper()} {_PLURALS[kind]}"
            _gross_rows(table, score, f"{key}_{kind}", name, base="nonpaced", sides=("se", "ppv"), digits=1)
            if paced:
                group = score.groups["all"]
                cells = [_interval(group, f"{key}_{kind}_{side}", 1) for side in ("se", "ppv")]
                table.add_row("  with paced", _total(group, f"{key}_{kind}"), *cells)
    return table


def _episodes(score: Score) -> Table:
    table = _table(["", "of", "Se", "+P", "duration Se", "duration +P"])
    for key, name in EPISODES.items():
        sides = ("se", "ppv", "duration_se", "duration_ppv")
        _gross_rows(table, score, key, name, base="all", sides=sides, digits=1)
    return table


def _rates(score: Score) -> Table:
    heads = ["", "gross", *([score.without.strip()] if score.without else [])]
    table = _table(heads)
    for key, name, base, digits in (
        ("qrs_errors", "QRS missed and false", "all", 0),
        ("v_false_per_h", "false V per hour", "nonpaced", 2),
        ("s_false_per_h", "false S per hour", "nonpaced", 2),
        ("rr_error_ms", "RR error, RMS, ms", "all", 2),
    ):
        groups = [base, *([base + score.without] if score.without else [])]
        table.add_row(name, *(_interval(score.groups[group], key, digits) for group in groups))
    sums = score.groups["all"].sums
    table.add_row("shut down, s", f"{sums['shutdown_s']:.0f}")
    table.add_row("beats missed while shut down", f"{sums['qrs_shut']:.0f}")
    return table


def _confusion(group: Group) -> Table:
    table = _table(["", *CLASSES, "missed"])
    for name, row in zip((*CLASSES, "no beat"), group.confusion.tolist(), strict=True):
        cells = [f"{count}" for count in row]
        table.add_row(name, *cells[:-1], _NOTHING if name == "no beat" else cells[-1])
    return table


def _delays(score: Score) -> Table:
    table = _table(["", "of", "median", "p90", "p99", "max"])
    jitter = [np.abs(record.jitter_ms) for record in score.records]
    rows: list[tuple[str, list[NDArray[np.float64]]]] = [("R from the reference's R, absolute", jitter)]
    timings = [record.timing for record in score.records if record.timing is not None]
    rows += [
        ("R to detection", [timing.detection_ms for timing in timings]),
        ("R to provisional label", [timing.provisional_ms for timing in timings]),
        ("R to confirmed label", [timing.confirmed_ms for timing in timings]),
    ]
    for name, values in rows:
        n, *quantiles = spread(values)
        if n:
            table.add_row(name, f"{n}", *(_number(quantile, 0) for quantile in quantiles))
    return table


def _alarms(score: Score) -> Table | None:
    timed = [record for record in score.records if record.timing is not None]
    rates = alarm_rates(
        [record.timing for record in timed if record.timing is not None],
        hours=sum(record.seconds for record in timed) / 3600,
    )
    if not rates:
        return None
    table = _table(["", "priority", "per hour"])
    for (kind, priority), rate in sorted(rates.items(), key=lambda item: -item[1]):
        table.add_row(kind.replace("_", " "), priority, _number(rate, 2))
    return table


def _total(group: Group, key: str) -> str:
    """Return how many of a kind the reference has."""
    found = group.sums.get(f"{key}_tp", group.sums.get(f"{key}_found", 0.0))
    missed = group.sums.get(f"{key}_fn", group.sums.get(f"{key}_missed", 0.0))
    return f"{found + missed:.0f}"


def _interval(group: Group, name: str, digits: int) -> str:
    return group.figures[name].text(f".{digits}f")


def _number(figure: float, digits: int) -> str:
    return f"{figure:.{digits}f}" if math.isfinite(figure) else _NOTHING
