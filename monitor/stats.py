"""What the front process measures of a run, for ``beatline bench``, and the times that come of it."""

import os
import time
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.events import Gap, LabelledBeat
from monitor.link import Update
from monitor.storage import cannot_write

__all__ = ["BeatTimes", "Report", "Stats", "beats_file", "delays", "stages"]


class BeatTimes(msgspec.Struct, frozen=True, array_like=True):
    """One label of a beat: samples (R, label, detection), then wall-clock ns; see `monitor.link.Timing`."""

    bed: str
    fs: float
    provisional: bool
    sample: int
    decided: int
    detection: int
    heard: int
    detected: int
    captured: int
    received: int
    windowed: int
    labelled: int
    shown: int


class Report(msgspec.Struct, kw_only=True):
    """What is known at the end; the beats stand in a file beside it, see `beats_file`.

    Attributes
    ----------
    first_frame_ns, ready_ns, first_label_ns
        Wall times: first full frame, classifier ready, first labelled beat shown.
    last_frame_ns, n_frames
        Of all frames.
    lost
        Samples lost on the way, all beds.
    loading_gap_ms
        Longest time between two frames until the classifier was ready.
    cpu_s
        CPU seconds of front and engine.
    """

    first_frame_ns: int = 0
    last_frame_ns: int = 0
    n_frames: int = 0
    ready_ns: int = 0
    first_label_ns: int = 0
    loading_gap_ms: float = 0.0
    cpu_s: dict[str, float] = {}
    lost: int = 0


def beats_file(path: Path) -> Path:
    """Return where the beats of a report stand: one `BeatTimes` as JSON per line."""
    return path.with_suffix(".beats")


class Stats:
    """Collects a `Report` if it is wanted, and costs nothing if not; memory does not grow with the run.

    Parameters
    ----------
    path
        File for the report, None for none.

    Raises
    ------
    StorageError
        A file cannot be written; from any method.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._report = Report()
        self._unshown: list[BeatTimes] = []
        if path is not None:
            self._put(beats_file(path), b"", mode="wb")

    def frame(self) -> None:
        """A frame has been drawn."""
        if self._path is None:
            return
        now = time.time_ns()
        report = self._report
        if report.last_frame_ns and not report.ready_ns:
            report.loading_gap_ms = max(report.loading_gap_ms, (now - report.last_frame_ns) / 1e6)
        report.first_frame_ns = report.first_frame_ns or now
        report.last_frame_ns = now
        report.n_frames += 1
        self._show(now)

    def push(self, update: Update, *, drawn: bool) -> None:
        """An update has come; ``drawn`` if it is already on paper."""
        if self._path is None:
            return
        now = time.time_ns()
        if update.classifier == "ready" and not self._report.ready_ns:
            self._report.ready_ns = now
            self.write()
        for entry in update.entries:
            event, timing = entry.event, entry.timing
            if isinstance(event, Gap):
                self._report.lost += event.stop - event.sample
            elif isinstance(event, LabelledBeat) and timing is not None:
                times = msgspec.structs.asdict(timing)
                about = (entry.bed, entry.fs, event.provisional, event.sample, event.decided)
                self._unshown.append(BeatTimes(*about, **times, shown=0))
        if drawn:
            self._show(now)
        self._report.cpu_s["engine"] = update.cpu_s

    def write(self) -> None:
        """Write the report as it stands."""
        if self._path is None:
            return
        times = os.times()
        self._report.cpu_s["front"] = times.user + times.system
        half = self._path.with_suffix(".part")
        self._put(half, msgspec.json.encode(self._report), mode="wb")
        half.replace(self._path)

    def _show(self, now: int) -> None:
        """Write down the beats that have just become visible."""
        if self._unshown and self._path is not None:
            self._report.first_label_ns = self._report.first_label_ns or now
            beats = (msgspec.structs.replace(beat, shown=now) for beat in self._unshown)
            lines = b"".join(msgspec.json.encode(beat) + b"\n" for beat in beats)
            self._put(beats_file(self._path), lines, mode="ab")
            self._unshown.clear()

    def _put(self, path: Path, content: bytes, *, mode: Literal["wb", "ab"]) -> None:
        try:
            with path.open(mode) as file:
                file.write(content)
        except OSError as error:
            raise cannot_write(path, error) from error


def stages(beats: list[BeatTimes]) -> dict[str, NDArray[np.float64]]:
    """Wall-clock milliseconds of each stage; the capture clock is the simulator's on this machine.

    All stages are those of the provisional label. A confirmed one is counted from the packet that
    brought what it waited for: the end of the next beat's window, or of the wait.
    """
    pairs = {
        "capture -> received": ("captured", "received"),
        "received -> detected": ("heard", "detected"),
        "received -> windowed": ("received", "windowed"),
        "windowed -> labelled": ("windowed", "labelled"),
        "received -> labelled": ("received", "labelled"),
        "labelled -> shown": ("labelled", "shown"),
    }
    first, last = _kinds(beats)
    times = {name: _between(first, a, b) / 1e6 for name, (a, b) in pairs.items()}
    return times | {"received -> confirmed": _between(last, "received", "labelled") / 1e6}


def delays(beats: list[BeatTimes]) -> dict[str, NDArray[np.float64]]:
    """Signal-time milliseconds from R: what the algorithms wait for, whatever the machine."""
    first, last = _kinds(beats)
    rates = [np.array([1000 / beat.fs for beat in kind]) for kind in (first, last)]
    return {
        "R -> detection": rates[0] * _between(first, "sample", "detection"),
        "R -> provisional label": rates[0] * _between(first, "sample", "decided"),
        "R -> confirmed label": rates[1] * _between(last, "sample", "decided"),
    }


def _kinds(beats: list[BeatTimes]) -> tuple[list[BeatTimes], list[BeatTimes]]:
    """Return the provisional labels and the confirmed ones."""
    return [beat for beat in beats if beat.provisional], [beat for beat in beats if not beat.provisional]


def _between(beats: list[BeatTimes], a: str, b: str) -> NDArray[np.float64]:
    return np.array([getattr(beat, b) - getattr(beat, a) for beat in beats], dtype=np.float64)
