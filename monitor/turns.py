"""What a state table over labelled beats says: a condition begins, is over, or was momentary.

Conditions are named as alarms are (`monitor.definitions`). `monitor.alarms` makes alarms of turns; those of
them that are rhythms are told as `monitor.events.Rhythm` too, under their WFDB names. An alarm of atrial
fibrillation goes on while it comes and goes; its rhythm has turns of its own, `PAROXYSM`, and so has flutter
among it, `FLUTTER`. Three or four fast ventricular beats are a tachycardia to WFDB, `SALVO`. None of the
three has an alarm of its own.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from monitor.events import LabelKind, Rhythm

__all__ = ["FLUTTER", "MAX_EVIDENCE", "PAROXYSM", "RHYTHMS", "SALVO", "Turn", "alarming", "rhythms_of"]

MAX_EVIDENCE: Final = 32
"""So many beats are told as evidence at most, the last ones."""

PAROXYSM: Final = "paroxysm"
"""One stretch of atrial fibrillation; the alarm may have several."""

FLUTTER: Final = "atrial_flutter"
"""One stretch of atrial flutter during such an alarm."""

SALVO: Final = "salvo"
"""A ventricular tachycardia of fewer beats than its alarm asks for: what ``nonsustained_vt`` is told of."""

RHYTHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PAROXYSM: "(AFIB",
        FLUTTER: "(AFL",
        SALVO: "(VT",
        "supraventricular_tachycardia": "(SVTA",
        "bigeminy": "(B",
        "trigeminy": "(T",
    }
)
"""Conditions that are rhythms, and what WFDB calls them; `monitor.rhythm` tells longer ``(VT``, ``(IVR``."""

_SILENT: Final = (PAROXYSM, FLUTTER, SALVO)


class Turn(NamedTuple):
    """One step of a condition.

    Attributes
    ----------
    kind
        The alarm's kind, `PAROXYSM`, `FLUTTER` or `SALVO`.
    state
        ``start``, ``end``, or ``once`` for what is over as soon as it is known.
    sample
        The onset; of an end the beat that ended it.
    decided
        Where the label that decided it takes effect.
    evidence
        R peaks of the beats that decided it.
    value
        What was measured, where something was: beats per minute, seconds, or how many.
    """

    kind: str
    state: Literal["start", "end", "once"]
    sample: int
    decided: int
    evidence: tuple[int, ...] = ()
    value: float | None = None


def alarming(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns of which alarms are made."""
    return [turn for turn in turns if turn.kind not in _SILENT]


def rhythms_of(turns: Sequence[Turn], labels: LabelKind) -> list[Rhythm]:
    """Return the rhythms that turns start or end; they were derived from labels of this kind."""
    return [
        Rhythm(
            sample=turn.sample,
            decided=turn.decided,
            rhythm=RHYTHMS[turn.kind],
            state=turn.state,
            labels=labels,
        )
        for turn in turns
        if turn.kind in RHYTHMS and turn.state != "once"
    ]
