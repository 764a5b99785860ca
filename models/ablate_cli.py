"""``beatline models ablate``: which augmentations help, and which harm."""

from pathlib import Path
from typing import Annotated

import typer

from models.options import (
    ARCHES,
    LOSSES,
    FolderOption,
    OptionOption,
    RowsOption,
    data_options,
    load_beats,
    undivided,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ablate)


def ablate(
    out: Annotated[Path, typer.Argument(help="Folder to make, or to go on with.")],
    arch: Annotated[str, typer.Option(help=f"{', '.join(ARCHES)}.")] = "cnn",
    dataset: Annotated[str, typer.Option(help="wfdb, kachuee, ptbxl or ptb.")] = "wfdb",
    records: Annotated[
        str | None, typer.Option(help="Records and sets, with commas between. Default: DS1 of MIT-BIH.")
    ] = None,
    option: OptionOption = None,
    rows: RowsOption = None,
    augment: Annotated[str, typer.Option(help="Those to try, each alone, with commas between.")] = "all",
    loss: Annotated[LOSSES, typer.Option(help="As for train.")] = "weighted",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each run, neither more nor fewer.")] = 6,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of each; each is judged on other patients.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Beats per step.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything that is random.")] = 1,
    data: FolderOption = None,
) -> None:
    """Train with each augmentation alone and with none, and say which help on patients left out.

    Patients are dealt into as many groups as there are seeds; each run is judged on one. Beats that the
    data set keeps for testing (DS2) have no part. What helps or harms does so with all that were tried
    taken together; what may, on its own. Stopped or killed, the same command goes on. OUT gets a row per
    run, the table and a picture.

    Example:  [bold]beatline models ablate runs/augment --arch cnn --rows 10000 --epochs 6[/bold]
    """
    from models.progress import Progress, command_line, resumable
    from models.workshop import effects
    from models.workshop.ablate import Ablation
    from models.workshop.ablate import ablate as run
    from models.workshop.augment import names_of

    wanted = records or ("DS1" if dataset in ("wfdb", "kachuee") else None)
    config = Ablation(
        arch=arch,
        dataset=dataset,
        options=undivided(data_options(option or [], records=wanted, rows=rows)),
        augment=names_of(augment),
        loss=loss,
        epochs=epochs,
        batch=batch,
        seeds=seeds,
        seed=seed,
    )
    with resumable(out):
        beats = load_beats(dataset, data, config.options)
        with Progress() as progress:
            found = run(config, beats, out, command=command_line(), report=progress)
    told = effects.effects(found)
    effects.save(told, out)
    typer.echo(effects.text(told))
    typer.echo(f"{out}: {len(found)} runs, {found[0].n_patients} or so patients left out of each")
