"""How alarms call: pulses, bursts and flashing, as IEC 60601-1-8 orders them."""

from itertools import pairwise

from monitor.signals import BURST_S, FLASH_HZ, PULSES_S, Bell, Call, dark


def rings(calls: list[tuple[float, Call | None]], *, until_s: float, step_s: float = 0.05) -> list[float]:
    """Return when the bell rings while what calls changes at the times given."""
    bell, rung, now = Bell(), [], 0.0
    while now < until_s:
        call = next((c for at, c in reversed(calls) if at <= now), None)
        if bell.due(call, 100 + now):
            rung.append(round(now, 2))
        now = round(now + step_s, 6)
    return rung


def test_a_high_alarm_rings_two_groups_of_five() -> None:
    """3 + 2, a rest, 3 + 2; then 2.5 to 15 s of rest before it begins again."""
    rung = rings([(0.0, "high")], until_s=7.9)
    assert 10 == len(rung)
    gaps = [b - a for a, b in pairwise(rung)]
    assert [0.2, 0.2, 0.4, 0.2, 0.8, 0.2, 0.2, 0.4, 0.2] == [round(gap, 1) for gap in gaps]
    assert 2.5 <= BURST_S["high"] - PULSES_S["high"][-1] <= 15
    assert rings([(0.0, "high")], until_s=8.2)[10] == 8.0


def test_medium_rings_three_times_and_low_once() -> None:
    """Fewer pulses, longer rests."""
    assert [0.0, 0.3, 0.6, 15.0, 15.3, 15.6] == rings([(0.0, "medium")], until_s=20)
    assert [0.0, 30.0] == rings([(0.0, "low")], until_s=31)
    assert 2.5 <= BURST_S["medium"] - PULSES_S["medium"][-1] <= 30


def test_something_worse_is_heard_at_once() -> None:
    """A burst of less is broken off; when the worse is over, the rest before the next burst is kept."""
    rung = rings([(0.0, "medium"), (0.5, "high"), (4.0, "medium")], until_s=20)
    assert [0.0, 0.3, 0.5] == rung[:3]
    assert 10 == len([at for at in rung if 0.5 <= at < 4.0])
    assert [19.0, 19.3, 19.6] == [at for at in rung if at >= 4.0]


def test_silence_ends_a_burst_and_a_new_alarm_begins_one() -> None:
    """Acknowledged in the midst of a burst: not one pulse more."""
    assert [0.0, 0.2, 5.0, 5.3, 5.6] == rings([(0.0, "high"), (0.3, None), (5.0, "medium")], until_s=12)


def test_a_standstill_is_not_made_up_for() -> None:
    """One ring after a pause of the program, not a volley."""
    bell = Bell()
    assert bell.due("high", 0.0)
    assert bell.due("high", 60.5)
    assert not bell.due("high", 60.55)


def test_high_flashes_fast_medium_slowly_and_low_not_at_all() -> None:
    """1.4 to 2.8 Hz and 0.4 to 0.8 Hz, half of the time lit."""
    assert 1.4 <= FLASH_HZ["high"] <= 2.8
    assert 0.4 <= FLASH_HZ["medium"] <= 0.8
    states = [dark(ms * 1_000_000) for ms in range(0, 10_000, 10)]
    for priority, hz in FLASH_HZ.items():
        seen = [priority in state for state in states]
        assert 500 == sum(seen)
        assert round(10 * 2 * hz) - 1 == sum(a != b for a, b in pairwise(seen))
    assert not any({"low", "technical"} & state for state in states)
