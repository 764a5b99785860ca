"""A station's line to a monitor, over real sockets: hello, pulls, refusals, and who comes and goes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import zmq

from monitor import link
from monitor.errors import FeedError
from monitor.station.line import Line

UPDATE = link.Update(
    ward=b"",
    entries=[],
    last=7,
    missed=0,
    first_sample_ns=None,
    classifier="ready",
    done=False,
    faults=0,
    cpu_s=0.0,
)


class Monitor:
    """The monitor's end, played: every request is answered as `answers` says, where it says anything."""

    def __init__(self, address: str, *, run: int = 1, control: bool = False) -> None:
        self.socket = link.listen(address)
        self.welcome = link.Welcome(name="ward", run=run, control=control)
        self.heard: list[link.Request] = []
        self.failing = ""

    def serve(self) -> None:
        """Answer what waits."""
        while (message := link.next_message(self.socket)) is not None:
            client, request = message[0], link.requested(message[1])
            self.heard.append(request)
            refused = link.refusal(request, control=self.welcome.control)
            if refused:
                link.answer(self.socket, client, link.Refused(refused))
            elif isinstance(request, link.Hello):
                link.answer(self.socket, client, self.welcome)
            elif isinstance(request, link.Pull):
                answer = link.Refused(self.failing, pull=True) if self.failing else UPDATE
                link.answer(self.socket, client, answer)

    def die(self) -> None:
        """Go without a word."""
        self.socket.close(linger=0)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Return where the monitor listens."""
    return f"ipc://{tmp_path}/m.sock"


def on_line(address: str, script: Callable[[Line], Awaitable[None]]) -> None:
    """Run a script with a line, and let go of it."""

    async def run() -> None:
        line = Line(address)
        try:
            await script(line)
        finally:
            line.close()

    asyncio.run(run())


async def until(line: Line, true: Callable[[], bool], *monitors: Monitor) -> None:
    """Let both ends work until something holds."""
    for _ in range(1000):
        for monitor in monitors:
            monitor.serve()
        if true():
            return
        await line.answer(0.01)
    raise AssertionError(f"it did not come true: {line.state}")


def test_a_line_says_hello_and_pulls(address: str) -> None:
    """What the monitor is called, and whether it takes commands, is known before anything is shown."""
    monitor = Monitor(address, control=True)

    async def script(line: Line) -> None:
        assert "waiting for a monitor" in line.trouble
        line.ask(link.Pull(after=0))
        await until(line, lambda: line.state == "up", monitor)
        assert ("ward", True, True) == (line.welcome and line.welcome.name, line.anew, line.trouble == "")
        line.ask(link.Pull(after=0))
        line.ask(link.Pull(after=1))  # not sent: the first is not answered yet
        assert line.awaited
        await until(line, lambda: len(monitor.heard) > 1, monitor)
        assert await line.answer(5.0) == UPDATE
        assert [link.Pull(after=0)] == [r for r in monitor.heard if isinstance(r, link.Pull)]

    on_line(address, script)
    monitor.die()


def test_a_monitor_that_dies_and_comes_back_is_noticed_both_times(address: str) -> None:
    """At once, not by a timeout; and what comes back is known to be another run."""
    first = Monitor(address)

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", first)
        line.anew = False
        line.ask(link.Pull(after=0))
        first.die()
        await until(line, lambda: line.state == "lost")
        assert "HAS GONE" in line.trouble
        assert not line.tell(link.Acknowledge())
        second = Monitor(address, run=2)
        await until(line, lambda: line.state == "up", second)
        assert line.anew
        line.ask(link.Pull(after=0))
        await until(line, lambda: not line.awaited, second)
        second.die()

    on_line(address, script)


def test_a_line_that_breaks_twice_does_not_forget_that_the_monitor_is_another_run(address: str) -> None:
    """It is news until somebody has taken note of it."""
    monitors = [Monitor(address)]

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", monitors[0])
        line.anew = False
        for _ in range(2):
            monitors[-1].die()
            await until(line, lambda: line.state == "lost")
            monitors.append(Monitor(address, run=2))
            await until(line, lambda: line.state == "up", monitors[-1])
        assert line.anew

    on_line(address, script)
    monitors[-1].die()


def test_a_pull_that_failed_is_not_waited_for(address: str) -> None:
    """The monitor says that no answer will come: the station asks again, and shows why."""
    monitor = Monitor(address)
    monitor.failing = "the monitor could not do this: OverflowError"

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", monitor)
        line.ask(link.Pull(after=0))
        await until(line, lambda: bool(line.refused), monitor)
        assert ("up", False) == (line.state, line.awaited)
        monitor.failing = ""
        line.ask(link.Pull(after=0))
        await until(line, lambda: not line.awaited, monitor)

    on_line(address, script)
    monitor.die()


def test_a_monitor_that_hangs_is_called_silent(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected is not the same as answering."""
    monkeypatch.setattr("monitor.station.line.SILENT_S", 0.05)
    monitor = Monitor(address)

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", monitor)
        line.ask(link.Pull(after=0))
        await until(line, lambda: line.state == "silent")
        assert "DOES NOT ANSWER" in line.trouble
        await until(line, lambda: line.state == "up", monitor)

    on_line(address, script)
    monitor.die()


def test_a_station_that_was_stopped_itself_calls_nobody_silent(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence begins where somebody asks: what nobody asked in the meantime nobody left unanswered."""
    monkeypatch.setattr("monitor.station.line.SILENT_S", 0.05)
    monitor = Monitor(address)

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", monitor)
        await line.answer(0.1)
        line.ask(link.Pull(after=0))
        await line.answer(0.0)
        assert "up" == line.state

    on_line(address, script)
    monitor.die()


def test_a_command_to_a_monitor_that_is_read_only_is_refused_in_words(address: str) -> None:
    """And so is ending the monitor, which no station may, whatever else it may do."""
    monitor = Monitor(address)

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "up", monitor)
        for command, expected in ((link.Acknowledge(), "--allow-control"), (link.Stop(), "cannot end")):
            assert line.tell(command)
            await until(line, lambda: bool(line.refused), monitor)
            assert expected in line.refused
            line.refused = ""

    on_line(address, script)
    assert link.refusal(link.Stop(), control=True)
    assert not link.refusal(link.Acknowledge(), control=True)
    monitor.die()


def test_a_monitor_of_another_version_is_named(address: str) -> None:
    """Neither end guesses what the other means."""
    monitor = Monitor(address)
    monitor.welcome = msgspec.structs.replace(monitor.welcome, protocol=99, version="9.9")

    async def script(line: Line) -> None:
        await until(line, lambda: line.state == "foreign", monitor)
        assert f"expected protocol {link.PROTOCOL}" in line.trouble
        assert "received 99 (beatline 9.9)" in line.trouble

    on_line(address, script)
    monitor.die()


def test_what_is_no_monitor_is_told(address: str) -> None:
    """Somebody else listens there: words, no traceback."""
    other: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    other.bind(address)

    async def script(line: Line) -> None:
        while not other.poll(0):
            await line.answer(0.01)
        client, _ = other.recv_multipart()
        other.send_multipart([client, b"what?"])
        await until(line, lambda: line.state == "foreign")
        assert "expected protocol" in line.trouble

    on_line(address, script)
    other.close(linger=0)


def test_two_stations_do_not_know_of_each_other(address: str) -> None:
    """Each has its own answers; one that closes takes nothing with it."""
    monitor = Monitor(address)

    async def script(line: Line) -> None:
        other = Line(address)
        await until(line, lambda: line.state == "up", monitor)
        await until(other, lambda: other.state == "up", monitor)
        other.close()
        line.ask(link.Pull(after=0))
        await until(line, lambda: not line.awaited, monitor)

    on_line(address, script)
    monitor.die()


def test_what_is_no_address_is_named() -> None:
    """A fault of the world: one clear line."""
    with pytest.raises(FeedError, match="expected a name"):
        on_line("smoke://signals", lambda line: line.answer(0))  # type: ignore[arg-type, return-value]
