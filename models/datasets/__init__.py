"""Data sets of beats behind one interface: records, CSVs, rebuilt or found.

`load` returns a `BeatSet`, `models.datasets.splits` divides it. What a data set is, where its labels
come from and what is not known of it stands in the module of each.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Final

from models.datasets.beatset import BeatSet, thinned
from models.datasets.options import DataOptions
from models.progress import Report
from monitor.errors import SettingsError

__all__ = ["DATASETS", "BeatSet", "DataOptions", "check", "load"]

DATASETS: Final = {
    "wfdb": "models.datasets.wfdb_beats",
    "kachuee": "models.datasets.kachuee",
    "kaggle": "models.datasets.kaggle",
    "ptbxl": "models.datasets.ptbxl",
    "ptb": "models.datasets.ptb",
}
"""By name: the module that has ``beats(data, options, report)``, and ``OPTIONS``, those it uses."""

_OF_ALL: Final = ("rows", "balanced")
"""Options that are about any data set."""


def check(name: str, options: DataOptions) -> None:
    """Refuse what a data set would not heed: `load` itself also takes what old runs were asked for.

    Raises
    ------
    SettingsError
        There is no such data set, or something other than the default is asked that it does not use.
    """
    used = (*_module(name).OPTIONS, *_OF_ALL)
    plain = DataOptions()
    asked = [field for field in options.__struct_fields__ if getattr(options, field) != getattr(plain, field)]
    unused = [field for field in asked if field not in used]
    if unused:
        raise SettingsError(
            f"data set {name}: expected options out of {', '.join(used)}, received {', '.join(unused)}"
        )


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
    beats: BeatSet = _module(name).beats(data, options, report or _silent)
    return thinned(beats, options.rows)


def _module(name: str) -> ModuleType:
    if name not in DATASETS:
        raise SettingsError(f"no such data set: expected one of {', '.join(DATASETS)}, received {name!r}")
    return importlib.import_module(DATASETS[name])


def _silent(what: str, done: int, total: int) -> None:
    """Report to nobody."""
