"""Rhythm scripts: what they mean in time, and what is said of those that mean nothing."""

from itertools import islice

import numpy as np
import pytest

from monitor.errors import SourceError
from sim.script import DEFAULT_SCRIPT, Planned, Span, Step, parse, plan


def _beats(script: str, seed: int = 0) -> list[Planned]:
    return [event for event in plan(parse(script), seed=seed) if isinstance(event, Planned)]


def test_items_are_read_with_length_and_rate() -> None:
    """The text form, with all its parts."""
    assert parse(" sinus:30@75,pvc , vt:8b@160, asystole:6, vf:2.5s, pause") == (
        Step("sinus", seconds=30.0, bpm=75.0),
        Step("pvc"),
        Step("vt", beats=8, bpm=160.0),
        Step("asystole", seconds=6.0),
        Step("vf", seconds=2.5),
        Step("pause", seconds=3.0),
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "expected items such as sinus:30@75, received none"),
        ("sinus:10, , pvc", r"item 2: expected name\[:length\]\[@bpm\]"),
        ("sinus:10, foo:3", "item 2: expected one of sinus, af.*received 'foo'"),
        ("sinus", "item 1: expected a length such as sinus:10"),
        ("vf", "item 1: expected a length such as vf:10"),
        ("pvc:3", "item 1: expected no length for pvc"),
        ("pvc@80", "item 1: expected no rate for pvc"),
        ("sinus:10@900", "item 1: expected 20 to 250 bpm for sinus, received 900"),
        ("sinus:0", "item 1: expected a length of 0.5 to 86400"),
        ("vt:2.5b", "item 1: expected a whole number of beats"),
        ("vf:3b", "item 1: expected a whole number of beats of a rhythm"),
        ("sinus:ten", "item 1: expected name"),
        ("sinus:-5", "item 1: expected name"),
    ],
)
def test_bad_scripts_are_named_item_by_item(script: str, said: str) -> None:
    """One line: which item, what was expected, what was received."""
    with pytest.raises(SourceError, match=said):
        parse(script)


def test_premature_ventricular_beat_has_a_full_compensatory_pause() -> None:
    """The next sinus beat comes when it would have come anyway."""
    beats = _beats("sinus:10@75, pvc, sinus:10@75")
    at = next(k for k, beat in enumerate(beats) if beat.kind == "ventricular")
    before, early, after = (beats[k].time_s for k in (at - 1, at, at + 1))
    assert early - before == pytest.approx(0.6 * 0.8)
    assert after - before == pytest.approx(2 * 0.8)


@pytest.mark.parametrize(("name", "aux", "cycle"), [("bigeminy", "(B", "NV"), ("trigeminy", "(T", "NNV")])
def test_patterns_repeat_and_keep_the_sinus_rhythm(name: str, aux: str, cycle: str) -> None:
    """Every second or third beat is premature, and the normal ones come when they would have come."""
    events = list(plan(parse(f"sinus:5@75, {name}:{4 * len(cycle)}b@75"), seed=0))
    begun = next(event.time_s for event in events if isinstance(event, Span) and event.rhythm == aux)
    beats = [event for event in events if isinstance(event, Planned) and event.time_s > begun]
    assert cycle * 4 == "".join("N" if beat.kind == "normal" else "V" for beat in beats)
    normal = [beat.time_s for beat in beats if beat.kind == "normal"]
    assert np.allclose(np.round(np.diff(normal) / 0.8) * 0.8, np.diff(normal))


def test_a_slow_ventricular_rhythm_is_no_tachycardia() -> None:
    """Truth names a rhythm by its rate: up to 100 bpm it is idioventricular."""
    for script, aux in (("vt:8b@90", "(IVR"), ("ivr:8b@60", "(IVR"), ("vt:8b@110", "(VT")):
        spans = [
            event.rhythm for event in plan(parse(f"sinus:5, {script}"), seed=0) if isinstance(event, Span)
        ]
        assert ["(N", aux] == spans


def test_a_beat_on_the_t_wave_and_one_that_is_missed() -> None:
    """The one comes after less than a third of the RR and has its pause; the other leaves twice the RR."""
    rr = [beat.rr_s / 0.8 for beat in _beats("sinus:10@75, ront, sinus:5@75")]
    at = int(np.argmin(rr[1:])) + 1
    assert rr[at] < 1 / 3
    assert rr[at + 1] > 1.6
    assert max(beat.rr_s for beat in _beats("sinus:10@75, missed, sinus:5@75")) == pytest.approx(1.6)


def test_rates_and_counts_are_what_was_asked_for() -> None:
    """Ventricular tachycardia of exactly eight beats; sinus at its rate."""
    beats = _beats("sinus:60@75, vt:8b@160, sinus:20@75")
    run = [beat for beat in beats if beat.kind == "ventricular"]
    assert len(run) == 8
    assert np.mean([beat.rr_s for beat in run[1:]]) == pytest.approx(60 / 160, rel=0.03)
    assert np.mean([beat.rr_s for beat in beats[1:60]]) == pytest.approx(0.8, rel=0.02)


def test_atrial_fibrillation_is_irregular() -> None:
    """That is what it is."""
    rr = np.array([beat.rr_s for beat in _beats("af:60@100")[1:]])
    assert rr.std() / rr.mean() > 0.12


@pytest.mark.parametrize(("script", "silent_s"), [("asystole:6", 6.0), ("vf:10", 10.0), ("pause:4", 4.0)])
def test_silences_last_as_long_as_they_were_asked_for(script: str, silent_s: float) -> None:
    """No beat from the last one before to the first one after."""
    rr = [beat.rr_s for beat in _beats(f"sinus:10, {script}, sinus:10")]
    assert silent_s <= max(rr) <= silent_s + 1.2


@pytest.mark.parametrize("seed", range(5))
def test_events_come_in_order_of_time(seed: int) -> None:
    """Beats at least 200 ms apart, whatever follows what."""
    script = "pvc, couplet, pac, vt:4b@200, svt:5b@200, pvc, af:5@150, couplet, vf:3, pac, asystole:3, vt:2"
    for text in (script, DEFAULT_SCRIPT):
        times = [event.time_s for event in plan(parse(text), seed=seed) if isinstance(event, Planned)]
        assert min(np.diff(times)) >= 0.19
        assert times[0] >= 0


def test_equal_seeds_give_equal_plans_and_others_do_not() -> None:
    """Seeded, hence repeatable."""
    assert _beats(DEFAULT_SCRIPT, 3) == _beats(DEFAULT_SCRIPT, 3)
    assert _beats(DEFAULT_SCRIPT, 3) != _beats(DEFAULT_SCRIPT, 4)


def test_loop_goes_on_without_end() -> None:
    """Time goes on over the passes."""
    events = list(islice(plan(parse("sinus:5, vt:2, asystole:2"), seed=0, loop=True), 300))
    times = [event.time_s for event in events if isinstance(event, Planned)]
    assert times == sorted(times)
    assert sum(isinstance(event, Span) and event.rhythm == "(VT" for event in events) > 5
