"""The report of a comparison: pictures as PNG, and one page that holds them all with the tables."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor import figures_score, records, score_alarms_files
from monitor.canvas import confusion
from monitor.errors import SourceError
from monitor.events import CLASSES
from monitor.figures_strips import WIDTH_S, Strip, densest, strips
from monitor.html_report import Part, Picture, Section, Table, write_page
from monitor.score.beats import NOTHING, WINDOW_S, match
from monitor.score.episodes import EPISODES
from monitor.score.marks import Marks
from monitor.score.measures import MEASURES
from monitor.score.record import Figure, Group, RecordScore
from monitor.score.runs import KINDS
from monitor.score.timing import Timing, spread
from monitor.scoring import Evidence, Score, evidence

__all__ = ["errors", "write_report"]

_N, _S, _V, _F, _Q = range(NOTHING)
_NAMES: Final = (*CLASSES, "none")
_STRIPS: Final = 4
"""Of each kind of error."""
_MOST_LEADS: Final = 3
"""In a strip: the first ones."""
_MAIN: Final = (
    "qrs_se", "qrs_ppv", "qrs_errors", "v_se", "v_ppv", "v_f1", "v_ppv_strict", "s_se", "s_ppv", "s_f1",
    "f_se", "f_ppv", "f_f1", "v_false_per_h", "s_false_per_h", "rr_error_ms",
)  # fmt: skip
_DELAYS: Final = {
    "QRS detection": "detection_ms",
    "provisional label": "provisional_ms",
    "confirmed label": "confirmed_ms",
}


def write_report(score: Score, out: Path, *, title: str, notes: Sequence[str], command: str) -> None:
    """Write ``report.html`` and its pictures into a folder.

    Strips of signal are drawn where the reference's folder holds the signals.

    Parameters
    ----------
    score
        What came of a comparison; the annotations are read again, to find the errors.
    title, notes
        What a reader of the figures must know.
    command
        What makes the report again.

    Raises
    ------
    SourceError
        Annotations that could be read before cannot be read any more.
    StorageError
        A file cannot be written.
    """
    alarms = [] if score.alarms is None else [score_alarms_files.section(score.alarms, out, score.request)]
    pages = [*(_beat_pages(score, out, notes) if score.records else []), *alarms]
    write_page(out / "report.html", title, pages, command=command)


def _beat_pages(score: Score, out: Path, notes: Sequence[str]) -> list[Section]:
    groups, scores = score.groups, score.records
    both = groups["all"], groups["nonpaced"]
    drawn = both if both[0].records != both[1].records else both[:1]
    found = {one.record: evidence(one.record, score.request) for one in scores}
    return [
        Section("Summary", [*notes, _summary(list(groups.values()))]),
        Section("Beats", _beats(out, scores, drawn)),
        Section("Runs and episodes", [*map(_runs, drawn), _episodes(groups["all"])]),
        Section("Timing", _timing(out, scores)),
        Section("Where the errors lie", _worst(out, found, score.request.reference)),
        Section("Records", [_table(scores)]),
    ]


def errors(read: Evidence) -> dict[str, NDArray[np.int64]]:
    """Return where the errors of each kind are, as samples in order of time.

    A V or S is false where the reference has neither that nor F nor Q, as in the figures.
    Beats of an annotator inside its own fibrillation (``[`` to ``]``) take no part, so they are missed too.
    """
    start, end = read.start, read.end
    beats = read.reference.beats(start=start, end=end)
    found = read.test.beats(start=start, end=end)
    pairs = match(beats.samples, found.samples, window=int(WINDOW_S * read.fs))
    at = np.where(
        pairs.reference >= 0,
        np.append(beats.samples, 0)[pairs.reference],
        np.append(found.samples, 0)[pairs.test],
    )
    meant = np.where(pairs.reference >= 0, np.append(beats.classes, NOTHING)[pairs.reference], NOTHING)
    told = np.where(pairs.test >= 0, np.append(found.classes, NOTHING)[pairs.test], NOTHING)
    counts = np.ones(len(at), bool)
    for first, last in read.reference.fibrillation(end):
        counts &= ~((meant == NOTHING) & (at >= first) & (at <= last))
    kinds = {
        "QRS missed or false": (meant == NOTHING) | (told == NOTHING),
        "V missed": (meant == _V) & (told != _V),
        "V false": (told == _V) & ~np.isin(meant, (_V, _F, _Q)),
        "S missed": (meant == _S) & (told != _S),
        "S false": (told == _S) & ~np.isin(meant, (_S, _F, _Q)),
    }
    return {kind: at[which & counts] for kind, which in kinds.items()}


def _summary(groups: Sequence[Group]) -> Table:
    head = ["", *(f"{group.name} ({len(group.records)})" for group in groups)]
    rows = [
        [_title(name), *(_figure(group.figures[name], name) for group in groups)]
        for name in _MAIN
        if name in MEASURES
    ]
    return Table(
        head, rows, "Gross figures with 95 % intervals (bootstrap over records; none of one record)."
    )


def _beats(out: Path, scores: Sequence[RecordScore], groups: Sequence[Group]) -> list[Part]:
    parts: list[Part] = []
    for group in groups:
        path = out / f"confusion_{group.name.replace(' ', '_')}.png"
        confusion(group.confusion, _NAMES, [*CLASSES, "missed"], path)
        parts.append(Picture(path, f"Reference class by told class, {group.name} ({len(group.records)})."))
    panels = {}
    for key, members in (("qrs", scores), *((key, _unpaced(scores)) for key in "vs")):
        counts = [score.counts() for score in members]
        missed, false = ([int(one[f"{key}_{side}"]) for one in counts] for side in ("fn", "fp"))
        panels[key.upper()] = ([score.record for score in members], missed, false)
    figures_score.record_errors(panels, out / "records.png")
    return [*parts, Picture(out / "records.png", "Errors by record, the worst first.")]


def _unpaced(scores: Sequence[RecordScore]) -> list[RecordScore]:
    return [score for score in scores if not score.paced]


def _runs(group: Group) -> Table:
    rows = []
    for key, name in (("v", "V"), ("s", "S")):
        for kind in KINDS:
            sums = [group.sums[f"{key}_{kind}_{side}"] for side in ("found", "missed", "true", "false")]
            figures = [
                _figure(group.figures[f"{key}_{kind}_{side}"], f"{key}_{kind}_{side}")
                for side in ("se", "ppv")
            ]
            rows.append([f"{name} {kind}", *(f"{n:,.0f}" for n in sums), *figures])
    head = ["runs", "found", "missed", "true", "false", "Se %", "+P %"]
    return Table(head, rows, f"Couplets, short runs (3 to 5) and long runs (6 or more), {group.name}.")


def _episodes(group: Group) -> Table:
    rows = []
    for key, name in EPISODES.items():
        sums = [group.sums[f"{key}_{side}"] for side in ("found", "missed", "true", "false")]
        names = [f"{key}_{what}" for what in ("se", "ppv", "duration_se", "duration_ppv")]
        rows.append([name, *(f"{n:,.0f}" for n in sums), *(_figure(group.figures[n], n) for n in names)])
    head = ["episodes", "found", "missed", "true", "false", "Se %", "+P %", "duration Se %", "duration +P %"]
    told = "Atrial fibrillation, also (less AFL) without what was told of it in atrial flutter (epicmp -x)"
    return Table(head, rows, f"{told}; ventricular fibrillation and flutter; {group.name}.")


def _timing(out: Path, scores: Sequence[RecordScore]) -> list[Part]:
    parts: list[Part] = []
    timings = [score.timing for score in scores if score.timing is not None]
    kinds = {name: _together(timings, attribute) for name, attribute in _DELAYS.items()}
    if any(map(len, kinds.values())):
        figures_score.delays(kinds, out / "delays.png")
        rows = [
            [name, f"{s.n:,}", *(f"{value:.0f}" for value in s[1:])]
            for name, values in kinds.items()
            if (s := spread([values])).n
        ]
        parts.append(Table(["ms after R", "n", "median", "p90", "p99", "max"], rows))
        parts.append(Picture(out / "delays.png"))
    else:
        parts.append("No delays: they come from the events that beatline label writes with --events.")
    jitter = np.concatenate([np.zeros(0), *(score.jitter_ms for score in scores)])
    if len(jitter):
        step_ms = max(1000 / score.fs for score in scores)
        figures_score.jitter(jitter, out / "jitter.png", step_ms=step_ms)
        parts.append(Picture(out / "jitter.png"))
    return parts


def _together(timings: Sequence[Timing], attribute: str) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *(getattr(timing, attribute) for timing in timings)])


def _worst(out: Path, found: Mapping[str, Evidence], data: Path) -> list[Part]:
    """Draw the densest errors of each kind."""
    wrong = {record: errors(one) for record, one in found.items()}
    width = {record: round(WIDTH_S * one.fs) for record, one in found.items()}
    parts: list[Part] = []
    for kind in next(iter(wrong.values()), {}):
        ours = [record for record in found if kind.startswith("QRS") or not found[record].reference.paced]
        mine = {record: wrong[record][kind] for record in ours}
        shown = []
        for record, start in densest(mine, width, most=_STRIPS):
            try:
                shown.append(_strip(record, start, mine[record], found[record], data))
            except (SourceError, ValueError):  # no signals, or fewer than the annotations are about
                return ["The signals are not at hand, so no strips are drawn."]
        if shown:
            path = out / f"strips_{kind.lower().replace(' ', '_')}.png"
            strips(shown, path, title=f"{kind} (shaded), where most of them stand together")
            parts.append(Picture(path))
    return parts or ["There are none."]


def _strip(
    record: str,
    start: int,
    samples: NDArray[np.int64],
    read: Evidence,
    data: Path,
) -> Strip:
    width = round(WIDTH_S * read.fs)
    start = max(0, min(start, read.end - width))
    signal = records.read(record, data=data, start=start, stop=min(start + width, read.end))
    minutes, seconds = divmod(int(start / read.fs), 60)
    within = [_shown(marks, start, start + width) for marks in (read.reference, read.test)]
    return Strip(
        title=f"{record} at {minutes}:{seconds:02d}, {len(samples):,} in the record",
        fs=read.fs,
        leads=signal.leads[:_MOST_LEADS],
        start=start,
        samples=signal.samples()[:, :_MOST_LEADS],
        reference=within[0],
        told=within[1],
        errors=samples[(samples >= start) & (samples < start + width)].tolist(),
    )


def _shown(marks: Marks, start: int, stop: int) -> list[tuple[int, str]]:
    """Return the beats by class, and where fibrillation begins and ends."""
    inside = np.flatnonzero((marks.samples >= start) & (marks.samples < stop))
    classes = marks.classes
    names = {i: CLASSES[classes[i]] if classes[i] >= 0 else marks.symbols[i] for i in inside}
    return [(int(marks.samples[i]), name) for i, name in names.items() if name in (*CLASSES, "[", "]")]


def _table(scores: Sequence[RecordScore]) -> Table:
    head = ["record", "beats", "QRS FN", "QRS FP", "QRS Se", "QRS +P", "V Se", "V +P", "S Se", "S +P"]
    rows = []
    for score in scores:
        counts, figures = score.counts(), score.figures()
        beats = counts["qrs_tp"] + counts["qrs_fn"]
        shown = [_number(figures[name]) for name in ("qrs_se", "qrs_ppv")]
        labels = [
            _number(math.nan if score.paced else figures[n]) for n in ("v_se", "v_ppv", "s_se", "s_ppv")
        ]
        cells = [f"{n:,.0f}" for n in (beats, counts["qrs_fn"], counts["qrs_fp"])]
        rows.append([score.record, *cells, *shown, *labels])
    return Table(head, rows, "Of paced records EC57 takes QRS alone.")


def _title(name: str) -> str:
    measure = MEASURES[name]
    return f"{measure.title}{' ' + measure.unit if measure.unit else ''}"


def _figure(figure: Figure, name: str) -> str:
    digits = 0 if name == "qrs_errors" else 2 if name.startswith("qrs") else 1
    return figure.text(f",.{digits}f")


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"
