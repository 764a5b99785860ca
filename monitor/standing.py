"""The alarms of one bed that have not been cleared, the steps of their lives, and the pause of their sound.

An alarm's life is ``start``, ``end``, ``acknowledged``, ``reminded``, ``cleared``, each step one event:

- it ends when its condition is over, and is cleared at once if it does not latch, was acknowledged, or
  ends while all sound is paused;
- one that latches and was not acknowledged stays, ended, until it is;
- one of high or medium urgency that was acknowledged and still stands is reminded of: it counts as not
  acknowledged again;
- a new alarm of a kind (and lead) that has one latched takes its place: the old one is cleared.

So every life closes with exactly one ``cleared``, and what stands is bounded by the table of kinds.

A kind that is switched off lives on unseen: none of its steps is told, but what depends on whether it
lasts still can. Nothing here keeps time; whoever calls says when it is.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec

from monitor.definitions import DEFINITIONS, Lane
from monitor.events import Alarm, AudioPause
from monitor.stage import State

__all__ = ["NEVER", "Standing"]

NEVER: Final = 1 << 62
"""Later than any sample."""


class _Entry(msgspec.Struct):
    """One alarm: its last step, and what that step alone does not tell."""

    alarm: Alarm
    lasts: bool = True
    acknowledged: bool = False
    carried: bool = False
    due: int = NEVER
    """When it is to be reminded of."""


class Standing:
    """What stands, by kind and lead.

    Parameters
    ----------
    alarms
        Last steps of alarms that stood before; those that lasted are carried.
    off
        Kinds that are switched off.
    reminder
        How long after its acknowledgement an alarm that still stands is told again, in samples; 0: never.
    start
        The sample at which this begins. Reminders of alarms that stood before are due at the latest
        ``reminder`` after it: their own samples may be those of another stream.
    """

    def __init__(
        self,
        alarms: Iterable[Alarm] = (),
        *,
        off: Collection[str] = (),
        reminder: int = 0,
        start: int = 0,
    ) -> None:
        self._off = frozenset(off)
        self._reminder = reminder
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        self._paused = (0, 0)
        self.take_up(alarms, start=start)

    def take_up(self, alarms: Iterable[Alarm], *, start: int) -> None:
        """Let alarms that stood before go on, from sample ``start``; those that lasted are carried."""
        for alarm in alarms:
            lasts = alarm.state != "end"
            entry = _Entry(alarm, lasts=lasts, acknowledged=alarm.state == "acknowledged", carried=lasts)
            if entry.acknowledged:
                due = self._due(alarm, alarm.decided)
                entry.due = due if start <= due <= start + self._reminder else self._due(alarm, start)
            self._entries[alarm.kind, alarm.lead] = entry

    def start(self, alarm: Alarm) -> list[Alarm]:
        """Start an alarm. Where one of its kind lasts, that one goes on and nothing is told."""
        entry = self._entries.get((alarm.kind, alarm.lead))
        if entry is not None and entry.lasts:
            entry.carried = False
            return []
        cleared = [] if entry is None else [self._clear(entry, alarm.decided)]
        self._entries[alarm.kind, alarm.lead] = _Entry(alarm)
        return [] if alarm.kind in self._off else [*cleared, alarm]

    def end(self, kind: str, at: int, lead: int | None = None) -> list[Alarm]:
        """End an alarm at sample ``at``, if it lasts; clear it unless it must be seen first."""
        entry = self._entries.get((kind, lead))
        if entry is None or not entry.lasts:
            return []
        entry.lasts = entry.carried = False
        entry.alarm = msgspec.structs.replace(entry.alarm, decided=at, state="end")
        if kind in self._off:
            self._clear(entry, at)
            return []
        silenced = entry.acknowledged or self._paused[0] <= at < self._paused[1]
        if DEFINITIONS[kind].latches and not silenced:
            return [entry.alarm]
        return [entry.alarm, self._clear(entry, at)]

    def acknowledge(
        self, at: int, *, by: str = "", kind: str | None = None, now: int | None = None
    ) -> list[Alarm]:
        """Acknowledge what stands and was not, of one kind or of all; what is over is cleared.

        ``now`` is the time on the clock of reminders, where that is another than the sample's.
        """
        steps = []
        for entry in [entry for entry in self._seen() if not entry.acknowledged]:
            if kind not in (None, entry.alarm.kind):
                continue
            entry.acknowledged = True
            step = msgspec.structs.replace(entry.alarm, decided=at, state="acknowledged", by=by)
            steps.append(step)
            if entry.lasts:
                entry.alarm = step
                entry.due = self._due(step, at if now is None else now)
            else:
                steps.append(self._clear(entry, at))
        return steps

    def remind(self, lane: Lane, now: int, *, at: int | None = None) -> list[Alarm]:
        """Tell again what a lane decides, was acknowledged, still lasts and is due by ``now``.

        Each step is decided at sample ``at``, or where it was due.
        """
        steps = []
        for entry in self._seen():
            if entry.lasts and entry.due <= now and DEFINITIONS[entry.alarm.kind].lane == lane:
                when = entry.due if at is None else at
                entry.alarm = msgspec.structs.replace(entry.alarm, decided=when, state="reminded", by="")
                entry.acknowledged, entry.due = False, NEVER
                steps.append(entry.alarm)
        return steps

    def next_reminder(self, lane: Lane) -> int:
        """Return when a lane has to remind of something; `NEVER` where there is nothing."""
        lasting = (entry for entry in self._seen() if entry.lasts)
        return min((e.due for e in lasting if DEFINITIONS[e.alarm.kind].lane == lane), default=NEVER)

    def pause_audio(self, at: int, until: int | None, *, by: str = "") -> list[AudioPause]:
        """Pause all sound from ``at`` up to ``until``; None: it comes back now, if it is paused."""
        since, paused_until = self._paused
        if until is not None:
            self._paused = (at, until)
            return [AudioPause(sample=at, decided=at, state="start", until=until, by=by)]
        if at >= paused_until:
            return []
        self._paused = (since, at)
        return [AudioPause(sample=at, decided=at, state="end", until=at, by=by)]

    def close(self, alarm: Alarm, at: int) -> list[Alarm]:
        """End and clear an alarm, whatever it was: nobody will judge it or look at it any more."""
        entry = self._entries[alarm.kind, alarm.lead]
        steps = [] if not entry.lasts else [msgspec.structs.replace(entry.alarm, decided=at, state="end")]
        return [*steps, self._clear(entry, at)]

    def carry(self, kinds: Collection[str]) -> bool:
        """Mark lasting alarms of some kinds: each ends unless its condition is found again."""
        entries = [entry for entry in self._entries.values() if entry.lasts and entry.alarm.kind in kinds]
        for entry in entries:
            entry.carried = True
        return bool(entries)

    def drop_carried(self, at: int, *, but: Collection[str] = ()) -> list[Alarm]:
        """End what the signal lane carried and did not find again, ``but`` some kinds."""
        carried = [key for key, entry in self._entries.items() if entry.carried and key[0] not in but]
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
        return tuple(entry.alarm for entry in self._seen())

    def snapshot(self) -> State:
        """Return a copy of the state."""
        entries = msgspec.json.decode(msgspec.json.encode(list(self._entries.values())))
        return {"entries": entries, "paused": list(self._paused)}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        entries = [msgspec.convert(entry, _Entry) for entry in state["entries"]]
        self._entries = {(entry.alarm.kind, entry.alarm.lead): entry for entry in entries}
        self._paused = (state["paused"][0], state["paused"][1])

    def _seen(self) -> Iterator[_Entry]:
        return (entry for entry in list(self._entries.values()) if entry.alarm.kind not in self._off)

    def _due(self, alarm: Alarm, now: int) -> int:
        urgent = DEFINITIONS[alarm.kind].urgency < 2
        return now + self._reminder if self._reminder and urgent else NEVER

    def _clear(self, entry: _Entry, at: int) -> Alarm:
        del self._entries[entry.alarm.kind, entry.alarm.lead]
        return msgspec.structs.replace(entry.alarm, decided=at, state="cleared")
