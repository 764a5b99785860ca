"""Infarction against normal: PTB-XL and PTB, on small folders in their exact formats."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.datasets import BeatSet, DataOptions, found, load
from models.datasets.splits import split
from monitor import physionet
from monitor.errors import SourceError
from tests.datasets.made import write_ptb, write_ptbxl, write_record

LABELS = ["NORM", "MI", "NORM", "OTHER", "MI", "NORM"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ptbxl(folder: Path, **options: object) -> BeatSet:
    return load("ptbxl", data=folder, options=DataOptions(**options))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a small ``ptbxl_mi``."""
    write_ptbxl(tmp_path / "ptbxl", LABELS)
    return tmp_path / "ptbxl"


def test_beats_have_the_label_of_their_record(folder: Path) -> None:
    """OTHER is left out; patients, folds and records are the source's."""
    beats = ptbxl(folder)
    assert (("NORM", "MI"), 187, 1) == (beats.classes, beats.n_points, beats.n_channels)
    told = set(
        zip(
            beats.records.tolist(),
            beats.y.tolist(),
            beats.patients.tolist(),
            beats.part.tolist(),
            strict=True,
        )
    )
    assert {
        ("00009", 0, "ptbxl/100", "fold1"),
        ("00010", 1, "ptbxl/100", "fold1"),
        ("00011", 0, "ptbxl/101", "fold2"),
        ("00013", 1, "ptbxl/102", "fold3"),
        ("00014", 0, "ptbxl/102", "fold3"),
    } == told
    assert 8 <= np.unique(beats.records, return_counts=True)[1].min()


def test_found_beats_are_cut_at_r(folder: Path) -> None:
    """R within 20 ms of the window's middle; a window that leaves the record is not cut."""
    beats = ptbxl(folder)
    assert abs(beats.x[:, 60:127, 0].argmax(axis=1) + 60 - 93).max() <= 2
    around = ptbxl(folder, n_pre=0, n_post=186, fs=120.0, length_rr=1.2)
    assert (120.0, 187) == (around.fs, around.n_points)
    assert (around.x[:, 150:] == 0).all()


def test_the_strict_set_has_sure_labels_only(folder: Path) -> None:
    """Likelihood of 50 or more for MI, 80 for NORM; every second record here has 35."""
    assert {"00009", "00011", "00013"} == set(ptbxl(folder, strict=True).records.tolist())


def test_beats_are_found_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detection is kept by a hash of the signals; a broken file is found anew, other signals are others."""
    first = ptbxl(folder)
    (kept,) = physionet.cache("ptbxl_mi").glob("peaks-*.npz")

    calls = []

    def counted(signal: NDArray[np.float64], *, fs: float) -> NDArray[np.int64]:
        calls.append(fs)
        return np.array([2500])

    monkeypatch.setattr(found, "peaks_of", counted)
    assert first.x.tolist() == ptbxl(folder).x.tolist()
    assert [] == calls
    kept.write_bytes(kept.read_bytes()[:100])
    assert 5 == len(ptbxl(folder))
    assert len(LABELS) == len(calls)
    write_ptbxl(folder, ["MI"] * len(LABELS))
    ptbxl(folder)
    assert 2 * len(LABELS) == len(calls)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",label,", ",diagnosis,", "labels.csv: expected columns .* received none of label"),
        (
            ",3,MI",
            ",3,STEMI",
            "labels.csv, line 6: expected a label of NORM, MI and OTHER .* received 'STEMI' and 3",
        ),
        (",3,MI", ",11,MI", "labels.csv, line 6: .*fold from 1 to 10, received 'MI' and 11"),
        (",3,MI", ",,MI", "labels.csv, line 6: expected numbers, a patient"),
        (
            "13,r4",
            "99,r4",
            "the signals of all records in labels.csv, received none of 1 of them, such as ecg_id 99",
        ),
    ],
)
def test_a_wrong_list_is_named(folder: Path, old: str, new: str, message: str) -> None:
    """File, line, what was expected and received."""
    path = folder / "labels.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SourceError, match=message):
        ptbxl(folder)


def test_missing_and_foreign_signals_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked for, and what it should hold."""
    path = folder / "lead2_500hz.npz"
    np.savez(path, x=np.zeros((6, 5000)), ecg_id=np.arange(6))
    with pytest.raises(SourceError, match=r"expected x of int16 .* received float64"):
        ptbxl(folder)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"expected arrays x and ecg_id"):
        ptbxl(folder)
    np.savez(path, y=np.zeros(3))
    with pytest.raises(SourceError, match=r"expected arrays x and ecg_id"):
        ptbxl(folder)
    path.unlink()
    with pytest.raises(SourceError, match=r"lead2_500hz.npz: expected a readable file"):
        ptbxl(folder)
    monkeypatch.delenv("BEATLINE_DATA", raising=False)
    with pytest.raises(SourceError, match=r"expected --data DIR with lead2_500hz.npz and labels.csv"):
        load("ptbxl")


def test_ptb_is_labelled_by_the_reason_for_admission(tmp_path: Path) -> None:
    """Infarction and healthy controls, lead ii; other reasons are left out."""
    write_ptb(
        tmp_path,
        {
            "patient001/s0010_re": "Myocardial infarction",
            "patient001/s0014lre": "Myocardial infarction",
            "patient104/s0306lre": "Healthy control",
            "patient105/s0303lre": "Valvular heart disease",
        },
    )
    beats = load("ptb", data=tmp_path)
    assert {
        ("patient001/s0010_re", "ptb/patient001", 1),
        ("patient001/s0014lre", "ptb/patient001", 1),
        ("patient104/s0306lre", "ptb/patient104", 0),
    } == set(zip(beats.records.tolist(), beats.patients.tolist(), beats.y.tolist(), strict=True))
    assert abs(beats.x[:, 60:127, 0].argmax(axis=1) + 60 - 93).max() <= 2
    sides = split(beats, "random", seed=1)
    assert all(len(rows) for rows in sides)


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        ({"patient001/s0010_re": "Healthy control"}, "received none of MI with beats among 1"),
        ({"patient001/s0010_re": "n/a"}, "received none of NORM with beats among 1"),
        ({}, "expected headers such as patient001/s0010_re.hea, received none"),
    ],
)
def test_a_class_that_ptb_lacks_is_named(tmp_path: Path, reasons: dict[str, str], message: str) -> None:
    """What was expected and received."""
    write_ptb(tmp_path, reasons)
    with pytest.raises(SourceError, match=message):
        load("ptb", data=tmp_path)


def test_ptb_without_lead_ii_or_folder_is_an_error(tmp_path: Path) -> None:
    """Lead ii and no other."""
    comments = ["Reason for admission: Healthy control"]
    signal = np.zeros((2000, 1))
    write_record(tmp_path / "patient001", "s1", signal, fs=1000, leads=("v1",), comments=comments)
    with pytest.raises(SourceError, match=r"patient001/s1: expected lead ii, received v1"):
        load("ptb", data=tmp_path)
    with pytest.raises(SourceError, match=r"expected --data DIR with the PTB"):
        load("ptb")
