"""The workshop: beats and labels from records, scores, a training run from end to end, export."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

from models import data, evaluate, export, train
from models.architectures import ARCHITECTURES
from models.cli import app
from models.data import LEFT_OUT, NO_BEAT, Recording
from models.evaluate import Goal
from models.recipe import TRAINED, Config
from monitor import artifact
from monitor.errors import ArtifactError, StorageError
from monitor.events import CLASSES
from monitor.settings import Settings
from monitor.window import FEATURES, NEXT_FEATURES

FS = 250.0


def recording(name: str, n_beats: int = 60, *, seed: int = 0) -> Recording:
    """Return a made-up patient: narrow N, every fifth beat an early wide V."""
    rng = np.random.default_rng(seed)
    ventricular = np.arange(n_beats) % 5 == 4
    seconds = 1.0 + np.cumsum(np.where(ventricular, 0.55, 0.85) + rng.normal(0, 0.01, n_beats))
    time = np.arange(round((seconds[-1] + 2) * FS)) / FS
    signal = 0.01 * rng.normal(size=(len(time), 2))
    for second, wide in zip(seconds, ventricular, strict=True):
        bump = np.exp(-0.5 * ((time - second) / (0.04 if wide else 0.012)) ** 2)
        signal += bump[:, np.newaxis] * np.array([1.2, -0.8 if wide else 0.6])
    return Recording(
        name=name,
        fs=FS,
        signal=signal,
        peaks=np.rint(seconds * FS).astype(np.int64),
        labels=np.where(ventricular, CLASSES.index("V"), CLASSES.index("N")),
        flutter=np.zeros(len(time), dtype=np.bool_),
    )


CONFIG = Config(
    records=("a", "b"),
    folds=(("a",), ("b",)),
    tuned_on=("a", "b"),
    members=("beat_mlp", "beat_mlp"),
    disturbed=0,
    lone=0,
    retimed=1,
    varied=1,
    moved=1,
    epochs=1,
    shown=1.0,
    batch=16,
    learning_rate=1e-2,
    normal_share=1.0,
)


def test_detected_beats_carry_the_reference_label_of_the_beat_they_match() -> None:
    """Training sees what serving sees: our own R, the reference's class."""
    patient = recording("a")
    found = data.detected(patient, patient.signal, Settings())
    assert len(found.beats) == len(found.labels)
    assert (found.labels == CLASSES.index("V")).sum() >= 9
    assert (found.labels == NO_BEAT).sum() <= 2


def test_detections_without_a_beat_are_no_beat_and_those_in_flutter_are_left_out() -> None:
    """False detections are trained as Q; flutter has no reference beats to learn from."""
    patient = recording("a")
    flutter = np.arange(len(patient.signal)) < patient.peaks[20] + 30
    doubtful = Recording("a", FS, patient.signal, patient.peaks[40:], patient.labels[40:], flutter)
    labels = data.detected(doubtful, patient.signal, Settings()).labels
    assert (labels == LEFT_OUT).sum() >= 15
    assert (labels == NO_BEAT).sum() >= 15
    beats = data.cut(
        doubtful,
        patient.signal,
        data.detected(doubtful, patient.signal, Settings()),
        CONFIG.window,
        CONFIG.band,
    )
    assert (labels != LEFT_OUT).sum() == len(beats.labels)


def test_a_beat_is_cut_once_with_the_features_of_both_its_labels() -> None:
    """Law 6: what training shows provisionally and confirmed is what serving asks, of the same window."""
    patient = recording("a")
    found = data.detected(patient, patient.signal, Settings())
    beats = data.cut(patient, patient.signal, found, CONFIG.window, CONFIG.band)
    names = CONFIG.window.features
    known, ratio = names.index("next_known"), names.index("next_to_rr")
    assert beats.features.shape == beats.confirmed.shape == (len(found.beats), len(names))
    assert not beats.features[:, [known, ratio]].any()
    assert (beats.confirmed[:-1, known] == 1.5).all()
    ventricular = np.flatnonzero(beats.labels == CLASSES.index("V"))
    assert (beats.confirmed[ventricular, ratio] > 0.3).all()
    rest = [k for k, name in enumerate(names) if name not in NEXT_FEATURES]
    assert_array_equal(beats.features[:, rest], beats.confirmed[:, rest])


def test_a_disturbed_copy_differs_and_its_seed_makes_it_again() -> None:
    """Augmentation is a pure function of its seed."""
    patient = recording("a")
    one = data.disturb(patient, CONFIG.augment, np.random.default_rng(5))
    again = data.disturb(patient, CONFIG.augment, np.random.default_rng(5))
    other = data.disturb(patient, CONFIG.augment, np.random.default_rng(6))
    assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_disturbed_copy_may_show_other_leads_or_one() -> None:
    """Electrodes sit elsewhere on every patient, and one may be missing."""
    patient = recording("a")
    mixed = data.Augment(noise_mv=0, motion_mv=0, wander_mv=0, gain=1.0, mixed=1.0, lone=0.0)
    lone = msgspec.structs.replace(mixed, mixed=0.0, lone=1.0)
    for seed in range(4):
        other = data.disturb(patient, mixed, np.random.default_rng(seed))
        assert patient.signal.shape == other.shape
        both = np.linalg.lstsq(patient.signal, other, rcond=None)[0]
        np.testing.assert_allclose(other, patient.signal @ both, atol=1e-9)
        one = data.disturb(patient, lone, np.random.default_rng(seed))
        assert any(np.array_equal(one[:, 0], patient.signal[:, lead]) for lead in (0, 1))


def test_records_are_read_with_their_classes(mitdb: Path) -> None:
    """The AAMI mapping on a real record."""
    patient = data.read("208", data=mitdb)
    counts = np.bincount(patient.labels, minlength=5).tolist()
    assert [1586, 2, 992, 373, 2] == counts
    assert not patient.flutter.any()


def test_training_and_test_patients_are_disjoint_but_for_the_one_that_convention_splits() -> None:
    """201 (DS1) and 202 (DS2) are one patient; the folds hold every training record once."""
    assert not set(data.DS1) & set(data.DS2)
    names = [name for fold in data.FOLDS for name in fold]
    assert sorted((*data.DS1, *data.SVDB)) == sorted(names)


def test_scores_count_as_ec57_does() -> None:
    """F called V is no false V, Q of the reference is left out, a false detection called V is false."""
    codes = "".join(CLASSES)
    reference = np.array([*map(codes.index, "NNVVFQ"), NO_BEAT], dtype=np.int64)
    told = np.array([*map(codes.index, "NVVNVVV")], dtype=np.int64)
    found = evaluate.scores(evaluate.confusion(reference, told))
    assert (50.0, 33.33, 2) == (found["V"].se, found["V"].ppv, found["V"].n)
    assert (50.0, 50.0, 2) == (found["N"].se, found["N"].ppv, found["N"].n)
    assert (0.0, None, 0.0, 1) == (found["F"].se, found["F"].ppv, found["F"].f1, found["F"].n)
    assert (None, None, None, 0) == (found["S"].se, found["S"].ppv, found["S"].f1, found["S"].n)


def test_offsets_are_tuned_towards_the_rare_class() -> None:
    """A timid network is corrected by what is added to its log probabilities."""
    reference = np.array([0] * 95 + [2] * 5)
    probabilities = np.tile([0.8, 0.01, 0.1, 0.05, 0.04], (100, 1))
    probabilities[95:] = [0.6, 0.01, 0.3, 0.05, 0.04]
    offsets = evaluate.tune(probabilities, reference, goals={"V": Goal()})
    assert_array_equal(reference, evaluate.tell(np.log(probabilities) + offsets))


def test_a_small_beta_misses_rather_than_errs() -> None:
    """Of five V and five N that look like them, F with a beta below 1 gives up the V sooner."""
    reference = np.array([0] * 94 + [2] * 6)
    probabilities = np.tile([0.9, 0.0, 0.1, 0.0, 0.0], (100, 1))
    probabilities[84:97] = [0.6, 0.0, 0.4, 0.0, 0.0]
    probabilities[97:] = [0.2, 0.0, 0.8, 0.0, 0.0]
    for beta, n in ((2.0, 16), (0.5, 3)):
        offsets = evaluate.tune(probabilities, reference, goals={"V": Goal(beta=beta)})
        assert n == (evaluate.tell(np.log(probabilities + 1e-9) + offsets) == 2).sum()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run on two made-up patients."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    made = {"a": recording("a"), "b": recording("b", seed=1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "read", lambda name, **_: made[name])
        train.train(CONFIG, folder, command="test", report=lambda *_: None)
    return folder


def test_a_run_leaves_all_that_makes_it_again(run: Path) -> None:
    """Configuration, environment, history, weights and card; the card passes its own check."""
    assert {"config.json", "environment.json", "history.csv", "model.keras", "card.json"} <= {
        path.name for path in run.iterdir()
    }
    assert CONFIG == msgspec.json.decode((run / "config.json").read_bytes(), type=Config)
    card = artifact.load_card(run)
    assert CONFIG.records == card.trained_on
    assert card.metrics["patients left out, mitdb"]["V"].n > 0


def test_the_network_of_a_fold_labels_those_it_never_saw(run: Path) -> None:
    """Of a folder of folds, a record gets the one that left its patient out; others get the run's own."""
    for fold, seen, unseen in (("fold1", "b", "a"), ("fold2", "a", "b")):
        card = artifact.load_card(run / "folds" / fold)
        assert ((seen,), (unseen,)) == (card.trained_on, card.left_out)
        assert run / "folds" / fold == artifact.fitting(str(run / "folds"), f"somewhere/{unseen}")
    assert run == artifact.fitting(str(run / "folds"), "c")
    assert run == artifact.fitting(str(run), "a")


def test_the_same_patient_is_left_out_under_either_name() -> None:
    """202 (DS2) is the patient of 201 (DS1)."""
    config = Config(records=("201", "203"), folds=(("201",), ("203",)))
    assert [("201", "202"), ("203",)] == [train._unseen(config, fold) for fold in (0, 1)]


def test_no_network_is_trained_on_what_noise_is_tested_on() -> None:
    """118, 119 and ``em`` are for tests alone."""
    assert {"118", "119"} <= set(Config().left_out)


def test_a_run_folder_is_never_overwritten(run: Path) -> None:
    """What exists is refused before anything is read."""
    with pytest.raises(FileExistsError):
        train.train(CONFIG, run, command="test", report=lambda *_: None)


def test_an_exported_run_tells_the_same(run: Path, tmp_path: Path) -> None:
    """The artefact carries the name it was given and the weights of the run."""
    card = export.export(run, tmp_path / "mine", name="mine")
    model, again = train.load(tmp_path / "mine")
    assert card == again
    assert "mine" == again.name
    export.compare(train.load(run)[0], model, again)


def test_an_artefact_is_replaced_only_where_that_is_asked(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is overwritten unasked, least of all the shipped model: by default the target is that one."""
    monkeypatch.setattr(export, "ARTIFACTS", tmp_path)
    command = ["export", str(run)]
    assert 0 == CliRunner().invoke(app, command).exit_code
    card = tmp_path / "beat" / artifact.CARD
    card.write_text("another's")
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, StorageError)
    assert "expected no artefact there yet, or --replace, received one that is there" in str(
        refused.exception
    )
    assert "another's" == card.read_text()
    assert 0 == CliRunner().invoke(app, [*command, "--replace"]).exit_code
    assert "beat" == artifact.load_card(tmp_path / "beat").name


def test_a_network_that_differs_after_reloading_is_refused(run: Path) -> None:
    """Export compares before it writes."""
    model, card = train.load(run)
    other, _ = train.load(run)
    train._shift(other, np.tile([0.0, 0.0, 0.1, 0.0, 0.0], (2, 1)), CONFIG)
    with pytest.raises(ArtifactError, match="expected the reloaded network to agree"):
        export.compare(model, other, card)


def test_an_unfinished_run_is_not_exported(run: Path, tmp_path: Path) -> None:
    """A run without a card is not finished, and the target stays untouched."""
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / artifact.WEIGHTS).write_bytes((run / artifact.WEIGHTS).read_bytes())
    with pytest.raises(ArtifactError, match=r"card\.json"):
        export.export(tmp_path / "half", tmp_path / "target", name="target")
    assert not (tmp_path / "target").exists()


def test_a_beat_described_by_one_lead_is_told_with_offsets_of_its_own(run: Path) -> None:
    """One lead tells less; the networks themselves are not told how many there are."""
    model, _ = train.load(run)
    place = FEATURES.index("alone")
    window = np.zeros((2, *model.inputs[0].shape[1:]), np.float32)
    features = np.zeros((2, len(FEATURES)), np.float32)
    features[1, place] = 1.0
    train._shift(model, np.zeros((2, 5)), CONFIG)
    same = np.log(np.asarray(model([window, features])))
    np.testing.assert_allclose(same[0], same[1], atol=1e-6)
    train._shift(model, np.array([[0.0, 0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0]]), CONFIG)
    told = np.log(np.asarray(model([window, features])))
    gained = [told[k] - same[k] - (told[k] - same[k])[0] for k in range(2)]
    v = TRAINED.index("V")
    assert gained[0][v] == pytest.approx(0.5, abs=1e-5)
    assert gained[1][v] == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_gives_probabilities_and_logits_to_shift(name: str) -> None:
    """What a card may name can be averaged, and moved towards a class."""
    model = ARCHITECTURES[name]((96, 6), 7, len(CLASSES))
    told = np.asarray(model([np.ones((3, 96, 6), np.float32), np.ones((3, 7), np.float32)]))
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-5)
    assert model.get_layer("logits").output.shape == (None, len(CLASSES))
