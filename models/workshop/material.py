"""The beats behind a finished run, found again and checked to be the same."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import datasets
from models.datasets.beatset import BeatSet
from models.datasets.splits import Split, manifest
from models.datasets.wfdb_beats import patient_of
from models.progress import Report
from models.workshop.dual_train import DATASET as SIGNAL
from models.workshop.folder import MANIFEST
from models.workshop.runs import Run
from monitor.errors import ArtifactError

__all__ = [
    "NO_BEATS",
    "Axis",
    "Material",
    "Overlap",
    "axis_of",
    "hears_records",
    "material",
    "overlap",
    "recorded",
]

NO_BEATS: Final = "lstm_dual hears whole records, of which no beats are cut"
_NAMED: Final = 3
"""More people than these are not named."""


class Material(NamedTuple):
    """The beats that a run was given, and how they were divided."""

    beats: BeatSet
    parts: Split


class Overlap(NamedTuple):
    """Who was both trained and tested on.

    Attributes
    ----------
    n_tested
        Patients tested on; None where the source does not say whose the beats are.
    shared
        Those of them who were trained or chosen on too.
    share
        Of the beats tested, those that are of them.
    """

    n_tested: int | None
    shared: tuple[str, ...]
    share: float

    def sentence(self) -> str:
        """Say it, and what it means for the figures."""
        if self.n_tested is None:
            return (
                "The source does not say whose the beats are: whether patients tested on were trained on "
                "too cannot be told."
            )
        tested = f"{self.n_tested} patient{'' if self.n_tested == 1 else 's'}"
        if not self.shared:
            return (
                f"Of the {tested} tested on, none was trained on: the figures are of "
                f"people the network has never seen."
            )
        n = len(self.shared)
        who = f" ({', '.join(self.shared)})" if n <= _NAMED else ""
        meant = (
            "the figures are of people the network knows, and say nothing of others"
            if n == self.n_tested
            else "the figures are in part of people the network knows"
        )
        return (
            f"Of the {tested} tested on, {n}{who} {'was' if n == 1 else 'were'} trained on "
            f"too, with {100 * self.share:.1f} % of the beats tested: {meant}."
        )


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
        There are none, as the network hears whole records; or they are not the same beats, or would not be
        divided as they were.
    SourceError, SettingsError
        They are not to be had; see `models.datasets.load`.
    """
    config = run.config
    if hears_records(run):
        raise ArtifactError(
            f"run {run.folder}: expected a network that is shown the window of a beat, received one that is "
            f"not: {NO_BEATS}. `beatline models evaluate` shows how it finds R peaks and tells normal beats"
        )
    beats = datasets.load(config.dataset, data=data, options=config.options, report=report)
    expected, received = _hashes(run.folder), manifest(beats)["sha256"]
    if expected != received:
        raise ArtifactError(
            f"run {run.folder}: expected the beats it was trained on, sha256 {_short(expected)}, "
            f"received {config.dataset} with {_short(received)}"
        )
    parts = config.divided(beats)
    if not np.array_equal(np.sort(parts.test), np.sort(run.predictions.rows)):
        raise ArtifactError(
            f"run {run.folder}: expected split {config.split} to give the {len(run.predictions.rows)} beats "
            f"it was tested on, received {len(parts.test)} beats, not all the same"
        )
    return Material(beats, parts)


def overlap(found: Material) -> Overlap:
    """Compare those tested on with those trained on."""
    beats, parts = found
    if not beats.knows_patients:
        return Overlap(None, (), 0.0)
    seen = set(beats.patients[np.concatenate((parts.train, parts.validate))].tolist())
    tested = beats.patients[parts.test]
    shared = sorted(set(tested.tolist()) & seen)
    return Overlap(len(set(tested.tolist())), tuple(shared), float(np.isin(tested, shared).mean()))


def hears_records(run: Run) -> bool:
    """Whether a run's network was trained on whole records, not on beats."""
    return run.config.dataset == SIGNAL


def recorded(run: Run) -> Overlap | None:
    """Compare those tested on with those trained on by the records that a run's manifest deals out.

    None where it deals out none, as where beats are dealt out: `overlap` compares these.

    Raises
    ------
    ArtifactError
        The manifest is not what it should be.
    """
    if not hears_records(run):
        return None
    path = run.folder / MANIFEST
    try:
        parts = msgspec.json.decode(path.read_bytes(), type=_Dealt).records
        seen = {patient_of(name) for part in ("train", "validate") for name in parts[part]}
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise ArtifactError(f"manifest {path}: expected records by part, received: {error}") from error
    tested = np.array([patient_of(name) for name in run.predictions.records.tolist()])
    shared = sorted(set(tested.tolist()) & seen)
    return Overlap(len(set(tested.tolist())), tuple(shared), float(np.isin(tested, shared).mean()))


class _Dealt(msgspec.Struct):
    """Of a manifest: the names of the records of each part."""

    records: dict[str, list[str]]


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
