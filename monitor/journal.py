"""The append-only log of a run: one JSON object a line, to be read by people, programs and ``replay``.

The first line of a run has ``"type": "journal"`` and says what made the rest: beatline's version, the
model and the settings. All others are events as `monitor.lines.entry` writes them. A journal may hold
several runs, one after the other.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import msgspec

from monitor import lines
from monitor.errors import StorageError
from monitor.events import Alarm, AnyEvent, Event, Notice, Stream
from monitor.handover import BYE, TAKEN_UP_S, Bedside, Handover
from monitor.lines import Envelope
from monitor.storage import WholeFile, cannot_write

__all__ = ["Journal", "handovers", "read", "read_runs"]

_FORMAT: Final = 1
_BATCH_BYTES: Final = 1 << 16
_KEPT_BYTES: Final = 1 << 24
"""Lines that wait in memory while the disk is full: some 100,000. The oldest go first."""
_LONGEST_LINE: Final = 1 << 20


class Journal:
    """Appends events; lines are written in batches, each line whole or not at all.

    While the disk is full each try to write raises, nothing on disk changes, and up to 16 MiB of lines
    wait in memory; once there is room again they are written, and a notice says how many had to be
    dropped. What has not been flushed is lost if the process is killed; the engine flushes once a
    second.

    Parameters
    ----------
    path
        Made if it does not exist; a journal that exists is continued, and a line that a kill cut
        short at its end is taken away. Anything else that exists is refused, and a journal that
        another monitor writes to at this moment: two would write over each other.
    head
        What the run is identified by: model and its sha256, settings and their identity, version.

    Raises
    ------
    StorageError
        The file cannot be written, exists and is not a journal, or is being written; later, from any
        method: cannot be written.
    """

    def __init__(self, path: Path, *, head: Mapping[str, Any]) -> None:
        self.path = path
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._due = _BATCH_BYTES
        self._n_dropped = 0
        self._last: tuple[Event, str, str, int | None] | None = None
        self._file = _open(path)
        try:
            first = {"type": "journal", "format": _FORMAT, **head}
            self._file.put(msgspec.json.encode(first) + b"\n")
        except StorageError:
            self._file.close()
            raise

    def append(self, event: Event, *, bed: str, record: str = "", time_ns: int | None = None) -> None:
        """Add one event; it is on disk after the next `flush`, or when 64 KiB have come together."""
        line = lines.entry(event, bed=bed, record=record, time=time_ns) + b"\n"
        self._last = (event, bed, record, time_ns)
        self._waiting.append(line)
        self._n_bytes += len(line)
        while self._n_bytes > _KEPT_BYTES:
            self._n_bytes -= len(self._waiting.popleft())
            self._n_dropped += 1
        if self._n_bytes >= self._due:
            self._due = self._n_bytes + _BATCH_BYTES  # not again at each event while the disk is full
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._file.put(self._dropped() + b"".join(self._waiting))
            self._waiting.clear()
            self._n_bytes = self._n_dropped = 0
            self._due = _BATCH_BYTES

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def _dropped(self) -> bytes:
        """Return the line that tells of dropped ones, nothing where there are none."""
        if not self._n_dropped or self._last is None:
            return b""
        event, bed, record, time_ns = self._last
        text = f"journal: {self._n_dropped} earlier lines could not be written and were dropped"
        notice = Notice(sample=event.sample, decided=event.decided, text=text)
        return lines.entry(notice, bed=bed, record=record, time=time_ns) + b"\n"


def read(path: Path) -> Iterator[tuple[Envelope, AnyEvent]]:
    """Return the events of a journal, of all its runs, in the order in which they were told.

    A last line that a kill cut short is left out.

    Raises
    ------
    StorageError
        The file cannot be read or is not a journal (at once); a line in it is not what it should be
        (when it is reached): the message names the line.
    """
    return ((envelope, event) for _, envelope, event in read_runs(path))


def read_runs(path: Path) -> Iterator[tuple[int, Envelope, AnyEvent]]:
    """Return what `read` does, each with the number of its run, from 1 on.

    Runs have nothing to do with each other: one may have been killed, and the next counts its samples anew.

    Raises
    ------
    StorageError
        As `read`.
    """
    return _events(_opened(path), path)


def handovers(path: Path, *, now_ns: int) -> dict[str, Handover]:
    """Return, by bed, what a journal's last run left: alarms that stand, and what persons have set.

    It goes on from run to run, an alarm until it is cleared; what stood when nobody had been watching
    for `TAKEN_UP_S` is left behind. Nothing where there is no such file yet. The trend is not asked of a
    journal: it would have to be read beat by beat.

    Raises
    ------
    StorageError
        As `read`.
    """
    if not path.is_file() or not path.stat().st_size:
        return {}
    beds: dict[str, _Left] = {}
    last = b""
    last_ns: int | None = None
    with _opened(path) as file:
        while line := file.readline(_LONGEST_LINE):
            if _is_head(line):
                last_ns = _told_ns(last)
                for left in beds.values():
                    left.fs = 1.0
            elif line.endswith(b"\n"):
                if last_ns is not None:
                    if _told_ns(line) - last_ns > TAKEN_UP_S * 1e9:
                        beds.clear()
                    last_ns = None
                if line.startswith(_LEFT):
                    _follow(beds, line)
                last = line
    if now_ns - _told_ns(last) > TAKEN_UP_S * 1e9:
        return {}
    return {bed: left.handover() for bed, left in beds.items() if left.stands(now_ns)}


_LEFT: Final = tuple(
    f'{{"type":"{tag}"'.encode() for tag in ("alarm", "audio_pause", "limits", "notice", "stream")
)
"""How the lines begin that say what a bed's next run begins with."""


class _Left(msgspec.Struct):
    """What is left of one bed; ``fs`` is that of its stream, 1 Hz before there is one."""

    alarms: dict[tuple[str, int | None], Alarm] = {}
    bedside: Bedside = Bedside()
    fs: float = 1.0
    ended: bool = False

    def stands(self, now_ns: int) -> bool:
        return bool(self.alarms) or self.bedside.stands(now_ns)

    def handover(self) -> Handover:
        return Handover(alarms=tuple(self.alarms.values()), bedside=self.bedside, ended=self.ended)


def _follow(beds: dict[str, _Left], line: bytes) -> None:
    """Take the next step of an alarm's life, or what a person has set."""
    envelope, event = lines.parse(line)
    left = beds.setdefault(envelope.bed, _Left())
    if isinstance(event, Stream):
        left.fs, left.ended = event.fs, False
    elif isinstance(event, Notice):
        left.ended = left.ended or event.text == BYE
    elif isinstance(event, Alarm):
        key = event.kind, event.lead
        if event.state != "cleared":
            left.alarms[key] = event
        elif key in left.alarms and left.alarms[key].sample == event.sample:
            del left.alarms[key]
    else:
        left.bedside = left.bedside.after(event, time_ns=_time_ns(envelope), fs=left.fs)


def _told_ns(line: bytes) -> int:
    """Return when a line was told; 0 where there is none, or it does not say."""
    return _time_ns(lines.parse(line)[0]) if line else 0


def _time_ns(envelope: Envelope) -> int:
    return 0 if envelope.time is None else lines.nanoseconds(envelope.time)


def _events(file: BufferedReader, path: Path) -> Iterator[tuple[int, Envelope, AnyEvent]]:
    with file:
        number = run = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                return  # cut short: the last one
            if _is_head(line):
                run += 1
                continue
            try:
                envelope, event = lines.parse(line)
            except StorageError as error:
                raise StorageError(f"journal {path}, line {number}: {error}") from error
            yield run, envelope, event


def _opened(path: Path) -> BufferedReader:
    """Open a file for reading if it is a journal."""
    try:
        file = path.open("rb")
        first = file.readline(_LONGEST_LINE)
        file.seek(0)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    if not (first.endswith(b"\n") and _is_head(first)):
        file.close()
        shown = repr(first[:60]) if first else "an empty file"
        raise StorageError(
            f'{path} is not a journal: expected a first line of type "journal", received {shown}'
        )
    return file


def _is_head(line: bytes) -> bool:
    try:
        return line.startswith(b'{"type":"journal"') and isinstance(msgspec.json.decode(line), dict)
    except msgspec.DecodeError:
        return False


def _open(path: Path) -> WholeFile:
    """Open a journal for appending; what a kill cut short at its end is taken away."""
    with ExitStack() as undo:
        try:
            _whole_lines(path)  # refuses what is no journal before it is touched
            path.parent.mkdir(parents=True, exist_ok=True)
            file = undo.enter_context(closing(WholeFile(path, mode="append")))
            _claim(file, path)
            kept = _whole_lines(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        if kept is not None:
            file.put(b"", at=kept)
        undo.pop_all()
    return file


def _claim(file: WholeFile, path: Path) -> None:
    if not file.claim():
        raise StorageError(
            f"cannot write {path}: expected a journal that nobody writes to, "
            "received one that another monitor is writing"
        )


def _whole_lines(path: Path) -> int | None:
    """Return how many bytes of an existing journal are whole lines, None where nothing is to be kept."""
    if not path.is_file() or not path.stat().st_size:
        return None
    _opened(path).close()
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_LINE))
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1
