"""Episode by episode: any overlap finds one, durations weigh them."""

from monitor.score.episodes import EpisodeCounts, compare_episodes
from tests.score.marks import Row, marks

FS = 100.0


def test_any_overlap_finds_an_episode_and_durations_tell_how_much() -> None:
    """epicmp(1): from (AFIB to the next rhythm of another name, (AFL is one."""
    reference = marks((1000, "+", "(AFIB"), (2000, "+", "(N"), (5000, "+", "(AFIB"), (6000, "+", "(AFL"))
    test = marks((1900, "+", "(AFIB"), (2400, "+", "(N"), (8000, "+", "(AFIB"))
    found = compare_episodes(reference, test, episode="af", fs=FS, start=0, end=9000)
    assert EpisodeCounts(1, 1, 1, 1, 20.0, 15.0, 1.0) == found


def test_episodes_are_cut_to_the_time_compared() -> None:
    """What is before the start is not judged, and what does not end lasts to the end."""
    reference: tuple[Row, ...] = ((100, "["), (2000, "]"), (3000, "["))
    found = compare_episodes(marks(*reference), marks((2500, "N")), episode="vf", fs=FS, start=1000, end=4000)
    assert EpisodeCounts(0, 2, 0, 0, 20.0, 0.0, 0.0) == found


def test_fibrillation_told_in_flutter_may_be_left_aside() -> None:
    """epicmp(1), -x: what lies in (AFL is neither true nor false; sensitivity is as ever."""
    reference = marks(
        (1000, "+", "(AFIB"), (2000, "+", "(AFL"), (3000, "+", "(N"), (5000, "+", "(AFL"), (7000, "+", "(N")
    )
    test = marks(
        *((1500, "+", "(AFIB"), (3200, "+", "(N")),  # begins before flutter and ends after it
        *((5100, "+", "(AFIB"), (5200, "+", "(N")),  # nothing but flutter
        *((6900, "+", "(AFIB"), (7400, "+", "(N")),  # the last second of flutter, then none
    )
    plain = compare_episodes(reference, test, episode="af", fs=FS, start=0, end=9000)
    assert EpisodeCounts(1, 0, 1, 2, 10.0, 23.0, 5.0) == plain
    aside = compare_episodes(reference, test, episode="afx", fs=FS, start=0, end=9000)
    assert EpisodeCounts(1, 0, 1, 1, 10.0, 11.0, 5.0) == aside
