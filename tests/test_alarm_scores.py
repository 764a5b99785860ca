"""Alarms against a reference: late, missing, early, long, learning; and an oracle that counts by the tick."""

import io
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from rich.console import Console

from monitor.events import Alarm, LabelKind, Priority, Rhythm
from monitor.score.alarms import Answer, Condition, Judged, Told, answers, judge, told_alarms
from monitor.score.alarms_group import EMERGENCIES, HIGH, AlarmGroup, KindFigures, RecordAlarms, group_alarms
from monitor.score.alarms_marks import conditions, fast_runs, long_pauses, stretches
from monitor.score.episodes import EpisodeCounts
from monitor.score.marks import Marks
from monitor.score_alarms import alarms_of, known, together
from monitor.score_text import show_alarms
from monitor.settings import Settings

FS = 100.0
VT, VF = "ventricular_tachycardia", "ventricular_fibrillation"
ALL = frozenset({VT, VF, "asystole", "pause"})


def asked(start: float, stop: float, kind: str = VT, *, due: float | None = None) -> Condition:
    """Return a condition that demands an alarm."""
    return Condition(kind, start, stop, start if due is None else due, "(VT")


def told(onset: float, decided: float, stop: float, kind: str = VT, priority: Priority = "high") -> Told:
    """Return an alarm."""
    return Told(kind, priority, onset, decided, stop)


def step(state: str, sample: int, decided: int, *, kind: str = VT, lead: int | None = None) -> Alarm:
    """Return one step of an alarm's life."""
    return Alarm(
        sample=sample,
        decided=decided,
        kind=kind,
        priority="high" if lead is None else "technical",
        state=state,  # type: ignore[arg-type]
        text="",
        lead=lead,
    )


def marks(*rows: tuple[float, str, str]) -> Marks:
    """Return annotations: second, symbol, note."""
    samples = np.array([round(at * FS) for at, _, _ in rows], np.int64)
    return Marks(samples, tuple(r[1] for r in rows), (0,) * len(rows), tuple(r[2] for r in rows))


def rhythm(*rows: tuple[float, str]) -> Marks:
    """Return rhythm marks alone."""
    return marks(*((at, "+", name) for at, name in rows))


def beats(symbols: str, rr_s: float, *, start_s: float = 1.0) -> list[tuple[float, str, str]]:
    """Return beats that are equally far apart."""
    return [(start_s + rr_s * i, symbol, "") for i, symbol in enumerate(symbols)]


@pytest.mark.parametrize(
    ("alarms", "in_time", "delay_s"),
    [
        ([], False, None),
        ([told(100, 104, 130)], True, 4.0),
        ([told(100, 110, 130)], True, 10.0),
        ([told(100, 110.01, 130)], False, 10.01),
        ([told(80, 85, 130)], True, 0.0),
        ([told(80, 85, 100)], False, None),
        ([told(80, 85, 99), told(105, 108, 120)], True, 8.0),
        ([told(100, 104, 130, "pause")], False, None),
        ([told(121.5, 125, 130)], False, None),
        ([told(105, 121, 122)], False, 21.0),
    ],
    ids=[
        "none", "soon", "at the limit", "late", "before and still standing", "over at the onset",
        "over, and told again", "of another kind", "about what came after", "after the end",
    ],
)  # fmt: skip
def test_a_condition_is_answered_by_what_stands_within_ten_seconds(
    alarms: list[Told], in_time: bool, delay_s: float | None
) -> None:
    """Late is not in time, but has a delay; an alarm that stood already has none."""
    (answer,) = answers([asked(100, 120)], alarms)
    assert (in_time, delay_s) == (answer.in_time, answer.delay_s and round(answer.delay_s, 6))


def test_a_short_condition_may_be_answered_when_it_is_over() -> None:
    """Six seconds of tachycardia, told after seven: the alarm is about it, and within ten seconds."""
    assert answers([asked(100, 106)], [told(100, 107, 108)])[0].in_time


def test_ten_seconds_count_from_where_the_rule_first_holds() -> None:
    """A rule over seventeen beats cannot hold before the seventeenth; the delay counts from the onset."""
    answer = answers([asked(100, 120, due=107)], [told(100, 116, 130)])[0]
    assert (True, 16.0) == (answer.in_time, answer.delay_s)


def test_an_alarm_that_is_over_before_the_rule_holds_does_not_answer() -> None:
    """Told for nothing, it lasts into the first beats of what comes next: it is false, and found nothing."""
    condition, early = asked(100, 160, due=105), told(78, 84, 101)
    assert ["false"] == [one.verdict for one in judge([early], [condition], judged=ALL)]
    assert answers([condition], [early])[0].by is None
    after = told(100, 105.5, 160)
    assert after == answers([condition], [early, after])[0].by
    assert answers([condition], [early._replace(stop=105.1)])[0].in_time


def test_one_long_alarm_answers_two_conditions() -> None:
    """As EC57 counts episodes: any overlap."""
    found = answers([asked(100, 110), asked(120, 130)], [told(100, 103, 140)])
    assert [(True, 3.0), (True, 0.0)] == [(one.in_time, one.delay_s) for one in found]


def test_what_is_not_demanded_is_not_asked_for() -> None:
    """A stretch too short to ask for an alarm excuses one, and can be missed by none."""
    short = asked(100, 102)._replace(demanded=False)
    assert [] == answers([short], [])
    assert ["right"] == [one.verdict for one in judge([told(100, 101, 103)], [short], judged=ALL)]


@pytest.mark.parametrize(
    ("alarm", "verdict"),
    [
        (told(100, 104, 110), "right"),
        (told(80, 90, 95), "right"),
        (told(80, 89.9, 95), "false"),
        (told(120, 130, 140), "right"),
        (told(120, 130.1, 140), "false"),
        (told(100, 104, 110, VF), "related"),
        (told(100, 104, 110, "asystole"), "false"),
        (told(100, 104, 110, "couplet", "low"), "unjudged"),
    ],
)
def test_an_alarm_is_false_where_nothing_stands_within_ten_seconds(alarm: Told, verdict: str) -> None:
    """Another tachycardia stands behind it, but not just anything; what nobody knows is not judged."""
    assert verdict == judge([alarm], [asked(100, 120)], judged=ALL)[0].verdict


def test_a_related_condition_stands_behind_an_alarm_that_cannot_be_judged_otherwise() -> None:
    """A high rate in a tachycardia is no riddle, even where the reference knows nothing of rates."""
    given = [told(100, 104, 110, "high_rate", "medium"), told(10, 14, 15, "high_rate", "medium")]
    found = judge(given, [asked(100, 120)], judged=frozenset({VT}))
    assert ["related", "unjudged"] == [one.verdict for one in found]


def test_technical_alarms_are_never_judged() -> None:
    """They say that something is not known."""
    assert [] == judge([told(1, 2, 3, "lead_off", "technical")], [], judged=frozenset({"lead_off"}))


def test_an_alarm_stands_from_its_start_to_its_end() -> None:
    """Acknowledging ends nothing; without an end it stands to that of the record; each lead for itself."""
    steps = [
        step("start", 1000, 1100),
        step("acknowledged", 1000, 1200),
        step("start", 1200, 1300, kind="lead_off", lead=0),
        step("end", 1000, 1500),
        step("start", 1250, 1600, kind="lead_off", lead=1),
        step("end", 1200, 1700, kind="lead_off", lead=0),
        step("start", 2000, 2100),
    ]
    found = [(one.kind, one.onset, one.decided, one.stop) for one in told_alarms(steps, fs=FS, end=60.0)]
    assert [
        (VT, 10.0, 11.0, 15.0),
        ("lead_off", 12.0, 13.0, 17.0),
        ("lead_off", 12.5, 16.0, 60.0),
        (VT, 20.0, 21.0, 60.0),
    ] == found


def by_the_tick(condition: Condition, alarms: Sequence[Told]) -> bool:
    """Answer the same question by walking through whole seconds."""
    for now in range(int(condition.start), int(condition.due) + 11):
        for alarm in alarms:
            heard = alarm.decided <= now and alarm.kind == condition.kind
            still = alarm.stop > condition.due
            if heard and still and alarm.onset <= condition.stop + 1:
                return True
    return False


def test_any_conditions_are_answered_as_by_the_tick() -> None:
    """Random conditions and alarms at whole seconds, against an oracle that only walks."""
    rng = np.random.default_rng(3)
    n_in_time = 0
    for _ in range(300):
        given = []
        for _ in range(rng.integers(0, 5)):
            onset = int(rng.integers(0, 100))
            decided = onset + int(rng.integers(0, 15))
            given.append(told(onset, decided, decided + int(rng.integers(1, 30)), (VT, VF)[rng.integers(2)]))
        start = int(rng.integers(0, 100))
        condition = asked(start, start + int(rng.integers(1, 30)), due=start + int(rng.integers(0, 8)))
        given.sort(key=lambda one: one.decided)
        expected = by_the_tick(condition, given)
        assert expected == answers([condition], given)[0].in_time
        n_in_time += expected
    assert 50 < n_in_time < 250


def test_marked_rhythms_last_to_the_next_mark() -> None:
    """Those that touch are one, ``[`` to ``]`` is fibrillation, and ``(BI`` is no bigeminy."""
    given = marks(
        (0, "+", "(BI"), (10, "+", "(VFL"), (12, "+", "(VFIB"), (18, "+", "(N"),
        (30, "+", "(VT"), (35, "+", "(B"), (50, "[", ""), (70, "]", ""), (80, "+", "(VT"),
    )  # fmt: skip
    end = round(100 * FS)
    assert [(10.0, 18.0), (50.0, 70.0)] == [one[:2] for one in stretches(given, VF, fs=FS, end=end)]
    assert [(30.0, 35.0), (80.0, 100.0)] == [one[:2] for one in stretches(given, VT, fs=FS, end=end)]
    found = [(one.kind, one.start, one.demanded) for one in conditions(given, fs=FS, end=end)]
    assert [(VF, 10, True), (VT, 30, False), ("bigeminy", 35, True), (VF, 50, True), (VT, 80, True)] == found


@pytest.mark.parametrize(
    ("symbols", "rr_s", "expected"),
    [
        ("NVVVVVN", 0.5, [(1.5, 3.5, 3.5)]),
        ("NVVVVN", 0.5, []),
        ("NVVVVVN", 0.6, []),
        ("NVVVVVVVN", 0.5, [(1.5, 4.5, 3.5)]),
        ("NVVVNVVN", 0.5, []),
        ("NEVVVV", 0.5, [(1.5, 3.5, 3.5)]),
    ],
)
def test_a_run_of_five_fast_beats_asks_once(
    symbols: str, rr_s: float, expected: list[tuple[float, float, float]]
) -> None:
    """Five V over 100 bpm, due with the fifth; four, or 100 bpm sharp, are not enough."""
    given = marks(*beats(symbols, rr_s))
    found = fast_runs(given, n_beats=5, rate_bpm=100.0, fs=FS, end=10_000)
    assert expected == [(round(one.start, 6), round(one.stop, 6), round(one.due, 6)) for one in found]


def test_a_run_that_slows_down_and_speeds_up_again_asks_once() -> None:
    """Its rate crosses the limit three times; it is one run."""
    fast, slow = [0.5] * 6, [0.8] * 6
    times = np.cumsum([1.0, *fast, *slow, *fast])
    given = marks(*((float(at), "V", "") for at in times))
    assert 1 == len(fast_runs(given, n_beats=5, rate_bpm=100.0, fs=FS, end=10_000))


def test_a_long_pause_asks_for_asystole_unless_fibrillation_lies_in_it() -> None:
    """RR of the limit or more; the alarm is due that long after the last beat."""
    rows = [(1.0, "N", ""), (5.0, "N", ""), (8.9, "N", ""), (10.0, "[", ""), (30.0, "]", ""), (31.0, "N", "")]
    found = long_pauses(marks(*rows), longest_s=4.0, fs=FS, end=10_000)
    assert [("asystole", 1.0, 5.0, 5.0)] == [(one.kind, one.start, one.stop, one.due) for one in found]


def test_reference_beats_ask_by_the_rules_of_the_line() -> None:
    """What marks ask for where there are no beats, beats ask for where there are some; marks then excuse."""
    rows = [(0.5, "+", "(N"), *beats("N" * 30 + "VVVVVV", 0.5), (80.0, "+", "(VT"), (95.0, "+", "(N")]
    found = known(marks(*rows), Settings(), fs=FS, end=10_000)
    assert [(16.0, "beats", True)] == [
        (one.start, one.source, one.demanded) for one in found if one.kind == VT and one.demanded
    ]
    assert [(80.0, False)] == [(one.start, one.demanded) for one in found if one.source == "(VT"]
    alone = known(rhythm((0.5, "(N"), (80.0, "(VT"), (95.0, "(N")), Settings(), fs=FS, end=10_000)
    assert [(80.0, True)] == [(one.start, one.demanded) for one in alone]


def scored(steps: Sequence[Alarm | Rhythm], reference: Marks, *, start_s: float = 0.0) -> RecordAlarms:
    """Score a record of 200 s without reference beats."""
    return alarms_of("r", reference, steps, Settings(), fs=(FS, FS), end=20_000, start_s=start_s)


def test_learning_time_counts_for_nothing() -> None:
    """Neither what was asked for nor what was told before, nor its time."""
    reference = rhythm((0, "(N"), (20, "(VT"), (40, "(N"), (120, "(VT"), (140, "(N"))
    steps = [step("start", 5000, 6000, kind="asystole"), step("end", 5000, 6100, kind="asystole")]
    whole, late = scored(steps, reference), scored(steps, reference, start_s=100.0)
    assert (200.0, 2, 1) == (whole.seconds, len(whole.asked(VT)), len(whole.told(HIGH)))
    assert (100.0, 1, 0) == (late.seconds, len(late.asked(VT)), len(late.told(HIGH)))


def test_any_high_priority_alarm_answers_an_emergency_but_each_kind_stands_for_itself() -> None:
    """Fast VT told as fibrillation: the emergency is answered, VT is not, and the alarm is no false one."""
    reference = rhythm((0, "(N"), (20, "(VT"), (40, "(N"))
    found = scored([step("start", 2000, 2400, kind=VF), step("end", 2000, 4100, kind=VF)], reference)
    assert [True] == [one.in_time for one in found.asked(EMERGENCIES)]
    assert [False] == [one.in_time for one in found.asked(VT)]
    assert ["related"] == [one.verdict for one in found.told(HIGH)]


def test_events_at_another_rate_are_brought_to_seconds() -> None:
    """A line that ran at 250 Hz against a reference at 100 Hz."""
    reference = rhythm((0, "(N"), (20, "(VT"), (40, "(N"))
    steps = [step("start", 5000, 5500), step("end", 5000, 10_000)]
    found = alarms_of("r", reference, steps, Settings(), fs=(FS, 250.0), end=20_000, start_s=0.0)
    assert [2.0] == [one.delay_s for one in found.asked(VT)]


def test_rhythms_told_are_compared_by_overlap_and_duration() -> None:
    """Ten of twenty seconds marked, ten of fifteen told; one that has no end lasts to that of the record."""
    reference = rhythm((0, "(N"), (20, "(VT"), (40, "(N"), (100, "(AFIB"))

    def change(name: str, state: str, at: int) -> Rhythm:
        return Rhythm(sample=at, decided=at, rhythm=name, state=state)  # type: ignore[arg-type]

    steps = [
        change("(VT", "start", 3000),
        change("(VT", "end", 4500),
        change("(AFIB", "start", 15_000),
    ]
    found = scored(steps, reference).episodes
    assert EpisodeCounts(1, 0, 1, 0, 20.0, 15.0, 10.0) == found[VT]
    assert EpisodeCounts(1, 0, 1, 0, 100.0, 50.0, 50.0) == found["atrial_fibrillation"]


def test_an_instant_of_a_rhythm_that_is_told_twice_counts_once() -> None:
    """Confirmed labels made a run of three within one of provisional labels, which goes on behind it."""
    reference = rhythm((0, "(N"), (20, "(VT"), (40, "(N"))

    def run(start: int, stop: int, labels: LabelKind) -> list[Rhythm]:
        return [
            Rhythm(sample=start, decided=start, rhythm="(VT", state="start", labels=labels),
            Rhythm(sample=stop, decided=stop, rhythm="(VT", state="end", labels=labels),
        ]

    began, ended = run(3000, 3900, "provisional")
    steps = [began, *run(3100, 3400, "confirmed"), ended]
    steps += [*run(2500, 3500, "provisional"), *run(6000, 6500, "provisional")]
    assert EpisodeCounts(1, 0, 1, 1, 20.0, 19.0, 14.0) == scored(steps, reference).episodes[VT]


def one_record(name: str, *, in_time: bool, n_false: int) -> RecordAlarms:
    """Return an hour with one condition and some false alarms."""
    answer = Answer(asked(100, 120), told(100, 104, 110) if in_time else None, in_time)
    judged = [Judged(told(i, i, i + 1), "false") for i in range(n_false)]
    judged += [Judged(told(100, 104, 110), "right")] * in_time
    return RecordAlarms(name, 3600.0, [answer], [answer], judged, {})


def row(group: AlarmGroup, kind: str) -> KindFigures:
    """Return one row of the table."""
    return next(one for one in group.kinds if one.kind == kind)


def test_figures_are_those_of_the_sums() -> None:
    """Two of three found, three false alarms in three hours."""
    records = [one_record("a", in_time=True, n_false=0), one_record("b", in_time=True, n_false=1)]
    group = group_alarms([*records, one_record("c", in_time=False, n_false=2)], order=(VT,))
    found = row(group, VT)
    assert [EMERGENCIES, HIGH, VT] == [one.kind for one in group.kinds]
    assert [200 / 3, 40.0] == pytest.approx([found.se.gross, found.ppv.gross])
    assert pytest.approx(24.0) == found.false_per_day.gross
    assert pytest.approx(100 * 2 / (2 + 3 + 5)) == found.challenge.gross
    assert (2, 4.0) == (found.delay.n, found.delay.median)


def test_intervals_are_over_records() -> None:
    """Equal records leave no doubt; unequal ones do, and nothing at all is undefined."""
    equal = group_alarms([one_record(name, in_time=True, n_false=1) for name in "abcd"], order=())
    sure = row(equal, VT).false_per_day
    assert [24.0, 24.0] == pytest.approx([sure.low, sure.high])
    unequal = group_alarms(
        [one_record("a", in_time=True, n_false=0), one_record("b", in_time=False, n_false=4)], order=()
    )
    found = row(unequal, VT).false_per_day
    assert [0.0, 48.0, 96.0] == pytest.approx([found.low, found.gross, found.high])
    assert np.isnan(group_alarms([], order=()).kinds[0].se.gross)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_tables_of_alarms_fit_a_terminal_whole(width: int) -> None:
    """Long names, three digits before each point, and a row of text: nothing is cut, nothing runs over."""
    kinds = ("supraventricular_tachycardia", "ventricular_fibrillation", "atrial_fibrillation")
    records = []
    for i, kind in enumerate(kinds):
        one = one_record(f"cu0{i}", in_time=i > 0, n_false=30 * i)
        answers = [Answer(asked(100, 120, kind), None, False)] * 9
        judged = [Judged(told(i, i, i + 1, kind), "false") for i in range(5)]
        counts = {kind: EpisodeCounts(120, 7, 340, 9, 2e4, 1.5e4, 1e4)}
        records.append(
            RecordAlarms(one.record, 3600.0, [*one.answers, *answers], [], [*one.judged, *judged], counts)
        )
    scored = together(records, start_s=0.0)
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    show_alarms(scored, console)
    pipe = Console(file=io.StringIO(), force_terminal=False, color_system=None)
    show_alarms(scored, pipe)
    text, plain = (one.file.getvalue() for one in (console, pipe))  # type: ignore[attr-defined]
    assert "…" not in text + plain
    assert "supraventr. tachy " in text
    shown = text[text.index("\nAlarms raised\n") :]
    assert all(len(line) <= width for line in shown.splitlines())
    assert Counter(re.findall(r"[\d.]+", plain)) <= Counter(re.findall(r"[\d.]+", text))
