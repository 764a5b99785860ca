"""What a comparison says: a line per architecture, all splits side by side.

As a table for the terminal, as Markdown for a README, as CSV, and as a picture.
"""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from models.workshop.compare import Result
from models.workshop.seeds import Judged, judge
from monitor.canvas import COLOURS, picture
from monitor.errors import StorageError
from monitor.storage import drafted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

__all__ = ["CLAIMS", "Claim", "Line", "called", "draw", "lines", "markdown", "save", "save_runs", "table"]

COMPARISON: Final = "comparison"
"""Name of what is written, with ``.csv``, ``.md`` and ``.png``."""
EACH: Final = "runs.csv"

_SPLITS: Final = {"random": "random", "patients": "unseen", "given": "as given"}
"""What the splits are called."""
_SHOWN: Final = ("accuracy", "macro f1", "S f1", "V f1", "MI f1")
"""Figures in the table, where the classes have them; the CSV has all."""


_ROOM: Final = 0.15
"""A bar from this length on has room for its figure."""


class Claim(NamedTuple):
    """An accuracy in percent that others state, on beats and a split of their own."""

    accuracy: float
    whose: str


CLAIMS: Final = {
    "cnn_lstm": Claim(98.0, "a well-known project with a CNN and an LSTM: MIT-BIH, split at random"),
    "kachuee": Claim(93.4, "Kachuee et al. 2018: their cut, as many test beats of each class"),
}
"""By architecture; not measured here."""


class Line(NamedTuple):
    """One architecture.

    Attributes
    ----------
    seeds
        How many, by split.
    epochs, minutes
        Mean of a run's training.
    one_ms, many_ms
        Median over the runs.
    figures
        By split, then by name.
    """

    arch: str
    parameters: int
    seeds: dict[str, int]
    epochs: float
    minutes: float
    one_ms: float
    many_ms: float
    figures: dict[str, dict[str, Judged]]


def called(how: str) -> str:
    """Return what a split is called where it is shown."""
    return _SPLITS.get(how, how)


def lines(found: Sequence[Result], *, resamples: int) -> list[Line]:
    """Return what each architecture did, in the order of the results."""
    result = []
    for arch in dict.fromkeys(one.which.arch for one in found):
        mine = [one for one in found if one.which.arch == arch]
        splits: dict[str, list[Result]] = {}
        for one in mine:
            splits.setdefault(one.which.split, []).append(one)
        result.append(
            Line(
                arch=arch,
                parameters=mine[0].run.card.n_parameters,
                seeds={how: len(runs) for how, runs in splits.items()},
                epochs=mean(len(one.run.history) for one in mine),
                minutes=mean(_seconds(one) for one in mine) / 60,
                one_ms=median(one.latency.one_ms for one in mine),
                many_ms=median(one.latency.many_ms for one in mine),
                figures={
                    how: judge([one.told for one in runs], resamples=resamples)
                    for how, runs in splits.items()
                },
            )
        )
    return result


def table(found: Sequence[Line]) -> "Table":
    """Return the table for a terminal, intervals below the figures."""
    from rich import box
    from rich.table import Table

    head, rows = _texts(found)
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for k, name in enumerate(head):
        shown.add_column(name, justify="left" if k == 0 else "right", vertical="top", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    return shown


def markdown(found: Sequence[Line], notes: Sequence[str], *, commands: Sequence[str]) -> str:
    """Return the same table for a README, with the commands above and what is to be known below."""
    head, rows = _texts(found)
    texts = [[cell.replace("\n", "<br>") for cell in row] for row in (head, *rows)]
    texts.insert(1, ["---", *["---:"] * (len(head) - 1)])
    body = "\n".join(f"| {' | '.join(row)} |" for row in texts)
    said = "\n".join(textwrap.fill(f"- {note}", 140, subsequent_indent="  ") for note in notes)
    run = "\n".join(commands)
    return f"```\n{run}\n```\n\n{body}\n\n{said}\n"


def draw(found: Sequence[Line], path: Path) -> None:
    """Draw each figure of each architecture under all splits side by side, with intervals."""
    names, splits = _names(found), _splits(found)
    size = (2.0 + 2.7 * len(names), 1.6 + len(found) * (0.2 + 0.25 * len(splits)))
    with picture(path, columns=len(names), size=size) as (figure, axes):
        for axis, name in zip(axes, names, strict=True):
            _bars(axis, found, name, splits)
            if axis is not axes[0]:
                axis.set_yticklabels([])
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def save(found: Sequence[Line], each: Sequence[Result], notes: Sequence[str], folder: Path) -> None:
    """Write the table as CSV, Markdown and PNG; StorageError if they cannot be written."""
    commands = list(dict.fromkeys(one.run.card.command for one in each))
    try:
        _write_csv(folder / f"{COMPARISON}.csv", _long(found))
        text = markdown(found, notes, commands=commands)
        (folder / f"{COMPARISON}.md").write_text(text, encoding="utf-8")
        save_runs(each, folder)
    except OSError as error:
        raise StorageError(f"comparison {folder}: cannot be written: {error.strerror}") from error
    draw(found, folder / f"{COMPARISON}.png")


def save_runs(found: Sequence[Result], folder: Path) -> None:
    """Write a row per run: all, or none that was not there."""
    rows = []
    for which, run, latency, told in found:
        figures = judge([told], resamples=0)
        rows.append(
            which._asdict()
            | {"parameters": run.card.n_parameters, "epochs": len(run.history)}
            | {"seconds": round(sum(row["seconds"] for row in run.history), 1)}
            | {"one_ms": latency.one_ms, "many_ms": latency.many_ms, "machine": latency.machine}
            | {"beats": len(told.truth), "patients": len(set(told.patients.tolist()))}
            | {name: _percent(figure.value) for name, figure in figures.items()}
        )
    _write_csv(folder / EACH, rows)


def _long(found: Sequence[Line]) -> list[dict[str, Any]]:
    """Return a row per architecture, split and figure."""
    return [
        {
            "arch": line.arch,
            "split": how,
            "figure": name,
            "value": _percent(figure.value),
            "low": _percent(figure.interval and figure.interval[0]),
            "high": _percent(figure.interval and figure.interval[1]),
            "by_seed": " ".join(str(_percent(value)) for value in figure.by_seed),
            "seeds": line.seeds[how],
            "claimed": CLAIMS[line.arch].accuracy if name == "accuracy" and line.arch in CLAIMS else "",
            "parameters": line.parameters,
            "epochs": round(line.epochs, 1),
            "minutes": round(line.minutes, 2),
            "one_ms": round(line.one_ms, 3),
            "many_ms": round(line.many_ms, 2),
        }
        for line in found
        for how, figures in line.figures.items()
        for name, figure in figures.items()
    ]


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with drafted(path) as draft, draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _texts(found: Sequence[Line]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows; a line feed between a figure and its interval."""
    names, splits = _names(found), _splits(found)
    head = ["network", "parameters", "training\nminutes", "1 beat\nms", "1024\nms", "claimed\naccuracy"]
    head += [f"{_title(name)}\n{called(how)}" for name in names for how in splits]
    rows = []
    for line in found:
        claim = CLAIMS.get(line.arch)
        costs = [f"{line.parameters:,}", f"{line.minutes:.1f}", f"{line.one_ms:.2f}", f"{line.many_ms:.0f}"]
        cells = [_cell(line.figures.get(how, {}).get(name)) for name in names for how in splits]
        rows.append([line.arch, *costs, f"{claim.accuracy:.1f}" if claim else "", *cells])
    return head, rows


def _cell(figure: Judged | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    low_high = (
        "" if figure.interval is None else "\n{:.1f}-{:.1f}".format(*(100 * x for x in figure.interval))
    )
    return f"{100 * figure.value:.1f}{low_high}"


def _bars(axis: "Axes", found: Sequence[Line], name: str, splits: Sequence[str]) -> None:
    """Draw one figure; the first architecture at the top, and its splits in their order."""
    height = 0.8 / len(splits)
    for k, how in enumerate(splits):
        for place, line in enumerate(found):
            figure = line.figures.get(how, {}).get(name)
            if figure is None or figure.value is None:
                continue
            at = place - 0.4 + (k + 0.5) * height
            label, colour = called(how) if place == 0 else None, COLOURS[k % len(COLOURS)]
            axis.barh(at, 100 * figure.value, color=colour, height=0.92 * height, label=label)
            if figure.interval is not None:
                axis.plot(100 * np.array(figure.interval), [at, at], color="black", linewidth=1.2)
            _write(axis, figure.value, at, colour)
    if name == "accuracy":
        claimed = [(CLAIMS[line.arch].accuracy, at) for at, line in enumerate(found) if line.arch in CLAIMS]
        if claimed:
            axis.plot(*zip(*claimed, strict=True), "D", color="black", markersize=5, label="claimed")
    axis.set_yticks(range(len(found)), [line.arch for line in found])
    axis.set_ylim(len(found) - 0.5, -0.5)
    axis.set_xlim(0, 100)
    axis.grid(visible=False, axis="y")
    axis.set_title(f"{_title(name)}, %", loc="left")


def _write(axis: "Axes", value: float, at: float, colour: str) -> None:
    """Write a figure into its bar, or behind it where there is no room."""
    inside = value > _ROOM
    axis.text(
        1 if inside else 100 * value + 1,
        at,
        f"{100 * value:.1f}",
        color="white" if inside else "black",
        fontsize=8,
        verticalalignment="center_baseline",
        bbox={"facecolor": colour if inside else "white", "edgecolor": "none", "pad": 0.8},
        zorder=4,
    )


def _names(found: Sequence[Line]) -> list[str]:
    """Return the figures to show: those that any line has a value of."""
    known = {
        name
        for line in found
        for figures in line.figures.values()
        for name, figure in figures.items()
        if figure.value is not None
    }
    return [name for name in _SHOWN if name in known]


def _splits(found: Sequence[Line]) -> list[str]:
    names = dict.fromkeys(how for line in found for how in line.figures)
    return sorted(names, key=lambda how: list(_SPLITS).index(how) if how in _SPLITS else len(_SPLITS))


def _title(name: str) -> str:
    return name.replace("f1", "F1")


def _percent(value: float | None) -> float | str:
    return "" if value is None else round(100 * value, 3)


def _seconds(one: Result) -> float:
    return sum(row["seconds"] for row in one.run.history)
