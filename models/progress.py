"""What the commands share: reports, a progress bar on standard error, and the command line for the record."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

__all__ = ["Progress", "Report", "command_line", "part"]

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class Progress:
    """A progress bar on standard error, for what a recipe reports; a context manager to call."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        self._bars = Bars(console=Console(stderr=True))
        self._task = self._bars.add_task("starting", total=None)

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show what is being done, steps done and steps in all."""
        self._bars.update(self._task, description=what, completed=done, total=total)


def part(report: Report, name: str, k: int, n: int) -> Report:
    """Return a report for the k-th of n equal parts of the work."""
    return lambda what, done, total: report(f"{name}: {what}", k * total + done, n * total)


def command_line() -> str:
    """Return the command line that this process was started with, as one would type it."""
    program = Path(sys.argv[0])
    name = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return shlex.join([*name, *sys.argv[1:]])
