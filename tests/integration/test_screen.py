"""The screen on a real (pseudo-)terminal: up at once, obeys keys, gives the terminal back."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.processes import no_records

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


_SCREEN = """
from monitor.screen import Screen
from monitor.settings import DisplaySettings

screen = Screen(DisplaySettings(), ascii_only=True, picture=None, size=None)
while "q" not in screen.keys(0.02):
    screen.tick()
screen.close()
"""
"""The screen alone, of a ward without beds: no engine to wait for."""


class Terminal:
    """A Python program, such as ``-m monitor demo``, on a pseudo-terminal."""

    def __init__(
        self, *arguments: str, env: dict[str, str], size: tuple[int, int], keyboard: bool = True
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._theirs = theirs
        self.resize(*size)
        self.before = termios.tcgetattr(theirs)
        command = [sys.executable, *arguments]
        if not keyboard:
            command = ["bash", "-c", 'exec "$@" <&-', "bash", *command]
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **env},
            process_group=0,
        )
        self.written = b""

    def read_until(self, wanted: bytes, *, seconds: float = 60.0) -> float:
        """Collect what is written until ``wanted`` is in it; return how long that took."""
        began = time.monotonic()
        while wanted not in self.written:
            left = began + seconds - time.monotonic()
            readable, _, _ = select.select([self._ours], [], [], max(0.0, left))
            if not readable:
                raise AssertionError(f"{wanted!r} did not come within {seconds} s: {self.written[-2000:]!r}")
            self.written += os.read(self._ours, 65536)
        return time.monotonic() - began

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        """Return the terminal's modes now."""
        return list(termios.tcgetattr(self._theirs))

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """Yield a demo of the synthetic patient on 100x30."""
    terminal = Terminal("-m", "monitor", "demo", env=no_records(tmp_path), size=(100, 30))
    yield terminal
    terminal.close()


@pytest.fixture
def screen() -> Iterator[Terminal]:
    """Yield a screen of no beds on 100x30, where another size had been exported long ago."""
    terminal = Terminal("-c", _SCREEN, env={"COLUMNS": "90", "LINES": "20"}, size=(100, 30))
    yield terminal
    terminal.close()


def footer(n_rows: int) -> bytes:
    """Return how a painter goes to the last row of a frame."""
    return f"\x1b[{n_rows};".encode()


def test_the_screen_follows_the_terminal_whatever_columns_says(screen: Terminal) -> None:
    """The terminal's own size counts, now and after each resize; an exported COLUMNS is of the past."""
    screen.read_until(footer(30))
    assert footer(40) not in screen.written
    screen.resize(120, 40)
    screen.read_until(footer(40))
    screen.resize(24, 10)
    screen.read_until(b"terminal too small")
    screen.press("q")
    screen.read_until(LEAVE)
    assert screen.process.wait(30) == 0


def test_ctrl_z_gives_the_terminal_back_until_the_screen_goes_on(screen: Terminal) -> None:
    """Stopped: the shell's screen, with echo. Continued: no echo, and all of it drawn anew. Twice."""
    for _ in range(2):
        screen.read_until(footer(30))
        silent = screen.modes()
        assert silent != screen.before
        screen.process.send_signal(signal.SIGTSTP)
        screen.read_until(LEAVE)
        _, status = os.waitpid(screen.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert screen.modes() == screen.before

        screen.written = b""
        screen.process.send_signal(signal.SIGCONT)
        screen.read_until(ENTER)
        screen.read_until(footer(30))
        assert screen.modes() == silent
    screen.press("q")
    assert screen.process.wait(30) == 0
    assert screen.modes() == screen.before


def test_a_screen_that_was_stopped_unasked_is_drawn_anew(screen: Terminal) -> None:
    """After SIGSTOP the shell has written over everything: nothing is taken for granted."""
    screen.read_until(footer(30))
    screen.process.send_signal(signal.SIGSTOP)
    os.waitpid(screen.process.pid, os.WUNTRACED)
    screen.written = b""
    screen.process.send_signal(signal.SIGCONT)
    screen.read_until(ENTER)
    screen.read_until(footer(30))


def test_a_screen_without_a_keyboard_is_drawn() -> None:
    """Standard input closed by whoever started it: no keys, and no traceback."""
    terminal = Terminal("-c", _SCREEN, env={}, size=(100, 30), keyboard=False)
    try:
        terminal.read_until(footer(30))
        assert terminal.process.poll() is None
        assert b"Traceback" not in terminal.written
    finally:
        terminal.close()


def test_the_screen_is_up_at_once_shows_the_patient_and_gives_the_terminal_back(demo: Terminal) -> None:
    """The first frame waits for nothing; q ends with 0 and leaves the terminal as it was."""
    demo.read_until(ENTER)
    demo.read_until(b"beatline")
    assert b"synthetic" not in demo.written  # nothing has been waited for
    demo.read_until(b"synthetic")
    demo.read_until(b" live ")  # beats have been found
    assert demo.modes() != demo.before  # no echo meanwhile
    demo.press("a")
    demo.press("q")
    demo.read_until(LEAVE)
    assert demo.process.wait(30) == 0
    assert demo.modes() == demo.before


def test_a_screen_whose_engine_dies_says_so_until_somebody_ends_it(demo: Terminal) -> None:
    """Law 8: the alarm stands on the screen; the exit code is 1."""
    import psutil

    demo.read_until(b"synthetic")
    for child in psutil.Process(demo.process.pid).children():
        if any("monitor.engine" in word for word in child.cmdline()):
            child.kill()
    demo.read_until(b"THE MONITOR HAS STOPPED")
    assert demo.process.poll() is None
    demo.press("q")
    assert demo.process.wait(30) == 1
    assert demo.modes() == demo.before
