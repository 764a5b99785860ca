"""The line-format tables of the reference programs: what ``bxb``, ``rxr`` and ``epicmp`` print with ``-L``.

Letter for letter, so that both can be compared by ``diff``, and with the lines that ``sumstats`` appends.
That program knows only what is printed: it adds rounded seconds, and its gross figures of duration take the
time in which both agree from each record's rounded D+P. So do these; `monitor.score.measures` does not.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.score.beats import NOTHING, BeatCounts
from monitor.score.episodes import EpisodeCounts
from monitor.score.record import RecordScore
from monitor.score.runs import RunCounts

__all__ = ["TABLES", "Table", "lines"]

Table: TypeAlias = Literal["bxb", "shut", "ve", "sve", "af", "vf"]

TABLES: Final[tuple[Table, ...]] = ("bxb", "shut", "ve", "sve", "af", "vf")
"""Beats, shutdowns, runs of V and of S, episodes of AF and of VF."""

_BEATS: Final = (
    "Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'"
    "  Q Se   Q +P   V Se   V +P   S Se   S +P RR err"
)
_SHUT: Final = (
    "Record Nx   Sx   Vx   Fx   Qx  % beats  % N    % S    % V    % F   Total Shutdown",
    "                                missed missed missed missed missed      Time",
)
_RUNS: Final = "Record CTs CFN CTp CFP STs SFN STp SFP LTs LFN LTp LFP  CSe C+P SSe S+P LSe L+P"
_EPISODES: Final = "Record  TPs   FN  TPp   FP  ESe E+P DSe D+P  Ref duration  Test duration "
_HEADINGS: Final[dict[Table, tuple[str, ...]]] = {
    "bxb": (_BEATS,),
    "shut": _SHUT,
    "ve": (_RUNS,),
    "sve": ("(SVE run detection)", _RUNS),
    "af": ("(AF detection)", _EPISODES),
    "vf": ("(VF detection)", _EPISODES),
}

_Ints: TypeAlias = NDArray[np.int64]

Shares: TypeAlias = list[tuple[float, float]]
"""Part and whole of each percentage."""


def lines(table: Table, scores: Sequence[RecordScore], *, summary: bool) -> list[str]:
    """Return a table, one line per record, headings first.

    Parameters
    ----------
    summary
        Whether to append what ``sumstats`` does.
    """
    make = {"bxb": _beats, "shut": _shut, "ve": _runs, "sve": _runs, "af": _episodes, "vf": _episodes}[table]
    body, appended = make(scores, table)
    closing = ["", f"Summary of results from {len(scores)} records"]
    return [*_HEADINGS[table], *body, *([*appended, *closing] if summary else [])]


def _beats(scores: Sequence[RecordScore], _: Table) -> tuple[list[str], list[str]]:
    cells = [_beat_cells(score.beats) for score in scores]
    shares = [_beat_shares(row) for row in cells]
    errors = [_rms_ms(score) for score in scores]
    body = [
        f"{score.record:>4} {_beat_row(row)} {_percents(_own_shares(share, score.beats))} {_number(error)}"
        for score, row, share, error in zip(scores, cells, shares, errors, strict=True)
    ]
    total: _Ints = np.sum(cells, axis=0, dtype=np.int64)
    average = [*_averages(shares), _mean(errors)]
    n_v, n_s = int(total[_V_ROW].sum()), int(total[_S_ROW].sum())
    return body, [
        "_" * 132,
        f"Sum  {_beat_row(total)}",
        f"{'Gross':83} {_percents(_beat_shares(total))}",
        f"{'Average':83} " + " ".join(_number(figure) for figure in average),
        f"Total QRS complexes: {total[_QRS].sum()}  Total VEBs: {n_v}  Total SVEBs: {n_s}",
    ]


_QRS: Final = [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18]
"""Columns of the line format whose reference is a beat."""
_V_ROW: Final = [2, 7, 12, 17]
_S_ROW: Final = [1, 6, 11, 16]


def _beat_cells(beats: BeatCounts) -> NDArray[np.int64]:
    """Return the 19 counts of a line, test classes N with F and Q, then S, V and nothing."""
    table = beats.confusion
    columns = [table[:, [0, 3, 4]].sum(axis=1), table[:, 1], table[:, 2], table[:, NOTHING]]
    rows = np.array([[c[0], c[1], c[2], c[3] + c[4], c[NOTHING]] for c in columns], np.int64)
    return rows.ravel()[:-1]


def _beat_shares(cells: NDArray[np.int64]) -> Shares:
    """Return QRS Se and +P, V Se and +P, S Se and +P; F and Q called V or S are not false."""
    found = cells[_QRS].sum() - cells[15:19].sum()
    invented = cells[[4, 9, 14]].sum()
    return [
        (found, cells[_QRS].sum()),
        (found, found + invented),
        (cells[12], cells[_V_ROW].sum()),
        (cells[12], cells[[10, 11, 12, 14]].sum()),
        (cells[6], cells[_S_ROW].sum()),
        (cells[6], cells[[5, 6, 7, 9]].sum()),
    ]


def _own_shares(shares: Shares, beats: BeatCounts) -> Shares:
    """Return what ``bxb`` prints for a record: F called S are false there, in the sums they are not."""
    true, called = shares[-1]
    return [*shares[:-1], (true, called + beats.confusion[3, 1])]


def _beat_row(cells: NDArray[np.int64]) -> str:
    return f"{cells[0]:5d} " + " ".join(f"{n:{4 if i == 12 else 3}d}" for i, n in enumerate(cells) if i)


def _rms_ms(score: RecordScore) -> float:
    beats = score.beats
    return 1000 / score.fs * math.sqrt(beats.rr_squares / beats.n_rr) if beats.n_rr else math.nan


def _shut(scores: Sequence[RecordScore], _: Table) -> tuple[list[str], list[str]]:
    body = []
    for score in scores:
        missed, beats = score.beats.shut, score.beats.confusion[:NOTHING].sum(axis=1)
        shares = [(missed.sum(), beats.sum()), *zip(missed[:4], beats[:4], strict=True)]
        body.append(
            f"{score.record:>4} {_counts(missed)}   {_percents(shares)} {_seconds(score):4d} seconds "
            + " ".join(str(n) for n in beats)
        )
    total = sum((score.beats.shut for score in scores), np.zeros(NOTHING, np.int64))
    n_seconds = sum(_seconds(score) for score in scores)
    return body, ["_" * 72, f"Sum  {_counts(total)}{n_seconds:42d} seconds"]


def _seconds(score: RecordScore) -> int:
    return math.floor(score.beats.shutdown_s + 0.5)


def _runs(scores: Sequence[RecordScore], table: Table) -> tuple[list[str], list[str]]:
    counts = [score.v_runs if table == "ve" else score.s_runs for score in scores]
    cells = [_run_cells(runs) for runs in counts]
    shares = [_run_shares(row) for row in cells]
    body = [
        f"{score.record:>4}" + "".join(f"{n:4d}" for n in row) + f" {_wholes(share)}"
        for score, row, share in zip(scores, cells, shares, strict=True)
    ]
    total: _Ints = np.sum(cells, axis=0, dtype=np.int64)
    couplets, short, long = (int(total[i] + total[i + 1]) for i in (0, 4, 8))
    return body, [
        "_" * 77,
        f"Sum   {total[0]:4d}" + "".join(f"{n:4d}" for n in total[1:]),
        f"{'Gross':54} {_summary(map(_percent, _run_shares(total)))}",
        f"{'Average':54} {_summary(_averages(shares))}",
        f"Total couplets: {couplets}  Total short runs: {short}  Total long runs: {long}",
    ]


def _run_cells(runs: RunCounts) -> NDArray[np.int64]:
    return np.stack([runs.found, runs.missed, runs.true, runs.false], axis=1).ravel()


def _run_shares(cells: NDArray[np.int64]) -> Shares:
    return [(cells[i], cells[i] + cells[i + 1]) for i in range(0, 12, 2)]


def _episodes(scores: Sequence[RecordScore], table: Table) -> tuple[list[str], list[str]]:
    episodes = [score.af if table == "af" else score.vf for score in scores]
    shares = [_episode_shares(one) for one in episodes]
    body = [
        f"{score.record:>6}" + "".join(f"{n:5d}" for n in _sides(one)) + f" {_wholes(share)}"
        f"{_clock(one.reference_s):>14}{_clock(one.test_s):>15}"
        for score, one, share in zip(scores, episodes, shares, strict=True)
    ]
    found, missed, true, false = (sum(column) for column in zip(*map(_sides, episodes), strict=True))
    reference_s = sum(round(one.reference_s, 3) for one in episodes)
    test_s = sum(round(one.test_s, 3) for one in episodes)
    agreed = [
        math.floor(_percent(share[3]) + 0.5) * one.test_s
        for share, one in zip(shares, episodes, strict=True)
        if one.test_s
    ]
    overlap_s = sum(agreed) / 100
    total = EpisodeCounts(found, missed, true, false, reference_s, test_s, overlap_s)
    durations = f"{_clock(reference_s, minutes=True):>14}{_clock(test_s, minutes=True):>15}"
    return body, [
        "_" * 72,
        f"Sum  {found:6d}{missed:5d}{true:5d}{false:5d}{'':17}{durations}",
        f"{'Gross':26} {_summary(map(_percent, _episode_shares(total)))}",
        f"{'Average':26} {_summary(_averages(shares))}",
    ]


def _sides(episodes: EpisodeCounts) -> list[int]:
    return [episodes.found, episodes.missed, episodes.true, episodes.false]


def _episode_shares(episodes: EpisodeCounts) -> Shares:
    return [
        (episodes.found, episodes.found + episodes.missed),
        (episodes.true, episodes.true + episodes.false),
        (episodes.overlap_s, episodes.reference_s),
        (episodes.overlap_s, episodes.test_s),
    ]


def _clock(seconds: float, *, minutes: bool = False) -> str:
    """Return ``h:mm:ss.mmm`` without leading zeros; minutes are written where there are any, or always."""
    rest, ms = divmod(round(seconds * 1000), 1000)
    n_minutes, s = divmod(rest, 60)
    hours, m = divmod(n_minutes, 60)
    if hours:
        return f"{hours}:{m:02d}:{s:02d}.{ms:03d}"
    return f"{m}:{s:02d}.{ms:03d}" if m or minutes else f"{s}.{ms:03d}"


def _counts(counts: NDArray[np.int64]) -> str:
    return " ".join(f"{n:4d}" for n in counts)


def _percent(share: tuple[float, float]) -> float:
    part, whole = share
    return 100 * float(part) / float(whole) if whole else math.nan


def _percents(shares: Shares) -> str:
    return " ".join(_number(_percent(share)) for share in shares)


def _wholes(shares: Shares) -> str:
    """Return whole percentages as the comparators print them: halves up."""
    return _summary(math.floor(_percent(share) + 0.5) if share[1] else math.nan for share in shares)


def _summary(percents: Iterable[float]) -> str:
    """Return whole percentages as ``sumstats`` prints them: halves to even."""
    return "".join(f"{percent:4.0f}" if math.isfinite(percent) else f"{'-':>4}" for percent in percents)


def _number(figure: float) -> str:
    return f"{figure:6.2f}" if math.isfinite(figure) else f"{'-':>6}"


def _averages(shares: Sequence[Shares]) -> list[float]:
    """Return the mean of each column of percentages, where they are defined."""
    return [_mean(map(_percent, column)) for column in zip(*shares, strict=True)]


def _mean(values: Iterable[float]) -> float:
    defined = [value for value in values if math.isfinite(value)]
    return sum(defined) / len(defined) if defined else math.nan
