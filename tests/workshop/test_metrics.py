"""Figures of a test part: scikit-learn's where defined, no figure where not, intervals over patients."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from models.workshop.bootstrap import clusters, intervals, weighted_figures
from models.workshop.metrics import calibration, calibration_error, measure, pr_curve, roc_curve

CLASSES = ("N", "S", "V")


def told(n: int = 400, *, n_classes: int = 3, seed: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels and probabilities that know something of them, with equal scores among them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_classes, n, p=np.array([0.7, 0.2, 0.1]))
    logits = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[truth]
    chances = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 2)
    return truth, chances / chances.sum(axis=1, keepdims=True)


def test_figures_are_those_of_scikit_learn() -> None:
    """One source of truth for what precision, F1 and areas are."""
    truth, chances = told()
    found = measure(truth, chances, CLASSES)
    labels = chances.argmax(axis=1)
    assert sk.accuracy_score(truth, labels) == found.figures["accuracy"]
    assert pytest.approx(sk.f1_score(truth, labels, average="macro")) == found.figures["macro f1"]
    assert pytest.approx(sk.recall_score(truth, labels, average="weighted")) == found.figures["accuracy"]
    assert (
        pytest.approx(sk.roc_auc_score(truth, chances, multi_class="ovr", average="macro"))
        == found.figures["macro auc"]
    )
    assert sk.confusion_matrix(truth, labels).tolist() == [list(row) for row in found.confusion]


def test_an_absent_class_has_no_figures_and_counts_in_no_average() -> None:
    """Undefined is None: a 0 would be read as a failure, and a warning fails this test."""
    truth, chances = told()
    truth[truth == 1] = 0
    found = measure(truth, chances, CLASSES)
    assert {None} == {found.figures[f"S {name}"] for name in ("precision", "recall", "f1", "auc", "ap")}
    both = [found.figures["N f1"], found.figures["V f1"]]
    assert pytest.approx(np.mean([value for value in both if value is not None])) == found.figures["macro f1"]


def test_a_class_never_told_has_no_precision_but_an_f1_of_zero() -> None:
    """It was there to be found, and was not."""
    truth = np.array([0, 0, 1])
    found = measure(truth, np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]), ("N", "V"))
    assert (None, 0.0, 0.0) == tuple(found.figures[f"V {name}"] for name in ("precision", "recall", "f1"))


@pytest.mark.parametrize("lacking", [None, 1])
def test_weighted_figures_are_those_of_the_beats_repeated(lacking: int | None) -> None:
    """The bootstrap's own sums agree with scikit-learn on beats drawn zero, one or more times."""
    truth, chances = told(300)
    times = np.random.default_rng(3).integers(0, 4, len(truth))
    times[truth == lacking] = 0
    rows = np.repeat(np.arange(len(truth)), times)
    expected = measure(truth[rows], chances[rows], CLASSES).figures
    received = weighted_figures(truth, chances, CLASSES)(times.astype(np.float64))
    assert expected.keys() == received.keys()
    for name, value in expected.items():
        assert pytest.approx(np.nan if value is None else value, nan_ok=True) == received[name], name


def test_intervals_are_over_patients_where_they_are_known() -> None:
    """Beats of one patient are no new evidence: ten patients told all right or all wrong."""
    patients = np.repeat([f"p{k}" for k in range(10)], 100)
    truth = np.tile([0, 1], 500)
    wrong = np.isin(patients, ["p0", "p1"])
    chances = np.eye(2)[np.where(wrong, 1 - truth, truth)] * 0.8 + 0.1
    by_patient = intervals(truth, chances, ("N", "V"), clusters(patients, patients), resamples=200)
    unknown = np.full(1000, "")
    by_beat = intervals(truth, chances, ("N", "V"), clusters(unknown, unknown), resamples=200)
    assert by_patient["accuracy"] is not None
    assert by_beat["accuracy"] is not None
    low, high = by_patient["accuracy"]
    assert low <= 0.6 < 0.75 < by_beat["accuracy"][0] < 0.8 < by_beat["accuracy"][1] < 0.85 < high


@pytest.mark.parametrize(
    ("patients", "records", "expected"),
    [
        (["a", "a", "b"], ["1", "2", "3"], ("patients", 2)),
        (["a", "", "b"], ["1", "2", "3"], ("records", 3)),
        (["", "", ""], ["", "", ""], ("beats", 3)),
    ],
)
def test_draws_the_largest_thing_that_is_known(
    patients: list[str], records: list[str], expected: tuple[str, int]
) -> None:
    """Patients, else records, else beats: and it says which."""
    found = clusters(np.array(patients), np.array(records))
    assert expected == (found.kind, found.n)


def test_one_patient_alone_gives_no_interval() -> None:
    """Nothing is known of how patients differ."""
    truth, chances = told(50)
    one = np.full(50, "a")
    assert {None} == set(intervals(truth, chances, CLASSES, clusters(one, one), resamples=5).values())


def test_a_figure_that_most_draws_lack_has_no_interval() -> None:
    """A class of one patient: where most draws lack it, an interval would be of the others only."""
    truth = np.array([0, 0, 0, 1])
    chances = np.eye(2)[truth]
    names = np.array(["a", "b", "c", "d"])
    found = intervals(truth, chances, ("N", "V"), clusters(names, names), resamples=300)
    assert found["accuracy"] == (1.0, 1.0)
    assert found["V auc"] is not None  # about two draws of three have it
    rare = np.array([0, 0, 1, 1])
    few = clusters(np.array(["a", "a", "b", "b"]), names)
    assert intervals(rare, np.eye(2)[rare], ("N", "V"), few, resamples=300, seed=1)["V auc"] is None


def test_the_same_seed_draws_the_same() -> None:
    """A figure in a report can be made again."""
    truth, chances = told(60)
    drawn = clusters(np.full(60, ""), np.full(60, ""))
    first, second = (intervals(truth, chances, CLASSES, drawn, resamples=20, seed=7) for _ in range(2))
    assert first == second


def test_calibration_error_of_honest_probabilities_is_small() -> None:
    """Told 0.7 and right in 7 of 10 is no error; right in 4 of 10 is one of 0.3."""
    chances = np.tile([0.7, 0.3], (10, 1))
    for n_right, expected in ((7, 0.0), (4, 0.3)):
        truth = (np.arange(10) >= n_right).astype(np.int64)
        assert pytest.approx(expected) == calibration_error(calibration(truth, chances))


def test_curves_end_where_they_must_and_are_none_without_both_sides() -> None:
    """ROC from (0, 0) to (1, 1); PR ends at full recall; no curve of a class that is not there."""
    truth, chances = told()
    roc, pr = roc_curve(truth, chances[:, 2], 2), pr_curve(truth, chances[:, 2], 2)
    assert roc is not None
    assert pr is not None
    assert (0.0, 0.0, 1.0, 1.0) == (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1])
    assert 1.0 == pr.x.max()
    assert roc_curve(truth, chances[:, 2], 5) is None
    assert pr_curve(np.zeros(400, np.int64), chances[:, 0], 0) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probabilities": np.zeros((2, 2))}, r"expected the shape \(3, 2\)"),
        ({"truth": np.array([0, 1, 2])}, "expected labels 0 to 1, received 0 to 2"),
    ],
)
def test_disagreeing_arrays_are_refused(changes: dict[str, Any], message: str) -> None:
    """A caller's mistake is a ValueError that says what was expected."""
    given: dict[str, Any] = {"truth": np.zeros(3, np.int64), "probabilities": np.zeros((3, 2))} | changes
    with pytest.raises(ValueError, match=message):
        measure(**given, classes=("N", "V"))
