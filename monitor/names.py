"""What records and beds are called: ``208`` is of mitdb, ``svdb/800`` of svdb. In which order names stand."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["BED", "BED_RULE", "RecordName", "is_among", "is_bed", "natural"]

BED: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
"""What the name of a bed looks like, as a regular expression ..."""
BED_RULE: Final = "1 to 32 of A-Z a-z 0-9 . _ - with a letter or digit first"
"""... and in words."""


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


def is_bed(name: str) -> bool:
    """Whether a device may call a bed so.

    Examples
    --------
    >>> is_bed("bed-3"), is_bed("bed 3")
    (True, False)
    """
    return re.fullmatch(BED, name) is not None


def natural(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return what names are sorted by: figures count as numbers, whatever came first.

    Examples
    --------
    >>> sorted(["bed-10", "bed-2", "Bed-1"], key=natural)
    ['Bed-1', 'bed-2', 'bed-10']
    """
    parts = re.split(r"(\d+)", name.casefold())  # texts and figures in turn, so like is compared with like
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), name
