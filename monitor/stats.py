"""What the front process measures of a run, for ``beatline bench``: frames, beats, CPU."""

import os
import time
from pathlib import Path

import msgspec

from monitor.errors import StorageError
from monitor.events import Gap, LabelledBeat
from monitor.link import Update

__all__ = ["BeatTimes", "Report", "Stats"]


class BeatTimes(msgspec.Struct, frozen=True, array_like=True):
    """One labelled beat: samples (R, label, detection), then wall-clock ns; see `monitor.link.Timing`."""

    bed: str
    fs: float
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
    """All of it, as written.

    Attributes
    ----------
    first_frame_ns, ready_ns, first_label_ns
        Wall times: first full frame, classifier ready, first labelled beat shown.
    frames_ns
        Wall time of every frame.
    lost
        Samples lost on the way, all beds.
    loading_gap_ms
        Longest time between two frames until the classifier was ready.
    cpu_s
        CPU seconds of front and engine.
    """

    first_frame_ns: int = 0
    ready_ns: int = 0
    first_label_ns: int = 0
    frames_ns: list[int] = []
    loading_gap_ms: float = 0.0
    cpu_s: dict[str, float] = {}
    lost: int = 0
    beats: list[BeatTimes] = []


class Stats:
    """Collects a `Report` if it is wanted, and costs nothing if not."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._report = Report()
        self._unshown: list[BeatTimes] = []

    def frame(self) -> None:
        """A frame has been drawn."""
        if self._path is None:
            return
        now = time.time_ns()
        report = self._report
        if report.frames_ns and not report.ready_ns:
            report.loading_gap_ms = max(report.loading_gap_ms, (now - report.frames_ns[-1]) / 1e6)
        report.first_frame_ns = report.first_frame_ns or now
        report.frames_ns.append(now)
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
            if isinstance(entry.event, Gap):
                self._report.lost += entry.event.stop - entry.event.sample
        for entry in update.entries:
            beat, timing = entry.event, entry.timing
            if isinstance(beat, LabelledBeat) and timing is not None:
                times = msgspec.structs.asdict(timing)
                self._unshown.append(
                    BeatTimes(
                        bed=entry.bed, fs=entry.fs, sample=beat.sample, decided=beat.decided, shown=0, **times
                    )
                )
        if drawn:
            self._show(now)
        self._report.cpu_s["engine"] = update.cpu_s

    def write(self) -> None:
        """Write the report.

        Raises
        ------
        StorageError
            The file cannot be written.
        """
        if self._path is None:
            return
        times = os.times()
        self._report.cpu_s["front"] = times.user + times.system
        try:
            half = self._path.with_suffix(".part")
            half.write_bytes(msgspec.json.encode(self._report))
            half.replace(self._path)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror}") from error

    def _show(self, now: int) -> None:
        if self._unshown:
            self._report.first_label_ns = self._report.first_label_ns or now
            self._report.beats += [msgspec.structs.replace(beat, shown=now) for beat in self._unshown]
            self._unshown.clear()
