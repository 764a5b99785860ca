"""Files that are whole, or hold whole pieces only, whatever befalls the disk or the process meanwhile."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from monitor.errors import StorageError

__all__ = ["WholeFile", "cannot_write", "claimed", "drafted"]


class WholeFile:
    """A growing file in which every piece stands in full or not at all.

    A piece is handed to the system in one call, so that a kill leaves it out or in; what a full disk
    took a part of is taken back. Nothing is synchronised before `close`: pieces survive the end of
    the process at once, the loss of power after some seconds.

    Parameters
    ----------
    path
        The file.
    end
        What stands behind the last piece at any moment.
    mode
        ``new`` refuses a file that exists (``FileExistsError``), ``append`` goes on at its end.

    Raises
    ------
    OSError
        The file cannot be opened.
    """

    def __init__(self, path: Path, *, end: bytes = b"", mode: Literal["new", "append"] = "new") -> None:
        if mode == "append":
            path.touch()
        self._file = path.open("xb" if mode == "new" else "r+b", buffering=0)
        self._path = path
        self._end = end
        self.size = self._file.seek(0, 2)

    @property
    def closed(self) -> bool:
        """Whether it has been let go."""
        return self._file.closed

    def claim(self) -> bool:
        """Keep the file for this process, as `claimed` does; a device is free to all."""
        return not self._path.is_file() or claimed(self._file)

    def put(self, piece: bytes, *, at: int | None = None) -> None:
        """Write a piece at the end, or at ``at``: then what stood from there on is gone.

        It is written over, and what is left behind the new end cut off after: a kill between the two
        leaves nothing that readers see.

        Raises
        ------
        StorageError
            It cannot be written in full. The file is as before, up to ``at``.
        """
        at = self.size if at is None else at
        try:
            self._write(piece + self._end, at)
            if at < self.size:
                self._file.truncate(at + len(piece) + len(self._end))
        except OSError as error:
            self.size = at
            with suppress(OSError):  # a device has nothing to take back
                self._write(self._end, at)
                self._file.truncate(at + len(self._end))
            raise cannot_write(self._path, error) from error
        self.size = at + len(piece)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, piece: bytes, at: int) -> None:
        self._file.seek(at)
        written = self._file.write(piece)
        while written < len(piece):  # the disk took a part; the next try says why
            written += self._file.write(piece[written:])


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Give a place to write a file that appears whole or not at all, in place of the one before it.

    What is written there takes the name at the end; if that fails nothing is left of it, and the error
    comes out as it is. The place has the suffix of the file, by which some writers go.
    """
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        with suppress(OSError):  # mostly it has its name by now
            draft.unlink()


def claimed(file: IO[Any]) -> bool:
    """Keep a file for this process until it is closed, or the process ends; tell whether it was free.

    Where files cannot be claimed (some network folders, no POSIX) every file is free.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True


def cannot_write(path: Path, error: OSError) -> StorageError:
    """Return the error that says which file cannot be written, and why."""
    return StorageError(f"cannot write {path}: {error.strerror or error}")
