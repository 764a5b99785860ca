"""The station in a browser on this machine, through textual-serve: nothing is fetched from elsewhere.

Each page runs a station of its own. The server listens on the loopback interface alone and answers only
pages that it has sent itself: what another site's page asks for is refused, so that no web page that
somebody looks at can read a ward or press its keys.
"""

import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from textual_serve.server import Server

from monitor.errors import FeedError

__all__ = ["PAGE", "Loopback", "serve"]

_HOST: Final = "127.0.0.1"
PAGE: Final = Path(__file__).with_name("web_page")
"""Folder of the page."""
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{own}"
)
"""What a browser may load: even a page that named another place would get nothing from there."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Loopback(Server):
    """textual-serve with a page of ours, which loads nothing from outside, and a guard at the door."""

    def on_own_page(self, request: web.Request) -> bool:
        """Whether a request is addressed to this server and does not come from another site's page."""
        own = f"{_HOST}:{self.port}"
        origin = request.headers.get("Origin")
        return request.host == own and origin in (None, f"http://{own}")

    async def make_app(self) -> web.Application:
        """Return the server's application, guarded."""
        app = await super()._make_app()

        @web.middleware
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            if not self.on_own_page(request):
                raise web.HTTPForbidden(text=f"expected http://{_HOST}:{self.port}, received {request.host}")
            return await handler(request)

        async def protect(_: web.Request, response: web.StreamResponse) -> None:
            policy = _POLICY.format(own=f"{_HOST}:{self.port}")
            response.headers["Content-Security-Policy"] = policy

        app.middlewares.append(guard)
        app.on_response_prepare.append(protect)
        return app

    _make_app = make_app

    async def on_startup(self, _: web.Application) -> None:
        """Say where it is."""
        self.console.print(f"the station is at {self.public_url} (this machine only); Ctrl-C ends it")

    def initialize_logging(self) -> None:
        """Leave the log as this program has set it up."""


def serve(arguments: Sequence[str], *, port: int) -> None:
    """Serve ``beatline ARGUMENTS`` until Ctrl-C.

    Raises
    ------
    FeedError
        The port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise FeedError(
                f"port {port} of {_HOST} cannot be used: {error.strerror}; choose another --port"
            ) from error
    os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"
    command = shlex.join([sys.executable, "-m", "monitor", *arguments])
    server = Loopback(
        command,
        host=_HOST,
        port=port,
        title="beatline station, silent" if "--silent" in arguments else "beatline station",
        templates_path=PAGE,
    )
    server.serve()
