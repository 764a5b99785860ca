"""All settings together: where they come from, what wins, and what holds for one bed.

The sections with their thresholds stand in `monitor.sections`.

Precedence: a bed's own table > option > environment > TOML file > default. The environment names a key
as ``BEATLINE_<SECTION>__<KEY>`` (``BEATLINE_ALARMS__HIGH_RATE_BPM=130``); the TOML file has one table
per section, and ``[beds."bed-3".alarms]`` for what differs for one bed. What is said of one bed wins over
what is said of all, wherever that is said. An unknown key, a value of the wrong type and limits that
cross are a `SettingsError` that names the key.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from monitor import layers
from monitor.errors import SettingsError
from monitor.sections import (
    LIMITS,
    AlarmSettings,
    BedAlarmSettings,
    DetectorSettings,
    DisplaySettings,
    FeedSettings,
    FilterSettings,
    QualitySettings,
    RhythmSettings,
    Section,
    ServingSettings,
    StoreSettings,
    Switchable,
)

__all__ = [
    "LIMITS",
    "AlarmSettings",
    "BedSettings",
    "DetectorSettings",
    "DisplaySettings",
    "FeedSettings",
    "FilterSettings",
    "QualitySettings",
    "RhythmSettings",
    "ServingSettings",
    "Settings",
    "StoreSettings",
    "Switchable",
    "changed",
    "identity",
    "load",
    "merge",
    "read",
    "with_values",
]


class BedSettings(Section, frozen=True, kw_only=True):
    """What differs for one bed: keys of ``alarms`` and ``rhythm``, over what holds for all beds.

    Its ``alarms.off`` adds to what is off for all, and its ``alarms.on`` takes from it.
    """

    alarms: dict[str, Any] = msgspec.field(default_factory=dict)
    rhythm: dict[str, Any] = msgspec.field(default_factory=dict)


class Settings(Section, frozen=True, kw_only=True):
    """All sections together, and what differs for single beds."""

    filters: FilterSettings = FilterSettings()
    quality: QualitySettings = QualitySettings()
    detector: DetectorSettings = DetectorSettings()
    rhythm: RhythmSettings = RhythmSettings()
    alarms: AlarmSettings = AlarmSettings()
    serving: ServingSettings = ServingSettings()
    feed: FeedSettings = FeedSettings()
    display: DisplaySettings = DisplaySettings()
    store: StoreSettings = StoreSettings()
    beds: dict[str, BedSettings] = msgspec.field(default_factory=dict)

    def for_bed(self, name: str) -> "Settings":
        """Return what is in force for one bed: its own keys over those of all beds.

        Raises
        ------
        SettingsError
            Some values do not fit together, such as limits that cross. `load` has seen to it that none
            of the file's do.
        """
        own = self.beds.get(name)
        if own is None:
            return msgspec.structs.replace(self, beds={})
        return msgspec.structs.replace(
            self,
            alarms=_of_bed(self.alarms, own.alarms, told=f'bed "{name}": alarms'),
            rhythm=with_values(self.rhythm, own.rhythm, told=f'bed "{name}": rhythm'),
            beds={},
        )


_S = TypeVar("_S", bound=msgspec.Struct)


def with_values(section: _S, values: Mapping[str, Any], *, told: str) -> _S:
    """Return a section with some values changed.

    Raises
    ------
    SettingsError
        A key is unknown, a value is of the wrong type or out of range, or two do not fit together; the
        message begins with ``told`` and names the key.
    """
    typed = layers.typed(type(section), values, told=told)
    return layers.built(type(section), msgspec.structs.asdict(section) | typed, told=told)


def _of_bed(alarms: AlarmSettings, own: Mapping[str, Any], *, told: str) -> AlarmSettings:
    """Return the alarm settings of all beds with those of one: other keys replace, ``off`` and ``on`` switch.

    Raises
    ------
    SettingsError
        As `with_values`; a kind is switched both off and on.
    """
    on, off = own.get("on", ()), own.get("off", ())
    both = [kind for kind in on if kind in off]
    if both:
        raise SettingsError(f"{told}.on: expected kinds that off does not name, received {both[0]!r}")
    values = {key: value for key, value in own.items() if key != "on"}
    values["off"] = [kind for kind in dict.fromkeys([*alarms.off, *off]) if kind not in on]
    return with_values(alarms, values, told=told)


def changed(alarms: AlarmSettings, limits: Mapping[str, float]) -> AlarmSettings:
    """Return alarm settings with some of the `LIMITS` changed.

    Raises
    ------
    SettingsError
        A key is none of these, a value is out of range, or limits cross; the message names the key.
    """
    for key in limits:
        if key not in LIMITS:
            raise SettingsError(f"alarms.{key} is no limit; expected one of {', '.join(LIMITS)}")
    whole = {key: int(value) if float(value).is_integer() else value for key, value in limits.items()}
    return with_values(alarms, whole, told="alarms")


def load(
    options: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    path: Path | None = None,
) -> Settings:
    """Read settings by precedence: ``options`` > ``environ`` > the TOML file at ``path`` > defaults.

    Parameters
    ----------
    options
        ``{section: {key: value}}`` from the command line; values of None are not given.
    environ
        Defaults to the process environment.
    path
        A TOML file with one table per section.

    Raises
    ------
    SettingsError
        The file cannot be read, or a key or value is not one of ours; the message names it.
    """
    return merge(read(options, environ=environ, path=path))


def read(
    options: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    path: Path | None = None,
) -> list[layers.Layer]:
    """Return what each source gives, as `load` takes it, lowest precedence first.

    Raises
    ------
    SettingsError
        As `load`.
    """
    given = [] if path is None else [layers.of_file(path, _SECTIONS, _BED_SECTIONS)]
    told = os.environ if environ is None else environ
    return [*given, layers.of_environment(told, _SECTIONS), layers.of_options(options or {}, _SECTIONS)]


def merge(given: Sequence[layers.Layer]) -> Settings:
    """Put together what `read` returned, and see that it fits for every bed that is named.

    Raises
    ------
    SettingsError
        Limits cross, of all beds or of one.
    """
    values: layers.Values = {}
    beds: dict[str, BedSettings] = {}
    for layer in given:
        for section, keys in layer.values.items():
            values.setdefault(section, {}).update(keys)
        beds |= {bed: BedSettings(**sections) for bed, sections in layer.beds.items()}
    built = {
        section: layers.built(_SECTIONS[section], keys, told=f"settings: {section}")
        for section, keys in values.items()
    }
    settings = Settings(**cast("Any", built), beds=beds)
    for bed in beds:
        settings.for_bed(bed)
    return settings


def identity(settings: Settings) -> str:
    """Return the first 12 hex digits of the sha256 of all settings: what a journal names them by."""
    return hashlib.sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:12]


_SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings) if field.name != "beds"
}
_BED_SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {"alarms": BedAlarmSettings, "rhythm": RhythmSettings}
