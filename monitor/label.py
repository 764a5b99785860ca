"""Finished records through the very same pipeline, as fast as it goes.

The pipeline is fed blocks and answers with windows; all windows of a record go through the network
together at its end. Because labels take effect at samples fixed in advance (law 2), the events are
those of a live run.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress

from monitor import artifact, lines, prepare, records, weights
from monitor.annotations import SUFFIXES, write_annotations
from monitor.beats import WindowSpec
from monitor.classify import Classifier
from monitor.errors import ArtifactError
from monitor.events import BeatWindow, Block, Event, LabelledBeat, Output, sort_key
from monitor.names import RecordName
from monitor.pipeline import Pipeline
from monitor.records import Record
from monitor.settings import Settings
from monitor.spread import spread
from monitor.storage import cannot_write, drafted
from monitor.textfiles import make_folder

__all__ = ["Job", "Labelled", "clash_of", "classifier_of", "label_all", "label_record", "label_shown"]

_BLOCK_S = 30.0
"""Signal per push: long enough to make the overhead vanish, short enough to stay in the cache."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of one run is labelled with, and where the results go.

    Attributes
    ----------
    data
        The folder of one database, None to find records as `monitor.records` does.
    out
        Folder for ``<record>.blt`` (confirmed labels), ``<record>.blp`` (provisional ones) and, if
        ``events``, ``<record>.events.jsonl``.
    model
        Name or folder of the artefact, None for the shipped one.
    leads, fs
        Leads to use and rate to resample to, as `monitor.prepare.prepared` takes them.
    """

    out: Path
    settings: Settings
    data: Path | None = None
    model: str | None = None
    events: bool = False
    leads: tuple[str, ...] = ()
    fs: float | None = None


class Labelled(msgspec.Struct, frozen=True):
    """What came of one record; beats are counted by their confirmed labels."""

    record: str
    n_beats: int
    seconds: float
    counts: dict[str, int]


def label_record(
    record: Record, settings: Settings, window: WindowSpec, classifier: Callable[..., np.ndarray]
) -> list[Event]:
    """Run one record through the pipeline and return its events in the order of `sort_key`.

    Parameters
    ----------
    record
        The signal.
    settings, window
        As `Pipeline` wants them.
    classifier
        ``probabilities(windows, features)`` of `monitor.classify.Classifier`, or any pure function
        like it.

    Raises
    ------
    ArtifactError
        The model asks for more leads than the record has.
    """
    try:
        pipeline = Pipeline(settings, window, fs=record.fs, leads=record.leads)
    except ArtifactError as error:
        raise ArtifactError(f"record {record.name}: {error}") from error
    samples = record.samples()
    step = round(_BLOCK_S * record.fs)
    outputs: list[Output] = []
    for start in range(0, len(samples), step):
        outputs += pipeline.push(Block(start, samples[start : start + step]))
    outputs += pipeline.flush()
    events = [output for output in outputs if isinstance(output, Event)]
    windows = [output for output in outputs if isinstance(output, BeatWindow)]
    if windows:
        answers = classifier(
            np.stack([window.window for window in windows]), np.stack([window.features for window in windows])
        )
        for window_, answer in zip(windows, answers, strict=True):
            events += pipeline.label(window_.sample, answer, provisional=window_.provisional)
    return sorted(events, key=sort_key)


def clash_of(names: Iterable[str]) -> str:
    """Return what is wrong with records whose results would have one name, such as mitdb/100 and svdb/100."""
    taken: dict[str, str] = {}
    for name in names:
        stem = RecordName.of(name).record
        if stem in taken:
            return (
                f"expected records of different names, received {taken[stem]} and {name}: "
                f"both would be written as {stem}. Give each a folder of its own by --out"
            )
        taken[stem] = name
    return ""


def label_shown(names: Sequence[str], job: Job, *, jobs: int = 1) -> list[Labelled]:
    """Do as `label_all`; on a terminal, show on standard error how far it has come.

    Raises
    ------
    SourceError, ArtifactError, StorageError
        As `label_all`.
    """
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("labelling", total=len(names))

        def done(result: Labelled) -> None:
            progress.advance(task)
            counts = " ".join(f"{name} {n}" for name, n in sorted(result.counts.items()))
            progress.print(f"{result.record}: {result.n_beats} beats ({counts})", highlight=False)

        return label_all(names, job, jobs=jobs, done=done)


def label_all(
    names: Sequence[str], job: Job, *, jobs: int = 1, done: Callable[[Labelled], None] = lambda _: None
) -> list[Labelled]:
    """Label records and write their annotations; ``done`` is called after each.

    Raises
    ------
    SourceError, ArtifactError, StorageError
        As reading, loading and writing do; what was finished before stays.
    """
    make_folder(job.out)
    results = []
    for result in spread(functools.partial(_one, job), names, jobs=jobs):
        done(result)
        results.append(result)
    return results


@functools.cache
def classifier_of(folder: Path) -> tuple[WindowSpec, Classifier]:
    """Load an artefact, once per process: what it wants of a beat, and what answers."""
    return artifact.load_card(folder).served_window, Classifier(folder)


def _one(job: Job, name: str) -> Labelled:
    record = prepare.prepared(records.read(name, data=job.data), leads=job.leads, fs=job.fs)
    window, classifier = classifier_of(artifact.fitting(job.model, name))
    detector = weights.fitting(job.settings.detector, name)
    settings = msgspec.structs.replace(job.settings, detector=detector)
    events = label_record(record, settings, window, classifier.probabilities)
    stem = RecordName.of(name).record
    for labels, suffix in SUFFIXES.items():
        write_annotations(job.out / f"{stem}{suffix}", events, fs=record.fs, labels=labels)
    if job.events:
        _write_events(job.out / f"{stem}.events.jsonl", events, name=name)
    counts: dict[str, int] = {}
    for event in events:
        if isinstance(event, LabelledBeat) and not event.provisional:
            counts[event.label] = counts.get(event.label, 0) + 1
    return Labelled(name, sum(counts.values()), record.n_samples / record.fs, counts)


def _write_events(path: Path, events: Iterable[Event], *, name: str) -> None:
    try:
        with drafted(path) as draft, draft.open("wb") as file:
            file.writelines(lines.entry(event, bed=name, record=name, time=None) + b"\n" for event in events)
    except OSError as error:
        raise cannot_write(path, error) from error
