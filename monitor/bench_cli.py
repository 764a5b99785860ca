"""``beatline bench``: what the whole line costs, measured on real processes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.options import DataOption, ModelOption, commands

__all__ = ["app"]

app = commands("bench", "Measure latency, load and memory of the whole line.")


@app.command("latency")
def bench_latency(
    beds: Annotated[int, typer.Option("--beds", min=1, help="Simulated beds.")] = 1,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="Measured wall time, after warm-up.")
    ] = 60.0,
    speed: Annotated[float, typer.Option("--speed", min=0.01, help="Times real time.")] = 1.0,
    record: Annotated[str, typer.Option("--record", metavar="NAME", help="Record to play.")] = "208",
    data: DataOption = None,
    model: ModelOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write beats.csv, stages.csv and latency.png.")
    ] = None,
) -> None:
    """Measure the line from the device's packet to the label on the screen.

    Simulator and monitor run as separate processes over a loopback socket; the screen is drawn on a
    pseudo-terminal of 200x50. Counts begin when the model is ready and 5 s have passed.

    [bold]Example:[/bold] beatline bench latency --beds 32 --seconds 60 --out latency
    """
    from monitor import bench

    load = bench.Load(beds=beds, seconds=seconds, speed=speed, record=record, data=data, model=model)
    console = Console(highlight=False)
    bench.report(bench.measure(load, console=console), console=console, out=out)


@app.command("memory")
def bench_memory(
    beds: Annotated[int, typer.Option("--beds", min=1, help="Simulated beds.")] = 8,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Measured wall time.")] = 600.0,
    speed: Annotated[float, typer.Option("--speed", min=0.01, help="Times real time.")] = 10.0,
    record: Annotated[str, typer.Option("--record", metavar="NAME", help="Record to play.")] = "208",
    data: DataOption = None,
) -> None:
    """Watch the monitor's memory under load: it should be flat after the first two minutes.

    [bold]Example:[/bold] beatline bench memory --beds 8 --speed 10 --seconds 600
    """
    from monitor import bench

    load = bench.Load(beds=beds, seconds=seconds, speed=speed, record=record, data=data)
    console = Console(highlight=False)
    measured = bench.measure(load, console=console)
    bench.report(measured, console=console)
    bench.report_memory(measured, console=console)
