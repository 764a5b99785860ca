"""Calls spread over processes: in order, and ended together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.spread import spread

_SLEEPERS = """
import signal, sys, time
from pathlib import Path
from monitor.spread import spread

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored

def sleep(path):
    Path(path).touch()
    time.sleep(60)

if __name__ == "__main__":
    try:
        list(spread(sleep, sys.argv[1:], jobs=2))
    except KeyboardInterrupt:
        sys.exit(7)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    """Whatever the number of processes."""
    assert ["1", "2", "3"] == list(spread(str, [1, 2, 3], jobs=jobs))


def test_a_fault_comes_out_as_it_is() -> None:
    """Of the item that raised it."""
    with pytest.raises(ValueError, match="invalid literal"):
        list(spread(int, ["1", "x"], jobs=2))


def test_an_interrupt_ends_all_processes_without_a_word(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group: no traceback of any process, and nobody waits for what runs."""
    script = tmp_path / "sleepers.py"
    script.write_text(_SLEEPERS)
    begun = [tmp_path / "a", tmp_path / "b"]
    command = [sys.executable, str(script), *map(str, begun)]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not all(path.exists() for path in begun) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (7, "") == (process.returncode, errors)
