"""One self-contained HTML page: tables and pictures, nothing from outside, for screen, phone and paper.

On a narrow screen wide tables and pictures scroll by
themselves, so that what is written in them stays legible.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from monitor.storage import cannot_write

__all__ = ["Drawing", "Part", "Picture", "Section", "Stressed", "Table", "write_page"]

_CSS: Final = """
body { font: 15px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 1080px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.6em; margin-bottom: .2em; } h2 { font-size: 1.2em; margin: 2em 0 .4em; }
pre { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; background: #f3f3f3; padding: .6em .8em;
      white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .5em 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; padding-bottom: .3em; }
th, td { padding: .2em .7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
thead th { border-bottom: 2px solid #555; }
th:first-child, td:first-child { text-align: left; font-weight: normal; }
thead th:first-child { font-weight: bold; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
table.facts th { vertical-align: top; color: #555; }
figure { margin: .6em 0 1.2em; overflow-x: auto; } img { max-width: 100%; height: auto; }
figcaption { color: #555; } figure svg { display: block; width: 100%; height: auto; }
nav a { margin-right: 1em; display: inline-block; } a { color: #0072B2; }
p.say { border-left: 4px solid #0072B2; padding: .3em .8em; background: #f3f7fa; }
@media screen and (max-width: 640px) {
  body { margin: 1em auto; padding: 0 .8em; } figure img { max-width: none; width: 440px; }
  figure.wide img { width: 820px; } figure svg { width: 820px; }
  figcaption { position: sticky; left: 0; }
}
@media print {
  body { max-width: none; margin: 0; font-size: 12px; } figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; margin-top: 1.2em; } nav { display: none; }
  .scroll, figure { overflow: visible; } table { font-size: 10px; } th, td { padding: .2em .4em; }
  figure img { max-width: 12cm; max-height: 20cm; } figure.wide img { max-width: 100%; }
}
"""


_WIDE: Final = 1000
"""Pictures of more pixels are shown larger than a phone is wide."""


class Table(msgspec.Struct, frozen=True):
    """A table of texts; the first column is of names, the others of numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


class Picture(msgspec.Struct, frozen=True):
    """A PNG file, which is put into the page."""

    path: Path
    caption: str = ""


class Drawing(msgspec.Struct, frozen=True):
    """An SVG element of ours, which is put into the page as it is."""

    svg: str
    caption: str = ""


class Stressed(msgspec.Struct, frozen=True):
    """A paragraph that must not be overlooked."""

    text: str


Part: TypeAlias = str | Stressed | Table | Picture | Drawing | Mapping[str, str]
"""A paragraph, a table, a picture, a drawing, or facts: what is called how."""


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
    if isinstance(part, Stressed):
        return f'<p class="say">{escape(part.text)}</p>'
    if isinstance(part, Picture):
        return _figure(part)
    if isinstance(part, Drawing):
        return f"<figure>{part.svg}{_caption(part.caption)}</figure>"
    if isinstance(part, Table):
        caption = f"<caption>{escape(part.caption)}</caption>" if part.caption else ""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in part.head)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f'<div class="scroll">{table}</div>'
    facts = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in part.items())
    return f'<table class="facts"><tbody>{facts}</tbody></table>'


def _figure(part: Picture) -> str:
    content = part.path.read_bytes()
    data = base64.b64encode(content).decode("ascii")
    alt = escape(part.caption or part.path.stem, quote=True)
    width = int.from_bytes(content[16:20], "big")  # of the PNG's header
    wide = ' class="wide"' if width > _WIDE else ""
    return (
        f'<figure{wide}><img alt="{alt}" src="data:image/png;base64,{data}">{_caption(part.caption)}</figure>'
    )


def _caption(text: str) -> str:
    return f"<figcaption>{escape(text)}</figcaption>" if text else ""
