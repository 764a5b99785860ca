"""The noisy records of a noise-stress run, on disk so that anyone can run it again."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from monitor.annotations import write_annotations
from monitor.events import Event
from monitor.records import Record
from monitor.signalfile import Layout
from monitor.storage import cannot_write

__all__ = ["save"]


def save(stem: Path, record: Record, *, title: str, reference: Path, told: Iterable[Event]) -> None:
    """Write a record as WFDB, with its reference (``atr``) and what was told of it (``blt``).

    Parameters
    ----------
    stem
        Path of the record, without suffix; its folder is made if it does not exist.
    title
        A line for the header.
    reference
        An annotation file, copied as it is.

    Raises
    ------
    StorageError
        A file cannot be written.
    """
    layout = Layout(record.leads, record.fs, np.array(record.gains), np.array(record.baselines, np.float64))
    sums = (record.digital.sum(axis=0, dtype=np.int64) + 32768) % 65536 - 32768
    signals = list(zip(record.digital[0].tolist(), sums.tolist(), strict=True))
    header = layout.header(stem.name, 0, f" {record.n_samples}", signals).rpartition(b"#")[0]
    header += f"# {title}\n".encode()
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".dat").write_bytes(record.digital.astype("<i2").tobytes())
        shutil.copyfile(reference, stem.with_suffix(".atr"))
        stem.with_suffix(".hea").write_bytes(header)
    except OSError as error:
        raise cannot_write(stem, error) from error
    write_annotations(stem.with_suffix(".blt"), told, fs=record.fs)
