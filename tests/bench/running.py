"""Processes of the product that benches run: each in a group of its own, ended when the bench is."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from monitor import attach

__all__ = ["START_S", "answering", "process"]

START_S: Final = 400.0
"""On the very first start kernels are compiled."""


@contextlib.contextmanager
def process(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command of the product."""
    child = subprocess.Popen(
        [sys.executable, "-m", "monitor", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()


@contextlib.contextmanager
def answering(name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command that watches beds under a name, once stations can attach to it."""
    with process(*arguments, "--name", name) as child:
        until = time.monotonic() + START_S
        while name not in attach.running():
            if time.monotonic() > until or child.poll() is not None:
                raise SystemExit("the monitor did not come up")
            time.sleep(0.5)
        yield child
