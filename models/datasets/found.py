"""Beats that our own detector finds, for sources whose labels are of whole records."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data import found_in
from models.datasets.cutting import median_rr
from monitor.settings import Settings
from monitor.storage import drafted
from monitor.window import WindowSpec

__all__ = ["cached", "key_of", "peaks_of", "whole"]

_VERSION: Final = 1
"""To be raised when what is found changes without settings or weights changing."""


def peaks_of(signal: NDArray[np.float64], *, fs: float) -> NDArray[np.int64]:
    """Return where the detector finds beats in a record, as it would live.

    Parameters
    ----------
    signal
        Of shape (n_samples, n_leads), millivolt.
    """
    return np.array([beat.sample for beat in found_in(signal, Settings(), fs=fs)], dtype=np.int64)


def whole(peaks: NDArray[np.int64], n_samples: int, spec: WindowSpec, *, fs: float) -> NDArray[np.bool_]:
    """Return which beats have their whole window within the record; all, where none has."""
    after = np.full(len(peaks), spec.n_post / spec.fs)
    if spec.length_rr is not None:
        after = np.fmin(after, spec.length_rr * median_rr(peaks, fs=fs))
    inside = (peaks >= spec.n_pre / spec.fs * fs) & (peaks + after * fs < n_samples)
    return inside if inside.any() else np.ones(len(peaks), dtype=np.bool_)


def key_of(content: bytes) -> str:
    """Return a name for what the detector, as it is set up here, finds in this content."""
    digest = hashlib.sha256(msgspec.json.encode((_VERSION, Settings().detector, Settings().quality)))
    digest.update(content)
    return digest.hexdigest()[:24]


def cached(
    path: Path, n_records: int, find: Callable[[], Sequence[NDArray[np.int64]]]
) -> list[NDArray[np.int64]]:
    """Return what was found before, or find it and keep it.

    A file that cannot be read, or is of another number of records, is found anew; one that cannot be
    written is done without.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            peaks, ends = kept["peaks"], kept["ends"]
        if len(ends) == n_records and (not n_records or ends[-1] == len(peaks)):
            return list(np.split(peaks.astype(np.int64), ends[:-1]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pass
    found = list(find())
    _keep(path, found)
    return found


def _keep(path: Path, found: list[NDArray[np.int64]]) -> None:
    ends = np.cumsum([len(peaks) for peaks in found], dtype=np.int64)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafted(path) as draft:
            np.savez(draft, peaks=np.concatenate([*found, np.zeros(0, np.int64)]), ends=ends)
