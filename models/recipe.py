"""What decides what the training of the monitor's own network gives."""

from typing import Final

import msgspec

from models import data
from models.data import Augment
from models.evaluate import Goal
from monitor.beats import FEATURES, WindowSpec
from monitor.events import Label
from monitor.settings import FilterSettings, Settings

__all__ = ["TAUGHT", "TRAINED", "Config", "seen"]

TRAINED: Final[tuple[Label, ...]] = ("N", "S", "V", "Q")
"""Classes the network tells apart; most of Q are false detections in noise."""

TAUGHT: Final[dict[Label, Label]] = {"F": "V"}
"""Fusion beats are taught as what they are in part. Nearly all of the training side are one patient's, so
that no other's are ever told; EC57 counts an F called V as no false V, and F as V in runs."""

_ASIDE: Final = ("alone",)
"""Features that the offsets look at and no member."""


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


def seen(config: Config) -> list[int]:
    """Return the places of the features that members are shown."""
    return [k for k, name in enumerate(config.window.features) if name not in _ASIDE]
