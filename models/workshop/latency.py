"""How long a network takes for one beat and for many, on the machine that this runs on."""

import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    import keras

__all__ = ["MANY", "Latency", "latency", "machine"]

MANY: Final = 1024
"""Beats of the large batch."""
_WARM_UP: Final = 3
_LEAST: Final = 7
"""Calls timed at least, and for so long at least:"""
_BUDGET_S: Final = 0.3


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Median milliseconds of a call with one beat, and with `MANY`; and where that was."""

    one_ms: float
    many_ms: float
    machine: str


def latency(network: "keras.Model") -> Latency:
    """Call a network with noise, as traced by its backend, and return the medians.

    A call begins with an array of numpy and ends with one; the first ones, which trace, do not count.
    """
    return Latency(one_ms=_median_ms(network, 1), many_ms=_median_ms(network, MANY), machine=machine())


def machine() -> str:
    """Return the processor, how many of it, and what Keras runs on."""
    import keras

    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    devices = {str(device).partition(":")[0] for device in keras.distribution.list_devices()}
    where = ", ".join(sorted(device.upper() for device in devices))
    return f"{named[0] if named else cpu}, {os.cpu_count()} CPUs, {keras.backend.backend()} on {where}"


def _median_ms(network: "keras.Model", n_beats: int) -> float:
    x = np.random.default_rng(0).normal(size=(n_beats, *network.input_shape[1:])).astype(np.float32)
    for _ in range(_WARM_UP):
        network.predict_on_batch(x)
    times: list[float] = []
    while len(times) < _LEAST or sum(times) < _BUDGET_S:
        began = time.perf_counter()
        network.predict_on_batch(x)
        times.append(time.perf_counter() - began)
    return round(1000 * statistics.median(times), 4)
