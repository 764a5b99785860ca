"""Figures of the README and the docs are those of the tables that are kept beside them."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "docs" / "tables"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPLITS = ("random", "patients")


def table(name: str) -> list[dict[str, str]]:
    """Read a table that is kept."""
    with (TABLES / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def below(text: str, words: str) -> str:
    """Return what comes after some words, up to the next heading or picture."""
    return re.split(r"^(?:## |!\[)", text[text.index(words) :], maxsplit=1, flags=re.MULTILINE)[0]


def row_of(text: str, start: str) -> list[str]:
    """Return the cells of the one row of a Markdown table that begins so."""
    (line,) = re.findall(rf"^\| {re.escape(start)} \|.*$", text, flags=re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


def minus(number: float, digits: int) -> str:
    """Return a share as it is written: no zero before the point."""
    return f"{number:.{digits}f}".replace("0.", ".", 1)


@pytest.mark.parametrize("arch", dict.fromkeys(row["arch"] for row in table("comparison")))
def test_the_comparison_is_the_one_that_was_run(arch: str) -> None:
    """Parameters, times, and every figure at random and unseen, with intervals where they are given."""
    mine = {(row["figure"], row["split"]): row for row in table("comparison") if row["arch"] == arch}
    one = next(iter(mine.values()))
    times = f"{float(one['one_ms']):.1f}; {float(one['many_ms']):.0f}"
    expected = [f"`{arch}`", f"{int(one['parameters']):,}", f"{float(one['minutes']):.1f}", times]
    for figure in ("accuracy", "macro f1", "V f1", "S f1"):
        for split in SPLITS:
            value, low, high = (float(mine[figure, split][name]) for name in ("value", "low", "high"))
            limits = f" [{low:.1f}, {high:.1f}]" if figure in ("accuracy", "macro f1") else ""
            expected.append(f"{value:.1f}{limits}")
    assert row_of(below(README, "The leak made visible"), f"`{arch}`") == expected


def test_a_comparison_is_the_mean_of_its_runs() -> None:
    """The table of seeds holds what the table of networks averages: three, two of the recurrent ones."""
    runs = table("comparison-runs")
    for row in table("comparison"):
        mine = [float(run[row["figure"]]) for run in runs if all(run[k] == row[k] for k in ("arch", "split"))]
        assert len(mine) == int(row["seeds"]) == (2 if "lstm" in row["arch"] else 3)
        assert sum(mine) / len(mine) == pytest.approx(float(row["value"]), abs=2e-3)


@pytest.mark.parametrize(
    ("name", "start", "method"),
    [
        ("infarction", "all, 1,762 records", "morphology"),
        ("infarction-sure", "sure, 1,520 records", "morphology"),
    ],
)
def test_infarction_is_told_as_well_as_was_measured(name: str, start: str, method: str) -> None:
    """AUC per record with interval, fold 10, the paired difference, F1 per beat; which records."""
    rows = {(row["split"], row["method"]): row for row in table(name)}
    mine = {key: float(value) for key, value in rows["patients", method].items() if value and "_" in key}
    auc, low, high = (minus(mine[f"record_auc{end}"], 3) for end in ("", "_low", "_high"))
    gain = [minus(mine[f"gain{end}"], 3) for end in ("_low", "_high")]
    expected = [
        f"{auc} [{low}, {high}]",
        minus(mine["fold10_record_auc"], 3),
        f"{minus(float(rows['patients', method]['gain']), 3)} [{gain[0]}, {gain[1]}]",
        "-",  # it tells records alone
    ]
    assert row_of(README, start)[2:6] == expected
    assert f"{int(mine['n_records']):,}" in start
    kept = (ROOT / "docs" / "infarction-runs.md").read_text(encoding="utf-8")
    assert f"| {method} | {auc} ({low}–{high}) | {expected[1]}" in kept


@pytest.mark.parametrize("row", table("chain"), ids=lambda row: row["network"])
def test_the_chain_is_scored_as_the_table_says(row: dict[str, str]) -> None:
    """V and S of every network that went through the whole line on DS2, in README and docs alike."""
    name = "the monitor's own" if row["network"] == "beat" else f"`{row['network']}`"
    kept = (ROOT / "docs" / "workshop-runs.md").read_text(encoding="utf-8")
    ends = ("se", "ppv", "f1", "f1 low", "f1 high")
    for section in (below(README, "the whole chain on DS2"), below(kept, "as the line serves them")):
        cells = row_of(section, name)
        for k, label in enumerate("VS"):
            se, ppv, f1, low, high = (row[f"{label} {end}"] or "-" for end in ends)
            limits = "" if low == "-" else f" [{low}, {high}]"
            assert cells[1 + k] == f"{se} / {ppv} / {f1}{limits}"


@pytest.mark.parametrize(("split", "tail"), [("patients", ""), ("random", ", split by beat")])
@pytest.mark.parametrize("share", ["1", "10", "100"])
def test_the_transfer_curve_is_the_one_that_was_run(split: str, tail: str, share: str) -> None:
    """AUC per record of each mode, with interval."""
    rows = {row["mode"]: row for row in table("transfer") if (row["split"], row["share"]) == (split, share)}
    if not rows:
        pytest.skip(f"no transfer split by {split} is kept")
    expected = []
    for mode in ("frozen", "finetune", "scratch"):
        auc, low, high = (minus(float(rows[mode][f"record_auc{end}"]), 3) for end in ("", "_low", "_high"))
        expected.append(f"{auc} [{low}, {high}]")
    assert row_of(README, f"{share} %{tail}")[1:] == expected


def test_the_balanced_test_is_told_as_it_was_run() -> None:
    """At or above what the paper states, and beside it what is left of patients never seen."""
    rows = {row["split"]: row for row in table("balanced") if row["figure"] == "accuracy"}
    given, unseen = (
        "{:.1f} [{:.1f}, {:.1f}]".format(*(float(rows[split][name]) for name in ("value", "low", "high")))
        for split in ("given", "patients")
    )
    said = " ".join(below(README, "on the balanced test of its paper").split())
    assert f"**{given.replace(' [', '** [')} with each class shown as often in training" in said
    assert f"on patients never seen {unseen}." in said
    assert float(rows["given"]["low"]) > float(rows["given"]["claimed"])
    assert int(rows["given"]["seeds"]) == 3
