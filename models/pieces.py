"""Single beats lifted off a record: with less of their P wave, or conducted otherwise.

A bundle branch block widens what the sinus node sends, and leaves P wave and rhythm alone; a
ventricular rhythm has neither. Few patients show either change, so both are made up. Two kinds of
block, after how they come about (Surawicz et al., JACC 53:976, 2009): in one the septum and the first
ventricle are reached as always and the other one late (the initial deflection stays, a slow late one
is added, as in right bundle branch block), in the other all of the QRS complex is slow and points
elsewhere (left). Fusion beats, in which a sinus and a ventricular wave meet, are made up of the one kind
that is easily missed: both waves run the same way, so that the complex is on time and hardly wider,
but taller than either and followed by a T wave that turns against it.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Recording

__all__ = ["Conduction", "Piece", "conducted", "faded", "lay", "lift"]

Floats = NDArray[np.float64]

_P_S: Final = (-0.26, -0.09)
_QRS_T_S: Final = 0.42
_QRS_S: Final = (-0.06, 0.12)
_EDGE_S: Final = 0.02


class Piece(NamedTuple):
    """One beat, nothing at either end: ``wave`` of shape (n, n_leads), R at index ``r``."""

    wave: Floats
    r: int


class Conduction(NamedTuple):
    """How ventricles are reached that one bundle does not reach.

    Attributes
    ----------
    late_s, late_width_s
        Centre and width of a late deflection.
    late
        Its height per lead, as a share of the QRS height.
    slow_s
        How long the QRS complex is smeared; 0 = the initial part stays.
    turned
        Angle (rad) by which two leads are turned into each other.
    height
        Factor.
    repolarisation
        Height of what is added to the T wave, per lead, as a share of the QRS height.
    discordant
        The same, turned against the main deflection of each lead.
    """

    late_s: float
    late_width_s: float
    late: Floats
    slow_s: float
    turned: float
    height: float
    repolarisation: Floats
    discordant: float = 0.0

    @classmethod
    def of(cls, rng: np.random.Generator, n_leads: int) -> "Conduction":
        """Draw one: the initial deflection stays in two of three."""
        slow = rng.uniform() < 1 / 3
        late = rng.choice([-1.0, 1.0], n_leads) * rng.uniform(0.1, 0.6, n_leads)
        if slow:
            late *= 0.4
        return cls(
            late_s=rng.uniform(0.05, 0.09),
            late_width_s=rng.uniform(0.016, 0.034),
            late=late,
            slow_s=rng.uniform(0.03, 0.075) if slow else 0.0,
            turned=rng.normal(0, 0.7) if slow else 0.0,
            height=rng.uniform(0.7, 1.5) if slow else rng.uniform(0.5, 1.1),
            repolarisation=-np.sign(late) * rng.uniform(0.0, 0.3, n_leads),
        )

    @classmethod
    def fused(cls, rng: np.random.Generator, n_leads: int) -> "Conduction":
        """Draw one of a fusion beat: tall, a little slow, its T wave turned."""
        return cls(
            late_s=rng.uniform(0.04, 0.08),
            late_width_s=rng.uniform(0.020, 0.034),
            late=rng.choice([-1.0, 1.0], n_leads) * rng.uniform(0.0, 0.3, n_leads),
            slow_s=rng.uniform(0.01, 0.06),
            turned=rng.normal(0, 0.3),
            height=rng.uniform(1.3, 3.0),
            repolarisation=np.zeros(n_leads),
            discordant=rng.uniform(0.0, 0.9),
        )


def lift(recording: Recording, beat: int) -> Piece:
    """Return a beat without its baseline, faded out at both ends."""
    fs, r = recording.fs, int(recording.peaks[beat])
    before = r - int(recording.peaks[beat - 1]) if beat else round(fs)
    after = int(recording.peaks[beat + 1]) - r if beat + 1 < len(recording.peaks) else round(fs)
    start = -min(round(-_P_S[0] * fs), round(0.45 * before))
    stop = min(round(_QRS_T_S * fs), round(0.6 * after))
    wave = recording.signal[r + start : r + stop]
    edge = max(1, round(_EDGE_S * fs))
    line = np.linspace(np.nanmean(wave[:edge], axis=0), np.nanmean(wave[-edge:], axis=0), len(wave))
    weight = np.ones(len(wave))
    weight[:edge] *= np.linspace(0, 1, edge)
    weight[-edge:] *= np.linspace(1, 0, edge)
    return Piece(np.nan_to_num(wave - line) * weight[:, np.newaxis], -start)


def faded(piece: Piece, p: float, *, fs: float) -> Piece:
    """Return the beat with this share of its P wave, of which a negative one is inverted."""
    edge = max(1, round(_EDGE_S * fs))
    weight = np.ones(len(piece.wave))
    n_p = max(edge + 1, piece.r + round(_P_S[1] * fs))
    weight[:n_p] = p
    weight[n_p - edge : n_p + edge] = np.linspace(p, 1.0, 2 * edge)
    return Piece(piece.wave * weight[:, np.newaxis], piece.r)


def conducted(piece: Piece, how: Conduction, *, fs: float) -> Piece:
    """Return the beat with its P wave as it was and its QRS-T complex conducted otherwise."""
    extra = round(0.08 * fs)
    wave = np.concatenate([piece.wave, np.zeros((extra, piece.wave.shape[1]))])
    seconds = (np.arange(len(wave)) - piece.r) / fs
    first, last = np.searchsorted(seconds, _QRS_S)
    height = np.ptp(wave[first:last], axis=0)
    taper = np.clip((seconds - _QRS_S[0]) / _EDGE_S, 0, 1) * np.clip((_QRS_S[1] - seconds) / _EDGE_S, 0, 1)
    qrs = wave * taper[:, np.newaxis]
    rest = wave - qrs
    if how.slow_s:
        n = max(2, round(how.slow_s * fs))
        smear = np.bartlett(2 * n + 1) / n
        qrs = np.stack([np.convolve(lead, smear)[n // 2 : n // 2 + len(lead)] for lead in qrs.T], axis=1)
        qrs *= height / (np.ptp(qrs, axis=0) + 1e-9)
        if qrs.shape[1] > 1:
            size = height[:2] + 1e-9
            one, two = (qrs[:, :2] / size).T
            cos, sin = np.cos(how.turned), np.sin(how.turned)
            qrs[:, :2] = np.stack([cos * one - sin * two, sin * one + cos * two], axis=1) * size
    qrs = qrs * how.height
    late = np.exp(-0.5 * ((seconds - how.late_s) / how.late_width_s) ** 2)
    wide = np.exp(-0.5 * ((seconds - 0.27) / 0.06) ** 2)
    turned = how.repolarisation - how.discordant * np.sign(qrs.max(axis=0) + qrs.min(axis=0))
    added = (late[:, np.newaxis] * how.late + wide[:, np.newaxis] * turned) * height
    fade = np.clip((len(wave) - np.arange(len(wave))) / (4 * _EDGE_S * fs), 0, 1)
    return Piece(rest + qrs + added * fade[:, np.newaxis], piece.r)


def lay(signal: Floats, at: int, piece: Piece) -> None:
    """Add a beat, R at sample ``at``; what reaches beyond the signal is left out."""
    start = at - piece.r
    first, stop = max(0, -start), min(len(piece.wave), len(signal) - start)
    signal[start + first : start + stop] += piece.wave[first:stop]
