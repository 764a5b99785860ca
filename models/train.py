"""The recipe, readable from top to bottom.

1. Read the records; cut every beat with the serving code, once clean and a few times disturbed.
   An epoch shows a beat as often provisionally as with what the next beat tells: one network does both.
2. Cross-validate by patient: train on all folds but one, predict the one left out, confirmed.
3. From the pooled predictions choose what to add to each class's log probability: the classes are
   far from balanced, and a softmax trained on them says N too easily.
4. Train on all patients for the same number of epochs and fold those offsets into the last layer.

Nothing here looks at a test record. One seed fixes everything (up to the order in which threads sum).
"""

import csv
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import data, evaluate
from models.architectures import ARCHITECTURES, average
from models.data import Augment, Beats, Recording
from monitor import __version__, artifact
from monitor.artifact import Card
from monitor.beats import FEATURES, WindowSpec
from monitor.events import CLASSES, Label, LabelKind
from monitor.quiet import hushed
from monitor.settings import FilterSettings, Settings

if TYPE_CHECKING:
    import keras

__all__ = ["Config", "Report", "cross_validate", "fit", "fit_members", "load", "pool", "predict", "train"]

TRAINED: Final[tuple[Label, ...]] = CLASSES
"""Classes the network tells apart; most of Q are false detections in noise."""

_RAREST = 1e-3
"""No class weighs as if it were rarer than this."""

Report = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what comes out.

    Attributes
    ----------
    members
        Networks of other seeds whose average is served.
    copies
        Disturbed copies of each record beside the clean one.
    normal_share
        Share of the N beats that an epoch shows; all others are shown.
    power
        Class weights are (1 / frequency) ** power.
    f1_weights
        What the class offsets are chosen for: the weighted sum of F1.
    """

    records: tuple[str, ...] = data.DS1
    folds: tuple[tuple[str, ...], ...] = data.FOLDS
    architecture: str = "beat_cnn"
    window: WindowSpec = WindowSpec(
        fs=128.0, n_pre=38, n_post=57, n_leads=2, template=True, features=FEATURES
    )
    band: FilterSettings = FilterSettings()
    detection: Settings = Settings()
    augment: Augment = Augment()
    members: int = 2
    copies: int = 3
    epochs: int = 8
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    normal_share: float = 0.4
    power: float = 0.4
    label_smoothing: float = 0.02
    f1_weights: dict[str, float] = msgspec.field(default_factory=lambda: {"V": 1.0, "S": 0.5})
    seed: int = 1


def pool(recordings: Sequence[Recording], config: Config, report: Report) -> list[Beats]:
    """Detect and cut the beats of all records: first the clean ones, then each disturbed copy."""
    passes = []
    for copy in range(1 + config.copies):
        parts = []
        for k, recording in enumerate(recordings):
            rng = np.random.default_rng([config.seed, copy, k])
            signal = data.disturb(recording, config.augment, rng) if copy else recording.signal
            found = data.detected(recording, signal, config.detection)
            parts.append(data.cut(recording, signal, found, config.window, config.band))
            report("cutting beats", copy * len(recordings) + k + 1, (1 + config.copies) * len(recordings))
        passes.append(data.join(parts))
    return passes


def fit_members(
    passes: Sequence[Beats], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float]]]:
    """Train ``config.members`` networks, each with a seed of its own, and return their average."""
    members, history = [], []
    for k in range(config.members):
        alone = msgspec.structs.replace(config, seed=config.seed + k)
        model, rows = fit(passes, alone, _part(report, f"network {k + 1}", k, config.members))
        members.append(model)
        history += [{"member": k + 1, **row} for row in rows]
    return average(members), history


def fit(
    passes: Sequence[Beats], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float]]]:
    """Train one network; an epoch shows a beat about once, clean or disturbed, and a share of the N.

    Returns
    -------
    model, history
        Probabilities over `TRAINED`; one row per epoch.
    """
    with hushed():
        import keras
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    first = passes[0]
    n_shown = len(_shown(first.labels, config, np.random.default_rng(0), 1.0))
    n_steps = config.epochs * (n_shown // config.batch)
    model = ARCHITECTURES[config.architecture](first.windows.shape[1:], first.features.shape[1], len(TRAINED))
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            config.learning_rate / 10, n_steps, warmup_target=config.learning_rate, warmup_steps=n_steps // 20
        ),
        weight_decay=config.weight_decay,
        use_ema=True,
        ema_momentum=0.995,
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss)
    history = []
    for epoch in range(config.epochs):
        began = time.perf_counter()
        losses = []
        for window, features, target, weight in _batches(passes, config, rng):
            losses.append(float(model.train_on_batch([window, features], target, sample_weight=weight)))
        seconds = time.perf_counter() - began
        history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "seconds": round(seconds, 2)})
        report(f"training, loss {history[-1]['loss']:.4f}", epoch + 1, config.epochs)
    optimizer.finalize_variable_values(model.trainable_variables)
    return model, history


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


def cross_validate(passes: Sequence[Beats], config: Config, report: Report) -> NDArray[np.float64]:
    """Return for every clean beat what a network says that never saw its patient."""
    clean = passes[0]
    result = np.zeros((len(clean.labels), len(CLASSES)))
    for k, names in enumerate(config.folds):
        out = np.isin(clean.records, names)
        seen = [one.of(~np.isin(one.records, names)) for one in passes]
        model, _ = fit_members(seen, config, _part(report, f"fold {k + 1}", k, len(config.folds)))
        result[out] = predict(model, clean.of(out))
    return result


def train(config: Config, folder: Path, *, command: str, report: Report, source: Path | None = None) -> Card:
    """Run the whole recipe and fill ``folder``, which must not exist yet.

    The folder holds ``config.json``, ``environment.json``, ``history.csv``, ``model.keras`` and, last
    of all, ``card.json``: a run without a card is not finished.
    """
    folder.mkdir(parents=True)
    _write_json(folder / "config.json", config)
    recordings = [data.read(name, data=source) for name in config.records]
    passes = pool(recordings, config, report)
    told = cross_validate(passes, config, report)
    truth = passes[0].labels
    tuned_on = np.isin(passes[0].records, [name for fold in config.folds for name in fold])
    offsets = evaluate.tune(told[tuned_on], truth[tuned_on], weights=config.f1_weights)
    adjusted = np.log(np.maximum(told, 1e-9)) + offsets
    table = evaluate.confusion(truth[tuned_on], evaluate.tell(adjusted[tuned_on]))
    np.savez_compressed(folder / "validation.npz", told=told, truth=truth, records=passes[0].records)
    model, history = fit_members(passes, config, report)
    _shift(model, offsets)
    return _finish(model, history, config, folder, command, {"patients left out": evaluate.scores(table)})


def _finish(
    model: "keras.Model",
    history: list[dict[str, float]],
    config: Config,
    folder: Path,
    command: str,
    metrics: dict[str, Any],
) -> Card:
    import keras

    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    environment = {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__}
    _write_json(folder / "environment.json", {**environment, "backend": keras.backend.backend()})
    model.save(folder / artifact.WEIGHTS, include_optimizer=False)
    card = Card(
        schema=artifact.SCHEMA,
        name=folder.name,
        architecture=config.architecture,
        window=config.window,
        band=config.band,
        classes=TRAINED,
        scaling="QRS height of the patient's dominant beat so far, per lead; each window without its mean",
        missing_leads="all zeros; trained with the second lead missing in a part of the copies",
        sha256=artifact.digest(folder / artifact.WEIGHTS),
        n_parameters=int(model.count_params()),
        trained_on=config.records,
        metrics=metrics,
        seed=config.seed,
        command=command,
        version=__version__,
        keras=keras.__version__,
    )
    artifact.save_card(card, folder)
    return card


def _batches(passes: Sequence[Beats], config: Config, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Yield (window, features, one-hot target, weight): one epoch in random order."""
    kept = [_shown(one.labels, config, rng, 1 / len(passes)) for one in passes]
    windows = np.concatenate([one.windows[rows] for one, rows in zip(passes, kept, strict=True)])
    features = np.concatenate([one.features[rows] for one, rows in zip(passes, kept, strict=True)])
    confirmed = np.concatenate([one.confirmed[rows] for one, rows in zip(passes, kept, strict=True)])
    features = np.where(rng.uniform(size=(len(features), 1)) < 0.5, features, confirmed)
    labels = np.concatenate([one.labels[rows] for one, rows in zip(passes, kept, strict=True)])
    targets = np.where(labels == data.NO_BEAT, CLASSES.index("Q"), labels)
    share = np.bincount(targets, minlength=len(CLASSES)) / len(targets)
    weights = np.maximum(share, _RAREST) ** -config.power
    weights /= np.sum(weights * share)
    one_hot = np.eye(len(CLASSES), dtype=np.float32)
    order = rng.permutation(len(targets))
    for start in range(0, len(order) - config.batch + 1, config.batch):
        rows = order[start : start + config.batch]
        weight = weights[targets[rows]].astype(np.float32)
        yield windows[rows], features[rows], one_hot[targets[rows]], weight


def _shown(
    labels: NDArray[np.int64], config: Config, rng: np.random.Generator, share: float
) -> NDArray[np.int64]:
    """Return the rows of one pass that an epoch shows: ``share`` of all, fewer of the N."""
    chance = np.where(labels == CLASSES.index("N"), config.normal_share * share, share)
    return np.flatnonzero(rng.uniform(size=len(labels)) < chance)


def _shift(model: "keras.Model", offsets: NDArray[np.float64]) -> None:
    """Add the offsets to the bias of the last layer, of every member if there are several."""
    members = [layer for layer in model.layers if layer.name.startswith("member")]
    for member in members or [model]:
        layer = member.get_layer("logits")
        kernel, bias = layer.get_weights()
        chosen = [offsets[CLASSES.index(name)] for name in TRAINED]
        layer.set_weights([kernel, bias + np.asarray(chosen, dtype=bias.dtype)])


def _part(report: Report, name: str, k: int, n: int) -> Report:
    """Return a report for the k-th of n equal parts of the work."""
    return lambda what, done, total: report(f"{name}: {what}", k * total + done, n * total)


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
