"""What every stage shares: the cache of compiled kernels."""

import os
import subprocess
import sys
from pathlib import Path

from monitor import detect_kernel, stage

_INNER = "from monitor.stage import kernel\n\n@kernel\ndef inner(x: int) -> int:\n    return x + {n}\n"
_OUTER = """from monitor.inner import inner
from monitor.stage import kernel

@kernel
def outer(x: int) -> int:
    return inner(x)

print(outer(1))
"""


def run(folder: Path, n: int) -> str:
    """Write the inner kernel, and call the outer one in a fresh interpreter."""
    (folder / "inner.py").write_text(_INNER.format(n=n))
    environment = {**os.environ, "PYTHONPATH": str(folder.parent), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", "import monitor.outer"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path: Path) -> None:
    """No stale machine code after an upgrade: the cache knows a kernel by all its sources."""
    folder = tmp_path / "monitor"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "stage.py").write_text(Path(stage.__file__).read_text())
    (folder / "outer.py").write_text(_OUTER)
    assert [run(folder, 1), run(folder, 1), run(folder, 20)] == ["2", "2", "21"]


def test_numba_still_lets_us_name_the_sources() -> None:
    """The one place where we reach into numba: a new version that moves it must be noticed."""
    stamp = detect_kernel.run._cache._cache_file._source_stamp  # type: ignore[attr-defined]
    assert {name.removeprefix("monitor.") for name, _ in stamp} == {
        "detect_bank",
        "detect_context",
        "detect_features",
        "detect_intake",
        "detect_kernel",
        "detect_levels",
        "detect_peak",
    }
