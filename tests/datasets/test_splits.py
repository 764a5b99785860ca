"""Splits: nobody on two sides but where that is asked for."""

import json

import numpy as np
import pytest

from models.datasets import BeatSet
from models.datasets.splits import Split, balanced, manifest, split
from monitor.errors import SettingsError
from monitor.physionet import DS1, DS2, PACED
from tests.datasets.made import beat_set


def many(n_patients: int = 24, n_each: int = 30, *, part: bool = False, n_rare: int = 2) -> BeatSet:
    """Return beats of many patients; the third class is of the first two alone, or of so many."""
    labels, patients, parts = [], [], []
    for k in range(n_patients):
        for i in range(n_each):
            labels.append(2 if k < n_rare and i % 3 == 0 else i % 2)
            patients.append(f"p{k:02d}")
            parts.append(f"fold{k % 10 + 1}" if part else "")
    return beat_set(labels, patients, part=parts)


def mitdb(names: tuple[str, ...]) -> BeatSet:
    labels = [0, 0, 1, 2] * len(names)
    return beat_set(labels, [name for name in names for _ in range(4)])


@pytest.mark.parametrize("how", ["random", "patients", "fold:1", "fold:7", "given"])
@pytest.mark.parametrize("part", [False, True])
def test_no_row_is_on_two_sides(how: str, part: bool) -> None:
    """Every split: disjoint, ascending, and each side has beats."""
    part = part or how == "given"  # made beats have no other split of their own
    parts = split(many(part=part), how, seed=1)
    rows = np.concatenate(parts)
    assert len(rows) == len(set(rows.tolist()))
    assert all(len(side) and (np.diff(side) > 0).all() for side in parts)


@pytest.mark.parametrize("how", ["patients", "fold:3"])
@pytest.mark.parametrize("part", [False, True])
def test_a_split_by_patient_keeps_everybody_on_one_side(how: str, part: bool) -> None:
    """What is reported is of people never seen."""
    beats = many(part=part)
    sides = [set(beats.patients[rows].tolist()) for rows in split(beats, how, seed=2)]
    assert [set(), set(), set()] == [sides[0] & sides[1], sides[0] & sides[2], sides[1] & sides[2]]


def test_a_random_split_mixes_patients() -> None:
    """The leak that is to be shown: everybody on every side, classes in proportion."""
    beats = many()
    sides = split(beats, "random", seed=3)
    assert [24, 24, 24] == [len(set(beats.patients[rows].tolist())) for rows in sides]
    share = [np.bincount(beats.y[rows]) / len(rows) for rows in sides]
    assert np.ptp(share, axis=0).max() < 0.02


def test_the_validation_part_does_not_take_a_rare_class_away() -> None:
    """Of two patients with the third class one stays to be learned from."""
    beats = many()
    for seed in range(5):
        parts = split(beats, "patients", seed=seed)
        assert (beats.y[parts.train] == 2).any()


def test_seeds_draw_differently_and_each_always_the_same() -> None:
    """A seed fixes a split."""
    beats = many()
    for how in ("random", "patients"):
        first, again, other = (split(beats, how, seed=seed) for seed in (1, 1, 2))
        assert [rows.tolist() for rows in first] == [rows.tolist() for rows in again]
        assert [rows.tolist() for rows in first] != [rows.tolist() for rows in other]


def test_records_of_mitdb_are_split_by_convention() -> None:
    """De Chazal 2004: DS2 tests, whatever the seed; of the paced, half on either side."""
    beats = mitdb(DS1 + DS2 + PACED)
    parts = split(beats, "patients", seed=5)
    train, validate, test = (set(beats.records[rows].tolist()) for rows in parts)
    assert {*DS2, "107", "217"} == test
    assert {*DS1, "102", "104"} == train | validate
    assert set() == train & validate


def test_a_given_split_validates_as_it_tests() -> None:
    """By the beat where train and test share records, by patient where they do not."""
    n = 300
    apart = beat_set([0, 1] * (n // 2), ["a", "b", "c", "d"] * (n // 4), part=["train", "test"] * (n // 2))
    parts = split(apart, "given", seed=1)
    assert {"a", "c"} == set(apart.patients[np.concatenate(parts[:2])].tolist())
    assert 1 == len(set(apart.patients[parts.validate].tolist()))
    mixed = beat_set([0, 1] * (n // 2), ["a", "b"] * (n // 2), part=["train", "train", "test"] * (n // 3))
    parts = split(mixed, "given", seed=1)
    assert {"a", "b"} == set(mixed.patients[parts.validate].tolist())


@pytest.mark.parametrize(("how", "expected"), [("given", (10, 9)), ("fold:1", (1, 10)), ("fold:4", (4, 3))])
def test_folds_of_the_source_are_kept(how: str, expected: tuple[int, int]) -> None:
    """Fold K tests, the one before it validates; as published, 10 and 9."""
    beats = many(part=True)
    parts = split(beats, how, seed=0)
    assert [{f"fold{expected[0]}"}, {f"fold{expected[1]}"}] == [
        set(beats.part[rows].tolist()) for rows in (parts.test, parts.validate)
    ]
    assert 8 == len(set(beats.part[parts.train].tolist()))


def test_ten_folds_of_patients_test_everybody_once() -> None:
    """Cross-validation where the source has no folds."""
    beats = many()
    tested = np.concatenate([split(beats, f"fold:{k}", seed=1).test for k in range(1, 11)])
    assert list(range(len(beats))) == np.sort(tested).tolist()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("chance", "no such split: expected one of random, patients, given, fold:K, received 'chance'"),
        ("fold:11", "expected fold:1 to fold:10, received 'fold:11'"),
        ("fold:", "expected fold:1 to fold:10, received 'fold:'"),
        ("given", "expected beats that their source divides into train and test or into folds"),
        ("fold:2", "expected beats of at least 10 patients, received 3"),
    ],
)
def test_a_split_that_cannot_be_says_why(how: str, message: str) -> None:
    """What was expected and received."""
    with pytest.raises(SettingsError, match=message):
        split(many(3), how, seed=1)


@pytest.mark.parametrize("how", ["patients", "fold:1"])
def test_beats_of_nobody_are_not_split_by_patient(how: str) -> None:
    """The published CSVs do not say whose a beat is, and nothing is guessed."""
    beats = beat_set([0, 1] * 50, [""] * 100, part=["train", "test"] * 50)
    with pytest.raises(SettingsError, match="expected beats that say whose they are, received made"):
        split(beats, how, seed=1)
    assert len(split(beats, "given", seed=1).validate)


@pytest.mark.parametrize("how", ["random", "patients", "fold:7", "given"])
def test_a_balanced_test_has_as_many_of_each_class(how: str) -> None:
    """Without replacement where there are enough, else each as often as the others, give or take one."""
    beats = many(part=how == "given", n_rare=24)
    parts = split(beats, how, seed=1)
    even = balanced(beats, parts, n=10)
    assert [10, 10, 10] == np.bincount(beats.y[even.test]).tolist()
    for label in range(3):
        rows, times = np.unique(even.test[beats.y[even.test] == label], return_counts=True)
        there = np.sum(beats.y[parts.test] == label)
        assert min(10, there) == len(rows)
        assert times.max() - times.min() <= 1


@pytest.mark.parametrize("how", ["random", "patients", "fold:7", "given"])
def test_a_balanced_test_puts_no_row_on_two_sides(how: str) -> None:
    """Only test rows come again; who is trained on and chosen by does not depend on them."""
    beats = many(part=how == "given", n_rare=24)
    parts = split(beats, how, seed=1)
    even = balanced(beats, parts, n=50)
    assert set(even.test.tolist()) <= set(parts.test.tolist())
    kept = np.concatenate(even[:2])
    assert len(kept) == len(set(kept.tolist()))
    assert set() == set(kept.tolist()) & set(even.test.tolist())
    assert [rows.tolist() for rows in parts[:2]] == [rows.tolist() for rows in even[:2]]


def test_the_balanced_test_of_a_given_split_is_the_one_published() -> None:
    """Oracle: 819 beats of each class drawn before the beats are split, as the figure of the README was."""
    labels, part = [0, 0, 1, 0, 2, 1] * 400, (["train"] * 4 + ["test"]) * 480
    beats = beat_set(labels, ["a", "b", "c"] * 800, part=part)
    rng, picked = np.random.default_rng(0), [np.flatnonzero(beats.part != "test")]
    for label in range(3):
        rows = np.flatnonzero((beats.part == "test") & (beats.y == label))
        picked.append(np.concatenate([rng.permutation(rows) for _ in range(-(-819 // len(rows)))])[:819])
    first = beats.of(np.concatenate(picked))
    expected = [first.x[rows, 0, 0].tolist() for rows in split(first, "given", seed=3)]
    received = balanced(beats, split(beats, "given", seed=3))
    assert expected == [beats.x[rows, 0, 0].tolist() for rows in received]


def test_a_balanced_test_without_a_class_is_refused() -> None:
    """Mean recall of three classes cannot be told from two."""
    beats = beat_set([0, 1, 2], ["a"] * 3)
    parts = Split(np.array([2]), np.array([], dtype=np.int64), np.array([0, 1]))
    with pytest.raises(SettingsError, match="expected test beats of class V, received none"):
        balanced(beats, parts, n=2)


def test_a_manifest_counts_and_names_the_content() -> None:
    """JSON; other beats, another hash."""
    beats = beat_set([0, 0, 1], ["a", "b", ""], part=["train", "fold2", "fold10"])
    told = json.loads(json.dumps(manifest(beats)))
    assert (3, 2, 2) == (told["n_beats"], told["n_patients"], told["n_records"])
    assert {"N": 2, "S": 1, "V": 0} == told["counts"]
    assert ["train", "fold2", "fold10"] == list(told["parts"])
    assert told["sha256"] != manifest(beats.of(np.array([0, 2, 1])))["sha256"]
