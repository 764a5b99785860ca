"""What a reader of ECGs would measure in a typical beat and in a record: Q, R, S, notches, ST, T, P, rhythm.

A beat is of shape (540,), millivolt, 500 Hz, with R at sample `R_AT` (see `models.workshop.pr_beat`).
Names end in their unit: heights ``_mv`` above the level just before the QRS, slopes ``_mv_s``, times ``_ms``,
areas ``_mv_ms``; those without are ratios and counts. Meant for a learner that takes what it needs: no
measure is a diagnosis, and one of a wave that is not there tells of noise.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from models.workshop.pr_beat import BAND_AT, BAND_FS, BAND_POINTS, FS, R_AT, RecordBeats

__all__ = ["beat_measures", "of_band_beat", "qrs_bounds", "record_measures"]

_MS: Final = 1000 / FS
_SMOOTH: Final = 2.0
"""Standard deviation of the Gaussian that a beat is smoothed by, samples."""
_STEEP: Final = 0.08
"""A QRS is over where the slope is below this share of its steepest ..."""
_STEEP_MV_S: Final = 1.2
"""... or below this."""
_SINGLE: Final = 12
"""Single beats that are measured, at most."""

Wave = NDArray[np.float64]


def beat_measures(beat: NDArray[np.floating], rr_s: float) -> dict[str, float]:
    """Measure one beat; ``rr_s`` is the RR that times are corrected by (Bazett), seconds."""
    smooth = gaussian_filter1d(beat.astype(np.float64), _SMOOTH)
    on, off = qrs_bounds(smooth)
    level = float(smooth[on - 8 : on].mean())
    wave = smooth - level
    qrs = wave[on : off + 1]
    found = {
        "on_ms": (R_AT - on) * _MS,
        "off_ms": (off - R_AT) * _MS,
        "qrs_ms": (off - on) * _MS,
        "steepest_mv_s": float(_slope(smooth)[R_AT - 40 : R_AT + 50].max()),
        "level_mv": level,
    }
    found |= _q_r_s(qrs)
    found |= _notches(beat, wave, on, off)
    found |= _st(wave, off, found["r_mv"])
    found |= _t(wave, on, off, rr_s, found["r_mv"])
    found |= _p(wave, on)
    found["qrs_times_t"] = found["qrs_mv_ms"] * (found["t_up_mv_ms"] + found["t_down_mv_ms"])
    found["qrs_sign_t_mv"] = float(np.sign(found["qrs_mv_ms"])) * found["t_mv"]
    return {name: float(value) for name, value in found.items()}


def qrs_bounds(wave: Wave) -> tuple[int, int]:
    """Return the first and last sample of the QRS: going out from R, where the slope stays low for 10 ms.

    130 ms at most before R and 160 ms after it; 120 and 150 ms where there is no such place.
    """
    slope = _slope(wave)
    low = slope < max(_STEEP * float(slope[R_AT - 40 : R_AT + 50].max()), _STEEP_MV_S)
    on = next((k for k in range(R_AT - 8, R_AT - 65, -1) if low[k - 4 : k + 1].all()), R_AT - 60)
    off = next((k for k in range(R_AT + 10, R_AT + 80) if low[k : k + 5].all()), R_AT + 75)
    return on, off


def record_measures(beats: RecordBeats) -> dict[str, float]:
    """Measure a record: its typical beat, how beats differ, single beats (median and spread) and rhythm."""
    typical = beats.typical.astype(np.float64)
    found = beat_measures(typical, beats.rr_s)
    names = list(found)
    found |= _differences(beats, typical, found["t_mv"])
    usual = beats.each[beats.usual][:_SINGLE]
    single = np.array([list(beat_measures(beat, beats.rr_s).values()) for beat in usual])
    for name, middle, spread in zip(names, np.median(single, axis=0), single.std(axis=0), strict=True):
        found |= {f"single_{name}": float(middle), f"spread_{name}": float(spread)}
    return found | _rhythm(beats)


def of_band_beat(beat: NDArray[np.float32], rr_s: float) -> dict[str, float]:
    """Measure a beat of `models.workshop.pr_beat.band_beat`, of shape (230,), drawn out to 500 Hz."""
    at = (np.arange(R_AT + 320) - R_AT) / FS
    return beat_measures(np.interp(at, (np.arange(BAND_POINTS) - BAND_AT) / BAND_FS, beat), rr_s)


def _q_r_s(qrs: Wave) -> dict[str, float]:
    """Measure Q (lowest before the highest point), R (the highest) and S (lowest after it), and the whole."""
    at = int(np.argmax(qrs))
    r, before, after = float(qrs[at]), qrs[: at + 1], qrs[at:]
    return {
        "r_mv": r,
        "r_at_ms": at * _MS,
        "lowest_mv": min(float(qrs.min()), 0.0),
        "q_mv": before.min(),
        "q_at_ms": int(np.argmin(before)) * _MS,
        "q_mv_ms": np.minimum(before, 0).sum() * _MS,
        "q_ms": (before < -0.03).sum() * _MS,
        "q_to_r": before.min() / (abs(r) + 0.05),
        "s_mv": after.min(),
        "s_at_ms": int(np.argmin(after)) * _MS,
        "s_mv_ms": np.minimum(after, 0).sum() * _MS,
        "s_to_r": after.min() / (abs(r) + 0.05),
        "end_mv": qrs[-1],
        "qrs_mv_ms": qrs.sum() * _MS,
        "qrs_both_mv_ms": np.abs(qrs).sum() * _MS,
        "r_half_ms": (qrs > r * 0.5).sum() * _MS,
        "qrs_mv": np.ptp(qrs),
    }


def _notches(beat: NDArray[np.floating], wave: Wave, on: int, off: int) -> dict[str, float]:
    """Measure how the QRS turns: notches and slurs tell of scars (Das et al. 2006, Circulation 113:2495)."""
    turns = np.diff(np.sign(np.diff(gaussian_filter1d(beat.astype(np.float64), 1)[on : off + 1])))
    slope = np.gradient(wave)
    bend = np.gradient(slope)[on : off + 1]
    marked = np.where(np.abs(bend) > 0.1 * np.abs(bend).max(), bend, 0)
    up, down = slope[on : off + 1].max(), slope[on : off + 1].min()
    return {
        "turns": (turns != 0).sum(),
        "bends": (np.diff(np.sign(marked)) != 0).sum(),
        "roughness": np.abs(bend).sum() / (np.abs(wave[on : off + 1]).max() + 0.05),
        "upstroke_mv_s": up * FS,
        "downstroke_mv_s": down * FS,
        "down_to_up": -down / (up + 1e-3),
    }


def _st(wave: Wave, off: int, r: float) -> dict[str, float]:
    """Measure ST from the end of the QRS (J) on."""
    st = {f"st{ms}_mv": wave[off + round(ms / _MS)] for ms in range(0, 121, 20)}
    return st | {
        "st_rise_mv": st["st80_mv"] - st["st20_mv"],
        "st_bulge_mv": st["st40_mv"] - 0.5 * (st["st0_mv"] + st["st80_mv"]),
        "st_to_r": st["st60_mv"] / (abs(r) + 0.2),
    }


def _t(wave: Wave, on: int, off: int, rr_s: float, r: float) -> dict[str, float]:
    """Measure T from 100 ms after J on; its height is over where it ends, not over the PR level."""
    begin = off + 50
    t = wave[begin : int(R_AT + 0.5 * np.clip(np.sqrt(rr_s), 0.7, 1.25) * FS)]
    over = t - t[-8:].mean()
    at = int(np.argmax(np.abs(over)))
    rise, fall = np.abs(over[: at + 1]), np.abs(over[at:])
    end = _first(fall < 0.15 * fall[0])
    to_half, from_half = _first(rise[::-1] < 0.5 * rise[-1]), _first(fall < 0.5 * fall[0])
    if to_half == len(rise):
        to_half = at
    qt = (begin + at + end - on) * _MS
    steep = np.gradient(t) * FS
    return {
        "t_mv": over[at],
        "t_at_ms": (begin + at - R_AT) * _MS,
        "t_at_corrected_ms": (begin + at - R_AT) * _MS / np.sqrt(rr_s),
        "t_highest_mv": t.max(),
        "t_lowest_mv": t.min(),
        "t_up_mv_ms": np.maximum(t, 0).sum() * _MS,
        "t_down_mv_ms": np.minimum(t, 0).sum() * _MS,
        "t_to_r": over[at] / (abs(r) + 0.1),
        "t_rising_mv_s": steep.max(),
        "t_falling_mv_s": steep.min(),
        "qt_ms": qt,
        "qt_corrected_ms": qt / np.sqrt(rr_s),
        "t_skew": (to_half - from_half) / (to_half + from_half + 1),
        "t_half_ms": (to_half + from_half) * _MS,
        "t_peak_to_end_ms": end * _MS,
        "t_bulge_mv": t[len(t) // 4] - 0.5 * (t[0] + t[len(t) // 2]),
    }


def _p(wave: Wave, on: int) -> dict[str, float]:
    """Measure P from 0.3 s before R to 12 ms before the QRS, over the line between its ends."""
    begin = R_AT - 150
    p = wave[begin : on - 6]
    over = p - np.linspace(p[:6].mean(), p[-6:].mean(), len(p))
    at = int(np.argmax(over))
    return {
        "p_mv": over[at],
        "p_before_qrs_ms": (on - begin - at) * _MS,
        "p_lowest_mv": over.min(),
        "p_mv_ms": np.maximum(over, 0).sum() * _MS,
        "p_ms": (over > 0.25 * max(float(over[at]), 0.02)).sum() * _MS,
        "p_turns": (np.diff(np.sign(np.diff(gaussian_filter1d(p, 3)))) != 0).sum(),
        "p_drift_mv": p[0] - p[-1],
    }


def _differences(beats: RecordBeats, typical: Wave, t_mv: float) -> dict[str, float]:
    """Measure how the beats of a record differ: spread of each wave, and beats that are unlike the others."""
    on, off = qrs_bounds(gaussian_filter1d(typical, _SMOOTH))
    spread = beats.spread.astype(np.float64)
    qrs, t = float(spread[on:off].mean()), float(spread[off + 40 : off + 140].mean())
    return {
        "differs_qrs_mv": qrs,
        "differs_st_mv": float(spread[off : off + 40].mean()),
        "differs_t_mv": t,
        "differs_p_mv": float(spread[on - 75 : on - 10].mean()),
        "differs_qrs_share": qrs / (float(np.ptp(typical)) + 0.05),
        "differs_t_share": t / (abs(t_mv) + 0.05),
        "unlike_share": float((~beats.usual).mean()),
        "alike_least": float(beats.alike.min()),
        "alike_median": float(np.median(beats.alike)),
    }


def _rhythm(beats: RecordBeats) -> dict[str, float]:
    """Measure rate and regularity of the RR from 0.25 to 3 s; as if regular with fewer than three."""
    rr = np.diff(beats.peaks) / FS
    rr = rr[(rr > 0.25) & (rr < 3)]
    if len(rr) < 3:
        rr = np.full(3, beats.rr_s)
    middle, steps = float(np.median(rr)), np.diff(rr)
    found: Mapping[str, float] = {
        "rr_s": middle,
        "rate_bpm": 60 / middle,
        "rr_spread_s": rr.std(),
        "rr_steps_s": np.sqrt((steps**2).mean()),
        "rr_spread_share": rr.std() / middle,
        "rr_off_median_s": np.median(np.abs(rr - middle)),
        "rr_least_share": rr.min() / middle,
        "rr_most_share": rr.max() / middle,
        "rr_step_median_s": np.median(np.abs(steps)),
        "early_beats": (rr < 0.8 * middle).sum(),
        "beats": len(beats.peaks),
    }
    return {name: float(value) for name, value in found.items()}


def _slope(wave: Wave) -> Wave:
    return np.asarray(np.abs(np.gradient(wave)) * FS, np.float64)


def _first(true: NDArray[np.bool_]) -> int:
    """Return the place of the first that is true; how many there are, where none is."""
    return int(np.argmax(true)) if true.any() else len(true)
