"""We count as the reference programs do: everything that they print, letter for letter."""

from pathlib import Path

import pytest

from monitor.score.tables import TABLES, Table, lines
from tests.score.fixtures import scores


@pytest.mark.parametrize("summary", [False, True], ids=["records", "sumstats"])
@pytest.mark.parametrize("start_s", [0, 300])
@pytest.mark.parametrize("annotator", ["osea", "pert"])
@pytest.mark.parametrize("table", TABLES)
def test_prints_what_the_reference_program_prints(
    databases: Path, table: Table, annotator: str, start_s: int, *, summary: bool
) -> None:
    """Counts, percentages, RR errors, durations, shutdowns, sums, gross and average, of 48 records."""
    suffix = ".sumstats.txt" if summary else ".txt"
    path = databases / "ec57" / "expected" / annotator / f"{table}.from{start_s}{suffix}"
    if not path.is_file():
        pytest.skip(f"{path} is not there: what the WFDB programs print for two annotators")
    expected = path.read_text(encoding="ascii").splitlines()

    assert expected == lines(table, scores(databases, annotator, start_s), summary=summary)
