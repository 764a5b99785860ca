"""A bed's pipeline, and what stands on the bed where it has none: before its first stream, or set aside."""

import time
from collections.abc import Callable, Collection, Sequence

from monitor.assemble import Opened
from monitor.beats import WindowSpec
from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, Output
from monitor.pipeline import Pipeline
from monitor.settings import Settings
from monitor.standing import Standing

__all__ = ["Analysis"]


class Analysis:
    """What judges the signal of one bed, from stream to stream; alarms that stand are carried over.

    Its methods return what is to be told. Each takes the sample at which that is decided where there is
    no pipeline, which knows it itself.

    Parameters
    ----------
    reminder_s
        How long after its acknowledgement an alarm that still stands is told again; 0: never. Where there
        is no pipeline that is by wall time: see `remind`.

    Attributes
    ----------
    pipeline
        The one of the stream that is under way or was the last, None where there is none.
    """

    def __init__(self, *, reminder_s: float) -> None:
        self.pipeline: Pipeline | None = None
        self._reminder_ns = round(reminder_s * 1e9)
        self._before = Standing(reminder=self._reminder_ns)
        self._opened: Opened | None = None

    @property
    def live(self) -> Pipeline:
        """The pipeline, which there has to be.

        Raises
        ------
        ValueError
            No stream has begun.
        """
        if self.pipeline is None:
            raise ValueError("samples: expected an opened stream before them, received none")
        return self.pipeline

    def begin(self, settings: Settings, window: WindowSpec, opened: Opened, index: int) -> Sequence[Output]:
        """Learn anew from the first sample of a stream on; close what it cannot judge."""
        dark = None if self.pipeline is None else self.pipeline.dark
        self.halt()
        steps = self.close(opened.lacks, index)
        self._opened = opened
        self.pipeline = Pipeline(
            settings,
            window,
            fs=opened.fs,
            leads=opened.leads,
            start=opened.index,
            standing=self._before.alarms(),
            dark=dark,
        )
        return steps

    def halt(self) -> None:
        """Judge no more; what stands goes on standing."""
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            self._before = Standing(pipeline.standing, reminder=self._reminder_ns, start=time.time_ns())

    def take_up(self, alarms: Sequence[Alarm], index: int, *, off: Collection[str]) -> Sequence[Output]:
        """Let alarms go on that were not known to stand; close those that are switched off or not judged."""
        taken = Standing(alarms)
        steps = _closed(taken, lambda alarm: alarm.kind in off, index)
        if self.pipeline is None or self._opened is None:
            self._before.take_up(taken.alarms(), start=time.time_ns())
            return steps
        steps += _closed(taken, self._opened.lacks, index)
        self.pipeline.take_up(taken.alarms())
        return steps

    def acknowledge(self, index: int, *, by: str, kind: str | None) -> Sequence[Output]:
        """Acknowledge what stands, of one kind or of all."""
        if self.pipeline is None:
            return self._before.acknowledge(index, by=by, kind=kind, now=time.time_ns())
        return self.pipeline.acknowledge(by, kind)

    def remind(self, now_ns: int, index: int) -> Sequence[Output]:
        """Tell again, by wall time, what was acknowledged long ago and that no pipeline can remind of."""
        if self.pipeline is not None:
            return ()
        lanes = {DEFINITIONS[alarm.kind].lane for alarm in self._before.alarms()}
        return [step for lane in sorted(lanes) for step in self._before.remind(lane, now_ns, at=index)]

    def pause_audio(self, index: int, seconds: float | None, *, fs: float, by: str = "") -> Sequence[Output]:
        """Pause all sound for so long, at ``fs`` Hz where there is no pipeline; None: let it back."""
        if self.pipeline is not None:
            return self.pipeline.pause_audio(seconds, by)
        until = None if seconds is None else index + round(seconds * fs)
        return self._before.pause_audio(index, until, by=by)

    def close(self, which: Callable[[Alarm], bool], index: int) -> Sequence[Output]:
        """End and clear alarms that nobody will judge any more, while there is no pipeline."""
        return _closed(self._before, which, index)


def _closed(standing: Standing, which: Callable[[Alarm], bool], index: int) -> list[Alarm]:
    return [step for alarm in standing.alarms() if which(alarm) for step in standing.close(alarm, index)]
