"""The annotations of a record that is being made: they grow, and what is late still finds its place."""

from typing import Final

from monitor.annotations import Mark, encode, opening, place, readable
from monitor.storage import WholeFile

__all__ = ["AnnotationFile"]

_LATE_S: Final = 610.0
"""How far behind the newest sample an annotation may still fall into its place: ``serving.label_timeout_s``
and ``rhythm.af_window_s``, from whose beginning fibrillation may be told, at their largest, and the windows
of a beat and the next. A later one goes to the earliest place that is left."""


class AnnotationFile:
    """Marks of one record, in their order on disk whenever they come.

    Entries are written whole. Where one belongs before others that are on disk already, the file's end
    is written over from there.

    Parameters
    ----------
    file
        Empty.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, file: WholeFile, *, fs: float) -> None:
        self._file = file
        self._late = round(_LATE_S * fs)
        self._marks: list[Mark] = []
        self._ends: list[int] = []
        self._floor = 0
        self._file.put(opening(fs))
        self._base = self._file.size

    @property
    def n_kept(self) -> int:
        """How many marks are kept in memory: those that something may still come before."""
        return len(self._marks)

    def add(self, mark: Mark) -> None:
        """Put a mark, its sample counted within the record, into its place, or the nearest that is left."""
        earliest = 1 if mark.symbol == '"' else 0
        index = place(self._marks, mark._replace(sample=max(mark.sample, earliest, self._floor)))
        del self._ends[index:]

    def flush(self, *, n_frames: int) -> None:
        """Write what waits, and forget what is too old, ``n_frames`` into the record, to change any more.

        Raises
        ------
        StorageError
            It cannot be written; it goes on waiting.
        """
        done = len(self._ends)
        if done < len(self._marks):
            after = self._marks[done - 1].sample if done else self._floor
            entries = encode(self._marks[done:], after=after, within_gap=self._within_gap(done))
            at = self._ends[-1] if done else self._base
            self._file.put(b"".join(entries), at=at)
            for entry in entries:
                at += len(entry)
                self._ends.append(at)
        self._settle(self._oldest(n_frames))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _within_gap(self, n_marks: int) -> bool:
        """Return whether the first marks end inside a gap; what is settled never does."""
        clear = True
        for mark in self._marks[:n_marks]:
            clear = readable(mark, before=clear)
        return not clear

    def _oldest(self, n_frames: int) -> int:
        """Return where what may still change begins.

        The longest gap on the way does not count: labels of the beats before it come when it is over.
        """
        oldest = n_frames - self._late
        stop = longest = 0
        for mark in reversed(self._marks):
            if mark.symbol == "~" and readable(mark, before=False):
                stop = mark.sample
            elif mark.symbol == "~" and stop > oldest:
                longest = max(longest, stop - mark.sample)
        return oldest - longest

    def _settle(self, oldest: int) -> None:
        """Forget marks that are on disk and too old for anything to come before them, gaps as a whole."""
        n_settled = 0
        clear = True
        for n_marks, mark in enumerate(self._marks, 1):
            if mark.sample >= oldest:
                break
            clear = readable(mark, before=clear)
            n_settled = n_marks if clear else n_settled
        if n_settled:
            self._floor = self._marks[n_settled - 1].sample
            self._base = self._ends[n_settled - 1]
            del self._marks[:n_settled], self._ends[:n_settled]
