"""What a station knows of a monitor, from its answers."""

import pytest

from monitor.link import Update
from monitor.station.watch import Watch


@pytest.mark.parametrize(("missed", "told"), [(0, []), (7, ["! 7 events not shown: read too slowly"])])
def test_events_that_the_monitor_has_forgotten_are_counted(missed: int, told: list[str]) -> None:
    """They are in no list of this station; a person is told so, once for each answer that lacks some."""
    update = Update(
        ward=b"",
        entries=[],
        last=missed,
        missed=missed,
        first_sample_ns=None,
        classifier="ready",
        done=False,
        faults=0,
        cpu_s=0.0,
    )
    assert told == Watch().take(update)
