"""The README keeps its word: commands exist, the feeder is the one that is tested, pictures are there."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

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
def test_every_command_and_option_exists(command: str) -> None:
    """What is copied from the README is understood."""
    arguments = [argument for argument in shlex.split(command)[1:] if argument not in ("...", "…")]
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert (result.exit_code, "Usage:" in result.output) == (0, True), result.output


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
