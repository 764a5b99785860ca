"""The noise-stress protocol: noise onto records at stated levels, the line over them, and what it got wrong.

Five clean minutes, then two noisy and two clean in turn (`monitor.noise`). Every noisy record goes
through the very line that `beatline label` runs, and is judged from 5:00 on against its reference.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from monitor import artifact, noise, prepare, records
from monitor.errors import SettingsError, SourceError
from monitor.label import classifier_of, label_record
from monitor.names import RecordName
from monitor.records import MISSING, Record
from monitor.score.marks import AAMI, Marks
from monitor.selection import folder_of
from monitor.settings import Settings
from monitor.spread import spread
from monitor.stress_files import save
from monitor.stress_tally import Tally, reference_of, tally

__all__ = ["RECORDED", "Level", "Plan", "Trial", "level_gains", "mixed", "noise_for", "run", "run_shown"]

RECORDED: Final = ("em", "ma", "bw")
"""Noise records of the MIT-BIH Noise Stress Test Database."""
_NORMAL: Final = frozenset("NLRej")
"""Symbols of the beats whose QRS complexes are measured, as sigamp(1) does."""


class Level(msgspec.Struct, frozen=True):
    """How much noise: by SNR in dB, by gain for each lead, or none."""

    snr_db: float | None = None
    gains: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in tables."""
        if self.snr_db is not None:
            return f"{self.snr_db:g} dB"
        return " / ".join(f"x{gain:g}" for gain in self.gains) or "clean"

    @property
    def slug(self) -> str:
        """What it is called in file names."""
        plain = self.name.replace(" / ", "_").replace(" ", "")
        return plain.replace("-", "m").replace(".", "p")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What all trials have in common.

    Attributes
    ----------
    noise
        One of `RECORDED`, or of `monitor.noise.KINDS`.
    database_gains
        Take the gains from `monitor.noise.DATABASE_GAINS` instead of the definition of SNR.
    data
        Folder with databases by name, or of one database; None to look where `monitor.records` does.
    seed
        Of synthetic noise.
    save
        Folder for the noisy records with their reference and what was told; None to keep nothing.
    """

    noise: str
    settings: Settings
    data: Path | None = None
    model: str | None = None
    database_gains: bool = False
    seed: int = 0
    save: Path | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One record at one level, and what came of it."""

    record: str
    noise: str
    level: Level
    gains: tuple[float, ...]
    tally: Tally


def run_shown(plan: Plan, names: Sequence[str], levels: Sequence[Level], *, jobs: int = 1) -> list[Trial]:
    """Run every record at every level; on a terminal, show on standard error how far it has come.

    Raises
    ------
    SourceError, SettingsError, ArtifactError, StorageError
        As `run`.
    """
    wanted = [(name, level) for name in names for level in levels]
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("stressing", total=len(wanted))
        found = []
        for trial in spread(functools.partial(run, plan), wanted, jobs=jobs):
            progress.advance(task)
            found.append(trial)
    return found


def run(plan: Plan, wanted: tuple[str, Level]) -> Trial:
    """Put noise on a record, run the line over it, and count.

    Raises
    ------
    SourceError, SettingsError, ArtifactError, StorageError
        As reading, the gains asked for, the model and writing have it.
    """
    name, level = wanted
    folder = folder_of(name, plan.data)
    record = records.read(name, data=folder)
    reference = reference_of(name, data=folder, fs=record.fs)
    source = noise_for(plan, record)
    gains = level_gains(plan, level, record, reference, source)
    segments = noise.noisy_segments(record.n_samples, fs=record.fs)
    noisy = mixed(record, source, gains, segments) if gains.any() else record
    window, classifier = classifier_of(artifact.fitting(plan.model, name))
    events = label_record(noisy, plan.settings, window, classifier.probabilities)
    if plan.save is not None:
        stem = f"{RecordName.of(name).record}_{plan.noise}_{level.slug}"
        title = f"{name} with {plan.noise} at {level.name}, gains {', '.join(f'{g:.6g}' for g in gains)}"
        original = records.locate(name, data=folder).with_suffix(".atr")
        save(plan.save / stem, noisy, title=title, reference=original, told=events)
    counted = tally(events, reference, plan.settings, record=noisy, segments=segments)
    return Trial(record=name, noise=plan.noise, level=level, gains=tuple(gains.tolist()), tally=counted)


def noise_for(plan: Plan, record: Record) -> NDArray[np.float64]:
    """Return the noise at the record's rate, of shape (n_samples, n_noise_leads), for its digital units.

    Recorded noise is uncalibrated: its digital units count as the record's, as the database has it.
    Synthetic noise has an RMS of 1 mV at a gain of 1, and a lead for each of the record's.

    Raises
    ------
    SourceError
        The noise record cannot be had.
    """
    if plan.noise in RECORDED:
        name = f"nstdb/{plan.noise}"
        found = records.read(name, data=folder_of(name, plan.data))
        return prepare.resampled(found, fs=record.fs).digital.astype(np.float64)
    kind = next(kind for kind in noise.KINDS if kind == plan.noise)
    made = noise.synthetic(kind, record.n_samples, fs=record.fs, seed=plan.seed, n_leads=len(record.leads))
    made *= np.array(record.gains)
    return made


def level_gains(
    plan: Plan, level: Level, record: Record, reference: Marks, source: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the gain of the noise for each lead of the record.

    Raises
    ------
    SettingsError
        The level names another number of leads, or the database has no gains for it.
    SourceError
        The record has no beats to measure.
    """
    n_leads = len(record.leads)
    if level.snr_db is None:
        if len(level.gains) not in (0, 1, n_leads):
            raise SettingsError(
                f"record {record.name}: expected one gain, or one for each of its {n_leads} leads, "
                f"received {len(level.gains)}"
            )
        return np.resize(np.array(level.gains or (0.0,)), n_leads)
    if plan.database_gains:
        return _published(plan, level.snr_db, record)
    beats = [(r, symbol) for r, symbol in zip(reference.samples.tolist(), reference.symbols, strict=True)]
    normal = [r for r, symbol in beats if symbol in _NORMAL] or [r for r, symbol in beats if symbol in AAMI]
    try:
        size = noise.qrs_size(record.digital.astype(np.float64), normal, fs=record.fs)
    except ValueError as error:
        raise SourceError(f"record {record.name}: {error}") from error
    return noise.gains(size, noise.noise_rms(source, fs=record.fs), snr_db=level.snr_db)


def mixed(
    record: Record,
    source: NDArray[np.float64],
    gains: NDArray[np.float64],
    segments: Sequence[tuple[int, int]],
) -> Record:
    """Return the record with noise in the segments, rounded to its digital units; missing stays missing."""
    noisy = noise.stress(record.digital.astype(np.float64), source, gains, segments)
    digital = np.clip(np.rint(noisy), MISSING + 1, -MISSING - 1).astype(np.int16)
    return replace(record, digital=np.where(record.digital == MISSING, np.int16(MISSING), digital))


def _published(plan: Plan, snr_db: float, record: Record) -> NDArray[np.float64]:
    name = records.parse(record.name).record
    known = noise.DATABASE_GAINS.get((name, plan.noise), {})
    gains = known.get(snr_db, ())
    if len(gains) != len(record.leads):
        where = [
            f"{one} with {kind} at {', '.join(f'{db:g}' for db in levels)} dB"
            for (one, kind), levels in noise.DATABASE_GAINS.items()
        ]
        raise SettingsError(
            f"no gains of the database: expected {' or '.join(where)}, "
            f"received {record.name} with {plan.noise} at {snr_db:g} dB"
        )
    return np.array(gains)
