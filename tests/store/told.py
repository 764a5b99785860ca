"""What a monitor might tell a store: entries, alarms and their steps."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, AnyEvent, LabelledBeat, LimitChange, Notice, Rate
from monitor.link import Entry
from monitor.store.writer import Writer

FS = 250.0
NOW_NS = 1_795_300_000_000_000_000
SECOND = 1_000_000_000


def entry(event: AnyEvent, *, bed: str = "1", at_s: float | None = None) -> Entry:
    """Return an event as it is told, by default at the wall time of its decision."""
    seconds = event.decided / FS if at_s is None else at_s
    time_ns = NOW_NS + round(seconds * SECOND)
    return Entry(bed=bed, record="208", time_ns=time_ns, fs=FS, event=event)


def alarm(kind: str = "asystole", *, at: int = 1000, lead: int | None = None) -> Alarm:
    """Return an alarm that starts 4 s after its onset."""
    return Alarm(
        sample=at,
        decided=at + 1000,
        kind=kind,
        priority=DEFINITIONS[kind].priority,
        state="start",
        text=kind.upper(),
        lead=lead,
        evidence=(at - 200, at),
    )


def step(alarm: Alarm, state: str, *, at: int, by: str = "") -> Alarm:
    """Return a later step of an alarm."""
    told: Alarm = msgspec.structs.replace(alarm, state=state, decided=at, by=by)
    return told


def limits(own: dict[str, float], *, by: str = "Ada") -> LimitChange:
    """Return that limits were set, from 50 on."""
    before = dict.fromkeys(own, 50.0)
    return LimitChange(sample=9, decided=9, state="set", before=before, after=own, own=own, by=by)


def keep(path: Path, *entries: Entry) -> None:
    """Have a run that tells these and ends."""
    kept = Writer(path, about={"version": "test"})
    for one in entries:
        kept.append(one)
    kept.close()


def notice(number: int) -> Entry:
    """Return a line that is not like any other."""
    return entry(Notice(sample=number, decided=number, text=f"line {number}"))


def rate(second: int, hr_bpm: float | None) -> Entry:
    """Return the heart rate told at a second of signal."""
    return entry(Rate(sample=round(second * FS), decided=round(second * FS), hr_bpm=hr_bpm))


def beat(second: float, label: str, *, provisional: bool = False) -> Entry:
    """Return a labelled beat."""
    at = round(second * FS)
    event = msgspec.convert(
        {"type": "beat", "sample": at, "decided": at + 300, "label": label, "provisional": provisional},
        LabelledBeat,
    )
    return entry(event)


def wait_until(true: Callable[[], bool]) -> None:
    """Let the other thread work until something is so; pytest's own limit ends what never is."""
    while not true():
        time.sleep(0.001)
