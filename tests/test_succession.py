"""Detections to beats: the same for training and serving, however the signal is cut."""

import numpy as np
import pytest

from monitor.detect import Detection
from monitor.events import Beat
from monitor.quality import STATES
from monitor.succession import Succession

_GOOD, _OFF = (STATES.index(state) for state in ("good", "off"))
_START = 1000


def codes() -> np.ndarray:
    """Return the states of two leads over 100 samples: the second one is off from the 40th on."""
    found = np.full((100, 2), _GOOD, np.int8)
    found[40:, 1] = _OFF
    return found


def detections(*places: tuple[int, int]) -> list[Detection]:
    """Return detections at (sample, decided), counted from the start."""
    return [Detection(_START + sample, _START + decided, 0.5) for sample, decided in places]


@pytest.mark.parametrize("cuts", [(), (39,), (40,), (41, 41), tuple(range(1, 100))])
def test_beats_do_not_depend_on_how_the_signal_is_cut(cuts: tuple[int, ...]) -> None:
    """Law 1: leads are those good at the decision, RR runs from beat to beat, also over the end."""
    stage = Succession(n_leads=2, start=_START)
    found: list[Beat] = []
    told = detections((5, 20), (30, 39), (50, 70))
    for start, stop in zip((0, *cuts), (*cuts, 100), strict=True):
        mine = [one for one in told if start <= one.decided - _START < stop]
        found += stage.push(mine, codes()[start:stop])
        moved = Succession(n_leads=2)
        moved.restore(stage.snapshot())
        stage = moved
    found += stage.flush(detections((90, 99)))
    assert [(None, (0, 1)), (25, (0, 1)), (20, (0,)), (40, (0,))] == [(beat.rr, beat.leads) for beat in found]


def test_after_a_gap_the_first_beat_has_no_rr() -> None:
    """Law 4: nobody knows what beat there was in what is lost."""
    stage = Succession(n_leads=2, start=_START)
    stage.push(detections((5, 20)), codes())
    stage.reset(_START + 500)
    (beat,) = stage.push(detections((510, 530)), codes())
    assert (None, (0, 1)) == (beat.rr, beat.leads)
