"""A settings file to begin with: every key of some sections with its default, its range and what it means.

Made from the sections themselves, so that it says what the code does: the words are the docstrings that
stand under each key in `monitor.sections`.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import Meta

from monitor.settings import Settings

__all__ = ["starting_file"]

_WIDTH: Final = 100
_HEAD: Final = """\
# Alarm settings of beatline. A key that is commented out has its default; take the # away and change it.
#
# A bed's own table wins over options, these over the environment (BEATLINE_ALARMS__HIGH_RATE_BPM=130),
# that over the tables for all beds in this file, and these over the defaults.
# beatline alarms list --config FILE [--bed NAME]   shows what is in force
# beatline monitor --config FILE                    uses it
# Research software, not a medical device.
"""
_BEDS: Final = """\
# What differs for one bed: any key of [alarms] and [rhythm], in a table of its own.

#[beds."bed-3".alarms]
#high_rate_bpm = 130.0
#low_rate_bpm = 45.0
#off = ["couplet", "bigeminy"]    # beside those that are off for all
#on = ["frequent_pvc"]            # though it is off for all
"""


def starting_file(sections: Sequence[str] = ("alarms", "rhythm")) -> str:
    """Return a TOML file in which every key of the sections is commented out, with its default.

    Parameters
    ----------
    sections
        Names of sections of `monitor.settings.Settings`.
    """
    models = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    return "\n".join([_HEAD, *("\n".join(_section(name, models[name])) for name in sections), _BEDS])


def _section(name: str, model: type[msgspec.Struct]) -> Iterator[str]:
    words = _docstrings(model)
    yield f"[{name}]"
    yield from _comment(inspect.getdoc(model) or "")
    for field in msgspec.structs.fields(model):
        yield ""
        yield from _comment(words[field.name] + _range(field.type))
        yield f"#{field.name} = {_toml(field.default)}"
    yield ""


@cache
def _docstrings(model: type[msgspec.Struct]) -> dict[str, str]:
    """Return the string that stands under each key in the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for key, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[key.target.id] = " ".join(str(below.value.value).split())
    return found


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text.replace("``", ""), _WIDTH - 2)]


def _range(wanted: Any) -> str:  # noqa: ANN401  a type as msgspec keeps it
    """Return what a key may be, in brackets; nothing where any number will do."""
    if get_origin(wanted) is tuple:
        return f" Any of: {', '.join(get_args(get_args(wanted)[0]))}."
    bounds = next((part for part in getattr(wanted, "__metadata__", ()) if isinstance(part, Meta)), Meta())
    low = "" if bounds.ge is None else f"from {bounds.ge:g}"
    low = low if bounds.gt is None else f"above {bounds.gt:g}"
    high = "" if bounds.le is None else f"up to {bounds.le:g}"
    high = high if bounds.lt is None else f"below {bounds.lt:g}"
    said = " ".join(filter(None, (low, high)))
    return f" ({said})" if said else ""


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
