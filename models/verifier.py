"""The recipe of the QRS verifier, readable from top to bottom.

1. Take records of the training side, and copies of them: one lead alone, other sampling rates, noise
   (``bw``, ``ma``, made-up electrode motion; never ``em``), and *still* copies, whose heart stops now and
   then for some seconds while wander and line noise go on. Half of the copies a round, in turn.
2. Run the detector over all of them and keep what its verifier saw of each candidate
   (`Detector.examine`), told apart by the reference: the nearest candidate within 120 ms of a beat is
   one, what is further from any is none, other ones and flutter are left out. Most easy ones are
   dropped, the rest weighs more.
3. Train a network per fold of patients on the other folds. Levels and RR depend on which candidates
   were accepted, so do 2 again with the networks just trained (each on records it has not seen),
   some rounds, and train on all rounds together (Ross, Gordon and Bagnell 2011).
4. Score each fold's network on the fold left out, as it is and under motion; train the network to
   ship on all records. The folds are those of the labels: `models.data.FOLDS`.

Nothing here looks at a test record. One seed fixes everything.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import data as recordings
from models.copies import COPIES, Copy, changed, database, read, stressed
from models.data import Recording
from models.perceptron import Examples, Fitting, fit, join
from models.progress import Report
from monitor.detect import Detection, Detector
from monitor.events import CLASSES
from monitor.quality import Quality
from monitor.records import SAME_PATIENT
from monitor.settings import DetectorSettings, QualitySettings
from monitor.weights import N_FEATURES, Network

__all__ = ["Config", "Errors", "Examples", "first_guess", "fit", "gather", "score", "train"]

Floats = NDArray[np.float64]
Read = Callable[[str], Recording]

_PREMATURE: Final = [CLASSES.index("S"), CLASSES.index("V")]
_NEAR_S: Final = 0.12
_MATCH_S: Final = 0.15


class Config(Fitting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what comes out.

    Attributes
    ----------
    easy_share
        Share of the easy candidates that are kept.
    noisy_share
        Share of the hard ones that are kept where noise was added: there are so many.
    from_s
        Scoring begins here, after the learning time of EC57.
    strain_db
        Records are also scored under made-up motion at these ratios.
    """

    records: tuple[str, ...] = tuple(n for n in recordings.DS1 if n not in ("118", "119")) + recordings.SVDB
    copies: tuple[Copy, ...] = COPIES
    folds: tuple[tuple[str, ...], ...] = recordings.FOLDS
    rounds: int = 3
    easy_share: float = 0.12
    noisy_share: float = 0.4
    from_s: float = 300.0
    strain_db: tuple[float, ...] = (12.0, 0.0)

    def fold(self, name: str) -> int:
        """Return the fold in which a record is left out."""
        return next(k for k, names in enumerate(self.folds) if name in names)

    def left_out(self, fold: int) -> list[str]:
        """Return the records that a fold's network has not seen and the shipped one has, or whose patient."""
        names = [name for name in self.records if name in self.folds[fold]]
        return names + [other for name, other in SAME_PATIENT.items() if name in names]


class Trained(NamedTuple):
    """What comes out.

    Attributes
    ----------
    network
        The one to ship, trained on all records.
    held_out
        For each fold the one that never saw it.
    errors
        What those make of each record that they never saw: as it is, and under each `Config.strain_db`.
    """

    network: Network
    held_out: list[Network]
    errors: "dict[str, tuple[Errors, ...]]"


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


def train(config: Config, *, read: Read = read, jobs: int = 1, report: Report = lambda *_: None) -> Trained:
    """Train a network for each fold on the others, and one on all."""
    n_folds = len(config.folds)
    brief = msgspec.structs.replace(config, epochs=max(1, config.epochs // 3))
    networks = [first_guess()] * n_folds
    examples: list[Examples] = []
    n_steps = config.rounds * (len(config.records) + n_folds)
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
            for k in range(n_folds):
                chosen = fold != k
                part = Examples(*(column[chosen] for column in rows))
                networks.append(fit(part, config if turn == config.rounds - 1 else brief))
                report(f"round {turn + 1}: training", done := done + 1, n_steps)
        tasks = [_Task(n, config, read, networks[config.fold(n)], config.rounds) for n in config.records]
        errors = dict(zip(config.records, each(score, tasks), strict=True))
    return Trained(fit(rows, config), networks, errors)


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
    mine = [(k, copy) for k, copy in enumerate(task.config.copies) if copy.database == database(task.name)]
    for position, (k, copy) in enumerate(mine):
        if position > 0 and (position + task.turn) % 2:
            continue  # half of the copies in each round, the record itself in all
        rng = np.random.default_rng([task.config.seed, task.turn, k, *task.name.encode()])
        disturbed = changed(recording, copy, task.read, rng)
        looks = np.concatenate([seen for _, seen in _run(disturbed, task.network)])
        told = _tell(disturbed, looks[:, 0])
        seen = _thin(looks[:, 2:], told, task.config, rng, noisy=copy.snr_db is not None)
        parts.append(Examples(*seen, np.full(len(seen[0]), task.name)))
    return join(parts)


def score(task: _Task) -> tuple[Errors, ...]:
    """Count a network's errors on a record, as it is and strained."""
    recording = task.read(task.name)
    rng = np.random.default_rng([task.config.seed, task.turn, *task.name.encode()])
    strained = [stressed(recording, snr_db, rng) for snr_db in task.config.strain_db]
    return tuple(_errors(each, task) for each in (recording, *strained))


def _errors(recording: Recording, task: _Task) -> Errors:
    """Count errors: one to one within 150 ms, flutter left out."""
    found = np.array([beat.sample for beats, _ in _run(recording, task.network) for beat in beats], np.int64)
    pairs = recordings.pairs(recording.peaks, found, tolerance=_MATCH_S * recording.fs)
    counted = ~_widened(recording.flutter, round(_MATCH_S * recording.fs))
    counted[: round(task.config.from_s * recording.fs)] = False
    missed, false = counted[recording.peaks], counted[found]
    n = int(missed.sum())
    missed[[i for i, _ in pairs]] = False
    false[[j for _, j in pairs]] = False
    return Errors(n, int(missed.sum()), int(false.sum()))


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
    """Say of each look whether its candidate is a beat (1; S or V 2), none (0), or is left out (-1)."""
    places, row = np.unique(at.astype(np.int64), return_inverse=True)
    told = np.zeros(len(places), np.int64)
    edges = np.clip(np.searchsorted(recording.peaks, places), 1, max(len(recording.peaks) - 1, 1))
    before, after = recording.peaks[edges - 1], recording.peaks[edges]
    nearest = np.where(places - before <= after - places, edges - 1, edges)
    distance = np.abs(places - recording.peaks[nearest])
    near = distance <= _NEAR_S * recording.fs
    told[near] = -1
    order = np.flatnonzero(near)[np.argsort(distance[near], kind="stable")]
    found = order[np.unique(nearest[order], return_index=True)[1]]
    told[found] = np.where(np.isin(recording.labels[nearest[found]], _PREMATURE), 2, 1)
    doubtful = _widened(recording.flutter, round(recording.fs))
    told[doubtful[np.clip(places, 0, len(doubtful) - 1)]] = -1
    return told[row]


def _thin(
    features: Floats, told: NDArray[np.int64], config: Config, rng: np.random.Generator, *, noisy: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Floats]:
    """Keep hard candidates (small or odd beats, large others; in noise not all) and a share of the easy.

    S and V count twice, and so does what noise was not added to: most of a patient's time is quiet.
    """
    height, likeness = features[:, 0], features[:, 21]
    small_beat = (told > 0) & ((height < np.log(0.6)) | (likeness < 0.5))
    hard = small_beat | ((told == 0) & (height > np.log(0.3)))
    shares = np.where(hard, config.noisy_share if noisy else 1.0, config.easy_share)
    kept = (told >= 0) & (rng.random(len(told)) < shares)
    weights = np.where(hard, 1.0, 1.0 / config.easy_share) * np.where(told == 2, 2.0, 1.0)
    if not noisy:
        weights = 2.0 * weights
    return features[kept].astype(np.float32), told[kept] > 0, weights[kept]


def _widened(marked: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return the marked stretches, each longer by ``by`` samples at both ends."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(marked, 2 * by + 1), dtype=np.bool_)
