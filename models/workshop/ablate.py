"""Which augmentations help: each alone against none, on patients that were not trained on.

Beats that a source keeps for testing (DS2, fold 10) are left out before anything else, so that what is
chosen here has not seen them. The patients of the rest are dealt into groups, one for each seed; a run
trains on all groups but one, for a fixed number of epochs, and is judged on that one. Without and with an
augmentation the same patients, order and first weights: what is compared is pairs.
"""

import csv
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.splits import manifest
from models.networks import NETWORKS
from models.workshop.augment import AUGMENTATIONS
from models.workshop.fit import Examples, Fitting, Report, fit, predict
from models.workshop.folder import alone, begin
from models.workshop.pictures import COLOURS, picture
from monitor.errors import ArtifactError, SettingsError
from monitor.physionet import DS2
from monitor.quiet import hushed

__all__ = ["NONE", "Ablation", "Effect", "Row", "ablate", "draw", "effects", "judged", "save", "text"]

NONE: Final = "none"
"""The name of what the others are compared with."""
RESULTS: Final = "results.csv"
TABLE: Final = "effects.csv"
PICTURE: Final = "effects.png"

Verdict: TypeAlias = Literal["helps", "harms", "not told apart"]

_TEST_PARTS: Final = ("test", "fold10")
_LEAST: Final = 10
"""Classes with fewer beats among those judged have no part in the mean over classes: one beat would
move it."""
_LEVEL: Final = 0.95


class Ablation(Fitting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what an ablation gives, but for the beats themselves.

    Attributes
    ----------
    arch, dataset, options
        As in `models.workshop.runs.RunConfig`.
    augment
        Those that are tried, each alone.
    seeds
        How many runs of each, and how many groups the patients are dealt into.
    """

    arch: str = "cnn"
    dataset: str = "wfdb"
    options: DataOptions = DataOptions(records="DS1")
    augment: tuple[str, ...] = tuple(AUGMENTATIONS)
    epochs: int = 6
    patience: int = 0
    seeds: int = 5


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what was done to the training beats, and how patients left out were told, in percent."""

    augmentation: str
    seed: int
    accuracy: float
    macro_f1: float
    n_beats: int
    n_patients: int
    seconds: float


class Effect(NamedTuple):
    """What an augmentation did to the macro F1: mean of the pairs and its 95 % interval, in points."""

    augmentation: str
    macro_f1: float
    accuracy: float
    change: float
    low: float
    high: float
    verdict: Verdict
    n: int


def ablate(config: Ablation, beats: BeatSet, folder: Path, *, command: str, report: Report) -> list[Row]:
    """Run what is not there yet and return all rows; a row is kept as soon as its run is finished.

    Raises
    ------
    ArtifactError
        The folder holds something else, or was begun with another configuration or other beats.
    SettingsError
        There is no such network, or the beats do not tell whose they are, or are of too few patients.
    """
    if config.arch not in NETWORKS:
        raise SettingsError(
            f"no such network: expected one of {', '.join(NETWORKS)}, received {config.arch!r}"
        )
    pool = judged(beats)
    groups = _groups(pool, config.seeds, seed=config.seed)
    checkpoint = begin(folder, config, manifest(beats), command=command)
    with alone(folder):
        rows = read(folder / RESULTS)
        plan = [(name, k) for k in range(config.seeds) for name in (NONE, *config.augment)]
        for done, (name, k) in enumerate(plan):
            if (name, k) in {(row.augmentation, row.seed) for row in rows}:
                continue
            told = _part(report, f"{name}, patients {k + 1} of {config.seeds}", done, len(plan))
            state = checkpoint / f"{name}{k}.npz"
            rows.append(_run(config, pool, groups[k], (name, k), state=state, report=told))
            _write(folder / RESULTS, rows)
            state.unlink()
        shutil.rmtree(checkpoint)
    return rows


def judged(beats: BeatSet) -> BeatSet:
    """Return the beats without those that their source or custom keeps for testing.

    That is the parts ``test`` and ``fold10``, and DS2 wherever MIT-BIH was cut.

    Raises
    ------
    SettingsError
        The beats do not say whose they are.
    """
    if not beats.knows_patients:
        raise SettingsError(
            f"ablation: expected beats that say whose they are, received {beats.name}, which does not"
        )
    tested = np.isin(beats.part, _TEST_PARTS) | np.isin(beats.records, DS2)
    return beats.of(~tested)


def effects(rows: list[Row]) -> list[Effect]:
    """Return what each augmentation did, largest gain first; only seeds that both have are compared.

    The interval is Student's t over the pairs. With as many augmentations as these one in twenty is
    told apart by chance.
    """
    by_seed = {(row.augmentation, row.seed): row for row in rows}
    names = dict.fromkeys(row.augmentation for row in rows)
    found = []
    for name in names:
        seeds = sorted(seed for other, seed in by_seed if other == name and (NONE, seed) in by_seed)
        mine = [by_seed[name, seed] for seed in seeds]
        changes = np.array([row.macro_f1 - by_seed[NONE, row.seed].macro_f1 for row in mine])
        mean, low, high = _interval(changes)
        verdict: Verdict = "helps" if low > 0 else "harms" if high < 0 else "not told apart"
        accuracy, f1 = (
            float(np.mean([getattr(row, what) for row in mine])) for what in ("accuracy", "macro_f1")
        )
        found.append(Effect(name, f1, accuracy, mean, low, high, verdict, len(mine)))
    return sorted(found, key=lambda effect: (effect.augmentation != NONE, -effect.change))


def text(found: list[Effect]) -> str:
    """Return the effects as a table of text."""
    lines = [f"{'':<10}{'macro F1':>9}{'accuracy':>10}{'change':>9}  95 % interval"]
    for effect in found:
        line = f"{effect.augmentation:<10}{effect.macro_f1:9.2f}{effect.accuracy:10.2f}"
        if effect.augmentation != NONE:
            line += f"{effect.change:+9.2f}  {effect.low:+6.2f} to {effect.high:+6.2f}  {effect.verdict}"
        lines.append(line)
    return "\n".join(lines)


def draw(found: list[Effect], path: Path) -> None:
    """Draw the changes as bars with their intervals."""
    colours: dict[str, str] = {"helps": COLOURS[2], "harms": COLOURS[1], "not told apart": "#999999"}
    shown = [effect for effect in found if effect.augmentation != NONE][::-1]
    with picture(path, size=(8.0, 1.2 + 0.45 * max(1, len(shown)))) as (_, (axes,)):
        for place, effect in enumerate(shown):
            axes.barh(place, effect.change, color=colours[effect.verdict], height=0.6)
            axes.plot([effect.low, effect.high], [place, place], color="black", linewidth=1.5)
        axes.axvline(0, color="black", linewidth=1)
        axes.set_yticks(range(len(shown)), [f"{e.augmentation} ({e.verdict})" for e in shown])
        axes.set_xlabel("change of macro F1 against none, points, with 95 % interval")


def save(found: list[Effect], folder: Path) -> None:
    """Write the effects as CSV and as a picture."""
    with (folder / TABLE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Effect._fields)
        writer.writerows(found)
    draw(found, folder / PICTURE)


def read(path: Path) -> list[Row]:
    """Read the rows of a folder, none where it has none; ArtifactError if they are not ours."""
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            return [msgspec.convert(row, Row, strict=False) for row in csv.DictReader(file)]
    except (OSError, ValueError) as error:
        raise ArtifactError(f"results {path}: expected rows of an ablation, received: {error}") from error


def _write(path: Path, rows: list[Row]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, Row.__struct_fields__)
        writer.writeheader()
        writer.writerows(msgspec.structs.asdict(row) for row in rows)
    partial.replace(path)


def _groups(beats: BeatSet, n: int, *, seed: int) -> list[NDArray[np.int64]]:
    """Return the rows of each group of whole patients, every class spread over them as well as it can be."""
    from sklearn.model_selection import StratifiedGroupKFold

    n_patients = len(set(beats.patients.tolist()))
    if not 2 <= n <= n_patients:
        raise SettingsError(
            f"ablation: expected from 2 seeds to one for each of the {n_patients} patients, received {n}"
        )
    dealt = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class may have fewer beats than there are groups; that is no fault.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return [held for _, held in dealt.split(beats.y, beats.y, beats.patients)]


def _run(
    config: Ablation,
    beats: BeatSet,
    held: NDArray[np.int64],
    which: tuple[str, int],
    *,
    state: Path,
    report: Report,
) -> Row:
    from sklearn.metrics import f1_score

    with hushed():
        import keras
    name, k = which
    kept = np.setdiff1d(np.arange(len(beats)), held)
    keras.utils.set_random_seed(config.seed + k)
    network = NETWORKS[config.arch]((beats.n_points, beats.n_channels), len(beats.classes))
    augment = () if name == NONE else (name,)
    fitting = msgspec.structs.replace(config, augment=augment, seed=config.seed + k)
    history = fit(network, Examples(beats.x[kept], beats.y[kept]), None, fitting, state=state, report=report)
    truth, told = beats.y[held], predict(network, beats.x[held]).argmax(axis=1)
    counts = np.bincount(truth, minlength=len(beats.classes))
    f1 = f1_score(truth, told, labels=np.flatnonzero(counts >= _LEAST), average="macro", zero_division=0)
    return Row(
        augmentation=name,
        seed=k,
        accuracy=round(float(100 * np.mean(told == truth)), 3),
        macro_f1=round(float(100 * f1), 3),
        n_beats=len(held),
        n_patients=len(set(beats.patients[held].tolist())),
        seconds=round(sum(row["seconds"] for row in history), 2),
    )


def _interval(changes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean and Student's interval; without bounds where there are fewer than two."""
    from scipy.stats import t

    mean = float(changes.mean()) if len(changes) else float("nan")
    if len(changes) < 2:
        return mean, float("-inf"), float("inf")
    half = float(t.ppf((1 + _LEVEL) / 2, len(changes) - 1) * changes.std(ddof=1) / np.sqrt(len(changes)))
    return mean, mean - half, mean + half


def _part(report: Report, name: str, k: int, n: int) -> Callable[[str, int, int], None]:
    """Return a report for the k-th of n equal parts of the work."""
    return lambda what, done, total: report(f"{name}: {what}", k * total + done, n * total)
