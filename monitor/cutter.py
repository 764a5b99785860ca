"""Which cutter cuts what a card asks for; the pipeline and training ask here."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.beats import BeatCutter
from monitor.errors import ArtifactError
from monitor.events import Beat, BeatWindow
from monitor.plain_window import PlainCutter
from monitor.settings import ServingSettings
from monitor.stage import State
from monitor.window import WindowSpec

__all__ = ["Cutter", "cutter_of"]


class Cutter(Protocol):
    """What cuts beats: `monitor.beats.BeatCutter` or `monitor.plain_window.PlainCutter`.

    Attributes
    ----------
    spec
        What the network wants.
    post
        Samples after R that a window needs: the declared delay.
    """

    spec: WindowSpec
    post: int

    def push(self, wave: NDArray[np.float64], beats: Sequence[Beat]) -> list[BeatWindow]:
        """Take the next samples of the wave and the beats decided within them."""

    def flush(self, beats: Sequence[Beat] = ()) -> list[BeatWindow]:
        """Complete what is pending at the end of a stream."""

    def reset(self, start: int) -> None:
        """Forget everything; the next sample pushed has index ``start``."""

    def snapshot(self) -> State:
        """Return a copy of the state."""

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""


def cutter_of(
    spec: WindowSpec,
    *,
    fs: float,
    n_leads: int,
    wave_delay: int,
    start: int = 0,
    confirm_s: float = ServingSettings().confirm_s,
) -> Cutter:
    """Return the cutter for what a network wants; the parameters are those of `BeatCutter`.

    Raises
    ------
    ArtifactError
        The feed lacks leads that the network cannot do without (`WindowSpec.needed_leads`).
    """
    if n_leads < spec.needed_leads:
        raise ArtifactError(
            f"the model cannot be shown this feed: expected at least {spec.needed_leads} leads, "
            f"received {n_leads}"
        )
    if spec.is_plain:
        return PlainCutter(spec, fs=fs, n_leads=n_leads, wave_delay=wave_delay, start=start)
    return BeatCutter(spec, fs=fs, n_leads=n_leads, wave_delay=wave_delay, start=start, confirm_s=confirm_s)
