"""Every alarm of the core, end to end: what must raise it does, in time, and its near miss does not."""

from pathlib import Path

import msgspec
import pytest

from monitor.definitions import DEFINITIONS
from monitor.events import Alarm, Rhythm
from tests.alarm_cases import CASES, FS, Case, Manner, Played, play

_RHYTHMS = {
    "ventricular_tachycardia": "(VT",
    "idioventricular": "(IVR",
    "supraventricular_tachycardia": "(SVTA",
    "bigeminy": "(B",
    "trigeminy": "(T",
    "atrial_fibrillation": "(AFIB",
}
_OVER_S = {"atrial_fibrillation": 140, "frequent_pvc": 80}
"""What takes longer than 20 s to be over."""


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.kind)
def case(request: pytest.FixtureRequest) -> Case:
    """Return one alarm and its scripts."""
    found: Case = request.param
    return found


@pytest.fixture(scope="module")
def played(case: Case) -> Played:
    """Play the script that must raise it."""
    return play(case.script, settings=case.settings, lost=case.lost, gaps=case.gaps)


def test_the_script_that_must_raise_an_alarm_does_in_time(case: Case, played: Played) -> None:
    """Once, with the definition's priority, decided within the time allowed after the onset."""
    starts = played.starts(case.kind)
    assert [DEFINITIONS[case.kind].priority] == [alarm.priority for alarm in starts]
    delay = (starts[0].decided - played.onset(case.since)) / FS
    assert 0 < delay <= case.within_s


def test_the_script_that_must_not_raise_it_does_not(case: Case) -> None:
    """The near miss."""
    assert [] == play(case.quiet, settings=case.settings).starts(case.kind)


def test_its_evidence_are_beats_known_by_then(case: Case, played: Played) -> None:
    """Detected R peaks that lie before the decision, in order; none where the signal alone decides."""
    alarm = played.starts(case.kind)[0]
    known = {event.sample for event in played.events if type(event).__name__ == "Beat"}
    assert set(alarm.evidence) <= known
    assert sorted(alarm.evidence) == list(alarm.evidence)
    assert all(sample < alarm.decided for sample in alarm.evidence)
    assert len(alarm.evidence) <= 32
    none = case.kind in ("ventricular_fibrillation", "lead_off", "cannot_analyse", "signal_gaps")
    assert none == (alarm.evidence == ())


def test_a_rhythm_is_told_as_a_rhythm_too(case: Case, played: Played) -> None:
    """What scoring compares with reference marks stands beside the alarm, decided at the same sample."""
    name = _RHYTHMS.get(case.kind)
    rhythms = [e for e in played.events if isinstance(e, Rhythm) and e.rhythm == name and e.state == "start"]
    if case.kind == "idioventricular":  # the rhythm goes by provisional labels, the alarm by confirmed ones
        assert [rhythms[0].sample] == [alarm.sample for alarm in played.starts(case.kind)]
    elif name is not None:
        assert [e.decided for e in rhythms] == [alarm.decided for alarm in played.starts(case.kind)]


def test_what_is_over_ends_and_what_does_not_latch_is_cleared(case: Case, played: Played) -> None:
    """A medium or low alarm of the label lane stands for the time that a person needs to see it."""
    lives = [e for e in played.events if isinstance(e, Alarm) and e.kind == case.kind]
    if len(lives) == 1:  # it stands until the script is over: go on with a sound heart
        after = f"{case.script}, sinus:{_OVER_S.get(case.kind, 20)}@75"
        longer = play(after, settings=case.settings, lost=case.lost, gaps=case.gaps)
        lives = [e for e in longer.events if isinstance(e, Alarm) and e.kind == case.kind]
    states = [alarm.state for alarm in lives]
    assert ["start", "end"] == states[:2]
    assert DEFINITIONS[case.kind].latches == ("cleared" not in states)
    if lives[0].labels == "confirmed":
        assert lives[1].decided - lives[0].decided >= case.settings.alarms.hold_s * FS


def test_every_alarm_that_the_core_decides_is_in_the_table() -> None:
    """None is left out; those of the wall clock are tested where they are raised."""
    core = {kind for kind, definition in DEFINITIONS.items() if definition.lane != "wall"}
    assert core == {case.kind for case in CASES}


def test_the_table_in_the_documents_is_that_of_the_cases() -> None:
    """Law 10: ``python -m tests.bench.alarms`` prints it; its scripts are those that are tested."""
    text = (Path(__file__).parents[1] / "docs" / "alarms.md").read_text(encoding="utf-8")
    scripts = {f"`{script}`" for case in CASES for script in (case.kind, case.script, case.quiet)}
    assert set() == {script for script in scripts if script not in text}


_DAY = "sinus:12@75, couplet, sinus:4@75, pvc, widepvc, sinus:5@75, bigeminy:8b@75, vt:7b@150, asystole:13"


@pytest.fixture(scope="module")
def day() -> list[bytes]:
    """Play a script in which alarms of all lanes start and end."""
    steps = _steps(Manner())
    ended = {step["kind"] for step in map(msgspec.json.decode, steps) if step["state"] == "end"}
    assert ended >= {"couplet", "multiform_pvc", "bigeminy", "ventricular_tachycardia", "frequent_pvc"}
    return steps


@pytest.mark.parametrize(
    "manner",
    [
        Manner(block=17),
        Manner(block=1009),
        Manner(block=1 << 20),
        Manner(held=9),
        Manner(block=90, held=40),
        Manner(block=611, restarts=True),
    ],
    ids=str,
)
def test_neither_partition_nor_late_labels_nor_a_restart_change_an_alarm(
    day: list[bytes], manner: Manner
) -> None:
    """Laws 1 and 2, for what the label lane's own clock ends too: every step is the same."""
    assert day == _steps(manner)


def _steps(manner: Manner) -> list[bytes]:
    played = play(_DAY, manner=manner)
    return sorted(msgspec.json.encode(event) for event in played.events if isinstance(event, Alarm))
