"""An event store: a SQLite file, or a database that a URL names.

SQLite keeps a write-ahead log and synchronises it at every commit (``synchronous=FULL``): what was
confirmed as committed survives the kill of the process and the loss of power. ``NORMAL`` would survive
the former alone; the price is one ``fsync`` a batch, paid by the thread that writes. PostgreSQL gives
the same with ``synchronous_commit = on``, which is asked for at every connection.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from monitor.errors import StorageError
from monitor.store import schema

__all__ = ["Store", "UnavailableError"]

_BUSY_S: Final = 5.0
"""How long a statement waits for another process that writes to the same file ..."""
_HURRY_S: Final = 0.5
"""... and how long where a person waits with it: the commits of another monitor take some milliseconds."""
_LAST_PORT: Final = 65535
_PASSWORD: Final = re.compile(r"(?<=[^/]):[^/].*@")
_CONNECT_S: Final = 5
"""How long a server may take to answer."""
_REFUSED: Final = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied",
    "access denied",
    "unknown database",
    "readonly",
    "unable to open database file",
    "invalid port number",
    "not a database",
    "malformed",
)
"""What a database says when waiting will not help."""


class UnavailableError(StorageError):
    """A store that cannot be used now but may later: locked, full, or its server gone."""


class Store:
    """A database with the tables of `monitor.store.schema`; connections are made when needed.

    Use `open`; the constructor neither connects nor checks.

    Attributes
    ----------
    name
        The place in words, without a password.
    """

    def __init__(self, place: str | Path) -> None:
        url = _url(place)
        self.path = _file(url)
        self.name = str(self.path) if self.path else url.render_as_string(hide_password=True)
        self._engine = _engine(url, self.name)
        self._busy_s = _BUSY_S
        if self.is_sqlite:
            event.listen(self._engine, "do_connect", self._connecting)
        self._reading = self._engine.execution_options(beatline_reading=True)
        self._inode = 0

    @classmethod
    def open(cls, place: str | Path, *, create: bool = True) -> Self:
        """Open a store; one of an older version is brought up to this one.

        Parameters
        ----------
        place
            A path of a SQLite file, or a SQLAlchemy URL.
        create
            Make what does not exist, folders included.

        Raises
        ------
        UnavailableError
            It is locked or full, or its server does not answer: it may work later.
        StorageError
            It cannot be opened, is not an event store, or is from a newer version.
        """
        store = cls(place)
        try:
            store.prepare(create=create)
        except BaseException:
            store.close()
            raise
        return store

    def prepare(self, *, create: bool = True) -> None:
        """Do what `open` does; raises as it does."""
        if self.path is not None:
            _check_file(self.path, create=create)
            self._engine.dispose()  # connections to a file that stood there before
        with self.reading() as connection:
            version = schema.check(connection, self.name, create=create)
        if version != schema.VERSION:
            with self.writing() as connection:
                schema.prepare(connection, self.name)
            if self.is_sqlite:
                self._pragma("journal_mode=WAL")  # not before it is known to be ours
        self._inode = self._found()

    @property
    def moved(self) -> bool:
        """Whether the file was taken away or put another in its place since `prepare`."""
        return self._inode != self._found()

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Within it, wait only briefly for another process that writes to the same file."""
        self._busy_s = _HURRY_S
        try:
            yield
        finally:
            self._busy_s = _BUSY_S
            self._engine.dispose()  # connections that were made meanwhile would stay in a hurry

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose transaction is committed at the end, or taken back if that fails.

        Raises
        ------
        StorageError
            The database refuses; `UnavailableError` where a later try may do.
        """
        with self._faults(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees the store as it is at its first question.

        Raises
        ------
        StorageError
            As `writing`.
        """
        with self._faults(), self._reading.connect() as connection:
            yield connection

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self._engine.dialect.name == "sqlite"

    def shrink(self) -> None:
        """Give the pages that were freed back to the disk; a server does so by itself."""
        if self.is_sqlite:
            self._pragma("incremental_vacuum", "wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _pragma(self, *pragmas: str) -> None:
        """Give SQLite orders outside a transaction, where alone it heeds them."""
        with (
            self._faults(),
            self._engine.execution_options(beatline_bare=True).connect() as connection,
        ):
            driver: Any = connection.connection.driver_connection
            driver.executescript("".join(f"PRAGMA {pragma};" for pragma in pragmas))  # each to its end

    def _connecting(self, *asked: Any) -> None:  # noqa: ANN401  dialect, record, and the driver's arguments
        *_, given = asked
        given["timeout"] = self._busy_s

    def _found(self) -> int:
        """Return what identifies the file that stands there now, 0 where there is none."""
        try:
            return self.path.stat().st_ino if self.path else 0
        except OSError:
            return 0

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            text = _said(error)
            kind = StorageError if any(word in text.lower() for word in _REFUSED) else UnavailableError
            if "not a database" in text:
                raise StorageError(
                    f"{self.name} is not an event store: expected a SQLite database, received another file"
                ) from error
            raise kind(f"store {self.name}: {text}") from error


def _url(place: str | Path) -> URL:
    text = str(place)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StorageError(
            "store address: expected a path or a URL such as postgresql://user@host/name, "
            f"received {_PASSWORD.sub(':***@', text)!r}"
        ) from error
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise StorageError(f"store address: expected a port from 1 to {_LAST_PORT}, received {url.port}")
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:":
        raise StorageError("store address: expected a file for SQLite, received a database in memory")
    return Path(url.database)


def _engine(url: URL, name: str) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url)
        if url.drivername == "postgresql+psycopg":
            return _postgresql(url)
        return create_engine(url, pool_pre_ping=True)
    except (NoSuchModuleError, ArgumentError) as error:
        raise StorageError(f"store {name}: expected a database that SQLAlchemy knows: {error}") from error
    except ImportError as error:
        raise StorageError(
            f"store {name}: its driver is not installed ({error}); "
            "for PostgreSQL: pip install 'beatline[postgresql]'"
        ) from error


def _postgresql(url: URL) -> Engine:
    given = {"connect_timeout": _CONNECT_S, "tcp_user_timeout": 1000 * _CONNECT_S}
    arguments = {key: value for key, value in given.items() if key not in url.query}
    engine = create_engine(url, connect_args=arguments, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:  # noqa: ANN401  psycopg's, behind a proxy
        connection.execute("SET synchronous_commit = on")  # whatever the server's own setting is
        connection.commit()

    return engine


def _sqlite(url: URL) -> Engine:
    if _sealed(Path(str(url.database))):
        url = URL.create(
            "sqlite", database=f"file:{quote(str(url.database))}", query={"immutable": "1", "uri": "true"}
        )
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:  # noqa: ANN401  sqlite3.Connection, behind a proxy
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=16777216")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("beatline_bare", False):
            return
        # a writer that begins as a reader could not wait for another writer
        connection.exec_driver_sql("BEGIN" if "beatline_reading" in options else "BEGIN IMMEDIATE")

    return engine


def _sealed(path: Path) -> bool:
    """Tell whether a file lies where nothing can be written: SQLite then wants to be told so."""
    return path.is_file() and not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()


def _check_file(path: Path, *, create: bool) -> None:
    """Say what is wrong with a place before SQLite does, in more words than it has."""
    try:
        if path.exists() and not path.is_file():
            raise StorageError(f"{path} is not an event store: expected a file, received something else")
        if not path.exists():
            if not create:
                raise StorageError(
                    f"no event store at {path}: expected a file that beatline monitor --store made"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make store {path}: {error.strerror or error}") from error


def _said(error: SQLAlchemyError) -> str:
    """Return the first line of what the database itself said."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
