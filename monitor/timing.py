"""Labelled beats that come early in a row, or not at all: supraventricular tachycardia, the missed beat.

As `monitor.ectopy`: functions of the last beats that keep nothing.
"""

from monitor.ectopy import run_of
from monitor.history import Found, History
from monitor.settings import Settings
from monitor.turns import MAX_EVIDENCE

__all__ = ["missed_beat", "supraventricular"]


def supraventricular(history: History, settings: Settings) -> dict[str, Found]:
    """Tell so many premature supraventricular beats in a row, fast enough to be a tachycardia."""
    run, limits = run_of("S", history.beats), settings.rhythm
    if run is None or not run.lasts or len(run.peaks) < limits.svt_beats:
        return {}
    bpm = run.bpm(limits.svt_beats, history.fs)
    if bpm <= limits.svt_rate_bpm:
        return {}
    onset = run.peaks[-limits.svt_beats]
    return {"supraventricular_tachycardia": Found(onset, run.peaks[-MAX_EVIDENCE:], bpm)}


def missed_beat(history: History, settings: Settings) -> dict[str, Found]:
    """Tell an RR with room for one more beat, where no V (or fusion) explains the pause.

    One that is a pause by its length alone is told as that.
    """
    limits, mean = settings.alarms, history.mean_rr(skip=1)
    if mean is None:
        return {}
    before, last = history.beats[-2:]
    if last.rr is None or before.label in "VF":
        return {}
    slow = 60 * history.fs / mean < limits.missed_fast_bpm
    longest = limits.missed_ratio * mean if slow else limits.missed_s * history.fs
    if not longest < last.rr <= limits.pause_s * history.fs:
        return {}
    return {"missed_beat": Found(before.sample, (before.sample, last.sample), last.rr / history.fs)}
