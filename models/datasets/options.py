"""What may be asked of a data set; kept in a run's configuration, so plain data."""

from typing import Literal

import msgspec

__all__ = ["DataOptions"]


class DataOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked of a data set. A data set ignores what is not about it.

    Attributes
    ----------
    records
        ``wfdb``, ``kachuee``: ``mitdb`` (the 44 records without a pacemaker; for ``kachuee`` all 48),
        ``all`` (48), ``DS1``, ``DS2``, ``svdb``, names, or any of these with commas between.
    plain
        ``wfdb``: the raw signal, resampled, instead of the serving filter and cut.
    rows
        At most so many beats, evenly out of every part, class and record; None for all.
    leads
        ``wfdb``: how many leads, the first ones of the record.
    n_pre, n_post
        ``wfdb``, ``ptbxl``: points at 125 Hz before and after R.
    balanced
        ``kachuee``: the paper's own test, 819 beats of each class drawn without replacement (fewer
        where there are not as many); all other beats are for training.
    peaks
        ``kachuee``: ``annotated`` cuts at the reference's R, as the published CSVs evidently do;
        ``maxima`` finds R by the paper's text.
    task
        ``kaggle``: which pair of files, ``arrhythmia`` (mitbih) or ``infarction`` (ptbdb).
    strict
        ``ptbxl``: only records whose label is sure (see `models.datasets.ptbxl`).
    """

    records: str = "mitdb"
    plain: bool = False
    rows: int | None = None
    leads: int = 2
    n_pre: int = 93
    n_post: int = 93
    balanced: bool = False
    peaks: Literal["annotated", "maxima"] = "annotated"
    task: Literal["arrhythmia", "infarction"] = "arrhythmia"
    strict: bool = False

    def __post_init__(self) -> None:
        counts = {"leads": self.leads, "rows": 1 if self.rows is None else self.rows}
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f"{name}: expected at least 1, received {count}")
