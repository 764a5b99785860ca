"""Options that several commands share: one wording, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigOption", "DataOption", "JobsOption", "ModelOption"]

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
