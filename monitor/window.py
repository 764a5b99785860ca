"""What a network wants to be shown of a beat: the words that cut, card and training share.

Plain data without numba, so that a model card can be read where nothing is computed.
"""

from typing import Final

import msgspec

__all__ = ["FEATURES", "MAX_LAG_S", "NEXT_FEATURES", "QRS_S", "WindowSpec"]

NEXT_FEATURES: Final = ("next_known", "next_to_rr", "next_to_mean", "next_to_long_mean")
"""Features that the next beat tells: 0 in a provisional window, filled in for a confirmed one.

``next_known`` is 1 once the next beat is in and 0.5 where none came in time; then its RR counts as
the time without one so far. It stays 0 where the stream ends first.
"""

FEATURES: Final = (
    "rr",
    "rr_to_mean",
    "previous_to_mean",
    "second_to_mean",
    "rr_to_previous",
    "rr_to_long_mean",
    "variability",
    "correlation",
    "amplitude",
    "width",
    "cluster_share",
    "dominant_share",
    "cluster_prematurity",
    "cluster_pause",
    "experience",
    *NEXT_FEATURES,
)
"""Every feature a card may ask for, in the order they are computed.

``rr`` is (RR - 0.8 s) / 0.4 s; the ``*_to_*`` are natural logarithms of ratios (mean of the 8 RR
before this one, long mean over about 128 beats; ``next`` is the RR after this beat); ``variability``
is the mean absolute change of RR over its mean; ``correlation``, ``amplitude`` and ``width`` compare
the QRS with the dominant shape; ``*_share`` are shares of recent beats; ``cluster_prematurity`` and
``cluster_pause`` are the running mean log ratios of the RR before and after earlier beats of this
shape; ``experience`` grows from 0 to 1 over the first 32 beats. All are clipped to +-2.5.
"""

QRS_S: Final = (-0.10, 0.15)
"""The stretch around R in which shapes are compared."""
MAX_LAG_S: Final = 0.025
"""How far two beats are moved against each other for it."""


class WindowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one network wants to be shown of a beat; part of the model card.

    Attributes
    ----------
    fs
        Points per second of the window, whatever the rate of the signal.
    n_pre, n_post
        Points before and after the one at R.
    n_leads
        Leads used: the first ones of the feed. A lead that the feed lacks is all zeros.
    template
        Whether the dominant beat so far follows as further ``n_leads`` channels.
    features
        Names out of `FEATURES`, in the order of the network's input.
    """

    fs: float
    n_pre: int
    n_post: int
    n_leads: int
    template: bool
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown:
            raise ValueError(f"unknown beat features: expected names out of {FEATURES}, received {unknown}")
        if not (self.fs > 0 and self.n_leads >= 1):
            raise ValueError(
                f"window: expected fs > 0 and at least one lead, "
                f"received fs {self.fs:g} and {self.n_leads} leads"
            )
        before, after = MAX_LAG_S - QRS_S[0], MAX_LAG_S + QRS_S[1]
        if self.n_pre < before * self.fs or self.n_post < after * self.fs:
            raise ValueError(
                f"window: expected at least {before:g} s before and {after:g} s after R, "
                f"received {self.n_pre} and {self.n_post} points at {self.fs:g} Hz"
            )

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
        """Columns of the window: leads of the beat, then leads of the dominant beat."""
        return self.n_leads * (2 if self.template else 1)
