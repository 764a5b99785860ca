"""One bed as the engine keeps it: its pipeline, its snapshot for screens, its recording.

A bed outlives its streams: a device that starts anew gets a new pipeline, and the alarms that stood
go on standing. Everything a bed has to say leaves through one function, `Sink`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import msgspec

from monitor import bequest, vitals
from monitor.analysis import Analysis
from monitor.assemble import Closed, Counters, Fault, Item, Lost, Opened, Samples
from monitor.beats import WindowSpec
from monitor.errors import SettingsError
from monitor.events import (
    Alarm,
    AnyEvent,
    Beat,
    BeatWindow,
    Event,
    Gap,
    LabelledBeat,
    LimitChange,
    Notice,
    Output,
    Wave,
)
from monitor.handover import BYE, NOTHING, Bedside, Handover
from monitor.link import Entry, Timing
from monitor.own_limits import OwnLimits
from monitor.pace import Pace
from monitor.recording import Recording
from monitor.settings import Settings
from monitor.stopwatch import Stopwatch
from monitor.trouble import Trouble
from monitor.vitals import BedSnapshot

__all__ = ["Bed", "Key", "Sink"]

Key: TypeAlias = tuple[str, int, bool]
"""Names a window for the classifier: ``bed#stream-count``, the beat's sample, whether it is provisional."""

Sink: TypeAlias = Callable[[Entry], None]


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
    before
        What the monitor's process before this one left here. Its alarms go on standing: the first stream
        finds their conditions again, or they end. What persons had set goes on.

    Attributes
    ----------
    trouble
        Its alarms that only the wall clock can tell.
    recording
        What keeps its signal.
    failed
        Whether its analysis failed and it was set aside.
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
        before: Handover = NOTHING,
    ) -> None:
        self.name = name
        self.snapshot = BedSnapshot(
            bed=name,
            bridge_s=max(settings.filters.bridge_s, settings.filters.resume_s),
            limits=settings.alarms.limits(),
        )
        self._settings = settings
        self._limits = OwnLimits(settings.alarms)
        self._window = window
        self._tell = tell
        self._ask = ask
        self._analysis = Analysis(reminder_s=settings.alarms.reminder_s)
        self._stream_count = 0
        self._stopwatch = Stopwatch(asks_next=window.asks_next)
        self._last_received_ns: int | None = None
        self._pace = Pace(settings.feed)
        self._pause_until_ns = 0
        self.closed_ns: int | None = None
        self.failed = False
        self.trouble = Trouble(settings.alarms, say=self._say, index=lambda: self._index)
        self.recording = Recording(name, record, trouble=self.trouble, fault=fault)
        self.take_up(before)

    def take_up(self, left: Handover) -> None:
        """Go on with what the process before this one left; its alarms must not have started anew here."""
        self.snapshot = vitals.with_trend(self.snapshot, left.trend)
        self._take_up(*bequest.lanes(left))
        self._keep(left.bedside)
        if left.ended and not self.opened:
            self._leave()

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
                self._notice(BYE)
            case Fault():
                self.trouble.refused(item.text)
                self._notice(item.text)

    def answer(
        self, stream_count: int, sample: int, probabilities: Sequence[float], *, provisional: bool
    ) -> None:
        """Take the classifier's answer; one for an earlier stream is too late to matter."""
        pipeline = self._analysis.pipeline
        if pipeline is not None and stream_count == self._stream_count:
            self._labels(pipeline.label(sample, probabilities, provisional=provisional))

    def tick(self, now_ns: int, *, heard: bool = False) -> None:
        """Look at the wall clock: give up on overdue labels, notice a feed that went silent, remind.

        ``heard``: more has been received of it than it was given.
        """
        if self._analysis.pipeline is not None and not self.failed:
            self._labels(self._analysis.pipeline.give_up())
        if self._last_received_ns is not None:
            self._last_received_ns = min(self._last_received_ns, now_ns)  # the clock may be set back
        silent_ns = now_ns - (self._last_received_ns or now_ns)
        if not (self.closed or self.failed or heard) and silent_ns > self._settings.feed.lost_after_s * 1e9:
            self.lose()
        self.trouble.turn("signal_slow", on=self._pace.slow and not (self.closed or self.failed))
        self.trouble.tick(now_ns)
        if not self.closed:
            self._run(self._analysis.remind(now_ns, self._index))
        if 0 < self._pause_until_ns < now_ns:  # the signal's clock, which ends a pause, may stand still
            self.pause_audio(on=False)

    def lose(self) -> None:
        """Show nothing as current until samples come again, whatever becomes of the alarm that says so."""
        if not self.closed:
            self.snapshot = vitals.with_status(self.snapshot, "lost")
        self.trouble.start("feed_lost")

    def acknowledge(self, by: str = "", kind: str | None = None) -> None:
        """Acknowledge what stands on this bed, of one kind or of all."""
        self._run(self._analysis.acknowledge(self._index, by=by, kind=kind))
        self.trouble.acknowledge(by, kind)

    def pause_audio(self, *, on: bool, by: str = "") -> None:
        """Pause all alarm sound of this bed for ``alarms.audio_pause_s`` from now, or let it back."""
        self._quiet(self._settings.alarms.audio_pause_s if on else None, by)

    def set_limits(self, limits: Mapping[str, float], by: str = "") -> str:
        """Change alarm limits from now on, for streams and runs to come too; return why not, or nothing."""
        try:
            change = self._limits.set(limits, by=by, at=self._index)
        except SettingsError as error:
            self._notice(f"limits refused: {error}")
            return str(error)
        if change.after:
            self._limited(change)
        return ""

    def end(self) -> None:
        """Flush the stream: the last beats and windows leave; answers are still taken."""
        self._flush()
        self._leave()

    def set_aside(self, reason: str) -> None:
        """Stop analysing until a stream begins anew; what stands can be answered, and is reminded of."""
        self.failed = True
        self.snapshot = vitals.with_status(self.snapshot, "lost")
        self.trouble.start("bed_failed", reason)
        paused_s = self._paused_s
        try:
            self.close()
        finally:
            self._analysis.halt()
            if paused_s:
                self._quiet(paused_s)

    def discharge(self) -> None:
        """Close the recording, and the alarms that nothing will ever end: this bed is to be forgotten."""
        self.close()
        index = self._index
        self._analysis.halt()
        self._run(self._analysis.close(lambda _: True, index))
        self.trouble.end_all()
        if self._limits.own:
            self._limited(self._limits.drop(at=self._index))

    def close(self) -> None:
        """Call Q what was never labelled and close the recording."""
        if self._analysis.pipeline is not None:
            for event in self._analysis.pipeline.abandon():
                self._say(event)
        self.recording.close()

    def shown(self, counted: Counters) -> BedSnapshot:
        """Return the snapshot for screens, with what ingest has counted."""
        return vitals.with_transport(
            self.snapshot,
            latency_ms=self._pace.latency_ms,
            duplicates=counted.duplicates,
            refused=counted.refused,
        )

    @property
    def closed(self) -> bool:
        """Whether the stream has said good-bye, or a bed that was known before has not come yet."""
        return self.closed_ns is not None

    @property
    def opened(self) -> bool:
        """Whether a stream of this bed has ever come to this process."""
        return self._stream_count > 0

    @property
    def seen(self) -> bool:
        """Whether somebody has acknowledged all that stands here."""
        return all(alarm.acknowledged for alarm in self.snapshot.alarms)

    @property
    def n_waiting(self) -> int:
        """Beats that wait for their label."""
        pipeline = self._analysis.pipeline
        return 0 if pipeline is None else pipeline.n_waiting

    def _notice(self, text: str) -> None:
        self._say(Notice(sample=self._index, decided=self._index, text=text))

    def _take_up(self, judged: Sequence[Alarm], wall: Sequence[Alarm]) -> None:
        """Show what stood before, tell that it does, and end what was trouble of the old process."""
        if not (standing := [*judged, *wall]):
            return
        self._last_received_ns = self._last_received_ns or time.time_ns()  # if nothing comes, it is lost
        self.snapshot = vitals.with_standing(self.snapshot, standing)
        names = ", ".join(alarm.text + (" (over)" if alarm.state == "end" else "") for alarm in standing)
        self._notice(f"taken up from the run before: {names}")
        self._run(self._analysis.take_up(judged, self._index, off=self._settings.alarms.off))
        self.trouble.take_up(wall)

    def _keep(self, bedside: Bedside) -> None:
        """Go on with what persons had set before the restart, as far as it can still be."""
        if bedside != NOTHING.bedside and not self.snapshot.alarms and not self.opened:
            self.closed_ns = time.time_ns()  # if nothing comes of this bed, it had left
        left_s = (bedside.quiet_until_ns - time.time_ns()) / 1e9
        if left_s > 0 and not self._pause_until_ns:
            self._quiet(min(left_s, self._settings.alarms.audio_pause_s))
        if bedside.limits:
            try:
                self._limited(self._limits.keep(bedside.limits, by=bedside.by, at=self._index))
            except SettingsError as error:
                self._notice(f"limits set before the restart do not fit the settings: {error}")
                self._limited(self._limits.drop(at=self._index))

    def _leave(self) -> None:
        """Show the bed as one whose device took its leave: nobody misses it."""
        self.closed_ns = time.time_ns()
        self.snapshot = vitals.with_status(self.snapshot, "ended")

    def _limited(self, change: LimitChange) -> None:
        """Let other limits hold, and tell it."""
        self._settings = msgspec.structs.replace(self._settings, alarms=self._limits.now)
        if self._analysis.pipeline is not None:
            self._analysis.pipeline.set_limits(self._limits.now)
        self._say(change)

    def _quiet(self, seconds: float | None, by: str = "") -> None:
        """Pause alarm sound for so long from now; None: let it back."""
        self._pause_until_ns = 0 if seconds is None else time.time_ns() + round(seconds * 1e9)
        fs = self.snapshot.fs or 1.0
        self._run(self._analysis.pause_audio(self._index, seconds, fs=fs, by=by))

    @property
    def _paused_s(self) -> float:
        """For how long sound is still paused: by the signal's clock, but no longer than by the wall's."""
        wall_s = (self._pause_until_ns - time.time_ns()) / 1e9
        return max(0.0, min(self.snapshot.audio_pause_s, wall_s))

    @property
    def _index(self) -> int:
        pipeline = self._analysis.pipeline
        return self.snapshot.index if pipeline is None else pipeline.index

    def _open(self, item: Opened) -> None:
        """A new stream: what the old one still holds leaves first, standing alarms stay."""
        self._flush()
        self.close()
        paused_s = self._paused_s
        self._last_received_ns = time.time_ns()
        self.failed = False
        self.trouble.end("bed_failed")
        self._stream_count += 1
        self._run(self._analysis.begin(self._settings, self._window, item, self._index))
        self._stopwatch.reset()
        self.closed_ns = None
        self._say(item.event)
        if paused_s:
            self._run(self._analysis.live.pause_audio(paused_s))
        self.recording.begin(item)

    def _flush(self) -> None:
        if self._analysis.pipeline is not None and not self.closed:
            self._run(self._analysis.pipeline.flush())

    def _samples(self, item: Samples) -> None:
        self._last_received_ns = item.received_ns
        self.trouble.end("feed_lost")
        self.snapshot = vitals.fold(self.snapshot, item.block)
        self._pace.take(item, fs=self.snapshot.fs)
        self.recording.keep(item.block)
        outputs = self._analysis.live.push(item.block)
        self._run(outputs, captured=item.captured_ns, received=item.received_ns)

    def _lost(self, gap: Gap) -> None:
        if gap.reason == "restarted":
            self._say(gap)
            return
        self.recording.lost(gap)
        self._run(self._analysis.live.push(gap))

    def _run(self, outputs: Sequence[Output], *, captured: int = 0, received: int = 0) -> None:
        now = time.time_ns()
        for output in outputs:
            if isinstance(output, BeatWindow):
                self._stopwatch.window(output, captured=captured, received=received, now=now)
                self._ask((f"{self.name}#{self._stream_count}", output.sample, output.provisional), output)
            elif isinstance(output, Wave):
                self.snapshot = vitals.fold(self.snapshot, output)
            else:
                if isinstance(output, Beat):
                    self._stopwatch.beat(output, received=received, now=now)
                self._say(output)

    def _labels(self, events: Sequence[Event]) -> None:
        now = time.time_ns()
        for event in events:
            timing = None
            if isinstance(event, LabelledBeat):
                timing = self._stopwatch.labelled(event, now=now)
                if event.probabilities is None:
                    self.trouble.start("classifier_late")
                else:
                    self.trouble.end("classifier_late")
            self._say(event, timing)

    def _say(self, event: Event, timing: Timing | None = None) -> None:
        self.snapshot = vitals.fold(self.snapshot, event)
        self.recording.keep(event)
        self._tell(
            Entry(
                bed=self.name,
                record=self.snapshot.record,
                time_ns=time.time_ns(),
                fs=self.snapshot.fs or 1.0,
                event=cast("AnyEvent", event),  # the union is closed: these are all there are
                timing=timing,
            )
        )
