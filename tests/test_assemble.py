"""One bed's packets: put in order, accounted for, and what does not fit refused with a line."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from monitor.assemble import Assembler, Closed, Fault, Item, Lost, Opened, Samples
from monitor.events import Gap
from monitor.wire import Bye, Hello, Message, Packet

_MS = 1_000_000


def _hello(**changes: Any) -> Hello:
    fields: dict[str, Any] = {
        "bed": "b",
        "stream": 1,
        "fs": 250.0,
        "leads": ("II",),
        "gain": (1.0,),
        "baseline": (0,),
        "sequence": 0,
        "index": 0,
    }
    return Hello(**(fields | changes))


def _packet(
    sequence: int, index: int | None = None, *, n: int = 10, stream: int = 1, leads: int = 1
) -> Packet:
    """Return a packet whose samples are their own indices."""
    index = 10 * sequence if index is None else index
    column = index % 30_000 + np.arange(n, dtype=np.int16)
    samples = np.repeat(column[:, np.newaxis], leads, axis=1)
    return Packet(
        bed="b", stream=stream, sequence=sequence, index=index, device_time_ns=index, samples=samples
    )


def _feed(*messages: Message, assembler: Assembler | None = None) -> list[Item]:
    assembler = assembler or Assembler("b")
    return [item for message in messages for item in assembler.push(message, 0)]


def _told(items: list[Item]) -> list[tuple[Any, ...]]:
    """Return items in short."""
    short: list[tuple[Any, ...]] = []
    for item in items:
        if isinstance(item, Samples):
            assert_array_equal(item.block.samples[:, 0], np.arange(item.block.start, item.block.stop))
            short.append((item.block.start, item.block.stop))
        elif isinstance(item, Lost):
            short.append((item.gap.reason, item.gap.sample, item.gap.stop))
        elif isinstance(item, Opened):
            short.append(("opened", item.stream, item.index))
        elif isinstance(item, Closed):
            short.append(("closed", item.total))
        else:
            short.append(("fault",))
    return short


def _accounted(items: list[Item]) -> tuple[int, int]:
    """Return the span that samples and gaps cover; fail where they leave out or repeat an index."""
    at = first = next(item.index for item in items if isinstance(item, Opened))
    for item in items:
        if isinstance(item, Samples):
            assert item.block.start == at
            at = item.block.stop
        elif isinstance(item, Lost):
            assert item.gap.sample == at
            at = item.gap.stop
    return first, at


def test_stream_in_order_is_opened_delivered_and_closed() -> None:
    """The plain case: nothing added, nothing taken away."""
    items = _feed(_hello(), _packet(0), _packet(1), Bye(bed="b", stream=1, total=20))
    assert _told(items) == [("opened", 1, 0), (0, 10), (10, 20), ("closed", 20)]


def test_hello_repeated_changes_nothing() -> None:
    """A hello comes each second."""
    assert _told(_feed(_hello(), _packet(0), _hello(sequence=1, index=10), _packet(1))) == [
        ("opened", 1, 0),
        (0, 10),
        (10, 20),
    ]


def test_late_joiner_begins_where_the_hello_says() -> None:
    """What was sent before we listened is not lost."""
    items = _feed(_hello(sequence=90, index=900), _packet(90), _packet(91))
    assert _told(items) == [("opened", 1, 900), (900, 910), (910, 920)]


def test_what_waited_on_the_way_while_nobody_listened_is_late_and_no_fault() -> None:
    """A monitor that is started again gets what was queued for the one before: not what it accounts for."""
    assembler = Assembler("b")
    queued = [_packet(sequence) for sequence in range(200)]
    items = _feed(_hello(sequence=200, index=2000), *queued, _packet(200), assembler=assembler)
    assert _told(items) == [("opened", 1, 2000), (2000, 2010)]
    assert (assembler.counters.late, assembler.counters.refused) == (200, 0)
    (fault,) = _feed(_packet(3), assembler=assembler)
    assert isinstance(fault, Fault)


def test_packet_lost_right_after_the_hello_is_told() -> None:
    """Law 4: the hello says what comes next, so even the first packet's loss is known."""
    items = _feed(_hello(), *(_packet(k) for k in range(1, 12)))
    assert _told(items)[:3] == [("opened", 1, 0), ("lost", 0, 10), (10, 20)]


def test_reordered_packets_are_put_in_order() -> None:
    """Within the window of 8 packets or 320 ms (80 samples here) order is restored without loss."""
    assembler = Assembler("b")
    items = _feed(_hello(), *(_packet(k) for k in (0, 3, 2, 1, 5, 4)), assembler=assembler)
    assert _told(items) == [("opened", 1, 0)] + [(10 * k, 10 * k + 10) for k in range(6)]
    assert (assembler.counters.reordered, assembler.counters.lost) == (3, 0)


def test_hole_is_given_up_when_the_window_is_full_and_what_comes_later_is_late() -> None:
    """The window is bounded: 320 ms of signal, then the hole is a Gap."""
    assembler = Assembler("b")
    held = _feed(_hello(), _packet(0), *(_packet(k) for k in range(2, 9)), assembler=assembler)
    assert _told(held) == [("opened", 1, 0), (0, 10)]
    freed = _feed(_packet(9), assembler=assembler)
    assert _told(freed) == [("lost", 10, 20)] + [(10 * k, 10 * k + 10) for k in range(2, 10)]
    assert _feed(_packet(1), assembler=assembler) == []
    assert (assembler.counters.late, assembler.counters.duplicates, assembler.counters.lost) == (1, 0, 10)


def test_hole_is_given_up_after_320_ms_without_further_packets() -> None:
    """A stream that stops does not keep what it has sent."""
    assembler = Assembler("b")
    assembler.push(_hello(), 0)
    assembler.push(_packet(1), 50 * _MS)
    assert assembler.holding
    assert assembler.expire(370 * _MS) == []
    assert _told(assembler.expire(371 * _MS)) == [("lost", 0, 10), (10, 20)]
    assert not assembler.holding


def test_duplicates_are_dropped_and_counted() -> None:
    """Whether delivered already or still held."""
    assembler = Assembler("b")
    items = _feed(_hello(), *(_packet(k) for k in (0, 0, 2, 2, 1, 1, 2)), assembler=assembler)
    assert _told(items) == [("opened", 1, 0), (0, 10), (10, 20), (20, 30)]
    assert assembler.counters.duplicates == 4


def test_same_stream_at_a_higher_index_resumes_with_a_gap() -> None:
    """Sequence numbers without a hole: the device itself left samples out, whether it counts on or anew."""
    items = _feed(_hello(), _packet(0), _packet(1, 500), _hello(), _packet(0, 900))
    assert _told(items) == [
        ("opened", 1, 0),
        (0, 10),
        ("resumed", 10, 500),
        (500, 510),
        ("resumed", 510, 900),
        (900, 910),
    ]


def test_stream_goes_on_after_its_bye() -> None:
    """A bye is not the last word of a stream id: it is opened again, before samples and holes."""
    bye = Bye(bed="b", stream=1, total=10)
    items = _feed(_hello(), _packet(0), bye, _hello(index=50), _packet(0, 50), _packet(1, 60))
    again = ("opened", 1, 10)
    assert _told(items)[2:] == [("closed", 10), again, ("resumed", 10, 50), (50, 60), (60, 70)]
    assert _told(_feed(_hello(), _packet(0), bye, _packet(1)))[2:] == [("closed", 10), again, (10, 20)]


def test_new_stream_opens_the_bed_anew() -> None:
    """What was held of the old one is delivered first, its holes told; then an empty gap says restarted."""
    items = _feed(_hello(), _packet(0), _packet(2), _hello(stream=2, index=7), _packet(0, 7, stream=2))
    assert _told(items) == [
        ("opened", 1, 0),
        (0, 10),
        ("lost", 10, 20),
        (20, 30),
        ("opened", 2, 7),
        ("restarted", 7, 7),
        (7, 17),
    ]


def test_two_devices_on_one_bed_are_a_fault_and_the_later_keeps_it() -> None:
    """Otherwise two feeders with one name would restart the bed each second."""
    items = _feed(_hello(), _packet(0), _hello(stream=2), _hello(), _packet(1), _packet(0, 0, stream=2))
    assert _told(items)[3:] == [("restarted", 0, 0), ("fault",), ("fault",), (0, 10)]


def test_index_that_runs_backwards_is_refused_and_the_stream_goes_on() -> None:
    """An error inside one stream: told, refused, and nothing else harmed."""
    assembler = Assembler("b")
    items = _feed(_hello(), _packet(0), _packet(1), _packet(2, 5), _packet(3, 20), assembler=assembler)
    assert _told(items) == [("opened", 1, 0), (0, 10), (10, 20), ("fault",), (20, 30)]
    fault = next(item for item in items if isinstance(item, Fault))
    assert "index runs backwards: expected 20 or more in stream 1, received 5" in fault.text
    assert assembler.counters.refused == 1


def test_device_that_starts_again_with_its_old_stream_id_is_a_fault() -> None:
    """Sequence and index both from 0: not taken for a duplicate."""
    items = _feed(_hello(), *(_packet(k) for k in range(100)), _packet(0))
    assert "a device that starts again takes a new stream id" in str(items[-1])


@pytest.mark.parametrize(
    "changes",
    [{"fs": 360.0}, {"leads": ("V1",)}, {"gain": (2.0,)}, {"baseline": (1,)}, {"unit": "uV"}],
)
def test_hello_that_changes_the_stream_is_refused(changes: dict[str, Any]) -> None:
    """Leads, rate and scale belong to the stream id."""
    items = _feed(_hello(), _packet(0), _hello(**changes), _packet(1))
    assert _told(items) == [("opened", 1, 0), (0, 10), ("fault",), (10, 20)]
    assert f"changes {next(iter(changes))} from" in str(items[2])


def test_packet_with_other_leads_is_refused() -> None:
    """The number of leads was announced."""
    items = _feed(_hello(), _packet(0), _packet(1, leads=3), _packet(2, 10))
    assert _told(items) == [("opened", 1, 0), (0, 10), ("fault",), (10, 20)]
    assert "packet of 3 leads: expected 1 as announced (II)" in str(items[2])


def test_packet_of_a_stream_that_was_not_announced_is_refused() -> None:
    """Without its hello nobody knows what its samples mean."""
    assert _told(_feed(_packet(0))) == [("fault",)]
    assert _told(_feed(_hello(), _packet(0, stream=9)))[1:] == [("fault",)]


def test_absurd_jump_is_refused_and_the_stream_goes_on() -> None:
    """One broken index must not end the stream: more than a day is not a hole."""
    items = _feed(_hello(), _packet(0), _packet(1, 2**52), _packet(2, 10))
    assert _told(items) == [("opened", 1, 0), (0, 10), ("fault",), (10, 20)]


def test_packets_that_overlap_are_refused() -> None:
    """No index is delivered twice."""
    items = _feed(_hello(), _packet(0), _packet(2, 15), _packet(1, 10, n=10), _packet(3, 20))
    assert _told(items) == [("opened", 1, 0), (0, 10), (10, 20), ("fault",), (20, 30)]


def test_bye_tells_what_is_missing_at_the_end() -> None:
    """Samples and gaps reach to the total."""
    items = _feed(_hello(), _packet(0), Bye(bed="b", stream=1, total=35))
    assert _told(items)[2:] == [("lost", 10, 35), ("closed", 35)]


def test_bye_with_a_wrong_total_or_stream_is_a_fault() -> None:
    """A total below what was received closes the stream where it stands."""
    items = _feed(_hello(), _packet(0), Bye(bed="b", stream=9, total=10), Bye(bed="b", stream=1, total=3))
    assert _told(items)[2:] == [("fault",), ("fault",), ("closed", 10)]


def test_gap_is_known_once_the_stream_goes_on() -> None:
    """Law 2: the logical sample at which a gap is told is its end."""
    items = _feed(_hello(), _packet(0), _packet(1, 500))
    assert [item.gap for item in items if isinstance(item, Lost)] == [
        Gap(sample=10, stop=500, decided=500, reason="resumed")
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.4))
def test_samples_and_gaps_account_for_everything(seed: int, drop: float, twice: float, swap: float) -> None:
    """Law 4, under any loss, duplication and reordering: every index once, and every sample its own."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 20, 60)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    arrivals: list[tuple[float, Packet]] = []
    for k, size in enumerate(sizes):
        if rng.random() < drop:
            continue
        for _ in range(1 + (rng.random() < twice)):
            at = k + (rng.exponential(4.0) if rng.random() < swap else 0.0)
            arrivals.append((at, _packet(k, int(bounds[k]), n=int(size))))
    assembler = Assembler("b")
    items = _feed(_hello(), assembler=assembler)
    for at, packet in sorted(arrivals, key=lambda entry: entry[0]):
        items += assembler.push(packet, int(at * 40 * _MS))
        items += assembler.expire(int(at * 40 * _MS))
    items += assembler.push(Bye(bed="b", stream=1, total=int(bounds[-1])), 0)
    assert _accounted(items) == (0, bounds[-1])
    assert "fault" not in {entry[0] for entry in _told(items)}
    counters = assembler.counters
    assert counters.samples + counters.lost == bounds[-1]
    assert counters.packets + counters.duplicates + counters.late == len(arrivals)


_messages = st.one_of(
    st.builds(
        _hello, stream=st.integers(1, 3), index=st.integers(0, 90), fs=st.sampled_from([250.0, 250.0, 360.0])
    ),
    st.builds(
        _packet,
        st.integers(0, 100),
        st.integers(0, 1000),
        n=st.integers(1, 30),
        stream=st.integers(1, 3),
        leads=st.sampled_from([1, 1, 1, 2]),
    ),
    st.builds(Bye, bed=st.just("b"), stream=st.integers(1, 3), total=st.integers(0, 1000)),
)


@settings(deadline=None)
@given(st.lists(_messages, max_size=40))
def test_any_valid_messages_in_any_order_are_accounted_for(messages: list[Message]) -> None:
    """Nonsense that is well formed: no exception, none left out or repeated inside a stream, none outside."""
    at: int | None = None
    assembler = Assembler("b")
    for number, message in enumerate(messages):
        for item in assembler.push(message, number * 40 * _MS) + assembler.expire(number * 40 * _MS):
            if isinstance(item, Opened):
                at = item.index
            elif isinstance(item, Closed):
                at = None  # nothing but an opening comes next
            elif isinstance(item, Samples):
                assert item.block.start == at
                at = item.block.stop
            elif isinstance(item, Lost):
                assert item.gap.sample == at
                at = item.gap.stop


def test_items_carry_both_clocks() -> None:
    """Device time and our own: what the latency of the line is computed from."""
    assembler = Assembler("b")
    assembler.push(_hello(), 0)
    (item,) = assembler.push(msgspec.structs.replace(_packet(0), device_time_ns=77), 99)
    assert isinstance(item, Samples)
    assert (item.captured_ns, item.received_ns) == (77, 99)
