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
    "OPTIONS",
    "OPTION_HELP",
    "FolderOption",
    "OptionOption",
    "RowsOption",
    "data_options",
    "load_beats",
    "undivided",
]

ARCHES: Final = ("cnn", "lstm", "cnn_lstm", "kachuee", "deep_cnn")
"""`models.networks.NETWORKS`, for help that loads nothing."""
LOSSES: TypeAlias = Literal["weighted", "balanced", "focal", "plain"]
"""`models.workshop.fit.Loss`."""
OPTIONS: Final = {
    "records": "NAMES",
    "plain": "true|false",
    "rows": "INT",
    "leads": "INT",
    "fs": "NUMBER",
    "n_pre": "INT",
    "n_post": "INT",
    "scaling": "unit|millivolt",
    "length_rr": "NUMBER",
    "recipe": "published|paper|served",
    "balanced": "true|false",
    "task": "arrhythmia|infarction",
    "strict": "true|false",
}
"""The fields of `models.datasets.DataOptions` and their kinds; a data set refuses those it does not use."""
OPTION_HELP: Final = f"What else is asked: {', '.join(f'{k}={v}' for k, v in OPTIONS.items())}."
LOSS_HELP: Final = "Cross-entropy, rare classes weighing more; balanced: each shown as often; or others."
AUGMENT_HELP: Final = "Done to what is trained on: stretch, scale, wander, noise, flip, rotate, or all."

OptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help=OPTION_HELP,
    ),
]
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
    for name, value in wanted.items():
        _check(name, value)
    return msgspec.convert(wanted, DataOptions, strict=False)


def _check(name: str, value: str | int) -> None:
    """Raise `typer.BadParameter` unless a data set may be asked for this."""
    from models.datasets import DataOptions

    if name not in OPTIONS:
        raise typer.BadParameter(
            f"expected names out of {', '.join(OPTIONS)}, received {name!r}", param_hint="--option"
        )
    try:
        msgspec.convert({name: value}, DataOptions, strict=False)
    except msgspec.ValidationError as error:
        # What a count is below is said by the options themselves; of a kind msgspec does not name the others.
        told = str(error.__cause__ or f"{name}: expected {OPTIONS[name]}, received {value!r}")
        raise typer.BadParameter(told, param_hint="--option") from error


def undivided(options: "DataOptions") -> "DataOptions":
    """Return the options of a command that divides beats in a way of its own, or not at all.

    Raises
    ------
    typer.BadParameter
        A balanced test is asked for, which is drawn where beats are split by name.
    """
    if options.balanced:
        raise typer.BadParameter(
            "balanced: expected with train and compare, whose splits it is about, received balanced=true",
            param_hint="--option",
        )
    return options


def load_beats(dataset: str, data: Path | None, options: "DataOptions") -> "BeatSet":
    """Load a data set under a progress bar; SettingsError if it does not use all that is asked."""
    from models.datasets import check, load
    from models.progress import Progress

    check(dataset, options)
    with Progress() as progress:
        return load(dataset, data=data, options=options, report=progress)
