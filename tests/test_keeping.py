"""What an engine writes to: whose it is."""

import time
from contextlib import closing
from pathlib import Path

import msgspec

from monitor import keeping
from monitor.config import Config
from monitor.settings import Settings
from monitor.store.writer import Writer
from tests.store.told import alarm, entry, wait_until


def opened(path: Path, name: str, *, bind: bool) -> Writer:
    """Return the store of a monitor on the devices of one address."""
    told = Config(
        endpoints=("tcp://127.0.0.1:5600",), bind=bind, settings=Settings(), store=str(path), name=name
    )
    kept = keeping.open_store(told, {})
    assert kept is not None
    return kept


def beds_left(path: Path, name: str, *, bind: bool) -> list[str]:
    """Return the beds of which a monitor that starts now takes something up."""
    with closing(opened(path, name, bind=bind)) as kept:
        return list(kept.left)


def test_monitors_that_connect_to_the_same_devices_are_told_apart_by_their_names(tmp_path: Path) -> None:
    """One that binds is known by its address, whatever it is called: nobody else can have that."""
    for bind, others in ((False, []), (True, ["1"])):
        path = tmp_path / f"{bind}.sqlite"
        with closing(opened(path, "monitor", bind=bind)) as kept:
            kept.append(msgspec.structs.replace(entry(alarm()), time_ns=time.time_ns()))
            wait_until(lambda kept=kept: kept.n_waiting == 0)  # type: ignore[misc]
            assert others == beds_left(path, "monitor-2", bind=bind)
            assert ["1"] == beds_left(path, "monitor", bind=bind)
