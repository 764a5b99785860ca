"""Pauses of sound where the clock that should end them stands still."""

from msgspec.structs import replace

from monitor.announcing import sounding
from monitor.events import AudioPause
from monitor.link import Entry
from monitor.snapshots import BedSnapshot, WardSnapshot
from monitor.station.pauses import Pauses
from tests.wards import FS, a_bed, an_alarm, with_alarms


def paused(seconds: float) -> BedSnapshot:
    bed = with_alarms(a_bed(), an_alarm("asystole", "high", "ASYSTOLE"))
    return replace(bed, audio_paused_until=bed.index + round(seconds * FS))


def left(ward: WardSnapshot) -> list[float]:
    return [bed.audio_pause_s for bed in ward.beds]


def test_a_pause_of_a_bed_whose_signal_stands_still_ends_by_the_station_s_clock() -> None:
    """Whoever paused for two minutes is told again after two minutes, whatever has died meanwhile."""
    pauses, ward = Pauses(), WardSnapshot(beds=(paused(120.0), a_bed("bed-2")))
    assert ([120.0, 0.0], None) == (left(pauses.run_down(ward, 1000.0)), sounding(*ward.beds))
    assert [20.0, 0.0] == left(pauses.run_down(ward, 1100.0))
    for after_s in (1120.0, 1121.0, 9999.0):
        again = pauses.run_down(ward, after_s)
        assert ([0.0, 0.0], "high") == (left(again), sounding(*again.beds))


def test_a_station_s_own_countdown_does_not_lengthen_a_pause() -> None:
    """What was run down and is looked at again, as where no new ward comes, goes on from there."""
    pauses, ward = Pauses(), WardSnapshot(beds=(paused(10.0),))
    for tick in range(81):
        ward = pauses.run_down(ward, 5.0 + tick / 8)
    assert [0.0] == left(ward)


def test_a_pause_that_the_signal_ends_first_ends_then() -> None:
    """A simulated ward may run faster than the clock."""
    pauses, bed = Pauses(), paused(120.0)
    pauses.run_down(WardSnapshot(beds=(bed,)), 0.0)
    later = replace(bed, index=bed.index + round(119 * FS))
    assert [1.0] == left(pauses.run_down(WardSnapshot(beds=(later,)), 10.0))


def test_who_pauses_again_has_the_whole_time_again() -> None:
    """While a signal stands still the sample at which a pause ends is the same; the event tells."""
    pauses, bed = Pauses(), paused(120.0)
    ward = WardSnapshot(beds=(bed,))
    pauses.run_down(ward, 0.0)
    assert [20.0] == left(pauses.run_down(ward, 100.0))
    event = AudioPause(sample=bed.index, decided=bed.index, state="start", until=bed.index + 1)
    pauses.told([Entry(bed=bed.bed, record="", time_ns=0, fs=FS, event=event)])
    assert [120.0] == left(pauses.run_down(ward, 100.0))
    assert [0.0] == left(pauses.run_down(WardSnapshot(beds=(a_bed(),)), 101.0))
    assert [120.0] == left(pauses.run_down(ward, 500.0))
