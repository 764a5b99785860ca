"""Events as WFDB annotations, in the MIT format, byte by byte.

wfdb's own writer cannot append, refuses an empty list and corrupts a file when a note passes 255
bytes; this one can, does not and cannot. The format is annot(5) of the WFDB Applications Guide:
little-endian words of a 6-bit code and a 10-bit distance from the annotation before, with SKIP for
longer distances, SUB and AUX for what belongs to an annotation, and a word of zeros at the end.

=============  ======  ==============================================================
event          symbol  at, and with what
=============  ======  ==============================================================
LabelledBeat   NSVFQ   its R peak, of one kind; a later label of the same beat replaces an earlier
Rhythm         ``+``   where it begins; where it ends, the rhythm that goes on or (N; one that is told
                       late changes what goes on after those that it holds
VF, flutter    ``[ ]`` where it begins and ends: disjoint, in pairs
Gap            ``~``   its first sample, subtype -1 (unreadable), reason and length; where samples come
                       again, subtype 0
Alarm          ``"``   where it was *decided*: a note of priority, kind, step and text
=============  ======  ==============================================================

Other events are not written. Two files differ in their labels alone: ``.blt`` holds the confirmed
ones, ``.blp`` the provisional. A note at index 0 is written at 1: readers take notes at 0 to be about
the file, and wfdb hides them.

``bxb`` takes the time from a ``~`` of subtype -1 to a ``~`` of another for one in which nothing was
analysed, if they are neighbours, and guesses otherwise. So what ends where a gap begins stands before
it, and a mark inside a gap that was bridged stands between ``~`` 0 and ``~`` -1 of its own sample.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from monitor.events import Alarm, Event, Gap, LabelKind, LabelledBeat, Rhythm, sort_key
from monitor.storage import cannot_write, drafted

__all__ = [
    "END",
    "SUFFIXES",
    "Annotator",
    "Mark",
    "content",
    "encode",
    "opening",
    "place",
    "readable",
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
_UNREADABLE: Final = -1
"""Subtype of a ``~``: analysis is shut down (both bits of 0x30); 0 ends it."""
_FIBRILLATION: Final = frozenset({"(VFL", "(VF", "(VFIB"})
_OF_BEATS: Final = frozenset({"(SVTA", "(B", "(T"})
"""Of rhythms that hold at once the one that began last is told, but these never: in atrial fibrillation
early beats may be labelled S, and V in turn with others by chance are no rhythm of their own ..."""
_PATTERNS: Final = frozenset({"(B", "(T"})
_RUNS: Final = frozenset({"(VT", "(IVR"})
_WHOLE: Final = 4
"""... unless there are so many of them in turn: chance made up to three in 203, and never four. It is judged
while a pattern lasts, at each V and rhythm told, and once more where it ends."""
_N_VENTRICULAR: Final = 64
"""So many V are remembered for it."""
_N_SPANS: Final = 64
"""So many rhythms that ended are remembered: what is told late holds no more of them."""


class Mark(NamedTuple):
    """One annotation; marks sort as they stand in a file.

    ``order`` settles which comes first at one sample: end of a gap, end and begin of fibrillation, rhythm,
    beat, note, begin of a gap.
    """

    sample: int
    order: int
    symbol: str
    subtype: int = 0
    note: str = ""


@dataclass(slots=True)
class _Span:
    """A rhythm told of such labels: from where, up to where, None while it lasts.

    ``whole``: it is one inside another, too.
    """

    rhythm: str
    labels: LabelKind | None
    start: int
    stop: int | None = None
    whole: bool = False

    def holds(self, sample: int) -> bool:
        return self.start <= sample and (self.stop is None or sample < self.stop)


_RESUMED, _SUSPENDED = Mark(0, 0, "~"), Mark(0, 6, "~", _UNREADABLE)


class Annotator:
    """Turns events, in the order in which they became known, into marks.

    Parameters
    ----------
    labels
        Which labels are marked.
    """

    def __init__(self, labels: LabelKind = "confirmed") -> None:
        self._provisional = labels == "provisional"
        self._spans: list[_Span] = []
        self._ventricular: deque[int] = deque(maxlen=_N_VENTRICULAR)
        self._fibrillations: set[str] = set()
        self._free = 0

    def marks(self, event: Event) -> list[Mark]:
        """Return what stands for an event: often nothing, two marks for a gap."""
        match event:
            case LabelledBeat() if event.provisional == self._provisional:
                return [Mark(event.sample, 4, event.label), *self._beat(event)]
            case Rhythm() if event.rhythm in _FIBRILLATION:
                return self._fibrillation(event)
            case Rhythm():
                return self._rhythm(event)
            case Gap() if event.stop > event.sample:
                note = f"{event.reason} {event.stop - event.sample} samples"
                return [Mark(event.sample, 6, "~", _UNREADABLE, note), Mark(event.stop, 0, "~")]
            case Alarm():
                lead = "" if event.lead is None else f" lead {event.lead}"
                about = (
                    f"{event.priority} {event.kind}{lead} {event.state}, onset {event.sample}: {event.text}"
                )
                return [Mark(max(event.decided, 1), 5, '"', note=about)]
            case _:
                return []

    def _beat(self, beat: LabelledBeat) -> list[Mark]:
        """Mark the patterns that a V makes whole."""
        if beat.label != "V":
            return []
        self._ventricular.append(beat.sample)
        changed = self._judge(self._patterns())
        return self._turns(min(changed)) if changed else []

    def _rhythm(self, event: Rhythm) -> list[Mark]:
        """Mark where a rhythm begins or ends, and anew what it changes after that."""
        if event.state == "start":
            self._spans = [*_remembered(self._spans), _Span(event.rhythm, event.labels, event.sample)]
        patterns = self._patterns()
        if event.state == "end":
            told = (event.rhythm, event.labels)
            lasting = [span for span in self._spans if span.stop is None]
            for span in [span for span in lasting if (span.rhythm, span.labels) == told]:
                span.stop = max(event.sample, span.start)
        return self._turns(min([event.sample, *self._judge(patterns)]))

    def _turns(self, since: int) -> list[Mark]:
        """Mark what holds from a sample on, there and wherever a rhythm begins or ends."""
        turns = {since} | {span.start for span in self._spans}
        turns |= {span.stop for span in self._spans if span.stop}
        return [Mark(at, 3, "+", note=self._holds(at)) for at in sorted(turns) if at >= since]

    def _patterns(self) -> list[_Span]:
        """Return the patterns that last."""
        return [span for span in self._spans if span.stop is None and span.rhythm in _PATTERNS]

    def _judge(self, patterns: Sequence[_Span]) -> list[int]:
        """Judge anew whether patterns are whole; return where those begin of which it changed."""
        changed = []
        for span in patterns:
            whole = self._n_in_turn(span) >= _WHOLE
            if whole != span.whole:
                span.whole = whole
                changed.append(span.start)
        return changed

    def _n_in_turn(self, pattern: _Span) -> int:
        """Return how many V a pattern holds that belong to no run."""
        runs = [span for span in self._spans if span.rhythm in _RUNS]
        held = [sample for sample in self._ventricular if pattern.holds(sample)]
        return sum(not any(run.holds(sample) for run in runs) for sample in held)

    def _holds(self, sample: int) -> str:
        """Return the innermost rhythm that holds at a sample."""
        spans = [span for span in reversed(self._spans) if span.holds(sample)]
        return (
            max(spans, key=lambda span: (span.rhythm not in _OF_BEATS or span.whole, span.start)).rhythm
            if spans
            else "(N"
        )

    def _fibrillation(self, event: Rhythm) -> list[Mark]:
        """Mark where the first begins and the last ends; each end behind its begin, whatever comes."""
        stood = bool(self._fibrillations)
        if event.state == "start":
            self._fibrillations.add(event.rhythm)
        else:
            self._fibrillations.discard(event.rhythm)
        stands = bool(self._fibrillations)
        if stands == stood:
            return []  # one inside another, told twice, or the end of none
        sample = max(event.sample, self._free)
        self._free = sample + 1 if stands else sample
        return [Mark(sample, 2, "[") if stands else Mark(sample, 1, "]")]


def _remembered(spans: Sequence[_Span]) -> list[_Span]:
    """Return the spans that last, and those that ended last."""
    stops = sorted(span.stop for span in spans if span.stop is not None)
    oldest = min(stops[-_N_SPANS:], default=0)
    return [span for span in spans if span.stop is None or span.stop >= oldest]


def readable(mark: Mark, *, before: bool) -> bool:
    """Return whether the signal behind a mark is readable, from whether it was before it."""
    return mark.subtype != _UNREADABLE if mark.symbol == "~" else before


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


def encode(marks: Sequence[Mark], *, after: int = 0, within_gap: bool = False) -> list[bytes]:
    """Return each mark's bytes, without the word at the end of a file.

    A mark inside a gap comes with the end of the gap before it and a new begin behind it.

    Parameters
    ----------
    marks
        Sorted.
    after
        Sample of the mark before them.
    within_gap
        Whether they begin inside a gap.

    Raises
    ------
    ValueError
        They are not sorted, or begin before ``after``.
    """
    entries = []
    clear = not within_gap
    for mark in marks:
        step = mark.sample - after
        if step < 0:
            raise ValueError(f"marks not sorted: expected a sample from {after} on, received {mark.sample}")
        if clear or mark.symbol == "~":
            entries.append(_entry(mark, step))
        else:
            entries.append(_entry(_RESUMED, step) + _entry(mark, 0) + _entry(_SUSPENDED, 0))
        clear = readable(mark, before=clear)
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
        for mark in annotator.marks(event):
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafted(path) as draft:
            draft.write_bytes(data)
    except OSError as error:
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
