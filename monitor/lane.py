"""The label lanes: labels of one kind on their way, let go strictly in the order of their beats.

Answers come in any order and at any time; a label leaves when every beat before it has left, and
says where it takes effect, fixed in advance (law 2). A bed has two lanes, for provisional labels and
for confirmed ones; each is in beat order, and so in the order of ``decided``. The pipeline lets no
confirmed label out before the provisional one of the same beat, nor before those of later beats that take
effect by then: a confirmed label looks at its neighbours (`monitor.runs`).

A beat that is found while no lead is good is N or Q, whatever the network says: an honest Q beats a
wrong V, and "cannot analyse" stands.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np

from monitor.events import CLASSES, Beat, BeatWindow, Label, LabelKind, LabelledBeat
from monitor.stage import State

__all__ = ["Judge", "Lane"]


class Judge(Protocol):
    """Judges labels by the beats around them."""

    def confirm(self, beat: LabelledBeat, *, doubtful: bool) -> Label:
        """Return the label to tell; beats come in order. ``doubtful``: found while no lead was good."""
        ...


@dataclass(slots=True)
class _Pending:
    """A beat on its way through the lane."""

    sample: int
    rr: int | None
    doubtful: bool
    decided: int | None = None
    probabilities: tuple[float, ...] | None = None
    answered: bool = False


class Lane:
    """Labels of one kind.

    Parameters
    ----------
    kind
        Which.
    judges
        Judge each label once more, one after the other.
    """

    def __init__(self, kind: LabelKind, *judges: Judge) -> None:
        self.kind = kind
        self._judges = judges
        self._pending: deque[_Pending] = deque()

    def __len__(self) -> int:
        """Return how many beats have not left yet."""
        return len(self._pending)

    def expect(self, beats: Iterable[Beat]) -> None:
        """Take beats, in order, that will be labelled."""
        self._pending.extend(_Pending(beat.sample, beat.rr, beat.leads == ()) for beat in beats)

    def decide(self, windows: Sequence[BeatWindow]) -> None:
        """Learn from windows of this kind where the labels of their beats take effect."""
        decided = {window.sample: window.decided for window in windows}
        for entry in self._pending if decided else ():
            entry.decided = decided.get(entry.sample, entry.decided)

    @property
    def oldest(self) -> tuple[int, int | None] | None:
        """The oldest beat that has not left and where its label takes effect; None where there is none."""
        return (self._pending[0].sample, self._pending[0].decided) if self._pending else None

    def answer(self, sample: int, probabilities: Iterable[float] | None) -> None:
        """Take the answer for the beat at ``sample``, None for Q; ignore it if that waits no longer."""
        for entry in self._pending:
            if entry.sample == sample:
                entry.answered = True
                entry.probabilities = None if probabilities is None else tuple(map(float, probabilities))
                break

    def give_up(self, before: int) -> None:
        """Call Q the beats without an answer whose label would have taken effect before ``before``."""
        for entry in self._pending:
            if entry.decided is None or entry.decided >= before:
                break
            entry.answered = True

    def abandon(self, index: int) -> None:
        """Call Q every beat that still waits; what was not decided by ``index`` is decided there."""
        for entry in self._pending:
            entry.answered = True
            if entry.decided is None:
                entry.decided = index

    def release(self, *, before: tuple[int, int | None] | None = None) -> list[LabelledBeat]:
        """Let out the labels that can leave: at most those of beats before the one that ``before`` names.

        Of these only such as take effect earlier than its label does, so that what is told of the next
        beat by then is known, however late it is answered.
        """
        labels = []
        while self._pending:
            entry = self._pending[0]
            if not entry.answered or entry.decided is None or not _earlier(entry, before):
                break
            labels.append(self._label(self._pending.popleft(), entry.decided))
        return labels

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"pending": [_row(entry) for entry in self._pending]}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._pending = deque(_Pending(*row) for row in state["pending"])

    def _label(self, entry: _Pending, decided: int) -> LabelledBeat:
        told = entry.probabilities
        label: Label = "Q" if told is None else CLASSES[int(np.argmax(told))]
        beat = LabelledBeat(
            sample=entry.sample,
            decided=decided,
            label="Q" if entry.doubtful and label != "N" else label,
            provisional=self.kind == "provisional",
            probabilities=told,
            rr=entry.rr,
        )
        for judge in self._judges:
            label = judge.confirm(beat, doubtful=entry.doubtful)
            beat = msgspec.structs.replace(beat, label=label)
        return beat


def _earlier(entry: _Pending, other: tuple[int, int | None] | None) -> bool:
    """Whether a beat comes before another, and its label takes effect before the other's."""
    if other is None or entry.decided is None:
        return other is None
    sample, decided = other
    return entry.sample < sample and (decided is None or entry.decided < decided)


def _row(entry: _Pending) -> list[Any]:
    return [entry.sample, entry.rr, entry.doubtful, entry.decided, entry.probabilities, entry.answered]
