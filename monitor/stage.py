"""What every stage of the pure core shares: compiled kernels and state that can be kept.

A stage is an object with ``push``, ``reset``, ``snapshot() -> State`` and ``restore(State)``. Its
mutable state lives in plain numpy arrays and numbers, so a snapshot is cheap, exact and can be
written down. Per-sample work is a `kernel`: a loop over samples with explicit state, compiled once
and cached on disk, bit-identical for any partition of the signal (law 1).
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["State", "kernel", "put_in_order", "record"]

P = ParamSpec("P")
R = TypeVar("R")

State: TypeAlias = dict[str, Any]
"""Names to numpy arrays, numbers, strings, None, lists of these, or further such dicts."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a per-sample loop with numba, keep it in the on-disk cache, and keep its type.

    No fast-math: the order of floating-point operations is the order of the source. A kernel
    compiles on its first call, once per combination of argument types; pass C-contiguous arrays.
    """
    compiled = njit(cache=True, error_model="numpy")(function)
    _watch_callees(compiled, function)
    return cast("Callable[P, R]", compiled)


def _watch_callees(compiled: object, function: Callable[..., object]) -> None:
    """Make the cache notice changes in kernels that this one takes from other files.

    numba's cache knows a kernel by the time and size of its own file, and would go on with old code
    when one that it calls has changed elsewhere. numba offers no way to say so: where its inside has
    changed, its own rule holds again (a test watches over it). A constant imported from a file whose
    kernels are not used is still not seen.
    """
    own = _stamp(compiled)
    if own is not None:
        stamps = {(function.__module__, own)}
        for other in function.__globals__.values():
            known = _stamp(other)
            if isinstance(known, frozenset):
                stamps |= known
        cast("Any", compiled)._cache._cache_file._source_stamp = frozenset(stamps)


def _stamp(compiled: object) -> object:
    cache_file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    return getattr(cache_file, "_source_stamp", None)


def record(view: type) -> np.dtype[np.void]:
    """Return the dtype whose fields are a class's annotations: int64 for int, float64 for the rest.

    The class is never instantiated: it lets kernels and type checker agree on the fields of a record.
    """
    return np.dtype([(name, "i8" if kind is int else "f8") for name, kind in view.__annotations__.items()])


@kernel
def put_in_order(values: NDArray[np.float64]) -> None:
    """Sort a few values in place: numpy's own sort takes seconds to compile."""
    for i in range(1, len(values)):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
