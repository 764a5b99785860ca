"""A finished run to an artefact that is served: weights without optimizer, and the card that pins them."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from models.train import load
from monitor.artifact import WEIGHTS, Card, digest, save_card
from monitor.errors import ArtifactError

if TYPE_CHECKING:
    import keras

__all__ = ["ARTIFACTS", "export"]

ARTIFACTS: Final = Path(__file__).parent / "artifacts"
"""Where the shipped artefacts lie."""

_TOLERANCE = 1e-6


def export(run: Path, target: Path, *, name: str) -> Card:
    """Write the artefact of a finished run into ``target``, replacing what was there.

    The network is saved anew, loaded back and asked about random beats beside the original; the
    target is touched only if both say the same.

    Raises
    ------
    ArtifactError
        The run is not finished or not consistent, or the reloaded network differs.
    """
    model, card = load(run)
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / name
        fresh.mkdir()
        model.save(fresh / WEIGHTS, include_optimizer=False)
        exported = msgspec.structs.replace(card, name=name, sha256=digest(fresh / WEIGHTS))
        save_card(exported, fresh)
        compare(model, load(fresh)[0], card)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(fresh, target)
    return exported


def compare(model: "keras.Model", reloaded: "keras.Model", card: Card) -> None:
    """Raise `ArtifactError` if two networks disagree on random beats by more than 1e-6."""
    rng = np.random.default_rng(0)
    window = card.served_window
    beats = [
        rng.normal(size=(64, window.n_points, window.n_channels)).astype(np.float32),
        rng.normal(size=(64, len(window.features))).astype(np.float32),
    ]
    difference = float(np.max(np.abs(np.asarray(model(beats)) - np.asarray(reloaded(beats)))))
    if not difference <= _TOLERANCE:
        raise ArtifactError(
            f"model {card.name}: expected the reloaded network to agree within {_TOLERANCE:g}, "
            f"received a difference of {difference:g}"
        )
