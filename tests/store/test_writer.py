"""Events on their way into a store: nothing waits, nothing is lost within the bound, trouble is told."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, event

from monitor.errors import StorageError
from monitor.events import AudioPause, Beat, Notice, Stream
from monitor.handover import Handover
from monitor.link import Entry
from monitor.store import commits, database, read, resume
from monitor.store import writer as writers
from monitor.store.database import Store
from monitor.store.read import Listed, Query
from monitor.store.writer import Writer
from tests.store.told import FS, NOW_NS, SECOND, alarm, entry, keep, limits, notice, step, wait_until


def writer(path: Path, *, max_bytes: int = 1 << 26) -> Writer:
    return Writer(path, about={"version": "test"}, max_bytes=max_bytes)


def lines(path: Path) -> list[str]:
    """Return all notices of a store."""
    with closing(Store.open(path, create=False)) as store:
        told = [one.event for one in read.events(store, Query(kinds=("notice",)))]
    return [event.text for event in told if isinstance(event, Notice)]


def alarms(path: Path) -> list[Listed]:
    with closing(Store.open(path, create=False)) as store:
        return list(read.alarms(store, Query()))


@pytest.fixture
def at_each_retry(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a function that names what is to be done, instead of waiting, before each further try."""

    def do(action: Callable[[], None]) -> None:
        monkeypatch.setattr(commits, "sleep", lambda _: action())

    monkeypatch.setattr(database, "_BUSY_S", 0.01)
    return do


@contextmanager
def pages(limit: list[int]) -> Iterator[None]:
    """Let SQLite files have only so many pages, as on a full disk."""

    def configure(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={limit[0]}")

    event.listen(Engine, "connect", configure)
    try:
        yield
    finally:
        event.remove(Engine, "connect", configure)


def test_an_alarm_is_one_row_for_its_whole_life(tmp_path: Path) -> None:
    """When it began, how long it lasted in signal time, who answered, how often it was told again."""
    first = alarm()
    keep(
        tmp_path / "deep" / "e.sqlite",
        entry(first),
        entry(step(first, "acknowledged", at=3000, by="Ada")),
        entry(step(first, "reminded", at=48_000)),
        entry(step(first, "end", at=50_000)),
        entry(step(first, "cleared", at=50_000)),
    )
    (one,) = alarms(tmp_path / "deep" / "e.sqlite")
    assert (one.kind, one.priority, one.state, one.sample) == ("asystole", "high", "cleared", 1000)
    assert one.time_ns == NOW_NS + 8 * SECOND
    assert one.duration_s == (50_000 - 1000) / 250
    assert (one.acknowledged_by, one.acknowledged_ns) == ("Ada", NOW_NS + 12 * SECOND)
    assert (one.n_reminded, one.reminded_ns) == (1, NOW_NS + 192 * SECOND)
    assert one.ended_ns == one.cleared_ns == NOW_NS + 200 * SECOND


@pytest.mark.parametrize("samples", [0, 70_800])
def test_what_the_wall_clock_judges_lasted_so_long_by_that_clock(tmp_path: Path, samples: int) -> None:
    """While a feed is lost its samples stand still, a replay's run faster: neither is time that passed."""
    first = alarm("feed_lost")
    keep(
        tmp_path / "e.sqlite",
        entry(first, at_s=8.0),
        entry(step(first, "end", at=first.sample + samples), at_s=20.05),
    )
    assert [12.05] == [one.duration_s for one in alarms(tmp_path / "e.sqlite")]


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_an_alarm_carried_over_a_new_stream_lasted_so_long_by_the_wall_clock(
    tmp_path: Path, runs: int
) -> None:
    """Samples of two streams are not subtracted; another bed's stream, or one before it, changes nothing."""
    path, one = tmp_path / "e.sqlite", alarm()
    stream = Stream(sample=0, decided=0, stream="2", fs=FS, leads=("II",))
    told = [
        [entry(stream, at_s=0.0), entry(one), entry(alarm(), bed="2")],
        [entry(stream, at_s=15.0)],
        [entry(step(one, "end", at=200_000), at_s=18.0), entry(step(one, "end", at=3500), bed="2")],
    ]
    if runs < 3:
        told[:2] = [told[0] + told[1]]
    if runs < 2:
        told = [told[0] + told[1]]
    for some in told:
        keep(path, *some)
    assert {("1", 10.0), ("2", 10.0)} == {(one.bed, one.duration_s) for one in alarms(path)}


def test_an_alarm_that_sounds_is_written_without_waiting_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor killed right after somebody heard it must not tell it anew; what calls less may wait."""
    monkeypatch.setattr(commits, "_GATHER_S", 3600.0)
    kept = writer(tmp_path / "e.sqlite")
    first = alarm("pause")
    for told in (first, step(first, "acknowledged", at=3000), alarm("asystole")):
        kept.append(notice(1))
        kept.append(entry(told))
        wait_until(lambda: kept.n_waiting == 0)
    kept.append(entry(alarm("couplet")))
    kept.close()
    assert 3 == len(alarms(tmp_path / "e.sqlite"))


def test_what_stood_is_handed_to_the_next_run_and_goes_on_as_the_same_alarm(tmp_path: Path) -> None:
    """A restart neither loses nor repeats an alarm; what was cleared does not stand."""
    path = tmp_path / "e.sqlite"
    latched, lasting, gone = alarm(), alarm("pause", at=2000), alarm("high_rate", at=3000)
    ended = step(latched, "end", at=2500)
    keep(
        path, entry(latched), entry(lasting), entry(gone), entry(ended), entry(step(gone, "cleared", at=4000))
    )
    second = writer(path)
    assert second.left == {"1": Handover(alarms=(ended, lasting))}
    second.append(entry(step(ended, "acknowledged", at=9000, by="Bo")))
    second.append(entry(step(ended, "cleared", at=9000, by="Bo")))
    second.close()
    found = alarms(path)
    assert [(one.kind, one.state) for one in found] == [
        ("asystole", "cleared"),
        ("pause", "start"),
        ("high_rate", "cleared"),
    ]
    assert (found[0].duration_s, found[0].acknowledged_by) == (6.0, "Bo")


@pytest.mark.parametrize("latched", [False, True])
def test_what_starts_before_its_past_is_known_goes_on_with_it_or_closes_it(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None], latched: bool
) -> None:
    """One row where it stood all the time; where it was over and not yet seen, that one is closed."""
    at_each_retry(lambda: None)
    path = tmp_path / "e.sqlite"
    old, new = alarm(at=9000), alarm(at=100)
    keep(path, entry(old), *([entry(step(old, "end", at=11_000))] if latched else []))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        second = writer(path)
        second.append(entry(new, at_s=60))
        assert (False, {}) == (second.known, second.left)
    wait_until(lambda: second.known)
    assert {"1": ()} == {bed: left.alarms for bed, left in second.left.items()}
    second.append(entry(step(new, "acknowledged", at=5000, by="Bo"), at_s=70))
    second.close()
    third = writer(path)
    assert [100] == [one.sample for one in third.left["1"].alarms]
    third.append(entry(step(new, "end", at=20_000), at_s=90))
    third.append(entry(step(new, "cleared", at=20_000), at_s=90))
    third.close()
    states = [(one.sample, one.state, one.duration_s) for one in alarms(path)]
    if latched:
        assert [(9000, "cleared", 8.0), (100, "cleared", 79.6)] == states
    else:
        assert [(9000, "cleared", 50.0)] == states


def pause(seconds: float) -> Entry:
    """Return that sound was paused for so long from now on."""
    event = AudioPause(sample=0, decided=0, state="start", until=round(seconds * 250))
    return replace(entry(event), time_ns=time.time_ns())


def test_what_persons_set_is_handed_to_the_next_run(tmp_path: Path) -> None:
    """The last word on limits and sound of each bed, over a run that says nothing of it, until it is back."""
    path = tmp_path / "e.sqlite"
    own = {"high_rate_bpm": 130.0}
    keep(path, entry(limits({"low_rate_bpm": 40.0}), bed="2"), entry(limits(own)), pause(600), pause(60))
    second = writer(path)
    second.close()
    third = writer(path)
    assert second.left == third.left
    (one, two) = (third.left[bed].bedside for bed in ("1", "2"))
    assert (own, "Ada", {"low_rate_bpm": 40.0}, 0) == (one.limits, one.by, two.limits, two.quiet_until_ns)
    assert 55 * SECOND < one.quiet_until_ns - time.time_ns() <= 60 * SECOND
    third.append(entry(limits({})))
    third.append(entry(AudioPause(sample=0, decided=0, state="end", until=0)))
    third.close()
    fourth = writer(path)
    fourth.close()
    assert ["2"] == list(fourth.left)
    with closing(Store.open(path)) as store:
        told = {(one.bed, one.type, one.state) for one in read.events(store, Query(kinds=("limits",)))}
    assert {("1", "limits", "set"), ("2", "limits", "set")} == told


def test_what_persons_set_long_ago_or_for_another_monitor_is_not_taken_up(tmp_path: Path) -> None:
    """Another patient may lie there; each monitor has its own beds."""
    path = tmp_path / "e.sqlite"
    keep(path, entry(limits({"low_rate_bpm": 40.0})))
    with closing(Store.open(path)) as store:
        assert ["1"] == list(resume.handovers(store, monitor=""))
        assert {} == resume.handovers(store, monitor="another")
        assert {} == resume.handovers(store, monitor="", now_ns=time.time_ns() + 3601 * SECOND)


def test_what_persons_set_is_kept_where_a_store_is_begun_anew(tmp_path: Path) -> None:
    """What is in force goes into the row of the run, whenever that is made."""
    path = tmp_path / "e.sqlite"
    kept = writer(path)
    kept.append(entry(limits({"low_rate_bpm": 40.0})))
    wait_until(lambda: kept.n_waiting == 0)
    for name in tmp_path.iterdir():
        name.unlink()
    kept.append(notice(1))
    kept.close()
    again = writer(path)
    again.close()
    assert {"low_rate_bpm": 40.0} == again.left["1"].bedside.limits


def test_what_stood_long_ago_is_history(tmp_path: Path) -> None:
    """Nobody wants the alarms of last week's patient."""
    path = tmp_path / "e.sqlite"
    keep(path, entry(alarm()))
    with closing(Store.open(path)) as store:
        (run,) = {one.run for one in read.alarms(store, Query())}
        written_ns = run * 1000
        assert read.standing(store, now_ns=written_ns + 600 * SECOND) == {"1": (alarm(),)}
        assert read.standing(store, now_ns=written_ns + 4000 * SECOND) == {}


def test_what_stands_over_many_runs_is_no_history(tmp_path: Path) -> None:
    """The run that began it is long gone; those that went on with it have watched ever since."""
    path = tmp_path / "e.sqlite"
    keep(path, entry(alarm()))
    second = writer(path)
    assert ["1"] == list(second.left)
    with closing(sqlite3.connect(path)) as connection:  # two hours pass
        connection.execute("UPDATE runs SET written_ns = written_ns - ?", (7200 * SECOND,))
        connection.execute("UPDATE alarms SET time_ns = 0")
        connection.commit()
    second.append(notice(1))
    second.close()
    third = writer(path)
    third.close()
    assert third.left == {"1": Handover(alarms=(alarm(),))}


def test_a_step_of_an_alarm_that_was_never_seen_makes_a_row(tmp_path: Path) -> None:
    """What overflowed in front of it does not take it along."""
    keep(tmp_path / "e.sqlite", entry(step(alarm(), "end", at=5000)))
    (one,) = alarms(tmp_path / "e.sqlite")
    assert (one.kind, one.state) == ("asystole", "end")


def test_an_alarm_that_starts_again_is_another_one(tmp_path: Path) -> None:
    """Also where a looping device begins its samples anew: the onset is the same."""
    keep(tmp_path / "e.sqlite", entry(alarm()), entry(alarm()))
    assert [one.state for one in alarms(tmp_path / "e.sqlite")] == ["start", "start"]


def test_beats_are_not_rows(tmp_path: Path) -> None:
    """Every beat is the journal's; a store would grow by 100,000 rows a day and bed."""
    kept = writer(tmp_path / "e.sqlite")
    kept.append(entry(Beat(sample=5, decided=9, rr=None)))
    assert kept.last == 0
    kept.close()


def test_text_from_outside_cannot_upset_a_terminal_or_a_database(tmp_path: Path) -> None:
    """Law 5: control characters, NUL included, reach neither as they are."""
    first = alarm()
    keep(
        tmp_path / "e.sqlite",
        entry(Notice(sample=1, decided=1, text="a\x00b\x1b[2J")),
        entry(first),
        entry(step(first, "acknowledged", at=2000, by="A\x00\x1b")),
    )
    assert lines(tmp_path / "e.sqlite") == ["a\x00b\x1b[2J"]
    assert alarms(tmp_path / "e.sqlite")[0].acknowledged_by == "A??"


def test_a_locked_store_holds_nothing_up_and_loses_nothing(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """The alarm stands on the screen, the trouble is told, and all is written once the lock is gone."""
    path = tmp_path / "e.sqlite"
    kept = writer(path)
    troubles: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")

        def unlock() -> None:
            troubles.append(kept.trouble)
            if len(troubles) == 3:
                other.execute("ROLLBACK")

        at_each_retry(unlock)
        for number in range(500):
            kept.append(notice(number))
        kept.close()
    assert troubles == [f"store {path}: database is locked"] * 3
    assert kept.trouble == ""
    assert lines(path) == [f"line {number}" for number in range(500)]


def test_a_full_store_is_told_and_written_when_there_is_room(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """Nothing that was confirmed goes, nothing that waits is lost."""
    path = tmp_path / "e.sqlite"
    keep(path, *map(notice, range(10)))
    limit = [path.stat().st_size // 4096 + 3]
    with pages(limit):
        kept = writer(path)
        troubles: list[str] = []

        def make_room() -> None:
            troubles.append(kept.trouble)
            limit[0] = 1 << 20
            kept._commits._store.close()  # connections are made anew, with the new limit

        at_each_retry(make_room)
        for number in range(10, 900):
            kept.append(notice(number))
        kept.close()
    assert troubles == [f"store {path}: database or disk is full"]
    assert lines(path) == [f"line {number}" for number in range(900)]


def test_a_store_that_stays_locked_is_given_up_at_the_end_and_that_is_said(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """The end of a run does not wait for ever."""
    path = tmp_path / "e.sqlite"
    kept = writer(path)
    at_each_retry(lambda: None)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        kept.append(notice(1))
        with pytest.raises(StorageError, match=r"1 events could not be written and are lost: .* is locked"):
            kept.close(patience_s=0.05)


def test_what_overflows_is_counted_and_told_and_alarms_have_room_to_spare(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """Law 5: memory is bounded; the last quarter of it is for the steps of alarms."""
    path = tmp_path / "e.sqlite"
    kept = writer(path, max_bytes=40 * 1024)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        at_each_retry(lambda: other.rollback() if kept.n_dropped else None)
        for number in range(100):
            kept.append(notice(number))
        kept.append(entry(alarm()))
        kept.close()
    assert kept.n_dropped == 70
    assert lines(path) == [f"line {number}" for number in range(30)]
    assert [one.kind for one in alarms(path)] == ["asystole"]
    assert kept.news() == ["store: 70 earlier events could not be kept and were dropped"]
    assert kept.news() == []


def test_a_commit_that_was_done_but_not_confirmed_is_not_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """A server that dies between commit and answer: the store is asked what it has."""
    path = tmp_path / "e.sqlite"
    kept = writer(path)
    writing, answers = Store.writing, [False]

    @contextmanager
    def unconfirmed(self: Store) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
        if not answers[0]:
            raise database.UnavailableError("server closed the connection")

    monkeypatch.setattr(Store, "writing", unconfirmed)
    at_each_retry(lambda: answers.__setitem__(0, True))
    first = alarm()
    kept.append(entry(first))
    wait_until(lambda: answers[0])
    kept.append(entry(step(first, "end", at=9000)))
    kept.close()
    (one,) = alarms(path)
    assert one.state == "end"


def test_who_tells_never_waits_for_a_database_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in an append, and not to see that it hangs: that is trouble by itself."""
    kept = writer(tmp_path / "e.sqlite")
    hanging, go_on = threading.Event(), threading.Event()
    writing = Store.writing

    @contextmanager
    def hangs(self: Store) -> Iterator[Any]:
        hanging.set()
        go_on.wait()
        with writing(self) as connection:
            yield connection

    monkeypatch.setattr(Store, "writing", hangs)
    monkeypatch.setattr(writers, "_HUNG_S", 0.0)
    kept.append(notice(0))
    hanging.wait()
    for number in range(1, 3000):
        kept.append(notice(number))
    assert kept.n_waiting == 3000
    assert kept.trouble.startswith(f"store {tmp_path / 'e.sqlite'} has not answered for ")
    go_on.set()
    kept.close()
    assert lines(tmp_path / "e.sqlite") == [f"line {number}" for number in range(3000)]


def test_a_file_that_is_taken_away_is_noticed_and_begun_anew(tmp_path: Path) -> None:
    """Else all would be written into a file without a name."""
    path = tmp_path / "e.sqlite"
    kept = writer(path)
    for name in tmp_path.iterdir():
        name.unlink()
    kept.append(notice(1))
    kept.close()
    assert lines(path) == ["line 1"]
    assert kept.news() == [f"store {path} was taken away: a new one is begun"]


def test_a_thread_that_dies_is_trouble_that_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 8: never a silent log line."""
    kept = writer(tmp_path / "e.sqlite")
    monkeypatch.setattr(commits.Commits, "_commit", lambda *_: 1 / 0)
    kept.append(notice(1))
    with pytest.raises(StorageError, match="division by zero"):
        kept.close()
    assert kept.trouble.endswith("ZeroDivisionError: division by zero")


def test_a_server_that_is_gone_is_no_reason_not_to_begin(
    tmp_path: Path, at_each_retry: Callable[[Callable[[], None]], None]
) -> None:
    """The beds are watched while it is away; the trouble stands."""
    at_each_retry(lambda: None)
    kept = Writer(f"postgresql://nobody@/events?host={tmp_path}", about={})
    assert "store postgresql+psycopg://nobody@/events" in kept.trouble
    assert kept.left == {}
    kept.append(notice(1))
    with pytest.raises(StorageError, match="1 events could not be written and are lost"):
        kept.close(patience_s=0.05)
