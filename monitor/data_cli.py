"""``beatline data``: the records at hand, and those of PhysioNet."""

from typing import Annotated

import typer

from monitor.options import DataOption, commands

__all__ = ["app"]

app = commands("data", "Find, list and download WFDB records.")


@app.command("list")
def data_list(
    database: Annotated[str, typer.Argument(help="mitdb, svdb, vfdb or nstdb.")] = "mitdb",
    data: DataOption = None,
) -> None:
    """List the records of a database that are at hand.

    [bold]Example:[/bold] beatline data list svdb
    """
    from monitor import records

    for name in records.available(data=data, database=database):
        print(name)  # noqa: T201  the command's answer


@app.command("fetch")
def data_fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RECORD]...", help="All when none.")] = None,
    database: Annotated[str, typer.Option("--database", help="mitdb, svdb, vfdb or nstdb.")] = "mitdb",
) -> None:
    """Download records from PhysioNet into the cache, checking their hashes.

    [bold]Example:[/bold] beatline data fetch 100 208
    """
    from monitor import records

    records.fetch(database, names)
