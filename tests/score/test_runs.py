"""Run by run: what a run is, and when it is found."""

import pytest

from monitor.score.marks import Marks
from monitor.score.runs import Ectopy, Run, compare_runs, runs
from tests.score.marks import beats, marks, shifted

FS = 360.0


def found_of(reference: Marks, test: Marks, ectopy: Ectopy = "V") -> list[list[int]]:
    """Return couplets, short and long runs: found, missed, true and false."""
    counts = compare_runs(reference, test, ectopy=ectopy, fs=FS, start=0)
    return [side.tolist() for side in (counts.found, counts.missed, counts.true, counts.false)]


def lengths(reference: Marks, ectopy: Ectopy, start: int = 0) -> list[int]:
    """Return the lengths of all runs, single beats included."""
    return [run.length for run in runs(reference, ectopy=ectopy, start=start)]


def test_a_run_found_is_true_on_both_sides() -> None:
    """One couplet, one run of 3 and one of 6, each told as it is."""
    rows = beats("NVVNVVVNVVVVVVN")
    assert [[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]] == found_of(marks(*rows), marks(*shifted(rows, 20)))


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        ("NVVVN", "NVVNN", [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]]),
        ("NVVNN", "NVVVN", [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]),
        ("NVVVVVVN", "NVVVNVVN", [[0, 0, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]]),
        ("NVVVVVN", "NVVVNVN", [[0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ("NVNVN", "NNNNN", [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ],
)
def test_a_run_is_found_if_a_run_in_its_window_is_as_long_as_its_kind_asks(
    reference: str, test: str, expected: list[list[int]]
) -> None:
    """EC57 4.3: from the first beat less 150 ms to the last plus 150 ms; 2, 3 or 6 beats."""
    assert expected == found_of(marks(*beats(reference)), marks(*beats(test)))


def test_fusion_beats_belong_to_runs_of_v() -> None:
    """As rxr: F and V form one run."""
    assert [3, 1] == lengths(marks(*beats("NVFVNFN")), "V")


def test_fibrillation_counts_as_six() -> None:
    """As rxr: a run of V of which fibrillation is part is long; its window ends with it."""
    reference = marks((1000, "N"), (1200, "V"), (1400, "["), (3000, "]"), (3300, "N"))
    assert [Run(1200, 3000, 7)] == runs(reference, ectopy="V", start=0)


def test_normal_beats_in_atrial_fibrillation_form_runs_of_s() -> None:
    """As rxr: the onset counts as six, and after a V a run begins anew with one beat."""
    rows = [(900, "+", "(AFIB"), *beats("NNVNN"), (2350, "+", "(N"), (2500, "N"), (2800, "N")]
    assert [8, 2] == lengths(marks(*rows), "S")


def test_an_onset_within_a_run_of_s_does_not_lengthen_it() -> None:
    """As rxr: only an onset with no run under way counts as six."""
    assert [3] == lengths(marks((1000, "A"), (1100, "+", "(AFL"), (1300, "N"), (1600, "N")), "S")


def test_what_was_in_force_before_the_start_counts_from_there() -> None:
    """A record in fibrillation at 5:00 has a long run there."""
    rows = [(100, "+", "(AFIB"), *beats("NNV")]
    assert [7] == lengths(marks(*rows), "S", start=1200)


def test_an_onset_of_af_breaks_a_run_of_v_in_the_window() -> None:
    """Peculiar to rxr, and kept: the test's own run is whole, the reference's is not found in it."""
    reference = marks(*beats("NVVVN"))
    test = marks(*beats("NVVVN")[:3], (1700, "+", "(AFIB"), *beats("NVVVN")[3:])
    assert [[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]] == found_of(reference, test)
