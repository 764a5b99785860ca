"""A shift of one bed as one page: what alarmed and for how long, trends, and the strips on ECG paper."""

import datetime
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from monitor import figures_shift
from monitor.definitions import DEFINITIONS
from monitor.ecg_paper import Tracing, draw
from monitor.events import CLASSES, Gap, Rhythm
from monitor.events_text import said, span
from monitor.html_report import Drawing, Part, Picture, Section, Stressed, Table, write_page
from monitor.lines import MARKS
from monitor.store import read
from monitor.store.database import Store
from monitor.store.minutes import Minute
from monitor.store.read import Listed, Query, StoredStrip

__all__ = ["Shift", "read_shift", "write"]

_BY_THE_MINUTE: Final = (
    "By the minute; the band is from the lowest to the highest heart rate of each. "
    "A minute without a dot has no heart rate, or no beat that the network told."
)
_PRIORITIES: Final = ("high", "medium", "low", "technical")
_MOST_LINES: Final = 500
"""Other events on the page; there is the table of ``beatline events`` for the rest."""


@dataclass(frozen=True)
class Shift:
    """What a store holds of one bed and time; ``since_ns`` and ``until_ns`` are those of what there is."""

    bed: str
    since_ns: int
    until_ns: int
    alarms: Sequence[Listed]
    others: Sequence[Listed]
    minutes: Sequence[Minute]
    strips: dict[tuple[int, int], StoredStrip]
    lost_s: float
    n_shown: int


def read_shift(store: Store, query: Query, *, most_strips: int) -> Shift:
    """Read what a report needs: all alarms, and the strips of the worst of them.

    Parameters
    ----------
    query
        With a bed.
    most_strips
        Strips of high priority first, of each priority the latest.
    """
    alarms = list(read.alarms(store, query))
    found = list(read.events(store, query))
    minutes = list(read.minutes(store, query))
    gaps = [(one.event, one.fs) for one in found if isinstance(one.event, Gap)]
    times = [one.time_ns for one in (*alarms, *found)] + [minute.time_ns for minute in minutes]
    now_ns = round(datetime.datetime.now().timestamp()) * 1_000_000_000
    ranked = sorted(alarms, key=lambda one: (_PRIORITIES.index(one.priority), -one.time_ns))
    wanted = [(one.run, one.number) for one in ranked if one.priority in ("high", "medium")]
    return Shift(
        bed=query.bed,
        since_ns=min(times, default=now_ns) if query.since_ns is None else query.since_ns,
        until_ns=max(times, default=now_ns) if query.until_ns is None else min(query.until_ns, now_ns),
        alarms=alarms,
        others=[one for one in found if not isinstance(one.event, Gap | Rhythm)],
        minutes=minutes,
        strips=dict(islice(read.strips(store, wanted[:most_strips]).items(), most_strips)),
        lost_s=sum(max(0, gap.stop - gap.sample) / fs for gap, fs in gaps),
        n_shown=len(wanted),
    )


def write(shift: Shift, path: Path, *, command: str) -> None:
    """Write the page.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="beatline-") as folder:
        sections = [
            Section("The shift", [_facts(shift)]),
            Section("Alarms", _alarms(shift)),
            Section("Trends", _trends(shift, Path(folder))),
            Section("Strips", _strips(shift)),
            Section("What else was told", _others(shift)),
        ]
        title = f"Bed {shift.bed}, {_when(shift.since_ns)} to {_when(shift.until_ns)}"
        write_page(path, title, sections, command=command)


def _facts(shift: Shift) -> dict[str, str]:
    minutes = shift.minutes
    totals = [sum(minute.beats[i] for minute in minutes) for i in range(len(CLASSES))]
    rates = [minute.hr_bpm for minute in minutes if minute.hr_bpm is not None]
    lows = [minute.hr_low_bpm for minute in minutes if minute.hr_low_bpm is not None]
    highs = [minute.hr_high_bpm for minute in minutes if minute.hr_high_bpm is not None]
    records = sorted({minute.record for minute in minutes} - {""})
    n_beats = sum(totals)
    shares = ", ".join(
        f"{label} {n:,} ({100 * n / n_beats:.1f} %)" for label, n in zip(CLASSES, totals, strict=True) if n
    )
    rate = "not known"
    if rates:
        rate = f"median {median(rates):.0f}, lowest {min(lows):.0f}, highest {max(highs):.0f} bpm"
    facts = {
        "Bed": shift.bed + (f" (plays {', '.join(records)})" if records else ""),
        "Signal watched": span(float(sum(minute.seconds for minute in minutes))) or "none",
        "Signal lost": span(shift.lost_s) if shift.lost_s else "none",
        "Heart rate": rate,
        "Beats": f"{n_beats:,}: {shares}" if n_beats else "none",
    }
    counts = [(name, sum(one.priority == name for one in shift.alarms)) for name in _PRIORITIES]
    facts["Alarms"] = ", ".join(f"{n} {name}" for name, n in counts if n) or "none"
    return facts


def _alarms(shift: Shift) -> list[Part]:
    """Return the table of alarms by kind, worst first."""
    if not shift.alarms:
        return ["No alarm in this time."]
    kinds = {one.kind for one in shift.alarms}
    order = [kind for kind in DEFINITIONS if kind in kinds] + sorted(kinds - set(DEFINITIONS))
    rows = [_row(kind, [one for one in shift.alarms if one.kind == kind]) for kind in order]
    head = ("Alarm", "", "How many", "Total", "Longest", "Answered", "after (median)")
    parts: list[Part] = [Table(head, rows)]
    unanswered = [
        one
        for one in shift.alarms
        if one.priority == "high" and one.acknowledged_ns is None and not one.cleared_ns
    ]
    if unanswered:
        n = len(unanswered)
        parts.append(Stressed(f"{n} high-priority alarm{'s stand' if n > 1 else ' stands'} unanswered."))
    return parts


def _row(kind: str, alarms: Sequence[Listed]) -> tuple[str, ...]:
    definition = DEFINITIONS.get(kind)
    lasted = [one.duration_s for one in alarms if one.duration_s is not None]
    answered = [
        (one.acknowledged_ns - one.time_ns) / 1e9 for one in alarms if one.acknowledged_ns is not None
    ]
    return (
        kind if definition is None else definition.text,
        _mark(alarms[0]),
        str(len(alarms)),
        span(sum(lasted)) if lasted else "",
        span(max(lasted)) if lasted else "",
        str(len(answered)) if answered else "",
        span(max(0.0, median(answered))) if answered else "",
    )


def _trends(shift: Shift, folder: Path) -> list[Part]:
    if not shift.minutes:
        return ["No minute of signal in this time."]
    path = folder / "trends.png"
    figures_shift.trends(shift.minutes, shift.alarms, path, span_ns=(shift.since_ns, shift.until_ns))
    return [Picture(path, _BY_THE_MINUTE)]


def _strips(shift: Shift) -> list[Part]:
    if not shift.strips:
        return ["No strip: none is kept but with alarms of high and medium priority."]
    parts: list[Part] = [
        "A large square is 0.2 s by 0.5 mV; the signal is that of the screen (monitor band). "
        "The blue mark is where the alarm's condition began."
    ]
    if shift.n_shown > len(shift.strips):
        parts.append(
            f"{len(shift.strips)} strips of {shift.n_shown} alarms are shown, those of high priority first."
        )
    for one in shift.alarms:
        strip = shift.strips.get((one.run, one.number))
        if strip is not None:
            parts.append(_drawing(one, strip))
    return parts


def _drawing(one: Listed, strip: StoredStrip) -> Drawing:
    answered = ""
    if one.acknowledged_ns is not None:
        by = f" by {one.acknowledged_by}" if one.acknowledged_by else ""
        answered = f"; answered{by} at {_when(one.acknowledged_ns)[11:]}"
    lasted = f"lasted {span(one.duration_s)}" if one.duration_s is not None else "no end told"
    caption = f"{_when(one.time_ns)}  {_mark(one)} {said(one.event)}: {lasted}{answered}"
    onset = one.sample - strip.start
    tracing = Tracing(
        fs=strip.fs,
        leads=strip.leads,
        samples=strip.samples,
        beats=[(sample - strip.start, label) for sample, label in strip.beats],
        mark=onset if 0 <= onset < len(strip.samples) else None,
        title=caption,
    )
    return Drawing(draw(tracing), caption)


def _others(shift: Shift) -> list[Part]:
    shown = shift.others[-_MOST_LINES:]
    if not shown:
        return ["Nothing."]
    rows = [(_when(one.time_ns), said(one.event)) for one in shown]
    left = len(shift.others) - len(shown)
    caption = f"the last {len(shown)}; {left} earlier ones are left out" if left else ""
    return [Table(("When", ""), rows, caption)]


def _mark(one: Listed) -> str:
    return next((mark for priority, mark in MARKS.items() if priority == one.priority), "")


def _when(time_ns: int) -> str:
    moment = datetime.datetime.fromtimestamp(time_ns / 1e9).astimezone()
    return moment.isoformat(sep=" ", timespec="seconds")[:19]
