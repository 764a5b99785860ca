"""Settings: who wins over whom, and what is said of what is wrong."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from monitor import settings
from monitor.definitions import DEFINITIONS
from monitor.errors import SettingsError
from monitor.sections import NEVER_OFF
from monitor.settings import LIMITS, AlarmSettings, Settings, Switchable

WARD = """
[alarms]
high_rate_bpm = 130
pause_s = 2.5
off = ["couplet"]

[beds."bed-3".alarms]
low_rate_bpm = 40

[beds."bed-3".rhythm]
vt_beats = 6
"""


def file(tmp_path: Path, text: str) -> Path:
    """Return a settings file."""
    path = tmp_path / "ward.toml"
    path.write_text(text)
    return path


def test_a_bed_s_table_wins_over_options_environment_file_and_defaults(tmp_path: Path) -> None:
    """Precedence: what is said of one bed, then option, environment, file, default."""
    path = file(tmp_path, WARD + "svt_beats = 7\n")
    environ = {"BEATLINE_ALARMS__PAUSE_S": "3", "BEATLINE_ALARMS__LOW_RATE_BPM": "45"}
    loaded = settings.load({"alarms": {"asystole_s": 6.0, "hold_s": None}}, environ=environ, path=path)
    bed = loaded.for_bed("bed-3")
    assert (6.0, 3.0, 130.0, 45.0, 5.0) == (
        loaded.alarms.asystole_s,
        loaded.alarms.pause_s,
        loaded.alarms.high_rate_bpm,
        loaded.alarms.low_rate_bpm,
        loaded.alarms.hold_s,
    )
    assert (40.0, 130.0, 6, 7) == (
        bed.alarms.low_rate_bpm,
        bed.alarms.high_rate_bpm,
        bed.rhythm.vt_beats,
        bed.rhythm.svt_beats,
    )
    assert loaded.for_bed("another").alarms == loaded.alarms


def test_settings_of_beds_survive_their_way_to_the_engine(tmp_path: Path) -> None:
    """The engine is told everything as JSON."""
    loaded = settings.load(environ={}, path=file(tmp_path, WARD))
    again = msgspec.json.decode(msgspec.json.encode(loaded), type=Settings)
    assert loaded.for_bed("bed-3") == again.for_bed("bed-3")


def test_a_bed_s_list_of_what_is_off_adds_to_that_of_all(tmp_path: Path) -> None:
    """What is off for the ward stays off for a bed that has more off; ``on`` is for the exception."""
    text = """
[alarms]
off = ["couplet", "frequent_pvc"]
[beds.a.alarms]
off = ["bigeminy", "couplet"]
[beds.b.alarms]
on = ["frequent_pvc", "pause"]
[beds.c.alarms]
low_rate_bpm = 40
"""
    loaded = settings.load(environ={}, path=file(tmp_path, text))
    again = msgspec.json.decode(msgspec.json.encode(loaded), type=Settings)
    for told in (loaded, again):
        assert ("couplet", "frequent_pvc", "bigeminy") == told.for_bed("a").alarms.off
        assert ("couplet",) == told.for_bed("b").alarms.off
        assert loaded.alarms.off == told.for_bed("c").alarms.off == told.for_bed("d").alarms.off
    environ = {"BEATLINE_ALARMS__OFF": "pause"}
    other = settings.load(environ=environ, path=file(tmp_path, text))
    assert ("pause", "bigeminy", "couplet") == other.for_bed("a").alarms.off


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[alarms]\nhigh_rate = 1", r"ward.toml: alarms.high_rate is no setting; expected high_rate_bpm"),
        ("[alrms]\nhold_s = 1", "ward.toml: alrms is no section; expected alarms"),
        ("hold_s = 1", "ward.toml: hold_s is no section"),
        ("alarms = 3", r"ward.toml: alarms: expected a table such as \[alarms\], received 3"),
        (
            "[alarms]\nhold_s = 'long'",
            "ward.toml: alarms.hold_s: Expected `float`, got `str`, received 'long'",
        ),
        (
            "[alarms]\nextreme_tachy_bpm = 110",
            "alarms.high_rate_bpm must not lie above extreme_tachy_bpm: .* received 120 and 110",
        ),
        (
            "[alarms]\nextreme_tachy_bpm = 90\nhigh_rate_bpm = 200",
            "alarms.high_rate_bpm must not lie above extreme_tachy_bpm: .* received 200 and 90",
        ),
        (
            "[beds.b.alarms]\nextreme_brady_bpm = 55",
            'bed "b": alarms.extreme_brady_bpm must not lie above low_rate_bpm: .* received 55 and 50',
        ),
        ("[alarms]\npause_s = 9", "alarms.pause_s: Expected `float` <= 3.0, received 9"),
        (
            "[alarms]\noff = ['asystole']",
            "alarms.off: 'asystole' cannot be among them, as it tells of a heart that does not pump; "
            "expected one of",
        ),
        (
            "[alarms]\noff = ['feed_lost']",
            "alarms.off: 'feed_lost' cannot be among them, as it says that nothing can be told of",
        ),
        (
            "[beds.b.alarms]\noff = ['cannot_analyse']",
            "off: 'cannot_analyse' cannot be among them, as it says",
        ),
        ("[alarms]\noff = ['bed_failed']", "off: 'bed_failed' cannot be among them, as it says that nothing"),
        ("[alarms]\noff = ['classifier_failed']", "as it says that VT cannot be found"),
        (
            "[quality]\noff_s = 1e9",
            r"ward.toml: quality.off_s: Expected `float` <= 2.0, received 1000000000.0",
        ),
        (
            "[quality]\nnoisy_enter = -1",
            "quality.noisy_leave must not lie above noisy_enter: .* received -0.5 and -1",
        ),
        ("[alarms]\nreminder_s = inf", "alarms.reminder_s: Expected `float` <= 3600.0, received inf"),
        ("[alarms]\nreminder_s = nan", "alarms.reminder_s: Expected `float` >= 0.0, received nan"),
        (
            "[beds.b.alarms]\non = ['pause']\noff = ['pause']",
            "bed \"b\": alarms.on: expected kinds that off does not name, received 'pause'",
        ),
        ("[beds.b.alarms]\non = ['asystole']", "alarms.on: 'asystole' cannot be among them"),
        ("[alarms]\non = ['pause']", "alarms.on is no setting"),
        ("[alarms]\noff = ['coupelt']", "alarms.off: 'coupelt' cannot be among them; expected couplet"),
        ("[alarms]\nlow_rate_bpm = 125", "alarms.low_rate_bpm must lie below high_rate_bpm: .* 125 and 120"),
        (
            "[beds.b.alarms]\nlow_rate_bpm = 125",
            'bed "b": alarms.low_rate_bpm must lie below high_rate_bpm: .* received 125 and 120',
        ),
        (
            "[alarms]\nhigh_rate_bpm = 90\n[beds.b.alarms]\nlow_rate_bpm = 95",
            'bed "b": alarms.low_rate_bpm must lie below high_rate_bpm: .* received 95 and 90',
        ),
        ("[beds.b.alarms]\nhold = 1", r'ward.toml: beds."b".alarms.hold is no setting; expected hold_s'),
        ("[beds.b.filters]\nmains_q = 1", r'beds."b".filters is no section; expected one of alarms, rhythm'),
        (
            '[beds."bed 3".alarms]',
            r'ward.toml: beds."bed 3": no device can call .* A-Z a-z .* received .bed 3',
        ),
        ('[beds."".alarms]', r'beds."": no device can call a bed so'),
        ("[beds]\nb = 1", r'beds."b": expected a table such as \[beds."b".alarms\], received 1'),
        ("beds = 1", "beds: expected a table such as"),
        ("[alarms", "ward.toml cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_key(tmp_path: Path, text: str, message: str) -> None:
    """What was wrong, what was expected, what was received; crossing limits across bed and default too."""
    with pytest.raises(SettingsError, match=message):
        settings.load(environ={}, path=file(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BEATLINE_ALARMS__HOLD", "1", "environment: alarms.hold is no setting; expected hold_s"),
        ("BEATLINE_ALARMS__HOLD_S", "long", "environment: alarms.hold_s: .* received 'long'"),
        ("BEATLINE_ALARMS__OFF", "pause, asystole", "alarms.off: 'asystole' cannot be among them"),
        (
            "BEATLINE_ALARMS__EXTREME_TACHY_BPM",
            "110",
            "alarms.high_rate_bpm must not lie above extreme_tachy_bpm: .* received 120 and 110",
        ),
    ],
)
def test_a_wrong_variable_is_refused_by_the_name_of_the_key(name: str, value: str, message: str) -> None:
    """The environment is checked as the file is."""
    with pytest.raises(SettingsError, match=message):
        settings.load(environ={name: value})


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("rhythm", "vt_rate_bpm", 5000.0),
        ("rhythm", "vt_beats", 50),
        ("rhythm", "rate_hold_s", 0.1),
        ("rhythm", "vf_log_odds", 1000.0),
        ("rhythm", "vf_rms_mv", 5.0),
        ("rhythm", "vf_hz", 20.0),
        ("rhythm", "vf_s", 60.0),
        ("alarms", "asystole_s", 60.0),
        ("alarms", "learning_s", 3600.0),
        ("alarms", "blind_s", 1000.0),
        ("feed", "lost_after_s", 1e5),
        ("serving", "label_timeout_s", 86400.0),
    ],
)
def test_no_value_switches_off_what_must_not_be(section: str, key: str, value: float) -> None:
    """Asystole, fibrillation and VT are raised under any settings; the message names the key."""
    with pytest.raises(SettingsError, match=rf"{section}\.{key}: Expected .*, received '?{value:g}"):
        settings.load({section: {key: value}}, environ={})


def test_the_environment_lists_kinds_with_commas() -> None:
    """A variable is text: a list is written without brackets."""
    loaded = settings.load(environ={"BEATLINE_ALARMS__OFF": "pause, couplet"})
    assert ("pause", "couplet") == loaded.alarms.off


def test_all_alarms_but_some_can_be_switched_off() -> None:
    """The names that settings take are those of the table of definitions."""
    assert {kind for kind, entry in DEFINITIONS.items() if entry.can_disable} == set(get_args(Switchable))
    assert set(DEFINITIONS) - set(get_args(Switchable)) == set(NEVER_OFF)


def test_limits_that_a_station_changes_are_checked_as_a_file_is() -> None:
    """Unknown keys, wrong values and crossing limits are refused by name; numbers of a wire may be floats."""
    limits = AlarmSettings()
    assert (130.0, 20) == (
        settings.changed(limits, {"high_rate_bpm": 130.0}).high_rate_bpm,
        settings.changed(limits, {"pvc_per_min": 20.0}).pvc_per_min,
    )
    for change, message in (
        ({"carry_s": 1.0}, "alarms.carry_s is no limit; expected one of high_rate_bpm"),
        ({"high_rate_bpm": 9999.0}, "alarms.high_rate_bpm: Expected `float` <= 300.0, received 9999"),
        ({"extreme_brady_bpm": 55.0}, "alarms.extreme_brady_bpm must not lie above low_rate_bpm"),
        (
            {"high_rate_bpm": 141.0},
            "alarms.high_rate_bpm must not lie above extreme_tachy_bpm: .* 141 and 140",
        ),
        ({"high_rate_bpm": float("inf")}, "alarms.high_rate_bpm: Expected `float` <= 300.0, received inf"),
        ({"pvc_per_min": 2.5}, "alarms.pvc_per_min: Expected `int`, got `float`, received 2.5"),
        ({"low_rate_bpm": 120.0}, "alarms.low_rate_bpm must lie below high_rate_bpm"),
    ):
        with pytest.raises(SettingsError, match=message):
            settings.changed(limits, change)
    assert list(LIMITS) == list(limits.limits())
