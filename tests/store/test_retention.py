"""A store remembers as long and as much as it was told to: a disk is not filled by it."""

import time
from contextlib import closing
from pathlib import Path

import msgspec

from monitor.settings import StoreSettings
from monitor.store import read, retention
from monitor.store.database import Store
from monitor.store.read import Query
from monitor.store.strips import KeptStrip
from monitor.store.writer import Writer
from tests.store.told import NOW_NS, SECOND, alarm, entry, notice, rate, step

DAY = 86_400 * SECOND


def filled(path: Path, n: int, *, every_s: int = 60, first_ns: int = NOW_NS) -> Store:
    """Return a store with a line each minute, and one alarm that stands."""
    kept = Writer(path, about={})
    kept.append(entry(alarm()))
    for number in range(n):
        told = msgspec.structs.replace(notice(number), time_ns=first_ns + number * every_s * SECOND)
        kept.append(told)
    kept.close()
    return Store.open(path)


def times(store: Store) -> list[int]:
    return [one.time_ns for one in read.events(store, Query())]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    """By the time of its telling; an alarm that stands stays, however old."""
    first_ns = time.time_ns() - 9 * DAY
    with closing(filled(tmp_path / "e.sqlite", 10, every_s=86_400, first_ns=first_ns)) as store:
        said = retention.prune(store, keep_days=4, max_mib=100, now_ns=first_ns + 9 * DAY)
        assert said == ""
        assert times(store) == [first_ns + day * DAY for day in range(5, 10)]
        assert [one.state for one in read.alarms(store, Query())] == ["start"]


def test_what_is_too_much_goes_oldest_first_and_that_is_told(tmp_path: Path) -> None:
    """The file itself becomes smaller."""
    path = tmp_path / "e.sqlite"
    with closing(filled(path, 6000)) as store:
        before = path.stat().st_size
        said = retention.prune(store, keep_days=1000, max_mib=before / 2**21, now_ns=NOW_NS)
        left = times(store)
        with store.reading() as connection:
            assert retention.size_bytes(store, connection) <= before / 2
        assert said.startswith(f"store: the limit of {before / 2**21:g} MiB was reached; what is older than ")
        assert left[-1] == NOW_NS + 5999 * 60 * SECOND
        assert 2000 < len(left) < 3200
    assert path.stat().st_size < 0.7 * before


def test_alarms_that_are_over_go_with_their_strips_and_minutes(tmp_path: Path) -> None:
    """Nothing is left of a time that is forgotten."""
    path = tmp_path / "e.sqlite"
    kept = Writer(path, about={})
    first = alarm()
    kept.append(entry(first))
    kept._put(KeptStrip(number=1, time_ns=NOW_NS, fs=250.0, start=0, leads=("II",), samples=bytes(100)))
    kept.append(entry(step(first, "end", at=3000)))
    kept.append(entry(step(first, "cleared", at=3000)))
    kept.append(rate(1, 70.0))
    kept.close()
    with closing(Store.open(path)) as store:
        ((run, number),) = [(one.run, one.number) for one in read.alarms(store, Query())]
        assert len(read.strips(store, [(run, number)])) == 1
        retention.prune(store, keep_days=1, max_mib=100, now_ns=NOW_NS + 2 * DAY)
        assert list(read.alarms(store, Query())) == []
        assert read.strips(store, [(run, number)]) == {}
        assert list(read.minutes(store, Query())) == []


def test_an_alarm_that_stands_keeps_its_strip_and_its_bed(tmp_path: Path) -> None:
    """A report of that bed has it, though nothing else is left of the time."""
    path, now_ns = tmp_path / "e.sqlite", time.time_ns()
    kept = Writer(path, about={})
    told = entry(alarm()), entry(alarm(), bed="2"), entry(step(alarm(), "cleared", at=3000), bed="2")
    for one in told:
        kept.append(msgspec.structs.replace(one, time_ns=now_ns - 9 * DAY))
    strip = KeptStrip(
        number=1, time_ns=now_ns - 9 * DAY, fs=250.0, start=0, leads=("II",), samples=bytes(100)
    )
    for number in (1, 2):
        kept._put(msgspec.structs.replace(strip, number=number))
    kept.close()
    with closing(Store.open(path)) as store:
        keys = [(kept.run, 1), (kept.run, 2)]
        assert set(keys) == set(read.strips(store, keys))
        retention.prune(store, keep_days=4, max_mib=100, now_ns=now_ns)
        assert keys[:1] == [(one.run, one.number) for one in read.alarms(store, Query())]
        assert keys[:1] == list(read.strips(store, keys))
        assert ("1",) == read.beds(store)


def test_a_writer_keeps_to_the_limits_by_itself(tmp_path: Path) -> None:
    """Now and then, in its own thread; the first time with its first words."""
    path = tmp_path / "e.sqlite"
    filled(path, 3, first_ns=time.time_ns() - DAY).close()
    kept = Writer(path, about={}, limits=StoreSettings(keep_days=0.5))
    kept.append(msgspec.structs.replace(notice(9), time_ns=time.time_ns()))
    kept.close()
    with closing(Store.open(path)) as store:
        assert len(times(store)) == 1
