"""What raises an alarm, at which sample, and how long it stands."""

import itertools
import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import pytest

from monitor.alarms import DEFINITIONS, Alarms, announced
from monitor.definitions import raised
from monitor.events import Alarm, Beat, Event, Label, LabelledBeat, LeadQuality, Rate, Rhythm, sort_key
from monitor.rhythm import HeartRate, Rhythms
from monitor.settings import AlarmSettings, RhythmSettings

FS = 100.0
Step = tuple[str, str, int]


def make(*, n_leads: int = 1, settings: AlarmSettings | None = None, **more: object) -> Alarms:
    """Return the alarms of a bed at 100 Hz."""
    return Alarms(settings or AlarmSettings(), fs=FS, n_leads=n_leads, **more)  # type: ignore[arg-type]


def beats(samples: Iterable[int], delay: int = 20) -> list[Beat]:
    """Return beats at these samples, each reported ``delay`` samples late."""
    given = list(samples)
    return [
        Beat(sample=at, decided=at + delay, rr=None if i == 0 else at - given[i - 1])
        for i, at in enumerate(given)
    ]


def quality(at: int, state: str, lead: int = 0, *, since: int | None = None) -> LeadQuality:
    """Return a lead's change of state, decided at ``at``."""
    return LeadQuality(sample=at if since is None else since, decided=at, lead=lead, state=state)  # type: ignore[arg-type]


def flutter(start: int, end: int) -> list[Rhythm]:
    """Return flutter decided to start and end at these samples."""
    return [
        Rhythm(sample=start - 400, decided=start, rhythm="(VFL", state="start"),
        Rhythm(sample=end - 200, decided=end, rhythm="(VFL", state="end"),
    ]


def drive(alarms: Alarms, events: Sequence[Event], until: int) -> list[Alarm]:
    """Return all steps that follow from the events, up to (not at) ``until``."""
    steps = [step for event in sorted(events, key=sort_key) for step in alarms.observe(event)]
    return steps + alarms.advance(until)


def told(steps: Iterable[Alarm], kind: str = "") -> list[Step]:
    """Return kind, state and decision of each step, of one kind if so asked."""
    return [(step.kind, step.state, step.decided) for step in steps if kind in ("", step.kind)]


def starts(steps: Iterable[Alarm]) -> list[tuple[str, int]]:
    """Return kind and decision of what started."""
    return [(step.kind, step.decided) for step in steps if step.state == "start"]


# -- asystole ----------------------------------------------------------------------------------------


def test_asystole_is_raised_exactly_four_seconds_after_the_last_qrs() -> None:
    """Decided at the last QRS + 4 s, about that QRS; ended by the next beat; latched."""
    steps = drive(make(), beats([100, 180, 260, 340, 1340, 1420]), 1500)
    assert [340] == [step.sample for step in steps if step.kind == "asystole" and step.state == "start"]
    assert [("asystole", "start", 740), ("asystole", "end", 1360)] == told(steps, "asystole")


def test_no_asystole_one_sample_earlier() -> None:
    """Four seconds must have passed, and a beat decided at that very sample still counts."""
    assert [] == told(drive(make(), beats([100, 180]), 580), "asystole")
    assert [("asystole", "start", 580)] == told(drive(make(), beats([100, 180]), 581), "asystole")
    assert [] == told(drive(make(), beats([100, 180, 560]), 900), "asystole")


def test_a_beat_reported_too_late_ends_the_asystole_that_it_refutes() -> None:
    """A beat with an earlier sample, decided later (search-back), ends the alarm where it is decided."""
    late = [Beat(sample=500, decided=640, rr=320)]
    steps = told(drive(make(), [*beats([100, 180]), *late], 800), "asystole")
    assert [("asystole", "start", 580), ("asystole", "end", 640)] == steps


def test_before_the_first_beat_asystole_waits_for_the_learning_time() -> None:
    """Learning (4 s), then the asystole time on a signal that could be analysed."""
    assert [("asystole", "start", 1800)] == told(drive(make(start=1000), [], 3000))


def test_a_beat_in_the_learning_time_starts_the_clock_at_once() -> None:
    """The first beat ends the learning."""
    assert ("asystole", 520) in starts(drive(make(), beats([120]), 2000))


def test_no_asystole_while_no_lead_can_be_analysed() -> None:
    """All leads off: the leads, then cannot analyse, are told; asystole is not."""
    events = [*beats([100, 180, 260]), quality(300, "off", 0), quality(310, "noisy", 1)]
    steps = drive(make(n_leads=2, lead_names=("MLII", "V1")), events, 5000)
    assert [("lead_off", 300), ("cannot_analyse", 510)] == starts(steps)
    assert ["LEAD OFF MLII", "CANNOT ANALYSE"] == [step.text for step in steps if step.state == "start"]


def test_one_usable_lead_is_enough_for_asystole() -> None:
    """One of two leads off: asystole is told."""
    steps = drive(make(n_leads=2), [*beats([100, 180]), quality(200, "off", 1)], 5000)
    assert ("asystole", 580) in starts(steps)


def test_a_short_unusable_stretch_stops_the_clock_and_a_long_one_restarts_it() -> None:
    """Half a second blind: half a second later. Blind for more than two: counted from its end."""
    short = [*beats([100, 180]), quality(300, "noisy"), quality(350, "good")]
    assert ("asystole", 630) in starts(drive(make(), short, 5000))
    long = [*beats([100, 180]), quality(300, "noisy"), quality(600, "good")]
    assert [("cannot_analyse", 500), ("asystole", 1000)] == starts(drive(make(), long, 5000))


def test_a_lead_gone_flat_with_the_heart_counts_and_a_dead_lead_does_not() -> None:
    """Flat since the last beat: asystole. Flat while the heart beat on elsewhere: dead, knows nothing."""
    stopped = [*beats([100, 180]), quality(1050, "flat", since=250)]
    assert [("pause", 430), ("asystole", 580)] == starts(drive(make(), stopped, 5000))
    dead = [
        *beats(range(100, 2000, 80)),
        quality(1200, "flat", 0, since=400),
        quality(2000, "off", 1),
    ]
    assert [("lead_off", 2000), ("cannot_analyse", 2200)] == starts(drive(make(n_leads=2), dead, 5000))


def test_asystole_that_can_no_longer_be_seen_ends_and_cannot_analyse_takes_over() -> None:
    """What is not known is not claimed to last; latched, it still stands."""
    alarms = make()
    steps = drive(alarms, [*beats([100, 180]), quality(700, "off")], 1000)
    assert [("asystole", "start", 580), ("asystole", "end", 900)] == told(steps, "asystole")
    assert ("cannot_analyse", "start", 900) in told(steps)
    assert "asystole" in [alarm.kind for alarm in alarms.standing()]


# -- fibrillation ------------------------------------------------------------------------------------


def test_fibrillation_is_raised_and_no_asystole_while_it_lasts() -> None:
    """Asystole means no fibrillation; its clock starts anew when fibrillation is over."""
    steps = drive(make(), [*beats([100, 180]), *flutter(550, 1500)], 3000)
    assert [("pause", 430), ("ventricular_fibrillation", 550), ("asystole", 1900)] == starts(steps)
    assert ("ventricular_fibrillation", "end", 1500) in told(steps)


def test_fibrillation_found_after_asystole_ends_it_and_is_what_is_announced() -> None:
    """What lasts is announced before what is only latched."""
    alarms = make()
    steps = drive(alarms, [*beats([100, 180]), *flutter(650, 5000)[:1]], 2000)
    assert [("asystole", "start", 580), ("asystole", "end", 650)] == told(steps, "asystole")
    assert "ventricular_fibrillation" == announced(alarms.standing())[0].kind


def test_complexes_found_in_fibrillation_raise_no_rate_alarm() -> None:
    """Rates mean nothing in fibrillation."""
    events = [*flutter(500, 3000), *beats(range(520, 2900, 30)), Rate(sample=900, decided=900, hr_bpm=200.0)]
    assert [("ventricular_fibrillation", 500)] == starts(drive(make(), events, 2950))


# -- rates -------------------------------------------------------------------------------------------


def test_extreme_tachycardia_needs_seventeen_beats() -> None:
    """HR > 140 over 17 consecutive beats: told at the 17th, about the first; not at 140."""
    steps = drive(make(), beats(range(100, 100 + 17 * 42, 42)), 900)
    assert [("extreme_tachycardia", 100 + 16 * 42 + 20)] == starts(steps)
    assert [100] == [step.sample for step in steps]
    assert pytest.approx(60 / 0.42) == steps[0].value
    assert [] == drive(make(), beats(range(100, 100 + 16 * 42, 42)), 800)
    assert [] == drive(make(), beats(range(100, 100 + 30 * 43, 43)), 1400)


def test_extreme_bradycardia_needs_five_beats() -> None:
    """HR < 40 over 5 consecutive beats: told at the fifth; not at 40."""
    calm = AlarmSettings(pause_s=3.0, pause_ratio=9.0)
    steps = drive(make(settings=calm), beats(range(100, 100 + 5 * 160, 160)), 800)
    assert [("extreme_bradycardia", 760)] == starts(steps)
    assert [] == drive(make(settings=calm), beats(range(100, 100 + 4 * 160, 160)), 700)
    assert [] == drive(make(settings=calm), beats(range(100, 100 + 9 * 150, 150)), 1400)


def test_a_rate_that_hovers_at_its_limit_raises_one_alarm() -> None:
    """An alarm ends once the rate is 5 bpm inside its limit, not before."""
    events = [
        Rate(sample=at, decided=at, hr_bpm=hr)
        for at, hr in [(100, 119.0), (200, 121.0), (300, 118.0), (400, 121.0), (500, 115.0), (600, 119.0)]
    ]
    steps = drive(make(), [*beats([90]), *events], 601)
    assert [
        ("high_rate", "start", 200),
        ("high_rate", "end", 500),
        ("high_rate", "cleared", 500),
    ] == told(steps, "high_rate")


@pytest.mark.parametrize(
    ("rr_s", "settings", "kind"),
    [
        (0.50, AlarmSettings(high_rate_bpm=100.0), "high_rate"),
        (1.50, AlarmSettings(low_rate_bpm=60.0, high_rate_bpm=110.0), "low_rate"),
    ],
)
@pytest.mark.parametrize("phase", [0, 13, 37, 61, 88])
def test_a_step_of_the_rate_is_announced_within_seven_seconds(
    rr_s: float, settings: AlarmSettings, kind: str, phase: int
) -> None:
    """80 -> 120 bpm with the limit at 100, and 80 -> 40 with the limit at 60: within 7 s of the step."""
    step = 1500 + phase
    given = beats([*range(phase, step + 1, 75), *range(step + round(rr_s * FS), 4000, round(rr_s * FS))])
    heart = HeartRate(fs=FS)
    rates = [rate for beat in given for rate in heart.observe(beat)] + heart.advance(4000)
    steps = drive(make(settings=settings), [*given, *rates], 4000)
    at = next(decided for name, decided in starts(steps) if name == kind)
    assert step < at <= step + 700


def test_an_unknown_rate_raises_nothing_and_ends_what_stood() -> None:
    """No rate, no rate alarm."""
    events = [Rate(sample=100, decided=100, hr_bpm=30.0), Rate(sample=200, decided=200, hr_bpm=None)]
    assert ["start", "end", "cleared"] == [step.state for step in drive(make(), events, 300)]


# -- pause -------------------------------------------------------------------------------------------


def test_a_pause_is_told_with_the_beat_that_ends_it_and_stands_five_seconds() -> None:
    """RR > 2 s: about the beat before it, told when the RR is known, no longer than momentary things."""
    steps = drive(make(), beats([100, 200, 410, 510, 610, 710, 810, 910, 1010]), 1200)
    assert [("pause", "start", 430), ("pause", "end", 930), ("pause", "cleared", 930)] == told(steps)
    assert (200, 2.1) == (steps[0].sample, steps[0].value)


def test_a_pause_that_lasts_is_told_while_it_lasts() -> None:
    """2 s and the time that a QRS needs to be reported; it stands on as long as the pause does."""
    steps = drive(make(), beats([100, 200, 1500]), 1700)
    assert [("pause", "start", 450), ("pause", "end", 1520), ("pause", "cleared", 1520)] == told(
        steps, "pause"
    )


def test_an_interval_much_longer_than_usual_is_a_pause() -> None:
    """RR > 1.8 x the usual RR, if at least 1.5 s."""
    usual = list(range(100, 900, 80))
    after = list(range(usual[-1] + 155, usual[-1] + 1000, 80))
    assert [("pause", after[0] + 20)] == starts(drive(make(), beats([*usual, *after]), 1700))
    fast = list(range(100, 900, 50))
    after = list(range(fast[-1] + 140, fast[-1] + 800, 50))
    assert [] == drive(make(), beats([*fast, *after]), 1600)


def test_two_seconds_are_no_pause() -> None:
    """The limit itself is not beyond the limit."""
    assert [] == drive(make(), beats([100, 200, 400, 600, 700]), 900)


def test_one_pause_among_beats_of_a_usual_rate_is_no_bradycardia() -> None:
    """The mean over five beats is below 40 bpm, their median is not; five slow beats are."""
    one = list(itertools.accumulate([80] * 8 + [390] + [80] * 8, initial=100))
    assert "extreme_bradycardia" not in [kind for kind, _ in starts(drive(make(), beats(one), 2400))]
    slow = list(itertools.accumulate([80] * 8 + [152] * 5, initial=100))
    assert "extreme_bradycardia" in [kind for kind, _ in starts(drive(make(), beats(slow), 1800))]


# -- labels ------------------------------------------------------------------------------------------


def label_lane(alarms: Alarms, labels: str, rr: int = 50, first: int = 100) -> list[Alarm]:
    """Feed labelled beats through the rhythms into the label lane."""
    table = Rhythms(RhythmSettings(), fs=FS)
    steps = []
    for i, label in enumerate(labels):
        at = first + i * rr
        beat = LabelledBeat(
            sample=at, decided=at + 40, label=_label(label), provisional=True, rr=rr if i else None
        )
        steps += alarms.labelled(beat, table.push(beat))
    return steps


def _label(name: str) -> Label:
    return next(label for label in ("N", "S", "V", "F", "Q") if label == name)


def test_tachycardia_takes_effect_where_the_fifth_label_does() -> None:
    """Within 0.6 s of the fifth ventricular beat, about the first; ended by the first other beat."""
    alarms = make()
    steps = label_lane(alarms, "NNVVVVVVN")
    assert [("ventricular_tachycardia", "start", 440), ("ventricular_tachycardia", "end", 540)] == told(steps)
    assert [200, 200] == [step.sample for step in steps]
    assert {"provisional"} == {step.labels for step in steps}
    assert ["end"] == [alarm.state for alarm in alarms.standing()]


def test_slow_runs_and_short_runs_raise_no_tachycardia() -> None:
    """Four V, or five at 100 bpm or less."""
    assert [] == label_lane(make(), "NVVVVNNVVVVN")
    assert [] == label_lane(make(), "NVVVVVVN", rr=60)


def test_labels_that_come_late_change_nothing() -> None:
    """Law 2: whenever the label lane runs, both lanes tell the same."""
    signal = [*beats([100, 150, 200, 250, 300, 350]), *flutter(900, 1800)]
    early, late, among = make(), make(), make()
    labels_first = (label_lane(early, "NVVVVVN"), drive(early, signal, 3000))
    signal_first = drive(late, signal, 3000)
    assert labels_first == (label_lane(late, "NVVVVVN"), signal_first)
    head = [step for event in signal[:4] for step in among.observe(event)]
    labels = label_lane(among, "NVVVVVN")
    tail = [step for event in signal[4:] for step in among.observe(event)] + among.advance(3000)
    assert (labels, head + tail) == labels_first


# -- technical ---------------------------------------------------------------------------------------


def test_each_lead_that_is_off_has_its_own_alarm() -> None:
    """Lead off is told per lead and cleared when the lead is back; it never latches."""
    events = [quality(100, "off", 1, since=80), quality(300, "off", 0), quality(400, "good", 1)]
    steps = drive(make(n_leads=3, lead_names=("I", "II", "V5")), events, 500)
    assert [
        ("LEAD OFF II", "start", 80, 100),
        ("LEAD OFF I", "start", 300, 300),
        ("LEAD OFF II", "end", 80, 400),
        ("LEAD OFF II", "cleared", 80, 400),
    ] == [(step.text, step.state, step.sample, step.decided) for step in steps]


def test_cannot_analyse_needs_two_seconds_and_ends_at_once() -> None:
    """A lead that is back for a moment is told at once; a moment without leads is not."""
    events = [quality(100, "noisy"), quality(290, "good"), quality(295, "saturated"), quality(600, "good")]
    assert [
        ("cannot_analyse", "start", 495),
        ("cannot_analyse", "end", 600),
        ("cannot_analyse", "cleared", 600),
    ] == told(drive(make(), [*beats([90]), *events], 601), "cannot_analyse")


# -- lives -------------------------------------------------------------------------------------------


def test_a_high_alarm_stays_until_it_is_both_over_and_acknowledged() -> None:
    """Latching: ended first, or acknowledged first; cleared only then."""
    ended_first = make()
    drive(ended_first, beats([100, 180, 900]), 1000)
    assert ["end"] == [alarm.state for alarm in ended_first.standing() if alarm.kind == "asystole"]
    assert [("asystole", "acknowledged", 1000), ("asystole", "cleared", 1000)] == told(
        ended_first.acknowledge(1000), "asystole"
    )
    asked_first = make()
    drive(asked_first, beats([100, 180]), 700)
    assert ("asystole", "acknowledged", 700) in told(asked_first.acknowledge(700))
    assert [("asystole", "end", 920), ("asystole", "cleared", 920)] == told(
        drive(asked_first, [Beat(sample=900, decided=920, rr=720)], 1000), "asystole"
    )


def test_acknowledging_says_nothing_about_what_comes_later() -> None:
    """A new alarm is a new one: it starts unacknowledged; what was acknowledged is not told again."""
    alarms = make()
    drive(alarms, beats([100, 180]), 700)
    alarms.acknowledge(700)
    assert [] == alarms.acknowledge(710)
    steps = drive(alarms, [Beat(sample=900, decided=920, rr=720)], 2000)
    assert ("asystole", "start", 1300) in told(steps)
    assert {"start"} == {alarm.state for alarm in alarms.standing()}


def test_a_new_alarm_takes_the_place_of_a_latched_one_of_its_kind() -> None:
    """What stands is bounded: the old one is cleared as the new one starts."""
    steps = drive(make(), beats([100, 180, 900]), 2000)
    assert [
        ("asystole", "start", 580),
        ("asystole", "end", 920),
        ("asystole", "cleared", 1300),
        ("asystole", "start", 1300),
    ] == told(steps, "asystole")
    assert [180, 180, 180, 900] == [step.sample for step in steps if step.kind == "asystole"]


def test_of_each_family_only_the_worst_is_announced() -> None:
    """Chains are a view: nothing in an alarm's life changes."""
    alarms = make(n_leads=2)
    drive(alarms, [*beats([100, 180]), quality(200, "off", 1)], 1000)
    assert {"asystole", "pause", "lead_off"} == {alarm.kind for alarm in alarms.standing()}
    assert ["asystole", "lead_off"] == [alarm.kind for alarm in announced(alarms.standing())]


@pytest.mark.parametrize(
    ("standing", "shown"),
    [
        ("ventricular_tachycardia nonsustained_vt couplet frequent_pvc", "ventricular_tachycardia"),
        ("extreme_tachycardia high_rate ventricular_run", "extreme_tachycardia"),
        ("nonsustained_vt ventricular_run couplet multiform_pvc", "nonsustained_vt"),
        ("idioventricular frequent_pvc bigeminy", "idioventricular"),
        ("couplet frequent_pvc", "couplet"),
        ("ventricular_bradycardia low_rate", "ventricular_bradycardia"),
        ("pause missed_beat", "pause"),
        ("atrial_fibrillation missed_beat high_rate", "atrial_fibrillation high_rate"),
        ("supraventricular_tachycardia high_rate", "supraventricular_tachycardia"),
        ("asystole ventricular_fibrillation extreme_bradycardia low_rate pause couplet", "asystole"),
        ("asystole:end low_rate couplet", "asystole low_rate couplet"),
        ("asystole:acknowledged ventricular_tachycardia", "asystole ventricular_tachycardia"),
    ],
)
def test_each_chain_announces_its_worst(standing: str, shown: str) -> None:
    """Asystole > VF > VT > extreme > NSVT > run > couplet > PVC; what is over hides nothing that lasts."""
    alarms = []
    for i, item in enumerate(standing.split()):
        kind, _, state = item.partition(":")
        step = raised(kind, sample=i, decided=i)
        alarms.append(msgspec.structs.replace(step, state=state or "start"))
    assert shown.split() == [alarm.kind for alarm in announced(reversed(alarms))]


# -- gaps, keeping, partition ------------------------------------------------------------------------


def test_an_alarm_found_again_after_a_gap_goes_on_as_the_same() -> None:
    """Standing alarms are kept; one that is found again is not told twice."""
    alarms = make(n_leads=2)
    drive(alarms, [*beats([100, 180]), quality(600, "off")], 700)
    alarms.reset(5000)
    steps = drive(alarms, [quality(5100, "off")], 5900)
    assert [] == told(steps, "lead_off") + told(steps, "asystole")
    assert [("asystole", 180), ("lead_off", 600)] == [
        (alarm.kind, alarm.sample) for alarm in alarms.standing() if alarm.kind != "pause"
    ]
    assert [] == told(alarms.advance(20_000), "lead_off")


def test_an_alarm_not_found_again_after_a_gap_is_over() -> None:
    """After ten seconds without evidence; a high one stays latched."""
    alarms = make()
    drive(alarms, flutter(500, 9000)[:1], 700)
    alarms.reset(5000)
    steps = drive(alarms, beats(range(5100, 7000, 80)), 7000)
    assert [("ventricular_fibrillation", "end", 6000)] == told(steps)
    assert ["end"] == [alarm.state for alarm in alarms.standing()]


def test_after_a_gap_nothing_is_concluded_from_before_it() -> None:
    """No asystole because of samples that never came: learning, then the asystole time."""
    alarms = make()
    drive(alarms, beats([100, 180]), 300)
    alarms.reset(5000)
    assert [("asystole", 5800)] == starts(alarms.advance(6000))


def test_alarms_of_an_earlier_stream_are_carried_over() -> None:
    """A new stream of the same bed keeps what stood, in both lanes, under whatever index it counts."""
    old = make()
    drive(old, beats([100, 180]), 700)
    label_lane(old, "NVVVVV", first=800)
    new = make(start=10, standing=old.standing())
    assert old.standing() == new.standing()
    assert ("asystole", "end", 140) in told(drive(new, beats([120]), 300))
    over = label_lane(new, "N", first=200)
    assert [("ventricular_tachycardia", "end", 240)] == told(over)


@pytest.mark.parametrize(
    ("answered", "labels", "end"),
    [
        (False, "Q" * 200 + "V" * 20 + "N", 220),  # the network was loading: it is found again, and is over
        (False, "Q" * 700, 601),  # 300 s: nothing tells that it goes on
        (True, "Q" * 200, 21),  # told by the network: carry_s
    ],
)
def test_beats_that_nobody_labelled_do_not_end_what_was_carried_over(
    answered: bool, labels: str, end: int
) -> None:
    """Two beats a second; a restart in a tachycardia tells no end of it before a label shows one."""
    old = make()
    label_lane(old, "NVVVVV")
    new, table = make(start=10, standing=old.standing()), Rhythms(RhythmSettings(), fs=FS)
    steps: list[Alarm] = []
    for i, label in enumerate(labels):
        told_q = (0.1, 0.1, 0.1, 0.1, 0.6) if answered else None
        at, rr = 10 + 50 * i, 50 if i else None
        beat = LabelledBeat(
            sample=at, decided=at, label=_label(label), provisional=True, rr=rr, probabilities=told_q
        )
        steps += new.labelled(beat, table.push(beat))
    assert [("ventricular_tachycardia", "end", 10 + 50 * end)] == told(steps)[:1]


def test_what_was_carried_over_ends_where_no_beat_comes() -> None:
    """A tachycardia does not stand for ever in asystole or with leads off: ``carry_s``, to the sample."""
    old = make()
    label_lane(old, "NVVVVV")
    new = make(start=10, standing=old.standing())
    assert [] == new.fell_silent(1011, [])
    assert [("ventricular_tachycardia", "end", 1011)] == told(new.fell_silent(1012, []))
    assert [] == new.fell_silent(9000, [])


def test_holes_do_not_let_it_wait_longer_for_beats_that_nobody_labels() -> None:
    """300 s from where it was carried over, though an RR is missing every ten beats."""
    old = make()
    label_lane(old, "NVVVVV")
    new, steps = make(start=10, standing=old.standing()), []
    for i in range(700):
        at, rr = 10 + 50 * i, 50 if i % 10 else None
        steps += new.labelled(LabelledBeat(sample=at, decided=at, label="Q", provisional=True, rr=rr), [])
    assert [("ventricular_tachycardia", "end", 10 + 50 * 601)] == told(steps)[:1]


def _scene() -> list[Event]:
    chance = random.Random(7)
    at, samples = 100, []
    while at < 30_000:
        samples.append(at)
        fast = 4000 < at < 6000
        at += chance.choice([40, 42] if fast else [80, 80, 80, 81, 90, 155, 210, 170, 170, 500])
    given = beats(samples)
    heart = HeartRate(fs=FS)
    rates = [rate for beat in given for rate in heart.observe(beat)] + heart.advance(30_000)
    states = [
        quality(at, chance.choice(["good", "good", "noisy", "off", "flat", "saturated"]), chance.randrange(2))
        for at in range(7000, 28_000, 170)
    ]
    return sorted([*given, *rates, *states, *flutter(9000, 11_000), *flutter(20_000, 20_900)], key=sort_key)


def test_the_partition_changes_nothing() -> None:
    """Law 1: however often time is let run in between, the steps and their order are the same."""
    events = _scene()
    whole = drive(make(n_leads=2), events, 30_000)
    assert len({step.kind for step in whole}) >= 8
    chance = random.Random(3)
    alarms, steps = make(n_leads=2), []
    for event in events:
        for at in sorted(chance.randrange(max(0, event.decided - 300), event.decided + 1) for _ in range(3)):
            steps += alarms.advance(at)
        steps += alarms.advance(event.decided)
        steps += alarms.observe(event)
    assert whole == steps + alarms.advance(30_000)


def test_every_life_is_a_start_an_end_and_one_clearing() -> None:
    """States follow each other in one order, and a life closes with exactly one ``cleared``."""
    alarms = make(n_leads=2)
    lives: dict[tuple[str, int | None, int], list[str]] = {}
    for event in _scene():
        steps = alarms.observe(event)
        if event.decided % 1700 == 0:
            steps += alarms.acknowledge(event.decided)
        for step in steps:
            lives.setdefault((step.kind, step.lead, step.sample), []).append(step.state)
    open_lives = [(alarm.kind, alarm.lead, alarm.sample) for alarm in alarms.standing()]
    allowed = (
        ["start", "end", "cleared"],
        ["start", "acknowledged", "end", "cleared"],
        ["start", "end", "acknowledged", "cleared"],
    )
    assert [] == [life for key, life in lives.items() if life not in allowed and key not in open_lives]


def test_alarms_restored_in_mid_alarm_go_on_exactly() -> None:
    """A restart neither loses nor repeats an alarm, wherever it happens."""
    events = _scene()
    whole = drive(make(n_leads=2), events, 30_000)
    for cut in range(0, len(events), 23):
        first, second = make(n_leads=2), make(n_leads=2)
        head = [step for event in events[:cut] for step in first.observe(event)]
        second.restore(first.snapshot())
        drive(first, events[cut : cut + 5], 30_000)
        assert whole == head + drive(second, events[cut:], 30_000)


def test_a_snapshot_is_plain() -> None:
    """Numbers, strings, None, lists and dicts: it can be written down."""
    alarms = make(n_leads=2)
    drive(alarms, _scene()[:200], 9100)
    assert alarms.snapshot() == json.loads(json.dumps(alarms.snapshot()))


# -- the table ---------------------------------------------------------------------------------------


def test_every_definition_is_documented() -> None:
    """``docs/alarms.md`` names every kind."""
    text = (Path(__file__).parents[1] / "docs" / "alarms.md").read_text(encoding="utf-8")
    assert [] == [kind for kind in DEFINITIONS if f"`{kind}`" not in text]


def test_the_documented_priorities_are_those_of_the_definitions() -> None:
    """``docs/alarms.md`` has one row for each kind, with its priority and whose signal it borrows."""
    text = (Path(__file__).parents[1] / "docs" / "alarms.md").read_text(encoding="utf-8")
    table = text.partition("## What is built")[2].partition("\n\nThe standards")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if "| `" in line[:3]]
    expected = {
        kind: one.priority + (f" (as {one.borrows})" if one.borrows else "")
        for kind, one in DEFINITIONS.items()
    }
    assert (expected, len(expected)) == ({row[1].strip("`"): row[3] for row in rows}, len(rows))


@pytest.mark.parametrize(
    ("law", "holds"),
    [
        ("high latches, the rest does not", lambda d: d.latches == (d.priority == "high")),
        ("technical borrows a signal", lambda d: (d.borrows != "") == (d.priority == "technical")),
        (
            "what must alarm at once waits for no next beat",
            lambda d: d.urgency > 0 or d.labels != "confirmed",
        ),
        ("wall-clock alarms are technical", lambda d: d.lane != "wall" or d.priority == "technical"),
    ],
)
def test_the_table_keeps_its_rules(law: str, holds: Callable[[object], bool]) -> None:
    """Priorities, latching and signals agree."""
    assert [] == [kind for kind, definition in DEFINITIONS.items() if not holds(definition)]


def test_what_kills_and_what_says_that_nothing_can_be_told_cannot_be_switched_off() -> None:
    """Silence then means that all is well, whatever the settings."""
    fixed = {kind for kind, definition in DEFINITIONS.items() if not definition.can_disable}
    lethal = {"asystole", "ventricular_fibrillation", "ventricular_tachycardia"}
    blind = {"cannot_analyse", "signal_gaps", "feed_lost", "signal_slow", "bed_failed", "classifier_failed"}
    assert lethal | blind == fixed
