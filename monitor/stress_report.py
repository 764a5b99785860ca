"""A noise-stress run as rows: for a table on a terminal, for CSV, for JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from monitor.stress import Plan, Trial
from monitor.stress_tally import Tally, gross

__all__ = ["as_json", "rows", "table"]

_COLUMNS: Final = (
    ("FN", "fn", "d"),
    ("FP", "fp", "d"),
    ("Se", "qrs_se", ".1f"),
    ("+P", "qrs_ppv", ".1f"),
    ("false\nV", "false_v", "d"),
    ("V\nSe", "v_se", ".1f"),
    ("false\nS", "false_s", "d"),
    ("Q\n%", "q_share", ".1f"),
    ("high\n/h", "high_per_h", ".0f"),
    ("med.\n/h", "medium_per_h", ".0f"),
    ("low\n/h", "low_per_h", ".0f"),
    ("noisy\n%", "noisy_share", ".0f"),
)
"""What a table shows of a row: heading, key, format."""


def rows(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return one flat row per record and level, and, of several records, one per level for all (gross)."""
    found = [_row(trial.record, trial, trial.tally) for trial in trials]
    if len({trial.record for trial in trials}) > 1:
        for level in dict.fromkeys(trial.level for trial in trials):
            same = [trial for trial in trials if trial.level == level]
            found.append(_row("all", same[0], gross([trial.tally for trial in same]), gains=()))
    return found


def as_json(plan: Plan, trials: Sequence[Trial], *, flattered: Sequence[str]) -> dict[str, Any]:
    """Return a run as plain values: what was done, on what, and its rows.

    ``flattered`` are the records that the model was trained on.
    """
    return {
        "protocol": "5 min clean, then 2 min noisy and 2 min clean in turn; judged from 5:00",
        "noise": plan.noise,
        "seed": plan.seed,
        "gains_from": "the database" if plan.database_gains else "the definition of SNR",
        "model": plan.model,
        "trained_on_these": list(flattered),
        "rows": rows(trials),
    }


def table(plan: Plan, trials: Sequence[Trial]) -> Table:
    """Return the rows as a table."""
    shown = Table(
        title=f"{plan.noise} noise, from 5:00 on",
        caption="high, med., low: false alarms. noisy: how much of the noisy minutes a lead is told to be.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    shown.add_column("record", no_wrap=True)
    shown.add_column("level", justify="right", no_wrap=True)
    for heading, _, _ in _COLUMNS:
        shown.add_column(heading, justify="right", min_width=4)
    found = rows(trials)
    for row, following in zip(found, [*found[1:], None], strict=True):
        cells = [_cell(row[key], form) for _, key, form in _COLUMNS]
        last = following is None or following["record"] != row["record"]
        shown.add_row(row["record"], row["level"], *cells, end_section=last)
    return shown


def _row(record: str, trial: Trial, tally: Tally, *, gains: Sequence[float] | None = None) -> dict[str, Any]:
    n_found = tally.n_beats - tally.fn
    return {
        "record": record,
        "noise": trial.noise,
        "level": trial.level.name,
        "snr_db": trial.level.snr_db,
        "gains": " ".join(f"{gain:.6g}" for gain in (trial.gains if gains is None else gains)),
        "hours": tally.hours,
        "n_beats": tally.n_beats,
        "n_told": tally.n_told,
        "fn": tally.fn,
        "fp": tally.fp,
        "qrs_se": _percent(n_found, tally.n_beats),
        "qrs_ppv": _percent(n_found, tally.n_told),
        "n_v": tally.n_v,
        "false_v": tally.false_v,
        "v_se": _percent(tally.v_hit, tally.n_v),
        "n_s": tally.n_s,
        "false_s": tally.false_s,
        "s_se": _percent(tally.s_hit, tally.n_s),
        "n_q": tally.n_q,
        "q_share": _percent(tally.n_q, tally.n_told),
        **{f"false_{priority}": n for priority, n in tally.alarms.items()},
        **{f"{priority}_per_h": _ratio(n, tally.hours) for priority, n in tally.alarms.items()},
        "false_by_kind": ", ".join(f"{kind} {n}" for kind, n in tally.kinds.items()),
        "technical": tally.technical,
        "noisy_share": _percent(sum(tally.noisy), len(tally.noisy)),
        "noisy_share_by_lead": " ".join(f"{100 * share:.1f}" for share in tally.noisy),
        "noisy_share_clean_by_lead": " ".join(f"{100 * share:.1f}" for share in tally.noisy_clean),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
