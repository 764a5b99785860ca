"""The recipe of the network that reads P waves (`monitor.p_reader`), readable from top to bottom.

1. Cut the beats of PTB-XL (lead II, 10 s each) and of `svdb` (two leads, 30 min) as the monitor cuts
   them. A beat counts as fibrillation if its record does: the statement AFIB, or 804 of `svdb`; as
   having a P wave if the record has neither that nor a pacemaker or flutter. Records of `svdb` that
   fibrillate in part are left out, and of all others the ventricular beats. Not one record of mitdb or
   `vfdb` is looked at, so what is found there is found in patients never seen.
2. Train on each lead by itself: larger, smaller, upside down, shifted, with noise. Each record has the
   same weight up to a number of beats, both kinds of beats have half of all.
3. Do so with each third of the patients left out, and tell how well their beats and records are told
   apart; then with all of them, some networks from different beginnings, for those to ship.

One seed fixes everything but the order in which threads add up.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import data as recordings
from models.data import LEFT_OUT, Found, Recording, cut, detected, found_in
from models.datasets import ptbxl
from models.datasets.options import DataOptions
from models.datasets.recordings import Entry
from models.progress import Report, part
from monitor.events import CLASSES
from monitor.p_reader import SHOWN, cut_off, read_kernel
from monitor.settings import Settings
from monitor.storage import cannot_write
from monitor.weights_p import VERSION, Network, Weights

__all__ = ["Config", "Examples", "Trained", "folded", "gather", "train", "write"]

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]

_FS_PTBXL: Final = 500.0
_FIBRILLATION: Final = "svdb/804"
_IN_PART: Final = ("svdb/841", "svdb/854", "svdb/855", "svdb/866", "svdb/867")
_NEITHER: Final = frozenset({"PACE", "AFLT"})
_SHIFT: Final = 3


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what comes out.

    Attributes
    ----------
    most
        Beats of one patient, counted per kind, that weigh as much as one each: of PTB-XL and of `svdb`.
    drawn
        Beats that each epoch draws.
    noise
        Largest SD of the noise that is added, in QRS heights.
    """

    folds: int = 3
    members: int = 4
    epochs: int = 14
    drawn: int = 60_000
    batch: int = 256
    learning_rate: float = 2e-3
    dropout: float = 0.3
    most: tuple[int, int] = (60, 300)
    noise: float = 0.03
    seed: int = 0


class Examples(NamedTuple):
    """Beats of one record, of one lead.

    Attributes
    ----------
    name, patient, fold
        Of the record.
    windows
        Of shape (n_beats, n_points).
    fibrillation
        Whether they are of fibrillation.
    most
        How many of them weigh as much as one each.
    """

    name: str
    patient: str
    fold: int
    windows: Floats
    fibrillation: bool
    most: int


class Trained(NamedTuple):
    """What comes out: the networks to ship, and of patients left out the areas under the ROC curve."""

    members: tuple[Network, ...]
    by_beat: float
    by_record: float
    n_records: tuple[int, int]


def gather(config: Config, report: Report, *, data: Path | None = None) -> list[Examples]:
    """Cut the beats of both databases, a list of records and leads.

    Parameters
    ----------
    data
        Folder of PTB-XL; None for ``$BEATLINE_DATA/ptbxl_mi``.
    """
    known = ptbxl.recordings(data, DataOptions(), report)
    wanted = [k for k, entry in enumerate(known.entries) if not _NEITHER & entry.statements]
    examples = []
    for done, k in enumerate(wanted):
        examples += _short(known.entries[k], known.millivolts(k)[:, np.newaxis], config)
        report("cutting PTB-XL", done + 1, len(wanted))
    names = [name for name in recordings.SVDB if name not in _IN_PART]
    for done, name in enumerate(names):
        examples += _long(recordings.read(name), done % config.folds, config)
        report("cutting svdb", done + 1, len(names))
    return examples


def _short(entry: Entry, signal: NDArray[np.float64], config: Config) -> list[Examples]:
    """Cut a record of 10 s."""
    found = found_in(signal, Settings(), fs=_FS_PTBXL)
    if not found:
        return []
    none = np.empty(0, np.int64)
    still = np.zeros(len(signal), np.bool_)
    recording = Recording(entry.name, _FS_PTBXL, signal, none, none, still)
    labels = np.zeros(len(found), np.int64)
    beats = cut(recording, signal, Found(found, labels), SHOWN, Settings().filters)
    fibrillates = "AFIB" in entry.statements
    fold = entry.fold % config.folds
    return [Examples(entry.name, entry.patient, fold, beats.windows[:, :, 0], fibrillates, config.most[0])]


def _long(recording: Recording, fold: int, config: Config) -> list[Examples]:
    """Cut a record of half an hour, each lead: what the reference calls N or S."""
    spec = msgspec.structs.replace(SHOWN, n_leads=recording.signal.shape[1])
    found = detected(recording, recording.signal, Settings())
    beats = cut(recording, recording.signal, found, spec, Settings().filters)
    counted = np.isin(beats.labels[beats.labels != LEFT_OUT], [CLASSES.index("N"), CLASSES.index("S")])
    name = recording.name
    return [
        Examples(name, name, fold, beats.windows[counted, :, lead], name == _FIBRILLATION, config.most[1])
        for lead in range(recording.signal.shape[1])
    ]


def train(examples: Sequence[Examples], config: Config, report: Report) -> Trained:
    """Train with each fold of patients left out, then on all."""
    from sklearn.metrics import roc_auc_score

    told: list[tuple[Examples, NDArray[np.float64]]] = []
    n_rounds = config.folds + config.members
    for fold in range(config.folds):
        rest = [each for each in examples if each.fold != fold]
        network = _fit(rest, config, 0, part(report, f"without part {fold + 1}", fold, n_rounds))
        told += [(each, _read(each.windows, network)) for each in examples if each.fold == fold]
    members = tuple(
        _fit(examples, config, k, part(report, f"network {k + 1}", config.folds + k, n_rounds))
        for k in range(config.members)
    )
    short = [(each, logits) for each, logits in told if not each.name.startswith("svdb")]
    kinds = np.array([each.fibrillation for each, _ in short])
    return Trained(
        members,
        float(
            roc_auc_score(np.repeat(kinds, [len(x) for _, x in short]), np.concatenate([x for _, x in short]))
        ),
        float(roc_auc_score(kinds, [float(np.clip(x, -4.0, 4.0).mean()) for _, x in short])),
        (int(kinds.sum()), len(kinds)),
    )


def _read(windows: Floats, network: Network) -> NDArray[np.float64]:
    return np.array([read_kernel(np.ascontiguousarray(window), network) for window in windows])


def _fit(examples: Sequence[Examples], config: Config, member: int, report: Report) -> Network:
    """Train one network."""
    import keras

    keras.utils.set_random_seed(config.seed + member)
    rng = np.random.default_rng([config.seed, member])
    windows = np.concatenate([each.windows for each in examples])
    kinds = np.repeat([each.fibrillation for each in examples], [len(each.windows) for each in examples])
    shares = _shares(examples, kinds)
    model = _model(config)
    n_batches = config.drawn // config.batch
    decay = keras.optimizers.schedules.CosineDecay(config.learning_rate, n_batches * config.epochs)
    optimizer = keras.optimizers.AdamW(decay, weight_decay=1e-3)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    for epoch in range(config.epochs):
        drawn = rng.choice(len(windows), n_batches * config.batch, p=shares)
        x = _varied(windows[drawn], config, rng)[:, :, np.newaxis]
        model.fit(x, kinds[drawn].astype(np.float32), batch_size=config.batch, verbose=0)
        report("training", epoch + 1, config.epochs)
    return folded(model)


def _shares(examples: Sequence[Examples], kinds: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how likely each beat is drawn: see `Config.most`; both kinds have half of all."""
    weights = [min(len(each.windows), each.most) / max(len(each.windows), 1) for each in examples]
    shares = np.repeat(weights, [len(each.windows) for each in examples])
    for kind in (False, True):
        shares[kinds == kind] /= 2 * shares[kinds == kind].sum()
    return np.asarray(shares / shares.sum(), np.float64)


def _varied(windows: Floats, config: Config, rng: np.random.Generator) -> Floats:
    """Return beats larger, smaller, upside down, shifted, noisy: as of other leads and patients."""
    n, n_points = windows.shape
    sizes = rng.uniform(0.6, 1.5, n) * np.where(rng.uniform(size=n) < 0.2, -1.0, 1.0)
    at = np.arange(n_points) + rng.integers(-_SHIFT, _SHIFT + 1, (n, 1))
    shown = np.take_along_axis(cut_off(windows), np.clip(at, 0, n_points - 1), axis=1) * sizes[:, np.newaxis]
    noise = rng.standard_normal(windows.shape) * rng.uniform(0, config.noise, (n, 1))
    return np.asarray(shown - shown.mean(axis=1, keepdims=True) + noise, np.float32)


def _model(config: Config) -> "keras.Model":
    """Return a network as `monitor.p_reader` computes it, normalised batch by batch while it learns."""
    from keras import Input, Model, layers

    inputs = Input((SHOWN.n_points, 1))
    x = inputs
    for filters, taps in ((12, 7), (16, 5), (16, 5)):
        x = layers.Conv1D(filters, taps, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPool1D(2)(x)
    x = layers.Dropout(config.dropout)(layers.Flatten()(x))
    x = layers.Dropout(config.dropout)(layers.Dense(16, activation="relu")(x))
    return Model(inputs, layers.Dense(1)(x))


def folded(model: "keras.Model") -> Network:
    """Return the weights, what batches were normalised by within the convolutions."""
    from keras import layers

    arrays: list[Floats] = []
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = (np.asarray(each, np.float64) for each in layer.get_weights())
            scale = gamma / np.sqrt(variance + layer.epsilon)
            arrays[-1] = arrays[-1] * scale
            arrays.append(beta - mean * scale)
        else:
            arrays += layer.get_weights()
    return Network(*(np.ascontiguousarray(array, np.float32) for array in arrays))


def write(members: Sequence[Network], path: Path) -> None:
    """Write networks of one shape, five digits of each weight, a line for each layer.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    shapes = {name: array.shape for name, array in members[0]._asdict().items()}
    layers = [{name: _rounded(array) for name, array in each._asdict().items()} for each in members]
    text = msgspec.json.encode(Weights(version=VERSION, shapes=shapes, members=layers))
    try:
        path.write_bytes(text.replace(b"],", b"],\n") + b"\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def _rounded(array: Floats) -> list[float]:
    return [float(f"{x:.5g}") for x in array.ravel().tolist()]
