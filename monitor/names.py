"""What records are called: ``208`` is of mitdb, ``svdb/800`` of svdb."""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["RecordName", "is_among"]


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
