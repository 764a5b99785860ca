"""What the recurrent detector remembers: typed views of plain numpy records, as `monitor.detect_memory`."""

from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.stage import record
from monitor.weights_lstm import MAX_TAPS, N_INPUTS, Recurrent

__all__ = ["TRACED", "LstmLead", "LstmMemory", "LstmParameters", "LstmScalars", "blank"]

TRACED: Final = N_INPUTS + 2
"""Columns of a trace: what the network was shown, and the two probabilities that it answered with."""


class LstmParameters(Protocol):
    """Settings in samples, steps and ratios."""

    ratio: float
    delay: int
    hang: int
    refractory: int
    radius: int
    settle: int
    lag: int
    mask: int
    threshold: float
    slope: float
    offset: float
    gain: float
    long_gain: float
    share: float
    floor: float
    clip: float


class LstmScalars(Protocol):
    """State of the whole detector; steps count from its start."""

    now: int
    start: int
    step: int
    rising: int
    peak: float
    peak_step: int
    abnormal: float
    last_sample: int
    n_beats: int


class LstmLead(Protocol):
    """State of one lead: held raw value, filtered values, mean squares, and when it is usable again."""

    held: float
    before: float
    value: float
    square: float
    weight: float
    long_square: float
    long_weight: float
    since: int
    polarity: float


class LstmMemory(NamedTuple):
    """The detector's whole state.

    Attributes
    ----------
    scalars
        Of shape (1,): `LstmScalars`.
    leads
        Of shape (n_leads,): `LstmLead`.
    rings
        Of shape (n_leads, n_ring): the held signal, mV, addressed by the absolute index.
    hidden, cell
        Of shape (n_layers, n_units): of the LSTM.
    gates
        Of shape (4 n_units,): scratch.
    past
        Ring of shape (MAX_TAPS, 2): what the network was shown, by the number of the step.
    shown
        Of shape (2,): scratch, what it is shown.
    seen
        Of shape (n_filters,): scratch, what the convolution makes of it.
    told
        Of shape (2,): scratch, P(an R peak lay there) and P(the beat is abnormal).
    """

    scalars: NDArray[Any]
    leads: NDArray[Any]
    rings: NDArray[np.float64]
    hidden: NDArray[np.float64]
    cell: NDArray[np.float64]
    gates: NDArray[np.float64]
    past: NDArray[np.float64]
    shown: NDArray[np.float64]
    seen: NDArray[np.float64]
    told: NDArray[np.float64]


def blank(p: NDArray[Any], network: Recurrent, *, n_leads: int, start: int) -> LstmMemory:
    """Return the state before the sample ``start``."""
    scalars = np.zeros(1, record(LstmScalars))
    scalars["now"] = scalars["start"] = start
    leads = np.zeros(n_leads, record(LstmLead))
    leads["since"] = start
    n_layers, n_gates = network.b.shape
    return LstmMemory(
        scalars=scalars,
        leads=leads,
        rings=np.zeros((n_leads, int(p[0]["mask"]) + 1)),
        hidden=np.zeros((n_layers, n_gates // 4)),
        cell=np.zeros((n_layers, n_gates // 4)),
        gates=np.zeros(n_gates),
        past=np.zeros((MAX_TAPS, N_INPUTS)),
        shown=np.zeros(N_INPUTS),
        seen=np.zeros(len(network.conv_b)),
        told=np.zeros(2),
    )
