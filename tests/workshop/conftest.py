"""What tests of runs share: one run, trained once, and the beats behind it."""

from pathlib import Path
from typing import Any

import pytest

from models import datasets
from tests.workshop import made


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run, split by patient; not to be written into."""
    return made.run_folder(tmp_path_factory.mktemp("runs") / "cnn")


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the data set give the beats that runs were trained on."""

    def load(name: str, **_: Any) -> datasets.BeatSet:
        assert name == "wfdb"
        return made.beats()

    monkeypatch.setattr(datasets, "load", load)
