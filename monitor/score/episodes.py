"""Episode by episode, as ``epicmp`` does: atrial fibrillation, ventricular fibrillation and flutter.

Learned from epicmp(1) and what the program prints: an episode of AF goes from ``(AFIB`` to the next rhythm of
another name, one of VF from ``[`` to ``]``, both cut to the time that is compared. Any overlap finds an
episode. Durations weigh each by its length.

What the reference calls atrial flutter is no fibrillation (EC57, EC38:2007). EC38:1998 left it aside where
positive predictivity is concerned, and so does ``epicmp -x``: told fibrillation counts without what of it
lies in flutter, and not at all if that is everything. Both are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from monitor.score.marks import Marks

__all__ = ["EPISODES", "Episode", "EpisodeCounts", "compare_episodes", "compare_spans"]

Span: TypeAlias = tuple[float, float]
Episode: TypeAlias = Literal["af", "afx", "vf"]

EPISODES: Final[Mapping[Episode, str]] = MappingProxyType(
    {"af": "AF", "afx": "AF less AFL", "vf": "VF, flutter"}
)
"""What is compared, by its key in JSON and CSV, and what a table calls it."""


@dataclass(frozen=True, slots=True)
class EpisodeCounts:
    """Episodes of one kind.

    Attributes
    ----------
    found, missed
        Of the reference.
    true, false
        Of the test annotator.
    reference_s, test_s, overlap_s
        How long they last in all, and for how long both agree.
    """

    found: int
    missed: int
    true: int
    false: int
    reference_s: float
    test_s: float
    overlap_s: float


def compare_episodes(
    reference: Marks, test: Marks, *, episode: Episode, fs: float, start: int, end: int
) -> EpisodeCounts:
    """Compare the episodes of two annotators between ``start`` and ``end``, in the time resolution ``fs``."""
    aside = reference.atrial_flutter(end) if episode == "afx" else []
    spans = (_spans(reference, episode, end), _spans(test, episode, end))
    return compare_spans(*spans, aside=aside, fs=fs, start=start, end=end)


def compare_spans(
    reference: Sequence[Span],
    test: Sequence[Span],
    *,
    fs: float,
    start: float,
    end: float,
    aside: Sequence[Span] = (),
) -> EpisodeCounts:
    """Compare stretches of two annotators from ``start`` to ``end``; a second is ``fs`` of their units.

    What the test annotator tells within ``aside``, stretches in order, is neither true nor false.
    """
    ref, det = _cut(reference, start, end), _cut(test, start, end)
    judged = [left for span in det if (left := _without(span, aside))]
    found, true = _touched([[span] for span in ref], det), _touched(judged, ref)
    parts = [part for left in judged for part in left]
    overlap = sum(max(0.0, min(b, d) - max(a, c)) for a, b in ref for c, d in parts)
    return EpisodeCounts(
        found=found,
        missed=len(ref) - found,
        true=true,
        false=len(judged) - true,
        reference_s=sum(last - first for first, last in ref) / fs,
        test_s=sum(last - first for first, last in parts) / fs,
        overlap_s=overlap / fs,
    )


def _spans(marks: Marks, episode: Episode, end: int) -> list[tuple[int, int]]:
    return marks.fibrillation(end) if episode == "vf" else marks.atrial(end)


def _cut(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    return [(max(first, start), min(last, end)) for first, last in spans if last > start and first < end]


def _without(span: Span, aside: Sequence[Span]) -> list[Span]:
    """Return what is left of a stretch."""
    left, (at, last) = [], span
    for first, stop in aside:
        if stop > at and first < last:
            left.append((at, first))
            at = stop
    return [(first, stop) for first, stop in [*left, (at, last)] if first < stop or (first, stop) == span]


def _touched(here: Sequence[Sequence[Span]], there: Sequence[Span]) -> int:
    """Return how many episodes, each of one part or more, touch any stretch of the other list."""
    return sum(any(c <= last and d >= first for first, last in parts for c, d in there) for parts in here)
