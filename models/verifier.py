"""The recipe of the QRS verifier, readable from top to bottom.

1. Take records of the training side, and copies of them: one lead alone, other sampling rates, noise
   (``bw``, ``ma``; never ``em``), and *still* copies, whose heart stops now and then for some seconds
   while wander and line noise go on.
2. Run the detector over all of them and keep what its verifier saw of each candidate
   (`Detector.examine`), told apart by the reference: the nearest candidate within 120 ms of a beat is
   one, what is further from any is none, other ones and flutter are left out. Most easy ones are
   dropped, the rest weighs more.
3. Train a network per fold of patients on the other folds. Levels and RR depend on which candidates
   were accepted, so do 2 again with the networks just trained (each on records it has not seen),
   some rounds, and train on all rounds together (Ross, Gordon and Bagnell 2011).
4. Score each fold's network on the fold left out; train the network to ship on all records.

Nothing here looks at a test record. One seed fixes everything.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import data as recordings
from models.copies import COPIES, Copy, changed, database, read
from models.data import Recording
from monitor.detect import Detection, Detector
from monitor.detect_features import Network
from monitor.detect_memory import N_FEATURES
from monitor.quality import Quality
from monitor.settings import DetectorSettings, QualitySettings

__all__ = ["Config", "Errors", "Examples", "first_guess", "fit", "gather", "score", "train"]

Floats = NDArray[np.float64]
Read = Callable[[str], Recording]
Report = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""

_NEAR_S: Final = 0.12
_MATCH_S: Final = 0.15


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what comes out.

    Attributes
    ----------
    easy_share
        Share of the easy candidates that are kept.
    heaviest
        No example weighs more than this (a kept easy one would by 1 / ``easy_share``).
    from_s
        Scoring begins here, after the learning time of EC57.
    """

    records: tuple[str, ...] = tuple(n for n in recordings.DS1 if n not in ("118", "119")) + recordings.SVDB
    copies: tuple[Copy, ...] = COPIES
    folds: int = 3
    rounds: int = 3
    hidden: tuple[int, int] = (24, 12)
    penalty: float = 1e-4
    epochs: int = 16
    batch: int = 1024
    learning_rate: float = 4e-3
    easy_share: float = 0.12
    heaviest: float = 4.0
    from_s: float = 300.0
    seed: int = 0

    def fold(self, name: str) -> int:
        """Return the fold in which a record is left out."""
        return sorted(self.records).index(name) % self.folds


class Examples(NamedTuple):
    """Candidates, row by row: features, whether they are a beat, weights, names of their records."""

    features: NDArray[np.float32]
    beats: NDArray[np.bool_]
    weights: Floats
    records: NDArray[np.str_]


class Errors(NamedTuple):
    """Reference beats, those missed, detections where there is none."""

    n: int
    fn: int
    fp: int


class _Task(NamedTuple):
    """One record's part of a round: a worker process gets no more."""

    name: str
    config: Config
    read: Read
    network: Network
    turn: int


def train(
    config: Config, *, read: Read = read, jobs: int = 1, report: Report = lambda *_: None
) -> tuple[Network, dict[str, Errors]]:
    """Return the network to ship, and every record's errors by the network that never saw it."""
    networks = [first_guess()] * config.folds
    examples: list[Examples] = []
    n_steps = config.rounds * (len(config.records) + config.folds)
    done = 0
    with _workers(jobs) as each:
        for turn in range(config.rounds):
            tasks = [_Task(n, config, read, networks[config.fold(n)], turn) for n in config.records]
            for found in each(gather, tasks):
                examples.append(found)
                report(f"round {turn + 1}: looking at candidates", done := done + 1, n_steps)
            rows = join(examples)
            names, row = np.unique(rows.records, return_inverse=True)
            fold = np.array([config.fold(str(name)) for name in names])[row]
            networks = []
            for k in range(config.folds):
                chosen = fold != k
                networks.append(fit(Examples(*(column[chosen] for column in rows)), config))
                report(f"round {turn + 1}: training", done := done + 1, n_steps)
        tasks = [_Task(n, config, read, networks[config.fold(n)], config.rounds) for n in config.records]
        errors = dict(zip(config.records, each(score, tasks), strict=True))
    return fit(rows, config), errors


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    if jobs == 1:
        yield map
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield pool.map


def first_guess() -> Network:
    """Return what the first round looks through: belief rises with height, one half at 0.45 of the usual."""
    only = np.zeros((N_FEATURES, 1))
    only[0] = 1.0
    one = np.ones((1, 1))
    return Network(
        offset=np.full(N_FEATURES, np.log(0.45)),
        scale=np.ones(N_FEATURES),
        w1=only,
        b1=np.array([5.0]),
        w2=one,
        b2=np.zeros(1),
        w3=np.array([4.0]),
        b3=np.array([-20.0]),
    )


def gather(task: _Task) -> Examples:
    """Run the detector over a record's copies and return what the verifier saw."""
    recording = task.read(task.name)
    parts = []
    for k, copy in enumerate(task.config.copies):
        if copy.database != database(task.name):
            continue
        rng = np.random.default_rng([task.config.seed, task.turn, k, *task.name.encode()])
        disturbed = changed(recording, copy, task.read, rng)
        looks = np.concatenate([seen for _, seen in _run(disturbed, task.network)])
        told = _tell(disturbed, looks[:, 0])
        parts.append(_thin(looks[:, 2:], told, task.name, task.config, rng))
    return join(parts)


def score(task: _Task) -> Errors:
    """Count a network's errors on a record as it is: one to one within 150 ms, flutter left out."""
    recording = task.read(task.name)
    found = np.array([beat.sample for beats, _ in _run(recording, task.network) for beat in beats], np.int64)
    pairs = recordings.pairs(recording.peaks, found, tolerance=_MATCH_S * recording.fs)
    counted = ~_widened(recording.flutter, round(_MATCH_S * recording.fs))
    counted[: round(task.config.from_s * recording.fs)] = False
    missed, false = counted[recording.peaks], counted[found]
    n = int(missed.sum())
    missed[[i for i, _ in pairs]] = False
    false[[j for _, j in pairs]] = False
    return Errors(n, int(missed.sum()), int(false.sum()))


def fit(rows: Examples, config: Config) -> Network:
    """Train one network by Adam; its inputs are standardised and cut off at five deviations.

    Plain numpy: at a thousand weights a framework would spend its time on everything else.
    """
    rng = np.random.default_rng(config.seed)
    offset = rows.features.mean(axis=0, dtype=np.float64)
    scale = 1.0 / (rows.features.std(axis=0, dtype=np.float64) + 1e-6)
    inputs = np.clip((rows.features - offset) * scale, -5.0, 5.0).astype(np.float32)
    weights = np.minimum(rows.weights, config.heaviest).astype(np.float32)
    layers: list[NDArray[np.float32]] = []
    for n_in, n_out in pairwise((N_FEATURES, *config.hidden, 1)):
        limit = np.sqrt(6.0 / (n_in + n_out))
        kernel = rng.uniform(-limit, limit, (n_in, n_out)).astype(np.float32)
        layers += [kernel, np.zeros(n_out, np.float32)]
    first, second = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    n_batches = max(1, len(inputs) // config.batch)
    step = 0
    for _ in range(config.epochs):
        for batch in np.array_split(rng.permutation(len(inputs)), n_batches):
            done = step / (n_batches * config.epochs)
            rate = float(config.learning_rate * 0.5 * (1.0 + np.cos(np.pi * done)))
            step += 1
            slopes = _slopes(layers, inputs[batch], rows.beats[batch], weights[batch], config.penalty)
            for k, slope in enumerate(slopes):
                first[k] += 0.1 * (slope - first[k])
                second[k] += 0.001 * (slope * slope - second[k])
                moved = first[k] / (1.0 - 0.9**step)
                layers[k] -= rate * moved / (np.sqrt(second[k] / (1.0 - 0.999**step)) + 1e-7)
    w1, b1, w2, b2, w3, b3 = (layer.astype(np.float64) for layer in layers)
    return Network(offset, scale, w1, b1, w2, b2, np.ascontiguousarray(w3[:, 0]), b3)


def _slopes(
    layers: Sequence[NDArray[np.float32]],
    inputs: NDArray[np.float32],
    beats: NDArray[np.bool_],
    weights: NDArray[np.float32],
    penalty: float,
) -> list[NDArray[np.float32]]:
    """Return the gradient of the weighted cross-entropy, plus ``penalty`` x the squared hidden weights."""
    w1, b1, w2, b2, w3, b3 = layers
    one = np.maximum(inputs @ w1 + b1, 0.0)
    two = np.maximum(one @ w2 + b2, 0.0)
    belief = 1.0 / (1.0 + np.exp(-(two @ w3 + b3)[:, 0]))
    last = ((belief - beats) * weights / len(beats)).astype(np.float32)[:, np.newaxis]
    middle = (last @ w3.T) * (two > 0)
    front = (middle @ w2.T) * (one > 0)
    return [
        inputs.T @ front + 2 * penalty * w1,
        front.sum(axis=0),
        one.T @ middle + 2 * penalty * w2,
        middle.sum(axis=0),
        two.T @ last,
        last.sum(axis=0),
    ]


def join(parts: Sequence[Examples]) -> Examples:
    """Put examples one after the other."""
    return Examples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _run(recording: Recording, network: Network) -> Iterator[tuple[list[Detection], Floats]]:
    """Yield beats and looks, block by block."""
    fs, n_leads = recording.fs, recording.signal.shape[1]
    quality = Quality(QualitySettings(), fs=fs, n_leads=n_leads)
    detector = Detector(DetectorSettings(), fs=fs, n_leads=n_leads, verifier=network)
    step = round(10 * fs)
    for start in range(0, len(recording.signal), step):
        block = recording.signal[start : start + step]
        yield detector.examine(block, quality.push(block)[1])
    yield detector.flush(), np.empty((0, N_FEATURES + 2))


def _tell(recording: Recording, at: Floats) -> NDArray[np.int64]:
    """Say of each look whether its candidate is a beat (1), is none (0), or is left out (-1)."""
    places, row = np.unique(at.astype(np.int64), return_inverse=True)
    told = np.zeros(len(places), np.int64)
    edges = np.clip(np.searchsorted(recording.peaks, places), 1, max(len(recording.peaks) - 1, 1))
    before, after = recording.peaks[edges - 1], recording.peaks[edges]
    nearest = np.where(places - before <= after - places, edges - 1, edges)
    distance = np.abs(places - recording.peaks[nearest])
    near = distance <= _NEAR_S * recording.fs
    told[near] = -1
    order = np.flatnonzero(near)[np.argsort(distance[near], kind="stable")]
    told[order[np.unique(nearest[order], return_index=True)[1]]] = 1
    doubtful = _widened(recording.flutter, round(recording.fs))
    told[doubtful[np.clip(places, 0, len(doubtful) - 1)]] = -1
    return told[row]


def _thin(
    features: Floats, told: NDArray[np.int64], name: str, config: Config, rng: np.random.Generator
) -> Examples:
    """Keep all hard candidates (small or odd beats, large others) and a share of the easy ones."""
    height, likeness = features[:, 0], features[:, 21]
    small_beat = (told == 1) & ((height < np.log(0.6)) | (likeness < 0.5))
    hard = small_beat | ((told == 0) & (height > np.log(0.3)))
    kept = (told >= 0) & (hard | (rng.random(len(told)) < config.easy_share))
    weights = np.where(hard, 1.0, 1.0 / config.easy_share)
    return Examples(
        features[kept].astype(np.float32), told[kept] == 1, weights[kept], np.full(kept.sum(), name)
    )


def _widened(marked: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return the marked stretches, each longer by ``by`` samples at both ends."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(marked, 2 * by + 1), dtype=np.bool_)
