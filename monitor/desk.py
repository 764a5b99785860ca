"""Where clients of an engine are answered: one socket, whoever comes to it, and never without end."""

import logging
from collections.abc import Callable
from typing import Final

from monitor import link
from monitor.errors import WireError

__all__ = ["Desk"]

log = logging.getLogger(__name__)

_MAX_REQUESTS: Final = 100
"""Requests served in a turn: beds come first."""


class Desk:
    """One socket at which clients ask and command.

    Parameters
    ----------
    addresses
        Where they come to; none for nowhere.
    serve
        Called with each request; returns the answer, None where none is due.

    Attributes
    ----------
    socket
        For a poller.
    done
        Whether somebody has been told that nothing further will come.

    Raises
    ------
    FeedError
        An address cannot be bound.
    """

    def __init__(self, *addresses: str, serve: Callable[[link.Request], link.Answer | None]) -> None:
        self.socket = link.listen(*addresses)
        self.done = False
        self._serve = serve

    def turn(self) -> None:
        """Answer and obey what waits; never wait. Many pulls of one client have one answer."""
        pulls: dict[bytes, link.Pull] = {}
        for _ in range(_MAX_REQUESTS):
            message = link.next_message(self.socket)
            if message is None:
                break
            client, body = message
            try:
                request = link.requested(body)
            except WireError as error:
                log.warning("%s", error)
                link.answer(self.socket, client, link.Refused(str(error)))
                continue
            if isinstance(request, link.Pull):
                pulls[client] = request
            else:
                self._contained(client, request)
        for client, pull in pulls.items():
            self._contained(client, pull)

    def _contained(self, client: bytes, request: link.Request) -> None:
        """Serve one request; if that fails, say so to whoever asked: beds are watched on."""
        try:
            answered = self._serve(request)
            if answered is not None:
                link.answer(self.socket, client, answered)
        except Exception as error:
            log.exception("a request failed: %.200r", request)
            text = f"the monitor could not do this: {type(error).__name__}: {error}"
            link.answer(self.socket, client, link.Refused(text, pull=isinstance(request, link.Pull)))
            return
        self.done |= isinstance(answered, link.Update) and answered.done

    def close(self) -> None:
        """Let go of the socket."""
        self.socket.close()
