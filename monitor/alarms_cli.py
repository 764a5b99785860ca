"""``beatline alarms``: which alarms are in force, and a settings file to begin with."""

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from monitor import settings
from monitor.errors import StorageError
from monitor.names import BED_RULE, is_bed
from monitor.options import commands
from monitor.rules import Rule, as_json, rules
from monitor.settings_text import starting_file

__all__ = ["app", "init", "list_"]

app = commands("alarms", "Show which alarms are in force, and begin a settings file.")

_PIPED: Final = 250
"""Columns where nobody looks: each alarm on lines of its own, for grep."""


class Format(enum.StrEnum):
    """How a list is printed."""

    table = "table"
    json = "json"


@app.command("list")
def list_(
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="TOML file with settings, as the monitor takes it."),
    ] = None,
    bed: Annotated[
        str | None, typer.Option("--bed", metavar="NAME", help="What is in force for this bed.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.table,
) -> None:
    """List every alarm: what raises it, how urgent it is, whether it is on, and who set its figures.

    A bed's own table in the file wins over the environment, that over the file's tables for all beds.
    What a station changed while the monitor runs is shown by the station.

    [bold]Example:[/bold] beatline alarms list --config ward.toml --bed bed-3
    """
    if bed is not None and not is_bed(bed):
        raise typer.BadParameter(
            f"no device can call a bed so: expected {BED_RULE}, received {bed!r}", param_hint="--bed"
        )
    layers = settings.read(path=config)
    found = rules(settings.merge(layers), layers, bed=bed)
    if form is Format.json:
        sys.stdout.write(as_json(found) + "\n")
        return
    width = None if sys.stdout.isatty() else _PIPED
    Console(highlight=False, markup=False, width=width).print(_table(found))


@app.command()
def init(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="File to write. Default, and -: standard output."),
    ] = None,
) -> None:
    """Write a settings file in which every alarm key stands with its default, its range and its meaning.

    A file that exists is left as it is.

    [bold]Example:[/bold] beatline alarms init ward.toml
    """
    text = starting_file()
    if file is None or str(file) == "-":
        sys.stdout.write(text)
        return
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise StorageError(
            f"{file}: expected a file that does not exist yet, received one that does"
        ) from error
    except OSError as error:
        raise StorageError(f"cannot write {file}: {error.strerror or error}") from error
    Console(stderr=True, highlight=False, markup=False).print(f"written: {file}")


def _table(found: Sequence[Rule]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("alarm", no_wrap=True)
    table.add_column("priority", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("definition")
    for rule in found:
        state = ("latches" if rule.latches else "on") if rule.on else "off"
        said = [rule.definition] if rule.on else [rule.definition, f"off by {rule.switched_by}"]
        said += [
            f"{figure.key} = {figure.value:g} by {figure.source}, default {figure.default:g}"
            for figure in rule.figures
            if figure.source != "default"
        ]
        table.add_row(rule.kind, rule.priority, state, "\n".join(said))
    return table
