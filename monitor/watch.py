"""What the signal lane of the alarms knows of beats and leads: plain values."""

from dataclasses import dataclass, field

__all__ = ["Watch"]


@dataclass(slots=True)
class Watch:
    """What the signal lane knows beside its clocks; no lead is usable since ``blind_since``."""

    now: int
    leads: list[str]
    flat_since: list[int]
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

    @property
    def sees(self) -> bool:
        """Whether any lead counts."""
        return any(self._usable(lead) for lead in range(len(self.leads)))

    def _usable(self, lead: int) -> bool:
        """Tell whether a lead counts: good, or flat and not dead (the heart beat on while it was flat)."""
        state, last_beat = self.leads[lead], self.last_beat
        return state == "good" or (
            state == "flat" and (last_beat is None or last_beat <= self.flat_since[lead])
        )
