"""``beatline models evaluate`` of a run: figures, one page, and a sentence on whose beats were trained on."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from models import datasets
from models.cli import app
from models.datasets.options import DataOptions
from models.datasets.splits import split
from models.evaluate_cli import class_table
from models.workshop import tables
from models.workshop.evaluation import evaluate
from models.workshop.fit import believed
from models.workshop.material import Material, overlap
from models.workshop.runs import load_run
from monitor.artifact import Score
from monitor.errors import ArtifactError, SourceError, StorageError
from tests.workshop import made


def told(*argv: str | Path) -> str:
    """Run the command, and return what it printed."""
    done = CliRunner().invoke(app, ["evaluate", *map(str, argv), "--resamples", "50"], catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return done.stdout


@pytest.mark.usefixtures("at_hand")
def test_a_run_is_measured_and_has_a_page(trained: Path, tmp_path: Path) -> None:
    """Figures with intervals over patients, a dash for the class that is not there, all in one page."""
    text = told(trained, "--out", tmp_path / "out")
    assert "none was trained on" in text
    assert "50 bootstrap draws over" in text
    absent = next(line for line in text.splitlines() if line.startswith("Q "))
    assert ["Q", "0", "0", *"-----"] == absent.split()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "none was trained on" in page
    assert "beatline models train ..." in page
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    names = ["confusion", "roc", "pr", "calibration", "history", "gallery"]
    assert {f"{name}.png" for name in names} == pictures
    assert len(pictures) == page.count("data:image/png;base64,")


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize("command", ["evaluate", "explain"])
def test_a_folder_of_others_is_not_written_into(trained: Path, tmp_path: Path, command: str) -> None:
    """A page that is not ours stays; our own, and what is left of one, is made again."""
    out = tmp_path / "out"
    out.mkdir()
    few = {"evaluate": ["--no-beats", "--resamples", "10"], "explain": ["--rows", "2"]}[command]
    argv = [command, str(trained), "--out", str(out), *few]
    (out / "report.html").write_text("mine")
    for foreign in ({}, {"metrics.json": "[]", "explanation.json": '{"loss": 1}'}):
        for name, content in foreign.items():
            (out / name).write_text(content)
        done = CliRunner().invoke(app, argv)
        assert isinstance(done.exception, StorageError)
        assert f"cannot write {out}: expected no such path, an empty folder" in str(done.exception)
        assert "mine" == (out / "report.html").read_text()
    shutil.rmtree(out)
    assert 0 == CliRunner().invoke(app, argv).exit_code
    (out / "report.html").unlink()
    assert 0 == CliRunner().invoke(app, argv).exit_code
    assert (out / "report.html").exists()


@pytest.mark.usefixtures("at_hand")
def test_the_page_takes_up_an_explanation(trained: Path, tmp_path: Path) -> None:
    """Whoever explained a run finds it in the run's page, without asking again."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "explanation").mkdir()
    shutil.copy(_picture(tmp_path), run / "explanation" / "attribution.png")
    assert told(run).splitlines()[-1] == str(run / "evaluation" / "report.html")
    assert "What the network looks at" in (run / "evaluation" / "report.html").read_text()


def test_without_the_beats_it_says_so(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run can be measured where its data are not: then it is the card that tells of the records."""

    def missing(*_: object, **__: object) -> None:
        raise SourceError("no such folder")

    monkeypatch.setattr(datasets, "load", missing)
    found = json.loads(told(trained, "--out", tmp_path / "a", "--json"))
    assert found["patients_trained_on_too"] is None
    assert {"value": None, "low": None, "high": None} == found["classes"]["Q"]["f1"]
    assert 0.0 <= found["macro"]["auc"]["low"] <= found["macro"]["auc"]["value"] <= 1.0
    page = (tmp_path / "a" / "report.html").read_text()
    assert "card, of the records tested on (3) none was trained on" in page
    assert "No beats are shown: the beats are not at hand (no such folder)." in page
    with pytest.raises(SourceError, match="no such folder"):
        told(trained, "--data", tmp_path)


def test_r_peaks_are_shown_where_a_run_has_them(trained: Path, tmp_path: Path) -> None:
    """Of a network that finds them too: a line for each system and start."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    figures = {"beats": 1902, "Se": {"value": 97.06, "low": 95.1, "high": 98.2}, "+P": {"value": None}}
    content = {"records": ["100"], "systems": {"lstm_dual": {"from 5:00": figures, "samples/s": 5}}}
    (run / "r_peaks.json").write_text(json.dumps(content))
    text = told(run, "--no-beats")
    assert "lstm_dual, from 5:00  1,902  97.06 (95.10–98.20)   -" in text
    (run / "r_peaks.json").write_text("[")
    with pytest.raises(ArtifactError, match="expected a JSON object"):
        told(run, "--no-beats")


@pytest.mark.parametrize(
    ("how", "known", "expected"),
    [
        ("patients", True, "Of the 3 patients tested on, none was trained on"),
        ("random", True, "Of the 6 patients tested on, 6 were trained on too, with 100.0 % of the beats"),
        ("given", True, "Of the 2 patients tested on, none was trained on"),
        ("random", False, "The source does not say whose the beats are"),
    ],
)
def test_the_leak_is_told_from_the_beats(how: str, known: bool, expected: str) -> None:
    """No split is believed by its name: those tested on are compared with those trained on."""
    beats = made.beats(known=known)
    assert overlap(Material(beats, split(beats, how, seed=2))).sentence().startswith(expected)


def test_one_patient_on_both_sides_is_named() -> None:
    """201 trains and 202 tests by convention, and are one: that is said, with the share of beats."""
    beats = made.beats()
    rows = np.arange(len(beats))
    parts = split(beats, "patients", seed=2)._replace(
        train=rows[:60], validate=rows[80:120], test=rows[60:80]
    )
    expected = "Of the 1 patient tested on, 1 (101) was trained on too, with 100.0 % of the beats tested"
    assert overlap(Material(beats, parts)).sentence().startswith(expected)


def test_people_trained_on_too_are_left_out_as_well(trained: Path) -> None:
    """Where only some are on both sides, figures are given without them: 202 in DS2 is 201 in DS1."""
    run, beats = load_run(trained), made.beats()
    told = run.predictions
    parts = split(beats, "patients", seed=2)
    own = np.flatnonzero(beats.patients == told.patients[0])[:5]
    material = Material(beats, parts._replace(train=np.sort(np.append(parts.train, own))))
    found = evaluate(run, found=material, resamples=10)
    assert found.strangers is not None
    assert np.sum(told.patients != told.patients[0]) == found.strangers.n
    assert "never seen alone" in tables.overall(found).head
    assert evaluate(run, found=Material(beats, parts), resamples=10).strangers is None


@pytest.mark.parametrize("how", ["given", "patients", "random"])
def test_a_balanced_test_part_is_said_to_be_and_told_for_equal_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """As `compare` has it, unless training had equal shares too; without the beats it is said alone."""
    beats = replace(made.beats(), classes=("N", "V"))
    monkeypatch.setattr(datasets, "load", lambda *_, **__: beats)
    asked = DataOptions(balanced=True)
    run = load_run(made.run_folder(tmp_path / "run", split=how, given=lambda: beats, options=asked))
    assert [819, 819] == np.bincount(run.predictions.truth).tolist()
    said = " ".join(told(run.folder).split())
    assert "as many beats of each class, which training had not" in said
    shares = believed(beats.y[split(beats, how, seed=2).train], len(beats.classes), "weighted")
    adjusted = run.predictions.for_equal_shares(shares)
    right = np.mean(adjusted.probabilities.argmax(axis=1) == adjusted.truth)
    assert f"accuracy {100 * right:.2f} %" in said
    page = (run.folder / "evaluation" / "report.html").read_text()
    assert "for equal shares" in page
    found = json.loads(told(run.folder, "--json"))
    assert (True, right) == (found["balanced_test"], found["equal_shares"]["accuracy"])
    assert "not adjusted to it: the beats were not asked for" in " ".join(
        told(run.folder, "--no-beats").split()
    )
    run.config = msgspec.structs.replace(run.config, loss="balanced")
    even = evaluate(run, found=Material(beats, split(beats, how, seed=2)), resamples=10)
    assert even.balance.endswith("and so training saw them.")
    assert even.equal is None


def test_a_test_part_as_it_comes_is_not_said_to_be_balanced(trained: Path) -> None:
    """Nothing is adjusted, and no word is lost on it."""
    run, beats = load_run(trained), made.beats()
    found = evaluate(run, found=Material(beats, split(beats, "patients", seed=2)), resamples=10)
    assert ("", None) == (found.balance, found.equal)
    assert ["", "%", "95 %"] == tables.overall(found).head


def test_options_of_the_other_kind_are_refused(trained: Path) -> None:
    """A run is measured on its own test part, and what is no run has no page."""
    for argv, message in (
        ([str(trained), "--records", "DS2"], "expected no records"),
        (["beat", "--json"], "for runs of the workshop"),
    ):
        done = CliRunner().invoke(app, ["evaluate", *argv])
        assert 2 == done.exit_code
        assert message in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("card.json", "expected a finished run"),
        ("predictions.npz", "predictions .* expected rows"),
    ],
)
def test_a_run_half_written_is_refused(trained: Path, tmp_path: Path, broken: str, message: str) -> None:
    """It says what is missing, and writes nothing."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / broken).unlink()
    with pytest.raises(ArtifactError, match=message):
        told(run)
    assert not (run / "evaluation").exists()


def _picture(folder: Path) -> Path:
    from monitor.canvas import confusion

    confusion([[1]], "N", "N", folder / "small.png")
    return folder / "small.png"


@pytest.mark.usefixtures("at_hand")
def test_a_card_says_what_an_evaluation_says(trained: Path) -> None:
    """One law for both: a figure without a meaning is none, never 0; as `models train` prints it, a dash."""
    run = load_run(trained)
    (name, figures), *_ = run.card.metrics.items()
    found = json.loads(told(trained, "--json"))["classes"]
    for label, score in figures.items():
        expected = [found[label][figure]["value"] for figure in ("recall", "precision", "f1")]
        received = [None if value is None else value / 100 for value in (score.se, score.ppv, score.f1)]
        assert received == [pytest.approx(value, abs=1e-4) for value in expected]
    absent = next(line for line in class_table(name, figures).splitlines() if line.startswith("  Q "))
    assert ["Q", "-", "-", "-", "0"] == absent.split()
    assert len({len(line) for line in class_table(name, figures).splitlines()[1:]}) == 1


def test_columns_stand_below_their_names_however_long_these_are() -> None:
    """Classes of infarction have more than a letter."""
    score = Score(se=100.0, ppv=75.5, f1=86.04, n=1234)
    for names in (("N", "S"), ("NORM", "MI")):
        lines = class_table("unseen", dict.fromkeys(names, score)).splitlines()
        assert lines[0] == "unseen"
        assert len({len(line) for line in lines[1:]}) == 1
        ends = [lines[1].index(column) + len(column) for column in ("Se", "+P", "F1", "beats")]
        cells = ["100.00", "75.50", "86.04", "1234"]
        for line in lines[2:]:
            assert [line[:end].rsplit(maxsplit=1)[-1] for end in ends] == cells
