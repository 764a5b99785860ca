"""The recipe of the QRS verifier: it runs, learns, is fair to the held-out patient, and ends in a file."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

from models import weights
from models.cli import app
from models.copies import COPIES, Copy, changed, database, stressed
from models.data import FOLDS, SVDB, Recording
from models.motion import motion
from models.verifier import Config, Trained, first_guess, fit, gather, score, train
from models.verifier import _Task as Task
from monitor.errors import ArtifactError, StorageError
from monitor.records import DS1, DS2
from monitor.settings import DetectorSettings
from monitor.weights import fitting, shipped
from monitor.weights import read as read_weights

FS = 180.0


def patient(name: str) -> Recording:
    """Return a made-up patient with T waves as sharp as QRS complexes, which height alone cannot tell."""
    rng = np.random.default_rng(list(name.encode()))
    seconds = 1.0 + np.cumsum(rng.normal(0.9, 0.03, 130))
    time = np.arange(round((seconds[-1] + 2) * FS)) / FS
    signal = 0.01 * rng.standard_normal((len(time), 2))
    for second in seconds:
        for after, width, height in ((0.0, 0.014, 1.0), (0.3, 0.028, 0.9)):
            signal += height * np.exp(-0.5 * ((time[:, np.newaxis] - second - after) / width) ** 2)
    peaks = np.rint(seconds * FS).astype(np.int64)
    return Recording(name, FS, signal, peaks, np.zeros(len(peaks), np.int64), np.zeros(len(time), np.bool_))


def noise_or_patient(name: str) -> Recording:
    """Stand in for the databases."""
    if database(name) != "nstdb":
        return patient(name)
    rng = np.random.default_rng(len(name))
    signal = np.cumsum(rng.standard_normal((20_000, 2)), axis=0)
    none = np.empty(0, np.int64)
    return Recording(name, FS, signal, none, none, np.zeros(len(signal), np.bool_))


CONFIG = Config(
    records=("a", "b", "c"),
    folds=(("a",), ("b",), ("c",)),
    copies=(Copy(database="mitdb"), Copy(database="mitdb", still=True)),
    rounds=2,
    epochs=15,
    batch=64,
    easy_share=1.0,
    from_s=5.0,
    strain_db=(),
)


def test_the_recipe_learns_what_height_alone_cannot_tell() -> None:
    """From a first guess that takes T waves for beats to nearly none, on patients not seen."""
    trained = train(CONFIG, read=noise_or_patient)
    before = [score(Task(name, CONFIG, noise_or_patient, first_guess(), 0))[0] for name in CONFIG.records]
    after = [trained.errors[name][0] for name in CONFIG.records]
    assert len(trained.held_out) == len(CONFIG.folds)
    assert [error.n for error in before] == [error.n for error in after]
    assert sum(error.fn + error.fp for error in before) > 50
    assert sum(error.fn + error.fp for error in after) <= 5
    assert score(Task("d", CONFIG, noise_or_patient, trained.network, 0))[0].fp <= 2


def test_the_same_seed_gathers_the_same_examples() -> None:
    """What is random depends on seed, round, copy and record alone, not on the order of workers."""
    copies = (Copy(database="mitdb", snr_db=6.0, fs=128.0), Copy(database="mitdb", snr_db=0.0, moved=True))
    config = Config(records=("a",), copies=copies, from_s=5.0)
    task = Task("a", config, noise_or_patient, first_guess(), 0)
    first, second = gather(task), gather(task)
    for column, again in zip(first, second, strict=True):
        assert_array_equal(column, again)


def test_a_still_copy_has_no_beats_where_the_heart_stands_still() -> None:
    """The reference of a copy tells what is in it."""
    original = patient("a")
    still = changed(original, Copy(database="mitdb", still=True), noise_or_patient, np.random.default_rng(1))
    gone = np.setdiff1d(original.peaks, still.peaks)
    size = [np.ptp(original.signal[at - 10 : at + 10, 0]) for at in gone]
    left = [np.ptp(still.signal[at - 10 : at + 10, 0]) for at in gone if not still.flutter[at]]
    assert 10 <= len(gone) < len(original.peaks)
    assert np.median(left) < 0.35 * np.median(size)


def test_the_recipe_never_names_a_test_record() -> None:
    """DS2, and the two records of the noise stress test, are for testing."""
    assert set(Config().records) == set(DS1) - {"118", "119"} | set(SVDB)
    assert set(Config().records) & set(DS2) == set()
    assert {copy.database for copy in COPIES} == {"mitdb", "svdb"}


def test_nobody_is_in_two_folds() -> None:
    """Detector and labels leave the same patients out, 202 with 201; what is new to all is in none."""
    config = Config()
    left_out = [name for k in range(len(FOLDS)) for name in config.left_out(k)]
    assert sorted({*config.records, "202"}) == sorted(left_out)
    assert any({"201", "202"} <= set(config.left_out(k)) for k in range(len(FOLDS)))


def test_motion_is_seeded_and_shared_by_the_leads() -> None:
    """What pulls at one electrode is seen in every lead that uses it."""
    first, again = (motion(20_000, fs=FS, n_leads=2, rng=np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, again)
    correlations = []
    for seed in range(8):
        first, second = motion(20_000, fs=FS, n_leads=2, rng=np.random.default_rng(seed)).T
        correlations.append(abs(np.mean(first * second)))
    assert np.median(correlations) > 0.3


def test_a_stressed_record_is_clean_at_first() -> None:
    """The noise-stress protocol: five minutes clean, then two noisy and two clean in turn."""
    original = patient("a")
    longer = Recording(
        "a", FS, np.tile(original.signal, (4, 1)), original.peaks, original.labels, original.flutter
    )
    noisy = stressed(longer, 0.0, np.random.default_rng(1)).signal
    start = round(300 * FS)
    assert_array_equal(longer.signal[:start], noisy[:start])
    assert np.std(noisy[start:] - longer.signal[start:]) > 0.1


def test_the_file_written_gives_the_network_back(tmp_path: Path) -> None:
    """What the recipe writes is what the monitor reads: five digits of each weight."""
    path = tmp_path / "weights.json"
    weights.write(shipped(), path)
    for array, expected in zip(read_weights(path), shipped(), strict=True):
        assert_array_equal(expected, array)
        assert array.flags.c_contiguous


def test_each_record_gets_the_weights_that_left_it_out(tmp_path: Path) -> None:
    """In a folder of folds; a file is taken as it is, and what no fold names gets the weights of all."""
    weights.write_folds(
        Trained(shipped(), [shipped(), shipped()], {}), tmp_path, names=[["201", "202"], ["svdb/804"]]
    )

    def told(name: str) -> str:
        return Path(fitting(DetectorSettings(weights=str(tmp_path)), name).weights).name

    assert [told(name) for name in ("202", "svdb/804", "804", "100")] == [
        "fold1.json",
        "fold2.json",
        "fold2.json",
        "all.json",
    ]
    for alone in ("", str(tmp_path / "all.json")):
        assert fitting(DetectorSettings(weights=alone), "201") == DetectorSettings(weights=alone)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file"),
        ('{"version": 1}', "left_out"),
        ('{"version": 1, "left_out": [], "layers": {}}', "expected weights of version"),
        ('{"version": 2, "left_out": [], "layers": {"w9": [1]}}', "received w9"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_error(tmp_path: Path, text: str | None, told: str) -> None:
    """Weights of another version, or of none, are refused before anything runs."""
    path = tmp_path / "weights.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ArtifactError, match=told):
        read_weights(path)


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    """The world's faults are ours to name."""
    with pytest.raises(StorageError, match=r"cannot write .*nowhere"):
        weights.write(shipped(), tmp_path / "nowhere" / "weights.json")


def test_fitting_is_repeatable() -> None:
    """One seed fixes the weights."""
    config = Config(records=("a",), copies=(Copy(database="mitdb"),), epochs=1, batch=64, easy_share=1.0)
    rows = gather(Task("a", config, noise_or_patient, first_guess(), 0))
    for array, again in zip(fit(rows, config), fit(rows, config), strict=True):
        np.testing.assert_allclose(again, array, rtol=1e-4, atol=1e-6)


def test_the_command_teaches_with_an_example() -> None:
    """Help says how long it takes, what it needs and what to type."""
    told = CliRunner().invoke(app, ["verifier", "--help"], env={"COLUMNS": "200"}).output
    for words in ("minutes", "nstdb", "beatline models verifier monitor/qrs_weights.json"):
        assert words in told
