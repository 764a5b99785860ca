"""The trend of a bed: one point per minute of signal, whatever came first, over new streams, bounded."""

import itertools

import pytest

from monitor.events import Event, LabelledBeat, Rate, Stream, TrendPoint
from monitor.snapshots import TREND_MINUTES, BedSnapshot, WardSnapshot, decode, encode
from monitor.vitals import fold, with_trend

FS = 100.0


def stream(start: int = 0, name: str = "s") -> Stream:
    return Stream(sample=start, decided=start, stream=name, fs=FS, leads=("II",))


def rate(second: float, hr_bpm: float | None) -> Rate:
    at = round(second * FS)
    return Rate(sample=at, decided=at, hr_bpm=hr_bpm)


def beat(second: float, label: str = "V", *, provisional: bool = False) -> LabelledBeat:
    at = round(second * FS)
    return LabelledBeat(sample=at, decided=at, label=label, provisional=provisional)  # type: ignore[arg-type]


def trend(*told: Event, bed: BedSnapshot | None = None) -> BedSnapshot:
    bed = bed or fold(BedSnapshot(bed="b"), stream())
    for event in told:
        bed = fold(bed, event)
    return bed


def test_a_minute_has_its_median_rate_and_its_confirmed_v() -> None:
    """Unknown rates are left out; provisional labels and others do not count."""
    bed = trend(
        *(rate(second, 60.0 + second) for second in range(30)),
        rate(30, None),
        rate(60, 90.0),
        beat(10),
        beat(11, provisional=True),
        beat(12, "N"),
        beat(59),
        beat(61),
        rate(120, None),
    )
    assert (TrendPoint(0, 74.5, 2), TrendPoint(1, 90.0, 1), TrendPoint(2)) == bed.trend


def test_of_a_minute_without_labels_nobody_knows_the_v() -> None:
    """None is not 0: no network yet, an answer that is overdue, or nothing that could be told."""
    told = (
        rate(1, 70.0),
        beat(2, "Q"),
        rate(61, 71.0),
        beat(62, "Q"),
        beat(63, "N"),
        rate(121, 72.0),
        beat(122),
    )
    assert [None, 0, 1] == [point.pvc for point in trend(*told).trend]
    late = trend(*told, beat(5, "N"), beat(6))
    assert [1, 0, 1] == [point.pvc for point in late.trend]
    got = decode(encode(WardSnapshot(beds=(trend(*told),)), seconds=6.0, trend=True)).beds[0]
    assert [None, 0, 1] == [point.pvc for point in got.trend]


def test_the_order_of_labels_and_rates_changes_nothing() -> None:
    """Labels that arrive late change nothing but what they are about."""
    told = (rate(1, 70.0), rate(61, 80.0), rate(121, 90.0))
    late = (beat(2), beat(62, "N"), beat(63, "Q"), beat(122))
    expected = trend(*told, *late).trend
    for order in itertools.permutations(late):
        assert expected == trend(*told[:1], order[0], *told[1:], *order[1:]).trend


def test_a_new_stream_goes_on_where_the_last_one_ended() -> None:
    """Its samples are counted anew, its minutes are not."""
    bed = trend(rate(1, 70.0), rate(61, 71.0), stream(name="other"), rate(1, 80.0), rate(61, 81.0))
    assert [(0, 70.0), (1, 71.0), (2, 80.0), (3, 81.0)] == [(p.minute, p.hr_bpm) for p in bed.trend]
    far = trend(stream(round(FS * 60 * 500), "third"), rate(60 * 500, 60.0), bed=bed)
    assert 4 == far.trend[-1].minute


def test_a_trend_is_bounded() -> None:
    """A day is kept."""
    bed = trend(*(rate(60 * minute, 70.0) for minute in range(TREND_MINUTES + 100)))
    assert TREND_MINUTES == len(bed.trend)
    assert 100 == bed.trend[0].minute
    assert len(bed.rates) <= 60


@pytest.mark.parametrize("wanted", [True, False])
def test_a_trend_travels_only_where_it_is_asked_for(wanted: bool) -> None:
    """A day of sixteen beds weighs more than their waves."""
    bed = trend(rate(1, 70.0), beat(2))
    got = decode(encode(WardSnapshot(beds=(bed,)), seconds=6.0, trend=wanted)).beds[0]
    assert (bed.trend if wanted else ()) == got.trend
    assert () == got.rates


def test_a_trend_that_is_known_late_stands_before_what_came_meanwhile() -> None:
    """Minutes are numbered on; those to come follow, and the one that is not over goes on."""
    bed = trend(rate(10, 60.0), rate(70, 80.0))
    whole = with_trend(bed, (TrendPoint(0, 50.0, 1), TrendPoint(3, 55.0)))
    told = trend(rate(80, 90.0), rate(130, 70.0), bed=whole).trend
    expected = [(0, 50.0), (3, 55.0), (4, 60.0), (5, 85.0), (6, 70.0)]
    assert expected == [(point.minute, point.hr_bpm) for point in told]
    assert bed == with_trend(bed, ())
