"""``beatline models export`` and ``list``: runs into artefacts, and what there is."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import BeatlineError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(export)
    app.command("list")(list_)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    name: Annotated[str, typer.Option(help="Name of the artefact.")] = "beat",
    to: Annotated[Path | None, typer.Option(help="Folder for artefacts. Default: the shipped ones.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in place of an artefact of that name, if there is one.")
    ] = False,
) -> None:
    """Make a run into an artefact; refused if the reloaded network differs.

    An artefact that is there already, such as the shipped one, is kept unless --replace is given.

    For a trial there is no need of it: [bold]beatline monitor --model RUN[/bold] takes a run folder as it is.

    Example:  [bold]beatline models export runs/first --name mine[/bold]
    """
    from models.export import ARTIFACTS
    from models.export import export as write

    target = (to or ARTIFACTS) / name
    card = write(run, target, name=name, replace=replace)
    typer.echo(f"{target}: {card.identity}")


def list_(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder with runs, beside the shipped models.")
    ] = None,
) -> None:
    """List the shipped models and the runs in a folder, with what each serves; and the studies there.

    Example:  [bold]beatline models list runs[/bold]
    """
    from models.workshop.studies import study_of
    from monitor.artifact import CARD, RUN_CONFIG, load_card, shipped

    found = list(shipped().values())
    if folder is not None:
        found += sorted({path.parent for name in (CARD, RUN_CONFIG) for path in folder.glob(f"*/{name}")})
    for path in found:
        study = study_of(path)
        if study is not None:
            typer.echo(f"{path}  {study.said}")
            continue
        try:
            card = load_card(path)
        except BeatlineError as error:
            typer.echo(f"{path}  unusable: {error}")
            continue
        scores = next(iter(card.metrics.values()), {})
        known = {name: "-" if score.f1 is None else f"{score.f1:.1f}" for name, score in scores.items()}
        told = "  ".join(f"{name} F1 {f1}" for name, f1 in known.items())
        size = f"{card.n_parameters} parameters"
        typer.echo(f"{card.identity}  serves {card.serves}  {size}  {told}  {path}")
