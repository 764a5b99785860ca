"""Changes to beats that leave their class what it was: pure functions of a batch and a generator.

Each takes windows of shape (n, n_points, n_channels) and returns new ones of the same shape, float32.
Every beat is changed in its own way, all of its channels alike unless said otherwise. Windows may be
in any unit: what is added is measured against each window's own range. Zeros at the end of a window,
where a data set pads short beats (Kachuee et al. 2018), stay zeros: they tell how early the next beat was.

Strengths are those that people use for such windows (Um et al. 2017, ICMI, arXiv 1706.00527; Iwana &
Uchida 2021, PLOS ONE 16:e0254841). Which of them help is measured by `models.workshop.ablate`.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SettingsError

__all__ = ["AUGMENTATIONS", "augmented", "flip", "names_of", "noise", "rotate", "scale", "stretch", "wander"]

Windows: TypeAlias = NDArray[np.float32]

_FLIPPED: Final = 0.5
_TURN: Final = 0.05
_SCALE: Final = 0.15
_NOISE: Final = 0.05
_WANDER: Final = 0.15
_CYCLES: Final = (0.2, 1.0)
_STRETCH: Final = 0.15


def stretch(x: Windows, rng: np.random.Generator) -> Windows:
    """Stretch or compress time by up to 15 %, about R; beyond the window the last value is repeated.

    R is where the windows of the batch, which are all cut at R, depart furthest from their medians.
    """
    n, n_points, _ = x.shape
    at = np.arange(n_points, dtype=np.float32)
    centre = int(np.argmax(np.abs(x - np.median(x, axis=1, keepdims=True)).mean(axis=(0, 2))))
    factor = rng.uniform(1 - _STRETCH, 1 + _STRETCH, size=(n, 1))
    where = np.clip(centre + (at - centre) / factor, 0, n_points - 1)
    left = np.minimum(where.astype(np.int64), n_points - 2)
    share = (where - left).astype(np.float32)[:, :, None]
    rows = np.arange(n)[:, None]
    return _single((1 - share) * x[rows, left] + share * x[rows, left + 1])


def scale(x: Windows, rng: np.random.Generator) -> Windows:
    """Multiply each channel by a factor of its own, about 0.75 to 1.35 (log-normal, 15 %)."""
    n, _, n_channels = x.shape
    return _single(x * np.exp(rng.normal(0, _SCALE, size=(n, 1, n_channels))))


def wander(x: Windows, rng: np.random.Generator) -> Windows:
    """Add a slow sine to each channel: up to 15 % of its range, a fifth of a cycle to one per window."""
    n, n_points, n_channels = x.shape
    shape = (n, 1, n_channels)
    phase = rng.uniform(0, 2 * np.pi, size=shape)
    cycles = rng.uniform(*_CYCLES, size=shape)
    height = rng.uniform(0, _WANDER, size=shape) * _range(x)
    at = np.linspace(0, 1, n_points)[None, :, None]
    return _single(x + _filled(x) * height * np.sin(2 * np.pi * cycles * at + phase))


def noise(x: Windows, rng: np.random.Generator) -> Windows:
    """Add white noise to each channel: a standard deviation of up to 5 % of its range."""
    n, _, n_channels = x.shape
    height = rng.uniform(0, _NOISE, size=(n, 1, n_channels)) * _range(x)
    return _single(x + _filled(x) * height * rng.normal(size=x.shape))


def flip(x: Windows, rng: np.random.Generator) -> Windows:
    """Turn half of the beats upside down, within their own range: as with electrodes exchanged."""
    turned = rng.uniform(size=(len(x), 1, 1)) < _FLIPPED
    upside_down = x.max(axis=1, keepdims=True) + x.min(axis=1, keepdims=True) - x
    return _single(np.where(turned & _filled(x), upside_down, x))


def rotate(x: Windows, rng: np.random.Generator) -> Windows:
    """Shift each window circularly by up to 5 % of its length, either way."""
    n, n_points, _ = x.shape
    most = max(1, round(_TURN * n_points))
    by = rng.integers(-most, most + 1, size=(n, 1))
    return _single(x[np.arange(n)[:, None], (np.arange(n_points) - by) % n_points])


AUGMENTATIONS: Final[dict[str, Callable[[Windows, np.random.Generator], Windows]]] = {
    "stretch": stretch,
    "scale": scale,
    "wander": wander,
    "noise": noise,
    "flip": flip,
    "rotate": rotate,
}
"""By name, in the order in which they are applied: what happens in the heart before what happens outside."""


def augmented(x: Windows, names: Sequence[str], rng: np.random.Generator) -> Windows:
    """Return the windows after every change that is named, each once, in the order of `AUGMENTATIONS`."""
    for name, change in AUGMENTATIONS.items():
        if name in names:
            x = change(x, rng)
    return x


def names_of(text: str) -> tuple[str, ...]:
    """Return the augmentations that a text names, in the order in which they are applied.

    Raises
    ------
    SettingsError
        One of them does not exist.

    Examples
    --------
    >>> names_of("noise, flip")
    ('noise', 'flip')
    >>> names_of("all") == tuple(AUGMENTATIONS)
    True
    """
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if wanted == ["all"]:
        return tuple(AUGMENTATIONS)
    unknown = [name for name in wanted if name not in AUGMENTATIONS]
    if unknown:
        raise SettingsError(
            f"augmentation: expected names out of {', '.join(AUGMENTATIONS)}, or all, "
            f"received {', '.join(unknown)}"
        )
    return tuple(name for name in AUGMENTATIONS if name in wanted)


def _range(x: Windows) -> Windows:
    """Return from lowest to highest point, of shape (n, 1, n_channels)."""
    return _single(np.ptp(x, axis=1, keepdims=True))


def _filled(x: Windows) -> NDArray[np.bool_]:
    """Return what is not padding, of shape (n, n_points, 1): up to the last point that is not zero."""
    told = np.any(x != 0, axis=2, keepdims=True)
    return np.asarray(np.flip(np.logical_or.accumulate(np.flip(told, axis=1), axis=1), axis=1), np.bool_)


def _single(x: NDArray[np.floating]) -> Windows:
    return np.asarray(x, dtype=np.float32)
