"""``beatline models``: argv to settings to one call."""

import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.errors import StorageError

if TYPE_CHECKING:
    from monitor.artifact import Score

__all__ = ["app"]

app = typer.Typer(
    name="models",
    help="Train, evaluate, export and list the networks that label beats.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)

_Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of one database. Default: BEATLINE_DATA, cache, PhysioNet."),
]


@app.command()
def train(
    out: Annotated[Path, typer.Argument(help="Run folder to make; must not exist.")],
    records: Annotated[str, typer.Option(help="DS1, DS1+svdb, or names separated by commas.")] = "DS1+svdb",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs; each shows a third of all copies.")] = 10,
    disturbed: Annotated[int, typer.Option(min=0, help="Copies with other leads and noise.")] = 2,
    single: Annotated[int, typer.Option(min=0, help="Copies with each lead alone, in turn.")] = 2,
    lone: Annotated[int, typer.Option(min=0, help="Disturbed copies with one lead alone.")] = 1,
    retimed: Annotated[int, typer.Option(min=0, help="Copies in other rhythms.")] = 2,
    varied: Annotated[int, typer.Option(min=0, help="The same with varied conduction and V runs.")] = 1,
    moved: Annotated[int, typer.Option(min=0, help="Copies with electrodes that move.")] = 2,
    seed: Annotated[int, typer.Option(help="Fixes everything that is random.")] = 1,
    data: _Data = None,
) -> None:
    """Train the monitor's own network, cross-validated by patient.

    About a quarter of an hour on two cores. The test records (DS2) are not read, nor does any network see
    118 and 119, which noise is tested on. DIR/folds holds the networks that left patients out:
    [bold]beatline label --model DIR/folds[/bold] takes for each record one that never saw its patient.

    Example:  [bold]beatline models train runs/first[/bold]
    """
    from models.copies import database
    from models.data import DS1, FOLDS
    from models.train import Config
    from models.train import train as run

    if out.exists():
        raise StorageError(
            f"run folder {out}: expected a path that does not exist yet, received one that does"
        )
    names = _names(records)
    folds = FOLDS if set(DS1) <= set(names) else tuple((name,) for name in names)
    config = Config(
        records=names,
        folds=folds,
        tuned_on=tuple(name for name in names if database(name) == "mitdb") or names,
        epochs=epochs,
        disturbed=disturbed,
        single=single,
        lone=lone,
        retimed=retimed,
        varied=varied,
        moved=moved,
        seed=seed,
    )
    with _Progress() as progress:
        card = run(config, out, command=_command(), report=progress, source=data)
    typer.echo(f"{out}: {card.n_parameters} parameters, trained on {len(card.trained_on)} records")
    for name, metrics in card.metrics.items():
        _table(name, metrics)


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
    with _Progress() as progress:
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


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Run folder or name of a shipped model.")],
    records: Annotated[str, typer.Option(help="DS1, DS2, svdb or names separated by commas.")] = "DS1",
    data: _Data = None,
) -> None:
    """Score a model on beats found by our detector: Se, +P and F1 per class, and the confusion.

    Both labels of a beat are scored, the confirmed one and the provisional; the confusion is that of
    the confirmed. Beats that the detector missed count nowhere: for the whole chain, score what
    `beatline label` writes. Every run on DS2 belongs into docs/label-runs.md.

    Example:  [bold]beatline models evaluate beat --records DS2[/bold]
    """
    from models import evaluate as scoring
    from models.data import cut, detected, join, read
    from models.train import load, predict
    from monitor.artifact import locate
    from monitor.events import LabelKind
    from monitor.settings import Settings

    network, card = load(locate(model))
    parts = []
    names = _names(records)
    with _Progress() as progress:
        for k, name in enumerate(names):
            recording = read(name, data=data)
            found = detected(recording, recording.signal, Settings(filters=card.band))
            parts.append(cut(recording, recording.signal, found, card.served_window, card.band))
            progress("cutting beats", k + 1, len(names))
    beats = join(parts)
    kinds: tuple[LabelKind, ...] = ("provisional", "confirmed")
    for labels in kinds:
        table = scoring.confusion(beats.labels, scoring.tell(predict(network, beats, labels=labels)))
        _table(f"{records}, detected R, {labels} labels", scoring.scores(table))
    _confusion(table.tolist())


class _Progress:
    """A progress bar on standard error, for what a recipe reports."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bars = Progress(console=Console(stderr=True))
        self._task = self._bars.add_task("starting", total=None)

    def __enter__(self) -> "_Progress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        self._bars.update(self._task, description=what, completed=done, total=total)


def _names(records: str) -> tuple[str, ...]:
    from models.data import DS1, DS2, SVDB

    known = {"DS1": DS1, "DS2": DS2, "svdb": SVDB}
    names: list[str] = []
    for part in records.replace("+", ",").split(","):
        names += known.get(part, (part,))
    return tuple(names)


def _table(title: str, scores: "dict[str, Score]") -> None:
    typer.echo(f"{title}\n       Se     +P     F1   beats")
    for name, score in scores.items():
        typer.echo(f"  {name} {score.se:6.2f} {score.ppv:6.2f} {score.f1:6.2f} {score.n:7d}")


def _confusion(table: list[list[int]]) -> None:
    from monitor.events import CLASSES

    typer.echo("reference \\ told" + "".join(f"{name:>8}" for name in CLASSES))
    for name, row in zip((*CLASSES, "no beat"), table, strict=True):
        typer.echo(f"{name:>16}" + "".join(f"{count:8d}" for count in row))


def _command() -> str:
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


_COMMANDS: Final = (  # one a line
    "models.export_cli",
)
"""Modules with further commands."""

for _name in _COMMANDS:
    import_module(_name).register(app)
