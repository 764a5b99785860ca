"""Pictures and one page of an evaluation or an explanation, in a folder of their own."""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.workshop import gallery, metrics, pictures, tables, waves
from models.workshop.dual_evaluate import R_PEAKS
from models.workshop.evaluation import Evaluation, as_json
from models.workshop.explanation import Explained, explained_json
from models.workshop.folder import CONFIG, write_json
from models.workshop.material import Material, axis_of
from models.workshop.runs import Run
from monitor.canvas import confusion
from monitor.errors import StorageError
from monitor.html_report import Part, Picture, Section, Stressed, write_page
from monitor.storage import cannot_write

__all__ = [
    "EVALUATION",
    "EXPLANATION",
    "PAGE",
    "folder_of",
    "title",
    "write_evaluation",
    "write_explanation",
]

PAGE: Final = "report.html"
EVALUATION: Final = "evaluation"
EXPLANATION: Final = "explanation"
"""Folders in a run, where these are written unless another is named."""
_FIGURES: Final = {EVALUATION: "metrics.json", EXPLANATION: "explanation.json"}
"""Written first: the mark by which a folder is known as ours, even if the rest was never written ..."""
_MARKS: Final = {
    EVALUATION: {_FIGURES[EVALUATION]: "run", R_PEAKS: "systems"},
    EXPLANATION: {_FIGURES[EXPLANATION]: "run"},
}
"""... and what stands in it; `models.workshop.dual_report` writes beside an evaluation."""
_EXPLAINED: Final = {
    "attribution.png": "What the network's answer rests on, averaged over beats of each class.",
    "information.png": (
        "What each point tells of the class by itself, estimated on the training part: whatever a network "
        "does with it."
    ),
}
"""Pictures of an explanation, and what they show."""
_HOW: Final = {
    "ig": (
        "Integrated gradients: the probability of the class, less that of a flat line at the beat's own "
        "median, is shared out over the points of the window. What the shares do not tell: how long a "
        "padded window is, and what would be so of other beats than these."
    ),
    "gradcam": (
        "Grad-CAM: how strongly the last convolutions that still tell places answer where, weighed by what "
        "they do for the class; from 0 to 1 within each beat, all leads together. It tells only of what "
        "speaks for the class, and no finer than the steps of that layer."
    ),
}
_CURVES: Final = (
    ("roc", "ROC: each class against all others.", ("false positive rate", "recall")),
    (
        "pr",
        "Precision and recall: each class against all others. The thin line is the class's share of the "
        "beats, the precision of a guess.",
        ("recall", "precision"),
    ),
)


def folder_of(run: Path, out: Path | None, kind: str) -> Path:
    """Return the folder for a run's pages: its own, or another that holds nothing else.

    Parameters
    ----------
    run
        Where the run is.
    out
        The other; None for the run's own.
    kind
        `EVALUATION` or `EXPLANATION`.

    Raises
    ------
    StorageError
        The other is there, and neither empty nor one that has such pages already.
    """
    own = run / kind
    if out is None or out.resolve() == own.resolve():
        return own
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or _is_ours(out, kind))):
        raise StorageError(
            f"cannot write {out}: expected no such path, an empty folder or one of an earlier {kind} (with "
            f"{' or '.join(_MARKS[kind])}), received something else"
        )
    return out


def _is_ours(folder: Path, kind: str) -> bool:
    """Whether a folder has pages of a kind, and is no run: one that finds R peaks holds such figures too."""
    if (folder / CONFIG).exists():
        return False
    return any(_says(folder / name, key) for name, key in _MARKS[kind].items())


def _says(path: Path, key: str) -> bool:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(found, dict) and key in found


def title(run: Run) -> str:
    """Return what a page is called."""
    return f"{run.config.arch} on {run.config.dataset}, split {run.config.split}"


def write_evaluation(found: Evaluation, folder: Path, *, command: str) -> Path:
    """Write metrics.json, the pictures and the page that holds them all; return the page.

    Raises
    ------
    StorageError
        They cannot be written.
    """
    measured = found.measured
    _save(folder / _FIGURES[EVALUATION], as_json(found))
    confusion(measured.confusion, measured.classes, measured.classes, folder / "confusion.png")
    pictures.reliability(
        metrics.calibration(found.run.predictions.truth, found.run.predictions.probabilities),
        measured.figures["ece"] or 0.0,
        folder / "calibration.png",
    )
    sections = [
        Section("What was trained", _trained(found)),
        Section("How well it tells", _figures(found)),
        *_r_peaks(found),
        Section(
            "Confusion", [Picture(folder / "confusion.png", "Beats, and their share of the true class.")]
        ),
        Section("Thresholds", _curves(found, folder)),
        Section(
            "Calibration",
            [Picture(folder / "calibration.png", "How sure it is, and how often it is right then.")],
        ),
        *_training(found, folder),
        *_beats(found, folder),
    ]
    write_page(folder / PAGE, title(found.run), sections, command=command)
    return folder / PAGE


def write_explanation(found: Explained, folder: Path, *, command: str) -> Path:
    """Write explanation.json and .npz, the pictures and the page that holds them all; return the page.

    Raises
    ------
    StorageError
        They cannot be written.
    """
    beats, axis = found.material.beats, axis_of(found.material.beats)
    _save(folder / _FIGURES[EXPLANATION], explained_json(found, axis))
    waves.attribution(found.classes, folder / "attribution.png", axis=axis)
    x, y = (rows[found.material.parts.train] for rows in (beats.x, beats.y))
    counts = np.bincount(y, minlength=len(beats.classes)).tolist()
    means = {
        f"{name} ({n:,})": x[y == k].mean(axis=0)
        for k, (name, n) in enumerate(zip(beats.classes, counts, strict=True))
        if n
    }
    waves.profile(found.bits, means, folder / "information.png", axis=axis, entropy=_entropy(found.material))
    _save_arrays(found, axis.ms, folder / "explanation.npz")
    sections = [
        Section(
            "What the network looks at",
            [
                _HOW[found.classes[0].method],
                tables.attributions(found.classes, axis),
                *_explained(folder),
            ],
        ),
        Section("Hits and misses", _gallery(found.run, found.material, folder, seed=found.seed)),
        Section("What was trained", [tables.facts(found.run)]),
    ]
    write_page(folder / PAGE, f"{title(found.run)}: explained", sections, command=command)
    return folder / PAGE


def _trained(found: Evaluation) -> list[Part]:
    table = tables.parts(found)
    return [tables.facts(found.run), *([table] if table else [])]


def _figures(found: Evaluation) -> list[Part]:
    return [
        Stressed(found.leak),
        *([found.balance] if found.balance else []),
        tables.overall(found),
        tables.classes(found),
        tables.how_drawn(found),
        tables.MEANING,
    ]


def _r_peaks(found: Evaluation) -> list[Section]:
    table = tables.r_peaks(found)
    return [Section("R peaks", [table])] if table else []


def _curves(found: Evaluation, folder: Path) -> list[Part]:
    told, measured = found.run.predictions, found.measured
    shown: list[Part] = []
    for (name, caption, labels), curve, area in zip(
        _CURVES, (metrics.roc_curve, metrics.pr_curve), ("auc", "ap"), strict=True
    ):
        lines, shares = {}, {}
        for k, who in enumerate(measured.classes):
            line = curve(told.truth, told.probabilities[:, k], k)
            if line is not None:
                legend = f"{who}  {tables.told(found, f'{who} {area}')}"
                lines[legend], shares[legend] = line, measured.counts[k] / measured.n
        path = folder / f"{name}.png"
        pictures.curves(lines, path, labels=labels, shares=shares if name == "pr" else None)
        shown.append(Picture(path, caption))
    return shown


def _training(found: Evaluation, folder: Path) -> list[Section]:
    if not found.run.history:
        return []
    path = folder / "history.png"
    pictures.history(found.run.history, path)
    return [Section("Training", [Picture(path, "After each epoch; the dotted line marks the best loss.")])]


def _gallery(run: Run, material: Material, folder: Path, *, seed: int) -> list[Part]:
    told = run.predictions
    shown = gallery.choose(told.truth, told.probabilities, told.classes, seed=seed)
    path = folder / "gallery.png"
    gallery.draw(shown, material.beats.x[told.rows], told.records, path, axis=axis_of(material.beats))
    return [
        Picture(
            path,
            "Windows as the network sees them, leads one below another: the true class, the class told and "
            "its probability.",
        )
    ]


def _beats(found: Evaluation, folder: Path) -> list[Section]:
    if found.material is None:
        parts: list[Part] = [f"No beats are shown: {found.without}."]
    else:
        parts = _gallery(found.run, found.material, folder, seed=found.seed)
    explained = _explained(found.run.folder / EXPLANATION)
    return [
        Section("Hits and misses", parts),
        *([Section("What the network looks at", explained)] if explained else []),
    ]


def _explained(folder: Path) -> list[Part]:
    return [
        Picture(folder / name, caption) for name, caption in _EXPLAINED.items() if (folder / name).is_file()
    ]


def _entropy(material: Material) -> float:
    counts = np.bincount(material.beats.y[material.parts.train])
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log2(shares)))


def _save(path: Path, content: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)
    except OSError as error:
        raise cannot_write(path, error) from error


def _save_arrays(found: Explained, ms: NDArray[np.float64], path: Path) -> None:
    arrays = {
        f"{one.name} {what}": getattr(one, what)
        for one in found.classes
        for what in ("mean", "spread", "attribution")
    }
    try:
        np.savez_compressed(path, ms=ms, information_bits=found.bits, **arrays)
    except OSError as error:
        raise cannot_write(path, error) from error
