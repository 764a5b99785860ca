"""A run folder: what one training leaves behind, and how it is read back.

    config.json        what was asked for: `RunConfig`
    environment.json   versions, backend, machine, command line
    manifest.json      the beats it was given: counts and hashes
    selection.json     where columns were selected: which, and the gain of each
    history.csv        a row per epoch
    checkpoint/        while under way: all that is needed to go on after the last whole epoch
    model.keras        the network, best epoch, without optimizer
    predictions.npz    what it says of the test part
    card.json          written last: with it the run is finished, without it it is not

The folder belongs to one configuration and one set of beats. Asked for again with the same ones, an
unfinished run goes on; with others, or finished, it is refused. Nothing is ever overwritten.
"""

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.splits import Split, balanced, manifest, split
from models.networks import NETWORKS
from models.progress import Report
from models.workshop import augment, fit, select
from models.workshop.cards import Origin, card_of, scores
from models.workshop.fit import Examples, Fitting
from models.workshop.folder import CONFIG, HISTORY, alone, begin, write_history, write_json
from models.workshop.predictions import Predictions, load_predictions, save_predictions
from models.workshop.studies import study_of
from monitor.artifact import CARD, WEIGHTS, Card, load_card, save_card
from monitor.errors import ArtifactError, SettingsError
from monitor.quiet import hushed
from monitor.storage import drafted

if TYPE_CHECKING:
    import keras

__all__ = ["Predictions", "Run", "RunConfig", "is_finished", "load_run", "train_run"]

SELECTION: Final = "selection.json"


class RunConfig(Fitting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a run gives, but for the beats themselves; how it is trained: `Fitting`.

    Attributes
    ----------
    arch
        Name in `models.networks.NETWORKS`.
    dataset, options
        Of `models.datasets.load`.
    split
        Of `models.datasets.splits.split`; drawn with the seed. With ``options.balanced`` as many test
        beats of each class are drawn out of its test part.
    select
        Which points the network looks at: ``""`` all, ``"ig:60"`` the 60 that tell most.
    """

    arch: str
    dataset: str
    options: DataOptions = DataOptions()
    split: str = "patients"
    select: str = ""

    def divided(self, beats: BeatSet) -> Split:
        """Divide the beats as asked; SettingsError where that cannot be done."""
        parts = split(beats, self.split, seed=self.seed)
        return balanced(beats, parts) if self.options.balanced else parts


def train_run(
    config: RunConfig,
    beats: BeatSet,
    folder: Path,
    *,
    command: str,
    report: Report,
    initial: "keras.Model | None" = None,
) -> Path:
    """Train a network and fill a run folder, or go on with one that is not finished.

    Parameters
    ----------
    beats
        Those that ``config.dataset`` and ``config.options`` name, as loaded.
    folder
        New, empty, or an unfinished run of the same configuration on the same beats.
    command
        Command line that makes it again; kept.
    report
        Told which epoch it is in, steps done and steps in all.
    initial
        A network to begin with instead of a new one, such as one that was trained on other beats, with
        the layers frozen that are to stay. ``config.select`` is then the network's own affair.

    Returns
    -------
    Path
        The folder, finished.

    Raises
    ------
    ArtifactError
        The folder is not one to go on with, or the initial network does not fit the beats.
    SettingsError
        The configuration names what does not exist, or the beats cannot be split so.
    StorageError
        The folder cannot be written.
    """
    _check(config, beats, initial)
    parts = config.divided(beats)
    checkpoint = begin(folder, config, manifest(beats), command=command)
    with alone(folder):
        train = Examples(beats.x[parts.train], beats.y[parts.train])
        network = initial or _network(config, train, len(beats.classes), folder)
        fit.fit(
            network,
            train,
            Examples(beats.x[parts.validate], beats.y[parts.validate]),
            config,
            state=checkpoint / "state.npz",
            each=lambda history: write_history(folder, history),
            report=report,
        )
        _finish(network, config, beats, parts, folder, command=command)
        shutil.rmtree(checkpoint)
    return folder


class Run:
    """A finished run, read back.

    Attributes
    ----------
    folder, config, card, history, predictions
        Where it lies and what lies there; ``history`` has a row per epoch.
    """

    def __init__(self, folder: Path, config: RunConfig, card: Card) -> None:
        self.folder, self.config, self.card = folder, config, card
        self.history = _history(folder / HISTORY)
        self.predictions = load_predictions(folder)

    def model(self) -> "keras.Model":
        """Load the network; ArtifactError if Keras cannot."""
        with hushed():
            import keras
        try:
            return keras.saving.load_model(self.folder / WEIGHTS, compile=False)
        except Exception as error:
            raise ArtifactError(
                f"run {self.folder}: expected a network that Keras {keras.__version__} can load: {error}"
            ) from error

    def for_equal_shares(self, trained_on: NDArray[np.int64]) -> Predictions:
        """Return what it would say of the test part were all classes as frequent there.

        Parameters
        ----------
        trained_on
            Of shape (n_beats,): classes of the training part.
        """
        seemed = fit.believed(trained_on, len(self.predictions.classes), self.config.loss)
        return self.predictions.for_equal_shares(seemed)


def load_run(folder: Path) -> Run:
    """Read a finished run.

    Raises
    ------
    ArtifactError
        There is none, it is not finished, it was written by another version, or a file of it is not
        what it should be.
    """
    if not (folder / CONFIG).is_file():
        raise ArtifactError(f"run {folder}: expected a run folder with a {CONFIG}, received none")
    study = study_of(folder)
    if study is not None:
        raise ArtifactError(f"run {folder}: expected the folder of one run, received {study.said}")
    if not is_finished(folder):
        raise ArtifactError(
            f"run {folder}: expected a finished run, received one without {CARD} "
            f"(the command that began it goes on with it)"
        )
    return Run(folder, read_config(folder), load_card(folder))


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that came to its end."""
    return (folder / CARD).is_file()


def read_config(folder: Path) -> RunConfig:
    """Read what a run was asked for; ArtifactError if this version cannot."""
    path = folder / CONFIG
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtifactError(
            f"run {folder}: expected the {CONFIG} of a workshop run of this version, received: {error}"
        ) from error


def _history(path: Path) -> list[dict[str, float]]:
    try:
        with path.open(newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"history {path}: expected numbers in columns, received: {error}") from error


def _network(config: RunConfig, train: Examples, n_classes: int, folder: Path) -> "keras.Model":
    """Return a new network; what it is to look at is chosen on the training part, once for a folder."""
    with hushed():
        import keras
    n_points = train.x.shape[1]
    columns: list[int] = []
    k = select.parse(config.select, n_points)
    if k is not None:
        path = folder / SELECTION
        if not path.exists():
            write_json(path, select.best(select.gains(train.x, train.y, seed=config.seed), k)._asdict())
        columns = select.read(path, n_points).columns
    keras.utils.set_random_seed(config.seed)
    return NETWORKS[config.arch](train.x.shape[1:], n_classes, columns=columns)


def _finish(
    network: "keras.Model", config: RunConfig, beats: BeatSet, parts: Split, folder: Path, *, command: str
) -> None:
    """Tell the test part, save all, the card last."""
    truth = beats.y[parts.test]
    probabilities = fit.predict(network, beats.x[parts.test])
    save_predictions(folder, beats, parts.test, probabilities)
    _save_network(network, folder)
    figures = {f"test, split {config.split}": scores(truth, probabilities, beats.classes)}
    origin = Origin(config.arch, config.seed, command)
    save_card(card_of(network, beats, parts, folder=folder, origin=origin, figures=figures), folder)


def _check(config: RunConfig, beats: BeatSet, initial: "keras.Model | None") -> None:
    """Raise if the configuration names what does not exist, or the initial network does not fit."""
    augment.names_of(",".join(config.augment))
    select.parse(config.select, beats.n_points)
    if initial is None and config.arch not in NETWORKS:
        raise SettingsError(
            f"no such network: expected one of {', '.join(NETWORKS)}, received {config.arch!r}"
        )
    if initial is not None:
        expected = ((beats.n_points, beats.n_channels), (len(beats.classes),))
        received = (tuple(initial.input_shape[1:]), tuple(initial.output_shape[1:]))
        if received != expected:
            raise ArtifactError(
                f"initial network: expected one from windows {expected[0]} to {expected[1][0]} classes, "
                f"received one from {received[0]} to {received[1]}"
            )


def _save_network(network: "keras.Model", folder: Path) -> None:
    with drafted(folder / WEIGHTS) as draft:
        network.save(draft, include_optimizer=False)
