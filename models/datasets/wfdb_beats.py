"""Beats of WFDB records (MIT-BIH), cut at the reference's R; classes after AAMI EC57.

Cut as serving cuts them: the whole record through `monitor.filters.monitor_band`, the stretch around
R resampled to 125 Hz, each lead of each beat scaled to 0..1. With ``plain``, what people mostly do
instead: the raw signal resampled by `scipy.signal.resample_poly`, same stretch and scaling; that
cannot be served, since the monitor filters first.

Paced records (102, 104, 107, 217) are out of ``mitdb``, as EC57 asks, and in ``all``. With them go
nearly all beats of Q, so that ``mitdb`` has 15 of these.
"""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data import DS1, DS2, SVDB, Recording, read
from models.datasets.beatset import BeatSet, join
from models.datasets.options import DataOptions
from monitor.errors import SettingsError
from monitor.events import CLASSES
from monitor.excerpt import resample_kernel, resampler
from monitor.filters import monitor_band
from monitor.physionet import PACED, SAME_PATIENT
from monitor.settings import FilterSettings
from monitor.window import WindowSpec

if TYPE_CHECKING:
    from models.datasets import Report

__all__ = ["FS", "beats", "names_of", "part_of", "patient_of", "scaled", "spec_of", "stretches"]

FS: Final = 125.0
"""Points per second of all windows here, as in Kachuee et al. 2018."""

_SETS: Final = {
    "mitdb": tuple(sorted(DS1 + DS2)),
    "all": tuple(sorted(DS1 + DS2 + PACED)),
    "paced": PACED,
    "DS1": DS1,
    "DS2": DS2,
    "svdb": SVDB,
}


def beats(data: Path | None, options: DataOptions, report: "Report") -> BeatSet:
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
        A record has fewer leads than asked for, or the window is too short to be one.
    """
    spec = spec_of(options)
    names = names_of(options.records)
    parts = []
    for k, name in enumerate(names):
        parts.append(_of_record(read(name, data=data), spec, plain=options.plain))
        report("cutting beats", k + 1, len(names))
    return join(parts)


def spec_of(options: DataOptions) -> WindowSpec:
    """Return the window the options ask for; SettingsError where it cannot be one."""
    try:
        spec = WindowSpec(
            fs=FS, n_pre=options.n_pre, n_post=options.n_post, n_leads=options.leads, shapes=0, features=()
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if "scaling" in WindowSpec.__struct_fields__:  # of the next card
        spec = msgspec.structs.replace(spec, scaling="unit")
    return spec


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


def stretches(
    wave: NDArray[np.float64], peaks: NDArray[np.int64], spec: WindowSpec, *, fs: float
) -> NDArray[np.float32]:
    """Cut and resample the stretch around each peak.

    Parameters
    ----------
    wave
        Of shape (n_samples, n_leads).
    peaks
        Of shape (n_beats,): indices into it.

    Returns
    -------
    NDArray
        Of shape (n_beats, n_points, n_leads); what lies beyond either end repeats the last value.
    """
    first, weights = resampler(spec, fs=fs)
    cut = np.zeros((len(peaks), spec.n_points, wave.shape[1]), np.float32)
    raw = np.zeros(cut.shape[1:])
    for k, peak in enumerate(peaks.tolist()):
        resample_kernel(wave, peak, first, weights, raw)
        cut[k] = raw
    return cut


def scaled(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each lead of each window from 0 to 1; all 0 where it is constant."""
    low = windows.min(axis=1, keepdims=True)
    span = windows.max(axis=1, keepdims=True) - low
    return np.where(span > 0, (windows - low) / np.where(span > 0, span, 1), 0).astype(np.float32)


def _of_record(recording: Recording, spec: WindowSpec, *, plain: bool) -> BeatSet:
    n_leads = recording.signal.shape[1]
    if n_leads < spec.n_leads:
        raise SettingsError(
            f"record {recording.name}: expected at least {spec.n_leads} leads, received {n_leads}"
        )
    signal = np.ascontiguousarray(recording.signal[:, : spec.n_leads])
    cut = _plain(signal, recording, spec) if plain else _served(signal, recording, spec)
    n = len(cut)
    return BeatSet(
        name="wfdb",
        classes=CLASSES,
        fs=spec.fs,
        x=scaled(cut),
        y=recording.labels,
        patients=np.full(n, patient_of(recording.name)),
        records=np.full(n, recording.name),
        part=np.full(n, part_of(recording.name)),
        window=None if plain else spec,
    )


def _served(signal: NDArray[np.float64], recording: Recording, spec: WindowSpec) -> NDArray[np.float32]:
    band = monitor_band(FilterSettings(), fs=recording.fs, n_leads=signal.shape[1])
    return stretches(band.push(signal), recording.peaks + band.delay, spec, fs=recording.fs)


def _plain(signal: NDArray[np.float64], recording: Recording, spec: WindowSpec) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    ratio = Fraction(spec.fs) / Fraction(repr(recording.fs))
    whole = resample_poly(np.nan_to_num(signal), ratio.numerator, ratio.denominator, axis=0, padtype="edge")
    peaks = np.rint(recording.peaks * float(ratio)).astype(np.int64)
    return stretches(whole, peaks, spec, fs=spec.fs)
