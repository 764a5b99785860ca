"""What the QRS detector remembers: typed views of plain numpy records.

The classes here are never instantiated: each names the fields of one numpy record, so that kernels
and type checker agree on them; `record` turns it into a dtype. A copy of the arrays in `Memory` is a
copy of the detector.
"""

from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.settings import DetectorSettings
from monitor.stage import record
from monitor.weights import N_FEATURES

__all__ = [
    "NEVER",
    "N_PENDING",
    "N_POINTS",
    "SHIFT",
    "Candidate",
    "Lead",
    "Memory",
    "Parameters",
    "Scalars",
    "blank",
    "parameters",
]

NEVER: Final = 1 << 60
"""An index that no stream reaches."""
N_PENDING: Final = 32
"""Candidates that wait for their decision at one time, at most."""
N_POINTS: Final = 21
"""Points of a template, one each 1/120 s: 167 ms."""
N_RECENT: Final = 4
"""Candidates whose place is remembered, whatever became of them."""
N_TEMPLATES: Final = 3
"""Beat shapes remembered."""
RAW: Final = 0
BAND: Final = 1
ENVELOPE: Final = 2
FEATURE: Final = 3
SHIFT: Final = 4
"""Points by which a beat may be shifted to fit a template, either way."""


class Parameters(Protocol):
    """Settings in samples and ratios."""

    smooth: int
    mask: int
    lag: int
    learn: int
    learn_max: int
    fine_learn: int
    relearn: int
    settle: int
    forget: int
    refractory: int
    close: int
    hang: int
    again: int
    final: int
    delay_max: int
    radius: int
    stride: int
    fine: int
    fs: float
    slope: float
    mean_gain: float
    floor: float
    quiet: float
    fade: float
    crest: float
    smallest: float
    early: float
    late: float
    back: float
    search_back: float
    rr_min: float
    rr_max: float


class Scalars(Protocol):
    """State of the whole detector."""

    now: int
    start: int
    learning: int
    learn_from: int
    rising: int
    peak_at: int
    peak: float
    valley: float
    n_pending: int
    n_beats: int
    last_at: int
    unseen: int
    last_sample: int
    last_height: float
    rr: float
    irregular: float
    noise: float
    mean: float
    doubt: float
    spacing: float
    candidate_at: int
    before_at: int
    sure_at: int
    last_score: float
    sure_rr: float


class Lead(Protocol):
    """State of one lead."""

    held: float
    band: float
    sum: float
    state: int
    since: int
    lost: int
    known: int
    signal: float
    usual: float
    noise: float
    weight: float
    share: float
    polarity: float
    span: float
    rough: float


class Candidate(Protocol):
    """A peak of the combined feature that waits for its decision."""

    at: int
    height: float
    width: float
    score: float
    looks: int


class Memory(NamedTuple):
    """The detector's whole state; rings are addressed by the absolute index.

    Attributes
    ----------
    scalars
        Of shape (1,): `Scalars`.
    leads
        Of shape (n_leads,): `Lead`.
    pending
        Of shape (N_PENDING,): `Candidate`, in order of time.
    rings
        Of shape (n_leads, 4, n_ring): `RAW`, the held signal (mV); `BAND`, its QRS band; `ENVELOPE`, of
        that; `FEATURE`, the envelope smoothed.
    combined
        Ring of shape (n_ring,): smoothed envelopes over their QRS levels, averaged over usable leads.
    templates
        Of shape (N_TEMPLATES, n_leads, N_POINTS): beat shapes in the QRS band, of unit length.
    uses
        Of shape (N_TEMPLATES, 2): how often each was used (fading), and when last.
    bank
        Of shape (N_TEMPLATES, n_leads, N_POINTS): slopes of beats seen in quiet times, mV.
    bank_uses
        Of shape (N_TEMPLATES,): how often each was used (fading).
    recent
        Of shape (N_RECENT,): where the last candidates were, the latest first.
    segment, slopes
        Of shape (n_leads, N_POINTS + 2 SHIFT): scratch.
    weights
        Of shape (2, n_leads): scratch.
    features
        Of shape (N_FEATURES,): scratch.
    """

    scalars: NDArray[Any]
    leads: NDArray[Any]
    pending: NDArray[Any]
    rings: NDArray[np.float64]
    combined: NDArray[np.float64]
    templates: NDArray[np.float64]
    uses: NDArray[np.float64]
    bank: NDArray[np.float64]
    bank_uses: NDArray[np.float64]
    recent: NDArray[np.int64]
    segment: NDArray[np.float64]
    slopes: NDArray[np.float64]
    weights: NDArray[np.float64]
    features: NDArray[np.float64]


def parameters(settings: DetectorSettings, *, fs: float, delay: int) -> NDArray[Any]:
    """Turn settings into samples; ``delay`` is that of the band filter."""

    def samples(seconds: float) -> int:
        return max(1, round(seconds * fs))

    array = np.zeros(1, record(Parameters))
    p = array[0]
    p["smooth"] = samples(settings.smooth_s)
    p["mask"] = (1 << int(np.ceil(np.log2(5.0 * fs)))) - 1
    p["lag"] = delay + samples(settings.smooth_s) // 2
    p["learn"] = samples(settings.learn_s)
    p["learn_max"] = samples(settings.learn_max_s)
    p["fine_learn"] = samples(0.05)
    p["relearn"] = samples(settings.relearn_s)
    p["settle"] = samples(settings.settle_s)
    p["forget"] = samples(settings.forget_s)
    p["refractory"] = samples(settings.refractory_s)
    p["close"] = samples(0.09)
    p["hang"] = samples(0.12)
    p["again"] = samples(settings.again_s)
    p["final"] = samples(settings.final_s)
    p["delay_max"] = samples(settings.delay_max_s)
    p["radius"] = samples(settings.radius_s)
    p["stride"] = samples(1 / 120)
    p["fine"] = samples(0.006)
    p["fs"] = fs
    p["slope"] = fs / (2 * np.pi * np.sqrt(settings.low_hz * settings.high_hz))
    p["mean_gain"] = 1 / (2.0 * fs)
    p["floor"] = settings.floor_mv
    p["quiet"] = settings.quiet
    p["fade"] = settings.quiet_fade_s * fs
    p["crest"] = settings.crest
    p["smallest"] = settings.smallest
    p["early"] = settings.early
    p["late"] = settings.late
    p["back"] = settings.back
    p["search_back"] = settings.search_back
    p["rr_min"] = 0.3 * fs
    p["rr_max"] = 1.5 * fs
    return array


def blank(p: NDArray[Any], *, n_leads: int, start: int) -> Memory:
    """Return the state before the sample ``start``."""
    ring = int(p[0]["mask"]) + 1
    scalars = np.zeros(1, record(Scalars))
    for name in ("now", "start", "learn_from"):
        scalars[name] = start
    scalars["learning"] = 1
    leads = np.zeros(n_leads, record(Lead))
    leads["held"] = np.nan
    leads["since"] = NEVER
    return Memory(
        scalars=scalars,
        leads=leads,
        pending=np.zeros(N_PENDING, record(Candidate)),
        rings=np.zeros((n_leads, 4, ring)),
        combined=np.zeros(ring),
        templates=np.zeros((N_TEMPLATES, n_leads, N_POINTS)),
        uses=np.zeros((N_TEMPLATES, 2)),
        bank=np.zeros((N_TEMPLATES, n_leads, N_POINTS)),
        bank_uses=np.zeros(N_TEMPLATES),
        recent=np.full(N_RECENT, -NEVER),
        segment=np.zeros((n_leads, N_POINTS + 2 * SHIFT)),
        slopes=np.zeros((n_leads, N_POINTS + 2 * SHIFT)),
        weights=np.zeros((2, n_leads)),
        features=np.zeros(N_FEATURES),
    )
