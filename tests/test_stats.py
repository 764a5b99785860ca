"""What a bench counts: each kind of label by itself."""

import numpy as np

from monitor.stats import BeatTimes, delays, stages

MS = 1_000_000


def times(*, provisional: bool, decided: int, labelled_ms: int) -> BeatTimes:
    """Return a label of the beat at 1000, detected 40 samples later, its packet received at 5 ms."""
    return BeatTimes(
        bed="1",
        fs=250.0,
        provisional=provisional,
        sample=1000,
        decided=decided,
        detection=1040,
        heard=MS,
        detected=2 * MS,
        captured=4 * MS,
        received=5 * MS,
        windowed=6 * MS,
        labelled=labelled_ms * MS,
        shown=60 * MS,
    )


def test_the_delays_of_both_labels_are_told_apart() -> None:
    """A confirmed label waits for the next beat, and does not make the provisional one look late."""
    beats = [
        times(provisional=True, decided=1100, labelled_ms=9),
        times(provisional=True, decided=1110, labelled_ms=11),
        times(provisional=False, decided=1250, labelled_ms=8),
    ]
    expected = {
        "R -> detection": [160, 160],
        "R -> provisional label": [400, 440],
        "R -> confirmed label": [1000],
    }
    assert expected == {name: values.tolist() for name, values in delays(beats).items()}
    told = stages(beats)
    assert ([4, 6], [3]) == (told["received -> labelled"].tolist(), told["received -> confirmed"].tolist())
    assert 2 == len(told["labelled -> shown"])


def test_nothing_measured_is_no_error() -> None:
    """A record without a beat makes empty columns."""
    for values in (*delays([]).values(), *stages([]).values()):
        np.testing.assert_array_equal(np.zeros(0), values)
