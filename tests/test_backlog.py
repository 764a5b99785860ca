"""The queue between receiving and analysing: bounded, and exact about what it had to give up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.assemble import Closed, Fault, Item, Lost, Opened, Samples
from monitor.backlog import Backlog
from monitor.events import Block, Gap
from monitor.settings import FeedSettings


def _opened(fs: float = 100.0, stream: int = 1) -> Opened:
    return Opened(bed="b", stream=stream, fs=fs, leads=("II",), device_time_ns=0, index=0)


def _samples(start: int, n: int) -> Samples:
    return Samples("b", Block(start, np.zeros((n, 1))), captured_ns=0, received_ns=0)


def _lost(start: int, stop: int) -> Lost:
    return Lost("b", Gap(sample=start, stop=stop, decided=stop))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["samples", "lost", "take", "settle"]), st.integers(1, 60)), max_size=80
    )
)
def test_samples_and_gaps_account_for_everything(steps: list[tuple[str, int]]) -> None:
    """Law 4, however fast or slow the consumer: every index once, and never more than fits."""
    backlog = Backlog(FeedSettings(queue_s=1.0, queue_items=8))
    backlog.put(_opened())
    taken: list[Item] = []
    at = given_up = 0
    for kind, n in steps:
        if kind == "samples":
            given_up += backlog.put(_samples(at, n))
            at += n
        elif kind == "lost":
            backlog.put(_lost(at, at + n))
            at += n
        elif kind == "take":
            taken += backlog.take(n // 10)
        else:
            backlog.settle()
    rest = backlog.take(10**6)
    assert sum(len(item.block.samples) for item in rest if isinstance(item, Samples)) <= 100
    assert len(rest) <= 12
    backlog.put(Closed("b", at))
    covered = received = 0
    for item in taken + rest + backlog.take(10**6):
        if isinstance(item, Samples):
            assert item.block.start == covered
            covered = item.block.stop
            received += len(item.block.samples)
        elif isinstance(item, Lost):
            assert item.gap.sample == covered
            covered = item.gap.stop
    assert covered == at
    assert received + given_up == sum(n for kind, n in steps if kind == "samples")
    assert not backlog


def test_a_bed_that_floods_delays_no_other() -> None:
    """Of each bed in turn one, from call to call, its oldest first; what is nobody's too."""
    backlog = Backlog(FeedSettings())
    for bed in "abc":
        backlog.put(Opened(bed=bed, stream=1, fs=1000.0, leads=("II",), device_time_ns=0, index=0))
    for k in range(100):
        backlog.put(Samples("b", Block(k, np.zeros((1, 1))), captured_ns=0, received_ns=0))
    for bed in "ac":
        backlog.put(Samples(bed, Block(0, np.zeros((1, 1))), captured_ns=0, received_ns=0))
    backlog.put(Fault(None, "x"))
    taken = [backlog.take(2) for _ in range(5)]
    beds = [item.bed for items in taken for item in items]
    assert [None, "a", "b", "c", "a", "b", "c", "b", "b", "b"] == beds
    assert {"b"} == backlog.waiting
    starts = [item.block.start for item in backlog.take(1000) if isinstance(item, Samples)]
    assert list(range(4, 100)) == starts
    assert not backlog
    assert frozenset() == backlog.waiting


def test_what_is_queued_of_a_bed_that_is_forgotten_can_still_be_taken() -> None:
    """Also where the bed comes back before that; what it said first comes first."""
    backlog = Backlog(FeedSettings())
    for stream in (1, 2):
        backlog.put(_opened(stream=stream))
        backlog.put(_samples(500 * stream, 10))
        backlog.forget("b")
    assert frozenset() == backlog.waiting
    backlog.put(_opened(stream=3))
    taken = [*backlog.take(1), *backlog.take(100)]
    assert [Opened, Samples, Opened, Samples, Opened] == [type(item) for item in taken]
    assert [500, 1000] == [item.block.start for item in taken if isinstance(item, Samples)]
    assert not backlog


def test_overflow_is_one_hole_and_not_many() -> None:
    """While the consumer is just too slow, nothing is let in before a quarter is free."""
    backlog = Backlog(FeedSettings(queue_s=1.0))
    backlog.put(_opened())
    taken = []
    for k in range(60):
        backlog.put(_samples(10 * k, 10))
        if k % 2:
            taken += backlog.take(1)
    taken += backlog.take(1000)
    holes = [item.gap.stop - item.gap.sample for item in taken if isinstance(item, Lost)]
    assert min(holes) >= 30


def test_memory_of_all_beds_together_is_bounded() -> None:
    """Many beds within their own limits can still be too many."""
    backlog = Backlog(FeedSettings(queue_s=60.0, queue_mib=1.0))
    total = 0
    for bed in range(100):
        name = f"b{bed}"
        backlog.put(Opened(bed=name, stream=1, fs=1000.0, leads=("II",), device_time_ns=0, index=0))
        total += 8000 - backlog.put(
            Samples(name, Block(0, np.zeros((8000, 1))), captured_ns=0, received_ns=0)
        )
    assert total * 8 <= 2**20


def test_streams_and_faults_are_bounded() -> None:
    """Openings are never given up, so they are not let in without end; faults are, when memory is out."""
    backlog = Backlog(FeedSettings(queue_mib=0.1))
    opened = 0
    while backlog.accepts_stream("b"):
        backlog.put(_opened(stream=opened + 1))
        opened += 1
    assert opened == 65
    for _ in range(10_000):
        backlog.put(Fault(None, "x"))
    assert len(backlog.take(10**6)) <= 210
    assert backlog.accepts_stream("b")
