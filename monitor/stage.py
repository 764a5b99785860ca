"""What every stage of the pure core shares: compiled kernels and state that can be kept.

A stage is an object with ``push``, ``reset``, ``snapshot() -> State`` and ``restore(State)``. Its
mutable state lives in plain numpy arrays and numbers, so a snapshot is cheap, exact and can be
written down. Per-sample work is a `kernel`: a loop over samples with explicit state, compiled once
and cached on disk, bit-identical for any partition of the signal (law 1).
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

from numba import njit

__all__ = ["State", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")

State: TypeAlias = dict[str, Any]
"""Names to numpy arrays, numbers, strings, None, lists of these, or further such dicts."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a per-sample loop with numba, keep it in the on-disk cache, and keep its type.

    No fast-math: the order of floating-point operations is the order of the source. A kernel
    compiles on its first call, once per combination of argument types; pass C-contiguous arrays.
    """
    return cast("Callable[P, R]", njit(cache=True, error_model="numpy")(function))
