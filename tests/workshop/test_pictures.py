"""Pictures are written as PNG whatever there is to draw, and galleries show what they say."""

import struct
from pathlib import Path

import numpy as np
import pytest

from models.workshop import gallery, metrics, pictures, waves
from models.workshop.explain import Explanation, Method
from models.workshop.material import Axis, axis_of
from monitor.canvas import confusion
from monitor.errors import StorageError
from tests.workshop import made

AXIS = Axis(np.linspace(-200.0, 200.0, 30), "ms from R")


def size(path: Path) -> tuple[int, int]:
    """Return width and height of a PNG file."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def test_an_empty_row_and_column_are_drawn(tmp_path: Path) -> None:
    """A class without beats is no division by zero."""
    confusion([[3, 1, 0], [0, 0, 0], [2, 2, 0]], "NSV", "NSV", tmp_path / "new" / "a.png")
    assert (624, 417) == size(tmp_path / "new" / "a.png")


def test_curves_of_all_classes_or_of_none(tmp_path: Path) -> None:
    """Nine classes have colours and dashes too, and where no class has a curve the axes stand empty."""
    line = metrics.Curve(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.8, 1.0]))
    names = [f"c{k}" for k in range(9)]
    pictures.curves(dict.fromkeys(names, line), tmp_path / "a.png", labels=("x", "y"), shares=None)
    shares = dict.fromkeys(names, 0.1)
    pictures.curves(dict.fromkeys(names, line), tmp_path / "b.png", labels=("x", "y"), shares=shares)
    pictures.curves({}, tmp_path / "c.png", labels=("x", "y"), shares={})
    assert 1 == len({size(tmp_path / f"{name}.png") for name in "abc"})


def test_calibration_with_empty_bins(tmp_path: Path) -> None:
    """Most bins are empty where a network is sure: they are left out."""
    found = metrics.calibration(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]))
    pictures.reliability(found, metrics.calibration_error(found), tmp_path / "a.png")
    assert size(tmp_path / "a.png")[0] > 700


@pytest.mark.parametrize("n_epochs", [1, 40])
def test_history_of_one_epoch_and_of_many(tmp_path: Path, n_epochs: int) -> None:
    """Seconds and rates are no curves: only what training and validation both have."""
    row = {"epoch": 1.0, "loss": 0.5, "val_loss": 0.7, "accuracy": 0.8, "val_accuracy": 0.6, "seconds": 3.0}
    pictures.history([row] * n_epochs, tmp_path / "a.png")
    assert (1152, 456) == size(tmp_path / "a.png")


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    """The world's fault, told as such."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        confusion([[1]], "N", "N", tmp_path / "file" / "a.png")


def test_gallery_has_hits_and_the_surest_misses() -> None:
    """A row for each class that is there: hits, then misses, the surest first; None for want of more."""
    truth = np.array([0, 0, 0, 0, 2])
    chances = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.4, 0.6, 0], [0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    rows = gallery.choose(truth, chances, ("N", "S", "V"), each=2)
    told = [[one and (one.row, one.truth, one.told, one.probability) for one in row] for row in rows]
    first = [(0, "N", "N", 0.9), (3, "N", "N", 0.7), (1, "N", "S", 0.8), (2, "N", "S", 0.6)]
    assert [first, [(4, "V", "V", 0.7), None, None, None]] == told


def test_gallery_is_drawn_with_gaps_and_flat_beats(tmp_path: Path) -> None:
    """A beat without any wave is drawn, and where there is no beat nothing is."""
    shown = [[gallery.Shown(0, "N", "N", 0.9), None, gallery.Shown(1, "N", "V", 0.8), None]]
    windows = np.zeros((2, 30, 2), np.float32)
    gallery.draw(shown, windows, np.array(["100", ""]), tmp_path / "a.png", axis=AXIS)
    assert (960, 270) == size(tmp_path / "a.png")


@pytest.mark.parametrize("method", ["ig", "gradcam"])
def test_waves_with_what_speaks_for_them(tmp_path: Path, method: Method) -> None:
    """Several classes and leads, and one that nothing speaks for."""
    wave = np.sin(AXIS.ms / 40)[:, None] * np.ones((1, 2))
    speaks = wave if method == "ig" else np.abs(wave)
    found = [
        Explanation(method, "N", 5, True, wave, wave / 9, speaks, None),
        Explanation(method, "V", 1, False, wave, 0 * wave, 0 * wave, None),
    ]
    waves.attribution(found, tmp_path / "a.png", axis=AXIS)
    assert 1248 == size(tmp_path / "a.png")[0]
    assert ["5 hits", "1 beat, none told rightly"] == [one.counted for one in found]


def test_profile_without_information(tmp_path: Path) -> None:
    """Points that tell nothing are drawn as that."""
    waves.profile(np.zeros((30, 1)), {"N": np.ones((30, 1))}, tmp_path / "a.png", axis=AXIS, entropy=0.0)
    assert (840, 600) == size(tmp_path / "a.png")


def test_windows_are_measured_from_r_where_it_is_known() -> None:
    """Milliseconds from R, or from the first point where no window says where R is."""
    found = axis_of(made.beats())
    assert (-192.0, 0.0, "ms from R") == (found.ms[0], found.ms[24], found.label)
