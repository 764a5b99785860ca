"""The five networks: names, shapes, sizes, and what a run relies on."""

import re
from pathlib import Path

import numpy as np
import pytest

from models.networks import NETWORKS
from models.options import ARCHES

PAPER = (187, 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_layers_that_others_look_for(name: str) -> None:
    """One input window, a vector of features, then logits, then probabilities that sum to one."""
    network = NETWORKS[name](PAPER, 5)
    probabilities = np.asarray(network(np.random.default_rng(0).uniform(size=(3, *PAPER))))
    assert network.name == name
    assert [tensor.name for tensor in network.inputs] == ["window"]
    assert [layer.name for layer in network.layers[-2:]] == ["logits", "probabilities"]
    assert len(network.get_layer("features").output.shape) == 2
    assert probabilities.shape == (3, 5)
    np.testing.assert_allclose(1, probabilities.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_docstring_states_the_parameters(name: str) -> None:
    """A figure in a docstring is measured: with 187 points of one channel and five classes."""
    network = NETWORKS[name](PAPER, 5)
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    stated = [int(text.replace(",", "")) for text in re.findall(r"\d+,\d{3}", NETWORKS[name].__doc__ or "")]
    assert sorted({network.count_params(), trained}) == sorted(stated)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_short_windows_of_many_leads(name: str) -> None:
    """No network wants a certain number of points, not even after a selection."""
    assert NETWORKS[name]((20, 6), 2).output_shape == (None, 2)
    assert NETWORKS[name]((20, 6), 2, columns=[4, 9, 11]).input_shape == (None, 20, 6)


def test_selected_points_are_all_that_a_network_looks_at(tmp_path: Path) -> None:
    """Issue, the selection is part of the saved network: it takes whole windows and ignores the rest."""
    import keras

    network = NETWORKS["cnn"]((40, 2), 3, columns=[3, 5, 6, 20, 21, 39])
    network.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    rng = np.random.default_rng(1)
    beats = rng.uniform(size=(4, 40, 2)).astype(np.float32)
    elsewhere = beats.copy()
    elsewhere[:, [0, 4, 22, 38]] = 7.0
    here = beats.copy()
    here[:, 20] = 7.0
    np.testing.assert_array_equal(np.asarray(network(beats)), np.asarray(reloaded(elsewhere)))
    assert np.abs(np.asarray(network(beats)) - np.asarray(network(here))).max() > 1e-6


def test_kachuee_pools_as_the_paper_does() -> None:
    """Kachuee et al. 2018, arXiv 1805.00794: 187 points become 92, 44, 20, 8 and 2 steps of 32."""
    network = NETWORKS["kachuee"](PAPER, 5)
    shapes = [network.get_layer(f"block{k}_pool").output.shape[1:] for k in range(5)]
    assert shapes == [(92, 32), (44, 32), (20, 32), (8, 32), (2, 32)]


def test_the_command_knows_every_network() -> None:
    """Help names them without loading anything."""
    assert tuple(NETWORKS) == ARCHES
