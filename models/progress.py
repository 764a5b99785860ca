"""What the commands share: reports, a progress bar, an end by Ctrl-C, the command line for the record."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import typer

__all__ = ["Progress", "Report", "command_line", "part", "resumable"]

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


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Let Ctrl-C end a command well, saying so, whose folder the same command goes on with."""
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo(f"stopped: {out} is not finished; the same command goes on with it", err=True)
        raise typer.Exit(0) from error


def command_line() -> str:
    """Return the command line that this process was started with, as one would type it."""
    program = Path(sys.argv[0])
    name = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return shlex.join([*name, *sys.argv[1:]])
