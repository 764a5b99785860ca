"""The trends of a shift: heart rate and V beats by the minute, and when alarms lasted."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.canvas import COLOURS, picture
from monitor.definitions import DEFINITIONS
from monitor.store.minutes import Minute
from monitor.store.read import Listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trends"]

_INKS: Final = {"high": COLOURS[1], "medium": COLOURS[4], "low": COLOURS[5], "technical": COLOURS[3]}
_MOST_KINDS: Final = 12
_SPACE_S: Final = 150.0
"""Minutes further apart than this are not joined by a line."""


def trends(
    minutes: Sequence[Minute], alarms: Sequence[Listed], path: Path, *, span_ns: tuple[int, int]
) -> None:
    """Draw the trends of one bed.

    Parameters
    ----------
    path
        A PNG file.
    span_ns
        The time to show.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    kinds = [kind for kind in DEFINITIONS if any(one.kind == kind for one in alarms)][:_MOST_KINDS]
    heights = [3.0, 1.5, 0.3 + 0.24 * max(1, len(kinds))]
    with picture(path, rows=3, size=(11.0, sum(heights) + 0.6), heights=heights) as (_, axes):
        _rates(axes[0], minutes)
        _ventricular(axes[1], minutes)
        _lasting(axes[2], [one for one in alarms if one.kind in kinds], kinds, span_ns[1])
        for axis in axes:
            axis.set_xlim(_date(span_ns[0]), _date(span_ns[1]))
            _clock(axis)
        for axis in axes[:2]:
            axis.tick_params(labelbottom=False)


def _rates(axis: "Axes", minutes: Sequence[Minute]) -> None:
    for piece in _pieces([minute for minute in minutes if minute.hr_bpm is not None]):
        at = [_date(minute.time_ns) for minute in piece]
        low = [minute.hr_low_bpm or 0.0 for minute in piece]
        high = [minute.hr_high_bpm or 0.0 for minute in piece]
        axis.fill_between(at, low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
        axis.plot(at, [minute.hr_bpm or 0.0 for minute in piece], color=COLOURS[0], marker=".", markersize=3)
    axis.set_ylabel("bpm")
    axis.set_title("Heart rate", loc="left")


def _ventricular(axis: "Axes", minutes: Sequence[Minute]) -> None:
    known = [(minute, minute.n_v) for minute in minutes if minute.n_v is not None]
    at = [_date(minute.time_ns) for minute, _ in known]
    counts = [60 * n_v / max(1, minute.seconds) for minute, n_v in known]
    axis.vlines(at, 0, counts, color=COLOURS[1], linewidth=2)
    axis.plot(at, counts, color=COLOURS[1], linestyle="none", marker=".", markersize=3, clip_on=False)
    axis.set_ylim(0, max(5.0, 1.1 * max(counts, default=0.0)))
    axis.set_ylabel("V/min")
    axis.set_title("Ventricular beats", loc="left")


def _lasting(axis: "Axes", alarms: Sequence[Listed], kinds: Sequence[str], until_ns: int) -> None:
    for one in alarms:
        row = kinds.index(one.kind)
        end_ns = one.ended_ns or one.cleared_ns or until_ns
        ink = _INKS.get(one.priority, COLOURS[6])
        axis.plot([_date(one.time_ns), _date(end_ns)], [row, row], color=ink, linewidth=5)
        axis.plot([_date(one.time_ns)], [row], color=ink, marker="|", markersize=9, markeredgewidth=1.5)
    axis.set_yticks(range(len(kinds)), [DEFINITIONS[kind].text for kind in kinds], fontsize=8)
    axis.set_ylim(max(0, len(kinds) - 1) + 0.6, -0.6)
    axis.set_title("Alarms" if kinds else "No alarms", loc="left")


def _clock(axis: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator: Any = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _pieces(minutes: Sequence[Minute]) -> list[list[Minute]]:
    pieces: list[list[Minute]] = []
    for minute in minutes:
        if pieces and (minute.time_ns - pieces[-1][-1].time_ns) / 1e9 < _SPACE_S:
            pieces[-1].append(minute)
        else:
            pieces.append([minute])
    return pieces


def _date(time_ns: int) -> float:
    """Return a wall time of this machine as matplotlib counts dates, in days, and without a zone."""
    moment = datetime.datetime.fromtimestamp(time_ns / 1e9).astimezone()
    offset = moment.utcoffset() or datetime.timedelta()
    return (moment.timestamp() + offset.total_seconds()) / 86_400
