"""From counts to figures: what is summed over records, and what is made of the sums.

Counts are added, figures never are: a gross figure is that of the summed counts, an average the mean of the
records' own (EC57 3.5). Every measure is a plain function of a mapping of counts, and works on arrays of
sums as on numbers, so that an interval is the same function over resampled records.

V, S and F
    Sensitivity asks what became of all reference beats of a class, missed ones included. For the positive
    predictivity of V, EC57 and ``bxb`` leave out F and Q called V; the ``strict`` figures count them as false
    too. So it is for S in gross and average, as ``sumstats`` has it; a record's own line, as ``bxb`` has it,
    counts F called S as false (``s_fp_own``). F is no figure of EC57: here it is counted strictly on both
    sides, so an F called N or V is missed, and a beat of any other class called F, or nothing, is false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.events import CLASSES
from monitor.score.beats import NOTHING, BeatCounts
from monitor.score.episodes import EPISODES, EpisodeCounts
from monitor.score.runs import KINDS, RunCounts

__all__ = ["MEASURES", "Counts", "Measure", "beat_counts", "episode_counts", "run_counts"]

Counts: TypeAlias = Mapping[str, NDArray[np.float64]]
"""Sums by name; scalars (of shape ()) or one per draw."""

_N, _S, _V, _F, _Q = range(NOTHING)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    Attributes
    ----------
    name
        Its key in JSON and CSV, such as ``v_ppv``.
    title
        What a table calls it.
    unit
        ``%``, ``/h`` or empty.
    paced
        Whether records with paced beats take part by EC57.
    compute
        The figure of summed counts; NaN where it is undefined.
    """

    name: str
    title: str
    unit: Literal["%", "/h", "ms", ""]
    paced: bool
    compute: Callable[[Counts], NDArray[np.float64]]


def beat_counts(beats: BeatCounts, *, fs: float) -> dict[str, float]:
    """Return one record's counts of beats, by name; RR errors in ms."""
    table = beats.confusion
    counts: dict[str, float] = {
        "qrs_tp": table[:NOTHING, :NOTHING].sum(),
        "qrs_fn": table[:NOTHING, NOTHING].sum(),
        "qrs_fp": table[NOTHING, :NOTHING].sum(),
        "qrs_shut": beats.shut.sum(),
        "shutdown_s": beats.shutdown_s,
        "rr_squares": beats.rr_squares * (1000 / fs) ** 2,
        "n_rr": beats.n_rr,
    }
    for label in (_V, _S, _F):
        key = CLASSES[label].lower()
        counts[f"{key}_tp"] = table[label, label]
        counts[f"{key}_fn"] = table[label].sum() - table[label, label]
        counts[f"{key}_fp"] = table[:, label].sum() - table[label, label]
    for label in (_V, _S):
        key = CLASSES[label].lower()
        counts[f"{key}_fp_strict"] = counts[f"{key}_fp"]
        counts[f"{key}_fp"] -= table[_F, label] + table[_Q, label]
    counts["s_fp_own"] = counts["s_fp"] + table[_F, _S]
    return {name: float(count) for name, count in counts.items()}


def run_counts(runs: RunCounts, prefix: str) -> dict[str, float]:
    """Return one record's counts of runs, by name, such as ``v_couplet_found``."""
    return {
        f"{prefix}_{kind}_{side}": float(getattr(runs, side)[i])
        for i, kind in enumerate(KINDS)
        for side in ("found", "missed", "true", "false")
    }


def episode_counts(episodes: EpisodeCounts, prefix: str) -> dict[str, float]:
    """Return one record's counts of episodes, by name, such as ``af_found`` and ``af_overlap_s``."""
    sides = ("found", "missed", "true", "false", "reference_s", "test_s", "overlap_s")
    return {f"{prefix}_{side}": float(getattr(episodes, side)) for side in sides}


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, NaN where the whole is nothing."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    undefined = np.full(np.broadcast(part, whole).shape, np.nan)
    return np.asarray(np.divide(part, whole, out=undefined, where=whole > 0))


def _share(of: str, *others: str) -> Callable[[Counts], NDArray[np.float64]]:
    """Return a measure: ``of`` in percent of itself and ``others``."""
    return lambda c: 100 * _ratio(c[of], sum((c[name] for name in others), c[of]))


def _harmonic(first: Measure, second: Measure) -> Callable[[Counts], NDArray[np.float64]]:
    """Return F1 of a sensitivity and a predictivity: 0 where both are, undefined where either is."""

    def compute(counts: Counts) -> NDArray[np.float64]:
        se, ppv = first.compute(counts), second.compute(counts)
        both = se + ppv
        return np.where(both == 0, 0.0, 2 * _ratio(se * ppv, np.where(both == 0, np.nan, both)))

    return compute


def _se_ppv_f1(
    key: str, title: str, *, paced: bool, se: tuple[str, str], ppv: tuple[str, str], suffix: str = ""
) -> list[Measure]:
    """Return sensitivity, positive predictivity and F1 of one kind; each from its (hits, failures)."""
    sensitivity = Measure(f"{key}_se{suffix}", f"{title} Se", "%", paced, _share(*se))
    predictivity = Measure(f"{key}_ppv{suffix}", f"{title} +P", "%", paced, _share(*ppv))
    f1 = Measure(f"{key}_f1{suffix}", f"{title} F1", "%", paced, _harmonic(sensitivity, predictivity))
    return [sensitivity, predictivity, f1]


def _beat_measures() -> list[Measure]:
    made = []
    for key, title, paced in (("qrs", "QRS", True), ("v", "V", False), ("s", "S", False), ("f", "F", False)):
        se, ppv = (f"{key}_tp", f"{key}_fn"), (f"{key}_tp", f"{key}_fp")
        made += _se_ppv_f1(key, title, paced=paced, se=se, ppv=ppv)
        if key in ("v", "s"):
            ppv = (f"{key}_tp", f"{key}_fp_strict")
            made += _se_ppv_f1(key, f"{title} strict", paced=paced, se=se, ppv=ppv, suffix="_strict")[1:]
    return [
        *made,
        Measure("qrs_errors", "QRS FN + FP", "", True, lambda c: c["qrs_fn"] + c["qrs_fp"]),
        Measure("v_false_per_h", "false V", "/h", False, lambda c: _ratio(c["v_fp"], c["hours"])),
        Measure("s_false_per_h", "false S", "/h", False, lambda c: _ratio(c["s_fp"], c["hours"])),
        Measure("rr_error_ms", "RR error", "ms", True, lambda c: np.sqrt(_ratio(c["rr_squares"], c["n_rr"]))),
    ]


def _run_measures() -> list[Measure]:
    made = []
    for key in ("v", "s"):
        for kind in KINDS:
            name = f"{key}_{kind}"
            title = f"{key.upper()} {'couplets' if kind == 'couplet' else kind + ' runs'}"
            se, ppv = (f"{name}_found", f"{name}_missed"), (f"{name}_true", f"{name}_false")
            made += _se_ppv_f1(name, title, paced=False, se=se, ppv=ppv)[:2]
    return made


def _episode_measures() -> list[Measure]:
    made = []
    for key, title in EPISODES.items():
        se, ppv = (f"{key}_found", f"{key}_missed"), (f"{key}_true", f"{key}_false")
        made += _se_ppv_f1(key, f"{title} episodes", paced=True, se=se, ppv=ppv)[:2]
        for side, whole in (("se", "reference_s"), ("ppv", "test_s")):
            compute = _duration(f"{key}_overlap_s", f"{key}_{whole}")
            label = f"{title} duration {'Se' if side == 'se' else '+P'}"
            made.append(Measure(f"{key}_duration_{side}", label, "%", True, compute))
    return made


def _duration(part: str, whole: str) -> Callable[[Counts], NDArray[np.float64]]:
    return lambda c: 100 * _ratio(c[part], c[whole])


MEASURES: Final[dict[str, Measure]] = {
    measure.name: measure for measure in (*_beat_measures(), *_run_measures(), *_episode_measures())
}
"""Every figure by name, in the order of the report."""
