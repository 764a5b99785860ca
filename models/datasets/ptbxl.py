"""Infarction against normal: lead II of PTB-XL (Wagner et al. 2020), patients and folds as published.

A folder ``ptbxl_mi`` with ``lead2_500hz.npz`` (``ecg_id`` of shape (n,), ``x`` int16 of shape (n, 5000),
microvolt, 500 Hz) and ``labels.csv``. Labels are of whole records of 10 s: every beat of a record has its
record's, and records named OTHER, neither infarction nor normal, are left out (`recordings` has them, for
what else their reports tell). Beats are found by our own detector; one whose window reaches beyond the record
is left out where the record has others.

``strict`` keeps the records whose label is sure: infarction with a likelihood of 50 or more that is not
named only as injury, and normal with 80 or more.

Which beats there are is kept in the user's cache, by a hash of the signals and the detector's settings.
"""

import ast
import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.datasets import found
from models.datasets.beatset import BeatSet, join
from models.datasets.cutting import served
from models.datasets.options import WINDOW, DataOptions
from models.datasets.recordings import CLASSES, PER_MV, Entry, Recordings
from models.progress import Report
from monitor import physionet
from monitor.errors import SourceError
from monitor.window import WindowSpec

__all__ = ["CLASSES", "OPTIONS", "beats", "recordings"]

OPTIONS: Final = ("strict", *WINDOW)
"""What may be asked of it: see `models.datasets.check`."""

_SIGNALS: Final = "lead2_500hz.npz"
_LABELS: Final = "labels.csv"
_FS: Final = 500.0
_COLUMNS: Final = (
    "ecg_id",
    "patient_id",
    "strat_fold",
    "label",
    "mi_likelihood",
    "norm_likelihood",
    "inj_only",
    "scp_codes",
)
_SURE_MI: Final = 50.0
_SURE_NORM: Final = 80.0


def beats(data: Path | None, options: DataOptions, report: Report) -> BeatSet:
    """Find and cut the beats; ``part`` is ``fold1`` to ``fold10``.

    Parameters
    ----------
    data
        The folder with the two files; None for ``$BEATLINE_DATA/ptbxl_mi``.

    Returns
    -------
    BeatSet
        Of one channel; ``window`` tells how the monitor would cut the same beats.

    Raises
    ------
    SourceError
        A file is missing, lacks a column or a record, or holds what cannot be understood.
    """
    folder = _folder(data)
    entries, signals = _read(folder)
    peaks = _peaks(signals, report)
    spec = options.window(n_leads=1)
    wanted = [row for row in _wanted(entries, options) if entries[row].label in CLASSES]
    parts = []
    for k, row in enumerate(wanted):
        if len(peaks[row]):
            parts.append(_of_record(entries[row], signals[row], peaks[row], spec))
        report("cutting beats", k + 1, len(wanted))
    if not parts:
        raise SourceError(f"{folder}: expected records of {' and '.join(CLASSES)} with beats, received none")
    return join(parts)


def recordings(data: Path | None, options: DataOptions, report: Report) -> Recordings:
    """Return the whole records, in the order of the list, and those named OTHER with them.

    Parameters
    ----------
    data
        As for `beats`.
    options
        ``strict`` is heeded, of infarction and normal.

    Raises
    ------
    SourceError
        As of `beats`.
    """
    entries, signals = _read(_folder(data))
    peaks = _peaks(signals, report)
    rows = [row for row in _wanted(entries, options) if len(peaks[row])]
    return Recordings(tuple(entries[row] for row in rows), signals[rows], tuple(peaks[row] for row in rows))


def _read(folder: Path) -> tuple[list[Entry], NDArray[np.int16]]:
    """Return the list and the signal of each record on it."""
    signals, ids = _signals(folder / _SIGNALS)
    entries = _entries(folder / _LABELS)
    rows = {int(ecg_id): k for k, ecg_id in enumerate(ids.tolist())}
    missing = [entry.ecg_id for entry in entries if entry.ecg_id not in rows]
    if missing:
        raise SourceError(
            f"{folder / _SIGNALS}: expected the signals of all records in {_LABELS}, "
            f"received none of {len(missing)} of them, such as ecg_id {missing[0]}"
        )
    return entries, signals[[rows[entry.ecg_id] for entry in entries]]


def _wanted(entries: Iterable[Entry], options: DataOptions) -> list[int]:
    """Return the rows of the list that are asked for; those named OTHER have no sure label to lack."""
    return [
        row
        for row, entry in enumerate(entries)
        if entry.sure or entry.label not in CLASSES or not options.strict
    ]


def _of_record(
    entry: Entry, signal: NDArray[np.int16], peaks: NDArray[np.int64], spec: WindowSpec
) -> BeatSet:
    chosen = found.whole(peaks, len(signal), spec, fs=_FS)
    x = served(signal[:, np.newaxis] / PER_MV, peaks, spec, fs=_FS)[chosen]
    n = len(x)
    return BeatSet(
        name="ptbxl",
        classes=CLASSES,
        fs=spec.fs,
        x=x,
        y=np.full(n, CLASSES.index(entry.label), dtype=np.int64),
        patients=np.full(n, entry.patient),
        records=np.full(n, entry.name),
        part=np.full(n, f"fold{entry.fold}"),
        window=spec,
    )


def _peaks(signals: NDArray[np.int16], report: Report) -> list[NDArray[np.int64]]:
    """Return the beats of each row: those kept, or what the detector finds now."""

    def find() -> list[NDArray[np.int64]]:
        peaks = []
        for k, signal in enumerate(signals):
            peaks.append(found.peaks_of(signal[:, np.newaxis] / PER_MV, fs=_FS))
            report("finding beats", k + 1, len(signals))
        return peaks

    key = found.key_of(np.ascontiguousarray(signals).tobytes())
    return found.cached(physionet.cache("ptbxl_mi") / f"peaks-{key}.npz", len(signals), find)


def _folder(data: Path | None) -> Path:
    if data is not None:
        return data
    given = os.environ.get("BEATLINE_DATA")
    if not given:
        raise SourceError(
            f"data set ptbxl: expected --data DIR with {_SIGNALS} and {_LABELS}, or BEATLINE_DATA with a "
            "folder ptbxl_mi, received neither"
        )
    return Path(given) / "ptbxl_mi"


def _signals(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            x, ids = kept["x"], kept["ecg_id"]
    except OSError as error:
        raise SourceError(f"{path}: expected a readable file: {error.strerror or error}") from error
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise SourceError(f"{path}: expected arrays x and ecg_id: {error}") from error
    if x.ndim != 2 or x.dtype != np.int16 or ids.shape != (len(x),):
        raise SourceError(
            f"{path}: expected x of int16 and shape (n, samples) and n of ecg_id, "
            f"received {x.dtype} of shape {x.shape} and {ids.shape}"
        )
    return x, ids.astype(np.int64)


def _entries(path: Path) -> list[Entry]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.DictReader(file)
            lacking = [name for name in _COLUMNS if name not in (lines.fieldnames or ())]
            if lacking:
                raise SourceError(
                    f"{path}: expected columns {', '.join(_COLUMNS)}, received none of {', '.join(lacking)}"
                )
            return [_entry(line, path, lines.line_num) for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: expected a readable file: {error}") from error


def _entry(line: dict[str, str], path: Path, number: int) -> Entry:
    try:
        entry = Entry(
            ecg_id=int(line["ecg_id"]),
            patient=f"ptbxl/{line['patient_id'].removesuffix('.0')}",
            fold=int(line["strat_fold"]),
            label=line["label"],
            sure=_is_sure(line),
            likelihood=float(line["mi_likelihood"]) if line["label"] == "MI" else 0.0,
            statements=frozenset(ast.literal_eval(line["scp_codes"]).keys()),
        )
    except (TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise SourceError(
            f"{path}, line {number}: expected numbers, a patient and statements: {error}"
        ) from error
    if entry.label not in (*CLASSES, "OTHER") or not 1 <= entry.fold <= 10:
        raise SourceError(
            f"{path}, line {number}: expected a label of {', '.join(CLASSES)} and OTHER and a fold from 1 "
            f"to 10, received {entry.label!r} and {entry.fold}"
        )
    return entry


def _is_sure(line: dict[str, str]) -> bool:
    if line["label"] == "MI":
        return float(line["mi_likelihood"]) >= _SURE_MI and line["inj_only"] != "True"
    return float(line["norm_likelihood"]) >= _SURE_NORM
