"""How long a store remembers: by age and by size, so that it never fills a disk by itself.

What is too old goes first, then the oldest of what is too much. An alarm that stands stays, with its strip.
"""

from typing import Final

from sqlalchemy import Connection, delete, exists, func, or_, select, union_all

from monitor.lines import clock
from monitor.store import schema
from monitor.store.database import Store

__all__ = ["prune", "size_bytes"]

_DAY_NS: Final = 86_400_000_000_000
_EVENT_BYTES: Final = 700
"""A row of events with its indices; measured on SQLite, taken for servers, which do not say."""
_ALARM_BYTES: Final = 900
_MINUTE_BYTES: Final = 250
_ROOM: Final = 0.9
"""Pruned by size, a store is left so full."""
_ROUNDS: Final = 8


def prune(store: Store, *, keep_days: float, max_mib: float, now_ns: int) -> str:
    """Remove what is too old or too much; return a line about the latter, empty where nothing was.

    Raises
    ------
    StorageError
        The store cannot be written.
    """
    with store.writing() as connection:
        removed = _remove(connection, now_ns - round(keep_days * _DAY_NS))
    limit = max_mib * 2**20
    cutoff_ns = None
    for _ in range(_ROUNDS):
        with store.writing() as connection:
            size = size_bytes(store, connection)
            oldest_ns = _boundary(connection, 1 - _ROOM * limit / size) if size > limit else None
            if oldest_ns is None:
                break
            cutoff_ns = oldest_ns
            removed += _remove(connection, cutoff_ns)
    if removed and store.is_sqlite:
        store.shrink()
    if cutoff_ns is None:
        return ""
    return (
        f"store: the limit of {max_mib:g} MiB was reached; what is older than {clock(cutoff_ns)} was removed"
    )


def size_bytes(store: Store, connection: Connection) -> int:
    """Return how much a store holds: of SQLite the pages in use, of a server an estimate from its rows."""
    if store.is_sqlite:
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)
    rows = (
        (schema.events, _EVENT_BYTES),
        (schema.alarms, _ALARM_BYTES),
        (schema.minutes, _MINUTE_BYTES),
    )
    total = 0
    for table, each in rows:
        total += each * (connection.scalar(select(func.count()).select_from(table)) or 0)
    return total + (connection.scalar(select(func.sum(func.length(schema.strips.c.samples)))) or 0)


def _boundary(connection: Connection, share: float) -> int | None:
    """Return the time behind the oldest ``share`` of all rows; None where there is nothing to remove."""
    tables = (schema.events, schema.minutes, schema.strips)
    times = union_all(*(select(table.c.time_ns) for table in tables)).subquery()
    n_rows = connection.scalar(select(func.count()).select_from(times)) or 0
    if not n_rows:
        return None
    nth = min(n_rows - 1, int(n_rows * share))
    at = connection.scalar(select(times.c.time_ns).order_by(times.c.time_ns).offset(nth).limit(1))
    return None if at is None else int(at) + 1


def _remove(connection: Connection, before_ns: int) -> int:
    """Remove what was told before a time, but for alarms that stand, and their strips; return how many."""
    runs, alarms, strips = schema.runs, schema.alarms, schema.strips
    live = select(runs.c.run).where(runs.c.written_ns >= before_ns)
    over = or_(alarms.c.cleared_ns.is_not(None), alarms.c.run.not_in(live))
    stays = exists().where(alarms.c.run == strips.c.run, alarms.c.number == strips.c.number)
    removed = 0
    for table, *which in ((alarms, over), (strips, ~stays), (schema.events,), (schema.minutes,)):
        removed += connection.execute(delete(table).where(table.c.time_ns < before_ns, *which)).rowcount
    return removed + connection.execute(delete(runs).where(runs.c.written_ns < before_ns)).rowcount
