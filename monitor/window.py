"""What a network wants to be shown of a beat: the words that cut, card and training share.

Plain data without numba, so that a model card can be read where nothing is computed.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from monitor.features import CORRELATIONS, FEATURES, INTERVALS, NEXT_FEATURES, SHAPES

__all__ = [
    "CORRELATIONS",
    "FEATURES",
    "INTERVALS",
    "MAX_LAG_S",
    "MAX_SHIFT_S",
    "NEXT_FEATURES",
    "QRS_S",
    "SHAPES",
    "Scaling",
    "WindowSpec",
]

Scaling: TypeAlias = Literal["dominant", "unit", "millivolt"]
"""What one unit of a window is; see `WindowSpec`."""

QRS_S: Final = (-0.10, 0.15)
"""The stretch around R in which shapes are compared."""
MAX_LAG_S: Final = 0.025
"""How far two beats are moved against each other for it."""
MAX_SHIFT_S: Final = 0.05
"""How far the middle of the QRS complex, where windows are cut, may be from R."""


_MAX_SHAPES: Final = 2
_MAX_REACH_S: Final = 4.0
"""No window goes further from R: every second after it makes each label a second later."""


class WindowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one network wants to be shown of a beat; part of the model card.

    Attributes
    ----------
    fs
        Points per second of the window, whatever the rate of the signal.
    n_pre, n_post
        Points before and after the one in the middle of the QRS complex, or at R where the scaling
        is not ``dominant``.
    n_leads
        Leads used: the first ones of the feed.
    shapes
        How many of the patient's shapes so far follow as further ``n_leads`` channels each: the
        dominant one, then the mean of earlier beats like this one.
    features
        Names out of `FEATURES`, in the order of the network's input.
    scaling
        ``dominant``: each lead in units of the QRS height of the patient's dominant beat so far, as
        `monitor.beats` cuts it. ``unit``: each lead of each window from 0 to 1. ``millivolt``: as
        filtered. The last two are plain windows (`monitor.plain_window`), without shapes and features.
    length_rr
        Of plain windows: points later than so many median RR after R are zero (Kachuee et al. 2018:
        1.2). None: no such end.
    least_leads
        Leads that a feed must have; one of those that it lacks is all zeros. None: one where the
        scaling is ``dominant``, as the monitor's own network has learned; else every lead.
    """

    fs: float
    n_pre: int
    n_post: int
    n_leads: int
    shapes: int
    features: tuple[str, ...]
    scaling: Scaling = "dominant"
    length_rr: float | None = None
    least_leads: int | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown:
            raise ValueError(f"unknown beat features: expected names out of {FEATURES}, received {unknown}")
        if not (self.fs > 0 and self.n_leads >= 1 and 0 <= self.shapes <= _MAX_SHAPES):
            raise ValueError(
                f"window: expected fs > 0, at least one lead and up to {_MAX_SHAPES} shapes, "
                f"received fs {self.fs:g}, {self.n_leads} leads and {self.shapes} shapes"
            )
        if self.least_leads is not None and not 1 <= self.least_leads <= self.n_leads:
            raise ValueError(
                f"window: expected least_leads from 1 to the {self.n_leads} leads it uses, "
                f"received {self.least_leads}"
            )
        if self.is_plain:
            self._check_plain()
        else:
            self._check_dominant()

    def _check_dominant(self) -> None:
        before, after = MAX_LAG_S - QRS_S[0], MAX_LAG_S + QRS_S[1]
        if self.n_pre < before * self.fs or self.n_post < after * self.fs:
            raise ValueError(
                f"window: expected at least {before:g} s before and {after:g} s after R, "
                f"received {self.n_pre} and {self.n_post} points at {self.fs:g} Hz"
            )
        if self.length_rr is not None:
            raise ValueError(
                f"window: expected no length_rr with scaling dominant, received {self.length_rr:g}"
            )

    def _check_plain(self) -> None:
        if self.shapes or self.features:
            raise ValueError(
                f"window: expected neither shapes nor features with scaling {self.scaling}, "
                f"received {self.shapes} shapes and {len(self.features)} features"
            )
        most = _MAX_REACH_S * self.fs
        if not (0 <= self.n_pre <= most and 0 <= self.n_post <= most):
            raise ValueError(
                f"window: expected 0 to {_MAX_REACH_S:g} s before and after R, "
                f"received {self.n_pre} and {self.n_post} points at {self.fs:g} Hz"
            )
        if self.length_rr is not None and not self.length_rr > 0:
            raise ValueError(f"window: expected length_rr > 0, received {self.length_rr:g}")

    @property
    def is_plain(self) -> bool:
        """Whether the window is the signal around R alone: no shapes, no features."""
        return self.scaling != "dominant"

    @property
    def needed_leads(self) -> int:
        """Leads that a feed must have."""
        if self.least_leads is not None:
            return self.least_leads
        return self.n_leads if self.is_plain else 1

    @property
    def asks_next(self) -> bool:
        """Whether the network is to be asked again once the next beat is known."""
        return any(name in NEXT_FEATURES for name in self.features)

    @property
    def n_points(self) -> int:
        """Points of the window."""
        return self.n_pre + 1 + self.n_post

    @property
    def n_channels(self) -> int:
        """Columns of the window: leads of the beat, then of each shape."""
        return self.n_leads * (1 + self.shapes)
