"""Annotation files: what the bytes say, and every way in which they can be wrong."""

import struct
from pathlib import Path

import pytest
import wfdb

from monitor.annotations import END, Mark, encode, opening
from monitor.errors import SourceError
from monitor.score.marks import decode


def words(*values: int) -> bytes:
    """Return 16-bit little-endian words."""
    return struct.pack(f"<{len(values)}H", *values)


def test_reads_what_our_writer_writes() -> None:
    """Samples, symbols, subtypes, notes and the time resolution come back; far apart and close together."""
    held = [
        Mark(18, 4, "N"),
        Mark(400, 3, "+", note="(AFIB"),
        Mark(400, 4, "~", subtype=-1, note="lost 20 samples"),
        Mark(420, 0, "~", subtype=0),
        Mark(70_000_000, 4, "V"),
        Mark(70_000_000, 5, '"', note="a note of odd length"),
    ]
    read = decode(opening(250.0) + b"".join(encode(held)) + END, name="x")
    assert [mark.sample for mark in held] == read.samples.tolist()
    assert tuple(mark.symbol for mark in held) == read.symbols
    assert tuple(mark.subtype for mark in held) == read.subtypes
    assert tuple(mark.note for mark in held) == read.notes
    assert (250.0, 2) == (read.fs, read.n_beats)


def test_agrees_with_wfdb_on_a_record(mitdb: Path) -> None:
    """The general reader is the oracle: samples, symbols, notes."""
    oracle = wfdb.rdann(str(mitdb / "201"), "atr")
    read = decode((mitdb / "201.atr").read_bytes(), name="201")
    assert oracle.sample.tolist() == read.samples.tolist()
    assert list(read.symbols) == oracle.symbol
    assert list(read.notes) == [note.rstrip("\0") for note in oracle.aux_note]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "found an empty file"),
        (b"\0", "expected an end mark"),
        (words(1 << 10 | 18), "expected an end mark"),
        (words(59 << 10, 1), "expected an end mark"),
        (words(61 << 10 | 3, 0), "expected an end mark"),
        (words(50 << 10 | 18, 0), "expected a WFDB annotation code, received 50"),
        (words(59 << 10, 0xFFFF, 0xFFF0, 1 << 10, 0), "received some that go back"),
        (opening(250.0).replace(b"250", b"-25") + END, "expected a time resolution in Hz"),
        (opening(250.0).replace(b"250", b"n.n") + END, "expected a time resolution in Hz"),
    ],
)
def test_bad_bytes_are_one_line_that_names_the_file(data: bytes, complaint: str) -> None:
    """Message grammar: what was wrong, what was expected, what was received."""
    with pytest.raises(SourceError) as caught:
        decode(data, name="labels/x.blt")
    assert "labels/x.blt" in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [1, 2, 3, 501, 1000])
def test_a_file_cut_short_is_told(mitdb: Path, cut: int) -> None:
    """A file cut at an even byte reads well by other readers; the end mark tells."""
    data = (mitdb / "100.atr").read_bytes()
    with pytest.raises(SourceError, match="cut short"):
        decode(data[: len(data) - 2 - cut], name="100")


def test_rescaling_goes_to_the_nearest_sample() -> None:
    """360 / 250: halves go up, as in the WFDB library."""
    held = [Mark(sample, 4, "N") for sample in (0, 1, 125, 250)]
    read = decode(b"".join(encode(held)) + END, name="x")
    assert [0, 1, 180, 360] == read.rescaled(1.44).samples.tolist()
    assert [0, 1, 63, 125] == read.rescaled(0.5).samples.tolist()
