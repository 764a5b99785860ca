"""``beatline models evaluate``: a run on its own test part, or a model on beats that our detector finds."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.options import FolderOption

if TYPE_CHECKING:
    from models.workshop.evaluation import Evaluation
    from monitor.artifact import Score

__all__ = ["class_table", "evaluate", "record_names", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[str, typer.Argument(help="Run folder or name of a shipped model.")],
    out: Annotated[
        Path | None, typer.Option(help="Runs: folder for report, pictures and JSON. Default: RUN/evaluation.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Runs: print one JSON object, no tables.")] = False,
    resamples: Annotated[int, typer.Option(min=10, help="Runs: draws of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Runs: of the bootstrap and of the beats shown.")] = 0,
    beats: Annotated[
        bool,
        typer.Option(
            "--beats/--no-beats",
            help="Runs: load the beats again, to show some and to check whose were trained on.",
        ),
    ] = True,
    records: Annotated[
        str | None, typer.Option(help="Others: DS1 (default), DS2, svdb or names separated by commas.")
    ] = None,
    data: FolderOption = None,
) -> None:
    """Tell how well a model tells beats apart.

    A run of the workshop is measured on its own test part: accuracy, precision, recall and F1 per class,
    confusion, ROC, precision-recall, calibration, with 95 % intervals over patients, and a page with
    pictures that needs no other file. Whether patients tested on were trained on too is stated, and what
    is told for equal shares where the test part was made to have as many beats of each class.

    Any other model is scored on beats found by our detector: Se, +P and F1 per class. Both labels of a beat
    are scored, the confirmed one and the provisional; the confusion is that of the confirmed. Beats
    that the detector missed count nowhere: for the whole chain, score what `beatline label` writes.
    Every run on DS2 belongs into docs/label-runs.md.

    Example:  [bold]beatline models evaluate runs/cnn[/bold]

    Example:  [bold]beatline models evaluate beat --records DS2[/bold]
    """
    if not _of_workshop(Path(model)):
        if out is not None or json:
            raise typer.BadParameter(
                f"--out and --json are for runs of the workshop: expected a folder with a config.json and "
                f"predictions, received {model}"
            )
        _detected(model, records or "DS1", data)
        return
    if records is not None:
        raise typer.BadParameter(
            f"a run of the workshop is measured on its own test part: expected no records, "
            f"received {records}",
            param_hint="--records",
        )
    from models.progress import Progress, command_line
    from models.workshop import report
    from models.workshop.evaluation import as_json, beats_of
    from models.workshop.evaluation import evaluate as measure
    from models.workshop.runs import load_run

    run = load_run(Path(model))
    folder = report.folder_of(run.folder, out, report.EVALUATION)
    with Progress() as progress:
        material = beats_of(run, data=data, report=progress) if beats else "the beats were not asked for"
        found = measure(run, found=material, resamples=resamples, seed=seed, report=progress)
        progress("drawing pictures", 0, 1)
        page = report.write_evaluation(found, folder, command=command_line())
        progress("drawing pictures", 1, 1)
    if json:
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(as_json(found))).decode() + "\n")
        return
    typer.echo(_told(found) + f"\n\n{page}")


def record_names(records: str) -> tuple[str, ...]:
    """Return the records that a text names: sets and single ones, with commas or + between."""
    from models.data import DS1, DS2, SVDB

    known = {"DS1": DS1, "DS2": DS2, "svdb": SVDB}
    names: list[str] = []
    for part in records.replace("+", ",").split(","):
        names += known.get(part, (part,))
    return tuple(names)


def class_table(title: str, scores: "dict[str, Score]") -> str:
    """Return Se, +P and F1 of each class as lines of text, a dash where undefined, however long the names."""
    width = max(map(len, scores), default=1)
    lines = []
    for name, score in scores.items():
        told = ("-" if value is None else f"{value:.2f}" for value in (score.se, score.ppv, score.f1))
        lines.append(f"  {name:<{width}} {' '.join(f'{cell:>6}' for cell in told)} {score.n:7d}")
    return "\n".join([title, f"  {'':<{width}}     Se     +P     F1   beats", *lines])


def _of_workshop(folder: Path) -> bool:
    """Whether a folder is the workshop's, finished or not: its configuration names a data set."""
    from models.workshop.studies import config_of

    return "dataset" in config_of(folder)


def _told(found: "Evaluation") -> str:
    """Return what is printed of a run."""
    from models.workshop import tables
    from models.workshop.report import title
    from models.workshop.tables import plain

    said = [text for text in (found.leak, found.balance) if text]
    blocks = [title(found.run), *(textwrap.fill(text, 96) for text in said)]
    shown = [tables.overall(found), tables.classes_narrow(found), tables.confusion(found)]
    peaks = tables.r_peaks(found)
    blocks += map(plain, [*shown, *([peaks] if peaks else [])])
    return "\n\n".join([*blocks, textwrap.fill(tables.how_drawn(found), 96)])


def _detected(model: str, records: str, data: Path | None) -> None:
    """Score a model on beats found by our detector."""
    from models import evaluate as scoring
    from models.data import cut, detected, join, read
    from models.progress import Progress
    from models.train import load, predict
    from monitor.artifact import locate
    from monitor.events import LabelKind
    from monitor.settings import Settings

    network, card = load(locate(model))
    parts = []
    names = record_names(records)
    with Progress() as progress:
        for k, name in enumerate(names):
            recording = read(name, data=data)
            found = detected(recording, recording.signal, Settings(filters=card.band))
            parts.append(cut(recording, recording.signal, found, card.served_window, card.band))
            progress("cutting beats", k + 1, len(names))
    beats = join(parts)
    kinds: tuple[LabelKind, ...] = ("provisional", "confirmed")
    for labels in kinds:
        table = scoring.confusion(beats.labels, scoring.tell(predict(network, beats, labels=labels)))
        typer.echo(class_table(f"{records}, detected R, {labels} labels", scoring.scores(table)))
    typer.echo(_confusion(table.tolist()))


def _confusion(table: list[list[int]]) -> str:
    from monitor.events import CLASSES

    head = "reference \\ told" + "".join(f"{name:>8}" for name in CLASSES)
    rows = [
        f"{name:>16}" + "".join(f"{count:8d}" for count in row)
        for name, row in zip((*CLASSES, "no beat"), table, strict=True)
    ]
    return "\n".join([head, *rows])
