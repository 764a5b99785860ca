"""One log for all processes of a run: where it goes travels in the environment."""

import logging
import os
from pathlib import Path

from monitor.errors import StorageError

__all__ = ["choose", "configure"]

_FILE = "BEATLINE_LOG"
_VERBOSE = "BEATLINE_LOG_VERBOSE"
_ROOMS = ("monitor", "models", "sim")
"""Whose log is wanted in full; other libraries' from warnings on."""


def choose(path: Path | None, *, verbose: bool) -> None:
    """Decide where this process and its children log; None: nowhere. Call `configure` next."""
    if path is not None:
        os.environ[_FILE] = str(path.absolute())
        os.environ[_VERBOSE] = "1" if verbose else ""


def configure() -> None:
    """Log as the environment says. Without a file nothing is logged: the terminal is not for logs.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    root = logging.getLogger()
    root.addHandler(logging.NullHandler())
    path = os.environ.get(_FILE)
    if not path:
        return
    try:
        handler = logging.FileHandler(path)
    except OSError as error:
        raise StorageError(f"cannot write the log to {path}: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    level = logging.DEBUG if os.environ.get(_VERBOSE) else logging.INFO
    for room in _ROOMS:
        logging.getLogger(room).setLevel(level)
