"""What records are called: ``208`` is of mitdb, ``svdb/800`` of svdb. In which order names stand."""

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["RecordName", "is_among", "natural"]


class RecordName(NamedTuple):
    """A record's database and its name there; prints as a person writes it."""

    database: str
    record: str

    @classmethod
    def of(cls, name: str) -> "RecordName":
        """Split a name; whether there can be such a record is for `monitor.records.parse` to say.

        Examples
        --------
        >>> RecordName.of("svdb/800")
        RecordName(database='svdb', record='800')
        >>> RecordName.of("208").database
        'mitdb'
        """
        database, _, record = name.rpartition("/")
        return cls(database or "mitdb", record)

    def __str__(self) -> str:
        return self.record if self.database == "mitdb" else f"{self.database}/{self.record}"


def is_among(name: str, names: Iterable[str]) -> bool:
    """Whether a record is one of some; what has a folder to itself (``--data``) goes without its database."""
    return RecordName.of(name).record in {RecordName.of(other).record for other in names}


def natural(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return what names are sorted by: figures count as numbers, whatever came first.

    Examples
    --------
    >>> sorted(["bed-10", "bed-2", "Bed-1"], key=natural)
    ['Bed-1', 'bed-2', 'bed-10']
    """
    parts = re.split(r"(\d+)", name.casefold())  # texts and figures in turn, so like is compared with like
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), name
