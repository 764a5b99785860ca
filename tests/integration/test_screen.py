"""The screen on a real (pseudo-)terminal: up at once, obeys keys, gives the terminal back."""

import fcntl
import os
import pty
import select
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


class Terminal:
    """A beatline command on a pseudo-terminal."""

    def __init__(self, *arguments: str, env: dict[str, str], size: tuple[int, int]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", *arguments],
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
    terminal = Terminal("demo", env=no_records(tmp_path), size=(100, 30))
    yield terminal
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
