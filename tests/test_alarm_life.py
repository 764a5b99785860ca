"""What happens to an alarm after it started: latched, acknowledged, silenced, reminded of, switched off."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from monitor.alarms import Alarms
from monitor.announcing import announced, sounding
from monitor.events import Alarm, AudioPause, Beat, Event, LabelledBeat, LeadQuality, Rate, Rhythm, sort_key
from monitor.settings import AlarmSettings
from monitor.standing import NEVER, Standing
from monitor.turns import Turn
from monitor.vitals import BedSnapshot, fold

FS = 100.0
MINUTE = 6000
REMINDER = 18_000


def beat(sample: int) -> Beat:
    """Return a beat, reported 20 samples late; no RR, so that no rate is judged by beats."""
    return Beat(sample=sample, decided=sample + 20, rr=None)


def beating(start: int, stop: int, every: int = 80) -> list[Event]:
    """Return beats of a usual rate."""
    return [beat(sample) for sample in range(start, stop, every)]


def rate(at: int, hr_bpm: float) -> Rate:
    """Return the heart rate that is shown from ``at`` on."""
    return Rate(sample=at, decided=at, hr_bpm=hr_bpm)


def flutter(at: int, state: str = "start") -> Rhythm:
    """Return that flutter begins or ends."""
    return Rhythm(sample=at, decided=at, rhythm="(VFL", state=state)  # type: ignore[arg-type]


def lead(at: int, state: str) -> LeadQuality:
    """Return that the second lead is in another state."""
    return LeadQuality(sample=at, decided=at, lead=1, state=state)  # type: ignore[arg-type]


class Bedside:
    """A bed and its screen."""

    def __init__(self, **limits: object) -> None:
        self.alarms = Alarms(AlarmSettings(**limits), fs=FS, n_leads=2)  # type: ignore[arg-type]
        self.screen = BedSnapshot(bed="1", fs=FS)
        self.steps: list[Alarm] = []
        self.now = 0

    def play(self, *events: Event, until: int) -> list[tuple[str, str, int]]:
        """Let this happen, and time run up to (not at) ``until``; return what was told."""
        first = len(self.steps)
        for event in sorted(events, key=sort_key):
            self._show(self.alarms.observe(event), event.decided)
        self._show(self.alarms.advance(until), until)
        return [(step.kind, step.state, step.decided) for step in self.steps[first:]]

    def acknowledge(self, kind: str | None = None, by: str = "") -> list[tuple[str, str]]:
        """Acknowledge now; return what was told."""
        steps = self.alarms.acknowledge(self.now, by=by, kind=kind)
        self._show(steps, self.now)
        return [(step.kind, step.state) for step in steps]

    def pause(self, seconds: float | None) -> Sequence[AudioPause]:
        """Pause all sound, or let it back."""
        told = self.alarms.pause_audio(self.now, seconds)
        for event in told:
            self.screen = fold(self.screen, event)
        return told

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the screen announces, and how."""
        return [
            (alarm.kind, "ended" if alarm.ended else "acknowledged" if alarm.acknowledged else "calls")
            for alarm in announced(self.screen)
        ]

    def _show(self, steps: Sequence[Alarm], now: int) -> None:
        self.steps += steps
        self.now = max(self.now, now)
        for step in steps:
            self.screen = fold(self.screen, step)
        self.screen = replace(self.screen, index=self.now)


def test_a_high_alarm_that_is_over_is_shown_and_calls_until_acknowledged() -> None:
    """Latching: it is shown and calls, over or not, until a person clears it."""
    bed = Bedside()
    bed.play(*beating(100, 500), until=900)
    assert ([("asystole", "calls")], "high") == (bed.shown[:1], sounding(bed.screen))
    bed.play(beat(1000), until=1100)
    assert [("asystole", "ended")] == [alarm for alarm in bed.shown if alarm[0] == "asystole"]
    assert "high" == sounding(bed.screen)
    assert [("asystole", "acknowledged"), ("asystole", "cleared")] == [
        step for step in bed.acknowledge() if step[0] == "asystole"
    ]
    assert "asystole" not in [kind for kind, _ in bed.shown]
    assert "high" != sounding(bed.screen)


def test_an_acknowledged_alarm_is_silent_and_a_new_lethal_one_breaks_through() -> None:
    """Acknowledge is not a pause: what stands falls silent, what starts later calls at once."""
    bed = Bedside()
    bed.play(*beating(100, 1000), rate(900, 150), until=1000)
    assert "medium" == sounding(bed.screen)
    assert [("high_rate", "acknowledged")] == bed.acknowledge()
    assert ([("high_rate", "acknowledged")], None) == (bed.shown, sounding(bed.screen))
    bed.play(until=1381)
    assert "high" == sounding(bed.screen)
    assert ("asystole", "calls") == bed.shown[0]


def test_a_lethal_alarm_is_not_hidden_by_a_worse_one_that_was_acknowledged() -> None:
    """A chain hides what is less bad, not what nobody has heard of yet."""
    bed = Bedside()
    steps = [
        Alarm(sample=10, decided=10, kind=kind, priority="high", state="start", text=kind)
        for kind in ("ventricular_fibrillation", "ventricular_tachycardia", "extreme_tachycardia")
    ]
    bed._show([steps[0], replace(steps[0], state="acknowledged")], 20)
    assert ([("ventricular_fibrillation", "acknowledged")], None) == (bed.shown, sounding(bed.screen))
    bed._show(steps[1:], 30)
    assert "high" == sounding(bed.screen)
    assert [("ventricular_tachycardia", "calls"), ("ventricular_fibrillation", "acknowledged")] == bed.shown


def test_of_a_chain_only_the_worst_calls() -> None:
    """High rate is hidden by extreme tachycardia, and does not call beside it once that is acknowledged."""
    bed = Bedside()
    high = Alarm(sample=9, decided=9, kind="high_rate", priority="medium", state="start", text="")
    extreme = replace(high, kind="extreme_tachycardia", priority="high")
    bed._show([extreme, high], 20)
    assert ([("extreme_tachycardia", "calls")], "high") == (bed.shown, sounding(bed.screen))
    bed._show([replace(extreme, state="acknowledged")], 30)
    assert ([("extreme_tachycardia", "acknowledged")], None) == (bed.shown, sounding(bed.screen))
    bed._show([replace(extreme, state="end"), replace(extreme, state="cleared")], 40)
    assert ([("high_rate", "calls")], "medium") == (bed.shown, sounding(bed.screen))


def test_one_kind_can_be_acknowledged_by_somebody() -> None:
    """The others go on calling; who did it is told with the step and shown."""
    bed = Bedside()
    bed.play(*beating(100, 1000), rate(900, 150), lead(950, "off"), until=1000)
    assert [("high_rate", "acknowledged")] == bed.acknowledge("high_rate", by="Ada")
    assert "low" == sounding(bed.screen)
    assert ["Ada", ""] == [alarm.by for alarm in sorted(bed.screen.alarms, key=lambda alarm: alarm.kind)]
    assert "Ada" == bed.steps[-1].by
    assert [("lead_off", "acknowledged")] == bed.acknowledge()


def test_an_audio_pause_silences_everything_and_counts_down() -> None:
    """New alarms too are silent, and shown; sound comes back by itself."""
    bed = Bedside()
    bed.play(*beating(100, 1000), rate(900, 150), until=1000)
    assert [AudioPause(sample=1000, decided=1000, state="start", until=13_000)] == bed.pause(120)
    assert (None, 120.0) == (sounding(bed.screen), bed.screen.audio_pause_s)
    bed.play(until=3000)
    assert ("asystole", "calls") == bed.shown[0]
    assert (None, 100.0) == (sounding(bed.screen), bed.screen.audio_pause_s)
    bed.play(until=13_000)
    assert ("high", 0.0) == (sounding(bed.screen), bed.screen.audio_pause_s)


def test_sound_can_be_let_back_before_the_pause_is_over() -> None:
    """The second press ends it; a third has nothing to end."""
    bed = Bedside()
    bed.play(*beating(100, 1000), rate(900, 150), until=1000)
    bed.pause(120)
    bed.play(until=1100)
    assert [AudioPause(sample=1100, decided=1100, state="end", until=1100)] == bed.pause(None)
    assert "medium" == sounding(bed.screen)
    assert [] == bed.pause(None)


def test_what_ends_while_sound_is_paused_clears() -> None:
    """Whoever paused was there to see it: nothing stays latched. What ends later does."""
    bed = Bedside()
    bed.play(*beating(100, 1000), until=1400)
    bed.pause(120)
    assert [("asystole", "end", 1520), ("asystole", "cleared", 1520)] == [
        step for step in bed.play(beat(1500), until=1520 + 1) if step[0] == "asystole"
    ]
    bed.play(until=12_900)
    assert ("asystole", "end", 13_480) in bed.play(beat(13_460), until=13_500)
    assert ("asystole", "ended") in bed.shown


def test_an_acknowledged_condition_that_still_stands_is_announced_again() -> None:
    """Three minutes after it was acknowledged, to the sample; it then wants to be acknowledged anew."""
    bed = Bedside()
    bed.play(*beating(100, 1000), rate(900, 150), until=1000)
    bed.acknowledge(by="Ada")
    end = 1000 + REMINDER
    assert [] == bed.play(*beating(1050, end), until=end)
    assert None is sounding(bed.screen)
    assert [("high_rate", "reminded", end)] == bed.play(until=end + 1)
    (alarm,) = bed.screen.alarms
    assert (True, False, end, "medium") == (
        alarm.reminded,
        alarm.acknowledged,
        alarm.since,
        sounding(bed.screen),
    )
    assert [("high_rate", "acknowledged")] == bed.acknowledge()
    assert ("high_rate", "reminded", end + 1 + REMINDER) in bed.play(
        *beating(end, end + REMINDER), until=end + REMINDER + 10
    )


def test_a_reminded_high_alarm_latches_again() -> None:
    """It was announced anew: over, it stays shown until somebody acknowledges it."""
    bed = Bedside(reminder_s=10)
    bed.play(*beating(100, 1000), until=1500)
    bed.acknowledge()
    assert ("asystole", "reminded", 2500) in bed.play(until=2600)
    bed.play(beat(2700), until=2800)
    assert ("asystole", "ended") in bed.shown
    assert ("asystole", "cleared") in bed.acknowledge()


@pytest.mark.parametrize(
    ("reminder_s", "event"), [(0, rate(900, 150)), (180, lead(900, "off"))], ids=["off", "low"]
)
def test_there_is_no_reminder_where_it_is_off_or_the_alarm_low(reminder_s: float, event: Event) -> None:
    """High and medium conditions alone are worth a second call, and 0 switches it off."""
    bed = Bedside(reminder_s=reminder_s)
    bed.play(*beating(100, 1000), event, until=1000)
    bed.acknowledge()
    assert [] == bed.play(*beating(1050, 3 * REMINDER), until=3 * REMINDER)
    assert None is sounding(bed.screen)


def test_there_is_no_reminder_of_what_is_over() -> None:
    """It ended and was cleared before it was due."""
    bed = Bedside(reminder_s=10)
    bed.play(*beating(100, 1000), rate(900, 150), until=1000)
    bed.acknowledge()
    told = bed.play(*beating(1050, 9000), rate(1500, 80), until=9000)
    assert [("high_rate", "end", 1500), ("high_rate", "cleared", 1500)] == told


def test_conditions_that_labels_decide_are_reminded_of_by_the_labels_clock() -> None:
    """Law 2: whenever labels arrive, a reminder is where it would be, or is none as the condition is over."""
    for n_parts in (1, 7, 400):
        alarms = Alarms(AlarmSettings(reminder_s=10), fs=FS, n_leads=1)
        told = alarms.turned([Turn("bigeminy", "start", 100, 150), Turn("idioventricular", "start", 90, 150)])
        alarms.acknowledge(300)
        for part in range(1, n_parts + 1):
            told += alarms.advance_labels(300 + 1500 * part // n_parts)
        told += alarms.turned([Turn("idioventricular", "end", 1800, 1800)])
        assert [
            ("bigeminy", "start", 150),
            ("idioventricular", "start", 150),
            ("idioventricular", "reminded", 1300),
            ("idioventricular", "end", 1800),
            ("idioventricular", "cleared", 1800),
        ] == [(step.kind, step.state, step.decided) for step in told]


def test_a_tachycardia_is_reminded_of_with_the_first_label_when_it_is_due() -> None:
    """Provisional labels are the clock of what they decide."""
    alarms = Alarms(AlarmSettings(reminder_s=10), fs=FS, n_leads=1)

    def labelled(at: int, rhythms: Sequence[Rhythm] = ()) -> list[tuple[str, int]]:
        steps = alarms.labelled(LabelledBeat(sample=at, decided=at, label="V", provisional=True), rhythms, ())
        return [(step.state, step.decided) for step in steps]

    start = Rhythm(sample=100, decided=400, rhythm="(VT", state="start", labels="provisional")
    assert [("start", 400)] == labelled(400, [start])
    alarms.acknowledge(450)
    assert [] == labelled(1440)
    assert [("reminded", 1480)] == labelled(1480)
    assert [] == labelled(1520)


def test_what_is_switched_off_is_not_told_and_changes_nothing_else() -> None:
    """The other alarms are the same, to the sample."""
    events = [*beating(100, 1000), rate(900, 150), lead(1100, "off"), flutter(1200), flutter(1500, "end")]
    events += [replace(lead(1600, "noisy"), lead=0), *beating(4000, 6000), lead(5000, "good")]
    off = {"high_rate", "lead_off"}
    whole, less = Bedside(), Bedside(off=tuple(off))
    told = whole.play(*events, until=9000)
    assert off <= {kind for kind, _, _ in told}
    assert [step for step in told if step[0] not in off] == less.play(*events, until=9000)
    assert [alarm for alarm in whole.alarms.standing() if alarm.kind not in off] == [*less.alarms.standing()]
    assert [step for step in whole.acknowledge() if step[0] not in off] == less.acknowledge()


def _night() -> list[Event]:
    """Return an hour in which much begins and ends."""
    chance = random.Random(5)
    events: list[Event] = []
    at = 100
    while at < 60 * MINUTE:
        stretch = chance.randrange(500, 4 * MINUTE)
        events += beating(at, at + stretch)
        events += [rate(at + 300, chance.choice([80, 150, 30]))]
        at += stretch + chance.choice([0, 500, 1200])
    events += [flutter(20 * MINUTE), flutter(28 * MINUTE, "end"), lead(30 * MINUTE, "off")]
    return sorted(events, key=sort_key)


def _played(bed: Bedside, events: Sequence[Event], presses: Sequence[int], parts: int) -> list[Alarm]:
    """Play, acknowledge at the presses, pause sound at each third; let time run in between so often."""
    due = list(presses)
    for event in events:
        while due and due[0] < event.decided:
            at = due.pop(0)
            for part in range(parts):
                bed.play(until=bed.now + (at - bed.now) * part // parts)
            bed.play(until=at)
            bed.acknowledge()
            if at % 3 == 0:
                bed.pause(120)
        bed.play(event, until=event.decided)
    return bed.steps


def test_the_partition_changes_nothing_in_a_life() -> None:
    """Law 1 for acknowledgements, reminders and pauses: however time is cut, the steps are the same."""
    events, presses = _night(), range(1777, 60 * MINUTE, 4111)
    whole = _played(Bedside(reminder_s=30), events, presses, 1)
    states = {step.state for step in whole}
    assert {"start", "end", "acknowledged", "reminded", "cleared"} == states
    assert whole == _played(Bedside(reminder_s=30), events, presses, 5)


def test_lives_restored_in_the_middle_go_on_exactly() -> None:
    """A snapshot holds who is acknowledged, when a reminder is due, and how long sound is paused."""
    events, presses = _night()[:1500], range(1777, 60 * MINUTE, 4111)
    whole = _played(Bedside(reminder_s=30), events, presses, 1)
    for cut in (100, 600, 1100):
        first, second = Bedside(reminder_s=30), Bedside(reminder_s=30)
        split = events[cut].decided
        head = [press for press in presses if press < split]
        _played(first, events[:cut], head, 1)
        due = [press for press in head if press >= first.now]
        second.alarms.restore(first.alarms.snapshot())
        second.now = first.now
        tail = [*due, *(press for press in presses if press >= split)]
        assert whole == first.steps + _played(second, events[cut:], tail, 1)


def test_alarms_taken_up_are_reminded_of_within_the_reminder_s_time() -> None:
    """The samples of another stream do not say when: neither at once for ever, nor never."""
    acknowledged = Alarm(
        sample=100, decided=50_000, kind="high_rate", priority="medium", state="acknowledged", text=""
    )
    for start, due in ((0, REMINDER), (52_000, 50_000 + REMINDER), (1_000_000, 1_000_000 + REMINDER)):
        standing = Standing([acknowledged], reminder=REMINDER, start=start)
        assert due == standing.next_reminder("signal")
    assert NEVER == Standing([acknowledged]).next_reminder("signal")


def test_one_that_was_reminded_of_is_taken_up_as_one_that_calls() -> None:
    """The last step alone says what an alarm is."""
    reminded = Alarm(sample=1, decided=9, kind="high_rate", priority="medium", state="reminded", text="")
    standing = Standing([reminded])
    assert ["acknowledged"] == [step.state for step in standing.acknowledge(20)]
