"""The beats that the monitor's own network learns from: each record clean, and copies of it beside."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import copies, data
from models.copies import Copy, database
from models.data import Beats, Recording
from models.progress import Report
from models.recipe import Config
from models.retime import retimed

__all__ = ["pool"]

_COPIES: Final = ("single", "disturbed", "lone", "retimed", "varied", "moved")
_LONE: Final = {"lone": 1.0, "mixed": 0.5}
_MOVED_DB = 3.0
"""Electrodes that move: signal-to-noise ratio in the middle, +-8 dB."""


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
