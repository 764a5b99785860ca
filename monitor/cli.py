"""The front door: argv to settings to one call. Only this module prints an error.

Exit codes: 0 done (Ctrl-C and a closed pipe too), 1 a failure, said in one line, 2 wrong usage, 130 Ctrl-C
before anything has begun (`monitor.__main__`). Heavy imports happen inside the commands, so that help
and the first frame come at once.
"""

import importlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import typer.core
from rich.console import Console

from monitor import __version__, logs, settings, terminal
from monitor.errors import BeatlineError
from monitor.options import ConfigOption, DataOption, ModelOption

if TYPE_CHECKING:
    from monitor.app import Look

__all__ = ["app", "main"]

_LAZY: Final = {
    "label": "monitor.label_cli",
    "noise": "monitor.noise_cli",
    "score": "monitor.score_cli",
    "station": "monitor.station_cli",
    "alarms": "monitor.alarms_cli",
    "events": "monitor.events_cli",
    "report": "monitor.report_cli",
    "bench": "monitor.bench_cli",
    "data": "monitor.data_cli",
    "sim": "sim.cli",
    "models": "models.cli",
}
"""Commands that live in rooms of their own; imported when they are called or listed."""


class _FrontDoor(typer.core.TyperGroup):
    """A group that mounts the other rooms' commands on demand."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all commands in the order of use."""
        return [
            "demo",
            "monitor",
            "station",
            "alarms",
            "sim",
            "label",
            "score",
            "noise",
            "events",
            "report",
            "replay",
            "bench",
            "models",
            "data",
        ]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, importing its room first if it has one."""
        if cmd_name in _LAZY:
            return typer.main.get_command(importlib.import_module(_LAZY[cmd_name]).app)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn faults into one line and an exit code."""
        try:
            return super().invoke(ctx)
        except BeatlineError as error:
            raise typer.Exit(_complain(str(error))) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(0) from error
        except BrokenPipeError as error:
            terminal.hush_output()
            raise typer.Exit(0) from error


app = typer.Typer(
    cls=_FrontDoor,
    name="beatline",
    help="A streaming real-time ECG monitor.\n\nStart with: [bold]beatline demo[/bold]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SecondsOption = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, help="End after this much wall time from the first sample received."),
]
PlainOption = Annotated[
    bool,
    typer.Option("--plain", help="One line per beat, once its label is confirmed, and per alert, at once."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Every event as one JSON line.")]
AsciiOption = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters alone.")]
JournalOption = Annotated[
    Path | None,
    typer.Option("--journal", metavar="FILE", help="Append every event to this file, as JSON lines."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL|default",
        help="Keep alarms with their strips, and trends, in this event store: a SQLite file, any SQLAlchemy "
        "URL, or [bold]default[/bold] for the one of this user. Read it with beatline events and report.",
    ),
]
EndpointArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENDPOINT]...", help="Where devices find this monitor. Default: tcp://127.0.0.1:5600."
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="What stations know this monitor by. Default: monitor."),
]
ControlOption = Annotated[
    bool,
    typer.Option("--allow-control", help="Let stations acknowledge, pause sound and set limits."),
]
StatsOption = Annotated[Path | None, typer.Option("--stats", metavar="FILE", hidden=True)]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"beatline {__version__}")  # noqa: T201  the command's answer
        raise typer.Exit


@app.callback()
def front_door(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Write the log to this file.")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more.")] = False,
) -> None:
    """A streaming real-time ECG monitor. Start with: [bold]beatline demo[/bold]."""
    logs.choose(log_file, verbose=verbose)
    logs.configure()


@app.command()
def demo(
    seconds: SecondsOption = None,
    record: Annotated[
        str | None,
        typer.Option("--record", metavar="NAME", help="Record to play, such as svdb/800. Default: 208."),
    ] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.01, max=1000, help="Times real time.")] = 1.0,
    beds: Annotated[
        int, typer.Option("--beds", min=1, max=4096, help="How many beds play it, each with its phase.")
    ] = 1,
    data: DataOption = None,
    model: ModelOption = None,
    journal: JournalOption = None,
    store: StoreOption = None,
    plain: PlainOption = False,
    json: JsonOption = False,
    ascii_only: AsciiOption = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="At the end, save the screen as SVG.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="COLSxROWS", help="Size of the picture, such as 200x50.")
    ] = None,
    name: NameOption = None,
    allow_control: ControlOption = False,
    stats: StatsOption = None,
    parent: Annotated[int | None, typer.Option("--parent", metavar="PID", min=1, hidden=True)] = None,
) -> None:
    """Play a record through a simulated bedside device and watch it.

    Starts the simulator as a process of its own on a loopback socket and the monitor here. Without
    records and without a network it plays a built-in synthetic patient, and says so.

    [bold]Example:[/bold] beatline demo --seconds 30 --plain
    """
    from monitor import app as application

    look = _look(
        plain=plain,
        json=json,
        ascii_only=ascii_only,
        seconds=seconds,
        stats=stats,
        picture=picture,
        size=size,
        parent=parent,
    )
    device = application.Device(record=record, speed=speed, beds=beds, data=data)
    stations = application.Stations(name=name, allow_control=allow_control)
    config = application.config(settings.load(), model=model, journal=journal, store=store, stations=stations)
    raise typer.Exit(application.demo(config, device, look))


@app.command()
def monitor(
    endpoints: EndpointArgument = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Connect to devices that bind, instead of waiting for them.")
    ] = False,
    model: ModelOption = None,
    journal: JournalOption = None,
    store: StoreOption = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="DIR", help="Write what is received as WFDB records into this folder."
        ),
    ] = None,
    config: ConfigOption = None,
    seconds: SecondsOption = None,
    until_bye: Annotated[
        bool, typer.Option("--until-bye", help="End when every bed has said good-bye and is labelled.")
    ] = False,
    plain: PlainOption = False,
    json: JsonOption = False,
    ascii_only: AsciiOption = False,
    name: NameOption = None,
    attach: Annotated[
        list[str] | None,
        typer.Option(
            "--attach", metavar="ADDRESS", help="Let stations attach here too, such as tcp://127.0.0.1:5610."
        ),
    ] = None,
    allow_control: ControlOption = False,
    stats: StatsOption = None,
) -> None:
    """Watch the beds that publish at the given endpoints.

    Keys on the screen: a acknowledges the alarms that stand, q ends.

    [bold]Example:[/bold] beatline monitor tcp://127.0.0.1:5600 --journal night.jsonl
    """
    from monitor import app as application

    look = _look(plain=plain, json=json, ascii_only=ascii_only, seconds=seconds, stats=stats)
    told = application.config(
        settings.load(path=config),
        endpoints=endpoints,
        connect=connect,
        model=model,
        journal=journal,
        store=store,
        record=record,
        until_bye=until_bye,
        stations=application.Stations(name=name, attach=tuple(attach or ()), allow_control=allow_control),
    )
    raise typer.Exit(application.run(told, look))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A journal that --journal wrote.")],
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.01, help="Pace it, times real time. Default: all at once."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a journal again, one line per beat and alert; --json shows both labels of each beat.

    [bold]Example:[/bold] beatline replay night.jsonl --speed 10
    """
    from monitor.replay import replay as show_again

    show_again(file, speed=speed, json=json)


def main() -> None:
    """Run the command. SIGTERM ends it as Ctrl-C does."""
    terminal.open_streams()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="beatline")


def _complain(text: str) -> int:
    logging.getLogger(__name__).error(text)
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(f"beatline: {text}")
    return 1


def _look(
    *,
    plain: bool,
    json: bool,
    ascii_only: bool,
    seconds: float | None,
    stats: Path | None,
    picture: Path | None = None,
    size: str | None = None,
    parent: int | None = None,
) -> "Look":
    from monitor import app as application

    if plain and json:
        raise typer.BadParameter("choose one of --plain and --json")
    drawn = picture is not None or sys.stdout.isatty()
    kind: application.Kind = "json" if json else "plain" if plain or not drawn else "screen"
    return application.Look(
        kind=kind,
        ascii_only=ascii_only,
        seconds=seconds,
        stats=stats,
        picture=picture,
        size=None if size is None else _size(size),
        parent=parent,
    )


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal()):
        raise typer.BadParameter(f"expected a size such as 80x24, received {text!r}", param_hint="--size")
    return int(columns), int(rows)
