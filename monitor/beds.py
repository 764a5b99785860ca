"""One bed as the engine keeps it: its pipeline, its snapshot for screens, its recording.

A bed outlives its streams: a device that starts anew gets a new pipeline, and the alarms that stood
go on standing. Everything a bed has to say leaves through one function, `Sink`.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, cast

import msgspec
import numpy as np

from monitor import vitals
from monitor.assemble import Closed, Counters, Fault, Item, Lost, Opened, Samples
from monitor.beats import WindowSpec
from monitor.definitions import DEFINITIONS
from monitor.errors import StorageError
from monitor.events import (
    Alarm,
    AnyEvent,
    Beat,
    BeatWindow,
    Block,
    Event,
    Gap,
    LabelledBeat,
    Notice,
    Output,
    Stream,
    Wave,
)
from monitor.link import Entry, Timing
from monitor.pipeline import Pipeline
from monitor.recorder import Recorder
from monitor.settings import Settings
from monitor.vitals import BedSnapshot

__all__ = ["Bed", "Key", "Sink"]

Key: TypeAlias = tuple[str, int, bool]
"""Names a window for the classifier: ``bed#stream-count``, the beat's sample, whether it is provisional."""

Sink: TypeAlias = Callable[[Entry], None]


_REFUSED_NS = 10_000_000_000
"""How long after the last refused packet the feed is called good again."""


class Bed:
    """One bed's line from received items to told events.

    Parameters
    ----------
    name
        The bed's name on the wire.
    settings, window
        As `Pipeline` wants them.
    tell
        Called with every event, once, in the order in which they became known.
    ask
        Called with every window to be labelled.
    record
        Folder to record into, None for no recording.
    fault
        Called with a line when the recording cannot be written; it is tried again.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        window: WindowSpec,
        *,
        tell: Sink,
        ask: Callable[[Key, BeatWindow], None],
        record: Path | None,
        fault: Callable[[str], None],
    ) -> None:
        self.name = name
        self.snapshot = BedSnapshot(bed=name, bridge_s=settings.filters.bridge_s)
        self._settings = settings
        self._window = window
        self._tell = tell
        self._ask = ask
        self._fault = fault
        self._record = record
        self._recorder: Recorder | None = None
        self._opened: Opened | None = None
        self._pipeline: Pipeline | None = None
        self._stream_count = 0
        self._technical: dict[str, Alarm] = {}
        self._timings: dict[tuple[int, bool], Timing] = {}
        self._detected: dict[int, tuple[int, int, int]] = {}
        self._last_received_ns: int | None = None
        self._latency_ms: float | None = None
        self._refused_ns = 0
        self._not_stored: dict[str, str] = {}
        self.closed_ns: int | None = None
        self.failed = False

    def take(self, item: Item) -> None:
        """Take the next thing that ingest has for this bed."""
        match item:
            case Opened():
                self._open(item)
            case Samples():
                self._samples(item)
            case Lost():
                self._lost(item.gap)
            case Closed():
                self.end()
            case Fault():
                self._refuse(item.text)

    def answer(
        self, stream_count: int, sample: int, probabilities: Sequence[float], *, provisional: bool
    ) -> None:
        """Take the classifier's answer; one for an earlier stream is too late to matter."""
        if self._pipeline is not None and stream_count == self._stream_count:
            self._labels(self._pipeline.label(sample, probabilities, provisional=provisional))

    def tick(self, now_ns: int) -> None:
        """Look at the wall clock: give up on overdue labels, notice a feed that went silent."""
        if self._pipeline is not None:
            self._labels(self._pipeline.give_up())
        silent_ns = now_ns - (self._last_received_ns or now_ns)
        if not self.closed and silent_ns > self._settings.feed.lost_after_s * 1e9:
            self.technical("feed_lost")
        if now_ns - self._refused_ns > _REFUSED_NS:
            self.settled("feed_error")

    def acknowledge(self) -> None:
        """Acknowledge all that stands on this bed."""
        if self._pipeline is not None:
            self._run(self._pipeline.acknowledge())
        for kind, alarm in self._technical.items():
            if alarm.state == "start":
                self._technical[kind] = self._step(alarm, "acknowledged")

    def end(self) -> None:
        """Flush the stream: the last beats and windows leave; answers are still taken."""
        if self._pipeline is not None and not self.closed:
            self._run(self._pipeline.flush())
        self.closed_ns = time.time_ns()
        self.snapshot = vitals.with_status(self.snapshot, "ended")

    def close(self) -> None:
        """Call Q what was never labelled and close the recording."""
        if self._pipeline is not None:
            for event in self._pipeline.abandon():
                self._say(event)
        self._keep(Recorder.close)
        self._recorder = None

    def shown(self, counted: Counters) -> BedSnapshot:
        """Return the snapshot for screens, with what ingest has counted."""
        return vitals.with_transport(
            self.snapshot,
            latency_ms=self._latency_ms,
            duplicates=counted.duplicates,
            refused=counted.refused,
        )

    def flush_files(self) -> None:
        """Bring the recording up to date on disk."""
        if self._keep(Recorder.flush):
            self.stored("recording")

    @property
    def closed(self) -> bool:
        """Whether the stream has said good-bye, or there was none yet."""
        return self.closed_ns is not None

    @property
    def n_waiting(self) -> int:
        """Beats that wait for their label."""
        return 0 if self._pipeline is None else self._pipeline.n_waiting

    def technical(self, kind: str, text: str = "") -> None:
        """Raise a technical alarm, unless it stands already."""
        if kind not in self._technical:
            definition = DEFINITIONS[kind]
            alarm = Alarm(
                sample=self._index,
                decided=self._index,
                kind=kind,
                priority=definition.priority,
                state="start",
                text=text or definition.text,
            )
            self._technical[kind] = alarm
            self._say(alarm)

    def settled(self, kind: str) -> None:
        """End a technical alarm, if it stands."""
        alarm = self._technical.pop(kind, None)
        if alarm is not None:
            self._step(alarm, "end")
            self._step(alarm, "cleared")

    def not_stored(self, what: str, reason: str) -> None:
        """Raise the alarm that the ``journal`` or the ``recording`` cannot be written."""
        self._not_stored[what] = reason
        self.technical("storage_failed", f"{DEFINITIONS['storage_failed'].text}: {reason}")

    def stored(self, what: str) -> None:
        """Take back `not_stored`; the alarm ends when nothing else is left unwritten."""
        self._not_stored.pop(what, None)
        if not self._not_stored:
            self.settled("storage_failed")

    def _refuse(self, text: str) -> None:
        """Tell what was refused: a line each time, an alarm for as long as it goes on."""
        self._refused_ns = time.time_ns()
        self.technical("feed_error", f"{DEFINITIONS['feed_error'].text}: {text}")
        self._say(Notice(sample=self._index, decided=self._index, text=text))

    def _step(self, alarm: Alarm, state: Literal["end", "acknowledged", "cleared"]) -> Alarm:
        step = msgspec.structs.replace(alarm, decided=self._index, state=state)
        self._say(step)
        return step

    @property
    def _index(self) -> int:
        return 0 if self._pipeline is None else self._pipeline.index

    def _open(self, item: Opened) -> None:
        """A new stream: what the old one still holds leaves first, standing alarms stay."""
        self.end()
        self.close()
        self._opened = item
        self._last_received_ns = time.time_ns()
        self._begin(item, item.index)
        self._say(
            Stream(
                sample=item.index,
                decided=item.index,
                stream=str(item.stream),
                fs=item.fs,
                leads=item.leads,
                record=item.record,
            )
        )
        self._record_stream(item)

    def _begin(self, opened: Opened, index: int) -> Pipeline:
        """Make a pipeline that learns anew from ``index`` on and keeps the alarms that stand."""
        standing = () if self._pipeline is None else self._pipeline.standing
        if self._pipeline is not None and self._pipeline.leads != opened.leads:
            for alarm in [alarm for alarm in standing if alarm.lead is not None]:
                self._step(alarm, "end")  # the lead that it was about is not there any more
                self._step(alarm, "cleared")
            standing = tuple(alarm for alarm in standing if alarm.lead is None)
        self._stream_count += 1
        self._pipeline = Pipeline(
            self._settings,
            self._window,
            fs=opened.fs,
            leads=opened.leads,
            start=index,
            standing=standing,
        )
        self._timings.clear()
        self._detected.clear()
        self.closed_ns = None
        return self._pipeline

    def _record_stream(self, item: Opened) -> None:
        if self._record is None:
            return
        try:
            self._recorder = Recorder(
                self._record,
                self.name,
                fs=item.fs,
                leads=item.leads,
                gains=item.gain,
                baselines=item.baseline,
            )
        except StorageError as error:
            self._not_recording(error)

    def _keep(self, action: Callable[[Recorder], None]) -> bool:
        """Let the recorder act; its trouble is an alarm and never in the way of the signal."""
        if self._recorder is None:
            return False
        try:
            action(self._recorder)
        except StorageError as error:
            self._not_recording(error)
            return False
        return True

    def _not_recording(self, error: StorageError) -> None:
        self._fault(str(error))
        self.not_stored("recording", str(error))

    def _samples(self, item: Samples) -> None:
        self._last_received_ns = item.received_ns
        self.settled("feed_lost")
        self.snapshot = vitals.fold(self.snapshot, item.block)
        self._latency_ms = (item.received_ns - item.captured_ns) / 1e6
        self._keep(lambda recorder: recorder.block(item.block))
        self._run(
            self._live(item.block.start).push(item.block),
            captured=item.captured_ns,
            received=item.received_ns,
        )

    def _lost(self, gap: Gap) -> None:
        if gap.reason == "restarted":
            self._say(gap)
            return
        self._keep(lambda recorder: recorder.gap(gap))
        self._run(self._live(gap.sample).push(gap))

    def _live(self, index: int) -> Pipeline:
        """Return the pipeline; a stream that goes on after its bye learns anew from ``index``."""
        if self._pipeline is None or self._opened is None:
            raise ValueError(f"bed {self.name}: expected an opened stream before its samples")
        if not self.closed:
            return self._pipeline
        for event in self._pipeline.abandon():
            self._say(event)
        self.snapshot = vitals.with_status(self.snapshot, "up")
        return self._begin(self._opened, index)

    def _run(self, outputs: Sequence[Output], *, captured: int = 0, received: int = 0) -> None:
        now = time.time_ns()
        for output in outputs:
            if isinstance(output, BeatWindow):
                known = self._detected.get(output.sample, (output.decided, received, now))
                timing = Timing(*known, captured, received, now, 0)
                self._timings[output.sample, output.provisional] = timing
                if not self._window.asks_next:
                    self._timings[output.sample, False] = timing
                if not (output.provisional and self._window.asks_next):
                    self._detected.pop(output.sample, None)
                self._ask((f"{self.name}#{self._stream_count}", output.sample, output.provisional), output)
            elif isinstance(output, Wave):
                self.snapshot = vitals.fold(self.snapshot, output)
            else:
                if isinstance(output, Beat):
                    self._detected[output.sample] = (output.decided, received, now)
                self._say(output)

    def _labels(self, events: Sequence[Event]) -> None:
        now = time.time_ns()
        for event in events:
            timing = None
            if isinstance(event, LabelledBeat):
                known = self._timings.pop((event.sample, event.provisional), None)
                if event.probabilities is None:
                    self.technical("classifier_late")
                else:
                    self.settled("classifier_late")
                    timing = None if known is None else msgspec.structs.replace(known, labelled=now)
            self._say(event, timing)

    def _say(self, event: Event, timing: Timing | None = None) -> None:
        self.snapshot = vitals.fold(self.snapshot, event)
        self._keep(lambda recorder: recorder.event(event))
        self._tell(
            Entry(
                bed=self.name,
                record=self.snapshot.record,
                time_ns=time.time_ns(),
                fs=self.snapshot.fs,
                event=cast("AnyEvent", event),  # the union is closed: these are all there are
                timing=timing,
            )
        )


def warm_up(settings: Settings, window: WindowSpec) -> None:
    """Compile or load every kernel that a bed runs, before the first sample needs it."""
    fs = 360.0
    n_leads = max(2, window.needed_leads)
    pipeline = Pipeline(settings, window, fs=fs, leads=[str(lead) for lead in range(n_leads)])
    ramp = np.arange(round(8 * fs)) % 300
    pulses = np.exp(-0.5 * ((ramp - 150) / 6.0) ** 2)
    pipeline.push(Block(0, np.stack([pulses] * n_leads, axis=1)))
    pipeline.flush()
    pipeline.abandon()
