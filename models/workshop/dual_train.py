"""The recipe of the network with two outputs, readable from top to bottom; it fills a run folder.

1. Read the records. DS2 is for testing; a fold of patients (`models.data.FOLDS`) chooses; the rest trains.
2. Train on stretches of signal as the live detector shows them (`models.dual`, `models.workshop.dual_fit`),
   and keep the epoch that told the patients left out best.
3. Choose the threshold for a peak: the one with the fewest missed and false beats on those patients; and
   calibrate what is believed of a peak above it (Platt 1999).
4. Write the network, the same weights for the detector's kernel, and what it tells of the test records,
   as the live detector tells it.

Nothing here chooses anything on a test record. One seed fixes everything (up to the order in which
threads sum).
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models import data as recordings
from models.data import FOLDS, Recording
from models.datasets.wfdb_beats import names_of, patient_of
from models.dual import AUGMENTATIONS, BAND, BEATS, DELAY_S, FS, layers_of
from models.progress import Report
from models.workshop import dual_evaluate
from models.workshop.cards import Origin, scores
from models.workshop.dual_evaluate import Heard, found, hear, rows_of, tally
from models.workshop.dual_fit import fit_dual
from models.workshop.folder import alone, begin, write_history, write_json
from models.workshop.predictions import PREDICTIONS
from models.workshop.runs import RunConfig
from monitor import __version__
from monitor.artifact import SCHEMA, WEIGHTS, Card, digest, save_card
from monitor.errors import SettingsError
from monitor.events import CLASSES
from monitor.physionet import DS2
from monitor.weights_lstm import FILE, Recurrent, StandIn, encoded

if TYPE_CHECKING:
    import keras

__all__ = ["ARCH", "DATASET", "parts_of", "train_dual"]

ARCH: Final = "lstm_dual"
DATASET: Final = "signal"
"""Whole records, as the detector sees them: no windows."""
_FOLD: Final = 0
"""Patients that choose: of DS1 108, 119, 207, 209, 220 and 101, with 1,800 abnormal beats."""
_THRESHOLDS: Final = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def train_dual(
    config: RunConfig, folder: Path, *, command: str, report: Report, data: Path | None = None
) -> Path:
    """Train the network with two outputs and fill a run folder, or go on with one that is not finished.

    Parameters
    ----------
    config
        ``arch`` `ARCH`, ``dataset`` `DATASET`, ``split`` ``patients``; ``options.records`` names the records;
        ``augment`` names in `models.dual.AUGMENTATIONS`; ``batch`` is the number of stretches shown at once.
    folder
        New, empty, or an unfinished run of the same configuration.
    data
        The folder of one database, None to look where `monitor.records` does.

    Returns
    -------
    Path
        The folder: as any run's, with ``detector.json`` for the monitor and ``r_peaks.json``.

    Raises
    ------
    ArtifactError
        The folder is not one to go on with.
    SettingsError
        The configuration names what does not exist, or leaves nothing to train on, choose by or test on.
    SourceError
        A record is not to be had.
    StorageError
        The folder cannot be written.
    """
    _check(config)
    names = parts_of(config.options.records)
    read = [[recordings.read(name, data=data) for name in part] for part in names]
    checkpoint = begin(folder, config, _manifest(names, read), command=command)
    with alone(folder):
        network = fit_dual(
            config,
            read[0],
            read[1],
            state=checkpoint / "state.npz",
            each=lambda rows: write_history(folder, rows),
            report=report,
        )
        heard = _tell(network, read[1], read[2], folder, report)
        origin = Origin(ARCH, config.seed, command)
        save_card(_card(folder, network, origin, seen=(*names[0], *names[1]), heard=heard), folder)
    shutil.rmtree(checkpoint)
    return folder


def parts_of(records: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the records to train on, to choose by and to test on, out of those named.

    Raises
    ------
    SettingsError
        One of the three would be empty.
    """
    names = names_of(records)
    test = tuple(name for name in names if name in DS2)
    known = tuple(name for name in names if name not in DS2)
    validate = tuple(name for name in known if name in FOLDS[_FOLD]) or known[-1:]
    train = tuple(name for name in known if name not in validate)
    if not (train and validate and test):
        raise SettingsError(
            f"records {records}: expected at least two to train on and choose by, and one of DS2 to test on, "
            f"received {len(known)} and {len(test)}"
        )
    return train, validate, test


def _check(config: RunConfig) -> None:
    expected = {"arch": ARCH, "dataset": DATASET, "split": "patients", "select": ""}
    wrong = [
        f"{key} {getattr(config, key)!r}" for key, value in expected.items() if getattr(config, key) != value
    ]
    unknown = [name for name in config.augment if name not in AUGMENTATIONS]
    if wrong or unknown:
        wanted = ", ".join(f"{key} {value!r}" for key, value in expected.items())
        raise SettingsError(
            f"{ARCH}: expected {wanted} and augment out of {', '.join(AUGMENTATIONS)}, "
            f"received {', '.join(wrong + unknown)}"
        )


def _manifest(names: Sequence[Sequence[str]], read: Sequence[Sequence[Recording]]) -> dict[str, Any]:
    """Return which records play which part, what beats they have, and a hash of signals and references."""
    x, y = hashlib.sha256(), hashlib.sha256()
    for recording in (one for part in read for one in part):
        x.update(np.ascontiguousarray(recording.signal).tobytes())
        y.update(recording.peaks.tobytes() + recording.labels.tobytes())
    counts = []
    for part in read:
        labels = np.concatenate([recording.labels for recording in part])
        counts.append(dict(zip(CLASSES, np.bincount(labels, minlength=len(CLASSES)).tolist(), strict=True)))
    kinds = ("train", "validate", "test")
    return {
        "name": DATASET,
        "records": dict(zip(kinds, names, strict=True)),
        "counts": dict(zip(kinds, counts, strict=True)),
        "sha256": {"x": x.hexdigest(), "y": y.hexdigest()},
    }


def _tell(
    network: "keras.Model",
    validate: Sequence[Recording],
    test: Sequence[Recording],
    folder: Path,
    report: Report,
) -> list[Heard]:
    """Write the network, its detector and what that tells of the test records, and return the latter."""
    layers = layers_of(network)
    served = _calibrated(_best(layers, validate, report), validate)
    network.save(folder / WEIGHTS, include_optimizer=False)
    served = served._replace(model=digest(folder / WEIGHTS))
    (folder / FILE).write_bytes(encoded(served))
    heard = []
    for k, recording in enumerate(test):
        report(f"telling {recording.name}", k, len(test))
        heard.append(hear(recording, served))
    _save_predictions(folder, heard)
    write_json(folder / dual_evaluate.R_PEAKS, dual_evaluate.facts({ARCH: heard}))
    return heard


def _best(layers: Recurrent, validate: Sequence[Recording], report: Report) -> StandIn:
    """Return the detector with the fewest missed and false beats; of equal thresholds that nearest to 0.5."""
    errors = []
    for k, threshold in enumerate(_THRESHOLDS):
        report("choosing the threshold", k, len(_THRESHOLDS))
        errors.append(sum(tally(hear(recording, _served(layers, threshold))) for recording in validate))
    ranked = sorted(zip(errors, _THRESHOLDS, strict=True), key=lambda pair: (pair[0], abs(pair[1] - 0.5)))
    return _served(layers, ranked[0][1])


def _calibrated(served: StandIn, validate: Sequence[Recording]) -> StandIn:
    """Return the detector with a belief that is right as often as it says, on patients left out."""
    from sklearn.linear_model import LogisticRegression

    heard = [hear(recording, served) for recording in validate]
    true = np.concatenate([found(one) for one in heard])
    sure = np.clip(np.concatenate([one.confidence for one in heard]), 1e-6, 1 - 1e-6)
    if not 0 < true.sum() < len(true):
        return served
    fitted = LogisticRegression(C=1e6).fit(np.log(sure / (1 - sure))[:, np.newaxis], true)
    return served._replace(belief=(float(fitted.coef_[0, 0]), float(fitted.intercept_[0])))


def _served(layers: Recurrent, threshold: float) -> StandIn:
    return StandIn(layers, FS, round(DELAY_S * FS), threshold, (1.0, 0.0), BAND, "")


def _save_predictions(folder: Path, heard: Sequence[Heard]) -> None:
    """Write what was said of each reference beat of the test records; a missed one is called normal."""
    rows = [rows_of(one) for one in heard]
    names = np.repeat([one.name for one in heard], [len(row.truth) for row in rows])
    patients = np.array([patient_of(name) for name in names.tolist()])
    truth = np.concatenate([row.truth for row in rows])
    abnormal = np.concatenate([row.abnormal for row in rows])
    partial = folder / f"partial-{PREDICTIONS}"
    np.savez_compressed(
        partial,
        rows=np.arange(len(truth)),
        truth=truth,
        probabilities=np.stack([1 - abnormal, abnormal], axis=1),
        records=names,
        patients=patients,
        classes=np.array(BEATS),
    )
    partial.replace(folder / PREDICTIONS)


def _scores(heard: Sequence[Heard]) -> dict[str, Any]:
    rows = [rows_of(one) for one in heard]
    abnormal = np.concatenate([row.abnormal for row in rows])
    truth = np.concatenate([row.truth for row in rows])
    return scores(truth, np.stack([1 - abnormal, abnormal], axis=1), BEATS)


def _card(
    folder: Path,
    network: "keras.Model",
    origin: Origin,
    *,
    seen: tuple[str, ...],
    heard: Sequence[Heard],
) -> Card:
    import keras

    return Card(
        schema=SCHEMA,
        name=folder.name,
        architecture=origin.architecture,
        window=None,
        band=BAND,
        classes=BEATS,
        scaling="twice the RMS of the last seconds, per lead (monitor.detect_lstm)",
        missing_leads="the first two usable leads; zeros for one that is not there, as in part of training",
        sha256=digest(folder / WEIGHTS),
        n_parameters=int(network.count_params()),
        trained_on=tuple(sorted(seen)),
        metrics={"test, split patients": _scores(heard)},
        seed=origin.seed,
        command=origin.command,
        version=__version__,
        keras=keras.__version__,
        serves="detector",
    )
