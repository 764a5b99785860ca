"""The station: Textual around pure pictures, pulling from a monitor at its own rate.

One task pulls, draws and waits for the next tick; keys are obeyed and drawn at once. Nothing here
changes the monitor but the commands that it may refuse.
"""

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Protocol

import msgspec
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.css.query import NoMatches

from monitor import link, snapshots
from monitor.errors import WireError
from monitor.events import Notice
from monitor.signals import Bell
from monitor.snapshots import TrendPoint, WardSnapshot
from monitor.station.canvas import Canvas
from monitor.station.draw import draw
from monitor.station.happenings import Memory
from monitor.station.line import LineState
from monitor.station.panels import Help, Limits
from monitor.station.scene import Attached, Scene, Tiles, call, kept
from monitor.station.state import Command, State, Wall, pressed
from monitor.vitals import KEEP_S
from monitor.waves import CELL_MM

__all__ = ["Options", "Source", "Station"]

_NAMED: Final = ("space", "enter", "up", "down", "left", "right", "home", "end", "question_mark", "plus")
_ENTRIES: Final = 500
"""Events taken at a time: what a monitor remembers of hours must not hold up beds when a station comes."""
_BELL_S: Final = 0.05
_TREND_S: Final = 10.0
"""How often trends are asked for: they change once a minute."""
_MESSAGE_S: Final = 6.0
"""How long a line for the person here stands."""
_WAVE_S: Final = 1.0
"""More waveform than is seen, so that none is missing at the edge."""


class Source(Protocol):
    """What a station asks of its line to a monitor; see `monitor.station.line.Line`."""

    state: LineState
    welcome: link.Welcome | None
    refused: str
    anew: bool
    awaited: bool

    @property
    def trouble(self) -> str:
        """Why nothing comes."""

    def ask(self, pull: link.Pull) -> None:
        """Ask for what is new."""

    def tell(self, command: link.Request) -> bool:
        """Send a command."""

    async def answer(self, seconds: float) -> link.Update | None:
        """Wait for an answer."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a station is run.

    Attributes
    ----------
    by
        Who acknowledges, as others will read it.
    control
        Whether this station gives commands at all.
    frames_per_s
        How often it pulls and draws.
    silent
        It does not ring.
    """

    by: str = ""
    control: bool = False
    frames_per_s: float = 8.0
    silent: bool = False


class Station(App[int]):
    """The app.

    Parameters
    ----------
    source
        The line to the monitor.
    state
        What is looked at to begin with.
    options
        How it is run.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    Help, Limits { width: 44; max-width: 50%; padding: 0 1; border-left: solid ansi_bright_black; }
    Help, Limits { background: ansi_default; }
    Input { background: ansi_default; }
    #problem { color: ansi_bright_red; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"press('{key}')", show=False) for key in "aAPfrtelsgcbhwq0123456789"),
        *(Binding(key, f"press('{key}')", show=False) for key in _NAMED),
        Binding("escape", "press('escape')", show=False, priority=True),
        Binding("ctrl+c", "press('q')", show=False, priority=True),
    ]

    def __init__(self, source: Source, state: State, options: Options) -> None:
        super().__init__(ansi_color=True)
        self.state = state
        self.ward = WardSnapshot()
        self.memory = Memory()
        self.tiles = Tiles()
        self._source = source
        self._options = options
        self._trends: dict[str, tuple[TrendPoint, ...]] = {}
        self._trend_due = 0.0
        self._last = 0
        self._pulled_s = 0.0
        self._dismissed: frozenset[str] = frozenset()
        self._message, self._message_until = "", 0.0
        self._bell = Bell()
        self._hurry = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Yield the picture; panels are mounted beside it when they are wanted."""
        with Horizontal():
            yield Canvas()

    def on_mount(self) -> None:
        """Begin to pull, and to ring."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, 0)
        self.run_worker(self._follow(), name="follow", exit_on_error=True)
        if not self._options.silent:
            self.set_interval(_BELL_S, self._ring)

    async def on_unmount(self) -> None:
        """Let go of the monitor, which goes on."""
        self._source.close()

    def on_resize(self, _: events.Resize) -> None:
        """Draw anew once the picture has its size."""
        self.call_after_refresh(self.paint)

    def on_click(self, event: events.Click) -> None:
        """Choose the bed that is clicked at, on the second click large."""
        for name, area in self.tiles.places:
            if area.holds(event.screen_x, event.screen_y):
                again = self.state.selected == name and self.state.view == "wall"
                self.state = replace(self.state, selected=name, view="bed" if again else self.state.view)
                self.paint()

    async def action_press(self, key: str) -> None:
        """Do what a key says, and show it at once."""
        names = tuple(bed.bed for bed in self.ward.beds)
        before = self._panel_of(self.state)
        self.state, command = pressed(self.state, key, Wall(names, self.tiles.across, self.ward))
        if self._panel_of(self.state) != before:
            await self._open_panel()
        if self.state.view == "trends" and not self._trends:
            self._trend_due = 0.0
            self._hurry.set()
        self._obey(command)
        self.paint()

    def on_limits_wanted(self, message: Limits.Wanted) -> None:
        """Ask the monitor for other limits."""
        self._tell(link.SetLimits(message.bed, message.limits, self._options.by))

    def say(self, text: str) -> None:
        """Show a line for some seconds."""
        self._message, self._message_until = text, time.monotonic() + _MESSAGE_S

    def scene(self) -> Scene:
        """Return all that is drawn now."""
        source = self._source
        welcome = source.welcome
        attached = Attached(
            name=welcome.name if welcome else "",
            control=self._options.control and welcome is not None and welcome.control,
            up=source.state == "up",
            trouble=source.trouble,
        )
        return Scene(
            state=self.state,
            ward=self.ward,
            attached=attached,
            trends=self._trends,
            history=self.memory.happenings,
            strips=self.memory.strips,
            message=self._message if time.monotonic() < self._message_until else "",
            silent=self._options.silent,
        )

    def paint(self) -> None:
        """Draw what is known now."""
        with contextlib.suppress(NoMatches):
            canvas = self.query_one(Canvas)
            frame, self.tiles = draw(self.scene(), (canvas.size.width, canvas.size.height), time.time_ns())
            canvas.show(frame, self._scheme())

    async def _follow(self) -> None:
        """Pull and draw, tick by tick."""
        due = time.monotonic()
        while True:
            interval_s = 1.0 if self.state.calm else 1 / self._options.frames_per_s
            due = max(due + interval_s, time.monotonic())
            self._hurry.clear()
            self._source.ask(self._pull())
            update = await self._source.answer(interval_s / 2)
            if update is not None:
                self._take(update)
            if self._source.state != "up":
                self._lost()
            if self._source.refused:
                self.say(f"! {self._source.refused}")
                self._source.refused = ""
            self.paint()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), max(0.001, due - time.monotonic()))

    def _pull(self) -> link.Pull:
        """Return what is wanted next: the waves that are seen, or those that a strip still lacks."""
        if self._source.anew:
            self._source.anew = False
            self._last, self._dismissed = 0, frozenset()
        width = max(1, self.size.width)
        seen_s = width * CELL_MM[0] / self.state.speed + _WAVE_S
        if not self._source.awaited:
            self._pulled_s = min(KEEP_S, max(seen_s, self.memory.wants(self.ward)))
        trend = self.state.view == "trends" and time.monotonic() >= self._trend_due
        return link.Pull(after=self._last, seconds=self._pulled_s, limit=_ENTRIES, trend=trend)

    def _take(self, update: link.Update) -> None:
        self._last = update.last
        self.memory.push(update.entries)
        for entry in update.entries:
            if isinstance(entry.event, Notice) and entry.event.text.startswith("limits"):
                self.say(f"! {entry.bed}: {entry.event.text}")
                for panel in self.query(Limits):
                    panel.say(entry.event.text)
        if not update.ward:
            return
        try:
            ward = snapshots.decode(update.ward)
        except WireError as error:
            self.say(f"! the monitor is of another version: {error}")
            return
        self.memory.cut(ward, seconds=self._pulled_s)
        self._dismissed -= {bed.bed for bed in ward.beds}
        if any(bed.trend for bed in ward.beds):
            self._trends = {bed.bed: bed.trend for bed in ward.beds}
            self._trend_due = time.monotonic() + _TREND_S
        self.ward = kept(self.ward, ward, self._dismissed)
        if self.ward.beds and self.state.selected not in {bed.bed for bed in self.ward.beds}:
            self.state = replace(self.state, selected=self.ward.beds[0].bed)

    def _lost(self) -> None:
        """Keep what was shown, and its alarms; nothing of it is current."""
        self.memory.forget_due()
        if self._source.state == "silent":
            return
        beds = tuple(_gone(bed) for bed in self.ward.beds)
        self.ward = msgspec.structs.replace(self.ward, beds=beds)

    def _obey(self, command: Command) -> None:
        bed = self.scene().chosen
        name = bed.bed if bed is not None else None
        by = self._options.by
        match command:
            case "quit":
                self.exit(0)
            case "acknowledge" if bed is not None and not any(not a.acknowledged for a in bed.alarms):
                self.say(f"{bed.bed} has nothing to acknowledge: choose a bed, or A for all")
            case "acknowledge":
                self._dismiss(name)
                self._tell(link.Acknowledge(bed=name, by=by))
            case "acknowledge all":
                self._dismiss(None)
                self._tell(link.Acknowledge(by=by))
            case "pause":
                self._tell(link.PauseAudio(bed=name, on=bed is None or bed.audio_pause_s <= 0, by=by))
            case "pause all":
                on = not all(bed.audio_pause_s > 0 for bed in self.ward.beds)
                self._tell(link.PauseAudio(on=on, by=by))

    def _dismiss(self, name: str | None) -> None:
        """Let beds go that the monitor has not any more."""
        names = {bed.bed for bed in self.ward.beds if name in (None, bed.bed)}
        self._dismissed |= frozenset(names)

    def _tell(self, command: link.Request) -> None:
        welcome = self._source.welcome
        if not self._options.control:
            self.say("! read only: start the station with --control to acknowledge, pause and set limits")
        elif welcome is not None and not welcome.control:
            self.say("! read only: the monitor was started without --allow-control")
        elif not self._source.tell(command):
            self.say("! nobody has heard that: the monitor is not there")
        self._hurry.set()

    @staticmethod
    def _panel_of(state: State) -> tuple[str, str]:
        return state.panel, state.selected if state.panel == "limits" else ""

    async def _open_panel(self) -> None:
        await self.query("Help, Limits").remove()
        panel: Any = None
        bed = self.scene().chosen
        if self.state.panel == "help":
            panel = Help()
        elif self.state.panel == "limits" and bed is not None:
            panel = Limits(bed, may=self.scene().attached.control)
        if panel is not None:
            await self.query_one(Horizontal).mount(panel)
        self.call_after_refresh(self.paint)

    def _ring(self) -> None:
        if self._bell.due(call(self.ward), time.monotonic()):
            self.bell()

    def _scheme(self) -> str:
        return "mono" if self.no_color else self.state.scheme


def _gone(bed: snapshots.BedSnapshot) -> snapshots.BedSnapshot:
    return bed if bed.connection == "lost" else msgspec.structs.replace(bed, connection="lost")
