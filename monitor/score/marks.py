"""Annotation files for scoring: what the bytes say, and what EC57 makes of it.

The MIT format (annot(5) of the WFDB Applications Guide) is read here because scoring asks for what a
general reader leaves out: subtypes (a shutdown is one), the file's own time resolution, and whether the
file was cut short. Bytes in, arrays out; nothing is opened.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SourceError

__all__ = ["AAMI", "Beats", "Marks", "decode"]

AAMI: Final[dict[str, int]] = {
    **dict.fromkeys("NLRB", 0),
    **dict.fromkeys("AaJSjen", 1),
    **dict.fromkeys("VEr", 2),
    "F": 3,
    **dict.fromkeys("/fQ?", 4),
}
"""Index in `monitor.events.CLASSES` of each WFDB beat symbol, as ``bxb`` maps them: escape beats (j, e, n)
are S, where the training has them as N (`models.data.AAMI`)."""

_SYMBOLS: Final = {
    code: symbol
    for code, symbol in enumerate('\0NLRaVFJASEj/Q~\0|\0sT*D"=pB^t+u?![]en@xf()r')
    if symbol != "\0"
}
"""Symbols by annotation code, <wfdb/ecgcodes.h>."""
_SKIP, _NUM, _SUB, _CHAN, _AUX = 59, 60, 61, 62, 63
_SHUT: Final = 0x30
"""Both of these bits of a NOISE annotation's subtype mark a shutdown (bxb(1))."""
_RESOLUTION: Final = "## time resolution:"
_AHA_MARGIN_S: Final = 0.150


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of one annotator that take part in the comparison, in order.

    Attributes
    ----------
    samples
        Of shape (n_beats,).
    classes
        Of shape (n_beats,): indices in `monitor.events.CLASSES`.
    intervals
        Of shape (n_beats,): samples since the beat before, 0 where there is none or where a shutdown or
        fibrillation lies between.
    """

    samples: NDArray[np.int64]
    classes: NDArray[np.int64]
    intervals: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True, slots=True)
class Marks:
    """One annotation file, in order of time.

    Attributes
    ----------
    samples
        Of shape (n_marks,).
    symbols, subtypes, notes
        Of the same length: WFDB symbols, signed subtypes, aux notes (``""`` where there is none).
    fs
        The file's own time resolution in Hz, None where it states none.
    classes
        Of shape (n_marks,): indices in `monitor.events.CLASSES`, -1 for marks that are no beats; follows
        from the symbols.
    """

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]
    subtypes: tuple[int, ...]
    notes: tuple[str, ...]
    fs: float | None = None
    classes: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        classes = np.fromiter((AAMI.get(symbol, -1) for symbol in self.symbols), np.int64, len(self.symbols))
        object.__setattr__(self, "classes", classes)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def n_beats(self) -> int:
        """How many of the marks are beats."""
        return int(np.count_nonzero(self.classes >= 0))

    @property
    def paced(self) -> bool:
        """Whether any beat is paced: EC57 leaves such records out of the figures of V and S."""
        return "/" in self.symbols

    def rescaled(self, ratio: float) -> "Marks":
        """Return the marks with their times multiplied, to the nearest sample, halves up."""
        if ratio == 1.0:
            return self
        samples = np.floor(self.samples * ratio + 0.5).astype(np.int64)
        return Marks(samples, self.symbols, self.subtypes, self.notes, self.fs)

    def escape_as_normal(self) -> "Marks":
        """Return the marks with escape beats (j, e, n) called N, as many papers take them; EC57 says S."""
        symbols = tuple("N" if symbol in ("j", "e", "n") else symbol for symbol in self.symbols)
        return Marks(self.samples, symbols, self.subtypes, self.notes, self.fs)

    def upto(self, end: int) -> "Marks":
        """Return the marks at or before a sample."""
        n = int(np.searchsorted(self.samples, end, "right"))
        if n == len(self):
            return self
        return Marks(self.samples[:n], self.symbols[:n], self.subtypes[:n], self.notes[:n], self.fs)

    def fibrillation(self, end: int) -> list[tuple[int, int]]:
        """Return the stretches from ``[`` to ``]`` (both included); one still open lasts to ``end``."""
        return _spans(((at, symbol == "[") for at, symbol in self._only("[]")), end)

    def atrial(self, end: int) -> list[tuple[int, int]]:
        """Return the stretches of ``(AFIB``, each to the next rhythm of another name."""
        return _spans(((at, note == "(AFIB") for at, note in self.rhythms()), end)

    def atrial_flutter(self, end: int) -> list[tuple[int, int]]:
        """Return the stretches of ``(AFL``, each to the next rhythm of another name."""
        return _spans(((at, note == "(AFL") for at, note in self.rhythms()), end)

    def rhythms(self) -> Iterable[tuple[int, str]]:
        """Return where rhythms change, and to what."""
        triples = zip(self.samples.tolist(), self.symbols, self.notes, strict=True)
        return ((at, note) for at, symbol, note in triples if symbol == "+")

    def shutdowns(self, end: int, *, fs: float) -> list[tuple[int, int]]:
        """Return where the analysis was suspended.

        From a shutdown (``~``, both bits of 48 in its subtype) to the next ``~`` of another subtype. Where
        something else follows first it stands alone, as in the AHA database: then it lasts from 150 ms
        after the mark before to 150 ms before the mark behind.
        """
        if "~" not in self.symbols:
            return []
        margin = round(_AHA_MARGIN_S * fs)
        spans: list[tuple[int, int]] = []
        begun: int | None = None
        for i, (at, symbol, subtype) in enumerate(
            zip(self.samples, self.symbols, self.subtypes, strict=True)
        ):
            if symbol != "~":
                continue
            if subtype & _SHUT != _SHUT:
                if begun is not None:
                    spans.append((begun, int(at)))
                    begun = None
            elif i + 1 == len(self) or self.symbols[i + 1] == "~":
                begun = int(at) if begun is None else begun
            else:
                first = int(self.samples[i - 1]) + margin if i else 0
                begun = None
                spans.append((first, max(first, int(self.samples[i + 1]) - margin)))
        return [*spans, (begun, max(begun, end))] if begun is not None else spans

    def beats(self, *, start: int, end: int) -> Beats:
        """Return the beats from ``start`` on that lie in no fibrillation of this annotator."""
        classes = self.classes
        taking_part = classes >= 0
        for first, last in self.fibrillation(end):
            taking_part &= (self.samples < first) | (self.samples > last)
        samples = self.samples[taking_part]
        # an interval is known where as many breaks lie before this beat as before the last
        breaks = np.cumsum(self._breaks())[taking_part]
        intervals = np.diff(samples, prepend=0)
        intervals[np.diff(breaks, prepend=-1) != 0] = 0
        late = samples >= start
        return Beats(samples[late], classes[taking_part][late], intervals[late])

    def _breaks(self) -> NDArray[np.bool_]:
        """Return which marks interrupt the sequence of intervals."""
        return np.fromiter(
            (
                symbol in "[]" or (symbol == "~" and subtype & _SHUT == _SHUT)
                for symbol, subtype in zip(self.symbols, self.subtypes, strict=True)
            ),
            bool,
            len(self),
        )

    def _only(self, symbols: str) -> Iterable[tuple[int, str]]:
        if not set(symbols) & set(self.symbols):
            return ()
        pairs = zip(self.samples.tolist(), self.symbols, strict=True)
        return ((at, symbol) for at, symbol in pairs if symbol in symbols)


def decode(data: bytes, *, name: str) -> Marks:
    """Read an annotation file in the MIT format.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in a message.

    Raises
    ------
    SourceError
        It is empty, has no end, or is no such file.
    """
    if not data:
        raise SourceError(
            f"annotations {name}: expected at least the two bytes of an end mark, found an empty file"
        )
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    rows: list[tuple[int, str, int, str]] = []
    at = i = 0
    try:
        while words[i]:
            code, value = words[i] >> 10, words[i] & 0x3FF
            i += 1
            if code == _SKIP:
                step = words[i] << 16 | words[i + 1]
                at += step - (step >> 31 << 32)
                i += 2
            elif code == _SUB:
                subtype = value & 0xFF
                rows[-1] = (*rows[-1][:2], subtype - (subtype >> 7 << 8), rows[-1][3])
            elif code == _AUX:
                note = data[2 * i : 2 * i + value].rstrip(b"\0").decode("latin-1")
                rows[-1] = (*rows[-1][:3], note)
                i += (value + 1) // 2
            elif code not in (_NUM, _CHAN):
                at += value
                rows.append((at, _SYMBOLS[code], 0, ""))
    except IndexError:
        raise SourceError(f"annotations {name} are cut short: expected an end mark, found none") from None
    except KeyError as error:
        raise SourceError(f"annotations {name}: expected a WFDB annotation code, received {error}") from None
    return _marks(rows, name=name)


def _marks(rows: list[tuple[int, str, int, str]], *, name: str) -> Marks:
    """Set aside the notes at 0 that are about the file, and check the order of the rest."""
    fs: float | None = None
    while rows and rows[0][0] == 0 and rows[0][1] == '"' and rows[0][3].startswith("##"):
        note = rows.pop(0)[3]
        if note.startswith(_RESOLUTION):
            try:
                fs = float(note.removeprefix(_RESOLUTION))
            except ValueError:
                fs = -1.0
            if not 0 < fs < float("inf"):
                raise SourceError(f"annotations {name}: expected a time resolution in Hz, received {note!r}")
    samples = np.array([row[0] for row in rows], np.int64)
    if np.any(np.diff(samples) < 0) or np.any(samples < 0):
        raise SourceError(f"annotations {name}: expected them in order of time, received some that go back")
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Marks(samples, columns[1], columns[2], columns[3], fs)


def _spans(marks: Iterable[tuple[int, bool]], end: int) -> list[tuple[int, int]]:
    """Return the stretches from a mark that opens to the next that closes."""
    spans: list[tuple[int, int]] = []
    begun: int | None = None
    for at, opens in marks:
        if opens and begun is None:
            begun = at
        elif not opens and begun is not None:
            spans.append((begun, at))
            begun = None
    return [*spans, (begun, max(begun, end))] if begun is not None else spans
