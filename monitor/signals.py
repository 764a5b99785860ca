"""How alarms call: flash rates and the rhythm of their tones, after IEC 60601-1-8. Pure: time comes in.

High: two groups of five pulses, 3 + 2 with a longer rest between, and a rest between the groups; medium:
three pulses; low: one. A terminal's bell has no pitch and a length of its own, so pulses stand further
apart than a loudspeaker's would. The standard's text was not at hand: figures are those that makers'
manuals quote, see ``docs/alarms.md``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from monitor.events import Priority

__all__ = ["BURST_S", "FLASH_HZ", "PULSES_S", "Bell", "Call", "dark"]

Call: TypeAlias = Literal["high", "medium", "low"]
"""How urgently something calls; technical alarms borrow one of these."""

FLASH_HZ: Final[Mapping[Priority, float]] = MappingProxyType({"high": 2.0, "medium": 0.5})
"""High 1.4 to 2.8 Hz, medium 0.4 to 0.8 Hz, half of the time lit; low and technical are steady."""

_HALF_NS: Final = {priority: round(5e8 / hz) for priority, hz in FLASH_HZ.items()}

PULSES_S: Final[Mapping[Call, tuple[float, ...]]] = MappingProxyType(
    {
        "high": (0.0, 0.2, 0.4, 0.8, 1.0, 1.8, 2.0, 2.2, 2.6, 2.8),
        "medium": (0.0, 0.3, 0.6),
        "low": (0.0,),
    }
)
"""When the pulses of one burst sound."""

BURST_S: Final[Mapping[Call, float]] = MappingProxyType({"high": 8.0, "medium": 15.0, "low": 30.0})
"""From the beginning of one burst to that of the next: rests of 5.2, 14.4 and 30 s."""


def dark(now_ns: int) -> frozenset[Priority]:
    """Return the priorities whose flashing is in its dark half at this moment.

    Examples
    --------
    >>> [sorted(dark(ms * 1_000_000)) for ms in (0, 250, 500, 1250)]
    [[], ['high'], [], ['high', 'medium']]
    """
    return frozenset(priority for priority, half_ns in _HALF_NS.items() if now_ns // half_ns % 2)


_SAME_S: Final = 1e-6
"""A pulse that is due now is due, whatever floats make of the difference of two times."""


class Bell:
    """Says when to ring: bursts of what calls most urgently, begun anew when something worse comes."""

    def __init__(self) -> None:
        self._call: Call | None = None
        self._began_s = self._rung_s = 0.0

    def due(self, call: Call | None, now_s: float) -> bool:
        """Return whether to ring once now; after a standstill what was missed is not made up for.

        Parameters
        ----------
        call
            What calls most urgently at this moment, None for silence.
        now_s
            A monotonic time.
        """
        if call is None:
            self._call = None
            return False
        worse = self._call is None or BURST_S[call] < BURST_S[self._call]
        if worse:
            self._began_s = now_s
        elif call != self._call:  # the worse one is over: the rest before the next burst is kept
            self._began_s = now_s + BURST_S[call]
        self._call = call
        rung, self._rung_s = self._rung_s, now_s
        return worse or self._pulses(now_s) > self._pulses(rung)

    def _pulses(self, at_s: float) -> int:
        """Return how many pulses there were up to a time."""
        assert self._call is not None
        since = at_s - self._began_s + _SAME_S
        if since < 0:
            return 0
        n_bursts, within = divmod(since, BURST_S[self._call])
        pulses = PULSES_S[self._call]
        return int(n_bursts) * len(pulses) + sum(within >= pulse for pulse in pulses)
