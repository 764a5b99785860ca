"""What is no store, and what is one of another version."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import Connection, text

from monitor.errors import StorageError
from monitor.handover import Handover
from monitor.store import database, place_of, read, schema
from monitor.store.database import Store
from monitor.store.writer import Writer
from tests.store.told import alarm, entry, keep, limits


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def a_text(path: Path) -> None:
    path.write_text("It was a dark and stormy night; the rain fell in torrents" * 20)


def a_folder(path: Path) -> None:
    path.mkdir()


def of_something_else(path: Path) -> None:
    sql(path, "CREATE TABLE recipes (name TEXT)")


def nothing(path: Path) -> None:
    pass


def of_tomorrow(path: Path) -> None:
    Store.open(path).close()
    sql(path, "UPDATE beatline_store SET version = 99, written_by = '7.0'")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_text, "{path} is not an event store: expected a SQLite database, received another file"),
        (a_folder, "{path} is not an event store: expected a file, received something else"),
        (
            of_something_else,
            "{path} is not an event store: expected one, or an empty database; received tables recipes",
        ),
        (nothing, "no event store at {path}: expected a file that beatline monitor --store made"),
        (
            of_tomorrow,
            "store {path} is from a newer beatline: expected schema version 2 or older, "
            "received 99, written by beatline 7.0",
        ),
    ],
)
def test_what_is_no_store_is_refused_in_words(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    """What was wrong, what was expected, what was received; and the file stays as it was."""
    path = tmp_path / "e.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageError) as refused:
        Store.open(path, create=False)
    assert str(refused.value) == message.format(path=path)
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Where a file stands in the way of the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot make store .*file/deep/e.sqlite: Not a directory"):
        Store.open(tmp_path / "file" / "deep" / "e.sqlite")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("sqlite://", "expected a file for SQLite, received a database in memory"),
        ("nosuch://host/name", "expected a database that SQLAlchemy knows"),
        ("://", "expected a path or a URL such as postgresql://user@host/name, received '://'"),
        ("postgresql://[::1", r"expected a path or a URL such as .*, received 'postgresql://\[::1'"),
        ("postgresql://me:s3cret@[::1", r"received 'postgresql://me:\*\*\*@\[::1'"),
        ("postgresql://me:s3:c/r@t@host:no/name", r"received 'postgresql://me:\*\*\*@host:no/name'"),
        ("postgresql://127.0.0.1:99999/name", "expected a port from 1 to 65535, received 99999"),
        ("postgresql://127.0.0.1/name?port=99999", 'invalid port number: "99999"'),
    ],
)
def test_an_address_that_is_none_is_told(place: str, message: str) -> None:
    """Before anything is tried, or at the first try: waiting would not help."""
    with pytest.raises(StorageError, match=message) as refused:
        Store.open(place)
    assert not isinstance(refused.value, database.UnavailableError)


def test_a_password_is_never_shown() -> None:
    """Not in a message, and not in a log."""
    store = Store("postgresql://ward:s3cret@db.example/events")
    assert store.name == "postgresql+psycopg://ward:***@db.example/events"


def test_a_read_only_store_can_be_read_and_says_so_to_who_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, when there is somebody to read it."""
    path = tmp_path / "e.sqlite"
    Store.open(path).close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match=f"store {path}: attempt to write a readonly database"):
        Writer(path, about={})
    with closing(Store.open(path, create=False)) as store:
        assert list(read.alarms(store, read.Query())) == []


def test_a_store_of_version_1_is_brought_up_to_this_one(tmp_path: Path) -> None:
    """It did not know what persons set at the bedside; what it holds stays, its run goes on."""
    path = tmp_path / "e.sqlite"
    keep(path, entry(alarm()))
    sql(path, "ALTER TABLE runs DROP COLUMN bedside", "UPDATE beatline_store SET version = 1")
    kept = Writer(path, about={}, monitor="")
    assert {"1": Handover(alarms=(alarm(),))} == kept.left
    kept.append(entry(limits({"low_rate_bpm": 40.0})))
    kept.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM beatline_store").fetchall() == [(schema.VERSION,)]
        first, second = connection.execute("SELECT bedside FROM runs ORDER BY run").fetchall()
    assert ("{}",) == first
    assert '{"1":{"limits":{"low_rate_bpm":40.0},"by":"Ada","quiet_until_ns":0}}' == second[0]


def test_an_older_store_is_brought_up_to_this_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up version 0, without the beats of a strip: what it holds stays."""
    path = tmp_path / "e.sqlite"
    Store.open(path).close()
    sql(
        path,
        "ALTER TABLE strips DROP COLUMN beats",
        "UPDATE beatline_store SET version = 0, written_by = '0.0'",
        "INSERT INTO strips VALUES (1, 2, 3, 250.0, 4, 5, '[]', 1000.0, x'00')",
    )

    def with_beats(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE strips ADD COLUMN beats TEXT NOT NULL DEFAULT '[]'"))

    with pytest.raises(StorageError, match="too old: expected schema version 1 or newer, received 0"):
        Store.open(path)
    monkeypatch.setattr(schema, "MIGRATIONS", MappingProxyType({0: with_beats, 1: lambda _: None}))
    Store.open(path).close()
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT number, beats FROM strips").fetchall() == [(2, "[]")]
        assert connection.execute("SELECT version FROM beatline_store").fetchall() == [(schema.VERSION,)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it happens, or nothing."""
    path = tmp_path / "e.sqlite"
    Store.open(path).close()
    sql(path, "UPDATE beatline_store SET version = 0")

    def half(connection: Connection) -> None:
        connection.execute(text("DROP TABLE strips"))
        connection.execute(text("ALTER TABLE nowhere ADD COLUMN x"))

    monkeypatch.setattr(schema, "MIGRATIONS", MappingProxyType({0: half, 1: half}))
    with pytest.raises(StorageError, match="no such table: nowhere"):
        Store.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM strips").fetchall() == [(0,)]
        assert connection.execute("SELECT version FROM beatline_store").fetchall() == [(0,)]


def test_a_store_is_where_it_was_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is made absolute for the process that writes; ``default`` is in the user's data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert place_of("night.sqlite") == str(tmp_path / "night.sqlite")
    assert place_of("default") == place_of(None) == str(tmp_path / "data" / "beatline" / "events.sqlite")


def test_a_store_that_was_opened_in_a_hurry_is_waited_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes to the same file now and then is no trouble."""
    monkeypatch.setattr(database, "_HURRY_S", 0.0)
    path = tmp_path / "e.sqlite"
    with closing(Store.open(path)) as store:
        with store.hurried():
            store.prepare()
        with store.reading() as connection:
            assert 5000 == connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
