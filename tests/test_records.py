"""Finding records, reading them, and what is said when that fails."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from monitor import physionet, records
from monitor.errors import SourceError
from monitor.names import RecordName
from monitor.records import MISSING, annotations, available, locate, parse, read


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BEATLINE_DATA", raising=False)
    monkeypatch.setattr(physionet, "cache", lambda database: tmp_path / "cache" / database)


def write(
    folder: Path, name: str = "r1", *, fs: float = 250, fmt: str = "16", n_leads: int = 2, n: int = 1000
) -> NDArray[np.int64]:
    """Write a record of small integers at gain 100, baseline 3, and return its digital samples."""
    folder.mkdir(parents=True, exist_ok=True)
    digital = np.random.default_rng(1).integers(-100, 100, (n, n_leads))
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV"] * n_leads,
        sig_name=[f"L{i}" for i in range(n_leads)],
        d_signal=digital,
        fmt=[fmt] * n_leads,
        adc_gain=[100.0] * n_leads,
        baseline=[3] * n_leads,
        write_dir=str(folder),
    )
    return digital


@pytest.mark.parametrize(
    ("name", "expected"),
    [("208", ("mitdb", "208")), ("svdb/800", ("svdb", "800")), ("own_db/rec-1", ("own_db", "rec-1"))],
)
def test_a_name_is_a_record_of_mitdb_or_names_its_database(name: str, expected: tuple[str, str]) -> None:
    """``208`` and ``svdb/800``; a name prints as it was written."""
    assert expected == parse(name)
    assert name == str(parse(name))
    assert str(RecordName("mitdb", "100")) == "100"


@pytest.mark.parametrize("name", ["", "../208", "a/b/c", "208.dat", "svdb/", "/etc/passwd", "2 08", "208\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """No path can be smuggled in; the message gives the form and what came."""
    with pytest.raises(SourceError, match="bad record name: expected a name such as 208 or svdb/800"):
        locate(name)


def test_the_folder_given_wins_and_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--data`` is asked first; a record that it lacks is not silently taken from elsewhere."""
    write(tmp_path / "given")
    write(tmp_path / "env" / "mitdb")
    write(tmp_path / "env" / "mitdb", "r2")
    monkeypatch.setenv("BEATLINE_DATA", str(tmp_path / "env"))

    assert tmp_path / "given" / "r1" == locate("r1", data=tmp_path / "given")
    assert tmp_path / "given" / "r1" == locate("anydb/r1", data=tmp_path / "given")
    with pytest.raises(SourceError, match=r"record r2 not found: expected .*given/r2\.hea$"):
        locate("r2", data=tmp_path / "given")


def test_then_the_environment_then_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``$BEATLINE_DATA/mitdb/r1`` before the cache, the cache where that has nothing."""
    write(tmp_path / "env" / "mitdb")
    write(tmp_path / "cache" / "mitdb")
    write(tmp_path / "cache" / "mitdb", "r2")
    write(tmp_path / "cache" / "svdb", "800")
    monkeypatch.setenv("BEATLINE_DATA", str(tmp_path / "env"))

    assert tmp_path / "env" / "mitdb" / "r1" == locate("r1")
    assert tmp_path / "cache" / "mitdb" / "r2" == locate("r2")
    assert tmp_path / "cache" / "svdb" / "800" == locate("svdb/800")
    assert available() == ["r1", "r2"]
    assert available(database="svdb") == ["800"]
    assert available(data=tmp_path / "cache" / "mitdb") == ["r1", "r2"]
    assert available(data=tmp_path / "nowhere") == []


def test_then_a_download_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found nowhere is fetched, unless the caller says not to."""
    asked = []

    def fetch(database: str, names: list[str]) -> Path:
        asked.append((database, names))
        return tmp_path / "cache" / database

    monkeypatch.setattr(physionet, "fetch", fetch)

    assert tmp_path / "cache" / "svdb" / "801" == locate("svdb/801")
    assert asked == [("svdb", ["801"])]
    with pytest.raises(SourceError, match="record svdb/802 not found"):
        locate("svdb/802", download=False)


def test_nothing_anywhere_says_what_was_looked_for_and_where(tmp_path: Path) -> None:
    """One line: the paths, the variable that is not set, and why there was no download."""
    with pytest.raises(SourceError) as caught:
        read("208")
    assert str(caught.value).startswith(
        f"record 208 not found: expected {tmp_path}/cache/mitdb/208.hea (BEATLINE_DATA is not set); "
        "cannot download mitdb from http://127.0.0.1:9/files/mitdb/1.0.0"
    )
    with pytest.raises(SourceError, match="received '999'"):
        read("999")
    with pytest.raises(SourceError, match="and own is no database to download"):
        read("own/1")


@pytest.mark.parametrize("fmt", ["16", "212", "80", "24", "32"])
@pytest.mark.parametrize(("fs", "n_leads"), [(100, 1), (257.8125, 3), (1000, 12)])
def test_any_rate_any_leads_any_format(tmp_path: Path, fmt: str, fs: float, n_leads: int) -> None:
    """Millivolts are (digital - baseline) / gain, digital values are those on disk."""
    digital = write(tmp_path, fs=fs, fmt=fmt, n_leads=n_leads)

    record = read("r1", data=tmp_path)

    assert fs == record.fs
    assert tuple(f"L{i}" for i in range(n_leads)) == record.leads
    assert record.n_samples == 1000
    assert record.digital.dtype == np.int16
    assert record.digital.flags.c_contiguous
    np.testing.assert_array_equal(digital, record.digital)
    np.testing.assert_array_equal((digital - 3) / 100, record.samples())


def test_a_part_of_a_record_is_that_part_of_the_whole(tmp_path: Path) -> None:
    """Any start and stop, the empty range included."""
    write(tmp_path, fmt="212", n_leads=3)
    whole = read("r1", data=tmp_path).digital
    for start, stop in [(0, 1), (1, 2), (499, 1000), (0, 1000), (7, 7), (1000, 1000), (0, 0)]:
        part = read("r1", data=tmp_path, start=start, stop=stop)
        assert start == part.start
        np.testing.assert_array_equal(whole[start:stop], part.digital)
    np.testing.assert_array_equal(whole[990:], read("r1", data=tmp_path, start=990).digital)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 1001), (1001, None)])
def test_samples_that_a_record_does_not_have_are_the_callers_mistake(
    tmp_path: Path, start: int, stop: int | None
) -> None:
    """The message says which there are."""
    write(tmp_path)
    with pytest.raises(ValueError, match="expected 0 <= start <= stop <= 1000"):
        read("r1", data=tmp_path, start=start, stop=stop)


@pytest.mark.parametrize(("fmt", "invalid"), [("16", -32768), ("212", -2048), ("80", -128), ("24", -(2**23))])
def test_missing_samples_are_nan_and_one_digital_value(tmp_path: Path, fmt: str, invalid: int) -> None:
    """Each format has its own value for missing; we have one."""
    write(tmp_path, fmt=fmt)
    signal = wfdb.rdrecord(str(tmp_path / "r1"), physical=False).d_signal
    signal[[5, 6], [0, 1]] = invalid
    wfdb.wrsamp(
        "r2",
        fs=250,
        units=["mV"] * 2,
        sig_name=["a", "b"],
        d_signal=signal,
        fmt=[fmt] * 2,
        adc_gain=[100.0] * 2,
        baseline=[0] * 2,
        write_dir=str(tmp_path),
    )

    record = read("r2", data=tmp_path)

    assert np.argwhere(np.isnan(record.samples())).tolist() == [[5, 0], [6, 1]]
    assert np.argwhere(record.digital == MISSING).tolist() == [[5, 0], [6, 1]]


def _header(folder: Path, text: str) -> None:
    (folder / "r1.hea").write_text(text)


def test_a_gain_of_zero_is_read_as_200(tmp_path: Path) -> None:
    """As WFDB does: uncalibrated records, such as those of nstdb."""
    digital = write(tmp_path)
    _header(tmp_path, "r1 2 250 1000\nr1.dat 16 0 12 0 0 0 0 a\nr1.dat 16 0 12 0 0 0 0 b\n")
    record = read("r1", data=tmp_path)
    assert record.gains == (200.0, 200.0)
    np.testing.assert_array_equal(digital / 200, record.samples())


def test_microvolts_and_volts_become_millivolts(tmp_path: Path) -> None:
    """Gains are per millivolt; a lead that is no voltage keeps its unit."""
    write(tmp_path, n_leads=3)
    _header(
        tmp_path,
        "r1 3 250 1000\nr1.dat 16 2/uV 12 0 0 0 0 a\n"
        "r1.dat 16 5000(7)/V 12 0 0 0 0 b\nr1.dat 16 4/mmHg 12 0 0 0 0 c\n",
    )
    record = read("r1", data=tmp_path)
    assert record.gains == (2000.0, 5.0, 4.0)
    assert record.baselines == (0, 7, 0)
    assert record.units == ("mV", "mV", "mmHg")


def test_leads_without_a_name_get_one(tmp_path: Path) -> None:
    """WFDB lets a description be left out."""
    write(tmp_path)
    _header(tmp_path, "r1 2 250 1000\nr1.dat 16\nr1.dat 16\n")
    assert read("r1", data=tmp_path).leads == ("lead1", "lead2")


def test_more_than_16_bits_are_scaled_down_whatever_the_range(tmp_path: Path) -> None:
    """The scale follows from the whole record, so that a part equals the part of the whole."""
    digital = np.array([[100_000], [-200_000], [255], [0]])
    wfdb.wrsamp(
        "r1",
        fs=250,
        units=["mV"],
        sig_name=["a"],
        d_signal=digital,
        fmt=["24"],
        adc_gain=[25600.0],
        baseline=[512],
        write_dir=str(tmp_path),
    )
    record = read("r1", data=tmp_path)
    assert record.digital[:, 0].tolist() == [12500, -25000, 32, 0]
    assert record.gains == (3200.0,)
    assert record.baselines == (64,)
    np.testing.assert_array_equal(record.digital[2:], read("r1", data=tmp_path, start=2).digital)


@pytest.mark.parametrize(("fmt", "n_bytes", "n_left"), [("16", 4 * 600 + 3, 600), ("212", 3 * 600 + 2, 600)])
def test_a_truncated_signal_file_says_how_much_there_is(
    tmp_path: Path, fmt: str, n_bytes: int, n_left: int
) -> None:
    """Expected and received samples, whatever part is asked for."""
    write(tmp_path, fmt=fmt)
    signals = tmp_path / "r1.dat"
    signals.write_bytes(signals.read_bytes()[:n_bytes])
    with pytest.raises(SourceError, match=f"cut short: expected 1000 samples per lead, received {n_left}"):
        read("r1", data=tmp_path, stop=10)


def test_a_recording_under_way_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """A header without a length: the file's size tells."""
    digital = write(tmp_path)
    _header(tmp_path, "r1 2 250\nr1.dat 16\nr1.dat 16\n")
    signals = tmp_path / "r1.dat"
    signals.write_bytes(signals.read_bytes()[: 4 * 600 + 3])
    np.testing.assert_array_equal(digital[:600], read("r1", data=tmp_path).digital)
    signals.write_bytes(b"")
    assert read("r1", data=tmp_path).samples().shape == (0, 2)


def test_a_missing_signal_file_is_named(tmp_path: Path) -> None:
    """The header alone does not make a record."""
    write(tmp_path)
    (tmp_path / "r1.dat").unlink()
    with pytest.raises(SourceError, match=r"expected signals in .*r1\.dat, found no such file"):
        read("r1", data=tmp_path)
    assert available(data=tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\xff\n",
        "r1",
        "r1 2 250 1000\n",
        "r1 x 250\n",
        "r1 0 250 1000\n",
        "r1 1 0 9\nr1.dat 16\n",
        "r1 1 250\nr1.dat 99\n",
    ],
)
def test_a_header_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    """Whatever wfdb makes of it, we say which file."""
    write(tmp_path)
    _header(tmp_path, text)
    with pytest.raises(SourceError, match="record r1: "):
        read("r1", data=tmp_path)


def test_a_record_of_several_segments_is_one(tmp_path: Path) -> None:
    """WFDB's multi-segment records are put together."""
    first, second = write(tmp_path, "a", n=300), write(tmp_path, "b", n=200)
    (tmp_path / "whole.hea").write_text("whole/2 2 250 500\na 300\nb 200\n")
    np.testing.assert_array_equal(np.concatenate([first, second]), read("whole", data=tmp_path).digital)


def test_annotations_are_indices_symbols_and_notes(tmp_path: Path) -> None:
    """Notes come without the NUL that old tools leave at their end."""
    write(tmp_path)
    wfdb.wrann("r1", "atr", np.array([5, 50]), ["+", "V"], aux_note=["(N\0", ""], write_dir=str(tmp_path))
    sample, symbol, aux = annotations("r1", data=tmp_path)
    assert sample.dtype == np.int64
    assert (sample.tolist(), symbol, aux) == ([5, 50], ["+", "V"], ["(N", ""])


def test_annotations_that_are_missing_or_broken_are_an_error(tmp_path: Path) -> None:
    """The message names the file."""
    write(tmp_path)
    with pytest.raises(SourceError, match=r"expected annotations in .*r1\.atr, found no such file"):
        annotations("r1", data=tmp_path)
    (tmp_path / "r1.atr").write_bytes(b"\x01\x02\x03")
    with pytest.raises(SourceError, match=r"annotations .*r1\.atr cannot be read"):
        annotations("r1", data=tmp_path)


def test_a_real_record_is_what_wfdb_says_it_is(mitdb: Path) -> None:
    """Bit for bit, physical and digital, 1,805 s of record 208."""
    record = read("208", data=mitdb)
    oracle = wfdb.rdrecord(str(mitdb / "208"))
    np.testing.assert_array_equal(oracle.p_signal, record.samples())
    assert (record.fs, record.leads, record.n_samples) == (360.0, ("MLII", "V1"), 650_000)
    assert (record.gains, record.baselines, record.units) == ((200.0, 200.0), (1024, 1024), ("mV", "mV"))
    assert len(annotations("208", data=mitdb)[0]) == 3040
    assert set(available(data=mitdb)) == set(records.DATABASES["mitdb"].records)


def test_every_record_here_can_be_read(databases: Path) -> None:
    """First second of every record of every folder: rates of 128 to 500 Hz, one to twelve leads."""
    names = [
        (folder, name)
        for folder in ("mitdb", "svdb", "vfdb", "nstdb", "ptbxl_mi/wfdb500")
        for name in available(data=databases / folder)
    ]
    assert len(names) >= 48
    for folder, name in names:
        record = read(name, data=databases / folder, stop=100)
        assert record.samples().shape == (100, len(record.leads))
        assert min(record.gains) > 0
