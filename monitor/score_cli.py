"""``beatline score``: labels against reference annotations, as EC57 asks."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.options import commands

__all__ = ["app", "score"]

app = commands("score")

_EC57_S = 300.0
"""The learning time of EC57."""

_HELP = """Compare labels with reference annotations, as ANSI/AAMI EC57 asks.

Counted as [bold]bxb[/bold], [bold]rxr[/bold] and [bold]epicmp[/bold] of the WFDB software count: QRS, V, S
and F with sensitivity and positive predictivity, couplets and runs of V and S, AF and VF; per record, gross
and average. Intervals are 95 %, by bootstrap over records: a figure that only one record has is given none.
Where DIR holds <record>.events.jsonl (beatline label --events), delays and alarms too: what was raised in
time and what was false, against marked rhythms and what the reference beats raise by the same rules.
References without beats, such as those of vfdb, are scored for alarms alone.

DIR may hold the annotations of any program in the MIT format, at any rate that they state.

[bold]Example:[/bold] beatline score labels --ref path/to/mitdb --records DS2 --out scored
[bold]Example:[/bold] beatline score labels --ref path/to/vfdb --alarms --out alarms
"""


@app.command(name="score", help=_HELP)
def score(
    labels: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with <record>.blt.", show_default=False)
    ],
    reference: Annotated[
        Path,
        typer.Option(
            "--ref", metavar="DIR", help="Folder with <record>.atr and <record>.hea.", show_default=False
        ),
    ],
    records: Annotated[
        str | None,
        typer.Option(
            "--records",
            metavar="SET|NAMES",
            help="DS1, DS2, all, nonpaced, paced, or names with commas between; each must have labels. "
            "Default: whatever has labels in DIR.",
        ),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            "--from",
            metavar="SECONDS",
            min=0,
            help="Where the comparison of beats begins. Default: 300, as EC57 asks.",
        ),
    ] = None,
    annotator: Annotated[
        str, typer.Option("--annotator", metavar="SUFFIX", help="blt: confirmed labels; blp: provisional.")
    ] = "blt",
    reference_annotator: Annotated[
        str, typer.Option("--ref-annotator", metavar="SUFFIX", help="Of the reference.")
    ] = "atr",
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="RECORD",
            help="State every gross figure without this record as well; several by repeating it. "
            "DS2 is always stated without 202 too, whose patient is 201 of DS1.",
        ),
    ] = None,
    escape: Annotated[
        str,
        typer.Option(
            "--escape",
            metavar="S|N",
            help="Class of escape beats (j, e, n): S as bxb has it, N as de Chazal 2004 and many papers.",
        ),
    ] = "S",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score what there is of a set, and say what is missing.")
    ] = False,
    alarms: Annotated[
        bool, typer.Option("--alarms", help="Tell of alarms alone; an error where there are no events.")
    ] = False,
    alarms_from: Annotated[
        float, typer.Option("--alarms-from", metavar="SECONDS", min=0, help="Where that of alarms begins.")
    ] = 0.0,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings of the line that told the alarms: its rules say what reference beats ask for.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write records.csv, alarms.csv, score.json, report.html with its pictures (timelines, "
            "misses, false alarms), and the tables of ec57.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """See `_HELP`."""
    from rich.console import Console

    from monitor import score_files, score_report, score_text, scoring, settings

    if escape not in ("S", "N"):
        raise typer.BadParameter(f"expected S or N, received {escape!r}", param_hint="--escape")
    if alarms and start is not None:
        raise typer.BadParameter(
            "expected --alarms-from, which says where the comparison of alarms begins, received both "
            "--alarms and --from, which is for beats",
            param_hint="--from",
        )
    request = scoring.Request(
        labels=labels,
        reference=reference,
        records=records,
        annotator=annotator.removeprefix("."),
        reference_annotator=reference_annotator.removeprefix("."),
        start_s=alarms_from if alarms else _EC57_S if start is None else start,
        alarms_from_s=alarms_from,
        settings=settings.load(path=config),
        without=tuple(part for given in without or () for part in given.split(",") if part),
        allow_missing=allow_missing,
        alarms_alone=alarms,
        escape="N" if escape == "N" else "S",
    )
    scored = scoring.score(request)
    if alarms:
        scored = scored.alarms_alone()
    if out is not None:
        score_files.write(scored, out)
        score_report.write_report(
            scored,
            out,
            title=score_text.title(scored),
            notes=score_text.notes(scored),
            command=shlex.join(["beatline", *sys.argv[1:]]),
        )
    if json:
        sys.stdout.write(score_files.as_json(scored).decode())
        return
    console = Console(highlight=False)
    with console.capture() as text:  # written in one piece: a pipe that closes is no failure of ours
        score_text.show(scored, console)
    sys.stdout.write(text.get())
