"""``beatline models explain``: what a run's network looks at."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.options import FolderOption

if TYPE_CHECKING:
    from models.workshop.explain import Method

__all__ = ["explain", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for report, pictures and JSON. Default: RUN/explanation.")
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="ig|gradcam", help="Integrated gradients, or Grad-CAM of convolutions.")
    ] = "ig",
    rows: Annotated[int, typer.Option(min=1, help="Beats of each class that are averaged over.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the beats that are drawn.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    data: FolderOption = None,
) -> None:
    """Show what a run's network looks at, on beats of its test part.

    For each class, what speaks for it is averaged over beats told rightly and drawn on their mean
    waveform: integrated gradients share out the probability over the points of the window, Grad-CAM
    shows where the last convolutions that still tell places find something. Beside it, what each point
    tells of the class whatever a network does with it, and hits and misses. `beatline models evaluate` takes
    the pictures up into its page.

    Example:  [bold]beatline models explain runs/cnn[/bold]
    """
    from models.workshop.explain import METHODS

    if method not in METHODS:
        raise typer.BadParameter(
            f"expected {' or '.join(METHODS)}, received {method!r}", param_hint="--method"
        )
    from models.progress import Progress, command_line
    from models.workshop import report, tables
    from models.workshop.explanation import explain_run, explained_json
    from models.workshop.material import axis_of, material
    from models.workshop.runs import load_run
    from models.workshop.tables import plain

    chosen: Method = "gradcam" if method == "gradcam" else "ig"
    finished = load_run(run)
    folder = report.folder_of(finished.folder, out, report.EXPLANATION)
    with Progress() as progress:
        beats = material(finished, data=data, report=progress)
        found = explain_run(finished, beats, method=chosen, rows=rows, seed=seed, report=progress)
        progress("drawing pictures", 0, 1)
        page = report.write_explanation(found, folder, command=command_line())
        progress("drawing pictures", 1, 1)
    axis = axis_of(beats.beats)
    if json:
        import msgspec

        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode(explained_json(found, axis))).decode() + "\n"
        )
        return
    typer.echo(
        f"{report.title(finished)}: {METHODS[method]}\n\n{plain(tables.attributions(found.classes, axis))}"
    )
    typer.echo(f"\n{page}")
