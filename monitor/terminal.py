"""What a process has of its terminal: its size, its stops (Ctrl-Z, ``fg``), its standard streams."""

import contextlib
import os
import shutil
import signal
import sys
from types import FrameType
from typing import Any, Final

__all__ = ["Stops", "hush_output", "open_streams", "terminal_size"]

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


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


def open_streams() -> None:
    """Give a process that was started with a closed standard stream an empty one.

    Else the next file or socket that it opens takes the stream's number, and what is printed goes there.
    """
    for name, mode in _STREAMS:
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the stream's own
            os.set_inheritable(number, True)  # as standard streams are
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def hush_output() -> None:
    """Drop what is still to be printed: whoever read it has gone."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, sys.stdout.fileno())
        os.close(number)
