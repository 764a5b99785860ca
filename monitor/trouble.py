"""What only the wall clock can tell of one bed, as alarms: feeds lost, parts that failed, files not written.

They stand beside the alarms of the bed's pipeline and live as these do (`monitor.standing`); they are
reminded of by wall time, as the signal's own clock may stand still.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from monitor.definitions import raised
from monitor.events import Alarm, Event
from monitor.settings import AlarmSettings
from monitor.standing import Standing

__all__ = ["Trouble"]

_REFUSED_NS: Final = 10_000_000_000
"""How long after the last refused packet the feed is called good again."""
_OF_THE_FEED: Final = frozenset({"feed_lost"})
"""What may still be so when a new process takes over; all else was trouble of the old one."""


class Trouble:
    """The wall-clock alarms of one bed.

    Parameters
    ----------
    settings
        What is switched off, and when to remind.
    say
        Called with every step.
    index
        Called for the sample at which a step is decided.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        *,
        say: Callable[[Event], None],
        index: Callable[[], int],
    ) -> None:
        self._say = say
        self._index = index
        self._not_stored: dict[str, str] = {}
        self._refused_ns = 0
        self._standing = Standing(off=settings.off, reminder=round(settings.reminder_s * 1e9))

    def start(self, kind: str, text: str = "") -> None:
        """Raise an alarm, unless it stands already; ``text`` is put behind its name."""
        alarm = raised(kind, sample=self._index(), decided=self._index())
        whole = f"{alarm.text}: {text}" if text else alarm.text
        self._tell(self._standing.start(msgspec.structs.replace(alarm, text=whole)))

    def end(self, kind: str) -> None:
        """End an alarm, if it stands."""
        self._tell(self._standing.end(kind, self._index()))

    def turn(self, kind: str, *, on: bool) -> None:
        """Raise an alarm while its condition holds, and end it once that does not."""
        if on:
            self.start(kind)
        else:
            self.end(kind)

    def take_up(self, alarms: Sequence[Alarm]) -> None:
        """Let such alarms go on that stood when another process ended, and end what was its own trouble."""
        self._standing.take_up(alarms, start=time.time_ns())
        for alarm in alarms:
            if alarm.kind not in _OF_THE_FEED:
                self.end(alarm.kind)

    def end_all(self) -> None:
        """End all of it: the bed is to be forgotten."""
        for alarm in self._standing.alarms():
            self.end(alarm.kind)

    def acknowledge(self, by: str, kind: str | None) -> None:
        """Acknowledge what stands, of one kind or of all."""
        self._tell(self._standing.acknowledge(self._index(), by=by, kind=kind, now=time.time_ns()))

    def tick(self, now_ns: int) -> None:
        """Remind of what was acknowledged long ago and still stands; end what is over."""
        self._refused_ns = min(self._refused_ns, now_ns)  # the clock may be set back
        if now_ns - self._refused_ns > _REFUSED_NS:
            self.end("feed_error")
        self._tell(self._standing.remind("wall", now_ns, at=self._index()))

    def refused(self, text: str) -> None:
        """Raise the alarm that something of the feed was refused; it stands for as long as that goes on."""
        self._refused_ns = time.time_ns()
        self.start("feed_error", text)

    def not_stored(self, what: str, reason: str) -> None:
        """Raise the alarm that the ``journal``, the ``recording`` or the ``store`` cannot be written."""
        self._not_stored[what] = reason
        self.start("storage_failed", reason)

    def stored(self, what: str) -> None:
        """Take back `not_stored`; the alarm ends when nothing else is left unwritten."""
        self._not_stored.pop(what, None)
        if not self._not_stored:
            self.end("storage_failed")

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the last step of each alarm that stands."""
        return self._standing.alarms()

    def _tell(self, steps: Sequence[Alarm]) -> None:
        for step in steps:
            self._say(step)
