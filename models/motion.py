"""Made-up electrode motion: what stands in for ``em`` of nstdb, which is kept for tests.

What pulls at an electrode changes the half-cell potential of its skin contact by up to millivolts
within tens of milliseconds: bumps that look like ectopic beats, steps that creep back, the swaying of
a cable, in bursts, with wander and some muscle around them (Moody, Muldrow and Mark, Comput Cardiol
11:381, 1984; Thakor and Zhu, IEEE Trans Biomed Eng 38:785, 1991). Two leads share an electrode or a
limb, so they are disturbed together, each by its own amount. Everything else is drawn anew for each
call, from wide ranges: no recording was looked at.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["motion"]

Floats = NDArray[np.float64]

_PIECE_S: Final = 3.0
_AGAIN_S: Final = 600.0
"""What is longer goes round again."""


def motion(n_samples: int, *, fs: float, n_leads: int, rng: np.random.Generator) -> Floats:
    """Return motion of about unit RMS, of shape (n_samples, n_leads), its kind drawn by ``rng``."""
    from scipy.signal import butter, sosfilt

    wanted, n_samples = n_samples, min(n_samples, round(_AGAIN_S * fs))
    mixing = rng.standard_normal((2, n_leads)) + rng.standard_normal((2, 1))
    sources = np.stack([_pulls(n_samples, fs=fs, rng=rng) for _ in range(2)], axis=1)
    jerks = _unit(sources @ mixing)
    rumble = _unit(_rumble(n_samples, fs=fs, rng=rng, n=2) @ mixing)
    muscle = sosfilt(
        butter(1, (15.0, min(45.0, 0.45 * fs)), "bandpass", fs=fs, output="sos"),
        rng.standard_normal((n_samples, n_leads)),
        axis=0,
    )
    swaying = _sway(n_samples, fs=fs, rng=rng, n=2) @ rng.standard_normal((2, n_leads))
    shares = np.exp(rng.normal(0.0, 1.0, 3))
    total = shares[0] * jerks + shares[1] * rumble + 0.7 * shares[2] * _unit(swaying)
    total = _unit(total) + rng.uniform(0.0, 0.25) * _unit(muscle)
    high = butter(1, rng.uniform(0.05, 0.8), "highpass", fs=fs, output="sos")
    once = _unit(np.asarray(sosfilt(high, total, axis=0), dtype=np.float64))
    return np.resize(once, (wanted, n_leads))


def _pulls(n_samples: int, *, fs: float, rng: np.random.Generator) -> Floats:
    """Return bumps, jumps that creep back and double bumps, at times of their own or in a rhythm."""
    out = np.zeros(n_samples)
    for at, strength in _times(n_samples / fs, rng):
        rise = max(2, round(np.exp(rng.uniform(np.log(0.02), np.log(0.15))) * fs))
        fall = max(2, round(np.exp(rng.uniform(np.log(0.03), np.log(0.6))) * fs))
        up = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
        if rng.random() < 0.4:
            shape = np.concatenate([up, np.exp(-np.arange(4 * fall) / fall)])
        else:
            shape = np.concatenate([up, 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall)])
            if rng.random() < 0.3:
                shape = np.concatenate([shape, -rng.uniform(0.3, 1.0) * shape])
        start = round(at * fs)
        piece = shape[: n_samples - start]
        out[start : start + len(piece)] += strength * rng.choice((-1.0, 1.0)) * piece
    return out


def _times(seconds: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return when something pulls, and how strongly: in bursts, one in four of them in a rhythm."""
    rate = np.exp(rng.uniform(np.log(0.7), np.log(5.0)))
    spread = rng.uniform(0.4, 1.0)
    times = []
    begin = 0.0
    while begin < seconds:
        stop = min(begin + rng.exponential(4 * _PIECE_S), seconds)
        here = rate * np.exp(0.6 * rng.standard_normal())
        strength = np.exp(0.5 * rng.standard_normal())
        rhythmic = rng.random() < 0.25
        at = begin
        while True:
            at += rng.normal(1.0, 0.1) / here if rhythmic else rng.exponential(1.0 / here)
            if at >= stop:
                break
            times.append((max(at, 0.0), strength * np.exp(spread * rng.standard_normal())))
        begin = stop
    return times


def _rumble(n_samples: int, *, fs: float, rng: np.random.Generator, n: int) -> Floats:
    """Return noise whose power falls with a power of the frequency, swelling and ebbing."""
    frequency = np.fft.rfftfreq(n_samples, 1.0 / fs)
    shape = np.maximum(frequency, 0.3) ** (-0.5 * rng.uniform(1.5, 3.5))
    shape[frequency > 0.4 * fs] = 0.0
    spectrum = np.fft.rfft(rng.standard_normal((n_samples, n)), axis=0) * shape[:, np.newaxis]
    steady = _unit(np.fft.irfft(spectrum, n_samples, axis=0))
    knots = np.arange(0, n_samples + _PIECE_S * fs, _PIECE_S * fs)
    swell = np.exp(
        rng.uniform(0.2, 0.8) * np.interp(np.arange(n_samples), knots, rng.standard_normal(len(knots)))
    )
    result: Floats = steady * swell[:, np.newaxis]
    return result


def _sway(n_samples: int, *, fs: float, rng: np.random.Generator, n: int) -> Floats:
    """Return noise of a narrow or wide band that comes in bursts."""
    from scipy.signal import butter, sosfilt

    band = (rng.uniform(0.4, 2.0), np.exp(rng.uniform(np.log(4.0), np.log(16.0))))
    steady = sosfilt(
        butter(2, band, "bandpass", fs=fs, output="sos"), rng.standard_normal((n_samples, n)), axis=0
    )
    slow = sosfilt(
        butter(2, rng.uniform(0.1, 0.6), fs=fs, output="sos"), rng.standard_normal((n_samples, n)), axis=0
    )
    result: Floats = np.asarray(steady) * np.exp(rng.uniform(0.3, 1.6) * _unit(np.asarray(slow)))
    return result


def _unit(values: Floats) -> Floats:
    result: Floats = values / (values.std(axis=0) + 1e-12)
    return result
