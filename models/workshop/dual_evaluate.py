"""R peaks and normality on whole records: the recurrent detector beside the monitor's own line.

R peaks are matched one to one within 150 ms, as EC57 and ``bxb`` do (`monitor.score`). Normality is
judged where a beat is found: the score is the probability that it is S, V or F. Every reference beat but
Q counts; one that was missed is as if called normal for sure, and a detection where there is no beat is a
normal one that may be called abnormal. So a detector cannot better its precision by leaving beats out.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import data
from models.data import LEFT_OUT, Recording
from models.dual import ABNORMAL, BEATS
from models.progress import Report
from models.workshop.bootstrap import Clusters, intervals
from monitor.detect import Detection
from monitor.detect_lstm import LstmDetector
from monitor.events import CLASSES, Beat
from monitor.quality import Quality
from monitor.records import SAME_PATIENT
from monitor.score.beats import NOTHING, WINDOW_S, match
from monitor.score.marks import Marks
from monitor.score.record import Group, RecordScore, compare, group
from monitor.settings import DetectorSettings, QualitySettings, Settings
from monitor.weights_lstm import StandIn

if TYPE_CHECKING:
    import keras

    from monitor.artifact import Card

__all__ = [
    "R_PEAKS",
    "STARTS_S",
    "Heard",
    "Rows",
    "facts",
    "found",
    "hear",
    "hear_own",
    "pooled",
    "rows_of",
    "tally",
]

R_PEAKS: Final = "r_peaks.json"
"""Written into a run folder; `models.workshop.evaluation` shows it."""
STARTS_S: Final = (300.0, 0.0)
"""Where comparisons begin: after the learning time of EC57, and at once."""
_Q: Final = CLASSES.index("Q")
_N_DRAWS: Final = 400


class Heard(NamedTuple):
    """What one system found in one record.

    Attributes
    ----------
    name, fs, n_samples
        Of the record.
    reference
        Its annotations.
    peaks, confidence, abnormal
        Of shape (n_found,): where it found R, how sure it is that there is a beat, and its probability that
        that is S, V or F.
    seconds
        How long it took, None where that is not known.
    """

    name: str
    fs: float
    n_samples: int
    reference: Marks
    peaks: NDArray[np.int64]
    confidence: NDArray[np.float64]
    abnormal: NDArray[np.float64]
    seconds: float | None = None


class Rows(NamedTuple):
    """Beats to be told apart: of shape (n,) each; ``truth`` 1 for S, V and F, ``abnormal`` a probability."""

    truth: NDArray[np.int64]
    abnormal: NDArray[np.float64]


def hear(recording: Recording, served: StandIn) -> Heard:
    """Run the recurrent detector over a record, behind the quality stage, as the pipeline does."""
    fs, signal = recording.fs, recording.signal
    n_leads = signal.shape[1]
    codes = Quality(QualitySettings(), fs=fs, n_leads=n_leads).push(signal)[1]
    detector = LstmDetector(DetectorSettings(), served, fs=fs, n_leads=n_leads)
    detector.push(signal[:0], codes[:0])  # compiled, or loaded, before the clock starts
    began = time.perf_counter()
    parts = [detector.examine(signal, codes), detector.finish()]
    seconds = time.perf_counter() - began
    detections = [detection for part in parts for detection in part.detections]
    return _heard(recording, detections, np.concatenate([part.abnormal for part in parts]), seconds=seconds)


def hear_own(recording: Recording, network: "keras.Model", card: "Card") -> Heard:
    """Run the monitor's own detector and network over a record; normality is that of the confirmed label."""
    from models.train import predict

    told = data.detected(recording, recording.signal, Settings(filters=card.band))
    beats = data.cut(recording, recording.signal, told, card.served_window, card.band)
    abnormal = np.zeros(len(told.beats))
    probabilities = predict(network, beats, labels="confirmed")
    abnormal[told.labels != LEFT_OUT] = probabilities[:, list(ABNORMAL)].sum(axis=1)
    return _heard(recording, told.beats, abnormal)


def tally(heard: Heard, *, start_s: float = 0.0) -> int:
    """Return how many beats were missed, and found where there is none."""
    table = _score(heard, start_s).beats.confusion
    return int(table[:NOTHING, NOTHING].sum() + table[NOTHING, :NOTHING].sum())


def found(heard: Heard) -> NDArray[np.bool_]:
    """Return which detections have a beat, of shape (n_found,)."""
    beats = heard.reference.beats(start=0, end=heard.n_samples)
    pairs = match(beats.samples, heard.peaks, window=int(WINDOW_S * heard.fs))
    return np.isin(np.arange(len(heard.peaks)), pairs.test[pairs.both])


def rows_of(heard: Heard, *, start_s: float = 0.0, false: bool = False) -> Rows:
    """Return what was said of each reference beat but Q, from ``start_s`` on.

    Parameters
    ----------
    false
        Whether detections without a beat follow, as normal ones; none inside flutter.
    """
    start = round(start_s * heard.fs)
    beats = heard.reference.beats(start=start, end=heard.n_samples)
    late = heard.peaks >= start
    peaks, told = heard.peaks[late], heard.abnormal[late]
    pairs = match(beats.samples, peaks, window=int(WINDOW_S * heard.fs))
    abnormal = np.zeros(len(beats))
    abnormal[pairs.reference[pairs.both]] = told[pairs.test[pairs.both]]
    known = beats.classes != _Q
    truth = np.isin(beats.classes, ABNORMAL).astype(np.int64)
    rows = Rows(truth[known], abnormal[known])
    if not false:
        return rows
    alone = pairs.test[pairs.reference < 0]
    for first, last in heard.reference.fibrillation(heard.n_samples):
        alone = alone[(peaks[alone] < first) | (peaks[alone] > last)]
    return Rows(
        np.concatenate([rows.truth, np.zeros(len(alone), np.int64)]),
        np.concatenate([rows.abnormal, told[alone]]),
    )


def pooled(heard: Sequence[Heard], *, start_s: float) -> tuple[Rows, NDArray[np.int64]]:
    """Return the rows of all records, false detections with them, and the number of each row's record."""
    each = [rows_of(one, start_s=start_s, false=True) for one in heard]
    rows = Rows(*(np.concatenate(column) for column in zip(*each, strict=True)))
    return rows, np.repeat(np.arange(len(each)), [len(one.truth) for one in each])


def facts(
    systems: Mapping[str, Sequence[Heard]], *, resamples: int = _N_DRAWS, report: Report = lambda *_: None
) -> dict[str, Any]:
    """Return the figures of each system, as JSON can say them: gross, in percent, with 95 % intervals.

    Intervals are by bootstrap over records; a single one has none. ``normality AP`` is the average
    precision of abnormal beats.
    """
    told: dict[str, Any] = {}
    n = len(systems) * len(STARTS_S)
    for name, heard in systems.items():
        told[name] = {}
        for start_s in STARTS_S:
            report(f"figures of {name}", sum(map(len, told.values())), n)
            told[name][f"from {start_s / 60:.0f}:00"] = _figures(heard, start_s, resamples)
        if all(one.seconds for one in heard):
            samples = sum(one.n_samples for one in heard)
            told[name]["samples/s"] = round(samples / sum(one.seconds or 0.0 for one in heard))
    names = [one.name for one in next(iter(systems.values()))]
    return {"window_ms": 1000 * WINDOW_S, "records": names, "systems": told}


def _figures(heard: Sequence[Heard], start_s: float, resamples: int) -> dict[str, Any]:
    scores = [_score(one, start_s) for one in heard]
    whole = group("all", scores)
    rest = [one for one in scores if one.record not in SAME_PATIENT.values()]
    jitter = np.abs(np.concatenate([one.jitter_ms for one in scores]))
    figures = {
        "beats": int(whole.sums["qrs_tp"] + whole.sums["qrs_fn"]),
        "missed": int(whole.sums["qrs_fn"]),
        "false": int(whole.sums["qrs_fp"]),
        **_peaks(whole),
        "median jitter, ms": round(float(np.median(jitter)), 1) if len(jitter) else None,
        **_normality(heard, start_s, resamples),
    }
    if 0 < len(rest) < len(scores):
        without = f"without {' '.join(SAME_PATIENT.values())}"
        figures |= {f"{name} {without}": one for name, one in _peaks(group("rest", rest)).items()}
    return figures


def _peaks(of: Group) -> dict[str, Any]:
    named = {"Se": of.figures["qrs_se"], "+P": of.figures["qrs_ppv"]}
    return {name: _interval(one.gross, (one.low, one.high)) for name, one in named.items()}


def _normality(heard: Sequence[Heard], start_s: float, resamples: int) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score

    rows, record = pooled(heard, start_s=start_s)
    if not 0 < rows.truth.sum() < len(rows.truth):
        return {"abnormal": int(rows.truth.sum()), "normality AP": None}
    value = float(average_precision_score(rows.truth, rows.abnormal))
    probabilities = np.stack([1 - rows.abnormal, rows.abnormal], axis=1)
    drawn = Clusters("records", record, len(heard))
    limits = intervals(rows.truth, probabilities, BEATS, drawn, resamples=resamples)[f"{BEATS[1]} ap"]
    return {
        "abnormal": int(rows.truth.sum()),
        "normality AP": _interval(
            100 * value, tuple(100 * x for x in limits) if limits else (np.nan, np.nan)
        ),
    }


def _interval(value: float, limits: tuple[float, ...]) -> dict[str, float | None]:
    numbers = dict(zip(("value", "low", "high"), (value, *limits), strict=True))
    return {name: round(x, 2) if np.isfinite(x) else None for name, x in numbers.items()}


def _score(heard: Heard, start_s: float) -> RecordScore:
    test = Marks(heard.peaks, ("N",) * len(heard.peaks), (0,) * len(heard.peaks), ("",) * len(heard.peaks))
    start = round(start_s * heard.fs)
    return compare(heard.name, heard.reference, test, fs=heard.fs, start=start, end=heard.n_samples)


def _heard(
    recording: Recording,
    beats: Sequence[Detection | Beat],
    abnormal: NDArray[np.float64],
    *,
    seconds: float | None = None,
) -> Heard:
    return Heard(
        name=recording.name,
        fs=recording.fs,
        n_samples=len(recording.signal),
        reference=_marks(recording),
        peaks=np.array([one.sample for one in beats], np.int64),
        confidence=np.array([one.confidence for one in beats], np.float64),
        abnormal=abnormal,
        seconds=seconds,
    )


def _marks(recording: Recording) -> Marks:
    """Return the reference as marks: beats by their class, and where flutter begins and ends."""
    edges = np.flatnonzero(np.diff(recording.flutter.astype(np.int8), prepend=0, append=0))
    signs = ["[", "]"] * (len(edges) // 2)
    samples = np.concatenate([recording.peaks, edges])
    symbols = np.array([*(CLASSES[label] for label in recording.labels), *signs])
    order = np.argsort(samples, kind="stable")
    n = len(samples)
    return Marks(samples[order], tuple(symbols[order].tolist()), (0,) * n, ("",) * n)
