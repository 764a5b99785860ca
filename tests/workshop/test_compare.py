"""``beatline models compare``: networks on the same beats, split at random and on patients never seen."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from typer.testing import CliRunner

from models import compare_cli
from models.cli import app as models
from models.datasets import BeatSet, DataOptions
from models.datasets.splits import split
from models.options import ARCHES
from models.progress import Progress
from models.workshop.bootstrap import clusters, intervals
from models.workshop.compare import Which, planned
from models.workshop.compare_table import called
from models.workshop.fit import Loss, believed
from models.workshop.latency import Latency, latency
from models.workshop.metrics import measure
from models.workshop.predictions import Predictions
from models.workshop.runs import load_run
from models.workshop.seeds import judge
from monitor.cli import app
from monitor.errors import ArtifactError, SettingsError
from tests.workshop import made

CLASSES = ("N", "V", "Q")
NAMES = np.array(["101", "201", "106", "100", "202", "200"])
"""201 and 202, on either side of DS1 and DS2, are one patient."""
TINY = ("--epochs", "1", "--batch", "16", "--resamples", "20")


def invoke(*arguments: str, columns: int = 80) -> tuple[int, str]:
    """Run ``beatline models compare``; return exit code and all that was printed."""
    environment = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["models", "compare", *arguments], env=environment)
    return result.exit_code, result.output


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def told(seed: int, *, n: int = 300, n_patients: int = 6) -> Predictions:
    """Return predictions made up: right about as often as not, no beat is Q."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    probabilities = rng.dirichlet((1, 1, 1), n) + 0.5 * np.eye(3)[truth]
    patients = np.array([f"p{k % n_patients}" for k in range(n)])
    rows = np.arange(n) + 1000 * seed
    return Predictions(rows, truth, probabilities / 1.5, patients, patients, CLASSES)


def beats_of_two_classes() -> BeatSet:
    """Return the same without the class that has no beats: of it none can be drawn."""
    return replace(beats_of_mitdb(), classes=CLASSES[:2])


def beats_of_mitdb() -> BeatSet:
    """Return made-up beats under names of MIT-BIH."""
    records = np.repeat(NAMES, 40)
    return replace(made.beats(), records=records, patients=np.where(records == "202", "201", records))


def accuracy(one: Predictions) -> float:
    """Return the accuracy of predictions, percent."""
    return float(100 * np.mean(one.probabilities.argmax(axis=1) == one.truth))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None, DataOptions]]:
    """Load made-up beats under names of MIT-BIH instead of a data set; return what was asked for."""
    calls: list[tuple[str, Path | None, DataOptions]] = []

    def load(dataset: str, data: Path | None, options: DataOptions) -> BeatSet:
        calls.append((dataset, data, options))
        return beats_of_mitdb()

    monkeypatch.setattr(compare_cli, "load_beats", load)
    return calls


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare networks their stop-watch."""
    told = Latency(one_ms=1.0, many_ms=50.0, machine="a machine")
    monkeypatch.setattr("models.workshop.compare.latency", lambda _: told)


def test_all_first_seeds_come_before_any_second() -> None:
    """So that a comparison that is stopped has a whole table; the recurrent networks get fewer."""
    plan = planned(["cnn", "lstm"], ["random", "patients"], first=4, seeds=2, recurrent=1)
    assert plan == [
        Which("cnn", "random", 4),
        Which("cnn", "patients", 4),
        Which("lstm", "random", 4),
        Which("lstm", "patients", 4),
        Which("cnn", "random", 5),
        Which("cnn", "patients", 5),
    ]


@pytest.mark.parametrize(
    ("arches", "splits"), [(["transformer"], ["random"]), ([], ["random"]), (["cnn"], [])]
)
def test_what_does_not_exist_is_not_planned(arches: list[str], splits: list[str]) -> None:
    """Error grammar: expected, received."""
    with pytest.raises(SettingsError, match=r"expected networks out of cnn, lstm, .* received"):
        planned(arches, splits, first=1, seeds=1, recurrent=1)


def test_figures_of_one_seed_are_those_of_an_evaluation() -> None:
    """Oracles: `measure` and `intervals`, which know nothing of seeds; a class without beats has none."""
    one = told(1)
    expected = measure(one.truth, one.probabilities, CLASSES).figures
    bounds = intervals(
        one.truth, one.probabilities, CLASSES, clusters(one.patients, one.records), resamples=50, seed=3
    )
    found = judge([one], resamples=50, seed=3)
    assert list(found) == ["accuracy", "macro f1", "N f1", "V f1", "Q f1"]
    for name, figure in found.items():
        assert figure.value == pytest.approx(expected[name])
        assert figure.interval == pytest.approx(bounds[name])
        assert figure.by_seed == (figure.value,)
    assert found["Q f1"] == (None, None, (None,))


def test_seeds_are_averaged_and_a_patient_is_drawn_for_all_at_once() -> None:
    """The same run twice tells no more of other patients than once; two give the mean, and both are told."""
    one, other = told(1), told(2)
    assert (
        judge([one, one], resamples=50)["accuracy"].interval
        == judge([one], resamples=50)["accuracy"].interval
    )
    both = judge([one, other], resamples=50)["V f1"]
    alone = [judge([run], resamples=0)["V f1"].value for run in (one, other)]
    assert both.by_seed == tuple(alone)
    assert both.value == pytest.approx(np.mean([value for value in alone if value is not None]))
    assert judge([told(1, n_patients=1)], resamples=50)["accuracy"].interval is None


def test_beats_of_nobody_are_drawn_by_beat() -> None:
    """Where the source tells neither patients nor records; the same beat is drawn for all seeds."""
    nobody = np.full(300, "")
    one = told(1)._replace(patients=nobody, records=nobody)
    found = judge([one, one], resamples=50)["accuracy"].interval
    assert found == judge([one], resamples=50)["accuracy"].interval
    assert found is not None
    assert found[0] < found[1]


@pytest.mark.parametrize("loss", ["weighted", "balanced", "plain"])
def test_a_test_of_equal_shares_is_told_as_one(loss: Loss) -> None:
    """Oracle: Bayes. What remains of a posterior without the shares in training is the likelihood."""
    y = np.repeat([0, 1, 2], [80, 15, 5])
    likelihood = np.random.default_rng(1).dirichlet((1, 1, 1), 50)
    power = {"weighted": 0.5, "balanced": 0.0}.get(loss, 1.0)
    shares = np.array([0.80, 0.15, 0.05]) ** power
    np.testing.assert_allclose(believed(y, 3, loss), shares / shares.sum(), rtol=1e-6)
    posterior = likelihood * shares
    one = told(1, n=50)._replace(probabilities=posterior / posterior.sum(axis=1, keepdims=True))
    found = one.for_equal_shares(believed(y, 3, loss)).probabilities
    np.testing.assert_allclose(found, likelihood, rtol=1e-6)


@pytest.mark.parametrize("dataset", ["kachuee", "wfdb"])
def test_a_balanced_test_is_adjusted_to_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, timed: None, dataset: str
) -> None:
    """Whatever the data set and the split: 819 of each class. What was told as trained is said too."""
    monkeypatch.setattr(compare_cli, "load_beats", lambda *_: beats_of_two_classes())
    out = tmp_path / "out"
    code, text = invoke(
        *(str(out), "--arch", "cnn", "--splits", "given,patients", "--seeds", "1", *TINY),
        *("--dataset", dataset, "--option", "balanced=true"),
    )
    assert code == 0, text
    said = " ".join(text.split())
    assert said.count("as many beats of each class, which training had not") == 1
    for row in rows_of(out / "runs.csv"):
        run = load_run(out / "runs" / f"cnn-{row['split']}-1")
        beats = beats_of_two_classes()
        train = beats.y[split(beats, row["split"], seed=1).train]
        assert [819, 819] == np.bincount(run.predictions.truth).tolist()
        assert f"cnn, {called(row['split'])} {accuracy(run.predictions):.1f}" in said
        expected = run.predictions.for_equal_shares(believed(train, 2, "weighted"))
        assert float(row["accuracy"]) == pytest.approx(accuracy(expected), abs=1e-3)


def test_what_was_trained_on_as_many_of_each_class_is_told_as_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, timed: None
) -> None:
    """Nothing is adjusted, and how it was trained is said."""
    monkeypatch.setattr(compare_cli, "load_beats", lambda *_: beats_of_two_classes())
    out = tmp_path / "out"
    code, text = invoke(
        *(str(out), "--arch", "cnn", "--splits", "given", "--seeds", "1", *TINY),
        *("--loss", "balanced", "--augment", "scale", "--option", "balanced=true"),
    )
    assert code == 0, text
    said = " ".join(text.split())
    assert "cross-entropy with each class shown as often, augmented (scale), at most 1 epoch" in said
    assert "Accuracy as trained" not in said
    run = load_run(out / "runs" / "cnn-given-1")
    assert (run.config.loss, run.config.augment) == ("balanced", ("scale",))
    told = float(rows_of(out / "runs.csv")[0]["accuracy"])
    assert told == pytest.approx(accuracy(run.predictions), abs=1e-3)


def test_a_comparison_that_is_stopped_goes_on(
    asked: list[tuple[str, Path | None, DataOptions]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    timed: None,
) -> None:
    """A row per finished run; what is there is shown and not run again; another recipe is refused."""
    out = tmp_path / "out"

    def stop(self: Progress, what: str, done: int, total: int) -> None:
        if what.startswith("cnn, patients"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", stop)
        code, text = invoke(str(out), "--arch", "cnn", "--seeds", "1", *TINY)
    assert (code, text.splitlines()[-1]) == (
        0,
        f"stopped: {out} is not finished; the same command goes on with it",
    )
    assert [(row["arch"], row["split"]) for row in rows_of(out / "runs.csv")] == [("cnn", "random")]
    first = (out / "runs" / "cnn-random-1" / "model.keras").stat().st_mtime_ns

    code, text = invoke(str(out), "--arch", "cnn", "--splits", "patients", "--seeds", "1", *TINY)
    assert code == 0, text
    assert (out / "runs" / "cnn-random-1" / "model.keras").stat().st_mtime_ns == first
    assert [(row["arch"], row["split"]) for row in rows_of(out / "runs.csv")] == [
        ("cnn", "random"),
        ("cnn", "patients"),
    ]
    assert sorted(path.name for path in out.iterdir()) == [
        "comparison.csv",
        "comparison.md",
        "comparison.png",
        "config.json",
        "environment.json",
        "manifest.json",
        "runs",
        "runs.csv",
    ]
    assert (out / "comparison.png").read_bytes()[:4] == b"\x89PNG"

    shown = next(line for line in text.splitlines() if line.lstrip().startswith("cnn "))
    accuracy = {
        row["split"]: f"{float(row['value']):.1f}"
        for row in rows_of(out / "comparison.csv")
        if (row["arch"], row["figure"]) == ("cnn", "accuracy")
    }
    assert shown.split()[5:7] == [accuracy["random"], accuracy["patients"]]
    page = (out / "comparison.md").read_text()
    assert "| network | parameters | training<br>minutes |" in page
    assert f"| {accuracy['random']}<br>" in page
    said = " ".join(page.split())
    assert "Of the 3 patients tested on, 1 (201) was trained on too" in said
    assert "Accuracy / macro F1 without: cnn " in said
    assert "at most 1 epoch or" in said

    code, text = invoke(str(out), "--arch", "cnn", "--seeds", "1", *TINY[2:], "--epochs", "2")
    assert code == 1
    assert "it was begun otherwise (config.json): expected epochs 1; received epochs 2" in text
    assert {options.records for _, _, options in asked} == {"all"}


def test_a_finished_comparison_is_told_as_one_and_left_as_it_is(
    asked: list[tuple[str, Path | None, DataOptions]], tmp_path: Path, timed: None
) -> None:
    """It is no unfinished run: the list and whoever reads runs say where its own lie."""
    out = tmp_path / "out"
    command = (str(out), "--arch", "cnn", "--splits", "patients", "--seeds", "1", *TINY)
    assert invoke(*command)[0] == 0
    before = sorted(path.name for path in out.iterdir())
    assert invoke(*command, "--seed", "7")[0] == 1
    assert before == sorted(path.name for path in out.iterdir())
    said = "a finished comparison, whose table is comparison.md; its runs in runs/NAME, each a run's folder"
    told = CliRunner().invoke(app, ["models", "list", str(tmp_path)]).output
    assert f"{out}  {said}" in told.splitlines()
    assert "serves beats" in CliRunner().invoke(app, ["models", "list", str(out / "runs")]).output
    for reader in ("evaluate", "explain"):
        done = CliRunner().invoke(models, [reader, str(out)])
        assert isinstance(done.exception, ArtifactError)
        assert f"run {out}: expected the folder of one run, received {said}" == str(done.exception)


def test_a_split_that_cannot_be_is_refused_before_anything_is_made(
    asked: list[tuple[str, Path | None, DataOptions]], tmp_path: Path
) -> None:
    """Exit 1, and no folder."""
    code, text = invoke(str(tmp_path / "out"), "--arch", "cnn", "--splits", "random,halves")
    assert code == 1
    assert "no such split: expected one of random, patients" in text.splitlines()[-1]
    assert asked
    assert not (tmp_path / "out").exists()


def test_what_is_quick_asks_for_little(
    asked: list[tuple[str, Path | None, DataOptions]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preset: what is asked for by name still counts; other data sets keep their own records."""
    monkeypatch.setattr(
        "models.workshop.compare.compare", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    invoke(str(tmp_path / "a"), "--quick")
    invoke(str(tmp_path / "b"), "--quick", "--records", "100,208", "--rows", "300")
    invoke(str(tmp_path / "c"), "--quick", "--dataset", "ptbxl")
    assert [(options.records, options.rows) for _, _, options in asked] == [
        (compare_cli._QUICK_RECORDS, 2000),
        ("100,208", 300),
        ("mitdb", 2000),
    ]


def test_a_call_is_timed_on_a_machine_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The median of calls with one beat and with many, but for the first ones, which trace."""
    import keras

    class Clock:
        """A network and its clock: a beat takes a millisecond, a new shape ten seconds."""

        input_shape = (None, 48, 2)

        def __init__(self) -> None:
            self.now = 0.0
            self.seen: set[tuple[int, ...]] = set()

        def predict_on_batch(self, x: np.ndarray) -> None:
            """Let time pass."""
            self.now += 0.001 * len(x) + 10 * (x.shape not in self.seen)
            self.seen.add(x.shape)

    clock = Clock()
    monkeypatch.setattr("models.workshop.latency.time.perf_counter", lambda: clock.now)
    found = latency(cast("keras.Model", clock))
    assert (found.one_ms, found.many_ms) == (1.0, 1024.0)
    assert clock.seen == {(1, 48, 2), (1024, 48, 2)}
    assert keras.backend.backend() in found.machine


@pytest.mark.timeout(600)  # ten trainings: minutes where other work is done beside it
def test_a_quick_comparison_runs_on_real_records(mitdb: Path, tmp_path: Path) -> None:
    """``compare --quick`` as it is: every network both ways, on eight records; whole in a pipe."""
    code, text = invoke(str(tmp_path / "out"), "--quick", "--data", str(mitdb))
    assert code == 0, text
    said = " ".join(text.split())
    assert "Of the 8 patients tested on, 8 were trained on too" in said
    assert "Of the 4 patients tested on, none was trained on" in said
    runs = rows_of(tmp_path / "out" / "runs.csv")
    assert sorted((run["arch"], run["split"]) for run in runs) == sorted(
        (arch, how) for arch in ARCHES for how in ("random", "patients")
    )
    accuracies = {(run["arch"], run["split"]): float(run["accuracy"]) for run in runs}
    assert accuracies["cnn", "random"] > accuracies["cnn", "patients"], "the leak, made visible"
    for arch in ARCHES:
        shown = next(line.split() for line in text.splitlines() if line.lstrip().startswith(f"{arch} "))
        assert {f"{accuracies[arch, how]:.1f}" for how in ("random", "patients")} <= set(shown)


def test_help_shows_an_example() -> None:
    """Help teaches."""
    code, text = invoke("--help", columns=120)
    assert code == 0
    assert "beatline models compare runs/compare --quick" in text
