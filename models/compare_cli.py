"""``beatline models compare``: every architecture on the same beats, random split and unseen patients."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from models.options import (
    ARCHES,
    AUGMENT_HELP,
    LOSS_HELP,
    LOSSES,
    FolderOption,
    OptionOption,
    RowsOption,
    data_options,
    load_beats,
)

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["register"]

_QUICK_RECORDS: Final = "106,119,208,209,100,200,213,222"
"""Four of DS1 and four of DS2, with all classes but Q on both sides."""
_OF_MITDB: Final = ("wfdb", "kachuee")
_RECORDS: Final = {"wfdb": "all"}
"""By data set: what is compared on unless something else is asked for; others as `DataOptions` has it."""
_QUICK_ROWS: Final = 2000
_WIDTH: Final = 150
"""Of what is printed where there is no terminal, in characters."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    out: Annotated[Path, typer.Argument(help="Folder to make, or to go on with.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Eight records, few beats, one seed, two epochs: a minute.")
    ] = False,
    arch: Annotated[str, typer.Option(help="Networks, with commas between.")] = ",".join(ARCHES),
    splits: Annotated[
        str, typer.Option(help="Splits, with commas between: random, patients, given, fold:K.")
    ] = "random,patients",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each. Default: 3; 2 for the LSTMs.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs at most of each run. Default: 20.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="wfdb, kachuee, kaggle, ptbxl or ptb.")] = "wfdb",
    records: Annotated[
        str | None, typer.Option(help="Records and sets, with commas between. Default: all 48 of MIT-BIH.")
    ] = None,
    option: OptionOption = None,
    rows: RowsOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Beats per step. Default: 128.")] = None,
    loss: Annotated[LOSSES, typer.Option(help=LOSS_HELP)] = "weighted",
    augment: Annotated[str, typer.Option(help=AUGMENT_HELP)] = "",
    resamples: Annotated[int, typer.Option(min=10, help="Draws of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 1,
    data: FolderOption = None,
) -> None:
    """Compare networks on the same beats: split at random, and on patients never seen.

    All are trained alike. Stopped by Ctrl-C or killed, the same command goes on; networks, splits and
    seeds may be added to a folder, another recipe or other beats are refused. OUT gets a run folder for
    each run, the table as Markdown and CSV, a row per run as CSV, and a picture.

    Example:  [bold]beatline models compare runs/compare --quick[/bold]

    Example:  [bold]beatline models compare runs/compare --arch cnn,kachuee --seeds 1 --epochs 6[/bold]
    """
    from models.progress import Progress, command_line, resumable
    from models.workshop.augment import names_of
    from models.workshop.compare import Comparison, planned
    from models.workshop.compare import compare as run
    from models.workshop.compare_notes import notes
    from models.workshop.compare_table import lines, save, save_runs, table
    from models.workshop.folder import refuse

    wanted = records or (_QUICK_RECORDS if quick and dataset in _OF_MITDB else _RECORDS.get(dataset))
    beats_at_most = rows or (_QUICK_ROWS if quick else None)
    config = Comparison(
        dataset=dataset,
        options=data_options(option or [], records=wanted, rows=beats_at_most),
        epochs=epochs or (2 if quick else 20),
        batch=batch or (32 if quick else 128),
        loss=loss,
        augment=names_of(augment),
        seed=seed,
    )
    n = seeds or (1 if quick else 3)
    plan = planned(_split(arch), _split(splits), first=seed, seeds=n, recurrent=seeds or min(n, 2))
    refuse(out)
    with resumable(out):
        beats = load_beats(dataset, data, config.options)
        with Progress() as progress:
            found = run(
                config,
                plan,
                beats,
                out,
                command=command_line(),
                report=progress,
                each=lambda done: save_runs(done, out),
            )
    told = lines(found, resamples=resamples)
    said = notes(config, found, beats)
    save(told, found, said, out)
    _print(table(told), said)
    typer.echo(f"{out}: {len(found)} runs; comparison.md, comparison.csv, comparison.png, runs.csv")


def _print(shown: "Table", said: list[str]) -> None:
    """Print the table whole, as wide as it is, and what is to be known below."""
    from rich.console import Console

    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)
    with console.capture() as captured:  # a pipe that is closed is the front door's affair
        console.print(shown)
    typer.echo("\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines()) + "\n")
    for note in said:
        typer.echo(textwrap.fill(note, 100, subsequent_indent="  "))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
