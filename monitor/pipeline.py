"""One bed, from sample blocks to beats, labels, rhythms and alarms: the pure core put together.

Lanes share one signal clock (law 2). The *fast lane* runs as samples arrive: quality, detection,
fibrillation, heart rate, and the alarms that need no label. Two *label lanes* run as answers arrive,
one for provisional labels and one for confirmed ones (`monitor.lanes`): each releases its labels
strictly in beat order, a beat's provisional label before its confirmed one, and each label takes effect
where its window was decided. The rhythms and alarms that need labels follow the kind that their
definition names (`monitor.definitions`): runs of ventricular beats, which must alarm at once, the
provisional one. The fast lane and the label lanes do not read each other's state, so when an answer
arrives changes nothing in what comes out, and a live run and a batch run give the same events.

The pipeline calls no network: it hands windows out and is given probabilities back.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.alarms import Alarms
from monitor.beats import WindowSpec
from monitor.cutter import cutter_of
from monitor.darkness import Spans
from monitor.detect_lstm import detector_for
from monitor.events import (
    Alarm,
    Beat,
    Block,
    Event,
    Gap,
    LeadQuality,
    Output,
    Rhythm,
    Wave,
    sort_key,
)
from monitor.fibrillation import Fibrillation
from monitor.filters import monitor_band
from monitor.lanes import Lanes
from monitor.quality import STATES, Quality
from monitor.rhythm import HeartRate
from monitor.settings import AlarmSettings, Settings
from monitor.stage import State
from monitor.steepness import Steepness
from monitor.succession import Succession

__all__ = ["Pipeline"]


_FS_HZ = (100.0, 1000.0)
_MAX_LEADS = 12
_OFF = STATES.index("off")


class Pipeline:
    """The whole analysis of one bed.

    Parameters
    ----------
    settings
        All thresholds.
    window
        What the model wants of a beat, from its card.
    fs
        Sampling rate in Hz, 100 to 1000.
    leads
        Lead names, 1 to 12.
    start
        Absolute index of the first sample that will come.
    standing
        Alarms carried over from an earlier stream of the same bed.
    dark
        What of that stream's last seconds could not be judged (`dark`); None for a bed's first.

    Raises
    ------
    ValueError
        The rate or the number of leads is none of a monitor's.
    ArtifactError
        The model asks for more leads than there are.
    """

    def __init__(
        self,
        settings: Settings,
        window: WindowSpec,
        *,
        fs: float,
        leads: Sequence[str],
        start: int = 0,
        standing: Sequence[Alarm] = (),
        dark: Spans | None = None,
    ) -> None:
        n_leads = len(leads)
        if not (_FS_HZ[0] <= fs <= _FS_HZ[1] and 1 <= n_leads <= _MAX_LEADS):
            raise ValueError(
                f"pipeline: expected fs from {_FS_HZ[0]:g} to {_FS_HZ[1]:g} Hz and 1 to {_MAX_LEADS} leads, "
                f"received {fs:g} Hz and {n_leads} leads"
            )
        self.fs = fs
        self.leads = tuple(leads)
        self.index = start
        self._bridge = round(settings.filters.bridge_s * fs)
        self._resume = round(settings.filters.resume_s * fs)
        self._timeout = round(settings.serving.label_timeout_s * fs)
        self._band = monitor_band(settings.filters, fs=fs, n_leads=n_leads)
        self._quality = Quality(settings.quality, fs=fs, n_leads=n_leads, start=start)
        self._detector = detector_for(settings.detector, fs=fs, n_leads=n_leads, start=start)
        self._succession = Succession(n_leads=n_leads, start=start)
        self._steepness = Steepness(fs=fs, n_leads=n_leads, delay_max=self._detector.delay_max, start=start)
        self._fibrillation = Fibrillation(settings.rhythm, fs=fs, n_leads=n_leads, start=start)
        self._cutter = cutter_of(
            window,
            fs=fs,
            n_leads=n_leads,
            start=start,
            wave_delay=self._band.delay,
            confirm_s=settings.serving.confirm_s,
        )
        self._rate = HeartRate(settings.rhythm, fs=fs, start=start)
        self._alarms = Alarms(
            settings.alarms,
            fs=fs,
            n_leads=n_leads,
            lead_names=self.leads,
            start=start,
            standing=standing,
            dark=dark,
        )
        self._lanes = Lanes(settings, window, self._alarms, fs=fs)
        self._lanes.take_up(standing)
        self._limits = settings.alarms
        self._lead_states: list[str] = ["good"] * n_leads
        self._fibrillating: str | None = None

    def push(self, item: Block | Gap) -> list[Output]:
        """Take the next samples, or the news that some will never come.

        A gap of up to ``filters.bridge_s`` is bridged as missing samples. Over one of up to
        ``filters.resume_s`` what is known stays known, no RR is taken and nothing is judged. After a
        longer one every stage of the fast lane learns anew. Standing alarms are kept.

        Returns
        -------
        list
            A `Wave` per block, the fast lane's events in the order of `sort_key`, ends of alarms that
            labels decided and that time has ended, then the `BeatWindow` s to be labelled, in the
            order of their ``decided``: each beat's provisional one and, if the model asks for anything
            of the next beat, the one to confirm.

        Raises
        ------
        ValueError
            The item does not continue at `index`, or has another number of leads.
        """
        start = item.start if isinstance(item, Block) else item.sample
        if start != self.index:
            raise ValueError(f"block out of order: expected sample {self.index}, received sample {start}")
        if isinstance(item, Gap):
            return self._gap(item)
        if item.samples.ndim != 2 or item.samples.shape[1] != len(self.leads):
            raise ValueError(
                f"block of wrong shape: expected (n, {len(self.leads)}), received {item.samples.shape}"
            )
        return self._block(item.samples)

    def label(self, sample: int, probabilities: Iterable[float] | None, *, provisional: bool) -> list[Event]:
        """Take the answer for a window: its beat's sample, probabilities in the order of `CLASSES`.

        None means that there will be no answer: the beat is Q. Answers may come in any order; labels
        leave in beat order, either kind for itself, a beat's provisional one first. An answer for a
        beat that waits no longer is ignored. Where the model asks for nothing of the next beat, the
        provisional answer is the confirmed one too.
        """
        self._lanes.answer(sample, probabilities, provisional=provisional)
        return self._release()

    def give_up(self) -> list[Event]:
        """Call Q the beats whose answer is overdue by ``serving.label_timeout_s`` of signal."""
        self._lanes.give_up(self.index - self._timeout)
        return self._release()

    def abandon(self) -> list[Event]:
        """Call Q every beat that still waits: nobody will answer any more."""
        self._lanes.abandon(self.index)
        return self._release()

    def flush(self) -> list[Output]:
        """End the stream: give out what the stages still hold. Answers are taken until all are in."""
        found = self._succession.flush(self._detector.flush())
        beats = self._lanes.expect(self._steepness.push(np.empty((0, len(self.leads))), found))
        windows = self._lanes.decide(self._cutter.flush(beats))
        return [*self._fast([*beats], self.index), *self._lanes.tick(self.index), *windows]

    def acknowledge(self, by: str = "", kind: str | None = None) -> list[Event]:
        """Acknowledge the alarms that stand now, of one kind or of all, at the current sample."""
        return [*self._alarms.acknowledge(self.index, by=by, kind=kind)]

    def pause_audio(self, seconds: float | None, by: str = "") -> list[Event]:
        """Pause all sound of this bed from the current sample on for so long; None: it comes back now."""
        return [*self._alarms.pause_audio(self.index, seconds, by=by)]

    def take_up(self, alarms: Sequence[Alarm]) -> None:
        """Let alarms that stood before the start go on from the current sample, as if over a gap.

        None of a kind and lead that stands here already.
        """
        self._alarms.take_up(alarms, self.index)
        self._lanes.take_up(alarms)

    def set_limits(self, limits: AlarmSettings) -> None:
        """Go by other alarm limits from the current sample on."""
        self._limits = limits
        self._alarms.set_limits(limits)
        self._lanes.set_limits(limits)

    @property
    def standing(self) -> tuple[Alarm, ...]:
        """Alarms that stand or are latched, as last announced."""
        return self._alarms.standing()

    @property
    def dark(self) -> Spans:
        """What of the last seconds could not be judged, for the next stream of the bed."""
        return self._alarms.dark

    @property
    def n_waiting(self) -> int:
        """How many beats wait for a label."""
        return len(self._lanes)

    def snapshot(self) -> State:
        """Return all state, as plain arrays, numbers and lists; `restore` goes on from it exactly."""
        return {
            "index": self.index,
            "limits": msgspec.structs.asdict(self._limits),
            "lead_states": list(self._lead_states),
            "fibrillating": self._fibrillating,
            "stages": {name: getattr(self, f"_{name}").snapshot() for name in _STAGES},
        }

    def restore(self, state: State) -> None:
        """Go on from what `snapshot` returned; the pipeline must have been made with equal arguments.

        The limits are those that were set last (`set_limits`).
        """
        self.index = state["index"]
        self.set_limits(msgspec.structs.replace(self._limits, **state["limits"]))
        self._lead_states = list(state["lead_states"])
        self._fibrillating = state["fibrillating"]
        for name, stage in state["stages"].items():
            getattr(self, f"_{name}").restore(stage)

    def _block(self, samples: NDArray[np.float64]) -> list[Output]:
        start, self.index = self.index, self.index + len(samples)
        changes, codes = self._quality.push(samples)
        wave = self._band.push(samples)
        found = self._succession.push(self._detector.push(samples, codes), codes)
        beats = self._lanes.expect(self._steepness.push(samples, found, changes))
        rhythms = self._fibrillation.push(wave, codes, beats)
        for change in changes:
            self._lead_states[change.lead] = change.state
        for rhythm in rhythms:
            self._fibrillating = rhythm.rhythm if rhythm.state == "start" else None
        self._lanes.note(rhythms)
        events: list[Event] = [*changes, *beats, *rhythms]
        windows = self._lanes.decide(self._cutter.push(wave, beats))
        fast = self._fast(events, self.index)
        return [Wave(start, self._band.delay, wave), *fast, *self._lanes.tick(self.index), *windows]

    def _gap(self, gap: Gap) -> list[Output]:
        if gap.stop - gap.sample <= self._bridge:
            missing = np.full((gap.stop - gap.sample, len(self.leads)), np.nan)
            return [*self._block(missing), *self._fast([gap], gap.stop)]
        if gap.stop - gap.sample <= self._resume:
            return self._hole(gap)
        outputs = self.flush()
        self._lanes.lose(gap.sample, gap.stop)
        self.index = gap.stop
        self._band.reset()
        for stage in (
            self._quality,
            self._detector,
            self._succession,
            self._steepness,
            self._fibrillation,
            self._cutter,
            self._rate,
            self._alarms,
        ):
            stage.reset(gap.stop)
        return [*outputs, *self._fast([gap], gap.stop), *self._closed_by(gap), *self._lanes.tick(self.index)]

    def _hole(self, gap: Gap) -> list[Output]:
        """Go on behind a hole with all that is known.

        A beat before it is decided in it at the latest, by what was good then; none is found in it.
        """
        missing = np.full((gap.stop - gap.sample, len(self.leads)), np.nan)
        self._alarms.miss(gap.sample, gap.stop)
        self._lanes.miss(gap.sample, gap.stop)
        codes = self._quality.skip(gap.stop)
        wave = self._band.push(missing)
        self._succession.miss(gap.sample)
        found = self._succession.push(self._detector.push(missing, np.full_like(codes, _OFF)), codes)
        beats = self._lanes.expect(self._steepness.push(missing, found))
        self._fibrillation.skip(gap.stop, beats)
        windows = self._lanes.decide(self._cutter.push(wave, beats))
        self.index = gap.stop
        return [*self._fast([*beats, gap], gap.stop), *self._lanes.tick(self.index), *windows]

    def _closed_by(self, gap: Gap) -> list[Event]:
        """End what the stages' reset has forgotten, so that every state told has its end.

        The alarms are not told: theirs are carried over the gap (`Alarms.reset`).
        """
        events: list[Event] = [
            LeadQuality(sample=gap.stop, decided=gap.stop, lead=lead, state="good")
            for lead, state in enumerate(self._lead_states)
            if state != "good"
        ]
        if self._fibrillating is not None:
            rhythm = self._fibrillating
            end = Rhythm(sample=gap.sample, decided=gap.stop, rhythm=rhythm, state="end")
            self._lanes.note([end])
            events.append(end)
        self._lead_states = ["good"] * len(self.leads)
        self._fibrillating = None
        return events

    def _fast(self, events: list[Event], stop: int) -> list[Event]:
        """Run rate and alarms over fast-lane events, all decided before ``stop`` (a gap: at it)."""
        for beat in [event for event in events if isinstance(event, Beat)]:
            events += self._rate.advance(beat.decided)
            self._rate.observe(beat)
        events += self._rate.advance(stop)
        alarms: list[Event] = []
        for event in sorted(events, key=sort_key):
            alarms += self._alarms.advance(event.decided)
            alarms += self._alarms.observe(event)
        alarms += self._alarms.advance(stop)
        return sorted(events + alarms, key=sort_key)

    def _release(self) -> list[Event]:
        """Let the label lanes advance, and the rhythms and alarms of each with it."""
        return [*self._lanes.release(), *self._lanes.tick(self.index)]


_STAGES = (
    "band",
    "quality",
    "detector",
    "succession",
    "steepness",
    "fibrillation",
    "cutter",
    "rate",
    "alarms",
    "lanes",
)
