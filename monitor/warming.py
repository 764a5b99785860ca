"""Loading, or on the very first start compiling, all that a bed runs before the first sample needs it."""

import numpy as np

from monitor.beats import WindowSpec
from monitor.events import Block
from monitor.pipeline import Pipeline
from monitor.settings import Settings

__all__ = ["warm_up"]


def warm_up(settings: Settings, window: WindowSpec) -> None:
    """Run eight seconds of made-up beats through a pipeline."""
    fs = 360.0
    n_leads = max(2, window.needed_leads)
    pipeline = Pipeline(settings, window, fs=fs, leads=[str(lead) for lead in range(n_leads)])
    ramp = np.arange(round(8 * fs)) % 300
    pulses = np.exp(-0.5 * ((ramp - 150) / 6.0) ** 2)
    pipeline.push(Block(0, np.stack([pulses] * n_leads, axis=1)))
    pipeline.flush()
    pipeline.abandon()
