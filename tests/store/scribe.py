"""A process that tells a store as fast as it can and says what was confirmed; it is there to be killed.

python -m tests.store.scribe PATH|URL
"""

import sys

from monitor.store.writer import Writer
from tests.store.told import alarm, entry, notice, step

AHEAD = 2000
"""Events that may wait: the process tells on while it writes."""


def main(place: str) -> None:
    """Tell for ever: three of four events are lines, every fourth a step of an alarm."""
    writer = Writer(place, about={"scribe": True})
    print(writer.run, flush=True)
    number = said = 0
    while True:
        while number - writer.committed < AHEAD:
            number += 1
            if number % 4:
                writer.append(notice(number))
            else:
                first = alarm(at=1000 * (number - number % 8))
                writer.append(entry(step(first, "end", at=1000 * number) if number % 8 else first))
        if writer.committed > said:
            said = writer.committed
            print(said, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
