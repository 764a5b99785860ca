"""The Kaggle files: read back as written, and refused with file and line where they are not right."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.datasets import DataOptions, csvfiles, load
from models.datasets.splits import split
from models.datasets.writing import write_folder
from monitor.errors import SettingsError, SourceError, StorageError
from tests.datasets.made import beat_set, write_csv

EVERY = [0] * 6 + [1, 2, 3, 4] * 2
NORMAL, ABNORMAL = "ptbdb_normal.csv", "ptbdb_abnormal.csv"


def silent(what: str, done: int, total: int) -> None:
    """Report to nobody."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the four files."""
    for name, labels in {
        "mitbih_train.csv": EVERY,
        "mitbih_test.csv": [0, 1, 2, 3, 4],
        NORMAL: [0] * 3,
        ABNORMAL: [1] * 4,
    }.items():
        write_csv(tmp_path / name, labels)
    return tmp_path


def edited(path: Path, line: int, change: str | None, *, column: int | None = None) -> None:
    """Replace a line, or one of its columns, both counted from 1."""
    lines = path.read_text().splitlines()
    if column is None:
        lines[line - 1 : line] = [] if change is None else [change]
    else:
        cells = lines[line - 1].split(",")
        cells[column - 1] = change or ""
        lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


def test_the_arrhythmia_files_are_read_as_they_are(folder: Path) -> None:
    """188 columns, no header; the files are the parts, nobody knows whose the beats are."""
    beats = load("kaggle", data=folder)
    assert ((19, 187, 1), ("N", "S", "V", "F", "Q")) == (beats.x.shape, beats.classes)
    assert [*EVERY, 0, 1, 2, 3, 4] == beats.y.tolist()
    assert ["train"] * 14 + ["test"] * 5 == beats.part.tolist()
    assert not beats.knows_patients
    assert beats.unserved.endswith("recipe=served")
    assert_array_equal(write_csv(folder / "again.csv", EVERY), beats.x[:14, :, 0])


def test_the_infarction_files_are_read_as_they_are(folder: Path) -> None:
    """Normal is 0, abnormal is 1, not divided."""
    beats = load("kaggle", data=folder, options=DataOptions(task="infarction"))
    assert (("NORM", "MI"), [0, 0, 0, 1, 1, 1, 1]) == (beats.classes, beats.y.tolist())
    assert {""} == set(beats.part.tolist())
    assert (None, "") == (beats.window, beats.unserved)


@pytest.mark.parametrize(
    ("line", "column", "change", "message"),
    [
        (3, None, "0.5,0.25,1.0", r"train.csv, line 3: expected 188 columns .* received 3"),
        (14, None, "0.5,0.25", r"train.csv, line 14: expected 188 columns .* received 2"),
        (
            1,
            None,
            ",".join(f"c{k}" for k in range(188)),
            "line 1: expected a number in column 1 and no header",
        ),
        (2, None, "", "line 2: expected 188 columns .* received 0"),
        (4, 7, "nan", "line 4: expected a number in column 7, received nan"),
        (4, 7, "", "line 4: expected a number in column 7 and no header, received ''"),
        (5, 187, "1.5", "line 5: expected a point from 0 to 1 in column 187, received 1.5"),
        (5, 1, "-inf", "line 5: expected a point from 0 to 1 in column 1, received -inf"),
        (6, 188, "5.0", "line 6: expected a label of 0, 1, 2, 3, 4 in column 188, received 5"),
        (6, 188, "0.5", "line 6: expected a label of 0, 1, 2, 3, 4 in column 188, received 0.5"),
        (6, 188, "nan", "line 6: expected a label of 0, 1, 2, 3, 4 in column 188, received nan"),
        (6, 188, "é", "line 6: expected a number in column 188"),
    ],
)
def test_a_wrong_line_is_named(
    folder: Path, line: int, column: int | None, change: str, message: str
) -> None:
    """File, line, what was expected and received."""
    edited(folder / "mitbih_train.csv", line, change, column=column)
    with pytest.raises(SourceError, match=message):
        load("kaggle", data=folder)


def test_lines_are_counted_over_the_whole_file(folder: Path) -> None:
    """Files are read some thousand lines at a time."""
    path = folder / "mitbih_train.csv"
    write_csv(path, [0, 1, 2, 3, 4] * 404)
    edited(path, 2005, "7.0", column=188)
    with pytest.raises(SourceError, match=r"line 2005: expected a label"):
        load("kaggle", data=folder)


def test_a_class_without_beats_is_named(folder: Path) -> None:
    """A classifier of five classes is not made of four."""
    write_csv(folder / "mitbih_test.csv", [0, 1, 2, 4])
    with pytest.raises(
        SourceError, match=r"mitbih_test.csv: expected beats of every class, received none of 3 \(F\)"
    ):
        load("kaggle", data=folder)


def test_an_empty_file_has_no_beats(folder: Path) -> None:
    """Nothing is not a data set."""
    (folder / NORMAL).write_text("")
    with pytest.raises(SourceError, match=r"received none of 0 \(NORM\) among 0"):
        load("kaggle", data=folder, options=DataOptions(task="infarction"))


def test_normal_and_abnormal_are_not_confused(folder: Path) -> None:
    """The file says what its labels must be."""
    write_csv(folder / NORMAL, [1, 1])
    with pytest.raises(
        SourceError, match=r"normal.csv, line 1: expected a label of 0 in column 188, received 1"
    ):
        load("kaggle", data=folder, options=DataOptions(task="infarction"))


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    """What was looked for, and where."""
    with pytest.raises(SourceError, match=r"mitbih_train.csv: expected a readable file: No such file"):
        load("kaggle", data=tmp_path)
    with pytest.raises(SourceError, match=r"expected --data DIR with mitbih_train.csv and mitbih_test.csv"):
        load("kaggle")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Bit for bit, in the order of the labels, and with whose the beats are: so a split by patient works."""
    beats = beat_set(
        [4, 3, 2, 1, 0] * 4,
        [f"p{k % 10}" for k in range(20)],
        part=["train"] * 10 + ["test"] * 10,
        classes=("N", "S", "V", "F", "Q"),
    )
    points = np.random.default_rng(1).uniform(0, 1, (20, 187, 1)).astype(np.float32)
    beats = type(beats)(**{**{name: getattr(beats, name) for name in beats.__slots__}, "x": points})
    paths = write_folder(tmp_path, beats, DataOptions(), command="-", report=silent)
    assert ["mitbih_train.csv", "mitbih_test.csv", "manifest.json"] == [path.name for path in paths]
    back = load("kaggle", data=tmp_path)
    order = np.lexsort((np.arange(20), beats.y, beats.part != "train"))
    expected = beats.of(order)
    for column in ("x", "y", "patients", "records", "part"):
        assert_array_equal(getattr(expected, column), getattr(back, column), err_msg=column)
    assert len(split(back, "patients", seed=1).test)
    assert 188 == len((tmp_path / "mitbih_test.csv").read_text().splitlines()[0].split(","))
    with pytest.raises(StorageError, match=r"mitbih_train.csv: expected a file that does not exist yet"):
        write_folder(tmp_path, back, DataOptions(), command="-", report=silent)


def test_a_file_of_others_is_not_written_over(tmp_path: Path) -> None:
    """Nor is a list beside: refused before anything is written."""
    beats = beat_set(
        [0, 1, 2, 3, 4] * 2, ["a"] * 10, part=["train"] * 5 + ["test"] * 5, classes=("N", "S", "V", "F", "Q")
    )
    points = np.zeros((10, 187, 1), np.float32)
    beats = type(beats)(**{**{name: getattr(beats, name) for name in beats.__slots__}, "x": points})
    other = tmp_path / "mitbih_test_beats.csv"
    other.write_text("mine")
    for write in (
        lambda: write_folder(tmp_path, beats, DataOptions(), command="-", report=silent),
        lambda: csvfiles.write(tmp_path / "mitbih_test.csv", beats, silent),
    ):
        with pytest.raises(StorageError, match=r"mitbih_test_beats.csv: expected a file that does not exist"):
            write()
    assert ("mine", [other]) == (other.read_text(), list(tmp_path.iterdir()))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Which file, and why."""
    (tmp_path / "taken").write_text("a file")
    beats = beat_set([0, 1], ["a", "b"])
    points = np.zeros((2, 187, 1), np.float32)
    beats = type(beats)(**{**{name: getattr(beats, name) for name in beats.__slots__}, "x": points})
    with pytest.raises(StorageError, match=r"cannot write .*taken/mitbih_train\.csv: "):
        csvfiles.write(tmp_path / "taken" / "mitbih_train.csv", beats, silent)


def test_a_list_beside_that_does_not_fit_is_refused(folder: Path) -> None:
    """Whose a beat is is never guessed."""
    beside = csvfiles.sidecar(folder / "mitbih_train.csv")
    beside.write_text("record,patient\n100,100\n")
    with pytest.raises(
        SourceError, match=r"expected columns record, patient and 14 lines.*received .* and 1 lines"
    ):
        load("kaggle", data=folder)


def test_a_list_beside_that_is_no_text_is_refused(folder: Path) -> None:
    """Which file, and what was wrong with it."""
    csvfiles.sidecar(folder / "mitbih_train.csv").write_bytes(b"record,patient\n\xff\xfe,100\n")
    with pytest.raises(SourceError, match=r"mitbih_train_beats.csv: expected lines of text .* can't decode"):
        load("kaggle", data=folder)


def test_windows_of_another_format_are_not_written(tmp_path: Path) -> None:
    """187 points of one lead, or none."""
    with pytest.raises(
        SettingsError, match=r"expected windows of 187 points and 1 lead for a CSV, received 4"
    ):
        write_folder(tmp_path, beat_set([0], ["a"]), DataOptions(), command="-", report=silent)
