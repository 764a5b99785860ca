"""The card of a run: what monitor and people are told of a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.datasets.beatset import BeatSet
from models.datasets.splits import Split
from monitor import __version__
from monitor.artifact import SCHEMA, WEIGHTS, Card, Score, Serves, digest
from monitor.events import CLASSES
from monitor.settings import FilterSettings

if TYPE_CHECKING:
    import keras

__all__ = ["Origin", "card_of", "scores"]

_SCALING: Final = {
    "unit": "each lead of each window from 0 to 1",
    "millivolt": "millivolts, as filtered",
    "dominant": "QRS height of the patient's dominant beat so far, per lead",
    "": "as the data set has it",
}


class Origin(NamedTuple):
    """What makes the network again: see `monitor.artifact.Card`."""

    architecture: str
    seed: int
    command: str


def card_of(
    network: "keras.Model",
    beats: BeatSet,
    parts: Split,
    *,
    folder: Path,
    origin: Origin,
    figures: dict[str, dict[str, Score]],
) -> Card:
    """Return the card of a network whose weights are already in their folder.

    It serves beats if serving cuts the very windows and knows all classes, and else nothing.

    Parameters
    ----------
    parts
        The rows it was trained on, chosen by and tested on.
    folder
        Holds the weights, and gives the card its name.
    figures
        By the name of what they were measured on.
    """
    import keras

    window = beats.window
    cut = window is not None and not beats.unserved
    serves: Serves = "beats" if cut and set(beats.classes) <= set(CLASSES) else "nothing"
    seen = set(beats.records[np.concatenate([parts.train, parts.validate])].tolist()) - {""}
    return Card(
        schema=SCHEMA,
        name=folder.name,
        architecture=origin.architecture,
        window=window,
        band=FilterSettings(),
        classes=beats.classes,
        scaling=_SCALING[window.scaling if window is not None else ""],
        missing_leads="not trained for: the feed must have every lead",
        sha256=digest(folder / WEIGHTS),
        n_parameters=int(network.count_params()),
        trained_on=tuple(sorted(seen)) or (beats.name,),
        metrics=figures,
        seed=origin.seed,
        command=origin.command,
        version=__version__,
        keras=keras.__version__,
        serves=serves,
        unserved=beats.unserved,
    )


def scores(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], classes: tuple[str, ...]
) -> dict[str, Score]:
    """Return sensitivity, positive predictivity and F1 per class in percent.

    None where undefined, as `models.workshop.metrics.measure` has it: all of a class that has no beats, and
    the predictivity of one that was never told. Plain counts of the most probable class, beat by beat; not
    the EC57 ratios of `models.evaluate`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    ppv, se, f1, n = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), labels=np.arange(len(classes)), zero_division=np.nan
    )
    figures = {}
    for name, count, *row in zip(classes, n.tolist(), se, ppv, f1, strict=True):
        percent = [round(100 * float(value), 2) if count and not np.isnan(value) else None for value in row]
        figures[name] = Score(se=percent[0], ppv=percent[1], f1=percent[2], n=count)
    return figures
