"""``beatline models infarction`` and ``beatline models transfer``: infarction against normal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from models.options import FolderOption, OptionOption, RowsOption, data_options, load_beats, undivided
from monitor.errors import SettingsError

if TYPE_CHECKING:
    from models.workshop.outcome import Figures

__all__ = ["register"]

_WINDOW: Final = ("fs=250", "n_pre=100", "n_post=140", "scaling=millivolt")
"""From 0.4 s before R to 0.56 s after it, in millivolts: the height of Q and R matters."""

_TITLES: Final = ("record AUC", "fold 10", "record F1", "beat AUC", "beat F1 (MI)")

Folds = Annotated[str, typer.Option(help="all, or those left out in turn, such as 10 or 9,10.")]
Split = Annotated[
    Literal["both", "patients", "random"],
    typer.Option(help="By patient, by beat, or both: the second shows what it hides."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(infarction)
    app.command()(transfer)


def infarction(
    out: Annotated[Path, typer.Argument(help="Folder to make, or to go on with.")],
    dataset: Annotated[
        Literal["ptbxl", "ptb", "kaggle"], typer.Option(help="Where the beats are.")
    ] = "ptbxl",
    folds: Folds = "all",
    split: Split = "both",
    methods: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between; the first is what others are compared with. Default: boosting, "
            "trees, machine, kernels, blend; and morphology for ptbxl, patients unseen."
        ),
    ] = None,
    filters: Annotated[int, typer.Option(min=20, help="Of kernels: random filters a draw.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, help="Of boosting and trees: how many trees.")] = 300,
    option: OptionOption = None,
    rows: RowsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything that is random.")] = 1,
    data: FolderOption = None,
) -> None:
    """Cross-validate infarction against normal: boosting on raw beats, and what is better than it.

    Ten folds, each left out in turn: those published (ptbxl), or of patients dealt out (ptb). A data set
    that does not say whose its beats are (kaggle) can be split by beat only. Morphology looks at whole
    records, and tells those alone. Every fold of every method is kept when it is done; stopped or killed,
    the same command goes on. OUT gets the predictions and results.csv. Half an hour for PTB-XL.

    Example:  [bold]beatline models infarction runs/infarction --folds all[/bold]

    Example:  [bold]beatline models infarction runs/sure --option strict=true[/bold]
    """
    from models.datasets.ptbxl import recordings
    from models.progress import Progress, command_line, resumable
    from models.workshop import infarction as study

    given = list(option or [])
    named = {text.partition("=")[0].strip() for text in given}
    wanted = [text for text in _WINDOW if text.partition("=")[0] not in named]
    if dataset == "kaggle":
        wanted = ["task=infarction"]
    options = undivided(data_options([*wanted, *given], rows=rows))
    with resumable(out):
        beats = load_beats(dataset, data, options)
        splits = _splits(split, study.splits_of(beats))
        config = study.Infarction(
            dataset=dataset,
            options=options,
            methods=study.methods_of(dataset, splits) if methods is None else _names(methods),
            folds=_folds(folds),
            splits=splits,
            sizes=study.Sizes(rounds=rounds, filters=filters),
            seed=seed,
        )
        whole = dataset == "ptbxl" and study.MORPHOLOGY in config.methods
        with Progress() as progress:
            records = recordings(data, options, progress) if whole else None
            found = study.cross_validate(
                config, beats, out, command=command_line(), report=progress, recordings=records
            )
    for how in splits:
        told = [row for row in found if row.split == how]
        lines = [(how, _line(row.method, row.figures, row.fold10)) for row in told]
        if told:
            _show(dataset, told[0].method, lines)
    typer.echo(f"{out / study.RESULTS}")


def transfer(
    out: Annotated[Path, typer.Argument(help="Folder to make, or to go on with.")],
    from_: Annotated[Path, typer.Option("--from", help="Finished run folder of a beat classifier.")],
    dataset: Annotated[
        Literal["ptbxl", "ptb", "kaggle"], typer.Option(help="Where the beats are.")
    ] = "ptbxl",
    mode: Annotated[
        Literal["frozen", "finetune", "scratch", "all"],
        typer.Option(help="A new head on frozen features, all layers trained on, or begun anew."),
    ] = "all",
    share: Annotated[str, typer.Option(help="Percent of the labels learned from.")] = "1,10,100",
    folds: Folds = "10",
    split: Split = "both",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs at most; more steps for small shares.")] = 12,
    option: OptionOption = None,
    rows: RowsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything that is random.")] = 1,
    data: FolderOption = None,
) -> None:
    """Carry what a network learned of arrhythmia over to infarction, as Kachuee et al. 2018 did.

    The beats are cut as the run's were. Each mode learns from a part of the labels (of patients, where
    they are known; the smaller parts lie within the larger); the fold before the one left out chooses the
    epoch. Stopped or killed, the same command goes on; until it is finished results-partial.csv has the
    figures so far. OUT gets results.csv and curve.png.

    Example:  [bold]beatline models transfer runs/moved --from runs/kachuee --dataset ptbxl[/bold]
    """
    from models.progress import Progress, command_line, resumable
    from models.workshop import transfer as study
    from models.workshop.infarction import splits_of
    from models.workshop.runs import load_run

    run = load_run(from_)
    with resumable(out):
        wanted = [*study.window_of(run, dataset), *(option or [])]
        options = undivided(data_options(wanted, rows=rows))
        beats = load_beats(dataset, data, options)
        config = study.Transfer(
            source=run.card.identity,
            dataset=dataset,
            options=options,
            modes=study.MODES if mode == "all" else (mode,),
            shares=_numbers(share, "--share", 1, 100),
            folds=_folds(folds),
            splits=_splits(split, splits_of(beats)),
            epochs=epochs,
            seed=seed,
        )
        with Progress() as progress:
            found = study.transfer(config, run, beats, out, command=command_line(), report=progress)
    lines = [(row.split, _line(f"{row.mode} {row.share} %", row.figures, None)) for row in found]
    _show(dataset, study.COMPARED, lines)
    typer.echo(f"{out / study.RESULTS}  {out / study.PICTURE}")


def _show(dataset: str, compared: str, lines: list[tuple[str, str]]) -> None:
    """Print a table of each split's lines."""
    head = "  ".join(f"{title:<21}" for title in _TITLES)
    for how in dict.fromkeys(split for split, _ in lines):
        whose = "patients unseen" if how == "patients" else "split by beat: the same people on both sides"
        typer.echo(f"{dataset}, {whose}")
        typer.echo(f"  {'':<16}{head}  {'AUC over ' + compared:<22}  records   beats")
        typer.echo("\n".join(line for split, line in lines if split == how))


def _line(name: str, found: "Figures", last: "Figures | None") -> str:
    fold10 = "-" if last is None else str(last.record_auc)
    figures = (found.record_auc, fold10, found.record_f1, found.beat_auc, found.beat_f1)
    cells = "  ".join(f"{figure!s:<21}" for figure in figures)
    return f"  {name:<16}{cells}  {found.gain!s:<22}  {found.n_records:7,}  {found.n_beats:6,}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _folds(text: str) -> tuple[int, ...]:
    from models.workshop.outcome import N_FOLDS

    if text == "all":
        return tuple(range(1, N_FOLDS + 1))
    return _numbers(text, "--folds", 1, N_FOLDS)


def _numbers(text: str, name: str, low: int, high: int) -> tuple[int, ...]:
    """Return whole numbers with commas between, ascending, each once."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and low <= int(part) <= high for part in parts):
        raise typer.BadParameter(
            f"expected whole numbers from {low} to {high} with commas between, received {text!r}",
            param_hint=name,
        )
    return tuple(sorted({int(part) for part in parts}))


def _splits(wanted: str, possible: tuple[str, ...]) -> tuple[str, ...]:
    if wanted == "both":
        return possible
    if wanted not in possible:
        raise SettingsError(
            f"split {wanted}: expected beats that say whose they are, received a data set that does not "
            "(use --split random)"
        )
    return (wanted,)
