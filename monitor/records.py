"""Finding and reading WFDB records; the one place that knows where they lie and how their files fail.

A record is named ``208`` (of mitdb) or ``svdb/800``. It is looked for in the folder given
(``--data DIR``: the folder of one database; then nowhere else), else in ``$BEATLINE_DATA/mitdb/208``,
else in the user's cache, else it is downloaded from PhysioNet into that cache.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor import physionet
from monitor.errors import SourceError
from monitor.names import RecordName
from monitor.physionet import DATABASES, DS1, DS2, PACED, SAME_PATIENT, attribution, fetch

__all__ = [
    "DATABASES",
    "DS1",
    "DS2",
    "MISSING",
    "PACED",
    "SAME_PATIENT",
    "Annotations",
    "Record",
    "annotations",
    "attribution",
    "available",
    "fetch",
    "locate",
    "parse",
    "read",
    "timing",
]

MISSING: Final = -32768
"""The digital value that stands for a missing sample: of WFDB format 16 and of our wire."""

_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+")
_INVALID: Final = {"80": -128, "212": -2048, "310": -512, "311": -512, "24": -(2**23), "32": -(2**31)}
"""What the WFDB formats write for a missing sample (signal(5)); -32768 in those not listed."""
_BYTES: Final = {
    "8": 1,
    "80": 1,
    "310": 4 / 3,
    "311": 4 / 3,
    "212": 1.5,
    "16": 2,
    "61": 2,
    "160": 2,
    "24": 3,
    "32": 4,
}
"""Bytes per sample of the formats that are not compressed."""
_COMPRESSED: Final = frozenset({"508", "516", "524"})
_PER_MV: Final = {"mV": 1.0, "uV": 1000.0, "V": 0.001}
"""How many of a unit make a millivolt; leads in other units are left as they are."""

T = TypeVar("T")

Annotations: TypeAlias = tuple[NDArray[np.int64], list[str], list[str]]
"""Indices, symbols, aux notes."""


class _Header(Protocol):
    """What we use of wfdb's untyped record; entries are None where the header leaves them out."""

    n_sig: int
    fs: float
    sig_len: int | None
    file_name: list[str] | None
    fmt: list[str]
    samps_per_frame: list[int]
    byte_offset: list[int | None]
    adc_gain: list[float | None]
    baseline: list[int | None]
    units: list[str | None]
    sig_name: list[str | None] | None
    d_signal: NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Record:
    """A stretch of a record, in memory.

    Attributes
    ----------
    name
        As it was asked for.
    fs
        Sampling rate in Hz.
    leads
        Their names, as in the header.
    gains
        Digital units per millivolt (or per the lead's own unit), never 0.
    baselines
        The digital value of 0 mV.
    units
        ``mV``, or what the header says where that is not a voltage.
    digital
        Of shape (n_samples, n_leads), int16, C-contiguous; `MISSING` = missing.
    start
        Index of the first sample in the whole record.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    gains: tuple[float, ...]
    baselines: tuple[int, ...]
    units: tuple[str, ...]
    digital: NDArray[np.int16] = field(repr=False)
    start: int = 0

    @property
    def n_samples(self) -> int:
        """Samples per lead."""
        return len(self.digital)

    def samples(self) -> NDArray[np.float64]:
        """Return the signal in millivolt, of shape (n_samples, n_leads), NaN = missing."""
        samples = self.digital.astype(np.float64)
        samples -= np.array(self.baselines, np.float64)
        samples /= np.array(self.gains)
        samples[self.digital == MISSING] = np.nan
        return samples


def parse(name: str) -> RecordName:
    """Split ``208`` or ``svdb/800`` into database and record.

    Raises
    ------
    SourceError
        The name is neither.

    Examples
    --------
    >>> parse("svdb/800")
    RecordName(database='svdb', record='800')
    """
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"bad record name: expected a name such as 208 or svdb/800 (and --data DIR for your own folder), "
            f"received {name!r}"
        )
    return RecordName.of(name)


def locate(name: str, *, data: Path | None = None, download: bool = True) -> Path:
    """Find a record and return the path of its files without their suffix.

    Parameters
    ----------
    data
        The folder of one database. When it is given the record is looked for there alone.
    download
        Whether a record found nowhere may be fetched from PhysioNet.

    Raises
    ------
    SourceError
        There is no such record, or it cannot be had; says what was looked for, and where.
    """
    database, record = parse(name)
    folders = _folders(database, data)
    for folder in folders:
        if (folder / f"{record}.hea").is_file():
            return folder / record
    looked = ", ".join(f"{folder / record}.hea" for folder in folders)
    hint = "" if data or "BEATLINE_DATA" in os.environ else " (BEATLINE_DATA is not set)"
    if data is not None or not download:
        raise SourceError(f"record {name} not found: expected {looked}{hint}")
    if database not in DATABASES:
        raise SourceError(
            f"record {name} not found: expected {looked}{hint}, and {database} is no database to download"
        )
    try:
        return physionet.fetch(database, [record]) / record
    except SourceError as error:
        raise SourceError(f"record {name} not found: expected {looked}{hint}; {error}") from error


def available(*, data: Path | None = None, database: str = "mitdb") -> list[str]:
    """Return the names of the records that can be read without a download, sorted."""
    found = {
        header.stem
        for folder in _folders(database, data)
        for header in folder.glob("*.hea")
        if header.with_suffix(".dat").is_file()
    }
    return sorted(found)


def read(name: str, *, data: Path | None = None, start: int = 0, stop: int | None = None) -> Record:
    """Read a record, or its samples from ``start`` up to ``stop`` (exclusive).

    A gain of 0 is read as 200, as WFDB does; samples of more than 16 bits are scaled down to fit.

    Raises
    ------
    SourceError
        The record cannot be found, its header cannot be understood, or its signal file holds
        fewer samples than the header says.
    ValueError
        The record does not have the samples asked for.
    """
    import wfdb

    stem = locate(name, data=data)
    header: _Header = _attempt(lambda: wfdb.rdheader(str(stem)), what=f"record {name}: header {stem}.hea")
    n_samples = _length(stem, header, name)
    stop = n_samples if stop is None else stop
    if not 0 <= start <= stop <= n_samples:
        raise ValueError(
            f"record {name}: expected 0 <= start <= stop <= {n_samples}, received {start} and {stop}"
        )
    if not n_samples:
        header.d_signal = np.zeros((0, header.n_sig), np.int16)
        return _record(name, header, start)
    wide = bool({"24", "32"} & set(getattr(header, "fmt", ())))
    if wide or header.sig_len is None:
        # How wide samples are scaled follows from the whole record, so that a part of it equals the
        # part of the whole; and of a record of unknown length wfdb reads only the whole.
        first, last = 0, None
    else:  # wfdb refuses to read nothing: read one sample at least, and cut it off
        first = min(start, n_samples - 1)
        last = max(stop, first + 1)
    found: _Header = _attempt(
        lambda: wfdb.rdrecord(
            str(stem), sampfrom=first, sampto=last, physical=False, return_res=32 if wide else 16
        ),
        what=f"record {name}: signals of {stem}",
    )
    whole = _record(name, found, start)
    return replace(whole, digital=np.ascontiguousarray(whole.digital[start - first : stop - first]))


def timing(name: str, *, data: Path | None = None) -> tuple[float, int | None]:
    """Return a record's sampling rate in Hz and its samples per lead, None where the header leaves them out.

    Its signals need not be there.

    Raises
    ------
    SourceError
        The record cannot be found, or its header cannot be understood.
    """
    import wfdb

    stem = locate(name, data=data)
    header: _Header = _attempt(lambda: wfdb.rdheader(str(stem)), what=f"record {name}: header {stem}.hea")
    if not (header.fs and header.fs > 0):
        raise SourceError(
            f"record {name}: header {stem}.hea: expected a sampling rate, received {header.fs} Hz"
        )
    return float(header.fs), header.sig_len


def annotations(name: str, *, data: Path | None = None, annotator: str = "atr") -> Annotations:
    """Read a record's annotations.

    Returns
    -------
    sample, symbol, aux
        Indices (int64), WFDB symbols and aux notes (``""`` where there is none), all of one length.

    Raises
    ------
    SourceError
        The record has no such annotations, or they cannot be understood.
    """
    import wfdb

    stem = locate(name, data=data)
    path = stem.with_name(f"{stem.name}.{annotator}")
    if not path.is_file():
        raise SourceError(f"record {name}: expected annotations in {path}, found no such file")
    found = _attempt(lambda: wfdb.rdann(str(stem), annotator), what=f"record {name}: annotations {path}")
    return (
        np.asarray(found.sample, np.int64),
        list(found.symbol),
        [note.rstrip("\0") for note in found.aux_note],
    )


def _folders(database: str, data: Path | None) -> list[Path]:
    """Return where records of a database may lie, in the order of looking."""
    if data is not None:
        return [data]
    given = os.environ.get("BEATLINE_DATA")
    return [*([Path(given) / database] if given else []), physionet.cache(database)]


def _attempt(call: Callable[[], T], *, what: str) -> T:
    try:
        return call()
    except Exception as error:  # wfdb raises whatever the broken bytes lead it to
        raise SourceError(f"{what} cannot be read: {str(error) or type(error).__name__}") from error


def _length(stem: Path, header: _Header, name: str) -> int:
    """Return the record's samples per lead; SourceError where header or signal files do not hold them."""
    if hasattr(header, "seg_name"):
        return header.sig_len or 0
    files = header.file_name or []
    if not (header.n_sig and header.fs and len(files) == header.n_sig):
        raise SourceError(
            f"record {name}: header {stem}.hea: expected a sampling rate and at least one lead, "
            f"received {header.fs} Hz and {len(files)} of {header.n_sig} leads"
        )
    for fmt in set(header.fmt) - _BYTES.keys() - _COMPRESSED:
        raise SourceError(f"record {name}: expected a WFDB signal format such as 16 or 212, received {fmt}")
    held = []
    for file_name in dict.fromkeys(files):
        leads = [i for i, other in enumerate(files) if other == file_name]
        path = stem.with_name(file_name)
        if not path.is_file():
            raise SourceError(f"record {name}: expected signals in {path}, found no such file")
        size = path.stat().st_size - (header.byte_offset[leads[0]] or 0)
        frame = _BYTES.get(header.fmt[leads[0]], 0.0) * sum(header.samps_per_frame[i] for i in leads)
        if frame:  # compressed formats do not tell by their size
            held.append(int(size / frame))
    expected = header.sig_len
    if expected is None:  # a recording still under way
        return min(held, default=0)
    if held and min(held) < expected:
        raise SourceError(
            f"record {name}: signal file of {stem} is cut short: expected {expected} samples per lead, "
            f"received {min(held)}"
        )
    return expected


def _record(name: str, found: _Header, start: int) -> Record:
    """Bring what wfdb read into our terms: int16, one missing value, gains per millivolt."""
    fmt = found.fmt or ["16"] * found.n_sig
    signal = np.ascontiguousarray(found.d_signal)
    missing = signal == np.array([_INVALID.get(f, MISSING) for f in fmt], signal.dtype)
    gains = [gain or 200.0 for gain in found.adc_gain]
    baselines = [baseline or 0 for baseline in found.baseline]
    if signal.itemsize > 2:
        peak = int(np.abs(signal, where=~missing, out=np.zeros_like(signal)).max(initial=0))
        shift = max(0, peak.bit_length() - 15)
        signal = np.clip(np.rint(signal / 2**shift), MISSING + 1, -MISSING - 1)
        gains = [gain / 2**shift for gain in gains]
        baselines = [round(baseline / 2**shift) for baseline in baselines]
    if missing.any():
        signal = np.where(missing, MISSING, signal)
    units = [unit or "mV" for unit in found.units]
    return Record(
        name=name,
        fs=float(found.fs),
        leads=tuple(
            lead or f"lead{i}" for i, lead in enumerate(found.sig_name or [""] * found.n_sig, start=1)
        ),
        gains=tuple(float(gain * _PER_MV.get(unit, 1.0)) for gain, unit in zip(gains, units, strict=True)),
        baselines=tuple(baselines),
        units=tuple("mV" if unit in _PER_MV else unit for unit in units),
        digital=signal.astype(np.int16, copy=False),
        start=start,
    )
