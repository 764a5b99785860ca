"""Alarms that need no label: asystole, fibrillation, extreme and limit rates, pause, leads, cannot analyse.

Time runs by two kinds of news: `SignalAlarms.observe` (an event, so everything decided earlier is known) and
`SignalAlarms.advance` (nothing decided earlier will come). A deadline at sample ``t`` falls once everything
decided up to and including ``t`` is known, so the partition of the signal changes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from statistics import median

from monitor.definitions import DEFINITIONS, raised
from monitor.events import Alarm, Beat, Event, LeadQuality, Rate, Rhythm
from monitor.settings import AlarmSettings
from monitor.stage import State
from monitor.standing import NEVER, Standing

__all__ = ["SignalAlarms"]

_N_USUAL = 8
"""The usual RR is the median of so many."""
_N_RATE = 13
"""The shown heart rate rests on so many beats at most."""
_FIBRILLATION = ("(VFL", "(VF")
_BY_MANY_BEATS = ("extreme_tachycardia", "extreme_bradycardia")
_OF_SIGNAL = frozenset(kind for kind, definition in DEFINITIONS.items() if definition.lane == "signal")
_BY_SIGNAL = ("asystole", "pause", "extreme_tachycardia", "extreme_bradycardia", "high_rate", "low_rate")
"""Conditions of which nothing is known while no lead can be analysed."""


@dataclass(slots=True)
class _Watch:
    """What the signal lane knows; plain values only.

    The asystole clock runs from ``anchor`` and stands still while no lead is usable (``paused`` so
    far, and since ``blind_since``).
    """

    now: int
    anchor: int
    leads: list[str]
    flat_since: list[int]
    paused: int = 0
    blind_since: int | None = None
    last_beat: int | None = None
    fibrillating: bool = False
    carried_until: int | None = None
    carried_late: bool = False
    pause_armed: bool = False
    pause_from: int = 0
    pause_until: int | None = None
    rr: list[int] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)


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
    """

    def __init__(
        self, standing: Standing, settings: AlarmSettings, *, fs: float, names: Sequence[str], start: int
    ) -> None:
        self.fs = fs
        self._settings = settings
        self._names = tuple(names)
        self._standing = standing
        self._out: list[Alarm] = []
        self.reset(start)

    def observe(self, event: Event) -> list[Alarm]:
        """Take a fast-lane event, in order of ``decided``.

        Beats, rates, lead states and fibrillation (``(VFL``, ``(VF``) count; others only move time.
        """
        self._run_clock(event.decided)
        self._watch.now = max(self._watch.now, event.decided)
        match event:
            case Beat():
                self._beat(event)
            case Rate():
                self._rate(event)
            case LeadQuality():
                self._quality(event)
            case Rhythm():
                self._fibrillation(event)
        self._next = self._deadline()[0]
        return self._taken()

    def advance(self, index: int) -> list[Alarm]:
        """Let time run: no fast-lane event decided before ``index`` will come any more."""
        self._run_clock(index)
        return self._taken()

    def look_again(self, settings: AlarmSettings | None = None) -> None:
        """Go by other limits from now on, if given; what stands may have changed."""
        self._settings = settings or self._settings
        self._next = self._deadline()[0]

    def reset(self, start: int) -> None:
        """Learn anew from sample ``start`` (a gap, a new stream); standing alarms are kept.

        A condition that lasts is carried over: it goes on as the same alarm if found again within
        ``carry_s``, and is over then if not.
        """
        settings = self._settings
        n_leads = len(self._names)
        self._standing.carry(_OF_SIGNAL)
        self._watch = _Watch(
            now=start,
            anchor=start + self._n(settings.learning_s),
            leads=["good"] * n_leads,
            flat_since=[start] * n_leads,
            carried_until=start + self._n(settings.carry_s),
            pause_until=start if self._standing.lasts("pause") else None,
        )
        self._next = self._deadline()[0]

    def take_up(self, at: int) -> None:
        """Carry from sample ``at`` on what was found to have stood before, as `reset` does."""
        self._watch.carried_until = at + self._n(self._settings.carry_s)
        self._watch.carried_late = False
        self.look_again()

    def snapshot(self) -> State:
        """Return a copy of the state, what stands left out."""
        return asdict(self._watch)

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned, once what stood then stands again."""
        self._watch = _Watch(**asdict(_Watch(**state)))
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
        )
        while self._next < index:
            at, which = self._deadline()
            self._watch.now = at
            falls[which](at)
            self._next = self._deadline()[0]

    def _deadline(self) -> tuple[int, int]:
        """Return when the next deadline falls and which it is; never before what is known already."""
        watch = self._watch
        due = [NEVER] * 5 + [self._standing.next_reminder("signal")]
        if watch.carried_until is not None:
            due[0] = watch.carried_until
        if watch.blind_since is not None:
            if not watch.fibrillating and self._open("cannot_analyse"):
                due[1] = watch.blind_since + self._n(self._settings.blind_s)
        elif not watch.fibrillating:
            if watch.pause_armed and watch.last_beat is not None:
                report = self._n(self._settings.report_s)
                due[3] = watch.last_beat + watch.paused + self._pause_limit() + report
            if self._open("asystole"):
                due[4] = watch.anchor + watch.paused + self._n(self._settings.asystole_s)
        if watch.pause_until is not None:
            due[2] = watch.pause_until
        at = min(due)
        return max(at, watch.now), due.index(at)

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

    def _asystole(self, at: int) -> None:
        watch = self._watch
        last = [] if watch.last_beat is None else [watch.last_beat]
        self._start("asystole", watch.anchor, value=(at - watch.anchor) / self.fs, evidence=last)

    # -- news ------------------------------------------------------------------------------------

    def _beat(self, beat: Beat) -> None:
        watch = self._watch
        watch.anchor = beat.sample if watch.last_beat is None else max(watch.anchor, beat.sample)
        self._end("asystole")
        self._short_quiet(beat)
        watch.last_beat, watch.paused = beat.sample, 0
        self._look(beat.decided)
        if self._standing.lasts("cannot_analyse") or watch.fibrillating:
            return
        watch.pause_armed = True
        if beat.rr is None:
            watch.rr, watch.beats = [], []
        else:
            watch.rr = [*watch.rr, beat.rr][-_N_USUAL:]
        settings = self._settings
        longest = max(settings.extreme_tachy_beats, settings.extreme_brady_beats)
        watch.beats = [*watch.beats, beat.sample][-longest:]
        self._turn("extreme_tachycardia", settings.extreme_tachy_beats, settings.extreme_tachy_bpm, 1)
        self._turn("extreme_bradycardia", settings.extreme_brady_beats, settings.extreme_brady_bpm, -1)

    def _short_quiet(self, beat: Beat) -> None:
        """Announce a pause that this beat ended, and let one that stands end in its time."""
        watch = self._watch
        if watch.pause_armed and not watch.paused and beat.rr is not None and beat.rr > self._pause_limit():
            watch.pause_from = beat.decided
            onset = beat.sample - beat.rr
            self._start("pause", onset, value=beat.rr / self.fs, evidence=[onset, beat.sample])
        if self._standing.lasts("pause"):
            watch.pause_until = max(beat.decided, watch.pause_from + self._n(self._settings.hold_s))

    def _rate(self, rate: Rate) -> None:
        hr, settings = rate.hr_bpm, self._settings
        if self._watch.fibrillating or self._standing.lasts("cannot_analyse"):
            self._end("high_rate", "low_rate")
            return
        if hr is None:  # learning anew does not say that a rate from before is over
            self._end(*(kind for kind in ("high_rate", "low_rate") if not self._standing.carried(kind)))
            return
        beats = self._watch.beats[-_N_RATE:]
        self._compare("high_rate", hr, hr - settings.high_rate_bpm, rate.sample, beats)
        self._compare("low_rate", hr, settings.low_rate_bpm - hr, rate.sample, beats)

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
        if not any(self._usable(lead) for lead in range(len(watch.leads))):
            watch.blind_since = at if watch.blind_since is None else watch.blind_since
        elif watch.blind_since is not None:
            if self._standing.lasts("cannot_analyse"):
                watch.anchor, watch.paused = max(watch.anchor, at), 0
            else:
                watch.paused += max(0, at - max(watch.blind_since, watch.anchor))
            watch.blind_since = None
            self._end("cannot_analyse")

    def _usable(self, lead: int) -> bool:
        """Tell whether a lead counts: good, or flat and not dead (the heart beat on while it was flat)."""
        state, last_beat = self._watch.leads[lead], self._watch.last_beat
        return state == "good" or (
            state == "flat" and (last_beat is None or last_beat <= self._watch.flat_since[lead])
        )

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
            watch.anchor, watch.paused = max(watch.anchor, rhythm.decided), 0
            self._end("ventricular_fibrillation")

    # -- small things ----------------------------------------------------------------------------

    def _n(self, seconds: float) -> int:
        return round(seconds * self.fs)

    def _turn(self, kind: str, n_beats: int, limit_bpm: float, sign: int) -> None:
        """Compare the mean rate over the last ``n_beats`` beats, where there are so many."""
        beats = self._watch.beats[-n_beats:]
        if len(beats) == n_beats:
            bpm = 60 * self.fs * (n_beats - 1) / (beats[-1] - beats[0])
            if sign < 0:  # one pause among beats of a usual rate is no bradycardia
                rr = [later - earlier for earlier, later in pairwise(beats)]
                bpm = max(bpm, 60 * self.fs / median(rr))
            self._compare(kind, bpm, sign * (bpm - limit_bpm), beats[0], beats)

    def _compare(self, kind: str, bpm: float, beyond: float, onset: int, beats: Sequence[int]) -> None:
        """Start a rate alarm beyond its limit; end it well inside."""
        if beyond > 0:
            self._start(kind, onset, value=bpm, evidence=beats)
        elif beyond <= -self._settings.rate_hysteresis_bpm:
            self._end(kind)

    def _pause_limit(self) -> int:
        settings, rr = self._settings, sorted(self._watch.rr)
        limit = settings.pause_s * self.fs
        if len(rr) >= _N_USUAL // 2:
            usual = max(settings.pause_ratio * rr[len(rr) // 2], settings.pause_floor_s * self.fs)
            limit = min(limit, usual)
        return round(limit)

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
