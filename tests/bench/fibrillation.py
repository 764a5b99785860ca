"""How well fibrillation is found, and where its weights come from: run by hand, a minute of CPU.

    python -m tests.bench.fibrillation --data DIR           # the table of docs/alarms.md
    python -m tests.bench.fibrillation --data DIR --fit     # the weights, and each record left out
    python -m tests.bench.fibrillation --data DIR --first --detector FOLDS

``--first`` takes the first lead alone; ``--detector`` is that of ``beatline label``: the folder of weights
that left the patient out. ``DIR`` holds ``vfdb``, ``mitdb``, of which DS1 is used, and ``svdb``, where
nothing is marked and nothing is fitted. An episode is a stretch marked (VF, (VFIB or (VFL (in mitdb: ``[``
to ``]``) of at least 6 s; it is found if fibrillation stands during it. False is what starts elsewhere and
not in a stretch marked (VT: record, second, how many seconds, rhythm. The fit takes windows wholly inside an
episode against windows that touch no VT; each record's episodes weigh as much as 1000 windows, noise and
asystole 0.3.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import wfdb
from numpy.typing import NDArray

from monitor import fibrillation
from monitor.detect import Detector
from monitor.events import Beat
from monitor.fibrillation import Fibrillation
from monitor.filters import monitor_band
from monitor.quality import Quality
from monitor.records import DS1
from monitor.settings import Settings
from monitor.weights import fitting

FIBRILLATION = ("(VF", "(VFIB", "(VFL")
SETTINGS = Settings()
Floats = NDArray[np.float64]
Stretch = tuple[float, float, str]


class Case(NamedTuple):
    """One record: its filtered wave, lead states, detected beats and rhythm stretches in seconds."""

    name: str
    fs: float
    wave: Floats
    codes: NDArray[np.int8]
    beats: list[Beat]
    stretches: list[Stretch]

    def episodes(self, shortest_s: float = 0.0) -> list[tuple[float, float]]:
        """Return the marked episodes, those less than a second apart as one."""
        merged: list[tuple[float, float]] = []
        for start, end, name in sorted(self.stretches):
            if name in FIBRILLATION:
                if merged and start - merged[-1][1] < 1:
                    start = merged.pop()[0]
                merged.append((start, end))
        return [(start, end) for start, end in merged if end - start >= shortest_s]


def read(path: Path, weights: str = "", *, first: bool = False) -> Case:
    """Read a record, or its first lead, and filter it as the monitor does."""
    record = wfdb.rdrecord(str(path))
    marks = wfdb.rdann(str(path), "atr")
    fs, signal = float(record.fs), np.ascontiguousarray(record.p_signal[:, : 1 if first else None])
    n_leads = signal.shape[1]
    rhythm = [
        (at / fs, aux.strip("\0"))
        for at, aux in zip(marks.sample, marks.aux_note, strict=True)
        if aux.startswith("(")
    ]
    ends = [*(at for at, _ in rhythm), len(signal) / fs][1:]
    stretches = [(at, end, name) for (at, name), end in zip(rhythm, ends, strict=True)]
    flutter = [at / fs for at, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in "[]"]
    stretches += [(at, end, "(VFL") for at, end in zip(flutter[::2], flutter[1::2], strict=True)]
    wave = monitor_band(SETTINGS.filters, fs=fs, n_leads=n_leads).push(signal)
    codes = Quality(SETTINGS.quality, fs=fs, n_leads=n_leads).push(signal)[1]
    given = msgspec.structs.replace(SETTINGS.detector, weights=weights)
    detector = Detector(fitting(given, path.name), fs=fs, n_leads=n_leads)
    beats = [
        Beat(sample=sample, decided=decided, rr=None, confidence=confidence)
        for sample, decided, confidence in detector.push(signal, codes)
    ]
    return Case(f"{path.parent.name}/{path.name}", fs, wave, codes, beats, stretches)


def found(case: Case, weights: Floats | None = None) -> list[tuple[float, float]]:
    """Return when fibrillation stood, in seconds; by other weights than those in force if given."""
    stage = Fibrillation(SETTINGS.rhythm, fs=case.fs, n_leads=case.wave.shape[1])
    stage._weights = stage._weights if weights is None else weights
    times = [change.decided / case.fs for change in stage.push(case.wave, case.codes, case.beats)]
    times += [len(case.wave) / case.fs] * (len(times) % 2)
    return list(zip(times[::2], times[1::2], strict=True))


def report(cases: list[Case], stood: dict[str, list[tuple[float, float]]]) -> None:
    """Print episodes found, when, and what was false."""
    late: list[float] = []
    missed, false = [], []
    for case in cases:
        for start, end in case.episodes(6.0):
            hits = [on - start for on, off in stood[case.name] if on < end and off > start]
            late += hits[:1]
            missed += [] if hits else [(case.name, round(start), round(end))]
        excused = case.episodes() + [(a, b) for a, b, name in case.stretches if name == "(VT"]
        for on, off in stood[case.name]:
            if not any(start - 2 < on < end + 5 for start, end in excused):
                rhythm = next((n for a, b, n in case.stretches if a <= on < b), "")
                false.append((case.name, round(on), round(off - on), rhythm))
    seconds = np.array(late)
    print(
        f"episodes {len(late) + len(missed)}: found {len(late)}, within 10 s {(seconds <= 10).sum()}, ",
        end="",
    )
    print(f"within 6 s {(seconds <= 6).sum()}, median {np.median(seconds):.1f} s; missed {missed}")
    for name in ("mitdb", "svdb", "vfdb"):
        hours = sum(len(c.wave) / c.fs for c in cases if c.name.startswith(name)) / 3600
        wrong = [entry for entry in false if entry[0].startswith(name)]
        print(f"false on {name} ({hours:.1f} h): {len(wrong)}, {sum(entry[2] for entry in wrong)} s: {wrong}")


def windows(case: Case) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Return measures of each window and lead, whether to use them, and truth with weights."""
    stage = Fibrillation(SETTINGS.rhythm, fs=case.fs, n_leads=case.wave.shape[1])
    every, n, lag = stage._every, stage._n_window, stage._lag
    whole = np.zeros(n, dtype=np.int64)
    wave = stage._filter.push(case.wave)[::every]
    starts = np.arange(0, len(wave) - n, round(0.5 * case.fs / every))
    begin = starts * every / case.fs
    end = begin + n * every / case.fs
    truth = np.zeros((len(starts), 2))
    truth[:, 1] = 1.0
    for a, b, name in sorted(case.stretches, key=lambda stretch: stretch[2] in FIBRILLATION):
        touched, inside = (end > a) & (begin < b), (begin >= a) & (end <= b)
        if name in FIBRILLATION:
            truth[touched] = (0, 0)
            truth[inside] = (1, 1)
        elif name == "(VT":
            truth[touched] = (0, 0)
        elif name in ("(NOISE", "(ASYS"):
            truth[touched & (truth[:, 1] > 0)] = (0, 0.3)
    measured = np.zeros((len(starts), wave.shape[1], 3))
    used = np.zeros(measured.shape[:2], dtype=np.bool_)
    for k, start in enumerate(starts):
        for lead in range(wave.shape[1]):
            x = wave[start : start + n, lead] - wave[start : start + n, lead].mean()
            used[k, lead] = fibrillation.measure(x, whole, lag, stage._limits, measured[k, lead])
    return measured, used, truth


def fit(given: list[tuple[Floats, NDArray[np.bool_], Floats]]) -> Floats:
    """Return intercept and weights of the logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, w = [], [], []
    for measured, used, truth in given:
        for lead in range(measured.shape[1]):
            keep = used[:, lead] & (truth[:, 1] > 0)
            positive = truth[keep, 0] == 1
            x.append(measured[keep, lead])
            y.append(positive)
            w.append(np.where(positive, 1000 / max(1, positive.sum()), truth[keep, 1]))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(np.concatenate(x), np.concatenate(y), logisticregression__sample_weight=np.concatenate(w))
    slopes = model[-1].coef_[0] / model[0].scale_
    return np.array([model[-1].intercept_[0] - slopes @ model[0].mean_, *slopes])


def main() -> None:
    """Report, or fit and report with each record left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--detector", default="")
    given = parser.parse_args()
    paths = sorted(path.with_suffix("") for path in (given.data / "vfdb").glob("*.dat"))
    paths += [given.data / "mitdb" / name for name in DS1]
    paths += sorted(path.with_suffix("") for path in (given.data / "svdb").glob("*.dat"))
    cases = [read(path, given.detector, first=given.first) for path in paths]
    stood = {}
    fitted = [case for case in cases if given.fit and not case.name.startswith("svdb")]
    parts = {case.name: windows(case) for case in fitted}
    if given.fit:
        print("weights of all training records", fit(list(parts.values())).round(2))
    for case in cases:
        weights = None
        if case.name in parts and (case.name.startswith("vfdb") or case.episodes()):
            weights = fit([part for name, part in parts.items() if name != case.name])
        stood[case.name] = found(case, weights)
    report(cases, stood)


if __name__ == "__main__":
    main()
