"""The wire: what is encoded is decoded, and bytes that are not ours are a WireError, whatever they are."""

import contextlib
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from monitor.errors import WireError
from monitor.wire import (
    MAX_FRAME_BYTES,
    MAX_INDEX,
    MISSING,
    Bye,
    Hello,
    Message,
    Packet,
    decode,
    encode,
    quantise,
    to_millivolt,
)

_HELLO = Hello(
    bed="bed-1",
    stream=7,
    fs=360.0,
    leads=("MLII", "V1"),
    gain=(200.0, 100.0),
    baseline=(1024, 0),
    sequence=3,
    index=42,
    device_time_ns=1_700_000_000_000_000_000,
    record="mitdb/208",
)


def _packet(**changes: Any) -> Packet:
    fields: dict[str, Any] = {
        "bed": "bed-1",
        "stream": 7,
        "sequence": 3,
        "index": 42,
        "device_time_ns": 5,
    } | changes
    fields.setdefault("samples", np.arange(28, dtype=np.int16).reshape(14, 2))
    return Packet(**fields)


def _hello_bytes(**changes: Any) -> bytes:
    fields = msgspec.structs.asdict(_HELLO) | changes
    del fields["bed"]
    return b"BL\x01H" + msgspec.json.encode({k: v for k, v in fields.items() if v is not ...})


def test_hello_and_bye_come_back_as_they_were() -> None:
    """Encode and decode are inverse."""
    bye = Bye(bed="bed-1", stream=7, total=650_000)
    assert decode(encode(_HELLO)) == _HELLO
    assert decode(encode(bye)) == bye


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 50),
    st.integers(1, 12),
    st.integers(1, MAX_INDEX),
    st.integers(0, MAX_INDEX - 51),
    st.integers(0, 2**63 - 1),
    st.randoms(use_true_random=False),
)
def test_packets_come_back_as_they_were(
    n_samples: int, n_leads: int, stream: int, index: int, time_ns: int, random: Any
) -> None:
    """Every field and every int16 survives, at the limits too."""
    body = np.frombuffer(random.randbytes(2 * n_samples * n_leads), "<i2").reshape(n_samples, n_leads)
    packet = _packet(stream=stream, index=index, device_time_ns=time_ns, samples=body)
    received = decode(encode(packet))
    assert isinstance(received, Packet)
    assert_array_equal(received.samples, body)
    for name in ("bed", "stream", "sequence", "index", "device_time_ns"):
        assert getattr(packet, name) == getattr(received, name)


def test_samples_header_is_as_documented() -> None:
    """docs/protocol.md gives these offsets to device makers."""
    topic, frame = encode(_packet())
    assert topic == b"bed-1"
    assert struct.unpack_from("<2sBcHHQQQq", frame) == (b"BL", 1, b"S", 14, 2, 7, 3, 42, 5)
    assert frame[40:] == np.arange(28, dtype="<i2").tobytes()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_random_frames_are_a_message_or_a_wire_error(frames: list[bytes]) -> None:
    """Law 5: bad bytes are WireError, never another exception."""
    with contextlib.suppress(WireError):
        decode(frames)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["H", "S", "B"]), st.data())
def test_mutated_frames_are_a_message_or_a_wire_error(kind: str, data: st.DataObject) -> None:
    """Law 5, near the valid: bytes changed, cut out and put in."""
    messages: dict[str, Message] = {"H": _HELLO, "S": _packet(), "B": Bye(bed="bed-1", stream=7, total=1)}
    frames = [bytearray(frame) for frame in encode(messages[kind])]
    for _ in range(data.draw(st.integers(1, 4))):
        frame = frames[data.draw(st.integers(0, 1))]
        at = data.draw(st.integers(0, len(frame)))
        frame[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    with contextlib.suppress(WireError):
        decode([bytes(frame) for frame in frames])


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
)
def test_hello_with_any_json_is_a_message_or_a_wire_error(value: Any) -> None:
    """Law 5, for each field of the JSON."""
    for name in msgspec.structs.asdict(_HELLO):
        with contextlib.suppress(WireError):
            decode([b"bed-1", _hello_bytes(**({name: value} if name != "bed" else {"extra": value}))])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fs": 99.0}, "fs"),
        ({"fs": 1001.0}, "fs"),
        ({"stream": 0}, "stream"),
        ({"stream": 2**53}, "stream"),
        ({"index": -1}, "index"),
        ({"index": 2**53}, "index"),
        ({"leads": []}, "leads"),
        ({"leads": ["x"] * 13}, "leads"),
        ({"leads": ["a\x00b", "V1"]}, "leads"),
        ({"leads": ["x" * 33, "V1"]}, "leads"),
        ({"leads": ["II"]}, "as many gains and baselines as leads"),
        ({"gain": [0.0, 1.0]}, "gain"),
        ({"gain": [-200.0, 200.0]}, "gain"),
        ({"gain": ["200", 200.0]}, "gain"),
        ({"baseline": [0.5, 0]}, "baseline"),
        ({"unit": "mmHg"}, "unit"),
        ({"device_time_ns": -1}, "device_time_ns"),
        ({"record": "x" * 65}, "record"),
        ({"record": "a\nb"}, "record"),
        ({"fs": ...}, "missing required field `fs`"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"record": "x" * 5000}, "at most 4096 bytes"),
    ],
)
def test_hello_outside_the_limits_is_refused(changes: dict[str, Any], said: str) -> None:
    """Each field has its limit, and the message names the field."""
    with pytest.raises(WireError, match=said):
        decode([b"bed-1", _hello_bytes(**changes)])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999"])
@pytest.mark.parametrize("field", ["fs", "gain", "index", "device_time_ns", "total"])
def test_numbers_that_are_none_are_refused(field: str, number: str) -> None:
    """Some writers of JSON put them in literally, and one NaN as a gain would make a bed of NaN."""
    fields = {
        "stream": "7",
        "fs": "360",
        "leads": '["II"]',
        "gain": "[200]",
        "baseline": "[0]",
        "sequence": "0",
        "index": "0",
        "device_time_ns": "0",
    }
    kind = b"H"
    if field == "total":
        kind, fields = b"B", {"stream": "7"}
    fields[field] = f"[{number}]" if field == "gain" else number
    text = ", ".join(f'"{name}": {value}' for name, value in fields.items())
    with pytest.raises(WireError, match="of bed bed-1 refused"):
        decode([b"bed-1", b"BL\x01" + kind + b"{" + text.encode() + b"}"])
    fields[field] = "[200]" if field == "gain" else "360"
    text = ", ".join(f'"{name}": {value}' for name, value in fields.items())
    decode([b"bed-1", b"BL\x01" + kind + b"{" + text.encode() + b"}"])


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "expected 2 frames, received 0"),
        ([b"bed-1"], "expected 2 frames, received 1"),
        ([b"bed-1", b"BL\x01B{}", b""], "expected 2 frames, received 3"),
        ([b"", b"BL\x01B{}"], "bed name"),
        ([b"../etc", b"BL\x01B{}"], "bed name"),
        ([b"bed 1", b"BL\x01B{}"], "bed name"),
        ([b"bed-1\n", b"BL\x01B{}"], "bed name"),
        ([b"b" * 33, b"BL\x01B{}"], "bed name"),
        ([b"bed-1", b""], "not a message of this protocol"),
        ([b"bed-1", b"GET / HTTP/1.1"], "not a message of this protocol"),
        ([b"bed-1", b"BL\x02S" + bytes(36)], "unknown protocol version: expected 1, received 2"),
        ([b"bed-1", b"BL\x01X"], "unknown kind"),
        ([b"bed-1", b"BL\x01S" + bytes(10)], "cut short"),
        ([b"bed-1", b"BL\x01S" + bytes(MAX_FRAME_BYTES)], "frame too long"),
        ([b"bed-1", encode(_packet())[1] + b"\0"], "wrong size"),
        ([b"bed-1", encode(_packet())[1][:-1]], "wrong size"),
        (
            [
                b"bed-1",
                encode(_packet(samples=np.zeros((3, 1), np.int16)))[1].replace(b"\3\0\1\0", b"\0\0\1\0"),
            ],
            "samples",
        ),
        ([b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 1, 13, 7, 0, 0, 0) + bytes(26)], "leads"),
        (
            [b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 2001, 1, 7, 0, 0, 0) + bytes(4002)],
            "samples",
        ),
        ([b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 1, 1, 0, 0, 0, 0) + bytes(2)], "stream"),
        ([b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 1, 1, 7, 0, 2**53, 0) + bytes(2)], "index"),
        ([b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 1, 1, 7, 2**53, 0, 0) + bytes(2)], "sequence"),
        ([b"bed-1", struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", 1, 1, 7, 0, 0, -1) + bytes(2)], "device time"),
        ([b"bed-1", b"BL\x01H" + b"[" * 4000], "hello"),
        ([b"bed-1", b"BL\x01B\xff\xfe"], "bye"),
    ],
)
def test_malformed_messages_say_what_was_wrong(frames: list[bytes], said: str) -> None:
    """Law 5: one clear line each."""
    with pytest.raises(WireError, match=said):
        decode(frames)


@pytest.mark.parametrize(
    "message",
    [
        _packet(samples=np.zeros((0, 2), np.int16)),
        _packet(samples=np.zeros((5, 13), np.int16)),
        _packet(index=-1),
        msgspec.structs.replace(_HELLO, fs=50.0),
        msgspec.structs.replace(_HELLO, bed="no good"),
    ],
)
def test_encoding_outside_the_limits_is_the_callers_mistake(message: Packet | Hello) -> None:
    """What decode would refuse is not sent."""
    with pytest.raises(ValueError, match=r"(?i)expected"):
        encode(message)


def test_millivolts_come_back_as_the_integers_they_were() -> None:
    """Quantise is the inverse of to_millivolt for every int16, missing ones included."""
    every = np.arange(-32768, 32768, dtype=np.int16).reshape(-1, 2)
    for unit in ("mV", "uV", "V"):
        hello = msgspec.structs.replace(_HELLO, unit=unit)
        assert_array_equal(quantise(to_millivolt(every, hello), hello), every)


def test_missing_samples_are_nan_and_nan_is_sent_as_missing() -> None:
    """-32768 stands for missing, in both directions; what is out of range is clipped."""
    values = to_millivolt(np.array([[MISSING, 100], [1224, MISSING]], np.int16), _HELLO)
    assert_array_equal(values, [[np.nan, 1.0], [1.0, np.nan]])
    assert_array_equal(
        quantise(np.array([[np.nan, 1e9], [np.inf, -np.inf]]), _HELLO), [[MISSING, 32767], [32767, -32767]]
    )


def test_units_are_brought_to_millivolt() -> None:
    """The core knows millivolt alone."""
    sample = np.array([[1224, 100]], np.int16)
    assert_array_equal(to_millivolt(sample, msgspec.structs.replace(_HELLO, unit="V")), [[1000.0, 1000.0]])
    assert_array_equal(to_millivolt(sample, msgspec.structs.replace(_HELLO, unit="uV")), [[0.001, 0.001]])
