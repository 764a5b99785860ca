"""A journal shown again, as lines."""

import sys
import time
from pathlib import Path

from monitor import journal, lines
from monitor.events import Stream

__all__ = ["replay"]


def replay(path: Path, *, speed: float | None = None, json: bool = False) -> None:
    """Print a journal's events again: as ``--plain`` would have, or as JSON lines.

    Parameters
    ----------
    path
        A journal that `monitor.journal.Journal` wrote, of a run that may have been killed.
    speed
        Times real time by the wall clock of the run; None for all at once. Between two runs of one
        journal nothing is waited for.

    Raises
    ------
    StorageError
        The file is not a journal, or a line in it is not an event.
    """
    plain = lines.Lines()
    rates: dict[str, float] = {}
    previous_ns: int | None = None
    current = 1
    for run, envelope, event in journal.read_runs(path):
        if run != current:  # the one before may have been killed: its beats wait for no label
            _print([] if json else plain.flush())
            plain, rates, previous_ns, current = lines.Lines(), {}, None, run
        time_ns = 0 if envelope.time is None else lines.nanoseconds(envelope.time)
        if speed is not None and previous_ns is not None:
            time.sleep(max(0.0, (time_ns - previous_ns) / 1e9 / speed))
        previous_ns = time_ns
        if isinstance(event, Stream):
            rates[envelope.bed] = event.fs
        if json:
            line = lines.entry(event, bed=envelope.bed, record=envelope.record, time=envelope.time)
            sys.stdout.buffer.write(line + b"\n")
            continue
        fs = rates.get(envelope.bed, 1.0)
        _print(plain.push(envelope.bed, event, time_ns=time_ns, fs=fs))
    if not json:
        _print(plain.flush())
    sys.stdout.flush()


def _print(texts: list[str]) -> None:
    for text in texts:
        sys.stdout.write(text + "\n")
    if texts:
        sys.stdout.flush()
