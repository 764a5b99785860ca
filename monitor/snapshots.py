"""What a screen is shown, as immutable facts: beds, their waveform, beats, alarms and accounting.

Made by `monitor.vitals`, drawn by `monitor.display`. `encode` and `decode` carry a ward from the
process that analyses to the one that draws.
"""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from monitor.errors import WireError
from monitor.events import Label, Priority, TrendPoint
from monitor.settings import FilterSettings
from monitor.strip import Strip

__all__ = [
    "PVC_HOLE_S",
    "PVC_WINDOW_S",
    "TREND_MINUTES",
    "BedSnapshot",
    "ClassifierState",
    "Counters",
    "Mark",
    "Scale",
    "Standing",
    "Status",
    "WardSnapshot",
    "decode",
    "encode",
]

TREND_MINUTES: Final = 24 * 60
"""How far the trend of a bed goes back."""

PVC_WINDOW_S: Final = 60.0
"""Seconds of signal over which `BedSnapshot.pvc_per_min` counts."""

PVC_HOLE_S: Final = 10.0
"""Seconds without signal, usable lead or label that such a count bears: behind more it is not known."""

Status: TypeAlias = Literal["waiting", "learning", "live", "lost", "ended"]
"""waiting: nothing came yet. learning: signal, but no beat since the start or the last long gap."""

ClassifierState: TypeAlias = Literal["off", "loading", "ready", "failed"]

_Quality: TypeAlias = Literal["good", "noisy", "off", "saturated", "flat"]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A beat on the screen; ``label`` is None until the network has answered, then its latest.

    It is the provisional label until the confirmed one comes.
    """

    sample: int
    label: Label | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that is to be shown. ``ended`` and still here: it is latched until acknowledged.

    ``since`` is the sample of its last step, ``by`` who acknowledged it; ``reminded``: it was acknowledged
    once, still stands and is announced again.
    """

    kind: str
    priority: Priority
    text: str
    onset: int
    lead: int | None = None
    value: float | None = None
    ended: bool = False
    acknowledged: bool = False
    reminded: bool = False
    since: int = 0
    by: str = ""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Accounting of one bed: samples received, lost (in how many gaps), packets received twice or refused."""

    samples: int = 0
    lost: int = 0
    gaps: int = 0
    duplicates: int = 0
    refused: int = 0


class Scale(msgspec.Struct, frozen=True):
    """The range that one lead is drawn in, millivolt, and the extremes of its last seconds.

    The range covers all but the largest extreme of the last seconds on either side, in coarse steps, and
    is left only when it is too small or less than half used: the gain does not pump. It is looked at
    once each second of signal, at multiples of fs, so it does not depend on packets.
    """

    low: float = -0.5
    high: float = 1.5
    recent: tuple[tuple[float, float], ...] = ()


class BedSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One bed as a screen shows it.

    Attributes
    ----------
    record
        What the device says it plays, empty for a living patient.
    fs
        Sampling rate in Hz; 0 before the first stream.
    connection
        What the shell knows of the feed; `status` joins it with ``learning``.
    index
        One past the last sample accounted for.
    strip, delay
        Monitor-band waveform; its value at index i shows what happened at i - delay.
    scales, quality
        One for each lead.
    marks
        Beats of the last `monitor.vitals.KEEP_S`, in order.
    ventricular
        Samples of the beats whose confirmed label is V, within the last minute.
    labelled
        The first and the last beat of the stretch in which every one has had an answer (its confirmed
        label), None before. It begins anew behind a hole of more than `PVC_HOLE_S`.
    audio_paused_until
        The sample at which alarm sound comes back, None where it was not paused; see `audio_pause_s`.
    limits
        Alarm limits in force for this bed, by the keys of `monitor.settings.LIMITS`.
    latency_ms
        Transport: device to here, None where unknown.
    trend
        One point per minute of signal, of the last `TREND_MINUTES`. Minutes are numbered on over new
        streams: what passed between these does not count.
    rates, trend_base
        Heart rates of the last minute, each with the minute's number; minutes before the stream began.
    bridge_s
        After a gap of up to so many seconds all goes on as before, after a longer one it is learnt anew: the
        settings ``filters.bridge_s`` and ``resume_s`` of the bed's pipeline.
    """

    bed: str
    record: str = ""
    fs: float = 0.0
    leads: tuple[str, ...] = ()
    connection: Literal["waiting", "up", "lost", "ended"] = "waiting"
    learning: bool = True
    index: int = 0
    strip: Strip = msgspec.field(default_factory=Strip)
    delay: int = 0
    scales: tuple[Scale, ...] = ()
    quality: tuple[_Quality, ...] = ()
    marks: tuple[Mark, ...] = ()
    ventricular: tuple[int, ...] = ()
    labelled: tuple[int, int] | None = None
    hr_bpm: float | None = None
    alarms: tuple[Standing, ...] = ()
    audio_paused_until: int | None = None
    limits: dict[str, float] = {}
    counters: Counters = Counters()
    latency_ms: float | None = None
    trend: tuple[TrendPoint, ...] = ()
    rates: tuple[tuple[int, float], ...] = ()
    trend_base: int = 0
    bridge_s: float = FilterSettings().resume_s

    @property
    def status(self) -> Status:
        """The one word for it."""
        if self.connection != "up":
            return self.connection
        return "learning" if self.learning else "live"

    @property
    def audio_pause_s(self) -> float:
        """Seconds for which alarm sound is still paused; 0 where it is not."""
        left = 0 if self.audio_paused_until is None else max(0, self.audio_paused_until - self.index)
        return left / (self.fs or 1.0)

    @property
    def pvc_per_min(self) -> int | None:
        """Beats confirmed as V in the last minute of signal; None while labels are missing.

        Of a minute that is not labelled whole yet what was found counts, but none found is not none.
        """
        since = self.index - PVC_WINDOW_S * self.fs
        blind = any(alarm.kind == "cannot_analyse" and not alarm.ended for alarm in self.alarms)
        if self.connection != "up" or blind or self.labelled is None:
            return None
        if self.marks and self.marks[-1].sample - self.labelled[1] > PVC_HOLE_S * self.fs:
            return None
        found = sum(1 for sample in self.ventricular if sample >= since)
        return found if found or self.labelled[0] <= since else None


class WardSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All beds of one monitor, at one moment.

    Attributes
    ----------
    classifier, message
        State of the network and a line about it, such as ``loading TensorFlow``.
    notices
        Lines about the whole monitor, such as ``compiling kernels, first run only``.
    taken_ns
        Wall time at which it was taken.
    """

    beds: tuple[BedSnapshot, ...] = ()
    classifier: ClassifierState = "off"
    message: str = ""
    notices: tuple[str, ...] = ()
    taken_ns: int = 0


def encode(ward: WardSnapshot, *, seconds: float, trend: bool = False) -> bytes:
    """Return the ward as MessagePack, with the last ``seconds`` of waveform at 1 uV resolution.

    The trends are left out unless asked for: a day of sixteen beds weighs more than their waveform.
    """
    beds = tuple(_trimmed(bed, seconds=seconds, trend=trend) for bed in ward.beds)
    return _ENCODER.encode(replace(ward, beds=beds))


def decode(body: bytes) -> WardSnapshot:
    """Read what `encode` wrote.

    Raises
    ------
    WireError
        These bytes are not a ward.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise WireError(f"not a ward snapshot: {error}; received {len(body)} bytes") from error


def _trimmed(bed: BedSnapshot, *, seconds: float, trend: bool) -> BedSnapshot:
    strip = bed.strip.tail(round(seconds * bed.fs))
    oldest = strip.start - bed.delay
    return replace(
        bed,
        strip=strip,
        marks=tuple(mark for mark in bed.marks if mark.sample >= oldest),
        scales=tuple(Scale(scale.low, scale.high) for scale in bed.scales),
        trend=bed.trend if trend else (),
        rates=(),
    )


def _packed(value: object) -> object:
    if isinstance(value, Strip):
        return value.packed()
    raise NotImplementedError(f"expected a Strip, received {type(value).__name__}")


def _unpacked(kind: type, value: object) -> object:
    if kind is Strip and isinstance(value, list):
        start, n_leads, body = value
        return Strip.unpacked(start, n_leads, body)
    raise NotImplementedError(f"expected a Strip, received {kind.__name__}")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_packed)
_DECODER = msgspec.msgpack.Decoder(WardSnapshot, dec_hook=_unpacked)
