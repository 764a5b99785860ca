"""Data sets of beats behind one interface: records, CSVs, rebuilt or found.

`load` returns a `BeatSet`, `models.datasets.splits` divides it. What a data set is, where its labels
come from and what is not known of it stands in the module of each.
"""

import importlib
from pathlib import Path
from typing import Final

from models.datasets.beatset import BeatSet, thinned
from models.datasets.options import DataOptions
from models.progress import Report
from monitor.errors import SettingsError

__all__ = ["DATASETS", "BeatSet", "DataOptions", "load"]

DATASETS: Final = {
    "wfdb": "models.datasets.wfdb_beats",
    "kachuee": "models.datasets.kachuee",
    "kaggle": "models.datasets.kaggle",
    "ptbxl": "models.datasets.ptbxl",
    "ptb": "models.datasets.ptb",
}
"""By name: the module that has ``beats(data, options, report)``."""


def load(
    name: str,
    *,
    data: Path | None = None,
    options: DataOptions = DataOptions(),  # noqa: B008 - frozen
    report: Report | None = None,
) -> BeatSet:
    """Load a data set.

    Parameters
    ----------
    name
        One of `DATASETS`.
    data
        The folder it lies in; None for where such data is kept (see each module).
    options
        What is wanted of it.
    report
        Told how far it has got.

    Raises
    ------
    SettingsError
        There is no such data set, or it has not what the options ask for.
    SourceError
        Its files are missing or not what they should be.
    """
    if name not in DATASETS:
        raise SettingsError(f"no such data set: expected one of {', '.join(DATASETS)}, received {name!r}")
    module = importlib.import_module(DATASETS[name])
    beats: BeatSet = module.beats(data, options, report or _silent)
    return thinned(beats, options.rows)


def _silent(what: str, done: int, total: int) -> None:
    """Report to nobody."""
