"""Whole records with what their reports say, for what looks at more than cut beats."""

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "PER_MV", "Entry", "Recordings"]

CLASSES: Final = ("NORM", "MI")
PER_MV: Final = 1000.0


class Entry(NamedTuple):
    """One record of the list.

    Attributes
    ----------
    ecg_id, patient, fold
        Which it is, whose, and in which published fold, 1 to 10.
    label, sure
        NORM, MI or OTHER, and whether that is sure, which is not asked of OTHER.
    likelihood
        Of infarction, 0 to 100 as the report has it; 0 where it is none.
    statements
        Names of all statements of the report (SCP-ECG).
    """

    ecg_id: int
    patient: str
    fold: int
    label: str
    sure: bool
    likelihood: float
    statements: frozenset[str]

    @property
    def name(self) -> str:
        """As beats name their record."""
        return f"{self.ecg_id:05d}"


@dataclass(frozen=True, slots=True)
class Recordings:
    """Whole records, each with at least one beat.

    Attributes
    ----------
    entries
        What is known of each.
    signals
        Of shape (n_records, n_samples): microvolt, 500 Hz.
    peaks
        Of each record the samples where the detector finds beats.
    """

    entries: tuple[Entry, ...]
    signals: NDArray[np.int16]
    peaks: tuple[NDArray[np.int64], ...]

    def millivolts(self, k: int) -> NDArray[np.float64]:
        """Return the k-th signal, of shape (n_samples,)."""
        return np.asarray(self.signals[k] / PER_MV, np.float64)

    def rows(self, names: NDArray[np.str_]) -> NDArray[np.int64]:
        """Return the rows of records by their names; KeyError if one is not there."""
        at = {entry.name: row for row, entry in enumerate(self.entries)}
        return np.array([at[name] for name in names.tolist()], dtype=np.int64)

    def beside(self, learned: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows learned from, ascending, and with them those named OTHER that may be.

        None is of a fold or of a patient that is asked about.
        """
        folds = {self.entries[row].fold for row in asked.tolist()}
        patients = {self.entries[row].patient for row in asked.tolist()}
        others = [
            row
            for row, entry in enumerate(self.entries)
            if entry.label not in CLASSES and entry.fold not in folds and entry.patient not in patients
        ]
        return np.union1d(learned, np.array(others, dtype=np.int64))

    def digest(self) -> str:
        """Return a hash of all that is known of them."""
        found = hashlib.sha256(np.ascontiguousarray(self.signals).tobytes())
        for entry, peaks in zip(self.entries, self.peaks, strict=True):
            found.update(repr((*entry[:-1], sorted(entry.statements), peaks.tolist())).encode())
        return found.hexdigest()
