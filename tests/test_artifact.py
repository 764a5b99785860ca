"""Cards: what is wrong with an artefact is said before a network is loaded."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor import artifact
from monitor.errors import ArtifactError
from tests.tiny import make_card

MAX_SHIPPED_BYTES = 2_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an artefact whose weights are any bytes: nothing here loads them."""
    (tmp_path / artifact.WEIGHTS).write_bytes(b"weights")
    artifact.save_card(make_card(tmp_path / artifact.WEIGHTS), tmp_path)
    return tmp_path


def test_a_card_survives_the_round_trip(folder: Path) -> None:
    """What training wrote is what serving reads."""
    assert make_card(folder / artifact.WEIGHTS) == artifact.load_card(folder)


def test_other_weights_are_refused(folder: Path) -> None:
    """The checksum binds card and weights."""
    (folder / artifact.WEIGHTS).write_bytes(b"other")
    with pytest.raises(ArtifactError, match=r"not those of its card: expected sha256 .* received"):
        artifact.load_card(folder)


@pytest.mark.parametrize("missing", [artifact.CARD, artifact.WEIGHTS])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    """Half an artefact is none."""
    (folder / missing).unlink()
    with pytest.raises(ArtifactError, match=missing):
        artifact.load_card(folder)


def _set(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        card[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("schema", 2), "expected schema version 3, received 2"),
        (_set("classes", ["N", "X"]), "classes"),
        (_set("classes", []), "expected distinct names"),
        (_set("window", {"fs": 128}), "window"),
        (_set("surprise", 1), "surprise"),
        (_set("seed", "one"), "seed"),
    ],
)
def test_a_tampered_card_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    """Every card is checked whole; the message names the place."""
    card = json.loads((folder / artifact.CARD).read_bytes())
    change(card)
    (folder / artifact.CARD).write_text(json.dumps(card))
    with pytest.raises(ArtifactError, match=told):
        artifact.load_card(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b" " * (1 << 21)])
def test_a_card_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    """Whatever lies there, the fault is an ArtifactError."""
    (folder / artifact.CARD).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"card\.json"):
        artifact.load_card(folder)


def test_the_shipped_artefact_passes_its_card_and_is_small() -> None:
    """What everyone gets without asking."""
    place = artifact.locate(None)
    card = artifact.load_card(place)
    assert artifact.DEFAULT == card.name
    assert sum(file.stat().st_size for file in place.iterdir()) < MAX_SHIPPED_BYTES


def test_a_model_is_found_by_name_and_by_folder(folder: Path) -> None:
    """``--model`` takes either."""
    assert artifact.locate(artifact.DEFAULT) == artifact.locate(None)
    assert folder == artifact.locate(str(folder))


def test_an_unknown_model_is_refused_with_what_there_is() -> None:
    """The message says what could have been named."""
    with pytest.raises(ArtifactError, match=rf"{artifact.DEFAULT}.*received 'nonesuch'"):
        artifact.locate("nonesuch")


def test_reading_a_card_imports_neither_keras_nor_models() -> None:
    """A card is read long before TensorFlow is there, and monitor knows no models."""
    code = (
        "import sys; from monitor import artifact; artifact.load_card(artifact.locate(None));"
        "print({'keras', 'tensorflow', 'models', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == done.stdout.strip()
