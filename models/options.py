"""What the commands of the workshop share: options of one wording, and how the beats asked for are loaded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec
import typer

if TYPE_CHECKING:
    from models.datasets import BeatSet, DataOptions

__all__ = [
    "ARCHES",
    "AUGMENT_HELP",
    "LOSSES",
    "LOSS_HELP",
    "FolderOption",
    "RowsOption",
    "data_options",
    "load_beats",
]

ARCHES: Final = ("cnn", "lstm", "cnn_lstm", "kachuee", "deep_cnn")
"""`models.networks.NETWORKS`, for help that loads nothing."""
LOSSES: TypeAlias = Literal["weighted", "balanced", "focal", "plain"]
"""`models.workshop.fit.Loss`."""
LOSS_HELP: Final = "Cross-entropy, rare classes weighing more; balanced: each shown as often; or others."
AUGMENT_HELP: Final = "Done to what is trained on: stretch, scale, wander, noise, flip, rotate, or all."

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data set. Default: its own in BEATLINE_DATA or the cache, then PhysioNet.",
    ),
]
RowsOption = Annotated[int | None, typer.Option(min=1, help="Beats at most, evenly out of all: a quick try.")]


def data_options(texts: list[str], **given: str | int | None) -> "DataOptions":
    """Return what is asked of a data set, out of ``NAME=VALUE`` and of options that are given by name.

    Raises
    ------
    typer.BadParameter
        A name is unknown, or a value is not one of its kind.
    """
    from models.datasets import DataOptions

    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected NAME=VALUE, received {text!r}", param_hint="--option")
        wanted[name.strip().replace("-", "_")] = value.strip()
    try:
        return msgspec.convert(wanted, DataOptions, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(DataOptions.__struct_fields__)
        raise typer.BadParameter(f"expected values of {names}: {error}", param_hint="--option") from error


def load_beats(dataset: str, data: Path | None, options: "DataOptions") -> "BeatSet":
    """Load a data set under a progress bar."""
    from models.datasets import load
    from models.progress import Progress

    with Progress() as progress:
        return load(dataset, data=data, options=options, report=progress)
