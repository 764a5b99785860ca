"""Ventricular beats in pairs, runs and patterns: what the last labelled beats show.

Each function looks at a `History` whose last beat is new, and returns the conditions that hold now, by the
name of their alarm, or those that this beat completes. They keep nothing: `monitor.arrhythmias` knows what
stood before.

Definitions: makers' manuals and PhysioNet/CinC Challenge 2015, as ``docs/alarms.md`` states them.
"""

from typing import NamedTuple

from monitor.history import Found, Heard, History
from monitor.settings import Settings
from monitor.turns import MAX_EVIDENCE

__all__ = ["ended_runs", "frequent", "multiform", "patterns", "r_on_t", "run_of", "ventricular_rhythm"]

_PAIR = 2
_RUN = 3
"""So many ventricular beats in a row are a run."""


class Run(NamedTuple):
    """Beats of one class in a row; a single F or Q between two of them is passed over.

    Attributes
    ----------
    peaks, places
        R peak of each, and its place in the history.
    lasts
        False if the last beat of the history broke it.
    """

    peaks: tuple[int, ...]
    places: tuple[int, ...]
    lasts: bool

    def bpm(self, n: int, fs: float) -> float:
        """Return the rate over its last ``n`` beats, those passed over included."""
        n_rr = self.places[-1] - self.places[-n]
        return 60 * fs * n_rr / (self.peaks[-1] - self.peaks[-n])

    def fast(self, n: int, bpm: float, fs: float) -> "Run | None":
        """Return it from the first to the last ``n`` beats in a row that are faster, None where none are."""
        parts = [slice(k, k + n) for k in range(len(self.peaks) - n + 1)]
        fast = [at for at in parts if Run(self.peaks[at], self.places[at], self.lasts).bpm(n, fs) > bpm]
        if not fast:
            return None
        part = slice(fast[0].start, fast[-1].stop)
        return Run(self.peaks[part], self.places[part], self.lasts)


def run_of(label: str, beats: list[Heard]) -> Run | None:
    """Return the run that the last beat goes on with or has just broken, None where there is neither.

    A first F or Q after it neither breaks it nor belongs to it.
    """
    tail = 0
    while tail < len(beats) and beats[-1 - tail].label != label:
        tail += 1
    if tail == len(beats):
        return None
    doubtful = tail > 0 and beats[-tail].label in "FQ"
    lasts = tail == 0 or (tail == 1 and doubtful)
    if not lasts and tail != 1 + doubtful:
        return None
    places: list[int] = []
    at = len(beats) - 1 - tail
    while at >= 0:
        if beats[at].label == label:
            places.append(at)
        elif not (beats[at].label in "FQ" and at > 0 and beats[at - 1].label == label):
            break
        at -= 1
    places.reverse()
    return Run(tuple(beats[place].sample for place in places), tuple(places), lasts)


def ventricular_rhythm(history: History, settings: Settings) -> dict[str, Found]:
    """Tell a run at up to the tachycardia's rate: of three V, or a rhythm of five or more, slow or not."""
    run = run_of("V", history.beats)
    limits = settings.rhythm
    if run is None or not run.lasts or len(run.peaks) < _RUN:
        return {}
    n = min(len(run.peaks), limits.vt_beats)
    bpm = run.bpm(n, history.fs)
    if bpm > limits.vt_rate_bpm:
        return {}
    kind = "ventricular_run"
    if n == limits.vt_beats:
        kind = "idioventricular" if bpm >= limits.ventricular_brady_bpm else "ventricular_bradycardia"
    return {kind: Found(run.peaks[-n], run.peaks[-MAX_EVIDENCE:], bpm)}


def ended_runs(history: History, settings: Settings) -> dict[str, Found]:
    """Tell a couplet or a fast run where the beat after it is known not to belong to it.

    One as long as a tachycardia only where the provisional labels told of none.
    """
    run = run_of("V", history.beats)
    if run is None or run.lasts:
        return {}
    n = len(run.peaks)
    if n == _PAIR and 0 < run.places[0] == run.places[1] - 1:
        return {"couplet": Found(run.peaks[0], run.peaks, run.bpm(n, history.fs))}
    limits = settings.rhythm
    fast = run.fast(min(n, limits.vt_beats), limits.vt_rate_bpm, history.fs) if n >= _RUN else None
    if fast is None or (n >= limits.vt_beats and history.told(fast.peaks[0], fast.peaks[-1])):
        return {}
    bpm = fast.bpm(len(fast.peaks), history.fs)
    return {"nonsustained_vt": Found(fast.peaks[0], fast.peaks[-MAX_EVIDENCE:], bpm)}


def patterns(history: History, settings: Settings) -> dict[str, Found]:
    """Tell bigeminy and trigeminy: over so many cycles, every second or third beat alone was V.

    A pattern that was complete holds for as many beats more: one that breaks it, and it goes on, is the rule
    rather than the exception. It ends, then, where it was complete last.
    """
    found = {}
    for kind, period in (("bigeminy", 2), ("trigeminy", 3)):
        n = period * settings.rhythm.pattern_cycles
        beats = history.beats[-2 * n :]
        labels = "".join(beat.label for beat in beats)
        for stop in range(len(beats), max(n, len(beats) - n) - 1, -1):
            if any(_every(labels[stop - n : stop], period, first) for first in range(period)):
                peaks = tuple(beat.sample for beat in beats[stop - n : stop])
                found[kind] = Found(peaks[0], peaks[-MAX_EVIDENCE:])
                break
    return found


def _every(labels: str, period: int, first: int) -> bool:
    return all(
        (label == "V") if place % period == first else (label in "NS") for place, label in enumerate(labels)
    )


def r_on_t(history: History, settings: Settings) -> dict[str, Found]:
    """Tell a V that fell on the T wave before it, by the pause that followed."""
    limits, mean = settings.alarms, history.mean_rr(skip=2)
    if mean is None or 60 * history.fs / mean >= limits.r_on_t_max_bpm:
        return {}
    before, early, after = history.beats[-3:]
    if early.label != "V" or early.rr is None or after.rr is None:
        return {}
    if early.rr >= limits.r_on_t_ratio * mean or after.rr < limits.r_on_t_pause * mean:
        return {}
    return {"r_on_t": Found(early.sample, (before.sample, early.sample, after.sample), early.rr / history.fs)}


def multiform(history: History, settings: Settings) -> dict[str, Found]:
    """Tell a V of another shape than one within the beats before it."""
    last = history.beats[-1]
    if last.label != "V" or last.form is None:
        return {}
    near = history.beats[-settings.alarms.multiform_beats :]
    others = [beat for beat in near if beat.label == "V" and beat.form not in (None, last.form)]
    return {"multiform_pvc": Found(last.sample, (others[-1].sample, last.sample))} if others else {}


def frequent(history: History, settings: Settings) -> dict[str, Found]:
    """Tell more V within the last minute than the limit."""
    minute = history.minute
    if len(minute) <= settings.alarms.pvc_per_min:
        return {}
    return {"frequent_pvc": Found(minute[0], tuple(minute[-MAX_EVIDENCE:]), float(len(minute)))}
