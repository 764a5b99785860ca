"""The event store: what happened on every bed, kept in a database."""

from pathlib import Path

__all__ = ["place_of"]


def place_of(store: str | None) -> str:
    """Return where a store is, made absolute; ``default`` or None is the one of this user.

    Examples
    --------
    >>> place_of("postgresql://ward@db/events")
    'postgresql://ward@db/events'
    """
    if store in (None, "", "default"):
        import platformdirs

        return str(platformdirs.user_data_path("beatline") / "events.sqlite")
    return store if "://" in store else str(Path(store).expanduser().absolute())
