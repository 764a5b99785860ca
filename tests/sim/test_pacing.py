"""Pacing: absolute deadlines, so that nothing adds up, and an error that is measured."""

import pytest

from sim.pacing import ManualClock, Pacer, PacingError, SystemClock

_MINUTES_30 = 30 * 60


@pytest.mark.parametrize("fs", [250.0, 360.0, 1000.0, 257.0])
@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
def test_half_an_hour_of_deadlines_does_not_drift(fs: float, speed: float) -> None:
    """Under a clock that is late at every wait: the last deadline is as exact as the first."""
    clock = ManualClock()
    clock.late_ns = 300_000
    pacer = Pacer(clock.now_ns(), fs=fs, speed=speed)
    late = []
    for second in range(1, _MINUTES_30 + 1):
        due_ns = pacer.due_ns(round(second * fs))
        assert abs(due_ns - round(second * fs) / fs / speed * 1e9) <= 1
        clock.wait(due_ns, lambda _: False)
        late.append(clock.now_ns() - due_ns)
    assert set(late) == {300_000}


def test_drift_of_the_device_clock_is_what_was_asked_for() -> None:
    """100 ppm too fast: 180 ms in half an hour."""
    true, fast = Pacer(0, fs=360.0), Pacer(0, fs=360.0, drift_ppm=100.0)
    n = 360 * _MINUTES_30
    assert (true.due_ns(n) - fast.due_ns(n)) / 1e6 == pytest.approx(180.0, rel=1e-3)


def test_samples_until_is_the_inverse_of_due() -> None:
    """A run of so many seconds has so many samples, whatever the machine does."""
    pacer = Pacer(5_000, fs=360.0, speed=3.0)
    for n in (0, 1, 359, 360, 1_000_003):
        assert pacer.samples_until(pacer.due_ns(n)) == n
    assert pacer.samples_until(0) == 0


def test_speed_of_zero_is_a_mistake() -> None:
    """Time goes forward."""
    with pytest.raises(ValueError, match="speed: expected more than 0"):
        Pacer(0, fs=360.0, speed=0.0)


def test_percentiles_of_the_pacing_error() -> None:
    """To 50 us, the largest exactly; an error past the histogram is kept too."""
    error = PacingError()
    for number in range(100):
        error.add(number * 100_000)
    assert error.percentile_ms(50) == pytest.approx(4.95)
    assert error.percentile_ms(99) == pytest.approx(9.85)
    error.add(10_000_000_000)
    assert error.summary()["max"] == 10_000.0
    assert error.percentile_ms(100) == pytest.approx(2000.0)
    assert PacingError().summary() == {"p50": 0.0, "p99": 0.0, "max": 0.0}


def test_system_clock_waits_until_its_time_or_until_something_comes() -> None:
    """The poll is asked first, with what time is left; the rest is slept."""
    clock = SystemClock()
    asked: list[int] = []
    due_ns = clock.now_ns() + 5_000_000

    def poll(timeout_ms: int) -> bool:
        asked.append(timeout_ms)
        return False

    assert not clock.wait(due_ns, poll)
    assert clock.now_ns() >= due_ns
    assert max(asked) <= 4
    assert clock.wait(clock.now_ns() + 10**12, lambda _: True)
