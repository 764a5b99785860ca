"""What a process has of its terminal: its size, and its stops (Ctrl-Z, ``fg``)."""

import contextlib
import os
import shutil
import signal
import sys
from types import FrameType
from typing import Any

__all__ = ["Stops", "terminal_size"]


class Stops:
    """Ctrl-Z and its end. Signals are only noted when they come, so that no drawing is torn apart."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._asked = self._continued = False

    @property
    def pending(self) -> bool:
        """Whether `obey` is to be called, with the terminal given back."""
        return self._asked or self._continued

    def watch(self) -> None:
        """Note stops from now on, where there are any and nobody has decided to ignore them."""
        if not hasattr(signal, "SIGTSTP") or signal.getsignal(signal.SIGTSTP) != signal.SIG_DFL:
            return
        for number in (signal.SIGTSTP, signal.SIGCONT):
            self._before[number] = signal.signal(number, self._note)
            signal.siginterrupt(number, False)  # a terminal taken in the background waits for ``fg``

    def obey(self) -> None:
        """Stop until continued, if that was asked for."""
        asked, self._asked = self._asked, False
        if asked:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTSTP)  # returns when it is over
            signal.signal(signal.SIGTSTP, self._note)
        self._continued = False

    def forget(self) -> None:
        """Let stops be what they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGTSTP:
            self._asked = True
        else:
            self._continued = True


def terminal_size() -> tuple[int, int]:
    """Return (columns, rows): of the terminal itself, which may have been resized, before ``COLUMNS``."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        if columns and rows:
            return columns, rows
    columns, rows = shutil.get_terminal_size()
    return columns, rows
