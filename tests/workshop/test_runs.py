"""Run folders: what a training leaves, how it goes on, and what is refused."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.datasets.splits import manifest, split
from models.workshop import fit
from models.workshop.checkpoint import Progress, arrays, keep, restore
from models.workshop.fit import Examples, Fitting, class_weights
from models.workshop.folder import alone
from models.workshop.runs import RunConfig, is_finished, load_run, train_run
from monitor.artifact import load_card
from monitor.errors import ArtifactError, SettingsError, StorageError
from tests.workshop.waves import CONFIG, SERVED, waves

KILLED = """
import os, signal, sys
from pathlib import Path
from models.workshop.runs import train_run
from tests.workshop.waves import CONFIG, waves

def report(what, done, total):
    if what.startswith("epoch 3"):
        os.kill(os.getpid(), signal.SIGKILL)

train_run(CONFIG, waves(), Path(sys.argv[1]), command="killed", report=report)
"""


def quiet(what: str, done: int, total: int) -> None:
    """Report to nobody."""


def changed(config: RunConfig, **fields: object) -> RunConfig:
    """Return the configuration with other fields."""
    return msgspec.structs.replace(config, **fields)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that ran through."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return train_run(CONFIG, waves(), folder, command="beatline models train whole", report=quiet)


def test_a_finished_run_holds_what_it_should(finished: Path) -> None:
    """The folder of the interface, and no checkpoint or half file left."""
    assert sorted(path.name for path in finished.iterdir()) == [
        "card.json",
        "config.json",
        "environment.json",
        "history.csv",
        "manifest.json",
        "model.keras",
        "predictions.npz",
    ]


def test_a_run_is_read_back_as_it_was(finished: Path) -> None:
    """Configuration, history, predictions of the test part and the network all say the same."""
    beats, run = waves(), load_run(finished)
    parts = split(beats, "patients", seed=CONFIG.seed)
    assert run.config == CONFIG
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    np.testing.assert_array_equal(parts.test, run.predictions.rows)
    np.testing.assert_array_equal(beats.y[parts.test], run.predictions.truth)
    np.testing.assert_array_equal(beats.patients[parts.test], run.predictions.patients)
    assert run.predictions.classes == ("N", "V")
    told = fit.predict(run.model(), beats.x[parts.test])
    np.testing.assert_allclose(run.predictions.probabilities, told, atol=1e-5)
    assert (told.argmax(axis=1) == beats.y[parts.test]).mean() > 0.9


def test_the_card_says_whom_the_network_knows(finished: Path) -> None:
    """Records of the training and validation part, none of the test part; and that it serves."""
    beats, card = waves(), load_card(finished)
    tested = set(beats.records[split(beats, "patients", seed=CONFIG.seed).test].tolist())
    assert set(card.trained_on) == set(beats.records.tolist()) - tested
    assert (card.serves, card.window, card.classes) == ("beats", SERVED, ("N", "V"))
    assert (card.architecture, card.seed, card.command) == ("cnn", 3, "beatline models train whole")
    assert sum(score.n for score in card.metrics["test, split patients"].values()) == 20


def test_a_network_on_windows_that_serving_does_not_cut_serves_nothing(tmp_path: Path) -> None:
    """Though the nearest window is kept, for what reads it: the card says why, and what would serve."""
    beats = replace(waves(), unserved="they see what is to come: train otherwise")
    config = changed(CONFIG, epochs=1)
    card = load_run(train_run(config, beats, tmp_path / "run", command="", report=quiet)).card
    assert (card.serves, card.window, card.unserved) == ("nothing", SERVED, beats.unserved)
    assert manifest(beats)["served"] is False
    with pytest.raises(ArtifactError, match="serves nothing \\(they see what is to come: train otherwise"):
        _ = card.served_window


def test_a_killed_run_goes_on_where_it_was(finished: Path, tmp_path: Path) -> None:
    """Issue, resumable: after kill -9 in the third epoch it ends as one that ran through."""
    folder = tmp_path / "killed"
    done = subprocess.run([sys.executable, "-c", KILLED, folder], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    with pytest.raises(ArtifactError, match=r"expected a finished run, received one without card\.json"):
        load_run(folder)
    begun: list[str] = []
    train_run(CONFIG, waves(), folder, command="again", report=lambda what, *_: begun.append(what))
    assert begun[0].startswith("epoch 3")
    whole, again = load_run(finished), load_run(folder)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(
            [row[name] for row in whole.history], [row[name] for row in again.history], rtol=1e-3
        )
    np.testing.assert_allclose(whole.predictions.probabilities, again.predictions.probabilities, atol=1e-3)


def test_a_finished_run_is_never_written_over(finished: Path) -> None:
    """Not even by the command that made it."""
    before = (finished / "card.json").read_bytes()
    with pytest.raises(ArtifactError, match="received a finished run"):
        train_run(CONFIG, waves(), finished, command="again", report=quiet)
    assert before == (finished / "card.json").read_bytes()


@pytest.mark.parametrize(
    ("config", "seed", "message"),
    [
        (changed(CONFIG, epochs=9), 0, r"\(config\.json\): expected epochs 4; received epochs 9"),
        (CONFIG, 1, r"\(manifest\.json\): expected sha256 .* received sha256"),
    ],
    ids=["configuration", "beats"],
)
def test_another_run_does_not_go_on_in_a_folder(
    finished: Path, tmp_path: Path, config: RunConfig, seed: int, message: str
) -> None:
    """What was expected and received is said, and nothing is touched."""
    folder = shutil.copytree(finished, tmp_path / "begun")
    (folder / "card.json").unlink()
    with pytest.raises(ArtifactError, match=message):
        train_run(config, waves(seed=seed), folder, command="again", report=quiet)
    assert not is_finished(folder)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A run makes its own folder."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtifactError, match="received something else"):
        train_run(CONFIG, waves(), tmp_path, command="", report=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "config.json",
            b'{"arch": "cnn", "colour": "red"}',
            r"config\.json of a workshop run of this version",
        ),
        ("predictions.npz", b"PK", "expected rows, truth, probabilities"),
        ("predictions.npz", b"PK\x03\x04", "expected rows, truth, probabilities"),
        ("predictions.npz", b"", "expected rows, truth, probabilities"),
        ("history.csv", b"epoch,loss\n1,low\n", "expected numbers in columns"),
        ("model.keras", b"none", "the weights are not those of its card"),
    ],
)
def test_a_damaged_run_is_refused(
    finished: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """Whichever file it is."""
    folder = shutil.copytree(finished, tmp_path / "damaged")
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        load_run(folder)


@pytest.mark.parametrize(
    ("change", "received"),
    [({"patients": ["p0"]}, r"patients \(1,\)"), ({"truth": 1}, r"truth \(\)")],
    ids=["short", "a single number"],
)
def test_predictions_that_are_not_of_one_length_are_refused(
    finished: Path, tmp_path: Path, change: dict[str, object], received: str
) -> None:
    """Each beat has a patient, or none is believed."""
    folder = shutil.copytree(finished, tmp_path / "short")
    with np.load(folder / "predictions.npz") as found:
        np.savez(tmp_path / "other.npz", **{**found, **change})
    (tmp_path / "other.npz").replace(folder / "predictions.npz")
    with pytest.raises(ArtifactError, match=rf"expected a row for each beat, .*rows \(20,\), .*{received}"):
        load_run(folder)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """Reading makes nothing up."""
    with pytest.raises(ArtifactError, match=r"expected a run folder with a config\.json"):
        load_run(tmp_path)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    """A training does not quietly begin anew."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint" / "state.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(ArtifactError, match=r"checkpoint .*: expected one of this network"):
        train_run(CONFIG, waves(), tmp_path / "run", command="", report=quiet)


def test_a_checkpoint_of_another_network_is_told_by_its_shapes(tmp_path: Path) -> None:
    """In a line, not in all its weights, and before any of them is taken over."""
    import keras

    small, large = (keras.Sequential([keras.Input((n,)), keras.layers.Dense(4)]) for n in (30, 50))
    state = tmp_path / "state.npz"
    keep(state, small.variables, [], (Progress([]), arrays(small.variables)))
    before = arrays(large.variables)
    with pytest.raises(ArtifactError, match=r"kernel of shape \(30, 4\) instead of \(50, 4\)") as refused:
        restore(state, large.variables, [])
    assert len(str(refused.value)) < 300
    for expected, actual in zip(before, arrays(large.variables), strict=True):
        np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"columns": [1, 2', "selection .*: expected columns and gain, received: Input data was truncated"),
        ('{"gain": []}', "expected columns and gain, received: 'columns'"),
        ('{"columns": [3, 24], "gain": []}', r"expected columns from 0 to 23, received \[3, 24\]"),
    ],
)
def test_a_damaged_selection_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """A run that is taken up again looks at the points that it began with, or does not go on."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "selection.json").write_text(content)
    config = changed(CONFIG, select="ig:6", epochs=1)
    with pytest.raises(ArtifactError, match=message):
        train_run(config, waves(), tmp_path / "run", command="", report=quiet)


def test_a_network_on_other_classes_serves_nothing(tmp_path: Path) -> None:
    """And one on selected points says which, chosen on the training part alone."""
    beats = waves(classes=("NORM", "MI"))
    config = changed(CONFIG, select="ig:6", epochs=1)
    run = load_run(train_run(config, beats, tmp_path / "run", command="", report=quiet))
    assert (run.card.serves, run.card.classes) == ("nothing", ("NORM", "MI"))
    chosen = msgspec.json.decode((tmp_path / "run" / "selection.json").read_bytes())
    assert len(chosen["columns"]) == 6
    assert len(chosen["gain"]) == beats.n_points
    assert run.model().input_shape == (None, beats.n_points, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arch": "transformer"}, "no such network: expected one of cnn, lstm"),
        ({"augment": ("mirror",)}, "received mirror"),
        ({"select": "ig:99"}, "expected ig:K with K from 1 to 24"),
        ({"split": "by moon"}, "received 'by moon'"),
    ],
)
def test_a_wrong_configuration_makes_no_folder(
    tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    """All is checked before anything is written."""
    with pytest.raises(SettingsError, match=message):
        train_run(changed(CONFIG, **fields), waves(), tmp_path / "run", command="", report=quiet)
    assert not (tmp_path / "run").exists()


def test_an_initial_network_must_fit_the_beats(finished: Path, tmp_path: Path) -> None:
    """Windows and classes, as a transfer would have them wrong."""
    with pytest.raises(ArtifactError, match=r"to 3 classes, received one from \(24, 1\) to \(2,\)"):
        train_run(
            CONFIG,
            waves(classes=("N", "S", "V")),
            tmp_path / "run",
            command="",
            report=quiet,
            initial=load_run(finished).model(),
        )


def test_training_stops_early_and_keeps_its_best_epoch(finished: Path) -> None:
    """Judged on beats of the other class the first epoch is the best, and two more are enough."""
    network, beats = load_run(finished).model(), waves()
    network.get_layer("features").trainable = False
    wrong = Examples(beats.x, 1 - beats.y)
    told: list[int] = []

    def each(history: fit.History) -> None:
        told.append(len(history))

    frozen = np.array(network.get_layer("features").get_weights()[0])
    history = fit.fit(
        network, Examples(beats.x, beats.y), wrong, Fitting(epochs=9, patience=2, batch=16), each=each
    )
    best = min(range(len(history)), key=lambda k: history[k]["val_loss"])
    assert len(history) == best + 3 < 9
    assert told == list(range(1, len(history) + 1))
    of_truth = fit.predict(network, wrong.x)[np.arange(120), wrong.y]
    weights = class_weights(beats.y, 2, "weighted")[wrong.y]
    assert abs(history[best]["val_loss"] + float(np.mean(weights * np.log(of_truth)))) < 1e-3
    np.testing.assert_array_equal(frozen, network.get_layer("features").get_weights()[0])


def test_rare_classes_weigh_more_but_not_without_bound() -> None:
    """The square root of how rare; one on average; nothing for classes that are not there."""
    y = np.repeat([0, 1], [9_900, 100])
    weights = class_weights(y, 3, "weighted")
    assert weights[1] / weights[0] == pytest.approx(np.sqrt(99))
    assert weights[y].mean() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(np.sqrt(990))
    np.testing.assert_array_equal(np.ones(3), class_weights(y, 3, "focal"))
    assert class_weights(y, 3, "balanced")[1] / class_weights(y, 3, "balanced")[0] == pytest.approx(99)


def test_each_class_is_shown_as_often_where_that_is_asked() -> None:
    """As many rows as there are; of a rare class all before any again, of a frequent one none twice."""
    y = np.repeat([0, 1, 3], [900, 90, 7])
    first, second = (fit.evenly(y, np.random.default_rng(k)) for k in (1, 2))
    assert len(first) == len(y)
    times = np.bincount(first, minlength=len(y))
    for label in (0, 1, 3):
        assert abs(times[y == label].sum() - len(y) / 3) <= 3
        assert np.ptp(times[y == label]) <= 1 + (label == 3)  # the last few are cut at random
    assert not np.array_equal(np.sort(first), np.sort(second))
    np.testing.assert_array_equal(first, fit.evenly(y, np.random.default_rng(1)))


def test_a_training_that_runs_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a number is no result."""
    from models.networks import NETWORKS

    beats, network = waves(), NETWORKS["cnn"]((24, 1), 2)
    monkeypatch.setattr(network, "train_on_batch", lambda *_, **__: float("nan"))
    with pytest.raises(ArtifactError, match=r"expected a finite loss, received nan .* in epoch 1"):
        fit.fit(network, Examples(beats.x, beats.y), None, Fitting(epochs=1))


def test_only_one_process_works_in_a_folder(tmp_path: Path) -> None:
    """Two at once would write over each other; the second is told, the first goes on."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    with alone(tmp_path / "run"), pytest.raises(StorageError, match="expected no other process at work"):
        train_run(CONFIG, waves(), tmp_path / "run", command="", report=quiet)


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    """The world's fault, in one line."""
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(StorageError, match="cannot be written: No space left on device"), alone(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
