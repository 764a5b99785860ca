"""A data set as files: CSVs in the Kaggle format, and a manifest beside them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.datasets import csvfiles
from models.datasets.beatset import BeatSet
from models.datasets.kachuee import PUBLISHED_TEST, PUBLISHED_TRAIN
from models.datasets.kaggle import FILES, INFARCTION
from models.datasets.splits import manifest
from models.progress import Report
from monitor.artifact import digest
from monitor.errors import SettingsError
from monitor.storage import cannot_write, drafted

if TYPE_CHECKING:
    from models.datasets import DataOptions

__all__ = ["MANIFEST", "described", "write_folder"]

MANIFEST: Final = "manifest.json"


def described(beats: BeatSet, options: "DataOptions") -> dict[str, Any]:
    """Return the manifest of a set, with what was asked for and, for ``kachuee``, the published counts."""
    import msgspec

    told = {**manifest(beats), "options": msgspec.to_builtins(options)}
    if beats.name == "kachuee":
        counts = {"train": PUBLISHED_TRAIN, "test": PUBLISHED_TEST}
        told["published"] = {
            part: dict(zip(beats.classes, of_part, strict=True)) for part, of_part in counts.items()
        }
    return told


def write_folder(
    folder: Path, beats: BeatSet, options: "DataOptions", *, command: str, report: Report
) -> list[Path]:
    """Write a set of single-lead windows of 187 points as the CSVs of its task, and last its manifest.

    Five classes in parts become ``mitbih_train.csv`` and ``mitbih_test.csv``, NORM and MI become
    ``ptbdb_normal.csv`` and ``ptbdb_abnormal.csv``; beside each, whose the beats are.

    Returns
    -------
    list of Path
        The files, the manifest last.

    Raises
    ------
    SettingsError
        The windows do not fit that format, or a file would lack one of its classes.
    StorageError
        A file exists already, or cannot be written.
    """
    if (beats.n_points, beats.n_channels) != (csvfiles.N_COLUMNS - 1, 1):
        raise SettingsError(
            f"data set {beats.name}: expected windows of {csvfiles.N_COLUMNS - 1} points and 1 lead for a "
            f"CSV, received {beats.n_points} points and {beats.n_channels} leads"
        )
    rows = _rows_of_files(beats)
    paths = [folder / name for name in rows]
    csvfiles.refuse_existing(*paths, *map(csvfiles.sidecar, paths), folder / MANIFEST)
    for name, chosen in rows.items():
        csvfiles.write(folder / name, beats.of(chosen), report)
    told = {
        **described(beats, options),
        "command": command,
        "files": {path.name: digest(path) for path in paths},
    }
    try:
        with drafted(folder / MANIFEST) as draft:
            draft.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder / MANIFEST, error) from error
    return [*paths, folder / MANIFEST]


def _rows_of_files(beats: BeatSet) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each file."""
    by_label = beats.classes == INFARCTION
    rows = {}
    for file in FILES["infarction" if by_label else "arrhythmia"]:
        mine = np.isin(beats.y, file.labels) if by_label else beats.part == file.part
        lacking = [beats.classes[label] for label in file.labels if not (mine & (beats.y == label)).any()]
        if lacking:
            raise SettingsError(
                f"{file.name}: expected beats of every class, received none of {', '.join(lacking)}"
            )
        rows[file.name] = np.flatnonzero(mine)
    return rows
