"""Alarms: what raises them, how long they stand, what a person's acknowledgement does.

Lanes that share nothing but the list of what stands (`monitor.standing`). The *signal* lane
(`monitor.signal_alarms`) waits for no label. The *label* lanes (`monitor.label_alarms`) are run whenever
labels arrive; their alarms take effect where the labels do. Which labels, provisional or confirmed, a
definition says and each step of an alarm repeats. Every step is decided at an exact sample.

Definitions in force, sources and what is left out: ``docs/alarms.md``.
"""

from collections.abc import Sequence

from monitor.darkness import Spans
from monitor.definitions import DEFINITIONS, Definition, announced
from monitor.events import Alarm, AudioPause, Event, LabelledBeat, Rhythm
from monitor.label_alarms import LabelAlarms
from monitor.settings import AlarmSettings
from monitor.signal_alarms import SignalAlarms
from monitor.stage import State
from monitor.standing import Standing
from monitor.turns import Turn

__all__ = ["DEFINITIONS", "Alarms", "Definition", "announced"]


class Alarms:
    """The alarms of one bed.

    Parameters
    ----------
    settings
        Limits and times.
    fs
        Sampling rate in Hz.
    n_leads
        Number of leads.
    lead_names
        For the text of alarms about one lead; numbered from 1 where not given.
    start
        Absolute index of the first sample that will come.
    standing
        Alarms carried over from an earlier stream of the same bed, as `standing` returned them.
    dark
        What that stream's `dark` returned; None for a bed's first.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        *,
        fs: float,
        n_leads: int,
        lead_names: Sequence[str] = (),
        start: int = 0,
        standing: Sequence[Alarm] = (),
        dark: Spans | None = None,
    ) -> None:
        self.fs = fs
        names = tuple(lead_names) or tuple(str(lead + 1) for lead in range(n_leads))
        reminder = round(settings.reminder_s * fs)
        self._standing = Standing(standing, off=settings.off, reminder=reminder, start=start)
        self._labels = LabelAlarms(self._standing, settings, fs=fs, start=start)
        self._signal = SignalAlarms(self._standing, settings, fs=fs, names=names, start=start, dark=dark)

    def observe(self, event: Event) -> list[Alarm]:
        """Take a fast-lane event, in order of ``decided``.

        Beats, rates, lead states and fibrillation (``(VFL``, ``(VF``) count; others only move time.
        """
        return self._signal.observe(event)

    def miss(self, start: int, stop: int) -> None:
        """Learn, before any later event, that samples from ``start`` up to ``stop`` never came."""
        self._signal.miss(start, stop)

    def advance(self, index: int) -> list[Alarm]:
        """Let time run: no fast-lane event decided before ``index`` will come any more."""
        return self._signal.advance(index)

    def labelled(
        self, beat: LabelledBeat, rhythms: Sequence[Rhythm], evidence: tuple[int, ...] = ()
    ) -> list[Alarm]:
        """Take a provisionally labelled beat and the rhythms that it started or ended, in beat order.

        The signal lane's state plays no part, so the time of the call changes nothing. ``evidence`` are
        the beats that a rhythm started with.
        """
        return self._labels.provisional(beat, rhythms, evidence)

    def lose(self, start: int, stop: int) -> None:
        """Learn, before any label from behind it, of a gap over which the label lanes carry what stands."""
        self._labels.lose(start, stop)

    def fell_silent(self, index: int, rhythms: Sequence[Rhythm]) -> list[Alarm]:
        """Let time run in the lane of provisional labels; take rhythms that ended because no beat came."""
        return self._labels.fell_silent(index, rhythms)

    def turned(self, turns: Sequence[Turn], *, broken: bool = False) -> list[Alarm]:
        """Take what a confirmed label began and ended, in beat order; ``broken``: of a beat without RR."""
        return self._labels.turned(turns, broken=broken)

    def advance_labels(self, index: int) -> list[Alarm]:
        """Let time run in the lane of confirmed labels: none decided before ``index`` will come any more."""
        return self._labels.advance(index)

    def acknowledge(self, index: int, *, by: str = "", kind: str | None = None) -> list[Alarm]:
        """Acknowledge at sample ``index`` what stands, of one kind or of all; a later alarm is a new one."""
        steps = self._standing.acknowledge(index, by=by, kind=kind)
        self._signal.look_again()
        return steps

    def pause_audio(self, index: int, seconds: float | None, *, by: str = "") -> list[AudioPause]:
        """Pause all sound for so many seconds from sample ``index``; None: it comes back now."""
        until = None if seconds is None else index + round(seconds * self.fs)
        return self._standing.pause_audio(index, until, by=by)

    def take_up(self, alarms: Sequence[Alarm], index: int) -> None:
        """Carry, from sample ``index`` on, alarms of which it was not known that they stood at the start."""
        self._standing.take_up(alarms, start=index)
        self._labels.take_up(alarms, index)
        self._signal.take_up(index)

    def set_limits(self, settings: AlarmSettings) -> None:
        """Go by other limits from now on; what is switched off, and reminders, stay as they were."""
        self._labels.settings = settings
        self._signal.look_again(settings)

    def standing(self) -> tuple[Alarm, ...]:
        """Return the last step of each alarm not yet cleared, oldest first."""
        return self._standing.alarms()

    @property
    def dark(self) -> Spans:
        """What of the last seconds could not be judged, for the next stream of the bed."""
        return self._signal.dark

    def reset(self, start: int) -> None:
        """Learn anew from sample ``start`` (a gap, a new stream); standing alarms are kept.

        The signal lane carries its own over (`SignalAlarms.reset`). The label lanes reset themselves, in
        beat order, at the first beat without RR.
        """
        self._signal.reset(start)

    def snapshot(self) -> State:
        """Return a copy of the state, standing alarms included."""
        return {
            "standing": self._standing.snapshot(),
            "signal": self._signal.snapshot(),
            "labels": self._labels.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._standing.restore(state["standing"])
        self._signal.restore(state["signal"])
        self._labels.restore(state["labels"])
