"""The order of events: signal time, whatever the order in which they arrived."""

from itertools import permutations
from typing import Literal

import pytest

from monitor.events import Alarm, Beat, Event, Gap, LabelledBeat, LeadQuality, Rate, Rhythm, sort_key


def vt(state: Literal["start", "end", "acknowledged", "cleared"], onset: int, decided: int = 8000) -> Alarm:
    return Alarm(
        sample=onset,
        decided=decided,
        kind="ventricular_tachycardia",
        priority="high",
        state=state,
        text="VENT TACHY",
    )


def test_what_was_known_first_stands_first() -> None:
    """By ``decided``; at one sample causes stand before what follows from them, ends behind starts."""
    expected: list[Event] = [
        Beat(sample=900, decided=1000, rr=None),
        Gap(sample=1000, decided=1100, stop=1100),
        LeadQuality(sample=1090, decided=1100, lead=0, state="off"),
        LeadQuality(sample=1090, decided=1100, lead=1, state="off"),
        Rate(sample=1100, decided=1100, hr_bpm=None),
        LabelledBeat(sample=900, decided=1100, label="V"),
        Rhythm(sample=900, decided=1100, rhythm="(VT", state="start"),
        Rhythm(sample=900, decided=1100, rhythm="(VT", state="end"),
        vt("start", 900, decided=1100),
    ]
    backwards = expected[::-1]
    assert expected == sorted(backwards, key=sort_key)
    for shuffled in permutations(expected[2:6]):
        assert expected[2:6] == sorted(shuffled, key=sort_key)


@pytest.mark.parametrize("onset", [100, 7000, 7900, 90_000], ids=["older", "just older", "younger", "later"])
def test_an_old_alarm_is_cleared_before_a_new_one_of_its_kind_starts(onset: int) -> None:
    """Whatever their onsets: those of an earlier stream may be the larger ones, or even the same."""
    told: list[Event] = [
        vt("end", onset),
        vt("cleared", onset),
        vt("start", 7900),
        vt("end", 7900),
        vt("cleared", 7900),
    ]
    beat = Beat(sample=7900, decided=8000, rr=300)
    assert [beat, *told] == sorted([*told, beat], key=sort_key)
