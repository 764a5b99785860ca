"""State table over confirmed labels: which conditions hold, and which beat began and ended them.

The rules (`monitor.ectopy`, `monitor.timing`) say what the last beats show; here it is compared with what
stood before: conditions, each with the last beat that showed it. One ends with the beat that shows it no
longer, with the first beat after a gap, or where no beat has come for long.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from monitor.ectopy import ended_runs, frequent, multiform, patterns, r_on_t, ventricular_rhythm
from monitor.events import LabelledBeat, Rhythm
from monitor.history import Found, History
from monitor.settings import Settings
from monitor.stage import State
from monitor.timing import missed_beat, supraventricular
from monitor.turns import SALVO, Turn

__all__ = ["Arrhythmias"]

_Rule: TypeAlias = Callable[[History, Settings], dict[str, Found]]
_LASTING: Final[tuple[_Rule, ...]] = (ventricular_rhythm, supraventricular, patterns, frequent)
_MOMENTARY: Final[tuple[_Rule, ...]] = (ended_runs, r_on_t, missed_beat, multiform)

_N_GAPS: Final = 256
"""So many gaps without a beat between are remembered: more than come within the longest wait for a label."""


class Arrhythmias:
    """The conditions of one bed that need confirmed labels.

    Parameters
    ----------
    settings
        Limits: the sections ``rhythm`` and ``alarms``. May be replaced; the next beat goes by the new ones.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, settings: Settings, *, fs: float) -> None:
        self.settings = settings
        self._history = History(fs=fs)
        self._standing: dict[str, int] = {}
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_N_GAPS)

    def lose(self, start: int, stop: int) -> None:
        """Learn of a gap, before any label from behind it."""
        self._gaps.append((start, stop))

    def observe(self, rhythms: Sequence[Rhythm]) -> None:
        """Take rhythms of provisional labels, before the beats that take effect after them."""
        self._history.observe(rhythms)

    def push(self, beat: LabelledBeat, form: int | None = None) -> list[Turn]:
        """Take the next beat, in beat order, and the number of its shape where it has one.

        Returns
        -------
        list
            Ends, starts, then what was momentary, each decided where the beat's label takes effect. A short
            ventricular tachycardia is a rhythm too, `monitor.turns.SALVO`.
        """
        history, settings = self._history, self.settings
        history.push(beat, form)
        while self._gaps and self._gaps[0][1] <= beat.sample:
            self._gaps.popleft()
        now = {kind: found for rule in _LASTING for kind, found in rule(history, settings).items()}
        turns = [
            Turn(kind, "end", history.after(last), beat.decided)
            for kind, last in self._standing.items()
            if kind not in now
        ]
        turns += [
            Turn(kind, "start", found.onset, beat.decided, found.evidence, found.value)
            for kind, found in now.items()
            if kind not in self._standing
        ]
        self._standing = {kind: found.evidence[-1] for kind, found in now.items()}
        once = {kind: found for rule in _MOMENTARY for kind, found in rule(history, settings).items()}
        turns += [
            Turn(kind, "once", found.onset, beat.decided, found.evidence, found.value)
            for kind, found in once.items()
        ]
        return turns + self._salvo(once.get("nonsustained_vt"), beat.decided)

    def advance(self, index: int) -> list[Turn]:
        """Let time run: no label confirmed before ``index`` will come any more.

        Without a beat for ``carry_s``, or so long behind a gap, nothing that beats showed holds any longer.
        """
        beats, patience = self._history.beats, round(self.settings.alarms.carry_s * self._history.fs)
        due = beats[-1].sample + patience if beats else index
        for start, stop in self._gaps:
            due = stop + patience if start < due else due
        if due >= index or not self._standing:
            return []
        ended, self._standing = self._standing, {}
        self._history.beats = []
        return [Turn(kind, "end", last, due) for kind, last in ended.items()]

    def _salvo(self, run: Found | None, decided: int) -> list[Turn]:
        """Tell a run from its first beat up to the one behind it, unless provisional labels told of it."""
        if run is None or self._history.told(run.onset, run.evidence[-1]):
            return []
        start = Turn(SALVO, "start", run.onset, decided, run.evidence, run.value)
        return [start, Turn(SALVO, "end", self._history.after(run.evidence[-1]), decided)]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        gaps = [list(gap) for gap in self._gaps]
        return {"history": self._history.snapshot(), "standing": dict(self._standing), "gaps": gaps}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._history.restore(state["history"])
        self._standing = dict(state["standing"])
        self._gaps = deque(((start, stop) for start, stop in state["gaps"]), maxlen=_N_GAPS)
