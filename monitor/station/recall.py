"""Strips that an event store has kept: what happened before this station came."""

import time
from collections import deque
from pathlib import Path
from typing import Final

import numpy as np

from monitor.events import Alarm
from monitor.snapshots import BedSnapshot, Mark, Scale
from monitor.station.happenings import AlarmStrip
from monitor.store import read
from monitor.store.database import Store
from monitor.strip import Strip

__all__ = ["recalled"]

_STRIPS: Final = 100
_SINCE_NS: Final = 24 * 3600 * 10**9


def recalled(place: str | Path, *, now_ns: int | None = None) -> list[AlarmStrip]:
    """Return the strips of the last alarms of a day, newest first.

    Parameters
    ----------
    place
        Path of a SQLite file, or a SQLAlchemy URL.

    Raises
    ------
    StorageError
        The store cannot be read.
    """
    store = Store.open(place, create=False)
    try:
        now_ns = time.time_ns() if now_ns is None else now_ns
        query = read.Query(since_ns=now_ns - _SINCE_NS, priorities=("high", "medium"))
        listed = deque(read.alarms(store, query), maxlen=_STRIPS)
        kept = read.strips(store, [(row.run, row.number) for row in listed])
    finally:
        store.close()
    strips = [_strip(row, kept[row.run, row.number]) for row in listed if (row.run, row.number) in kept]
    return [strip for strip in reversed(strips) if strip is not None]


def _strip(row: read.Listed, kept: read.StoredStrip) -> AlarmStrip | None:
    """Return a strip as it is drawn: from sample 0 on."""
    if not isinstance(row.event, Alarm) or not len(kept.samples):
        return None
    bed = BedSnapshot(
        bed=row.bed,
        record=row.record,
        fs=kept.fs,
        leads=kept.leads,
        connection="up",
        learning=False,
        index=len(kept.samples),
        strip=Strip(0, kept.samples),
        scales=tuple(_scale(kept.samples[:, lead]) for lead in range(len(kept.leads))),
        quality=tuple("good" for _ in kept.leads),
        marks=tuple(Mark(sample - kept.start, label) for sample, label in kept.beats),
    )
    return AlarmStrip(row.event, row.time_ns, bed, at=row.sample - kept.start)


def _scale(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Scale:
    known = values[np.isfinite(values)]
    if not len(known):
        return Scale()
    low, high = np.floor(4 * known.min()) / 4, np.ceil(4 * known.max()) / 4
    return Scale(float(min(low, -0.25)), float(max(high, 0.5)))
