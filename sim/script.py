"""Rhythm scripts: from ``sinus:30@75, pvc, vt:8@160, asystole:6`` to beats and rhythms in time.

An item is a name, a length and a rate: ``name[:length][@bpm]``. A length is in seconds (``8`` or
``8s``) or in beats (``8b``). What each name does:

=========  ==========================================  ==================  ==========
name       what happens                                length              bpm
=========  ==========================================  ==================  ==========
sinus      normal beats                                seconds or beats    20 to 250
af         atrial fibrillation: irregular, no P        seconds or beats    40 to 250
svt        premature narrow beats in a row             seconds or beats    100 to 300
vt         wide ventricular beats in a row             seconds or beats    40 to 300
ivr        the same without haste, as an escape        seconds or beats    20 to 100
bigeminy   every second beat is a pvc                  seconds or beats    40 to 150
trigeminy  every third beat is one                     seconds or beats    40 to 150
pac        one premature atrial beat                   -                   -
pvc        one premature ventricular beat, then a      -                   -
           full compensatory pause
widepvc    the same, of another shape                  -                   -
ront       the same, so early that it falls on the T   -                   -
couplet    two of them                                 -                   -
missed     one beat is left out                        -                   -
pause      no beat for so long (3 s unless told)       seconds             -
asystole   no beat, flat                               seconds             -
vf         coarse ventricular fibrillation             seconds             -
=========  ==========================================  ==================  ==========

The rate of a pattern is that of its sinus rhythm. Single beats take their timing from the rhythm before
them. Times are seconds; nothing here knows a
sampling rate.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from monitor.errors import SourceError

__all__ = ["DEFAULT_SCRIPT", "BeatKind", "Planned", "Span", "Step", "parse", "plan"]

DEFAULT_SCRIPT: Final = (
    "sinus:20@72, pvc, sinus:8@72, pac, sinus:6@75, pvc, sinus:6@75, couplet, sinus:10@78, vt:6@170, "
    "sinus:12@84, svt:6@165, sinus:10@76, pause:3, sinus:8@72, af:20@105, sinus:10@72, asystole:6, "
    "sinus:10@66, vf:8, sinus:10@80"
)
"""A hard day of one patient, in three and a half minutes."""

BeatKind: TypeAlias = Literal["normal", "atrial", "fibrillating", "ventricular", "ventricular_too"]
"""``ventricular_too`` is a ventricular beat from another place, and so of another shape."""

_BPM: Final = {
    "sinus": (20, 250, 72),
    "af": (40, 250, 110),
    "svt": (100, 300, 170),
    "vt": (40, 300, 170),
    "ivr": (20, 100, 70),
    "bigeminy": (40, 150, 72),
    "trigeminy": (40, 150, 72),
}
"""Lowest, highest and usual rate of those rhythms that have one."""
_SECONDS: Final = {"pause": 3.0, "asystole": None, "vf": None}
_SINGLE: Final = ("pvc", "widepvc", "ront", "pac", "couplet", "missed")
_NAMES: Final = (*_BPM, *_SINGLE, *_SECONDS)
_ITEM: Final = re.compile(
    r"(?P<name>[a-z]+)(?::(?P<length>\d+(?:\.\d+)?)(?P<unit>[sb]?))?(?:@(?P<bpm>\d+(?:\.\d+)?))?"
)
_AUX: Final = {
    "sinus": "(N",
    "af": "(AFIB",
    "svt": "(SVTA",
    "vt": "(VT",
    "ivr": "(IVR",
    "bigeminy": "(B",
    "trigeminy": "(T",
    "asystole": "(ASYS",
    "vf": "(VF",
}
_TACHY_BPM: Final = 100.0
"""A ventricular rhythm up to this is no tachycardia."""
_PREMATURE: Final = 0.6
"""A premature ventricular beat comes after this share of the usual RR ..."""
_ON_T: Final = 0.3
"""... and one that falls on the T wave after this."""
_PVC: Final[dict[str, tuple[float, BeatKind]]] = {
    "pvc": (_PREMATURE, "ventricular"),
    "widepvc": (_PREMATURE, "ventricular_too"),
    "ront": (_ON_T, "ventricular"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One item of a script; exactly one of ``seconds`` and ``beats`` is given where it has a length."""

    name: str
    seconds: float | None = None
    beats: int | None = None
    bpm: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A beat: when its R peak is, what it is, and how long after the beat before it."""

    time_s: float
    kind: BeatKind
    rr_s: float


@dataclass(frozen=True, slots=True)
class Span:
    """A rhythm begins, named as WFDB does, and lasts until the next one."""

    time_s: float
    rhythm: str


def parse(script: str) -> tuple[Step, ...]:
    """Read a script.

    Raises
    ------
    SourceError
        An item is not understood; the message names it and what it should be.

    Examples
    --------
    >>> parse("sinus:30@75, pvc")[0]
    Step(name='sinus', seconds=30.0, beats=None, bpm=75.0)
    """
    items = [item.strip() for item in script.split(",")]
    if not any(items):
        raise SourceError("rhythm script: expected items such as sinus:30@75, received none")
    return tuple(_step(item, number) for number, item in enumerate(items, 1))


def _step(item: str, number: int) -> Step:
    where = f"rhythm script, item {number}"
    match = _ITEM.fullmatch(item)
    if match is None:
        raise SourceError(f"{where}: expected name[:length][@bpm] such as vt:8@160, received {item!r}")
    name, length, unit, bpm = match.group("name", "length", "unit", "bpm")
    if name not in _NAMES:
        raise SourceError(f"{where}: expected one of {', '.join(_NAMES)}, received {name!r}")
    if bpm is not None and name not in _BPM:
        raise SourceError(f"{where}: expected no rate for {name}, received {item!r}")
    if name in _SINGLE:
        if length is not None:
            raise SourceError(f"{where}: expected no length for {name}, received {item!r}")
        return Step(name)
    if length is None and _SECONDS.get(name) is None:
        raise SourceError(f"{where}: expected a length such as {name}:10, received {item!r}")
    value = float(length) if length is not None else _SECONDS[name] or 0.0
    if not 0.5 <= value <= 86_400:
        raise SourceError(f"{where}: expected a length of 0.5 to 86400, received {item!r}")
    if unit == "b":
        if name not in _BPM or value != int(value):
            raise SourceError(f"{where}: expected a whole number of beats of a rhythm, received {item!r}")
        return Step(name, beats=int(value), bpm=_rate(name, bpm, where))
    return Step(name, seconds=value, bpm=_rate(name, bpm, where) if name in _BPM else None)


def _rate(name: str, bpm: str | None, where: str) -> float:
    low, high, usual = _BPM[name]
    value = float(bpm) if bpm is not None else float(usual)
    if not low <= value <= high:
        raise SourceError(f"{where}: expected {low} to {high} bpm for {name}, received {value:g}")
    return value


class _Patient:
    """Where a patient stands in time while a script is played: the last beat, and the next one due."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.now_s = 0.0
        self.last_s = -0.4
        self.due_s = 0.4
        self.rr_s = 60.0 / 72.0

    def beat(self, time_s: float, kind: BeatKind) -> Planned:
        planned = Planned(time_s, kind, time_s - self.last_s)
        self.last_s = time_s
        return planned


def plan(steps: tuple[Step, ...], *, seed: int, loop: bool = False) -> Iterator[Planned | Span | float]:
    """Play a script: beats and rhythms in order of time; at the end of each pass the time, as a float.

    Equal arguments give equal plans. With ``loop`` it never ends, and no two passes are alike.
    """
    patient = _Patient(np.random.default_rng([seed, 1]))
    rhythm = ""
    while True:
        for step in steps:
            aux = _AUX.get(step.name, rhythm if rhythm == "(AFIB" else "(N")
            if step.name == "vt" and (step.bpm or 0.0) <= _TACHY_BPM:
                aux = _AUX["ivr"]
            if aux != rhythm:
                rhythm = aux
                yield Span(patient.now_s, aux)
            yield from _play(step, patient)
        yield patient.now_s
        if not loop:
            return


def _play(step: Step, patient: _Patient) -> Iterator[Planned]:
    if step.name == "sinus":
        patient.rr_s = 60.0 / (step.bpm or 72.0)
        yield from _regular(step, patient, "normal", spread=0.012)
    elif step.name == "af":
        yield from _regular(step, patient, "fibrillating", spread=0.2)
    elif step.name in ("vt", "svt", "ivr"):
        kind: BeatKind = "atrial" if step.name == "svt" else "ventricular"
        early_s = 60.0 / (step.bpm or 170.0) if step.name == "ivr" else _PREMATURE * patient.rr_s
        patient.due_s = max(patient.last_s + early_s, patient.now_s + 0.05)
        yield from _regular(step, patient, kind, spread=0.01)
        patient.due_s = patient.last_s + 1.3 * max(patient.rr_s, 60.0 / (step.bpm or 170.0))
    elif step.name in ("bigeminy", "trigeminy"):
        yield from _pattern(step, patient, period=2 if step.name == "bigeminy" else 3)
    elif step.name in _SINGLE:
        yield from _single(step.name, patient)
    elif step.name == "pause":
        patient.due_s = patient.last_s + (step.seconds or 3.0)
        patient.now_s = max(patient.now_s, patient.due_s - 0.1)
    else:
        patient.now_s += step.seconds or 0.0
        patient.due_s = patient.now_s + 0.3


def _single(name: str, patient: _Patient) -> Iterator[Planned]:
    """Yield one beat that comes out of turn, or two; ``missed`` yields none."""
    usual_s = patient.last_s + 2 * patient.rr_s
    if name in _PVC:
        early, kind = _PVC[name]
        yield patient.beat(patient.last_s + early * patient.rr_s, kind)
    elif name == "couplet":
        yield patient.beat(patient.last_s + _PREMATURE * patient.rr_s, "ventricular")
        yield patient.beat(patient.last_s + min(0.45, 0.7 * patient.rr_s), "ventricular")
        usual_s = patient.last_s + 1.3 * patient.rr_s
    elif name == "pac":
        yield patient.beat(patient.last_s + 0.68 * patient.rr_s, "atrial")
        usual_s = patient.last_s + 1.1 * patient.rr_s
    patient.due_s = usual_s
    patient.now_s = max(patient.now_s, patient.last_s + 0.1)


def _pattern(step: Step, patient: _Patient, *, period: int) -> Iterator[Planned]:
    """Yield sinus beats of which every ``period``-th is a premature ventricular one instead."""
    patient.rr_s = 60.0 / (step.bpm or 72.0)
    end_s = patient.now_s + (step.seconds or 0.0)
    count = 0
    while (count < step.beats) if step.beats is not None else (patient.due_s < end_s):
        if count % period == period - 1:
            yield from _single("pvc", patient)
        else:
            yield patient.beat(patient.due_s, "normal")
            patient.due_s = patient.last_s + patient.rr_s
        count += 1
    patient.now_s = end_s if step.beats is None else patient.last_s + 0.1


def _regular(step: Step, patient: _Patient, kind: BeatKind, *, spread: float) -> Iterator[Planned]:
    """Yield beats from the one that is due on, until the step's length is over."""
    rr_s = 60.0 / (step.bpm or 72.0)
    end_s = patient.now_s + (step.seconds or 0.0)
    count = 0
    while (count < step.beats) if step.beats is not None else (patient.due_s < end_s):
        yield patient.beat(patient.due_s, kind)
        count += 1
        breathing = 0.025 * np.sin(2 * np.pi * 0.25 * patient.last_s) if kind == "normal" else 0.0
        factor = 1.0 + breathing + spread * patient.rng.standard_normal()
        patient.due_s = patient.last_s + float(np.clip(rr_s * factor, max(0.4 * rr_s, 0.2), 2.0 * rr_s))
    patient.now_s = end_s if step.beats is None else patient.last_s + 0.1
