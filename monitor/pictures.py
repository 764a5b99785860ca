"""Pictures of the screen for the README: the very frames that a terminal gets, as SVG."""

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from monitor.display import Look, render
from monitor.errors import StorageError
from monitor.snapshots import WardSnapshot

__all__ = ["write_svg"]

_THEME = TerminalTheme(
    (12, 14, 18),
    (214, 218, 224),
    [
        (12, 14, 18),
        (205, 49, 49),
        (57, 200, 110),
        (229, 192, 74),
        (72, 126, 220),
        (196, 98, 196),
        (60, 190, 210),
        (200, 204, 210),
    ],
    [
        (122, 130, 142),
        (255, 90, 90),
        (90, 235, 140),
        (255, 214, 90),
        (110, 160, 250),
        (230, 130, 230),
        (100, 225, 240),
        (245, 247, 250),
    ],
)


def write_svg(
    ward: WardSnapshot, size: tuple[int, int], path: Path, *, now_ns: int, look: Look | None = None
) -> None:
    """Draw a ward as a terminal of ``size`` (columns, rows) would show it at ``now_ns``.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    console = Console(
        file=io.StringIO(),
        record=True,
        width=size[0],
        height=size[1],
        color_system="truecolor",
        force_terminal=True,
        no_color=False,
        legacy_windows=False,
    )
    console.print(render(ward, size, now_ns, look=look), end="")
    svg = console.export_svg(title=f"beatline {size[0]}x{size[1]}", theme=_THEME, unique_id="beatline")
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"picture {path} cannot be written: {error.strerror}") from error
