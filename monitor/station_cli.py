"""``beatline station``: watch a running monitor from any terminal, or from a browser."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import FeedError

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def station(
    address: Annotated[
        str | None,
        typer.Argument(help="Name, socket or tcp:// address of a monitor. Default: the one that runs."),
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", hidden=True)] = None,
) -> None:
    """Watch a running monitor: a wall of beds, one bed large, trends, alarms and strips.

    [bold]Example:[/bold] beatline station --control
    """
    raise FeedError("the station is not built yet")
