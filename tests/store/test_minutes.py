"""Minutes of a bed: every second and every confirmed beat counts once, in its own minute."""

import msgspec

from monitor.events import Stream
from monitor.link import Entry
from monitor.store.minutes import Minute, Minutes
from tests.store.told import FS, NOW_NS, SECOND, beat, entry, rate


def told(*entries: Entry) -> list[Minute]:
    """Return all minutes of what is told, those at the end included."""
    minutes = Minutes()
    return [minute for one in entries for minute in minutes.push(one)] + minutes.flush()


def a_minute(start: int, hr_bpm: float | None = 70.0) -> list[Entry]:
    return [rate(start + second, hr_bpm) for second in range(60)]


def test_a_minute_is_told_once_a_beat_behind_it_has_its_label() -> None:
    """Late labels change nothing: beats are counted where they were, not when they were labelled."""
    minutes = Minutes()
    first = [*a_minute(0), rate(60, 80.0), rate(61, 80.0), beat(1, "N"), beat(2, "V", provisional=True)]
    assert [minute for one in first for minute in minutes.push(one)] == []
    assert minutes.push(beat(2, "V")) == []
    (minute,) = minutes.push(beat(60.5, "S"))
    assert minute == Minute(
        bed="1",
        record="208",
        time_ns=NOW_NS,
        fs=FS,
        sample=0,
        seconds=60,
        hr_bpm=70.0,
        hr_low_bpm=70.0,
        hr_high_bpm=70.0,
        beats=(1, 0, 1, 0, 0),
    )
    (rest,) = minutes.flush()
    assert (rest.sample, rest.seconds, rest.beats) == (round(60 * FS), 2, (0, 1, 0, 0, 0))


def test_seconds_without_a_known_rate_count_as_watched() -> None:
    """Asystole is watched signal; the rate is the median of what was known."""
    (minute,) = told(rate(0, None), rate(1, 60.0), rate(2, 90.0), rate(3, 70.0))
    assert (minute.seconds, minute.hr_bpm, minute.hr_low_bpm, minute.hr_high_bpm) == (4, 70.0, 60.0, 90.0)
    (nothing,) = told(rate(0, None))
    assert (nothing.seconds, nothing.hr_bpm, nothing.hr_low_bpm) == (1, None, None)


def test_a_minute_without_beats_is_told_before_long() -> None:
    """No beat will ever close it; and what is held stays bounded."""
    minutes = Minutes()
    out = [minute for second in range(400) for minute in minutes.push(rate(second, None))]
    assert [minute.sample for minute in out] == [round(60 * FS) * number for number in range(5)]


def test_a_new_stream_closes_what_the_old_one_had() -> None:
    """Its samples may begin at 0 again."""
    stream = entry(Stream(sample=0, decided=0, stream="2", fs=FS, leads=("II",)))
    out = told(*a_minute(0), stream, *a_minute(0, 50.0))
    assert [(minute.sample, minute.hr_bpm) for minute in out] == [(0, 70.0), (0, 50.0)]


def test_a_bed_that_left_is_forgotten() -> None:
    """Law 5: a device with a new name at each start does not fill the memory."""
    minutes = Minutes()
    minutes.push(rate(5, 70.0))
    stream = entry(Stream(sample=0, decided=0, stream="2", fs=FS, leads=("II",)), bed="2")
    soon = msgspec.structs.replace(stream, time_ns=NOW_NS + 500 * SECOND)
    late = msgspec.structs.replace(stream, time_ns=NOW_NS + 700 * SECOND)
    assert minutes.push(soon) == []
    assert [minute.bed for minute in minutes.push(late)] == ["1"]
    assert minutes.flush() == []


def test_the_last_minute_of_a_bed_is_told_when_it_has_ended_or_is_long_silent() -> None:
    """Nothing comes that would close it; one that goes on is left alone."""
    minutes = Minutes()
    for bed in ("1", "2", "3"):
        for second in range(30):
            minutes.push(msgspec.structs.replace(rate(second, 70.0), bed=bed))
    at_ns = NOW_NS + 30 * SECOND
    assert [("1", 30)] == [(one.bed, one.seconds) for one in minutes.settle(at_ns, ended=("1", "9"))]
    minutes.push(msgspec.structs.replace(rate(30, 70.0), bed="3", time_ns=at_ns + 500 * SECOND))
    assert [("2", 30)] == [(one.bed, one.seconds) for one in minutes.settle(at_ns + 700 * SECOND)]
    assert ["3"] == [one.bed for one in minutes.flush()]
