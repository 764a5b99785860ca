"""Beat by beat: one partner each, and what does not take part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.score.beats import NOTHING, BeatCounts, compare_beats, match
from monitor.score.marks import Marks
from tests.matching import pairs as nearest_pairs
from tests.score.marks import beats, marks, shifted

FS, END = 360.0, 100_000
WINDOW = 54
N, S, V, F, Q = range(5)


def compared(reference: Marks, test: Marks, *, start: int = 0) -> BeatCounts:
    """Compare at the rate and the length of all tests here."""
    return compare_beats(reference, test, fs=FS, start=start, end=END)


def cells(counts: BeatCounts) -> dict[tuple[int, int], int]:
    """Return what is not zero in a confusion matrix."""
    return {(int(i), int(j)): int(counts.confusion[i, j]) for i, j in np.argwhere(counts.confusion)}


def test_a_doubled_detection_is_one_true_and_one_false() -> None:
    """Law 9: three detections at one beat are one true and two false."""
    reference = marks((1000, "N"))

    doubled = compared(reference, marks((1000, "N"), (1010, "N")))
    assert {(N, N): 1, (NOTHING, N): 1} == cells(doubled)

    tripled = compared(reference, marks((990, "N"), (1001, "N"), (1030, "V")))
    assert {(N, N): 1, (NOTHING, N): 1, (NOTHING, V): 1} == cells(tripled)


@pytest.mark.parametrize(("apart", "paired"), [(54, True), (-54, True), (55, False), (-55, False)])
def test_a_detection_counts_up_to_150_ms_from_its_beat(apart: int, *, paired: bool) -> None:
    """EC57: the match window; at 360 Hz 54 samples, included."""
    found = compared(marks((1000, "N")), marks((1000 + apart, "N")))
    expected = {(N, N): 1} if paired else {(N, NOTHING): 1, (NOTHING, N): 1}
    assert expected == cells(found)


def test_a_detection_goes_to_the_nearer_of_two_beats() -> None:
    """It is paired with the beat behind if that is nearer; then the first is missed."""
    pairs = match(np.array([1000, 1050]), np.array([1040]), window=WINDOW)
    assert [(0, -1), (1, 0)] == list(zip(pairs.reference.tolist(), pairs.test.tolist(), strict=True))


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 4000), max_size=30, unique=True).map(sorted),
    st.lists(st.integers(0, 4000), max_size=30, unique=True).map(sorted),
)
def test_every_beat_and_detection_is_told_once_and_pairs_lie_near(beats: list[int], found: list[int]) -> None:
    """Law 9: one to one, in order, and within the window."""
    pairs = match(np.array(beats, np.int64), np.array(found, np.int64), window=WINDOW)
    assert list(range(len(beats))) == pairs.reference[pairs.reference >= 0].tolist()
    assert list(range(len(found))) == pairs.test[pairs.test >= 0].tolist()
    both = pairs.both
    apart = np.array(beats, np.int64)[pairs.reference[both]] - np.array(found, np.int64)[pairs.test[both]]
    assert np.all(np.abs(apart) <= WINDOW)


@settings(max_examples=40)
@given(
    st.lists(st.integers(200, 900), min_size=2, max_size=40),
    st.lists(st.integers(-54, 54), min_size=40, max_size=40),
)
def test_beats_farther_apart_than_twice_the_window_have_one_matching(
    steps: list[int], jitter: list[int]
) -> None:
    """Where no detection could belong to two beats, both matchers of this project agree."""
    at = np.cumsum(steps)
    found = at + np.array(jitter[: len(at)])
    keep = np.arange(len(at)) % 5 != 3
    pairs = match(at, found[keep], window=WINDOW)
    told = list(zip(pairs.reference[pairs.both].tolist(), pairs.test[pairs.both].tolist(), strict=True))
    assert nearest_pairs(at, found[keep], tolerance=WINDOW) == told


def test_classes_are_those_of_aami() -> None:
    """EC57: bundle branch blocks are N, escape beats S, paced beats Q; other marks do not count."""
    rows = beats("NLRaAJSjeVEFf/Q")
    found = compared(marks(*rows, (90_000, "+", "(N"), (90_001, "|")), marks(*beats("N" * 15)))
    assert {(N, N): 3, (S, N): 6, (V, N): 2, (F, N): 1, (Q, N): 3} == cells(found)


def test_beats_in_fibrillation_of_their_annotator_do_not_count() -> None:
    """As bxb: not those of the reference, no false detections there, and not what the other calls VF."""
    reference = marks((1000, "N"), (2000, "["), (2300, "V"), (3000, "]"), (4000, "N"), (5000, "N"))
    test = marks((1000, "N"), (2500, "V"), (4000, "N"), (4900, "["), (5000, "N"), (5100, "]"))
    assert {(N, N): 2, (N, NOTHING): 1} == cells(compared(reference, test))


def test_fibrillation_that_does_not_end_lasts_to_the_end() -> None:
    """epicmp(1): an episode ends with the record at the latest."""
    reference = marks((1000, "N"), (2000, "["), (3000, "!"))
    assert {(N, N): 1} == cells(compared(reference, marks((1000, "N"), (99_000, "V"))))


def test_beats_missed_while_shut_down_are_counted_apart_too() -> None:
    """bxb(1): a NOISE annotation with both bits of 48 begins a shutdown, any other ends it."""
    reference = marks(*beats("NVN", first=1000, step=1000))
    counts = compared(reference, marks((1000, "N"), (1500, "~", -1), (2500, "~", 0), (3000, "N")))
    assert {(N, N): 2, (V, NOTHING): 1} == cells(counts)
    assert ([0, 0, 1, 0, 0], 1000 / FS) == (counts.shut.tolist(), counts.shutdown_s)


def test_a_shutdown_alone_lasts_from_the_mark_before_to_the_mark_behind() -> None:
    """bxb(1), as in the AHA database: from 150 ms after the one to 150 ms before the other."""
    counts = compared(
        marks(*beats("NNN", first=1000, step=1000)), marks((1000, "N"), (1500, "~", -1), (3000, "N"))
    )
    assert (2000 - 2 * WINDOW) / FS == counts.shutdown_s
    assert 1 == counts.shut.sum()


def test_shutdowns_before_the_start_do_not_count() -> None:
    """EC57: the learning period is not judged."""
    reference, test = marks(*beats("NN")), marks((100, "~", -1), (1100, "~", 0), *beats("NN"))
    assert (1100 - 1050) / FS == compared(reference, test, start=1050).shutdown_s


def test_the_first_interval_reaches_back_before_the_start() -> None:
    """RR errors: the interval that ends at the first beat is measured, the beat before it not judged."""
    counts = compared(marks(*beats("NNN")), marks((1010, "N"), (1300, "N"), (1600, "N")), start=1200)
    assert (2, 100.0) == (counts.n_rr, counts.rr_squares)
    assert {(N, N): 2} == cells(counts)


def test_a_missed_beat_compares_its_interval_with_the_one_at_hand() -> None:
    """As bxb: 300 against 600 at the missed beat, and again at the next."""
    counts = compared(marks(*beats("NNN")), marks((1000, "N"), (1600, "N")))
    assert (2, 2 * 300.0**2) == (counts.n_rr, counts.rr_squares)


def test_jitter_is_test_minus_reference() -> None:
    """A late detection has positive jitter."""
    rows = beats("NNN")
    assert [7, 7, 7] == compared(marks(*rows), marks(*shifted(rows, 7))).jitter.tolist()


def test_nothing_compared_with_nothing_is_nothing() -> None:
    """A stretch without beats is no error."""
    counts = compared(marks((500, "+", "(N")), marks((500, "+", "(N")))
    assert (0, 0, 0.0) == (counts.confusion.sum(), counts.n_rr, counts.shutdown_s)
