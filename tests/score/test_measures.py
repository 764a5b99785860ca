"""Figures: made of summed counts, never of figures; undefined where there is nothing to judge."""

import math
from pathlib import Path

import numpy as np
import pytest

from monitor.score.marks import Marks
from monitor.score.measures import MEASURES
from monitor.score.record import RecordScore, compare, group
from monitor.score.timing import Timing, alarm_rates, spread
from tests.score.fixtures import scores
from tests.score.marks import beats, marks

END = 36_000


def scored(reference: str | Marks, test: str | Marks, *, record: str = "x") -> RecordScore:
    """Compare beats at equal distances over 100 s."""
    ref = marks(*beats(reference)) if isinstance(reference, str) else reference
    told = marks(*beats(test)) if isinstance(test, str) else test
    return compare(record, ref, told, fs=360.0, start=0, end=END)


def test_f_and_q_called_v_are_false_in_the_strict_figure_alone() -> None:
    """EC57: +P of V leaves them out; N called V is false in both."""
    figures = scored("VVVFQNN", "VVVVVVN").figures()
    assert (75.0, 50.0) == (figures["v_ppv"], figures["v_ppv_strict"])
    assert 100.0 == figures["v_se"]


def test_f_is_counted_strictly_on_both_sides() -> None:
    """F called N is missed, N and V called F are false."""
    figures = scored("FFFFNV", "FFFNFF").figures()
    assert (75.0, 60.0) == (figures["f_se"], figures["f_ppv"])
    assert 2 * 75 * 60 / 135 == pytest.approx(figures["f_f1"])


def test_what_cannot_be_judged_is_undefined_and_f1_of_nothing_found_is_0() -> None:
    """No S in the reference and none told: no figure. S never found and told in vain: 0."""
    assert all(math.isnan(scored("NNN", "NNN").figures()[f"s_{side}"]) for side in ("se", "ppv", "f1"))
    assert 0.0 == scored("SNN", "NSN").figures()["s_f1"]


def test_false_v_and_s_are_told_per_hour() -> None:
    """One false V in 100 s is 36 in an hour."""
    figures = scored("NNNN", "NVSN").figures()
    assert (36.0, 36.0) == (figures["v_false_per_h"], figures["s_false_per_h"])


def test_gross_is_of_sums_and_average_of_records() -> None:
    """EC57 3.5: a long record weighs more in gross figures, and the same in averages."""
    both = group("all", [scored("V" * 9 + "N", "V" * 9 + "N"), scored("VN", "NN")])
    assert (90.0, 50.0) == (both.figures["v_se"].gross, both.figures["v_se"].average)
    assert 1 == both.confusion[2, 0]


def test_intervals_resample_records_and_are_the_same_each_time() -> None:
    """Seeded; two records that differ reach from one to the other."""
    first, second = scored("VVNN", "VVNN"), scored("VVNN", "VNNN")
    both = group("all", [first, second])
    assert (50.0, 100.0) == (both.figures["v_se"].low, both.figures["v_se"].high)
    assert repr(both.figures) == repr(group("all", [first, second]).figures)


def test_a_figure_that_one_record_has_gets_no_interval() -> None:
    """Drawn again and again it is itself: no width, and no certainty either."""
    single = group("all", [scored("VVNN", "VNNN")]).figures
    assert all(math.isnan(figure.low) and math.isnan(figure.high) for figure in single.values())
    assert "50.00" == single["v_se"].text(".2f")
    both = group("all", [scored("VVNN", "VNNN"), scored("NNNN", "NNNN")]).figures
    assert ("50.0", "100.0 [100, 100]") == tuple(both[name].text(".1f", ".0f") for name in ("v_se", "qrs_se"))


def test_no_records_give_no_figures() -> None:
    """All records of a set may be paced."""
    nothing = group("nonpaced", [])
    assert all(math.isnan(figure.gross) for figure in nothing.figures.values())
    assert set(MEASURES) == set(nothing.figures)


def test_paced_records_are_known_by_their_beats() -> None:
    """EC57: such records are left out of V and S; the four of MIT-BIH have paced beats."""
    assert scored("N/N", "NNN").paced
    assert not scored("NVN", "NNN").paced


def test_a_records_figures_are_those_of_its_line(databases: Path) -> None:
    """S +P of a record counts F called S as false, as bxb does: there is one in 208."""
    record = next(score for score in scores(databases, "pert", 0) if score.record == "208")
    assert "14.29" == f"{record.figures()['s_ppv']:.2f}"


def test_gross_figures_are_those_of_sumstats(databases: Path) -> None:
    """What is published for the best open analyser, over 48 records from 5:00."""
    figures = group("all", scores(databases, "osea", 300)).figures
    told = [f"{figures[name].gross:.2f}" for name in ("qrs_se", "qrs_ppv", "v_se", "v_ppv", "qrs_errors")]
    assert ["99.77", "99.80", "93.38", "96.67", "395.00"] == told
    assert "53.13" == f"{figures['rr_error_ms'].average:.2f}"


def test_spreads_are_of_all_values_together() -> None:
    """Quantiles of records are never averaged."""
    told = spread([np.arange(100.0), np.zeros(0), np.array([100.0])])
    assert (101, 50.0, 90.0, 99.0, 100.0) == told
    assert 0 == spread([]).n
    assert math.isnan(spread([]).median)


def test_alarms_are_told_per_hour() -> None:
    """Over the hours of the records that have events."""
    nothing = np.zeros(0)
    pause = ("pause", "medium")
    timings = [Timing(nothing, nothing, nothing, {pause: 1}), Timing(nothing, nothing, nothing, {pause: 2})]
    assert {pause: 6.0} == alarm_rates(timings, hours=0.5)
