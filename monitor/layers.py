"""Where settings come from: a file, the environment, options, each a layer that is checked key by key.

Whatever is wrong in a layer is a `SettingsError` that names the source, the key, what was expected and
what was received. What sections there are, and which layer wins, is the business of `monitor.settings`.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast, get_args, get_origin

import msgspec

from monitor.errors import SettingsError
from monitor.names import BED_RULE, is_bed
from monitor.sections import NEVER_OFF

__all__ = ["Layer", "Sections", "Values", "built", "of_environment", "of_file", "of_options", "typed"]

Values: TypeAlias = dict[str, dict[str, Any]]
"""``{section: {key: value}}``."""

Sections: TypeAlias = Mapping[str, type[msgspec.Struct]]
"""The sections that a source may have, by name."""

_S = TypeVar("_S", bound=msgspec.Struct)
_PREFIX: Final = "BEATLINE_"


class Layer(NamedTuple):
    """What one source gives.

    Attributes
    ----------
    source
        Its name, such as ``file ward.toml``, ``environment`` or ``option``.
    values
        For all beds.
    beds
        For single beds, by name.
    """

    source: str
    values: Values
    beds: Mapping[str, Values]


def of_file(path: Path, sections: Sections, bed_sections: Sections) -> Layer:
    """Read a TOML file: one table per section, and ``[beds."NAME".SECTION]`` for single beds.

    Raises
    ------
    SettingsError
        The file cannot be read, or a table, key or value is not one of ours.
    """
    told = f"settings file {path}"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{told} cannot be read: {error}") from error
    beds = _table(content.pop("beds", {}), f"{told}: beds", '[beds."bed-3".alarms]')
    by_bed = {}
    for bed, tables in beds.items():
        name = f'{told}: beds."{bed}"'
        if not is_bed(bed):
            raise SettingsError(f"{name}: no device can call a bed so; expected {BED_RULE}, received {bed!r}")
        by_bed[bed] = _checked(_table(tables, name, f'[beds."{bed}".alarms]'), bed_sections, f"{name}.")
    return Layer(f"file {path}", _checked(content, sections, f"{told}: "), by_bed)


def of_environment(environ: Mapping[str, str], sections: Sections) -> Layer:
    """Read ``BEATLINE_<SECTION>__<KEY>`` variables; a list's items are separated by commas.

    Raises
    ------
    SettingsError
        A variable names no key of ours, or its text is not what the key wants.
    """
    found: Values = {}
    for name, value in environ.items():
        if name.startswith(_PREFIX) and "__" in name:
            section, _, key = name.removeprefix(_PREFIX).lower().partition("__")
            found.setdefault(section, {})[key] = value
    return Layer("environment", _checked(found, sections, "environment: ", text=True), {})


def of_options(options: Mapping[str, Mapping[str, Any]], sections: Sections) -> Layer:
    """Take ``{section: {key: value}}`` from the command line; values of None are not given.

    Raises
    ------
    SettingsError
        A key or value is not one of ours.
    """
    given = {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in options.items()
    }
    return Layer("option", _checked(given, sections, "option: ", text=True), {})


def typed(
    section: type[msgspec.Struct], values: Mapping[str, Any], *, told: str, text: bool = False
) -> dict[str, Any]:
    """Return the values of one section, each as its key wants it; ``text`` is read as numbers and lists.

    Raises
    ------
    SettingsError
        A key is unknown or a value is not what it wants; the message begins with ``told`` and the key.
    """
    wanted = {field.name: field.type for field in msgspec.structs.fields(section)}
    found = {}
    for key, value in values.items():
        if key not in wanted:
            raise SettingsError(f"{told}.{key} is no setting; expected {_nearest(key, wanted)}")
        found[key] = _value(value, wanted[key], f"{told}.{key}", text=text)
    return found


def built(section: type[_S], values: Mapping[str, Any], *, told: str) -> _S:
    """Return a section made of checked values.

    Raises
    ------
    SettingsError
        Two of them do not fit together, such as limits that cross; the message begins with ``told``.
    """
    try:
        return section(**values)
    except ValueError as error:
        raise SettingsError(f"{told}.{error}") from error


def _checked(tables: Mapping[str, Any], sections: Sections, told: str, *, text: bool = False) -> Values:
    values: Values = {}
    for name, keys in tables.items():
        if name not in sections:
            raise SettingsError(f"{told}{name} is no section; expected {_nearest(name, sections)}")
        table = _table(keys, f"{told}{name}", f"[{name}]")
        values[name] = typed(sections[name], table, told=f"{told}{name}", text=text)
    return values


def _table(value: object, name: str, example: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise SettingsError(f"{name}: expected a table such as {example}, received {value!r}")


def _value(value: object, wanted: object, name: str, *, text: bool) -> object:
    """Return one value as the type ``wanted``."""
    listed = get_origin(wanted) is tuple
    if text and listed and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return cast("object", msgspec.convert(value, cast("Any", wanted), strict=not text))
    except msgspec.ValidationError as error:
        choices = get_args(get_args(wanted)[0]) if listed else ()
        strange = [item for item in value if item not in choices] if isinstance(value, list) else []
        if choices and strange and isinstance(strange[0], str):
            why = f", as {NEVER_OFF[strange[0]]}" if strange[0] in NEVER_OFF else ""
            reason = f"{strange[0]!r} cannot be among them{why}; expected {_nearest(strange[0], choices)}"
        else:
            reason = f"{str(error).partition(' - at')[0]}, received {value!r}"
        raise SettingsError(f"{name}: {reason}") from error


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return " or ".join(near) or f"one of {', '.join(known)}"
