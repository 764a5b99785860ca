"""``beatline sim``: simulated bedside devices on a socket, from the command line."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from monitor.errors import BeatlineError, StorageError
from monitor.wire import DEFAULT_ENDPOINT, bed_name
from sim.script import DEFAULT_SCRIPT

__all__ = ["app", "main", "sim"]

app = typer.Typer(
    name="sim",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SIGNAL = "Signal"
_SOCKET = "Socket and time"
_FAULTS = "Faults"
_LONGEST_S = 1e9
"""Thirty years: sample numbers stay far below the wire's 2**53."""
_MOST_MV = 1000.0


def _probability(text: str, option: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(
        option, min=0.0, max=1.0, metavar="SHARE", rich_help_panel=_FAULTS, help=text
    )
    return info


_HELP = """Play ECG to a monitor as bedside devices do, in real time.

\b
[bold]beatline sim 208[/bold]                    a record, once, in real time
[bold]beatline sim --beds 8 --loop[/bold]        eight synthetic patients, without end
[bold]beatline sim --script "sinus:20@75, pvc, sinus:5, vt:8@160, asystole:6"[/bold]
[bold]beatline sim --script "sinus:60, vt:8@160, sinus:60" --out made[/bold]
[bold]beatline sim 100 --drop 0.02 --lead-off V5:30-60 --snr 6 --noise em[/bold]

The monitor listens on tcp://127.0.0.1:5600 and simulators connect to it, unless told otherwise.
Play begins when a monitor is there. Ctrl-C ends it.
"""


@app.command(name="sim", help=_HELP)
def sim(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECORD]...", help="Records such as 208 or svdb/800. None: a synthetic patient."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of one database. Default: BEATLINE_DATA, the cache, then PhysioNet."),
    ] = None,
    or_synthetic: Annotated[
        bool, typer.Option("--or-synthetic", help="Play a synthetic patient if a record cannot be had.")
    ] = False,
    script: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_SIGNAL,
            help="Rhythms of the synthetic patient: sinus af svt vt ivr bigeminy trigeminy (seconds, or "
            "beats as in 5b; @bpm), pac pvc widepvc ront couplet missed pause asystole vf.",
        ),
    ] = None,
    ramp: Annotated[
        bool, typer.Option("--ramp", rich_help_panel=_SIGNAL, help="Send sample numbers: a test signal.")
    ] = False,
    fs: Annotated[
        float | None,
        typer.Option(min=100, max=1000, rich_help_panel=_SIGNAL, help="Rate of the synthetic patient. [360]"),
    ] = None,
    leads: Annotated[int, typer.Option(min=1, max=2, rich_help_panel=_SIGNAL, help="Its leads.")] = 2,
    seed: Annotated[int, typer.Option(min=0, rich_help_panel=_SIGNAL, help="Of all that is random.")] = 0,
    beds: Annotated[
        int,
        typer.Option(
            min=1, max=4096, rich_help_panel=_SIGNAL, help="Beds; more than records: shifted copies."
        ),
    ] = 1,
    name: Annotated[
        str | None,
        typer.Option("--bed", rich_help_panel=_SIGNAL, help="The bed's name. Default: the record's."),
    ] = None,
    loop: Annotated[
        bool,
        typer.Option("--loop", rich_help_panel=_SIGNAL, help="Begin again at the end; the index goes on."),
    ] = False,
    start: Annotated[
        float,
        typer.Option(
            min=0, max=_LONGEST_S, rich_help_panel=_SIGNAL, help="Begin at this second of the signal."
        ),
    ] = 0.0,
    endpoint: Annotated[
        str, typer.Option(rich_help_panel=_SOCKET, help="Where the monitor is, or where to listen.")
    ] = DEFAULT_ENDPOINT,
    bind: Annotated[
        bool, typer.Option("--bind/--connect", rich_help_panel=_SOCKET, help="Listen, or go to the monitor.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", rich_help_panel=_SOCKET, help="Begin when somebody listens.")
    ] = True,
    speed: Annotated[
        float, typer.Option(min=0.01, max=1000, rich_help_panel=_SOCKET, help="Signal seconds per second.")
    ] = 1.0,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0, max=_LONGEST_S, rich_help_panel=_SOCKET, help="Stop after so long, by the wall clock."
        ),
    ] = None,
    packet_ms: Annotated[
        float, typer.Option(min=1, max=2000, rich_help_panel=_SOCKET, help="Signal in one packet.")
    ] = 40.0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            rich_help_panel=_SIGNAL,
            help="Play nothing: write synthetic patients as WFDB records with their exact truth (atr), "
            "to be labelled and scored. --seconds is then signal time.",
        ),
    ] = None,
    stats: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=_SOCKET, help="Write what was done, as JSON, at the end."
        ),
    ] = None,
    snr: Annotated[
        float | None,
        typer.Option(
            min=-60, max=100, metavar="DB", rich_help_panel=_FAULTS, help="Add noise at this ratio."
        ),
    ] = None,
    noise: Annotated[
        str,
        typer.Option(
            rich_help_panel=_FAULTS, help="muscle motion baseline white, or records: em ma bw (nstdb)."
        ),
    ] = "muscle",
    wander: Annotated[
        float | None,
        typer.Option(
            min=0, max=_MOST_MV, metavar="MV", rich_help_panel=_FAULTS, help="Baseline wander, peak to peak."
        ),
    ] = None,
    saturate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=_MOST_MV,
            metavar="MV",
            rich_help_panel=_FAULTS,
            help="Clip the signal at plus and minus this. Peaks alone do not make a lead saturated, a signal "
            "that stays at a rail does: --saturate 2 --wander 12.",
        ),
    ] = None,
    lead_off: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEAD[:A-B]",
            rich_help_panel=_FAULTS,
            help="Take a lead off, from second A to B: samples missing, as devices send it.",
        ),
    ] = None,
    lead_loose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEAD[:A-B]",
            rich_help_panel=_FAULTS,
            help="Loosen a lead: 20 uV of noise, and no word of it from the device.",
        ),
    ] = None,
    drop: Annotated[float, _probability("Packets lost.", "--drop")] = 0.0,
    duplicate: Annotated[float, _probability("Packets sent twice.", "--duplicate")] = 0.0,
    reorder: Annotated[float, _probability("Packets that come after later ones.", "--reorder")] = 0.0,
    late: Annotated[
        float,
        typer.Option(
            "--late-ms", min=0, max=10_000, rich_help_panel=_FAULTS, help="Jitter of up to so much."
        ),
    ] = 0.0,
    drift: Annotated[
        float,
        typer.Option(
            "--drift-ppm", min=-1e5, max=1e5, rich_help_panel=_FAULTS, help="Device clock: how much too fast."
        ),
    ] = 0.0,
    parent: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="PID", hidden=True, help="End once this is no longer the parent process."
        ),
    ] = None,
) -> None:
    """Play ECG to a monitor as bedside devices do; see the help text."""
    if names and (script is not None or ramp or fs is not None) and not or_synthetic:
        raise typer.BadParameter("records bring their own signal: expected no --script, --ramp or --fs")
    if script is not None and ramp:
        raise typer.BadParameter("choose one of --script and --ramp")
    if name is not None:
        _check_bed(name)
    from sim.beds import NOISES, Faults, Play
    from sim.faults import Transport

    if noise not in NOISES:
        raise typer.BadParameter(
            f"expected one of {', '.join(NOISES)}, received {noise!r}", param_hint="--noise"
        )
    play = Play(
        names=names or (),
        data=data,
        or_synthetic=or_synthetic,
        ramp=ramp,
        script=script or DEFAULT_SCRIPT,
        fs=fs or 360.0,
        n_leads=leads,
        beds=beds,
        name=name,
        loop=loop,
        start_s=start,
        packet_ms=packet_ms,
        drift_ppm=drift,
        seed=seed,
        faults=Faults(
            snr_db=snr,
            noise=noise,
            wander_mv=wander,
            saturate_mv=saturate,
            lead_off=lead_off or (),
            lead_loose=lead_loose or (),
        ),
        transport=Transport(drop=drop, duplicate=duplicate, reorder=reorder, late_ms=late),
    )
    if out is not None:
        from sim.beds import make_beds
        from sim.kept import keep

        for stem in keep(make_beds(play), out, seconds=seconds):
            typer.echo(stem)
        return
    with _stop_signals() as signalled:
        from sim.perform import Stage, perform

        def stopped() -> bool:
            return signalled() or (parent is not None and os.getppid() != parent)

        told = perform(play, Stage(endpoint, bind, wait, speed, seconds), stopped=stopped, say=_say)
    if stats is not None:
        try:
            stats.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
        except OSError as error:
            raise StorageError(f"--stats {stats} cannot be written: {error.strerror}") from error


def main() -> None:
    """Run as ``python -m sim``: one line per fault, exit code 1."""
    try:
        app()
    except BeatlineError as error:
        _say(str(error))
        sys.exit(1)


def _check_bed(name: str) -> None:
    try:
        bed_name(name.encode("ascii", "replace"))
    except BeatlineError as error:
        raise typer.BadParameter(str(error), param_hint="--bed") from error


def _say(text: str) -> None:
    """Tell a person; standard output stays free."""
    with contextlib.suppress(BrokenPipeError):
        typer.echo(f"beatline: {text}", err=True)


@contextlib.contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question that is asked between packets; a second one kills."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, previous[signal.Signals(number)])

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, note)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
