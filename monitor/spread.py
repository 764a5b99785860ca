"""One call per item, in this process or spread over several; results come in the order of the items."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
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
        What ``call`` raised; by then, as by Ctrl-C, the other processes are ended and nothing more begins.
    """
    if jobs == 1 or len(items) < 2:
        yield from map(call, items)
        return
    others = set(active_children())
    with ProcessPoolExecutor(min(jobs, len(items)), mp_context=get_context("spawn")) as pool:
        try:
            with _deaf_children():
                results = pool.map(call, items)
            yield from results
        except BaseException:
            for child in set(active_children()) - others:
                child.terminate()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Let processes started here not hear Ctrl-C, which a terminal sends to all: this one ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
