"""``beatline models dual`` and ``dual-evaluate``: the network that finds R peaks and tells normality."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from models.options import FolderOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("dual")(dual)
    app.command("dual-evaluate")(dual_evaluate)


def dual(
    out: Annotated[Path, typer.Argument(help="Run folder to make, or to go on with.")],
    records: Annotated[
        str, typer.Option(help="mitdb, mitdb,svdb, or names with commas between; those of DS2 test.")
    ] = "mitdb",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs at most, each of two minutes per stretch.")] = 60,
    patience: Annotated[int, typer.Option(min=0, help="Epochs without a better loss; 0: no limit.")] = 20,
    batch: Annotated[int, typer.Option(min=1, help="Stretches of signal shown at once.")] = 128,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Adam's, at its highest.")] = 3e-3,
    loss: Annotated[
        Literal["weighted", "focal", "plain"],
        typer.Option(help="Cross-entropy, abnormal beats weighing more; or others."),
    ] = "weighted",
    augment: Annotated[
        str, typer.Option(help="Done to what is trained on: flip, noise, stretch, or none.")
    ] = "flip,noise,stretch",
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything that is random.")] = 1,
    data: FolderOption = None,
) -> None:
    """Train the LSTM with two outputs: R peaks as they come, and whether each beat is normal.

    It reads the signal step by step and never ahead, so it can stand in for the monitor's detector:
    [bold]beatline label 100 --detector OUT[/bold]. Stopped by Ctrl-C or killed, the same command goes on
    after the last whole epoch. About twenty minutes on one core.

    Example:  [bold]beatline models dual runs/dual[/bold]
    """
    from models.datasets.options import DataOptions
    from models.progress import Progress, command_line, resumable
    from models.workshop.dual_train import ARCH, DATASET, train_dual
    from models.workshop.folder import refuse
    from models.workshop.runs import RunConfig

    config = RunConfig(
        arch=ARCH,
        dataset=DATASET,
        options=DataOptions(records=records),
        augment=tuple(name for name in augment.split(",") if name not in ("", "none")),
        loss=loss,
        epochs=epochs,
        patience=patience,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
    )
    refuse(out)
    with resumable(out), Progress() as progress:
        folder = train_dual(config, out, command=command_line(), report=progress, data=data)
    _print(_read(folder / "r_peaks.json"))
    typer.echo(f"\n{folder}: beatline models dual-evaluate {folder} puts the monitor's own beside it")


def dual_evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    records: Annotated[
        str | None, typer.Option(help="DS2 or names with commas between. Default: what the run is tested on.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for r_peaks.json and normality.png. Default: RUN/evaluation.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The monitor's network: a name or folder. Default: the shipped one.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap over records.")] = 400,
    data: FolderOption = None,
) -> None:
    """Put a recurrent detector beside the monitor's own line: R peaks and normality on unseen patients.

    R peaks are matched one to one within 150 ms, as EC57 asks; normality is the average precision of S, V
    and F against N, missed beats called normal and false ones counted. Both systems hear the same
    records, from 5:00 and from 0:00.

    Example:  [bold]beatline models dual-evaluate runs/dual[/bold]
    """
    from models.progress import Progress
    from models.workshop.dual_report import hear_systems, write_comparison
    from models.workshop.report import EVALUATION, folder_of

    folder = folder_of(run, out, EVALUATION)
    with Progress() as progress:
        systems = hear_systems(run, records=records, model=model, data=data, report=progress)
        found = write_comparison(systems, folder, resamples=resamples, report=progress)
    _print(found)


def _print(found: dict[str, Any]) -> None:
    from models.workshop.dual_report import table

    typer.echo(table(found))


def _read(path: Path) -> dict[str, Any]:
    import msgspec

    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
