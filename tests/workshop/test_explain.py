"""Explanations add up, point at what tells the classes apart, and say what they cannot do."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.workshop.explain import STEPS, explain, flat, information, integrated_gradients
from models.workshop.gradients import differentiated
from models.workshop.material import material
from models.workshop.runs import load_run
from monitor.errors import ArtifactError, SettingsError
from tests.workshop import made


def test_gradients_are_those_of_differences() -> None:
    """Of a small smooth network, against central differences, class by class."""
    import keras

    keras.utils.set_random_seed(3)
    window = keras.Input((6, 2))
    told = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(window))
    model = keras.Model(window, told)
    x = np.random.default_rng(1).normal(size=(3, 6, 2)).astype(np.float32)
    labels = np.array([2, 0, 1])
    values, slopes = differentiated(model)(x, labels)
    assert np.allclose(np.asarray(model(x))[np.arange(3), labels], values, atol=1e-6)
    step = np.zeros_like(x)
    step[:, 4, 1] = 1e-2
    ends = [np.asarray(model(x + sign * step))[np.arange(3), labels] for sign in (1, -1)]
    assert np.allclose((ends[0] - ends[1]) / 2e-2, slopes[:, 4, 1], atol=1e-4)


def test_shares_add_up_to_what_they_share_out(trained: Path) -> None:
    """Completeness (Sundararajan et al. 2017): the sum is the difference to the flat line, and nears it."""
    model = load_run(trained).model()
    x = made.beats().x[:12]
    gradient = differentiated(model)
    shares, gap = integrated_gradients(gradient, x, 1)
    expected = np.asarray(model(x))[:, 1] - np.asarray(model(flat(x)))[:, 1]
    assert np.allclose(expected, shares.sum(axis=(1, 2)) - gap, atol=1e-5)
    assert float(np.abs(gap).max()) < 0.01
    coarse = integrated_gradients(gradient, x, 1, steps=3)[1]
    assert float(np.abs(gap).max()) < float(np.abs(coarse).max())
    assert 50 == STEPS


def test_the_flat_line_is_the_beats_own_baseline() -> None:
    """Each lead at its median where there is signal, 0 where the window is padded or a lead is not there."""
    x = np.zeros((1, 6, 2), np.float32)
    x[0, :4, 0] = (0.2, 0.9, 0.2, 0.1)
    assert [0.2, 0.2, 0.2, 0.2, 0.0, 0.0] == pytest.approx(flat(x)[0, :, 0].tolist())
    assert 0.0 == np.abs(flat(x)[0, :, 1]).max()


def test_information_is_where_the_classes_differ() -> None:
    """Most at R, where N goes up and V goes down; next to none where both are noise; at most the entropy."""
    beats = made.beats()
    bits = information(beats.x, beats.y, seed=1)
    assert beats.x.shape[1:] == bits.shape
    assert 0.6 < bits[22:27, 0].max() < 0.9
    assert float(bits[:8].max()) < 0.2


def test_what_speaks_for_a_class_is_where_its_wave_is(trained: Path) -> None:
    """Grad-CAM and integrated gradients both point into the wave of the beat."""
    model, beats = load_run(trained).model(), made.beats()
    chosen = {"V": (1, beats.x[beats.y == 1][:16], True)}
    (found,) = explain(model, chosen, method="ig")
    size = np.abs(found.attribution).sum(axis=1)
    assert size[14:35].sum() > 0.6 * size.sum()
    assert found.gap is not None
    (found,) = explain(model, chosen, method="gradcam")
    assert found.attribution.shape == beats.x.shape[1:]
    assert 0.0 <= found.attribution.min() <= found.attribution.max() <= 1.0
    assert found.gap is None


def test_grad_cam_needs_convolutions() -> None:
    """A recurrent network is refused, and told what explains it."""
    import keras

    window = keras.Input((12, 1), name="window")
    logits = keras.layers.Dense(2, name="logits")(keras.layers.LSTM(3)(window))
    model = keras.Model(window, keras.layers.Softmax(name="probabilities")(logits))
    with pytest.raises(SettingsError, match="expected a network with convolutions"):
        explain(model, {"N": (0, np.zeros((1, 12, 1), np.float32), True)}, method="gradcam")


def test_grad_cam_of_a_residual_network_is_taken_behind_a_sum() -> None:
    """What flows around a convolution would be lost within a block."""
    from models.networks import kachuee

    model = kachuee((48, 1), 3)
    x = np.random.default_rng(0).normal(size=(2, 48, 1)).astype(np.float32)
    (found,) = explain(model, {"N": (0, x, True)}, method="gradcam")
    assert (48, 1) == found.attribution.shape


@pytest.mark.usefixtures("at_hand")
def test_the_command_writes_pictures_and_a_page(trained: Path, tmp_path: Path) -> None:
    """And says, class by class, how many beats it averaged and how well the shares add up."""
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["explain", str(trained), "--out", str(out), "--rows", "8", "--json"])
    assert 0 == done.exit_code, done.output
    told = json.loads(done.stdout)
    assert ["N", "V"] == list(told["classes"])
    assert 8 == told["classes"]["N"]["beats"]
    assert told["classes"]["V"]["gap"] < 0.01
    names = {"attribution.png", "information.png", "gallery.png", "explanation.json", "explanation.npz"}
    assert names | {"report.html"} == {path.name for path in out.iterdir()}


def test_other_beats_than_the_run_had_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of predictions point into one set of beats: in another they would be other people's."""
    from models import datasets

    monkeypatch.setattr(datasets, "load", lambda *_, **__: made.beats(each=44))
    with pytest.raises(ArtifactError, match="expected the beats it was trained on, sha256 x"):
        material(load_run(trained))
