"""Starting a station: from the command line, in a browser, and what is said where it cannot be."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from monitor import attach, cli
from monitor.errors import FeedError
from monitor.station import browser, run


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user another runtime folder, in which no monitor runs."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no monitor is running: start one with beatline monitor, or wait with --wait"),
        (["ward"], "no monitor answers at ipc://"),
        (["tcp://127.0.0.1:1"], "no monitor answers at tcp://127.0.0.1:1"),
        (["smoke://x"], "no monitor answers at smoke://x"),
    ],
)
def test_a_monitor_that_is_not_there_is_one_line_and_exit_1(arguments: list[str], expected: str) -> None:
    """Unless it is to be waited for."""
    done = CliRunner().invoke(cli.app, ["station", *arguments])
    assert 1 == done.exit_code
    assert expected in done.output.replace("\n", "")
    assert 1 == done.output.count("beatline: ")


def test_a_monitor_can_be_waited_for() -> None:
    """By its name, before it has one."""
    assert f"ipc://{attach.socket_of('monitor')}" == run.found(None, wait=True)
    assert f"ipc://{attach.socket_of('ward')}" == run.found("ward", wait=True)


def test_a_station_without_a_terminal_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is no screen."""
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    done = CliRunner().invoke(cli.app, ["station", "ward", "--wait"])
    assert 1 == done.exit_code
    assert "a station needs a terminal" in done.output


def test_help_names_an_example() -> None:
    """Every command does."""
    done = CliRunner().invoke(cli.app, ["station", "--help"])
    assert 0 == done.exit_code
    assert "beatline station --demo" in done.output


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """No font, script or style of another server; the browser is told to allow none either."""

    async def script() -> None:
        server = browser.Loopback("true", host="127.0.0.1", port=0, templates_path=browser.PAGE)
        async with TestClient(TestServer(await server.make_app())) as client:
            assert client.port is not None
            server.port = client.port
            own = f"127.0.0.1:{client.port}"
            headers = {"Host": own}
            page = await client.get("/", headers=headers)
            text = await page.text()
            assert 200 == page.status
            places = set(re.findall(r"(?:https?|wss?)://([^/\"']+)", text))
            assert places <= {own, "127.0.0.1:0"}
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]
            assert f"ws://{own}" in page.headers["Content-Security-Policy"]
            for name in ("css/xterm.css", "js/textual.js", "fonts/RobotoMono-VariableFont_wght.ttf"):
                assert 200 == (await client.get(f"/static/{name}", headers=headers)).status

    asyncio.run(script())


RINGING = """
from textual.app import App
class Ringing(App):
    def on_mount(self):
        self.bell()
        self.call_after_refresh(self.exit)
Ringing().run()
"""


def test_a_bell_is_a_message_of_one_byte() -> None:
    """By that alone the page knows it: what Textual makes of a bell for a browser must stay as it is."""
    driver = {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    command = [sys.executable, "-c", RINGING]
    done = subprocess.run(command, env=os.environ | driver, input=b"", capture_output=True, check=True)
    assert b"D\x00\x00\x00\x01\x07" in done.stdout  # textual-serve sends what stands behind the length
    text = (browser.PAGE / "bell.js").read_text()
    assert "const BEL = 7;" in text
    assert "data.byteLength === 1" in text


@pytest.mark.parametrize(
    ("title", "shown"), [("beatline station", True), ("beatline station, silent", False)]
)
def test_a_page_says_that_it_has_no_sound_yet_unless_it_is_silent(title: str, shown: bool) -> None:
    """A browser lets nothing sound before somebody has touched the page."""

    async def script() -> None:
        server = browser.Loopback("true", host="127.0.0.1", port=0, title=title, templates_path=browser.PAGE)
        async with TestClient(TestServer(await server.make_app())) as client:
            assert client.port is not None
            server.port = client.port
            page = await client.get("/", headers={"Host": f"127.0.0.1:{client.port}"})
            text = await page.text()
            assert shown == ('<body class="-mute">' in text)
            assert "window.WebSocket = class" in text

    asyncio.run(script())


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Host": "{own}", "Origin": "http://evil.example"},
        {"Host": "{own}", "Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js"])
def test_other_pages_are_refused(path: str, headers: dict[str, str]) -> None:
    """A web page that somebody looks at must not read a ward, nor press its keys."""

    async def script() -> None:
        server = browser.Loopback("true", host="127.0.0.1", port=0, templates_path=browser.PAGE)
        async with TestClient(TestServer(await server.make_app())) as client:
            assert client.port is not None
            server.port = client.port
            sent = {key: value.format(own=f"127.0.0.1:{client.port}") for key, value in headers.items()}
            assert 403 == (await client.get(path, headers=sent)).status

    asyncio.run(script())


def test_a_port_that_is_taken_is_named() -> None:
    """One clear line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(FeedError, match="choose another --port"):
            browser.serve(["station"], port=taken.getsockname()[1])
