"""Every alarm of the core with a script that must raise it and one that must not, and what plays them.

The whole pipeline is fed the synthetic signal; the labels are the true ones, a pure function of the beat.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.beats import FEATURES, WindowSpec
from monitor.events import CLASSES, Alarm, BeatWindow, Block, Event, Gap, Output
from monitor.pipeline import Pipeline
from monitor.settings import AlarmSettings, Settings
from sim.synthetic import SyntheticPatient

__all__ = ["CASES", "FS", "Case", "Holes", "Manner", "Played", "play"]

FS: Final = 250.0
WINDOW: Final = WindowSpec(fs=120.0, n_pre=40, n_post=44, n_leads=2, shapes=2, features=FEATURES)
_NEAR_S: Final = 0.1


class Lost(NamedTuple):
    """Samples that are missing: from and to a time, in so many of the two leads."""

    start_s: float
    stop_s: float
    n_leads: int


class Holes(NamedTuple):
    """Samples that never come: so many seconds at the end of each period, from and to a time."""

    start_s: float
    stop_s: float
    period_s: float
    length_s: float

    def gaps(self) -> list[tuple[int, int]]:
        """Return where they begin and end."""
        ends = np.arange(self.start_s + self.period_s, self.stop_s + 1e-9, self.period_s)
        return [(round((end - self.length_s) * FS), round(end * FS)) for end in ends.tolist()]


@dataclass(frozen=True)
class Case:
    """One alarm, the scripts, and how soon it is due.

    Attributes
    ----------
    kind
        The alarm.
    script, quiet
        What must raise it and what must not.
    since
        What its delay is counted from: ``V1`` the first beat of that class, ``V5`` the fifth, ``quiet`` the
        last beat before the longest RR, or a time in seconds.
    within_s
        The delay allowed.
    settings
        Limits other than the defaults.
    lost
        Samples that are missing in ``script``.
    holes
        Packets that never come in ``script``.
    """

    kind: str
    script: str
    quiet: str
    since: str | float
    within_s: float
    settings: Settings = field(default_factory=Settings)
    lost: Lost | None = None
    holes: Holes | None = None

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Where samples never come in ``script``."""
        return [] if self.holes is None else self.holes.gaps()


class Played(NamedTuple):
    """What one script came to: events by signal time, and the R peaks and classes that were in it."""

    events: list[Event]
    r_peaks: tuple[int, ...]
    labels: tuple[str, ...]

    def lives(self, kind: str) -> list[tuple[float, float]]:
        """Return from when to when, in seconds, each alarm of a kind lasted; to infinity if to the end."""
        steps = [e for e in self.events if isinstance(e, Alarm) and e.kind == kind]
        starts = [e.decided / FS for e in steps if e.state == "start"]
        ends = [e.decided / FS for e in steps if e.state == "end"]
        return list(zip(starts, [*ends, np.inf][: len(starts)], strict=True))

    def starts(self, kind: str) -> list[Alarm]:
        """Return the first steps of the alarms of a kind."""
        return [
            event
            for event in self.events
            if isinstance(event, Alarm) and event.kind == kind and event.state == "start"
        ]

    def onset(self, since: str | float) -> float:
        """Return the sample that a delay is counted from, as `Case.since` says."""
        if not isinstance(since, str):
            return since * FS
        if since == "quiet":
            return float(self.r_peaks[int(np.argmax(np.diff(self.r_peaks)))])
        of_class = [at for at, label in zip(self.r_peaks, self.labels, strict=True) if label == since[0]]
        return float(of_class[int(since[1:]) - 1])


class Manner(NamedTuple):
    """How a script is played: none of this may change what is told.

    Attributes
    ----------
    block
        Samples pushed at a time.
    held
        So many answers are held back before they are given, the newest first.
    restarts
        After each block the pipeline is thrown away and made anew from its snapshot.
    """

    block: int = 250
    held: int = 0
    restarts: bool = False


def play(
    script: str,
    *,
    settings: Settings = Settings(),  # noqa: B008  immutable
    lost: Lost | None = None,
    gaps: Sequence[tuple[int, int]] = (),
    seed: int = 3,
    manner: Manner = Manner(),  # noqa: B008  immutable
) -> Played:
    """Play a script through a whole pipeline that is answered with the true labels.

    ``gaps`` are samples that never come: where each begins and ends, in order.
    """
    patient = SyntheticPatient(script, fs=FS, seed=seed)
    truth = patient.truth()
    samples = patient.read(0, patient.n_samples or 0)
    if lost is not None:
        samples[round(lost.start_s * FS) : round(lost.stop_s * FS), : lost.n_leads] = np.nan
    bed = _Bed(settings, patient.leads, Played([], tuple(truth.r_peaks.tolist()), truth.labels))
    for item in _items(samples, gaps, manner.block):
        bed.take(bed.pipeline.push(item), held=manner.held)
        if manner.restarts:
            state = bed.pipeline.snapshot()
            bed.pipeline = bed.made()
            bed.pipeline.restore(state)
    bed.take(bed.pipeline.flush(), held=0)
    return bed.played


def _items(samples: NDArray[np.float64], gaps: Sequence[tuple[int, int]], size: int) -> list[Block | Gap]:
    """Return what is pushed: blocks up to each gap, and the gaps."""
    items: list[Block | Gap] = []
    at = 0
    for start, stop in [*gaps, (len(samples), len(samples))]:
        starts = range(at, start, size)
        items += [Block(begin, samples[begin : min(begin + size, start)]) for begin in starts]
        items += [Gap(sample=start, stop=stop, decided=stop, reason="lost")] if stop > start else []
        at = stop
    return items


class _Bed:
    """A pipeline and what it told, with the answers that it still waits for."""

    def __init__(self, settings: Settings, leads: tuple[str, ...], played: Played) -> None:
        self._settings = settings
        self._leads = leads
        self.played = played
        self.pipeline = self.made()
        self._waiting: list[BeatWindow] = []

    def made(self) -> Pipeline:
        """Return a fresh pipeline."""
        return Pipeline(self._settings, WINDOW, fs=FS, leads=self._leads)

    def take(self, outputs: list[Output], *, held: int) -> None:
        """Keep the events; answer the windows once more wait than are held back."""
        _, peaks, labels = self.played
        for output in outputs:
            if isinstance(output, BeatWindow):
                self._waiting.append(output)
            elif isinstance(output, Event):
                self.played.events.append(output)
        if len(self._waiting) > held:
            for window in self._waiting[::-1] if held else self._waiting:
                told = _true(window.sample, peaks, labels)
                self.played.events.extend(
                    self.pipeline.label(window.sample, told, provisional=window.provisional)
                )
            self._waiting = []


def _true(sample: int, peaks: tuple[int, ...], labels: tuple[str, ...]) -> list[float]:
    """Return the class of the true beat near a detected one as probabilities, Q where there is none."""
    at = bisect_left(peaks, sample)
    near = min(
        range(max(at - 1, 0), min(at + 1, len(peaks))), key=lambda k: abs(peaks[k] - sample), default=0
    )
    label = labels[near] if peaks and abs(peaks[near] - sample) <= _NEAR_S * FS else "Q"
    return [1.0 if label == name else 0.0 for name in CLASSES]


_NARROW = Settings(alarms=AlarmSettings(low_rate_bpm=60.0, high_rate_bpm=100.0))

CASES: Final = (
    Case(
        "asystole", "sinus:15@75, asystole:8, sinus:4@75", "sinus:15@75, pause:3.8, sinus:6@75", "quiet", 4.5
    ),
    Case(
        "ventricular_fibrillation",
        "sinus:15@75, vf:10, sinus:4@75",
        "sinus:15@75, vt:10@150, sinus:5@75, vf:2.5, sinus:4@75",
        15.0,
        6.0,
    ),
    Case(
        "ventricular_tachycardia",
        "sinus:15@75, vt:8b@160, sinus:5@75",
        "sinus:15@75, vt:4b@160, sinus:5@75, ivr:8b@90",
        "V5",
        0.6,
    ),
    Case("extreme_tachycardia", "sinus:15@75, svt:12@170", "sinus:30@135", "S1", 7.0),
    Case("extreme_bradycardia", "sinus:15@75, sinus:16@35", "sinus:15@75, sinus:16@46", 15.0, 10.0),
    Case(
        "nonsustained_vt",
        "sinus:15@75, vt:4b@150, sinus:5@75",
        "sinus:15@75, couplet, sinus:5@75, vt:6b@150",
        "V1",
        4.0,
    ),
    Case(
        "ventricular_bradycardia",
        "sinus:15@75, ivr:7b@32, sinus:5@75",
        "sinus:15@75, ivr:7b@50, sinus:5@75",
        "V1",
        12.0,
    ),
    Case(
        "idioventricular",
        "sinus:15@75, ivr:8b@70, sinus:5@75",
        "sinus:15@75, ivr:4b@70, sinus:5@75, vt:8b@130",
        "V1",
        6.0,
    ),
    Case(
        "ventricular_run",
        "sinus:15@75, ivr:4b@80, sinus:5@75",
        "sinus:15@75, couplet, sinus:5@75, vt:4b@150, sinus:5@75",
        "V1",
        4.0,
    ),
    Case(
        "r_on_t",
        "sinus:15@60, ront, sinus:5@60",
        "sinus:15@60, pvc, sinus:5@60, couplet, sinus:5@60",
        "V1",
        4.0,
    ),
    Case("pause", "sinus:15@75, pause:2.4, sinus:5@75", "sinus:15@75, pause:1.4, sinus:5@75", "quiet", 2.6),
    Case(
        "supraventricular_tachycardia",
        "sinus:15@75, svt:8b@160, sinus:5@75",
        "sinus:15@75, svt:4b@160, sinus:5@75, pac, sinus:5@75",
        "S1",
        4.0,
    ),
    Case("high_rate", "sinus:20@80, sinus:12@120", "sinus:20@80, sinus:12@94", 20.0, 7.0, _NARROW),
    Case("low_rate", "sinus:20@80, sinus:14@40", "sinus:20@80, sinus:14@65", 20.0, 7.0, _NARROW),
    Case(
        "couplet",
        "sinus:15@75, couplet, sinus:5@75",
        "sinus:15@75, pvc, sinus:3@75, pvc, sinus:5@75, vt:3b@150, sinus:5@75",
        "V1",
        3.0,
    ),
    Case(
        "bigeminy",
        "sinus:15@75, bigeminy:12b@75, sinus:3@75",
        "sinus:15@75, bigeminy:4b@75, sinus:4@75, trigeminy:12b@75",
        "V1",
        6.0,
    ),
    Case(
        "trigeminy",
        "sinus:15@75, trigeminy:15b@75, sinus:3@75",
        "sinus:15@75, trigeminy:6b@75, sinus:4@75, bigeminy:12b@75",
        "V1",
        8.0,
    ),
    Case(
        "frequent_pvc", "sinus:10@75, bigeminy:24@75", "sinus:10@75, bigeminy:20b@75, sinus:20@75", "V11", 2.0
    ),
    Case(
        "multiform_pvc",
        "sinus:15@75, pvc, sinus:4@75, widepvc, sinus:5@75",
        "sinus:15@75, pvc, sinus:4@75, pvc, sinus:20@75, widepvc, sinus:5@75",
        "V2",
        2.0,
    ),
    Case(
        "missed_beat",
        "sinus:15@80, missed, sinus:5@80",
        "sinus:15@80, pvc, sinus:4@80, pac, sinus:5@80",
        "quiet",
        4.0,
    ),
    Case(
        "atrial_fibrillation",
        "sinus:20@75, af:60@110",
        "sinus:20@75, pac, sinus:6@75, pac, sinus:5@75, bigeminy:20@75, trigeminy:15@75, pac, sinus:10@75",
        20.0,
        60.0,
    ),
    Case("lead_off", "sinus:20@75", "sinus:15@75, asystole:5", 10.0, 0.5, lost=Lost(10.0, 15.0, 1)),
    Case("cannot_analyse", "sinus:20@75", "sinus:15@75, asystole:5", 10.0, 3.0, lost=Lost(10.0, 15.0, 2)),
    Case("signal_gaps", "sinus:25@75", "sinus:15@75, asystole:5", 10.0, 10.0, holes=Holes(10, 20, 1.0, 0.4)),
)
"""The alarms that the core decides; those of the wall clock are tested where they are raised."""
