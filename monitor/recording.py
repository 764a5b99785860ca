"""A bed's recording: trouble with it is an alarm, and never in the way of the signal."""

from collections.abc import Callable
from pathlib import Path

from monitor.assemble import Opened
from monitor.errors import StorageError
from monitor.events import Block, Event, Gap
from monitor.recorder import Recorder
from monitor.trouble import Trouble

__all__ = ["Recording"]


class Recording:
    """What is received of one bed, as WFDB records, one for each stream; nothing while there is no folder.

    Parameters
    ----------
    bed
        The bed's name, and the records'.
    folder
        Where to, None for no recording.
    trouble
        Where the alarm stands while it cannot be written; it is tried again.
    fault
        Called with a line when it cannot be written.

    Attributes
    ----------
    failing
        Whether it could not be written when that was tried last.
    """

    def __init__(
        self, bed: str, folder: Path | None, *, trouble: Trouble, fault: Callable[[str], None]
    ) -> None:
        self._bed = bed
        self._folder = folder
        self._trouble = trouble
        self._fault = fault
        self._recorder: Recorder | None = None
        self.failing = False

    def begin(self, opened: Opened) -> None:
        """Begin the record of a new stream."""
        if self._folder is None:
            return
        try:
            self._recorder = Recorder(
                self._folder,
                self._bed,
                fs=opened.fs,
                leads=opened.leads,
                gains=opened.gain,
                baselines=opened.baseline,
            )
        except StorageError as error:
            self._failed(error)

    def keep(self, item: Block | Event) -> None:
        """Add what was received, or told of it."""
        recorder = self._recorder
        if recorder is None:
            return
        if isinstance(item, Block):
            self._try(lambda: recorder.block(item))
        else:
            self._try(lambda: recorder.event(item))

    def lost(self, gap: Gap) -> None:
        """Leave a hole: samples that never came."""
        recorder = self._recorder
        if recorder is not None:
            self._try(lambda: recorder.gap(gap))

    def flush(self) -> None:
        """Bring it up to date on disk; that this works again ends the alarm."""
        if self._recorder is not None and self._try(self._recorder.flush):
            self.failing = False
            self._trouble.stored("recording")

    def close(self) -> None:
        """Close the record of a stream."""
        if self._recorder is not None:
            self._try(self._recorder.close)
        self._recorder = None

    def _try(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except StorageError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: StorageError) -> None:
        self.failing = True
        self._fault(str(error))
        self._trouble.not_stored("recording", str(error))
