"""Alarms that labels decide: what a turn of a condition makes of what stands.

*Provisional* labels decide what must alarm at once; it lasts as its rhythm does. *Confirmed* labels decide
the rest, which is medium or low: such an alarm stands for ``hold_s`` at least, so that what is momentary can
be seen, and its end falls at an exact sample by the lane's own clock: `LabelAlarms.advance` says up to where
no confirmed label can come any more.
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
        self._held: dict[str, int] = {}
        self._due: dict[str, int] = {}
        self.take_up(standing.alarms(), start)

    def take_up(self, alarms: Sequence[Alarm], at: int) -> None:
        """Carry from sample ``at`` on what stood before: what is not found again in time is over."""
        carried = [alarm.kind for alarm in alarms if self._standing.lasts(alarm.kind, alarm.lead)]
        until, minute = at + self._n(self.settings.carry_s), at + self._n(_MINUTES_S)
        if carried:
            self._carry(at)
        for kind in carried:
            if DEFINITIONS[kind].lane == "confirmed":
                self._due[kind] = minute if kind in _BY_MINUTES else until

    def provisional(
        self, beat: LabelledBeat, rhythms: Sequence[Rhythm], evidence: tuple[int, ...]
    ) -> list[Alarm]:
        """Take a provisionally labelled beat, and what it started or ended because of which beats.

        Over a gap a rhythm ends, and its alarm is carried: that ends by what is heard behind it.
        """
        if beat.rr is None and self._standing.carry(_AT_ONCE.values()):
            rhythms = [rhythm for rhythm in rhythms if rhythm.state == "start"]
            self._carry(beat.decided)
        if beat.label == "Q" and beat.probabilities is None:
            until = min(beat.decided + self._n(self.settings.carry_s), self._carried_latest)
            self._carried_until = max(self._carried_until, until)
        steps = self.rhythms(rhythms, evidence)
        for kind in _AT_ONCE.values():
            if self._standing.carried(kind) and (beat.label in "NS" or beat.decided > self._carried_until):
                steps += self._standing.end(kind, beat.decided)
        return [*steps, *self._standing.remind("provisional", beat.decided, at=beat.decided)]

    def rhythms(self, rhythms: Sequence[Rhythm], evidence: tuple[int, ...] = ()) -> list[Alarm]:
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

    def turned(self, turns: Sequence[Turn]) -> list[Alarm]:
        """Take what one confirmed label began and ended; time has run until there."""
        steps: list[Alarm] = []
        for turn in turns:
            if turn.state == "end":
                due = max(turn.decided, self._held.get(turn.kind, 0))
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
            "held": dict(self._held),
            "due": dict(self._due),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._carried_until = state["carried_until"]
        self._carried_latest = state["carried_latest"]
        self._held = dict(state["held"])
        self._due = dict(state["due"])

    def _carry(self, at: int) -> None:
        """Let provisional labels behind a sample tell whether what stood goes on."""
        self._carried_until = at + self._n(self.settings.carry_s)
        self._carried_latest = at + self._n(_UNANSWERED_S)

    def _end(self, kind: str, at: int) -> list[Alarm]:
        self._due.pop(kind, None)
        self._held.pop(kind, None)
        return self._standing.end(kind, at)

    def _n(self, seconds: float) -> int:
        return round(seconds * self._fs)
