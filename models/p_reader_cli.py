"""``beatline models p-reader``: the networks that read P waves, for atrial fibrillation."""

from pathlib import Path
from typing import Annotated

import typer

from models.progress import Progress

__all__ = ["p_reader", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("p-reader")(p_reader)


def p_reader(
    out: Annotated[Path, typer.Argument(help="File to write, such as monitor/p_weights.json.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of PTB-XL; BEATLINE_DATA/ptbxl_mi unless given.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times that beats are drawn.")] = 14,
    seed: Annotated[int, typer.Option(help="Fixes everything that is random.")] = 0,
) -> None:
    """Train the networks that read P waves, tell how well one reads patients left out, and write the weights.

    Some ten minutes on two cores. Needs PTB-XL (lead II, see models infarction) and svdb; no record of
    mitdb or vfdb is read.

    Example:  [bold]beatline models p-reader monitor/p_weights.json[/bold]
    """
    from models.p_reader import Config, gather, train, write

    config = Config(epochs=epochs, seed=seed)
    with Progress() as progress:
        trained = train(gather(config, progress, data=data), config, progress)
    write(trained.members, out)
    some, everyone = trained.n_records
    typer.echo(
        f"PTB-XL, patients left out, {some} of {everyone} records in fibrillation; area under the ROC curve\n"
        f"  by beat    {trained.by_beat:.3f}\n"
        f"  by record  {trained.by_record:.3f}\n"
        f"{out}: {len(trained.members)} networks of {sum(array.size for array in trained.members[0])} weights"
    )
