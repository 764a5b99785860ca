"""Conditions of labelled beats: what begins, lasts and ends with which beat."""

from collections.abc import Sequence

import msgspec
import pytest

from monitor.arrhythmias import Arrhythmias
from monitor.events import LabelledBeat, Rhythm
from monitor.settings import Settings
from monitor.turns import SALVO, Turn, alarming, rhythms_of

FS = 100.0


def told(
    labels: str,
    rr: int | Sequence[int] = 80,
    *,
    forms: dict[int, int] | None = None,
    settings: Settings | None = None,
) -> list[Turn]:
    """Return the turns of beats with these labels; each takes effect 90 samples after its peak."""
    table = Arrhythmias(settings or Settings(), fs=FS)
    turns: list[Turn] = []
    at = 0
    for i, label in enumerate(labels):
        step = rr if isinstance(rr, int) else rr[i]
        at += step
        beat = LabelledBeat(sample=at, decided=at + 90, label=label, rr=step if i else None)  # type: ignore[arg-type]
        turns += table.push(beat, (forms or {}).get(i))
    return turns


def steps(turns: Sequence[Turn], kind: str) -> list[tuple[str, int, int]]:
    """Return state, onset and decision of one kind, as numbers of beats at the usual RR."""
    return [(t.state, t.sample // 80 - 1, (t.decided - 90) // 80 - 1) for t in turns if t.kind == kind]


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [
        ("NNVVN", {"couplet"}),
        ("VVN", set()),  # what was before is not known
        ("NNVVFN", {"couplet"}),
        ("NNVFVN", set()),
        ("NNVVFVN", {"ventricular_run"}),  # a fusion beat inside a run is passed over
        ("NNVFFVN", set()),
        ("NNVNVN", set()),
        ("NNVVVN", {"ventricular_run"}),
        ("NNVVVV", {"ventricular_run"}),
        ("NNVVVVVN", {"ventricular_run", "idioventricular"}),
        ("NNSSSSN", set()),
        ("NVNVN", set()),
        ("NVNVNVN", {"bigeminy"}),
        ("NVNVNVVN", {"bigeminy", "couplet"}),
        ("NVQVNVN", set()),
        ("NNVNNVNNVN", {"trigeminy"}),
        ("NNVNNVNNN", set()),
    ],
)
def test_runs_and_patterns_of_labels(labels: str, kinds: set[str]) -> None:
    """At 75 bpm, which is no tachycardia."""
    assert kinds == {turn.kind for turn in told(labels)}


@pytest.mark.parametrize(
    ("labels", "rr", "kind"),
    [
        ("NNVVVN", 40, "nonsustained_vt"),
        ("NNVVVVN", 40, "nonsustained_vt"),
        ("NNVVVVVN", 40, "nonsustained_vt"),  # no provisional labels told of a tachycardia
        ("NNVVVVVVVVN", [60] * 5 + [80] * 4 + [40] * 2, "idioventricular"),  # no five of them are fast
        ("NNVVVVVVN", 170, "ventricular_bradycardia"),
        ("NNVVVVVVN", 150, "idioventricular"),
        ("NNVVVVVVN", 60, "idioventricular"),
        ("NNSSSSSN", 40, "supraventricular_tachycardia"),
        ("NNSSSSN", 40, None),
        ("NNSSSSSN", 60, None),  # five at 100 bpm
    ],
)
def test_the_rate_tells_one_run_from_another(labels: str, rr: int | list[int], kind: str | None) -> None:
    """Limits belong to the slower side."""
    kinds = {turn.kind for turn in told(labels, rr)} - {"ventricular_run", SALVO}
    assert kinds == ({kind} if kind else set())


@pytest.mark.parametrize(("labels", "stop"), [("NNVVVN", 5), ("NNVVVVN", 6), ("NNVVVFN", 5)])
def test_three_fast_ventricular_beats_are_a_rhythm(labels: str, stop: int) -> None:
    """``(VT`` of WFDB: from the first up to the beat behind them; told once it is over."""
    turns = [turn for turn in told(labels, 40) if turn.kind == SALVO]
    assert [("start", 2), ("end", stop)] == [(turn.state, turn.sample // 40 - 1) for turn in turns]
    assert {40 * len(labels) + 90} == {turn.decided for turn in turns}
    assert ["(VT", "(VT"] == [rhythm.rhythm for rhythm in rhythms_of(turns, "confirmed")]
    assert [] == alarming(turns)


@pytest.mark.parametrize(
    ("labels", "known", "kinds"),
    [
        ("NNVVVN", True, ["nonsustained_vt"]),  # marked already
        ("NNVVVN", False, ["nonsustained_vt", SALVO, SALVO]),
        ("NNVVVVVVN", True, []),
        ("NNVVVVVVN", False, ["nonsustained_vt", SALVO, SALVO]),
    ],
)
def test_a_fast_run_is_told_and_marked_unless_provisional_labels_told_of_it(
    labels: str, known: bool, kinds: list[str]
) -> None:
    """Of three or four beats the alarm is told either way; what is decided too late plays no part."""
    decided = 40 * len(labels) + 90 if known else 40 * len(labels) + 91
    rhythms = [
        Rhythm(sample=40, decided=50, rhythm="(VT", state="start"),
        Rhythm(sample=60, decided=70, rhythm="(VT", state="end"),
        Rhythm(sample=160, decided=decided, rhythm="(VT", state="start"),
    ]
    table, turns = Arrhythmias(Settings(), fs=FS), list[Turn]()
    for i, label in enumerate(labels):
        table.observe(rhythms if i == 0 else [])
        at = 40 * (i + 1)
        turns += table.push(LabelledBeat(sample=at, decided=at + 90, label=label, rr=40 if i else None))  # type: ignore[arg-type]
        again = Arrhythmias(Settings(), fs=FS)
        again.restore(table.snapshot())
        table = again
    assert kinds == [turn.kind for turn in turns if turn.kind != "ventricular_run"]


def test_a_long_run_is_told_by_its_fast_part() -> None:
    """From the first to the last five in a row that are fast."""
    rr = [170] * 5 + [40] * 5 + [170] * 2
    (found,) = [turn for turn in told("NNVVVVVVVVVN", rr) if turn.kind == "nonsustained_vt"]
    assert (850, 1050) == (found.evidence[0], found.evidence[-1])


def test_a_condition_is_about_its_beats_and_ends_with_the_one_that_breaks_it() -> None:
    """Onset, end and evidence are R peaks; the decision is where a label takes effect."""
    turns = told("NNNVVVVN")
    assert [("start", 3, 5), ("end", 7, 7)] == steps(turns, "ventricular_run")
    assert (320, 400, 480) == turns[0].evidence
    assert 75.0 == turns[0].value


def test_a_gap_ends_what_lasted_and_nothing_is_counted_across_it() -> None:
    """The first beat after it has no RR."""
    table = Arrhythmias(Settings(), fs=FS)
    turns: list[Turn] = []
    for i, label in enumerate("NNVVVVV"):
        broken = i in (0, 5)
        beat = LabelledBeat(sample=80 * i, decided=80 * i + 90, label=label, rr=None if broken else 80)  # type: ignore[arg-type]
        turns += table.push(beat)
    assert [("ventricular_run", "start"), ("ventricular_run", "end")] == [(t.kind, t.state) for t in turns]
    assert 400 == turns[-1].sample


def test_gaps_without_a_beat_between_are_bounded() -> None:
    """Hours without electrodes and with lost packets: what stood is over, and little is kept."""
    table = Arrhythmias(Settings(), fs=FS)
    given = [
        LabelledBeat(sample=80 * i, decided=80 * i + 90, label="V", rr=80 if i else None) for i in range(9)
    ]
    assert {"idioventricular"} <= {turn.kind for beat in given for turn in table.push(beat)}
    ended = []
    for at in range(1000, 2_000_000, 500):
        table.lose(at, at + 300)
        ended += table.advance(at)
    assert {"end"} == {turn.state for turn in ended}
    assert len(table.snapshot()["gaps"]) <= 256


def test_a_broken_pattern_goes_on_if_it_comes_back_soon() -> None:
    """One extra beat is not the end; the end is where the pattern was complete last."""
    assert [("start", 1, 6)] == steps(told("NNVNVNVNNVNVNV"), "bigeminy")
    assert [("start", 1, 6), ("end", 8, 14)] == steps(told("NNVNVNVN" + "N" * 8), "bigeminy")


def test_nothing_lasts_without_beats() -> None:
    """Ten seconds after the last one all is over, at that sample."""
    table = Arrhythmias(Settings(), fs=FS)
    for i, label in enumerate("NNVVV"):
        table.push(LabelledBeat(sample=80 * i, decided=80 * i + 90, label=label, rr=80 if i else None))  # type: ignore[arg-type]
    assert [] == table.advance(1320)
    assert [Turn("ventricular_run", "end", 320, 1320)] == table.advance(1321)
    assert [] == table.advance(9999)


def test_a_beat_on_the_t_wave_needs_its_pause_and_a_slow_heart() -> None:
    """RR < 1/3 of the mean, the next at least 1.25 of it, below 100 bpm."""
    before = [80] * 8
    assert [("once", 640)] == [(t.state, t.sample - 26) for t in told("N" * 8 + "VN", [*before, 26, 100])]
    assert [] == told("N" * 8 + "VN", [*before, 27, 130])
    assert [] == told("N" * 8 + "VN", [*before, 26, 99])
    assert [] == told("N" * 8 + "NN", [*before, 26, 100])
    assert [] == told("N" * 8 + "VN", [*[59] * 8, 19, 75])


def test_a_missed_beat_is_not_the_pause_of_a_premature_one() -> None:
    """RR > 1.75 means, or > 1 s in a fast heart; no V before it, and no pause by its length alone."""
    assert ["missed_beat"] == [t.kind for t in told("N" * 8 + "N", [*[80] * 8, 141])]
    assert [] == told("N" * 8 + "N", [*[80] * 8, 140])
    assert [] == told("N" * 7 + "VN", [*[80] * 8, 141])
    assert ["missed_beat"] == [t.kind for t in told("N" * 8 + "N", [*[50] * 8, 101])]
    assert [] == told("N" * 8 + "N", [*[50] * 8, 100])
    assert [] == told("N" * 8 + "N", [*[80] * 8, 201])


def test_two_shapes_are_multiform_where_they_are_near() -> None:
    """Within 15 beats unless set otherwise; a V whose shape is not known is no other one."""
    labels = "NNVNNNVNN"
    assert ["multiform_pvc"] == [t.kind for t in told(labels, forms={2: 1, 6: 2})]
    assert [] == told(labels, forms={2: 1, 6: 1})
    assert [] == told(labels, forms={2: 1})
    alarms = msgspec.structs.replace(Settings().alarms, multiform_beats=4)
    near = msgspec.structs.replace(Settings(), alarms=alarms)
    assert [] == told(labels, forms={2: 1, 6: 2}, settings=near)


def test_ventricular_beats_are_counted_over_a_minute() -> None:
    """More than ten within 60 s; over with the beat by which there are ten."""
    turns = told("NNNV" * 11 + "N" * 80, 50)
    assert [("start", 11.0), ("end", None)] == [(t.state, t.value) for t in turns if t.kind == "frequent_pvc"]
    assert turns[-1].decided - turns[-1].sample < 6100
    assert [] == told("NNNV" * 10 + "N" * 80, 50)


def test_a_snapshot_goes_on_exactly() -> None:
    """Wherever it is taken."""
    labels = "NNVVNNVNVNVNVVVVVNNSSSSSSNNVNNVNNVN"
    beats = [
        LabelledBeat(sample=55 * i, decided=55 * i + 90, label=label, rr=55 if i else None)  # type: ignore[arg-type]
        for i, label in enumerate(labels)
    ]
    whole = told(labels, 55)
    assert len({turn.kind for turn in whole}) > 4
    one = Arrhythmias(Settings(), fs=FS)
    turns: list[Turn] = []
    for beat in beats:
        two = Arrhythmias(Settings(), fs=FS)
        two.restore(msgspec.json.decode(msgspec.json.encode(one.snapshot())))
        one.push(LabelledBeat(sample=10**6, decided=10**6, label="V", rr=None))
        one = two
        turns += one.push(beat)
    assert [turn._replace(sample=0, decided=0, evidence=()) for turn in whole] == [
        turn._replace(sample=0, decided=0, evidence=()) for turn in turns
    ]
