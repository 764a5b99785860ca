"""The device protocol, version 1: encode and decode, complete in this file.

A message is a ZeroMQ multipart message of two frames, published by a device and subscribed to by a
monitor. Frame 0 is the topic: the bed's name. Frame 1 begins with four bytes, ``BL``, the version and
the kind (``H``, ``S`` or ``B``), and goes on by kind:

======  =======  ===========================================================================
kind    name     the rest of frame 1
======  =======  ===========================================================================
``H``   hello    JSON: what the stream is; sent first, and again each second
``S``   samples  a fixed struct of 40 bytes (the four included), then int16 samples
``B``   bye      JSON: the stream is over and this is where it ended
======  =======  ===========================================================================

Why both: a hello is rare, has lists in it and is written by hand by device makers, so it is JSON,
typed and bounded by msgspec. Samples come 25 times a second from each bed and their shape never
changes, so they are a little-endian struct that C, JavaScript and numpy read in place; at 1 us a
header there is no schema to walk and nothing to allocate but the result.

Whatever the bytes, `decode` answers with a message or raises `WireError`. ``docs/protocol.md`` tells
the same to someone who builds a device.
"""

import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from monitor.errors import FeedError, WireError
from monitor.names import BED, BED_RULE

__all__ = [
    "DEFAULT_ENDPOINT",
    "MAX_FRAME_BYTES",
    "MAX_INDEX",
    "MAX_LEADS",
    "MAX_SAMPLES",
    "MISSING",
    "VERSION",
    "Bye",
    "Hello",
    "Message",
    "Packet",
    "bed_name",
    "check_endpoint",
    "decode",
    "encode",
    "per_millivolt",
    "quantise",
    "to_millivolt",
]

VERSION: Final = 1
DEFAULT_ENDPOINT: Final = "tcp://127.0.0.1:5600"
"""The monitor binds here and devices connect to it, unless either is told otherwise."""
MISSING: Final = -32768
"""The int16 that stands for a sample the device does not have."""
MAX_LEADS: Final = 12
MAX_SAMPLES: Final = 2000
"""Samples per lead in one packet: 2 s at 1000 Hz."""
MAX_INDEX: Final = 2**53 - 1
"""Stream ids, sequences and indices stay where a float64, hence JavaScript and JSON, is exact."""
MAX_FRAME_BYTES: Final = 40 + 2 * MAX_SAMPLES * MAX_LEADS
_MAX_JSON_BYTES: Final = 4096

_PREFIX: Final = struct.Struct("<2sBc")
_SAMPLES: Final = struct.Struct("<2sBcHHQQQq")
_BED: Final = re.compile(BED.encode())
_ENDPOINT: Final = re.compile(r"tcp://[^/]*:(?P<port>\*|\d+)|(?:ipc|inproc)://.+")
_INT16: Final = np.dtype("<i2")
_TO_MILLIVOLT: Final = {"mV": 1.0, "uV": 1e-3, "V": 1e3}

_Id = Annotated[int, Meta(ge=1, le=MAX_INDEX)]
_Count = Annotated[int, Meta(ge=0, le=MAX_INDEX)]
_Time = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Lead = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[!-~]([ -~]*[!-~])?$")]
_Gain = Annotated[float, Meta(ge=1e-6, le=1e9)]
_Baseline = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_Leads = Meta(min_length=1, max_length=MAX_LEADS)


class _Announcement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the JSON of a hello holds; the bed stands in the topic."""

    stream: _Id
    fs: Annotated[float, Meta(ge=100, le=1000)]
    leads: Annotated[tuple[_Lead, ...], _Leads]
    gain: Annotated[tuple[_Gain, ...], _Leads]
    baseline: Annotated[tuple[_Baseline, ...], _Leads]
    unit: Literal["mV", "uV", "V"] = "mV"
    sequence: _Count
    index: _Count
    device_time_ns: _Time = 0
    record: Annotated[str, Meta(max_length=64, pattern=r"^[ -~]*$")] = ""


class _Farewell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the JSON of a bye holds."""

    stream: _Id
    total: _Count


class Hello(_Announcement, frozen=True, kw_only=True):
    """What a stream is: sent first, and again each second for whoever joins late.

    Attributes
    ----------
    bed
        The bed's name: 1 to 32 of ``A-Z a-z 0-9 . _ -``, the first a letter or digit.
    stream
        Names one run of the device, 1 to 2**53 - 1. A device that starts again takes a new one.
    fs
        Sampling rate, 100 to 1000 Hz.
    leads
        1 to 12 names of up to 32 printable ASCII characters, in the order of the samples.
    gain, baseline
        Per lead: ``value = (sample - baseline) / gain``, in ``unit``.
    sequence, index
        Those of the next packet to come: what is lost between a hello and it is known to be lost.
    device_time_ns
        The device's clock, nanoseconds since 1970, when it sent this.
    record
        What is being played, empty for a living patient.
    """

    bed: str


class Packet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Consecutive samples of one stream.

    Attributes
    ----------
    bed, stream
        As in the `Hello` that announced it.
    sequence
        Counts the packets of the stream from 0.
    index
        Absolute index of the first sample.
    device_time_ns
        The device's clock when the last sample of the packet was taken.
    samples
        Of shape (n_samples, n_leads), int16, C order; `MISSING` where the device has none.
    """

    bed: str
    stream: int
    sequence: int
    index: int
    device_time_ns: int
    samples: NDArray[np.int16]


class Bye(_Farewell, frozen=True, kw_only=True):
    """A stream is over; ``total`` is the index one past its last sample."""

    bed: str


Message: TypeAlias = Hello | Packet | Bye

_announcements = msgspec.json.Decoder(_Announcement)
_farewells = msgspec.json.Decoder(_Farewell)


def encode(message: Message) -> list[bytes]:
    """Return the two frames of a message.

    Raises
    ------
    ValueError
        A field is outside the limits of the protocol: a caller's mistake.
    """
    if isinstance(message, Packet):
        return _encode_samples(message)
    fields = msgspec.structs.asdict(message)
    topic = fields.pop("bed").encode("ascii")
    kind = b"H" if isinstance(message, Hello) else b"B"
    frames = [topic, _PREFIX.pack(b"BL", VERSION, kind) + msgspec.json.encode(fields)]
    try:
        decode(frames)
    except WireError as error:
        raise ValueError(str(error)) from error
    return frames


def _encode_samples(packet: Packet) -> list[bytes]:
    body = np.ascontiguousarray(packet.samples, dtype=_INT16)
    n_samples, n_leads = body.shape
    if not (1 <= n_samples <= MAX_SAMPLES and 1 <= n_leads <= MAX_LEADS):
        raise ValueError(f"packet out of range: expected 1 to 2000 x 1 to 12 samples, received {body.shape}")
    where = (packet.stream, packet.sequence, packet.index, packet.device_time_ns)
    try:
        head = _SAMPLES.pack(b"BL", VERSION, b"S", n_samples, n_leads, *where)
    except struct.error as error:
        raise ValueError(f"packet out of range: expected integers of 0 or more, received {where}") from error
    return [packet.bed.encode("ascii"), head + body.tobytes()]


def decode(frames: Sequence[bytes]) -> Message:
    """Return the message that the frames hold.

    A packet's samples are a read-only view of the frame.

    Raises
    ------
    WireError
        For anything that is not a message of this version; never another exception.
    """
    if len(frames) != 2:
        raise WireError(f"message of the wrong shape: expected 2 frames, received {len(frames)}")
    topic, content = frames
    bed = bed_name(topic)
    if len(content) > MAX_FRAME_BYTES:
        raise WireError(f"frame too long: expected at most {MAX_FRAME_BYTES} bytes, received {len(content)}")
    if content[:4] == b"BL\x01S":
        return _decode_samples(bed, content)
    if len(content) < 4 or content[:2] != b"BL":
        raise WireError(f"not a message of this protocol: expected b'BL' first, received {content[:4]!r}")
    if content[2] != VERSION:
        raise WireError(f"unknown protocol version: expected {VERSION}, received {content[2]}")
    if content[3:4] not in (b"H", b"B"):
        raise WireError(f"unknown kind of message: expected b'H', b'S' or b'B', received {content[3:4]!r}")
    return _decode_json(bed, content)


def _decode_samples(bed: str, content: bytes) -> Packet:
    if len(content) < _SAMPLES.size:
        raise WireError(f"samples cut short: expected a header of 40 bytes, received {len(content)}")
    _, _, _, n_samples, n_leads, stream, sequence, index, time_ns = _SAMPLES.unpack_from(content)
    if not 1 <= n_leads <= MAX_LEADS:
        raise WireError(f"number of leads out of range: expected 1 to {MAX_LEADS}, received {n_leads}")
    if not 1 <= n_samples <= MAX_SAMPLES:
        raise WireError(f"number of samples out of range: expected 1 to {MAX_SAMPLES}, received {n_samples}")
    expected = 40 + 2 * n_samples * n_leads
    if len(content) != expected:
        raise WireError(
            f"samples of the wrong size: expected {expected} bytes for {n_samples} x {n_leads} int16 "
            f"and their header, received {len(content)}"
        )
    if not 1 <= stream <= MAX_INDEX:
        raise WireError(f"stream id out of range: expected 1 to 2**53 - 1, received {stream}")
    if sequence > MAX_INDEX or index + n_samples > MAX_INDEX:
        raise WireError(
            f"sequence or index out of range: expected below 2**53 - 1, received {sequence} and {index}"
        )
    if time_ns < 0:
        raise WireError(f"device time out of range: expected 0 or more, received {time_ns}")
    samples: NDArray[np.int16] = np.frombuffer(content, _INT16, offset=40).reshape(n_samples, n_leads)
    return Packet(
        bed=bed, stream=stream, sequence=sequence, index=index, device_time_ns=time_ns, samples=samples
    )


def _decode_json(bed: str, content: bytes) -> Hello | Bye:
    if len(content) > _MAX_JSON_BYTES:
        raise WireError(f"hello or bye too long: expected at most 4096 bytes, received {len(content)}")
    try:
        if content[3:4] == b"B":
            return Bye(bed=bed, **msgspec.structs.asdict(_farewells.decode(content[4:])))
        said = _announcements.decode(content[4:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        kind = "bye" if content[3:4] == b"B" else "hello"
        raise WireError(f"{kind} of bed {bed} refused: {error}") from error
    if not len(said.leads) == len(said.gain) == len(said.baseline):
        raise WireError(
            f"hello of bed {bed} refused: expected as many gains and baselines as leads, "
            f"received {len(said.leads)} leads, {len(said.gain)} gains, {len(said.baseline)} baselines"
        )
    return Hello(bed=bed, **msgspec.structs.asdict(said))


@lru_cache(maxsize=8192)
def bed_name(topic: bytes) -> str:
    """Return the bed that a topic names.

    Raises
    ------
    WireError
        The topic is not 1 to 32 of ``A-Z a-z 0-9 . _ -`` beginning with a letter or digit.
    """
    if _BED.fullmatch(topic) is None:
        raise WireError(f"bed name refused: expected {BED_RULE}, received {topic[:40]!r}")
    return topic.decode("ascii")


def check_endpoint(endpoint: str) -> None:
    """Refuse an address that libzmq would misread: it takes port 70000 for 4464, and says nothing.

    Raises
    ------
    FeedError
        It is not ``tcp://HOST:PORT`` with a port up to 65535 or ``*``, nor ``ipc://PATH``.
    """
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None or (match["port"] not in (None, "*") and int(match["port"]) > 65535):
        raise FeedError(
            f"address {endpoint!r} cannot be used: expected one such as {DEFAULT_ENDPOINT} or ipc:///run/feed"
        )


def to_millivolt(samples: NDArray[np.int16], hello: Hello) -> NDArray[np.float64]:
    """Return samples in millivolt, NaN where they are missing: of the same shape, float64.

    Computed as ``(sample - baseline) / gain``, in this order, which is how WFDB computes physical
    values: what is received from a replayed record equals what is read from it, bit for bit.
    """
    values: NDArray[np.float64] = (samples - np.array(hello.baseline, dtype=np.float64)) / np.array(
        hello.gain, dtype=np.float64
    )
    if hello.unit != "mV":
        values *= _TO_MILLIVOLT[hello.unit]
    values[samples == MISSING] = np.nan
    return values


def per_millivolt(unit: str) -> float:
    """Return how many of ``unit`` make a millivolt."""
    return 1 / _TO_MILLIVOLT[unit]


def quantise(values: NDArray[np.float64], hello: Hello) -> NDArray[np.int16]:
    """Return millivolts as a device would send them: rounded, clipped to int16, NaN as `MISSING`.

    The inverse of `to_millivolt` for every value that an int16 can hold.
    """
    scaled = values / _TO_MILLIVOLT[hello.unit] * np.array(hello.gain) + np.array(hello.baseline)
    clipped = np.clip(np.rint(scaled), MISSING + 1, -MISSING - 1)
    result: NDArray[np.int16] = np.where(np.isnan(clipped), MISSING, clipped).astype(np.int16)
    return result
