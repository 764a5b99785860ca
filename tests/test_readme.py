"""The README keeps its word: commands exist, the feeder is the one that is tested, pictures are there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from monitor.cli import app

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return every beatline command of the README's shell blocks and tables."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    quoted = re.findall(r"`(beatline [^`]+)`", TEXT)
    parts = [part.strip() for line in (*lines, *quoted) for part in line.split("&&")]
    return sorted({part for part in parts if part.startswith("beatline ")})


@pytest.mark.parametrize("command", commands())
def test_every_command_is_understood_as_it_stands(command: str) -> None:
    """What is copied from the README has all that it needs, and nothing that there is not."""
    arguments = shlex.split(command)[1:]
    found: Any = typer.main.get_command(app)
    while hasattr(found, "get_command") and arguments:
        name = arguments.pop(0)
        found = found.get_command(typer.Context(found), name)
        assert found is not None, f"{name} is no command"
    found.make_context(command, arguments).close()


@pytest.mark.parametrize(("language", "file"), [("python", "feeder.py"), ("js", "feeder.js")])
def test_the_feeders_are_the_ones_that_were_run(language: str, file: str) -> None:
    """A device maker copies what runs."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)
    assert block == (ROOT / "examples" / file).read_text(encoding="utf-8")


def test_every_linked_file_is_there() -> None:
    """No dead pictures or pages."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_no_placeholder_is_left() -> None:
    """Every figure is there."""
    assert "@@" not in TEXT
