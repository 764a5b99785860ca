"""The annotators that the reference programs were run on, read once."""

import functools
from pathlib import Path

from monitor.records import DS1, DS2, PACED
from monitor.score.marks import Marks, decode
from monitor.score.record import RecordScore, compare

FS, END = 360.0, 650_000
NAMES = tuple(sorted((*DS1, *DS2, *PACED)))
SUFFIXES = {"osea": "atest", "pert": "prt"}


@functools.cache
def reference(databases: Path, name: str) -> Marks:
    """Return a record's reference annotations."""
    return decode((databases / "mitdb" / f"{name}.atr").read_bytes(), name=name)


@functools.cache
def told(databases: Path, annotator: str, name: str) -> Marks:
    """Return what one of the two test annotators says of a record."""
    path = databases / "ec57" / annotator / f"{name}.{SUFFIXES[annotator]}"
    return decode(path.read_bytes(), name=name)


@functools.cache
def scores(databases: Path, annotator: str, start_s: int) -> list[RecordScore]:
    """Return the comparison of all 48 records."""
    return [
        compare(
            name,
            reference(databases, name),
            told(databases, annotator, name),
            fs=FS,
            start=round(start_s * FS),
            end=END,
        )
        for name in NAMES
    ]
