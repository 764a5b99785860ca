"""The network that reads P waves: what it says of one beat, its recipe, its file."""

from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from models.cli import app
from models.data import Recording
from models.datasets.recordings import Entry, Recordings
from models.p_reader import Config, Examples, _model, folded, gather, train, write
from monitor.errors import ArtifactError, StorageError
from monitor.p_reader import SHOWN, PReader, read_kernel
from monitor.weights_p import N_POINTS, VERSION, Weights, read, shipped
from monitor.window import WindowSpec

TWO = msgspec.structs.replace(SHOWN, n_leads=2)
SECONDS = (np.arange(SHOWN.n_points) - SHOWN.n_pre) / SHOWN.fs


def bump(at_s: float, width_s: float) -> NDArray[np.float64]:
    """Return a wave of height one."""
    return np.exp(-0.5 * ((SECONDS - at_s) / width_s) ** 2)


SINUS = bump(0.0, 0.012) + 0.12 * bump(-0.17, 0.025) + 0.25 * bump(0.28, 0.05)
WITHOUT = bump(0.0, 0.012) + 0.25 * bump(0.28, 0.05)


def fibrillating(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a beat over waves of 6 Hz at any phase."""
    return np.asarray(WITHOUT + 0.06 * np.sin(2 * np.pi * (6 * SECONDS + rng.random())))


def windows(*leads: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a window, a column for each lead."""
    return np.stack(leads, axis=1).astype(np.float32)


def test_a_p_wave_is_told_from_fibrillatory_waves() -> None:
    """Made-up beats, which the shipped weights never saw: a P wave in any lead is believed."""
    rng = np.random.default_rng(1)
    reader = PReader(TWO)
    sinus = [reader.read(windows(SINUS, SINUS) * rng.uniform(0.8, 1.2)) for _ in range(20)]
    none = [reader.read(windows(fibrillating(rng), fibrillating(rng))) for _ in range(20)]
    either = [reader.read(windows(fibrillating(rng), SINUS)) for _ in range(20)]
    assert np.median(sinus) < np.median(none) - 1.5
    assert np.median(either) < np.median(none) - 1.0


def test_a_lead_that_is_not_there_is_not_read() -> None:
    """Zeros in its place: the other one is read alone; with none left nothing is said."""
    reader = PReader(TWO)
    flat = np.zeros(SHOWN.n_points)
    assert reader.read(windows(SINUS, flat)) == PReader(SHOWN).read(windows(SINUS))
    assert reader.read(windows(flat, flat)) == 0.0


@pytest.mark.parametrize(
    "change",
    [{"fs": 120.0}, {"n_pre": 48}, {"n_post": 45}, {"scaling": "millivolt"}],
    ids=lambda change: next(iter(change)),
)
def test_a_window_of_another_kind_is_not_read(change: dict[str, object]) -> None:
    """Another rate or scale would be another signal, and a short one lacks what is looked at."""
    spec: WindowSpec = msgspec.structs.replace(SHOWN, **change)
    assert PReader(spec).read(np.ones((spec.n_points, 1), np.float32).cumsum(axis=0)) == 0.0


def test_a_longer_window_is_read_where_the_beat_is() -> None:
    """What lies before and behind is left out."""
    longer = msgspec.structs.replace(SHOWN, n_pre=SHOWN.n_pre + 7, n_post=SHOWN.n_post + 9)
    around = np.pad(SINUS, (7, 9), constant_values=5.0)
    assert PReader(longer).read(windows(around)) == PReader(SHOWN).read(windows(SINUS))


def test_it_computes_what_was_trained() -> None:
    """The kernel agrees with Keras, batch normalisation folded into the convolutions."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    model = _model(Config())
    for layer in model.layers:
        layer.set_weights([rng.uniform(0.1, 0.3, each.shape) for each in layer.get_weights()])
    network = folded(model)
    x = rng.normal(0, 0.5, (5, N_POINTS)).astype(np.float32)
    x -= x.mean(axis=1, keepdims=True)
    expected = np.asarray(model(x[:, :, np.newaxis], training=False))[:, 0]
    told = [read_kernel(np.ascontiguousarray(lead), network) for lead in x]
    np.testing.assert_allclose(told, expected, rtol=2e-3, atol=2e-3)


def made_up(fold: int, rng: np.random.Generator, *, fibrillation: bool) -> Examples:
    """Return a record of ten beats."""
    beats = [fibrillating(rng) if fibrillation else SINUS + 0.01 * rng.normal() for _ in range(10)]
    name = f"{fold}-{fibrillation}-{rng.integers(1_000_000)}"
    return Examples(name, name, fold, np.array(beats, np.float32), fibrillation, 60)


def test_training_learns_and_is_judged_by_patients_left_out() -> None:
    """A few hundred steps over made-up beats are enough to tell them apart; no two members are the same."""
    rng = np.random.default_rng(4)
    examples = [made_up(k % 4 // 2, rng, fibrillation=k % 2 == 0) for k in range(24)]
    config = Config(epochs=8, drawn=2048, batch=32, members=2, folds=2)
    trained = train(examples, config, lambda *_: None)
    assert trained.by_beat > 0.9
    assert trained.by_record > 0.9
    assert trained.n_records == (12, 24)
    assert len(trained.members) == 2
    assert not np.array_equal(trained.members[0].kernel1, trained.members[1].kernel1)


def test_beats_are_gathered_from_both_databases_by_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pacemakers nor flutter of PTB-XL, neither ventricular beats nor doubtful records of svdb."""
    fs = 500.0
    seconds = np.arange(round(10 * fs)) / fs
    beats = np.arange(0.6, 9.8, 0.8)
    signal = np.exp(-0.5 * ((seconds - beats[:, np.newaxis]) / 0.012) ** 2).sum(axis=0)
    statements = [{"AFIB"}, {"SR"}, {"AFIB", "PACE"}, {"AFLT"}]
    entries = tuple(
        Entry(k, f"p{k}", k + 1, "OTHER", False, 0.0, frozenset(each)) for k, each in enumerate(statements)
    )
    known = Recordings(
        entries, np.tile((signal * 1000).astype(np.int16), (4, 1)), (np.empty(0, np.int64),) * 4
    )
    peaks = np.rint(beats * fs).astype(np.int64)
    labels = np.where(np.arange(len(peaks)) == 5, 2, 0)
    monkeypatch.setattr("models.p_reader.ptbxl.recordings", lambda *_: known)
    monkeypatch.setattr("models.p_reader.recordings.SVDB", ("svdb/804", "svdb/805", "svdb/841"))
    monkeypatch.setattr(
        "models.p_reader.recordings.read",
        lambda name: Recording(
            name, fs, np.stack([signal] * 2, 1), peaks, labels, np.zeros(len(signal), np.bool_)
        ),
    )
    examples = gather(Config(), lambda *_: None)
    kinds = [(each.name, each.fibrillation) for each in examples]
    assert kinds[:2] == [("00000", True), ("00001", False)]
    assert kinds[2:] == [(f"svdb/{name}", name == "804") for name in ("804", "804", "805", "805")]
    assert len(examples[2].windows) == len(examples[0].windows) - 1
    assert all(each.windows.shape[1] == N_POINTS for each in examples)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Five digits of each weight, which change nothing that can be seen."""
    file = tmp_path / "p.json"
    write(shipped(), file)
    again = read(file)
    assert len(again) == len(shipped())
    for network, other in zip(shipped(), again, strict=True):
        for array, same in zip(network, other, strict=True):
            np.testing.assert_allclose(array, same, rtol=1e-4)


def layers(**changes: object) -> Weights:
    """Return the shipped weights as a file has them, some things changed."""
    network = shipped()[0]._asdict() | changes
    arrays = {name: np.asarray(array, np.float32) for name, array in network.items()}
    return Weights(
        version=VERSION,
        shapes={name: array.shape for name, array in arrays.items()},
        members=[{name: array.ravel().tolist() for name, array in arrays.items()}],
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (msgspec.structs.replace(layers(), version=VERSION + 1), "expected weights of version"),
        (layers(kernel2=np.zeros((5, 11, 16))), "a convolution of 12 channels has"),
        (layers(bias1=np.zeros(3)), "a convolution of 1 channels has"),
        (layers(kernel4=np.zeros((5, 16))), "the dense layers have"),
        (layers(bias5=np.zeros(2)), "the last bias has"),
        (msgspec.structs.replace(layers(), members=[{}]), "expected arrays kernel1, bias1"),
        (msgspec.structs.replace(layers(), shapes=layers().shapes | {"bias1": (5,)}), "cannot reshape"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, weights: Weights, message: str) -> None:
    """By version and by the shapes of its layers."""
    file = tmp_path / "p.json"
    file.write_bytes(msgspec.json.encode(weights))
    with pytest.raises(ArtifactError, match=message):
        read(file)


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    """No file, no JSON, no folder."""
    with pytest.raises(ArtifactError, match="No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(ArtifactError, match="expected a file of weights"):
        read(tmp_path / "no.json")
    with pytest.raises(StorageError, match="No such file"):
        write(shipped(), tmp_path / "none" / "p.json")


def test_the_command_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without data one line, no traceback."""
    monkeypatch.delenv("BEATLINE_DATA", raising=False)
    assert "no record of" in " ".join(CliRunner().invoke(app, ["p-reader", "--help"]).output.split())


def test_the_shipped_networks_are_small() -> None:
    """As README says."""
    assert [sum(array.size for array in each) for each in shipped()] == [5473] * 4
