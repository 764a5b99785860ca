"""From what is asked for to beds: names of their own, signals of their own, faults where they belong."""

from pathlib import Path

import numpy as np
import pytest

from monitor.errors import SourceError
from monitor.events import Block, LeadQuality
from monitor.noise import noise_rms, qrs_size
from monitor.quality import Quality
from monitor.settings import QualitySettings
from monitor.wire import bed_name, to_millivolt
from sim.beds import NOISES, Faults, Play, make_beds
from sim.faults import apply
from sim.pacing import Pacer
from sim.sources import blocks
from sim.synthetic import SyntheticPatient


@pytest.mark.parametrize(
    ("play", "names"),
    [
        (Play(), ["synthetic"]),
        (Play(beds=3), ["synthetic-1", "synthetic-2", "synthetic-3"]),
        (Play(beds=2, ramp=True, name="bed"), ["bed-1", "bed-2"]),
        (Play(ramp=True, name="x" * 32), ["x" * 32]),
        (Play(names=("1", "2"), or_synthetic=True, data=Path("nowhere")), ["synthetic-1", "synthetic-2"]),
    ],
)
def test_beds_have_names_of_their_own(play: Play, names: list[str]) -> None:
    """Two beds of one name would be two devices on one bed."""
    assert [bed.name for bed in make_beds(play)] == names


def test_thousand_beds_have_names_and_streams_that_fit_the_wire() -> None:
    """Names of at most 32 characters, stream ids of 53 bits, all different."""
    beds = make_beds(Play(beds=1000, ramp=True, name="x" * 32))
    assert len({bed_name(bed.name.encode()) for bed in beds}) == 1000
    assert len({bed.stream for bed in beds if bed.stream < 2**53}) == 1000


def test_record_named_twice_is_two_beds(mitdb: Path) -> None:
    """And a list with more beds than records goes round, shifted."""
    assert [bed.name for bed in make_beds(Play(names=("208", "208"), data=mitdb))] == ["208-1", "208-2"]
    beds = make_beds(Play(names=("100", "208"), data=mitdb, beds=4))
    assert [bed.name for bed in beds] == ["100-1", "208-2", "100-3", "208-4"]
    assert [bed.source.record for bed in beds] == ["100", "208", "100 from 903 s", "208 from 903 s"]


@pytest.mark.parametrize("kind", NOISES)
def test_noise_comes_at_the_ratio_asked_for(
    kind: str, databases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the database's definition, made here or from its records, at another rate than theirs."""
    monkeypatch.setenv("BEATLINE_DATA", str(databases))
    (bed,) = make_beds(Play(script="sinus:60@75", fs=250.0, faults=Faults(snr_db=6.0, noise=kind)))
    assert isinstance(bed.source, SyntheticPatient)
    size = qrs_size(bed.source.read(0, 15_000), bed.source.truth().r_peaks, fs=250.0)
    added = apply(bed.faults, Block(0, np.zeros((75_000, 2)))).samples
    ratio_db = 10 * np.log10(size**2 / 8 / noise_rms(added, fs=250.0) ** 2)
    assert ratio_db == pytest.approx([6.0, 6.0], abs=0.6)


def test_noise_for_a_record_is_measured_by_its_annotations(mitdb: Path, databases: Path) -> None:
    """Beds that play a shifted copy get the same gain as the one that does not."""
    beds = make_beds(Play(names=("118",), data=mitdb, beds=2, faults=Faults(snr_db=6.0, noise="white")))
    added = []
    for bed in beds:
        block = next(blocks(bed.source, packet_ms=2000.0))
        added.append((apply(bed.faults, block).samples - block.samples).std(axis=0))
    assert added[0] == pytest.approx(added[1], rel=0.15)


@pytest.mark.parametrize(
    ("text", "start", "stop"), [("V1", 0, 500), ("V1:1-2", 250, 500), ("V1:0.4-0.8", 100, 200)]
)
def test_lead_off_is_read_in_seconds(text: str, start: int, stop: int) -> None:
    """LEAD, or LEAD:START-STOP."""
    (bed,) = make_beds(Play(ramp=False, script="sinus:2", fs=250.0, faults=Faults(lead_off=(text,))))
    block = next(blocks(bed.source, packet_ms=2000.0))
    changed = np.flatnonzero((apply(bed.faults, block).samples != block.samples).any(axis=1))
    assert (changed[0], changed[-1] + 1) == (start, stop)


@pytest.mark.parametrize("text", ["V9", "V1:5", "V1:b-c", ""])
def test_lead_off_that_makes_no_sense_is_named(text: str) -> None:
    """What was expected: the leads there are."""
    with pytest.raises(SourceError, match="lead off: expected one of II, V1"):
        make_beds(Play(faults=Faults(lead_off=(text,))))


@pytest.mark.parametrize("text", ["II:2-2", "II:5-3"])
def test_a_stretch_that_ends_before_it_begins_is_named(text: str) -> None:
    """It would do nothing, in silence."""
    for asked, said in ((Faults(lead_off=(text,)), "lead off"), (Faults(lead_loose=(text,)), "lead loose")):
        with pytest.raises(SourceError, match=f"{said}: expected an end after its start"):
            make_beds(Play(faults=asked))


def _judged(asked: Faults) -> list[tuple[int, str, float]]:
    """Return lead, state and second of each change that the monitor makes of 30 s on the wire."""
    (bed,) = make_beds(Play(script="sinus:30@75", faults=asked))
    quality = Quality(QualitySettings(), fs=bed.source.fs, n_leads=2)
    changes: list[LeadQuality] = []
    while packet := bed.next_packet(Pacer(0, fs=bed.source.fs)):
        changes += quality.push(to_millivolt(packet.samples, bed.hello(0)))[0]
    return [(change.lead, change.state, change.sample / bed.source.fs) for change in changes]


def test_lead_off_is_off_to_the_monitor_and_good_again_after_it() -> None:
    """As from a device that notices: MISSING on the wire, then a lead that comes back."""
    changes = _judged(Faults(lead_off=("II:10-20",)))
    assert [(lead, state) for lead, state, _ in changes] == [(0, "off"), (0, "good")]
    assert [second for _, _, second in changes] == pytest.approx([10.2, 20.5], abs=0.01)


def test_a_loose_lead_is_not_off_to_the_monitor() -> None:
    """The device says nothing, so there is a line without beats: the other fault, and another option."""
    assert "off" not in {state for _, state, _ in _judged(Faults(lead_loose=("II:10-20",)))}


def test_saturation_that_lasts_is_saturated_to_the_monitor_and_clipped_peaks_are_not() -> None:
    """What the help text promises."""
    assert _judged(Faults(saturate_mv=0.4)) == []
    states = {state for _, state, _ in _judged(Faults(saturate_mv=2.0, wander_mv=12.0))}
    assert "saturated" in states
