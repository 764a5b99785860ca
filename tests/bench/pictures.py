"""The station's pictures of the documentation, taken from a real monitor.

    python -m tests.bench.pictures --out docs/pictures [--record12 PATH]

Records of DS1 begin shortly before something happens in them; the asystole is a synthetic patient's, and
the twelve leads are a record of ten seconds, again and again. Trends are an hour at ten times real time.
Takes ten minutes and data that is not shipped: BEATLINE_DATA.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.bench import running

_WARM_S: Final = 40.0
"""Until the network is loaded."""
_ASYSTOLE: Final = "sinus:90@72, asystole:6, sinus:120@72"
_WARD: Final[tuple[tuple[str, ...], ...]] = (
    ("208", "--start", "985"),
    ("119", "--start", "205"),
    ("207", "--start", "176"),
    ("205", "--start", "205"),
    ("--script", _ASYSTOLE, "--bed", "icu-5"),
    ("203", "--start", "215"),
    ("106", "--start", "660"),
)
_TRENDS: Final = (("106",), ("203",), ("119",))
_LIVE: Final[tuple[tuple[str, str, int, tuple[str, ...]], ...]] = (
    ("wall", "120x40", 104, ()),
    ("leads", "160x45", 107, ("8",)),
    ("alarms", "120x34", 110, ("right", "right", "right", "a", "e")),
    ("strips", "120x34", 116, ("r",)),
)
"""Name, size, seconds watched, and the keys pressed before the end."""
_HOUR: Final = (("trends", "120x34", 340, ("t", "plus", "plus", "plus")),)


@contextlib.contextmanager
def _watched(devices: Sequence[Sequence[str]], *, port: int, speed: float) -> Iterator[str]:
    """Run a monitor, and once it is warm its devices; yield its name."""
    name, endpoint = f"ward-{os.getpid()}", f"tcp://127.0.0.1:{port}"
    with contextlib.ExitStack() as ends:
        ends.enter_context(running.answering(name, "monitor", endpoint, "--plain", "--allow-control"))
        time.sleep(_WARM_S)
        for device in devices:
            play = ("--loop", "--speed", f"{speed:g}", "--endpoint", endpoint)
            ends.enter_context(running.process("sim", *device, *play))
        yield name


def _take(name: str, out: Path, pictures: Sequence[tuple[str, str, int, tuple[str, ...]]]) -> None:
    """Run the stations of all pictures at once: each sees everything from the beginning."""
    with contextlib.ExitStack() as ends:
        stations = []
        for what, size, seconds, keys in pictures:
            shown = ("--picture", str(out / f"station-{what}.svg"), "--size", size, "--seconds", str(seconds))
            station = ("station", name, "--control", "--by", "kim", *shown, "--keys", ",".join(keys))
            stations.append(ends.enter_context(running.process(*station)))
        for child in stations:
            if child.wait():
                raise SystemExit("a station failed")


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--record12", type=Path, help="a record of twelve leads, such as ptbxl/00057_hr")
    parser.add_argument("--port", type=int, default=5690)
    told = parser.parse_args()
    record = told.record12
    leads = [(record.name, "--data", str(record.parent), "--bed", "icu-12")] if record else []
    with _watched([*_WARD, *leads], port=told.port, speed=1.0) as name:
        _take(name, told.out, [one for one in _LIVE if leads or one[0] != "leads"])
    with _watched(_TRENDS, port=told.port + 1, speed=10.0) as name:
        _take(name, told.out, _HOUR)


if __name__ == "__main__":
    main()
