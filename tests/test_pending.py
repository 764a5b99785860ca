"""Beats that wait for the end of their windows."""

import numpy as np

from monitor.events import Beat
from monitor.pending import PendingBeats


def made() -> PendingBeats:
    """Return what a cutter keeps of one lead at 250 Hz."""
    return PendingBeats(fs=250.0, n_leads=1, before=10, post=10)


def test_a_snapshot_keeps_all_that_is_known_of_a_beat() -> None:
    """A bed that is moved goes on with the same beats."""
    beat = Beat(sample=3, decided=4, rr=None, confidence=0.4, leads=(0,), weak=True)
    first, second = made(), made()
    first.push(np.zeros((5, 1)), [beat])
    second.restore(first.snapshot())
    assert beat == second.first
