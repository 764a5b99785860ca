"""Holes in the signal: what is known stays known, nothing is judged over them, and too many are an alarm."""

import msgspec
import numpy as np
import pytest

from monitor.darkness import Darkness
from monitor.events import Alarm, Beat, Gap, LeadQuality, Rate
from monitor.settings import AlarmSettings
from tests.alarm_cases import FS, Holes, Manner, Played, play

_LETHAL = ("asystole", "ventricular_fibrillation", "ventricular_tachycardia")
_ASYSTOLE, _VF, _VT = "sinus:20@75, asystole:60", "sinus:20@75, vf:60", "sinus:20@75, vt:60@160"
_PACKET_S = 0.32


def _random(seconds: float, share: float, seed: int) -> list[tuple[int, int]]:
    """Return gaps of random packets, adjoining ones as one."""
    size = round(_PACKET_S * FS)
    lost = np.random.default_rng(seed).random(int(seconds * FS / size)) < share
    lost[: int(5 * FS / size)] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]]))) * size
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _told_s(played: Played, *kinds: str, since: float) -> float:
    """Return how long after a time one of some alarms stands."""
    lives = [life for kind in kinds for life in played.lives(kind)]
    return min((max(start - since, 0.0) for start, end in lives if end > since), default=np.inf)


@pytest.mark.parametrize(
    ("script", "period_s", "kind", "within_s"),
    [
        (_ASYSTOLE, 7.0, "asystole", 6.0),
        (_ASYSTOLE, 3.0, "asystole", 7.0),
        (_VF, 7.0, "ventricular_fibrillation", 6.0),
        (_VF, 3.0, "ventricular_fibrillation", 6.0),
        (_VT, 3.0, "ventricular_tachycardia", 6.0),
    ],
)
def test_short_holes_do_not_silence_what_kills(
    script: str, period_s: float, kind: str, within_s: float
) -> None:
    """0.3 s lost again and again: the signal that did come shows it, within ten seconds."""
    gaps = Holes(1.0, 80.0, period_s, 0.3).gaps()
    assert within_s >= _told_s(play(script, gaps=gaps), kind, since=19.5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("script", [_ASYSTOLE, _VF, _VT], ids=["asystole", "vf", "vt"])
def test_what_kills_or_that_it_cannot_be_told_stands_within_ten_seconds(
    script: str, share: float, seed: int
) -> None:
    """Packets lost at random: the alarm where the signal shows it, else a technical alarm that stands."""
    played = play(script, gaps=_random(80, share, seed))
    assert 11.0 >= _told_s(played, *_LETHAL, "cannot_analyse", "signal_gaps", since=19.5)


@pytest.mark.parametrize("bpm", [40, 50, 60, 75])
@pytest.mark.parametrize(
    "gaps",
    [
        Holes(10, 120, 3.0, 0.3).gaps(),
        Holes(10, 120, 1.7, 0.3).gaps(),
        *(_random(120, 0.2, k) for k in range(3)),
    ],
    ids=["3 s", "1.7 s", "random 0", "random 1", "random 2"],
)
def test_beats_that_hide_in_holes_are_no_asystole(bpm: int, gaps: list[tuple[int, int]]) -> None:
    """Nor a pause, nor a bradycardia or a tachycardia of 60 and 75 bpm."""
    played = play(f"sinus:120@{bpm}", gaps=gaps)
    false = ["asystole", "ventricular_fibrillation", "pause", "missed_beat", "lead_off", "high_rate"]
    false += ["low_rate", "extreme_bradycardia"] if bpm >= 60 else []
    assert [] == [e.kind for e in played.events if isinstance(e, Alarm) and e.kind in false]


def test_a_hole_is_no_change_of_a_lead_and_no_rr_spans_it() -> None:
    """What never came says nothing of electrodes; a beat may hide in it."""
    gaps = [(round(10.2 * FS), round(11.4 * FS))]
    events = play("sinus:20@75", gaps=gaps).events
    beats = [event for event in events if isinstance(event, Beat)]
    first = next(k for k, beat in enumerate(beats) if beat.sample > gaps[0][1])
    assert [] == [event for event in events if isinstance(event, LeadQuality)]
    assert beats[0].rr is None
    assert [first] == [k for k, beat in enumerate(beats) if beat.rr is None and k > 0]
    assert beats[first].sample - gaps[0][1] < FS
    assert None not in [e.hr_bpm for e in events if isinstance(e, Rate) and e.sample > 8 * FS]


def test_after_a_long_gap_all_is_learned_anew() -> None:
    """Longer than ``filters.resume_s``: the next patient may lie there."""
    stop = round(13 * FS)
    rates = [
        event.hr_bpm
        for event in play("sinus:20@75", gaps=[(round(10 * FS), stop)]).events
        if isinstance(event, Rate) and stop <= event.sample < stop + FS
    ]
    assert [None] == rates


@pytest.mark.parametrize(
    "manner", [Manner(block=17), Manner(block=1009), Manner(held=9), Manner(block=90, restarts=True)], ids=str
)
def test_neither_partition_nor_a_restart_changes_what_holes_bring(manner: Manner) -> None:
    """Laws 1 and 2, over bridged gaps, holes and long gaps."""
    script = "sinus:20@75, vt:10@160, sinus:6@75, asystole:14, sinus:6@75, vf:14"
    long, short = [(round(31 * FS), round(34 * FS))], [(round(5 * FS), round(5.1 * FS))]
    gaps = sorted([*short, *long, *(g for g in _random(70, 0.25, 1) if not 30 * FS < g[1] < 36 * FS)])
    assert _all(play(script, gaps=gaps)) == _all(play(script, gaps=gaps, manner=manner))


@pytest.mark.parametrize("seconds", [2.5, 4.0, 6.0, 12.0, 40.0])
def test_a_tachycardia_found_again_behind_a_long_gap_goes_on_as_the_same_alarm(seconds: float) -> None:
    """Beats that could not come in the gap are no silence that ends it."""
    gap = (round(40 * FS), round((40 + seconds) * FS))
    (life,) = play("sinus:20@75, vt:80@160, sinus:5@75", gaps=[gap]).lives("ventricular_tachycardia")
    assert life[0] < 23
    assert life[1] > 99


def test_a_tachycardia_that_is_not_found_again_behind_a_long_gap_is_over_in_time() -> None:
    """By an ordinary beat; where none comes, ``carry_s`` behind the last gap, long as that may be."""
    gaps = [(round(30 * FS), round(33 * FS)), (round(38 * FS), round(60 * FS))]
    (life,) = play("sinus:10@75, vt:20@160, sinus:40@75", gaps=gaps[:1]).lives("ventricular_tachycardia")
    assert 33 < life[1] < 37
    (life,) = play("sinus:10@75, vt:20@160, asystole:60", gaps=gaps).lives("ventricular_tachycardia")
    assert 70 <= life[1] < 70.1


@pytest.mark.parametrize(
    "manner",
    [Manner(block=17), Manner(block=1009), Manner(held=40), Manner(block=90, restarts=True)],
    ids=str,
)
@pytest.mark.parametrize("then", ["vt:30@160, sinus:5@75", "svt:35@170", "asystole:35"])
def test_neither_partition_nor_a_restart_changes_what_gaps_make_of_a_tachycardia(
    manner: Manner, then: str
) -> None:
    """Laws 1 and 2: carried by gaps and holes, found again or not."""
    script = f"sinus:10@75, vt:30@160, {then}"
    seconds = [(20, 23), (30, 36), (37, 38), (40, 45), (48, 48.5), (52, 55)]
    gaps = [(round(start * FS), round(stop * FS)) for start, stop in seconds]
    assert _all(play(script, gaps=gaps)) == _all(play(script, gaps=gaps, manner=manner))


@pytest.mark.parametrize("seconds", [0.5, 3.0, 15.0])
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("sinus:12@75, svt:40@170, sinus:15@75", "supraventricular_tachycardia"),
        ("sinus:12@75, ivr:40@70, sinus:15@75", "idioventricular"),
        ("sinus:12@75, bigeminy:40@75, sinus:15@75", "bigeminy"),
    ],
)
def test_what_confirmed_labels_find_again_goes_on_as_the_same_alarm(
    script: str, kind: str, seconds: float
) -> None:
    """Over a hole and over a gap, within ``carry_s`` behind it; the first beat there ends nothing yet."""
    gap = (round(27 * FS), round((27 + seconds) * FS))
    (life,) = play(script, gaps=[gap]).lives(kind)
    assert life[0] < 20
    assert 50 < life[1] < 62


def test_what_confirmed_labels_do_not_find_again_is_over_in_time() -> None:
    """Sinus rhythm behind the hole: ``carry_s`` after its first beat."""
    gap = (round(27 * FS), round(28 * FS))
    (life,) = play("sinus:12@75, svt:15@170, sinus:25@75", gaps=[gap]).lives("supraventricular_tachycardia")
    assert 38 < life[1] < 41


def _all(played: Played) -> list[bytes]:
    return sorted(msgspec.json.encode(e) for e in played.events if isinstance(e, Alarm | Beat | Rate | Gap))


def test_signal_gaps_stand_until_the_signal_is_whole() -> None:
    """One alarm for as long as it goes on, over once five whole seconds have come."""
    played = play("sinus:80@75", gaps=Holes(10, 60, 1.0, 0.4).gaps())
    (life,) = played.lives("signal_gaps")
    assert 10 < life[0] <= 20
    assert 65 <= life[1] <= 66


def test_one_new_start_is_no_signal_gap_and_the_second_soon_after_is() -> None:
    """A device that opens a stream every six seconds never lets asystole be told: somebody must know."""
    settings = AlarmSettings()
    dark = Darkness(settings, fs=FS)
    dark.begin(0, None)
    due = []
    for _ in range(3):
        before, dark = dark, Darkness(settings, fs=FS)
        dark.begin(100, before.spans(round(6 * FS) + 100))
        due.append(dark.due)
    assert [None, 100, 100] == due
