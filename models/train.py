"""The recipe, readable from top to bottom.

1. Read the records; cut every beat with the serving code: once clean, a few times disturbed (other
   leads, noise), in other rhythms, with one lead alone, and with electrodes that move.
   An epoch shows a beat as often provisionally as with what the next beat tells: one network does both.
2. Cross-validate by patient: train on all folds but one, predict the one left out, confirmed.
3. From the pooled predictions, clean, with moving electrodes and of single leads, choose what to add to each
   class's log probability: the classes are far from balanced, and a softmax trained on them says N too
   easily. One lead tells less than two, so it has offsets of its own.
4. Train on all patients for the same number of epochs and fold those offsets into the last layer.

Nothing here looks at a test record. One seed fixes everything (up to the order in which threads sum).
"""

import csv
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models import data, evaluate
from models.copies import database
from models.data import Beats
from models.members import fit_members
from models.pool import pool
from models.progress import Report, part
from models.recipe import TRAINED, Config
from models.workshop.folder import write_json
from monitor import __version__, artifact
from monitor.artifact import Card
from monitor.events import CLASSES, LabelKind
from monitor.quiet import hushed
from monitor.records import SAME_PATIENT

if TYPE_CHECKING:
    import keras

__all__ = ["load", "predict", "train"]

_JUDGED: Final = ("clean", "single", "moved")
"""Copies that the offsets are chosen on."""


def load(folder: Path) -> tuple["keras.Model", Card]:
    """Return the network of a run or artefact, with its checked card."""
    card = artifact.load_card(folder)
    with hushed():
        import keras
    return keras.saving.load_model(folder / artifact.WEIGHTS, compile=False), card


def predict(model: "keras.Model", beats: Beats, *, labels: LabelKind = "confirmed") -> NDArray[np.float64]:
    """Return probabilities of shape (n_beats, 5) in the order of `CLASSES`, for labels of one kind."""
    features = beats.features if labels == "provisional" else beats.confirmed
    told = model.predict([beats.windows, features], batch_size=1024, verbose=0)
    result = np.zeros((len(told), len(CLASSES)))
    result[:, [CLASSES.index(name) for name in TRAINED]] = told
    return result


def train(config: Config, folder: Path, *, command: str, report: Report, source: Path | None = None) -> Card:
    """Run the whole recipe and fill ``folder``, which must not exist yet.

    The folder holds ``config.json``, ``environment.json``, ``history.csv``, ``model.keras`` and, last
    of all, ``card.json``: a run without a card is not finished. The networks of the cross-validation
    lie in ``folds``, a whole run folder each, whose card tells whom it never saw.
    """
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config)
    recordings = [data.read(name, data=source) for name in config.records]
    beats, kinds = pool(recordings, config, report)
    judged = np.isin(kinds, _JUDGED)
    own, kinds = beats.of(judged), kinds[judged]
    may = ~np.isin(beats.records, config.left_out)
    told = np.zeros((len(own.labels), len(CLASSES)))
    folds = []
    for k, names in enumerate(config.folds):
        out = np.isin(own.records, names)
        allowed = may & ~np.isin(beats.records, names)
        told_on = part(report, f"fold {k + 1}", k, len(config.folds))
        model, history = fit_members(beats, allowed, config, told_on)
        told[out] = predict(model, own.of(out))
        folds.append((model, history))
    np.savez_compressed(
        folder / "validation.npz", told=told, truth=own.labels, records=own.records, kinds=kinds
    )
    offsets = _offsets(told, own, config)
    metrics = _left_out(told[kinds == "clean"], own.of(kinds == "clean"), offsets)
    for k, (model, history) in enumerate(folds):
        seen = tuple(n for n in config.records if n not in (*config.left_out, *config.folds[k]))
        _shift(model, offsets, config)
        (place := folder / "folds" / f"fold{k + 1}").mkdir(parents=True)
        unseen = _unseen(config, k)
        _finish(model, history, config, place, command, seen=seen, unseen=unseen, metrics={})
    model, history = fit_members(beats, may, config, report)
    _shift(model, offsets, config)
    seen = tuple(n for n in config.records if n not in config.left_out)
    return _finish(model, history, config, folder, command, seen=seen, metrics=metrics)


def _alone(beats: Beats, config: Config) -> NDArray[np.bool_]:
    """Return which beats are of feeds with one lead."""
    return np.asarray(beats.features[:, config.window.features.index("alone")] > 0, dtype=np.bool_)


def _offsets(told: NDArray[np.float64], own: Beats, config: Config) -> NDArray[np.float64]:
    """Return what to add to the log probabilities, of shape (2, 5): for more leads than one, and for one."""
    chosen = np.isin(own.records, config.tuned_on) & ~np.isin(own.records, config.left_out)
    doubt = np.zeros(len(CLASSES))
    doubt[CLASSES.index("Q")] = config.doubt
    offsets = []
    for alone in (False, True):
        rows = chosen & (_alone(own, config) == alone)
        found = evaluate.tune(told[rows] * np.exp(doubt), own.labels[rows], goals=config.goals)
        offsets.append(doubt + found)
    return np.stack(offsets)


def _unseen(config: Config, fold: int) -> tuple[str, ...]:
    """Return the records of a fold, and those of the same patients."""
    names = tuple(name for name in config.records if name in config.folds[fold])
    return names + tuple(other for name, other in SAME_PATIENT.items() if name in names)


def _left_out(
    told: NDArray[np.float64], clean: Beats, offsets: NDArray[np.float64]
) -> dict[str, dict[str, artifact.Score]]:
    """Return how patients that the network had not seen were told, by database."""
    adjusted = evaluate.tell(np.log(np.maximum(told, 1e-9)) + offsets[0])
    bases = np.array([database(str(name)) for name in clean.records])
    return {
        f"patients left out, {base}": evaluate.scores(
            evaluate.confusion(clean.labels[bases == base], adjusted[bases == base])
        )
        for base in sorted(set(bases.tolist()))
    }


def _finish(
    model: "keras.Model",
    history: list[dict[str, float | str]],
    config: Config,
    folder: Path,
    command: str,
    *,
    seen: tuple[str, ...],
    unseen: tuple[str, ...] = (),
    metrics: dict[str, dict[str, artifact.Score]],
) -> Card:
    import keras

    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    environment = {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__}
    write_json(folder / "environment.json", {**environment, "backend": keras.backend.backend()})
    model.save(folder / artifact.WEIGHTS, include_optimizer=False)
    card = Card(
        schema=artifact.SCHEMA,
        name=folder.name,
        architecture=" + ".join(config.members),
        window=config.window,
        band=config.band,
        classes=TRAINED,
        scaling="QRS height of the patient's dominant beat so far, per lead; each window without its mean",
        missing_leads="zeros in the window, no part in the features; a part of the copies had one lead",
        sha256=artifact.digest(folder / artifact.WEIGHTS),
        n_parameters=int(model.count_params()),
        trained_on=seen,
        left_out=unseen,
        metrics=metrics,
        seed=config.seed,
        command=command,
        version=__version__,
        keras=keras.__version__,
    )
    artifact.save_card(card, folder)
    return card


def _shift(model: "keras.Model", offsets: NDArray[np.float64], config: Config) -> None:
    """Let the network add the offsets: those for more leads, or where ``alone`` says so for one."""
    places = [CLASSES.index(name) for name in TRAINED]
    several, one = offsets[:, places]
    kernel = np.zeros((len(config.window.features), len(TRAINED)), np.float32)
    kernel[config.window.features.index("alone")] = one - several
    model.get_layer("offsets").set_weights([kernel, several.astype(np.float32)])
