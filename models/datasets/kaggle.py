"""The CSVs of Kachuee et al. 2018 as they lie on Kaggle, or as `models.datasets.kachuee` rebuilds them.

``arrhythmia``: ``mitbih_train.csv`` and ``mitbih_test.csv``, labels 0 to 4 for N S V F Q, divided by the
beat as published. ``infarction``: ``ptbdb_normal.csv``, all labels 0, and ``ptbdb_abnormal.csv``, all 1,
not divided.

The published files do not say whose a beat is, so that no split by patient can be made of them: the
same people are on both sides of every split. Files that ``beatline models dataset --out`` wrote do.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from models.datasets import csvfiles
from models.datasets.beatset import BeatSet, join
from models.datasets.cutting import FS_PUBLISHED, KACHUEE, NEXT_RR
from models.datasets.options import DataOptions
from models.progress import Report
from monitor.errors import SourceError
from monitor.events import CLASSES

__all__ = ["FILES", "INFARCTION", "OPTIONS", "beats"]

INFARCTION: Final = ("NORM", "MI")
OPTIONS: Final = ("task",)
"""What may be asked of it: see `models.datasets.check`."""
_FS_PAPER: Final = 125.0
"""What the paper says of both; of the arrhythmia files we know better."""


class _File(NamedTuple):
    """One file: its name, the labels it must have, and which part it is."""

    name: str
    labels: tuple[int, ...]
    part: str


FILES: Final = {
    "arrhythmia": (
        _File("mitbih_train.csv", (0, 1, 2, 3, 4), "train"),
        _File("mitbih_test.csv", (0, 1, 2, 3, 4), "test"),
    ),
    "infarction": (_File("ptbdb_normal.csv", (0,), ""), _File("ptbdb_abnormal.csv", (1,), "")),
}
"""By task: the files."""


def beats(data: Path | None, options: DataOptions, report: Report) -> BeatSet:
    """Read the two files of a task.

    Parameters
    ----------
    data
        The folder they lie in.

    Returns
    -------
    BeatSet
        Of shape (n_beats, 187, 1). ``window`` of ``arrhythmia`` is the nearest that serving can cut, but
        not what it cuts: see `models.datasets.kachuee`; of ``infarction`` there is none, since the monitor
        labels beats.

    Raises
    ------
    SourceError
        No folder is named, or a file is missing or not what it should be.
    """
    files = FILES[options.task]
    if data is None:
        raise SourceError(
            f"data set kaggle: expected --data DIR with {' and '.join(file.name for file in files)}, "
            "received no folder"
        )
    classes = CLASSES if options.task == "arrhythmia" else INFARCTION
    window = KACHUEE if options.task == "arrhythmia" else None
    whole = join([_of_file(data, file, classes, report) for file in files])
    if window is None:
        return replace(whole, fs=_FS_PAPER)
    return replace(whole, window=window, unserved=NEXT_RR)


def _of_file(folder: Path, file: _File, classes: tuple[str, ...], report: Report) -> BeatSet:
    rows = csvfiles.read(folder / file.name, classes, file.labels, report)
    return BeatSet(
        name="kaggle",
        classes=classes,
        fs=FS_PUBLISHED,
        x=rows.x[:, :, np.newaxis],
        y=rows.y,
        patients=rows.patients,
        records=rows.records,
        part=np.full(len(rows.y), file.part),
        window=None,
    )
