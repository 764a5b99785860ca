"""Beats of WFDB records (MIT-BIH), cut at the reference's R; classes after AAMI EC57.

Cut as serving cuts them: the whole record through `monitor.filters.monitor_band`, the stretch around
R resampled to 125 Hz, each lead of each beat scaled to 0..1. With ``plain``, what people mostly do
instead: the raw signal resampled by `scipy.signal.resample_poly`, same stretch and scaling; that
cannot be served, since the monitor filters first.

Paced records (102, 104, 107, 217) are out of ``mitdb``, as EC57 asks, and in ``all``. With them go
nearly all beats of Q, so that ``mitdb`` has 15 of these.
"""

from pathlib import Path
from typing import Final

import numpy as np

from models.data import DS1, DS2, SVDB, Recording, read
from models.datasets.beatset import BeatSet, join
from models.datasets.cutting import median_rr, resampled, served, windows
from models.datasets.options import WINDOW, DataOptions
from models.progress import Report
from monitor.errors import SettingsError
from monitor.events import CLASSES
from monitor.physionet import PACED, SAME_PATIENT
from monitor.window import WindowSpec

__all__ = ["OPTIONS", "beats", "names_of", "part_of", "patient_of"]

OPTIONS: Final = ("records", "plain", "leads", *WINDOW)
"""What may be asked of it: see `models.datasets.check`."""
_SETS: Final = {
    "mitdb": tuple(sorted(DS1 + DS2)),
    "all": tuple(sorted(DS1 + DS2 + PACED)),
    "paced": PACED,
    "DS1": DS1,
    "DS2": DS2,
    "svdb": SVDB,
}

_UNFILTERED: Final = (
    "its windows are of the raw signal, and the monitor filters first: train without plain=true"
)


def beats(data: Path | None, options: DataOptions, report: Report) -> BeatSet:
    """Cut the beats of all records that the options name.

    Parameters
    ----------
    data
        The folder of one database; None to look where `monitor.records` does.

    Returns
    -------
    BeatSet
        Of classes N S V F Q; ``part`` is ``train`` for DS1 and ``test`` for DS2.

    Raises
    ------
    SourceError
        A record cannot be read.
    SettingsError
        A record has fewer leads than asked for, or there is no such window.
    """
    spec = options.window()
    names = names_of(options.records)
    parts = []
    for k, name in enumerate(names):
        parts.append(_of_record(read(name, data=data), spec, plain=options.plain))
        report("cutting beats", k + 1, len(names))
    return join(parts)


def names_of(records: str) -> tuple[str, ...]:
    """Return the records meant, each once: names and sets with commas (or ``+``) between.

    Raises
    ------
    SettingsError
        None is named.

    Examples
    --------
    >>> names_of("100,paced")
    ('100', '102', '104', '107', '217')
    """
    wanted = [part.strip() for part in records.replace("+", ",").split(",") if part.strip()]
    names = tuple(dict.fromkeys(name for part in wanted for name in _SETS.get(part, (part,))))
    if not names:
        raise SettingsError(
            f"records: expected names or sets out of {', '.join(_SETS)}, received {records!r}"
        )
    return names


def patient_of(name: str) -> str:
    """Return the name of a record's patient: 202 is 201's."""
    return {second: first for first, second in SAME_PATIENT.items()}.get(name, name)


def part_of(name: str) -> str:
    """Return ``train`` for a record of DS1, ``test`` for one of DS2, else nothing."""
    return "train" if name in DS1 else "test" if name in DS2 else ""


def _of_record(recording: Recording, spec: WindowSpec, *, plain: bool) -> BeatSet:
    n_leads = recording.signal.shape[1]
    if n_leads < spec.n_leads:
        raise SettingsError(
            f"record {recording.name}: expected at least {spec.n_leads} leads, received {n_leads}"
        )
    signal = np.ascontiguousarray(recording.signal[:, : spec.n_leads])
    if plain:
        peaks = np.rint(recording.peaks * (spec.fs / recording.fs)).astype(np.int64)
        wave = resampled(signal, fs=recording.fs, to=spec.fs)
        x = windows(wave, peaks, spec, fs=spec.fs, rr_s=median_rr(recording.peaks, fs=recording.fs))
    else:
        x = served(signal, recording.peaks, spec, fs=recording.fs)
    return BeatSet(
        name="wfdb",
        classes=CLASSES,
        fs=spec.fs,
        x=x,
        y=recording.labels,
        patients=np.full(len(x), patient_of(recording.name)),
        records=np.full(len(x), recording.name),
        part=np.full(len(x), part_of(recording.name)),
        window=None if plain else spec,
        unserved=_UNFILTERED if plain else "",
    )
