"""Strips kept with alarms: from 10 s before the onset to 5 s after, however the signal came."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.events import Beat, LabelledBeat, Stream, Wave
from monitor.snapshots import BedSnapshot
from monitor.store import read
from monitor.store.database import Store
from monitor.store.read import Query
from monitor.store.strips import Cutter, KeptStrip, pack, unpack
from monitor.store.writer import Writer
from monitor.vitals import fold, with_status
from tests.store.told import FS, alarm, entry, step

LEADS = ("II", "V1")
DELAY = 7
SIGNAL = np.random.default_rng(5).normal(0, 0.5, (round(60 * FS), 2)).round(3)
SIGNAL[4000:4010, 1] = np.nan


def bed() -> BedSnapshot:
    stream = Stream(sample=0, decided=0, stream="1", fs=FS, leads=LEADS)
    return fold(BedSnapshot(bed="1"), stream)


def shown(snapshot: BedSnapshot, start: int, stop: int) -> BedSnapshot:
    """Return the bed with the wave up to ``stop``; the filter delays it."""
    wave = np.full((stop - start, 2), 0.0)
    first = max(0, start - DELAY)
    wave[first + DELAY - start :] = SIGNAL[first : stop - DELAY]
    return fold(snapshot, Wave(start=start, delay=DELAY, samples=wave))


def seen(chunk: int, *, until_s: float, decided: int = 6000, onset: int = 5000) -> list[KeptStrip]:
    """Return what is cut for one alarm while the signal comes in pieces."""
    cutter, snapshot, kept = Cutter(), bed(), []
    for start in range(0, round(until_s * FS), chunk):
        stop = min(start + chunk, round(until_s * FS))
        if start <= decided < stop:
            cutter.want(entry(step(alarm(at=onset), "start", at=decided)), 17)
        snapshot = shown(snapshot, start, stop)
        kept += cutter.cut(snapshot)
    return kept


def expected(start: int, stop: int) -> NDArray[np.float64]:
    return SIGNAL[start:stop]


@pytest.mark.parametrize("chunk", [25, 90, 250, 1000])
def test_a_strip_does_not_depend_on_how_the_signal_was_cut(chunk: int) -> None:
    """Law 1: from 10 s before the onset to 5 s after, sample by sample, the filter's delay taken out."""
    last = seen(chunk, until_s=40)[-1]
    assert (last.number, last.start, last.leads) == (17, 5000 - 2500, LEADS)
    np.testing.assert_allclose(unpack(pack(last), 2), expected(2500, 6250), atol=1e-9)


def test_what_came_before_an_alarm_is_kept_at_once() -> None:
    """A crash right behind an alarm leaves the strip up to there."""
    first, *rest = seen(100, until_s=24.8)
    assert rest == []
    assert first.start == 2500
    np.testing.assert_allclose(unpack(pack(first), 2), expected(2500, 6100 - DELAY), atol=1e-9)


def test_an_alarm_that_was_decided_late_is_shown_as_it_was_decided() -> None:
    """The onset of what takes half a minute to tell is not held that long: 15 s up to the decision."""
    last = seen(100, until_s=50, onset=1000, decided=9000)[-1]
    assert (last.start, len(last.samples)) == (9000 - 3750, 3750 * 2 * 2)


def test_an_alarm_in_the_first_seconds_has_what_there_is() -> None:
    """Nothing is made up in front of the signal."""
    last = seen(100, until_s=40, onset=1000, decided=1100)[-1]
    assert (last.start, len(last.samples)) == (-DELAY, (2250 + DELAY) * 2 * 2)


def test_a_new_stream_leaves_a_strip_as_it_is() -> None:
    """Its samples are others, though their numbers may be the same."""
    cutter, snapshot = Cutter(), shown(bed(), 0, 6000)
    cutter.want(entry(alarm(at=4900)), 3)
    assert len(cutter.cut(snapshot)) == 1
    cutter.forget("1")
    assert cutter.cut(shown(snapshot, 6000, 7500)) == []


def started(stop: int) -> tuple[Cutter, BedSnapshot]:
    """Return one that waits for the end of a strip from 2500 to 6250 and has begun it at 6000."""
    cutter, snapshot = Cutter(), shown(bed(), 0, 6000)
    cutter.want(entry(alarm(at=5000)), 3)
    (begun,) = cutter.cut(snapshot)
    assert len(begun.samples) == 2 * 2 * (6000 - DELAY - 2500)
    later = shown(snapshot, 6000, stop)
    assert cutter.cut(later) == []
    return cutter, later


@pytest.mark.parametrize("stop", [6100, 6600])
def test_a_stream_that_ends_soon_after_an_alarm_leaves_the_strip_as_far_as_it_came(stop: int) -> None:
    """Nothing of it comes later, and nothing waits for it; labels of its last beats are not waited for."""
    cutter, snapshot = started(stop)
    (last,) = cutter.cut(with_status(snapshot, "ended"))
    np.testing.assert_allclose(unpack(pack(last), 2), expected(2500, min(6250, stop - DELAY)), atol=1e-9)
    assert cutter.cut(shown(snapshot, stop, 7500)) == cutter.flush() == []


def test_a_new_stream_or_the_end_of_all_leaves_strips_as_far_as_they_came() -> None:
    """What was shown behind the alarm is kept, whatever comes after it."""
    (one, _), (other, _) = started(6200), started(6200)
    (at_stream,), (at_end,) = one.forget("1"), other.flush()
    assert at_stream == at_end
    np.testing.assert_allclose(unpack(pack(at_end), 2), expected(2500, 6200 - DELAY), atol=1e-9)
    assert one.flush() == other.flush() == []


def test_an_alarm_that_the_last_labels_tell_has_its_strip() -> None:
    """They come after the bye."""
    cutter, snapshot = Cutter(), with_status(shown(bed(), 0, 6000), "ended")
    assert cutter.cut(snapshot) == []
    cutter.want(entry(alarm(at=5000)), 3)
    (only,) = cutter.cut(snapshot)
    assert (only.start, cutter.flush()) == (2500, [])


def test_samples_are_packed_without_loss() -> None:
    """Missing ones too, and the largest steps that 16 bits know."""
    values = np.array([[0, 32767], [-32768, -32767], [32767, 5], [-32767, 32767]], dtype="<i2")
    strip = KeptStrip(number=1, time_ns=0, fs=FS, start=0, leads=LEADS, samples=values.tobytes())
    expected = np.where(values == -32768, np.nan, values / 1000)
    np.testing.assert_array_equal(unpack(pack(strip), 2), expected)


def test_a_strip_is_read_as_it_was_kept_with_the_beats_in_it(tmp_path: Path) -> None:
    """Only with alarms of high and medium priority; a longer one takes the place of the first."""
    kept = Writer(tmp_path / "e.sqlite", about={})
    snapshot = bed()
    for sample, label in ((400, "N"), (3000, "V"), (5100, "S")):
        snapshot = fold(snapshot, Beat(sample=sample, decided=sample, rr=None))
        told = LabelledBeat(sample=sample, decided=sample, label=label)  # type: ignore[arg-type]
        snapshot = fold(snapshot, told)
    snapshot = shown(snapshot, 0, 5900)
    for kind in ("asystole", "couplet", "pause"):
        kept.append(entry(alarm(kind, at=5000)))
    kept.watch(snapshot)
    kept.watch(shown(snapshot, 5900, 7500))
    kept.close()
    with closing(Store.open(tmp_path / "e.sqlite")) as store:
        keys = {one.kind: (one.run, one.number) for one in read.alarms(store, Query())}
        strips = read.strips(store, list(keys.values()))
    assert set(strips) == {keys["asystole"], keys["pause"]}
    strip = strips[keys["asystole"]]
    assert (strip.fs, strip.start, strip.leads) == (FS, 2500, LEADS)
    assert strip.beats == ((3000, "V"), (5100, "S"))
    np.testing.assert_allclose(strip.samples, expected(2500, 6250), atol=1e-9)
