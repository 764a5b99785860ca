"""Annotation files, read back by wfdb: what is written is what is read, whatever the size."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.annotations import END, SUFFIXES, Annotator, Mark, encode, opening, place, write_annotations
from monitor.errors import StorageError
from monitor.events import Alarm, Beat, Event, Gap, Label, LabelKind, LabelledBeat, Rate, Rhythm
from monitor.score.beats import compare_beats
from monitor.score.marks import decode

SYMBOLS = 'NSVFQ~+[]"'


def beat(sample: int, label: Label = "N") -> LabelledBeat:
    return LabelledBeat(sample=sample, decided=sample + 100, label=label)


def rhythm(sample: int, name: str, state: str, *, late: int = 100, labels: LabelKind | None = None) -> Rhythm:
    assert state in ("start", "end")
    return Rhythm(
        sample=sample,
        decided=sample + late,
        rhythm=name,
        state="start" if state == "start" else "end",
        labels=labels,
    )


def read_back(path: Path) -> list[tuple[int, str, str]]:
    found = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    return list(zip(found.sample.tolist(), found.symbol, found.aux_note, strict=True))


def written(path: Path, events: list[Event]) -> list[tuple[int, str, str]]:
    write_annotations(path, events, fs=360)
    return read_back(path)


def test_beats_are_the_five_classes(tmp_path: Path) -> None:
    """N S V F Q only, at the R peak; other events leave no trace."""
    events: list[Event] = [
        beat(10, "N"),
        beat(20, "S"),
        beat(30, "V"),
        beat(40, "F"),
        beat(50, "Q"),
        Beat(sample=60, decided=70, rr=10),
        Rate(sample=61, decided=61, hr_bpm=60),
    ]
    expected = [(10, "N", ""), (20, "S", ""), (30, "V", ""), (40, "F", ""), (50, "Q", "")]
    assert expected == written(tmp_path / "r.blt", events)


def test_nothing_to_write_is_a_file_that_reads_as_nothing(tmp_path: Path) -> None:
    """The writer of wfdb refuses it; a record without a beat is no error."""
    assert written(tmp_path / "r.blt", []) == []
    assert wfdb.rdann(str(tmp_path / "r"), "blt").fs == 360


def test_order_of_the_events_does_not_matter(tmp_path: Path) -> None:
    """Labels come late, in any order; a file is sorted, and a later label replaces an earlier one."""
    events: list[Event] = [beat(3000), beat(10), beat(2000, "Q")]
    events.append(LabelledBeat(sample=2000, decided=9000, label="V"))
    assert written(tmp_path / "r.blt", events) == [(10, "N", ""), (2000, "V", ""), (3000, "N", "")]


def test_a_file_holds_the_labels_of_one_kind_and_all_else(tmp_path: Path) -> None:
    """``.blt`` the confirmed, ``.blp`` the provisional: the same beats, each once."""
    first = LabelledBeat(sample=2000, decided=2100, label="V", provisional=True)
    events = [first, beat(2000, "S"), Rhythm(sample=2000, decided=2100, rhythm="(VT", state="start")]
    kinds: tuple[tuple[LabelKind, Label], ...] = (("confirmed", "S"), ("provisional", "V"))
    for labels, label in kinds:
        path = tmp_path / f"r{SUFFIXES[labels]}"
        write_annotations(path, events, fs=360, labels=labels)
        found = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
        assert found.symbol == ["+", label]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".blp", ".blt"]


def test_a_rhythm_ends_where_the_next_goes_on(tmp_path: Path) -> None:
    """``+`` says what holds from there: the rhythm that began, one that still holds, or (N."""
    events: list[Event] = [
        rhythm(100, "(AFIB", "start"),
        rhythm(200, "(VT", "start"),
        rhythm(300, "(VT", "end"),
        rhythm(400, "(AFIB", "end"),
    ]
    expected = [(100, "+", "(AFIB"), (200, "+", "(VT"), (300, "+", "(AFIB"), (400, "+", "(N")]
    assert expected == written(tmp_path / "r.blt", events)


def test_one_rhythm_follows_another_without_a_beat_of_sinus(tmp_path: Path) -> None:
    """An end and a start at one sample are one change."""
    events: list[Event] = [
        rhythm(100, "(VT", "start"),
        rhythm(300, "(VT", "end"),
        rhythm(300, "(SVTA", "start"),
    ]
    assert written(tmp_path / "r.blt", events) == [(100, "+", "(VT"), (300, "+", "(SVTA")]


def test_a_rhythm_that_is_told_late_goes_on_after_those_that_it_holds(tmp_path: Path) -> None:
    """Atrial fibrillation is told half a minute after it began; a run of V in between ends in it."""
    events: list[Event] = [
        rhythm(200, "(VT", "start"),
        rhythm(300, "(VT", "end"),
        rhythm(100, "(AFIB", "start", late=1000),
        rhythm(800, "(VT", "start"),
        rhythm(900, "(VT", "end"),
        rhythm(700, "(AFIB", "end", late=1000),
    ]
    inside = [(100, "+", "(AFIB"), (200, "+", "(VT"), (300, "+", "(AFIB")]
    behind = [(700, "+", "(N"), (800, "+", "(VT"), (900, "+", "(N")]
    assert inside + behind == written(tmp_path / "r.blt", events)


def test_a_tachycardia_of_both_labels_lasts_until_both_say_that_it_ended(tmp_path: Path) -> None:
    """A short run of confirmed labels ends its own (VT alone, not the one of provisional labels around it."""
    events: list[Event] = [
        rhythm(100, "(VT", "start", late=40, labels="provisional"),
        rhythm(100, "(VT", "start", late=50, labels="confirmed"),
        rhythm(130, "(VT", "end", late=20, labels="confirmed"),
        rhythm(900, "(VT", "end", late=10, labels="provisional"),
    ]
    marks = [(at, note) for at, _, note in written(tmp_path / "r.blt", events)]
    assert [(100, "(VT"), (130, "(VT"), (900, "(N")] == marks


def test_a_rhythm_goes_on_however_many_others_interrupt_it(tmp_path: Path) -> None:
    """What ended long ago is forgotten, never what lasts."""
    events: list[Event] = [rhythm(100, "(AFIB", "start")]
    for at in range(1000, 101_000, 1000):
        events += [rhythm(at, "(VT", "start"), rhythm(at + 200, "(VT", "end")]
    notes = [note for *_, note in written(tmp_path / "r.blt", events)]
    assert ["(AFIB", *["(VT", "(AFIB"] * 100] == notes


def test_memory_of_rhythms_is_bounded() -> None:
    """An annotator runs for weeks."""
    annotator = Annotator()
    for at in range(1000, 1_001_000, 1000):
        annotator.marks(rhythm(at, "(VT", "start"))
        annotator.marks(rhythm(at + 200, "(VT", "end"))
    assert len(annotator._spans) < 100


@pytest.mark.parametrize("name", ["(SVTA", "(B", "(T"])
def test_early_beats_do_not_interrupt_another_rhythm(tmp_path: Path, name: str) -> None:
    """Within atrial fibrillation beats may be labelled S, or V in turn; that is no rhythm of its own."""
    events: list[Event] = [
        rhythm(100, "(AFIB", "start"),
        rhythm(200, name, "start"),
        rhythm(300, name, "end"),
        rhythm(400, "(AFIB", "end"),
    ]
    marks = written(tmp_path / "r.blt", events)
    assert [(100, "(AFIB"), (200, "(AFIB"), (300, "(AFIB"), (400, "(N")] == [
        (at, note) for at, _, note in marks
    ]


@pytest.mark.parametrize(
    ("name", "n", "notes"),
    [
        ("(B", 3, ["(AFIB"] * 3 + ["(N"]),
        ("(B", 4, ["(AFIB", "(B", "(AFIB", "(N"]),
        ("(T", 4, ["(AFIB", "(T", "(AFIB", "(N"]),
        ("(SVTA", 4, ["(AFIB"] * 3 + ["(N"]),
    ],
)
def test_a_pattern_of_four_ventricular_beats_interrupts_atrial_fibrillation(
    tmp_path: Path, name: str, n: int, notes: list[str]
) -> None:
    """Three in turn may be chance; with the fourth it is known, and marked from its beginning."""
    events: list[Event] = [
        rhythm(100, "(AFIB", "start"),
        *(beat(200 + 20 * k, "V") for k in range(n)),
        rhythm(200, name, "start"),
        rhythm(300, name, "end"),
        *(beat(300 + 20 * k, "V") for k in range(4)),
        rhythm(400, "(AFIB", "end"),
    ]
    marks = [(at, note) for at, symbol, note in written(tmp_path / "r.blt", events) if symbol == "+"]
    assert marks == list(zip([100, 200, 300, 400], notes, strict=True))


def rhythms_marked(events: Iterable[Event]) -> list[tuple[int, str]]:
    """Return what stands of rhythms once all this is told, in this order."""
    annotator = Annotator()
    kept: list[Mark] = []
    for event in events:
        for mark in annotator.marks(event):
            place(kept, mark)
    return [(mark.sample, mark.note) for mark in kept if mark.symbol == "+"]


@pytest.mark.parametrize("n_before", [0, 3, 4])
def test_a_pattern_that_lasts_is_marked_with_its_fourth_ventricular_beat(n_before: int) -> None:
    """A recording is settled before a long one ends, or ends with it; labels may come before the rhythm."""
    told: list[Event] = [beat(200 + 20 * k, "V") for k in range(4)]
    told.insert(n_before, rhythm(200, "(B", "start"))
    told.insert(0, rhythm(100, "(AFIB", "start"))
    assert (200, "(B") not in rhythms_marked(told[:-1])
    assert [(100, "(AFIB"), (200, "(B")] == rhythms_marked(told)


def test_a_pattern_that_is_whole_is_not_marked_again() -> None:
    """What is written of its beginning may be settled by the time it ends."""
    annotator = Annotator()
    for event in (rhythm(100, "(AFIB", "start"), rhythm(200, "(B", "start")):
        annotator.marks(event)
    later = [annotator.marks(beat(200 + 20 * k, "V")) for k in range(100)][4:]
    assert [1] * 96 == [len(marks) for marks in later]
    assert [Mark(2200, 3, "+", note="(AFIB")] == annotator.marks(rhythm(2200, "(B", "end"))


def test_a_run_takes_its_ventricular_beats_from_a_pattern_that_lasts() -> None:
    """Of the last V in turn three were the first of a run, which is told later than they are."""
    told: list[Event] = [rhythm(100, "(AFIB", "start"), rhythm(200, "(B", "start")]
    told += [beat(at, "V") for at in (200, 240, 280, 300, 320)]
    assert (200, "(B") in rhythms_marked(told)
    told.append(rhythm(280, "(VT", "start"))
    assert [(100, "(AFIB"), (200, "(AFIB"), (280, "(VT")] == rhythms_marked(told)


def test_ventricular_beats_of_runs_make_no_pattern(tmp_path: Path) -> None:
    """Between two runs, the last V of one and the first of the other are not in turn with those between."""
    events: list[Event] = [
        rhythm(100, "(AFIB", "start"),
        *(beat(at, "V") for at in (160, 180, 200, 240, 280, 320, 340, 360)),
        rhythm(160, "(VT", "start"),
        rhythm(220, "(VT", "end"),
        rhythm(320, "(VT", "start"),
        rhythm(380, "(VT", "end"),
        rhythm(200, "(B", "start"),
        rhythm(340, "(B", "end"),
        rhythm(400, "(AFIB", "end"),
    ]
    notes = {at: note for at, symbol, note in written(tmp_path / "r.blt", events) if symbol == "+"}
    assert ("(AFIB", "(VT", "(AFIB", "(VT", "(AFIB") == tuple(notes[at] for at in (100, 160, 220, 320, 380))


@pytest.mark.parametrize("name", ["(VFL", "(VF", "(VFIB"])
def test_fibrillation_and_flutter_stand_in_brackets(tmp_path: Path, name: str) -> None:
    """As in the databases, and as epicmp wants them; one inside another is one."""
    inner = "(VF" if name == "(VFIB" else "(VFIB"
    events: list[Event] = [
        rhythm(100, name, "start"),
        rhythm(200, inner, "start"),
        rhythm(300, inner, "end"),
        rhythm(400, name, "end"),
    ]
    assert written(tmp_path / "r.blt", events) == [(100, "[", ""), (400, "]", "")]


def test_an_episode_begins_where_the_last_one_ended_at_the_earliest(tmp_path: Path) -> None:
    """Onsets are found looking back: brackets of two episodes never cross."""
    events: list[Event] = [
        rhythm(100, "(VFL", "start", late=300),
        rhythm(500, "(VFL", "end", late=50),
        rhythm(450, "(VFL", "start", late=300),
        rhythm(900, "(VFL", "end"),
    ]
    expected = [(100, "[", ""), (500, "]", ""), (500, "[", ""), (900, "]", "")]
    assert expected == written(tmp_path / "r.blt", events)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 500), st.sampled_from(["(VFL", "(VF", "(VFIB"]), st.sampled_from(["start", "end"])
        ),
        max_size=12,
    )
)
def test_brackets_come_in_pairs_whatever_is_told(told: list[tuple[int, str, str]]) -> None:
    """Told twice, ended without a start, going back in time: a bracket opens, the next one closes."""
    annotator = Annotator()
    kept: list[Mark] = []
    for sample, name, state in told:
        for mark in annotator.marks(rhythm(sample, name, state)):
            place(kept, mark)
    symbols = "".join(mark.symbol for mark in kept)
    assert symbols == ("[]" * len(kept))[: len(kept)]
    assert all(begin.sample < end.sample for begin, end in zip(kept[::2], kept[1::2], strict=False))


def shut(path: Path) -> list[tuple[int, int]]:
    """Return where scoring finds the analysis shut down."""
    return decode(path.read_bytes(), name=path.name).shutdowns(10_000, fs=360)


def test_a_gap_is_unreadable_until_samples_come_again(tmp_path: Path) -> None:
    """``~`` of subtype -1, its length in the note, to ``~`` of 0; an empty one (a new stream) is none."""
    events: list[Event] = [
        beat(500),
        Gap(sample=720, decided=1440, stop=1440, reason="overflow"),
        Gap(sample=2000, decided=2000, stop=2000, reason="restarted"),
        beat(2500),
    ]
    gap = [(720, "~", "overflow 720 samples"), (1440, "~", "")]
    assert [(500, "N", ""), *gap, (2500, "N", "")] == written(tmp_path / "r.blt", events)
    assert wfdb.rdann(str(tmp_path / "r"), "blt").subtype.tolist() == [0, -1, 0, 0]
    assert shut(tmp_path / "r.blt") == [(720, 1440)]


def test_a_shutdown_is_as_long_as_the_gap(tmp_path: Path) -> None:
    """What ends with it stands before it; a mark inside one that was bridged takes nothing from it."""
    events: list[Event] = [
        rhythm(100, "(VFL", "start"),
        beat(720),
        Gap(sample=720, decided=1440, stop=1440),
        rhythm(720, "(VFL", "end", late=720),
        alarm("ENDED", decided=1440),
        Gap(sample=1440, decided=1500, stop=1500),
        beat(1500),
        Gap(sample=2000, decided=2050, stop=2050),
        beat(2010),
        alarm("BRIDGED", decided=2010),
        beat(2030, "V"),
        beat(2050),
    ]
    path = tmp_path / "r.blt"
    found = [entry for entry in written(path, events) if entry[1] != "~"]
    assert [(720, "]"), (720, "N")] == [entry[:2] for entry in found[1:3]]
    assert len(found) == 9
    lengths = [stop - start for start, stop in shut(path)]
    assert sum(lengths) == 720 + 60 + 50
    marks = decode(path.read_bytes(), name="r")
    empty = decode(END, name="none")
    assert compare_beats(empty, marks, fs=360, start=0, end=10_000).shutdown_s == (720 + 60 + 50) / 360


def alarm(text: str, *, decided: int = 2000) -> Alarm:
    return Alarm(
        sample=min(560, decided),
        decided=decided,
        kind="asystole",
        priority="high",
        state="start",
        text=text,
        lead=1,
    )


def test_an_alarm_is_a_note_where_it_was_raised(tmp_path: Path) -> None:
    """Priority, kind, lead, step, onset and text."""
    assert written(tmp_path / "r.blt", [alarm("ASYSTOLE")]) == [
        (2000, '"', "high asystole lead 1 start, onset 560: ASYSTOLE")
    ]


def test_a_note_never_passes_255_bytes(tmp_path: Path) -> None:
    """Longer ones are cut, and what follows is intact; odd lengths are padded."""
    for n_characters in (0, 1, 2, 215, 216, 217, 218, 300, 70_000):
        events: list[Event] = [alarm("x" * n_characters), beat(5000)]
        (_, _, note), last = written(tmp_path / "r.blt", events)
        assert len(note) == min(255, 39 + n_characters)
        assert last == (5000, "N", "")


def test_a_note_is_one_line_of_latin_1(tmp_path: Path) -> None:
    """Nothing in it can break a reader: no NUL, no newline, no escape."""
    ((_, _, note),) = written(tmp_path / "r.blt", [alarm("µV \0\n\x1b[2J 心")])
    assert note.endswith(": µV    [2J ?")


def test_a_note_at_the_very_beginning_is_not_lost(tmp_path: Path) -> None:
    """Readers take notes at 0 to be about the file; ours moves to 1."""
    (mark,) = written(tmp_path / "r.blt", [alarm("", decided=0)])
    assert mark[:2] == (1, '"')


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Written aside and moved; what cannot be written is one line."""
    write_annotations(tmp_path / "new" / "r.blt", [beat(1)], fs=360)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["r.blt"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot write .*file/r\.blt: "):
        write_annotations(tmp_path / "file" / "r.blt", [beat(1)], fs=360)


def test_marks_out_of_order_are_the_callers_mistake() -> None:
    """A file that goes back in time is never written."""
    with pytest.raises(ValueError, match="expected a sample from 20 on, received 10"):
        encode([Mark(20, 4, "N"), Mark(10, 4, "N")])


marks = st.builds(
    Mark,
    sample=st.one_of(st.integers(1, 5000), st.integers(1, 2**40)),
    order=st.integers(0, 5),
    symbol=st.sampled_from(SYMBOLS),
    subtype=st.integers(-128, 127),
    note=st.text("abc(", max_size=300),
).filter(lambda mark: (mark.symbol, mark.subtype) != ("~", -1))


@settings(max_examples=50, deadline=None)
@given(st.lists(marks, max_size=30), st.sampled_from([100.0, 257.8125, 360.0, 1000.0]))
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, unsorted: list[Mark], fs: float
) -> None:
    """Any distance up to years, any note, any subtype; and each file cut between entries is a prefix."""
    path = tmp_path_factory.getbasetemp() / "any.blt"
    kept: list[Mark] = []
    for mark in unsorted:
        place(kept, mark)
    entries = encode(kept)
    path.write_bytes(b"".join((opening(fs), *entries, END)))
    found = wfdb.rdann(str(path.with_suffix("")), "blt")
    assert found.sample.tolist() == [mark.sample for mark in kept]
    assert found.symbol == [mark.symbol for mark in kept]
    assert found.subtype.tolist() == [mark.subtype for mark in kept]
    assert found.aux_note == [mark.note[:255] for mark in kept]
    assert found.fs == fs
    half = len(entries) // 2
    path.write_bytes(b"".join((opening(fs), *entries[:half], END)))
    assert wfdb.rdann(str(path.with_suffix("")), "blt").sample.tolist() == [
        mark.sample for mark in kept[:half]
    ]


def test_a_file_cut_anywhere_between_words_is_a_prefix_or_refused(tmp_path: Path) -> None:
    """What a loss of power may leave, byte by byte.

    Cut between entries: a prefix, short of the last entry where the closing word is missing. Cut
    inside an entry: wfdb refuses, or reads a prefix. Never a wrong beat.
    """
    path = tmp_path / "r.blt"
    events: list[Event] = [
        beat(10),
        beat(3000, "V"),
        rhythm(3500, "(VT", "start"),
        alarm("x", decided=4000),
        beat(5000),
    ]
    everything = written(path, events)
    content = path.read_bytes()
    lengths = set()
    for n_bytes in range(len(opening(360)), len(content) + 1):
        path.write_bytes(content[:n_bytes])
        try:
            found = read_back(path)
        except (IndexError, ValueError):
            continue
        assert found == everything[: len(found)]
        lengths.add(len(found))
    assert lengths == set(range(len(everything) + 1))


def test_place_says_from_where_marks_changed() -> None:
    """Behind the last: appended; before others: from there on; a later label: in its place."""
    kept: list[Mark] = []
    assert [place(kept, Mark(sample, 4, "N")) for sample in (10, 30, 20)] == [0, 1, 1]
    assert place(kept, Mark(20, 4, "V")) == 1
    assert place(kept, Mark(20, 5, '"', note="a")) == 2
    assert place(kept, Mark(20, 5, '"', note="b")) == 3
    assert "".join(mark.symbol for mark in kept) == 'NV""N'


def test_an_annotator_knows_no_file() -> None:
    """It may be asked event by event."""
    assert Annotator().marks(beat(5, "S")) == [Mark(5, 4, "S")]
