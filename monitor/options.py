"""What the commands share: options of one wording and one meaning, and how they are gathered."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigOption", "DataOption", "JobsOption", "ModelOption", "commands"]

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings, one table per section."),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of one database (such as mitdb). Default: BEATLINE_DATA, the cache, then PhysioNet.",
    ),
]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, help="Processes to use.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="Model artefact or run folder; one that serves as detector finds the beats, and the shipped one "
        "labels them. Default: the shipped one.",
    ),
]


def commands(name: str, what: str | None = None) -> typer.Typer:
    """Return what gathers the commands of a module, for the front door to mount.

    Parameters
    ----------
    what
        What several commands are for: shown where none of them is named. None: there is only one.
    """
    return typer.Typer(
        name=name,
        help=what,
        no_args_is_help=what is not None,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
