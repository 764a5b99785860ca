"""How well ``beatline label`` did, against the reference annotations: run by hand, minutes of CPU none.

    beatline label --data DIR --out labels
    python -m tests.bench.accuracy labels --data DIR [--records DS1|DS2|all] [--start 300]

One-to-one matching within 150 ms from ``--start`` seconds to the end; ventricular flutter (``[`` to
``]``) is left out; the paced records 102 104 107 217 count for QRS alone. V +P does not count F or Q
beats called V as false (EC57); ``strict`` does. Intervals are 95 % bootstrap over records.
"""

import argparse
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from monitor import records
from monitor.records import DS1, DS2, PACED
from tests.matching import pairs

AAMI = {
    **dict.fromkeys("NLRejn", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}
"""AAMI class of each MIT-BIH beat symbol."""

Counts = dict[str, int]


def outside_flutter(
    samples: NDArray[np.int64], marks: list[tuple[int, str]], start: int
) -> NDArray[np.bool_]:
    """Return which samples lie at or after ``start`` and in no ``[`` ... ``]`` stretch."""
    keep = samples >= start
    begun: int | None = None
    for at, symbol in marks:
        if symbol == "[":
            begun = at
        elif symbol == "]" and begun is not None:
            keep &= ~((samples >= begun) & (samples <= at))
            begun = None
    return keep


def count(name: str, folder: Path, data: Path, start_s: float) -> Counts:
    """Return the counts of one record."""
    fs = records.read(name, data=data, stop=1).fs
    ref_at, ref_symbols, _ = records.annotations(name, data=data)
    labelled = wfdb.rdann(str(folder / name), "blt")
    at, symbols = labelled.sample, labelled.symbol
    marks = [(int(a), s) for a, s in zip(ref_at, ref_symbols, strict=True) if s in "[]"]
    beats = np.array([s in AAMI for s in ref_symbols])
    found = np.array([s in "NSVFQ" for s in symbols])
    start = round(start_s * fs)
    keep_ref = outside_flutter(ref_at[beats], marks, start)
    keep = outside_flutter(at[found], marks, start)
    ref_at, at = ref_at[beats][keep_ref], at[found][keep]
    truth = [AAMI[s] for s, b in zip(ref_symbols, beats, strict=True) if b]
    truth = [c for c, k in zip(truth, keep_ref, strict=True) if k]
    told = [s for s, f in zip(symbols, found, strict=True) if f]
    told = [c for c, k in zip(told, keep, strict=True) if k]
    matched = pairs(ref_at, at, tolerance=0.150 * fs)
    counts = {"tp": len(matched), "fn": len(ref_at) - len(matched), "fp": len(at) - len(matched)}
    if name in PACED:
        return counts
    partner = {j: truth[i] for i, j in matched}
    for label in "SVF":
        hits = sum(truth[i] == label == told[j] for i, j in matched)
        counts[f"{label} tp"] = hits
        counts[f"{label} fn"] = truth.count(label) - hits
        wrong = [partner.get(j, "") for j, c in enumerate(told) if c == label and partner.get(j) != label]
        counts[f"{label} strict fp"] = len(wrong)
        counts[f"{label} fp"] = sum(c not in ("F", "Q") for c in wrong) if label == "V" else len(wrong)
    return counts


def ratios(counts: list[Counts], prefix: str = "", fp: str = "fp") -> tuple[float, float, float]:
    """Return gross Se, +P and F1 in percent."""
    tp, fn, false = (sum(c.get(f"{prefix}{k}", 0) for c in counts) for k in ("tp", "fn", fp))
    se, ppv = 100 * tp / max(1, tp + fn), 100 * tp / max(1, tp + false)
    return se, ppv, 2 * se * ppv / max(1e-9, se + ppv)


def line(title: str, counts: list[Counts], prefix: str = "", fp: str = "fp") -> str:
    """Return one row with its intervals."""
    rng = np.random.default_rng(0)
    draws = [
        ratios([counts[i] for i in rng.integers(0, len(counts), len(counts))], prefix, fp)
        for _ in range(1000)
    ]
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    cells = zip(("Se", "+P", "F1"), ratios(counts, prefix, fp), low, high, strict=True)
    return f"{title:<10}" + "  ".join(f"{n} {v:6.2f} [{a:6.2f}, {b:6.2f}]" for n, v, a, b in cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--records", choices=("DS1", "DS2", "all"), default="all")
    parser.add_argument("--start", type=float, default=300.0)
    parser.add_argument("-v", "--verbose", action="store_true", help="a row per record")
    told = parser.parse_args()
    names = {"DS1": DS1, "DS2": DS2, "all": (*DS1, *DS2, *PACED)}[told.records]
    counted = {name: count(name, told.labels, told.data, told.start) for name in sorted(names)}
    if told.verbose:
        for name, c in counted.items():
            print(name, " ".join(f"{k}={v}" for k, v in c.items()))
    every = list(counted.values())
    errors = sum(c["fn"] + c["fp"] for c in every)
    print(f"{told.records}: {len(every)} records from {told.start:g} s, QRS FN + FP = {errors}")
    print(line("QRS", every))
    for label in "VSF":
        print(line(label, every, f"{label} "))
    print(line("V strict", every, "V ", "strict fp"))
    if told.records == "DS2":
        rest = [c for name, c in counted.items() if name != "202"]
        for label in "VSF":
            print(line(f"{label} no 202", rest, f"{label} "))


if __name__ == "__main__":
    main()
