"""``beatline models dataset``: what a data set holds, and the Kaggle CSVs rebuilt."""

from pathlib import Path
from typing import Annotated, Any

import typer

from models.options import FolderOption, OptionOption, RowsOption, data_options, load_beats, undivided

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dataset)


def dataset(
    name: Annotated[str, typer.Argument(help="wfdb, kachuee, kaggle, ptbxl or ptb.")],
    data: FolderOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write CSVs in the Kaggle format and manifest.json into this folder.")
    ] = None,
    records: Annotated[
        str | None, typer.Option(help="Records and sets, with commas between, such as DS1 or 100,101.")
    ] = None,
    option: OptionOption = None,
    rows: RowsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON, no table.")] = False,
) -> None:
    """Tell what a data set holds: beats per class and part, patients, hashes.

    [bold]kachuee[/bold] is rebuilt from the 48 records of MIT-BIH: with --out, files that whatever reads
    Kaggle's mitbih_train.csv and mitbih_test.csv reads too (0.5 GB). Beside each lies a list of whose the
    beats are, so that --dataset kaggle can split them by patient.

    Example:  [bold]beatline models dataset kachuee --out kachuee[/bold]

    Example:  [bold]beatline models dataset ptbxl --option strict=true[/bold]
    """
    from json import dumps

    from models.datasets.writing import described, write_folder
    from models.progress import Progress, command_line

    options = undivided(data_options(option or [], records=records, rows=rows))
    beats = load_beats(name, data, options)
    told = described(beats, options)
    typer.echo(dumps(told, indent=2) if json else "\n".join(_table(told)))
    if out is None:
        return
    with Progress() as progress:
        paths = write_folder(out, beats, options, command=command_line(), report=progress)
    for path in paths:
        typer.echo(f"wrote {path}", err=json)


def _table(told: dict[str, Any]) -> list[str]:
    """Return the manifest as lines."""
    whose = f"{told['n_patients']} patients" if told["n_patients"] else "patients not told"
    lines = [
        f"{told['name']}: {told['n_beats']} beats of {told['n_records']} records, {whose}; "
        f"{told['n_points']} points at {told['fs']:g} Hz, {told['n_channels']} channels",
        f"{'part':<18}{'beats':>9}" + "".join(f"{name:>9}" for name in told["classes"]),
    ]
    rows = {part or "(none)": counts for part, counts in told["parts"].items()}
    if len(rows) > 1:
        rows["all"] = told["counts"]
    rows |= {f"published {part}": counts for part, counts in told.get("published", {}).items()}
    for part, counts in rows.items():
        lines.append(
            f"{part:<18}{sum(counts.values()):9d}" + "".join(f"{count:9d}" for count in counts.values())
        )
    lines += [f"sha256 of {array}  {digest}" for array, digest in told["sha256"].items()]
    return lines
