"""Architectures on the same beats, trained alike, under several splits and seeds: what is run, and kept.

A folder belongs to one recipe and one set of beats. Each architecture, split and seed has a run folder of
its own under ``runs``, like any other run; it also holds ``latency.json``. What one run gives does not
depend on which others are there, so that architectures, splits and seeds may be added later.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.splits import manifest
from models.networks import NETWORKS
from models.progress import Report, part
from models.workshop.fit import Fitting
from models.workshop.folder import alone, begin, write_json
from models.workshop.latency import Latency, latency
from models.workshop.predictions import Predictions
from models.workshop.runs import Run, RunConfig, is_finished, load_run, train_run
from monitor.errors import ArtifactError, SettingsError

__all__ = ["RECURRENT", "RUNS", "Comparison", "Result", "Which", "compare", "planned"]

RUNS: Final = "runs"
LATENCY: Final = "latency.json"
RECURRENT: Final = ("lstm", "cnn_lstm")
"""Those that train several times as long, and get fewer seeds."""
_FIRST: Final = ("random", "patients", "given")
"""Order of the splits where they are shown."""


class Comparison(Fitting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all runs have in common; see `models.workshop.runs.RunConfig`. Seeds count from ``seed``."""

    dataset: str = "wfdb"
    options: DataOptions = DataOptions(records="all")
    epochs: int = 20


class Which(NamedTuple):
    """One of the runs."""

    arch: str
    split: str
    seed: int


class Result(NamedTuple):
    """A finished run, what it takes, and what it says of the test part.

    Where that has been made to have as many beats of each class (``balanced``) and training had not,
    what it says is adjusted to it.
    """

    which: Which
    run: Run
    latency: Latency
    told: Predictions


def planned(
    arches: Sequence[str], splits: Sequence[str], *, first: int, seeds: int, recurrent: int
) -> list[Which]:
    """Return the runs asked for, a seed of all before the next seed of any.

    Parameters
    ----------
    first
        The first seed.
    seeds, recurrent
        How many; of the recurrent networks.

    Raises
    ------
    SettingsError
        There is no such network, or nothing is asked for.
    """
    unknown = [arch for arch in arches if arch not in NETWORKS]
    if unknown or not arches or not splits:
        raise SettingsError(
            f"comparison: expected networks out of {', '.join(NETWORKS)}, and splits, received "
            f"{', '.join(arches) or 'none'}; {', '.join(splits) or 'none'}"
        )
    many = {arch: recurrent if arch in RECURRENT else seeds for arch in arches}
    return [
        Which(arch, how, first + k)
        for k in range(max(seeds, recurrent))
        for arch in dict.fromkeys(arches)
        for how in dict.fromkeys(splits)
        if k < many[arch]
    ]


def compare(
    config: Comparison,
    plan: Sequence[Which],
    beats: BeatSet,
    folder: Path,
    *,
    command: str,
    report: Report = lambda *_: None,
    each: Callable[[list[Result]], None] = lambda _: None,
) -> list[Result]:
    """Run what is not there yet; return all that the folder has, asked for now or before.

    Parameters
    ----------
    each
        Called with all results after every run.

    Raises
    ------
    ArtifactError
        The folder holds something else, or was begun with another recipe or other beats.
    SettingsError
        The beats cannot be split so.
    """
    for which in {(which.split, which.seed): which for which in plan}.values():
        _config(config, which).divided(beats)  # refused before anything is made
    checkpoint = begin(folder, config, manifest(beats), command=command)
    with alone(folder):
        for done, which in enumerate(plan):
            if not _is_there(folder, which):
                told = part(report, _titled(which), done, len(plan))
                _run(config, which, beats, folder, command=command, report=told)
                each(_results(config, beats, folder))
        found = _results(config, beats, folder)
        shutil.rmtree(checkpoint)
    return found


def _folder(out: Path, which: Which) -> Path:
    return out / RUNS / f"{which.arch}-{which.split.replace(':', '')}-{which.seed}"


def _is_there(out: Path, which: Which) -> bool:
    folder = _folder(out, which)
    return is_finished(folder) and (folder / LATENCY).is_file()


def _config(config: Comparison, which: Which) -> RunConfig:
    shared = {name: getattr(config, name) for name in config.__struct_fields__}
    return RunConfig(**shared | which._asdict())


def _run(
    config: Comparison, which: Which, beats: BeatSet, out: Path, *, command: str, report: Report
) -> None:
    """Train, unless that is done, and measure how long a call takes."""
    import keras

    folder = _folder(out, which)
    keras.utils.clear_session()  # or every network of this process stays in memory
    if not is_finished(folder):
        train_run(_config(config, which), beats, folder, command=command, report=report)
    write_json(folder / LATENCY, latency(load_run(folder).model()))


def _told(run: Run, beats: BeatSet) -> Predictions:
    if not run.config.options.balanced:
        return run.predictions
    return run.for_equal_shares(beats.y[run.config.divided(beats).train])


def _results(config: Comparison, beats: BeatSet, out: Path) -> list[Result]:
    """Read all finished runs, in the order in which they are shown."""
    found = []
    for path in (out / RUNS).glob(f"*/{LATENCY}"):
        run = load_run(path.parent)
        which = Which(run.config.arch, run.config.split, run.config.seed)
        if run.config != _config(config, which):
            raise ArtifactError(
                f"run {path.parent}: expected one of this comparison, {_config(config, which)}, "
                f"received {run.config}"
            )
        try:
            latency = msgspec.json.decode(path.read_bytes(), type=Latency)
        except msgspec.DecodeError as error:
            raise ArtifactError(f"{path}: expected milliseconds and a machine, received: {error}") from error
        found.append(Result(which, run, latency, _told(run, beats)))
    return sorted(found, key=_place)


def _place(result: Result) -> tuple[int, bool, int, str, int]:
    arch, how, seed = result.which
    place = _FIRST.index(how) if how in _FIRST else len(_FIRST)
    return list(NETWORKS).index(arch), how not in _FIRST, place, how, seed


def _titled(which: Which) -> str:
    return f"{which.arch}, {which.split}, seed {which.seed}"
