"""The widget that shows frames, writing to the terminal only the cells that changed.

Textual repaints a changed line from the widget's left edge on. Waves change in every line several times
a second, so between Textual's own repaints the difference of two frames goes straight to its driver.
Whatever Textual repaints itself (resizing, a panel that opens) it takes from the same frame.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from monitor.frame import Frame, changes
from monitor.inks import prefixes, styles

__all__ = ["Canvas"]

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"


class Canvas(Widget):
    """A picture of cells.

    Attributes
    ----------
    frame, scheme
        What is shown, and in which of `monitor.inks.SCHEMES`.
    n_painted
        How many times the terminal was written to.
    """

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; background: ansi_default; }"

    def __init__(self) -> None:
        super().__init__()
        self.frame = Frame(1, 1)
        self.scheme = "night"
        self.n_painted = 0

    def show(self, frame: Frame, scheme: str) -> None:
        """Show a frame from now on."""
        before, same = self.frame, scheme == self.scheme and frame.size == self.frame.size
        self.frame, self.scheme = frame, scheme
        if not same or frame.size != (self.size.width, self.size.height):
            self.refresh()
            return
        self._write(changes(before, frame, self._prefixes(), at=(self.region.x, self.region.y)))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of the frame; nothing of it is cached, as most of what is shown bypasses Textual."""
        lines = [self._line(y) for y in range(crop.y, crop.bottom)]
        return [line.crop_extend(crop.x, crop.right, None) for line in lines]

    def _line(self, y: int) -> Strip:
        if y >= self.frame.size[1]:
            return Strip.blank(self.frame.size[0])
        inks = styles(self.scheme)
        return Strip([Segment(text, inks[ink]) for text, ink in self.frame.runs(y)], self.frame.size[0])

    def _prefixes(self) -> Sequence[str]:
        return prefixes(self.scheme, self.app.console.color_system)

    def _write(self, text: str) -> None:
        driver = self.app._driver
        if text and driver is not None and not self.app.is_headless:
            driver.write(f"{_BEGIN}{text}\x1b[0m{_END}")
            driver.flush()
            self.n_painted += 1
