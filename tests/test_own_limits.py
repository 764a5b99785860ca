"""The limits of one bed: what was set at the bedside wins over settings, until it is set back."""

import pytest

from monitor.errors import SettingsError
from monitor.own_limits import OwnLimits
from monitor.settings import AlarmSettings

HIGH, LOW = "high_rate_bpm", "low_rate_bpm"


def test_what_is_set_is_own_until_it_is_set_back() -> None:
    """Each change says what it changed, and all that now differs from the settings."""
    limits = OwnLimits(AlarmSettings())
    first = limits.set({HIGH: 130.0, LOW: 50.0}, by="Ada", at=7)
    assert ({HIGH: 120.0}, {HIGH: 130.0}, {HIGH: 130.0}) == (first.before, first.after, first.own)
    assert ("set", "Ada", 7, 7) == (first.state, first.by, first.sample, first.decided)
    second = limits.set({LOW: 40.0}, by="Bo", at=8)
    assert {HIGH: 130.0, LOW: 40.0} == second.own == limits.own
    third = limits.set({HIGH: 120.0}, by="", at=9)
    assert ({HIGH: 120.0}, {LOW: 40.0}) == (third.after, third.own)
    assert "limits: high_rate_bpm 130 to 120" == third.text


def test_what_was_set_wins_over_settings_that_were_edited_since() -> None:
    """The rest is as the settings say now; what they have caught up with is nobody's own any more."""
    edited = OwnLimits(AlarmSettings(high_rate_bpm=110.0, low_rate_bpm=45.0, pause_s=2.5))
    kept = edited.keep({HIGH: 130.0, LOW: 45.0}, by="Ada", at=0)
    assert (130.0, 45.0, 2.5) == (edited.now.high_rate_bpm, edited.now.low_rate_bpm, edited.now.pause_s)
    assert ("kept", {HIGH: 110.0}, {HIGH: 130.0}) == (kept.state, kept.before, kept.own)
    assert "limits stay as set before the restart: high_rate_bpm 130, not 110 (by Ada)" == kept.text
    same = OwnLimits(AlarmSettings(high_rate_bpm=130.0)).keep({HIGH: 130.0}, by="Ada", at=0)
    assert ("dropped", {}) == (same.state, same.own)


def test_what_does_not_fit_any_more_is_refused_and_changes_nothing() -> None:
    """Limits that cross; a key of another version is left out by itself."""
    limits = OwnLimits(AlarmSettings(low_rate_bpm=60.0))
    with pytest.raises(SettingsError, match="low_rate_bpm must lie below high_rate_bpm"):
        limits.keep({HIGH: 55.0}, by="", at=0)
    assert {} == limits.own
    assert {HIGH: 100.0} == limits.keep({HIGH: 100.0, "old_key": 3.0}, by="", at=0).own


def test_the_next_patient_has_the_limits_of_the_settings() -> None:
    """Dropped, and told as that."""
    limits = OwnLimits(AlarmSettings())
    limits.set({HIGH: 130.0}, by="Ada", at=1)
    dropped = limits.drop(at=2)
    assert ({}, 120.0) == (dropped.own, limits.now.high_rate_bpm)
    assert "limits back to the settings: high_rate_bpm 130 to 120" == dropped.text


def test_what_was_set_before_its_past_was_known_holds() -> None:
    """A store that could not be read at the start tells of other limits later."""
    limits = OwnLimits(AlarmSettings())
    limits.set({HIGH: 135.0}, by="Bo", at=1)
    kept = limits.keep({HIGH: 130.0, LOW: 45.0}, by="Ada", at=2)
    assert ({LOW: 50.0}, {LOW: 45.0}) == (kept.before, kept.after)
    assert {HIGH: 135.0, LOW: 45.0} == limits.own == kept.own
