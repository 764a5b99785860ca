"""The faults of the world, as one small tree.

A caller's mistake is a ``ValueError`` or ``TypeError``; trouble in the data is an event
(`monitor.events`); what the world does to us is one of these::

    BeatlineError
    |-- WireError       bytes that are not a message of our protocol
    |-- SourceError     a record or data set that is missing, truncated or unreadable
    |-- ArtifactError   a model whose card, weights or checksum do not agree
    |-- SettingsError   a settings file, environment variable or option that cannot be used
    |-- FeedError       an address that cannot be bound or reached, a peer that vanished
    `-- StorageError    a journal or recording that cannot be written or read

Messages follow one grammar: what was wrong, what was expected, what was received. Only
``monitor.cli`` prints them.
"""

__all__ = [
    "ArtifactError",
    "BeatlineError",
    "FeedError",
    "SettingsError",
    "SourceError",
    "StorageError",
    "WireError",
]


class BeatlineError(Exception):
    """Base of every fault that is not the caller's mistake."""


class WireError(BeatlineError):
    """Bytes that are not a valid message of the wire protocol."""


class SourceError(BeatlineError):
    """A record or data set that is missing, truncated or unreadable."""


class ArtifactError(BeatlineError):
    """A model artefact whose card, weights or checksum do not agree."""


class SettingsError(BeatlineError):
    """A settings file, environment variable or option that cannot be used."""


class FeedError(BeatlineError):
    """An address that cannot be bound or reached, or a peer that vanished."""


class StorageError(BeatlineError):
    """A journal or recording that cannot be written or read."""
