"""The classifier: the same answer in any batch, in this process and through the socket."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from monitor import artifact, classify
from monitor.classify import BUCKETS, Classifier, Labeller, serve
from monitor.errors import ArtifactError, FeedError
from monitor.events import CLASSES, BeatWindow
from monitor.labeller import Key
from monitor.settings import ServingSettings
from tests.tiny import SPEC, make_artifact, random_beats

ENDPOINT = "tcp://127.0.0.1:*"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an artefact made here; importing TensorFlow for it takes seconds, once."""
    return make_artifact(tmp_path_factory.mktemp("artefact") / "tiny")


@pytest.fixture(scope="session")
def classifier(tiny: Path) -> Classifier:
    """Return the tiny artefact, loaded."""
    return Classifier(tiny)


def window(sample: int) -> BeatWindow:
    windows, features = random_beats(sample + 1)
    return BeatWindow(
        sample=sample, decided=sample + 1, provisional=True, window=windows[0], features=features[0]
    )


def wait(labeller: Labeller, until: Callable[[], bool]) -> list[tuple[Key, np.ndarray]]:
    """Collect answers until a condition holds."""
    found = []
    for _ in range(100):
        found += labeller.answers()
        if until():
            return found
        labeller.socket.poll(100)
    pytest.fail(f"nothing came: state {labeller.state}, {labeller.n_waiting} waiting")


@pytest.fixture
def labeller() -> Iterator[Labeller]:
    """Return an engine's end."""
    labeller = Labeller(ENDPOINT)
    yield labeller
    labeller.close()


@pytest.fixture
def served(labeller: Labeller, tiny: Path) -> Iterator[Labeller]:
    """Return an engine's end with a classifier behind it, which is loading."""
    thread = threading.Thread(target=serve, args=(labeller.endpoint, tiny, ServingSettings()))
    thread.start()
    yield labeller
    wait(labeller, lambda: labeller.state == "ready")
    labeller.close()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("n_beats", [0, 1, 2, 8, 9, 300, 1500])
def test_any_number_of_beats_is_answered_as_if_each_were_alone(classifier: Classifier, n_beats: int) -> None:
    """Buckets are padding, nothing else: within 1e-5, whatever the batch."""
    windows, features = random_beats(n_beats)
    together = classifier.probabilities(windows, features)
    assert (n_beats, len(CLASSES)) == together.shape
    for k in range(0, n_beats, 97):
        alone = classifier.probabilities(windows[k : k + 1], features[k : k + 1])
        np.testing.assert_allclose(alone[0], together[k], atol=1e-5)


def test_probabilities_follow_our_classes_whatever_the_cards_order(
    classifier: Classifier, tiny: Path
) -> None:
    """The card says V, N; we say N, S, V, F, Q; what the network does not know has probability 0."""
    import keras

    windows, features = random_beats(5)
    model = keras.saving.load_model(tiny / artifact.WEIGHTS, compile=False)
    direct = np.asarray(model([windows, features]))
    told = classifier.probabilities(windows, features)
    np.testing.assert_allclose(direct[:, 0], told[:, CLASSES.index("V")], atol=1e-6)
    np.testing.assert_allclose(direct[:, 1], told[:, CLASSES.index("N")], atol=1e-6)
    assert not told[:, [CLASSES.index(name) for name in ("S", "F", "Q")]].any()


def test_the_shipped_network_agrees_between_buckets() -> None:
    """Within 1e-5 from the smallest to the largest batch."""
    classifier = Classifier(artifact.locate(None))
    spec = classifier.card.served_window
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(BUCKETS[-1], spec.n_points, spec.n_channels)).astype(np.float32)
    features = rng.normal(size=(BUCKETS[-1], len(spec.features))).astype(np.float32)
    largest = classifier.probabilities(windows, features)
    for bucket in BUCKETS[:-1]:
        np.testing.assert_allclose(
            classifier.probabilities(windows[:bucket], features[:bucket]), largest[:bucket], atol=1e-5
        )


def test_beats_of_another_shape_are_refused(classifier: Classifier) -> None:
    """The card's shapes hold."""
    windows, features = random_beats(2)
    with pytest.raises(ValueError, match="expected windows of shape"):
        classifier.probabilities(windows[:, 1:], features)
    with pytest.raises(ValueError, match="expected windows of shape"):
        classifier.probabilities(windows, features[:1])


def test_tampered_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    """A network that its card does not know is not loaded."""
    (tmp_path / artifact.CARD).write_bytes((tiny / artifact.CARD).read_bytes())
    (tmp_path / artifact.WEIGHTS).write_bytes((tiny / artifact.WEIGHTS).read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactError, match="not those of its card"):
        Classifier(tmp_path)


def test_weights_that_are_no_network_are_refused(tiny: Path, tmp_path: Path) -> None:
    """A matching checksum does not make bytes a network."""
    import msgspec

    (tmp_path / artifact.WEIGHTS).write_bytes(b"nothing")
    sha256 = artifact.digest(tmp_path / artifact.WEIGHTS)
    artifact.save_card(msgspec.structs.replace(artifact.load_card(tiny), sha256=sha256), tmp_path)
    with pytest.raises(ArtifactError, match="expected a network that Keras"):
        Classifier(tmp_path)


def test_a_card_of_another_network_is_refused(tiny: Path, tmp_path: Path) -> None:
    """The shapes of the network are held against the card."""
    import msgspec

    (tmp_path / artifact.WEIGHTS).write_bytes((tiny / artifact.WEIGHTS).read_bytes())
    other = msgspec.structs.replace(artifact.load_card(tiny), classes=("N", "S", "V"))
    artifact.save_card(other, tmp_path)
    with pytest.raises(ArtifactError, match="not the one its card describes"):
        Classifier(tmp_path)


def test_beats_of_many_beds_come_back_under_their_keys(served: Labeller, classifier: Classifier) -> None:
    """Micro-batching mixes beds and confuses none; what was asked while loading is answered too."""
    keys = [(f"bed{k % 3}", k // 2, k % 2 == 0) for k in range(50)]  # each beat twice
    for key in keys:
        served.ask(key, window(2 * key[1] + key[2]))
    found = dict(wait(served, lambda: served.n_waiting == 0))
    assert set(keys) == set(found)
    for key in keys[::7]:
        beat = window(2 * key[1] + key[2])
        alone = classifier.probabilities(beat.window[np.newaxis], beat.features[np.newaxis])[0]
        np.testing.assert_allclose(alone, found[key], atol=1e-5)


def test_the_labeller_hears_loading_ready_and_on_what(served: Labeller) -> None:
    """The screen can say how things stand; a missing accelerator is a word, not a warning."""
    assert "loading" == served.state
    wait(served, lambda: served.state == "ready")
    assert any(word in served.message for word in ("CPU", "GPU"))


def test_a_failed_classifier_says_why(labeller: Labeller, tmp_path: Path) -> None:
    """A card that does not match is told through the socket before the process ends."""
    with pytest.raises(ArtifactError):
        serve(labeller.endpoint, tmp_path, ServingSettings())
    wait(labeller, lambda: labeller.state == "failed")
    assert artifact.CARD in labeller.message


def test_the_process_ends_at_once_if_the_engine_that_it_is_told_of_has_gone(
    labeller: Labeller, tmp_path: Path
) -> None:
    """An engine that dies while its child begins leaves no orphan; nothing is loaded for it either."""
    code = "import sys; from monitor.classify import main; main(sys.argv[1:])"
    arguments = [labeller.endpoint, str(tmp_path), "{}", str(os.getpid() + 1)]
    process = subprocess.run([sys.executable, "-c", code, *arguments], timeout=30, check=False)
    assert 0 == process.returncode  # 1 if it had looked for an artefact
    assert not labeller.socket.poll(100)


@pytest.mark.parametrize("moment", ["__init__", "warm_up"])
def test_the_process_ends_if_the_engine_goes_while_the_network_loads(
    labeller: Labeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Loading takes seconds; nobody is told ready, and nobody is waited for."""

    class Loading:
        device = ""
        buckets = (1,)

        def __init__(self, _folder: Path) -> None:
            self.note("__init__")

        def warm_up(self) -> None:
            self.note("warm_up")

        def note(self, name: str) -> None:
            if name == moment:
                monkeypatch.setattr(os, "getppid", lambda: 1)

    monkeypatch.setattr(classify, "Classifier", Loading)
    monkeypatch.setattr(os, "getppid", lambda: 4711)
    serve(labeller.endpoint, tmp_path, ServingSettings(), parent=4711)
    assert [b"loading"] == _received(labeller.socket)
    assert not labeller.socket.poll(100)


def test_the_device_is_named_and_a_missing_gpu_is_a_word(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TensorFlow finds none it says CPU, whatever this machine has."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    assert f"tensorflow {tf.__version__} on CPU (no GPU found)" == Classifier(tiny).device
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["a"])
    assert f"tensorflow {tf.__version__} on 1 GPU" == Classifier(tiny).device


@pytest.mark.parametrize(
    ("blocked", "backend"), [("keras", "tensorflow"), ("tensorflow", "tensorflow"), ("-", "nonsense")]
)
def test_a_machine_without_keras_or_backend_is_told_what_was_expected(
    tiny: Path, blocked: str, backend: str
) -> None:
    """One line instead of a traceback; in a process of its own, because imports are for ever."""
    code = (
        f"import sys; sys.modules[{blocked!r}] = None\n"
        "from pathlib import Path; from monitor.classify import Classifier\n"
        "from monitor.errors import ArtifactError\n"
        f"try: Classifier(Path({str(tiny)!r}))\n"
        "except ArtifactError as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.stdout.startswith("no network can be run: expected Keras and a backend: "), told.stderr
    assert (backend if blocked == "-" else blocked) in told.stdout


def test_a_replaced_classifier_answers_what_the_first_one_owed(labeller: Labeller) -> None:
    """Beats are kept until answered: a crash of the process loses none."""
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    peer.connect(labeller.endpoint)
    peer.send_multipart([b"ready", b"first"])
    wait(labeller, lambda: labeller.state == "ready")
    labeller.ask(("bed", 1, True), window(1))
    assert peer.poll(2000)
    first = peer.recv_multipart()
    peer.send_multipart([b"loading"])
    wait(labeller, lambda: labeller.state == "loading")
    peer.send_multipart([b"ready", b"second"])
    wait(labeller, lambda: labeller.message == "second")
    assert peer.poll(2000)
    assert first == peer.recv_multipart()
    peer.close(0)


def test_asking_a_classifier_that_has_gone_waits_for_nobody(labeller: Labeller) -> None:
    """The engine's loop never blocks: what cannot be sent is kept for the next classifier."""
    labeller.state = "ready"
    labeller.ask(("bed", 1, True), window(1))
    assert 1 == labeller.n_waiting


def test_a_backlog_is_bounded_and_counts_what_it_drops() -> None:
    """While the network loads, memory does not grow without end; the oldest go."""
    labeller = Labeller(ENDPOINT, backlog=3)
    for sample in range(5):
        labeller.ask(("bed", sample, True), window(sample))
    assert (3, 2) == (labeller.n_waiting, labeller.n_dropped)
    labeller.close()


def test_a_classifier_that_lives_and_does_nothing_is_sent_only_so_much() -> None:
    """The socket's queue is bounded; what is not sent waits in the backlog and follows the answers."""
    labeller = Labeller(ENDPOINT, backlog=6, under_way=2)
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    peer.connect(labeller.endpoint)
    peer.send_multipart([b"ready", b"hung"])
    wait(labeller, lambda: labeller.state == "ready")
    for sample in range(9):
        labeller.ask(("bed", sample, True), window(sample))
    assert (6, 3) == (labeller.n_waiting, labeller.n_dropped)
    sent = [_received(peer)[1] for _ in range(2)]
    assert [_id(0), _id(1)] == sent
    assert not peer.poll(50)
    peer.send_multipart([b"answer", b"".join(sent), np.zeros((2, len(CLASSES))).tobytes()])
    assert labeller.socket.poll(2000)
    # The answers to beats that were given up are nobody's, but they make room for what waits.
    assert [] == labeller.answers()
    assert [_id(3), _id(4)] == [_received(peer)[1] for _ in range(2)]
    peer.close(0)
    labeller.close()


def test_an_answer_of_the_classifier_before_this_one_still_counts() -> None:
    """It may come after the next one is ready, for a beat that this one has not been sent."""
    labeller = Labeller(ENDPOINT, under_way=1)
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    peer.connect(labeller.endpoint)
    peer.send_multipart([b"ready", b""])
    wait(labeller, lambda: labeller.state == "ready")
    for sample in range(3):
        labeller.ask(("bed", sample, True), window(sample))
    peer.send_multipart([b"answer", _id(1), np.zeros(len(CLASSES)).tobytes()])
    assert [("bed", 1, True)] == [key for key, _ in wait(labeller, lambda: labeller.n_waiting == 2)]
    peer.send_multipart([b"answer", _id(0), np.zeros(len(CLASSES)).tobytes()])
    assert [("bed", 0, True)] == [key for key, _ in wait(labeller, lambda: labeller.n_waiting == 1)]
    assert [_id(0), _id(2)] == [_received(peer)[1] for _ in range(2)]
    peer.close(0)
    labeller.close()


def _id(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _received(peer: "zmq.Socket[bytes]") -> list[bytes]:
    assert peer.poll(2000)
    return peer.recv_multipart()


def test_an_endpoint_in_use_is_a_feed_error(labeller: Labeller) -> None:
    """The message names the endpoint."""
    with pytest.raises(FeedError, match=r"cannot listen for the classifier at tcp://127\.0\.0\.1"):
        Labeller(labeller.endpoint)


def test_windows_fit_the_card(tiny: Path) -> None:
    """The tiny card asks for what the tests feed."""
    assert SPEC == artifact.load_card(tiny).window
