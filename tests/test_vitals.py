"""Snapshots: folded from events, immutable, bounded, the same however the signal was cut."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.announcing import announced
from monitor.errors import WireError
from monitor.events import (
    Alarm,
    AnyEvent,
    Beat,
    Block,
    Gap,
    LabelledBeat,
    LeadQuality,
    Notice,
    Rate,
    Rhythm,
    Stream,
    Wave,
)
from monitor.strip import Strip
from monitor.vitals import (
    BedSnapshot,
    Mark,
    WardSnapshot,
    decode,
    encode,
    fold,
    with_status,
    with_transport,
)

FS = 360.0


def bed(*events: AnyEvent | Wave | Block) -> BedSnapshot:
    snapshot = fold(BedSnapshot(bed="bed-1"), stream())
    for event in events:
        snapshot = fold(snapshot, event)
    return snapshot


def stream(fs: float = FS) -> Stream:
    return Stream(sample=0, decided=0, stream="s", fs=fs, leads=("MLII", "V1"), record="mitdb/208")


def wave(start: int, n: int, *, delay: int = 5) -> Wave:
    return Wave(start=start, delay=delay, samples=signal(start + n)[start:])


def signal(n: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.random.default_rng(208).normal(size=(n, 2))
    return values * 0.3


def beat(sample: int) -> Beat:
    return Beat(sample=sample, decided=sample + 60, rr=None)


def labelled(sample: int, label: str, *, provisional: bool = False) -> LabelledBeat:
    return LabelledBeat(sample=sample, decided=sample + 150, label=label, provisional=provisional)  # type: ignore[arg-type]


def minutes(seconds: int, **told: tuple[int, ...]) -> BedSnapshot:
    """Return a bed with one beat a second, all labelled: those ``told`` so, the others N."""
    snapshot = bed()
    for second in range(seconds):
        label = next((label for label, at in told.items() if second in at), "N")
        snapshot = fold(fold(snapshot, beat(round(second * FS))), labelled(round(second * FS), label))
    return fold(snapshot, Wave(round(seconds * FS), 5, np.zeros((1, 2))))


def alarm(kind: str, priority: str = "high", state: str = "start", sample: int = 100) -> Alarm:
    return Alarm(
        sample=sample,
        decided=sample + 1,
        kind=kind,
        priority=priority,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        text=kind.upper(),
    )


@pytest.mark.parametrize("cuts", [[], [7], [360], [36, 37, 37, 400, 401, 1080], [1, 5000, 5001]])
def test_the_picture_does_not_depend_on_how_the_signal_was_cut(cuts: list[int]) -> None:
    """Law 1: waveform, gain and index are the same for every partition, empty blocks included."""
    n = 14_000  # longer than what is kept
    whole = bed(wave(0, n))
    edges = [0, *cuts, n] if cuts != [7] else [*range(0, n, 7), n]
    values = signal(n)
    pieces = [Wave(start=a, delay=5, samples=values[a:b]) for a, b in pairwise(edges)]
    assert whole == bed(*pieces)
    np.testing.assert_array_equal(values[-10_800:].astype(np.float32), whole.strip.samples)


def test_a_hole_in_the_waveform_is_missing_and_not_closed_up() -> None:
    """Loss is seen on the screen: NaN where samples never came."""
    snapshot = bed(wave(0, 100), Gap(sample=100, decided=150, stop=150), wave(150, 20))
    assert (0, 170) == (snapshot.strip.start, snapshot.strip.stop)
    assert 50 == int(np.isnan(snapshot.strip.samples[:, 0]).sum())
    assert np.isnan(snapshot.strip.samples[100:150]).all()


def test_a_hole_longer_than_the_strip_leaves_only_what_came_after() -> None:
    """Memory stays bounded by `KEEP_S` whatever the length of a gap."""
    snapshot = bed(wave(0, 100), Wave(start=10**9, delay=5, samples=signal(20)))
    assert 10_800 == len(snapshot.strip)
    assert 20 == int(np.isfinite(snapshot.strip.samples[:, 0]).sum())


def test_older_snapshots_do_not_change() -> None:
    """Immutability: strips share a buffer, and no fold writes into what another can see."""
    first = bed(wave(0, 100))
    kept = first.strip.samples.copy()
    left = fold(first, Wave(start=100, delay=5, samples=np.full((10, 2), 1.0)))
    right = fold(first, Wave(start=100, delay=5, samples=np.full((10, 2), 2.0)))
    np.testing.assert_array_equal(kept, first.strip.samples)
    assert 1.0 == left.strip.samples[-1, 0]
    assert 2.0 == right.strip.samples[-1, 0]
    with pytest.raises(ValueError, match="read-only"):
        right.strip.samples[0, 0] = 9.0
    with pytest.raises(AttributeError):
        first.index = 3  # type: ignore[misc]


def test_what_a_snapshot_keeps_is_bounded() -> None:
    """30 s of signal and the beats in it, after hours as after minutes."""
    snapshot = bed()
    for start in range(0, 60_000, 50):
        snapshot = fold(snapshot, wave(0, 50) if start == 0 else Wave(start, 5, np.zeros((50, 2))))
        snapshot = fold(snapshot, beat(start))
        snapshot = fold(snapshot, labelled(start, "V"))
    assert 10_800 == len(snapshot.strip)
    assert 10_800 / 50 >= len(snapshot.marks) - 1
    assert 512 >= len(snapshot.ventricular)
    assert 8 == len(snapshot.scales[0].recent)


def test_a_beat_is_marked_at_once_and_labelled_when_the_answer_comes() -> None:
    """Labels arrive late and change nothing but the letter."""
    snapshot = bed(wave(0, 1000), beat(300), beat(600))
    assert (Mark(300), Mark(600)) == snapshot.marks
    snapshot = fold(snapshot, labelled(300, "V"))
    assert (Mark(300, "V"), Mark(600)) == snapshot.marks
    assert snapshot == fold(snapshot, labelled(299, "N"))


def test_a_provisional_label_is_shown_until_the_confirmed_one_and_never_counted() -> None:
    """A beat is one mark and at most one PVC."""
    snapshot = bed(wave(0, 1000), beat(300))
    first, last = labelled(300, "V", provisional=True), labelled(300, "S")
    shown = fold(snapshot, first)
    assert ((Mark(300, "V"),), ()) == (shown.marks, shown.ventricular)
    told = fold(shown, last)
    assert ((Mark(300, "S"),), ()) == (told.marks, told.ventricular)
    assert (300,) == fold(shown, labelled(300, "V")).ventricular


def test_ventricular_beats_are_counted_over_one_minute() -> None:
    """PVC/min looks back 60 s of signal; a corrected label is corrected in the count."""
    snapshot = minutes(70, V=(15, 66))
    assert 2 == snapshot.pvc_per_min
    assert 1 == fold(snapshot, labelled(round(66 * FS), "N")).pvc_per_min
    assert 1 == minutes(80, V=(15, 66)).pvc_per_min


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_what_less_than_a_minute_is_labelled_of_is_not_counted(seconds: int) -> None:
    """No V in a minute is a finding; a minute that nobody looked at is none."""
    assert None is minutes(seconds).pvc_per_min
    assert 0 == minutes(seconds + 62).pvc_per_min


def test_nothing_is_counted_while_labels_are_loading_lost_or_late() -> None:
    """Beats without an answer: before the first, behind the last, and those called Q by default."""
    loading = bed(*(beat(round(s * FS)) for s in range(200)), wave(round(200 * FS), 1))
    assert None is loading.pvc_per_min
    counted = minutes(70)
    waiting = fold(counted, beat(round(79 * FS)))
    assert 0 == waiting.pvc_per_min
    assert None is fold(waiting, beat(round(81 * FS))).pvc_per_min
    assert None is fold(counted, labelled(round(69 * FS), "Q")).pvc_per_min
    told = LabelledBeat(sample=round(69 * FS), decided=0, label="Q", probabilities=(0.2,) * 5)
    assert 0 == fold(counted, told).pvc_per_min


def test_nothing_is_counted_without_signal_and_for_a_minute_behind_a_hole() -> None:
    """Feed lost, a lead that says nothing, a long gap: then the count begins anew; a short one it bears."""
    counted = minutes(70)
    at = counted.index
    gone = fold(counted, alarm("cannot_analyse", "technical", sample=at))
    assert None is gone.pvc_per_min
    assert 0 == fold(gone, alarm("cannot_analyse", "technical", "end", sample=at)).pvc_per_min
    for status in ("lost", "ended"):
        assert None is with_status(counted, status).pvc_per_min
    assert 0 == fold(with_status(counted, "lost"), Block(at, np.zeros((1, 2)))).pvc_per_min
    assert 0 == fold(counted, Gap(sample=at, decided=at, stop=at + round(9 * FS))).pvc_per_min
    hole = fold(counted, Gap(sample=at, decided=at, stop=at + round(11 * FS)))
    assert None is hole.pvc_per_min
    assert 0 == fold(hole, Wave(round(142 * FS), 5, np.zeros((1, 2)))).pvc_per_min
    blind = fold(counted, alarm("cannot_analyse", "technical", sample=at))
    over = msgspec.structs.replace(
        alarm("cannot_analyse", "technical", "end", sample=at), decided=at + round(40 * FS)
    )
    seen = fold(fold(blind, Wave(at + round(40 * FS), 5, np.zeros((1, 2)))), over)
    assert None is seen.pvc_per_min
    assert None is fold(counted, stream()).pvc_per_min


def test_a_count_that_is_not_known_crosses_to_the_screen_as_such() -> None:
    """The process that draws tells unknown from 0 as the one that analyses does."""
    for snapshot in (minutes(70), minutes(30), with_status(minutes(70), "lost")):
        body = encode(WardSnapshot(beds=(snapshot,)), seconds=2.0)
        assert snapshot.pvc_per_min == decode(body).beds[0].pvc_per_min


def test_status_follows_the_feed() -> None:
    """waiting, learning, live, lost, ended: each from the event that says so."""
    snapshot = BedSnapshot(bed="bed-1")
    assert "waiting" == snapshot.status
    snapshot = fold(snapshot, stream())
    assert "learning" == snapshot.status
    snapshot = fold(snapshot, beat(50))
    assert "live" == snapshot.status
    assert "live" == fold(snapshot, Gap(sample=60, decided=70, stop=70)).status
    assert "learning" == fold(snapshot, Gap(sample=60, decided=900, stop=900)).status
    assert "learning" == fold(snapshot, Gap(sample=60, decided=60, stop=60, reason="restarted")).status
    assert "ended" == with_status(snapshot, "ended").status


def test_what_is_lost_is_lost_until_samples_come() -> None:
    """Whatever becomes of the alarm, and whatever a device says: no old heart rate is shown as current."""
    snapshot = fold(bed(beat(50)), Rate(sample=60, decided=60, hr_bpm=75.0))
    lost = with_status(snapshot, "lost")
    assert ("lost", None) == (lost.status, lost.hr_bpm)
    for state in ("start", "acknowledged", "reminded", "end", "cleared"):
        lost = fold(lost, alarm("feed_lost", "technical", state))
        assert ("lost", None) == (lost.status, lost.hr_bpm)
    assert "lost" == fold(lost, stream()).status
    assert "live" == fold(lost, Block(60, np.zeros((1, 2)))).status


def test_samples_losses_and_packets_are_accounted_for() -> None:
    """Law 4: what was received plus what was lost is everything."""
    block = Block(start=0, samples=np.zeros((100, 2)))
    snapshot = bed(block, Gap(sample=100, decided=110, stop=110), Block(start=110, samples=np.zeros((90, 2))))
    assert (190, 10, 1) == (snapshot.counters.samples, snapshot.counters.lost, snapshot.counters.gaps)
    assert 200 == snapshot.index
    snapshot = with_transport(snapshot, latency_ms=1.5, duplicates=3, refused=2)
    assert (3, 2, 1.5) == (snapshot.counters.duplicates, snapshot.counters.refused, snapshot.latency_ms)


def test_a_new_stream_is_no_loss() -> None:
    """Law 4: the marker of a restart carries no samples, so it is no gap that anything was lost in."""
    restart = Gap(sample=100, decided=100, stop=100, reason="restarted")
    counters = bed(beat(50), restart).counters
    assert (0, 0) == (counters.lost, counters.gaps)
    counters = bed(restart, Gap(sample=100, decided=110, stop=110, reason="resumed")).counters
    assert (10, 1) == (counters.lost, counters.gaps)


def test_a_gap_that_the_settings_let_be_bridged_is_not_learnt_from_anew() -> None:
    """`BedSnapshot.bridge_s` is the setting: it decides, and outlives the stream."""
    gap = Gap(sample=100, decided=460, stop=460)
    for bridge_s, status in ((0.2, "learning"), (1.0, "live")):
        snapshot = BedSnapshot(bed="bed-1", bridge_s=bridge_s)
        for event in (stream(), beat(50), gap):
            snapshot = fold(snapshot, event)
        assert status == snapshot.status


def test_a_new_stream_learns_anew_and_keeps_alarms_and_accounts() -> None:
    """Same bed, new stream id: standing alarms are kept."""
    old = bed(
        wave(0, 500), beat(100), alarm("ventricular_tachycardia"), Gap(sample=500, decided=600, stop=600)
    )
    new = fold(old, stream(fs=250.0))
    assert ((), 0, "learning", 250.0) == (new.marks, len(new.strip), new.status, new.fs)
    assert (old.alarms, old.counters) == (new.alarms, new.counters)


def test_lead_quality_and_rate_are_shown_as_last_told() -> None:
    """One state per lead; an unknown lead is no reason to fall over."""
    snapshot = bed(
        LeadQuality(sample=1, decided=2, lead=1, state="off"), Rate(sample=9, decided=9, hr_bpm=61.5)
    )
    assert (("good", "off"), 61.5) == (snapshot.quality, snapshot.hr_bpm)
    assert snapshot == fold(snapshot, LeadQuality(sample=1, decided=2, lead=7, state="off"))


def test_what_a_screen_does_not_show_changes_nothing() -> None:
    """Rhythms and notices pass by."""
    snapshot = bed()
    assert snapshot is fold(snapshot, Rhythm(sample=1, decided=2, rhythm="(VT", state="start"))
    assert snapshot is fold(snapshot, Notice(sample=1, decided=2, text="x"))


def test_a_high_alarm_stays_until_it_is_acknowledged() -> None:
    """Latching: an ended high alarm is still shown; medium ones go when they end."""
    snapshot = bed(alarm("ventricular_tachycardia"), alarm("ventricular_tachycardia", state="end"))
    assert [("ventricular_tachycardia", True)] == [(a.kind, a.ended) for a in announced(snapshot)]
    assert [] == announced(fold(snapshot, alarm("ventricular_tachycardia", state="acknowledged")))
    assert [] == announced(fold(snapshot, alarm("ventricular_tachycardia", state="cleared")))
    assert [] == announced(bed(alarm("pause", "medium"), alarm("pause", "medium", "end")))
    acknowledged = bed(
        alarm("ventricular_tachycardia"), alarm("ventricular_tachycardia", state="acknowledged")
    )
    assert [True] == [a.acknowledged for a in announced(acknowledged)]
    assert [] == announced(fold(acknowledged, alarm("ventricular_tachycardia", state="end")))


def test_latched_alarms_of_one_kind_do_not_pile_up() -> None:
    """A night of short VTs that nobody acknowledges stays one latched alarm."""
    steps = [
        alarm("ventricular_tachycardia", state=state, sample=1000 * i)
        for i in range(50)
        for state in ("start", "end")
    ]
    assert [49_000] == [a.onset for a in bed(*steps).alarms]


@pytest.mark.parametrize("state", ["end", "acknowledged", "cleared"])
@pytest.mark.parametrize("onset", [1000, 9000], ids=["older", "from a longer stream"])
def test_steps_of_an_old_alarm_leave_a_newer_one_of_its_kind_alone(state: str, onset: int) -> None:
    """An alarm that stands is never taken off the screen by the end of another."""
    kind = "ventricular_tachycardia"
    snapshot = bed(
        alarm(kind, sample=onset), alarm(kind, state="end", sample=onset), alarm(kind, sample=5000)
    )
    (standing,) = fold(snapshot, alarm(kind, state=state, sample=onset)).alarms
    assert (5000, False, False) == (standing.onset, standing.ended, standing.acknowledged)
    assert () == fold(snapshot, alarm(kind, state="cleared", sample=5000)).alarms


def test_only_the_worst_of_a_family_is_announced() -> None:
    """Chains: asystole > VF > VT > extreme rates > rates; what stands before what has ended."""
    snapshot = bed(
        alarm("low_rate", "medium"),
        alarm("lead_off", "technical"),
        alarm("asystole"),
        alarm("extreme_bradycardia"),
    )
    assert ["asystole", "lead_off"] == [a.kind for a in announced(snapshot)]
    snapshot = fold(snapshot, alarm("asystole", state="end"))
    assert [("extreme_bradycardia", False), ("asystole", True), ("lead_off", False)] == [
        (a.kind, a.ended) for a in announced(snapshot)
    ]


def test_what_nobody_acknowledged_comes_before_what_somebody_did() -> None:
    """A new alarm breaks through an acknowledged one of the same urgency."""
    snapshot = bed(
        alarm("pause", "medium"), alarm("pause", "medium", "acknowledged"), alarm("high_rate", "medium")
    )
    assert ["high_rate", "pause"] == [a.kind for a in announced(snapshot)]


def test_an_unknown_kind_is_announced_by_its_priority() -> None:
    """Alarms that come later in the product's life need no change here."""
    snapshot = bed(alarm("couplet", "low"), alarm("af", "medium"), alarm("pause", "medium", sample=5))
    assert ["pause", "af", "couplet"] == [a.kind for a in announced(snapshot)]


def test_the_gain_follows_the_signal_but_does_not_pump() -> None:
    """Range in coarse steps; one artefact does not move it, half the amplitude for a while does."""
    t = np.arange(40 * 360) / 360
    spikes = np.exp(-((t % 1.0 - 0.5) ** 2) / (2 * 0.01**2))
    values = np.stack([1.1 * spikes, 3.2 * spikes], axis=1)
    snapshot = bed(Wave(start=0, delay=0, samples=values[:7200]))
    ranges = [(scale.low, scale.high) for scale in snapshot.scales]
    assert [(-0.5, 1.5), (-0.5, 3.5)] == ranges
    artefact = np.array(values[7200:10800])
    artefact[500:520] += 9.0
    snapshot = fold(snapshot, Wave(start=7200, delay=0, samples=artefact))
    assert ranges == [(scale.low, scale.high) for scale in snapshot.scales]
    snapshot = fold(snapshot, Wave(start=10800, delay=0, samples=0.2 * values[10800:]))
    assert snapshot.scales[1].high < 1.5


@pytest.mark.parametrize("seconds", [1.0, 6.0, 100.0])
def test_a_ward_survives_the_way_to_the_screen(seconds: float) -> None:
    """Encode, then decode: everything but the older waveform, at 1 uV."""
    sent = bed(
        wave(0, 3000),
        Gap(sample=3000, decided=3010, stop=3010),
        wave(3010, 90),
        beat(2900),
        alarm("ventricular_tachycardia"),
    )
    ward = WardSnapshot(
        beds=(sent, BedSnapshot(bed="b")), classifier="loading", message="m", notices=("n",), taken_ns=7
    )
    got = decode(encode(ward, seconds=seconds))
    n = min(len(sent.strip), round(seconds * FS))
    assert n == len(got.beds[0].strip)
    np.testing.assert_allclose(sent.strip.samples[-n:], got.beds[0].strip.samples, atol=5.1e-4)
    assert (sent.marks, sent.alarms, sent.leads) == (got.beds[0].marks, got.beds[0].alarms, got.beds[0].leads)
    assert [(s.low, s.high) for s in sent.scales] == [(s.low, s.high) for s in got.beds[0].scales]
    assert ward.beds[1] == got.beds[1]
    assert ("loading", "m", ("n",), 7) == (got.classifier, got.message, got.notices, got.taken_ns)


def test_a_strip_packs_extremes_without_wrapping() -> None:
    """int16 microvolt: clipped at +-32.767 mV, missing stays missing."""
    strip = Strip(10, np.array([[1e6], [-1e6], [np.nan], [0.0125]]))
    got = Strip.unpacked(*strip.packed())
    np.testing.assert_array_equal(
        np.array([[32.767], [-32.767], [np.nan], [0.012]], dtype=np.float32), got.samples
    )
    assert (10, 14) == (got.start, got.stop)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff" * 40, msgspec.msgpack.encode({"beds": [{"bed": 3}]})])
def test_bytes_that_are_no_ward_are_a_wire_error(body: bytes) -> None:
    """Law 5."""
    with pytest.raises(WireError, match="not a ward snapshot"):
        decode(body)


def test_a_waveform_cut_in_the_middle_is_a_wire_error() -> None:
    """A body that is not whole samples is refused, not drawn."""
    broken = {"beds": [{"bed": "b", "strip": (0, 2, b"\x00" * 7)}]}
    with pytest.raises(WireError, match="whole samples"):
        decode(msgspec.msgpack.encode(broken))
