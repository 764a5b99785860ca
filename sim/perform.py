"""One run of the simulator: from what is asked for to beds played to an end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.beds import Play, make_beds
from sim.pacing import SystemClock
from sim.publish import Performance, Publisher, Stats
from sim.sources import RampSource
from sim.synthetic import SyntheticPatient

__all__ = ["Stage", "perform"]

_WHAT: Final[dict[type, str]] = {SyntheticPatient: "a synthetic patient", RampSource: "a ramp"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and how fast to play; options as of ``beatline sim``."""

    endpoint: str
    bind: bool
    wait: bool = True
    speed: float = 1.0
    seconds: float | None = None


def perform(play: Play, stage: Stage, *, stopped: Callable[[], bool], say: Callable[[str], None]) -> Stats:
    """Play to the end, or until stopped; say what is played and what is waited for.

    Raises
    ------
    BeatlineError
        A source cannot be had or the address cannot be used.
    """
    beds = make_beds(play)
    publisher = Publisher(stage.endpoint, bind=stage.bind)
    try:
        first = beds[0].source
        what = _WHAT.get(type(first), f"record {first.record}")
        more = f" and {len(beds) - 1} more" if len(beds) > 1 else ""
        verb = "on" if stage.bind else "to"
        say(f"sim: {what}{more}, {', '.join(first.leads)} at {first.fs:g} Hz, {verb} {publisher.endpoint}")
        performance = Performance(beds, publisher, clock=SystemClock(), speed=stage.speed, stopped=stopped)
        if stage.wait and not performance.wait_for_subscriber():
            return performance.stats()
        return performance.run(stage.seconds)
    finally:
        publisher.close()
