"""The network with two outputs: what it is shown and asked, its kernel, its training, its evaluation."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner

from models import data
from models.cli import app
from models.data import Recording
from models.datasets.options import DataOptions
from models.dual import ABNORMAL, BAND, DELAY_S, FS, LEAD_IN, draw, layers_of, lstm_dual, stretch_of
from models.export import export
from models.progress import Progress
from models.workshop import dual_fit
from models.workshop.dual_evaluate import Heard, facts, found, hear, rows_of, tally
from models.workshop.dual_report import table
from models.workshop.dual_train import _save_predictions, parts_of, train_dual
from models.workshop.evaluation import evaluate
from models.workshop.material import recorded
from models.workshop.predictions import load_predictions
from models.workshop.report import EVALUATION, folder_of
from models.workshop.runs import RunConfig, load_run
from monitor.artifact import load_card
from monitor.detect_lstm import LstmDetector
from monitor.errors import ArtifactError, SettingsError, StorageError
from monitor.events import CLASSES
from monitor.score.marks import Marks
from monitor.settings import DetectorSettings
from monitor.weights_lstm import StandIn, stand_in
from tests.standing_in import beating, peaky

RATE = 250.0
N, V, Q = (CLASSES.index(name) for name in "NVQ")


def recording(name: str = "101", seconds: float = 30.0, *, seed: int = 1) -> Recording:
    """Return a made-up patient, every fourth beat V."""
    signal, peaks = beating(seconds, fs=RATE, seed=seed)
    labels = np.where(np.arange(len(peaks)) % 4 == 3, V, N)
    return Recording(name, RATE, signal, peaks, labels, np.zeros(len(signal), np.bool_))


def config(**other: object) -> RunConfig:
    """Return what the command makes of ``--records 101,106,100 --epochs 2 --batch 2``."""
    given = {"epochs": 2, "batch": 2, "augment": ("flip", "noise", "stretch"), "patience": 20, **other}
    given = {"learning_rate": 3e-3, **given}
    options = DataOptions(records="101,106,100")
    return msgspec.convert(
        {"arch": "lstm_dual", "dataset": "signal", "options": msgspec.to_builtins(options), **given},
        RunConfig,
    )


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Let trainings take a second: made-up patients, stretches of 4 s, a network of 4 units."""
    patch.setattr(data, "read", lambda name, **_: recording(name, seed=int(name)))
    patch.setattr(dual_fit, "_STRETCH_S", 4.0)
    patch.setattr(dual_fit, "_PIECE", 250)
    defaults = dual_fit.fit_dual.__kwdefaults__ or {}
    patch.setattr(dual_fit.fit_dual, "__kwdefaults__", {**defaults, "shape": dual_fit.Shape(4, 1, 3)})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run, trained in one go."""
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        folder = tmp_path_factory.mktemp("dual") / "run"
        return train_dual(config(), folder, command="beatline", report=lambda *_: None)


def test_the_kernel_is_the_network() -> None:
    """The served loop says what Keras says of the same input, within 1e-5, over a thousand steps."""
    rng = np.random.default_rng(0)
    network = lstm_dual(units=6, n_layers=2, filters=5)
    for layer in network.layers:
        layer.set_weights([w + rng.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    served = StandIn(layers_of(network), FS, round(DELAY_S * FS), 0.5, (1.0, 0.0), BAND, "")
    made = recording(seconds=10)
    detector = LstmDetector(DetectorSettings(), served, fs=RATE, n_leads=2)
    steps = detector.examine(made.signal, np.zeros(made.signal.shape, np.int8)).steps
    shown = np.pad(steps[:, :2], ((LEAD_IN, 0), (0, 0)))[np.newaxis].astype(np.float32)
    told = network.predict_on_batch(shown)
    assert len(steps) >= 1000
    assert_allclose(steps[:, 2], told["peak"][0, :, 0], atol=1e-5)
    assert_allclose(steps[:, 3], told["normality"][0, :, 1], atol=1e-5)


def test_the_network_has_the_parameters_that_it_says() -> None:
    """Its docstring is not a guess."""
    n = lstm_dual().count_params()
    assert f"{n:,} parameters" in (lstm_dual.__doc__ or "")


def test_it_is_asked_where_it_is_read() -> None:
    """Targets stand where a detector that knows finds its beats: law 6, delays of filter and network."""
    made = recording()
    stretch = stretch_of(made)
    detector = LstmDetector(DetectorSettings(), peaky(), fs=RATE, n_leads=2)
    told = detector.examine(made.signal, np.zeros(made.signal.shape, np.int8))
    assert_array_equal(stretch.shown, told.steps[:, :2].astype(np.float32))
    late = np.arange(len(stretch.peak)) > 2 * FS
    highest = np.flatnonzero(late & (told.steps[:, 2] > 0.99))
    assert len(highest) > 20
    assert stretch.peak[highest].min() > 0.5
    asked = np.flatnonzero(late & (stretch.beat_weight > 0) & (told.steps[:, 2] > 0.99))
    assert_array_equal(stretch.abnormal[asked] < 0.5, told.steps[asked, 3] > 0.5)


def test_what_nobody_knows_weighs_nothing() -> None:
    """Flutter has no reference beats, Q is neither normal nor abnormal, and nothing is known of the start."""
    made = recording()
    labels = np.where(np.arange(len(made.peaks)) == 10, Q, made.labels)
    flutter = np.arange(len(made.signal)) >= made.peaks[20] - 40
    stretch = stretch_of(Recording("101", RATE, made.signal, made.peaks, labels, flutter), weights=(1.0, 3.0))
    told = np.rint(made.peaks * FS / RATE).astype(np.int64) + round(DELAY_S * FS)
    assert stretch.beat_weight[told[10]] == 0
    assert stretch.peak[told[10]] > 0.7
    assert stretch.peak_weight[told[20] :].max() == 0
    assert stretch.peak_weight[: round(DELAY_S * FS)].max() == 0
    assert stretch.beat_weight[told[11]] == 3 * stretch.beat_weight[told[12]]


def test_a_stretch_keeps_its_beats() -> None:
    """Whatever is done to it, R stays where it is: the reference goes along."""
    made = recording(seconds=60)
    for seed in range(8):
        piece = draw(made, 20.0, ("flip", "stretch"), np.random.default_rng(seed))
        assert abs(len(piece.signal) / piece.fs - 20.0) < 0.01
        heights = np.abs(piece.signal[piece.peaks, 0])
        assert heights.min() > 1.0
        assert len(piece.peaks) == len(piece.labels)


def test_a_run_is_trained_served_and_read_back(small: None, finished: Path) -> None:
    """From records to a run folder that the monitor takes as detector; its card is the last word."""
    run = load_run(finished)
    card = load_card(finished)
    served = stand_in(str(finished))
    assert served is not None
    assert (card.serves, card.classes, card.trained_on) == (
        "detector",
        ("normal", "abnormal"),
        ("101", "106"),
    )
    assert (card.sha256, card.band) == (served.model, served.band)
    assert len(run.history) == 2
    made = recording("100", seed=100)
    assert_array_equal(run.predictions.truth, np.isin(made.labels, ABNORMAL))
    for expected, actual in zip(layers_of(run.model()), served.network, strict=True):
        assert_array_equal(expected, actual)
    assert not (finished / "checkpoint").exists()
    with pytest.raises(ArtifactError, match="received a finished run"):
        train_dual(config(), finished, command="beatline", report=lambda *_: None)


def test_an_exported_detector_stands_in_as_the_run_does(finished: Path, tmp_path: Path) -> None:
    """The artefact holds the kernel's weights too, under the hash of its own network."""
    card = export(finished, tmp_path / "out" / "dual", name="dual")
    there, here = stand_in(str(tmp_path / "out" / "dual")), stand_in(str(finished))
    assert there is not None
    assert here is not None
    assert (card.serves, there.model) == ("detector", card.sha256)
    assert there[1:-1] == here[1:-1]
    for expected, actual in zip(here.network, there.network, strict=True):
        assert_array_equal(expected, actual)
    export(finished, tmp_path / "out" / "dual", name="dual", replace=True)


def test_a_run_that_was_stopped_goes_on_by_the_same_command(
    small: None, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second epoch says so; taken up again, a run is what one that ran through is."""

    def stop(what: str, _done: int, _total: int) -> None:
        if what.startswith("epoch 2"):
            raise KeyboardInterrupt

    run = tmp_path / "run"
    command = ["dual", str(run), "--records", "101,106,100", "--epochs", "2", "--batch", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", lambda _, *told: stop(*told))
        stopped = CliRunner().invoke(app, command)
    assert stopped.exit_code == 0
    assert f"stopped: {run} is not finished; the same command goes on with it" in stopped.output
    with pytest.raises(ArtifactError, match="expected a finished run"):
        load_run(run)
    with pytest.raises(ArtifactError, match="expected epochs 2; received epochs 3"):
        train_dual(config(epochs=3), run, command="beatline", report=lambda *_: None)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "from 5:00" in done.output
    expected, actual = (load_run(folder).predictions.probabilities for folder in (finished, run))
    assert_allclose(actual, expected, atol=1e-6)


def test_records_that_it_was_trained_on_are_refused(finished: Path) -> None:
    """Unseen patients are unseen: nobody scores a detector on what it learned from by mistake."""
    refused = CliRunner().invoke(app, ["dual-evaluate", str(finished), "--records", "101,100"])
    assert isinstance(refused.exception, ArtifactError)
    assert "not trained on, received 101" in str(refused.exception)


def test_a_comparison_is_not_written_among_files_of_others(tmp_path: Path) -> None:
    """Nor into a run, whose own figures have the same name; what an earlier comparison left is made again."""
    run, out = tmp_path / "run", tmp_path / "out"
    ours = {"r_peaks.json": '{"systems": {}}'}
    for files in ({"mine.txt": ""}, {"r_peaks.json": "[]"}, ours | {"config.json": "{}"}):
        out.mkdir()
        for name, content in files.items():
            (out / name).write_text(content)
        refused = CliRunner().invoke(app, ["dual-evaluate", str(run), "--out", str(out)])
        assert isinstance(refused.exception, StorageError)
        assert f"cannot write {out}: expected no such path, an empty folder" in str(refused.exception)
        assert files == {path.name: path.read_text() for path in out.iterdir()}
        shutil.rmtree(out)
    assert out == folder_of(run, out, EVALUATION)
    out.mkdir()
    (out / "r_peaks.json").write_text(ours["r_peaks.json"])
    assert out == folder_of(run, out, EVALUATION)
    assert run / "evaluation" == folder_of(run, None, EVALUATION)


@pytest.mark.parametrize(
    "other", [{"arch": "lstm"}, {"dataset": "wfdb"}, {"split": "random"}, {"augment": ("rotate",)}], ids=str
)
def test_a_configuration_of_something_else_is_refused(other: dict[str, object], tmp_path: Path) -> None:
    """It says what was expected and received before it reads anything."""
    with pytest.raises(SettingsError, match="lstm_dual: expected arch 'lstm_dual', dataset 'signal'"):
        train_dual(config(**other), tmp_path / "run", command="", report=lambda *_: None)


def test_a_learning_rate_of_nothing_is_wrong_usage(tmp_path: Path) -> None:
    """Usage: 2, as of ``train``; nothing is made."""
    done = CliRunner().invoke(app, ["dual", str(tmp_path / "run"), "--learning-rate", "0"])
    assert (2, False) == (done.exit_code, (tmp_path / "run").exists())


def test_patients_are_on_one_side() -> None:
    """DS2 tests alone; the fold that chooses is not trained on; without all three there is no run."""
    train, validate, test = parts_of("mitdb")
    assert (len(train), validate, len(test)) == (16, ("101", "108", "119", "207", "209", "220"), 22)
    assert not set(train) & set(validate) | set(test) & {*train, *validate}
    with pytest.raises(SettingsError, match="one of DS2 to test on, received 2 and 0"):
        parts_of("101,106")


def test_a_missed_beat_is_called_normal_and_a_false_one_counts() -> None:
    """A detector cannot better its average precision by leaving beats out."""
    reference = Marks(np.array([100, 300, 500, 700]), tuple("NVQV"), (0,) * 4, ("",) * 4)
    peaks, abnormal = np.array([101, 200, 502, 699]), np.array([0.1, 0.6, 0.9, 0.8])
    heard = Heard("x", 100.0, 1000, reference, peaks, np.ones(4), abnormal)
    assert_array_equal(found(heard), [True, False, True, True])
    assert_array_equal(rows_of(heard).truth, [0, 1, 1])
    assert_array_equal(rows_of(heard).abnormal, [0.1, 0.0, 0.8])
    assert_array_equal(rows_of(heard, false=True).truth, [0, 1, 1, 0])
    assert_array_equal(rows_of(heard, false=True).abnormal, [0.1, 0.0, 0.8, 0.6])
    assert_array_equal(rows_of(heard, start_s=2.5).abnormal, [0.0, 0.8])
    assert tally(heard) == 2
    assert tally(heard, start_s=2.5) == 1


def test_its_page_tells_who_was_trained_on_and_shows_no_window(finished: Path, tmp_path: Path) -> None:
    """From the manifest, a patient's two records as one; what is not cut is neither shown nor explained."""
    run = shutil.copytree(finished, tmp_path / "run")
    told = CliRunner().invoke(app, ["evaluate", str(run), "--resamples", "10"]).output
    assert "Of the 1 patient tested on, none was trained on" in " ".join(told.split())
    page = (run / "evaluation" / "report.html").read_text()
    assert "No beats are shown: lstm_dual hears whole records, of which no beats are cut." in page
    manifest = msgspec.json.decode((run / "manifest.json").read_bytes())
    manifest["records"]["train"] = ["201"]
    (run / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    found = load_run(run)
    names = np.where(np.arange(len(found.predictions.rows)) < 10, "202", "100")
    found.predictions = found.predictions._replace(
        records=names, patients=np.where(names == "202", "201", names)
    )
    known = recorded(found)
    assert known is not None
    assert (2, ("201",)) == (known.n_tested, known.shared)
    measured = evaluate(found, found="", resamples=10)
    assert measured.strangers is not None
    assert np.sum(names == "100") == measured.strangers.n
    refused = CliRunner().invoke(app, ["explain", str(run)]).exception
    assert isinstance(refused, ArtifactError)
    assert "expected a network that is shown the window of a beat" in str(refused)


def test_predictions_of_202_are_of_the_patient_of_201(tmp_path: Path) -> None:
    """So that whoever draws or compares patients has one of them."""
    heard = [hear(recording(name, seed=int(name)), peaky()) for name in ("202", "100")]
    _save_predictions(tmp_path, heard)
    told = load_predictions(tmp_path)
    assert {("202", "201"), ("100", "100")} == set(
        zip(told.records.tolist(), told.patients.tolist(), strict=True)
    )


def test_a_single_record_has_no_interval() -> None:
    """Drawn again it is itself: an interval without width would claim certainty."""
    heard = [hear(recording("100", 400, seed=1), peaky())]
    figures = facts({"lstm_dual": heard}, resamples=20)
    late = figures["systems"]["lstm_dual"]["from 5:00"]
    for name in ("Se", "+P", "normality AP"):
        assert late[name]["value"] is not None
        assert (None, None) == (late[name]["low"], late[name]["high"])
    assert table(figures).endswith("No intervals from one record; R peaks within 150 ms, one to one (EC57).")


def test_figures_and_table_of_two_systems() -> None:
    """What is printed is what was counted."""
    made = [recording(name, 400, seed=k) for k, name in enumerate(("100", "202"))]
    heard = [hear(one, peaky()) for one in made]
    figures = facts({"lstm_dual": heard, "other": heard}, resamples=20)
    late = figures["systems"]["other"]["from 5:00"]
    n = sum(int(np.sum(one.peaks >= 300 * RATE)) for one in made)
    assert late["beats"] == n
    assert late["missed"] + late["false"] == sum(tally(one, start_s=300.0) for one in heard)
    assert late["Se"]["value"] > 99
    assert late["Se without 202"]["value"] > 99
    assert 0 <= late["normality AP"]["value"] <= 100
    text = table(figures)
    assert f"{late['Se']['value']:.2f}" in text
    assert text.count("lstm_dual") == 3
