"""Which augmentations help: each alone against none, on patients that were not trained on.

Beats that a source keeps for testing (DS2, fold 10) are left out before anything else, so that what is
chosen here has not seen them. The patients of the rest are dealt into groups, one for each seed; a run
trains on all groups but one, for a fixed number of epochs, and is judged on that one. Without and with an
augmentation the same patients, order and first weights: what is compared is pairs.
"""

import shutil
import warnings
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.splits import manifest
from models.networks import NETWORKS
from models.progress import Report, part
from models.workshop.augment import AUGMENTATIONS
from models.workshop.effects import NONE, Row, read, write
from models.workshop.fit import Examples, Fitting, fit, predict
from models.workshop.folder import alone, begin
from monitor.errors import SettingsError
from monitor.physionet import DS2
from monitor.quiet import hushed

__all__ = ["RESULTS", "Ablation", "ablate", "judged"]

RESULTS: Final = "results.csv"

_TEST_PARTS: Final = ("test", "fold10")
_LEAST: Final = 10
"""Classes with fewer beats among those judged have no part in the mean over classes: one beat would
move it."""


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
            told = part(report, f"{name}, patients {k + 1} of {config.seeds}", done, len(plan))
            state = checkpoint / f"{name}{k}.npz"
            rows.append(_run(config, pool, groups[k], (name, k), state=state, report=told))
            write(folder / RESULTS, rows)
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
