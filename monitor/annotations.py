"""Events as WFDB annotations, in the MIT format, byte by byte.

wfdb's own writer cannot append, refuses an empty list and corrupts a file when a note passes 255
bytes; this one can, does not and cannot. The format is annot(5) of the WFDB Applications Guide:
little-endian words of a 6-bit code and a 10-bit distance from the annotation before, with SKIP for
longer distances, SUB and AUX for what belongs to an annotation, and a word of zeros at the end.

=============  ======  ==============================================================
event          symbol  at, and with what
=============  ======  ==============================================================
LabelledBeat   NSVFQ   its R peak, of one kind; a later label of the same beat replaces an earlier
Rhythm         ``+``   where it begins; where it ends, the rhythm that goes on or (N
VF, flutter    ``[ ]`` where it begins and ends
Gap            ``~``   its first sample, subtype -1 (unreadable), reason and length
Alarm          ``"``   where it was *decided*: a note of priority, kind, step and text
=============  ======  ==============================================================

Other events are not written. Two files differ in their labels alone: ``.blt`` holds the confirmed
ones, ``.blp`` the provisional. A note at index 0 is written at 1: readers take notes at 0 to be about
the file, and wfdb hides them.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from monitor.events import Alarm, Event, Gap, LabelKind, LabelledBeat, Rhythm, sort_key
from monitor.storage import cannot_write

__all__ = [
    "END",
    "SUFFIXES",
    "Annotator",
    "Mark",
    "content",
    "encode",
    "opening",
    "place",
    "write_annotations",
]

SUFFIXES: Final[dict[LabelKind, str]] = {"confirmed": ".blt", "provisional": ".blp"}
"""Where the labels of each kind stand."""

END: Final = b"\0\0"
"""The word that ends an annotation file."""

_CODES: Final = {"N": 1, "V": 5, "F": 6, "S": 9, "Q": 13, "~": 14, '"': 22, "+": 28, "[": 32, "]": 33}
"""Annotation codes of <wfdb/ecgcodes.h>."""
_SKIP, _SUB, _AUX = 59, 61, 63
_LONGEST_STEP: Final = 1023
_LONGEST_SKIP: Final = 2**31 - 1
_LONGEST_NOTE: Final = 255
_FIBRILLATION: Final = frozenset({"(VFL", "(VF", "(VFIB"})


class Mark(NamedTuple):
    """One annotation; marks sort as they stand in a file.

    ``order`` settles which comes first at one sample: gap, end and begin of fibrillation, rhythm,
    beat, note.
    """

    sample: int
    order: int
    symbol: str
    subtype: int = 0
    note: str = ""


class Annotator:
    """Turns events, in the order in which they became known, into marks.

    Parameters
    ----------
    labels
        Which labels are marked.
    """

    def __init__(self, labels: LabelKind = "confirmed") -> None:
        self._provisional = labels == "provisional"
        self._rhythms: list[str] = []
        self._fibrillations = 0

    def mark(self, event: Event) -> Mark | None:
        """Return what stands for an event, or None where nothing does."""
        match event:
            case LabelledBeat():
                return Mark(event.sample, 4, event.label) if event.provisional == self._provisional else None
            case Rhythm() if event.rhythm in _FIBRILLATION:
                return self._fibrillation(event)
            case Rhythm():
                return self._rhythm(event)
            case Gap() if event.stop > event.sample:
                n_samples = event.stop - event.sample
                return Mark(event.sample, 0, "~", subtype=-1, note=f"{event.reason} {n_samples} samples")
            case Alarm():
                lead = "" if event.lead is None else f" lead {event.lead}"
                about = (
                    f"{event.priority} {event.kind}{lead} {event.state}, onset {event.sample}: {event.text}"
                )
                return Mark(max(event.decided, 1), 5, '"', note=about)
            case _:
                return None

    def _rhythm(self, event: Rhythm) -> Mark:
        if event.rhythm in self._rhythms:
            self._rhythms.remove(event.rhythm)
        if event.state == "start":
            self._rhythms.append(event.rhythm)
        return Mark(event.sample, 3, "+", note=self._rhythms[-1] if self._rhythms else "(N")

    def _fibrillation(self, event: Rhythm) -> Mark | None:
        before = self._fibrillations
        self._fibrillations = max(0, before + (1 if event.state == "start" else -1))
        if (before == 0) == (self._fibrillations == 0):
            return None  # one inside another: the outer one is marked
        return Mark(event.sample, 2, "[") if self._fibrillations else Mark(event.sample, 1, "]")


def place(marks: list[Mark], mark: Mark) -> int:
    """Put a mark where it belongs among sorted marks, and return the index from which they changed.

    There is one beat and one rhythm at a sample: a later one replaces an earlier.
    """
    if mark.symbol in "NSVFQ+":
        index = bisect_left(marks, (mark.sample, mark.order))
        if index < len(marks) and marks[index][:2] == mark[:2]:
            marks[index] = mark
            return index
    insort(marks, mark)
    return bisect_left(marks, mark)


def encode(marks: Sequence[Mark], *, after: int = 0) -> list[bytes]:
    """Return each mark's bytes, without the word at the end of a file.

    Parameters
    ----------
    marks
        Sorted.
    after
        Sample of the mark before them.

    Raises
    ------
    ValueError
        They are not sorted, or begin before ``after``.
    """
    entries = []
    for mark in marks:
        step = mark.sample - after
        if step < 0:
            raise ValueError(f"marks not sorted: expected a sample from {after} on, received {mark.sample}")
        entries.append(_entry(mark, step))
        after = mark.sample
    return entries


def opening(fs: float) -> bytes:
    """Return what stands first in a file: how many samples make a second."""
    return _entry(Mark(0, 0, '"', note=f"## time resolution: {fs:.10g}"), 0)


def content(events: Iterable[Event], *, fs: float, labels: LabelKind = "confirmed") -> bytes:
    """Return the whole annotation file of a finished record.

    Parameters
    ----------
    events
        In any order; sample 0 is the first sample of the record.
    labels
        Which labels are written.
    """
    annotator = Annotator(labels)
    marks: list[Mark] = []
    for event in sorted(events, key=sort_key):
        mark = annotator.mark(event)
        if mark is not None:
            place(marks, mark)
    return b"".join((opening(fs), *encode(marks), END))


def write_annotations(
    path: Path, events: Iterable[Event], *, fs: float, labels: LabelKind = "confirmed"
) -> None:
    """Write all annotations of a finished record; the file appears whole or not at all.

    Parameters
    ----------
    events, fs, labels
        As `content` takes them.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    data = content(events, fs=fs, labels=labels)
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise cannot_write(path, error) from error


def _entry(mark: Mark, step: int) -> bytes:
    words = bytearray()
    while step > _LONGEST_STEP:
        skip = min(step, _LONGEST_SKIP)
        words += _word(_SKIP, 0)
        words += (skip >> 16).to_bytes(2, "little") + (skip & 0xFFFF).to_bytes(2, "little")
        step -= skip
    words += _word(_CODES[mark.symbol], step)
    if mark.subtype:
        words += _word(_SUB, mark.subtype & 0xFF)
    if mark.note:
        note = _clean(mark.note)
        words += _word(_AUX, len(note)) + note + b"\0" * (len(note) % 2)
    return bytes(words)


def _word(code: int, value: int) -> bytes:
    return (code << 10 | value).to_bytes(2, "little")


def _clean(note: str) -> bytes:
    """Return a note as readers take it: Latin-1, no control characters, at most 255 bytes."""
    printable = "".join(c if c.isprintable() else " " for c in note)
    return printable.encode("latin-1", errors="replace")[:_LONGEST_NOTE]
