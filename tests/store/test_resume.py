"""What a store knows for the next run: trends as if there had been no restart, and when it is asked."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.events import TrendPoint
from monitor.link import Entry
from monitor.store import database, read, resume
from monitor.store.database import Store
from monitor.store.read import Query
from monitor.store.writer import Writer
from tests.store.told import NOW_NS, SECOND, alarm, beat, entry, rate

MINUTE, HOUR = 60, 3600


def told(*entries: Entry, later_s: float) -> list[Entry]:
    """Return entries whose stream began so long after `NOW_NS`."""
    return [replace(entry, time_ns=entry.time_ns + round(later_s * SECOND)) for entry in entries]


def keep(path: Path, entries: list[Entry], *, monitor: str = "a") -> None:
    """Have a run of a monitor tell these."""
    kept = Writer(path, about={}, monitor=monitor)
    for one in entries:
        kept.append(one)
    kept.close()


def trend(path: Path, *, at_s: float, monitor: str = "a") -> tuple[TrendPoint, ...]:
    """Return what a run that began then would take up."""
    with closing(Store.open(path)) as store:
        return resume.trends(store, monitor=monitor, now_ns=NOW_NS + round(at_s * SECOND)).get("1", ())


def test_minutes_are_numbered_on_over_holes_and_runs(tmp_path: Path) -> None:
    """A hole in a stream counts, what passed between two runs does not."""
    path = tmp_path / "e.sqlite"
    first = [rate(1, 70.0), beat(2, "V"), beat(3, "N"), rate(61, None), rate(5 * MINUTE, 75.0)]
    keep(path, told(*first, later_s=0))
    keep(path, told(rate(7, 80.0), beat(8, "V"), beat(9, "V"), later_s=30 * MINUTE))
    expected = ((0, 70.0, 1), (1, None, None), (5, 75.0, None), (6, 80.0, 2))
    assert expected == tuple((p.minute, p.hr_bpm, p.pvc) for p in trend(path, at_s=31 * MINUTE))
    assert () == trend(path, at_s=31 * MINUTE, monitor="b")


def test_a_minute_of_beats_that_nobody_told_has_no_known_v(tmp_path: Path) -> None:
    """Stores of earlier versions say it too: none was told N, S, V or F."""
    path = tmp_path / "e.sqlite"
    minutes = [rate(1, 70.0), beat(2, "Q"), rate(61, 71.0), beat(62, "Q"), beat(63, "N"), rate(121, 72.0)]
    keep(path, told(*minutes, later_s=0))
    assert [None, 0, None] == [point.pvc for point in trend(path, at_s=5 * MINUTE)]
    with closing(Store.open(path)) as store:
        assert [None, 0, None] == [minute.n_v for minute in read.minutes(store, Query())]


def test_a_pause_of_more_than_an_hour_ends_what_is_taken_up(tmp_path: Path) -> None:
    """Another patient may have lain there; a trend of yesterday is none either."""
    path = tmp_path / "e.sqlite"
    keep(path, told(rate(1, 70.0), later_s=0))
    keep(path, told(rate(1, 90.0), later_s=HOUR + 10))
    assert (TrendPoint(0, 90.0),) == trend(path, at_s=HOUR + 20)
    assert () == trend(path, at_s=2 * HOUR + 20)


def test_a_stream_whose_samples_begin_anew_follows_the_one_before(tmp_path: Path) -> None:
    """Numbers of samples say nothing over two streams, in one run either."""
    path = tmp_path / "e.sqlite"
    keep(path, [*told(rate(10 * MINUTE, 70.0), later_s=0), *told(rate(1, 80.0), later_s=11 * MINUTE)])
    assert (TrendPoint(0, 70.0), TrendPoint(1, 80.0)) == trend(path, at_s=12 * MINUTE)


def test_the_start_does_not_wait_until_a_lock_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor watches from the start; what stood before is asked for in the background."""
    path = tmp_path / "e.sqlite"
    keep(path, [entry(alarm())])
    monkeypatch.setattr(database, "_HURRY_S", 0.01)
    monkeypatch.setattr(database, "_BUSY_S", 60.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        kept = Writer(path, about={}, monitor="a")
        assert time.monotonic() - began < 30.0
        assert (False, f"store {path}: database is locked") == (kept.known, kept.trouble)
        other.execute("COMMIT")
    kept.append(entry(alarm()))
    kept.close(patience_s=30.0)
    assert (True, "") == (kept.known, kept.trouble)
    with closing(Store.open(path)) as store:
        assert len(list(read.alarms(store, Query()))) == 1
