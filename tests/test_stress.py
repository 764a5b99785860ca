"""The noise-stress protocol: the mixing is the database's, counts are what they say, alarms are judged."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from monitor import artifact, label, records, stress
from monitor.alarm_truth import Span, expected_alarms, false_alarms, spans
from monitor.annotations import content
from monitor.errors import SettingsError
from monitor.events import Alarm, Event, Label, LabelledBeat, LeadQuality
from monitor.label import Job, label_all
from monitor.records import MISSING
from monitor.score.marks import Marks, decode
from monitor.scoring import Request, score
from monitor.settings import Settings
from monitor.stress import Level, Plan, level_gains, mixed, noise_for
from monitor.stress_files import save
from monitor.stress_tally import gross, reference_of, tally
from tests.test_cli import invoke
from tests.test_prepare import record_of
from tests.tiny import SPEC, make_card

FS = 100.0


def reference(beats: list[tuple[float, str]]) -> Marks:
    """Return reference marks from seconds and symbols."""
    at = np.array([round(s * FS) for s, _ in beats], np.int64)
    n = len(beats)
    return Marks(at, tuple(symbol for _, symbol in beats), (0,) * n, ("",) * n)


def beating(seconds: int) -> records.Record:
    """Return a record of a QRS complex of 1 mV each second, from 1 s to half a second before the end."""
    samples = np.zeros((round((seconds - 0.5) * FS), 1))
    for step, height in ((-3, -0.1), (-2, 0.2), (-1, 0.7), (0, 1.0), (1, 0.7), (2, 0.2), (3, -0.2)):
        samples[round(FS) + step :: round(FS)] = height
    return replace(record_of(samples, fs=FS), name="101")


def told(beats: list[tuple[float, Label]]) -> list[Event]:
    """Return confirmed labels, each behind a provisional one that says otherwise."""
    events: list[Event] = []
    for s, called in beats:
        at = round(s * FS)
        events.append(LabelledBeat(sample=at, decided=at + 20, label="Q", provisional=True))
        events.append(LabelledBeat(sample=at, decided=at + 90, label=called))
    return events


def signal(minutes: float, n_leads: int = 1) -> records.Record:
    """Return a record of nothing at `FS`."""
    return record_of(np.zeros((round(minutes * 60 * FS), n_leads)), fs=FS)


def test_118_with_em_is_mixed_as_the_database_mixes_it(databases: Path) -> None:
    """Sample k of em at its gain is what noisy minutes have more than clean ones, but for a constant.

    By the definition of the ratio the gains are the database's within two percent.
    """
    plan = Plan(noise="em", settings=Settings(), data=databases, database_gains=True)
    ecg = records.read("118", data=databases / "mitdb", stop=160_000)
    em = noise_for(plan, ecg)
    known = reference_of("118", data=databases / "mitdb", fs=360.0)
    gains = level_gains(plan, Level(0.0), ecg, known, em)
    assert [2.9604, 7.6391] == gains.tolist()
    defined = level_gains(msgspec.structs.replace(plan, database_gains=False), Level(-6.0), ecg, known, em)
    assert_allclose(defined, (5.9084, 15.2501), rtol=0.02)
    noisy = mixed(ecg, em, gains, [(108_000, 151_200)])
    added = noisy.digital[108_000:151_200] - ecg.digital[108_000:151_200].astype(np.float64)
    offset = added - gains * em[108_000:151_200]
    assert np.ptp(offset, axis=0).max() <= 1.0
    assert_array_equal(ecg.digital[:108_000], noisy.digital[:108_000])
    assert np.ptp(noisy.digital[151_200:] - ecg.digital[151_200:], axis=0).max() <= 1


def test_gains_that_cannot_be_are_refused() -> None:
    """The database's, where it has none; as many as there are leads, or one."""
    ecg, beats = signal(1, n_leads=2), reference([(1.0, "N")])
    source = np.ones((100, 2))
    plan = Plan(noise="em", settings=Settings(), database_gains=True)
    with pytest.raises(
        SettingsError, match=r"expected 118 with em at 24, .* dB, received made with em at 3 dB"
    ):
        level_gains(plan, Level(3.0), ecg, beats, source)
    with pytest.raises(SettingsError, match="one for each of its 2 leads, received 3"):
        level_gains(plan, Level(gains=(1.0, 2.0, 3.0)), ecg, beats, source)
    assert [0.5, 0.5] == level_gains(plan, Level(gains=(0.5,)), ecg, beats, source).tolist()
    assert [0.0, 0.0] == level_gains(plan, Level(), ecg, beats, source).tolist()


@pytest.mark.parametrize("kind", ["muscle", "motion", "baseline", "white"])
def test_synthetic_noise_has_the_ratio_asked_for(kind: str) -> None:
    """Of a QRS complex of 2 mV, power 0.5, at 0 dB: noise of that power about its mean each second."""
    samples = np.zeros((60_000, 2))
    samples[200::200] = [2.0, 1.0]
    ecg = record_of(samples, fs=200.0)
    beats = Marks(np.arange(200, 60_000, 200), ("N",) * 299, (0,) * 299, ("",) * 299)
    plan = Plan(noise=kind, settings=Settings(), seed=3)
    source = noise_for(plan, ecg)
    gains = level_gains(plan, Level(0.0), ecg, beats, source)
    added = (gains * source / 200).reshape(-1, 200, 2).std(axis=1)
    cut = np.sort(added, axis=0)[15:-15]
    assert_allclose(cut.mean(axis=0), [np.sqrt(0.5), np.sqrt(0.125)], rtol=1e-6)
    assert_array_equal(source, noise_for(plan, ecg))


def test_missing_samples_stay_missing_and_nothing_wraps() -> None:
    """Noise fills no hole, and what is too large for the file is as large as it can be."""
    ecg = signal(0.1)
    ecg.digital[10] = MISSING
    noisy = mixed(ecg, np.full((600, 1), 1.0) * np.arange(600)[:, None], np.array([1e4]), [(0, 600)])
    assert noisy.digital[10, 0] == MISSING
    assert (32767, 1024) == (noisy.digital.max(), noisy.digital[0, 0])


def test_beats_are_counted_one_to_one_from_five_minutes_on() -> None:
    """A V where there is none or an N is false, one at an F is not; provisional labels do not count."""
    truth = reference(
        [(10.0, "V"), (301.0, "N"), (302.0, "F"), (303.0, "V"), (304.0, "N"), (305.0, "S"), (306.0, "V")]
    )
    events = told(
        [(11.0, "V"), (301.0, "V"), (302.1, "V"), (303.0, "V"), (303.1, "V"), (304.0, "S"), (305.5, "Q")]
    )
    found = tally(events, truth, Settings(), record=signal(6), segments=[(30_000, 36_000)])
    assert (6, 6) == (found.n_beats, found.n_told)
    assert (2, 2) == (found.fn, found.fp)
    assert (2, 1, 2) == (found.n_v, found.v_hit, found.false_v)
    assert (1, 0, 1) == (found.n_s, found.s_hit, found.false_s)
    assert (1, 1 / 60) == (found.n_q, found.hours)


def test_flutter_is_left_out() -> None:
    """Between the marks [ and ], beats are no beats for either side."""
    truth = reference([(301.0, "N"), (305.0, "["), (310.0, "V"), (315.0, "]"), (320.0, "N")])
    events = told([(301.0, "N"), (307.0, "V"), (309.0, "V"), (320.0, "N")])
    found = tally(events, truth, Settings(), record=signal(6), segments=[])
    assert (2, 2, 0, 0, 0) == (found.n_beats, found.n_told, found.fn, found.fp, found.false_v)


def test_leads_told_noisy_are_shares_of_noisy_and_of_clean_minutes() -> None:
    """Counted from where it is told, in the stretches with noise and in those without."""
    change = LeadQuality(sample=29_000, decided=33_000, lead=1, state="noisy")
    back = LeadQuality(sample=37_000, decided=37_000, lead=1, state="good")
    found = tally(
        [back, change], reference([]), Settings(), record=signal(7, n_leads=2), segments=[(30_000, 36_000)]
    )
    assert (0.0, 0.5) == found.noisy
    assert (0.0, 1 / 6) == pytest.approx(found.noisy_clean)


def test_gross_figures_are_sums() -> None:
    """Of counts and hours; of shares of time the mean."""
    truth = reference([(301.0, "N"), (302.0, "V")])
    one = tally(told([(301.0, "V")]), truth, Settings(), record=signal(6), segments=[(30_000, 36_000)])
    both = gross([one, one])
    assert (2 * one.fn, 2 * one.false_v, 2 * one.hours) == (both.fn, both.false_v, both.hours)
    assert (one.noisy, {"high": 0, "medium": 0, "low": 0}) == (both.noisy, both.alarms)


def beats_at(rr_s: list[float], labels: str) -> list[tuple[int, Label]]:
    """Return beats from RR intervals and classes."""
    at: NDArray[np.float64] = np.cumsum([1.0, *rr_s])
    return [(round(s * FS), label) for s, label in zip(at.tolist(), labels, strict=True)]  # type: ignore[misc]


def alarm(kind: str, at_s: float, *, priority: str = "high") -> Alarm:
    """Return an alarm told at a time."""
    at = round(at_s * FS)
    return Alarm(sample=at, decided=at, kind=kind, priority=priority, state="start", text=kind)  # type: ignore[arg-type]


def test_the_reference_raises_what_its_beats_are() -> None:
    """Seven V at 150 bpm are a tachycardia, 5 s without a beat an asystole."""
    beats = beats_at([0.8] * 9 + [0.4] * 7 + [5.0] + [0.8] * 9, "N" * 10 + "V" * 7 + "N" * 10)
    found = {
        span.kind: span
        for span in spans(expected_alarms(beats, Settings(), fs=FS, n_samples=2400), n_samples=2400)
    }
    assert {"ventricular_tachycardia", "asystole", "pause"} <= found.keys()
    assert "nonsustained_vt" not in found
    assert beats[10][0] == found["ventricular_tachycardia"].start
    assert beats[17][0] == found["asystole"].stop


def test_alarms_that_nothing_stands_behind_are_false() -> None:
    """Of the same kind, within ten seconds of the condition; technical alarms never are, nor early ones."""
    expected = [Span("asystole", 40_000, 40_400, 41_000)]
    raised = [
        alarm("asystole", 100.0),
        alarm("asystole", 389.0),
        alarm("asystole", 391.0),
        alarm("asystole", 419.0),
        alarm("pause", 405.0, priority="medium"),
        alarm("cannot_analyse", 600.0, priority="technical"),
    ]
    false = false_alarms(raised, expected, fs=FS, from_sample=30_000)
    assert [("asystole", 38_900), ("pause", 40_500)] == [(one.kind, one.sample) for one in false]


def test_a_tachycardia_told_as_a_short_one_is_not_false() -> None:
    """The provisional labels broke the run."""
    raised = [alarm("nonsustained_vt", at, priority="medium") for at in (405.0, 450.0)]
    expected = [Span("ventricular_tachycardia", 40_000, 40_200, 40_500)]
    assert raised[1:] == false_alarms(raised, expected, fs=FS, from_sample=0)


def test_a_saved_record_is_read_back_as_it_was(tmp_path: Path) -> None:
    """Signals, reference and labels, so that anyone can run it again."""
    ecg = replace(record_of(np.random.default_rng(0).normal(size=(500, 2))), name="x")
    (tmp_path / "ref.atr").write_bytes(b"\x12\x04\0\0")
    save(
        tmp_path / "new" / "x_em_m6dB",
        ecg,
        title="x with em",
        reference=tmp_path / "ref.atr",
        told=told([(2.0, "V")]),
    )
    back = records.read("x_em_m6dB", data=tmp_path / "new")
    assert_array_equal(ecg.digital, back.digital)
    assert (ecg.leads, ecg.gains, ecg.baselines) == (back.leads, back.gains, back.baselines)
    assert ([18], ["N"]) == (lambda a: (a[0].tolist(), a[1]))(
        records.annotations("x_em_m6dB", data=tmp_path / "new")
    )
    at, symbols, _ = records.annotations("x_em_m6dB", data=tmp_path / "new", annotator="blt")
    assert ([200], ["V"]) == (at.tolist(), symbols)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "pink"], "expected one of em, ma, bw"),
        (["--snr", "high"], "received 'high'"),
        (["--snr", "nan"], "received 'nan'"),
        (["--snr", "6", "--gains", "1"], "expected ratios or gains, received both"),
        (["--save"], "expected --out DIR"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(arguments: list[str], message: str) -> None:
    """Usage: 2."""
    code, text = invoke("noise", "118", *arguments)
    assert code == 2
    assert message in " ".join(text.replace("│", " ").split())


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_run(tmp_path: Path) -> None:
    """A failure: 1, at once, with what is in the way."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    code, text = invoke("noise", "118", "--data", str(tmp_path), "--out", str(out))
    assert (1, 1) == (code, len(text.strip().splitlines()))
    assert f"cannot make the folder {out}" in text


def by_size(windows: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Label a beat V where its window is large, else N."""
    large = np.abs(windows).max(axis=(1, 2)) > 1.5
    return (
        np.stack([~large, np.zeros_like(large), large, np.zeros_like(large), np.zeros_like(large)], axis=1)
        * 1.0
    )


@pytest.mark.parametrize("fs", [128.0, 250.0])
def test_labels_at_another_rate_are_scored_at_the_records_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fs: float
) -> None:
    """``label --fs``: the annotation file states its rate, and scoring brings it back."""
    monkeypatch.setattr(label, "classifier_of", lambda _: (SPEC, SimpleNamespace(probabilities=by_size)))
    data, out = tmp_path / "data", tmp_path / "labels"
    (tmp_path / "reference").write_bytes(content(told([(float(s), "N") for s in range(1, 60)]), fs=FS))
    save(data / "101", beating(60), title="made", reference=tmp_path / "reference", told=[])
    label_all(["101"], Job(out=out, settings=Settings(), data=data, fs=fs, leads=("1",)))
    assert fs == decode((out / "101.blt").read_bytes(), name="101").fs
    found = score(Request(labels=out, reference=data, start_s=5.0)).records[0]
    assert (0, 0) == (found.counts()["qrs_fn"], found.counts()["qrs_fp"])
    assert np.abs(found.jitter_ms).max() <= 10.0


def test_the_command_says_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One record, one level beside the clean one, as JSON; with CSV, picture and records on disk."""
    monkeypatch.setattr(stress, "classifier_of", lambda _: (SPEC, SimpleNamespace(probabilities=by_size)))
    model, out, data = tmp_path / "model", tmp_path / "out", tmp_path / "data"
    model.mkdir()
    (model / artifact.WEIGHTS).write_bytes(b"-")
    artifact.save_card(make_card(model / artifact.WEIGHTS), model)
    (tmp_path / "reference").write_bytes(content(told([(float(s), "N") for s in range(1, 440)]), fs=FS))
    save(data / "101", beating(440), title="made", reference=tmp_path / "reference", told=[])
    arguments = ["noise", "101", "--noise", "white", "--gains", "0.2", "--model", str(model)]
    code, text = invoke(*arguments, "--data", str(data), "--out", str(out), "--save", "--json")
    assert code == 0, text
    run = json.loads(text)
    assert ["clean", "x0.2"] == [row["level"] for row in run["rows"]]
    assert [0, 0] == [run["rows"][0][key] for key in ("fn", "fp")]
    assert ["101"] == run["trained_on_these"]
    assert run == json.loads((out / "noise.json").read_text())
    assert 3 == len((out / "noise.csv").read_text().splitlines())
    assert b"\x89PNG" == (out / "noise.png").read_bytes()[:4]
    assert {"101_white_clean", "101_white_x0p2"} == {p.stem for p in (out / "records").glob("*.hea")}
