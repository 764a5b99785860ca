"""``beatline report``: a shift of one bed as one page."""

import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.options import commands

__all__ = ["app", "report"]

app = commands("report")

_HELP = """Write a shift of one bed as one HTML page that needs no other file.

Counts, durations and answers by kind of alarm, trends of heart rate and ventricular beats, and the strips
kept with the alarms, on ECG paper. Works beside a running monitor.

[bold]Example:[/bold] beatline report bed-3 --since 8h --out shift.html
"""


@app.command(name="report", help=_HELP)
def report(
    bed: Annotated[str, typer.Argument(metavar="BED", help="Name of the bed.", show_default=False)],
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="PATH|URL", help="The event store. Default: the one of this user."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Such as 12h, 07:30, yesterday. Default: all there is."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="As --since.")] = None,
    strips: Annotated[int, typer.Option("--strips", min=0, help="Strips at most, the worst first.")] = 60,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Default: BED-report.html, here.")
    ] = None,
) -> None:
    """See `_HELP`."""
    from monitor import shift_report, store_query

    try:
        asked = store_query.query(bed=bed, since=since, until=until)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    path = out or Path(f"{re.sub(r'[^A-Za-z0-9._-]', '_', bed)}-report.html")
    with store_query.opened(store) as kept:
        store_query.check_bed(kept, bed)
        shift = shift_report.read_shift(kept, asked, most_strips=strips)
        command = _command(store or "", kept.name)
    shift_report.write(shift, path, command=command)
    n_high = sum(one.priority == "high" for one in shift.alarms)
    sys.stdout.write(
        f"{path}: {len(shift.alarms)} alarms, {n_high} of high priority, {len(shift.strips)} strips\n"
    )


def _command(store: str, name: str) -> str:
    """Return the command line of this process; a URL of the store stands there by its name, no password."""
    hidden = {store: name, f"--store={store}": f"--store={name}"} if "://" in store else {}
    return shlex.join(["beatline", *(hidden.get(word, word) for word in sys.argv[1:])])
