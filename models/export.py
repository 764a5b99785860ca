"""A finished run to an artefact that is served: weights without optimizer, and the card that pins them."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from models.train import load
from monitor.artifact import CARD, WEIGHTS, Card, digest, save_card
from monitor.errors import ArtifactError, StorageError
from monitor.weights_lstm import FILE, encoded, read_stand_in

if TYPE_CHECKING:
    import keras

__all__ = ["ARTIFACTS", "compare", "export"]

ARTIFACTS: Final = Path(__file__).parent / "artifacts"
"""Where the shipped artefacts lie."""

_TOLERANCE = 1e-6
_ANY_LENGTH = 512
"""Points that a network is asked about which takes any number of them."""


def export(run: Path, target: Path, *, name: str, replace: bool = False) -> Card:
    """Write the artefact of a finished run into ``target``.

    The network is saved anew, loaded back and asked about random beats beside the original; the
    target is touched only if both say the same.

    Parameters
    ----------
    replace
        Whether an artefact that is there already may give way to this one.

    Raises
    ------
    ArtifactError
        The run is not finished or not consistent, serves nothing, or the reloaded network differs; or it is a
        detector without weights for the monitor's kernel.
    StorageError
        The target exists: an artefact that is not to be replaced, or something else, such as a run folder,
        which never is.
    """
    _check_target(target, replace=replace)
    model, card = load(run)
    if card.serves == "nothing":
        raise ArtifactError(
            f"run {run}: expected a model that serves beats or as detector, received one that serves nothing "
            f"(classes {', '.join(card.classes)})"
        )
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / name
        fresh.mkdir()
        model.save(fresh / WEIGHTS, include_optimizer=False)
        exported = msgspec.structs.replace(card, name=name, sha256=digest(fresh / WEIGHTS))
        save_card(exported, fresh)
        if card.serves == "detector":
            served = read_stand_in(run / FILE)._replace(model=exported.sha256)
            (fresh / FILE).write_bytes(encoded(served))
        compare(model, load(fresh)[0], card)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(fresh, target)
    return exported


def compare(model: "keras.Model", reloaded: "keras.Model", card: Card) -> None:
    """Raise `ArtifactError` if two networks disagree on random beats by more than 1e-6."""
    rng = np.random.default_rng(0)
    shapes = [[size or _ANY_LENGTH for size in tensor.shape[1:]] for tensor in model.inputs]
    shown = [rng.normal(size=(64, *shape)).astype(np.float32) for shape in shapes]
    difference = max(
        float(np.max(np.abs(one - other)))
        for one, other in zip(_told(model, shown), _told(reloaded, shown), strict=True)
    )
    if not difference <= _TOLERANCE:
        raise ArtifactError(
            f"model {card.name}: expected the reloaded network to agree within {_TOLERANCE:g}, "
            f"received a difference of {difference:g}"
        )


def _told(model: "keras.Model", shown: list[np.ndarray]) -> list[np.ndarray]:
    """Return what a network answers, one array to an output."""
    told = model(shown if len(shown) > 1 else shown[0])
    if isinstance(told, dict):
        told = [told[name] for name in sorted(told)]
    return [np.asarray(output) for output in (told if isinstance(told, list | tuple) else [told])]


def _check_target(target: Path, *, replace: bool) -> None:
    if not target.exists():
        return
    found = {path.name for path in target.iterdir()} if target.is_dir() else {target.name}
    if not found <= {CARD, WEIGHTS, FILE, "__pycache__"}:
        raise StorageError(
            f"cannot write {target}: expected no such path or an artefact of {CARD} and {WEIGHTS} alone, "
            f"received {', '.join(sorted(found)[:5])}"
        )
    if found and not replace:
        raise StorageError(
            f"cannot write {target}: expected no artefact there yet, or --replace, received one that is "
            f"there already"
        )
