"""``beatline models train``: a network of the workshop, or the monitor's own."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from models.evaluate_cli import class_table, record_names
from models.options import (
    ARCHES,
    AUGMENT_HELP,
    LOSS_HELP,
    LOSSES,
    OPTION_HELP,
    FolderOption,
    data_options,
    load_beats,
)
from monitor.errors import SettingsError, StorageError

__all__ = ["register"]

MONITOR: Final = "monitor"
DUAL: Final = "lstm_dual"
"""Trained on whole records rather than on beats, by the recipe of `models.dual_cli`."""

_WORKSHOP: Final = "With --arch: a network of the workshop"
_OWN: Final = "Without: the monitor's own network"

_SHARED: Final = frozenset({"out", "arch", "records", "epochs", "seed", "data"})
_OF_OWN: Final = frozenset({"disturbed", "single", "lone", "retimed", "varied", "moved"})
_OF_DUAL: Final = frozenset({"augment", "loss", "patience", "batch", "learning_rate"})


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Run folder to make, or to go on with.")],
    arch: Annotated[
        str, typer.Option(help=f"monitor, or a network: {', '.join((*ARCHES, DUAL))}.", show_default=True)
    ] = MONITOR,
    records: Annotated[
        str | None,
        typer.Option(help="Records and sets, with commas between. Default: mitdb; monitor: DS1+svdb."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs at most. Default: 30; monitor: 10, of a third each.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything that is random.")] = 1,
    data: FolderOption = None,
    dataset: Annotated[
        str, typer.Option(rich_help_panel=_WORKSHOP, help="wfdb, kachuee, kaggle, ptbxl or ptb.")
    ] = "wfdb",
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", rich_help_panel=_WORKSHOP, help=OPTION_HELP),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=_WORKSHOP, help="Beats at most, evenly out of all.")
    ] = None,
    split: Annotated[
        str, typer.Option(rich_help_panel=_WORKSHOP, help="patients, random, given or fold:K.")
    ] = "patients",
    augment: Annotated[
        str,
        typer.Option(
            rich_help_panel=_WORKSHOP,
            help=AUGMENT_HELP,
        ),
    ] = "",
    select: Annotated[
        str, typer.Option(rich_help_panel=_WORKSHOP, help="ig:60 looks at the 60 points that tell most.")
    ] = "",
    loss: Annotated[LOSSES, typer.Option(rich_help_panel=_WORKSHOP, help=LOSS_HELP)] = "weighted",
    patience: Annotated[
        int,
        typer.Option(min=0, rich_help_panel=_WORKSHOP, help="Epochs without a better loss; 0: no limit."),
    ] = 6,
    batch: Annotated[int, typer.Option(min=1, rich_help_panel=_WORKSHOP, help="Beats per step.")] = 128,
    learning_rate: Annotated[
        float, typer.Option(min=1e-9, rich_help_panel=_WORKSHOP, help="Adam's, at its highest.")
    ] = 1e-3,
    disturbed: Annotated[
        int, typer.Option(min=0, rich_help_panel=_OWN, help="Copies with other leads and noise.")
    ] = 2,
    single: Annotated[
        int, typer.Option(min=0, rich_help_panel=_OWN, help="Copies with each lead alone, in turn.")
    ] = 2,
    lone: Annotated[
        int, typer.Option(min=0, rich_help_panel=_OWN, help="Disturbed copies with one lead alone.")
    ] = 1,
    retimed: Annotated[int, typer.Option(min=0, rich_help_panel=_OWN, help="Copies in other rhythms.")] = 2,
    varied: Annotated[
        int,
        typer.Option(min=0, rich_help_panel=_OWN, help="The same with varied conduction and V runs."),
    ] = 1,
    moved: Annotated[
        int, typer.Option(min=0, rich_help_panel=_OWN, help="Copies with electrodes that move.")
    ] = 2,
) -> None:
    """Train a network and leave a run folder.

    With [bold]--arch[/bold] one of the workshop's, on any data set. Stopped by Ctrl-C or killed, the same
    command goes on after the last whole epoch. The validation part chooses the epoch; the test part is
    told once.

    Without, the monitor's own, cross-validated by patient: about a quarter of an hour on two cores. The
    test records (DS2) are not read, nor does any network see 118 and 119, which noise is tested on.
    OUT/folds holds the networks that left patients out: [bold]beatline label --model OUT/folds[/bold]
    takes for each record one that never saw its patient.

    With [bold]--arch lstm_dual[/bold], the recipe and the defaults of [bold]beatline models dual[/bold].

    Example:  [bold]beatline models train runs/cnn --arch cnn --split patients --augment noise,scale[/bold]

    Example:  [bold]beatline models train runs/first[/bold]
    """
    _refuse_others(context, arch)
    if arch == DUAL:
        _train_dual(context)
        return
    copies = {
        "disturbed": disturbed,
        "single": single,
        "lone": lone,
        "retimed": retimed,
        "varied": varied,
        "moved": moved,
    }
    if arch == MONITOR:
        _train_own(out, records or "DS1+svdb", data, epochs=epochs or 10, seed=seed, **copies)
        return
    options = data_options(option or [], records=records, rows=rows)
    recipe = {"loss": loss, "patience": patience, "batch": batch, "learning_rate": learning_rate}
    named = {"dataset": dataset, "options": options, "split": split, "select": select}
    _train_network(out, data, arch=arch, augment=augment, epochs=epochs or 30, seed=seed, **named, **recipe)


def _refuse_others(context: typer.Context, arch: str) -> None:
    """Raise if an option of the one kind of training is given with the other."""
    if arch not in (MONITOR, *ARCHES, DUAL):
        raise typer.BadParameter(
            f"expected one of {', '.join((MONITOR, *ARCHES, DUAL))}, received {arch!r}", param_hint="--arch"
        )
    for name in _given(context):
        of_other = {MONITOR: name not in _OF_OWN | _SHARED, DUAL: name not in _OF_DUAL | _SHARED}
        if of_other.get(arch, name in _OF_OWN):
            hint = f"--{name.replace('_', '-')}"
            whose = "a network of the workshop: expected --arch with it"
            if name in _OF_OWN:
                whose = f"the monitor's own network: expected no --arch with it, received --arch {arch}"
            elif arch == DUAL:
                whose = f"a network that is told beats: expected another --arch with it, received {arch}"
            raise typer.BadParameter(f"is an option of {whose}", param_hint=hint)


def _given(context: typer.Context) -> list[str]:
    """Return the names of the options on the command line."""
    sources = {name: context.get_parameter_source(name) for name in sorted(context.params)}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def _train_dual(context: typer.Context) -> None:
    """Train the network with two outputs; what is not given has the defaults of its own command."""
    from models.dual_cli import dual

    if context.params["loss"] == "balanced":
        raise typer.BadParameter(
            f"expected weighted, focal or plain with --arch {DUAL}, which is shown whole records, "
            "received balanced",
            param_hint="--loss",
        )
    dual(**{name: context.params[name] for name in _given(context) if name != "arch"})


def _train_network(
    out: Path,
    data: Path | None,
    *,
    augment: str,
    **wanted: Any,  # noqa: ANN401 - fields of a RunConfig, which would load numpy to be named here
) -> None:
    from models.datasets import DATASETS
    from models.progress import Progress, command_line, resumable
    from models.workshop.augment import names_of
    from models.workshop.folder import refuse
    from models.workshop.runs import RunConfig, load_run, train_run

    config = RunConfig(augment=names_of(augment), **wanted)
    if config.dataset not in DATASETS:
        raise SettingsError(
            f"no such data set: expected one of {', '.join(DATASETS)}, received {config.dataset!r}"
        )
    refuse(out)
    with resumable(out):
        beats = load_beats(config.dataset, data, config.options)
        with Progress() as progress:
            train_run(config, beats, out, command=command_line(), report=progress)
    run = load_run(out)
    epochs = min(run.history, key=lambda row: row["val_loss"])["epoch"]
    typer.echo(
        f"{out}: {run.card.n_parameters} parameters, trained on {len(run.card.trained_on)} records, "
        f"best after {epochs:.0f} of {len(run.history)} epochs"
    )
    for name, figures in run.card.metrics.items():
        typer.echo(class_table(name, figures))


def _train_own(out: Path, records: str, data: Path | None, *, epochs: int, seed: int, **copies: int) -> None:
    from models.copies import database
    from models.data import DS1, FOLDS
    from models.progress import Progress, command_line
    from models.recipe import Config
    from models.train import train as run

    if out.exists():
        raise StorageError(
            f"run folder {out}: expected a path that does not exist yet, received one that does"
        )
    names = record_names(records)
    folds = FOLDS if set(DS1) <= set(names) else tuple((name,) for name in names)
    config = Config(
        records=names,
        folds=folds,
        tuned_on=tuple(name for name in names if database(name) == "mitdb") or names,
        epochs=epochs,
        seed=seed,
    )
    config = msgspec.structs.replace(config, **copies)
    with Progress() as progress:
        card = run(config, out, command=command_line(), report=progress, source=data)
    typer.echo(f"{out}: {card.n_parameters} parameters, trained on {len(card.trained_on)} records")
    for name, figures in card.metrics.items():
        typer.echo(class_table(name, figures))
