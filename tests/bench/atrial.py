"""What is told of atrial fibrillation: where it was right, and what the rest was. Run by hand, seconds.

    beatline label all --data DIR/mitdb --out LABELS         # the whole chain; minutes
    python -m tests.bench.atrial LABELS --ref DIR/mitdb      # the tables of docs/atrial-runs.md
    python -m tests.bench.atrial --simulate                  # series of RR, nothing else

Per record: reference episodes found and all, told episodes that are true and all, seconds of either and of
both, and what the reference calls the rest that was told. Below, gross, with 95 % intervals by bootstrap
over records, the figures of ``beatline score``; of positive predictivity also those that leave aside what
the reference marks as atrial flutter. ``--from`` is in seconds, 300 as in EC57; ``--records DS1`` takes some
of them.
"""

import argparse
from collections import defaultdict
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb

from monitor.atrial import Atrial
from monitor.events import LabelledBeat
from monitor.score.episodes import EpisodeCounts, compare_episodes, compare_spans
from monitor.score.marks import Marks, decode
from monitor.selection import chosen
from monitor.settings import RhythmSettings
from monitor.turns import PAROXYSM, Turn
from monitor.window import WindowSpec
from tests.rr_series import REGULAR, Series, fibrillation, sinus

FS = 250.0
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=0, features=())
DRAWS = 2000


class Compared(NamedTuple):
    """One record: its counts, and how many seconds of what was told the reference calls what."""

    name: str
    counts: EpisodeCounts
    aside: EpisodeCounts
    called: dict[str, float]

    @property
    def sums(self) -> list[float]:
        """Return what gross figures are made of, those without flutter last."""
        return [*astuple(self.counts), *astuple(self.aside)]


def marks(path: Path) -> Marks:
    """Read an annotation file."""
    return decode(path.read_bytes(), name=path.name)


def compare(name: str, labels: Path, ref: Path, start_s: float) -> Compared:
    """Compare one record's marks from ``start_s`` on."""
    header = wfdb.rdheader(str(ref / name))
    fs, end = float(header.fs), int(header.sig_len)
    start = round(start_s * fs)
    reference, test = marks(ref / f"{name}.atr"), marks(labels / f"{name}.blt")
    counts = compare_episodes(reference, test, episode="af", fs=fs, start=start, end=end)
    aside = compare_episodes(reference, test, episode="afx", fs=fs, start=start, end=end)
    rhythms = list(reference.rhythms())
    stops = [*(at for at, _ in rhythms), end][1:]
    called: dict[str, int] = defaultdict(int)
    for (first, rhythm), stop in zip(rhythms, stops, strict=True):
        for on, off in test.atrial(end):
            called[rhythm] += max(0, min(stop, off) - max(first, on, start))
    return Compared(name, counts, aside, {rhythm: n / fs for rhythm, n in called.items()})


def figures(sums: np.ndarray) -> np.ndarray:
    """Return percentages of sums: episode Se and +P, duration Se and +P, and both +P without flutter."""
    found, missed, true, false, reference, test, both = sums.T[:7]
    true_aside, false_aside, _, test_aside, both_aside = sums.T[9:]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = (
            found / (found + missed),
            true / (true + false),
            both / reference,
            both / test,
            true_aside / (true_aside + false_aside),
            both_aside / test_aside,
        )
    return 100 * np.stack(shares, axis=-1)


def report(records: list[Compared]) -> None:
    """Print both tables."""
    print("record    found  true   reference s   told s   both s   of what was told the rest is")
    for one in records:
        counts = one.counts
        if counts.reference_s or counts.test_s:
            found = f"{counts.found}/{counts.found + counts.missed}"
            true = f"{counts.true}/{counts.true + counts.false}"
            rest = " ".join(f"{k} {v:.0f}" for k, v in one.called.items() if k != "(AFIB" and v >= 1)
            seconds = f"{counts.reference_s:11.0f} {counts.test_s:9.0f} {counts.overlap_s:8.0f}"
            print(f"{one.name:9} {found:6} {true:6} {seconds}   {rest}")
    sums = np.array([one.sums for one in records], dtype=np.float64)
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(0, len(sums), (DRAWS, len(sums)))].sum(axis=1)
    low, high = np.nanpercentile(figures(drawn), [2.5, 97.5], axis=0)
    names = ["episode Se", "episode +P", "duration Se", "duration +P"]
    names += ["episode +P without flutter", "duration +P without flutter"]
    for name, value, below, above in zip(names, figures(sums.sum(axis=0)), low, high, strict=True):
        print(f"{name:28} {value:5.1f} [{below:.1f}, {above:.1f}]")


def turns_of(series: Series) -> tuple[list[int], list[Turn]]:
    """Return the R peaks of a series, the first at 0, and what is told of it; no P wave is known."""
    atrial = Atrial(RhythmSettings(), WINDOW, fs=FS)
    peaks = [0, *np.cumsum([round(rr_s * FS) for rr_s, _ in series]).tolist()]
    atrial.push(LabelledBeat(sample=0, decided=0, label="N"))
    turns = []
    for (_, label), before, at in zip(series, peaks, peaks[1:], strict=False):
        turns += atrial.push(LabelledBeat(sample=at, decided=at, label=label, rr=at - before))
    return peaks, [turn for turn in turns if turn.kind == PAROXYSM]


def stretches(turns: list[Turn], end: int) -> list[tuple[int, int]]:
    """Return where fibrillation was told; what had not ended lasts to the end."""
    starts = [turn.sample for turn in turns if turn.state == "start"]
    stops = [turn.sample for turn in turns if turn.state == "end"]
    return list(zip(starts, [*stops, end], strict=False))


def told(series: Series) -> tuple[float, float]:
    """Return for which share of a series fibrillation stood, and after how many seconds it was told."""
    peaks, turns = turns_of(series)
    stood = sum(stop - start for start, stop in stretches(turns, peaks[-1]))
    return stood / peaks[-1], min((turn.decided / FS for turn in turns), default=float("inf"))


def bursts(seed: int, fibrillating_s: float, between_s: float) -> EpisodeCounts:
    """Return what is found of fibrillation that comes and goes: about so long, and so long between."""
    rng = np.random.default_rng(seed)
    series: Series = []
    spans = []
    at = 0
    for _ in range(40):
        for kind, mean_s in ((sinus, between_s), (fibrillation, fibrillating_s)):
            n = max(2, round(mean_s * rng.uniform(0.5, 1.5) / 0.75))
            part = kind(n, rng)
            first, at = at, at + sum(round(rr_s * FS) for rr_s, _ in part)
            spans += [(first, at)] if kind is fibrillation else []
            series += part
    _, turns = turns_of(series)
    return compare_spans(spans, stretches(turns, at), fs=FS, start=0, end=at)


def simulate() -> None:
    """Print what is told of made series: ten each, of 600 beats."""
    for name, series in REGULAR.items():
        shares = [told(series(600, np.random.default_rng(seed)))[0] for seed in range(10)]
        print(f"{name:30} told for {100 * np.mean(shares):.1f} % of the time")
    for mean_s in (0.45, 0.6, 0.8, 1.0):
        for spread in (0.08, 0.1, 0.12, 0.15, 0.2, 0.25):
            all_told = [
                told(fibrillation(600, np.random.default_rng(seed), mean_s=mean_s, spread=spread))
                for seed in range(10)
            ]
            share, first = np.mean([one[0] for one in all_told]), np.median([one[1] for one in all_told])
            rr = f"RR {mean_s:g} s, SD {100 * spread:g} %"
            print(f"fibrillation, {rr:16} told for {100 * share:5.1f} %, after {first:.0f} s")
    for seconds, between in ((6, 10), (10, 5), (10, 10), (10, 20), (20, 10), (20, 20), (40, 40)):
        each = [astuple(bursts(seed, seconds, between)) for seed in range(4)]
        found, missed, _, _, lasted_s, told_s, both_s = np.sum(each, axis=0)
        print(
            f"bursts of {seconds} s, {between} s between: {found:.0f} of {found + missed:.0f} found, "
            f"{100 * both_s / lasted_s:.0f} % of their time, "
            f"{100 * (told_s - both_s) / max(told_s, 1):.0f} % of what is told false"
        )


def main() -> None:
    """Compare labels with marks, or simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("--ref", type=Path)
    parser.add_argument("--records", default="")
    parser.add_argument("--from", dest="start", type=float, default=300.0)
    parser.add_argument("--simulate", action="store_true")
    given = parser.parse_args()
    if given.simulate:
        simulate()
    if given.labels is not None and given.ref is not None:
        wanted = chosen([given.records] if given.records else (), data=given.ref)
        names = [name.rsplit("/", 1)[-1] for name in wanted]
        names = [name for name in names if (given.labels / f"{name}.blt").exists()]
        report([compare(name, given.labels, given.ref, given.start) for name in names])


if __name__ == "__main__":
    main()
