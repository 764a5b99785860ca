"""The palette: what each kind of mark on the screen looks like, in several schemes.

An ink is named for what it means, never for its colour. No scheme is needed to understand a screen:
whatever a colour says is written out as well.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from rich.color import ColorSystem
from rich.style import Style

__all__ = ["INKS", "NUMBERS", "SCHEMES", "STYLES", "prefixes", "styles"]

INKS: Final[dict[str, str]] = {
    "plain": "none",
    "dim": "bright_black",
    "strong": "bold",
    "trace": "green",
    "mark N": "bright_black",
    "mark S": "bold cyan",
    "mark V": "bold yellow",
    "mark F": "bold magenta",
    "mark Q": "bright_black",
    "rate": "bold green",
    "high": "bold white on red",
    "medium": "black on yellow",
    "low": "black on cyan",
    "technical": "bold cyan",
    "high quiet": "bold red",
    "medium quiet": "yellow",
    "low quiet": "cyan",
    "selected": "bold reverse",
}
"""Names of styles to rich styles, on a dark terminal: the whole palette of the screen."""

_DAY: Final = {
    "dim": "bright_black",
    "trace": "blue",
    "mark S": "bold cyan",
    "mark V": "bold magenta",
    "mark F": "bold red",
    "rate": "bold blue",
    "technical": "bold blue",
    "medium quiet": "bold magenta",
    "low quiet": "blue",
    "low": "white on blue",
}
_SAFE: Final = {
    # Okabe and Ito (2008): told apart by every common kind of colour vision, and by lightness.
    "dim": "bright_black",
    "trace": "#56b4e9",
    "mark S": "bold #cc79a7",
    "mark V": "bold #e69f00",
    "mark F": "bold #f0e442",
    "rate": "bold #56b4e9",
    "high": "bold white on #a03c00",
    "medium": "black on #f0e442",
    "low": "black on #56b4e9",
    "technical": "bold #cc79a7",
    "high quiet": "bold #d55e00",
    "medium quiet": "#f0e442",
    "low quiet": "#56b4e9",
}
_MONO: Final = {
    "dim": "none",
    "trace": "none",
    "mark N": "none",
    "mark S": "bold",
    "mark V": "bold reverse",
    "mark F": "bold underline",
    "mark Q": "none",
    "rate": "bold",
    "high": "bold reverse",
    "medium": "reverse",
    "low": "underline",
    "technical": "bold",
    "high quiet": "bold",
    "medium quiet": "bold",
    "low quiet": "none",
}

SCHEMES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"night": INKS, "day": INKS | _DAY, "safe": INKS | _SAFE, "mono": INKS | _MONO}
)
"""For dark terminals, for light ones, for every kind of colour vision, and without any colour."""

NUMBERS: Final = {name: number for number, name in enumerate(INKS)}
"""The number that a `monitor.frame.Frame` keeps for each ink."""

_SYSTEMS: Final = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}


@lru_cache(maxsize=8)
def styles(scheme: str) -> tuple[Style, ...]:
    """Return the styles of a scheme by the inks' numbers."""
    return tuple(Style.parse(SCHEMES[scheme][name]) for name in INKS)


STYLES: Final = styles("night")


@lru_cache(maxsize=32)
def prefixes(scheme: str, system: str | None) -> tuple[str, ...]:
    """Return, by the inks' numbers, the sequences that turn each on, whatever was on before.

    Parameters
    ----------
    scheme
        One of `SCHEMES`.
    system
        ``standard`` (16 colours), ``256``, ``truecolor``, or None: the terminal knows no styles.
    """
    return tuple(_prefix(style, _SYSTEMS.get(system or "")) for style in styles(scheme))


def _prefix(style: Style, system: ColorSystem | None) -> str:
    if system is None:
        return "\x1b[0m"
    before, _, _ = style.render("\0", color_system=system).partition("\0")
    return "\x1b[0m" if not before else f"\x1b[0;{before.removeprefix(chr(27) + '[')}"
