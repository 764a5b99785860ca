"""``beatline events`` and ``beatline report``: what people and programs get from a store."""

import csv
import datetime
import io
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from monitor import store_query
from monitor.ecg_paper import Tracing, draw
from monitor.events import AudioPause, Gap, Rhythm, Stream
from monitor.link import Entry
from monitor.moments import moment_ns
from monitor.snapshots import BedSnapshot
from monitor.store.database import Store
from monitor.store.writer import Writer
from monitor.strip import Strip
from tests.store.told import FS, alarm, beat, entry, keep, limits, rate, step
from tests.test_cli import invoke

HOUR_NS = 3_600_000_000_000


def ago(told: Entry, hours: float, bed: str = "bed-1") -> Entry:
    """Return an entry as it was told so long ago."""
    return msgspec.structs.replace(told, bed=bed, time_ns=time.time_ns() - round(hours * HOUR_NS))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store with a shift on one bed, and a little on another."""
    path = tmp_path_factory.mktemp("store") / "e.sqlite"
    kept = Writer(path, about={})
    high, low, other = alarm(at=5000), alarm("pause", at=9000), alarm(at=100)
    stream = Stream(sample=0, decided=0, stream="1", fs=FS, leads=("II",), record="208")
    for told, hours in (
        (stream, 5),
        (high, 4.0),
        (step(high, "acknowledged", at=7500, by="Ada"), 3.99),
        (step(high, "end", at=10_000), 3.9),
        (step(high, "cleared", at=10_000), 3.9),
        (Rhythm(sample=1, decided=2, rhythm="(VT", state="start"), 3),
        (Gap(sample=10, decided=20, stop=270, reason="lost"), 2.5),
        (limits({"high_rate_bpm": 130.0}), 2),
        (AudioPause(sample=1, decided=1, state="start", until=9, by="<b>Ada</b>"), 1.5),
        (low, 1),
    ):
        kept.append(ago(entry(told), hours))
    kept.append(ago(entry(other), 3, "bed-2"))
    for second in range(60):
        kept.append(ago(rate(second, 70.0 + second % 10), 4))
    for second in range(30):
        kept.append(ago(beat(second, "V" if second % 10 == 0 else "N"), 4))
    wave = np.sin(np.arange(12_000) / 20)[:, np.newaxis]
    kept.watch(BedSnapshot(bed="bed-1", fs=FS, leads=("II",), strip=Strip(0, wave)))
    kept.close()
    return str(path)


def test_a_table_has_a_line_for_each_alarm_and_event(store: str) -> None:
    """An alarm is one line for its whole life; in a pipe no line is cut and nothing is coloured."""
    code, text = invoke("events", store, "--bed", "bed-1")
    lines = text.splitlines()
    assert code == 0
    assert [re.sub(r"  +", "|", line.split("bed-1")[1].strip()) for line in lines[1:]] == [
        "stream begins: II at 250 Hz, plays 208",
        "***|ASYSTOLE|20.0 s|after 36.0 s by Ada",
        "rhythm VT starts",
        "lost on the way: 260 samples",
        "limits: high_rate_bpm 50 to 130 (by Ada)",
        "sound paused by <b>Ada</b>",
        "**|PAUSE|no end",
    ]


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--priority", "high"], ["asystole", "asystole"]),
        (["--priority", "high,medium", "--bed", "bed-1"], ["asystole", "pause"]),
        (["--kind", "pause,limits"], ["limits", "pause"]),
        (["--kind", "(VT", "--kind", "gap"], ["(VT", "lost"]),
        (["--since", "100m"], ["asystole", "", "asystole", "pause"]),
        (["--since", "100m", "--kind", "alarm", "--bed", "bed-1"], ["pause"]),
        (["--until", "3.95h", "--bed", "bed-1"], ["", "asystole"]),
        (["--kind", "stream"], [""]),
        (["--last", "2", "--bed", "bed-1"], ["", "pause"]),
    ],
)
def test_what_is_asked_for_is_listed(store: str, options: list[str], kinds: list[str]) -> None:
    """By bed, kind, priority and time; an alarm that lasted into the time asked for belongs to it."""
    code, text = invoke("events", store, "--format", "json", *options)
    assert code == 0
    told = [json.loads(line) for line in text.splitlines()]
    found = [one.get("kind", "") for one in told]
    if "100m" in options and "--bed" not in options:  # of bed-2, whose alarm has no end
        assert sorted(found) == ["", "asystole", "pause"]
    else:
        assert found == kinds


def test_json_and_csv_say_the_same(store: str) -> None:
    """Every fact of an alarm, times as ISO 8601."""
    _, text = invoke("events", store, "--format", "json", "--kind", "asystole", "--bed", "bed-1")
    (told,) = [json.loads(line) for line in text.splitlines()]
    _, table = invoke("events", store, "--format", "csv", "--kind", "asystole", "--bed", "bed-1")
    (row,) = csv.DictReader(io.StringIO(table))
    assert {key: row[key] for key in row if row[key]} == {
        key: " ".join(map(str, value)) if key == "evidence" else str(value) for key, value in told.items()
    }
    assert (told["priority"], told["state"], told["duration_s"]) == ("high", "cleared", 20.0)
    assert (5000, 6000, [4800, 5000]) == (told["sample"], told["decided"], told["evidence"])
    assert "labels" not in told  # none decides an asystole
    answered = datetime.datetime.fromisoformat(told["acknowledged"])
    assert abs((answered - datetime.datetime.fromisoformat(told["time"])).total_seconds() - 36) < 1


def test_what_labels_decide_says_which(tmp_path: Path) -> None:
    """Alarms and rhythms alike; each with the sample of its decision, an alarm with that of its start."""
    path = tmp_path / "e.sqlite"
    vt = msgspec.structs.replace(alarm("ventricular_tachycardia"), labels="provisional")
    rhythm = Rhythm(sample=1000, decided=2000, rhythm="(VT", state="start", labels="provisional")
    keep(path, entry(vt), entry(step(vt, "end", at=9000)), entry(rhythm))
    _, text = invoke("events", str(path), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [("2000", "provisional")] * 2 == [(row["decided"], row["labels"]) for row in rows]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--format", "xml"], 2, "expected table, json or csv, received 'xml'"),
        (["--since", "soon"], 2, "expected a moment such as 2h, 07:30"),
        (["--since", "1h", "--until", "2h"], 2, "expected since before until"),
        (["--since", "99999999999h"], 2, "expected a moment between the years 1700 and 2200"),
        (["--kind", "hiccup"], 2, "received 'hiccup'"),
        (["--priority", "urgent"], 2, "expected high, medium, low or technical"),
        (["--bed", "bed-9"], 1, "expected one of its beds (bed-1, bed-2), received 'bed-9'"),
        (["--bed", "bed-2", "--kind", "gap"], 0, "nothing of that kind in"),
    ],
)
def test_what_cannot_be_asked_is_told(store: str, options: list[str], code: int, message: str) -> None:
    """One line that says what was expected, and what was received."""
    got, text = invoke("events", store, *options)
    assert got == code
    assert message in re.sub(r"[\s│]+", " ", text)


def test_a_store_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """And no file is made by looking for it."""
    code, text = invoke("events", str(tmp_path / "no.sqlite"))
    assert code == 1
    assert text.startswith(f"beatline: no event store at {tmp_path / 'no.sqlite'}")
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_one_page_with_counts_trends_and_strips(store: str, tmp_path: Path) -> None:
    """Nothing from outside; what people typed is text, never markup."""
    out = tmp_path / "shift.html"
    code, text = invoke("report", "bed-1", "--store", store, "--out", str(out))
    assert code == 0, text
    assert text == f"{out}: 2 alarms, 1 of high priority, 2 strips\n"
    page = out.read_text()
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>" not in page
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
    assert ["ASYSTOLE", "***", "1", "20.0 s", "20.0 s", "1", "36.0 s"] in rows
    assert "30: N 27 (90.0 %), V 3 (10.0 %)" in page
    assert page.count("<svg ") == 2
    assert page.count("data:image/png;base64,") == 1


def test_a_report_of_an_unknown_bed_or_an_empty_time_is_told(store: str, tmp_path: Path) -> None:
    """The beds that there are are named; a quiet shift is a page that says so."""
    code, text = invoke("report", "bed-9", "--store", store)
    assert (code, "expected one of its beds (bed-1, bed-2)" in text) == (1, True)
    out = tmp_path / "quiet.html"
    code, _ = invoke(
        "report", "bed-2", "--store", store, "--since", "1m", "--until", "30s", "--out", str(out)
    )
    assert code == 0
    assert "No minute of signal in this time." in out.read_text()


@pytest.mark.parametrize("joined", [False, True])
def test_a_report_does_not_say_the_password_of_its_store(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, joined: bool
) -> None:
    """A page is handed on; the command line on it names the store as messages do."""

    @contextmanager
    def opened(_: str | None) -> Iterator[Store]:
        """Stand in for the server: what a file holds, under the server's name."""
        with closing(Store.open(store)) as kept:
            kept.name = Store(url).name
            yield kept

    url, out = "postgresql://ward:s3cret@db.example/events", tmp_path / "shift.html"
    monkeypatch.setattr(store_query, "opened", opened)
    words = [f"--store={url}"] if joined else ["--store", url]
    arguments = ["report", "bed-1", *words, "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["beatline", *arguments])
    assert invoke(*arguments)[0] == 0
    page = out.read_text()
    assert "ward:***@db.example/events" in page
    assert "s3cret" not in page


def test_strips_are_drawn_to_scale() -> None:
    """25 mm/s and 10 mm/mV, a pen that is lifted where samples are missing, names that cannot break out."""
    samples = np.zeros((500, 1))
    samples[250] = 1.0
    samples[400:410] = np.nan
    svg = draw(
        Tracing(fs=250.0, leads=("<II>",), samples=samples, beats=[(250, "V")], mark=100, title="a & b")
    )
    root = ElementTree.fromstring(svg)
    names = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert root.attrib["viewBox"].split()[2] == str(50 * 50)  # 2 s are 50 mm, of 50 units each
    assert names == ["<II>", "V"]
    (path,) = [
        node.attrib["d"] for node in root.iter("{http://www.w3.org/2000/svg}path") if "l" in node.attrib["d"]
    ][-1:]
    assert path.count("M") == 2
    first = path.split("M")[1]
    steps = [int(step) for step in first.split("l")[1].split()]
    assert (sum(steps[::2]), min(steps[1::2]), max(steps[1::2])) == (399 * 5, -500, 500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", "2026-11-22T05:58:30+01:00"),
        ("1.5h", "2026-11-22T04:30:00+01:00"),
        ("2d ago", "2026-11-20T06:00:00+01:00"),
        ("today", "2026-11-22T00:00:00+01:00"),
        ("yesterday", "2026-11-21T00:00:00+01:00"),
        ("05:30", "2026-11-22T05:30:00+01:00"),
        ("7:30", "2026-11-21T07:30:00+01:00"),
        ("2026-11-21", "2026-11-21T00:00:00+01:00"),
        ("2026-11-21 22:15", "2026-11-21T22:15:00+01:00"),
        ("2026-11-21T22:15:00+00:00", "2026-11-21T23:15:00+01:00"),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, expected: str) -> None:
    """A time of day is the last one; a zone that is not given is that of the machine."""
    now = datetime.datetime.fromisoformat("2026-11-22T06:00:00+01:00")
    assert moment_ns(text, now=now) == round(datetime.datetime.fromisoformat(expected).timestamp()) * 10**9


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine stand in Berlin: two hours east of UTC in summer, one from 2026-10-25 03:00 on."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-11-22 18:00", "2026-10-20T22:00", "2026-10-20T22:00+02:00"),
        ("2026-11-22 18:00", "2026-11-20", "2026-11-20T00:00+01:00"),
        ("2026-11-22 18:00", "2026-10-20T22:00+00:00", "2026-10-20T22:00+00:00"),
        ("2026-10-25 12:00", "today", "2026-10-25T00:00+02:00"),
        ("2026-10-25 12:00", "01:30", "2026-10-25T01:30+02:00"),
        ("2026-10-25 12:00", "11h", "2026-10-25T02:00+02:00"),
        ("2026-10-26 01:00", "yesterday", "2026-10-25T00:00+02:00"),
        ("2026-10-26 01:00", "02:30:15", "2026-10-25T02:30:15+02:00"),
        ("2026-11-22 18:00", "7:30:15", "2026-11-22T07:30:15+01:00"),
    ],
)
def test_a_time_without_a_zone_is_by_the_clock_of_the_day_that_it_names(
    now: str, text: str, expected: str
) -> None:
    """Whatever offset holds when it is asked for."""
    then = datetime.datetime.fromisoformat(expected)
    asked = datetime.datetime.fromisoformat(now)
    assert moment_ns(text, now=asked) == round(then.timestamp()) * 10**9


@pytest.mark.usefixtures("berlin")
def test_since_is_by_the_clock_of_the_day_that_it_names() -> None:
    """As the command line asks, in summer and in winter."""
    for text, expected in (("2026-07-01T22:00", "20:00"), ("2026-01-01T22:00", "21:00")):
        then = datetime.datetime.fromisoformat(f"{text[:10]}T{expected}+00:00")
        assert store_query.query(since=text).since_ns == round(then.timestamp()) * 10**9


@pytest.mark.parametrize(
    "text", ["99999999999h", f"{'9' * 400}d", "50000w ago", "1234-01-01", "9999-12-31T23:59"]
)
def test_a_moment_that_no_store_can_hold_is_none(text: str) -> None:
    """Nanoseconds in 64 bits end some centuries from here."""
    now = datetime.datetime.fromisoformat("2026-11-22T06:00:00+01:00")
    with pytest.raises(
        ValueError, match=f"expected a moment between the years 1700 and 2200, received '{text}'"
    ):
        moment_ns(text, now=now)
