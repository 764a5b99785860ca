"""What is read for a comparison: annotation files, files of events."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from monitor import lines
from monitor.errors import SourceError, StorageError
from monitor.events import Alarm, AnyEvent, Beat, LabelledBeat
from monitor.score.marks import Marks, decode
from monitor.score.timing import Timing

__all__ = ["events_of", "marks_of", "timing_of"]


def marks_of(path: Path, *, beatless: bool = False) -> Marks:
    """Read an annotation file.

    Parameters
    ----------
    beatless
        Whether rhythm marks alone will do.

    Raises
    ------
    SourceError
        It is missing, cannot be read, or holds nothing to compare.
    """
    try:
        marks = decode(path.read_bytes(), name=str(path))
    except FileNotFoundError:
        raise SourceError(f"expected annotations in {path}, found no such file") from None
    except OSError as error:
        raise SourceError(f"annotations {path} cannot be read: {error.strerror}") from error
    if marks.n_beats or (beatless and any(True for _ in marks.rhythms())):
        return marks
    wanted = "beats or rhythms" if beatless else "beats"
    raise SourceError(f"annotations {path}: expected {wanted}, found {len(marks)} marks and no beat")


def timing_of(events: Iterable[AnyEvent] | None, *, fs: float, start_s: float) -> Timing | None:
    """Return the delays that events tell, None where there are none."""
    if events is None:
        return None
    delays: dict[str, list[int]] = {"detection": [], "provisional": [], "confirmed": []}
    alarms: Counter[tuple[str, str]] = Counter()
    for event in events:
        if event.sample < start_s * fs:
            continue
        if isinstance(event, Beat):
            delays["detection"].append(event.decided - event.sample)
        elif isinstance(event, LabelledBeat):
            delays["provisional" if event.provisional else "confirmed"].append(event.decided - event.sample)
        elif isinstance(event, Alarm) and event.state == "start":
            alarms[event.kind, event.priority] += 1
    in_ms = {f"{kind}_ms": np.array(samples, np.float64) * (1000 / fs) for kind, samples in delays.items()}
    return Timing(alarms=alarms, **in_ms)


def events_of(path: Path) -> list[AnyEvent] | None:
    """Return the events of a file, None where there is no such file.

    Raises
    ------
    StorageError
        It cannot be read, or a line in it is no event.
    """
    found: list[AnyEvent] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    found.append(lines.parse(line)[1])
                except StorageError as error:
                    raise StorageError(f"{path}, line {number}: {error}") from error
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"events {path} cannot be read: {error.strerror}") from error
    return found
