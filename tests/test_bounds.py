"""Settings at their bounds: none of them, alone, takes away the alarms that cannot be switched off."""

import math
from typing import NamedTuple, get_args

import msgspec
import pytest

from monitor import settings
from monitor.errors import SettingsError
from monitor.settings import Settings
from tests.alarm_cases import FS, play

SCRIPT = "sinus:12@75, vt:8@180, sinus:10@75, vf:10, sinus:12@75, asystole:12, sinus:4@75"
DUE_S = {"ventricular_tachycardia": 18.0, "ventricular_fibrillation": 38.0, "asystole": 62.0}
"""When each must be told at the latest: 6 s after VT, 8 s after VF and 10 s after asystole began."""
BEFORE = ("filters", "quality", "detector", "serving")
"""What comes before `alarms` and `rhythm`, whose own bounds are limits that a person sets."""


class Number(NamedTuple):
    """A number among the settings; a bound that is None is missing."""

    key: str
    default: float
    low: float | None
    high: float | None
    extremes: tuple[float, float]
    """The lowest and the highest value that it may have."""


def numbers() -> list[Number]:
    """Return every number among the settings."""
    found = []
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type) if section.name != "beds" else ():
            kind, *told = get_args(field.type) or (field.type,)
            if kind in (int, float):
                meta = next((one for one in told if isinstance(one, msgspec.Meta)), msgspec.Meta())
                low, high = meta.gt if meta.ge is None else meta.ge, meta.lt if meta.le is None else meta.le
                least = math.nextafter(low or 0.0, math.inf) if meta.ge is None else float(meta.ge)
                most = math.nextafter(high or 0.0, -math.inf) if meta.le is None else float(meta.le)
                key = f"{section.name}.{field.name}"
                found.append(Number(key, float(field.default), low, high, (least, most)))
    return found


def loaded(key: str, value: float) -> Settings:
    """Return the defaults with one value changed."""
    section, _, name = key.partition(".")
    return settings.load({section: {name: value}}, environ={})


def extremes() -> list[tuple[str, float]]:
    """Return the extreme values of what alarms are told from; not those that would cross another."""
    early = [number for number in numbers() if number.key.partition(".")[0] in BEFORE]
    crossing = ("quality.rail_leave", "quality.noisy_leave"), ("quality.noisy_enter",)
    low = [(number.key, number.extremes[0]) for number in early if number.key not in crossing[1]]
    return low + [(number.key, number.extremes[1]) for number in early if number.key not in crossing[0]]


@pytest.mark.parametrize("number", numbers(), ids=lambda number: number.key)
def test_every_number_has_a_lower_and_an_upper_bound(number: Number) -> None:
    """What is beyond them is refused by the name of the key."""
    assert number.low is not None
    assert number.high is not None
    assert number.low <= number.default <= number.high
    for beyond in (number.low - 1, number.high + 1):
        with pytest.raises(SettingsError, match=f"{number.key}: Expected `(float|int)` [<>]=? .*, received"):
            loaded(number.key, beyond)


@pytest.mark.parametrize(("key", "value"), extremes())
def test_no_bound_takes_asystole_fibrillation_or_vt_away(key: str, value: float) -> None:
    """They cannot be switched off, so nor can what they are told from."""
    told = play(SCRIPT, settings=loaded(key, value))
    for kind, due_s in DUE_S.items():
        assert any(alarm.decided <= due_s * FS for alarm in told.starts(kind)), kind
