"""The simulator: a bedside device's twin."""
