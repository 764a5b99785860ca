"""Pictures and the report: errors are found where they are, pages need nothing from outside."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from monitor.annotations import content
from monitor.errors import StorageError
from monitor.events import LabelledBeat
from monitor.figures import noise_curves
from monitor.figures_strips import densest
from monitor.html_report import Section, Table, write_page
from monitor.score.marks import Marks
from monitor.score_report import errors, write_report
from monitor.scoring import Evidence, Request, Score, score
from monitor.stress_files import save
from tests.test_prepare import record_of

FS = 100.0


def marks(text: str, *, shift: int = 0) -> Marks:
    """Return one mark per second, from 1 s on; a dot is none."""
    rows = [(100 * i + shift, symbol) for i, symbol in enumerate(text, start=1) if symbol != "."]
    n = len(rows)
    at = np.array([at for at, _ in rows], np.int64)
    return Marks(at, tuple(symbol for _, symbol in rows), (0,) * n, ("",) * n)


def evidence(reference: str, told: str) -> Evidence:
    """Return what is said of a record of so many seconds."""
    end = round(FS * (len(reference) + 1))
    return Evidence(
        reference=marks(reference), test=marks(told, shift=3), fs=FS, test_fs=FS, start=0, end=end
    )


def test_errors_are_found_where_they_are() -> None:
    """Missed and false beats of each kind; F and Q called V are not false."""
    found = errors(evidence("NVNS.NFV", "NNVN.SV."))
    assert [800] == found["QRS missed or false"].tolist()
    assert [200, 800] == found["V missed"].tolist()
    assert [300] == found["V false"].tolist()
    assert [400] == found["S missed"].tolist()
    assert [600] == found["S false"].tolist()


def test_a_detection_that_stands_alone_is_false_where_it_stands() -> None:
    """At its own sample; in the reference's fibrillation it is none."""
    found = errors(evidence("N..[..]N", "NV..V..N"))
    assert [203] == found["QRS missed or false"].tolist()
    assert [203] == found["V false"].tolist()


def test_the_densest_errors_come_first_and_from_different_records() -> None:
    """One stretch of each record, the worst record first; a second one only where records are few."""
    found = {
        "a": np.array([100, 5000, 5010, 5020]),
        "b": np.array([300, 310]),
        "c": np.array([], np.int64),
    }
    width = dict.fromkeys(found, 100)
    assert ["a", "b"] == [record for record, _ in densest(found, width, most=2)]
    assert [("a", 4960), ("b", 255), ("a", 50)] == densest(found, width, most=9)


class _Outside(HTMLParser):
    """Collects what a page wants from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith(("data:", "#")):
                self.wanted.append(value or "")


def beats(said: Marks) -> list[LabelledBeat]:
    """Return marks as events."""
    rows = zip(said.samples.tolist(), said.symbols, strict=True)
    return [LabelledBeat(sample=at, decided=at, label=symbol) for at, symbol in rows]  # type: ignore[arg-type]


def scored(folder: Path, reference: str, told: str) -> Score:
    """Write a record with its annotations and score it."""
    signal = replace(record_of(np.zeros((100 * (len(reference) + 1), 2)), fs=FS), name="100")
    (folder / "reference").write_bytes(content(beats(marks(reference)), fs=FS))
    told_beats = beats(marks(told, shift=3))
    save(folder / "100", signal, title="made", reference=folder / "reference", told=told_beats)
    return score(Request(labels=folder, reference=folder, start_s=0.0))


def test_the_report_needs_no_other_file(tmp_path: Path) -> None:
    """Every picture is inside the page, and lies beside it as PNG."""
    found = scored(tmp_path, "NVNN", "NNVN")
    write_report(found, tmp_path / "out", title="A", notes=["b"], command="c --d")
    page = _Outside()
    page.feed((tmp_path / "out" / "report.html").read_text())
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert ([], len(pictures)) == (page.wanted, page.tags.count("img"))
    expected = ["confusion_all.png", "jitter.png", "records.png", "strips_v_false.png", "strips_v_missed.png"]
    assert expected == pictures


def test_a_report_without_signals_says_so(tmp_path: Path) -> None:
    """Annotations and header may be all that there is."""
    found = scored(tmp_path, "NVN", "NNV")
    (tmp_path / "100.dat").unlink()
    write_report(found, tmp_path / "out", title="A", notes=[], command="c")
    assert "The signals are not at hand" in (tmp_path / "out" / "report.html").read_text()
    assert [] == list((tmp_path / "out").glob("strips*"))


def test_texts_in_a_page_are_texts(tmp_path: Path) -> None:
    """A record's name cannot put anything into the page."""
    table = Table(["<b>"], [["<script>alert(1)</script>"]])
    write_page(tmp_path / "a.html", "<i>", [Section("x & y", [table, "<p>"])], command="a <b")
    page = _Outside()
    page.feed((tmp_path / "a.html").read_text())
    assert {"script", "i", "b"} & set(page.tags) == set()


def test_a_page_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Storage, not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        write_page(tmp_path / "file" / "a.html", "a", [], command="b")


@pytest.mark.parametrize("n_records", [1, 9])
def test_noise_curves_are_drawn_of_few_records_and_of_many(tmp_path: Path, n_records: int) -> None:
    """A line per record, or the sum alone; a figure that is undefined leaves a gap."""
    keys = ("fn", "fp", "false_v", "high_per_h", "medium_per_h", "low_per_h")
    names = [str(i) for i in range(n_records)] + ["all"] * (n_records > 1)
    rows = [
        {"record": name, "noise": "em", "level": level, "snr_db": snr_db, **dict.fromkeys(keys)}
        for name in names
        for level, snr_db in (("0 dB", 0.0), ("clean", None))
    ]
    noise_curves(rows, tmp_path / "new" / "noise.png")
    assert b"\x89PNG" == (tmp_path / "new" / "noise.png").read_bytes()[:4]
