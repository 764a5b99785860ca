"""``beatline models``: argv to settings to one call."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from models.progress import Progress

__all__ = ["app"]

app = typer.Typer(
    name="models",
    help="Train, evaluate, export and list the networks that label beats.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)


@app.command()
def verifier(
    out: Annotated[Path, typer.Argument(help="File to write, such as monitor/qrs_weights.json.")],
    folds: Annotated[
        Path | None,
        typer.Option(help="Folder for the weights of each fold, as label --detector takes it."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Times the detector is run with what it learned.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that run the detector.")] = 2,
    seed: Annotated[int, typer.Option(help="Fixes everything that is random.")] = 0,
) -> None:
    """Train the QRS detector's verifier, cross-validated by patient, and write its weights.

    Three to ten minutes on two cores. Needs mitdb, svdb and nstdb (BEATLINE_DATA, cache or PhysioNet);
    the test records (DS2) are not read.

    Example:  [bold]beatline models verifier monitor/qrs_weights.json --folds runs/detector[/bold]
    """
    from models.copies import database
    from models.verifier import Config
    from models.verifier import train as run
    from models.weights import write, write_folds

    config = Config(rounds=rounds, seed=seed)
    with Progress() as progress:
        trained = run(config, jobs=jobs, report=progress)
    write(trained.network, out)
    if folds is not None:
        write_folds(trained, folds, names=[config.left_out(k) for k in range(len(config.folds))])
    typer.echo(
        "From 5:00, by networks that never saw the patient:\n                        beats    FN    FP"
    )
    for group in ("mitdb", "svdb"):
        told = [errors for name, errors in trained.errors.items() if database(name) == group]
        strains = ["as it is", *(f"motion {snr_db:g} dB" for snr_db in config.strain_db)]
        for strain, errors in zip(strains, zip(*told, strict=True), strict=True):
            counts = [sum(column) for column in zip(*errors, strict=True)]
            typer.echo(f"  {group:<6} {strain:<13}" + "".join(f"{count:7d}" for count in counts))
    typer.echo(f"{out}: {sum(array.size for array in trained.network)} weights")


_COMMANDS: Final = (  # one a line
    "models.evaluate_cli",
    "models.explain_cli",
    "models.dataset_cli",
    "models.train_cli",
    "models.transfer_cli",
    "models.ablate_cli",
    "models.export_cli",
    "models.dual_cli",
    "models.compare_cli",
)
"""Modules with further commands."""

for _name in _COMMANDS:
    import_module(_name).register(app)
