"""The figures of an evaluation as tables of texts, for the terminal and for the page."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from models.workshop.evaluation import Evaluation
from models.workshop.explain import Explanation
from models.workshop.material import Axis
from models.workshop.metrics import AVERAGES, PER_CLASS
from models.workshop.runs import Run
from monitor.html_report import Table

__all__ = [
    "MEANING",
    "attributions",
    "classes",
    "classes_narrow",
    "confusion",
    "facts",
    "how_drawn",
    "overall",
    "parts",
    "plain",
    "r_peaks",
    "told",
]

_NAMES: Final = {"precision": "precision", "recall": "recall", "f1": "F1", "auc": "ROC-AUC", "ap": "AP"}
_AREAS: Final = ("auc", "ap")
"""Told as fractions; the others in percent."""
_LINE: Final = 96
"""Characters of a line of text."""
_FEW: Final = 10
"""Intervals from fewer patients are too narrow, and are said to be."""

MEANING: Final = (
    "Precision: of the beats told so, the share that is so. Recall: of the beats that are so, the share told "
    "so. F1: their harmonic mean. ROC-AUC and AP (average precision, the area below the precision-recall "
    "curve): each class against all others, from the probabilities. Macro: the mean over the classes that "
    "the test part has; weighted: by their beats. A dash: undefined, as all of a class without beats and the "
    "precision of one never told (0 in the averages). Calibration error: how far, on average, the probability"
    " of the class told is from the share told rightly (15 bins of equal width)."
)


def overall(found: Evaluation) -> Table:
    """Return what sums all up with intervals; also without people trained on, and for equal shares."""
    names = {"accuracy": "accuracy", "macro f1": "macro F1", "ece": "calibration error"}
    rows = [[title, _value(found, name), _limits(found, name)] for name, title in names.items()]
    head = ["", "%", "95 %"]
    for title, other in (("never seen alone", found.strangers), ("for equal shares", found.equal)):
        if other is not None:
            head.append(title)
            for row, name in zip(rows, names, strict=True):
                value = other.figures[name]
                row.append("-" if value is None else _text(name, value))
    return Table(head, rows)


def classes(found: Evaluation) -> Table:
    """Return the figures of each class and their averages, intervals in the same cells."""
    rows = [
        [*start, *(f"{value} ({limits})" if limits else value for value, limits in pairs)]
        for start, pairs in _rows(found)
    ]
    return Table(_head(found), rows)


def classes_narrow(found: Evaluation) -> Table:
    """Return the same for a terminal: intervals in a row of their own below the values."""
    rows: list[list[str]] = []
    for start, pairs in _rows(found):
        values, limits = zip(*pairs, strict=True)
        rows += [[*start, *values], *([[*[""] * len(start), *limits]] if any(limits) else [])]
    return Table(_head(found), rows)


def confusion(found: Evaluation) -> Table:
    """Return beats by true class (rows) and class told (columns)."""
    names = found.measured.classes
    rows = [
        [name, *(f"{count:,}" for count in row)]
        for name, row in zip(names, found.measured.confusion, strict=True)
    ]
    return Table(["true \\ told", *names], rows)


def parts(found: Evaluation) -> Table | None:
    """Return the beats of each class, and the patients, of each part; None without the beats."""
    if found.material is None:
        return None
    beats, split = found.material
    rows = []
    for name, chosen in zip(("trained on", "chosen by", "tested on"), split, strict=True):
        counts = np.bincount(beats.y[chosen], minlength=len(beats.classes)).tolist()
        people = len(set(beats.patients[chosen].tolist()) - {""})
        told = f"{people:,}" if beats.knows_patients else "-"
        rows.append([name, f"{len(chosen):,}", told, *(f"{count:,}" for count in counts)])
    return Table(["", "beats", "patients", *beats.classes], rows)


def facts(run: Run) -> dict[str, str]:
    """Return what was trained on what, and how."""
    config = run.config
    options = {
        name: value
        for name in config.options.__struct_fields__
        if (value := getattr(config.options, name)) != getattr(type(config.options)(), name)
    }
    told = ", ".join(f"{name} {value}" for name, value in options.items())
    n = len(run.history)
    minutes = sum(row.get("seconds", 0.0) for row in run.history) / 60
    return {
        "run": str(run.folder),
        "network": f"{config.arch}, {run.card.n_parameters:,} parameters, {run.card.identity}",
        "data set": config.dataset + (f" ({told})" if told else ""),
        "split": config.split,
        "augmentation": ", ".join(config.augment) or "none",
        "points selected": config.select or "all",
        "loss": config.loss,
        "epochs": f"{n} of at most {config.epochs}, {minutes:.1f} min; patience {config.patience}",
        "batch, learning rate": f"{config.batch}, {config.learning_rate:g}",
        "seed": str(config.seed),
        "trained by": run.card.command,
        "with": f"beatline {run.card.version}, Keras {run.card.keras}",
    }


def how_drawn(found: Evaluation) -> str:
    """Say what the intervals were drawn over."""
    kind, n = found.drawn.kind, found.drawn.n
    if n < 2:
        return f"No intervals: all beats are of one {kind[:-1]}."
    why = {
        "patients": "beats of one patient are no new evidence",
        "records": "whose they are is not known",
        "beats": "whose they are is not known, so the intervals are too narrow where many are of one person",
    }[kind]
    few = f" From so few {kind} they are rather too narrow." if n < _FEW else ""
    return (
        f"Intervals are 95 %, by {found.resamples:,} bootstrap draws over {n:,} {kind} (seed {found.seed}): "
        f"{why}.{few}"
    )


def r_peaks(found: Evaluation) -> Table | None:
    """Return what the run says of R peaks, a row for each system and start; None where it says nothing."""
    systems = (found.r_peaks or {}).get("systems")
    if not isinstance(systems, Mapping):
        return None
    rows = {
        f"{system}, {start}": figures
        for system, starts in systems.items()
        for start, figures in starts.items()
        if isinstance(figures, Mapping)
    }
    names = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    cells = [[row, *(_cell(figures.get(name)) for name in names)] for row, figures in rows.items()]
    records = (found.r_peaks or {}).get("records", ())
    limits = ", with 95 % intervals over records" if len(records) > 1 else ""
    of = ", ".join(map(str, records))
    return Table(["", *names], cells, f"R peaks and normality, in percent{limits}. Records: {of}.")


def told(found: Evaluation, name: str) -> str:
    """Return a figure by its name, with its interval."""
    value, limits = _value(found, name), _limits(found, name)
    return f"{value} ({limits})" if limits else value


def attributions(found: Sequence[Explanation], axis: Axis) -> Table:
    """Return for each class how many beats were averaged, and where what speaks for it lies."""
    rows = []
    for one in found:
        size = np.abs(one.attribution).sum(axis=1)
        where = ["-", "-"]
        if size.any():
            share = np.cumsum(size) / size.sum()
            first, last = (float(axis.ms[np.searchsorted(share, part)]) for part in (0.25, 0.75))
            where = [f"{axis.ms[np.argmax(one.attribution.sum(axis=1))]:.0f}", f"{first:.0f} to {last:.0f}"]
        rows.append([one.name, one.counted, *where, "-" if one.gap is None else f"{one.gap:.4f}"])
    caption = (
        f"Where most speaks for the class, and where the middle half of what speaks at all lies "
        f"({axis.label}). Gap: how far the sum of the shares is from the probability that they share out."
    )
    return Table(("", "averaged", "most at", "middle half", "gap"), rows, caption)


def _head(found: Evaluation) -> list[str]:
    kinds = [] if found.drawn.kind == "beats" else [found.drawn.kind]
    return ["", "beats", *kinds, *(_NAMES[name] for name in PER_CLASS)]


def _rows(found: Evaluation) -> Iterator[tuple[list[str], list[tuple[str, str]]]]:
    """Yield for each class and average what it is called and counts, and its values with their intervals."""
    truth, drawn = found.run.predictions.truth, found.drawn
    n_counts = 1 if drawn.kind == "beats" else 2
    for k, name in enumerate((*found.measured.classes, *AVERAGES)):
        counts = [""] * n_counts
        if k < len(found.measured.classes):
            here = truth == k
            counts = [f"{here.sum():,}", f"{len(np.unique(drawn.of[here])):,}"][:n_counts]
        names = [f"{name} {what}" for what in PER_CLASS]
        yield [name, *counts], [(_value(found, one), _limits(found, one)) for one in names]


def _cell(figure: object) -> str:
    """Return a count, or a figure with its interval."""
    if isinstance(figure, Mapping):
        low, high = figure.get("low"), figure.get("high")
        limits = "" if low is None or high is None else f" ({low:.2f}–{high:.2f})"
        return "-" if figure.get("value") is None else f"{figure['value']:.2f}{limits}"
    return "-" if figure is None else f"{figure:,}" if isinstance(figure, int) else str(figure)


def _value(found: Evaluation, name: str) -> str:
    value = found.measured.figures[name]
    return "-" if value is None else _text(name, value)


def _limits(found: Evaluation, name: str) -> str:
    limits = found.limits.get(name)
    if limits is None or found.measured.figures[name] is None:
        return ""
    return "–".join(_text(name, value) for value in limits)


def _text(name: str, value: float) -> str:
    return f"{value:.3f}" if name.rsplit(" ", 1)[-1] in _AREAS else f"{100 * value:.2f}"


def plain(table: Table) -> str:
    """Return a table as lines of text, columns aligned."""
    rows = [table.head, *table.rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(table.head))]
    lines = [
        "  ".join(cell.rjust(width) if k else cell.ljust(width) for k, (cell, width) in enumerate(zipped))
        for zipped in (zip(row, widths, strict=True) for row in rows)
    ]
    return "\n".join([*textwrap.wrap(table.caption, _LINE), *(line.rstrip() for line in lines)])
