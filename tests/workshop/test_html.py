"""The page of a run needs nothing from outside, and says what it was given to say, escaped."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.workshop.tables import plain
from monitor.canvas import confusion
from monitor.errors import StorageError
from monitor.html_report import Part, Picture, Section, Stressed, Table, write_page


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what is opened."""
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        """Collect what is read."""
        self.texts.append(data.strip())


def test_the_page_needs_no_other_file(tmp_path: Path) -> None:
    """It is read offline: pictures lie in it, and it asks for no script, font or style elsewhere."""
    confusion([[1, 0], [0, 1]], "NV", "NV", tmp_path / "a.png")
    parts: list[Part] = [Picture(tmp_path / "a.png", "A picture."), Stressed("Mark this."), {"seed": "1"}]
    write_page(tmp_path / "deep" / "a.html", "A run", [Section("First", parts)], command="c")
    (tmp_path / "a.png").unlink()
    text = (tmp_path / "deep" / "a.html").read_text()
    page = Page(text)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert [] == re.findall(r"url\(|@import|https?://", text)
    assert 'name="viewport"' in text
    assert "@media print" in text


def test_what_is_said_is_escaped(tmp_path: Path) -> None:
    """Names of records and commands are text, whatever is in them."""
    table = Table(("a & b", "n"), [("<script>", "1")], "x < y")
    sections = [Section("S & V", ["<p>", table, Stressed("<b>"), {"<i>": "</td>"}])]
    write_page(tmp_path / "a.html", "<i>", sections, command="a <b")
    page = Page((tmp_path / "a.html").read_text())
    for text in ("<i>", "a <b", "S & V", "<p>", "a & b", "<script>", "x < y", "<b>", "</td>"):
        assert text in page.texts, text
    assert "script" not in page.tags


def test_a_page_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    """So is a picture that is not there."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        write_page(tmp_path / "file" / "a.html", "a", [], command="b")
    gone = [Section("a", [Picture(tmp_path / "gone.png")])]
    with pytest.raises(StorageError, match="cannot write"):
        write_page(tmp_path / "a.html", "a", gone, command="b")


def test_a_table_in_a_terminal_is_aligned() -> None:
    """Names to the left, numbers to the right, nothing behind the last."""
    table = Table(("", "beats", "F1"), [("N", "1,234", "9.5"), ("total", "5", "")], "A caption.")
    expected = "A caption.\n       beats   F1\nN      1,234  9.5\ntotal      5"
    assert expected == plain(table)
