"""Strips that the event store kept, as a station shows them."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from monitor import link
from monitor.errors import StorageError
from monitor.events import Alarm, LabelledBeat, Stream, Wave
from monitor.snapshots import BedSnapshot
from monitor.station import recall
from monitor.station.draw import draw
from monitor.station.happenings import AlarmStrip
from monitor.station.scene import Attached, Scene
from monitor.station.state import State
from monitor.station.watch import Watch
from monitor.store.writer import Writer
from monitor.vitals import fold
from tests.store.told import FS, NOW_NS, SECOND, alarm, entry


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store that holds one alarm with its strip."""
    place = tmp_path / "events.sqlite"
    n = round(40 * FS)
    bed = fold(BedSnapshot(bed="1"), Stream(sample=0, decided=0, stream="s", fs=FS, leads=("II", "V1")))
    wave = np.sin(np.arange(n) / 20)[:, np.newaxis] * [1.0, 0.5]
    with closing(Writer(place, about={})) as writer:
        told = entry(alarm(at=5000))
        writer.append(told)
        bed = fold(bed, Wave(start=0, delay=5, samples=wave))
        bed = fold(bed, LabelledBeat(sample=4000, decided=4300, label="V"))
        writer.watch(bed)
    return place


def test_a_stored_strip_is_drawn_as_one_of_this_station(store: Path) -> None:
    """Leads, waves and the moment of the alarm, from before the station came."""
    strips = recall.recalled(store, now_ns=NOW_NS + 60 * SECOND)
    assert ["asystole"] == [strip.alarm.kind for strip in strips]
    assert ("II", "V1") == strips[0].bed.leads
    scene = Scene(State(view="strips"), attached=Attached(up=True), strips=strips)
    frame, _ = draw(scene, (140, 40), NOW_NS)
    shown = "\n".join(frame.lines())
    for expected in ("*** ASYSTOLE", "▼ onset", "II", "V1"):
        assert expected in shown
    assert any(character > "\u2800" for character in shown)


def test_an_alarm_that_this_station_saw_itself_is_shown_once() -> None:
    """The same alarm of the store is left out."""
    known = Watch()
    bed = BedSnapshot(bed="1", fs=FS, leads=("II",))
    told: Alarm = alarm(at=5000)
    strip = AlarmStrip(told, NOW_NS, bed, 2500)
    other = AlarmStrip(alarm(at=9000), NOW_NS - 1, bed, 2500)
    known.memory.strips.append(strip)
    known.recalled = [AlarmStrip(told, NOW_NS + 5, bed, 2400), other]
    assert [strip, other] == list(known.strips)


def test_strips_stand_in_the_order_of_their_alarms() -> None:
    """Whichever was complete first: a fast alarm has its waves before a slow one."""
    known = Watch()
    bed = BedSnapshot(bed="1", fs=FS, leads=("II",))
    late, early = (AlarmStrip(alarm(at=at), NOW_NS + at, bed, 0) for at in (900, 100))
    known.memory.strips.extend([early, late])
    assert [late, early] == list(known.strips)


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It is not made, either."""
    with pytest.raises(StorageError, match=r"none\.sqlite"):
        recall.recalled(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    assert link.Welcome().store == ""
