"""What the run before left, as it is shown until anything else is known of a bed."""

from monitor import bequest
from monitor.announcing import sounding
from monitor.handover import Bedside, Handover
from monitor.settings import AlarmSettings
from tests.store.told import NOW_NS, SECOND, alarm, step

LIMITS = AlarmSettings().limits()


def test_what_stood_is_shown_and_calls_before_anything_can_be_analysed() -> None:
    """The alarms with their state, and limits as somebody set them; trouble of the old process is over."""
    left = Handover(
        alarms=(
            alarm("asystole"),
            step(alarm("pause"), "acknowledged", at=3000, by="Ada"),
            alarm("classifier_failed"),
        ),
        bedside=Bedside(limits={"high_rate_bpm": 130.0}),
    )
    bed = bequest.shown("7", left, limits=LIMITS, now_ns=NOW_NS)
    assert [("asystole", False), ("pause", True)] == [(one.kind, one.acknowledged) for one in bed.alarms]
    assert ("waiting", 130.0, 50.0) == (bed.status, bed.limits["high_rate_bpm"], bed.limits["low_rate_bpm"])
    assert "high" == sounding(bed)


def test_sound_that_was_paused_is_silent_meanwhile() -> None:
    """For the rest of its time, by the wall clock."""
    left = Handover(alarms=(alarm("asystole"),), bedside=Bedside(quiet_until_ns=NOW_NS + 60 * SECOND))
    bed = bequest.shown("7", left, limits=LIMITS, now_ns=NOW_NS)
    assert (60.0, None) == (bed.audio_pause_s, sounding(bed))
    late = bequest.shown("7", left, limits=LIMITS, now_ns=NOW_NS + 61 * SECOND)
    assert (0.0, "high") == (late.audio_pause_s, sounding(late))
