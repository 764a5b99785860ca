"""The nouns: what goes into the core, what comes out of it, and what a screen is shown.

Every event of one bed carries ``sample``, the absolute index that it is about, and ``decided``,
the first sample at which it could be known. Their difference is the delay, so delay is data and
not a claim. Sample indices are the only clock; seconds appear at the edges. Which bed, which
record and what wall time is added by the shells, never by the core.

Arrays inside frozen events are never written to once the event exists.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLASSES",
    "GAP_REASONS",
    "Alarm",
    "AnyEvent",
    "AudioPause",
    "Beat",
    "BeatWindow",
    "Block",
    "Event",
    "Gap",
    "Label",
    "LabelKind",
    "LabelledBeat",
    "LeadQuality",
    "LimitChange",
    "Notice",
    "Output",
    "Priority",
    "Rate",
    "Rhythm",
    "Stream",
    "TrendPoint",
    "Wave",
    "sort_key",
]

Label: TypeAlias = Literal["N", "S", "V", "F", "Q"]
"""AAMI EC57 beat class: normal, supraventricular, ventricular, fusion, unclassifiable."""

CLASSES: Final[tuple[Label, ...]] = ("N", "S", "V", "F", "Q")
"""The AAMI classes in the order used by every probability vector that names no other."""

LabelKind: TypeAlias = Literal["provisional", "confirmed"]
"""A label at the end of the beat's window, and the same once the next beat has been heard of."""

Priority: TypeAlias = Literal["high", "medium", "low", "technical"]
"""IEC 60601-1-8 priority; technical alarms are a kind of their own here."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples of one bed, as received.

    Attributes
    ----------
    start
        Absolute index of the first sample.
    samples
        Of shape (n_samples, n_leads), millivolt, float64, C-contiguous; NaN = missing.
    """

    start: int
    samples: NDArray[np.float64]

    @property
    def stop(self) -> int:
        """Absolute index one past the last sample."""
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class Wave:
    """Samples after the monitor-band filter, for screens; delayed by ``delay`` samples.

    The value at absolute index ``i`` shows what happened at ``i - delay``.
    """

    start: int
    delay: int
    samples: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BeatWindow:
    """One beat as the network wants it, handed out for labelling: first provisionally, then to confirm.

    Attributes
    ----------
    sample
        The beat's R peak; with ``provisional`` the key under which the answer is given back.
    decided
        The signal-time sample at which the label takes effect: the end of the window, or, to confirm,
        the end of the next beat's window or where that was waited for long enough.
    provisional
        Whether nothing is known of the next beat yet.
    window
        Of shape (n_points, n_channels), float32, as the model card asks; the same array both times.
    features
        Of shape (n_features,), float32, as the model card asks.
    """

    sample: int
    decided: int
    provisional: bool
    window: NDArray[np.float32] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all facts that are journalled: JSON objects with ``type``, ``sample``, ``decided``."""

    rank: ClassVar[int] = 9
    """Order among events of one ``decided``: what is known first stands first."""

    sample: int
    decided: int


GAP_REASONS: Final = {
    "lost": "lost on the way",
    "overflow": "dropped, the queue was full",
    "resumed": "missed while disconnected",
    "restarted": "a new stream began",
}
"""Why samples never came, in words."""


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """Samples ``sample`` up to ``stop`` (exclusive) that never came. Input and output of the core.

    ``reason`` says who lost them: the wire (``lost``), a full queue (``overflow``), the device
    between two connections (``resumed``), or a new stream of the same bed (``restarted``; then
    ``stop`` may equal ``sample``).
    """

    rank: ClassVar[int] = 0
    stop: int
    reason: Literal["lost", "overflow", "resumed", "restarted"] = "lost"

    @property
    def text(self) -> str:
        """What a person should read."""
        n = self.stop - self.sample
        return GAP_REASONS[self.reason] + (f": {n} samples" if n else "")


class LeadQuality(Event, frozen=True, kw_only=True, tag="quality"):
    """One lead's signal state from ``sample`` on."""

    rank: ClassVar[int] = 1
    lead: int
    state: Literal["good", "noisy", "off", "saturated", "flat"]


class Beat(Event, frozen=True, kw_only=True, tag="qrs"):
    """A detected QRS complex; ``sample`` is its R peak in the received signal.

    ``rr`` is the distance to the previous beat in samples, None for the first after a start or gap.
    ``confidence`` in 0..1 is the detector's own, not a probability. ``leads`` are those (from 0) that
    were good at ``decided``; None where nobody judged them. ``weak`` is one that is far less steep than this
    patient's QRS complexes, as P waves and pacing spikes without capture are: no proof of a beating heart.
    """

    rank: ClassVar[int] = 2
    rr: int | None
    confidence: float = 1.0
    leads: tuple[int, ...] | None = None
    weak: bool = False


class Rate(Event, frozen=True, kw_only=True, tag="rate"):
    """Heart rate as a monitor shows it, once each second of signal; None while unknown."""

    rank: ClassVar[int] = 3
    hr_bpm: float | None


class LabelledBeat(Event, frozen=True, kw_only=True, tag="beat"):
    """A beat with its class; each beat is told twice, provisional and confirmed.

    ``decided`` is that of the `BeatWindow`, whenever the answer arrived: for a ``provisional`` label the
    end of the beat's window, for a confirmed one that of the next beat's, or where it had not come in
    time (the beat's own too if the model asks for nothing of the next beat). ``probabilities``
    follow `CLASSES`; None where no answer came in time and the label is Q by default. Where no lead was
    good when the beat was found, what is not N is Q; a confirmed label may be V though another class is
    more probable, within a run of ventricular beats (`monitor.runs`).
    """

    rank: ClassVar[int] = 4
    label: Label
    provisional: bool = False
    probabilities: tuple[float, ...] | None = None
    rr: int | None = None


class Rhythm(Event, frozen=True, kw_only=True, tag="rhythm"):
    """A rhythm begins (``state`` start) or ends, named by its WFDB aux string, such as ``(VT``.

    ``labels`` says which labels it was derived from, None where it needs none.
    """

    rank: ClassVar[int] = 5
    rhythm: str
    state: Literal["start", "end"]
    labels: LabelKind | None = None


class Alarm(Event, frozen=True, kw_only=True, tag="alarm"):
    """One step in an alarm's life.

    ``sample`` is the onset of the condition and, with ``kind`` and ``lead``, names the alarm through
    its life: ``start``, then ``end`` when the condition is over, ``acknowledged`` by a person,
    ``reminded`` when an acknowledged condition still stands and is announced again, and ``cleared`` when
    nothing of it is left to show (a latched alarm: ended and acknowledged).
    ``labels`` says which labels decide it, None where it needs none. ``evidence`` are the beats (R peaks)
    that decided it, the last 32 at most; ``by`` who acknowledged, empty where nobody said.
    """

    rank: ClassVar[int] = 6
    kind: str
    priority: Priority
    state: Literal["start", "end", "acknowledged", "reminded", "cleared"]
    text: str
    lead: int | None = None
    value: float | None = None
    labels: LabelKind | None = None
    evidence: tuple[int, ...] = ()
    by: str = ""


class AudioPause(Event, frozen=True, kw_only=True, tag="audio_pause"):
    """All alarm sound of a bed is paused from ``sample`` up to ``until``, or (``end``) comes back early.

    ``by`` is who paused it, empty where nobody said.
    """

    rank: ClassVar[int] = 7
    state: Literal["start", "end"]
    until: int
    by: str = ""


class LimitChange(Event, frozen=True, kw_only=True, tag="limits"):
    """Alarm limits of a bed are others from ``decided`` on; raised by the shell that changes them.

    ``state``: ``set`` by a person at a station, ``kept`` by a new run as they were set before it began,
    ``dropped`` for what the settings say. ``before`` and ``after`` hold the limits that changed, by key (of
    what was kept: the settings' and the kept ones); ``own`` all that now differ from the settings. ``by``
    is who set them, empty where nobody said.
    """

    rank: ClassVar[int] = 8
    state: Literal["set", "kept", "dropped"]
    before: dict[str, float]
    after: dict[str, float]
    own: dict[str, float]
    by: str = ""

    @property
    def text(self) -> str:
        """What a person should read."""
        by = f" (by {self.by})" if self.by else ""
        if self.state == "kept":
            pairs = (f"{key} {value:g}, not {self.before[key]:g}" for key, value in self.after.items())
            return f"limits stay as set before the restart: {'; '.join(pairs)}{by}"
        pairs = (f"{key} {self.before[key]:g} to {value:g}" for key, value in self.after.items())
        told = ", ".join(pairs)
        if self.state == "dropped":
            return f"limits back to the settings: {told}" if told else "limits are those of the settings"
        return f"limits: {told}{by}"


class Stream(Event, frozen=True, kw_only=True, tag="stream"):
    """A device's stream begins at index ``sample``; raised by the shell that receives it.

    ``record`` is what the device says it plays, empty for a living patient.
    """

    rank: ClassVar[int] = 0
    stream: str
    fs: float
    leads: tuple[str, ...]
    record: str = ""


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """One line that a person should read; raised by shells, never by the core."""

    rank: ClassVar[int] = 8
    text: str


class TrendPoint(msgspec.Struct, frozen=True, array_like=True):
    """One minute of signal: its number, the median heart rate, and how many beats were confirmed as V.

    None where it is not known: no rate, or no beat that was told N, S, V or F.
    """

    minute: int
    hr_bpm: float | None = None
    pvc: int | None = None


AnyEvent: TypeAlias = (
    Stream
    | Gap
    | LeadQuality
    | Beat
    | Rate
    | LabelledBeat
    | Rhythm
    | Alarm
    | AudioPause
    | LimitChange
    | Notice
)
"""The closed union, for decoding: ``msgspec.json.decode(line, type=AnyEvent)``."""

Output: TypeAlias = Wave | BeatWindow | Event
"""What `monitor.pipeline.Pipeline` answers with."""


_STATES: Final = ("start", "end")


def sort_key(event: Event) -> tuple[int, int, int, str, int]:
    """Order events as they became known in signal time, whatever the order of their arrival.

    The steps that alarms of one kind take at one sample keep the order in which they were told: an old
    one is cleared before a new one starts, and their onsets do not tell which is older, as a new stream
    may count its samples from 0 again. A beat's provisional label stands before its confirmed one.
    """
    if isinstance(event, Alarm):
        return (event.decided, event.rank, 0, event.kind, -1 if event.lead is None else event.lead)
    if isinstance(event, LabelledBeat):
        return (event.decided, event.rank, event.sample, "", 0 if event.provisional else 1)
    detail = getattr(event, "rhythm", "") or str(getattr(event, "lead", ""))
    state = getattr(event, "state", "")
    step = _STATES.index(state) if state in _STATES else -1
    return (event.decided, event.rank, event.sample, detail, step)
