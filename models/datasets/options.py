"""What may be asked of a data set; kept in a run's configuration, so plain data."""

from typing import Final, Literal

import msgspec

from monitor.errors import SettingsError
from monitor.window import WindowSpec

__all__ = ["WINDOW", "DataOptions"]

WINDOW: Final = ("fs", "n_pre", "n_post", "scaling", "length_rr")
"""What `DataOptions.window` is made of, but for the leads."""


class DataOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked of a data set. What is not about it is refused: see `models.datasets.check`.

    Attributes
    ----------
    records
        ``wfdb``, ``kachuee``: ``mitdb`` (the 44 records without a pacemaker; for ``kachuee`` all 48),
        ``all`` (48), ``paced``, ``DS1``, ``DS2``, ``svdb``, names, or any of these with commas between.
        ``ptb``: names such as ``patient001/s0010_re``; ``mitdb`` stands for all there are.
    plain
        ``wfdb``: the raw signal, resampled, instead of the serving filter and cut.
    rows
        At most so many beats, evenly out of every part, class and record; None for all.
    leads
        ``wfdb``: how many leads, the first ones of the record.
    fs, n_pre, n_post, scaling, length_rr
        ``wfdb``, ``ptbxl``, ``ptb``: the window, see `monitor.window.WindowSpec`.
    recipe
        ``kachuee``: how its windows are cut, see `models.datasets.kachuee`.
    balanced
        Whatever is split: as many test beats of each class, see `models.datasets.splits.balanced`.
    task
        ``kaggle``: which pair of files, ``arrhythmia`` (mitbih) or ``infarction`` (ptbdb).
    strict
        ``ptbxl``: only records whose label is sure (see `models.datasets.ptbxl`).

    Raises
    ------
    ValueError
        A count is below 1.
    """

    records: str = "mitdb"
    plain: bool = False
    rows: int | None = None
    leads: int = 2
    fs: float = 125.0
    n_pre: int = 93
    n_post: int = 93
    scaling: Literal["unit", "millivolt"] = "unit"
    length_rr: float | None = None
    recipe: Literal["published", "paper", "served"] = "published"
    balanced: bool = False
    task: Literal["arrhythmia", "infarction"] = "arrhythmia"
    strict: bool = False

    def __post_init__(self) -> None:
        counts = {"leads": self.leads, "rows": 1 if self.rows is None else self.rows}
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f"{name}: expected at least 1, received {count}")

    def window(self, *, n_leads: int | None = None) -> WindowSpec:
        """Return the window asked for, of so many leads; SettingsError where there is no such window."""
        try:
            return WindowSpec(
                fs=self.fs,
                n_pre=self.n_pre,
                n_post=self.n_post,
                n_leads=self.leads if n_leads is None else n_leads,
                shapes=0,
                features=(),
                scaling=self.scaling,
                length_rr=self.length_rr,
            )
        except ValueError as error:
            raise SettingsError(str(error)) from error
