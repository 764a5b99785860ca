"""RR as rhythms make them, in seconds, with the label of the beat that ends each: what is and is not AF."""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from monitor.events import Label

__all__ = ["REGULAR", "Series", "fibrillation", "sinus"]

Series: TypeAlias = list[tuple[float, Label]]


def fibrillation(n: int, rng: np.random.Generator, *, mean_s: float = 0.7, spread: float = 0.2) -> Series:
    """Return RR of atrial fibrillation: each for itself, skewed to the long ones, never below 0.3 s."""
    drawn = mean_s * np.exp(spread * rng.standard_normal(n) - spread**2 / 2)
    return [(max(0.3, float(rr)), "N") for rr in drawn]


def sinus(n: int, rng: np.random.Generator, *, mean_s: float = 0.8, breath: float = 0.03) -> Series:
    """Return RR of the sinus node, which swing with the breath and jitter by 1 %."""
    at = np.cumsum(np.full(n, mean_s))
    swing = 1 + breath * np.sin(2 * np.pi * 0.22 * at) + 0.01 * rng.standard_normal(n)
    return [(mean_s * float(one), "N") for one in swing]


def _premature(n: int, rng: np.random.Generator, label: Label, share: float) -> Series:
    """Return sinus rhythm in which beats come early by chance, each with its own coupling and pause."""
    series: Series = []
    for rr, _ in sinus(n, rng, breath=0.02):
        if rng.random() < share:
            series += [(rr * rng.uniform(0.55, 0.7), label), (rr * rng.uniform(1.2, 1.4), "N")]
        else:
            series.append((rr, "N"))
    return series


def _pattern(n: int, rng: np.random.Generator, *pattern: tuple[float, Label]) -> Series:
    """Return shares of a sinus RR in turn, each jittered by 2 %."""
    usual = sinus(n, rng, breath=0.02)
    return [
        (rr * pattern[k % len(pattern)][0] * (1 + 0.02 * rng.standard_normal()), pattern[k % len(pattern)][1])
        for k, (rr, _) in enumerate(usual)
    ]


def _wenckebach(n: int, rng: np.random.Generator) -> Series:
    """Return cycles of three to five beats in which RR shorten until one beat is blocked."""
    series: Series = []
    while len(series) < n:
        for step in range(int(rng.integers(2, 5))):
            series.append((0.85 - 0.05 * step + 0.008 * rng.standard_normal(), "N"))
        series.append((1.45 + 0.02 * rng.standard_normal(), "N"))
    return series


def _pauses(n: int, rng: np.random.Generator) -> Series:
    return [(rr * (2.0 if rng.random() < 0.1 else 1.0), label) for rr, label in sinus(n, rng)]


def _noisy(n: int, rng: np.random.Generator) -> Series:
    """Return sinus rhythm with stretches in which beats are found anywhere and nobody can label them."""
    series: Series = []
    while len(series) < n:
        series += sinus(30, rng)
        series += [(rng.uniform(0.3, 1.2), "Q") for _ in range(20)]
    return series


def _speeding(n: int, rng: np.random.Generator) -> Series:
    """Return a sinus rhythm that goes from 60 to 120 bpm and back within two minutes."""
    means = 0.75 + 0.25 * np.cos(np.linspace(0, 2 * np.pi * n / 160, n))
    return [(float(mean) * rr / 0.8, label) for mean, (rr, label) in zip(means, sinus(n, rng), strict=True)]


def _young(n: int, rng: np.random.Generator) -> Series:
    return sinus(n, rng, mean_s=0.9, breath=0.15)


REGULAR: Final[dict[str, Callable[[int, np.random.Generator], Series]]] = {
    "sinus": sinus,
    "sinus arrhythmia": _young,
    "speeding up and slowing down": _speeding,
    "PVC": lambda n, rng: _premature(n, rng, "V", 0.2),
    "PAC": lambda n, rng: _premature(n, rng, "S", 0.1),
    "ventricular bigeminy": lambda n, rng: _pattern(n, rng, (1.0, "N"), (0.65, "V"), (1.35, "N")),
    "atrial bigeminy": lambda n, rng: _pattern(n, rng, (0.65, "S"), (1.25, "N")),
    "atrial trigeminy": lambda n, rng: _pattern(n, rng, (1.0, "N"), (0.65, "S"), (1.25, "N")),
    "Wenckebach": _wenckebach,
    "pauses": _pauses,
    "noise": _noisy,
}
"""Rhythms that are no atrial fibrillation: number of beats and generator to RR."""
