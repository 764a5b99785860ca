"""What each augmentation did, from the rows of an ablation: pairs, intervals, what may be said, a picture."""

import csv
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.canvas import COLOURS, picture
from monitor.errors import ArtifactError
from monitor.storage import drafted

__all__ = ["NONE", "Effect", "Row", "Verdict", "draw", "effects", "read", "save", "text", "write"]

NONE: Final = "none"
"""The name of what the others are compared with."""
TABLE: Final = "effects.csv"
PICTURE: Final = "effects.png"

Verdict: TypeAlias = Literal["helps", "may help", "not told apart", "may harm", "harms"]
"""``helps`` and ``harms`` hold for all that were tried together, the ``may`` for that one alone."""


_RISK: Final = 0.05
"""That an interval misses."""
_COLOURS: Final[dict[Verdict, str]] = {
    "helps": COLOURS[2],
    "may help": "#7FCEB9",
    "not told apart": "#999999",
    "may harm": "#EAAE7F",
    "harms": COLOURS[1],
}


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


def effects(rows: list[Row]) -> list[Effect]:
    """Return what each augmentation did, largest gain first; only seeds that both have are compared.

    The interval is Student's t over the pairs, wider for runs that share most of what they are trained on
    (Nadeau & Bengio, *Inference for the generalization error*, Machine Learning 52:239, 2003). One in
    twenty leaves out zero by chance, so what helps or harms has to do so with an interval that is wider by
    as many as were tried, too (Bonferroni).
    """
    by_seed = {(row.augmentation, row.seed): row for row in rows}
    names = dict.fromkeys(row.augmentation for row in rows)
    found = []
    for name in names:
        seeds = sorted(seed for other, seed in by_seed if other == name and (NONE, seed) in by_seed)
        mine = [by_seed[name, seed] for seed in seeds]
        changes = np.array([row.macro_f1 - by_seed[NONE, row.seed].macro_f1 for row in mine])
        low, high = _interval(changes, risk=_RISK)
        verdict = _verdict((low, high), _interval(changes, risk=_RISK / max(1, len(names) - 1)))
        found.append(
            Effect(
                augmentation=name,
                macro_f1=_rounded(np.mean([row.macro_f1 for row in mine])),
                accuracy=_rounded(np.mean([row.accuracy for row in mine])),
                change=_rounded(changes.mean()),
                low=_rounded(low),
                high=_rounded(high),
                verdict=verdict,
                n=len(mine),
            )
        )
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
    shown = [effect for effect in found if effect.augmentation != NONE][::-1]
    with picture(path, size=(8.0, 1.2 + 0.45 * max(1, len(shown)))) as (_, (axes,)):
        for place, effect in enumerate(shown):
            axes.barh(place, effect.change, color=_COLOURS[effect.verdict], height=0.6)
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


def write(path: Path, rows: list[Row]) -> None:
    """Write rows: all, or none that was not there."""
    with drafted(path) as draft, draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, Row.__struct_fields__)
        writer.writeheader()
        writer.writerows(msgspec.structs.asdict(row) for row in rows)


def _interval(changes: NDArray[np.float64], *, risk: float) -> tuple[float, float]:
    """Return Student's interval of the mean over groups left out; no bounds where there are fewer than two.

    Each run is judged on one of n groups and trained on the rest: 1 / (n - 1) more than 1 / n of variance.
    """
    from scipy.stats import t

    n = len(changes)
    if n < 2:
        return float("-inf"), float("inf")
    half = t.ppf(1 - risk / 2, n - 1) * changes.std(ddof=1) * np.sqrt(1 / n + 1 / (n - 1))
    return float(changes.mean() - half), float(changes.mean() + half)


def _verdict(alone: tuple[float, float], together: tuple[float, float]) -> Verdict:
    if together[0] > 0:
        return "helps"
    if together[1] < 0:
        return "harms"
    return "may help" if alone[0] > 0 else "may harm" if alone[1] < 0 else "not told apart"


def _rounded(figure: float | np.floating) -> float:
    return round(float(figure), 3)
