"""A station's line to a monitor: says hello, pulls, notices at once when nobody is there any more.

ZeroMQ reconnects by itself; every connection begins with a hello, so that a monitor that was started
anew is known to be another run, and one of another version is refused in words.
"""

import time
from typing import Final, Literal, TypeAlias

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from monitor import __version__, link
from monitor.errors import FeedError, WireError

__all__ = ["Line", "LineState"]

LineState: TypeAlias = Literal["connecting", "up", "lost", "silent", "foreign"]
"""silent: connected, but no answer for `SILENT_S`. foreign: it answers, but not as this version does."""

SILENT_S: Final = 2.0
"""A monitor that has not answered for so long does not answer: one second is a busy one."""
_AGAIN_MS: Final = 200
"""How soon a lost connection is tried again."""
_LOST: Final = zmq.Event.DISCONNECTED | zmq.Event.CLOSED
_WATCHED: Final = _LOST | zmq.Event.HANDSHAKE_SUCCEEDED


class Line:
    """One connection to one monitor.

    Parameters
    ----------
    address
        As `monitor.attach.find` gives it.

    Attributes
    ----------
    state
        How it stands.
    welcome
        What the monitor said of itself, None before.
    anew, awaited
        Whether this is another run than was there before, until whoever takes note of it says so; whether
        an answer is awaited.
    refused
        What it has answered to the last command that it did not take; whoever shows it empties it.

    Raises
    ------
    FeedError
        This is no address.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.state: LineState = "connecting"
        self.welcome: link.Welcome | None = None
        self.refused = ""
        self.anew = False
        self._problem = ""
        self.awaited = False
        self._heard_s = self._asked_s = time.monotonic()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self._socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _AGAIN_MS)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(_WATCHED)
        self._poller = zmq.asyncio.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise FeedError(
                f"address {address!r}: expected a name, a socket's path or tcp://HOST:PORT ({error})"
            ) from error

    @property
    def trouble(self) -> str:
        """Why nothing comes, as a person reads it; empty while all is well."""
        name = f"THE MONITOR {self.welcome.name!r}" if self.welcome else f"A MONITOR at {self.address}"
        seconds = f"{time.monotonic() - self._heard_s:.0f} s"
        match self.state:
            case "up":
                return ""
            case "connecting":
                return f"waiting for {name.lower()} for {seconds}"
            case "silent":
                return f"{name} DOES NOT ANSWER for {seconds}"
            case "foreign":
                return self._problem
        return f"{name} HAS GONE, {seconds} ago"

    def ask(self, pull: link.Pull) -> None:
        """Ask for what is new, unless an answer is still awaited or nobody is there."""
        if self.state == "up" and not self.awaited:
            self.awaited = self._send(pull)
            self._asked_s = time.monotonic()

    def tell(self, command: link.Request) -> bool:
        """Send a command; return whether anybody is there to hear it."""
        return self.state == "up" and self._send(command)

    async def answer(self, seconds: float) -> link.Update | None:
        """Wait so long at most for an answer; notice meanwhile who comes and goes."""
        deadline = time.monotonic() + seconds
        while True:
            left_ms = max(0, round(1000 * (deadline - time.monotonic())))
            ready = dict(await self._poller.poll(left_ms))
            if self._monitor in ready:
                self._take_event()
            if self._socket in ready:
                update = self._take_answer()
                if update is not None:
                    return update
            if self.awaited and self.state == "up" and time.monotonic() - self._asked_s > SILENT_S:
                self.state = "silent"
            if time.monotonic() >= deadline:
                return None

    def close(self) -> None:
        """Let go; the monitor does not mind."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close()

    def _send(self, request: link.Request) -> bool:
        try:
            self._socket.send(link.encoded(request), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _take_event(self) -> None:
        event = parse_monitor_message(self._monitor.recv_multipart())["event"]
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self.awaited = False
            self._send(link.Hello(version=__version__))
        elif event & _LOST:
            self.awaited = False
            if self.state in ("up", "silent"):
                self.state = "lost"

    def _take_answer(self) -> link.Update | None:
        try:
            answer = link.decoded(self._socket.recv())
        except WireError as error:
            self._foreign(f"! {error}")
            return None
        self._heard_s = time.monotonic()
        if isinstance(answer, link.Welcome):
            self._greeted(answer)
            return None
        if self.state == "silent":
            self.state = "up"
        if isinstance(answer, link.Refused):
            self.refused = answer.text
            self.awaited = self.awaited and not answer.pull
            return None
        self.awaited = False
        return answer

    def _greeted(self, welcome: link.Welcome) -> None:
        """Take the monitor's word for what it is."""
        if welcome.protocol != link.PROTOCOL:
            self._foreign(
                f"the monitor is of another version: expected protocol {link.PROTOCOL} (beatline "
                f"{__version__}), received {welcome.protocol} (beatline {welcome.version})"
            )
            return
        self.anew = self.anew or self.welcome is None or self.welcome.run != welcome.run
        self.welcome = welcome
        self.state = "up"

    def _foreign(self, problem: str) -> None:
        self.state = "foreign"
        self._problem = problem
        self.awaited = False
