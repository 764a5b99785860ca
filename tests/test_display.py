"""The screen: what is on it, where, at which sizes, and what it costs to keep it up to date."""

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from monitor.display import Look, render
from monitor.errors import StorageError
from monitor.events import Stream, Wave
from monitor.frame import Frame, Painter
from monitor.pictures import write_svg
from monitor.snapshots import BedSnapshot, WardSnapshot
from monitor.strip import Strip
from monitor.vitals import fold, with_transport
from monitor.waveform import Charset, Sweep, charset_for, trace
from tests.wards import DELAY, FS, NOW_NS, a_bed, a_ward, an_alarm, ecg, with_alarms

VT = an_alarm("ventricular_tachycardia", "high", "VENT TACHY")
STOPPED = an_alarm("bed_failed", "technical", "ANALYSIS STOPPED: IndexError")


def lines(ward: WardSnapshot, size: tuple[int, int], charset: Charset = "braille") -> list[str]:
    frame = render(ward, size, NOW_NS, look=Look(charset=charset))
    assert size == frame.size
    return frame.lines()


def text(ward: WardSnapshot, size: tuple[int, int], charset: Charset = "braille") -> str:
    return "\n".join(lines(ward, size, charset))


def one(a: BedSnapshot, /, **changes: object) -> WardSnapshot:
    return WardSnapshot(beds=(msgspec.structs.replace(a, **changes),), classifier="ready", taken_ns=NOW_NS)


def test_each_beat_has_its_letter_above_the_place_where_it_happened() -> None:
    """At 80x24: label letters, a dot where none came yet, each over its own R wave."""
    bed = a_bed()
    shown = lines(one(bed), (80, 24))
    head = bed.strip.stop - DELAY
    expected = {
        6 + mark.sample * 146 // 2160 % 146 // 2: mark.label or "·"
        for mark in bed.marks
        if mark.sample > head - 2160 + 100
    }
    row = next(line for line in shown if set("".join(line.split())) >= {"N", "·"} and "MLII" not in line)
    assert expected == {i: character for i, character in enumerate(row) if character != " "}
    top = shown[shown.index(row) + 1 : shown.index(row) + 4]
    for column in expected:
        above = {line[column + shift] for line in top for shift in (-1, 0, 1)}
        assert any(character > "\u2800" for character in above)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_one_bed_shows_name_record_rate_leads_scale_and_footer(size: tuple[int, int]) -> None:
    """What a person looks for is there at every size."""
    shown = text(one(a_bed()), size)
    for expected in ("bed-1", "mitdb/208", "live", "HR", "bpm", "MLII", "V1", "mV", "PVC/min"):
        assert expected in shown
    footer = shown.splitlines()[-1]
    for expected in ("connected 1/1", "nothing lost", "latency 3 ms", "labels on"):
        assert expected in footer


def test_a_latency_that_nobody_knows_is_a_dash() -> None:
    """A device's clock that is not set."""
    shown = text(one(with_transport(a_bed(), latency_ms=None, duplicates=0, refused=0)), (80, 24))
    assert "latency --" in shown.splitlines()[-1]


def test_the_rate_is_written_in_large_digits() -> None:
    """75 bpm, legible from the door."""
    shown = lines(one(a_bed()), (80, 24))
    digits = [line[-14:-1] for line in shown[2:7]]
    assert [
        "██████ ██████",
        "    ██ ██    ",
        "    ██ ██████",
        "    ██     ██",
        "    ██ ██████",
    ] == digits


@pytest.mark.parametrize(("n_beds", "size"), [(8, (200, 50)), (16, (200, 50)), (8, (120, 40)), (4, (80, 24))])
def test_a_ward_shows_every_bed(n_beds: int, size: tuple[int, int]) -> None:
    """1 to 16 beds in a grid, each with its name, state and trace."""
    shown = text(a_ward(n_beds), size)
    for i in range(n_beds):
        assert f" bed-{i + 1} " in shown
    assert n_beds == len(re.findall(r" live ", shown))
    assert n_beds <= len(re.findall(r"MLII", shown))


def test_beds_that_do_not_fit_come_on_other_pages_and_their_alarms_stay_in_sight() -> None:
    """16 beds at 80x24: pages by time, and a line on top for who is not shown."""
    ward = a_ward(16)
    ward = msgspec.structs.replace(ward, beds=(*ward.beds[:15], with_alarms(ward.beds[15], VT)))
    pages = []
    for i in range(2):
        frame = render(ward, (80, 24), NOW_NS + i * 8_000_000_000)
        pages.append("\n".join(frame.lines()))
    both = "".join(pages)
    assert all(f" bed-{i + 1} " in both for i in range(16))
    assert all("8 on other pages" in page for page in pages)
    assert all("bed-16 *** VENT TACHY" in page.replace("─", "").replace("  ", " ") for page in pages)


@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
@pytest.mark.parametrize("n_beds", [0, 1, 3, 16])
def test_no_size_is_an_error(n_beds: int, charset: Charset) -> None:
    """Resizing, to nothing and back, is drawn or answered with a sentence; never an exception."""
    ward = a_ward(n_beds, seconds=4.0)
    for n_columns in (1, 5, 39, 40, 43, 61, 80, 200):
        for n_rows in (1, 3, 8, 9, 14, 24, 60):
            shown = lines(ward, (n_columns, n_rows), charset)
            if n_columns < 40 or n_rows < 8:
                received = "".join(line.ljust(n_columns) for line in shown).strip()
                assert "terminal too small: expected 40x8".startswith(received[:33])
    assert (1, 1) == render(ward, (0, 0), NOW_NS).size


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        (VT, "*** VENT TACHY"),
        (an_alarm("high_rate", "medium", "HIGH RATE 131"), "** HIGH RATE 131"),
        (an_alarm("couplet", "low", "COUPLET"), "* COUPLET"),
        (an_alarm("lead_off", "technical", "LEAD OFF V1"), "! LEAD OFF V1"),
        (an_alarm("asystole", "high", "ASYSTOLE", ended=True), "*** ASYSTOLE (latched)"),
        (an_alarm("asystole", "high", "ASYSTOLE", acknowledged=True), "*** ASYSTOLE (acknowledged)"),
    ],
)
def test_an_alarm_is_written_out_and_not_only_coloured(
    size: tuple[int, int], alarm: object, expected: str
) -> None:
    """Priority marks ***, **, *, ! and the state in words: colour is never the only cue."""
    assert expected in text(one(a_bed(), alarms=(alarm,)), size)


@pytest.mark.parametrize("width", range(40, 121, 8))
def test_a_monitors_own_screen_tells_of_paused_sound_and_of_every_alarm(width: int) -> None:
    """The top line makes room for the alarm of a bed on another page before anything else."""
    ward = a_ward(16)
    beds = tuple(msgspec.structs.replace(bed, audio_paused_until=round(30 * FS)) for bed in ward.beds)
    ward = msgspec.structs.replace(ward, beds=(*beds[:15], with_alarms(beds[15], VT)))
    top, *rest = lines(ward, (width, 9))
    assert "bed-16 *** VENT TACHY" in top
    assert "mute 0:10" in "".join(rest) or "sound paused 0:10" in "".join(rest)
    assert ("16 of 16 mute 0:10" in top) == (width > 72)


def test_an_alarm_is_seen_in_the_smallest_tile() -> None:
    """Eight beds at 80x24: the alarm takes the title row, before record and losses."""
    ward = a_ward(8)
    ward = msgspec.structs.replace(ward, beds=(*ward.beds[:7], with_alarms(ward.beds[7], VT)))
    assert "bed-8  *** VENT TACHY" in text(ward, (80, 24))


def test_a_long_alarm_keeps_its_state_in_a_small_tile() -> None:
    """Latched is L where the word does not fit: what has ended never looks as if it stood."""
    ward = a_ward(8)
    latched = msgspec.structs.replace(VT, text="VENT FIB/FLUTTER", ended=True)
    ward = msgspec.structs.replace(ward, beds=(*ward.beds[:7], with_alarms(ward.beds[7], latched)))
    assert "***(L) VENT FIB/FLUTTER" in text(ward, (80, 24))


def test_a_high_alarm_is_red_until_it_is_over() -> None:
    """Filled red while it stands, red letters when latched."""
    row = 2
    standing = render(one(a_bed(), alarms=(VT,)), (80, 24), NOW_NS)
    latched = render(one(a_bed(), alarms=(msgspec.structs.replace(VT, ended=True),)), (80, 24), NOW_NS)
    assert ["bold white on red", "bold red"] == [
        str(next(s.style for s in Console().render(frame) if s.text.strip().startswith("***")))
        for frame in (standing, latched)
    ]
    assert "***" in standing.lines()[row]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connection": "lost"}, "FEED LOST"),
        ({"connection": "lost", "alarms": (STOPPED,)}, " STOPPED "),
        ({"connection": "ended"}, "ended"),
        ({"connection": "waiting"}, "WAITING"),
        ({"learning": True}, "LEARNING"),
        ({"quality": ("good", "off")}, "LEAD OFF"),
        ({"quality": ("saturated", "good")}, "SATURATED"),
        ({"quality": ("noisy", "good")}, "NOISY"),
        ({"record": "SYNTHETIC patient"}, "SYNTHETIC"),
    ],
)
def test_the_state_of_a_bed_is_written_out(changes: dict[str, object], expected: str) -> None:
    """Feed, learning, leads and the word synthetic, in words."""
    assert expected in text(one(a_bed(), **changes), (80, 24))
    ward = msgspec.structs.replace(a_ward(8), beds=(*a_ward(7).beds, one(a_bed(), **changes).beds[0]))
    assert expected in text(ward, (200, 50))


def test_a_rate_that_is_not_current_is_not_shown() -> None:
    """After the feed is lost the last rate is no longer a fact."""
    live, lost = (lines(one(a_bed(), connection=c), (80, 24))[2:7] for c in ("up", "lost"))
    assert "██" in "".join(live)
    assert 1 == sum("██" in line for line in lost)


@pytest.mark.parametrize(
    ("n_beds", "size"),
    [(1, (80, 24)), (1, (44, 24)), (8, (80, 24)), (16, (120, 40)), (8, (120, 40)), (1, (80, 12))],
)
def test_a_count_of_ventricular_beats_that_nobody_knows_is_not_zero(
    n_beds: int, size: tuple[int, int]
) -> None:
    """In every layout: a dash until one is found or a minute is labelled, then the figure, 0 too."""
    ward = a_ward(n_beds)
    new = tuple(msgspec.structs.replace(bed, ventricular=()) for bed in ward.beds)
    known = tuple(
        msgspec.structs.replace(bed, labelled=(bed.index - round(61 * FS), bed.index)) for bed in new
    )
    no_figure, zero, some = (
        "".join(text(msgspec.structs.replace(ward, beds=beds), size).split())
        for beds in (new, known, ward.beds)
    )
    assert no_figure != zero
    assert not re.search(r"PVC(/min)?\d", no_figure)
    for shown in (zero, some):
        assert not re.search(r"PVC(/min)?-", shown)


def test_losses_and_the_classifier_are_in_the_footer() -> None:
    """Loss is never silent; nor is a missing network."""
    bed = a_bed()
    ward = one(bed, counters=msgspec.structs.replace(bed.counters, lost=144, gaps=2, refused=3))
    assert "lost 144 samples in 2 gaps   3 packets refused" in lines(ward, (80, 24))[-1]
    loading = msgspec.structs.replace(ward, classifier="loading", message="loading TensorFlow")
    assert "loading TensorFlow" in lines(loading, (100, 24))[-1]
    failed = msgspec.structs.replace(ward, classifier="failed", message="no such model")
    assert "! beats are not labelled: no such model" in text(failed, (80, 24))


def test_the_keys_are_in_the_footer_where_there_is_room() -> None:
    """A hint never pushes out a fact."""
    hint = "a acknowledge  q end"
    wide, narrow = (render(a_ward(1), (n, 24), NOW_NS, look=Look(hint=hint)).lines()[-1] for n in (80, 60))
    assert wide.endswith(f"{hint} ")
    assert hint not in narrow
    assert "latency 3 ms" in narrow


@pytest.mark.parametrize("start", [0, 1, 2159, 10**12])
@pytest.mark.parametrize("n", [0, 1, 5, 100, 2161])
def test_any_moment_of_a_stream_can_be_drawn(start: int, n: int) -> None:
    """The first packet, one shorter than the filter's delay, and an index after years of looping."""
    values, _ = ecg(2161)
    stream = Stream(sample=start, decided=start, stream="s", fs=FS, leads=("MLII", "V1"))
    bed = fold(fold(BedSnapshot(bed="b"), stream), Wave(start=start, delay=40, samples=values[:n]))
    drawn = render(one(bed), (80, 24), NOW_NS)
    assert (n > 0) == any("\u2800" < c for line in drawn.lines()[9:22] for c in line[7:])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((120, 7), ["bed-3 *** ASYSTOLE +1 more", "terminal too small: expected 40x8, received 120x7", ""]),
        ((39, 8), ["bed-3 *** ASYSTOLE +1 more", "terminal too small: expected 40x8, rece", "ived 39x8"]),
        ((80, 1), ["bed-3 *** ASYSTOLE +1 more  terminal too small: expected 40x8, received 80x1"]),
        ((21, 3), ["bed-3 *** ASYSTOLE +1", "terminal too small: e", "xpected 40x8, receive"]),
        ((18, 1), ["bed-3 *** ASYSTOLE"]),
        ((12, 3), ["bed-3 ***", "ASYSTOLE +1", "terminal too"]),
        ((12, 1), ["*** ASYSTOLE"]),
        ((6, 2), ["*** AS", "YSTOLE"]),
        ((3, 1), ["***"]),
    ],
)
def test_an_alarm_stands_on_the_smallest_terminal(size: tuple[int, int], expected: list[str]) -> None:
    """A window made small never hides that somebody's heart stands still; the sentence comes after."""
    ward = a_ward(3, seconds=4.0)
    worst = an_alarm("asystole", "high", "ASYSTOLE")
    latched = an_alarm("ventricular_fibrillation", "high", "VENT FIB/FLUTTER", ended=True)
    beds = (ward.beds[0], with_alarms(ward.beds[1], latched), with_alarms(ward.beds[2], worst))
    shown = lines(msgspec.structs.replace(ward, beds=beds), size)
    assert expected == [line.rstrip() for line in shown[: len(expected)]]


def test_an_old_snapshot_is_called_old() -> None:
    """When the analysis stops answering, the screen says so instead of showing a frozen patient."""
    frame = render(a_ward(1), (80, 24), NOW_NS + 5_000_000_000)
    assert "! this picture is 5 s old" in "\n".join(frame.lines())
    assert "old" not in text(a_ward(1), (80, 24))


def test_without_a_bed_the_screen_says_what_it_waits_for() -> None:
    """Before the first device, with notices such as the first run's compilation."""
    ward = WardSnapshot(classifier="loading", message="loading TensorFlow", notices=("compiling kernels",))
    shown = text(ward, (80, 24))
    assert "waiting for a device" in shown
    assert "compiling kernels" in shown


@pytest.mark.parametrize("n_beds", [1, 8])
def test_ascii_mode_is_ascii(n_beds: int) -> None:
    """--ascii, and terminals that know nothing else; names included."""
    ward = a_ward(n_beds)
    named = msgspec.structs.replace(ward.beds[0], bed="lit d'été", record="süd")
    ward = msgspec.structs.replace(ward, beds=(named, *ward.beds[1:]), notices=("café",))
    assert text(ward, (120, 40), "ascii").isascii()


def test_block_mode_fits_code_page_437() -> None:
    """The fallback for fonts and consoles without braille."""
    assert text(a_ward(8), (200, 50), "block").encode("cp437")


def test_names_from_the_wire_cannot_move_the_cursor() -> None:
    """Control characters and double-width letters become one cell each."""
    ward = one(a_bed(), bed="b\x1b[2J\n心", record="r\x07")
    shown = lines(ward, (80, 24))
    assert all(80 == len(line) for line in shown)
    assert all(line.isprintable() for line in shown)
    assert "b?[2J??" in "".join(shown)


@pytest.mark.parametrize(
    ("encoding", "term", "expected"),
    [
        ("utf-8", "xterm-256color", "braille"),
        ("utf-8", "linux", "block"),
        ("cp437", "", "block"),
        (None, "", "ascii"),
    ],
)
def test_the_charset_follows_encoding_and_terminal(encoding: str | None, term: str, expected: str) -> None:
    """The finest that can be shown."""
    assert expected == charset_for(encoding, term)


def test_a_peak_of_one_sample_is_drawn() -> None:
    """No R wave falls between two columns."""
    values = np.zeros((2160, 1))
    values[1000] = 1.0
    sweep = Sweep(n_samples=2160, n_cells=40, head=2160)
    codes = trace(Strip(0, values), lead=0, delay=0, sweep=sweep, view=(-0.5, 1.0), n_rows=6)
    assert 1000 * 80 // 2160 // 2 == int(np.flatnonzero(codes[0] != 0x20)[0])


def test_a_slow_signal_on_a_wide_screen_has_no_holes() -> None:
    """Fewer samples than dot columns: the line is drawn through."""
    at = np.arange(600)[:, np.newaxis]
    sweep = Sweep(n_samples=600, n_cells=500, head=600, erased=2)
    codes = trace(Strip(0, np.sin(at / 40)), lead=0, delay=0, sweep=sweep, view=(-1.0, 1.0), n_rows=8)
    assert [False, *[True] * 499] == (codes != 0x20).any(axis=0).tolist()


def test_missing_samples_leave_the_trace_empty() -> None:
    """A gap is seen as a gap."""
    values = np.zeros((2160, 1))
    values[700:1400] = np.nan
    sweep = Sweep(n_samples=2160, n_cells=72, head=2160, erased=2)
    drawn = (trace(Strip(0, values), lead=0, delay=0, sweep=sweep, view=(-1, 1), n_rows=3) != 0x20).any(
        axis=0
    )
    assert not drawn[25:46].any()
    assert drawn[3:23].all()
    assert drawn[48:].all()


def test_time_sweeps_over_a_picture_that_stands_still() -> None:
    """From one frame to the next only the columns at the sweep's head change."""
    early, late = a_bed(), a_bed(seconds=20.125)
    before, after = (render(one(bed), (80, 24), NOW_NS) for bed in (early, late))
    changed = np.flatnonzero((before.codes[8:22] != after.codes[8:22]).any(axis=0))
    assert 10 >= int(np.ptp(changed)) + 1


class Terminal:
    """As much of a terminal as `Painter` needs: cursor addressing, erasing, text."""

    encoding = "utf-8"

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self.cells = [[" "] * n_columns for _ in range(n_rows)]
        self.raw = ""
        self.gone = False

    def write(self, data: str) -> int:
        """Show what is written."""
        if self.gone:
            raise BrokenPipeError
        self.raw += data
        row = column = 0
        for code, final, plain in re.findall(r"\x1b\[([?0-9;]*)([A-Za-z])|([^\x1b])", data):
            if plain:
                self.cells[row][column] = plain
                column += 1
            elif final == "H":
                row, column = (int(part) - 1 for part in code.split(";"))
            elif final == "J":
                self.cells = [[" "] * len(line) for line in self.cells]
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """It plays one."""
        return True

    def lines(self) -> list[str]:
        """Return what it shows."""
        return ["".join(row) for row in self.cells]


def painter(terminal: Terminal, **options: object) -> Painter:
    width, height = len(terminal.cells[0]), len(terminal.cells)
    return Painter(
        Console(file=terminal, force_terminal=True, width=width, height=height, **options)  # type: ignore[arg-type]
    )


def at(ward: WardSnapshot, seconds: float) -> WardSnapshot:
    """Return the ward as it was at an earlier moment of its signal."""
    beds = []
    for bed in ward.beds:
        stop = round(seconds * FS)
        strip = Strip(bed.strip.start, bed.strip.samples[: stop - bed.strip.start])
        marks = tuple(mark for mark in bed.marks if mark.sample < stop - 90)
        beds.append(msgspec.structs.replace(bed, strip=strip, marks=marks))
    return msgspec.structs.replace(ward, beds=tuple(beds))


def test_what_is_painted_is_what_was_drawn() -> None:
    """Frame by frame, through sizes and contents: the terminal ends up with the frame's own text."""
    terminal = Terminal(120, 40)
    ward = a_ward(8)
    with painter(terminal, color_system="truecolor") as paint:
        for i in range(24):
            frame = render(at(ward, 17 + i / 8), (120, 40), NOW_NS + i * 125_000_000)
            paint.paint(frame)
            assert frame.lines() == terminal.lines()
        paint.paint(Frame(120, 40))
        assert 120 * 40 == "".join(terminal.lines()).count(" ")
        assert 0 == paint.paint(Frame(120, 40))


def test_eight_beds_cost_less_than_80_kib_per_second() -> None:
    """The screen must not fill the line that it is seen over (limit: 150 KiB/s at 200x50)."""
    terminal = Terminal(200, 50)
    ward = a_ward(8)
    with painter(terminal, color_system="truecolor") as paint:
        paint.paint(render(at(ward, 16), (200, 50), NOW_NS))
        before = paint.n_bytes
        for i in range(1, 25):
            paint.paint(render(at(ward, 16 + i / 8), (200, 50), NOW_NS + i * 125_000_000))
    assert 80 * 1024 > (paint.n_bytes - before) / 3
    assert 25 == paint.n_frames


def test_the_terminal_is_given_back_after_an_error() -> None:
    """Cursor, wrapping and the old screen come back however it ends."""
    terminal = Terminal(80, 24)
    with pytest.raises(ZeroDivisionError), painter(terminal):
        1 / 0  # noqa: B018
    assert terminal.raw.startswith("\x1b[?1049h\x1b[?25l\x1b[?7l")
    assert terminal.raw.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_a_terminal_that_is_gone_is_left_quietly() -> None:
    """A closed pipe ends the run; leaving the screen does not raise on top of it."""
    terminal = Terminal(80, 24)
    with painter(terminal):
        terminal.gone = True
    assert terminal.raw


def test_a_name_that_the_encoding_lacks_does_not_stop_the_screen() -> None:
    """Written as ? instead."""
    terminal = Terminal(80, 24)
    terminal.encoding = "cp437"
    with painter(terminal) as paint:
        paint.paint(render(one(a_bed(), bed="bed €"), (80, 24), NOW_NS, look=Look(charset="block")))
        assert "bed ?" in terminal.lines()[1]


def test_no_color_is_respected() -> None:
    """NO_COLOR: bold and words remain, colours do not."""
    ward = one(a_bed(), alarms=(VT,))
    outputs = []
    for no_color in (False, True):
        terminal = Terminal(80, 24)
        with painter(terminal, color_system="truecolor", no_color=no_color) as paint:
            paint.paint(render(ward, (80, 24), NOW_NS))
        outputs.append(re.findall(r"\x1b\[([0-9;]*)m", terminal.raw))
        assert "*** VENT TACHY" in "".join(terminal.lines()) or "*** VENT TACHY" in terminal.raw
    assert any(re.search(r"\b[34]\d\b", codes) for codes in outputs[0])
    assert not any(re.search(r"\b([34]\d|9\d|10\d)\b", codes) for codes in outputs[1])


def test_a_console_prints_the_same_frame() -> None:
    """`Frame` is a rich renderable like any other."""
    frame = render(a_ward(1), (80, 24), NOW_NS)
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(frame, end="")
    assert frame.lines() == out.getvalue().splitlines()


def test_a_picture_is_svg_with_words_and_shapes(tmp_path: Path) -> None:
    """The README's pictures are frames, not photographs."""
    path = tmp_path / "screen.svg"
    write_svg(render(one(a_bed(), alarms=(VT,)), (80, 24), NOW_NS), path)
    root = ET.parse(path).getroot()
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"beatline", "MLII", "***", "VENT", "TACHY", "V"} <= set(words)
    assert 4 <= len(list(root.iter("{http://www.w3.org/2000/svg}path")))


def test_a_picture_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    """One clear line."""
    with pytest.raises(StorageError, match="cannot be written"):
        write_svg(Frame(10, 2), tmp_path / "no" / "such.svg")


def test_the_screen_needs_nothing_heavy() -> None:
    """First frame in 1.5 s: no scipy, numba, sockets, networks or plots on the way to it."""
    code = (
        "import sys, monitor.display, monitor.lines, monitor.vitals, monitor.settings\n"
        "heavy = {'scipy', 'numba', 'zmq', 'keras', 'tensorflow', 'matplotlib', 'wfdb', 'neurokit2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
