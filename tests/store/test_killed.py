"""What was confirmed as committed survives kill -9: of who writes, and of the server."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from monitor.events import Notice
from monitor.snapshots import BedSnapshot
from monitor.store import commits, read, retention
from monitor.store.database import Store
from monitor.store.read import Query
from monitor.store.writer import Writer
from monitor.strip import Strip
from tests.store.killed import check, kill_while_it_writes
from tests.store.servers import Server, programs
from tests.store.told import FS, alarm, entry, limits, notice, rate, step, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a PostgreSQL server of our own."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin, no postgres on the path")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'beatline[postgresql]'")
    try:
        started = Server(found)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"PostgreSQL could not make a database: {error}")
    try:
        started.start()
        yield started
    finally:
        started.remove()


def test_nothing_confirmed_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """SQLite: all up to some event is there, whole; twice, so that the second opens what a kill left."""
    place = str(tmp_path / "e.sqlite")
    for after in (1500, 3000):
        check(place, *kill_while_it_writes(place, after=after))


def test_nothing_confirmed_is_lost_when_the_writer_on_postgresql_is_killed(server: Server) -> None:
    """The same with a server."""
    check(server.url, *kill_while_it_writes(server.url, after=2000))


def test_a_store_of_version_1_on_postgresql_is_brought_up_to_this_one(server: Server) -> None:
    """The same step as on SQLite; what persons set is then kept."""
    Writer(server.url, about={}, monitor="old").close()
    with closing(Store.open(server.url)) as store, store.writing() as connection:
        connection.execute(text("ALTER TABLE runs DROP COLUMN bedside"))
        connection.execute(text("UPDATE beatline_store SET version = 1"))
    kept = Writer(server.url, about={}, monitor="old")
    kept.append(entry(limits({"low_rate_bpm": 40.0}), bed="old"))
    kept.close()
    again = Writer(server.url, about={}, monitor="old")
    again.close()
    assert {"low_rate_bpm": 40.0} == again.left["old"].bedside.limits


def test_postgresql_keeps_and_forgets_as_sqlite_does(server: Server) -> None:
    """Minutes, strips, lists and limits: the same rows from the same questions."""
    kept = Writer(server.url, about={}, monitor="pg")
    first = alarm()
    kept.append(entry(first, bed="pg"))
    wave = np.linspace(-1, 1, 8000)[:, np.newaxis]
    kept.watch(BedSnapshot(bed="pg", fs=FS, leads=("II",), strip=Strip(0, wave)))
    kept.append(entry(rate(1, 70.0).event, bed="pg"))
    kept.append(entry(step(first, "end", at=2000), bed="pg"))
    kept.append(entry(step(first, "cleared", at=2000), bed="pg"))
    kept.close(patience_s=60)
    asked = Query(bed="pg")
    with closing(Store.open(server.url, create=False)) as store:
        (one,) = read.alarms(store, asked)
        (minute,) = read.minutes(store, asked)
        (strip,) = read.strips(store, [(one.run, one.number)]).values()
        assert "pg" in read.beds(store)
        assert (one.state, one.duration_s, minute.hr_bpm) == ("cleared", 4.0, 70.0)
        assert (strip.start, strip.samples.shape) == (0, (2250, 1))
        retention.prune(store, keep_days=1000, max_mib=0.001, now_ns=one.time_ns)
        assert list(read.alarms(store, asked)) == []
        assert list(read.minutes(store, asked)) == []


def test_a_server_that_crashes_loses_nothing_and_is_written_to_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was confirmed is there when it is back; what came meanwhile follows, each once, in order."""
    troubles: list[str] = []
    kept = Writer(server.url, about={"crash": True})

    def back(_: float) -> None:
        troubles.append(kept.trouble)
        server.start()

    monkeypatch.setattr(commits, "sleep", back)
    first = alarm()
    kept.append(entry(first, bed="crash"))
    wait_until(lambda: kept.committed == 1)
    server.stop("immediate")
    for number in range(300):
        kept.append(notice(number))
    kept.append(entry(step(first, "acknowledged", at=4000, by="Ada"), bed="crash"))
    kept.close(patience_s=60)
    assert len(troubles) == 1
    assert troubles[0].startswith("store postgresql+psycopg://postgres@/postgres")
    with closing(Store.open(server.url)) as store:
        lines = [one.event for one in read.events(store, Query(kinds=("notice",))) if one.run == kept.run]
        (one,) = read.alarms(store, Query(bed="crash"))
        assert read.standing(store)["crash"] == (step(first, "acknowledged", at=4000, by="Ada"),)
    assert [line.text for line in lines if isinstance(line, Notice)] == [f"line {i}" for i in range(300)]
    assert (one.state, one.acknowledged_by) == ("acknowledged", "Ada")
