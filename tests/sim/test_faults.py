"""Faults: pure, seeded, the same for any partition, and as strong as was asked for."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monitor.events import Block
from monitor.wire import Packet
from sim.faults import SignalFault, Transport, add_noise, add_wander, apply, lead_loose, lead_off, saturate

_SIGNAL = np.random.default_rng(0).normal(size=(3000, 2))

_FAULTS: dict[str, Callable[[], SignalFault]] = {
    "noise": lambda: add_noise(np.random.default_rng(1).normal(size=(700, 1)), np.array([0.5, 2.0])),
    "wander": lambda: add_wander(1.0, fs=360.0, seed=3),
    "lead off": lambda: lead_off(1, start=500, stop=1500),
    "lead loose": lambda: lead_loose(1, start=500, stop=1500, seed=4),
    "saturation": lambda: saturate(0.7),
}


@pytest.mark.parametrize("name", _FAULTS)
def test_any_partition_gives_the_same_samples(name: str) -> None:
    """Law 1 for what disturbs the signal."""
    whole = apply([_FAULTS[name]()], Block(0, _SIGNAL)).samples
    bounds = [0, 1, 1, 40, 499, 501, 2000, 3000]
    parts = [apply([_FAULTS[name]()], Block(a, _SIGNAL[a:b])).samples for a, b in itertools.pairwise(bounds)]
    assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", _FAULTS)
def test_faults_do_not_write_into_what_they_are_given(name: str) -> None:
    """Blocks are never written to once they exist."""
    before = _SIGNAL.copy()
    apply([_FAULTS[name]()], Block(0, _SIGNAL))
    assert_array_equal(_SIGNAL, before)


def test_lead_off_takes_one_lead_for_its_time() -> None:
    """Its samples are missing; the rest is untouched."""
    expected = _SIGNAL.copy()
    expected[500:1500, 1] = np.nan
    assert_array_equal(apply([lead_off(1, start=500, stop=1500)], Block(0, _SIGNAL)).samples, expected)


def test_a_loose_lead_shows_next_to_nothing_for_its_time() -> None:
    """A little noise is left, which no device calls missing; the rest is untouched."""
    samples = apply([lead_loose(1, start=500, stop=1500)], Block(0, _SIGNAL)).samples
    assert np.abs(samples[500:1500, 1]).max() <= 0.01
    assert len(np.unique(samples[500:1500, 1])) > 900
    assert_array_equal(samples[:, 0], _SIGNAL[:, 0])
    assert_array_equal(np.delete(samples[:, 1], range(500, 1500)), np.delete(_SIGNAL[:, 1], range(500, 1500)))


def test_missing_samples_stay_missing() -> None:
    """A fault cannot bring back what is not there."""
    samples = _SIGNAL[:100].copy()
    samples[10:20] = np.nan
    block = apply([_FAULTS[name]() for name in ("noise", "wander", "saturation")], Block(0, samples))
    assert_array_equal(np.isnan(block.samples), np.isnan(samples))


def _packets(count: int) -> list[Packet]:
    return [
        Packet(bed="b", stream=1, sequence=k, index=k, device_time_ns=0, samples=np.zeros((1, 1), np.int16))
        for k in range(count)
    ]


def test_transport_faults_are_as_frequent_as_asked_for() -> None:
    """Shares over 4000 packets, and only copies of what was sent."""
    transport = Transport(drop=0.1, duplicate=0.2, reorder=0.05, late_ms=10.0, seed=1)
    fates = [transport.deliveries(packet, packet_ms=40.0) for packet in _packets(4000)]
    kept = [fate for fate in fates if fate]
    assert sum(not fate for fate in fates) / 4000 == pytest.approx(0.1, abs=0.02)
    assert sum(len(fate) == 2 for fate in kept) / len(kept) == pytest.approx(0.2, abs=0.025)
    assert sum(fate[0] > 10.0 for fate in kept) / len(kept) == pytest.approx(0.05, abs=0.02)
    assert 0 <= min(fate[0] for fate in kept)
    assert max(fate[0] for fate in kept) <= 10.0 + 2.5 * 40.0


def test_a_packets_fate_depends_on_seed_and_sequence_alone() -> None:
    """Seeded, hence repeatable, in any order."""
    transport = Transport(drop=0.3, duplicate=0.3, reorder=0.3, late_ms=5.0, seed=2)
    packets = _packets(50)
    forth = [transport.deliveries(packet, packet_ms=40.0) for packet in packets]
    back = [transport.deliveries(packet, packet_ms=40.0) for packet in reversed(packets)]
    assert forth == back[::-1]


def test_without_faults_packets_pass_at_once() -> None:
    """The plain case costs nothing."""
    assert Transport().deliveries(_packets(1)[0], packet_ms=40.0) == [0.0]


@pytest.mark.parametrize("field", ["drop", "duplicate", "reorder", "late_ms"])
def test_shares_out_of_range_are_a_mistake(field: str) -> None:
    """The caller's, hence ValueError."""
    with pytest.raises(ValueError, match=f"{field}: expected"):
        Transport(**{field: -0.1})  # type: ignore[arg-type]
