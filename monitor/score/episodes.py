"""Episode by episode, as ``epicmp`` does: atrial fibrillation, ventricular fibrillation and flutter.

Learned from epicmp(1) and what the program prints: an episode of AF goes from ``(AFIB`` to the next rhythm of
another name, one of VF from ``[`` to ``]``, both cut to the time that is compared. Any overlap finds an
episode. Durations weigh each by its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from monitor.score.marks import Marks

__all__ = ["Episode", "EpisodeCounts", "compare_episodes", "compare_spans"]

Span: TypeAlias = tuple[float, float]
Episode: TypeAlias = Literal["AF", "VF"]


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
    return compare_spans(
        _spans(reference, episode, end), _spans(test, episode, end), fs=fs, start=start, end=end
    )


def compare_spans(
    reference: Sequence[Span], test: Sequence[Span], *, fs: float, start: float, end: float
) -> EpisodeCounts:
    """Compare stretches of two annotators from ``start`` to ``end``; a second is ``fs`` of their units."""
    ref, det = _cut(reference, start, end), _cut(test, start, end)
    found, true = _overlapped(ref, det), _overlapped(det, ref)
    overlap = sum(max(0.0, min(b, d) - max(a, c)) for a, b in ref for c, d in det)
    return EpisodeCounts(
        found=found,
        missed=len(ref) - found,
        true=true,
        false=len(det) - true,
        reference_s=sum(last - first for first, last in ref) / fs,
        test_s=sum(last - first for first, last in det) / fs,
        overlap_s=overlap / fs,
    )


def _spans(marks: Marks, episode: Episode, end: int) -> list[tuple[int, int]]:
    return marks.atrial(end) if episode == "AF" else marks.fibrillation(end)


def _cut(spans: Sequence[Span], start: float, end: float) -> list[tuple[float, float]]:
    return [(max(first, start), min(last, end)) for first, last in spans if last > start and first < end]


def _overlapped(here: Sequence[Span], there: Sequence[Span]) -> int:
    """Return how many stretches of one list touch any of the other."""
    return sum(any(c <= last and d >= first for c, d in there) for first, last in here)
