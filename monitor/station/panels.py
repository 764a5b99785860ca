"""What stands beside the picture, never over it: alarms stay in sight while somebody reads or types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Label, Static

from monitor.errors import SettingsError
from monitor.settings import AlarmSettings, changed
from monitor.snapshots import BedSnapshot, WardSnapshot

__all__ = ["HELP", "Help", "Limits", "checked"]

HELP: Final = """\
[b]Keys[/b]
[b]1-9[/b]      bed 1 to 9, large
[b]arrows[/b]   from bed to bed; in lists up, down
[b]enter[/b]    chosen bed large, and back
[b]escape[/b]   back to the wall
[b]a[/b]        acknowledge the chosen bed's alarms
[b]A[/b]        acknowledge all beds
[b]space[/b]    pause the chosen bed's sound, or end it
[b]P[/b]        pause the sound of all beds
[b]f[/b]        freeze the waves; alarms go on
[b]r[/b]        strips around alarms
[b]t[/b]        trends; [b]+[/b] changes the hours
[b]e[/b]        alarm list
[b]l[/b]        limits of the chosen bed
[b]s[/b]        25 or 50 mm/s
[b]g[/b]        gain: auto, 5, 10, 20 mm/mV
[b]c[/b]        colours: night, day, safe, mono
[b]b[/b]        braille, block or ASCII
[b]?[/b]        this help
[b]q[/b]        leave; the monitor goes on

[b]Signs[/b]
[b]***[/b] high  [b]**[/b] medium  [b]*[/b] low  [b]![/b] technical
(latched): over, stays until acknowledged
N S V F Q: labels of beats; · not yet known
mm are for cells of 2 x 4 mm

Research software, no medical device.
"""

_NAMES: Final = {
    "high_rate_bpm": "High rate, bpm",
    "low_rate_bpm": "Low rate, bpm",
    "extreme_tachy_bpm": "Extreme tachy, bpm",
    "extreme_brady_bpm": "Extreme brady, bpm",
    "asystole_s": "Asystole, s",
    "pause_s": "Pause, s",
    "pvc_per_min": "PVC per minute",
}
_FIGURES: Final = frozenset("0123456789.")


class Help(VerticalScroll):
    """The keys and the signs."""

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield Static(HELP)


class Figure(Input):
    """A field for a number; every other key is the station's: alarms can be acknowledged meanwhile."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key is for this field."""
        return super().check_consume_key(key, character) and character in _FIGURES

    def on_key(self, event: Key) -> None:
        """Keep other keys from being typed: they go on to the station; delete at once.

        As a binding a key would go all the way to the app first: where many come together, as over a slow
        line, what was typed after it would be deleted.
        """
        deletes = {"backspace": self.action_delete_left, "delete": self.action_delete_right}
        if event.key in deletes:
            deletes[event.key]()
            event.stop()
        if event.key in deletes or (event.is_printable and event.character not in _FIGURES):
            event.prevent_default()


class Limits(VerticalScroll):
    """The editor of one bed's limits: enter sets them, escape leaves.

    Parameters
    ----------
    bed
        Whose limits; what stands in the fields is in force, until somebody types something else.
    may
        Whether this station may change them.
    """

    @dataclass
    class Wanted(Message):
        """These limits are to be set."""

        bed: str
        limits: dict[str, float]

    def __init__(self, bed: BedSnapshot, *, may: bool) -> None:
        super().__init__()
        self._bed = bed
        self._may = may
        self._put = {key: f"{value:g}" for key, value in bed.limits.items()}

    def compose(self) -> ComposeResult:
        """Yield one field per limit."""
        yield Label(f"[b]Limits of {self._bed.bed.replace('[', '(')}[/b]")
        yield Label(
            "enter sets, tab next, escape leaves" if self._may else "read only: they cannot be set here"
        )
        for key, text in self._put.items():
            field = Figure(text, id=key, type="number", compact=True, disabled=not self._may)
            field.border_title = _NAMES.get(key, key)
            yield Label(_NAMES.get(key, key))
            yield field
        yield Label("", id="problem")

    def on_mount(self) -> None:
        """Begin at the first field."""
        if self._may and self._bed.limits:
            self.query(Input).first().focus()

    def renew(self, ward: WardSnapshot) -> None:
        """Go by what is in force now; a field in which nobody has typed shows it."""
        now = next((bed for bed in ward.beds if bed.bed == self._bed.bed), self._bed)
        before, self._bed = self._bed.limits, now
        for field in self.query(Input):
            key = field.id or ""
            if key not in now.limits or now.limits[key] == before.get(key):
                continue
            typed = field.value != self._put[key]
            self._put[key] = f"{now.limits[key]:g}"
            if not typed:
                field.value = self._put[key]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Check all fields, and ask for what is not in force, or will not be once the last wish is heard."""
        event.stop()
        typed = {field.id or "": field.value for field in self.query(Input)}
        settled = {
            key: float(self._put[key])
            for key, value in self._bed.limits.items()
            if self._put.get(key) == f"{value:g}"
        }
        limits, problem = checked(typed, settled)
        self.say(problem or ("asked for" if limits else "nothing changed"))
        if limits and not problem:
            self._put |= {key: typed[key] for key in limits}
            self.post_message(self.Wanted(self._bed.bed, limits))

    def say(self, text: str) -> None:
        """Write a line below the fields."""
        self.query_one("#problem", Label).update(text.replace("[", "("))


def checked(typed: Mapping[str, str], known: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Return the limits that differ from those in force, and what is wrong with them.

    The monitor checks them again; this only spares a way for what cannot be.
    """
    values: dict[str, float] = {}
    for key, text in typed.items():
        try:
            values[key] = float(text)
        except ValueError:
            return {}, f"{_NAMES.get(key, key)}: expected a number, received {text!r}"
    try:
        changed(AlarmSettings(), values)
    except SettingsError as error:
        return {}, str(error)
    return {key: value for key, value in values.items() if value != known.get(key)}, ""
