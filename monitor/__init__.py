"""beatline's monitor: from sample blocks to beats, labels, rhythms, alarms and a screen."""

__version__ = "0.1.0"
