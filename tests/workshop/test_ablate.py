"""Which augmentations help: pairs on patients left out, and what is said of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.workshop import ablate as ablation
from models.workshop.ablate import Ablation, ablate, judged
from models.workshop.effects import NONE, Row, effects, save, text
from models.workshop.studies import study_of
from monitor.errors import ArtifactError, SettingsError
from tests.workshop.waves import waves

CONFIG = Ablation(augment=("flip",), epochs=1, seeds=2, batch=16)


def quiet(what: str, done: int, total: int) -> None:
    """Report to nobody."""


def row(augmentation: str, seed: int, macro_f1: float) -> Row:
    """Return a row of which only the figure matters."""
    return Row(
        augmentation=augmentation,
        seed=seed,
        accuracy=90.0,
        macro_f1=macro_f1,
        n_beats=100,
        n_patients=3,
        seconds=1.0,
    )


def test_every_patient_is_left_out_once(tmp_path: Path) -> None:
    """A row per run; over the seeds each beat is judged once; table and picture are written."""
    told: list[tuple[int, int]] = []
    rows = ablate(
        msgspec.structs.replace(CONFIG, augment=()),
        waves(),
        tmp_path / "out",
        command="",
        report=lambda _, done, total: told.append((done, total)),
    )
    assert [(r.augmentation, r.seed, r.n_patients) for r in rows] == [(NONE, 0, 3), (NONE, 1, 3)]
    assert sum(r.n_beats for r in rows) == 120
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    save(effects([*rows, row("flip", 0, 50.0), row("flip", 1, 60.0)]), tmp_path / "out")
    assert study_of(tmp_path / "out") == (
        "ablation",
        True,
        "a finished ablation, whose table is effects.csv; a row per run in results.csv",
    )
    assert (tmp_path / "out" / "effects.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json",
        "effects.csv",
        "effects.png",
        "environment.json",
        "manifest.json",
        "results.csv",
    ]


def test_rows_that_are_there_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is kept as soon as its run is finished; another configuration does not go on."""
    ran: list[tuple[str, int]] = []

    def run(
        _config: Any, _beats: Any, _held: Any, which: tuple[str, int], *, state: Path, report: Any
    ) -> Row:
        if which == (NONE, 1):
            raise KeyboardInterrupt
        ran.append(which)
        state.touch()
        return row(*which, 50.0)

    monkeypatch.setattr(ablation, "_run", run)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            ablate(CONFIG, waves(), tmp_path, command="", report=quiet)
    assert ran == [(NONE, 0), ("flip", 0)]
    with pytest.raises(ArtifactError, match="expected epochs 1; received epochs 7"):
        ablate(msgspec.structs.replace(CONFIG, epochs=7), waves(), tmp_path, command="", report=quiet)


def test_test_patients_have_no_part() -> None:
    """Discipline: what the source keeps for testing chooses nothing; where it keeps nothing, all is used."""
    beats = waves()
    part = np.where(np.isin(beats.patients, ["p0", "p1"]), "test", "train")
    assert set(judged(replace(beats, part=part)).patients.tolist()) == {"p2", "p3", "p4", "p5"}
    assert len(judged(beats)) == 120
    records = np.where(beats.patients == "p0", "231", "101")
    assert set(judged(replace(beats, records=records)).records.tolist()) == {"101"}


def test_beats_of_nobody_are_refused() -> None:
    """No patients, no patients left out."""
    beats = replace(waves(), patients=np.full(120, ""))
    with pytest.raises(SettingsError, match="expected beats that say whose they are"):
        judged(beats)


def test_an_effect_is_a_mean_of_pairs_with_its_interval() -> None:
    """Oracle: Student's t by hand (2.776 with four degrees of freedom), corrected for shared training.

    What is said holds for all tried.
    """
    none = [row(NONE, k, 40.0 + 10 * k) for k in range(5)]
    helps = [row("noise", k, 45.0 + 10 * k + (k % 2)) for k in range(5)]
    harms = [row("flip", k, 37.0 + 10 * k) for k in range(5)]
    perhaps = [row("wander", k, 40.0 + 10 * k + more) for k, more in enumerate((2, 5, 3, 6, 4))]
    open_ = [row("scale", k, 40.0 + 10 * k + (-1) ** k) for k in range(5)]
    found = effects([*none, *helps, *harms, *perhaps, *open_])
    assert [(effect.augmentation, effect.verdict) for effect in found] == [
        (NONE, "not told apart"),
        ("noise", "helps"),
        ("wander", "may help"),
        ("scale", "not told apart"),
        ("flip", "harms"),
    ]
    noise = found[1]
    half = 2.7764 * np.std([5, 6, 5, 6, 5], ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert noise.change == pytest.approx(5.4)
    assert (noise.low, noise.high) == pytest.approx((5.4 - half, 5.4 + half), abs=1e-3)
    assert "noise" in text(found)
    assert "+5.40   +4.38 to  +6.42  helps" in text(found)


def test_one_pair_tells_nothing_apart() -> None:
    """No interval from a single run."""
    assert effects([row(NONE, 0, 40.0), row("flip", 0, 90.0)])[1].verdict == "not told apart"


def test_too_many_seeds_are_refused(tmp_path: Path) -> None:
    """Each run needs patients of its own to be judged on."""
    config = msgspec.structs.replace(CONFIG, seeds=7)
    with pytest.raises(SettingsError, match="one for each of the 6 patients, received 7"):
        ablate(config, waves(), tmp_path / "out", command="", report=quiet)
    assert not (tmp_path / "out").exists()
