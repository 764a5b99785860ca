"""The event log: what is told is kept in whole lines, and read again as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from monitor import journal
from monitor.errors import StorageError
from monitor.events import AnyEvent, Beat, Gap, LabelledBeat, Notice
from monitor.journal import Journal, read, read_runs

resource = pytest.importorskip("resource", reason="needs POSIX resource limits to play a full disk")

EVENTS: list[AnyEvent] = [
    Gap(sample=0, decided=720, stop=720),
    Beat(sample=1000, decided=1100, rr=None),
    LabelledBeat(sample=1000, decided=1150, label="V", probabilities=(0.1, 0.1, 0.7, 0.1, 0.0), rr=300),
]
HEAD = {"version": "0.1", "model": "m@abc", "values": {"alarms": {"vt_beats": 5}}}


@contextmanager
def full_disk(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow past a size: the system then refuses or takes a part."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def beats(n: int, first: int = 0) -> list[AnyEvent]:
    return [Beat(sample=i, decided=i, rr=None) for i in range(first, first + n)]


def keep(path: Path, events: list[AnyEvent]) -> None:
    log = Journal(path, head=HEAD)
    for event in events:
        log.append(event, bed="bed1", record="208", time_ns=1_700_000_000_000_000_000)
    log.close()


def test_what_is_told_is_read_again(tmp_path: Path) -> None:
    """Same events, same order, same bed, record and wall time; the head says what made them."""
    keep(tmp_path / "deep" / "log.jsonl", EVENTS)

    path = tmp_path / "deep" / "log.jsonl"
    told = list(read(path))

    assert [event for _, event in told] == EVENTS
    assert {(envelope.bed, envelope.record) for envelope, _ in told} == {("bed1", "208")}
    head = msgspec.json.decode(path.read_bytes().splitlines()[0])
    assert head == {"type": "journal", "format": 1, **HEAD}


def test_every_line_is_a_json_object(tmp_path: Path) -> None:
    """So that ``jq`` and people can read it."""
    keep(tmp_path / "log.jsonl", EVENTS)
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["type"] for line in lines] == ["journal", "gap", "qrs", "beat"]


def test_nothing_waits_after_a_flush(tmp_path: Path) -> None:
    """Events are on disk after `flush`, and after 64 KiB without one."""
    log = Journal(tmp_path / "log.jsonl", head=HEAD)
    log.append(EVENTS[0], bed="bed1")
    assert list(read(tmp_path / "log.jsonl")) == []
    log.flush()
    assert len(list(read(tmp_path / "log.jsonl"))) == 1
    for event in beats(1000):
        log.append(event, bed="bed1")
    assert len(list(read(tmp_path / "log.jsonl"))) > 500
    log.close()
    log.close()
    assert len(list(read(tmp_path / "log.jsonl"))) == 1001


def test_a_journal_is_continued_never_written_over(tmp_path: Path) -> None:
    """A second run appends its head and its events; a line that a kill cut is taken away."""
    path = tmp_path / "log.jsonl"
    keep(path, EVENTS)
    with path.open("ab") as file:
        file.write(b'{"type":"qrs","be')
    keep(path, EVENTS)
    assert [event for _, event in read(path)] == EVENTS * 2
    assert [(run, event) for run, _, event in read_runs(path)] == [
        (run, event) for run in (1, 2) for event in EVENTS
    ]


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    """Two monitors on one file would write over each other: the second is refused, the first unharmed."""
    path = tmp_path / "log.jsonl"
    first = Journal(path, head=HEAD)
    first.append(EVENTS[0], bed="bed1")
    for _ in range(2):
        with pytest.raises(
            StorageError, match=r"cannot write .*log\.jsonl: expected a journal that nobody writes to"
        ):
            Journal(path, head=HEAD)
    first.append(EVENTS[1], bed="bed1")
    first.close()
    assert [event for _, event in read(path)] == EVENTS[:2]
    keep(path, EVENTS)
    assert [event for _, event in read(path)] == EVENTS[:2] + EVENTS


@pytest.mark.parametrize(
    "content", [b"shopping list\n", b'{"type":"qrs"}\n', b"\0" * 5000, b'{"type":"journal"']
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """``--journal notes.txt`` must not cost anyone their notes; nor can it be replayed."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(
        StorageError, match=r'notes.txt is not a journal: expected a first line of type "journal"'
    ):
        Journal(path, head=HEAD)
    with pytest.raises(StorageError, match="is not a journal"):
        read(path)
    assert content == path.read_bytes()


@pytest.mark.parametrize("path", ["/dev/full", "/proc/none/log.jsonl", "/"])
def test_a_place_that_cannot_be_written_is_refused_at_once(path: str) -> None:
    """One line with the path and the reason: no space, no such folder, a folder."""
    with pytest.raises(StorageError, match=f"cannot write {path}: "):
        Journal(Path(path), head=HEAD)


def test_a_file_that_is_not_there_cannot_be_replayed(tmp_path: Path) -> None:
    """One line with the path and the reason."""
    with pytest.raises(StorageError, match=r"cannot read .*none.jsonl: No such file"):
        read(tmp_path / "none.jsonl")


@pytest.mark.parametrize("n_cut", [1, 2, 10, 100])
def test_a_last_line_cut_short_is_left_out(tmp_path: Path, n_cut: int) -> None:
    """After a kill or a loss of power all that stands in whole lines is read."""
    keep(tmp_path / "log.jsonl", EVENTS)
    content = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "log.jsonl").write_bytes(content[:-n_cut])
    assert [event for _, event in read(tmp_path / "log.jsonl")] == EVENTS[:2]


@pytest.mark.parametrize("line", [b"{}\n", b"\0\0\0\n", b'{"type":"qrs"}\n', b'{"type":"journal"\n', b"\n"])
def test_a_bad_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path, line: bytes) -> None:
    """What stands before it is read; what it says is not guessed at."""
    keep(tmp_path / "log.jsonl", EVENTS)
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "log.jsonl").write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    told = read(tmp_path / "log.jsonl")
    assert next(told)[1] == EVENTS[0]
    with pytest.raises(StorageError, match=r"log\.jsonl, line 3: not an event line"):
        next(told)


def test_a_full_disk_costs_nothing_once_there_is_room_again(tmp_path: Path) -> None:
    """While it is full each try raises and no half line appears; afterwards all of it is there."""
    path = tmp_path / "log.jsonl"
    log = Journal(path, head=HEAD)
    kept, late = beats(50), beats(50, first=50)
    for event in kept:
        log.append(event, bed="bed1")
    log.flush()
    with full_disk(path.stat().st_size + 1000):
        for event in late:
            log.append(event, bed="bed1")
        for _ in range(2):
            with pytest.raises(StorageError, match=r"cannot write .*log\.jsonl: File too large"):
                log.flush()
            assert path.read_bytes().endswith(b"\n")
            assert [event for _, event in read(path)] == kept
    log.close()
    assert [event for _, event in read(path)] == kept + late


def test_what_waits_is_bounded_and_what_goes_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest lines go; a notice in their place says how many."""
    monkeypatch.setattr(journal, "_KEPT_BYTES", 2000)
    path = tmp_path / "log.jsonl"
    log = Journal(path, head=HEAD)
    with full_disk(path.stat().st_size):
        for event in beats(100):
            log.append(event, bed="bed1")
        with pytest.raises(StorageError):
            log.flush()
    log.close()

    notice, *rest = [event for _, event in read(path)]

    assert isinstance(notice, Notice)
    assert notice.text == f"journal: {100 - len(rest)} earlier lines could not be written and were dropped"
    assert rest == beats(len(rest), first=100 - len(rest))
    assert 5 < len(rest) < 50


_WRITER = """
import sys
from pathlib import Path
from monitor.events import Beat
from monitor.journal import Journal

log = Journal(Path(sys.argv[1]), head={})
for i in range(10**9):
    log.append(Beat(sample=i, decided=i, rr=None), bed="bed1")
    if i % 100 == 99:
        log.flush()
        print(i + 1, flush=True)
"""


def test_a_kill_leaves_whole_lines_and_all_that_was_flushed(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing."""
    path = tmp_path / "log.jsonl"
    with subprocess.Popen([sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(50):
            n_flushed = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
    events = [event for _, event in read(path)]
    assert len(events) >= n_flushed == 5000
    assert events == beats(len(events))
    keep(path, EVENTS)  # a writer that is no more claims nothing
    assert [event for _, event in read(path)] == [*events, *EVENTS]
