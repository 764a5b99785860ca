"""Beats of MIT-BIH: cut as served, raw, and as the published CSVs have them."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.testing import assert_array_equal

from models.data import AAMI
from models.datasets import BeatSet, DataOptions, load
from models.datasets.kachuee import PUBLISHED_TEST, PUBLISHED_TRAIN
from models.datasets.wfdb_beats import names_of
from monitor import records
from monitor.errors import SettingsError, SourceError
from monitor.events import CLASSES
from monitor.physionet import PACED
from tests.datasets.made import ecg, write_record

FS = 360.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two records of MIT-BIH's format: 30 s, two leads, every fifth beat V."""
    made = tmp_path_factory.mktemp("mitdb")
    for name in ("100", "101"):
        lead = ecg(30, fs=FS)
        write_record(made, name, np.column_stack([lead, -0.5 * lead]), fs=FS, leads=("MLII", "V5"))
        peaks = np.rint(np.arange(0.5, 30, 0.8) * FS).astype(np.int64)
        symbols = ["V" if k % 5 == 4 else "N" for k in range(len(peaks))]
        wfdb.wrann(
            name,
            "atr",
            np.array([10, *peaks]),
            ["+", *symbols],
            aux_note=["(N"] + [""] * len(peaks),
            write_dir=str(made),
        )
    return made


def of(folder: Path, name: str = "wfdb", **options: object) -> BeatSet:
    return load(name, data=folder, options=DataOptions(**{"records": "100,101", **options}))  # type: ignore[arg-type]


def test_every_annotated_beat_is_cut_at_r(folder: Path) -> None:
    """R in the middle, both leads, each from 0 to 1; DS1 and DS2 are the source's parts."""
    beats = of(folder)
    assert (74, 187, 2) == beats.x.shape
    assert {"N": 60, "V": 14} == {name: int((beats.y == CLASSES.index(name)).sum()) for name in "NV"}
    inner = beats.of(np.arange(2, 34))
    assert abs(inner.x[:, 60:127, 0].argmax(axis=1) + 60 - 93).max() <= 1
    assert_array_equal(np.ones((32, 2)), inner.x.max(axis=1))
    assert_array_equal(np.zeros((32, 2)), inner.x.min(axis=1))
    assert {("100", "test"), ("101", "train")} == set(
        zip(beats.records.tolist(), beats.part.tolist(), strict=True)
    )
    assert beats.window == DataOptions().window()


def test_raw_windows_cannot_be_served(folder: Path) -> None:
    """The monitor filters first: what is not filtered has no window on its card."""
    plain, filtered = of(folder, plain=True, leads=1), of(folder, leads=1)
    assert plain.window is None
    assert plain.x.shape == filtered.x.shape
    assert 0.002 < np.abs(plain.x - filtered.x)[2:34].mean() < 0.1


def test_more_leads_than_there_are_is_an_error(folder: Path) -> None:
    """What was expected and received."""
    with pytest.raises(SettingsError, match=r"record 100: expected at least 3 leads, received 2"):
        of(folder, leads=3)


def test_a_record_that_is_not_there_is_named(folder: Path) -> None:
    """The world's fault, with the path."""
    with pytest.raises(SourceError, match=r"record 102 not found: expected .*102\.hea"):
        of(folder, records="102")


def test_names_and_sets_are_understood() -> None:
    """44 records without a pacemaker, 48 with; each once."""
    assert (44, 48, 22) == tuple(len(names_of(name)) for name in ("mitdb", "all", "DS1"))
    assert set(PACED) == set(names_of("all")) - set(names_of("mitdb"))
    assert ("101", "svdb/800") == names_of("101, svdb/800,101")
    with pytest.raises(SettingsError, match=r"records: expected names or sets"):
        names_of(" , ")


def test_published_beats_start_at_r_and_end_after_the_next(folder: Path) -> None:
    """Every third sample, 1.2 RR long, from 0 to 1, then zeros; no beat without a next."""
    beats = of(folder, "kachuee")
    assert (72, 187, 1) == beats.x.shape
    kept = 1 + int(1.2 * 0.8 * 120)
    assert_array_equal(np.zeros((72, 187 - kept)), beats.x[:, kept:, 0])
    assert_array_equal(np.ones(72), beats.x.max(axis=1)[:, 0])
    assert (beats.x[:, 0, 0] > 0.95).all()
    raw = records.read("100", data=folder).digital[180::3, 0][:kept].astype(float)
    assert np.abs((raw - raw.min()) / np.ptp(raw) - beats.x[0, :kept, 0]).max() < 1e-6


def test_served_beats_of_the_same_window_end_by_the_rr_before(folder: Path) -> None:
    """What a monitor can know: the length follows from the past, so that the last beat is there too."""
    beats = of(folder, "kachuee", recipe="served")
    assert (74, 187, 1) == beats.x.shape
    assert beats.window is not None
    assert (120.0, 0, 1.2) == (beats.window.fs, beats.window.n_pre, beats.window.length_rr)


def test_the_paper_finds_r_among_the_maxima(folder: Path) -> None:
    """Section III: of 10-s windows, scaled as a whole; a beat that the window cuts off is left out."""
    beats = of(folder, "kachuee", recipe="paper")
    assert 125.0 == beats.fs
    assert 60 <= len(beats) <= 72
    assert (beats.x[:, 0, 0] > 0.9).all()


def test_train_and_test_are_drawn_by_class(folder: Path) -> None:
    """A fifth of each class, the same every time."""
    beats, again = of(folder, "kachuee"), of(folder, "kachuee")
    assert beats.part.tolist() == again.part.tolist()
    for label in (0, 2):
        mine = beats.part[beats.y == label]
        assert round(0.2 * len(mine)) == (mine == "test").sum()
        assert len(mine) == np.isin(mine, ("train", "test")).sum()


@pytest.mark.parametrize(
    ("name", "options", "instead"),
    [
        ("kachuee", {"recipe": "published"}, "recipe=served"),
        ("kachuee", {"recipe": "paper"}, "recipe=served"),
        ("kachuee", {"recipe": "served"}, ""),
        ("wfdb", {"plain": True}, "without plain=true"),
        ("wfdb", {}, ""),
    ],
)
def test_windows_that_serving_does_not_cut_say_what_to_ask_for(
    folder: Path, name: str, options: dict[str, object], instead: str
) -> None:
    """Law 2, causal: the RR to the next beat is not known when a beat is told."""
    beats = of(folder, name, **options)
    assert beats.unserved.endswith(instead)
    assert bool(beats.unserved) == bool(instead)


@pytest.mark.parametrize("name", ["kachuee", "wfdb"])
def test_a_balance_is_the_splits_and_not_the_data_sets(folder: Path, name: str) -> None:
    """Beats that came again before they are split would be on both sides of a split by beat."""
    plain, asked = of(folder, name), of(folder, name, balanced=True)
    assert_array_equal(plain.x, asked.x)
    assert plain.part.tolist() == asked.part.tolist()


def test_the_published_recipe_wants_mit_bihs_rate(tmp_path: Path) -> None:
    """Every third sample is 120 Hz of 360 Hz alone."""
    write_record(tmp_path, "100", ecg(5, fs=250)[:, np.newaxis], fs=250, leads=("II",))
    wfdb.wrann("100", "atr", np.array([125, 325]), ["N", "N"], write_dir=str(tmp_path))
    with pytest.raises(SettingsError, match=r"record 100: expected 360 Hz.*received 250 Hz"):
        of(tmp_path, "kachuee", records="100")


def test_the_rebuilt_beats_are_the_published_ones(mitdb: Path) -> None:
    """The first points of four beats as the published files were quoted, each at its annotated R."""
    quoted = {
        ("122", 82213): [0.977941, 0.926471, 0.681373, 0.245098, 0.154412, 0.191176, 0.151961],
        ("103", 322111): [1.000000, 0.758264, 0.111570, 0.000000, 0.080579, 0.078512, 0.066116],
        ("222", 58685): [0.730088, 0.212389, 0.000000, 0.119469, 0.101770, 0.101770, 0.110619],
        ("111", 596428): [0.570470, 0.399329, 0.238255, 0.147651, 0.000000, 0.003356, 0.040268],
    }
    for (record, sample), expected in quoted.items():
        beats = of(mitdb, "kachuee", records=record)
        found, symbols, _ = records.annotations(record, data=mitdb)
        peaks = [int(at) for at, symbol in zip(found, symbols, strict=True) if symbol in AAMI]
        actual = beats.x[peaks.index(sample), : len(expected), 0]
        assert np.abs(actual - expected).max() < 1e-6, record


def test_the_annotations_give_the_published_counts(mitdb: Path) -> None:
    """All 48 records, all beats but the last of each: 109,446, and in every class as published."""
    counts = np.zeros(5, dtype=int)
    for name in names_of("all"):
        _, symbols, _ = records.annotations(name, data=mitdb)
        labels = [CLASSES.index(AAMI[symbol]) for symbol in symbols if symbol in AAMI]
        counts += np.bincount(labels[:-1], minlength=5)
    assert [a + b for a, b in zip(PUBLISHED_TRAIN, PUBLISHED_TEST, strict=True)] == counts.tolist()
