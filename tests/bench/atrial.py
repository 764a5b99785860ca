"""What is told of atrial fibrillation: where it was right, and what the rest was. Run by hand, seconds.

    beatline label all --data DIR/mitdb --out LABELS         # the whole chain; minutes
    python -m tests.bench.atrial LABELS --ref DIR/mitdb      # the tables of docs/atrial-runs.md
    python -m tests.bench.atrial --simulate                  # series of RR, nothing else

Per record: reference episodes found and all, told episodes that are true and all, seconds of either and of
both, and what the reference calls the rest that was told. Below, gross, with 95 % intervals by bootstrap
over records, the figures of ``beatline score``, and the last of them without the time that the reference
marks as atrial flutter. ``--from`` is in seconds, 300 as in EC57; ``--records DS1`` takes some of them.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb

from monitor.atrial import Atrial
from monitor.events import LabelledBeat
from monitor.score.episodes import EpisodeCounts, compare_episodes
from monitor.score.marks import Marks, decode
from monitor.selection import chosen
from monitor.settings import RhythmSettings
from monitor.turns import PAROXYSM
from monitor.window import WindowSpec
from tests.rr_series import REGULAR, Series, fibrillation

FLUTTER = "(AFL"
FS = 250.0
WINDOW = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=0, features=())
DRAWS = 2000


class Compared(NamedTuple):
    """One record: its counts, and how many seconds of what was told the reference calls what."""

    name: str
    counts: EpisodeCounts
    called: dict[str, float]

    @property
    def sums(self) -> list[float]:
        """Return what gross figures are made of, flutter that was told last."""
        counts = self.counts
        episodes = (counts.found, counts.missed, counts.true, counts.false)
        return [*episodes, counts.reference_s, counts.test_s, counts.overlap_s, self.called.get(FLUTTER, 0)]


def marks(path: Path) -> Marks:
    """Read an annotation file."""
    return decode(path.read_bytes(), name=path.name)


def compare(name: str, labels: Path, ref: Path, start_s: float) -> Compared:
    """Compare one record's marks from ``start_s`` on."""
    header = wfdb.rdheader(str(ref / name))
    fs, end = float(header.fs), int(header.sig_len)
    start = round(start_s * fs)
    reference, test = marks(ref / f"{name}.atr"), marks(labels / f"{name}.blt")
    counts = compare_episodes(reference, test, episode="AF", fs=fs, start=start, end=end)
    rhythms = list(reference.rhythms())
    stops = [*(at for at, _ in rhythms), end][1:]
    called: dict[str, int] = defaultdict(int)
    for (first, rhythm), stop in zip(rhythms, stops, strict=True):
        for on, off in test.atrial(end):
            called[rhythm] += max(0, min(stop, off) - max(first, on, start))
    return Compared(name, counts, {rhythm: n / fs for rhythm, n in called.items()})


def figures(sums: np.ndarray) -> np.ndarray:
    """Return percentages of sums: episode Se and +P, duration Se and +P, the last without flutter."""
    found, missed, true, false, reference, test, both, flutter = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = (
            found / (found + missed),
            true / (true + false),
            both / reference,
            both / test,
            both / (test - flutter),
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
    names = ("episode Se", "episode +P", "duration Se", "duration +P", "duration +P without flutter")
    for name, value, below, above in zip(names, figures(sums.sum(axis=0)), low, high, strict=True):
        print(f"{name:28} {value:5.1f} [{below:.1f}, {above:.1f}]")


def told(series: Series) -> tuple[float, float]:
    """Return for which share of a series fibrillation stood, and after how many seconds it was told."""
    atrial = Atrial(RhythmSettings(), WINDOW, fs=FS)
    at, stood, first, since = 0, 0, float("inf"), None
    atrial.push(LabelledBeat(sample=0, decided=0, label="N"))
    for rr_s, label in series:
        rr = round(rr_s * FS)
        at += rr
        for turn in atrial.push(LabelledBeat(sample=at, decided=at, label=label, rr=rr)):
            if turn.kind != PAROXYSM:
                continue
            if turn.state == "start":
                since, first = turn.sample, min(first, turn.decided / FS)
            elif since is not None:
                stood, since = stood + turn.sample - since, None
    stood += at - since if since is not None else 0
    return stood / at, first


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
