"""Moments as people write them: ``2h`` ago, ``07:30`` today, ``2026-11-21 22:00``."""

import datetime
import re
from typing import Final

__all__ = ["moment_ns"]

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)(?: ago)?")
_FIRST, _LAST = 1700, 2200
"""Years whose nanoseconds since the epoch fit into what a database keeps of them, 64 bits."""
_FAR: Final = f"expected a moment between the years {_FIRST} and {_LAST}, received {{!r}}"
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def moment_ns(text: str, *, now: datetime.datetime) -> int:
    """Return the moment that a text names, in nanoseconds since the epoch.

    Parameters
    ----------
    text
        A time ago (``90s 30m 2h 3d 1w``), a time of day (the last time it was so late), ``today``,
        ``yesterday``, or a date with or without a time and a zone, as ISO 8601 has it.
    now
        With the zone in which times without one are meant; without a zone, by the clock on the wall of this
        machine, as it goes on the day that they name: its zone has two offsets where summer is told.

    Raises
    ------
    ValueError
        It is none of these, or centuries away.

    Examples
    --------
    >>> now = datetime.datetime(2026, 11, 22, 6, 0, tzinfo=datetime.UTC)
    >>> moment_ns("2h", now=now) == moment_ns("04:00", now=now) == moment_ns("2026-11-22 04:00", now=now)
    True
    """
    wanted = text.strip().lower()
    ago = _AGO.fullmatch(wanted)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if ago is not None and ago[2] in _UNITS:
        then = _before(now, float(ago[1]) * _UNITS[ago[2]], text)
    elif wanted in ("today", "yesterday"):
        then = midnight - datetime.timedelta(days=wanted == "yesterday")
    elif _CLOCK.fullmatch(wanted):
        hour, rest = wanted.split(":", 1)
        then = _dated(f"{midnight.date().isoformat()} {hour:0>2}:{rest}", now, text)
        then -= datetime.timedelta(days=then.timestamp() > now.timestamp())
    else:
        then = _dated(text.strip(), now, text)
    if not _FIRST <= then.year <= _LAST:
        raise ValueError(_FAR.format(text))
    return round(then.timestamp() * 1000) * 1_000_000


def _before(now: datetime.datetime, seconds: float, given: str) -> datetime.datetime:
    try:
        return now.astimezone(datetime.UTC) - datetime.timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(_FAR.format(given)) from None


def _dated(text: str, now: datetime.datetime, given: str) -> datetime.datetime:
    try:
        then = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"expected a moment such as 2h, 07:30, yesterday or 2026-11-21T22:00, received {given!r}"
        ) from None
    return then if then.tzinfo is not None else then.replace(tzinfo=now.tzinfo)
