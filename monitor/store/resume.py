"""What an event store knows of a monitor's run before: what the next one begins with."""

import time
from typing import Final

import msgspec
from sqlalchemy import select

from monitor.errors import StorageError
from monitor.handover import TAKEN_UP_S, Bedside, Handover
from monitor.store import read
from monitor.store.database import Store
from monitor.store.schema import runs

__all__ = ["bedside", "handovers"]

_BEDSIDE: Final = msgspec.json.Decoder(dict[str, Bedside])


def handovers(store: Store, *, monitor: str, now_ns: int | None = None) -> dict[str, Handover]:
    """Return by bed what a monitor's run before left for the next.

    Nothing of a run that has been silent for longer than `monitor.handover.TAKEN_UP_S`.

    Parameters
    ----------
    monitor
        Whose, as `monitor.store.writer.Writer` was told.

    Raises
    ------
    StorageError
        The store cannot be read.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    alarms = read.standing(store, monitor=monitor, now_ns=now_ns)
    set_ = bedside(store, monitor=monitor, now_ns=now_ns)
    beds = sorted({*alarms, *set_})
    return {bed: Handover(alarms=alarms.get(bed, ()), bedside=set_.get(bed, Bedside())) for bed in beds}


def bedside(store: Store, *, monitor: str, now_ns: int | None = None) -> dict[str, Bedside]:
    """Return by bed what persons had set when a monitor's newest run wrote last, as far as it stands.

    Raises
    ------
    StorageError
        As `handovers`.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    recent = runs.c.written_ns >= now_ns - round(TAKEN_UP_S * 1e9)
    newest = select(runs.c.bedside).where(runs.c.monitor == monitor, recent).order_by(runs.c.run.desc())
    with store.reading() as connection:
        body = connection.scalar(newest.limit(1))
    try:
        known = _BEDSIDE.decode(body or "{}")
    except msgspec.DecodeError as error:
        raise StorageError(
            f"store {store.name}: what was set at the bedside cannot be read: {error}"
        ) from error
    return {bed: one for bed, one in known.items() if one.stands(now_ns)}
