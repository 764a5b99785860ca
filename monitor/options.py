"""Options that several commands share: one wording, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DataOption", "ModelOption"]

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of one database (such as mitdb). Default: BEATLINE_DATA, the cache, then PhysioNet.",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="Model artefact or run folder; one that serves as detector finds the beats, and the shipped one "
        "labels them. Default: the shipped one.",
    ),
]
