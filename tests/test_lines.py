"""Text and JSON lines: one per beat, once, in order, and readable again."""

import datetime
import re

import msgspec
import pytest

from monitor.errors import StorageError
from monitor.events import (
    Alarm,
    AnyEvent,
    Beat,
    Gap,
    LabelledBeat,
    LeadQuality,
    Notice,
    Rate,
    Rhythm,
    Stream,
)
from monitor.lines import Envelope, Lines, clock, entry, parse

FS = 360.0
NOON_NS = 1_763_726_400_000_000_000
SURE = (0.9, 0.025, 0.025, 0.025, 0.025)


def push(lines: Lines, event: AnyEvent, *, bed: str = "bed-1", after_ms: int = 0) -> list[str]:
    return lines.push(bed, event, time_ns=NOON_NS + after_ms * 1_000_000, fs=FS)


def beat(sample: int, rr: int | None = 288) -> Beat:
    return Beat(sample=sample, decided=sample + 70, rr=rr)


def label(sample: int, name: str, *, answered: bool = True, provisional: bool = False) -> LabelledBeat:
    return LabelledBeat(
        sample=sample,
        decided=sample + 150,
        label=name,  # type: ignore[arg-type]
        probabilities=SURE if answered else None,
        provisional=provisional,
    )


def test_a_beat_has_one_line_with_time_bed_label_rr_and_rate() -> None:
    """What ``--plain`` promises of each beat."""
    lines = Lines(zone=datetime.UTC)
    assert [] == push(lines, Rate(sample=0, decided=0, hr_bpm=75.4))
    assert [] == push(lines, beat(1000), after_ms=250)
    assert ["2025-11-21T12:00:00.250+00:00 bed-1 V RR  800 ms HR  75 bpm"] == push(lines, label(1000, "V"))
    assert [] == push(lines, label(1000, "V"))
    assert [] == lines.flush()


def test_beats_come_in_order_however_their_labels_arrive() -> None:
    """A beat behind one that is not labelled yet waits; nothing is printed twice."""
    lines = Lines(zone=datetime.UTC)
    for sample in (100, 200, 300):
        push(lines, beat(sample))
    assert [] == push(lines, label(200, "V"))
    assert [] == push(lines, label(300, "S"))
    released = push(lines, label(100, "N"))
    assert ["N", "V", "S"] == [line.split()[2] for line in released]


def test_a_bed_waits_for_no_other_bed() -> None:
    """Order is per bed."""
    lines = Lines(zone=datetime.UTC)
    push(lines, beat(100), bed="a")
    push(lines, beat(100), bed="b")
    assert 1 == len(push(lines, label(100, "N"), bed="b"))
    assert 1 == len(push(lines, label(100, "N"), bed="a"))


def test_a_beat_without_an_answer_is_a_dash_and_a_real_q_is_q() -> None:
    """``-`` says that nobody labelled it; Q is the network's own word."""
    lines = Lines(zone=datetime.UTC)
    push(lines, beat(100, rr=None))
    push(lines, beat(200))
    (given_up,) = push(lines, label(100, "Q", answered=False))
    (unsure,) = push(lines, label(200, "Q"))
    assert "2025-11-21T12:00:00.000+00:00 bed-1 - RR    - ms HR   - bpm" == given_up
    assert "Q" == unsure.split()[2]


def test_a_provisional_label_does_not_release_the_line() -> None:
    """One line per beat, with its confirmed label; what it was called first is told where it differs."""
    lines = Lines(zone=datetime.UTC)
    for sample, first, last in ((100, "V", "S"), (200, "N", "N")):
        push(lines, beat(sample))
        assert [] == push(lines, label(sample, first, provisional=True))
        (line,) = push(lines, label(sample, last))
        assert line.endswith(f"{last} RR  800 ms HR   - bpm" + (", first called V" if first == "V" else ""))


def test_a_beat_that_was_never_confirmed_goes_with_its_provisional_label() -> None:
    """At the end of a run the best there is; a dash is said by nobody, and corrected by anybody."""
    lines = Lines(zone=datetime.UTC)
    for sample in (100, 200, 300):
        push(lines, beat(sample))
    push(lines, label(100, "V", provisional=True))
    push(lines, label(200, "Q", answered=False, provisional=True))
    push(lines, label(200, "N"))
    assert ["V", "N", "-"] == [line.split()[2] for line in lines.flush()]
    assert not any("called" in line for line in lines.flush())


def test_alarms_gaps_and_notices_are_told_at_once() -> None:
    """An alert never waits behind an unlabelled beat."""
    lines = Lines(zone=datetime.UTC)
    push(lines, beat(100))
    alarm = Alarm(sample=9, decided=1500, kind="asystole", priority="high", state="start", text="ASYSTOLE")
    assert ["2025-11-21T12:00:00.000+00:00 bed-1 *** ASYSTOLE"] == push(lines, alarm)
    (ended,) = push(lines, msgspec.structs.replace(alarm, state="end"))
    assert ended.endswith("bed-1 *** ASYSTOLE ended")
    assert [] == push(lines, msgspec.structs.replace(alarm, state="cleared"))
    (gap,) = push(lines, Gap(sample=100, decided=244, stop=244))
    assert gap.endswith("bed-1 ! gap: 144 samples (0.400 s) from 100, lost on the way")
    (notice,) = push(lines, Notice(sample=0, decided=0, text="classifier failed: no such file"))
    assert notice.endswith("bed-1 ! classifier failed: no such file")


def test_flush_releases_what_is_held_and_abandon_holds_no_more() -> None:
    """No beat is lost at the end of a run or when the classifier dies."""
    lines = Lines(zone=datetime.UTC)
    push(lines, beat(100))
    push(lines, beat(200))
    push(lines, label(200, "V"))
    assert ["-", "V"] == [line.split()[2] for line in lines.flush()]
    push(lines, beat(300))
    assert ["-"] == [line.split()[2] for line in lines.abandon()]
    assert ["-"] == [line.split()[2] for line in push(lines, beat(400))]


def test_a_new_stream_releases_the_beats_of_the_old_one() -> None:
    """A label for sample 100 of the new stream says nothing of the old stream's beat at 100."""
    lines = Lines(zone=datetime.UTC)
    push(lines, Rate(sample=0, decided=0, hr_bpm=75.0))
    push(lines, beat(100))
    push(lines, beat(100), bed="bed-2")
    left, begins = push(lines, Stream(sample=0, decided=0, stream="s", fs=FS, leads=("MLII",)))
    assert left.endswith("bed-1 - RR  800 ms HR  75 bpm")
    assert "stream begins" in begins
    push(lines, beat(100, rr=None))
    (line,) = push(lines, label(100, "V"))
    assert line.endswith("bed-1 V RR    - ms HR   - bpm")
    (other,) = push(lines, label(100, "N"), bed="bed-2")
    assert "N" == other.split()[2]


def test_held_beats_are_bounded() -> None:
    """A bed whose labels never come cannot fill the memory; its oldest beats go out without."""
    lines = Lines(zone=datetime.UTC)
    released = [line for i in range(1500) for line in push(lines, beat(100 * i))]
    assert 500 == len(released)
    assert 1000 == len(lines.flush())


def test_names_from_the_wire_cannot_write_escape_codes() -> None:
    """A hostile bed name or text is shown, not obeyed; a line stays one line."""
    lines = Lines(zone=datetime.UTC)
    hostile = "bed\x1b[2J\n1"
    out = push(lines, Notice(sample=0, decided=0, text="a\r\nb"), bed=hostile)
    push(lines, beat(100), bed=hostile)
    out += push(lines, label(100, "N"), bed=hostile)
    assert 2 == len(out)
    assert all(line.isprintable() for line in out)
    stream = Stream(sample=0, decided=0, stream="s", fs=FS, leads=("ML\x07II",), record="mitdb/208")
    (begins,) = push(lines, stream)
    assert begins.endswith("! stream begins: mitdb/208 360 Hz, ML?II")


EVENTS: list[AnyEvent] = [
    beat(100),
    label(100, "V"),
    label(100, "Q", answered=False),
    Gap(sample=1, decided=5, stop=5, reason="overflow"),
    LeadQuality(sample=1, decided=2, lead=1, state="off"),
    Rate(sample=360, decided=360, hr_bpm=None),
    Rhythm(sample=3, decided=9, rhythm="(VT", state="start"),
    Alarm(sample=3, decided=9, kind="vt", priority="high", state="start", text="VT", value=163.0),
    Stream(sample=0, decided=0, stream="s", fs=FS, leads=("MLII", "V1"), record="mitdb/208"),
    Notice(sample=0, decided=0, text="learning"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_entry_reads_back_as_the_same_event(event: AnyEvent) -> None:
    """A journal shows again exactly what happened."""
    line = entry(event, bed="bed-1", record="mitdb/208", time="2025-11-21T12:00:00.000+00:00")
    assert b"\n" not in line
    expected = Envelope(bed="bed-1", record="mitdb/208", time="2025-11-21T12:00:00.000+00:00")
    assert (expected, event) == parse(line)


def test_an_entry_starts_with_the_same_keys_in_order() -> None:
    """JSON lines are read by people too."""
    fields = msgspec.json.decode(entry(label(100, "V"), bed="b", record="", time=NOON_NS))
    assert ["type", "bed", "record", "sample", "decided", "time"] == list(fields)[:6]
    assert {"label", "provisional", "probabilities", "rr"} == set(list(fields)[6:])
    assert ("beat", "V", list(SURE)) == (fields["type"], fields["label"], fields["probabilities"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", fields["time"])
    assert None is msgspec.json.decode(entry(beat(1), bed="b", record="", time=None))["time"]


def test_clock_keeps_milliseconds_and_zone() -> None:
    """Wall times say which zone they are in."""
    zone = datetime.timezone(datetime.timedelta(hours=2))
    assert "2025-11-21T14:00:00.999+02:00" == clock(NOON_NS + 999_999_999, zone=zone)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[1]",
        b'{"type":"qrs"}',
        b'{"type":"no such","bed":"b","sample":1,"decided":2}',
        b"\xff\xfe",
    ],
)
def test_a_malformed_line_is_a_storage_error_that_shows_it(line: bytes) -> None:
    """Never another exception, and the message shows what was received."""
    with pytest.raises(StorageError, match="expected one JSON object") as caught:
        parse(line)
    assert repr(line) in str(caught.value)
