"""The tables of an event store, their version, and the way from one version to the next.

Portable SQL throughout: whatever SQLAlchemy speaks to. ``docs/store.md`` says what the columns mean.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from monitor import __version__
from monitor.errors import StorageError

__all__ = ["MIGRATIONS", "VERSION", "alarms", "check", "events", "minutes", "prepare", "runs", "strips"]

VERSION: Final = 2


def _with_bedside(connection: Connection) -> None:
    """Version 2 knows what persons have set at a run's beds."""
    connection.execute(text("ALTER TABLE runs ADD COLUMN bedside TEXT NOT NULL DEFAULT '{}'"))


MIGRATIONS: Final[Mapping[int, Callable[[Connection], None]]] = MappingProxyType({1: _with_bedside})
"""What turns a store of version n into one of n + 1, by n. The first version has nothing before it."""

NAME: Final = 64
"""Bed, record and kind are never longer; texts that may be are `Text`."""

metadata = MetaData()

head = Table(
    "beatline_store",
    metadata,
    Column("version", Integer, nullable=False),
    Column("written_by", String(NAME), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("monitor", Text, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("written_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("committed", BigInteger, nullable=False),
    Column("about", Text, nullable=False),
    Column("bedside", Text, nullable=False),
)


def _told(name: str, *columns: "Column[int] | Column[str] | Column[float] | Column[bytes]") -> Table:
    """Return a table of things told: by which run, as its how-many-th, of which bed, when, about what."""
    return Table(
        name,
        metadata,
        Column("run", BigInteger, primary_key=True, autoincrement=False),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("bed", String(NAME), nullable=False),
        Column("record", String(NAME), nullable=False),
        Column("time_ns", BigInteger, nullable=False),
        Column("fs", Float(53), nullable=False),
        Column("sample", BigInteger, nullable=False),
        *columns,
        Index(f"{name}_by_bed", "bed", "time_ns"),
        Index(f"{name}_by_time", "time_ns"),
    )


events = _told(
    "events",
    Column("decided", BigInteger, nullable=False),
    Column("type", String(NAME), nullable=False),
    Column("kind", String(NAME), nullable=False),
    Column("state", String(NAME), nullable=False),
    Column("body", Text, nullable=False),
    Column("alarm_run", BigInteger),
    Column("alarm_number", BigInteger),
)

alarms = _told(
    "alarms",
    Column("kind", String(NAME), nullable=False),
    Column("lead", Integer),
    Column("priority", String(NAME), nullable=False),
    Column("text", Text, nullable=False),
    Column("value", Float(53)),
    Column("state", String(NAME), nullable=False),
    Column("ended_ns", BigInteger),
    Column("duration_s", Float(53)),
    Column("acknowledged_ns", BigInteger),
    Column("acknowledged_by", Text, nullable=False),
    Column("n_reminded", Integer, nullable=False),
    Column("reminded_ns", BigInteger),
    Column("cleared_ns", BigInteger),
    Column("body", Text, nullable=False),
)

minutes = _told(
    "minutes",
    Column("seconds", Integer, nullable=False),
    Column("hr_bpm", Float(53)),
    Column("hr_low_bpm", Float(53)),
    Column("hr_high_bpm", Float(53)),
    *(Column(f"n_{label}", Integer, nullable=False) for label in "nsvfq"),
)

strips = Table(
    "strips",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("fs", Float(53), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("n_samples", Integer, nullable=False),
    Column("leads", Text, nullable=False),
    Column("gain", Float(53), nullable=False),
    Column("samples", LargeBinary(1 << 24), nullable=False),
    Column("beats", Text, nullable=False),
    Index("strips_by_time", "time_ns"),
)


def check(connection: Connection, name: str, *, create: bool) -> int | None:
    """Return the version of the store that a database is; None for an empty one, if that is to become one.

    Raises
    ------
    StorageError
        It is something else, of a newer version, or of one that is too old.
    """
    found = set(inspect(connection).get_table_names())
    if head.name not in found:
        if found:
            some = ", ".join(sorted(found)[:5])
            raise StorageError(
                f"{name} is not an event store: expected one, or an empty database; received tables {some}"
            )
        if not create:
            raise StorageError(f"{name} is not an event store: expected one, received an empty database")
        return None
    row = connection.execute(select(head.c.version, head.c.written_by)).first()
    if row is None:
        raise StorageError(f"{name} is not an event store: expected its version, received none")
    if row.version > VERSION:
        raise StorageError(
            f"store {name} is from a newer beatline: expected schema version {VERSION} or older, "
            f"received {row.version}, written by beatline {row.written_by}"
        )
    if any(step not in MIGRATIONS for step in range(row.version, VERSION)):
        raise StorageError(
            f"store {name} is too old: expected schema version {min([VERSION, *MIGRATIONS])} or newer, "
            f"received {row.version}, written by beatline {row.written_by}"
        )
    return int(row.version)


def prepare(connection: Connection, name: str) -> None:
    """Make an event store of an empty database, or bring an older one up to this version.

    All within the caller's transaction: it happens as a whole or not at all.

    Raises
    ------
    StorageError
        As `check`.
    """
    version = check(connection, name, create=True)
    if version is None:
        metadata.create_all(connection)
        connection.execute(insert(head).values(version=VERSION, written_by=__version__))
        return
    for step in range(version, VERSION):
        MIGRATIONS[step](connection)
    connection.execute(update(head).values(version=VERSION, written_by=__version__))
