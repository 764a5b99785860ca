"""The station: the full-screen client from which one person watches a ward."""
