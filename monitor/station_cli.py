"""``beatline station``: watch a running monitor from any terminal, or from a browser."""

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from monitor.options import commands

if TYPE_CHECKING:
    from monitor.station.run import Picture
    from monitor.station.state import State

__all__ = ["app"]

app = commands("station")


@app.command()
def station(
    address: Annotated[
        str | None,
        typer.Argument(help="Name, socket or tcp:// address of a monitor. Default: the one that runs."),
    ] = None,
    control: Annotated[
        bool,
        typer.Option("--control", help="Acknowledge, pause sound and set limits, if the monitor allows it."),
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who acknowledges. Default: your user name.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for a monitor that is not there yet, instead of ending.")
    ] = False,
    silent: Annotated[bool, typer.Option("--silent", help="Do not ring the terminal's bell.")] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="PATH|URL", help="Recall strips from this event store. Default: the monitor's."
        ),
    ] = None,
    scheme: Annotated[
        Literal["night", "day", "safe", "mono"],
        typer.Option("--scheme", help="Colours; safe for every colour vision. NO_COLOR means mono."),
    ] = "night",
    charset: Annotated[
        Literal["braille", "block", "ascii"] | None,
        typer.Option("--charset", help="What waves are made of. Default: what this terminal can show."),
    ] = None,
    reduced_motion: Annotated[
        bool, typer.Option("--reduced-motion", help="Nothing flashes; waves move once a second.")
    ] = False,
    web: Annotated[
        bool, typer.Option("--web", help="Serve it to a browser on this machine, at http://127.0.0.1:PORT.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of --web.")] = 8610,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start simulated beds and a monitor too, and end them after.")
    ] = False,
    beds: Annotated[int, typer.Option("--beds", min=1, max=64, help="Beds of --demo.")] = 4,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", hidden=True)] = None,
    size: Annotated[str, typer.Option("--size", hidden=True)] = "120x40",
    seconds: Annotated[float, typer.Option("--seconds", min=1, hidden=True)] = 10.0,
    keys: Annotated[str, typer.Option("--keys", hidden=True)] = "",
) -> None:
    """Watch a running monitor: a wall of beds, one bed large, trends, alarms and strips.

    Any number of stations may watch; closing one stops nothing. Press ? for the keys.

    [bold]Examples:[/bold] beatline station --demo

    beatline station --control --by kim
    """
    from monitor.station import run

    if web:
        from monitor.station import browser

        browser.serve([word for word in sys.argv[1:] if word != "--web"], port=port)
        return
    state = _state(scheme, charset, calm=reduced_motion)
    options = run.Options(
        by=_person() if by is None else by, control=control or demo, silent=silent, store=store or ""
    )
    drawn = _picture(picture, size, seconds, keys)
    if demo:
        with run.demo("--beds", str(beds)) as where:
            code = run.run(where, state, options, drawn)
    else:
        code = run.run(run.found(address, wait=wait), state, options, drawn)
    raise typer.Exit(code)


def _state(scheme: str, charset: Literal["braille", "block", "ascii"] | None, *, calm: bool) -> "State":
    from monitor.station.state import State
    from monitor.waveform import charset_for

    finest = charset_for(sys.stdout.encoding, os.environ.get("TERM", ""))
    return State(scheme=scheme, charset=charset or finest, calm=calm)


def _picture(path: Path | None, size: str, seconds: float, keys: str) -> "Picture | None":
    from monitor.station.run import Picture

    if path is None:
        return None
    columns, _, rows = size.partition("x")
    if not (columns.isdecimal() and rows.isdecimal()):
        raise typer.BadParameter(f"expected a size such as 80x24, received {size!r}", param_hint="--size")
    return Picture(path, (int(columns), int(rows)), seconds, tuple(keys.split(",")) if keys else ())


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return ""
