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
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import copies, data, evaluate
from models.architectures import ARCHITECTURES, average
from models.copies import Copy, database
from models.data import Augment, Beats, Recording
from models.evaluate import Goal
from models.retime import retimed
from monitor import __version__, artifact
from monitor.artifact import Card
from monitor.beats import FEATURES, WindowSpec
from monitor.events import CLASSES, Label, LabelKind
from monitor.quiet import hushed
from monitor.records import SAME_PATIENT
from monitor.settings import FilterSettings, Settings

if TYPE_CHECKING:
    import keras

__all__ = ["Config", "Report", "fit", "fit_members", "load", "pool", "predict", "train"]

TRAINED: Final[tuple[Label, ...]] = ("N", "S", "V", "Q")
"""Classes the network tells apart; most of Q are false detections in noise."""

TAUGHT: Final[dict[Label, Label]] = {"F": "V"}
"""Fusion beats are taught as what they are in part. Nearly all of the training side are one patient's, so
that no other's are ever told; EC57 counts an F called V as no false V, and F as V in runs."""

_RAREST = 1e-3
"""No class weighs as if it were rarer than this."""

_ASIDE: Final = ("alone",)
"""Features that the offsets look at and no member."""
_JUDGED: Final = ("clean", "single", "moved")
"""Copies that the offsets are chosen on."""
_COPIES: Final = ("single", "disturbed", "lone", "retimed", "varied", "moved")
_LONE: Final = {"lone": 1.0, "mixed": 0.5}
_MOVED_DB = 3.0
"""Electrodes that move: signal-to-noise ratio in the middle, +-8 dB."""

Report = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what comes out.

    Attributes
    ----------
    records
        What is read: trained on, but for ``left_out``, and predicted in turn by networks that never
        saw the patient.
    left_out
        Never trained on: records with a doubtful reference, and those that noise is tested on.
    tuned_on
        Whose predictions choose the offsets, but for ``left_out``.
    members
        Architectures of the networks whose average is served, each with a seed of its own.
    single, disturbed, lone, retimed, varied, moved
        Copies of each record beside the clean one: each lead alone, in turn; `models.data.disturb`, and the
        same with one lead alone; `models.retime` without and with varied conduction; `models.copies`.
    shown
        Share of the beats of every copy that an epoch shows; of the N ``normal_share`` of that.
    power
        Class weights are (1 / frequency) ** power.
    goals
        What the class offsets are chosen for. A false V counts twice a missed one: it is false alarms that
        make people silence a monitor, and between the two F1 itself hardly chooses.
    doubt
        Added to the log probability of Q before that: an honest Q beats a wrong V. 0.5 takes away a
        quarter of the false V under electrode motion, and 0.3 points of Se of V without it.
    """

    records: tuple[str, ...] = data.DS1
    left_out: tuple[str, ...] = (*data.DOUBTFUL, *data.NOISE_TESTS)
    tuned_on: tuple[str, ...] = data.DS1
    folds: tuple[tuple[str, ...], ...] = data.FOLDS
    members: tuple[str, ...] = ("beat_mlp",) * 5
    window: WindowSpec = WindowSpec(fs=128.0, n_pre=49, n_post=46, n_leads=2, shapes=2, features=FEATURES)
    band: FilterSettings = FilterSettings()
    detection: Settings = Settings()
    augment: Augment = Augment()
    single: int = 2
    disturbed: int = 2
    lone: int = 1
    retimed: int = 2
    varied: int = 1
    moved: int = 2
    epochs: int = 10
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    shown: float = 0.33
    normal_share: float = 0.4
    power: float = 0.3
    label_smoothing: float = 0.02
    doubt: float = 0.5
    goals: dict[str, Goal] = msgspec.field(
        default_factory=lambda: {"V": Goal(beta=0.5), "S": Goal(weight=0.5)}
    )
    seed: int = 1


def pool(recordings: Sequence[Recording], config: Config, report: Report) -> tuple[Beats, NDArray[np.str_]]:
    """Detect and cut all beats, copy by copy, the clean ones first; return also of which copy each is."""
    copies_of = {kind: getattr(config, kind) for kind in _COPIES}
    kinds = [("clean", 0), *((kind, which) for kind, n in copies_of.items() for which in range(n))]
    parts = []
    of_which = []
    for number, (kind, which) in enumerate(kinds):
        for k, recording in enumerate(recordings):
            rng = np.random.default_rng([config.seed, number, k])
            parts.append(_cut(recording, kind, which, config, rng))
            of_which.append(np.full(len(parts[-1].labels), kind))
            report("cutting beats", number * len(recordings) + k + 1, len(kinds) * len(recordings))
    return data.join(parts), np.concatenate(of_which)


def _cut(recording: Recording, copy: str, which: int, config: Config, rng: np.random.Generator) -> Beats:
    """Cut the beats of one copy of a record: which of its kind tells what lead a single one is."""
    changed, signal = recording, recording.signal
    if copy == "single":
        lead = which % signal.shape[1]
        signal = np.ascontiguousarray(signal[:, lead : lead + 1])
    elif copy == "moved":
        moved = Copy(database=database(recording.name), snr_db=_MOVED_DB, moved=True)
        signal = copies.changed(recording, moved, copies.read, rng).signal
    elif copy in ("retimed", "varied"):
        changed = retimed(recording, rng, varied=copy == "varied")
        signal = data.disturb(changed, config.augment, rng)
    elif copy == "lone":
        signal = data.disturb(recording, msgspec.structs.replace(config.augment, **_LONE), rng)
    elif copy == "disturbed":
        signal = data.disturb(recording, config.augment, rng)
    found = data.detected(changed, signal, config.detection)
    return data.cut(changed, signal, found, config.window, config.band)


def fit_members(
    beats: Beats, allowed: NDArray[np.bool_], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float | str]]]:
    """Train ``config.members`` on the allowed rows and return their average."""
    members = []
    history: list[dict[str, float | str]] = []
    for k, name in enumerate(config.members):
        alone = msgspec.structs.replace(config, seed=config.seed + k)
        told = _part(report, f"network {k + 1}", k, len(config.members))
        model, rows = fit(name, beats, allowed, alone, told)
        members.append(model)
        history += [{"member": name, **row} for row in rows]
    return average(members, seen=_seen(config), n_features=len(config.window.features)), history


def fit(
    architecture: str, beats: Beats, allowed: NDArray[np.bool_], config: Config, report: Report
) -> tuple["keras.Model", list[dict[str, float]]]:
    """Train one network on the allowed rows.

    Returns
    -------
    model, history
        Probabilities over `TRAINED`; one row per epoch.
    """
    with hushed():
        import keras
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    chance = config.shown * np.where(beats.labels == CLASSES.index("N"), config.normal_share, 1.0) * allowed
    n_steps = config.epochs * max(1, round(float(chance.sum())) // config.batch)
    model = ARCHITECTURES[architecture](beats.windows.shape[1:], len(_seen(config)), len(TRAINED))
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            config.learning_rate / 10, n_steps, warmup_target=config.learning_rate, warmup_steps=n_steps // 20
        ),
        weight_decay=config.weight_decay,
        use_ema=True,
        ema_momentum=0.99,
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss)
    history = []
    for epoch in range(config.epochs):
        began = time.perf_counter()
        losses = []
        for inputs, target, weight in _batches(beats, chance, config, rng):
            losses.append(float(model.train_on_batch(inputs, target, sample_weight=weight)))
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


def train(config: Config, folder: Path, *, command: str, report: Report, source: Path | None = None) -> Card:
    """Run the whole recipe and fill ``folder``, which must not exist yet.

    The folder holds ``config.json``, ``environment.json``, ``history.csv``, ``model.keras`` and, last
    of all, ``card.json``: a run without a card is not finished. The networks of the cross-validation
    lie in ``folds``, a whole run folder each, whose card tells whom it never saw.
    """
    folder.mkdir(parents=True)
    _write_json(folder / "config.json", config)
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
        part = _part(report, f"fold {k + 1}", k, len(config.folds))
        model, history = fit_members(beats, allowed, config, part)
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


def _seen(config: Config) -> list[int]:
    """Return the places of the features that members are shown."""
    return [k for k, name in enumerate(config.window.features) if name not in _ASIDE]


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
    _write_json(folder / "environment.json", {**environment, "backend": keras.backend.backend()})
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


def _batches(
    beats: Beats, chance: NDArray[np.float64], config: Config, rng: np.random.Generator
) -> Iterator[tuple[list[NDArray[np.float32]], NDArray[np.float32], NDArray[np.float32]]]:
    """Yield ([window, features], one-hot target, weight): one epoch in random order.

    Half of the beats are shown as for a provisional label, half as for a confirmed one.
    """
    seen = _seen(config)
    rows = rng.permutation(np.flatnonzero(rng.uniform(size=len(chance)) < chance))
    taught = [TRAINED.index(TAUGHT.get(name, name)) for name in CLASSES] + [TRAINED.index("Q")]
    targets = np.array(taught)[beats.labels]
    share = np.bincount(targets[rows], minlength=len(TRAINED)) / max(1, len(rows))
    weights = np.maximum(share, _RAREST) ** -config.power
    weights /= np.sum(weights * share)
    one_hot = np.eye(len(TRAINED), dtype=np.float32)
    for start in range(0, max(1, len(rows) - config.batch + 1), config.batch):
        batch = rows[start : start + config.batch]
        provisional = rng.uniform(size=(len(batch), 1)) < 0.5
        features = np.where(provisional, beats.features[batch], beats.confirmed[batch])
        target = targets[batch]
        yield [beats.windows[batch], features[:, seen]], one_hot[target], weights[target].astype(np.float32)


def _shift(model: "keras.Model", offsets: NDArray[np.float64], config: Config) -> None:
    """Let the network add the offsets: those for more leads, or where ``alone`` says so for one."""
    places = [CLASSES.index(name) for name in TRAINED]
    several, one = offsets[:, places]
    kernel = np.zeros((len(config.window.features), len(TRAINED)), np.float32)
    kernel[config.window.features.index("alone")] = one - several
    model.get_layer("offsets").set_weights([kernel, several.astype(np.float32)])


def _part(report: Report, name: str, k: int, n: int) -> Report:
    """Return a report for the k-th of n equal parts of the work."""
    return lambda what, done, total: report(f"{name}: {what}", k * total + done, n * total)


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
