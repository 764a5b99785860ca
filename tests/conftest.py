"""What several rooms' tests share: the records, and the promise that no test leaves this machine."""

import os
from pathlib import Path

import pytest

from monitor import physionet

_UNSET = "BEATLINE_DATA is not set: expected a folder with databases by name, such as mitdb/208.dat"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the records: ``pytest -m 'not records'`` leaves them out."""
    for item in items:
        if {"databases", "mitdb"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.records)


@pytest.fixture(scope="session")
def databases() -> Path:
    """Return the folder with databases by name; skip where there is none, fail where one is required."""
    given = os.environ.get("BEATLINE_DATA")
    if given and (Path(given) / "mitdb").is_dir():
        return Path(given)
    reason = f"BEATLINE_DATA={given} holds no folder mitdb" if given else _UNSET
    if os.environ.get("BEATLINE_REQUIRE_RECORDS") == "1":
        pytest.fail(f"{reason} (and BEATLINE_REQUIRE_RECORDS=1)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def mitdb(databases: Path) -> Path:
    """Return the folder of the MIT-BIH Arrhythmia Database."""
    return databases / "mitdb"


@pytest.fixture(scope="session", autouse=True)
def _no_downloads() -> None:
    """Point downloads at a loopback port where nobody listens."""
    physionet.BASE_URL = "http://127.0.0.1:9/files"
