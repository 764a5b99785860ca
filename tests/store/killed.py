"""Killing a process that writes, and looking at what it left."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select

from monitor.events import Notice
from monitor.store import read, schema
from monitor.store.database import Store
from monitor.store.read import Query

ROOT = Path(__file__).parents[2]


def kill_while_it_writes(place: str, *, after: int) -> tuple[int, int]:
    """Kill -9 a process once it has confirmed ``after`` events; return its run and the last one confirmed."""
    command = [sys.executable, "-m", "tests.store.scribe", place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        run, confirmed = int(process.stdout.readline()), 0
        while confirmed < after:
            confirmed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:  # said before the kill, and not read yet
            if line.endswith("\n"):
                confirmed = int(line)
    assert process.returncode == -signal.SIGKILL
    return run, confirmed


def check(place: str, run: int, confirmed: int) -> None:
    """Everything up to some event is there, that event is no earlier than the last one confirmed."""
    with closing(Store.open(place)) as store:
        with store.reading() as connection:
            reached = connection.scalar(select(schema.runs.c.committed).where(schema.runs.c.run == run))
            found = connection.execute(
                select(
                    func.count(), func.min(schema.events.c.number), func.max(schema.events.c.number)
                ).where(schema.events.c.run == run)
            ).one()
        lines = [one for one in read.events(store, Query(kinds=("notice",))) if one.run == run]
        alarms = [one for one in read.alarms(store, Query()) if one.run == run]
    assert reached is not None
    assert reached >= confirmed
    assert tuple(found) == (reached, 1, reached)
    assert [one.number for one in lines] == [number for number in range(1, reached + 1) if number % 4]
    for one in lines:
        assert isinstance(one.event, Notice)
        assert one.event.text == f"line {one.number}"
    assert [one.number for one in alarms] == [4, *range(8, reached + 1, 8)]
    for one in alarms[1:]:  # the first is the end of one that never began
        assert one.state == ("end" if one.number + 4 <= reached else "start")
