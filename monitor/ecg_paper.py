"""Strips of ECG on paper with a millimetre grid, as SVG: 25 mm/s and 10 mm/mV.

True to scale where there is room for it, smaller elsewhere. A small square is 0.04 s by 0.1 mV, a large
one 0.2 s by 0.5 mV.
"""

from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Tracing", "draw"]

_MM_PER_S: Final = 25.0
_MM_PER_MV: Final = 10.0
_UNITS: Final = 50
"""Of the drawing per millimetre: coordinates are whole numbers, a fiftieth of a millimetre apart."""
_LEAST_MM, _MOST_MM = 15.0, 60.0
"""Height of one lead: what goes beyond is cut off, and steps aside for the next lead."""
_TOP_MM: Final = 8.0
_PAPER: Final = "#fffafa"
_FINE, _COARSE = "#f6d5d5", "#e3a0a0"
_INKS: Final = {"V": "#b02500", "S": "#00694c", "F": "#8a3a73", "Q": "#004f80"}


class Tracing(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn.

    Attributes
    ----------
    samples
        Of shape (n_samples, n_leads), millivolt; NaN = missing.
    beats
        Sample within the tracing, and class, None where it is not known.
    mark
        Sample within the tracing that is marked, as where an alarm begins; None for none.
    title
        Read out by those who cannot see it.
    """

    fs: float
    leads: tuple[str, ...]
    samples: NDArray[np.float64]
    beats: Sequence[tuple[int, str | None]] = ()
    mark: int | None = None
    title: str = ""


def draw(tracing: Tracing) -> str:
    """Return an SVG element: leads below each other on one grid, classes above, the mark through all."""
    width_mm = np.ceil(len(tracing.samples) / tracing.fs * _MM_PER_S / 5) * 5
    rows, height_mm = _rows(tracing)
    size = f"{_u(width_mm)} {_u(height_mm)}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" '
        f'style="max-width:{width_mm:g}mm" font-family="sans-serif">',
        f"<title>{escape(tracing.title)}</title>" if tracing.title else "",
        _grid(width_mm, height_mm),
        _mark(tracing, height_mm),
        *rows,
        *(_beat(sample, label, tracing.fs) for sample, label in tracing.beats),
        "</svg>",
    ]
    return "".join(parts)


def _rows(tracing: Tracing) -> tuple[list[str], float]:
    """Return the traces, and the height of the whole."""
    rows: list[str] = []
    bottom_mm = _TOP_MM
    for lead, name in enumerate(tracing.leads):
        values = tracing.samples[:, lead]
        low, high = _range(values)
        zero_mm = bottom_mm + high * _MM_PER_MV
        rows.append(_trace(np.clip(values, low, high), zero_mm, tracing.fs))
        rows.append(
            f'<text x="{_u(1)}" y="{_u(bottom_mm + 3.5)}" font-size="{_u(3.2)}" font-weight="bold" '
            f'fill="#222">{escape(name)}</text>'
        )
        bottom_mm = zero_mm - low * _MM_PER_MV
    return rows, float(np.ceil(bottom_mm / 5) * 5)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the millivolts to show of a lead: all of it, if it fits; a spike does not set the height."""
    known = values[np.isfinite(values)]
    if not len(known):
        return -_LEAST_MM / 2 / _MM_PER_MV, _LEAST_MM / 2 / _MM_PER_MV
    low, high = (float(value) for value in np.percentile(known, (0.05, 99.95)))
    margin = max(0.1, (_LEAST_MM / _MM_PER_MV - (high - low)) / 2)
    low, high = low - margin, high + margin
    most = _MOST_MM / _MM_PER_MV
    if high - low > most:
        middle = float(np.median(known))
        low = min(max(low, middle - most / 2), high - most)
        high = low + most
    return low, high


def _trace(values: NDArray[np.float64], zero_mm: float, fs: float) -> str:
    """Return one path; where samples are missing the pen is lifted."""
    x = np.rint(np.arange(len(values)) / fs * _MM_PER_S * _UNITS).astype(int)
    known = np.isfinite(values)
    y = np.rint((zero_mm - np.where(known, values, 0.0) * _MM_PER_MV) * _UNITS).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
    path = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        steps = np.stack((np.diff(x[first:last]), np.diff(y[first:last])), axis=1)
        path.append(f"M{x[first]} {y[first]}l{' '.join(map(str, steps.ravel().tolist()))}")
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="#000" stroke-width="{_u(0.3)}" '
        'stroke-linejoin="round"/>'
    )


def _grid(width_mm: float, height_mm: float) -> str:
    def lines(step_mm: float, colour: str, pen_mm: float) -> str:
        down = "".join(f"M{_u(x)} 0V{_u(height_mm)}" for x in np.arange(0, width_mm + 0.01, step_mm))
        across = "".join(f"M0 {_u(y)}H{_u(width_mm)}" for y in np.arange(0, height_mm + 0.01, step_mm))
        return f'<path d="{down}{across}" stroke="{colour}" stroke-width="{_u(pen_mm)}"/>'

    paper = f'<rect width="{_u(width_mm)}" height="{_u(height_mm)}" fill="{_PAPER}"/>'
    return paper + lines(1, _FINE, 0.1) + lines(5, _COARSE, 0.2)


def _mark(tracing: Tracing, height_mm: float) -> str:
    if tracing.mark is None:
        return ""
    x = _u(tracing.mark / tracing.fs * _MM_PER_S)
    return (
        f'<path d="M{x} 0V{_u(height_mm)}" stroke="#0072B2" stroke-width="{_u(0.5)}" '
        f'stroke-dasharray="{_u(1.5)}"/>'
        f'<path d="M{x - _u(1.5)} 0h{_u(3)}l{-_u(1.5)} {_u(2.5)}z" fill="#0072B2"/>'
    )


def _beat(sample: int, label: str | None, fs: float) -> str:
    x = _u(sample / fs * _MM_PER_S)
    ink = _INKS.get(label or "", "#444")
    weight = ' font-weight="bold"' if label in _INKS else ""
    return (
        f'<text x="{x}" y="{_u(6)}" font-size="{_u(3.4)}" text-anchor="middle" fill="{ink}"{weight}>'
        f"{escape(label or '·')}</text>"
    )


def _u(millimetres: float) -> int:
    return round(float(millimetres) * _UNITS)
