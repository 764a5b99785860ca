"""Which records a command is about: names, and the sets that everybody uses.

``DS1``, ``DS2``, ``paced`` and ``nonpaced`` are of the MIT-BIH Arrhythmia Database; ``all`` is every
record of the folder or database at hand; the name of a database (``svdb``) is all of that one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monitor.errors import SourceError
from monitor.physionet import DATABASES, DS1, DS2, PACED
from monitor.records import available, parse

__all__ = ["SETS", "chosen", "folder_of"]

SETS: Final = ("all", "DS1", "DS2", "paced", "nonpaced")
"""Names of sets, beside those of databases."""


def chosen(names: Sequence[str], *, data: Path | None = None) -> list[str]:
    """Return the records meant by names and sets, in the order given.

    Parameters
    ----------
    names
        Records such as ``208`` or ``svdb/800``, `SETS`, names of databases, and any of these with
        commas between; none at all is ``all``.
    data
        The folder of one database, None to look where `monitor.records` does.

    Raises
    ------
    SourceError
        A set of which no record is at hand.

    Examples
    --------
    >>> chosen(["100,svdb/800"])
    ['100', 'svdb/800']
    >>> chosen(["paced"])
    ['102', '104', '107', '217']
    """
    wanted = [part.strip() for name in names or ("all",) for part in name.split(",") if part.strip()]
    return [record for name in wanted for record in _members(name, data)]


def folder_of(name: str, data: Path | None) -> Path | None:
    """Return the folder of a record's database, where ``data`` may hold several databases by name.

    Parameters
    ----------
    data
        A folder with databases by name, or the folder of one database, beside which others may lie;
        None is None: `monitor.records` then looks where it always does.
    """
    if data is None:
        return None
    database, record = parse(name)
    for folder in (data / database, data, data.parent / database):
        if (folder / f"{record}.hea").is_file():
            return folder
    return data / database if (data / database).is_dir() else data


def _members(name: str, data: Path | None) -> Sequence[str]:
    fixed = {"DS1": DS1, "DS2": DS2, "paced": PACED}
    if name in fixed:
        return fixed[name]
    if name in ("all", "nonpaced"):
        found = available(data=data)
        return _some([one for one in found if name == "all" or one not in PACED], name)
    if name in DATABASES:
        prefix = "" if data is not None or name == "mitdb" else f"{name}/"
        return _some([f"{prefix}{one}" for one in available(data=data, database=name)], name)
    return (name,)


def _some(found: list[str], name: str) -> list[str]:
    if not found:
        raise SourceError(f"records {name}: expected a folder with records (--data DIR), found none")
    return found
