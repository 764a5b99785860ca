"""Augmentations: pure, seeded, and what each leaves as it was."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.workshop.augment import AUGMENTATIONS, augmented, flip, names_of, noise, rotate, stretch
from monitor.errors import SettingsError

N_POINTS = 120


def beats(n: int = 16, *, r: int = 50, filled: int = N_POINTS) -> NDArray[np.float32]:
    """Return beats with one tall wave at R, on two channels, zeros from ``filled`` on."""
    at = np.arange(N_POINTS)
    wave = 0.2 + np.exp(-(((at - r) / 3) ** 2)) - 0.1 * np.exp(-(((at - r - 20) / 8) ** 2))
    x = np.repeat(wave[None, :, None], n, axis=0) * np.linspace(0.5, 1.0, 2 * n).reshape(n, 1, 2)
    x[:, filled:] = 0
    return x.astype(np.float32)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_is_pure_and_seeded(name: str) -> None:
    """Same beats and seed, same result; the beats given stay as they are; shape and type too."""
    given = beats()
    results = [AUGMENTATIONS[name](given, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(beats(), given)
    np.testing.assert_array_equal(results[0], results[1])
    assert np.any(results[0] != results[2])
    assert (results[0].shape, results[0].dtype) == (given.shape, np.dtype(np.float32))
    assert np.isfinite(results[0]).all()


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in ("rotate", "stretch")])
def test_padding_stays_zero(name: str) -> None:
    """The zeros after a short beat tell how early the next one came."""
    changed = AUGMENTATIONS[name](beats(filled=90), np.random.default_rng(0))
    assert np.all(changed[:, 90:] == 0)
    assert np.any(changed[:, :90] != beats(filled=90)[:, :90])


def test_a_flipped_beat_keeps_its_range() -> None:
    """Half of the beats are mirrored between their own lowest and highest point, the others untouched."""
    given = beats(400)
    changed = flip(given, np.random.default_rng(0))
    turned = np.any(changed != given, axis=(1, 2))
    np.testing.assert_allclose(np.ptp(given, axis=1), np.ptp(changed, axis=1), rtol=1e-6)
    np.testing.assert_allclose(given.max(axis=1), changed.max(axis=1), rtol=1e-6)
    assert 0.4 < turned.mean() < 0.6


def test_a_rotated_beat_has_the_same_values() -> None:
    """A circular shift: no value is lost, channels move together, by 5 % of the window at most."""
    given = beats()
    changed = rotate(given, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(given, axis=1), np.sort(changed, axis=1))
    moved = changed.argmax(axis=1) - given.argmax(axis=1)
    np.testing.assert_array_equal(moved[:, 0], moved[:, 1])
    assert 2 <= np.abs(moved).max() <= 6


@pytest.mark.parametrize("r", [0, 50, 110])
def test_stretching_leaves_r_where_it_is(r: int) -> None:
    """Wherever a data set cuts: what changes is the distance of the other waves from R."""
    changed = stretch(beats(r=r), np.random.default_rng(0))
    np.testing.assert_array_equal(r, changed.argmax(axis=1))


def test_noise_is_measured_against_the_range() -> None:
    """A window in other units gets the same noise in those units."""
    given = beats()
    np.testing.assert_allclose(
        1000 * noise(given, np.random.default_rng(3)),
        noise(1000 * given, np.random.default_rng(3)),
        rtol=1e-4,
        atol=1e-3,
    )


def test_augmentations_are_switched_by_name_in_one_order() -> None:
    """The order in which they are named changes nothing; none named, none done."""
    given = beats()
    both = [
        augmented(given, names, np.random.default_rng(0)) for names in (("flip", "noise"), ("noise", "flip"))
    ]
    np.testing.assert_array_equal(both[0], both[1])
    assert augmented(given, (), np.random.default_rng(0)) is given
    assert names_of("rotate, noise") == ("noise", "rotate")


def test_an_unknown_augmentation_is_named() -> None:
    """Expected and received."""
    with pytest.raises(SettingsError, match=r"expected names out of stretch, .*, received mirror"):
        names_of("flip,mirror")
