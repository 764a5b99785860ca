"""The public databases: what they are called, who made them, under which licence, and how to get them.

A download goes into the user's cache, is checked against the SHA-256 sums that PhysioNet publishes
with each database, and appears under its final name only when it is whole. What a broken connection
left is kept as ``NAME.part`` and taken up again by the next try.
"""

import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from socket import create_connection
from typing import Final
from urllib.parse import urlsplit

from monitor.errors import SourceError

__all__ = [
    "BASE_URL",
    "DATABASES",
    "DS1",
    "DS2",
    "PACED",
    "SAME_PATIENT",
    "Database",
    "attribution",
    "cache",
    "fetch",
]

BASE_URL = "https://physionet.org/files"
"""Where databases lie as ``BASE_URL/slug/version/file``."""

_CONNECT_S: Final = 3.0
_READ_S: Final = 15.0
_SUFFIXES: Final = (".dat", ".atr", ".hea")
"""The header comes last: a record that has one is whole."""

DS1: Final = tuple(  # one line reads better than one per record
    "101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230".split()  # noqa: SIM905
)
"""Training records of de Chazal, O'Dwyer & Reilly 2004 (IEEE Trans Biomed Eng 51:1196)."""

DS2: Final = tuple(  # one line reads better than one per record
    "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234".split()  # noqa: SIM905
)
"""Test records of the same paper."""

SAME_PATIENT: Final = {"201": "202"}
"""A training record and the test record that is of the same patient."""

PACED: Final = ("102", "104", "107", "217")
"""Paced records, in neither set: EC57 leaves them out of the figures for V and S."""

_GOLDBERGER: Final = (
    "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220 (2000)."
)


@dataclass(frozen=True, slots=True)
class Database:
    """A database on PhysioNet.

    Attributes
    ----------
    slug, version
        Its name and version there.
    records
        Its record names where we know them all, else empty.
    """

    slug: str
    version: str
    title: str
    citation: str
    licence: str = "Open Data Commons Attribution License v1.0"
    records: tuple[str, ...] = ()


DATABASES: Final = {
    database.slug: database
    for database in (
        Database(
            "mitdb",
            "1.0.0",
            "MIT-BIH Arrhythmia Database",
            "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. "
            "IEEE Eng in Med and Biol 20(3):45-50 (2001). doi:10.13026/C2F305",
            records=tuple(sorted(DS1 + DS2 + PACED)),
        ),
        Database(
            "svdb",
            "1.0.0",
            "MIT-BIH Supraventricular Arrhythmia Database",
            "Greenwald SD. Improved detection and classification of arrhythmias in noise-corrupted "
            "electrocardiograms using contextual information. PhD thesis, Harvard-MIT Division of "
            "Health Sciences and Technology (1990). doi:10.13026/C2V30W",
        ),
        Database(
            "vfdb",
            "1.0.0",
            "MIT-BIH Malignant Ventricular Ectopy Database",
            "Greenwald SD. Development and analysis of a ventricular fibrillation detector. "
            "MS thesis, MIT Dept. of Electrical Engineering and Computer Science (1986). doi:10.13026/C22P44",
        ),
        Database(
            "nstdb",
            "1.0.0",
            "MIT-BIH Noise Stress Test Database",
            "Moody GB, Muldrow WE, Mark RG. A noise stress test for arrhythmia detectors. "
            "Computers in Cardiology 11:381-384 (1984). doi:10.13026/C2HS3T",
        ),
    )
}
"""By slug: the databases that can be downloaded."""


def attribution(database: str) -> str:
    """Return who made a database and under which licence, as one paragraph.

    Raises
    ------
    SourceError
        It is not one of `DATABASES`.
    """
    entry = _known(database)
    return f"{entry.title} {entry.version}, PhysioNet, {entry.licence}. Cite: {entry.citation}; {_GOLDBERGER}"


def cache(database: str) -> Path:
    """Return the folder of a database in the user's cache; it need not exist."""
    import platformdirs

    return platformdirs.user_cache_path("beatline") / "records" / database


def fetch(
    database: str,
    records: Sequence[str] | None = None,
    *,
    folder: Path | None = None,
    base_url: str | None = None,
) -> Path:
    """Download records, all of the database when none is named, and return the folder they are in.

    Shows the attribution and, on a terminal, a progress bar on the standard error. What is already
    there and has the right hash is left alone.

    Parameters
    ----------
    folder
        Where to, instead of the user's cache.
    base_url
        Instead of `BASE_URL`.

    Raises
    ------
    SourceError
        The database or a record does not exist, PhysioNet cannot be reached within 3 s, a file
        arrives cut short or with the wrong hash, or the folder cannot be written.
    """
    entry = _known(database)
    for record in records or ():
        if entry.records and record not in entry.records:
            raise _no_such_record(entry, record, entry.records)
    target = folder or cache(database)
    url = f"{base_url or BASE_URL}/{entry.slug}/{entry.version}"
    try:
        _reach(url)
        sums = _published_sums(url)
        files = _files_of(entry, records, sums)
        target.mkdir(parents=True, exist_ok=True)
        with _progress(entry, len(files)) as advance:
            for name in files:
                _download(f"{url}/{name}", target / name, sha256=sums[name])
                advance(name)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"cannot download {database} from {url} to {target}: {_reason(error)}") from error
    return target


def _known(database: str) -> Database:
    try:
        return DATABASES[database]
    except KeyError:
        known = ", ".join(DATABASES)
        raise SourceError(
            f"unknown database: expected one of {known} to download from, received {database!r}"
        ) from None


def _no_such_record(entry: Database, record: str, known: Sequence[str]) -> SourceError:
    return SourceError(
        f"no such record in {entry.slug} {entry.version}: expected one of {known[0]} ... {known[-1]} "
        f"({len(known)} records), received {record!r}"
    )


def _reach(url: str) -> None:
    """Connect within 3 s or raise; name look-up and several addresses of one host count in full."""
    proxy = urllib.request.getproxies().get(urlsplit(url).scheme)
    parts = urlsplit(proxy if proxy and "//" in proxy else url)
    if urllib.request.proxy_bypass(urlsplit(url).hostname or ""):
        parts = urlsplit(url)
    answers: Queue[OSError | None] = Queue()

    def connect() -> None:
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            create_connection((parts.hostname, port), timeout=_CONNECT_S).close()
        except OSError as error:
            answers.put(error)
        else:
            answers.put(None)

    threading.Thread(target=connect, daemon=True).start()
    try:
        error = answers.get(timeout=_CONNECT_S)
    except Empty:
        raise TimeoutError(f"no connection to {parts.hostname} within {_CONNECT_S:g} s") from None
    if error is not None:
        raise error


def _published_sums(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/SHA256SUMS.txt", timeout=_READ_S) as response:
        lines = response.read(1 << 22).decode("ascii", errors="replace").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {pair[1].strip().removeprefix("*"): pair[0].lower() for pair in pairs if len(pair) == 2}


def _files_of(entry: Database, records: Sequence[str] | None, sums: dict[str, str]) -> list[str]:
    known = sorted(
        name.removesuffix(".hea")
        for name in sums
        if name.endswith(".hea") and "/" not in name and f"{name.removesuffix('.hea')}.dat" in sums
    )
    if not known:
        raise SourceError(f"{entry.slug}: expected records in SHA256SUMS.txt, received none")
    for record in records or ():
        if record not in known:
            raise _no_such_record(entry, record, known)
    return [record + suffix for record in records or known for suffix in _SUFFIXES if record + suffix in sums]


@contextmanager
def _progress(entry: Database, n_files: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    console.print(attribution(entry.slug), style="dim", highlight=False, soft_wrap=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{entry.slug} {entry.version}", total=n_files)
        yield lambda name: bar.update(task, advance=1, description=f"{entry.slug} {name}")


def _download(url: str, target: Path, *, sha256: str) -> None:
    """Bring one file, going on where an earlier try ended; whole and checked, or not at all."""
    if target.exists() and _sha256(target) == sha256:
        return
    part = target.with_name(target.name + ".part")
    if part.exists() and _sha256(part) == sha256:
        part.replace(target)
        return
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_READ_S)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # longer than the file itself: nothing to go on from
        error.close()
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        expected = int(response.headers.get("Content-Length", -1))
        with part.open("ab" if resumed else "wb") as file:
            received = 0
            while chunk := response.read(1 << 16):
                received += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    if expected not in (received, -1):
        raise SourceError(
            f"download of {url} was cut short: expected {expected} bytes, received {received}; "
            "run again to go on from there"
        )
    if (found := _sha256(part)) != sha256:
        part.unlink()
        raise SourceError(f"download of {url} has the wrong hash: expected {sha256}, received {found}")
    part.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    """Say what a network or file error was, in words where it has some."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__
