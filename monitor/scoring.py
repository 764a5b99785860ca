"""Labels in a folder against reference annotations: which records, which files, and what they give.

What is counted, and how, is `monitor.score`; here files are found, read and brought into one time resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from monitor import records
from monitor.errors import SourceError
from monitor.names import RecordName
from monitor.records import SAME_PATIENT
from monitor.score.alarms_group import RecordAlarms
from monitor.score.marks import Marks
from monitor.score.record import Group, RecordScore, compare, group
from monitor.score_alarms import AlarmScore, alarms_of, together
from monitor.score_inputs import events_of, marks_of, timing_of
from monitor.selection import chosen
from monitor.settings import Settings

__all__ = ["Evidence", "Request", "Score", "evidence", "score"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be scored.

    Attributes
    ----------
    labels, reference
        Folders with ``<record>.<annotator>``; that of the reference holds the headers too.
    records
        A set (``DS1``, ``DS2``, ``all``, ``nonpaced``, ``paced``), names with commas between, or None for
        every record that has labels.
    annotator, reference_annotator
        Suffixes of the annotation files.
    start_s
        Where the comparison of beats begins.
    alarms_from_s
        Where that of alarms begins.
    settings
        Those of the line: by its rules the reference's beats ask for alarms.
    without
        Records without which every gross figure is stated as well.
    allow_missing
        Whether records may have no labels, or no events where these are needed.
    alarms_alone
        Whether nothing but alarms is asked for: then each record needs events.
    escape
        The class of escape beats: S as the programs of the standard have it, N as de Chazal 2004 and many
        papers.
    """

    labels: Path
    reference: Path
    records: str | None = None
    annotator: str = "blt"
    reference_annotator: str = "atr"
    start_s: float = 300.0
    alarms_from_s: float = 0.0
    settings: Settings = Settings()
    without: tuple[str, ...] = ()
    allow_missing: bool = False
    alarms_alone: bool = False
    escape: Literal["S", "N"] = "S"


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes
    ----------
    request
        What was asked for.
    records
        Every record scored beat by beat, in the order of their names.
    beatless
        Records whose reference marks rhythms alone, no beats: they count for alarms.
    alarms
        What the alarms did, of the records that have events; None where none has.
    missing
        Records asked for, or of the reference's folder, that have no labels, or no events where these are
        needed.
    groups
        ``all`` and ``nonpaced`` (without records that have paced beats), and each without what was asked
        to leave out, by their names. The standard takes QRS and episodes from ``all``, V, S, F and runs from
        ``nonpaced``.
    """

    request: Request
    records: tuple[RecordScore, ...]
    missing: tuple[str, ...]
    groups: dict[str, Group]
    beatless: tuple[str, ...] = ()
    alarms: AlarmScore | None = None

    @property
    def hours(self) -> float:
        """The time compared."""
        if not self.records and self.alarms is not None:
            return self.alarms.group.hours
        return sum(record.seconds for record in self.records) / 3600

    def alarms_alone(self) -> "Score":
        """Return the same without what was compared beat by beat."""
        return msgspec.structs.replace(self, records=(), groups={})

    @property
    def names(self) -> tuple[str, ...]:
        """Every record that counts for anything, sorted."""
        alarms = () if self.alarms is None else self.alarms.group.records
        return tuple(sorted({*(record.record for record in self.records), *self.beatless, *alarms}))

    @property
    def without(self) -> str:
        """What stands behind the name of a group that leaves records out, empty if none does."""
        return next((name.removeprefix("all") for name in self.groups if name.startswith("all ")), "")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One record's annotations, both in the reference's time, to be compared from ``start`` to ``end``.

    Attributes
    ----------
    fs
        Samples per second of the record and of both annotators here.
    test_fs
        Those in which the test annotator was written.
    """

    reference: Marks = field(repr=False)
    test: Marks = field(repr=False)
    fs: float
    test_fs: float
    start: int
    end: int


def score(request: Request) -> Score:
    """Compare labels with reference annotations.

    Raises
    ------
    SourceError
        A folder, header or annotation file is missing or cannot be used, holds neither beat nor rhythm, or a
        record of the set has no labels, or not the events that are needed, and none may be missing.
    StorageError
        A file of events cannot be read.
    """
    for folder in (request.labels, request.reference):
        if not folder.is_dir():
            raise SourceError(f"expected a folder with annotations, found none at {folder}")
    wanted, missing = _wanted(request)
    each = [_record(name, request) for name in wanted]
    if request.records == "nonpaced":
        each = [one for one in each if not one.paced]
    silent = _silent(each, request)
    each = [one for one in each if one.name not in silent]
    scored = tuple(one.beats for one in each if one.beats is not None)
    alarms = [one.alarms for one in each if one.alarms is not None]
    return Score(
        request=request,
        records=scored,
        missing=tuple(sorted({*missing, *silent})),
        groups=_groups(scored, request),
        beatless=tuple(one.name for one in each if one.beats is None),
        alarms=together(alarms, start_s=request.alarms_from_s) if alarms else None,
    )


class _Compared(NamedTuple):
    """What came of one record."""

    name: str
    paced: bool
    beats: RecordScore | None
    alarms: RecordAlarms | None


def _silent(each: Sequence[_Compared], request: Request) -> list[str]:
    """Return the records that have no events though these are needed, if some may be missing.

    Raises
    ------
    SourceError
        None may, or none has any.
    """
    silent = [one.name for one in each if one.alarms is None and (request.alarms_alone or one.beats is None)]
    if not silent or (request.allow_missing and len(silent) < len(each)):
        return silent
    path = request.labels / f"{silent[0]}.events.jsonl"
    if not request.alarms_alone:
        raise SourceError(
            f"record {silent[0]}: expected reference beats, or {path} "
            "to score alarms by (beatline label --events), found neither"
        )
    if len(silent) == len(each):
        raise SourceError(
            f"{request.labels}: expected <record>.events.jsonl (beatline label --events), found none"
        )
    raise SourceError(
        f"{len(silent)} of {len(each)} records have no events: expected {path} and so on "
        f"(beatline label --events), found none for {_few(silent)}; --allow-missing scores the others"
    )


def _few(names: Sequence[str]) -> str:
    return " ".join(names[:8]) + (" ..." if len(names) > 8 else "")


def _groups(scored: Sequence[RecordScore], request: Request) -> dict[str, Group]:
    left_out = request.without or (tuple(SAME_PATIENT.values()) if request.records == "DS2" else ())
    names = [one.record for one in scored]
    if strangers := set(request.without) - set(names):
        raise SourceError(
            f"expected to leave out some of the records scored, received {', '.join(sorted(strangers))}"
        )
    groups = {"all": list(scored), "nonpaced": [one for one in scored if not one.paced]}
    if set(left_out) & set(names):
        for name, members in tuple(groups.items()):
            rest = [one for one in members if one.record not in left_out]
            groups[f"{name} without {' '.join(left_out)}"] = rest
    return {name: group(name, members) for name, members in groups.items()}


def _wanted(request: Request) -> tuple[list[str], tuple[str, ...]]:
    """Return the records to score, and those that have no labels."""
    held = _having(request.labels, request.annotator)
    if request.records is None:
        known = _having(request.reference, request.reference_annotator)
        if not held:
            raise SourceError(
                f"expected annotations in {request.labels} named <record>.{request.annotator}, found none"
            )
        return sorted(held), tuple(sorted(known - held))
    wanted = _named(request.records, request)
    missing = tuple(name for name in wanted if name not in held)
    if len(missing) == len(wanted) or (missing and not request.allow_missing):
        raise SourceError(
            f"{len(missing)} of {len(wanted)} records of {request.records} have no labels: expected "
            f"{request.labels / missing[0]}.{request.annotator} and so on, found none for {_few(missing)}"
            + ("" if len(missing) == len(wanted) else "; --allow-missing scores the others")
        )
    return [name for name in wanted if name in held], missing


def _named(wanted: str, request: Request) -> list[str]:
    """Return the records of a set, or those named, each once, sorted."""
    names: set[str] = set()
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        if part in ("all", "nonpaced"):
            names |= _having(request.reference, request.reference_annotator)
        else:
            names |= {RecordName.of(name).record for name in chosen([part], data=request.reference)}
    if not names:
        raise SourceError(
            f"records {wanted or '(none)'}: expected reference annotations named "
            f"<record>.{request.reference_annotator} in {request.reference}, found none"
        )
    return sorted(names)


def _having(folder: Path, annotator: str) -> set[str]:
    """Return the records of which a folder holds annotations."""
    try:
        return {path.stem for path in folder.glob(f"*.{annotator}") if not path.name.startswith(".")}
    except OSError as error:
        raise SourceError(f"folder {folder} cannot be read: {error.strerror}") from error


def evidence(name: str, request: Request) -> Evidence:
    """Read one record's annotations, in the time resolution of its header.

    Raises
    ------
    SourceError
        A header or annotation file is missing or cannot be used, or nothing is left to compare.
    """
    path = request.reference / f"{name}.{request.reference_annotator}"
    reference = marks_of(path, beatless=True)
    test = marks_of(request.labels / f"{name}.{request.annotator}")
    fs, n_samples = records.timing(name, data=request.reference)
    test_fs = test.fs or _own_fs(name, request.labels) or fs
    reference = reference.rescaled(fs / (reference.fs or fs))
    if request.escape == "N":
        reference, test = reference.escape_as_normal(), test.escape_as_normal()
    end = n_samples or int(reference.samples[-1])
    start = round(request.start_s * fs)
    if start >= end:
        raise SourceError(
            f"record {name}: expected some of it after {request.start_s:g} s, it ends at {end / fs:g} s"
        )
    return Evidence(
        reference=reference, test=test.rescaled(fs / test_fs), fs=fs, test_fs=test_fs, start=start, end=end
    )


def _record(name: str, request: Request) -> _Compared:
    """Compare one record: its beats where the reference has any, its alarms where there are events."""
    read = evidence(name, request)
    events = events_of(request.labels / f"{name}.events.jsonl")
    beats = None
    if read.reference.n_beats:
        compared = compare(name, read.reference, read.test, fs=read.fs, start=read.start, end=read.end)
        beats = compared.timed(timing_of(events, fs=read.test_fs, start_s=request.start_s))
    alarms = None
    if events is not None:
        alarms = alarms_of(
            name,
            read.reference,
            events,
            request.settings,
            fs=(read.fs, read.test_fs),
            end=read.end,
            start_s=request.alarms_from_s,
        )
    return _Compared(name, read.reference.paced, beats, alarms)


def _own_fs(name: str, folder: Path) -> float | None:
    """Return the rate of the record that lies beside the labels, None where there is none."""
    return records.timing(name, data=folder)[0] if (folder / f"{name}.hea").is_file() else None
