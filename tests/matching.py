"""One-to-one matching of detections against reference beats, for tests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Match", "match", "pairs"]


class Match(NamedTuple):
    """How many reference beats were found, missed, and how many detections belong to none."""

    tp: int
    fn: int
    fp: int


def match(reference: ArrayLike, detected: ArrayLike, *, tolerance: float) -> Match:
    """Count matches one to one: three detections at one beat are one true and two false."""
    matched = len(pairs(reference, detected, tolerance=tolerance))
    return Match(matched, np.size(reference) - matched, np.size(detected) - matched)


def pairs(reference: ArrayLike, detected: ArrayLike, *, tolerance: float) -> list[tuple[int, int]]:
    """Return (reference index, detected index) of each match: nearest pairs first, each used once.

    Parameters
    ----------
    reference, detected
        Sample indices, ascending.
    tolerance
        Largest distance of a match, in samples, inclusive.
    """
    ref = np.asarray(reference, dtype=np.int64)
    det = np.asarray(detected, dtype=np.int64)
    first = np.searchsorted(det, ref - tolerance, "left")
    stop = np.searchsorted(det, ref + tolerance, "right")
    near = [
        (abs(int(det[j]) - int(ref[i])), i, int(j)) for i in range(len(ref)) for j in range(first[i], stop[i])
    ]
    free_ref, free_det, found = np.ones(len(ref), bool), np.ones(len(det), bool), []
    for _, i, j in sorted(near):
        if free_ref[i] and free_det[j]:
            free_ref[i] = free_det[j] = False
            found.append((i, j))
    return sorted(found)
