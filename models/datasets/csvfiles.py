"""The Kaggle CSVs as files: rows of 187 points and a label, no header; reading, checking, writing.

Numbers are written as `numpy.savetxt` does it (``%.18e``), labels as floats, rows in the order of
their labels: the format of the published files. Beside a file may lie another, ``<name>_beats.csv``,
that says of each row which record and patient it is of; the published files have none.
"""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.progress import Report
from monitor.errors import SourceError, StorageError
from monitor.storage import cannot_write, drafted

__all__ = ["N_COLUMNS", "Rows", "read", "refuse_existing", "sidecar", "write"]

N_COLUMNS: Final = 188
_CHUNK: Final = 2000
_SIDE: Final = ("record", "patient")


class Rows(NamedTuple):
    """What a file holds: x of shape (n, 187), labels, records and patients, ``""`` where not told."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    records: NDArray[np.str_]
    patients: NDArray[np.str_]


def read(path: Path, classes: Sequence[str], labels: Sequence[int], report: Report) -> Rows:
    """Read and check a file.

    Parameters
    ----------
    classes
        Their names, in the order of the labels.
    labels
        Those that the file must have, every one of them, and no other.

    Raises
    ------
    SourceError
        The file is missing, a line has not 188 numbers, a point is not from 0 to 1, a label is not one
        of those expected or one of these does not occur: which file, which line, what was expected
        and received.
    """
    chunks: list[NDArray[np.float32]] = []
    told: list[NDArray[np.int64]] = []
    for number, lines in _lines(path, report):
        values = _parsed(path, number, lines)
        _check(path, number, values, labels)
        chunks.append(values[:, :-1].astype(np.float32))
        told.append(values[:, -1].astype(np.int64))
    y = np.concatenate([*told, np.zeros(0, np.int64)])
    for label in labels:
        if not (y == label).any():
            raise SourceError(
                f"{path}: expected beats of every class, received none of {label} ({classes[label]}) "
                f"among {len(y)}"
            )
    x = np.concatenate(chunks)
    records, patients = _beside(path, len(y))
    return Rows(x, y, records, patients)


def sidecar(path: Path) -> Path:
    """Return where the records and patients of a file's rows are said."""
    return path.with_name(f"{path.stem}_beats.csv")


def write(path: Path, beats: BeatSet, report: Report) -> None:
    """Write beats of one channel as such a file, and beside it whose they are.

    Both under a temporary name until they are whole. An existing file is not replaced.

    Raises
    ------
    StorageError
        One of the files exists already, or cannot be written.
    ValueError
        The windows are not of 187 points and one channel.
    """
    if (beats.n_points, beats.n_channels) != (N_COLUMNS - 1, 1):
        raise ValueError(
            f"{path.name}: expected windows of {N_COLUMNS - 1} points and 1 channel, "
            f"received {beats.n_points} points and {beats.n_channels}"
        )
    refuse_existing(path, sidecar(path))
    beats = beats.of(np.argsort(beats.y, kind="stable"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafted(path) as draft:  # it takes its name last: rows have names, or are not there
            _write_rows(draft, beats, lambda done: report(f"writing {path.name}", done, len(beats)))
            with drafted(sidecar(path)) as beside, beside.open("w", newline="", encoding="utf-8") as file:
                lines = csv.writer(file)
                lines.writerow(_SIDE)
                lines.writerows(zip(beats.records.tolist(), beats.patients.tolist(), strict=True))
    except OSError as error:
        raise cannot_write(path, error) from error


def refuse_existing(*paths: Path) -> None:
    """Raise `StorageError` if one of the files exists already."""
    for path in paths:
        if path.exists():
            raise StorageError(f"{path}: expected a file that does not exist yet, received one that does")


def _write_rows(path: Path, beats: BeatSet, report: Callable[[int], None]) -> None:
    """Write points and label of each beat, telling how many are written."""
    with path.open("wb") as file:
        for start in range(0, len(beats), _CHUNK):
            rows = slice(start, start + _CHUNK)
            np.savetxt(file, np.column_stack([beats.x[rows, :, 0], beats.y[rows]]), delimiter=",")
            report(min(start + _CHUNK, len(beats)))


def _lines(path: Path, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Yield lines some thousand at a time, with the number of the first."""
    try:
        size, done, number = path.stat().st_size, 0, 1
        with path.open(encoding="ascii", errors="replace") as file:
            while lines := list(islice(file, _CHUNK)):
                yield number, lines
                number += len(lines)
                done += sum(map(len, lines))
                report(f"reading {path.name}", min(done, size), size)
    except OSError as error:
        raise SourceError(f"{path}: expected a readable file: {error.strerror}") from error


def _parsed(path: Path, number: int, lines: list[str]) -> NDArray[np.float64]:
    """Return the numbers of some lines; where they are not what they should be, say which line."""
    try:
        values = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
        if values.shape == (len(lines), N_COLUMNS):
            return np.asarray(values, dtype=np.float64)
    except ValueError:
        pass
    return np.array([_numbers(path, number + k, line) for k, line in enumerate(lines)])


def _numbers(path: Path, number: int, line: str) -> list[float]:
    cells = line.strip().split(",") if line.strip() else []
    if len(cells) != N_COLUMNS:
        raise SourceError(
            f"{path}, line {number}: expected {N_COLUMNS} columns (187 points and a label), "
            f"received {len(cells)}"
        )
    return [_number(path, number, column, cell) for column, cell in enumerate(cells, start=1)]


def _number(path: Path, number: int, column: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise SourceError(
            f"{path}, line {number}: expected a number in column {column} and no header, "
            f"received {cell[:20]!r}"
        ) from None


def _check(path: Path, number: int, values: NDArray[np.float64], labels: Sequence[int]) -> None:
    points, told = values[:, :-1], values[:, -1]
    wrong = ~((points >= 0) & (points <= 1))  # NaN is wrong too
    if wrong.any():
        row, column = (int(place[0]) for place in np.nonzero(wrong))
        value = float(points[row, column])
        what = "a number" if math.isnan(value) else "a point from 0 to 1"
        raise SourceError(
            f"{path}, line {number + row}: expected {what} in column {column + 1}, received {value:g}"
        )
    unknown = np.flatnonzero(~np.isin(told, labels))
    if len(unknown):
        row = int(unknown[0])
        raise SourceError(
            f"{path}, line {number + row}: expected a label of {', '.join(map(str, labels))} in column "
            f"{N_COLUMNS}, received {told[row]:g}"
        )


def _beside(path: Path, n: int) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return records and patients of each row, as the file beside says; nothing where there is none."""
    side = sidecar(path)
    if not side.is_file():
        return np.zeros(n, dtype="<U1"), np.zeros(n, dtype="<U1")
    try:
        with side.open(newline="", encoding="utf-8") as file:
            header, *lines = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{side}: expected lines of text with commas between, received: {error}") from error
    if tuple(header) != _SIDE or len(lines) != n or any(len(line) != len(_SIDE) for line in lines):
        raise SourceError(
            f"{side}: expected columns {', '.join(_SIDE)} and {n} lines, as {path.name} has, "
            f"received columns {', '.join(header)} and {len(lines)} lines"
        )
    records, patients = (np.array(column) for column in zip(*lines, strict=True))
    return records, patients
