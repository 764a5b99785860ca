"""A store behind a ward: it holds up no bed, its trouble is an alarm, and what stood is taken up."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from monitor.assemble import Closed, Samples
from monitor.errors import StorageError
from monitor.events import Block
from monitor.store import commits, database, read
from monitor.store.database import Store
from monitor.store.read import Query
from monitor.store.writer import Writer
from tests.store.told import wait_until
from tests.test_ward import FS, SECOND, Run


def flat(run: Run, bed: str, start_s: float, stop_s: float) -> None:
    """Send a line without a beat."""
    for at in range(round(start_s * FS), round(stop_s * FS), 25):
        run.ward.take(Samples(bed, Block(at, np.zeros((25, 1))), SECOND, SECOND))


def test_alarms_minutes_and_strips_of_a_ward_are_stored(tmp_path: Path) -> None:
    """What was told of a bed is in the store, with the strip around the last beat."""
    run = Run(store=Writer(tmp_path / "e.sqlite", about={}))
    run.open("1", "2")
    run.play("1", 0, 20)
    flat(run, "1", 20, 32)
    run.ward.acknowledge("1", None, "Ada")
    run.ward.abandon()
    run.ward.close()
    with closing(Store.open(tmp_path / "e.sqlite")) as store:
        (one,) = read.alarms(store, Query(kinds=("asystole",)))
        (minute,) = read.minutes(store, Query(bed="1"))
        strip = read.strips(store, [(one.run, one.number)])[one.run, one.number]
        assert [told.bed for told in read.events(store, Query(kinds=("stream",)))] == ["1", "2"]
    assert (one.state, one.acknowledged_by) == ("acknowledged", "Ada")
    assert minute.seconds == 32
    last_beat = round((0.4 + 0.8 * 24) * FS)
    assert abs(one.sample - last_beat) < 5
    assert abs(strip.start - (one.sample - 10 * FS)) < 1
    assert strip.samples.shape == (round(15 * FS), 1)
    at = round(strip.start + np.nanargmax(strip.samples[:, 0]))
    assert min(abs(at - round((0.4 + 0.8 * beat) * FS)) for beat in range(25)) < 5
    assert len(strip.beats) == 13


def test_a_stream_that_says_bye_leaves_its_last_minute_and_the_strip_up_to_there(tmp_path: Path) -> None:
    """While the monitor runs on: the minute once its beats have their labels, the strip at once."""
    kept = Writer(tmp_path / "e.sqlite", about={})
    run = Run(store=kept)
    run.open("1")
    run.play("1", 0, 20)
    flat(run, "1", 20, 25.5)
    run.ward.take(Closed("1", round(25.5 * FS)))
    run.ward.check(time.time_ns())
    with closing(Store.open(tmp_path / "e.sqlite")) as store:
        wait_until(lambda: kept.n_waiting == 0)
        assert [] == list(read.minutes(store, Query()))  # labels are awaited
        (one,) = read.alarms(store, Query(kinds=("asystole",)))
        strip = read.strips(store, [(one.run, one.number)])[one.run, one.number]
        assert abs(strip.start + len(strip.samples) - min(one.sample + 5 * FS, 25.5 * FS)) < FS / 5
        for key, _ in run.asked:
            run.ward.answer(key, [0.9, 0.0, 0.1, 0.0, 0.0])
        run.ward.check(time.time_ns())
        wait_until(lambda: kept.n_waiting == 0)
        (minute,) = read.minutes(store, Query())
    assert (26, 25) == (minute.seconds, sum(minute.beats))
    run.ward.close()


def test_a_store_that_cannot_be_written_is_an_alarm_on_every_bed_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm of the patient stands on the screen meanwhile, and is in the store afterwards."""
    monkeypatch.setattr(database, "_BUSY_S", 0.01)
    monkeypatch.setattr(commits, "sleep", lambda _: None)
    path = tmp_path / "e.sqlite"
    kept = Writer(path, about={})
    run = Run(store=kept)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run.open("1")
        wait_until(lambda: kept.trouble != "")
        run.ward.flush()
        run.open("2")
        run.play("1", 0, 8)
        flat(run, "1", 8, 15)
        shown = {alarm.kind: alarm.text for alarm in run.ward.beds["1"].snapshot.alarms}
    assert shown["storage_failed"] == f"NOT RECORDING: store {path}: database is locked"
    assert "asystole" in shown
    assert list(run.ward.faults) == ["store"]
    wait_until(lambda: kept.trouble == "" and kept.n_waiting == 0)
    run.ward.flush()
    for bed in ("1", "2"):
        assert run.alarms(bed, "storage_failed") == ["start", "end", "cleared"]
    run.ward.abandon()
    run.ward.close()
    with closing(Store.open(path)) as store:
        kinds = [(one.bed, one.kind) for one in read.alarms(store, Query(priorities=("high",)))]
        assert kinds == [("1", "asystole")]


def test_a_ward_takes_up_what_stood_in_its_store(tmp_path: Path) -> None:
    """Killed in mid-alarm: it stands again at once, is not begun again, and is one row in the end."""
    path = tmp_path / "e.sqlite"
    killed = Writer(path, about={}, monitor="a")
    run = Run(store=killed)
    run.open("1")
    run.play("1", 0, 10)
    flat(run, "1", 10, 18)
    wait_until(lambda: killed.n_waiting == 0)  # and no more: nothing is closed, nothing is said
    strangers = Writer(path, about={}, monitor="b")
    assert strangers.left == {}
    strangers.close()
    run = Run(store=Writer(path, about={}, monitor="a"))
    assert "asystole" in [alarm.kind for alarm in run.ward.beds["1"].snapshot.alarms]
    run.open("1")
    run.ward.acknowledge("1", None, "Bo")
    run.play("1", 0, 12)
    run.ward.abandon()
    run.ward.close()
    killed.close()
    with closing(Store.open(path)) as store:
        (one,) = read.alarms(store, Query(kinds=("asystole",)))
    assert (one.state, one.acknowledged_by) == ("cleared", "Bo")
    assert run.alarms("1", "asystole") == ["acknowledged", "end", "cleared"]


def kinds(run: Run, bed: str) -> list[str]:
    """Return what stands on a bed."""
    return [alarm.kind for alarm in run.ward.beds[bed].snapshot.alarms]


def test_a_bed_that_had_said_bye_has_ended_after_a_restart_too(tmp_path: Path) -> None:
    """With the alarm that nobody has seen; one that was killed in mid-stream is missed."""
    path = tmp_path / "e.sqlite"
    killed = Writer(path, about={}, monitor="a")
    run = Run(store=killed)
    run.open("1", "2")
    for bed in ("1", "2"):
        run.play(bed, 0, 10)
        flat(run, bed, 10, 18)
    run.ward.take(Closed("1", round(18 * FS)))
    wait_until(lambda: killed.n_waiting == 0)  # and no more
    for _ in range(2):
        kept = Writer(path, about={}, monitor="a")
        run = Run(store=kept)
        run.ward.check(time.time_ns() + 4 * SECOND)
        assert ["ended", "lost"] == [run.ward.beds[bed].snapshot.status for bed in ("1", "2")]
        assert [False, True] == ["feed_lost" in kinds(run, bed) for bed in ("1", "2")]
        assert all("asystole" in kinds(run, bed) for bed in ("1", "2"))
        wait_until(lambda kept=kept: kept.n_waiting == 0)  # type: ignore[misc]
    run.open("1")
    wait_until(lambda: kept.n_waiting == 0)
    with closing(Writer(path, about={}, monitor="a")) as last:
        assert not last.left["1"].ended
    killed.close()


def locked_start(path: Path, other: sqlite3.Connection) -> tuple[Run, Writer]:
    """Return a ward that begins while somebody else holds its store."""
    other.execute("BEGIN EXCLUSIVE")
    kept = Writer(path, about={}, monitor="a")
    assert (False, {}) == (kept.known, kept.left)
    return Run(store=kept), kept


def unlocked(run: Run, kept: Writer, other: sqlite3.Connection) -> None:
    """Let go of the store, and wait until the ward knows what it held."""
    other.execute("COMMIT")
    wait_until(lambda: kept.known)
    run.ward.flush()


def notices(run: Run) -> tuple[str, ...]:
    return run.ward.shown({})[1]


def test_what_stood_is_taken_up_when_a_store_that_was_locked_at_the_start_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then it is said; then what started anew goes on as what stood, and the rest stands again."""
    monkeypatch.setattr(database, "_HURRY_S", 0.01)
    monkeypatch.setattr(database, "_BUSY_S", 0.01)
    monkeypatch.setattr(commits, "_RETRY_S", 0.01)
    path = tmp_path / "e.sqlite"
    killed = Writer(path, about={}, monitor="a")
    run = Run(store=killed)
    run.open("1", "2", "3")
    for bed in ("1", "2", "3"):
        run.play(bed, 0, 10)
        flat(run, bed, 10, 18)
    run.ward.set_limits("1", {"high_rate_bpm": 130.0}, "Ada")
    run.ward.pause_audio("1", on=True)
    wait_until(lambda: killed.n_waiting == 0)  # and no more: nothing is closed, nothing is said
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        run, kept = locked_start(path, other)
        assert "! what stood before the start is not known yet" in notices(run)[0]
        run.open("1", "3")
        flat(run, "1", 0, 10)  # asystole, found anew
        run.play("3", 0, 10)  # not so on another bed
        assert (["start"], []) == (run.alarms("1", "asystole"), run.alarms("3", "asystole"))
        assert "2" not in run.ward.beds
        unlocked(run, kept, other)
    assert () == tuple(line for line in notices(run) if "not known" in line)
    shown = run.ward.beds["1"].snapshot
    assert (130.0, True) == (shown.limits["high_rate_bpm"], shown.audio_pause_s > 0)
    for name in ("1", "2", "3"):
        assert ["asystole"] == [
            one.kind for one in run.ward.beds[name].snapshot.alarms if one.priority == "high"
        ]
    run.play("3", 10, 12)
    run.ward.acknowledge(None, "asystole", "Bo")
    run.open("2")
    run.play("1", 10, 30)
    run.play("2", 0, 20)
    run.ward.abandon()
    run.ward.close()
    killed.close()
    assert ["start", "acknowledged", "end", "cleared"] == run.alarms("1", "asystole")
    assert ["acknowledged", "end", "cleared"] == run.alarms("2", "asystole")
    assert ["end", "acknowledged", "cleared"] == run.alarms("3", "asystole")
    with closing(Store.open(path)) as store:
        found = list(read.alarms(store, Query(kinds=("asystole",))))
        assert {} == {bed: one for bed, one in read.standing(store).items() if one[0].priority == "high"}
    assert [("1", killed.run), ("2", killed.run), ("3", killed.run)] == [(a.bed, a.run) for a in found]
    assert {("cleared", "Bo")} == {(one.state, one.acknowledged_by) for one in found}
    assert all(one.ended_ns is not None for one in found)


def test_trends_go_on_after_a_restart(tmp_path: Path) -> None:
    """Each point as it was before the kill, all but the minute that was not over; then on from there."""
    path = tmp_path / "e.sqlite"
    killed = Writer(path, about={}, monitor="a")
    run = Run(store=killed)
    run.open("1")
    for start_s in range(0, 200, 10):
        run.play("1", start_s, start_s + 10)
        for n, (key, _) in enumerate(run.asked):
            run.ward.answer(key, [0.1, 0.0, 0.9, 0.0, 0.0] if n < 2 else [0.9, 0.0, 0.1, 0.0, 0.0])
        run.asked.clear()
    wait_until(lambda: killed.n_waiting == 0)  # and no more
    before = run.ward.beds["1"].snapshot.trend
    assert (4, True) == (len(before), bool(before[0].pvc))
    run = Run(store=Writer(path, about={}, monitor="a"))
    assert [] == list(run.ward.beds)  # it is shown when it comes
    run.open("1")
    assert before[:3] == run.ward.beds["1"].snapshot.trend
    run.play("1", 0, 20)
    assert [0, 1, 2, 3] == [point.minute for point in run.ward.beds["1"].snapshot.trend]
    run.ward.abandon()
    run.ward.close()
    killed.close()


def test_a_run_whose_last_events_are_lost_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 8: the exit code says so, though the screen has gone."""
    kept = Writer(tmp_path / "e.sqlite", about={})
    kept.close()

    def lost(self: Writer) -> None:
        raise StorageError("3 events could not be written and are lost")

    monkeypatch.setattr(Writer, "close", lost)
    run = Run(store=kept)
    run.ward.close()
    assert run.ward.faults == {"store": "3 events could not be written and are lost"}
