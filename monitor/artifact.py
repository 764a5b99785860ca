"""The model artefact: a folder with ``model.keras`` and ``card.json``, which says how to feed it.

A card is the whole contract between training and serving: window, leads, features, filter, classes.
It names the sha256 of its weights, so that neither can be changed without the other. Reading a card
needs no Keras; `monitor.classify` loads the weights.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from monitor.errors import ArtifactError
from monitor.events import CLASSES
from monitor.names import is_among
from monitor.settings import FilterSettings
from monitor.window import WindowSpec

__all__ = [
    "CARD",
    "DEFAULT",
    "RUN_CONFIG",
    "SCHEMA",
    "WEIGHTS",
    "Card",
    "Score",
    "Serves",
    "digest",
    "fitting",
    "load_card",
    "locate",
    "save_card",
    "shipped",
]

SCHEMA: Final = 3
"""Version of the card, and of what the features in it mean. A reader of one version reads no other."""

CARD: Final = "card.json"
WEIGHTS: Final = "model.keras"
RUN_CONFIG: Final = "config.json"
"""What a folder of a training has from its beginning; its card comes last."""
DEFAULT: Final = "beat"
"""The shipped artefact that is used when none is named."""

_MAX_CARD = 1 << 20

Serves: TypeAlias = Literal["beats", "detector", "nothing"]
"""What a model does in the monitor: tell beats apart, find them, or neither."""


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one class was told: sensitivity, positive predictivity and F1, in percent; None = undefined."""

    se: float | None
    ppv: float | None
    f1: float | None
    n: int


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is, what it wants to be shown and how well it did.

    Attributes
    ----------
    schema
        `SCHEMA` of the writer.
    name
        What people call the model.
    architecture
        Its name in ``models.architectures``.
    window
        Window, leads and features; see `monitor.window.WindowSpec`. Of a model that serves nothing the
        nearest that serving can cut, or None.
    band
        The filter the windows are cut after.
    classes
        The classes it was trained on, in the order of its outputs. Those of a model that serves beats
        are out of `CLASSES`; the others of these get probability 0.
    scaling, missing_leads
        In words: what one unit of the window is, and what becomes of a lead that is not there.
    sha256
        Of the weights file, hex.
    n_parameters
        Trainable and not.
    trained_on
        Names of the records.
    left_out
        Of a network of a cross-validation: records it has not seen, and the run's own network has, or
        whose patient it has.
    metrics
        By data set, then by class; how they were got is said by the name of the data set.
    seed, command, version, keras
        What makes it again: seed, command line, versions of beatline and Keras.
    serves
        What it does in the monitor.
    unserved
        In words: why windows such as it was trained on are not cut in serving, and what to train on
        instead; ``""`` where they are, or where nothing is known of it.
    """

    schema: int
    name: str
    architecture: str
    window: WindowSpec | None
    band: FilterSettings
    classes: tuple[str, ...]
    scaling: str
    missing_leads: str
    sha256: str
    n_parameters: int
    trained_on: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    metrics: dict[str, dict[str, Score]]
    seed: int
    command: str
    version: str
    keras: str
    serves: Serves = "beats"
    unserved: str = ""

    def __post_init__(self) -> None:
        beats = self.serves == "beats"
        unknown = beats and not set(self.classes) <= set(CLASSES)
        if not self.classes or len(set(self.classes)) < len(self.classes) or unknown:
            names = f" out of {CLASSES}" if beats else ""
            raise ValueError(f"classes: expected distinct names{names}, received {self.classes}")
        if beats and self.window is None:
            raise ValueError("window: expected one, as the model serves beats, received none")

    @property
    def served_window(self) -> WindowSpec:
        """What the network wants to be shown of a beat.

        Raises
        ------
        ArtifactError
            The model does not tell beats apart.
        """
        if self.serves != "beats" or self.window is None:
            why = self.unserved or f"classes {', '.join(self.classes)}"
            raise ArtifactError(
                f"model {self.name}: expected one that serves beats, received one that serves {self.serves} "
                f"({why})"
            )
        return self.window

    @property
    def identity(self) -> str:
        """Name and first digits of the weights' checksum: what a journal names the model by."""
        return f"{self.name}@{self.sha256[:12]}"


def load_card(folder: Path) -> Card:
    """Read and check the card of an artefact, and the checksum of its weights.

    Raises
    ------
    ArtifactError
        A file is missing, the card is not one of ours or of another version, or the weights are
        not those that the card was written for.
    """
    path = folder / CARD
    _refuse_unfinished(folder)
    try:
        if path.stat().st_size > _MAX_CARD:
            raise ArtifactError(f"model card {path}: expected at most {_MAX_CARD} bytes, received more")
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"model {folder}: expected a readable {CARD} in it, received: {error.strerror}"
        ) from error
    try:
        schema = msgspec.json.decode(content, type=_Version).schema
        if schema != SCHEMA:
            raise ArtifactError(f"model card {path}: expected schema version {SCHEMA}, received {schema}")
        card = msgspec.json.decode(content, type=Card)
    except msgspec.DecodeError as error:
        raise ArtifactError(f"model card {path}: expected a card of version {SCHEMA}: {error}") from error
    received = digest(folder / WEIGHTS)
    if received != card.sha256:
        raise ArtifactError(
            f"model {folder}: the weights are not those of its card: "
            f"expected sha256 {card.sha256[:12]}..., received {received[:12]}..."
        )
    return card


def save_card(card: Card, folder: Path) -> None:
    """Write a card beside its weights."""
    content = msgspec.json.format(msgspec.json.encode(card), indent=2)
    (folder / CARD).write_bytes(content + b"\n")


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex.

    Raises
    ------
    ArtifactError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"model weights {path}: expected a readable file: {error.strerror}") from error


def shipped() -> dict[str, Path]:
    """Return the artefacts that came with the package, by name, without importing ``models``."""
    spec = importlib.util.find_spec("models")
    if spec is None or spec.submodule_search_locations is None:
        return {}
    return {
        card.parent.name: card.parent
        for place in spec.submodule_search_locations
        for card in sorted(Path(place).glob(f"artifacts/*/{CARD}"))
    }


def locate(model: str | None) -> Path:
    """Find an artefact: a folder that has a card, or the name of a shipped one; None = the default.

    Raises
    ------
    ArtifactError
        There is neither such a folder nor such a name, or the folder is that of a run which has not
        come to its end.
    """
    if model is not None:
        _refuse_unfinished(Path(model))
        if (Path(model) / CARD).is_file():
            return Path(model)
    found = shipped()
    name = DEFAULT if model is None else model
    if name in found:
        return found[name]
    raise ArtifactError(
        f"no such model: expected a folder with a {CARD} or one of {', '.join(found) or 'none shipped'}, "
        f"received {name!r}"
    )


def fitting(model: str | None, record: str) -> Path:
    """Find the artefact for one record: of a folder of folds, the one that left the patient out.

    A folder of folds is that which ``beatline models train`` writes into its run folder; a record that
    no fold left out gets the network of the run itself. Anything else is found by `locate`.

    Raises
    ------
    ArtifactError
        As `locate` and `load_card`.
    """
    folds = [] if model is None else sorted(card.parent for card in Path(model).glob(f"*/{CARD}"))
    if model is None or not folds or (Path(model) / CARD).is_file():
        return locate(model)
    for fold in folds:
        if is_among(record, load_card(fold).left_out):
            return fold
    return locate(str(Path(model).parent))


def _refuse_unfinished(folder: Path) -> None:
    """Raise `ArtifactError` if a folder is that of a run without a card: under way, or broken off."""
    if (folder / RUN_CONFIG).is_file() and not (folder / CARD).is_file():
        raise ArtifactError(
            f"run {folder}: expected a finished run, received one with a {RUN_CONFIG} and no {CARD}: not "
            f"finished (the command that began it goes on with it), or a study, which has no network"
        )


class _Version(msgspec.Struct):
    schema: int
