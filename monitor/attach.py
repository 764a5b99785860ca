"""Where a running monitor listens for stations, and how a station finds it.

Each monitor has a name and, under it, a socket in a folder of this user alone (the user's runtime
folder, mode 0700). A lock beside it says that the name is taken; it goes with the process that holds it,
however that ends, so that what a killed monitor leaves behind is in nobody's way.
"""

import contextlib
import fcntl
import socket
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import platformdirs

from monitor.errors import FeedError

__all__ = ["NAME", "claimed", "find", "running", "socket_of"]

NAME: Final = "monitor"
"""What a monitor is called that is not given a name; a second one is ``monitor-2``."""
_LONGEST: Final = 100
"""Bytes of a socket's path: the kernel's limit is 107."""
_MOST: Final = 1000


def folder() -> Path:
    """Return the folder of the sockets, made if need be.

    Raises
    ------
    FeedError
        It cannot be made, or others can look into it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warning that there is no XDG_RUNTIME_DIR: it falls back
            path = Path(platformdirs.user_runtime_dir("beatline", appauthor=False))
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:
        raise FeedError(f"the folder for stations' sockets cannot be made: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise FeedError(
            f"folder {path}: expected mode 700, as its sockets are this user's alone, "
            f"received {stat.S_IMODE(mode):o}"
        )
    return path


def socket_of(name: str) -> Path:
    """Return the socket of the monitor of that name.

    Raises
    ------
    FeedError
        The name cannot be one, or makes the path too long for a socket.
    """
    if not name or not name.isprintable() or "/" in name or name.startswith("."):
        raise FeedError(f"name of a monitor: expected letters, digits and hyphens, received {name!r}")
    path = folder() / f"{name}.sock"
    if len(bytes(path)) > _LONGEST:
        raise FeedError(
            f"socket {path}: expected a path of at most {_LONGEST} bytes, received {len(bytes(path))}; "
            "choose a shorter name or XDG_RUNTIME_DIR"
        )
    return path


@contextlib.contextmanager
def claimed(name: str | None) -> Iterator[str]:
    """Hold a name for as long as a monitor runs; None takes the first that is free.

    Raises
    ------
    FeedError
        The name is taken, or no socket can be made here.
    """
    wanted = [name] if name else [NAME, *(f"{NAME}-{i}" for i in range(2, _MOST))]
    for candidate in wanted:
        path = socket_of(candidate)
        lock = path.with_suffix(".lock")
        try:
            stream = lock.open("a")
        except OSError as error:
            raise FeedError(f"lock {lock} cannot be opened: {error.strerror}") from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            try:
                yield candidate
            finally:
                for left in (path, lock):
                    left.unlink(missing_ok=True)
            return
    raise FeedError(f"a monitor called {wanted[-1]!r} is running already: expected another --name")


def running() -> list[str]:
    """Return the names of this user's monitors that answer now."""
    return sorted(path.stem for path in folder().glob("*.sock") if _answers(path))


def find(address: str | None) -> str:
    """Return the ZeroMQ address of a monitor: by its name, a socket's path, ``tcp://``, or the only one.

    Raises
    ------
    FeedError
        None runs or several do, and none was named.
    """
    if address is None:
        names = running()
        if len(names) > 1:
            raise FeedError(
                f"several monitors are running: expected one of {', '.join(names)}, received none"
            )
        if not names:
            raise FeedError("no monitor is running: start one with beatline monitor, or wait with --wait")
        address = names[0]
    if "://" in address:
        return address
    return f"ipc://{address}" if "/" in address else f"ipc://{socket_of(address)}"


def _answers(path: Path) -> bool:
    """Whether somebody listens at a socket; a file that a killed monitor left does not."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
