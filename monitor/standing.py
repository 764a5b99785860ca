"""The alarms of one bed that have not been cleared, and the steps of their lives.

An alarm's life is ``start``, ``end``, ``acknowledged``, ``cleared``, each step one event:

- it ends when its condition is over, and is cleared at once if it does not latch or was acknowledged;
- one that latches and was not acknowledged stays, ended, until it is;
- a new alarm of a kind (and lead) that has one latched takes its place: the old one is cleared.

So every life closes with exactly one ``cleared``, and what stands is bounded by the table of kinds.
"""

from collections.abc import Iterable

import msgspec

from monitor.definitions import DEFINITIONS
from monitor.events import Alarm
from monitor.stage import State

__all__ = ["Standing"]


class _Entry(msgspec.Struct):
    """One alarm: its last step, and what that step alone does not tell."""

    alarm: Alarm
    lasts: bool = True
    acknowledged: bool = False
    carried: bool = False


class Standing:
    """What stands, by kind and lead.

    Parameters
    ----------
    alarms
        Last steps of alarms that stood before; those that lasted are carried.
    """

    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        for alarm in alarms:
            lasts = alarm.state != "end"
            self._entries[alarm.kind, alarm.lead] = _Entry(
                alarm, lasts=lasts, acknowledged=alarm.state == "acknowledged", carried=lasts
            )

    def start(self, alarm: Alarm) -> list[Alarm]:
        """Start an alarm. Where one of its kind lasts, that one goes on and nothing is told."""
        entry = self._entries.get((alarm.kind, alarm.lead))
        if entry is not None and entry.lasts:
            entry.carried = False
            return []
        cleared = [] if entry is None else [self._clear(entry, alarm.decided)]
        self._entries[alarm.kind, alarm.lead] = _Entry(alarm)
        return [*cleared, alarm]

    def end(self, kind: str, at: int, lead: int | None = None) -> list[Alarm]:
        """End an alarm at sample ``at``, if it lasts; clear it unless it must be seen first."""
        entry = self._entries.get((kind, lead))
        if entry is None or not entry.lasts:
            return []
        entry.lasts = entry.carried = False
        entry.alarm = msgspec.structs.replace(entry.alarm, decided=at, state="end")
        if DEFINITIONS[kind].latches and not entry.acknowledged:
            return [entry.alarm]
        return [entry.alarm, self._clear(entry, at)]

    def acknowledge(self, at: int) -> list[Alarm]:
        """Acknowledge all that stands and was not; what is over is cleared."""
        steps = []
        for entry in [entry for entry in self._entries.values() if not entry.acknowledged]:
            entry.acknowledged = True
            step = msgspec.structs.replace(entry.alarm, decided=at, state="acknowledged")
            steps.append(step)
            if entry.lasts:
                entry.alarm = step
            else:
                steps.append(self._clear(entry, at))
        return steps

    def carry(self) -> None:
        """Mark the lasting alarms of the signal lane: each ends unless its condition is found again."""
        for entry in self._entries.values():
            entry.carried |= entry.lasts and DEFINITIONS[entry.alarm.kind].lane == "signal"

    def drop_carried(self, at: int) -> list[Alarm]:
        """End what the signal lane carried and did not find again."""
        carried = [key for key, entry in self._entries.items() if entry.carried]
        return [
            step
            for kind, lead in carried
            if DEFINITIONS[kind].lane == "signal"
            for step in self.end(kind, at, lead)
        ]

    def lasts(self, kind: str, lead: int | None = None) -> bool:
        """Tell whether the alarm's condition lasts."""
        entry = self._entries.get((kind, lead))
        return entry is not None and entry.lasts

    def carried(self, kind: str) -> bool:
        """Tell whether it lasts only because it lasted before a gap or a new stream."""
        entry = self._entries.get((kind, None))
        return entry is not None and entry.carried

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the last step of each alarm, oldest first."""
        return tuple(entry.alarm for entry in self._entries.values())

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"entries": msgspec.json.decode(msgspec.json.encode(list(self._entries.values())))}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        entries = [msgspec.convert(entry, _Entry) for entry in state["entries"]]
        self._entries = {(entry.alarm.kind, entry.alarm.lead): entry for entry in entries}

    def _clear(self, entry: _Entry, at: int) -> Alarm:
        del self._entries[entry.alarm.kind, entry.alarm.lead]
        return msgspec.structs.replace(entry.alarm, decided=at, state="cleared")
