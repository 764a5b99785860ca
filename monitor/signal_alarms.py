"""Alarms that need no label: asystole, fibrillation, extreme and limit rates, pause, leads, cannot analyse.

Time runs by two kinds of news: `SignalAlarms.observe` (an event, so everything decided earlier is known) and
`SignalAlarms.advance` (nothing decided earlier will come). A deadline at sample ``t`` falls once everything
decided up to and including ``t`` is known, so the partition of the signal changes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict

from monitor.darkness import Darkness, Spans
from monitor.definitions import DEFINITIONS, raised
from monitor.events import Alarm, Beat, Event, Gap, LeadQuality, Rate, Rhythm
from monitor.rate_limits import Excess, longest, of_beats, of_rate
from monitor.settings import AlarmSettings
from monitor.silence import N_USUAL, Silence, pause_limit, surely_quiet
from monitor.stage import State
from monitor.standing import NEVER, Standing
from monitor.watch import Watch

__all__ = ["SignalAlarms"]

_EDGES_S = (0.15, 0.3)
"""A QRS complex so close before a hole, or behind it, may not be found."""
_FIBRILLATION = ("(VFL", "(VF")
_BY_MANY_BEATS = ("extreme_tachycardia", "extreme_bradycardia")
_OF_SIGNAL = frozenset(kind for kind, definition in DEFINITIONS.items() if definition.lane == "signal")
_BY_SIGNAL = ("asystole", "pause", "extreme_tachycardia", "extreme_bradycardia", "high_rate", "low_rate")
"""Conditions of which nothing is known while no lead can be analysed."""


class SignalAlarms:
    """The signal lane's half of `monitor.alarms.Alarms`.

    Parameters
    ----------
    standing
        What stands, shared with the label lanes.
    settings
        Limits and times.
    fs
        Sampling rate in Hz.
    names
        Of the leads, for the text of alarms about one.
    start
        Absolute index of the first sample that will come.
    dark
        What of the last seconds of an earlier stream could not be judged; None for a bed's first.
    """

    def __init__(
        self,
        standing: Standing,
        settings: AlarmSettings,
        *,
        fs: float,
        names: Sequence[str],
        start: int,
        dark: Spans | None = None,
    ) -> None:
        self.fs = fs
        self._settings = settings
        self._names = tuple(names)
        self._standing = standing
        self._out: list[Alarm] = []
        self._dark = Darkness(settings, fs=fs)
        self._dark.begin(start, dark)
        self._learn(start)

    def observe(self, event: Event) -> list[Alarm]:
        """Take a fast-lane event, in order of ``decided``.

        Beats but weak ones, rates, lead states and fibrillation (``(VFL``, ``(VF``) count; others move time.
        """
        self._run_clock(event.decided)
        self._watch.now = max(self._watch.now, event.decided)
        match event:
            case Beat(weak=False):
                self._beat(event)
            case Rate():
                self._rate(event)
            case LeadQuality():
                self._quality(event)
            case Rhythm():
                self._fibrillation(event)
            case Gap():
                self._gap(event)
        self._next = self._deadline()[0]
        return self._taken()

    def miss(self, start: int, stop: int) -> None:
        """Learn that samples from ``start`` up to ``stop`` never came, before anything decided later.

        A beat may hide in such a hole and at its edges: the asystole clock stands still over it, and the
        quiet around it is no pause.
        """
        watch = self._watch
        before, after = (self._n(seconds) for seconds in _EDGES_S)
        blind = watch.blind_since is not None
        self._silence.miss(start - before, stop + after, sure=self._sure, blind=blind)
        watch.pause_armed = False
        self.look_again()

    def advance(self, index: int) -> list[Alarm]:
        """Let time run: no fast-lane event decided before ``index`` will come any more."""
        self._run_clock(index)
        return self._taken()

    def look_again(self, settings: AlarmSettings | None = None) -> None:
        """Go by other limits from now on, if given; what stands may have changed."""
        self._settings = settings or self._settings
        self._next = self._deadline()[0]

    @property
    def dark(self) -> Spans:
        """What of the last seconds could not be judged, for the next stream of the bed."""
        return self._dark.spans(self._watch.now)

    def reset(self, start: int) -> None:
        """Learn anew from sample ``start`` (a gap, a new stream); standing alarms are kept.

        A condition that lasts is carried over: it goes on as the same alarm if found again within
        ``carry_s``, and is over then if not.
        """
        self._dark.begin(start, self.dark)
        self._learn(start)

    def _learn(self, start: int) -> None:
        settings = self._settings
        n_leads = len(self._names)
        self._standing.carry(_OF_SIGNAL)
        self._watch = Watch(
            now=start,
            leads=["good"] * n_leads,
            flat_since=[start] * n_leads,
            carried_until=start + self._n(settings.carry_s),
            pause_until=start if self._standing.lasts("pause") else None,
        )
        self._silence = Silence(start + self._n(settings.learning_s))
        self._next = self._deadline()[0]

    def take_up(self, at: int) -> None:
        """Carry from sample ``at`` on what was found to have stood before, as `reset` does."""
        self._watch.carried_until = at + self._n(self._settings.carry_s)
        self._watch.carried_late = False
        self.look_again()

    def snapshot(self) -> State:
        """Return a copy of the state, what stands left out."""
        return {
            "watch": asdict(self._watch),
            "silence": self._silence.snapshot(),
            "dark": self._dark.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned, once what stood then stands again."""
        self._watch = Watch(**asdict(Watch(**state["watch"])))
        self._silence = Silence.restored(state["silence"])
        self._dark.restore(state["dark"])
        self._next = self._deadline()[0]

    # -- time ------------------------------------------------------------------------------------

    def _run_clock(self, index: int) -> None:
        """Let every deadline before ``index`` fall, in order."""
        falls = (
            self._drop_carried,
            self._go_blind,
            self._end_pause,
            self._long_quiet,
            self._asystole,
            self._remind,
            self._broken,
            self._whole,
        )
        while self._next < index:
            at, which = self._deadline()
            self._watch.now = at
            falls[which](at)
            self._next = self._deadline()[0]

    def _deadline(self) -> tuple[int, int]:
        """Return when the next deadline falls and which it is; never before what is known already."""
        watch = self._watch
        due = [NEVER] * 5 + [self._standing.next_reminder("signal"), *self._gaps_due()]
        if watch.carried_until is not None:
            due[0] = watch.carried_until
        if watch.blind_since is not None:
            if not watch.fibrillating and self._open("cannot_analyse"):
                due[1] = watch.blind_since + self._n(self._settings.blind_s)
        elif not watch.fibrillating:
            if watch.pause_armed and watch.last_beat is not None:
                report = self._n(self._settings.report_s)
                due[3] = watch.last_beat + self._silence.paused + self._pause_limit + report
            if self._open("asystole"):
                due[4] = self._silence.due(self._n(self._settings.asystole_s), sure=self._sure)
        if watch.pause_until is not None:
            due[2] = watch.pause_until
        at = min(due)
        return max(at, watch.now), due.index(at)

    def _gaps_due(self) -> tuple[int, int]:
        """Return when it is due to say that the signal has gaps, and when that is over."""
        if not self._open("signal_gaps"):
            return NEVER, self._dark.over
        watch, due = self._watch, NEVER if self._dark.due is None else self._dark.due
        judged = watch.fibrillating or any(
            self._standing.lasts(kind) for kind in ("asystole", "cannot_analyse")
        )
        if (self._silence.paused or watch.blind_since is not None) and not judged:
            due = min(due, self._silence.anchor + self._n(self._settings.gaps_s))
        return due, NEVER

    def _drop_carried(self, at: int) -> None:
        """End what was carried and not found again; what takes many beats to find has twice the time."""
        watch, late = self._watch, () if self._watch.carried_late else _BY_MANY_BEATS
        self._out += self._standing.drop_carried(at, but=late)
        waits = any(self._standing.carried(kind) for kind in late)
        watch.carried_until = at + self._n(self._settings.carry_s) if waits else None
        watch.carried_late = True

    def _go_blind(self, at: int) -> None:
        """Say that nothing can be analysed; what only beats can tell is then unknown, so it ends."""
        watch = self._watch
        watch.pause_armed, watch.pause_until, watch.rr, watch.beats = False, None, [], []
        self._end(*_BY_SIGNAL)
        self._start("cannot_analyse", at if watch.blind_since is None else watch.blind_since)

    def _end_pause(self, _: int) -> None:
        self._watch.pause_until = None
        self._end("pause")

    def _long_quiet(self, at: int) -> None:
        """Announce a pause that still lasts."""
        watch = self._watch
        watch.pause_armed, watch.pause_from, watch.pause_until = False, at, None
        onset = at if watch.last_beat is None else watch.last_beat
        self._start("pause", onset, value=(at - onset) / self.fs, evidence=[onset])

    def _remind(self, at: int) -> None:
        self._out += self._standing.remind("signal", at, at=at)

    def _broken(self, at: int) -> None:
        self._dark.told(at)
        self._start("signal_gaps", at)

    def _whole(self, at: int) -> None:
        self._dark.told(at)
        self._end("signal_gaps")

    def _asystole(self, at: int) -> None:
        onset, last_beat = self._silence.anchor, self._watch.last_beat
        last = [] if last_beat is None else [last_beat]
        self._start("asystole", onset, value=(at - onset) / self.fs, evidence=last)

    # -- news ------------------------------------------------------------------------------------

    def _beat(self, beat: Beat) -> None:
        watch = self._watch
        self._end("asystole")
        self._short_quiet(beat)
        if watch.last_beat is None:  # the clock waits for the end of learning, which is over
            self._silence.anchor = beat.sample
        self._silence.beat(beat.sample)
        watch.last_beat = beat.sample
        self._look(beat.decided)
        if self._standing.lasts("cannot_analyse") or watch.fibrillating:
            return
        watch.pause_armed = True
        if beat.rr is None:
            watch.beats = []
        else:
            watch.rr = [*watch.rr, beat.rr][-N_USUAL:]
        watch.beats = [*watch.beats, beat.sample][-longest(self._settings) :]
        self._compare(of_beats(watch.beats, self._settings, fs=self.fs))

    def _short_quiet(self, beat: Beat) -> None:
        """Announce a pause that this beat ended, and let one that stands end in its time."""
        watch = self._watch
        if (
            watch.pause_armed
            and not self._silence.paused
            and beat.rr is not None
            and beat.rr > self._pause_limit
        ):
            watch.pause_from = beat.decided
            onset = beat.sample - beat.rr
            self._start("pause", onset, value=beat.rr / self.fs, evidence=[onset, beat.sample])
        if self._standing.lasts("pause"):
            watch.pause_until = max(beat.decided, watch.pause_from + self._n(self._settings.hold_s))

    def _rate(self, rate: Rate) -> None:
        hr = rate.hr_bpm
        if self._watch.fibrillating or self._standing.lasts("cannot_analyse"):
            self._end("high_rate", "low_rate")
            return
        if hr is None:  # learning anew does not say that a rate from before is over
            self._end(*(kind for kind in ("high_rate", "low_rate") if not self._standing.carried(kind)))
            return
        self._compare(of_rate(hr, rate.sample, self._watch.beats, self._settings))

    def _quality(self, change: LeadQuality) -> None:
        watch, lead = self._watch, change.lead
        watch.leads[lead] = change.state
        if change.state == "flat":
            watch.flat_since[lead] = change.sample
        if change.state == "off":
            self._start("lead_off", change.sample, lead=lead)
        else:
            self._out += self._standing.end("lead_off", change.decided, lead)
        self._look(change.decided)

    def _look(self, at: int) -> None:
        """Stop or resume the clocks as the last lead becomes unusable or the first usable again."""
        watch = self._watch
        if not watch.sees:
            watch.blind_since = at if watch.blind_since is None else watch.blind_since
        elif watch.blind_since is not None:
            if self._standing.lasts("cannot_analyse"):
                self._silence.restart(at)
            else:
                self._silence.see(watch.blind_since, at)
                self._dark.add(watch.blind_since, at, at=at)
            watch.blind_since = None
            self._end("cannot_analyse")

    def _gap(self, gap: Gap) -> None:
        """Count what never came; a hole with its edges, where a beat may hide."""
        start, stop = self._silence.hole
        if start <= gap.sample and gap.stop <= stop:
            self._dark.add(start, stop, at=gap.decided)
        else:
            self._dark.add(gap.sample, gap.stop, at=gap.decided)

    def _fibrillation(self, rhythm: Rhythm) -> None:
        if rhythm.rhythm not in _FIBRILLATION:
            return
        watch = self._watch
        watch.fibrillating = rhythm.state == "start"
        if watch.fibrillating:
            watch.pause_armed, watch.rr, watch.beats = False, [], []
            self._end("asystole", "extreme_tachycardia", "extreme_bradycardia", "cannot_analyse")
            self._start("ventricular_fibrillation", rhythm.sample)
        else:
            self._silence.restart(rhythm.decided)
            self._end("ventricular_fibrillation")

    # -- small things ----------------------------------------------------------------------------

    def _n(self, seconds: float) -> int:
        return round(seconds * self.fs)

    def _compare(self, rates: Sequence[Excess]) -> None:
        """Start a rate alarm beyond its limit; end it well inside."""
        for kind, bpm, beyond, onset, beats in rates:
            if beyond > 0:
                self._start(kind, onset, value=bpm, evidence=beats)
            elif beyond <= -self._settings.rate_hysteresis_bpm:
                self._end(kind)

    @property
    def _sure(self) -> int:
        return surely_quiet(self._watch.rr, self._settings, fs=self.fs)

    @property
    def _pause_limit(self) -> int:
        return pause_limit(self._watch.rr, self._settings, fs=self.fs)

    def _open(self, kind: str) -> bool:
        """Tell whether starting the alarm would change anything."""
        return not self._standing.lasts(kind) or self._standing.carried(kind)

    def _start(
        self,
        kind: str,
        sample: int,
        *,
        lead: int | None = None,
        value: float | None = None,
        evidence: Sequence[int] = (),
    ) -> None:
        self._out += self._standing.start(
            raised(
                kind,
                sample=sample,
                decided=self._watch.now,
                value=value,
                evidence=tuple(evidence),
                lead=None if lead is None else (lead, self._names[lead]),
            )
        )

    def _end(self, *kinds: str) -> None:
        for kind in kinds:
            self._out += self._standing.end(kind, self._watch.now)

    def _taken(self) -> list[Alarm]:
        taken, self._out = self._out, []
        return taken
