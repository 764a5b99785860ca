"""Beats that lean towards V: a tachycardia of two shapes in turn is one; a doubtful beat alone is nothing."""

import pytest

from monitor.events import Label, LabelledBeat, Rhythm
from monitor.leaning import Leaning
from monitor.rhythm import Rhythms
from monitor.settings import Settings

FS = 100.0


def beats(symbols: str, *, rr_s: float = 0.5, share: float = 0.5) -> list[LabelledBeat]:
    """Return ten normal beats at 60 bpm, then one for each symbol; n is N of which V has ``share`` of N."""
    told: list[LabelledBeat] = []
    at = 0
    for i, symbol in enumerate("N" * 10 + symbols):
        rr = None if not i else round(FS * (1.0 if i < 10 else rr_s))
        at += rr or 0
        label: Label = "N" if symbol == "n" else symbol  # type: ignore[assignment]
        v = 0.6 * share if symbol == "n" else 0.9 if symbol == "V" else 0.0
        rest = (
            0.6 if label == "N" else 0.0,
            0.9 if label == "S" else 0.0,
            v,
            0.0,
            0.9 if label == "Q" else 0.0,
        )
        told.append(
            LabelledBeat(sample=at, decided=at + 45, label=label, provisional=True, probabilities=rest, rr=rr)
        )
    return told


def rhythms(given: list[LabelledBeat]) -> list[str]:
    """Return what starts."""
    stage = Rhythms(Settings().rhythm, fs=FS)
    changes: list[Rhythm] = [change for beat in given for change in stage.push(beat)]
    return [change.rhythm for change in changes if change.state == "start"]


@pytest.mark.parametrize(
    ("symbols", "share", "expected"),
    [
        ("VnVnV", 0.5, ["(VT"]),
        ("VnVnV", 0.2, []),
        ("VNVNV", 0.5, []),
        ("VnnVV", 0.5, []),
        ("nVnVn", 0.5, []),
        ("VVVVn", 0.5, ["(VT"]),
        ("VVVVS", 0.5, []),
    ],
)
def test_a_doubtful_beat_behind_a_ventricular_one_counts(
    symbols: str, share: float, expected: list[str]
) -> None:
    """Never two in a row, never one that the network is sure of."""
    assert expected == rhythms(beats(symbols, share=share))


def test_none_leans_at_the_patients_own_rate() -> None:
    """After an RR that is not short a beat may well be conducted: bigeminy is no tachycardia."""
    told = beats("VnVnV", rr_s=1.0)
    stage = Leaning()
    assert not sum(stage.push(beat) for beat in told)


def test_none_leans_before_a_rate_is_known() -> None:
    """Eight RR are asked for."""
    told = beats("VnVnV")
    stage = Leaning()
    assert not sum(stage.push(beat) for beat in told[8:])


def test_a_snapshot_goes_on_exactly() -> None:
    """Cut anywhere, the same beats lean."""
    told = beats("VnVnVNVnV")
    stage = Leaning()
    expected = [stage.push(beat) for beat in told]
    for cut in range(len(told)):
        first, second = Leaning(), Leaning()
        before = [first.push(beat) for beat in told[:cut]]
        second.restore(first.snapshot())
        assert expected == before + [second.push(beat) for beat in told[cut:]]
