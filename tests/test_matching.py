"""The matcher that other tests count with."""

from tests.matching import match, pairs


def test_three_detections_at_one_beat_are_one_true_and_two_false() -> None:
    """Metrics match one to one (law 9)."""
    assert match([100], [98, 100, 102], tolerance=5) == (1, 0, 2)


def test_the_nearest_detection_is_the_one_that_matches() -> None:
    """EC57 pairs each beat with the closest detection within the window."""
    assert pairs([100, 110], [104, 111], tolerance=20) == [(0, 0), (1, 1)]
    assert pairs([100], [95, 101], tolerance=20) == [(0, 1)]


def test_the_window_is_inclusive_and_empty_lists_match_nothing() -> None:
    """A beat exactly at the tolerance counts; nothing against nothing is nothing."""
    assert match([100], [105], tolerance=5) == (1, 0, 0)
    assert match([100], [106], tolerance=5) == (0, 1, 1)
    assert match([], [], tolerance=5) == (0, 0, 0)
