"""What follows from labels: the two label lanes of a bed, and the rhythms and alarms of each.

One lane is for provisional labels, one for confirmed ones (`monitor.lane`). The rhythms and alarms that need
labels follow the kind that their definition names (`monitor.definitions`). Time runs in each lane up to the
next label that may come, so what an answer brings does not depend on when it arrives (law 2).
"""

from collections.abc import Iterable, Sequence

import msgspec

from monitor.alarms import Alarms
from monitor.arrhythmias import Arrhythmias
from monitor.atrial import Atrial
from monitor.events import Alarm, Beat, BeatWindow, Event, Rhythm
from monitor.forms import Forms
from monitor.lane import Lane
from monitor.likeness import Likeness
from monitor.rhythm import Rhythms
from monitor.runs import Runs
from monitor.settings import AlarmSettings, Settings
from monitor.stage import State
from monitor.sustained import Sustained
from monitor.turns import Turn, alarming, rhythms_of
from monitor.window import WindowSpec

__all__ = ["Lanes"]


class Lanes:
    """The label lanes of one bed.

    Parameters
    ----------
    settings
        All thresholds.
    window
        What the network is shown of a beat.
    alarms
        The alarms of the bed, which the fast lane has too. Their state is not kept here.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, settings: Settings, window: WindowSpec, alarms: Alarms, *, fs: float) -> None:
        self._alarms = alarms
        self._asks_next = window.asks_next
        self._rhythms = Rhythms(settings.rhythm, fs=fs)
        self._likeness = Likeness(window)
        self._forms = Forms(self._likeness)
        self._arrhythmias = Arrhythmias(settings, fs=fs)
        self._atrial = Atrial(settings.rhythm, window, fs=fs)
        self._sustained, self._sustained_confirmed = (
            Sustained(self._likeness, fs=fs, slowest_bpm=settings.rhythm.vt_rate_bpm) for _ in range(2)
        )
        self._runs = Runs(fs=fs)
        self._provisional = Lane("provisional", self._sustained)
        self._confirmed = Lane("confirmed", self._runs, self._sustained_confirmed)

    def __len__(self) -> int:
        """Return how many beats wait for their confirmed label."""
        return len(self._confirmed)

    def expect(self, beats: list[Beat]) -> list[Beat]:
        """Let both lanes expect beats; return them."""
        self._provisional.expect(beats)
        self._confirmed.expect(beats)
        return beats

    def decide(self, windows: Sequence[BeatWindow]) -> Sequence[BeatWindow]:
        """Learn where labels take effect; return the windows that are to be labelled."""
        provisional = [window for window in windows if window.provisional]
        self._provisional.decide(provisional)
        self._confirmed.decide([window for window in windows if not window.provisional])
        self._likeness.observe(provisional)
        self._atrial.observe(provisional)
        return windows if self._asks_next else provisional

    def note(self, rhythms: Sequence[Rhythm]) -> None:
        """Learn where ventricular fibrillation starts and ends, as it is decided."""
        self._atrial.note(rhythms)

    def miss(self, start: int, stop: int) -> None:
        """Learn that samples from ``start`` up to ``stop`` will never come."""
        for sustained in (self._sustained, self._sustained_confirmed):
            sustained.miss(start, stop)

    def lose(self, start: int, stop: int) -> None:
        """Learn that so many samples will never come, behind which all is learned anew."""
        self.miss(start, stop)
        self._arrhythmias.lose(start, stop)
        self._alarms.lose(start, stop)

    def take_up(self, standing: Sequence[Alarm]) -> None:
        """Learn what stood before the first beat."""
        for sustained in (self._sustained, self._sustained_confirmed):
            sustained.take_up(standing)

    def set_limits(self, limits: AlarmSettings) -> None:
        """Go by other alarm limits from the next label on."""
        self._arrhythmias.settings = msgspec.structs.replace(self._arrhythmias.settings, alarms=limits)

    def answer(self, sample: int, probabilities: Iterable[float] | None, *, provisional: bool) -> None:
        """Take the answer for a window.

        Where the model asks for nothing of the next beat, the provisional one is the confirmed one too.
        """
        told = None if probabilities is None else tuple(probabilities)
        if provisional:
            self._provisional.answer(sample, told)
        if not (provisional and self._asks_next):
            self._confirmed.answer(sample, told)

    def give_up(self, before: int) -> None:
        """Call Q the beats without an answer whose label would have taken effect before ``before``."""
        for lane in (self._provisional, self._confirmed):
            lane.give_up(before)

    def abandon(self, index: int) -> None:
        """Call Q every beat that still waits; what was not decided by ``index`` is decided there."""
        for lane in (self._provisional, self._confirmed):
            lane.abandon(index)

    def release(self) -> list[Event]:
        """Let out the labels that can leave, and the rhythms and alarms of each with it."""
        events: list[Event] = []
        for beat in self._provisional.release():
            silent = self._fall_silent(beat.decided)
            self._runs.observe(beat)
            rhythms = self._rhythms.push(beat)
            self._arrhythmias.observe(rhythms)
            alarms = self._alarms.labelled(beat, rhythms, self._rhythms.evidence)
            events += [*silent, beat, *rhythms, *alarms]
        for beat in self._confirmed.release(before=self._provisional.oldest):
            clock = self._run_clock(beat.decided)
            turns = [*self._arrhythmias.push(beat, self._forms.of(beat)), *self._atrial.push(beat)]
            events += [*clock, beat, *self._turned(turns, broken=beat.rr is None)]
            self._likeness.forget(beat.sample)
        return events

    def tick(self, index: int) -> list[Event]:
        """Run the clock of each lane up to the next label that may come, or up to sample ``index``.

        The end of a stream is decided by its last sample, so that one is left out.
        """
        until = []
        for lane in (self._provisional, self._confirmed):
            decided = lane.oldest[1] if lane.oldest else None
            until.append(index - 1 if decided is None else min(decided, index - 1))
        return [*self._fall_silent(until[0]), *self._run_clock(until[1])]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {name: getattr(self, f"_{name}").snapshot() for name in _STAGES}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        for name, stage in state.items():
            getattr(self, f"_{name}").restore(stage)

    def _fall_silent(self, index: int) -> list[Event]:
        """Let time run in the lane of provisional labels: none decided before ``index`` will come."""
        rhythms = self._rhythms.advance(index)
        self._arrhythmias.observe(rhythms)
        alarms = self._alarms.fell_silent(index, rhythms)
        return sorted([*rhythms, *alarms], key=lambda event: event.decided)

    def _run_clock(self, index: int) -> list[Event]:
        """Let time run in the lane of confirmed labels: none decided before ``index`` will come any more."""
        over = [*self._arrhythmias.advance(index), *self._atrial.advance(index)]
        events: list[Event] = []
        for turn in sorted(over, key=lambda turn: turn.decided):
            events += [*self._alarms.advance_labels(turn.decided), *self._turned([turn])]
        return [*events, *self._alarms.advance_labels(index)]

    def _turned(self, turns: Sequence[Turn], *, broken: bool = False) -> list[Event]:
        """Tell what turns of confirmed labels are: rhythms, and alarms."""
        return [*rhythms_of(turns, "confirmed"), *self._alarms.turned(alarming(turns), broken=broken)]


_STAGES = (
    "rhythms",
    "likeness",
    "forms",
    "arrhythmias",
    "atrial",
    "sustained",
    "sustained_confirmed",
    "provisional",
    "runs",
    "confirmed",
)
