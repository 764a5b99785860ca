"""``beatline label``: finished records through the line, as they are or as another device would send them."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.options import ConfigOption, DataOption, JobsOption, commands

__all__ = ["app", "label"]

app = commands("label")

_EVALUATION = "Evaluation"


@app.command(name="label")
def label(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECORD]...",
            help="Records, or sets: DS1 DS2 paced nonpaced all svdb. All of the folder when none.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the annotations go.")] = Path(
        "labels"
    ),
    data: DataOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|DIR",
            help="Model artefact or run folder; of a folder of folds, the one that left the patient out. "
            "Default: the shipped one.",
        ),
    ] = None,
    jobs: JobsOption = 1,
    events: Annotated[
        bool, typer.Option("--events", help="Also write every event, as <record>.events.jsonl.")
    ] = False,
    config: ConfigOption = None,
    detector: Annotated[
        Path | None,
        typer.Option(
            "--detector",
            metavar="FILE|DIR",
            rich_help_panel=_EVALUATION,
            help="Weights of the QRS verifier; of a folder of folds, those that left the patient out.",
        ),
    ] = None,
    lead: Annotated[
        list[str] | None,
        typer.Option(
            "--lead",
            metavar="NAME|NUMBER",
            rich_help_panel=_EVALUATION,
            help="Use this lead alone; several, in this order, by repeating it. 1 is the record's first.",
        ),
    ] = None,
    fs: Annotated[
        float | None,
        typer.Option(
            "--fs",
            metavar="HZ",
            min=100,
            max=1000,
            rich_help_panel=_EVALUATION,
            help="Resample the record to this rate first; annotations are then at this rate, and say so.",
        ),
    ] = None,
) -> None:
    """Label finished records, exactly as the live line would, as fast as it goes.

    Writes WFDB annotations that rdann and bxb read: DIR/<record>.blt with the confirmed label of each
    beat (at the end of the next one's window, or 1.5 s after R), DIR/<record>.blp with the provisional one.

    [bold]Example:[/bold] beatline label 100 208 --out labels --events
    """
    from monitor import settings
    from monitor.label import Job, clash_of, label_shown
    from monitor.selection import chosen

    weights = None if detector is None else str(detector)
    job = Job(
        out=out,
        settings=settings.load({"detector": {"weights": weights}}, path=config),
        data=data,
        model=model,
        events=events,
        leads=tuple(lead or ()),
        fs=fs,
    )
    wanted = chosen(names or (), data=data)
    if clash := clash_of(wanted):
        raise typer.BadParameter(clash, param_hint="RECORD")
    results = label_shown(wanted, job, jobs=jobs)
    n_beats = sum(result.n_beats for result in results)
    hours = sum(result.seconds for result in results) / 3600
    print(f"{len(results)} records, {hours:.2f} h, {n_beats} beats -> {out}")  # noqa: T201  the answer
