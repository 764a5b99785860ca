"""Every alarm the product knows, in one table: priority, wording, latching, and what hides what.

Light on purpose (no numpy, no numba): screens import it.

A *family* is a chain of alarms of which only the worst is announced; ``rank`` orders it, 0 first.
Chains are a view over what stands, computed by `announced`: they never change an alarm's life.

Priorities after IEC 60601-1-8; kinds and their order after makers' manuals (see ``docs/alarms.md``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from monitor.events import Alarm, LabelKind, Priority
from monitor.sections import NEVER_OFF

__all__ = ["DEFINITIONS", "Definition", "announced", "raised"]

Lane: TypeAlias = Literal["signal", "provisional", "confirmed", "wall"]

_URGENCY: Final[Mapping[str, int]] = MappingProxyType({"high": 0, "medium": 1, "low": 2})


@dataclass(frozen=True, slots=True)
class Definition:
    """What is fixed about one kind of alarm; its thresholds are settings.

    Attributes
    ----------
    kind
        The name in events, journals and settings.
    text
        What a screen says; an alarm about one lead has the lead's name behind it.
    priority
        High, medium, low or technical.
    lane
        What decides it: ``signal`` (the fast lane: beats, rate, waveform, quality), ``provisional``
        or ``confirmed`` (labels of that kind: what must alarm at once takes the provisional ones, each
        told at the end of its beat's window) or ``wall`` (wall-clock trouble, raised outside the core).
    families
        The chains that it belongs to.
    rank
        Its place in them: lower hides higher.
    latches
        Stays to be seen after its end until acknowledged.
    borrows
        The priority whose colour and sound a technical alarm takes; empty for the others.
    """

    kind: str
    text: str
    priority: Priority
    lane: Lane
    families: tuple[str, ...] = ()
    rank: int = 0
    latches: bool = False
    borrows: Literal["", "medium", "low"] = ""

    @property
    def can_disable(self) -> bool:
        """Whether a setting may switch it off."""
        return self.kind not in NEVER_OFF

    @property
    def urgency(self) -> int:
        """0 high, 1 medium, 2 low: how it is signalled, technical alarms included."""
        return _URGENCY[self.borrows or self.priority]

    @property
    def labels(self) -> LabelKind | None:
        """Which labels decide it, None where it needs none."""
        return self.lane if self.lane == "provisional" or self.lane == "confirmed" else None


def _lethal(kind: str, text: str, lane: Lane, families: tuple[str, ...], rank: int) -> Definition:
    return Definition(kind, text, "high", lane, families, rank, latches=True)


_HEART = ("ventricular", "rate")
_VENTRICULAR = ("ventricular",)
_TABLE: Final[tuple[Definition, ...]] = (
    _lethal("asystole", "ASYSTOLE", "signal", (*_HEART, "pause"), 0),
    _lethal("ventricular_fibrillation", "VENT FIB/FLUTTER", "signal", (*_HEART, "pause"), 1),
    _lethal("ventricular_tachycardia", "VENT TACHY", "provisional", _HEART, 2),
    _lethal("extreme_tachycardia", "EXTREME TACHY", "signal", _HEART, 3),
    _lethal("extreme_bradycardia", "EXTREME BRADY", "signal", ("rate",), 4),
    Definition("nonsustained_vt", "NONSUST VT", "medium", "confirmed", _VENTRICULAR, 5),
    Definition("ventricular_bradycardia", "VENT BRADY", "medium", "confirmed", (*_VENTRICULAR, "rate"), 6),
    Definition("idioventricular", "VENT RHYTHM", "medium", "confirmed", _VENTRICULAR, 7),
    Definition("ventricular_run", "VENT RUN", "medium", "confirmed", _VENTRICULAR, 8),
    Definition("r_on_t", "R ON T", "medium", "confirmed", _VENTRICULAR, 9),
    Definition("pause", "PAUSE", "medium", "signal", ("pause",), 10),
    Definition("supraventricular_tachycardia", "SVT", "medium", "confirmed", ("rate",), 11),
    Definition("atrial_fibrillation", "ATRIAL FIB", "medium", "confirmed", ("irregular",), 12),
    Definition("high_rate", "HIGH RATE", "medium", "signal", ("rate",), 20),
    Definition("low_rate", "LOW RATE", "medium", "signal", ("rate",), 20),
    Definition("couplet", "COUPLET", "low", "confirmed", _VENTRICULAR, 30),
    Definition("bigeminy", "BIGEMINY", "low", "confirmed", _VENTRICULAR, 31),
    Definition("trigeminy", "TRIGEMINY", "low", "confirmed", _VENTRICULAR, 32),
    Definition("frequent_pvc", "PVC/MIN HIGH", "low", "confirmed", _VENTRICULAR, 33),
    Definition("multiform_pvc", "MULTIFORM PVC", "low", "confirmed", _VENTRICULAR, 34),
    Definition("missed_beat", "MISSED BEAT", "low", "confirmed", ("pause", "irregular"), 35),
    Definition("lead_off", "LEAD OFF", "technical", "signal", borrows="low"),
    Definition("cannot_analyse", "CANNOT ANALYSE", "technical", "signal", ("signal",), 1, borrows="medium"),
    Definition("signal_gaps", "SIGNAL GAPS", "technical", "signal", ("signal",), 2, borrows="medium"),
    Definition("feed_lost", "FEED LOST", "technical", "wall", ("signal",), 0, borrows="medium"),
    Definition("signal_slow", "SIGNAL SLOW", "technical", "wall", ("signal",), 3, borrows="medium"),
    Definition("feed_error", "FEED ERROR", "technical", "wall", borrows="low"),
    Definition("bed_failed", "ANALYSIS STOPPED", "technical", "wall", ("signal",), 0, borrows="medium"),
    Definition("classifier_failed", "NO BEAT LABELS", "technical", "wall", ("labels",), 0, borrows="medium"),
    Definition("classifier_late", "BEAT LABELS LATE", "technical", "wall", ("labels",), 1, borrows="low"),
    Definition("storage_failed", "NOT RECORDING", "technical", "wall", borrows="low"),
)

DEFINITIONS: Final[Mapping[str, Definition]] = MappingProxyType({entry.kind: entry for entry in _TABLE})
"""Every alarm by its kind, worst first."""


def raised(
    kind: str,
    *,
    sample: int,
    decided: int,
    value: float | None = None,
    evidence: tuple[int, ...] = (),
    lead: tuple[int, str] | None = None,
) -> Alarm:
    """Return the first step of an alarm; ``lead`` is the number and the name of the one it is about."""
    definition = DEFINITIONS[kind]
    return Alarm(
        sample=sample,
        decided=decided,
        kind=kind,
        priority=definition.priority,
        state="start",
        text=definition.text if lead is None else f"{definition.text} {lead[1]}",
        lead=None if lead is None else lead[0],
        value=value,
        labels=definition.labels,
        evidence=evidence,
    )


def announced(standing: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Return the alarms to announce, worst first: of each family only the worst.

    An alarm is left out if a worse one stands in any family that they share. What lasts is never left
    out for what is latched but over, nor one of high priority that nobody has acknowledged for one that
    somebody has.

    Parameters
    ----------
    standing
        The last event of each alarm that has not been cleared.
    """
    alarms = sorted(standing, key=_severity)
    return tuple(alarm for alarm in alarms if not any(_hides(other, alarm) for other in alarms))


def _hides(worse: Alarm, alarm: Alarm) -> bool:
    mine, theirs = DEFINITIONS[alarm.kind], DEFINITIONS[worse.kind]
    if theirs.rank >= mine.rank or not set(theirs.families) & set(mine.families):
        return False
    if worse.state == "end" and alarm.state != "end":
        return False
    new = mine.priority == "high" and alarm.state != "acknowledged"
    return not (new and worse.state == "acknowledged")


def _severity(alarm: Alarm) -> tuple[int, bool, int, int]:
    definition = DEFINITIONS[alarm.kind]
    return definition.urgency, alarm.state == "end", definition.rank, alarm.sample
