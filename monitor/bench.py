"""Latency, load and memory of the whole line, measured from outside on real processes and sockets.

Simulator and monitor are started as a person would start them; the monitor draws its screen on a
pseudo-terminal whose bytes are counted. Nothing is timed inside a function that the product does not
run anyway.
"""

import csv
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from monitor.app import free_port
from monitor.errors import FeedError, StorageError
from monitor.stats import BeatTimes, Report, beats_file, delays, stages

__all__ = ["Load", "Measured", "measure", "report", "report_memory"]

_WARM_UP_S = 5.0
_READY_WITHIN_S = 180.0
_SIZE = (200, 50)
_MIB = 2**20


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: so many beds playing one record at so many times real time."""

    beds: int = 1
    seconds: float = 60.0
    speed: float = 1.0
    record: str = "208"
    data: Path | None = None
    model: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """One look at the processes: seconds since the window began, CPU seconds and MiB by process."""

    at_s: float
    cpu_s: dict[str, float]
    rss_mib: dict[str, float]


class Measured(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes
    ----------
    beats
        Labels told within the measured window: of each beat the provisional and the confirmed one.
    stages
        Milliseconds per stage, each of shape (n_beats,).
    sim
        What the simulator says of itself, as written by ``beatline sim --stats``.
    first_frame_s, first_label_s
        From the start of the monitor's process.
    loading_gap_ms
        Longest time between two frames while TensorFlow loaded.
    bytes_per_s
        Written to the terminal within the window.
    lost
        Samples lost on the way, all beds.
    """

    load: Load
    beats: list[BeatTimes]
    stages: dict[str, NDArray[np.float64]]
    delays: dict[str, NDArray[np.float64]]
    sim: dict[str, object]
    usage: list[Usage]
    first_frame_s: float
    first_label_s: float
    ready_s: float
    loading_gap_ms: float
    bytes_per_s: float
    lost: int

    @property
    def n_beats(self) -> int:
        """How many beats were labelled provisionally."""
        return sum(beat.provisional for beat in self.beats)


def measure(load: Load, *, console: Console | None = None) -> Measured:
    """Run simulator and monitor, wait for the model, warm up, and measure for ``load.seconds``.

    Raises
    ------
    FeedError
        A process ended early, or the model was not ready in time.
    """
    with tempfile.TemporaryDirectory(prefix="beatline-bench-") as name:
        folder = Path(name)
        endpoint = f"tcp://127.0.0.1:{free_port()}"
        stats, sim_stats = folder / "stats.json", folder / "sim.json"
        monitor_arguments = ["monitor", endpoint, "--stats", str(stats)]
        if load.model is not None:
            monitor_arguments += ["--model", load.model]
        sim_arguments = ["sim", load.record, "--endpoint", endpoint, "--beds", str(load.beds), "--loop"]
        sim_arguments += ["--speed", str(load.speed), "--stats", str(sim_stats)]
        if load.data is not None:
            sim_arguments += ["--data", str(load.data)]
        started_ns = time.time_ns()
        with _screen(monitor_arguments) as (monitor, counter), _process(sim_arguments, folder) as sim:
            _wait_until_ready(stats, monitor, sim, folder / "errors")
            _sleep(_WARM_UP_S, console, "warming up")
            began_ns, began_bytes = time.time_ns(), counter.n_bytes
            usage = _observe(load.seconds, monitor.pid, sim.pid, console)
            ended_ns, ended_bytes = time.time_ns(), counter.n_bytes
            sim.terminate()
            sim.wait(20)
            monitor.terminate()
            monitor.wait(30)
        report = msgspec.json.decode(stats.read_bytes(), type=Report)
        lines = beats_file(stats).read_bytes().splitlines()
        told = msgspec.json.decode(sim_stats.read_bytes()) if sim_stats.is_file() else {}
    shown = [msgspec.json.decode(line, type=BeatTimes) for line in lines]
    beats = [beat for beat in shown if began_ns <= beat.received <= ended_ns]
    return Measured(
        load=load,
        beats=beats,
        stages=stages(beats),
        delays=delays(beats),
        sim=told,
        usage=usage,
        first_frame_s=(report.first_frame_ns - started_ns) / 1e9,
        first_label_s=(report.first_label_ns - started_ns) / 1e9,
        ready_s=(report.ready_ns - started_ns) / 1e9,
        loading_gap_ms=report.loading_gap_ms,
        bytes_per_s=(ended_bytes - began_bytes) / ((ended_ns - began_ns) / 1e9),
        lost=report.lost,
    )


class _Counter:
    """Drains a pseudo-terminal and counts what was written to it."""

    def __init__(self, descriptor: int) -> None:
        self.n_bytes = 0
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while True:
            try:
                chunk = os.read(self._descriptor, 65536)
            except OSError:
                return
            if not chunk:
                return
            self.n_bytes += len(chunk)


@contextmanager
def _screen(arguments: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], _Counter]]:
    """Start a beatline command on a pseudo-terminal of `_SIZE`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _SIZE[1], _SIZE[0], 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(_SIZE[0]), "LINES": str(_SIZE[1])}
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        process_group=0,
    )
    os.close(theirs)
    try:
        yield process, _Counter(ours)
    finally:
        _end(process)
        os.close(ours)


@contextmanager
def _process(arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            process_group=0,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    stats: Path, monitor: subprocess.Popen[bytes], sim: subprocess.Popen[bytes], complaints: Path
) -> None:
    """Wait for the first report, which the monitor writes when its model is ready."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while not stats.is_file():
        if sim.poll() is not None:
            said = complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            reason = said[-1].removeprefix("beatline: ") if said else f"code {sim.returncode}"
            raise FeedError(f"the simulator ended before there was anything to measure: {reason}")
        if monitor.poll() is not None:
            raise FeedError(f"the monitor ended before its model was ready, with code {monitor.returncode}")
        if time.monotonic() > deadline:
            raise FeedError(f"the model was not ready: expected within {_READY_WITHIN_S:.0f} s")
        time.sleep(0.1)


def _sleep(seconds: float, console: Console | None, what: str) -> None:
    if console is not None:
        console.print(f"{what}: {seconds:.0f} s")
    time.sleep(seconds)


def _observe(seconds: float, monitor: int, sim: int, console: Console | None) -> list[Usage]:
    """Look at all processes once a second until the window is over."""
    if console is not None:
        console.print(f"measuring: {seconds:.0f} s")
    began = time.monotonic()
    looks = []
    while True:
        at = time.monotonic() - began
        looks.append(_look(at, monitor, sim))
        if at >= seconds:
            return looks
        time.sleep(min(1.0, seconds - at))


def _look(at_s: float, monitor: int, sim: int) -> Usage:
    """CPU seconds and resident memory of simulator, front, engine and classifier."""
    front = psutil.Process(monitor)
    named = {"sim": psutil.Process(sim), "front": front}
    for child in front.children(recursive=True):
        line = " ".join(child.cmdline())
        if "monitor.engine" in line:
            named["engine"] = child
        elif "monitor.classify" in line:
            named["classifier"] = child
    cpu = {name: sum(process.cpu_times()[:2]) for name, process in named.items()}
    rss = {name: process.memory_info().rss / _MIB for name, process in named.items()}
    return Usage(at_s, cpu, rss)


def report(measured: Measured, *, console: Console, out: Path | None = None) -> None:
    """Print the tables; write beats, stages and a picture into ``out`` if given."""
    load = measured.load
    console.print(
        f"{load.beds} bed(s) of record {load.record} at speed {load.speed:g}, {load.seconds:g} s, "
        f"{measured.n_beats} beats, {measured.lost} samples lost"
    )
    console.print(_table("wall clock, ms", measured.stages))
    console.print(_table("signal time, ms", measured.delays))
    first, last = measured.usage[0], measured.usage[-1]
    span = max(1e-9, last.at_s - first.at_s)
    shares = ", ".join(
        f"{name} {100 * (last.cpu_s[name] - first.cpu_s[name]) / span:.0f} %"
        for name in first.cpu_s
        if name in last.cpu_s
    )
    console.print(f"CPU of one core: {shares}")
    pacing = measured.sim.get("pacing_error_ms")
    if pacing is not None:
        console.print(f"pacing error of the simulator, ms: {pacing}")
    console.print(
        f"first frame {measured.first_frame_s:.2f} s, model ready {measured.ready_s:.1f} s, "
        f"first label {measured.first_label_s:.1f} s after start; "
        f"longest gap between frames while loading {measured.loading_gap_ms:.0f} ms"
    )
    console.print(f"screen {_SIZE[0]}x{_SIZE[1]}: {measured.bytes_per_s / 1024:.1f} KiB/s")
    if out is not None:
        _write(measured, out)
        console.print(f"written: {out}")


def _table(title: str, columns: dict[str, NDArray[np.float64]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("stage", "p50", "p95", "p99", "max"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for name, values in columns.items():
        table.add_row(name, *(f"{value:.1f}" for value in _percentiles(values)))
    return table


def _percentiles(values: NDArray[np.float64]) -> list[float]:
    """Return p50, p95, p99 and the maximum; NaN where there is nothing."""
    if not len(values):
        return [float("nan")] * 4
    return [*np.percentile(values, [50, 95, 99]).tolist(), float(values.max())]


def _write(measured: Measured, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "beats.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(BeatTimes.__struct_fields__)
            writer.writerows(msgspec.structs.astuple(beat) for beat in measured.beats)
        with (out / "stages.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["stage", "p50_ms", "p95_ms", "p99_ms", "max_ms", "n"])
            for name, values in (measured.stages | measured.delays).items():
                writer.writerow([name, *(f"{value:.3f}" for value in _percentiles(values)), len(values)])
        _draw(measured, out / "latency.png")
    except OSError as error:
        raise StorageError(f"cannot write to {out}: {error.strerror}") from error


def _draw(measured: Measured, path: Path) -> None:
    """Draw the share of beats within a time, one curve per stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, values in measured.stages.items():
        if len(values):
            axes.plot(np.sort(values), np.linspace(0, 100, len(values)), label=name)
    axes.set_xscale("log")
    axes.set_xlabel("wall time, ms")
    axes.set_ylabel("beats within it, %")
    load = measured.load
    axes.set_title(
        f"{load.beds} bed(s), record {load.record}, speed {load.speed:g}, {measured.n_beats} beats"
    )
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def report_memory(measured: Measured, *, console: Console, settle_s: float = 120.0) -> None:
    """Print the monitor's resident memory over the run, and how flat it is after ``settle_s``."""
    monitor = ("front", "engine", "classifier")
    totals = [(look.at_s, sum(look.rss_mib.get(name, 0.0) for name in monitor)) for look in measured.usage]
    for look, (at, total) in list(zip(measured.usage, totals, strict=True))[:: max(1, len(totals) // 10)]:
        parts = ", ".join(f"{name} {look.rss_mib.get(name, 0.0):.1f}" for name in monitor)
        console.print(f"{at:6.0f} s  {total:8.1f} MiB  ({parts})")
    settled = [total for at, total in totals if at >= settle_s]
    if settled:
        spread = 100 * (max(settled) - min(settled)) / min(settled)
        console.print(
            f"after {settle_s:.0f} s: {min(settled):.1f} to {max(settled):.1f} MiB, spread {spread:.1f} %"
        )
