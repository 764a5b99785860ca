"""Running the product as a person does: its own processes, pipes and sockets."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from monitor.app import free_port

__all__ = ["beatline", "free_port", "interrupt", "run"]


@contextlib.contextmanager
def beatline(
    *arguments: str, env: dict[str, str] | None = None, file_kib: int | None = None
) -> "Iterator[subprocess.Popen[str]]":
    """Run a beatline command with its output on pipes; no file may grow beyond ``file_kib``.

    What still runs when the test is over, or has failed, is killed.
    """
    command = [sys.executable, "-m", "monitor", *arguments]
    if file_kib is not None:
        command = ["bash", "-c", f'ulimit -f {file_kib}; exec "$@"', "bash", *command]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        process_group=0,
    )
    try:
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
    finally:
        if process.poll() is None:
            process.kill()


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run a beatline command to its end; return its exit code, output and complaints."""
    with beatline(*arguments, env=env) as process:
        out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def interrupt(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal and return exit code, remaining output and complaints."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def no_records(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which no record can be found: empty folders, no network."""
    return {
        "BEATLINE_DATA": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
