"""Beats of any source in one shape: windows, labels, and where each came from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.window import WindowSpec

__all__ = ["BeatSet", "join", "thinned"]


@dataclass(frozen=True, slots=True)
class BeatSet:
    """Beats ready for a network, row by row.

    Attributes
    ----------
    name
        The data set: ``wfdb``, ``kachuee``, ``kaggle``, ``ptbxl`` or ``ptb``.
    classes
        In the order of the labels: ``("N", "S", "V", "F", "Q")`` or ``("NORM", "MI")``.
    fs
        Points per second of the windows.
    x
        Of shape (n_beats, n_points, n_channels).
    y
        Of shape (n_beats,): index into ``classes``.
    patients
        Of shape (n_beats,): one patient, one name (records 201 and 202 are one); ``""`` where the
        source does not tell.
    records
        Of shape (n_beats,): the name of each beat's record; ``""`` where the source does not tell.
    part
        Of shape (n_beats,): the source's own split: ``train``, ``test``, ``fold1`` to ``fold10``, or ``""``.
    window
        How serving would cut the same beats, or the nearest to it; None where there is no such window.
    unserved
        Why these windows are not those that serving would cut, and what to ask for to have such;
        ``""`` where they are. A network trained on them serves nothing.

    Raises
    ------
    ValueError
        The arrays do not fit one another, or a label is no index into the classes.
    """

    name: str
    classes: tuple[str, ...]
    fs: float
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    patients: NDArray[np.str_]
    records: NDArray[np.str_]
    part: NDArray[np.str_]
    window: WindowSpec | None
    unserved: str = ""

    def __post_init__(self) -> None:
        columns = (self.y, self.patients, self.records, self.part)
        if self.x.ndim != 3 or any(column.shape != (len(self.x),) for column in columns):
            raise ValueError(
                f"beats: expected windows of shape (n, points, channels) and n of everything else, "
                f"received {self.x.shape} and {[column.shape for column in columns]}"
            )
        if len(self.y) and not 0 <= self.y.min() <= self.y.max() < len(self.classes):
            raise ValueError(
                f"labels: expected 0 to {len(self.classes) - 1}, received {self.y.min()} to {self.y.max()}"
            )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_points(self) -> int:
        """Points of a window."""
        return int(self.x.shape[1])

    @property
    def n_channels(self) -> int:
        """Channels of a window."""
        return int(self.x.shape[2])

    @property
    def knows_patients(self) -> bool:
        """Whether every beat says whose it is."""
        return len(self) > 0 and bool(np.all(self.patients != ""))

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "BeatSet":
        """Return the chosen rows, by mask or by index, in that order."""
        return replace(
            self,
            x=self.x[chosen],
            y=self.y[chosen],
            patients=self.patients[chosen],
            records=self.records[chosen],
            part=self.part[chosen],
        )


def join(sets: "list[BeatSet]") -> BeatSet:
    """Put sets of one kind one after the other."""
    first = sets[0]
    return replace(
        first,
        x=np.concatenate([beats.x for beats in sets]),
        y=np.concatenate([beats.y for beats in sets]),
        patients=np.concatenate([beats.patients for beats in sets]),
        records=np.concatenate([beats.records for beats in sets]),
        part=np.concatenate([beats.part for beats in sets]),
    )


def thinned(beats: BeatSet, rows: int | None) -> BeatSet:
    """Return about ``rows`` beats, evenly out of every part, class and record; all if None.

    The same rows every time, in the order of the source.
    """
    if rows is None or rows >= len(beats):
        return beats
    order = np.lexsort((beats.records, beats.y, beats.part))
    places = np.rint(np.linspace(0, len(order) - 1, rows)).astype(np.int64)
    return beats.of(np.sort(order[places]))
