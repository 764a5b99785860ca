"""Synthetic wards for tests: a sum-of-Gaussians ECG with beats at known samples."""

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat, Block, LabelledBeat, Rate, Stream, Wave
from monitor.snapshots import BedSnapshot, Standing, WardSnapshot
from monitor.vitals import fold, with_transport

FS = 360.0
NOW_NS = 1_763_726_400_000_000_000
DELAY = 9
LABELS = "NNVNSNFN"


def ecg(n_samples: int, *, fs: float = FS, period_s: float = 0.8) -> tuple[NDArray[np.float64], list[int]]:
    """Return two leads in millivolt and the samples of the R peaks."""
    peaks = [round((0.4 + period_s * k) * fs) for k in range(int(n_samples / fs / period_s))]
    at = np.arange(n_samples)[:, np.newaxis]
    since = (at - np.array(peaks)) / fs
    lead = 1.2 * _bump(since, 0.0, 0.012) - 0.25 * _bump(since, 0.035, 0.014)
    lead += 0.12 * _bump(since, -0.17, 0.025) + 0.3 * _bump(since, 0.28, 0.045)
    return np.stack([lead, -0.6 * lead], axis=1), peaks


def _bump(since: NDArray[np.float64], at_s: float, width_s: float) -> NDArray[np.float64]:
    heights: NDArray[np.float64] = np.exp(-((since - at_s) ** 2) / (2 * width_s**2)).sum(axis=1)
    return heights


@lru_cache(maxsize=64)  # snapshots are immutable
def a_bed(
    name: str = "bed-1", *, seconds: float = 20.0, shift_s: float = 0.0, record: str = "mitdb/208"
) -> BedSnapshot:
    """Return a bed that has been watched for so long; its last beat has no label yet."""
    n = round(seconds * FS)
    values, peaks = ecg(n, period_s=0.8 + shift_s)
    bed = BedSnapshot(bed=name)
    bed = fold(bed, Stream(sample=0, decided=0, stream="s", fs=FS, leads=("MLII", "V1"), record=record))
    bed = fold(bed, Block(start=0, samples=values))
    delayed = np.concatenate([np.zeros((DELAY, 2)), values])[:n]
    bed = fold(bed, Wave(start=0, delay=DELAY, samples=delayed))
    known = [peak for peak in peaks if peak < n - 70]
    for i, peak in enumerate(known):
        bed = fold(bed, Beat(sample=peak, decided=peak + 70, rr=288))
        if i < len(known) - 1:
            label = LABELS[i % len(LABELS)]
            bed = fold(bed, LabelledBeat(sample=peak, decided=peak + 150, label=label))  # type: ignore[arg-type]
    bed = fold(bed, Rate(sample=n, decided=n, hr_bpm=60 / (0.8 + shift_s)))
    return with_transport(bed, latency_ms=3.4, duplicates=0, refused=0)


def a_ward(n_beds: int, *, seconds: float = 20.0) -> WardSnapshot:
    """Return a ward whose beds are at different rates."""
    beds = tuple(a_bed(f"bed-{i + 1}", seconds=seconds, shift_s=0.03 * i) for i in range(n_beds))
    return WardSnapshot(beds=beds, classifier="ready", taken_ns=NOW_NS)


def with_alarms(bed: BedSnapshot, *alarms: Standing) -> BedSnapshot:
    """Return the bed with these alarms standing."""
    return msgspec.structs.replace(bed, alarms=alarms)


def an_alarm(
    kind: str, priority: str, text: str, *, ended: bool = False, acknowledged: bool = False
) -> Standing:
    """Return an alarm that stands."""
    return Standing(
        kind=kind,
        priority=priority,  # type: ignore[arg-type]
        text=text,
        onset=100,
        ended=ended,
        acknowledged=acknowledged,
    )
