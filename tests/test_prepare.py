"""Records made ready: which records, which leads, and the same signal at another rate."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from monitor.errors import SettingsError, SourceError
from monitor.physionet import DS1, PACED
from monitor.prepare import prepared, resampled, with_leads
from monitor.records import MISSING, Record
from monitor.selection import chosen
from tests.test_cli import invoke


def record_of(samples: NDArray[np.float64], *, fs: float = 360.0) -> Record:
    """Return a record of these millivolts, of shape (n_samples, n_leads), at 200 units and offset 1024."""
    n_leads = samples.shape[1]
    digital = np.where(np.isnan(samples), MISSING, np.rint(samples * 200 + 1024)).astype(np.int16)
    return Record(
        name="made",
        fs=fs,
        leads=("MLII", "V1", "V5")[:n_leads],
        gains=(200.0,) * n_leads,
        baselines=(1024,) * n_leads,
        units=("mV",) * n_leads,
        digital=digital,
    )


def sine(hz: float, *, fs: float = 360.0, seconds: float = 10.0) -> NDArray[np.float64]:
    """Return a sine of 1 mV, of shape (n_samples, 1)."""
    wave: NDArray[np.float64] = np.sin(2 * np.pi * hz * np.arange(round(seconds * fs)) / fs)
    return wave[:, np.newaxis]


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [(["1"], [0]), (["V1"], [1]), (["v5", "MLII"], [2, 0]), (["3", "2", "1"], [2, 1, 0])],
)
def test_leads_are_chosen_by_name_or_number_in_the_order_given(wanted: list[str], columns: list[int]) -> None:
    """Names, numbers from 1, whatever the case."""
    record = record_of(np.random.default_rng(0).normal(size=(50, 3)))
    kept = with_leads(record, wanted)
    assert tuple(record.leads[i] for i in columns) == kept.leads
    assert_array_equal(record.digital[:, columns], kept.digital)
    assert kept.digital.flags.c_contiguous


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["V2"], "expected a lead of MLII, V1 or a number from 1 to 2, received 'V2'"),
        (["0"], "received '0'"),
        (["3"], "received '3'"),
        (["1", "mlii"], "expected each lead once, received 1, mlii"),
    ],
)
def test_leads_that_are_not_there_are_named(wanted: list[str], message: str) -> None:
    """What was expected, what was received."""
    with pytest.raises(SettingsError, match=message):
        with_leads(record_of(np.zeros((10, 2))), wanted)


@pytest.mark.parametrize("fs", [128.0, 250.0, 500.0, 360.0])
def test_resampling_moves_nothing(fs: float) -> None:
    """No delay: a sine of 10 Hz is the same sine at the new rate, to the ends, within the rounding."""
    made = resampled(record_of(sine(10.0)), fs=fs)
    expected = sine(10.0, fs=fs)
    assert (fs, len(expected)) == (made.fs, made.n_samples)
    middle = slice(round(fs), -round(fs))
    np.testing.assert_allclose(made.samples()[middle], expected[middle], atol=0.008)


def test_resampling_does_not_alias() -> None:
    """What lies above the new Nyquist rate is gone, not folded back."""
    made = resampled(record_of(sine(120.0)), fs=128.0)
    assert np.abs(made.samples()[64:-64]).max() < 0.02


def test_missing_samples_stay_missing_and_stain_nothing() -> None:
    """A hole is a hole at the new rate, a lead that never came is all hole, and no ringing comes from it."""
    samples = np.hstack([np.full((3600, 1), 1.5), np.full((3600, 1), np.nan)])
    samples[720:1440, 0] = np.nan
    made = resampled(record_of(samples), fs=250.0).samples()
    hole = np.zeros(2500, bool)
    hole[500:1000] = True
    assert_array_equal(hole, np.isnan(made[:, 0]))
    assert np.isnan(made[:, 1]).all()
    np.testing.assert_allclose(made[~hole, 0], 1.5, atol=0.006)


@pytest.mark.parametrize("fs", [20.0, 5000.0, float("nan"), float("inf")])
def test_a_rate_that_the_line_does_not_take_is_refused(fs: float) -> None:
    """From 100 to 1000 Hz."""
    with pytest.raises(SettingsError, match="expected a rate from 100 to 1000 Hz"):
        prepared(record_of(np.zeros((10, 1))), fs=fs)


def test_a_rate_in_no_simple_ratio_is_refused() -> None:
    """A filter of a million taps is nobody's wish."""
    with pytest.raises(SettingsError, match=r"expected a rate in a simple ratio to its 360 Hz .* 123.45678"):
        prepared(record_of(np.zeros((10, 1))), fs=123.45678)


def test_sets_are_records(tmp_path: Path) -> None:
    """Sets by name, lists with commas, what a folder holds, and a database of its own."""
    for name in ("100", "102", "800"):
        for suffix in (".hea", ".dat"):
            (tmp_path / name).with_suffix(suffix).touch()
    assert [*DS1, "svdb/800"] == chosen(["DS1", "svdb/800"])
    assert list(PACED) == chosen(["paced"])
    assert ["100", "102", "800"] == chosen([], data=tmp_path)
    assert ["100", "800"] == chosen(["nonpaced"], data=tmp_path)
    assert ["1", "2"] == chosen(["1, 2"])
    with pytest.raises(SourceError, match="records all: expected a folder with records"):
        chosen(["all"], data=tmp_path / "nothing")


def test_a_database_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records carry its name, so that they are read from there."""
    (tmp_path / "svdb").mkdir()
    for suffix in (".hea", ".dat"):
        (tmp_path / "svdb" / "800").with_suffix(suffix).touch()
    monkeypatch.setenv("BEATLINE_DATA", str(tmp_path))
    assert ["svdb/800"] == chosen(["svdb"])


@pytest.mark.parametrize("arguments", [["--fs", "20"], ["--fs", "nan"], ["--fs", "fast"]], ids=" ".join)
def test_a_silly_rate_is_wrong_usage(arguments: list[str]) -> None:
    """Usage: 2, before anything is read."""
    code, text = invoke("label", "100", *arguments)
    assert code == 2
    assert "--fs" in text


def test_an_unknown_lead_is_one_line(mitdb: Path, tmp_path: Path) -> None:
    """A failure: 1, naming the leads that there are."""
    code, text = invoke("label", "101", "--lead", "aVR", "--data", str(mitdb), "--out", str(tmp_path))
    assert (1, 1) == (code, len(text.strip().splitlines()))
    assert "expected a lead of MLII, V1 or a number from 1 to 2, received 'aVR'" in text
