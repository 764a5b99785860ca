"""Synthetic patients on disk: WFDB records whose reference annotations are exact, to score a line against.

``<name>.atr`` holds each beat at its R peak with its AAMI class, rhythms by their WFDB names, and ventricular
fibrillation between ``[`` and ``]``, where there are no beats.
"""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.annotations import END, Mark, encode, opening
from monitor.errors import SourceError
from monitor.events import Block
from monitor.signalfile import Layout
from monitor.storage import cannot_write
from sim.faults import apply
from sim.publish import SimulatedBed
from sim.synthetic import SyntheticPatient, Truth

__all__ = ["keep", "reference"]

_BLOCK_S: Final = 30.0
_FIBRILLATION: Final = "(VF"
_COMMENT: Final = b"# A synthetic patient, made by beatline sim.\n"


def keep(beds: Iterable[SimulatedBed], folder: Path, *, seconds: float | None) -> list[Path]:
    """Write each bed's signal, faults included, with its truth; return the records without suffix.

    Parameters
    ----------
    seconds
        Where they end at the latest; a script that loops has no end of its own.

    Raises
    ------
    SourceError
        A bed is not synthetic, or has no end.
    StorageError
        A file cannot be written.
    """
    return [_keep(bed, folder, seconds) for bed in beds]


def reference(truth: Truth) -> list[Mark]:
    """Return the marks of a truth, in order."""
    marks = [Mark(int(r), 4, label) for r, label in zip(truth.r_peaks, truth.labels, strict=True)]
    marks += [Mark(start, 3, "+", note=name) for start, _, name in truth.rhythms]
    for start, stop, name in truth.rhythms:
        if name == _FIBRILLATION:
            marks += [Mark(start, 2, "["), Mark(stop, 1, "]")]
    return sorted(marks)


def _keep(bed: SimulatedBed, folder: Path, seconds: float | None) -> Path:
    source = bed.source
    if not isinstance(source, SyntheticPatient):
        raise SourceError(f"{source.record}: expected a synthetic patient, whose truth is known, to write")
    n_samples = source.n_samples if seconds is None else round(seconds * source.fs)
    if n_samples is None:
        raise SourceError("a script that loops: expected --seconds to end a record at, received none")
    stem = folder / bed.name
    layout = Layout(source.leads, source.fs, np.array(source.gains), np.array(source.baselines, np.float64))
    frames = layout.digital(_samples(bed, source, n_samples))
    sums = (frames.sum(axis=0, dtype=np.int64) + 32768) % 65536 - 32768
    signals = list(zip(frames[0].tolist(), sums.tolist(), strict=True))
    header = layout.header(bed.name, 0, f" {len(frames)}", signals).rpartition(b"#")[0] + _COMMENT
    marks = reference(source.truth(len(frames)))
    content = b"".join([opening(source.fs), *encode(marks), END])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".dat").write_bytes(frames.tobytes())
        stem.with_suffix(".atr").write_bytes(content)
        stem.with_suffix(".hea").write_bytes(header)
    except OSError as error:
        raise cannot_write(stem, error) from error
    return stem


def _samples(bed: SimulatedBed, source: SyntheticPatient, n_samples: int) -> NDArray[np.float64]:
    """Return the bed's signal as its device would have it, of shape (n_samples, n_leads)."""
    bounds = [*range(0, n_samples, round(_BLOCK_S * source.fs)), n_samples]
    parts = [
        apply(bed.faults, Block(start, source.read(start, stop))).samples for start, stop in pairwise(bounds)
    ]
    return np.concatenate(parts)
