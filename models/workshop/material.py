"""The beats behind a finished run, found again and checked to be the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import datasets
from models.datasets.beatset import BeatSet
from models.datasets.splits import Split, manifest, split
from models.workshop.runs import Run
from monitor.errors import ArtifactError

__all__ = ["Axis", "Material", "axis_of", "material", "overlap"]

MANIFEST: Final = "manifest.json"

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class Material(NamedTuple):
    """The beats that a run was given, and how they were divided."""

    beats: BeatSet
    parts: Split


class Axis(NamedTuple):
    """Where the points of a window lie: milliseconds, of shape (n_points,), and from what."""

    ms: NDArray[np.float64]
    label: str


def material(run: Run, *, data: Path | None = None, report: Report = lambda *_: None) -> Material:
    """Load the beats that a run was given.

    Parameters
    ----------
    data
        Folder of the data set; None for where such data is kept.

    Raises
    ------
    ArtifactError
        They are not the same beats, or would not be divided as they were.
    SourceError, SettingsError
        They are not to be had; see `models.datasets.load`.
    """
    config = run.config
    beats = datasets.load(config.dataset, data=data, options=config.options, report=report)
    expected, received = _hashes(run.folder), manifest(beats)["sha256"]
    if expected != received:
        raise ArtifactError(
            f"run {run.folder}: expected the beats it was trained on, sha256 {_short(expected)}, "
            f"received {config.dataset} with {_short(received)}"
        )
    parts = split(beats, config.split, seed=config.seed)
    if not np.array_equal(np.sort(parts.test), np.sort(run.predictions.rows)):
        raise ArtifactError(
            f"run {run.folder}: expected split {config.split} to give the {len(run.predictions.rows)} beats "
            f"it was tested on, received {len(parts.test)} beats, not all the same"
        )
    return Material(beats, parts)


def overlap(found: Material) -> str:
    """Say in a sentence whether those tested on were trained on too, from the beats themselves."""
    beats, parts = found
    if not beats.knows_patients:
        return (
            "The source does not say whose the beats are: whether patients tested on were trained on too "
            "cannot be told."
        )
    seen = set(beats.patients[np.concatenate((parts.train, parts.validate))].tolist())
    tested = set(beats.patients[parts.test].tolist())
    shared = sorted(tested & seen)
    if not shared:
        return (
            f"Of the {len(tested)} patients tested on, none was trained on: the figures are of people "
            f"the network has never seen."
        )
    n_beats = int(np.isin(beats.patients[parts.test], shared).sum())
    share = 100 * n_beats / len(parts.test)
    who = f" ({', '.join(shared)})" if len(shared) <= 3 else ""
    meant = (
        "the figures are of people the network knows, and say nothing of others"
        if len(shared) == len(tested)
        else "these figures are in part of people the network knows"
    )
    return (
        f"Of the {len(tested)} patients tested on, {len(shared)}{who} "
        f"{'was' if len(shared) == 1 else 'were'} trained on too, with {share:.1f} % of the beats tested: {meant}."
    )


def axis_of(beats: BeatSet) -> Axis:
    """Return where the points of a window lie: from R where that is known, else from the first point."""
    points = np.arange(beats.n_points)
    if beats.window is None:
        return Axis(1000 * points / beats.fs, "ms from the start of the window")
    return Axis(1000 * (points - beats.window.n_pre) / beats.fs, "ms from R")


def _hashes(folder: Path) -> dict[str, str]:
    path = folder / MANIFEST
    try:
        written: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return {name: str(written["sha256"][name]) for name in ("x", "y")}
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise ArtifactError(f"manifest {path}: expected sha256 of x and y, received: {error!r}") from error


def _short(hashes: dict[str, str]) -> str:
    return " and ".join(f"{name} {value[:12]}..." for name, value in hashes.items())
