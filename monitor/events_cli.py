"""``beatline events``: what an event store holds."""

import sys
from collections import deque
from typing import Annotated, Final

import typer

from monitor.options import commands

__all__ = ["app", "events"]

app = commands("events")

_HELP = """List the alarms and other events of a store, oldest first.

An alarm is one line for its whole life: when it began, how long it lasted, who answered it. Everything else
(rhythms, gaps, notices, pauses of sound, new streams) is a line each. Works beside a running monitor.

[bold]Example:[/bold] beatline events --bed bed-3 --since 8h --priority high,medium
[bold]Example:[/bold] beatline events night.sqlite --kind asystole,pause --format csv > pauses.csv
"""

_TYPES: Final = "alarm, rhythm, gap, notice, audio_pause, stream, limits"


@app.command(name="events", help=_HELP)
def events(
    store: Annotated[
        str | None,
        typer.Argument(
            metavar="[STORE]", help="Path or URL. Default: the one of this user.", show_default=False
        ),
    ] = None,
    bed: Annotated[str, typer.Option("--bed", metavar="NAME", help="Of this bed alone.")] = "",
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Such as 2h, 07:30, yesterday, 2026-11-21T22:00."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="As --since.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="Kind of alarm (beatline alarms list), rhythm such as (VT, or one of "
            f"{_TYPES}; several with commas between.",
        ),
    ] = None,
    priority: Annotated[
        list[str] | None,
        typer.Option(
            "--priority", metavar="PRIORITY", help="high, medium, low or technical: alarms of these alone."
        ),
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="The last N lines alone.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="table|json|csv", help="How to write it.")
    ] = "table",
) -> None:
    """See `_HELP`."""
    from monitor import events_text, store_query

    writers = {"table": events_text.write_table, "json": events_text.write_json, "csv": events_text.write_csv}
    if form not in writers:
        raise typer.BadParameter(f"expected table, json or csv, received {form!r}", param_hint="--format")
    try:
        query = store_query.query(bed=bed, since=since, until=until, kinds=kind, priorities=priority)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with store_query.opened(store) as kept:
        found = store_query.listed(kept, query)
        n = writers[form](found if last is None else iter(deque(found, maxlen=last)), sys.stdout)
        if not n and form == "table":
            sys.stderr.write(store_query.nothing(kept, query) + "\n")
