"""The recurrent detector beside the monitor's own line, on the same records: a table and a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from models import data as recordings
from models.progress import Report
from models.workshop.dual_evaluate import R_PEAKS, STARTS_S, Heard, facts, hear, hear_own, pooled
from models.workshop.folder import write_json
from monitor.artifact import load_card, locate
from monitor.errors import ArtifactError
from monitor.storage import cannot_write
from monitor.weights_lstm import stand_in

__all__ = ["hear_systems", "table", "write_comparison"]

PICTURE: Final = "normality.png"


def hear_systems(
    run: Path,
    *,
    records: str | None = None,
    model: str | None = None,
    data: Path | None = None,
    report: Report = lambda *_: None,
) -> dict[str, list[Heard]]:
    """Let a recurrent detector and the monitor's own line hear the same records.

    Parameters
    ----------
    run
        A finished run with a recurrent detector.
    records
        Sets and names; None for the records of DS2 that the run was tested on.
    model
        The monitor's network, None for the shipped one.
    data
        The folder of one database.

    Raises
    ------
    ArtifactError
        The run is none of a recurrent detector, not finished, or was trained on one of the records; or
        the monitor's network cannot be used.
    SourceError
        A record is not to be had.
    """
    from models.train import load

    served = stand_in(str(run))
    if served is None:
        raise ArtifactError(f"run {run}: expected one with a recurrent detector, received none")
    names = _names(run, records)
    network, card = load(locate(model))
    systems: dict[str, list[Heard]] = {"lstm_dual": [], "monitor": []}
    for k, name in enumerate(names):
        recording = recordings.read(name, data=data)
        report(f"lstm_dual hears {name}", 2 * k, 2 * len(names))
        systems["lstm_dual"].append(hear(recording, served))
        report(f"the monitor hears {name}", 2 * k + 1, 2 * len(names))
        systems["monitor"].append(hear_own(recording, network, card))
    return systems


def write_comparison(
    systems: Mapping[str, Sequence[Heard]],
    folder: Path,
    *,
    resamples: int,
    report: Report = lambda *_: None,
) -> dict[str, Any]:
    """Write ``r_peaks.json`` and ``normality.png``; return what is in the former.

    Raises
    ------
    StorageError
        They cannot be written.
    """
    found = facts(systems, resamples=resamples, report=report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / R_PEAKS, found)
    except OSError as error:
        raise cannot_write(folder, error) from error
    _draw(systems, folder / PICTURE)
    return found


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as lines of text: a block for each start, a line for each system."""
    names = found["records"]
    lines = [f"{len(names)} records: {' '.join(names)}"]
    for start_s in STARTS_S:
        key = f"from {start_s / 60:.0f}:00"
        lines += ["", f"{key:<12}" + "".join(f"{title:<{width}}" for title, width in _COLUMNS)]
        for system, figures in found["systems"].items():
            lines.append(f"  {system:<10}" + _line(figures[key]))
    speeds = {
        name: figures["samples/s"] for name, figures in found["systems"].items() if "samples/s" in figures
    }
    lines += [
        "",
        *(f"{name} reads {speed:,} samples of all leads a second" for name, speed in speeds.items()),
    ]
    drawn = "95 % intervals by bootstrap over records" if len(names) > 1 else "No intervals from one record"
    lines.append(f"{drawn}; R peaks within 150 ms, one to one (EC57).")
    return "\n".join(lines)


_COLUMNS: Final = (
    ("beats", 8),
    ("R peak Se", 22),
    ("R peak +P", 22),
    ("missed", 8),
    ("false", 8),
    ("jitter", 9),
    ("normality AP", 22),
)


def _line(figures: Mapping[str, Any]) -> str:
    cells = [
        str(figures["beats"]),
        _with_limits(figures["Se"]),
        _with_limits(figures["+P"]),
        str(figures["missed"]),
        str(figures["false"]),
        f"{figures['median jitter, ms']} ms",
        _with_limits(figures["normality AP"]),
    ]
    return "".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True)).rstrip()


def _with_limits(figure: Mapping[str, float | None] | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    limits = "" if figure["low"] is None else f" ({figure['low']:.2f}-{figure['high']:.2f})"
    return f"{figure['value']:.2f}{limits}"


def _names(run: Path, records: str | None) -> tuple[str, ...]:
    """Return the records to hear: none that the run was trained on."""
    from models.datasets.wfdb_beats import names_of
    from models.workshop.dual_train import parts_of
    from models.workshop.runs import load_run

    names = parts_of(load_run(run).config.options.records)[2] if records is None else names_of(records)
    seen = sorted(set(names) & set(load_card(run).trained_on))
    if seen:
        raise ArtifactError(
            f"run {run}: expected records that it was not trained on, received {', '.join(seen[:8])}"
        )
    return tuple(names)


def _draw(systems: Mapping[str, Sequence[Heard]], path: Path) -> None:
    """Draw the precision-recall curves of both systems, from 5:00."""
    from models.workshop.metrics import pr_curve
    from models.workshop.pictures import curves

    lines, shares = {}, {}
    for name, heard in systems.items():
        rows, _ = pooled(heard, start_s=STARTS_S[0])
        curve = pr_curve(rows.truth, rows.abnormal, 1)
        if curve is not None:
            lines[name], shares[name] = curve, float(rows.truth.mean())
    curves(lines, path, labels=("recall of S, V and F", "precision"), shares=shares)
