"""The event store: what happened on every bed, kept in a database."""
