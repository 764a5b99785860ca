"""``beatline score``: files, sets of records, rates, events; one clear line for each kind of bad input."""

import csv
import io
import json
import re
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from monitor import lines
from monitor.annotations import END, opening
from monitor.cli import app
from monitor.errors import BeatlineError, SourceError, StorageError
from monitor.events import Alarm, Beat, Event, LabelledBeat
from monitor.physionet import DS2, PACED
from monitor.score_files import as_json, rows, write
from monitor.score_text import show, title
from monitor.scoring import Request, Score, score

FS = 100.0
SECONDS = 60


CODES = {"N": 1, "V": 5, "F": 6, "S": 9, "j": 11, "/": 12, "+": 28}
"""Of <wfdb/ecgcodes.h>."""


def annotate(path: Path, marks: Sequence[tuple[int, str]], *, fs: float | None = None) -> None:
    """Write an annotation file, byte by byte; ``fs`` is stated in it if given."""
    steps = np.diff([sample for sample, _ in marks], prepend=0).tolist()
    words = [CODES[symbol] << 10 | step for step, (_, symbol) in zip(steps, marks, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((opening(fs) if fs else b"") + struct.pack(f"<{len(words)}H", *words) + END)


def record(folder: Path, name: str, symbols: str = "NNVNSNNVVN", *, fs: float = FS) -> None:
    """Write a header and reference annotations: a beat each second from 2 s on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_text(
        f"{name} 1 {fs:g} {round(SECONDS * fs)}\n{name}.dat 16 200 16 0 0 0 0 I\n"
    )
    annotate(folder / f"{name}.atr", beats(symbols, fs=fs))


def beats(symbols: str, *, fs: float = FS, late_s: float = 0.0) -> list[tuple[int, str]]:
    """Return a beat each second from 2 s on."""
    return [(round((2 + i + late_s) * fs), symbol) for i, symbol in enumerate(symbols)]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of references and one of labels, with two records, one paced."""
    for name, symbols in (("a", "NNVNSNNVVN"), ("p", "NN//NN")):
        record(tmp_path / "ref", name, symbols)
        annotate(tmp_path / "labels" / f"{name}.blt", beats(symbols.replace("/", "N"), late_s=0.02), fs=FS)
    return tmp_path / "ref", tmp_path / "labels"


def asked(folders: tuple[Path, Path], **changes: Any) -> Score:
    """Score from 0:00 on."""
    reference, labels = folders
    settings: dict[str, Any] = {"reference": reference, "labels": labels, "start_s": 0.0} | changes
    return score(Request(**settings))


def told(scored: Score, *, width: int = 100, terminal: bool = False) -> str:
    """Return what is printed into a pipe, or on a terminal without colours."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    show(scored, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_scores_whatever_has_labels(folders: tuple[Path, Path]) -> None:
    """Without a set: every record of the folder; those of the reference without labels are named."""
    reference, _ = folders
    record(reference, "z")
    scored = asked(folders)
    assert ["a", "p"] == [one.record for one in scored.records]
    assert ("z",) == scored.missing
    assert 16 == scored.groups["all"].sums["qrs_tp"]
    assert "Without labels, not scored: 1 records (z)." in told(scored)


def test_paced_records_count_for_qrs_alone(folders: tuple[Path, Path]) -> None:
    """EC57: the group nonpaced holds the others, and the figures of V and S are its own."""
    scored = asked(folders)
    assert ("a",) == scored.groups["nonpaced"].records
    assert "Paced beats: p count for QRS" in told(scored)
    assert ["a"] == [one.record for one in asked(folders, records="nonpaced").records]


def test_escape_beats_are_s_unless_asked_to_be_n(folders: tuple[Path, Path]) -> None:
    """As bxb; as N they are those of de Chazal 2004, and a note says so."""
    reference, labels = folders
    record(reference, "a", "NNjN")
    annotate(labels / "a.blt", beats("NNNN"))
    assert 1 == asked(folders, records="a").groups["all"].sums["s_fn"]
    other = asked(folders, records="a", escape="N")
    assert 0 == other.groups["all"].sums["s_fn"]
    assert "Escape beats (j, e, n) are taken as N" in told(other)


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0])
def test_labels_at_another_rate_are_brought_to_that_of_the_reference(
    folders: tuple[Path, Path], fs: float
) -> None:
    """The file's own time resolution decides; without one, the header beside it."""
    _, labels = folders
    plain = asked(folders, records="a")
    annotate(labels / "a.blt", beats("NNVNSNNVVN", fs=fs, late_s=0.02), fs=fs)
    assert plain.groups["all"].sums == asked(folders, records="a").groups["all"].sums
    record(labels, "a", fs=fs)
    annotate(labels / "a.blt", beats("NNVNSNNVVN", fs=fs, late_s=0.02))
    assert plain.groups["all"].sums == asked(folders, records="a").groups["all"].sums


def test_ds2_is_stated_without_202_too(tmp_path: Path) -> None:
    """201 and 202 are one patient; and any record can be left out by name."""
    for name in (*DS2, *PACED):
        record(tmp_path / "ref", name)
        annotate(tmp_path / "labels" / f"{name}.blt", beats("NNVNSNNVVN" if name != "202" else "NNNNSNNVVN"))
    folders = tmp_path / "ref", tmp_path / "labels"
    scored = asked(folders, records="DS2")
    assert ["all", "nonpaced", "all without 202", "nonpaced without 202"] == list(scored.groups)
    assert 21 == len(scored.groups["all without 202"].records)
    assert 100.0 == scored.groups["nonpaced without 202"].figures["v_se"].gross
    assert 100.0 > scored.groups["nonpaced"].figures["v_se"].gross
    assert "without 202" in told(scored)
    assert "all without 100 103" in asked(folders, records="DS2", without=("100", "103")).groups
    assert 26 == len(asked(folders, records="DS2,paced").records)


def test_delays_and_alarms_come_from_the_events(folders: tuple[Path, Path]) -> None:
    """From R to detection, provisional and confirmed label; alarms that began, per hour."""
    _, labels = folders
    events: list[Event] = [
        Beat(sample=200, decided=212, rr=None),
        LabelledBeat(sample=200, decided=240, label="N", provisional=True),
        LabelledBeat(sample=200, decided=320, label="N"),
        Alarm(sample=200, decided=300, kind="pause", priority="medium", state="start", text="PAUSE"),
        Alarm(sample=200, decided=400, kind="pause", priority="medium", state="end", text="PAUSE"),
    ]
    written = b"".join(lines.entry(event, bed="a", record="a", time=None) + b"\n" for event in events)
    (labels / "a.events.jsonl").write_bytes(written)
    scored = asked(folders)
    delays = json.loads(as_json(scored))["delays"]
    medians = [delays[f"{kind}_ms"]["median"] for kind in ("detection", "provisional", "confirmed", "jitter")]
    assert [120.0, 400.0, 1200.0, 20.0] == medians
    assert [{"kind": "pause", "priority": "medium", "per_h": 60.0}] == json.loads(as_json(scored))[
        "alarms_per_h"
    ]
    assert "of the 1 records that have <record>.events.jsonl" in told(scored)


def test_no_events_are_said_in_one_line(folders: tuple[Path, Path]) -> None:
    """No failure."""
    assert 1 == sum("events.jsonl" in line for line in told(asked(folders)).splitlines())


def test_a_broken_line_of_events_is_told_by_its_number(folders: tuple[Path, Path]) -> None:
    """Message grammar."""
    (folders[1] / "a.events.jsonl").write_text("{}\n")
    with pytest.raises(StorageError, match=r"a\.events\.jsonl, line 1: not an event line"):
        asked(folders)


def test_tables_fit_100_columns_and_carry_no_escape_codes(folders: tuple[Path, Path]) -> None:
    """A pipe gets plain text."""
    text = told(asked(folders))
    assert title(asked(folders)) in text
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.splitlines()[1:])
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("terminal", [True, False])
def test_no_figure_is_cut_however_narrow_the_page(
    folders: tuple[Path, Path], width: int, terminal: bool
) -> None:
    """Intervals go below their figures, tables on below themselves; in a pipe they are as wide as need be."""
    alarmed = folders[1] / "a.events.jsonl"
    steps = [
        Alarm(sample=200, decided=at, kind=kind, priority="medium", state=state, text="")  # type: ignore[arg-type]
        for kind in ("supraventricular_tachycardia", "couplet", "ventricular_fibrillation")
        for at, state in ((300, "start"), (400, "end"))
    ]
    alarmed.write_bytes(b"".join(lines.entry(one, bed="a", record="a", time=None) + b"\n" for one in steps))
    scored = asked(folders, without=("p",))
    text, whole = told(scored, width=width, terminal=terminal), told(scored, width=400, terminal=True)
    assert "…" not in text
    assert Counter(re.findall(r"[\d.]+", whole)) <= Counter(re.findall(r"[\d.]+", text))
    tables = text[text.index("\nRecords (*") : text.index("\nAlarms from")]
    tables += text[text.index("\nAlarms told\n") :]
    assert not terminal or all(len(line) <= width for line in tables.splitlines() if " " in line.strip())


def test_a_single_record_is_told_without_intervals_everywhere(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """No brackets in the tables and the page, null in JSON, and a note says so."""
    scored = asked(folders, records="a")
    text = told(scored, width=200, terminal=False)
    tables = text[text.index("Records (*") :]
    assert "100.00" in tables
    assert "[" not in tables
    assert "none where only one record has the figure" in text
    known = json.loads(as_json(scored))
    for figure in (*known["figures"].values(), *known["groups"]["all"]["figures"].values()):
        assert (None, None) == (figure["low"], figure["high"])
    assert 100.0 == known["figures"]["v_se"]["gross"]
    write(scored, tmp_path)
    assert not any("[" in path.read_text() for path in tmp_path.rglob("*.csv"))


def test_writes_csv_json_and_the_tables_of_the_standard(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """One row per record; what is undefined is empty, and null in JSON."""
    scored = asked(folders)
    write(scored, tmp_path / "out")
    with (tmp_path / "out" / "records.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert ["a", "p"] == [row["record"] for row in read]
    assert ("3", "0", "100", "") == (read[0]["v_tp"], read[0]["v_fn"], read[0]["v_se"], read[1]["v_se"])
    assert set(rows(scored)[0]) == set(read[0])
    held = json.loads((tmp_path / "out" / "score.json").read_text())
    assert 100.0 == held["figures"]["v_se"]["gross"]
    assert held["figures"]["f_se"]["gross"] is None
    assert 3 == held["groups"]["all"]["confusion"]["V"]["V"]
    assert (tmp_path / "out" / "ec57" / "bxb.txt").read_text().startswith("Record Nn' Sn'")


@pytest.mark.parametrize(
    ("broken", "content", "changes", "complaint"),
    [
        ("labels/a.blt", None, {"records": "a,p"}, "1 of 2 records of a,p have no labels"),
        ("labels/a.blt", None, {"records": "a", "allow_missing": True}, "1 of 1 records of a have no labels"),
        ("ref/a.atr", None, {"records": "a"}, "a.atr, found no such file"),
        ("ref/a.hea", None, {"records": "a"}, "record a not found"),
        ("ref/a.hea", b"what\n", {"records": "a"}, "a.hea cannot be read"),
        ("labels/a.blt", b"", {}, "found an empty file"),
        ("labels/a.blt", END, {}, "expected beats, found 0 marks"),
        ("labels/a.blt", b"\x05\x70" + END, {}, "expected beats, found 1 marks"),
        ("labels/a.blt", b"\x05\x04", {}, "cut short"),
        ("", None, {"records": "DS2"}, "22 of 22 records of DS2 have no labels"),
        ("", None, {"records": ""}, "records (none): expected reference annotations"),
        ("", None, {"annotator": "xyz"}, "named <record>.xyz, found none"),
        ("", None, {"reference_annotator": "xyz"}, "a.xyz, found no such file"),
        ("", None, {"labels": Path("/nowhere")}, "found none at /nowhere"),
        ("", None, {"without": ("b",)}, "some of the records scored, received b"),
        ("", None, {"start_s": 60.0}, "it ends at 60 s"),
    ],
)
def test_bad_input_is_one_line(
    folders: tuple[Path, Path], broken: str, content: bytes | None, changes: dict[str, Any], complaint: str
) -> None:
    """Whatever is missing, empty, cut or unknown: an error that says what was expected."""
    path = folders[0].parent / broken
    if content is not None:
        path.write_bytes(content)
    elif broken:
        path.unlink()
    with pytest.raises(BeatlineError) as caught:
        asked(folders, **changes)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_labels_may_be_allowed(folders: tuple[Path, Path]) -> None:
    """A figure over fewer records than asked for is never given unasked."""
    (folders[1] / "p.blt").unlink()
    with pytest.raises(SourceError, match="--allow-missing scores the others"):
        asked(folders, records="all")
    scored = asked(folders, records="all", allow_missing=True)
    assert (["a"], ("p",)) == ([one.record for one in scored.records], scored.missing)


def test_the_command_scores_and_prints(folders: tuple[Path, Path]) -> None:
    """Exit code 0; JSON is one object; wrong usage is 2, a failure 1."""
    reference, labels = map(str, folders)
    run = CliRunner().invoke
    plain = run(app, ["score", labels, "--ref", reference, "--from", "0"])
    assert (0, "") == (plain.exit_code, plain.stderr)
    assert plain.stdout.startswith("2 records, ")
    assert "…" not in plain.stdout
    told_ = run(app, ["score", labels, "--ref", reference, "--from", "0", "--json"])
    assert (0, 16) == (told_.exit_code, json.loads(told_.stdout)["groups"]["all"]["sums"]["qrs_tp"])
    assert 2 == run(app, ["score", labels]).exit_code
    failed = run(app, ["score", labels, "--ref", reference])
    assert (1, 1) == (failed.exit_code, len(failed.stderr.splitlines()))
