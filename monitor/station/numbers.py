"""Which bed a key means: the wall as it was drawn, and not at once where it has changed by itself. Pure.

Beds stand in the order of their names, so that a bed has the same number after every start. One that
comes or leaves moves those behind it: who has read a number a moment ago would then mean another bed.
"""

from collections.abc import Sequence
from typing import Final

__all__ = ["SETTLE_S", "Numbers"]

SETTLE_S: Final = 1.5
"""How long after such a change a key that would mean another bed than before means none."""
_OF_A_NUMBER: Final = frozenset("123456789")
_OF_THE_CHOSEN: Final = frozenset(("a", "space"))


class Numbers:
    """The numbers of beds on the wall that was drawn last.

    Attributes
    ----------
    names
        The beds by number, from 1 on.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._renumbered_s = self._rechosen_s = float("-inf")

    def drawn(self, names: Sequence[str], now_s: float) -> None:
        """Take note of the wall that is drawn now."""
        at = {name: i for i, name in enumerate(names)}
        if any(at.get(name, i) != i for i, name in enumerate(self.names)):
            self._renumbered_s = now_s
        self.names = tuple(names)

    def rechosen(self, now_s: float) -> None:
        """Take note that the chosen bed has gone, and that another is chosen in its place."""
        self._rechosen_s = now_s

    def settled(self, key: str, now_s: float) -> bool:
        """Whether a key means the bed that it meant a moment ago."""
        if key in _OF_A_NUMBER:
            return now_s - self._renumbered_s >= SETTLE_S
        return key not in _OF_THE_CHOSEN or now_s - self._rechosen_s >= SETTLE_S
