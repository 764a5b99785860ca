"""Infarction against healthy controls: the PTB Diagnostic ECG Database, from a local WFDB copy.

As PhysioNet has it (Bousseljot et al. 1995): ``patient001/s0010_re.hea`` and so on, 1000 Hz, a comment
"Reason for admission" in each header. "Myocardial infarction" is MI, "Healthy control" is NORM, all
others are left out. Lead ii; beats found by our own detector.

Not run on the database itself here, which was not at hand; tested on records made in its format.
"""

from pathlib import Path
from typing import Final

import numpy as np

from models.datasets import found
from models.datasets.beatset import BeatSet, join
from models.datasets.cutting import served
from models.datasets.options import WINDOW, DataOptions
from models.progress import Report
from monitor import records
from monitor.errors import SourceError
from monitor.window import WindowSpec

__all__ = ["CLASSES", "OPTIONS", "beats", "label_of"]

OPTIONS: Final = ("records", *WINDOW)
"""What may be asked of it: see `models.datasets.check`."""
CLASSES: Final = ("NORM", "MI")

_REASON: Final = "reason for admission"
_LABELS: Final = {"healthy control": 0, "myocardial infarction": 1}
_LEAD: Final = "ii"
_EVERY: Final = ("mitdb", "all")
"""What ``records`` says when nothing was asked for."""


def beats(data: Path | None, options: DataOptions, report: Report) -> BeatSet:
    """Find and cut the beats of lead ii of all records whose header names one of the two diagnoses.

    Parameters
    ----------
    data
        The folder of the database.

    Returns
    -------
    BeatSet
        Of one channel, not divided; patients are the folders of the records.

    Raises
    ------
    SourceError
        No folder is named, a record cannot be read or lacks lead ii, or a class has no beats.
    """
    if data is None:
        raise SourceError(
            "data set ptb: expected --data DIR with the PTB Diagnostic ECG Database (patient001/s0010_re.hea "
            "and so on), received no folder"
        )
    spec = options.window(n_leads=1)
    parts = []
    headers = _headers(data, options.records)
    for k, header in enumerate(headers):
        label = label_of(header)
        if label is not None:
            part = _of_record(header, label, spec)
            parts += [part] if len(part) else []
        report("finding beats", k + 1, len(headers))
    told = {int(part.y[0]) for part in parts}
    for label, name in enumerate(CLASSES):
        if label not in told:
            raise SourceError(
                f"{data}: expected records of both {' and '.join(CLASSES)} ('# Reason for admission: ...' in "
                f"the header), received none of {name} with beats among {len(headers)}"
            )
    return join(parts)


def label_of(header: Path) -> int | None:
    """Return the label that a header's comments give, None where it is neither of the two.

    Raises
    ------
    SourceError
        The header cannot be read.
    """
    try:
        lines = header.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise SourceError(f"{header}: expected a readable header: {error.strerror}") from error
    for line in lines:
        key, _, value = line.lstrip("# ").partition(":")
        if line.startswith("#") and key.strip().lower() == _REASON:
            return _LABELS.get(value.strip().lower())
    return None


def _headers(data: Path, wanted: str) -> list[Path]:
    if wanted in _EVERY:
        headers = sorted(data.glob("patient*/*.hea"))
        if not headers:
            raise SourceError(f"{data}: expected headers such as patient001/s0010_re.hea, received none")
        return headers
    return [data / f"{name.strip()}.hea" for name in wanted.split(",")]


def _of_record(header: Path, label: int, spec: WindowSpec) -> BeatSet:
    record = records.read(header.stem, data=header.parent)
    leads = [lead.lower() for lead in record.leads]
    if _LEAD not in leads:
        raise SourceError(
            f"record {header.with_suffix('')}: expected lead {_LEAD}, received {', '.join(record.leads)}"
        )
    column = leads.index(_LEAD)
    signal = np.ascontiguousarray(record.samples()[:, column : column + 1])
    peaks = found.peaks_of(signal, fs=record.fs)
    chosen = found.whole(peaks, len(signal), spec, fs=record.fs)
    x = served(signal, peaks, spec, fs=record.fs)[chosen]
    n = len(x)
    return BeatSet(
        name="ptb",
        classes=CLASSES,
        fs=spec.fs,
        x=x,
        y=np.full(n, label, dtype=np.int64),
        patients=np.full(n, f"ptb/{header.parent.name}"),
        records=np.full(n, f"{header.parent.name}/{header.stem}"),
        part=np.zeros(n, dtype="<U1"),
        window=spec,
    )
