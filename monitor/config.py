"""What an engine process is told when it is started."""

import os
from pathlib import Path

import msgspec

from monitor.link import endpoint
from monitor.settings import Settings

__all__ = ["Config"]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All that an engine process is told, passed as JSON on its command line.

    Attributes
    ----------
    endpoints, bind
        Where devices publish, and whether the engine's side binds.
    folder
        A folder of this user alone, for the sockets of screens and classifier.
    parent
        The process that starts the engine. It removes the folder; once it is gone, the run ends and the
        engine does.
    model
        Name or folder of the artefact, None for the shipped one.
    journal, record
        File and folder to write to, None for none.
    store
        Path or URL of the event store, None for none.
    until_bye
        End when every bed that ever opened has said good-bye.
    name, attach
        What stations know this monitor by, and where they attach; empty for nowhere.
    allow_control
        Whether a station may acknowledge, pause and set limits.
    """

    endpoints: tuple[str, ...]
    bind: bool
    settings: Settings
    folder: str = ""
    parent: int = 0
    model: str | None = None
    journal: str | None = None
    store: str | None = None
    record: str | None = None
    until_bye: bool = False
    name: str = ""
    attach: tuple[str, ...] = ()
    allow_control: bool = False

    @property
    def link(self) -> str:
        """Where screens attach."""
        return endpoint(Path(self.folder), "link")

    @property
    def orphaned(self) -> bool:
        """Whether whoever started this process is gone, however early that was."""
        return os.getppid() != self.parent
