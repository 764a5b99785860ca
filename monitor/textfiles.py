"""Small files for people and programs: tables as CSV, and texts."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.errors import StorageError
from monitor.storage import cannot_write

__all__ = ["make_folder", "write_csv", "write_text"]


def make_folder(path: Path) -> None:
    """Make a folder where there is none yet.

    Raises
    ------
    StorageError
        It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {path}: {error.strerror}") from error


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows under the names of the first; floats with six digits, None as nothing.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write a text.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def _plain(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value
