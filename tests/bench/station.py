"""What a station costs, on a pseudo-terminal and a real monitor.

    python -m tests.bench.station keys --beds 16          # from a key to the screen
    python -m tests.bench.station bytes --beds 8          # written to the terminal
    python -m tests.bench.station memory --beds 16 --speed 10 --minutes 45

Simulated beds that play 208, a monitor and the station run as processes of their own, as ``beatline demo``
and ``beatline station`` run them. A terminal's own time to draw is not in it.
"""

import argparse
import contextlib
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

import numpy as np
import psutil

from tests.bench import running

_SETTLE_MIN = 5.0
_DRAWN = b"\x1b[?2026l"


class Terminal:
    """A station on a pseudo-terminal of so many columns and rows."""

    def __init__(self, monitor: str, size: tuple[int, int], *options: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        command = [sys.executable, "-m", "monitor", "station", monitor, "--silent", *options]
        environ = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, process_group=0
        )
        os.close(theirs)

    def read(self, seconds: float) -> bytes:
        """Return what is written within so long, as soon as there is any."""
        readable, _, _ = select.select([self._ours], [], [], seconds)
        return os.read(self._ours, 1 << 20) if readable else b""

    def drain(self, seconds: float) -> tuple[int, int]:
        """Read for so long; return how many bytes came, in how many pictures."""
        until, n, pictures = time.monotonic() + seconds, 0, 0
        while (left := until - time.monotonic()) > 0:
            body = self.read(left)
            n += len(body)
            pictures += body.count(_DRAWN)
        return n, pictures

    def press(self, key: str) -> None:
        """Type."""
        os.write(self._ours, key.encode())

    def time_to(self, wanted: bytes, *, seconds: float = 20.0) -> float:
        """Return how long it takes until something is written."""
        began, seen = time.monotonic(), b""
        while wanted not in seen:
            if time.monotonic() - began > seconds:
                raise SystemExit(f"{wanted!r} did not come within {seconds} s")
            seen += self.read(0.1)
        return time.monotonic() - began

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        os.close(self._ours)


@contextlib.contextmanager
def ward(beds: int, speed: float) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a monitor of simulated beds; yield its name once it answers."""
    name = f"bench-{os.getpid()}"
    demo = ("demo", "--plain", "--beds", str(beds), "--speed", str(speed))
    with running.answering(name, *demo) as child:
        yield name, child


def live(terminal: Terminal) -> None:
    """Wait until beds are drawn, and what was loading has loaded."""
    terminal.time_to(b"live", seconds=running.START_S)
    terminal.drain(15.0)


def keys(told: argparse.Namespace) -> None:
    """Enlarge a bed and go back, again and again: both draw nearly every cell anew."""
    times = []
    with ward(told.beds, told.speed) as (name, _), contextlib.closing(Terminal(name, told.size)) as terminal:
        live(terminal)
        for i in range(told.presses):
            key, wanted = (str(1 + i // 2 % 9), b"not in sight") if i % 2 == 0 else ("0", b"read only")
            terminal.drain(0.11 + 0.37 * (i * 0.618 % 1.0))
            terminal.press(key)
            times.append(1000 * terminal.time_to(wanted))
    median, p99 = np.percentile(times, [50, 99])
    print(
        f"{told.beds} beds, {told.size[0]}x{told.size[1]}, {len(times)} keys: median {median:.0f} ms, "
        f"p99 {p99:.0f} ms, longest {max(times):.0f} ms; load {os.getloadavg()[0]:.1f}"
    )


def written(told: argparse.Namespace) -> None:
    """Count what the terminal is sent while nobody touches it."""
    with ward(told.beds, told.speed) as (name, _), contextlib.closing(Terminal(name, told.size)) as terminal:
        live(terminal)
        n, pictures = terminal.drain(told.seconds)
    print(
        f"{told.beds} beds, {told.size[0]}x{told.size[1]}, {told.seconds:g} s: "
        f"{n / 1024 / told.seconds:.1f} KiB/s in {pictures / told.seconds:.1f} pictures/s"
    )


def memory(told: argparse.Namespace) -> None:
    """Watch resident memory of the station and of all of the monitor's processes."""
    with (
        ward(told.beds, told.speed) as (name, child),
        contextlib.closing(Terminal(name, told.size)) as terminal,
    ):
        live(terminal)
        began, rows = time.monotonic(), []
        while (minutes := (time.monotonic() - began) / 60) < told.minutes:
            station = psutil.Process(terminal.process.pid).memory_info().rss
            monitor = sum(p.memory_info().rss for p in psutil.Process(child.pid).children(recursive=True))
            rows.append((minutes, station / 2**20, monitor / 2**20))
            terminal.drain(10.0)
    table = np.array(rows)
    after = table[table[:, 0] >= min(_SETTLE_MIN, told.minutes / 3)]
    for title, column in (("station", 1), ("monitor", 2)):
        first, least, most = after[0, column], after[:, column].min(), after[:, column].max()
        print(
            f"{title}: {first:.1f} MiB after {after[0, 0]:.1f} min, then {least:.1f} to {most:.1f}, "
            f"{after[-1, column]:.1f} at {after[-1, 0]:.1f} min: {100 * (most / first - 1):+.1f} % at most"
        )


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("keys", "bytes", "memory"))
    parser.add_argument("--beds", type=int, default=8)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--size", type=_size, default=(200, 50), help="COLSxROWS")
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--minutes", type=float, default=45.0)
    told = parser.parse_args()
    {"keys": keys, "bytes": written, "memory": memory}[told.what](told)


def _size(text: str) -> tuple[int, int]:
    columns, rows = text.split("x")
    return int(columns), int(rows)


if __name__ == "__main__":
    main()
