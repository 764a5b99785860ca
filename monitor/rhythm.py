"""Heart rate from beats, and rhythms from labelled beats.

`HeartRate` belongs to the fast lane: it waits for no label. `Rhythms` belongs to the label lane: it
is fed labelled beats of one kind in beat order and what it decides takes effect where the deciding
beat's label does, whenever that label arrived (law 2).

Definitions: makers' manuals for the heart rate, PhysioNet/CinC Challenge 2015 (table 1) for
ventricular tachycardia; see ``docs/alarms.md``.
"""

from statistics import median
from typing import Literal

from monitor.events import Beat, LabelKind, LabelledBeat, Rate, Rhythm
from monitor.leaning import Leaning
from monitor.settings import RhythmSettings
from monitor.stage import State

__all__ = ["HeartRate", "Rhythms"]

_N_SLOW = 3
"""So many slow RR in a row shorten the mean."""
_SUDDEN = 0.8
"""RR below this share of the usual one are a run, ..."""
_EVEN = 1.2
"""... if the longest is at most so many times the shortest ..."""
_N_RUN = 4
"""... and there are so many: irregular RR are seldom short and alike so often."""


class HeartRate:
    """The heart rate a monitor shows, anew at each whole second of signal.

    The mean of the last 12 RR; of the last 4 while three in a row exceed 1200 ms; inside a run of sudden,
    even RR, as a run of ventricular beats has them, of up to 8 of the run alone. Unknown (None)
    before the first RR, and once the last beat lies longer back than ``rate_hold_s``. An RR longer than that
    begins anew: of a rate that was unknown in between there is no mean. A beat without RR (the first after
    a start or a hole in the signal) adds none. A rate of weak beats alone for so long is unknown too. Labels
    play no part.

    Parameters
    ----------
    settings
        Lengths of the means; defaults where None.
    fs
        Sampling rate in Hz; rates are decided at absolute multiples of ``round(fs)`` samples.
    start
        Absolute index of the first sample that will come.
    """

    def __init__(self, settings: RhythmSettings | None = None, *, fs: float, start: int = 0) -> None:
        self.fs = fs
        self._settings = settings or RhythmSettings()
        self._second = round(fs)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget all beats; go on at sample ``start``."""
        self._next = -(-start // self._second) * self._second
        self._last: int | None = None
        self._strong: int | None = None
        self._rr: list[int] = []

    def observe(self, beat: Beat) -> list[Rate]:
        """Take a beat, in order of ``decided``; return the rates that were due before it."""
        due = self.advance(beat.decided)
        if self._last is not None and beat.sample - self._last > self._settings.rate_hold_s * self.fs:
            self._rr = []
        elif beat.rr is not None:
            self._rr = [*self._rr, beat.rr][
                -max(2 * self._settings.rate_rr, self._settings.rate_slow_rr, _N_SLOW) :
            ]
        self._last = beat.sample
        self._strong = self._strong if beat.weak else beat.sample
        return due

    def advance(self, index: int) -> list[Rate]:
        """Return the rates due before ``index``: no beat decided earlier will come any more."""
        due = []
        while self._next < index:
            due.append(Rate(sample=self._next, decided=self._next, hr_bpm=self._rate()))
            self._next += self._second
        return due

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"next": self._next, "last": self._last, "strong": self._strong, "rr": list(self._rr)}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._next = state["next"]
        self._last = state["last"]
        self._strong = state["strong"]
        self._rr = list(state["rr"])

    def _rate(self) -> float | None:
        settings = self._settings
        if not self._rr or self._strong is None or self._next - self._strong > settings.rate_hold_s * self.fs:
            return None
        recent = self._rr[-_N_SLOW:]
        slow = settings.rate_slow_ms * self.fs / 1000
        short = len(recent) == _N_SLOW and min(recent) > slow
        rr = self._run() or self._rr[-(settings.rate_slow_rr if short else settings.rate_rr) :]
        return 60 * self.fs * len(rr) / sum(rr)

    def _run(self) -> list[int]:
        """Return the last RR of a run that began within what the mean is taken over, none without one."""
        settings = self._settings
        for n in range(_N_RUN, settings.rate_rr):
            before, run = self._rr[:-n][-settings.rate_rr :], self._rr[-n:]
            if len(before) < _N_RUN or max(run) > _EVEN * min(run):
                return []
            limit = _SUDDEN * median(before)
            if max(run) < limit <= before[-1]:
                return run[-settings.rate_run_rr :]
        return []


class Rhythms:
    """Ventricular rhythms from labelled beats: a state table over the run of V beats.

    A run is ``vt_beats`` or more V in a row. Its rate is that of its last ``vt_beats`` V: above
    ``vt_rate_bpm`` it is ``(VT``, else ``(IVR``. A single F or Q inside a run is passed over: it
    counts for nothing and breaks nothing (a fusion beat belongs to tachycardia; an unlabelled one
    must not hide it); two in a row, an N, an S, a gap or a silence end the run. A beat right behind a V
    that leans towards V (`monitor.leaning`) counts as one.

    ============  =====================  ===================  =====================
    standing      fast run               slow run             no run
    ============  =====================  ===================  =====================
    nothing       start (VT              start (IVR           --
    ``(VT``       --                     end (VT, start (IVR  end (VT
    ``(IVR``      end (IVR, start (VT    --                   end (IVR
    ============  =====================  ===================  =====================

    Parameters
    ----------
    settings
        ``vt_beats``, ``vt_rate_bpm`` and ``rate_hold_s``.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, settings: RhythmSettings, *, fs: float) -> None:
        self.fs = fs
        self._settings = settings
        self._standing: str | None = None
        self._first: int | None = None
        self._run: list[tuple[int, int]] = []
        self._ordinal = 0
        self._passed = 0
        self._leaning = Leaning()

    @property
    def evidence(self) -> tuple[int, ...]:
        """R peaks of the ventricular beats that make the run, the last ``vt_beats`` at most."""
        return tuple(sample for sample, _ in self._run)

    def push(self, beat: LabelledBeat) -> list[Rhythm]:
        """Take the next beat, in beat order, whenever its label arrived; all of one kind.

        Returns
        -------
        list
            Rhythms that end or start, decided where the beat's label takes effect. A start is about
            the first V of its run (of the slow or fast part, where the rate changed in mid-run), an
            end about the beat that broke it.
        """
        ventricular = self._leaning.push(beat) or beat.label == "V"
        if beat.rr is None:
            ended = self._become(None, beat, beat.sample)
            self._break()
            return [*ended, *self._count(beat, ventricular=ventricular)]
        return self._count(beat, ventricular=ventricular)

    def advance(self, index: int) -> list[Rhythm]:
        """Let time run: no label decided before ``index`` will come any more.

        Returns
        -------
        list
            The end of what stands, where no beat has come for ``rate_hold_s``: nothing beats so slowly.
        """
        if self._standing is None:
            return []
        last = self._run[-1][0]
        due = last + round(self._settings.rate_hold_s * self.fs)
        if due >= index:
            return []
        ended, self._standing = self._standing, None
        self._break()
        return [Rhythm(sample=last, decided=due, rhythm=ended, state="end", labels="provisional")]

    def _count(self, beat: LabelledBeat, *, ventricular: bool) -> list[Rhythm]:
        if not ventricular and beat.label in ("F", "Q") and self._run and not self._passed:
            self._passed = 1
            self._ordinal += 1
            return []
        if not ventricular:
            self._break()
            return self._become(None, beat, beat.sample)
        self._passed = 0
        if self._first is None:
            self._first = beat.sample
        self._ordinal += 1
        n = self._settings.vt_beats
        self._run = [*self._run, (beat.sample, self._ordinal)][-n:]
        if len(self._run) < n:
            return []
        (onset, first), (last, stop) = self._run[0], self._run[-1]
        fast = 60 * self.fs * (stop - first) > self._settings.vt_rate_bpm * (last - onset)
        return self._become("(VT" if fast else "(IVR", beat, self._first if self._standing is None else onset)

    def _break(self) -> None:
        self._first = None
        self._run = []
        self._ordinal = 0
        self._passed = 0

    def _become(self, rhythm: str | None, beat: LabelledBeat, onset: int) -> list[Rhythm]:
        if rhythm == self._standing:
            return []
        labels: LabelKind = "provisional" if beat.provisional else "confirmed"
        steps: list[tuple[str | None, int, Literal["end", "start"]]] = [
            (self._standing, beat.sample, "end"),
            (rhythm, onset, "start"),
        ]
        self._standing = rhythm
        return [
            Rhythm(sample=sample, decided=beat.decided, rhythm=name, state=state, labels=labels)
            for name, sample, state in steps
            if name is not None
        ]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "first": self._first,
            "run": list(self._run),
            "ordinal": self._ordinal,
            "passed": self._passed,
            "leaning": self._leaning.snapshot(),
            "standing": self._standing,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._first = state["first"]
        self._run = [(sample, ordinal) for sample, ordinal in state["run"]]
        self._ordinal = state["ordinal"]
        self._passed = state["passed"]
        self._leaning.restore(state["leaning"])
        self._standing = state["standing"]
