"""Studies of many trainings: how a folder of one is told from a run's, and what lies in it.

A study has no network of its own, and so no card: it is finished once its table is there and its
checkpoint is gone.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from models.workshop.folder import CHECKPOINT, CONFIG

__all__ = ["Study", "config_of", "study_of"]


class _Kind(NamedTuple):
    """What a study is called, the fields of its configuration that no other has, its table, and its rest."""

    name: str
    fields: frozenset[str]
    table: str
    rest: str


_KINDS: Final = (
    _Kind("ablation", frozenset({"arch", "seeds"}), "effects.csv", "a row per run in results.csv"),
    _Kind("cross-validation", frozenset({"methods", "folds"}), "results.csv", "predictions in parts"),
    _Kind("transfer", frozenset({"source", "modes"}), "results.csv", "predictions in parts"),
)
_COMPARISON: Final = _Kind(
    "comparison",
    frozenset({"dataset", "loss"}),
    "comparison.md",
    "its runs in runs/NAME, each a run's folder",
)


class Study(NamedTuple):
    """A folder of a study: which kind, whether it is finished, and in words what it is and where to look."""

    kind: str
    finished: bool
    said: str


def study_of(folder: Path) -> Study | None:
    """Return what study a folder holds; None if it holds none, such as a run."""
    fields = config_of(folder).keys()
    kinds = (*_KINDS, *(() if "arch" in fields else (_COMPARISON,)))
    kind = next((kind for kind in kinds if kind.fields <= fields), None)
    if kind is None:
        return None
    if (folder / kind.table).is_file() and not (folder / CHECKPOINT).exists():
        return Study(kind.name, True, f"a finished {kind.name}, whose table is {kind.table}; {kind.rest}")
    said = f"a {kind.name} that is not finished; the command that began it goes on with it"
    return Study(kind.name, False, said)


def config_of(folder: Path) -> dict[str, Any]:
    """Return what a folder was asked for, whatever it holds; nothing where that cannot be read."""
    try:
        found = msgspec.json.decode((folder / CONFIG).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}
