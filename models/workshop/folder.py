"""How a run folder is begun, taken up again or refused; any configuration that is a struct."""

import csv
import datetime
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from monitor import __version__
from monitor.artifact import CARD
from monitor.errors import ArtifactError, StorageError
from monitor.quiet import hushed
from monitor.storage import claimed, drafted

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "HISTORY",
    "MANIFEST",
    "alone",
    "begin",
    "refuse",
    "write_history",
    "write_json",
]

CONFIG: Final = "config.json"
MANIFEST: Final = "manifest.json"
HISTORY: Final = "history.csv"
CHECKPOINT: Final = "checkpoint"
"""A folder, while the run is under way."""


def begin(folder: Path, config: msgspec.Struct, beats: dict[str, Any], *, command: str) -> Path:
    """Make a run folder, or take up an unfinished one; return where its checkpoint lies.

    Parameters
    ----------
    config
        Everything that decides what the run gives.
    beats
        Manifest of the beats it is given.

    Raises
    ------
    ArtifactError
        The folder holds something else, a finished run, or one of another configuration or other beats.
    StorageError
        It cannot be written.
    """
    checkpoint = folder / CHECKPOINT
    wanted = {MANIFEST: beats, CONFIG: msgspec.to_builtins(config)}
    refuse(folder)
    try:
        lacking = [name for name in wanted if not (folder / name).exists()]
        for name in wanted.keys() - set(lacking):
            _same(folder, name, wanted[name])  # before anything is made: a finished study stays as it is
        checkpoint.mkdir(parents=True, exist_ok=True)
        for name in lacking:
            write_json(folder / name, wanted[name])
        if not (folder / "environment.json").exists():
            write_json(folder / "environment.json", _environment(command))
    except OSError as error:
        raise StorageError(f"run folder {folder}: cannot be written: {error.strerror}") from error
    return checkpoint


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Work in a run folder that `begin` gave, as the only process that does.

    Where files cannot be claimed (`monitor.storage.claimed`) nobody is kept out.

    Raises
    ------
    StorageError
        Another process is at work there, or what is done within cannot be written.
    """
    try:
        with (folder / CHECKPOINT / "lock").open("a") as lock:
            if not claimed(lock):
                raise StorageError(
                    f"run folder {folder}: expected no other process at work in it, received one that is"
                )
            yield
    except OSError as error:
        raise StorageError(f"run folder {folder}: cannot be written: {error.strerror or error}") from error


def write_json(path: Path, content: object) -> None:
    """Write a file of JSON: whole, or not at all."""
    with drafted(path) as draft:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def write_history(folder: Path, rows: Sequence[dict[str, float]]) -> None:
    """Write what each epoch gave, a row each: whole, or not at all."""
    with drafted(folder / HISTORY) as draft, draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)


def refuse(folder: Path) -> None:
    """Raise `ArtifactError` unless the folder is new, empty or holds an unfinished run."""
    if folder.is_dir() and (folder / CARD).exists():
        raise ArtifactError(
            f"run folder {folder}: expected one that does not exist yet or is not finished, "
            f"received a finished run"
        )
    ours = (folder / CONFIG).exists() or (folder / CHECKPOINT).exists()
    new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not ours and not new:
        raise ArtifactError(
            f"run folder {folder}: expected one that does not exist yet or an unfinished run, "
            f"received something else"
        )


def _same(folder: Path, name: str, wanted: dict[str, Any]) -> None:
    """Raise unless a file of the folder says what is wanted now."""
    try:
        found = msgspec.json.decode((folder / name).read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ArtifactError(f"run folder {folder}: expected JSON in {name}, received: {error}") from error
    wanted = msgspec.json.decode(msgspec.json.encode(wanted), type=dict[str, Any])
    other = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    if other:
        expected = ", ".join(f"{key} {found.get(key)!r}" for key in other)
        received = ", ".join(f"{key} {wanted.get(key)!r}" for key in other)
        raise ArtifactError(
            f"run folder {folder}: it was begun otherwise ({name}): expected {expected}; received {received}"
        )


def _environment(command: str) -> dict[str, str]:
    with hushed():
        import keras
    return {
        "beatline": __version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
    }
