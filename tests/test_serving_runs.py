"""A network of one input from a run folder to labels: its card says window, scaling and classes."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import wfdb
from numpy.testing import assert_array_equal

from models import export
from models.datasets.cutting import NEXT_RR, served
from monitor import app, artifact, records
from monitor.artifact import Card
from monitor.assemble import Closed, Opened, Samples
from monitor.classify import Classifier
from monitor.errors import ArtifactError, StorageError
from monitor.events import CLASSES, Alarm, Beat, Block
from monitor.filters import monitor_band
from monitor.label import Job, label_all
from monitor.link import EventLog
from monitor.plain_window import PlainCutter
from monitor.settings import FilterSettings, Settings
from monitor.ward import Ward
from monitor.window import WindowSpec
from tests.cutting import feed, kind
from tests.tiny import make_card

FS = 250.0
SPEC = WindowSpec(
    fs=125.0, n_pre=20, n_post=166, n_leads=1, shapes=0, features=(), scaling="unit", length_rr=1.2
)
N_BEATS = 40


def write_run(folder: Path, *, finished: bool = True, n_leads: int = 1, **card: object) -> Path:
    """Write a run folder as a training leaves it: V where the window's mean is high, N where it is low."""
    import keras

    spec = msgspec.structs.replace(SPEC, n_leads=n_leads)
    window = keras.Input((spec.n_points, spec.n_channels), name="window")
    features = keras.layers.Flatten(name="features")(window)
    logits = keras.layers.Dense(2, name="logits")(features)
    model = keras.Model(window, keras.layers.Softmax(name="probabilities")(logits))
    weights = np.repeat([[1.0, -1.0]], spec.n_points * n_leads, axis=0)
    model.get_layer("logits").set_weights([weights, np.array([-30.0, 30.0])])
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    model.save(folder / artifact.WEIGHTS, include_optimizer=False)
    if finished:
        made = make_card(folder / artifact.WEIGHTS)
        artifact.save_card(msgspec.structs.replace(made, **{"name": "run", "window": spec, **card}), folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run folder."""
    return write_run(tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a record of 75 bpm; in the second half a broad wave follows each beat."""
    folder = tmp_path_factory.mktemp("data")
    peaks = 1.0 + 0.8 * np.arange(N_BEATS)
    time = np.arange(round((peaks[-1] + 3) * FS)) / FS
    signal = np.zeros(len(time))
    for k, peak in enumerate(peaks):
        signal += np.exp(-0.5 * ((time - peak) / 0.012) ** 2)
        signal += 0.7 * (k >= N_BEATS // 2) * np.exp(-0.5 * ((time - peak - 0.3) / 0.06) ** 2)
    wfdb.wrsamp(
        "r1",
        fs=FS,
        units=["mV"],
        sig_name=["II"],
        d_signal=np.rint(1000 * signal).astype(np.int64)[:, np.newaxis],
        fmt=["16"],
        adc_gain=[1000.0],
        baseline=[0],
        write_dir=str(folder),
    )
    return folder


def test_a_run_folder_labels_a_record(run: Path, data: Path, tmp_path: Path) -> None:
    """``beatline label --model RUN``: window, scaling and classes are those of the card."""
    job = Job(out=tmp_path, settings=Settings(), data=data, model=str(run), events=True)
    counts = label_all(["r1"], job)[0].counts
    assert N_BEATS - 2 <= sum(counts.values()) <= N_BEATS
    lines = (tmp_path / "r1.events.jsonl").read_text().splitlines()
    beats = [fact for fact in map(json.loads, lines) if fact["type"] == "beat"]
    confirmed = [beat for beat in beats if not beat["provisional"]]
    told = "".join(beat["label"] for beat in confirmed)
    assert "N" * 17 == told[1:18]
    assert "V" * 15 == told[-16:-1]
    assert (tmp_path / "r1.blt").is_file()


def test_training_cuts_what_serving_cuts() -> None:
    """Law 6: a record at once, for training, and a stream in blocks give the same windows, bit for bit."""
    rng = np.random.default_rng(4)
    peaks = np.cumsum(rng.integers(120, 300, N_BEATS))
    signal = np.cumsum(rng.normal(size=(int(peaks[-1]) + 1000, 1)), axis=0) / 50
    beats = [
        Beat(sample=int(peak), decided=int(peak) + 30, rr=rr)
        for peak, rr in zip(peaks, [None, *np.diff(peaks).tolist()], strict=True)
    ]
    band = monitor_band(FilterSettings(), fs=FS, n_leads=1)
    stage = PlainCutter(SPEC, fs=FS, n_leads=1, wave_delay=band.delay)
    windows = kind(feed(stage, band.push(signal), beats, [100]) + stage.flush(), provisional=True)
    assert_array_equal(served(signal, peaks, SPEC, fs=FS), np.stack([window.window for window in windows]))


def test_a_network_of_one_input_answers_as_it_does_alone(run: Path) -> None:
    """Fed the window alone, in any batch, and its classes put into our order."""
    import keras

    classifier = Classifier(run, buckets=(1, 8))
    windows = np.random.default_rng(0).uniform(size=(11, SPEC.n_points, 1)).astype(np.float32)
    told = classifier.probabilities(windows, np.zeros((11, 0), np.float32))
    direct = np.asarray(keras.saving.load_model(run / artifact.WEIGHTS, compile=False)(windows))
    np.testing.assert_allclose(direct, told[:, [CLASSES.index("V"), CLASSES.index("N")]], atol=1e-5)
    assert not told[:, [CLASSES.index(name) for name in ("S", "F", "Q")]].any()


def test_an_exported_run_is_the_same_network_under_its_own_name(run: Path, tmp_path: Path) -> None:
    """The run folder is left as it is, and so is every folder that is no artefact."""
    card = export.export(run, tmp_path / "mine", name="mine")
    assert ("mine", SPEC, "beats") == (card.name, card.window, card.serves)
    assert {"model.keras", "card.json"} == {path.name for path in (tmp_path / "mine").iterdir()}
    with pytest.raises(StorageError, match=r"expected no such path or an artefact .* received .*config.json"):
        export.export(run, run, name="one")
    assert artifact.load_card(run).name == "run"


def test_a_run_that_serves_nothing_is_refused_everywhere(data: Path, tmp_path: Path) -> None:
    """Infarction against normal is no label of a beat: said by name before anything is loaded."""
    folder = write_run(tmp_path / "mi", classes=("NORM", "MI"), serves="nothing", window=None)
    told = r"expected .*serves.* received one that serves nothing \(classes NORM, MI\)"
    with pytest.raises(ArtifactError, match=told):
        Classifier(folder)
    with pytest.raises(ArtifactError, match=told):
        export.export(folder, tmp_path / "out", name="out")
    with pytest.raises(ArtifactError, match=told):
        label_all(["r1"], Job(out=tmp_path / "labels", settings=Settings(), data=data, model=str(folder)))
    assert not (tmp_path / "out").exists()


def test_a_run_on_windows_that_serving_does_not_cut_says_what_would_serve(data: Path, tmp_path: Path) -> None:
    """Law 2: what was trained on the RR to the next beat goes nowhere live, though its window is known."""
    folder = write_run(tmp_path / "next", serves="nothing", unserved=NEXT_RR)
    told = r"received one that serves nothing \(.*to come.*: train with .* recipe=served\)"
    with pytest.raises(ArtifactError, match=told):
        Classifier(folder)
    with pytest.raises(ArtifactError, match=told):
        label_all(["r1"], Job(out=tmp_path / "labels", settings=Settings(), data=data, model=str(folder)))


def test_a_model_that_finds_beats_stands_in_as_detector_and_the_shipped_one_labels(tmp_path: Path) -> None:
    """``demo --model RUN`` is one word for every architecture of the workshop."""
    folder = tmp_path / "dual"
    folder.mkdir()
    (folder / artifact.WEIGHTS).write_bytes(b"0")
    card = msgspec.structs.replace(make_card(folder / artifact.WEIGHTS), serves="detector", window=None)
    artifact.save_card(card, folder)
    told = app.config(Settings(), model=str(folder))
    assert (None, str(folder)) == (told.model, told.settings.detector.weights)
    assert "" == app.config(Settings()).settings.detector.weights


def test_a_run_under_way_is_refused_everywhere(tmp_path: Path) -> None:
    """A card comes last: without it a folder is never taken for a model, nor for a name."""
    folder = write_run(tmp_path / "half", finished=False)
    for refused in (
        artifact.locate,
        lambda name: Classifier(Path(name)),
        lambda name: artifact.fitting(name, "r1"),
    ):
        with pytest.raises(ArtifactError, match=r"expected a finished run, received one with a config\.json"):
            refused(str(folder))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"schema": 2}, "expected schema version 3, received 2"),
        ({"classes": ["normal", "V"]}, r"expected distinct names out of .* received \('normal', 'V'\)"),
        ({"window": None}, "expected one, as the model serves beats, received none"),
        ({"serves": "tea"}, "tea"),
    ],
)
def test_a_card_that_cannot_be_served_is_refused(
    run: Path, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    """What was expected and received, before any network is loaded."""
    card = json.loads((run / artifact.CARD).read_text()) | changed
    (tmp_path / artifact.CARD).write_text(json.dumps(card))
    (tmp_path / artifact.WEIGHTS).write_bytes((run / artifact.WEIGHTS).read_bytes())
    with pytest.raises(ArtifactError, match=told):
        Classifier(tmp_path)


def test_a_card_without_the_newer_words_serves_beats(run: Path) -> None:
    """Cards of the monitor's own networks do not say so; they are dominant and want one lead at least."""
    card = json.loads((run / artifact.CARD).read_text())
    del card["serves"]
    for key in ("scaling", "length_rr", "least_leads"):
        del card["window"][key]
    card["window"]["n_pre"] = 20
    read = msgspec.convert(card, Card)
    assert ("beats", "dominant", 1) == (
        read.serves,
        read.served_window.scaling,
        read.served_window.needed_leads,
    )


def test_a_network_of_other_inputs_than_its_card_is_refused(run: Path, tmp_path: Path) -> None:
    """A card that asks for features has a network that takes them."""
    (tmp_path / artifact.WEIGHTS).write_bytes((run / artifact.WEIGHTS).read_bytes())
    window = msgspec.structs.replace(SPEC, scaling="dominant", length_rr=None, features=("rr",))
    card = msgspec.structs.replace(artifact.load_card(run), window=window)
    artifact.save_card(card, tmp_path)
    with pytest.raises(
        ArtifactError, match=r"expected shapes \[\(187, 1\), \(1,\), \(2,\)\], received \[\(187, 1\)"
    ):
        Classifier(tmp_path)


def test_a_record_that_lacks_a_lead_is_refused_by_name(tmp_path: Path, data: Path) -> None:
    """``label`` says what the model wants and what the record has."""
    folder = write_run(tmp_path / "two", n_leads=2)
    assert 1 == len(records.read("r1", data=data).leads)
    with pytest.raises(ArtifactError, match=r"record r1: .* expected at least 2 leads, received 1"):
        label_all(["r1"], Job(out=tmp_path, settings=Settings(), data=data, model=str(folder)))


def test_a_bed_that_lacks_a_lead_is_set_aside_with_an_alarm() -> None:
    """Law 8: it says why, and the other beds go on."""
    log = EventLog()
    window = msgspec.structs.replace(SPEC, n_leads=2)
    ward = Ward(Settings(), window, ask=lambda *_: None, events=log)
    ward.take(Opened("one", 1, FS, ("II",), 0, 0, ""))
    ward.take(Opened("two", 1, FS, ("II", "V"), 0, 0, ""))
    ward.take(Samples("two", Block(0, np.zeros((100, 2))), 1, 1))
    ward.take(Closed("two", 100))
    told = [(entry.bed, entry.event) for entry in log.after(0, 1000)[0]]
    alarms = [(bed, event.kind, event.text) for bed, event in told if isinstance(event, Alarm)]
    assert [("one", "bed_failed")] == [(bed, kind) for bed, kind, _ in alarms]
    assert "expected at least 2 leads, received 1" in alarms[0][2]
    assert ["bed one"] == list(ward.faults)
