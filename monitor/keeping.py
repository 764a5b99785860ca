"""What an engine writes to, opened as its configuration says: the journal and the event store.

Both say at once what cannot be written, and both know which alarms stood when the run before ended.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from monitor import __version__, settings
from monitor.config import Config
from monitor.journal import Journal

if TYPE_CHECKING:
    from monitor.store.writer import Writer

__all__ = ["about", "open_journal", "open_store"]


def about(config: Config, *, model: str) -> dict[str, Any]:
    """Return what a run is identified by; ``model`` is the card's identity."""
    told = config.settings
    return {
        "version": __version__,
        "model": model,
        "settings": settings.identity(told),
        "values": msgspec.to_builtins(told),
    }


def open_journal(config: Config, head: Mapping[str, Any]) -> Journal | None:
    """Open the journal, None where none is asked for.

    Raises
    ------
    StorageError
        It cannot be written, or is something else.
    """
    return None if config.journal is None else Journal(Path(config.journal), head=head)


def open_store(config: Config, head: Mapping[str, Any]) -> "Writer | None":
    """Open the event store, None where none is asked for.

    A monitor is known to it by its host and the addresses it listens to: no two have the same at a time.
    Where it connects to devices, others may connect to the same: then by its name too.

    Raises
    ------
    StorageError
        It is something else, or will not let itself be written.
    """
    if config.store is None:
        return None
    from monitor.store.writer import Writer

    names = () if config.bind else (config.name,)
    monitor = " ".join([os.uname().nodename, *names, *config.endpoints])
    return Writer(config.store, about=head, monitor=monitor, limits=config.settings.store)
