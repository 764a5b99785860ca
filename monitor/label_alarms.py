"""Alarms that labels decide: what a turn of a condition makes of what stands.

*Provisional* labels decide what must alarm at once; it lasts as its rhythm does. *Confirmed* labels decide
the rest, which is medium or low: such an alarm stands for ``hold_s`` at least, so that what is momentary can
be seen, and its end falls at an exact sample by the lane's own clock: `LabelAlarms.advance` says up to where
no confirmed label can come any more, `LabelAlarms.fell_silent` up to where no provisional one.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from monitor.definitions import DEFINITIONS, raised
from monitor.events import Alarm, LabelledBeat, Rhythm
from monitor.settings import AlarmSettings
from monitor.stage import State
from monitor.standing import Standing
from monitor.turns import Turn

__all__ = ["LabelAlarms"]

_AT_ONCE: Final[Mapping[str, str]] = MappingProxyType({"(VT": "ventricular_tachycardia"})
"""Rhythms of provisional labels that are alarms."""

_BY_MINUTES: Final = ("atrial_fibrillation", "frequent_pvc")
"""What the last minute shows: carried over from another stream, it has the time to be found again."""
_MINUTES_S: Final = 90.0
_UNANSWERED_S: Final = 300.0
"""Beats that nobody has labelled, while the network is loading, say nothing of what was carried over: for so
long they do not let it end."""


class LabelAlarms:
    """The label lanes' half of `monitor.alarms.Alarms`.

    Parameters
    ----------
    standing
        What stands, shared with the signal lane.
    settings
        ``hold_s`` and ``carry_s``; may be replaced.
    fs
        Sampling rate in Hz.
    start
        Absolute index of the first sample that will come.
    """

    def __init__(self, standing: Standing, settings: AlarmSettings, *, fs: float, start: int) -> None:
        self.settings = settings
        self._standing = standing
        self._fs = fs
        self._carried_until = self._carried_latest = -1
        self._gaps: list[tuple[int, int]] = []
        self._held: dict[str, int] = {}
        self._due: dict[str, int] = {}
        self.take_up(standing.alarms(), start)

    def take_up(self, alarms: Sequence[Alarm], at: int) -> None:
        """Carry from sample ``at`` on what stood before: what is not found again in time is over."""
        carried = [alarm.kind for alarm in alarms if self._standing.lasts(alarm.kind, alarm.lead)]
        until, minute = at + self._n(self.settings.carry_s), at + self._n(_MINUTES_S)
        if any(kind in _AT_ONCE.values() for kind in carried):
            self._carried_until, self._carried_latest = until, at + self._n(_UNANSWERED_S)
        for kind in carried:
            if DEFINITIONS[kind].lane == "confirmed":
                self._due[kind] = minute if kind in _BY_MINUTES else until

    def lose(self, start: int, stop: int) -> None:
        """Learn of a gap, before any label from behind it: what stands goes on if it is found again there."""
        self._gaps.append((start, stop))

    def provisional(
        self, beat: LabelledBeat, rhythms: Sequence[Rhythm], evidence: tuple[int, ...]
    ) -> list[Alarm]:
        """Take a provisionally labelled beat, and what it started or ended because of which beats.

        Over a gap a rhythm ends, and its alarm is carried: that ends by what is heard behind it.
        """
        answered = beat.label != "Q" or beat.probabilities is not None
        carried = beat.rr is None and self._carry(beat.decided)
        if carried:
            rhythms = [rhythm for rhythm in rhythms if rhythm.state == "start"]
        if carried or not answered:
            until = beat.decided + self._n(self.settings.carry_s)
            latest = until if answered else self._carried_latest
            self._carried_until = max(self._carried_until, min(until, latest))
        steps = self._turn(rhythms, evidence)
        for kind in _AT_ONCE.values():
            if self._standing.carried(kind) and (beat.label in "NS" or beat.decided > self._carried_until):
                steps += self._standing.end(kind, beat.decided)
        return [*steps, *self._standing.remind("provisional", beat.decided, at=beat.decided)]

    def fell_silent(self, index: int, rhythms: Sequence[Rhythm]) -> list[Alarm]:
        """Let time run: no provisional label decided before ``index`` will come, and these ended without one.

        What is carried ends where it was not found again in time. What a gap comes into is carried from there
        on, though its rhythm ends because no beat came in the gap.
        """
        steps: list[Alarm] = []
        for rhythm in rhythms:
            steps += self._run_clock(rhythm.decided)
            carried = any(self._standing.carried(kind) for kind in _AT_ONCE.values())
            steps += [] if carried else self._turn([rhythm])
        return [*steps, *self._run_clock(index)]

    def turned(self, turns: Sequence[Turn], *, broken: bool = False) -> list[Alarm]:
        """Take what one confirmed label began and ended; time has run until there.

        What ends because its beat has no RR (``broken``) may have gone on unseen: it is carried.
        """
        steps: list[Alarm] = []
        carry = self._n(self.settings.carry_s) if broken else 0
        for turn in turns:
            if turn.state == "end":
                due = max(turn.decided + carry, self._held.get(turn.kind, 0))
                steps += self._end(turn.kind, due) if due == turn.decided else []
                if due > turn.decided and self._standing.lasts(turn.kind):
                    self._due[turn.kind] = due
                continue
            steps += self._standing.start(
                raised(
                    turn.kind,
                    sample=turn.sample,
                    decided=turn.decided,
                    value=turn.value,
                    evidence=turn.evidence,
                )
            )
            self._held[turn.kind] = until = turn.decided + self._n(self.settings.hold_s)
            self._due.pop(turn.kind, None)
            if turn.state == "once":
                self._due[turn.kind] = until
        return steps

    def advance(self, index: int) -> list[Alarm]:
        """Let time run: no label confirmed before ``index`` will come any more."""
        steps: list[Alarm] = []
        while self._due:
            due, kind = min((due, kind) for kind, due in self._due.items())
            if due >= index:
                break
            steps += [*self._standing.remind("confirmed", due - 1), *self._end(kind, due)]
        return [*steps, *self._standing.remind("confirmed", index - 1)]

    def snapshot(self) -> State:
        """Return a copy of the state, what stands left out."""
        return {
            "carried_until": self._carried_until,
            "carried_latest": self._carried_latest,
            "gaps": [list(gap) for gap in self._gaps],
            "held": dict(self._held),
            "due": dict(self._due),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._carried_until = state["carried_until"]
        self._carried_latest = state["carried_latest"]
        self._gaps = [(start, stop) for start, stop in state["gaps"]]
        self._held = dict(state["held"])
        self._due = dict(state["due"])

    def _turn(self, rhythms: Sequence[Rhythm], evidence: tuple[int, ...] = ()) -> list[Alarm]:
        """Take rhythms of provisional labels that began, because of which beats, or are over."""
        steps: list[Alarm] = []
        for rhythm in rhythms:
            kind = _AT_ONCE.get(rhythm.rhythm)
            if kind is not None and rhythm.state == "start":
                span = evidence[-1] - evidence[0] if evidence else 0
                bpm = 60 * self._fs * (len(evidence) - 1) / span if span else None
                steps += self._standing.start(
                    raised(kind, sample=rhythm.sample, decided=rhythm.decided, value=bpm, evidence=evidence)
                )
            elif kind is not None:
                steps += self._standing.end(kind, rhythm.decided)
        return steps

    def _run_clock(self, index: int) -> list[Alarm]:
        """Let time run over gaps, and to where what is carried has to be found again."""
        steps: list[Alarm] = []
        while self._gaps and self._gaps[0][0] < index:
            start, stop = self._gaps.pop(0)
            steps += self._end_carried(start)
            if self._carry(stop):
                self._carried_until = stop + self._n(self.settings.carry_s)
        return [*steps, *self._end_carried(index)]

    def _end_carried(self, index: int) -> list[Alarm]:
        """End what had to be found again before ``index``."""
        due = self._carried_until + 1
        if due >= index:
            return []
        lost = [kind for kind in _AT_ONCE.values() if self._standing.carried(kind)]
        return [step for kind in lost for step in self._standing.end(kind, due)]

    def _carry(self, at: int) -> bool:
        """Let provisional labels behind a sample tell whether what stands goes on, if anything does.

        What was carried already waits no longer for beats that nobody labels.
        """
        if not any(self._standing.carried(kind) for kind in _AT_ONCE.values()):
            self._carried_latest = at + self._n(_UNANSWERED_S)
        return self._standing.carry(_AT_ONCE.values())

    def _end(self, kind: str, at: int) -> list[Alarm]:
        self._due.pop(kind, None)
        self._held.pop(kind, None)
        return self._standing.end(kind, at)

    def _n(self, seconds: float) -> int:
        return round(seconds * self._fs)
