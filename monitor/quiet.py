"""Keeping a library's chatter off the terminal."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator

__all__ = ["hushed"]

log = logging.getLogger(__name__)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep what C++ code writes to file descriptor 2 off the terminal; it goes to the debug log.

    TensorFlow 2.21 greets there whatever TF_CPP_MIN_LOG_LEVEL says, and would tear a live screen.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        saved = os.dup(2)
    except OSError:  # no standard error to protect
        yield
        return
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            for line in sink.read().decode(errors="replace").splitlines():
                log.debug("while loading: %s", line)
