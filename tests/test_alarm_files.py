"""``beatline score`` and alarms: references without beats, tables, JSON, CSV, pictures, and refusals."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor import lines
from monitor.annotations import END, Mark, encode, opening
from monitor.cli import app
from monitor.definitions import raised
from monitor.events import Alarm, Event
from monitor.figures_alarms import Line, timeline

FS = 100.0
SECONDS = 400
VT, VF = "ventricular_tachycardia", "ventricular_fibrillation"


def write(path: Path, marks: list[Mark]) -> None:
    """Write an annotation file."""
    path.write_bytes(b"".join([opening(FS), *encode(sorted(marks)), END]))


def alarm(kind: str, onset_s: float, decided_s: float, stop_s: float) -> list[Alarm]:
    """Return the start and the end of an alarm."""
    start = raised(kind, sample=round(onset_s * FS), decided=round(decided_s * FS))
    end = Alarm(
        sample=start.sample,
        decided=round(stop_s * FS),
        kind=kind,
        priority=start.priority,
        state="end",
        text=start.text,
    )
    return [start, end]


def tell(folder: Path, name: str, events: list[Event]) -> None:
    """Write labels and events as ``beatline label --events`` does."""
    folder.mkdir(exist_ok=True)
    write(folder / f"{name}.blt", [Mark(100 * i, 4, "N") for i in range(1, SECONDS)])
    entries = [lines.entry(event, bed=name, record=name, time=None) + b"\n" for event in events]
    (folder / f"{name}.events.jsonl").write_bytes(b"".join(entries))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return references and labels of a record marked (N, (VT from 100 to 120 s, (VFL from 200 to 230 s, (N.

    VT is told after 3 s, fibrillation never, asystole for nothing, and a bradycardia that nobody can judge.
    """
    reference, labels = tmp_path / "ref", tmp_path / "labels"
    reference.mkdir()
    (reference / "a.hea").write_text(f"a 1 {FS:g} {round(SECONDS * FS)}\na.dat 16 200 16 0 0 0 0 I\n")
    names = ((10, "(N"), (10_000, "(VT"), (12_000, "(N"), (20_000, "(VFL"), (23_000, "(N"))
    write(reference / "a.atr", [Mark(at, 3, "+", note=name) for at, name in names])
    events = [
        *alarm(VT, 100, 103, 121),
        *alarm("asystole", 40, 44, 50),
        *alarm("extreme_bradycardia", 60, 68, 70),
    ]
    tell(labels, "a", sorted(events, key=lambda event: event.decided))
    return reference, labels


def run(reference: Path, labels: Path, *more: str) -> Any:
    """Run the command."""
    return CliRunner().invoke(app, ["score", str(labels), "--ref", str(reference), *more])


def complaint(told: Any) -> str:
    """Return the one line of an error."""
    assert 1 == told.exit_code
    return " ".join(told.stderr.split())


@pytest.mark.parametrize("more", [(), ("--alarms",)])
def test_a_record_without_reference_beats_is_scored_for_alarms(
    folders: tuple[Path, Path], more: tuple[str, ...]
) -> None:
    """With the option or without: there is nothing else to tell of it."""
    told = run(*folders, *more)
    assert 0 == told.exit_code
    assert told.stdout.startswith("1 record (1 without reference beats)")
    table = [line.split() for line in told.stdout.splitlines()]
    expected = ["Marked", "VT", "or", "VF", "2", "1", "50.0", "3.0", "3.0"]
    assert expected in [row[:9] for row in table]
    assert ["High", "priority", "3", "1", "0", "1", "1"] == next(
        row[:7] for row in table if row[:2] == ["High", "priority"]
    )
    cases = [row[:3] for row in table if row[:1] == ["a"]]
    assert [["a", "false", "asystole"], ["a", "unjudged", "extreme_bradycardia"]] == cases[:2]
    assert ["a", "missed", VF] in cases
    assert "Beats, gross" not in told.stdout


def test_everything_is_in_json_and_csv(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The same counts; a row for each thing asked for and each alarm told."""
    out = tmp_path / "out"
    told = run(*folders, "--alarms", "--json", "--out", str(out))
    alarms = json.loads(told.stdout)["alarms"]
    assert json.loads((out / "score.json").read_text())["alarms"] == alarms
    kinds = {row["kind"]: row for row in alarms["kinds"]}
    assert (1, 1, 0) == tuple(kinds[VT][name] for name in ("demanded", "found", "false"))
    assert (1, 0, None) == (kinds[VF]["demanded"], kinds[VF]["found"], kinds[VF]["delay_s"]["median"])
    assert 216.0 == kinds["asystole"]["false_per_day"]["gross"]
    with (out / "alarms.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(row["side"], row["kind"], row["by"]): row["verdict"] for row in rows}
    assert {
        ("reference", VT, "any high"): "raised",
        ("reference", VT, "own"): "raised",
        ("reference", VF, "any high"): "missed",
        ("reference", VF, "own"): "missed",
        ("told", VT, ""): "right",
        ("told", "asystole", ""): "false",
        ("told", "extreme_bradycardia", ""): "unjudged",
    } == found
    assert not (out / "records.csv").exists()


def test_the_report_shows_a_timeline_and_says_when_there_are_no_signals(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """The header is there, the signal is not: no strips, and one sentence."""
    out = tmp_path / "out"
    assert 0 == run(*folders, "--alarms", "--out", str(out)).exit_code
    assert b"\x89PNG" == (out / "alarms_a.png").read_bytes()[:4]
    page = (out / "report.html").read_text()
    assert "The signals are not at hand" in page
    assert '<h2 id="s0">Alarms</h2>' in page


def test_a_strip_is_drawn_of_each_case(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """False, missed and unjudged ones, each in a file of its own."""
    reference, labels = folders
    (reference / "a.dat").write_bytes(b"\x01\x00" * round(SECONDS * FS))
    out = tmp_path / "out"
    assert 0 == run(reference, labels, "--alarms", "--out", str(out)).exit_code
    assert [
        "false_a_0044.0_asystole.png",
        f"missed_a_0200.0_{VF}.png",
        "unjudged_a_0068.0_extreme_bradycardia.png",
    ] == sorted(path.name for path in out.glob("*_a_*.png"))


def test_the_learning_time_may_be_left_out(folders: tuple[Path, Path]) -> None:
    """From 50 s on the asystole was before."""
    kinds = json.loads(run(*folders, "--json", "--alarms-from", "50").stdout)["alarms"]["kinds"]
    assert "asystole" not in {row["kind"] for row in kinds}


def test_without_events_there_is_nothing_to_score(folders: tuple[Path, Path]) -> None:
    """One line says what was expected."""
    reference, labels = folders
    (labels / "a.events.jsonl").unlink()
    assert "record a: expected reference beats, or" in complaint(run(reference, labels))
    write(reference / "a.atr", [Mark(100 * i, 4, "N") for i in range(1, SECONDS)])
    expected = "expected <record>.events.jsonl (beatline label --events), found none"
    assert expected in complaint(run(reference, labels, "--alarms"))


@pytest.mark.parametrize("beats", [True, False], ids=["beats", "rhythms alone"])
def test_no_record_is_left_out_of_the_alarms_unseen(folders: tuple[Path, Path], beats: bool) -> None:
    """A label run that crashed leaves labels without events: refused by name, or named among the missing."""
    reference, labels = folders
    (reference / "b.hea").write_text((reference / "a.hea").read_text().replace("a", "b"))
    marks = [Mark(100 * i, 4, "N") for i in range(1, SECONDS)] if beats else [Mark(10, 3, "+", note="(N")]
    write(reference / "b.atr", marks)
    tell(labels, "b", [])
    (labels / "b.events.jsonl").unlink()
    for more in ((), ("--records", "a,b")):
        told = complaint(run(reference, labels, "--alarms", *more))
        assert "1 of 2 records have no events: expected" in told
        assert "found none for b; --allow-missing scores the others" in told
    given = ("--alarms", "--records", "a,b", "--allow-missing")
    assert ["b"] == json.loads(run(reference, labels, *given, "--json").stdout)["missing"]
    assert "Without labels or events, not scored: 1 records (b)." in run(reference, labels, *given).stdout
    assert (0 if beats else 1) == run(reference, labels).exit_code


def test_where_beats_begin_is_no_answer_to_where_alarms_begin(folders: tuple[Path, Path]) -> None:
    """Refused, not ignored: the message names the option that is meant."""
    told = run(*folders, "--alarms", "--from", "300")
    assert 2 == told.exit_code
    assert "--alarms-from" in told.stderr


def test_settings_of_the_line_say_what_beats_ask_for(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """A pause of 2.5 s asks for an alarm by default, and for none where the limit is 2.8 s."""
    reference, labels = folders
    beats = [Mark(round(100 * i + 150 * (i > 200)), 4, "N") for i in range(1, SECONDS - 2)]
    write(reference / "a.atr", beats)
    config = tmp_path / "line.toml"
    config.write_text("[alarms]\npause_s = 2.8\npause_ratio = 3.0\n")
    asked = []
    for more in ((), ("--config", str(config))):
        kinds = json.loads(run(reference, labels, "--alarms", "--json", *more).stdout)["alarms"]["kinds"]
        asked.append(sum(row["demanded"] for row in kinds if row["kind"] == "pause"))
    assert [1, 0] == asked


def test_a_timeline_is_a_picture_of_any_lines(tmp_path: Path) -> None:
    """One line or many, with every verdict, and bars too short to be seen."""
    few = [Line("asystole", [(10, 10.01, True)], [])]
    many = [Line(f"kind {i}", [(i, i + 5, i % 2 == 0)], [(i, i + 9, "false")]) for i in range(12)]
    for i, given in enumerate((few, many)):
        timeline(given, tmp_path / f"{i}.png", title="x", seconds=(0.0, 100.0))
    sizes = [int.from_bytes((tmp_path / f"{i}.png").read_bytes()[20:24], "big") for i in range(2)]
    assert sizes[0] < sizes[1]
