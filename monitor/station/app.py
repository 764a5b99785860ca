"""The station: Textual around pure pictures, pulling from a monitor at its own rate.

One task pulls, draws and waits for the next tick; keys are obeyed and drawn at once. Nothing here
changes the monitor but the commands that it may refuse.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from rich.console import RenderableType
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.css.query import NoMatches

from monitor import link
from monitor.announcing import sounding
from monitor.display import MIN_SIZE
from monitor.errors import StorageError
from monitor.signals import Bell
from monitor.station.canvas import Canvas
from monitor.station.draw import draw
from monitor.station.happenings import AlarmStrip, Happening
from monitor.station.numbers import Numbers
from monitor.station.panels import Help, Limits
from monitor.station.scene import Attached, Scene, Tiles
from monitor.station.state import Command, State, Wall, pressed
from monitor.station.watch import Source, Watch
from monitor.waves import CELL_MM

__all__ = ["Options", "Station"]

_NAMED: Final = ("space", "enter", "up", "down", "left", "right", "home", "end", "question_mark", "plus")
_BELL_S: Final = 0.05
_PANEL: Final = (22, 44)
"""Columns of a panel: at least, and where there is room."""
_CALM_S: Final = 1.0
"""Between two pictures with reduced motion."""
_RECALL_S: Final = 10.0
"""How often the store is asked for strips while these are looked at."""
_MESSAGE_S: Final = 6.0
"""How long a line for the person here stands."""
_WAVE_S: Final = 1.0
"""More waveform than is seen, so that none is missing at the edge."""


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
    store
        Path or URL of an event store to recall strips from; empty for the one that the monitor names.
    """

    by: str = ""
    control: bool = False
    frames_per_s: float = 8.0
    silent: bool = False
    store: str = ""


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
    Help, Limits { width: 44; padding: 0 1; border-left: solid ansi_bright_black; }
    Help, Limits { background: ansi_default; }
    Input { background: ansi_default; }
    #problem { color: ansi_bright_red; margin-top: 1; width: 100%; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"press('{key}')", show=False) for key in "aAPfrtelsgcbhwq0123456789"),
        *(Binding(key, f"press('{key}')", show=False) for key in _NAMED),
        Binding("escape", "press('escape')", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("ctrl+c", "press('q')", show=False, priority=True),
    ]

    def __init__(self, source: Source, state: State, options: Options) -> None:
        super().__init__(ansi_color=True)
        self.state = state
        self.known = Watch()
        self.tiles = Tiles()
        self.numbers = Numbers()
        self._source = source
        self._options = options
        self._message, self._message_until = "", 0.0
        self._bell = Bell()
        self._recall_due = 0.0
        self._held: tuple[Sequence[Happening], Sequence[AlarmStrip]] = ((), ())
        self._hurry = asyncio.Event()
        self._leaving = False

    def compose(self) -> ComposeResult:
        """Yield the picture; panels are mounted beside it when they are wanted."""
        with Horizontal():
            yield Canvas()

    def on_mount(self) -> None:
        """Begin to pull, and to ring."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, 0)
        self._follow()
        if not self._options.silent:
            self.set_interval(_BELL_S, self._ring)

    async def on_unmount(self) -> None:
        """Let go of the monitor, which goes on."""
        self._source.close()

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """End; what is pressed after that is not obeyed."""
        self._leaving = True
        super().exit(result, return_code, message)

    async def on_event(self, event: events.Event) -> None:
        """Take an event; not a key that comes while this leaves, whose place is going."""
        if not (self._leaving and isinstance(event, events.InputEvent)):
            await super().on_event(event)

    async def on_resize(self, event: events.Resize) -> None:
        """Draw anew once the picture has its size; a panel for which there is no more room is closed."""
        self._give_way(event.size.width)
        if not self.state.panel:
            await self._close_panel()
        self._share(event.size.width)
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
        if self._leaving:
            return
        if not self.numbers.settled(key, time.monotonic()):
            self.say("! the beds have moved: look again, then press")
            self.paint()
            return
        before = self._panel
        wall = Wall(self.numbers.names, self.tiles.across, self.known.ward)
        self.state, command = pressed(self.state, key, wall)
        self._give_way(self.size.width)
        self._obey(command)
        self._hold()
        self.paint()
        if self._panel != before and not self._leaving:
            await self._open_panel()
        if self.state.view == "trends":
            self._hurry.set()

    def on_limits_wanted(self, message: Limits.Wanted) -> None:
        """Ask the monitor for other limits."""
        self._tell(link.SetLimits(message.bed, message.limits, self._options.by))

    def say(self, text: str) -> None:
        """Show a line for some seconds."""
        self._message, self._message_until = text, time.monotonic() + _MESSAGE_S
        for panel in self.query(Limits):
            panel.say(text)

    def scene(self) -> Scene:
        """Return all that is drawn now."""
        welcome = self._source.welcome
        attached = Attached(
            name=welcome.name if welcome else "",
            control=self._options.control and welcome is not None and welcome.control,
            up=self._source.state == "up",
            trouble=self._source.trouble,
        )
        return Scene(
            state=self.state,
            ward=self.known.ward,
            gone=self.known.gone,
            attached=attached,
            trends=self.known.trends,
            history=self._held[0],
            strips=self._held[1],
            message=self._message if time.monotonic() < self._message_until else "",
            silent=self._options.silent,
        )

    def paint(self) -> None:
        """Draw what is known now."""
        with contextlib.suppress(NoMatches):
            canvas = self.query_one(Canvas)
            scene = self.scene()
            frame, self.tiles = draw(scene, (canvas.size.width, canvas.size.height), time.time_ns())
            self.numbers.drawn([bed.bed for bed in scene.ward.beds], time.monotonic())
            canvas.show(frame, "mono" if self.no_color else self.state.scheme)

    @work(name="follow", exit_on_error=True)
    async def _follow(self) -> None:
        """Pull and draw, tick by tick."""
        due = time.monotonic()
        while True:
            interval_s = _CALM_S if self.state.calm else 1 / self._options.frames_per_s
            due = max(due + interval_s, time.monotonic())
            self._hurry.clear()
            seen_s = max(1, self.size.width) * CELL_MM[0] / self.state.speed + _WAVE_S
            trend = self.state.view == "trends"
            self._source.ask(self.known.pull(self._source, seconds=seen_s, trend=trend))
            update = await self._source.answer(interval_s / 2)
            if update is not None:
                for line in self.known.take(update):
                    self.say(line)
                for panel in self.query(Limits):
                    panel.renew(self.known.ward)
            if self._source.state != "up":
                self.known.lost()
            if self._source.refused:
                self.say(f"! {self._source.refused}")
                self._source.refused = ""
            self._choose()
            self._hold()
            self.paint()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), max(0.001, due - time.monotonic()))

    def _hold(self) -> None:
        """Bring the lists up to date, unless somebody has gone down in one: it then stands still."""
        if self.state.view == "strips" and time.monotonic() >= self._recall_due:
            self._recall_due = time.monotonic() + _RECALL_S
            self._recall()
        if self.state.view not in ("strips", "alarms") or self.state.cursor == 0:
            strips = self.known.strips if self.state.view == "strips" else ()
            self._held = (tuple(self.known.memory.happenings), tuple(strips))

    def _choose(self) -> None:
        """Choose the first bed where the chosen one is not there."""
        names = [bed.bed for bed in self.known.ward.beds]
        if names and self.state.selected not in names:
            if self.state.selected:
                self.numbers.rechosen(time.monotonic())
            self.state = replace(self.state, selected=names[0])

    def _obey(self, command: Command) -> None:
        bed, by = self.scene().chosen, self._options.by
        name = None if bed is None else bed.bed
        match command:
            case "quit":
                self.exit(0)
            case "acknowledge" | "pause" if bed is None:
                self.say("no bed is chosen: A and P are for all")
            case "acknowledge" if name in self.known.gone:
                self.known.dismiss(name)
                self._choose()
            case "acknowledge" if bed is not None and all(alarm.acknowledged for alarm in bed.alarms):
                self.say(f"{bed.bed} has nothing to acknowledge: choose a bed, or A for all")
            case "acknowledge":
                self._tell(link.Acknowledge(bed=name, by=by))
            case "acknowledge all":
                self.known.dismiss(None)
                self._tell(link.Acknowledge(by=by))
            case "pause" if bed is not None:
                self._tell(link.PauseAudio(bed=name, on=bed.audio_pause_s <= 0, by=by))
            case "pause all":
                there = (bed for bed in self.known.ward.beds if bed.bed not in self.known.gone)
                on = not all(bed.audio_pause_s > 0 for bed in there)
                self._tell(link.PauseAudio(on=on, by=by))

    def _tell(self, command: link.Request) -> None:
        welcome = self._source.welcome
        if not self._options.control:
            self.say("! read only: start the station with --control to acknowledge, pause and set limits")
        elif welcome is not None and not welcome.control:
            self.say("! read only: the monitor was started without --allow-control")
        elif not self._source.tell(command):
            self.say("! nobody has heard that: the monitor is not there")
        self._hurry.set()

    @property
    def _panel(self) -> tuple[str, str]:
        """What stands beside the picture, and of which bed."""
        return self.state.panel, self.state.selected if self.state.panel == "limits" else ""

    async def _open_panel(self) -> None:
        await self._close_panel()
        bed = self.scene().chosen
        panel: Help | Limits | None = None
        if self.state.panel == "help":
            panel = Help()
        elif self.state.panel == "limits" and bed is not None:
            panel = Limits(bed, may=self.scene().attached.control)
        if panel is not None and not self._leaving:
            await self.query_one(Horizontal).mount(panel)
            self._share(self.size.width)
        self.call_after_refresh(self.paint)

    async def _close_panel(self) -> None:
        await self.query("Help, Limits").remove()

    def _share(self, width: int) -> None:
        """Give a panel what the beds do not need."""
        for panel in self.query("Help, Limits"):
            panel.styles.width = min(_PANEL[1], width - MIN_SIZE[0])

    def _give_way(self, width: int) -> None:
        """Want no panel where the beds need the room: what cannot be seen must not take keys."""
        least = MIN_SIZE[0] + _PANEL[0]
        if self.state.panel and width < least:
            self.state = replace(self.state, panel="")
            self.say(f"! no room: expected {least} columns, received {width}")

    @work(group="recall", exclusive=True)
    async def _recall(self) -> None:
        """Read the store's strips beside the picture: a slow disk holds nothing up."""
        place = self._options.store or (self._source.welcome.store if self._source.welcome else "")
        if not place:
            return
        from monitor.station.recall import recalled

        try:
            self.known.recalled = await asyncio.to_thread(recalled, place)
        except StorageError as error:
            self.say(f"! {error}")

    def _ring(self) -> None:
        if self._bell.due(sounding(*self.known.ward.beds), time.monotonic()):
            self.bell()
