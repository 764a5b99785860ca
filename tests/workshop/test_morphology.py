"""Infarction told from whole records: what is measured, what is learned, and of whom nothing is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from models.datasets.beatset import BeatSet
from models.datasets.options import DataOptions
from models.datasets.ptbxl import beats, recordings
from models.datasets.recordings import Entry, Recordings
from models.workshop import outcome
from models.workshop.beat_measures import beat_measures, of_band_beat, record_measures
from models.workshop.diagnoses import TARGETS, targets
from models.workshop.gram import logistic, products, ridge
from models.workshop.infarction import Infarction, Sizes, cross_validate, methods_of
from models.workshop.morphology import Effort, Morphology, prepared
from models.workshop.pr_beat import BAND_AT, FS, R_AT, band_beat, levelled, pr_beats
from monitor.cli import app
from monitor.errors import SettingsError
from tests.datasets.made import ecg, write_csv, write_ptb, write_ptbxl

QUICK = Effort(filters=60, rounds=15, runs=2)
TIME = np.arange(5000) / FS
R_PEAKS = np.rint(np.arange(0.5, 10, 0.8) * FS).astype(np.int64)


def quiet(what: str, done: int, total: int) -> None:
    """Report to nobody."""


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the user's cache, and draw few patients."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(outcome, "RESAMPLES", 20)


def invoke(*arguments: str) -> tuple[int, str]:
    """Run ``beatline models infarction``; return exit code and all that was printed."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["models", "infarction", *arguments], env=environment)
    return result.exit_code, result.output


def beat(
    *, q_mv: float = 0.0, st_mv: float = 0.0, t_mv: float = 0.3, qrs_s: float = 0.012, notch_mv: float = 0.0
) -> NDArray[np.float64]:
    """Return one beat of 540 samples, R of 1 mV at `R_AT`; ``qrs_s`` is the standard deviation of R."""
    at = (np.arange(540) - R_AT) / FS

    def hump(middle: float, height: float, width: float) -> NDArray[np.float64]:
        return np.asarray(height * np.exp(-0.5 * ((at - middle) / width) ** 2))

    st = st_mv * ((at > 0.05) & (at < 0.3))
    qrs = hump(0, 1.0, qrs_s) + hump(-0.034, q_mv, 0.008) + hump(0.012, notch_mv, 0.004)
    return qrs + st + hump(-0.16, 0.1, 0.02) + hump(0.3, t_mv, 0.045)


def wandering() -> NDArray[np.float64]:
    """Return a baseline of half a millivolt that no line follows."""
    return np.asarray(0.5 * np.sin(2 * np.pi * 0.15 * TIME))


def elevated(st_mv: float) -> NDArray[np.float64]:
    """Return ten seconds in which every ST, from 60 to 160 ms after R, is shifted."""
    wave = ecg(10, fs=FS)
    for peak in R_PEAKS:
        wave[peak + 30 : peak + 80] += st_mv
    return wave


def drawn(n: int = 60, *, columns: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return products of random rows and two targets of which the rows tell something."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(n, columns)).astype(np.float32)
    y = np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2]], axis=1).astype(np.float64)
    return products(x, np.arange(n)), y


# -- the beat over its PR level


def test_a_wander_that_no_line_follows_is_taken_out() -> None:
    """Between and in the beats, but for what bends between two PR levels; a line leaves ten times as much."""
    clean, bent = (levelled(wave, R_PEAKS) for wave in (ecg(10, fs=FS), ecg(10, fs=FS) + wandering()))
    within = slice(R_PEAKS[0], R_PEAKS[-1])
    left = np.std((bent - clean)[within])
    at = np.arange(5000)[within]
    line = np.polyval(np.polyfit(at, wandering()[within], 1), at)
    assert 10 * left < np.std(wandering()[within] - line)


@pytest.mark.parametrize("wander", [False, True])
def test_a_shift_of_st_survives(wander: bool) -> None:
    """What a high-pass filter would bend is kept: 0.2 mV up or down is measured as such."""
    base = wandering() if wander else np.zeros(5000)
    level = pr_beats(ecg(10, fs=FS) + base, R_PEAKS).typical[R_AT + 35 : R_AT + 75].mean()
    for st_mv in (-0.2, 0.2):
        found = pr_beats(elevated(st_mv) + base, R_PEAKS).typical[R_AT + 35 : R_AT + 75].mean()
        assert found - level == pytest.approx(st_mv, abs=0.02)


def test_r_is_found_from_near_it() -> None:
    """Detections off by up to 20 ms give the very same R, and the same beat."""
    wave = ecg(10, fs=FS)
    rough = R_PEAKS + np.random.default_rng(1).integers(-10, 11, len(R_PEAKS))
    there, near = pr_beats(wave, R_PEAKS), pr_beats(wave, rough)
    assert abs(there.peaks - R_PEAKS).max() <= 1
    np.testing.assert_array_equal(there.peaks, near.peaks)
    np.testing.assert_array_equal(there.typical, near.typical)
    assert near.rr_s == pytest.approx(0.8, abs=0.003)


def test_an_ectopic_beat_is_not_usual() -> None:
    """A beat unlike the others has no part in the typical one."""
    wave = ecg(10, fs=FS)
    odd = wave.copy()
    odd[R_PEAKS[5] - 60 : R_PEAKS[5] + 150] -= 1.5 * np.hanning(210)
    found = pr_beats(odd, R_PEAKS)
    assert 1 == (~found.usual).sum()
    assert np.abs(found.typical - pr_beats(wave, R_PEAKS).typical).max() < 0.05
    assert np.abs(band_beat(odd, R_PEAKS) - band_beat(wave, R_PEAKS)).max() < 0.1


@pytest.mark.parametrize("peaks", [[2500], [3, 2500], [2], [1200, 4999]])
def test_few_beats_are_enough(peaks: list[int]) -> None:
    """One beat, or beats at the very ends, are measured too: no number is missing."""
    for wave in (ecg(10, fs=FS), np.zeros(5000)):
        found = pr_beats(wave, np.array(peaks))
        assert (540,) == found.typical.shape
        assert found.usual.any()
        assert np.isfinite(list(record_measures(found).values())).all()
        assert np.isfinite(band_beat(wave, np.array(peaks))).all()


# -- what is measured


@pytest.mark.parametrize("q_mv", [-0.2, -0.4])
def test_q_is_measured_as_deep_as_it_is(q_mv: float) -> None:
    """Within a quarter (a short Q is smoothed, and R begins beside it); deeper is longer and larger."""
    found, none = beat_measures(beat(q_mv=q_mv), 0.8), beat_measures(beat(), 0.8)
    assert found["q_mv"] == pytest.approx(q_mv, rel=0.25)
    assert none["q_mv"] > -0.02
    assert found["q_ms"] > none["q_ms"]
    assert found["q_mv_ms"] < none["q_mv_ms"]
    assert found["r_mv"] == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("st_mv", [-0.15, 0.0, 0.25])
def test_st_is_measured_over_the_level_before_the_qrs(st_mv: float) -> None:
    """Within 20 microvolt, wherever zero is."""
    for level in (0.0, 0.7):
        found = beat_measures(beat(st_mv=st_mv) + level, 0.8)
        assert found["st40_mv"] == pytest.approx(st_mv, abs=0.02)
        assert found["level_mv"] == pytest.approx(level, abs=0.02)


def test_a_wide_qrs_is_measured_as_wide() -> None:
    """R of a standard deviation lasts about six; twice as wide is about twice as long."""
    narrow, wide = (beat_measures(beat(qrs_s=width), 0.8)["qrs_ms"] for width in (0.010, 0.020))
    assert narrow == pytest.approx(60, abs=20)
    assert wide == pytest.approx(120, abs=20)


@pytest.mark.parametrize("t_mv", [-0.25, 0.15, 0.5])
def test_t_is_measured_with_its_sign_and_place(t_mv: float) -> None:
    """Height within 30 microvolt, place within 10 ms; a T upside down has its area below."""
    found = beat_measures(beat(t_mv=t_mv), 0.8)
    assert found["t_mv"] == pytest.approx(t_mv, abs=0.03)
    assert found["t_at_ms"] == pytest.approx(300, abs=10)
    assert (found["t_up_mv_ms"] > -found["t_down_mv_ms"]) == (t_mv > 0)
    assert found["p_mv"] == pytest.approx(0.1, abs=0.03)


def test_a_notch_is_counted() -> None:
    """A dent in the R turns the wave twice more, and makes it rougher."""
    plain, dented = beat_measures(beat(qrs_s=0.02), 0.8), beat_measures(beat(qrs_s=0.02, notch_mv=-0.4), 0.8)
    assert plain["turns"] + 2 <= dented["turns"]
    assert plain["roughness"] < dented["roughness"]


def test_a_beat_of_the_band_is_measured_alike() -> None:
    """Drawn out from 250 to 500 Hz, it has the same measures but for the smoothing."""
    at = (np.arange(230) - BAND_AT) / 250
    half = np.interp(at, (np.arange(540) - R_AT) / FS, beat(q_mv=-0.2, st_mv=0.1)).astype(np.float32)
    whole, found = beat_measures(beat(q_mv=-0.2, st_mv=0.1), 0.8), of_band_beat(half, 0.8)
    assert list(whole) == list(found)
    for name in ("q_mv", "st40_mv", "t_mv", "r_mv"):
        assert found[name] == pytest.approx(whole[name], abs=0.02)


def test_rhythm_is_measured_in_seconds() -> None:
    """A regular record has no spread; an early beat is counted."""
    even = record_measures(pr_beats(ecg(10, fs=FS), R_PEAKS))
    assert even["rr_s"] == pytest.approx(0.8, abs=0.003)
    assert even["rate_bpm"] == pytest.approx(75, abs=0.3)
    assert even["rr_spread_s"] < 0.005
    assert (0, len(R_PEAKS)) == (even["early_beats"], even["beats"])
    early = pr_beats(ecg(10, fs=FS), R_PEAKS)._replace(peaks=R_PEAKS - 150 * (np.arange(len(R_PEAKS)) == 5))
    assert 1 == record_measures(early)["early_beats"]
    assert 209 == len(even)


# -- what is learned


def test_answers_left_out_equal_learning_without_the_row() -> None:
    """The closed form against the oracle: refit without each row, ask of it."""
    gram, y = drawn()
    _, unseen = ridge(gram, y, penalty=0.3)
    for row in range(len(y)):
        rest = np.delete(np.arange(len(y)), row)
        weights, _ = ridge(gram[np.ix_(rest, rest)], y[rest], penalty=0.3)
        np.testing.assert_allclose(gram[row, rest] @ weights, unseen[row], atol=1e-8)


def test_the_dual_form_is_the_logistic_regression_of_scikit_learn() -> None:
    """Same penalty, same log odds; the intercept is a column of ones like any other."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 30)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=80) > 0).astype(np.float64)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(30)
    primal = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=5000)
    primal.fit(np.column_stack([scaled, np.ones(80)]), y)
    gram = products(x, np.arange(80))
    odds = primal.decision_function(np.column_stack([scaled, np.ones(80)]))
    np.testing.assert_allclose(gram @ logistic(gram, y, c=2.0), odds, atol=5e-3)


def test_targets_are_what_the_report_says() -> None:
    """Fourteen columns, by name; anterior infarction that is sure, with a blocked branch and ischaemia."""
    said = frozenset({"ASMI", "CLBBB", "ISCAL", "SR"})
    infarct = Entry(1, "a", 1, "MI", sure=True, likelihood=80.0, statements=said)
    normal = Entry(2, "b", 1, "NORM", sure=True, likelihood=0.0, statements=frozenset({"NORM"}))
    rows = targets([infarct, normal])
    assert (2, 14) == rows.shape
    found = {name: value for name, value in zip(TARGETS, rows[0].tolist(), strict=True) if value}
    wanted = ("infarction", "anterior or lateral", "sure infarction", "ischaemia", "bundle branch block")
    assert dict.fromkeys(wanted, 1.0) | {"likelihood of infarction": 0.8} == found
    assert ["normal"] == [name for name, value in zip(TARGETS, rows[1].tolist(), strict=True) if value]


# -- of whom nothing is learned


def made(folder: Path, labels: list[str]) -> Recordings:
    """Return records of ten folds, with noise of their own."""
    write_ptbxl(folder, labels)
    found = recordings(folder, DataOptions(), quiet)
    noise = np.random.default_rng(0).normal(0, 30, found.signals.shape).astype(np.int16)
    return replace(found, signals=found.signals + noise)


def told(records: Recordings, asked: NDArray[np.int64], *, seed: int = 1) -> NDArray[np.float64]:
    """Learn from all records that are not asked of, and tell those."""
    named = np.array([k for k, entry in enumerate(records.entries) if entry.label != "OTHER"])
    ready = prepared(records, seed=seed, effort=QUICK, report=quiet)
    return ready.tell(records.beside(np.setdiff1d(named, asked), asked), asked)


def test_nothing_of_the_records_asked_of_is_learned(tmp_path: Path) -> None:
    """Other labels, statements and neighbours of those asked of: the same answers, by the same seed."""
    records = made(tmp_path / "data", ["NORM", "MI", "OTHER"] * 10)
    asked = np.array([k for k, entry in enumerate(records.entries) if entry.fold == 2 and k % 3 != 2])
    first = told(records, asked)
    np.testing.assert_array_equal(first, told(records, asked))
    swapped = tuple(
        entry._replace(label="MI" if entry.label == "NORM" else "NORM", statements=frozenset({"LVH", "IMI"}))
        if entry.fold == 2 and entry.label != "OTHER"
        else entry
        for entry in records.entries
    )
    np.testing.assert_array_equal(first, told(replace(records, entries=swapped), asked))
    signals = records.signals.copy()
    signals[asked[1:]] = -2 * signals[asked[1:]]
    np.testing.assert_allclose(first[:1], told(replace(records, signals=signals), asked)[:1], atol=1e-3)
    assert not np.allclose(first, told(records, asked, seed=2))


def test_records_named_other_are_learned_from_unless_of_the_fold_or_patient(tmp_path: Path) -> None:
    """Neither the fold left out nor anybody in it lends a row."""
    records = made(tmp_path / "data", ["NORM", "MI", "OTHER", "OTHER"] * 10)
    strayed = [entry._replace(fold=5) if k == 2 else entry for k, entry in enumerate(records.entries)]
    strayed[2] = strayed[2]._replace(patient=strayed[0].patient)
    records = replace(records, entries=tuple(strayed))
    asked = np.array([k for k, entry in enumerate(strayed) if entry.fold == 1 and entry.label != "OTHER"])
    learned = records.beside(np.array([4, 5]), asked)
    assert [4, 5] == [k for k in learned.tolist() if strayed[k].label != "OTHER"]
    assert all(strayed[k].fold != 1 for k in learned.tolist())
    assert 2 not in learned
    assert {3, 6, 7} <= set(learned.tolist())


# -- in the study


def given(folder: Path) -> tuple[BeatSet, Recordings]:
    """Return the beats of a folder, and the records that they are of."""
    return beats(folder, DataOptions(), quiet), recordings(folder, DataOptions(), quiet)


def test_records_are_told_and_beats_are_not(tmp_path: Path) -> None:
    """Infarction that shows is told of people unseen; beside it a split by beat, where it does not stand."""
    write_ptbxl(tmp_path / "data", ["NORM", "MI"] * 20)
    cut, whole = given(tmp_path / "data")
    config = Infarction(
        dataset="ptbxl",
        methods=("boosting", "morphology"),
        folds=(10,),
        sizes=Sizes(rounds=5, filters=60),
        effort=QUICK,
    )
    out = tmp_path / "out"
    found = cross_validate(config, cut, out, command="test", report=quiet, recordings=whole)
    assert [("patients", "boosting"), ("patients", "morphology"), ("random", "boosting")] == [
        (row.split, row.method) for row in found
    ]
    figures = found[1].figures
    assert figures.record_auc.value > 0.9
    assert np.isnan([figures.beat_auc.value, figures.beat_f1.value, figures.macro_f1.value]).all()
    assert "-" == str(figures.beat_auc)
    assert np.isfinite(figures.gain.value)


def test_a_fold_that_is_there_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken up again, only what lacks is learned: nothing is prepared where nothing lacks."""
    write_ptbxl(tmp_path / "data", ["NORM", "MI"] * 20)
    cut, whole = given(tmp_path / "data")
    config = Infarction(
        dataset="ptbxl", methods=("morphology",), folds=(1, 2), splits=("patients",), effort=QUICK
    )
    more: dict[str, Any] = {"command": "test", "report": quiet, "recordings": whole}
    first = cross_validate(config, cut, tmp_path / "out", **more)
    (tmp_path / "out" / "parts" / "patients-morphology-2.npz").unlink()
    asked: list[int] = []
    tell = Morphology.tell

    def counted(
        ready: Morphology, learned: NDArray[np.int64], some: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        asked.append(len(some))
        return tell(ready, learned, some)

    monkeypatch.setattr(Morphology, "tell", counted)
    assert first[0].figures.record_auc == cross_validate(config, cut, tmp_path / "out", **more)[0].figures[0]
    assert 1 == len(asked)


def test_what_has_no_whole_records_or_is_split_by_beat_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked for by name it is said why; by default it is left out."""
    assert "morphology" in methods_of("ptbxl", ("patients", "random"))
    assert "morphology" not in (*methods_of("ptbxl", ("random",)), *methods_of("ptb", ("patients",)))
    write_ptbxl(tmp_path / "ptbxl", ["NORM", "MI"] * 10)
    write_csv(tmp_path / "kaggle" / "ptbdb_normal.csv", [0] * 60)
    write_csv(tmp_path / "kaggle" / "ptbdb_abnormal.csv", [1] * 60, seed=1)
    reasons = ("Healthy control", "Myocardial infarction")
    write_ptb(tmp_path / "ptb", {f"patient{k:03d}/s{k:04d}_re": reasons[k % 2] for k in range(1, 13)})
    for dataset, split in (("ptbxl", "random"), ("ptb", "both"), ("kaggle", "random")):
        asked = ("--dataset", dataset, "--data", str(tmp_path / dataset), "--split", split)
        caplog.clear()
        code, _ = invoke(str(tmp_path / "out"), *asked, "--methods", "boosting,morphology")
        assert 1 == code
        assert "method morphology: it tells whole records of patients unseen: expected" in caplog.text
        assert f"received {dataset} split by" in caplog.text
        assert not (tmp_path / "out").exists()


def test_a_study_without_the_records_is_refused(tmp_path: Path) -> None:
    """Beats alone are not enough."""
    write_ptbxl(tmp_path / "data", ["NORM", "MI"] * 10)
    cut = beats(tmp_path / "data", DataOptions(), quiet)
    config = Infarction(dataset="ptbxl", methods=("morphology",), splits=("patients",))
    with pytest.raises(SettingsError, match="expected data set ptbxl, split by patients"):
        cross_validate(config, cut, tmp_path / "out", command="test", report=quiet)


@pytest.mark.parametrize("more", [(), ("--option", "strict=true")])
def test_the_command_tells_records_of_a_folder_in_the_published_format(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    """All methods by default; the record's figures of morphology, and none of its beats."""
    write_ptbxl(tmp_path / "data", ["NORM", "MI", "OTHER"] * 20)
    asked = ("--data", str(tmp_path / "data"), "--split", "patients", "--folds", "10")
    code, text = invoke(str(tmp_path / "out"), *asked, "--filters", "60", "--rounds", "5", *more)
    assert code == 0, text
    lines = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line.strip()]
    assert ["boosting", "trees", "machine", "kernels", "blend", "morphology"] == lines[-6:]
    assert "  -  " in text.splitlines()[-2]
