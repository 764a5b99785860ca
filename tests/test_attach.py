"""Names of running monitors: taken, found, and free again however their holder ended."""

import socket
import stat
from pathlib import Path

import pytest

from monitor import attach
from monitor.errors import FeedError


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user another runtime folder."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_the_folder_is_this_users_alone(runtime: Path) -> None:
    """Sockets in it are guarded by it; one that others can open is refused."""
    folder = attach.socket_of("a").parent
    assert folder.is_relative_to(runtime)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(0o755)
    with pytest.raises(FeedError, match="expected mode 700"):
        attach.socket_of("a")


def test_a_second_monitor_takes_another_name() -> None:
    """Unless it was given one, which is then taken."""
    with attach.claimed(None) as first, attach.claimed(None) as second:
        assert ("monitor", "monitor-2") == (first, second)
        with pytest.raises(FeedError, match="'monitor' is running already"), attach.claimed("monitor"):
            pass
    with attach.claimed("monitor") as again:
        assert "monitor" == again


def test_what_a_killed_monitor_left_is_neither_found_nor_in_the_way() -> None:
    """A socket without a listener, and a lock without a holder."""
    path = attach.socket_of("ward")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    path.with_suffix(".lock").touch()
    assert [] == attach.running()
    with attach.claimed("ward") as name:
        assert "ward" == name


def test_a_monitor_is_found_by_name_path_address_or_as_the_only_one() -> None:
    """And where that is not clear, it is said what there is."""
    with pytest.raises(FeedError, match="no monitor is running"):
        attach.find(None)
    assert f"ipc://{attach.socket_of('ward')}" == attach.find("ward")
    assert "ipc:///tmp/x.sock" == attach.find("/tmp/x.sock")
    assert "tcp://127.0.0.1:5610" == attach.find("tcp://127.0.0.1:5610")
    ends = []
    for name in ("ward", "other"):
        end = socket.socket(socket.AF_UNIX)
        end.bind(str(attach.socket_of(name)))
        end.listen()
        ends.append(end)
        if len(ends) == 1:
            assert f"ipc://{attach.socket_of('ward')}" == attach.find(None)
    with pytest.raises(FeedError, match="expected one of other, ward"):
        attach.find(None)
    for end in ends:
        end.close()


@pytest.mark.parametrize("name", ["", ".", "a/b", "a\nb", "x" * 200])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    """Names are parts of paths."""
    with pytest.raises(FeedError, match="expected"):
        attach.socket_of(name)
