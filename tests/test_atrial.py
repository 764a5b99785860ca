"""Atrial fibrillation from RR: what is told of it and when, and what must not be taken for it."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from monitor.atrial import Atrial
from monitor.beats import WindowSpec
from monitor.events import Alarm, BeatWindow, Block, Event, Gap, LabelledBeat, Rhythm, sort_key
from monitor.pipeline import Pipeline
from monitor.settings import RhythmSettings, Settings
from monitor.turns import PAROXYSM, Turn, alarming
from sim.synthetic import SyntheticPatient
from tests.alarm_cases import WINDOW as WHOLE
from tests.alarm_cases import Manner, play
from tests.rr_series import REGULAR, Series, fibrillation, sinus

FS = 250.0
DELAY = 250
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=2, features=("p_correlation",))


def rng(seed: int = 7) -> np.random.Generator:
    """Return random numbers that are always the same."""
    return np.random.default_rng(seed)


def beats(*parts: Series) -> list[LabelledBeat]:
    """Return beats at these RR after a first one at sample 0; each label takes effect `DELAY` later."""
    given, at = [LabelledBeat(sample=0, decided=DELAY, label="N")], 0
    for rr_s, label in (one for part in parts for one in part):
        rr = round(rr_s * FS)
        at += rr
        given.append(LabelledBeat(sample=at, decided=at + DELAY, label=label, rr=rr))
    return given


def stage(settings: RhythmSettings | None = None) -> Atrial:
    """Return one at 250 Hz."""
    return Atrial(settings or RhythmSettings(), WINDOW, fs=FS)


def all_told(given: list[LabelledBeat], atrial: Atrial | None = None) -> list[Turn]:
    """Return what the stage makes of beats."""
    atrial = atrial or stage()
    return [turn for beat in given for turn in atrial.push(beat)]


def told(given: list[LabelledBeat], atrial: Atrial | None = None) -> list[Turn]:
    """Return what alarms are made of."""
    return alarming(all_told(given, atrial))


def stretches(given: list[LabelledBeat], atrial: Atrial | None = None) -> list[Turn]:
    """Return what is marked as rhythm."""
    return [turn for turn in all_told(given, atrial) if turn.kind == PAROXYSM]


def p_waves(given: list[LabelledBeat], z: float) -> list[BeatWindow]:
    """Return windows in which every beat's P wave is this much like the patient's own."""
    window, features = np.zeros((85, 6), np.float32), np.array([z], np.float32)
    return [BeatWindow(beat.sample, beat.decided, True, window, features) for beat in given]


@pytest.mark.parametrize("mean_s", [0.45, 0.7, 1.0])
def test_irregular_rr_are_told_from_their_onset_and_over_from_their_end(mean_s: float) -> None:
    """Onset and end lie within a few beats of the truth, however much later they are told."""
    normal, irregular = sinus(60, rng(1)), fibrillation(100, rng(2), mean_s=mean_s)
    given = beats(normal, irregular, sinus(200, rng(3)))
    start, end = told(given)
    assert ["start", "end"] == [start.state, end.state]
    assert abs(start.sample - given[60].sample) <= 3 * mean_s * FS
    assert abs(end.sample - given[160].sample) <= 3 * mean_s * FS


def test_it_comes_and_goes_while_one_alarm_lasts() -> None:
    """Each stretch is marked with its own onset and end, a short one too; the alarm waits for its delay."""
    parts = [sinus(60, rng(1)), fibrillation(60, rng(2))]
    parts += [sinus(20, rng(3)), fibrillation(16, rng(4)), sinus(20, rng(5)), fibrillation(60, rng(6))]
    given = beats(*parts, sinus(200, rng(7)))
    assert ["start", "end"] == [turn.state for turn in told(given)]
    turns = stretches(given)
    assert ["start", "end"] * 3 == [turn.state for turn in turns]
    borders = np.cumsum([len(part) for part in parts])
    for turn, border in zip(turns, borders, strict=True):
        assert abs(turn.sample - given[border].sample) <= 3 * 0.8 * FS
        assert turn.sample <= turn.decided


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_few_regular_beats_between_bursts_are_not_marked(seed: int) -> None:
    """Seven at another rate each time, which the last minute does not foretell; bursts of fourteen are."""
    chance = rng(seed)
    parts = [fibrillation(60, chance)]
    for _ in range(12):
        rr = chance.normal(chance.uniform(0.5, 0.9), 0.006, 7)
        parts += [[(float(each), "N") for each in rr], fibrillation(14, chance)]
    given = beats(*parts)
    marked = np.zeros(given[-1].sample + 1, dtype=bool)
    for turn in stretches(given):
        marked[turn.sample :] = turn.state == "start"
    borders = [given[at].sample for at in np.cumsum([len(part) for part in parts])]
    shares = [float(marked[a:b].mean()) for a, b in pairwise(borders)]
    assert np.mean(shares[::2]) < 0.05
    assert np.mean(shares[1::2]) > 0.85


def test_it_is_told_after_half_a_minute_of_it_and_over_after_the_delay() -> None:
    """``af_s`` and ``af_end_s`` are kept; a start and an end are decided where a label takes effect."""
    given = beats(sinus(60, rng(1)), fibrillation(100, rng(2)), sinus(120, rng(3)))
    decided = {beat.decided for beat in given}
    for af_s, end_s in ((30.0, 30.0), (45.0, 60.0)):
        start, end = told(given, stage(RhythmSettings(af_s=af_s, af_end_s=end_s)))
        assert {start.decided, end.decided} <= decided
        assert af_s * FS <= start.decided - DELAY - start.sample < (af_s + 10) * FS
        assert end_s * FS <= end.decided - DELAY - end.sample < (end_s + 2) * FS


def test_a_stretch_that_does_not_fit_into_the_window_is_refused() -> None:
    """Nothing could ever be that long."""
    with pytest.raises(ValueError, match=r"af_s must lie below af_window_s: .* received 90 and 60"):
        RhythmSettings(af_s=90.0)


def test_its_evidence_are_irregular_beats_and_its_value_their_rate() -> None:
    """The last 32 R peaks, none before the onset or after the decision."""
    (start,) = told(beats(sinus(60, rng(1)), fibrillation(100, rng(2), mean_s=0.6)))
    assert len(start.evidence) == 32
    assert list(start.evidence) == sorted(set(start.evidence))
    assert start.sample < start.evidence[0]
    assert start.evidence[-1] == start.decided - DELAY
    assert start.value == pytest.approx(100, abs=10)


@pytest.mark.parametrize("name", REGULAR)
def test_what_has_a_pattern_is_no_fibrillation(name: str) -> None:
    """Ten minutes of it, and nothing is said; see `tests.rr_series`."""
    assert [] == told(beats(REGULAR[name](700, rng())))


def test_runs_of_ventricular_beats_do_not_interrupt_it() -> None:
    """RR that begin or end with V say nothing, neither for nor against."""
    run: Series = [(0.35, "V")] * 6
    given = beats(fibrillation(60, rng(1)), run, fibrillation(60, rng(2)), run, fibrillation(60, rng(3)))
    assert ["start"] == [turn.state for turn in told(given)]


def test_a_p_wave_speaks_against_it() -> None:
    """RR just irregular enough are not, with a P wave in every beat; those of plain fibrillation are."""
    mild, plain = beats(fibrillation(200, rng(1), spread=0.12)), beats(fibrillation(200, rng(1)))
    found = []
    for given, z in ((mild, 0.8), (mild, 1.8), (plain, 0.8), (plain, 1.2)):
        atrial = stage()
        atrial.observe(p_waves(given, z))
        found.append(bool(told(given, atrial)))
    assert [True, False, True, True] == found


def test_flutter_conducted_in_a_fixed_time_is_no_fibrillation() -> None:
    """RR of two to four flutter waves each in no order: the wave before each QRS complex is one and the same.

    Fibrillatory waves before the same RR are not, and then it is told.
    """
    random = rng(5)
    given = beats([(0.21 * float(random.integers(2, 5)), "N") for _ in range(300)])
    at_any_phase, in_phase = stage(), stage()
    times = np.arange(WINDOW.n_points) / WINDOW.fs
    for beat in given:
        for atrial, phase in ((at_any_phase, random.random()), (in_phase, 0.0)):
            window = np.zeros((WINDOW.n_points, 6), np.float32)
            window[:, :2] = 0.1 * np.sin(2 * np.pi * (times / 0.21 + phase))[:, np.newaxis]
            window[WINDOW.n_pre, :4] = 1.0
            atrial.observe([BeatWindow(beat.sample, beat.decided, True, window, np.zeros(1, np.float32))])
    assert [] == all_told(given, in_phase)
    assert ["start"] == [turn.state for turn in told(given, at_any_phase)]


def test_ventricular_fibrillation_is_not_listened_to() -> None:
    """What is found there is no beat; from its end on RR count again."""
    given = beats(sinus(60, rng(1)), fibrillation(100, rng(2)))
    began = Rhythm(sample=given[60].sample, decided=given[60].decided, rhythm="(VFL", state="start")
    over = Rhythm(sample=given[100].sample, decided=given[100].decided, rhythm="(VFL", state="end")
    atrial = stage()
    atrial.note([began])
    assert [] == told(given, atrial)
    atrial = stage()
    atrial.note([began, over])
    (start,) = told(given, atrial)
    assert start.sample >= over.sample


def test_a_short_gap_leaves_it_standing_and_a_long_one_ends_it() -> None:
    """The beat after a gap has no RR; what was heard before it counts as long as any other."""
    first, second = beats(fibrillation(60, rng(1))), beats(fibrillation(60, rng(2)))
    for gap_s, expected in ((5, ["start"]), (180, ["start", "end", "start"])):
        shift = first[-1].sample + round(gap_s * FS)
        later = [
            msgspec.structs.replace(beat, sample=beat.sample + shift, decided=beat.decided + shift)
            for beat in second
        ]
        assert expected == [turn.state for turn in told([*first, *later])]


def test_it_is_over_in_silence_too() -> None:
    """No beat comes any more: its end falls at a sample fixed by the last one, whenever it is asked for."""
    given = beats(fibrillation(80, rng(1)))
    last = given[-1].sample
    for steps in ([last + 40_000], range(last, last + 40_000, 37)):
        atrial = stage()
        assert ["start"] == [turn.state for turn in told(given, atrial)]
        stretch, end = (turn for index in steps for turn in atrial.advance(index))
        assert last - 3 * FS < end.sample <= last
        assert ("end", end.sample + 123 * FS) == (end.state, end.decided)
        assert stretch == end._replace(kind=PAROXYSM)


def test_a_stage_restored_at_any_beat_goes_on_as_if_nothing_had_been() -> None:
    """What was told before is not told again, and nothing is lost."""
    given = beats(sinus(30, rng(1)), fibrillation(80, rng(2)), sinus(200, rng(3)))
    expected = told(given)
    assert ["start", "end"] == [turn.state for turn in expected]
    for k in range(0, len(given), 13):
        before, after = stage(), stage()
        for each in (before, after):
            each.observe(p_waves(given, 0.1) if each is before else [])
        head = all_told(given[:k], before)
        after.restore(before.snapshot())
        tail = all_told(given[k:], after)
        assert len(head + tail) == 4
        assert tail == all_told(given[k:], before)


SCRIPT = "sinus:12@75, af:50@110, pvc, sinus:140@75"


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Return what the whole pipeline says of fibrillation within a sinus rhythm."""
    return sorted(play(SCRIPT).events, key=sort_key)


def atrial_of(events: list[Event]) -> list[Event]:
    """Return rhythm and alarm."""
    return [
        event
        for event in events
        if (isinstance(event, Rhythm) and event.rhythm == "(AFIB")
        or (isinstance(event, Alarm) and event.kind == "atrial_fibrillation")
    ]


def test_the_pipeline_tells_the_rhythm_and_raises_the_alarm(events: list[Event]) -> None:
    """A start and an end near those of the script, and one alarm of medium priority by confirmed labels."""
    rhythms = [event for event in atrial_of(events) if isinstance(event, Rhythm)]
    alarms = [event for event in atrial_of(events) if isinstance(event, Alarm)]
    assert [("start", "confirmed"), ("end", "confirmed")] == [(one.state, one.labels) for one in rhythms]
    assert [12, 62] == pytest.approx([one.sample / FS for one in rhythms], abs=3)
    assert ["start", "end", "cleared"] == [one.state for one in alarms]
    assert {"medium"} == {one.priority for one in alarms}
    assert (rhythms[0].sample, rhythms[0].decided) == (alarms[0].sample, alarms[0].decided)


@pytest.mark.parametrize(
    "manner", [Manner(block=1 << 20), Manner(block=2500, held=100), Manner(block=1250, restarts=True)]
)
def test_how_it_is_played_changes_nothing(events: list[Event], manner: Manner) -> None:
    """Laws 1 and 2: blocks of any size, answers held back and in disorder, a restart after each block."""
    assert atrial_of(events) == atrial_of(sorted(play(SCRIPT, manner=manner).events, key=sort_key))


def test_a_gap_in_the_stream_is_not_its_end() -> None:
    """Packets lost now and then must not hide fibrillation, nor tell it twice."""
    patient = SyntheticPatient("af:90@110", fs=FS, seed=3)
    samples = patient.read(0, patient.n_samples or 0)
    pipeline = Pipeline(Settings(), WHOLE, fs=FS, leads=patient.leads)
    said: list[Event] = []
    for at in range(0, len(samples), 5000):
        stop = min(at + 5000, len(samples))
        cut = min(at + 4500, stop)
        outputs = pipeline.push(Block(at, samples[at:cut]))
        if cut < stop:
            outputs += pipeline.push(Gap(sample=cut, decided=stop, stop=stop))
        for output in outputs:
            if isinstance(output, BeatWindow):
                answer = np.eye(5)[0].tolist()
                said += pipeline.label(output.sample, answer, provisional=output.provisional)
    assert ["start"] == [event.state for event in atrial_of(said) if isinstance(event, Rhythm)]
