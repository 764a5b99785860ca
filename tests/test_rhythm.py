"""Heart rate and the ventricular rhythms of labelled beats."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest

from monitor.events import Beat, Label, LabelledBeat, Rate, Rhythm
from monitor.rhythm import HeartRate, Rhythms
from monitor.settings import RhythmSettings

FS = 100.0


def beats(*rr_s: float, first: int = 0, delay: int = 30) -> list[Beat]:
    """Return a first beat without RR, then one after each RR, each reported ``delay`` samples late."""
    samples = [first, *(first + round(at * FS) for at in itertools.accumulate(rr_s))]
    return [
        Beat(sample=at, decided=at + delay, rr=None if i == 0 else at - samples[i - 1])
        for i, at in enumerate(samples)
    ]


def rates(heart: HeartRate, given: Sequence[Beat], until: int) -> list[Rate]:
    """Return all rates decided before ``until``."""
    return [rate for beat in given for rate in heart.observe(beat)] + heart.advance(until)


def labelled(labels: Sequence[Label], rr_s: float = 0.5, first: int = 0) -> list[LabelledBeat]:
    """Return evenly spaced beats with these labels, each taking effect 40 samples after its peak."""
    step = round(rr_s * FS)
    return [
        LabelledBeat(
            sample=first + i * step,
            decided=first + i * step + 40,
            label=label,
            provisional=True,
            rr=step if i or first else None,
        )
        for i, label in enumerate(labels)
    ]


def rhythms(given: Sequence[LabelledBeat], settings: RhythmSettings | None = None) -> list[Rhythm]:
    """Return what the state table makes of the beats."""
    table = Rhythms(settings or RhythmSettings(), fs=FS)
    return [change for beat in given for change in table.push(beat)]


def test_the_rate_is_shown_at_absolute_seconds() -> None:
    """Rate events stand at absolute multiples of a second, wherever the stream starts."""
    shown = rates(HeartRate(fs=FS, start=250), beats(*[0.75] * 4, first=260), 700)
    assert [300, 400, 500, 600] == [rate.decided for rate in shown]
    assert [None, 80.0, 80.0, 80.0] == [rate.hr_bpm for rate in shown]


def test_a_rate_counts_a_beat_decided_at_its_own_sample_and_none_decided_later() -> None:
    """A rate at sample t knows everything decided up to and including t, nothing more."""
    shown = rates(HeartRate(fs=FS), beats(0.6, 0.8, first=30, delay=10), 301)
    assert [None, 100.0, pytest.approx(60 / 0.7)] == [rate.hr_bpm for rate in shown[:3]]


def test_the_rate_is_the_mean_of_twelve_intervals() -> None:
    """Twelve RR count, and no older one."""
    given = beats(*[2.0] + [0.5] * 12)
    shown = rates(HeartRate(fs=FS), given, given[-1].decided + 100)
    assert 120.0 == shown[-1].hr_bpm


def test_three_slow_intervals_shorten_the_mean_to_four() -> None:
    """Three RR in a row above 1200 ms: the mean of the last four."""
    given = beats(*[0.75] * 12, 1.5, 1.5)
    assert 60 * 12 / (0.75 * 10 + 3.0) == pytest.approx(
        rates(HeartRate(fs=FS), given, given[-1].decided + 100)[-1].hr_bpm
    )
    given = beats(*[0.75] * 12, 1.5, 1.5, 1.5)
    assert 60 * 4 / (0.75 + 4.5) == pytest.approx(
        rates(HeartRate(fs=FS), given, given[-1].decided + 100)[-1].hr_bpm
    )


def test_the_rate_is_unknown_when_beats_stay_away_and_begins_anew_after_a_gap() -> None:
    """No rate is shown that nothing supports any more."""
    heart = HeartRate(fs=FS)
    shown = rates(heart, beats(0.5, 0.5), 701)
    assert (120.0, None) == (shown[5].hr_bpm, shown[6].hr_bpm)
    shown = rates(heart, beats(1.0, 1.0, first=800), 1050)
    assert 60.0 == shown[-1].hr_bpm


def test_a_restored_heart_rate_goes_on_exactly() -> None:
    """Snapshot and restore change nothing."""
    given = beats(*[0.7, 0.9, 1.3, 1.4, 1.5, 0.6] * 4)
    whole = rates(HeartRate(fs=FS), given, 3000)
    first, second = HeartRate(fs=FS), HeartRate(fs=FS)
    head = [rate for beat in given[:11] for rate in first.observe(beat)]
    second.restore(first.snapshot())
    assert whole == head + rates(second, given[11:], 3000)


def test_the_fifth_fast_ventricular_beat_starts_tachycardia() -> None:
    """Five V at more than 100 bpm, decided where the fifth label takes effect, about the first V."""
    given = labelled("NNVVVVVVN")  # type: ignore[arg-type]
    assert [
        Rhythm(sample=100, decided=340, rhythm="(VT", state="start", labels="provisional"),
        Rhythm(sample=400, decided=440, rhythm="(VT", state="end", labels="provisional"),
    ] == rhythms(given)


@pytest.mark.parametrize(
    ("labels", "rr_s"),
    [("NVVVVNVVVV", 0.5), ("NVVSVVVN", 0.5), ("NVVVVFQVN", 0.5), ("NNNNNNNN", 0.4), ("NVNVNVNVNV", 0.4)],
    ids=["four", "broken by S", "broken by two unknown", "fast N", "bigeminy"],
)
def test_fewer_or_broken_runs_are_no_rhythm(labels: str, rr_s: float) -> None:
    """What is not five V in a row raises nothing."""
    assert [] == rhythms(labelled(labels, rr_s))  # type: ignore[arg-type]


def test_exactly_the_limit_is_not_faster_than_the_limit() -> None:
    """At 100 bpm a run is idioventricular, above it tachycardia."""
    assert ["(IVR"] == [change.rhythm for change in rhythms(labelled("NVVVVV", 0.6))]  # type: ignore[arg-type]
    assert ["(VT"] == [change.rhythm for change in rhythms(labelled("NVVVVV", 0.59))]  # type: ignore[arg-type]


@pytest.mark.parametrize("stranger", ["F", "Q"])
def test_one_fusion_or_unlabelled_beat_hides_no_tachycardia(stranger: str) -> None:
    """A single F or Q inside a run neither counts nor breaks it, nor slows it."""
    changes = rhythms(labelled(f"NVV{stranger}VVVN", 0.55))  # type: ignore[arg-type]
    assert [("(VT", "start"), ("(VT", "end")] == [(change.rhythm, change.state) for change in changes]


def test_a_run_that_slows_down_changes_its_name() -> None:
    """Tachycardia that falls below the rate ends as tachycardia and goes on as (IVR."""
    fast = labelled("NVVVVV", 0.5)  # type: ignore[arg-type]
    slow = labelled("VVVVN", 1.0, first=350)  # type: ignore[arg-type]
    changes = rhythms([*fast, *slow])
    assert ["(VT start", "(VT end", "(IVR start", "(IVR end"] == [
        f"{change.rhythm} {change.state}" for change in changes
    ]


def test_a_gap_ends_the_run() -> None:
    """The beat after a gap has no RR: what was before it says nothing about what follows."""
    given = labelled("NVVVVV")  # type: ignore[arg-type]
    after = [LabelledBeat(sample=900, decided=940, label="V", provisional=True, rr=None)]
    end = Rhythm(sample=900, decided=940, rhythm="(VT", state="end", labels="provisional")
    assert end == rhythms([*given, *after])[-1]


def test_a_rhythm_says_which_labels_it_was_derived_from() -> None:
    """Provisional or confirmed: whatever the table is fed."""
    given = labelled("NVVVVVN")  # type: ignore[arg-type]
    assert ["provisional"] * 2 == [change.labels for change in rhythms(given)]
    confirmed = [msgspec.structs.replace(beat, provisional=False) for beat in given]
    assert ["confirmed"] * 2 == [change.labels for change in rhythms(confirmed)]


def test_the_length_and_rate_of_a_run_are_settings() -> None:
    """Three beats at more than 120 bpm, if so set."""
    settings = RhythmSettings(vt_beats=3, vt_rate_bpm=120)
    assert ["(IVR"] == [c.rhythm for c in rhythms(labelled("NVVV", 0.5), settings)]  # type: ignore[arg-type]
    assert ["(VT"] == [c.rhythm for c in rhythms(labelled("NVVV", 0.49), settings)]  # type: ignore[arg-type]


def test_restored_rhythms_go_on_exactly() -> None:
    """Snapshot and restore at any beat change nothing."""
    given = labelled("NVVFVVVVQVVNNVVVVVVQQVVVVVVS")  # type: ignore[arg-type]
    whole = rhythms(given)
    for cut in range(len(given)):
        first, second = Rhythms(RhythmSettings(), fs=FS), Rhythms(RhythmSettings(), fs=FS)
        head = [change for beat in given[:cut] for change in first.push(beat)]
        second.restore(first.snapshot())
        assert whole == head + [change for beat in given[cut:] for change in second.push(beat)]


def test_inside_a_run_the_rate_is_that_of_the_run() -> None:
    """Up to 8 RR of a sudden, even run alone; irregular short ones are none, nor is a slow change."""
    run = rates(HeartRate(fs=FS), beats(*[0.8] * 12, *[0.4] * 6), 1300)
    assert 150.0 == run[-1].hr_bpm
    long = rates(HeartRate(fs=FS), beats(*[0.8] * 12, *[0.4] * 20), 1800)
    assert [150.0] * 6 == [rate.hr_bpm for rate in long[-6:]]
    uneven = rates(HeartRate(fs=FS), beats(*[0.8] * 12, 0.4, 0.6, 0.4, 0.6), 1170)
    assert uneven[-1].hr_bpm is not None
    assert uneven[-1].hr_bpm < 90
    three = rates(HeartRate(fs=FS), beats(*[0.8] * 12, *[0.4] * 3), 1120)
    assert three[-1].hr_bpm is not None
    assert three[-1].hr_bpm < 90


def test_an_rr_over_which_the_rate_was_unknown_is_in_no_mean() -> None:
    """After asystole, or where no lead could be analysed, the mean begins anew."""
    shown = rates(HeartRate(fs=FS), beats(*[0.8] * 12, 6.0, 0.8), 1900)
    assert [None, 75.0] == [rate.hr_bpm for rate in shown[-3:-1]]
