"""Who may know whom: the table, and the walk that holds it.

A module that is in no room fails here: put it where it belongs. A room knows itself, the rooms it
names, and the libraries it names; it may only name rooms that stand above it, so there are no circles.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Room:
    """Modules (patterns), the rooms they may know, the libraries they may use; ``pure`` is the core."""

    modules: str
    knows: str = ""
    libraries: str = ""
    pure: bool = False


CORE = "stage filters window detect beats rhythm alarms pipeline vitals"

ROOMS = {
    "base": Room(
        "monitor monitor.errors monitor.events monitor.handover monitor.layers monitor.names "
        "monitor.sections monitor.settings",
        "",
        "msgspec numpy",
    ),
    # -- the pure core, lowest first --
    "stage": Room("monitor.stage", "base", "numba numpy", pure=True),
    "filters": Room("monitor.filters", "base stage", "numpy scipy", pure=True),
    "window": Room("monitor.window monitor.features", "base", "msgspec", pure=True),
    "weights": Room("monitor.weights*", "base", "msgspec numpy"),
    "detect": Room(
        "monitor.detect* monitor.quality*", "base stage filters weights", "numpy scipy", pure=True
    ),
    "beats": Room(
        "monitor.beats monitor.cutter monitor.excerpt monitor.intervals monitor.measures monitor.onset "
        "monitor.pending monitor.plain_window monitor.shape* monitor.steepness monitor.succession",
        "base stage filters window detect",
        "msgspec numpy scipy",
        pure=True,
    ),
    "rhythm": Room(
        "monitor.rhythm monitor.fibrillation monitor.arrhythmias monitor.atrial monitor.ectopy "
        "monitor.flutter monitor.forms monitor.history monitor.leaning monitor.likeness monitor.p_waves "
        "monitor.stretches monitor.timing monitor.turns monitor.usual",
        "base stage filters window detect beats",
        "numpy scipy",
        pure=True,
    ),
    "alarms": Room(
        "monitor.alarms monitor.darkness monitor.definitions monitor.label_alarms monitor.rate_limits "
        "monitor.signal_alarms monitor.silence monitor.standing monitor.watch",
        "base stage rhythm",
        "msgspec numpy",
        pure=True,
    ),
    "pipeline": Room(
        "monitor.pipeline monitor.lane monitor.lanes monitor.runs monitor.sustained",
        "base stage filters window detect beats rhythm alarms",
        "msgspec numpy",
        pure=True,
    ),
    "vitals": Room(
        "monitor.vitals monitor.announcing monitor.snapshots monitor.strip",
        "base alarms",
        "msgspec numpy",
        pure=True,
    ),
    "rules": Room("monitor.rules monitor.settings_text", "base alarms", "msgspec"),
    # -- rooms of one library each, known to shells --
    "noise": Room("monitor.noise", "base", "numpy scipy"),
    "score": Room("monitor.score monitor.score.*", "base", "numpy", pure=True),
    "records": Room(
        "monitor.records monitor.physionet monitor.selection", "base", "numpy platformdirs rich wfdb"
    ),
    "prepare": Room("monitor.prepare", "base records", "numpy scipy"),
    "wire": Room("monitor.wire", "base", "msgspec numpy"),
    "artifact": Room("monitor.artifact", "base window", "msgspec"),
    "lines": Room("monitor.lines", "base", "msgspec"),
    "link": Room("monitor.link monitor.attach monitor.config", "base vitals", "msgspec platformdirs zmq"),
    "quiet": Room("monitor.quiet"),
    "spread": Room("monitor.spread"),
    "logs": Room("monitor.logs", "base"),
    "storage": Room("monitor.storage", "base"),
    "paper": Room(
        "monitor.canvas monitor.ecg_paper monitor.html_report", "base storage", "matplotlib msgspec numpy"
    ),
    # -- shells --
    "files": Room(
        "monitor.journal monitor.recorder monitor.annotation* monitor.signalfile monitor.textfiles",
        "base lines storage",
        "msgspec numpy",
    ),
    "ingest": Room("monitor.ingest monitor.assemble monitor.backlog", "base wire", "msgspec zmq"),
    "classify": Room(
        "monitor.classify monitor.backends monitor.labeller",
        "base window artifact quiet logs",
        "keras msgspec numpy tensorflow zmq",
    ),
    "display": Room(
        "monitor.display monitor.pictures monitor.screen monitor.show monitor.frame "
        "monitor.inks monitor.layout monitor.signals monitor.tile monitor.waves monitor.digits "
        "monitor.waveform monitor.terminal",
        "base vitals lines link",
        "msgspec numpy rich",
    ),
    "store": Room(
        "monitor.store monitor.store.*",
        "base alarms vitals lines link storage",
        "msgspec numpy platformdirs sqlalchemy",
    ),
    "engine": Room(
        "monitor.engine monitor.ward monitor.beds monitor.analysis monitor.bequest monitor.desk "
        "monitor.keeping monitor.own_limits monitor.pace monitor.recording monitor.stopwatch monitor.trouble "
        "monitor.warming",
        f"base {CORE} artifact link logs files store ingest classify",
        "msgspec numpy zmq",
    ),
    "station": Room(
        "monitor.station monitor.station.*",
        "base alarms vitals lines link display store",
        "aiohttp msgspec numpy rich textual textual_serve zmq",
    ),
    "front": Room(
        "monitor.app monitor.bench monitor.label monitor.replay monitor.stats "
        "monitor.stress* monitor.alarm_truth monitor.figures* "
        "monitor.score_report monitor.score_text monitor.score_files monitor.score_alarms* "
        "monitor.score_inputs monitor.scoring monitor.moments monitor.events_text monitor.store_query "
        "monitor.shift_report",
        f"base {CORE} weights noise score records prepare spread wire artifact lines link logs storage paper "
        "files store ingest classify display engine station",
        "matplotlib msgspec numpy psutil rich",
    ),
    # -- the other two packages; monitor never knows them --
    "sim": Room(
        "sim sim.*", "base noise records wire files storage", "msgspec neurokit2 numpy rich scipy typer zmq"
    ),
    "models": Room(
        "models models.*",
        "base filters window weights detect beats noise score records artifact quiet storage paper",
        "keras matplotlib msgspec numpy rich scipy sklearn typer",
    ),
    # -- the front door: the only one that mounts their commands --
    "cli": Room(
        "monitor.cli monitor.options monitor.bench_cli monitor.data_cli monitor.label_cli monitor.noise_cli "
        "monitor.score_cli "
        "monitor.station_cli monitor.alarms_cli monitor.events_cli monitor.report_cli monitor.__main__",
        "base rules noise records artifact logs files store display station front sim models",
        "rich typer",
    ),
}

PURE_STDLIB = {"types"} | frozenset(
    "abc bisect collections copy dataclasses enum functools heapq itertools math statistics typing".split()  # noqa: SIM905
)
"""No clock, file, socket, thread, process or log can be reached from these."""

NEVER_AT_THE_TOP = frozenset({"keras", "matplotlib", "neurokit2", "sklearn", "tensorflow", "wfdb"})
"""Libraries of a second and more, imported inside the functions that need them."""


class Import(NamedTuple):
    """One imported module; ``late`` when inside a function."""

    name: str
    late: bool


def path_of(module: str) -> Path | None:
    """Return the file of one of our modules, None where there is none of that name."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def modules() -> list[str]:
    """Return all modules of the three packages."""
    paths = (path for package in ("monitor", "models", "sim") for path in (ROOT / package).rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return sorted(name.removesuffix(".__init__") for name in names)


def imports(module: str) -> Iterator[Import]:
    """Return what a module imports, anywhere in it; submodules by their full name."""
    path = path_of(module)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        late = id(node) not in top
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in ("monitor", "models", "sim")
                yield Import(whole if ours and path_of(whole) else node.module, late)


def rooms_of(module: str) -> list[str]:
    """Return the rooms whose patterns a module fits."""
    return [name for name, room in ROOMS.items() if any(fnmatch(module, p) for p in room.modules.split())]


def room_of(module: str) -> str:
    """Return the one room of a module."""
    rooms = rooms_of(module)
    assert len(rooms) == 1, f"{module}: expected exactly one room in tests/test_imports.py, found {rooms}"
    return rooms[0]


def test_the_table_has_no_circles() -> None:
    """A room names rooms that stand above it, and every room named exists."""
    above: set[str] = set()
    for name, room in ROOMS.items():
        assert set(room.knows.split()) <= above, f"room {name} names a room that does not stand above it"
        above.add(name)


@pytest.mark.parametrize("module", modules())
def test_a_module_knows_what_its_room_may_know(module: str) -> None:
    """DESIGN, Who may know whom: of our own modules and of libraries."""
    name = room_of(module)
    room = ROOMS[name]
    allowed = {name, "base", *room.knows.split()}
    for imported, _ in imports(module):
        package = imported.split(".")[0]
        assert package != "tests", f"{module} knows tests"
        if package in ("monitor", "models", "sim"):
            other = room_of(imported)
            assert other in allowed or imported == "monitor", f"{module} ({name}) knows {imported} ({other})"
        elif package in sys.stdlib_module_names:
            assert not room.pure or package in PURE_STDLIB, f"{module} is pure and imports {imported}"
        else:
            assert package in room.libraries.split(), f"{module} ({name}) uses {imported}"


@pytest.mark.parametrize("module", [m for m in modules() if any(ROOMS[name].pure for name in rooms_of(m))])
def test_the_core_does_not_touch_the_world(module: str) -> None:
    """No print and no file, even without an import."""
    path = path_of(module)
    assert path is not None
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"print", "open", "input", "eval", "exec", "__import__"} == set()


@pytest.mark.parametrize("module", modules())
def test_slow_libraries_are_imported_late(module: str) -> None:
    """The screen is up before anything slow is loaded."""
    assert {
        i.name for i in imports(module) if not i.late and i.name.split(".")[0] in NEVER_AT_THE_TOP
    } == set()


def loaded_by(statement: str) -> set[str]:
    """Return the top-level names of all modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_core_loads_without_shells() -> None:
    """A fresh interpreter importing the pipeline holds no socket library, screen, network or reader."""
    found = loaded_by("import monitor.pipeline, monitor.vitals")
    assert found & {"zmq", "rich", "keras", "tensorflow", "wfdb", "typer", "matplotlib", "pandas"} == set()


def test_the_screen_process_loads_nothing_slow() -> None:
    """First full frame within 1.5 s: no compiler, no network, no reader on the way there."""
    found = loaded_by(
        "import monitor.cli, monitor.app, monitor.screen, monitor.display, monitor.lines, monitor.link"
    )
    assert (
        found & {"scipy", "numba", "keras", "tensorflow", "wfdb", "matplotlib", "neurokit2", "pandas"}
        == set()
    )
