"""Sources: any partition gives the same samples, and what a record holds is what is sent."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from monitor import records, wire
from monitor.errors import SourceError
from sim.publish import SimulatedBed
from sim.sources import RampSource, RecordSource, blocks, packet_bounds


@settings(deadline=None)
@given(st.floats(100, 1000), st.floats(10, 500), st.integers(0, 10**9))
def test_packets_adjoin_and_do_not_drift(fs: float, packet_ms: float, start: int) -> None:
    """Packet k ends where k + 1 begins, and never more than half a sample off its time."""
    for number in (0, 1, 2, 12_345):
        first, last = packet_bounds(number, fs=fs, packet_ms=packet_ms, start=start)
        assert packet_bounds(number + 1, fs=fs, packet_ms=packet_ms, start=start)[0] == last
        assert abs((first - start) - number * packet_ms * fs / 1000) <= 0.5


def test_ramp_tells_where_it_belongs_and_survives_the_wire() -> None:
    """Every value of the ramp is an int16 that is not the missing one; it wraps after 65535 samples."""
    ramp = RampSource(n_leads=2, n_samples=140_000)
    values = ramp.read(0, 200_000)
    assert values.shape == (140_000, 2)
    assert_array_equal(values[:, 0], np.arange(140_000) % 65_535 - 32_767)
    assert_array_equal(values[65_535:131_070], values[:65_535])
    hello = SimulatedBed(name="b", stream=1, source=ramp).hello(0)
    assert_array_equal(wire.to_millivolt(wire.quantise(values, hello), hello), values)


def test_blocks_cut_a_source_into_packets() -> None:
    """In order, without holes, the last one shorter."""
    cut = list(blocks(RampSource(fs=360.0, n_samples=100), packet_ms=40.0, start=10))
    assert [(block.start, block.stop) for block in cut] == [
        (10, 24), (24, 39), (39, 53), (53, 68), (68, 82), (82, 96), (96, 100)
    ]  # fmt: skip
    assert_array_equal(
        np.concatenate([block.samples for block in cut]), RampSource(n_samples=100).read(10, 100)
    )


def test_packet_that_holds_no_sample_or_too_many_is_a_mistake() -> None:
    """The wire has its limits."""
    with pytest.raises(ValueError, match=r"expected 1 to 2000 samples, received 0\.5"):
        packet_bounds(0, fs=500.0, packet_ms=1.0)


def test_record_is_sent_as_it_is(mitdb: Path) -> None:
    """What is received equals what is read from the files, bit for bit: live equals label."""
    source = RecordSource("208", data=mitdb)
    record = records.read("208", data=mitdb)
    assert (source.fs, source.leads, source.n_samples) == (360.0, ("MLII", "V1"), 650_000)
    hello = SimulatedBed(name="b", stream=1, source=source).hello(0)
    sent = wire.quantise(source.read(0, 650_000), hello)
    assert_array_equal(sent, record.digital)
    assert_array_equal(wire.to_millivolt(sent, hello), record.samples())


def test_looping_record_begins_again_and_the_index_goes_on(mitdb: Path) -> None:
    """Without an end, at any index."""
    once, loop = RecordSource("208", data=mitdb), RecordSource("208", data=mitdb, loop=True)
    assert loop.n_samples is None
    assert_array_equal(
        loop.read(649_990, 650_010), np.concatenate([once.read(649_990, 650_010), once.read(0, 10)])
    )
    assert once.read(649_990, 650_010).shape == (10, 2)


def test_shifted_record_plays_all_of_it_from_elsewhere(mitdb: Path) -> None:
    """Beds that play one record do not look the same, and say so."""
    plain, shifted = RecordSource("208", data=mitdb), RecordSource("208", data=mitdb, shift=0.5)
    assert shifted.record == "208 from 903 s"
    assert_array_equal(shifted.read(0, 100), plain.read(325_000, 325_100))
    assert_array_equal(shifted.read(325_000, 650_000), plain.read(0, 325_000))


def test_record_with_any_rate_and_equal_lead_names_is_played(databases: Path) -> None:
    """Both leads of vfdb are called ECG; its rate is 250 Hz."""
    source = RecordSource("vfdb/418", data=databases / "vfdb")
    assert (source.fs, source.leads) == (250.0, ("ECG", "ECG"))
    hello = SimulatedBed(name="b", stream=1, source=source).hello(0)
    assert wire.decode(wire.encode(hello)) == hello


def test_missing_record_is_an_error_that_names_it(tmp_path: Path) -> None:
    """What bad input gets: one clear line."""
    with pytest.raises(SourceError, match="record 999 not found"):
        RecordSource("999", data=tmp_path)
