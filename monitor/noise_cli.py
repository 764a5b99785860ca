"""``beatline noise``: what noise does to the line, by the protocol of the Noise Stress Test Database."""

import json as json_text
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.options import ConfigOption, JobsOption, commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.stress import Level, Plan, Trial

__all__ = ["app", "noise"]

app = commands("noise")

_NOISE = "Noise"
_RATIOS: Final = "24,18,12,6,0,-6"

_HELP = """Stress the line with noise and count what it then gets wrong.

The protocol of the MIT-BIH Noise Stress Test Database: five clean minutes, then two noisy and two
clean in turn. Noise from its records em (electrode motion), ma (muscle) and bw (wander), or
synthetic, goes onto any record at the given ratios or gains. Each noisy record goes through the
very line of [bold]beatline label[/bold] and is judged from 5:00 on.

False V: V where the reference has neither V nor F. False alarms: those that the reference beats, put
through the same rules, do not raise within 10 s.

[bold]Example:[/bold] beatline noise 118 119 --noise em --snr 24,12,0,-6 --out stress
"""


@app.command(name="noise", help=_HELP)
def noise(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECORD]...", help="Records, or sets such as DS1. 118 and 119 when none."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--noise",
            metavar="KIND",
            rich_help_panel=_NOISE,
            help="em, ma, bw (recorded); muscle, motion, baseline, white (synthetic).",
        ),
    ] = "em",
    snr: Annotated[
        str | None,
        typer.Option(
            "--snr",
            metavar="DB,DB...",
            rich_help_panel=_NOISE,
            help=f"Ratios, by the database's definition. Default: {_RATIOS}.",
        ),
    ] = None,
    gains: Annotated[
        list[str] | None,
        typer.Option(
            "--gains",
            metavar="G[,G...]",
            rich_help_panel=_NOISE,
            help="Gains of the noise instead: one, or one for each lead; several levels by repeating it.",
        ),
    ] = None,
    database_gains: Annotated[
        bool,
        typer.Option(
            "--database-gains",
            rich_help_panel=_NOISE,
            help="The gains that the database's own records were made with: 118 with em at 24, 12, 0, -6 dB.",
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", min=0, rich_help_panel=_NOISE, help="Of synthetic noise.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write noise.csv, noise.json and noise.png."),
    ] = None,
    save: Annotated[
        bool,
        typer.Option("--save", help="Also write the noisy records, reference and labels, to DIR/records."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder with databases by name (mitdb, nstdb). Default: BEATLINE_DATA, cache, PhysioNet.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="NAME|DIR", help="Model artefact or run folder. Default: the shipped one."
        ),
    ] = None,
    config: ConfigOption = None,
    jobs: JobsOption = 1,
) -> None:
    """See `_HELP`."""
    from monitor import settings
    from monitor.noise import KINDS
    from monitor.selection import chosen
    from monitor.stress import RECORDED, Plan, run_shown
    from monitor.textfiles import make_folder

    if kind not in (known := (*RECORDED, *KINDS)):
        raise typer.BadParameter(
            f"expected one of {', '.join(known)}, received {kind!r}", param_hint="--noise"
        )
    if save and out is None:
        raise typer.BadParameter("expected --out DIR beside it", param_hint="--save")
    plan = Plan(
        noise=kind,
        settings=settings.load(path=config),
        data=data,
        model=model,
        database_gains=database_gains,
        seed=seed,
        save=out / "records" if out is not None and save else None,
    )
    if out is not None:
        make_folder(out)
    records = chosen(names or ["118", "119"], data=data)
    trials = run_shown(plan, records, _levels(plan, snr, gains or []), jobs=jobs)
    _tell(plan, trials, out=out, json=json)


def _levels(plan: "Plan", snr: str | None, gains: "Sequence[str]") -> "list[Level]":
    """Return the levels asked for, behind one without noise."""
    from monitor.noise import DATABASE_GAINS
    from monitor.stress import Level

    if gains and (snr is not None or plan.database_gains):
        raise typer.BadParameter("expected ratios or gains, received both", param_hint="--gains")
    if gains:
        wanted = [Level(gains=tuple(_numbers(one, "--gains"))) for one in gains]
    elif snr is None and plan.database_gains:
        wanted = [Level(db) for known in DATABASE_GAINS.values() for db in known]
    else:
        wanted = [Level(db) for db in _numbers(_RATIOS if snr is None else snr, "--snr")]
    return list(dict.fromkeys([Level(), *wanted]))


def _numbers(text: str, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(abs(number) < 1000 for number in numbers):
        raise typer.BadParameter(
            f"expected numbers below 1000 with commas between, received {text!r}", param_hint=option
        )
    return numbers


def _tell(plan: "Plan", trials: "Sequence[Trial]", *, out: Path | None, json: bool) -> None:
    from rich.console import Console

    from monitor import artifact, figures
    from monitor.stress_report import as_json, rows, table
    from monitor.textfiles import write_csv, write_text

    names = sorted({trial.record for trial in trials})
    cards = {name: artifact.load_card(artifact.fitting(plan.model, name)) for name in names}
    told = as_json(plan, trials, flattered=[name for name in names if name in cards[name].trained_on])
    told["command"] = shlex.join(["beatline", *sys.argv[1:]])
    text = json_text.dumps(told, indent=1) + "\n"
    if out is not None:
        write_csv(out / "noise.csv", rows(trials))
        write_text(out / "noise.json", text)
        figures.noise_curves(rows(trials), out / "noise.png")
    if json:
        sys.stdout.write(text)
        return
    Console().print(table(plan, trials))
    if told["trained_on_these"]:
        seen = ", ".join(told["trained_on_these"])
        Console(stderr=True).print(f"The model was trained on {seen}: these figures flatter it.")
