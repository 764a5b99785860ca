"""One record's comparison, and what many records give together: gross, average, interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.score.beats import NOTHING, BeatCounts, compare_beats
from monitor.score.episodes import EpisodeCounts, compare_episodes
from monitor.score.marks import Marks
from monitor.score.measures import MEASURES, beat_counts, episode_counts, run_counts
from monitor.score.runs import RunCounts, compare_runs
from monitor.score.timing import Timing

__all__ = ["Figure", "Group", "RecordScore", "compare", "draws", "figure", "group"]

_N_DRAWS: Final = 2000
_LEVELS: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class RecordScore:
    """What the comparison of one record found.

    Attributes
    ----------
    record
        Its name.
    fs
        Samples per second of the reference, in which everything is counted.
    seconds
        The time compared.
    paced
        Whether the reference has paced beats: left out of the figures of V, S and F.
    beats, v_runs, s_runs, af, afx, vf
        Counts, as ``bxb``, ``rxr`` and ``epicmp`` give them; ``afx`` as ``epicmp -x``.
    timing
        Delays and alarms, None where no events were kept.
    """

    record: str
    fs: float
    seconds: float
    paced: bool
    beats: BeatCounts
    v_runs: RunCounts
    s_runs: RunCounts
    af: EpisodeCounts
    afx: EpisodeCounts
    vf: EpisodeCounts
    timing: Timing | None = None

    @property
    def jitter_ms(self) -> NDArray[np.float64]:
        """Test minus reference of every matched beat, of shape (n_pairs,), in ms."""
        return self.beats.jitter.astype(np.float64) * (1000 / self.fs)

    def timed(self, timing: Timing | None) -> "RecordScore":
        """Return the score with what the record's events tell."""
        return replace(self, timing=timing)

    def counts(self) -> dict[str, float]:
        """Return everything that is summed over records, by name."""
        return {
            "hours": self.seconds / 3600,
            **beat_counts(self.beats, fs=self.fs),
            **run_counts(self.v_runs, "v"),
            **run_counts(self.s_runs, "s"),
            **episode_counts(self.af, "af"),
            **episode_counts(self.afx, "afx"),
            **episode_counts(self.vf, "vf"),
        }

    def figures(self) -> dict[str, float]:
        """Return the record's own figures by name, NaN where undefined; S +P as ``bxb`` has it."""
        counts = {name: np.asarray(count) for name, count in self.counts().items()}
        counts["s_fp"] = counts["s_fp_own"]
        return {name: float(measure.compute(counts)) for name, measure in MEASURES.items()}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure over many records; NaN where undefined.

    Attributes
    ----------
    gross
        Of the summed counts.
    average
        Mean of the records' own, where they are defined.
    low, high
        95 % percentile interval of ``gross`` over resampled records. None of a figure that fewer than two
        records have: drawn again and again, one is itself, and certain of nothing.
    """

    gross: float
    average: float
    low: float
    high: float

    def text(self, digits: str, interval_digits: str = "") -> str:
        """Return it for people, ``99.12 [98.70, 99.43]``: without brackets where there is no interval.

        Parameters
        ----------
        digits, interval_digits
            Format of the figure, such as ``.2f``, and that of its interval where it is another.
        """
        if not math.isfinite(self.gross):
            return "-"
        if not math.isfinite(self.low):
            return f"{self.gross:{digits}}"
        low, high = (f"{side:{interval_digits or digits}}" for side in (self.low, self.high))
        return f"{self.gross:{digits}} [{low}, {high}]"


@dataclass(frozen=True, slots=True)
class Group:
    """Records taken together.

    Attributes
    ----------
    name
        Such as ``all``, ``nonpaced``, ``nonpaced without 202``.
    records
        Their names.
    figures
        By the names of `monitor.score.measures.MEASURES`.
    sums
        Counts by name.
    confusion
        Of shape (6, 6), as in `BeatCounts`.
    """

    name: str
    records: tuple[str, ...]
    figures: dict[str, Figure]
    sums: dict[str, float]
    confusion: NDArray[np.int64] = field(repr=False)


def compare(record: str, reference: Marks, test: Marks, *, fs: float, start: int, end: int) -> RecordScore:
    """Compare one record's annotations from ``start`` to ``end`` (samples, both included).

    Both annotators must be in the time resolution of the reference, ``fs`` Hz.
    """
    reference, test = reference.upto(end), test.upto(end)
    return RecordScore(
        record=record,
        fs=fs,
        seconds=max(0, end - start) / fs,
        paced=reference.paced,
        beats=compare_beats(reference, test, fs=fs, start=start, end=end),
        v_runs=compare_runs(reference, test, ectopy="V", fs=fs, start=start),
        s_runs=compare_runs(reference, test, ectopy="S", fs=fs, start=start),
        af=compare_episodes(reference, test, episode="af", fs=fs, start=start, end=end),
        afx=compare_episodes(reference, test, episode="afx", fs=fs, start=start, end=end),
        vf=compare_episodes(reference, test, episode="vf", fs=fs, start=start, end=end),
    )


def group(name: str, scores: Sequence[RecordScore], *, seed: int = 0) -> Group:
    """Take records together.

    The interval is a percentile bootstrap: records are drawn with replacement, their counts added, and the
    figure made of the sums, 2,000 times. Draws in which a figure is undefined do not count for it; one that
    fewer than two records have gets none.

    Parameters
    ----------
    scores
        May be empty: then every figure is undefined.
    seed
        Of the draws.
    """
    each = [score.counts() for score in scores]
    names = list(each[0]) if each else []
    table = np.array([[counts[key] for key in names] for counts in each]).reshape(len(each), len(names))
    drawn = draws(len(each), seed=seed)
    figures = {key: figure(measure.compute, names, table, drawn) for key, measure in MEASURES.items()}
    confusion = sum(
        (score.beats.confusion for score in scores), np.zeros((NOTHING + 1, NOTHING + 1), np.int64)
    )
    return Group(
        name=name,
        records=tuple(score.record for score in scores),
        figures=figures,
        sums={key: float(total) for key, total in zip(names, table.sum(axis=0), strict=True)},
        confusion=confusion,
    )


def draws(n_records: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return how often each record is drawn in each of the 2,000 draws, of shape (n_draws, n_records)."""
    if not n_records:
        return np.zeros((0, 0), np.int64)
    return np.random.default_rng(seed).multinomial(n_records, np.full(n_records, 1 / n_records), _N_DRAWS)


def figure(
    compute: Callable[..., NDArray[np.float64]],
    names: Sequence[str],
    table: NDArray[np.float64],
    drawn: NDArray[np.int64],
) -> Figure:
    """Return a figure of a table of counts, of shape (n_records, n_names), with its interval over `draws`."""
    if not len(table):
        return Figure(np.nan, np.nan, np.nan, np.nan)
    gross = float(compute(dict(zip(names, table.sum(axis=0), strict=True))))
    each = _defined(compute(dict(zip(names, table.T, strict=True))))
    redrawn = _defined(compute(dict(zip(names, (drawn @ table).T, strict=True))))
    low, high = np.percentile(redrawn, _LEVELS) if len(each) > 1 else (np.nan, np.nan)
    return Figure(gross, float(each.mean()) if len(each) else np.nan, float(low), float(high))


def _defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
