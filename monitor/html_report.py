"""One self-contained HTML page: tables and pictures, nothing from outside, readable on paper."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from monitor.storage import cannot_write

__all__ = ["Part", "Picture", "Section", "Table", "write_page"]

_CSS: Final = """
body { font: 15px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 1080px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.6em; margin-bottom: .2em; } h2 { font-size: 1.2em; margin: 2em 0 .4em; }
code, pre { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; background: #f3f3f3; }
pre { padding: .6em .8em; overflow-x: auto; } code { padding: 0 .25em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .5em 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; padding-bottom: .3em; }
th, td { padding: .2em .7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th { border-bottom: 2px solid #555; } th:first-child, td:first-child { text-align: left; }
figure { margin: .6em 0 1.2em; } img { max-width: 100%; height: auto; } figcaption { color: #555; }
nav a { margin-right: 1em; } a { color: #0072B2; }
@media print { h2, figure, tr { break-inside: avoid; } nav { display: none; } }
"""


class Table(msgspec.Struct, frozen=True):
    """A table of texts; the first column is of names, the others of numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


class Picture(msgspec.Struct, frozen=True):
    """A PNG file, which is put into the page."""

    path: Path
    caption: str = ""


Part: TypeAlias = str | Table | Picture
"""A paragraph, a table or a picture."""


class Section(msgspec.Struct, frozen=True):
    """A heading and what stands below it."""

    heading: str
    parts: Sequence[Part]


def write_page(path: Path, title: str, sections: Sequence[Section], *, command: str) -> None:
    """Write a page that needs no other file.

    Parameters
    ----------
    command
        What made it, shown below the title so that anyone can make it again.

    Raises
    ------
    StorageError
        The page cannot be written, or a picture not read.
    """
    head = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body>"
    )
    links = " ".join(f'<a href="#s{i}">{escape(section.heading)}</a>' for i, section in enumerate(sections))
    parts = [head, f"<h1>{escape(title)}</h1>", f"<pre>{escape(command)}</pre>", f"<nav>{links}</nav>"]
    try:
        for i, section in enumerate(sections):
            parts.append(f'<h2 id="s{i}">{escape(section.heading)}</h2>')
            parts += map(_html, section.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*parts, "</body></html>\n"]), encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def _html(part: Part) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, Picture):
        data = base64.b64encode(part.path.read_bytes()).decode("ascii")
        caption = f"<figcaption>{escape(part.caption)}</figcaption>" if part.caption else ""
        alt = escape(part.caption or part.path.stem, quote=True)
        return f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">{caption}</figure>'
    caption = f"<caption>{escape(part.caption)}</caption>" if part.caption else ""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in part.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll">{table}</div>'
