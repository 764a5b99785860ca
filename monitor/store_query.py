"""What is asked of a store on the command line, and what it answers: alarms and events in one row."""

import datetime
import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from monitor.definitions import DEFINITIONS
from monitor.errors import StorageError
from monitor.events import Priority
from monitor.moments import moment_ns
from monitor.store import place_of, read
from monitor.store.database import Store
from monitor.store.read import Listed, Query

__all__ = ["check_bed", "listed", "nothing", "opened", "query"]

_PRIORITIES: Final[tuple[Priority, ...]] = ("high", "medium", "low", "technical")
_TYPES: Final = ("alarm", "rhythm", "gap", "notice", "audio_pause", "stream", "limits")


@contextmanager
def opened(place: str | None) -> Iterator[Store]:
    """Give the store at a place, None for this user's, and let go of it.

    Raises
    ------
    StorageError
        As `Store.open`, for a store that must exist.
    """
    store = Store.open(place_of(place), create=False)
    try:
        yield store
    finally:
        store.close()


def query(
    *,
    bed: str = "",
    since: str | None = None,
    until: str | None = None,
    kinds: Sequence[str] | None = None,
    priorities: Sequence[str] | None = None,
) -> Query:
    """Return what is asked for, from options as they were written.

    Raises
    ------
    ValueError
        A moment, a kind or a priority is none; the message names it.
    """
    now = datetime.datetime.now()  # without a zone: each date has its own offset
    since_ns = None if since is None else moment_ns(since, now=now)
    until_ns = None if until is None else moment_ns(until, now=now)
    if since_ns is not None and until_ns is not None and since_ns >= until_ns:
        raise ValueError(f"expected since before until, received {since!r} and {until!r}")
    return Query(
        bed=bed,
        since_ns=since_ns,
        until_ns=until_ns,
        kinds=tuple(_kind(kind) for kind in _parts(kinds)),
        priorities=tuple(_priority(priority) for priority in _parts(priorities)),
    )


def listed(store: Store, asked: Query) -> Iterator[Listed]:
    """Return alarms and other events, oldest first."""
    alarms = read.alarms(store, asked)
    return heapq.merge(alarms, read.events(store, asked), key=lambda one: (one.time_ns, one.run, one.number))


def check_bed(store: Store, bed: str) -> None:
    """Raise a `StorageError` that names the beds that there are, if ``bed`` is none of them."""
    known = read.beds(store)
    if bed not in known:
        some = ", ".join(known[:12]) or "none yet"
        raise StorageError(f"store {store.name}: expected one of its beds ({some}), received {bed!r}")


def nothing(store: Store, asked: Query) -> str:
    """Return why there may be no line: a bed that is not known is an error."""
    if asked.bed:
        check_bed(store, asked.bed)
    return f"nothing of that kind in {store.name}"


def _parts(given: Sequence[str] | None) -> list[str]:
    return [part.strip() for one in given or () for part in one.split(",") if part.strip()]


def _kind(text: str) -> str:
    if text in DEFINITIONS or text in _TYPES or text.startswith("("):
        return text
    raise ValueError(
        f"expected a kind of alarm ({', '.join(DEFINITIONS)}), a rhythm such as (VT, or one of "
        f"{', '.join(_TYPES)}; received {text!r}"
    )


def _priority(text: str) -> Priority:
    for priority in _PRIORITIES:
        if priority == text.lower():
            return priority
    raise ValueError(f"expected high, medium, low or technical, received {text!r}")
