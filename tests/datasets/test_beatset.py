"""Beats of any source in one shape."""

import numpy as np
import pytest

from models.datasets import DATASETS, BeatSet, DataOptions, load
from models.datasets.beatset import join, thinned
from monitor.errors import SettingsError
from tests.datasets.made import beat_set


def test_chosen_rows_keep_what_belongs_to_them() -> None:
    """One row, one beat: windows, labels, patients, records and parts move together."""
    beats = beat_set([0, 1, 2, 0], ["a", "b", "c", "d"], part=["train", "test", "train", "test"])
    chosen = beats.of(np.array([2, 0]))
    assert ([2.0, 0.0], [2, 0]) == (chosen.x[:, 0, 0].tolist(), chosen.y.tolist())
    assert (["c", "a"], ["train", "train"]) == (chosen.patients.tolist(), chosen.part.tolist())
    assert (4, 1, 2) == (chosen.n_points, chosen.n_channels, len(chosen))


def test_joined_sets_follow_one_another() -> None:
    """Names longer than those of the first set are not cut off."""
    whole = join([beat_set([0], ["a"]), beat_set([1], ["patient001"])])
    assert (["a", "patient001"], [0, 1]) == (whole.patients.tolist(), whole.y.tolist())


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_labels_are_indices_into_the_classes(labels: list[int]) -> None:
    """A set that lies about its classes is a caller's mistake."""
    with pytest.raises(ValueError, match="labels: expected 0 to 2, received"):
        beat_set(labels, ["a", "b"])


def test_columns_of_another_length_are_refused() -> None:
    """One row, one beat."""
    beats = beat_set([0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="windows of shape"):
        BeatSet(
            "made", ("N", "S"), 125.0, beats.x, beats.y[:1], beats.patients, beats.records, beats.part, None
        )


def test_fewer_rows_come_evenly_from_all_classes() -> None:
    """A quick try sees what the whole would, and the same rows every time."""
    beats = beat_set([0] * 80 + [1] * 15 + [2] * 5, ["a", "b"] * 50)
    few = thinned(beats, 20)
    assert [16, 3, 1] == np.bincount(few.y).tolist()
    assert few.x.tolist() == thinned(beats, 20).x.tolist()
    assert thinned(beats, None) is beats
    assert thinned(beats, 1000) is beats


def test_an_unknown_data_set_is_named() -> None:
    """What was expected and received."""
    with pytest.raises(SettingsError, match=f"expected one of {', '.join(DATASETS)}, received 'mnist'"):
        load("mnist")


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"leads": 0}])
def test_options_below_one_are_refused(wrong: dict[str, int]) -> None:
    """A set of no beats, or of no leads, is a mistake."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected at least 1, received 0"):
        DataOptions(**wrong)  # type: ignore[arg-type]  # a dict of ints


def test_a_window_that_cannot_be_is_a_wrong_setting() -> None:
    """Options come from people."""
    with pytest.raises(SettingsError, match="expected length_rr > 0, received -1"):
        DataOptions(length_rr=-1.0).window()
