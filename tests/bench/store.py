"""How fast a store takes events, and whether it holds up who tells them: run by hand.

    python -m tests.bench.store                       # SQLite in a temporary folder
    python -m tests.bench.store --postgresql          # a PostgreSQL server of its own
    python -m tests.bench.store --store URL --rate 5000 --seconds 30

Tells events at a steady rate from one thread, on a schedule, as an engine does: of 20 events 12 are steps
of alarms (starts, ends, acknowledged and cleared ones), the others rhythms, notices and gaps; every 100th
comes with a strip of 15 s of two leads. Prints the rate reached, how long an append took (median, p99,
longest), how much waited, and how long the last event took to be committed. A first pass tells nobody: what
the machine itself does to the schedule. ``--rate 0`` tells as fast as it can.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from monitor.events import AnyEvent, Gap, Notice, Rhythm
from monitor.link import Entry
from monitor.snapshots import BedSnapshot
from monitor.store.writer import Writer
from monitor.strip import Strip
from tests.store.servers import Server, programs
from tests.store.told import alarm, step

FS = 360.0
KINDS = ("pause", "high_rate", "asystole")
STATES = ("start", "acknowledged", "end", "cleared")
STRIP_EVERY = 100
WAVE = np.random.default_rng(1).normal(0, 0.2, (round(20 * FS), 2))


class Nobody:
    """Takes events and does nothing."""

    name = "none"
    n_waiting = 0

    def append(self, entry: Entry) -> None:
        """Take an event."""

    def watch(self, snapshot: BedSnapshot) -> None:
        """Take a bed."""


class Driven(msgspec.Struct):
    """What telling was like: nanoseconds of each append, the most that waited, and how often it was late."""

    took_ns: list[int] = []
    most: int = 0
    late: int = 0
    seconds: float = 0.0

    def say(self, name: str) -> None:
        """Print it."""
        micros = np.array(self.took_ns) / 1000
        median, p99, longest = np.median(micros), np.percentile(micros, 99), micros.max()
        print(f"{name}: {len(micros)} events, {len(micros) / self.seconds:.0f} a second")
        print(f"  append          median {median:.0f} us, p99 {p99:.0f} us, longest {longest:.0f} us")
        print(f"  longer          than 1 ms: {(micros > 1000).sum()}, than 10 ms: {(micros > 10_000).sum()}")
        print(f"  told            more than 10 ms late: {self.late}; waiting at most: {self.most}")


def event(number: int) -> AnyEvent:
    """Return the event of that number."""
    at = 100 * number
    turn = number % 20
    if turn < 12:
        first = alarm(KINDS[turn // 4], at=100 * (number - turn % 4))
        return step(first, STATES[turn % 4], at=at)
    if turn < 16:
        return Rhythm(sample=at, decided=at, rhythm="(VT", state="start" if turn % 2 else "end")
    if turn < 18:
        return Gap(sample=at, decided=at, stop=at + 40)
    return Notice(sample=at, decided=at, text=f"line {number}, of the length that lines have")


def snapshot(bed: str, number: int) -> BedSnapshot:
    """Return a bed that shows all that the strip of an alarm of that number wants."""
    start = 100 * number - round(12 * FS)
    return BedSnapshot(bed=bed, fs=FS, leads=("II", "V1"), strip=Strip(start, WAVE), connection="up")


def drive(writer: Writer | Nobody, *, rate: float, seconds: float) -> Driven:
    """Tell events."""
    driven = Driven()
    start = time.perf_counter()
    for number in range(round(rate * seconds) if rate else 10**9):
        bed = f"bed-{number % 8}"
        told = Entry(bed=bed, record="", time_ns=time.time_ns(), fs=FS, event=event(number))
        shown = snapshot(bed, number) if number % STRIP_EVERY == 8 else None
        behind = time.perf_counter() - start - (number / rate if rate else 0.0)
        if rate and behind < 0:
            time.sleep(-behind)
        driven.late += bool(rate) and behind > 0.01
        before = time.perf_counter_ns()
        writer.append(told)
        if shown is not None:
            writer.watch(shown)
        driven.took_ns.append(time.perf_counter_ns() - before)
        driven.most = max(driven.most, writer.n_waiting)
        if not rate and time.perf_counter() - start > seconds:
            break
    driven.seconds = time.perf_counter() - start
    return driven


def report(writer: Writer, *, rate: float, seconds: float) -> None:
    """Drive a writer and print what came out."""
    if rate:
        drive(Nobody(), rate=rate, seconds=min(5.0, seconds)).say("nobody")
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    driven = drive(writer, rate=rate, seconds=seconds)
    writer.close(patience_s=60)
    whole = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    driven.say(writer.name)
    print(f"  committed       {writer.committed} of {writer.last} items, dropped {writer.n_dropped}")
    print(f"  sustained       {writer.committed / whole:.0f} items a second to the last commit")
    print(f"  last commit     {whole - driven.seconds:.2f} s after the last event")
    print(f"  CPU             {100 * cpu / whole:.0f} % of one core, all threads, telling included")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", help="path or URL; a temporary SQLite file by default")
    parser.add_argument("--postgresql", action="store_true", help="a server of one's own")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    told = parser.parse_args()
    sys.setswitchinterval(0.001)  # as the engine does
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="bl-store-") as folder:
        server = None
        place = told.store or str(Path(folder) / "events.sqlite")
        if told.postgresql:
            found = programs()
            if found is None:
                sys.exit("no PostgreSQL found: expected /usr/lib/postgresql/*/bin")
            server = Server(found)
            server.start()
            place = server.url
        try:
            report(Writer(place, about={"bench": True}), rate=told.rate, seconds=told.seconds)
        finally:
            if server is not None:
                server.remove()
        if Path(place).is_file():
            print(f"  size            {Path(place).stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
