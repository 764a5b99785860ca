"""What a bed sent, kept as a WFDB record: signals as received, and annotations beside them.

``blt`` holds the confirmed labels, ``blp`` the provisional ones; all else stands in both. At any
moment, killed or not, ``wfdb.rdrecord`` and ``rdann`` read what has been flushed so far. The signal
file (format 16) only grows, by whole frames, and its header gives no length until the record is closed:
readers then take it from the file's size. Labels come late; `monitor.annotationfile` says how their
entries find their place in what is on disk already.

Samples that never came are written as missing, so that an annotation's index is the sample's index.
"""

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.annotationfile import AnnotationFile
from monitor.annotations import END, SUFFIXES, Annotator, Mark, write_annotations
from monitor.events import Block, Event, Gap, LabelKind
from monitor.signalfile import Layout, SignalFile
from monitor.storage import WholeFile, cannot_write, drafted

__all__ = ["Recorder", "write_annotations"]

_DEFAULT_GAIN: Final = 1000.0
"""Units per millivolt where the device's own are not told: 1 uV steps, +-32 mV."""
_FLUSH_S: Final = 1.0
_SUFFIXES: Final = (".hea", ".dat", *SUFFIXES.values())
_LONGEST_GAP_S: Final = 3600.0
"""A longer gap begins a new record: hours of nothing are not worth the disk."""


class Recorder:
    """Keeps one stream of one bed; a new stream is a new recorder, and so a new record.

    The record is called after the bed, ``bed``, else ``bed_2``, ``bed_3`` ...: nothing that exists is
    ever written over. Events come in any order; `Gap` events among them are left out, as `gap` has
    told of them.

    While the disk is full each try to write raises; the recorder goes on being usable, keeps the last
    minute in memory, and writes it when there is room again.

    Parameters
    ----------
    folder
        Made if it does not exist.
    bed
        Any name; what WFDB does not allow in a name becomes ``_``.
    fs
        Sampling rate in Hz.
    leads
        Lead names.
    gains, baselines
        Of each lead, digital units per millivolt and the value of 0 mV. With those of the device the
        integers on disk are the ones that came over the wire.

    Raises
    ------
    StorageError
        The folder or the files cannot be made; later, from any method: cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        bed: str,
        *,
        fs: float,
        leads: Sequence[str],
        gains: Sequence[float] | None = None,
        baselines: Sequence[int] | None = None,
    ) -> None:
        gains = gains or [_DEFAULT_GAIN] * len(leads)
        baselines = baselines or [0] * len(leads)
        if not len(leads) == len(gains) == len(baselines):
            raise ValueError(
                f"expected as many gains and baselines as leads ({len(leads)}), "
                f"received {len(gains)} and {len(baselines)}"
            )
        self._layout = Layout(tuple(leads), fs, np.array(gains, np.float64), np.array(baselines, np.float64))
        self._folder = folder
        self._name = _safe(bed)
        self._annotators = {labels: Annotator(labels) for labels in SUFFIXES}
        self._before: _Part | None = None
        self._part = _Part(folder, self._name, self._layout)

    @property
    def path(self) -> Path:
        """The record being written, without a suffix."""
        return self._part.path

    def block(self, block: Block) -> None:
        """Take samples; what lies between them and the last ones becomes missing.

        Raises
        ------
        ValueError
            They begin before the end of what was taken.
        """
        self._reach(block.start)
        self._part.extend(self._layout.digital(block.samples))
        self._part.flush_when_due()

    def gap(self, gap: Gap) -> None:
        """Take the news that samples will never come: they are written as missing and marked ``~``."""
        self._reach(gap.sample)
        part = self._part
        self._reach(gap.stop)
        for labels, annotator in self._annotators.items():
            for mark in annotator.marks(gap):
                if part.start <= mark.sample <= part.stop:  # else the next record begins behind the gap
                    part.add(labels, mark)
        self._part.flush_when_due()

    def event(self, event: Event) -> None:
        """Take an event; what has no place among annotations is ignored."""
        if isinstance(event, Gap):
            return
        for labels, annotator in self._annotators.items():
            for mark in annotator.marks(event):
                part = self._part
                if self._before is not None and mark.sample < part.start:
                    part = self._before
                part.add(labels, mark)

    def flush(self) -> None:
        """Bring the files up to date."""
        for part in self._parts():
            part.flush()

    def close(self) -> None:
        """Write what is left and the final header; a record without a sample is taken away again."""
        parts, self._before = self._parts(), None
        try:
            for part in parts:
                part.close()
        finally:
            for part in parts:
                part.release()

    def _parts(self) -> list["_Part"]:
        return [self._part] if self._before is None else [self._before, self._part]

    def _reach(self, sample: int) -> None:
        """Bring the record up to ``sample``, by missing samples or by a new record."""
        part = self._part
        if not part.begun or sample - part.stop <= _LONGEST_GAP_S * self._layout.fs:
            part.reach(sample)
            return
        if part.stop == part.start:  # nothing in it yet: it begins here instead
            part.start = sample
            return
        self._part = _Part(self._folder, self._name, self._layout)
        self._part.reach(sample)
        if self._before is not None:
            self._before.close()
            self._before.release()
        self._before = part  # labels of its last beats may still come


class _Part:
    """One record on disk: header, signals, and an annotation file for each kind of labels."""

    def __init__(self, folder: Path, name: str, layout: Layout) -> None:
        self._layout = layout
        self.path, self._file, notes = _create(folder, name)
        self._notes = {labels: AnnotationFile(file, fs=layout.fs) for labels, file in notes.items()}
        self._signals = SignalFile(self._file, layout)
        self._headed = False
        self._due = 0
        self._early: list[tuple[LabelKind, Mark]] = []
        self.start = 0
        self.begun = False

    @property
    def stop(self) -> int:
        """Absolute index of the next sample to come."""
        return self.start + self._signals.n_frames

    def reach(self, sample: int) -> None:
        """Go on at ``sample``: the first one ever begins the record, else what lies between is missing."""
        if not self.begun:
            self.start, self.begun = sample, True
            for labels, mark in self._early:
                self.add(labels, mark)
        n_missing = sample - self.stop
        if n_missing < 0:
            raise ValueError(
                f"recording of {self.path.name}: expected sample {self.stop}, received sample {sample}"
            )
        if n_missing:
            self._signals.skip(n_missing)

    def extend(self, frames: NDArray[np.int16]) -> None:
        """Take frames."""
        self._signals.put(frames)

    def add(self, labels: LabelKind, mark: Mark) -> None:
        """Put a mark into its place, or the nearest that is left."""
        if self.begun:
            self._notes[labels].add(mark._replace(sample=mark.sample - self.start))
        else:
            self._early.append((labels, mark))

    def flush(self) -> None:
        """Write what waits: signals, then annotations."""
        self._signals.flush()
        if self._signals.n_written and not self._headed:  # readers refuse a record without a sample
            self._write_header("")
        for notes in self._notes.values():
            notes.flush(n_frames=self._signals.n_frames)

    def flush_when_due(self) -> None:
        """Write once a second of signal has come together."""
        if self._signals.n_frames >= self._due:
            self._due = self._signals.n_frames + round(_FLUSH_S * self._layout.fs)
            self.flush()

    def close(self) -> None:
        """Write what waits and the header with the record's length."""
        if not self._file.closed:
            self.flush()
            if self._signals.n_written:
                self._write_header(f" {self._signals.n_written}")

    def release(self) -> None:
        """Let go of the files; take away a record in which nothing was recorded."""
        if self._file.closed:
            return
        self._file.close()
        for notes in self._notes.values():
            notes.close()
        if not self._signals.n_written:
            for suffix in _SUFFIXES:
                self.path.with_suffix(suffix).unlink(missing_ok=True)

    def _write_header(self, length: str) -> None:
        header = self._layout.header(self.path.name, self.start, length, self._signals.signals())
        try:
            with drafted(self.path.with_suffix(".hea")) as draft:
                draft.write_bytes(header)
            self._headed = True
        except OSError as error:
            raise cannot_write(self.path.with_suffix(".hea"), error) from error


def _create(folder: Path, name: str) -> tuple[Path, WholeFile, dict[LabelKind, WholeFile]]:
    """Make the files of the first record name that is free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / (name if number == 1 else f"{name}_{number}")
            if any(path.with_suffix(suffix).exists() for suffix in _SUFFIXES):
                continue
            try:
                signals = WholeFile(path.with_suffix(".dat"))
            except FileExistsError:  # another process was faster
                continue
            return (
                path,
                signals,
                {labels: WholeFile(path.with_suffix(suffix), end=END) for labels, suffix in SUFFIXES.items()},
            )
    except OSError as error:
        raise cannot_write(folder / name, error) from error
    raise AssertionError("unreachable: names do not run out")


def _safe(bed: str) -> str:
    """Return a bed's name as WFDB allows it: letters, digits, ``_`` and ``-``, not beginning with ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", bed[:40]).lstrip("-") or "bed"
