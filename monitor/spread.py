"""One call per item, in this process or spread over several; results come in the order of the items."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

__all__ = ["spread"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(call: Callable[[Item], Result], items: Sequence[Item], *, jobs: int = 1) -> Iterator[Result]:
    """Yield ``call(item)`` for each item, as each is done.

    Parameters
    ----------
    call
        With more than one process it is pickled, so a function of a module, or a partial of one.
    jobs
        Processes to use, at most one per item; with one, everything happens here.

    Raises
    ------
    Exception
        What ``call`` raised; what has not begun by then, or by Ctrl-C, is not begun any more.
    """
    if jobs == 1 or len(items) < 2:
        yield from map(call, items)
        return
    with ProcessPoolExecutor(min(jobs, len(items)), mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(call, items)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
