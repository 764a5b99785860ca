"""A PostgreSQL server of one's own: a temporary folder, a socket in it, no network."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["Server", "programs"]


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that is installed here, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: path.parts[-3])
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return None if on_path is None else Path(on_path).resolve().parent


class Server:
    """A server that is run by a user who is not root, as it refuses to be.

    Attributes
    ----------
    url
        Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._bin = folder
        self._home = Path(tempfile.mkdtemp(prefix="bl-pg-", dir="/tmp"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._home, self._user)
        self.url = f"postgresql://postgres@/postgres?host={self._home}"
        data = self._home / "data"
        self._call(
            "initdb", "-A", "trust", "-U", "postgres", "-N", "-D", str(data), "--locale=C", "-E", "UTF8"
        )

    def start(self) -> None:
        """Start it and wait until it answers; one that was killed replays its log first."""
        options = f"-k {self._home} -c listen_addresses='' -c shared_buffers=16MB"
        self._call(
            "pg_ctl",
            "-D",
            str(self._home / "data"),
            "-l",
            str(self._home / "log"),
            "-w",
            "-o",
            options,
            "start",
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash: nothing is brought to an end."""
        self._call("pg_ctl", "-D", str(self._home / "data"), "-w", "-m", how, "stop")

    def remove(self) -> None:
        """Stop it and take its folder away."""
        with suppress(subprocess.CalledProcessError):  # it may not run
            self.stop("immediate")
        shutil.rmtree(self._home, ignore_errors=True)

    def _call(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / name), *arguments],
            user=self._user,
            cwd=self._home,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
