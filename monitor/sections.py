"""The sections of the settings: every threshold, with its unit in the name and its source beneath it.

Every number has a lower and an upper bound: none may blind or delay asystole, fibrillation and VT, which
cannot be switched off. A string under a key says what it is; `monitor.settings_text` writes it into the
file that ``beatline alarms init`` gives. How sections are read and put together: `monitor.settings`.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "LIMITS",
    "NEVER_OFF",
    "AlarmSettings",
    "BedAlarmSettings",
    "DetectorSettings",
    "DisplaySettings",
    "FeedSettings",
    "FilterSettings",
    "QualitySettings",
    "RhythmSettings",
    "Section",
    "ServingSettings",
    "StoreSettings",
    "Switchable",
]

_Share = Annotated[float, Meta(gt=0, lt=1)]
_Limit = Annotated[float, Meta(ge=15, le=300)]
"""Of a heart rate in bpm: what makers let one set, from neonates to athletes."""

Switchable: TypeAlias = Literal[
    "extreme_tachycardia",
    "extreme_bradycardia",
    "nonsustained_vt",
    "ventricular_bradycardia",
    "idioventricular",
    "ventricular_run",
    "r_on_t",
    "pause",
    "supraventricular_tachycardia",
    "atrial_fibrillation",
    "high_rate",
    "low_rate",
    "couplet",
    "bigeminy",
    "trigeminy",
    "frequent_pvc",
    "multiform_pvc",
    "missed_beat",
    "lead_off",
    "feed_error",
    "classifier_late",
    "storage_failed",
]
"""Alarms that can be switched off: all of `monitor.definitions` but those in `NEVER_OFF`."""

_LETHAL: Final = "it tells of a heart that does not pump"
_BLIND: Final = "it says that nothing can be told of the patient"
NEVER_OFF: Final = {
    "asystole": _LETHAL,
    "ventricular_fibrillation": _LETHAL,
    "ventricular_tachycardia": _LETHAL,
    "cannot_analyse": _BLIND,
    "signal_gaps": _BLIND,
    "feed_lost": _BLIND,
    "signal_slow": "it says that what is shown is late",
    "bed_failed": _BLIND,
    "classifier_failed": "it says that VT cannot be found",
}
"""Alarms that nothing switches off, and why."""


LIMITS: Final = (
    "high_rate_bpm",
    "low_rate_bpm",
    "extreme_tachy_bpm",
    "extreme_brady_bpm",
    "asystole_s",
    "pause_s",
    "pvc_per_min",
)
"""Keys of ``alarms`` that may be changed for one bed while it is watched."""

_Order: TypeAlias = tuple[str, str, str, Literal["<", "<="]]
_RATES: Final[tuple[_Order, ...]] = (
    ("low_rate_bpm", "high_rate_bpm", "lie below", "<"),
    ("extreme_brady_bpm", "low_rate_bpm", "not lie above", "<="),
    ("high_rate_bpm", "extreme_tachy_bpm", "not lie above", "<="),
)
_QUALITIES: Final[tuple[_Order, ...]] = (
    ("rail_leave", "rail_enter", "not lie above", "<="),
    ("noisy_leave", "noisy_enter", "not lie above", "<="),
)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: frozen, keyword-only, no unknown keys."""


def _see_order(section: Section, order: tuple[_Order, ...]) -> None:
    for low, high, word, sign in order:
        below, above = getattr(section, low), getattr(section, high)
        if below > above or (below == above and sign == "<"):
            raise ValueError(
                f"{low} must {word} {high}: expected {low} {sign} {high}, received {below:g} and {above:g}"
            )


class FilterSettings(Section, frozen=True, kw_only=True):
    """The monitor band: IEC 60601-2-27 asks for 0.67 Hz or lower up to 40 Hz in monitoring mode."""

    baseline_hz: Annotated[float, Meta(ge=0.02, le=2)] = 0.5
    """High-pass corner that removes baseline wander."""
    band_high_hz: Annotated[float, Meta(ge=20, le=250)] = 40.0
    """Low-pass corner; left out where it does not lie below 0.45 fs."""
    mains_hz: Annotated[float, Meta(ge=0, le=400)] = 60.0
    """Mains frequency of the place the signal was recorded (50, 60; 0 = no notch). MIT-BIH: 60."""
    mains_q: Annotated[float, Meta(ge=5, le=100)] = 30.0
    """Quality factor of the notch: -3 dB width is mains_hz / mains_q."""
    bridge_s: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """A gap no longer than this is bridged by holding the last value."""
    resume_s: Annotated[float, Meta(ge=0, le=2)] = 2.0
    """A longer one up to this is a hole: what is known stays known, nothing is judged over it. After a longer
    one, all learn anew; the detector forgets a lead by then (``detector.forget_s``)."""


class QualitySettings(Section, frozen=True, kw_only=True):
    """Per-lead signal quality."""

    off_s: Annotated[float, Meta(gt=0, le=2)] = 0.2
    """Samples missing for this long: the lead is off ..."""
    back_s: Annotated[float, Meta(gt=0, le=5)] = 0.5
    """... until samples have come for this long."""
    flat_s: Annotated[float, Meta(ge=2, le=60)] = 8.0
    """Exactly constant for this long: a dead lead (an asystole alarm, 4 s, comes first)."""
    rail_mv: Annotated[float, Meta(ge=0.5, le=10)] = 1.5
    """A rail lies at least this far from the baseline ..."""
    rail_run_s: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """... and holds the signal at one extreme value for at least this long (and 3 samples)."""
    rail_enter: Annotated[float, Meta(ge=0.05, le=0.95)] = 0.3
    """Saturated once the share of time at a rail (mean over 0.5 s) exceeds this ..."""
    rail_leave: Annotated[float, Meta(gt=0, le=0.95)] = 0.05
    """... until it falls below this."""
    noisy_enter: Annotated[float, Meta(ge=-2, le=5)] = 0.5
    """Noisy once the log odds of noise exceed this ..."""
    noisy_enter_s: Annotated[float, Meta(gt=0, le=5)] = 0.5
    """... for this long ..."""
    noisy_leave: Annotated[float, Meta(ge=-5, le=2)] = -0.5
    """... until they lie below this ..."""
    noisy_leave_s: Annotated[float, Meta(gt=0, le=10)] = 1.5
    """... for this long."""

    def __post_init__(self) -> None:
        """See that what is left lies below what was entered: a lead must not be both at once."""
        _see_order(self, _QUALITIES)


class DetectorSettings(Section, frozen=True, kw_only=True):
    """The QRS detector."""

    weights: str = ""
    """File with the verifier's weights, or a folder of them for evaluation; empty for the shipped ones."""
    low_hz: Annotated[float, Meta(ge=4, le=12)] = 8.0
    """Lower corner of the QRS band (Elgendi, Jonkman and De Boer 2010: 8 to 20 Hz)."""
    high_hz: Annotated[float, Meta(ge=15, le=40)] = 20.0
    """Upper corner of the QRS band."""
    smooth_s: Annotated[float, Meta(ge=0.04, le=0.12)] = 0.09
    """Moving average of the envelope: about one QRS complex (Hamilton 2002: 80 ms)."""
    learn_s: Annotated[float, Meta(ge=0.5, le=3)] = 1.5
    """The first levels come from so much signal; below the delay allowed, so its beats are found too."""
    learn_max_s: Annotated[float, Meta(ge=1, le=4)] = 3.0
    """Without a peak that stands out, the highest counts after so long."""
    crest: Annotated[float, Meta(ge=1, le=5)] = 2.5
    """A peak stands out at this many times the mean of the envelope."""
    relearn_s: Annotated[float, Meta(ge=2, le=10)] = 6.0
    """So long after the last beat the levels are learned anew."""
    settle_s: Annotated[float, Meta(ge=0.05, le=2)] = 0.3
    """A lead that comes back counts again after this: the band filter has forgotten the step by then."""
    forget_s: Annotated[float, Meta(ge=0.2, le=10)] = 2.0
    """A lead lost for longer than this is learned anew from the other leads' beats."""
    refractory_s: Annotated[float, Meta(ge=0.1, le=0.3)] = 0.2
    """Two peaks closer than this are one beat (Pan and Tompkins 1985)."""
    smallest: Annotated[float, Meta(ge=0.02, le=0.5)] = 0.1
    """A peak below this share of the usual height is no candidate."""
    floor_mv: Annotated[float, Meta(ge=0.005, le=0.05)] = 0.02
    """An envelope below this is no QRS complex (a triangle of 0.15 mV and 70 to 120 ms, which IEC
    60601-2-27 wants ignored, reaches 0.05)."""
    quiet: Annotated[float, Meta(ge=0.05, le=0.5)] = 0.2
    """Below this share of its usual QRS level a lead's line is quiet (0.1 in the end, in a long silence)."""
    quiet_fade_s: Annotated[float, Meta(ge=5, le=600)] = 60.0
    """Time constant with which smaller beats lower the usual level, and silence that share."""
    again_s: Annotated[float, Meta(ge=0.05, le=0.25)] = 0.15
    """Second look at a candidate, counted from its peak in the smoothed envelope."""
    final_s: Annotated[float, Meta(ge=0.1, le=0.5)] = 0.28
    """Last look."""
    early: Annotated[float, Meta(ge=0.5, lt=1)] = 0.99
    """A beat at once above this belief (chosen on DS1 and svdb, cross-validated) ..."""
    late: Annotated[float, Meta(ge=0.2, le=0.9)] = 0.5
    """... at the last look above this ..."""
    back: Annotated[float, Meta(ge=0.02, le=0.9)] = 0.1
    """... and in a search back above this."""
    search_back: Annotated[float, Meta(ge=1.1, le=3)] = 1.5
    """Search back after this many mean RR (Pan and Tompkins 1985: 1.66)."""
    delay_max_s: Annotated[float, Meta(ge=0.5, le=3)] = 1.7
    """No beat is reported later than this after its R peak; longer than learning takes."""
    radius_s: Annotated[float, Meta(ge=0.02, le=0.2)] = 0.1
    """The R peak lies within this of the middle of the envelope's peak."""


class RhythmSettings(Section, frozen=True, kw_only=True):
    """Heart rate and rhythms: PhysioNet/CinC Challenge 2015 (table 1), makers' manuals.

    What decides VT and fibrillation is bounded: no value switches them off.
    """

    rate_rr: Annotated[int, Meta(ge=1, le=30)] = 12
    """The heart rate is the mean of this many RR ..."""
    rate_slow_rr: Annotated[int, Meta(ge=1, le=30)] = 4
    """... and of this many while the last three exceed ``rate_slow_ms``."""
    rate_slow_ms: Annotated[float, Meta(ge=500, le=3000)] = 1200.0
    """What makes an RR a slow one."""
    rate_run_rr: Annotated[int, Meta(ge=1, le=30)] = 8
    """Inside a run of sudden, even RR at most this many of them count."""
    rate_hold_s: Annotated[float, Meta(ge=2, le=10)] = 4.0
    """So long after the last beat the heart rate is unknown."""
    vt_beats: Annotated[int, Meta(ge=3, le=15)] = 5
    """Consecutive ventricular beats that make ventricular tachycardia."""
    vt_rate_bpm: Annotated[float, Meta(ge=60, le=200)] = 100.0
    """They must be faster than this."""
    ventricular_brady_bpm: Annotated[float, Meta(ge=15, lt=60)] = 40.0
    """Five slower than this are ventricular bradycardia; from here up to ``vt_rate_bpm``, idioventricular."""
    svt_beats: Annotated[int, Meta(ge=3, le=30)] = 5
    """Consecutive premature supraventricular beats that make a tachycardia ..."""
    svt_rate_bpm: Annotated[float, Meta(ge=60, le=250)] = 100.0
    """... if they are faster than this."""
    pattern_cycles: Annotated[int, Meta(ge=2, le=10)] = 3
    """Cycles of N V (bigeminy) or N N V (trigeminy) that make a pattern."""
    vf_s: Annotated[float, Meta(ge=3, le=10)] = 4.0
    """Fibrillatory, flutter or oscillatory waveform for this long is ventricular fibrillation."""
    vf_hz: Annotated[float, Meta(ge=1, le=4)] = 2.5
    """It swings at least this often (150 per minute, the slow end of flutter) ..."""
    vf_rms_mv: Annotated[float, Meta(gt=0, le=0.15)] = 0.07
    """... with at least this RMS: coarse fibrillation, 0.2 mV peak to peak (Kerber 1997) ..."""
    vf_log_odds: Annotated[float, Meta(ge=-5, le=2)] = -0.5
    """... and a score above this; lower is more sensitive and less specific."""
    af_window_s: Annotated[float, Meta(ge=30, le=300)] = 60.0
    """RR of so long are compared with one another for atrial fibrillation ..."""
    af_s: Annotated[float, Meta(ge=10, le=300)] = 30.0
    """... which is irregular without a pattern for at least this long ..."""
    af_surprise: Annotated[float, Meta(gt=0, le=5)] = 1.3
    """... each RR surprising by more than this on average, in nats; lower is more sensitive."""
    af_end_s: Annotated[float, Meta(ge=10, le=3600)] = 120.0
    """It is over where RR are regular again, and that is told after so long."""

    def __post_init__(self) -> None:
        if self.af_s >= self.af_window_s:
            raise ValueError(
                f"af_s must lie below af_window_s: expected what fits into the window, "
                f"received {self.af_s:g} and {self.af_window_s:g}"
            )


class AlarmSettings(Section, frozen=True, kw_only=True):
    """Alarm limits: IEC 60601-2-27, makers' manuals and PhysioNet/CinC Challenge 2015 (table 1)."""

    asystole_s: Annotated[float, Meta(ge=2, le=10)] = 4.0
    """No QRS for this long, no fibrillation; IEC 60601-2-27 wants it told within 10 s."""
    learning_s: Annotated[float, Meta(gt=0, le=10)] = 4.0
    """Before the first beat the asystole time counts from this long after the start."""
    extreme_tachy_bpm: _Limit = 140.0
    """Extreme tachycardia: heart rate above this, which is at or above ``high_rate_bpm``, ..."""
    extreme_tachy_beats: Annotated[int, Meta(ge=2, le=60)] = 17
    """... for this many consecutive beats."""
    extreme_brady_bpm: _Limit = 40.0
    """Extreme bradycardia: heart rate below this, which is at or below ``low_rate_bpm``, ..."""
    extreme_brady_beats: Annotated[int, Meta(ge=2, le=30)] = 5
    """... for this many consecutive beats."""
    high_rate_bpm: _Limit = 120.0
    """High heart rate limit."""
    low_rate_bpm: _Limit = 50.0
    """Low heart rate limit."""
    rate_hysteresis_bpm: Annotated[float, Meta(ge=0, le=20)] = 5.0
    """A rate alarm, extreme or not, ends once the rate is back inside its limit by this much."""
    pause_s: Annotated[float, Meta(ge=1.5, le=3.0)] = 2.0
    """An RR longer than this is a pause ..."""
    pause_ratio: Annotated[float, Meta(gt=1, le=5)] = 1.8
    """... and so is one longer than this many times the usual RR (median of the last eight) ..."""
    pause_floor_s: Annotated[float, Meta(gt=0, le=3)] = 1.5
    """... if it lasts at least this long: the low end of what makers let one set as a pause."""
    missed_ratio: Annotated[float, Meta(gt=1, le=5)] = 1.75
    """Missed beat: an RR longer than this many times the mean of twelve, no V before it ..."""
    missed_fast_bpm: Annotated[float, Meta(ge=15, le=300)] = 100.0
    """... or, at this heart rate and above, ..."""
    missed_s: Annotated[float, Meta(gt=0, le=5)] = 1.0
    """... one longer than this; longer than ``pause_s`` it is a pause."""
    r_on_t_ratio: _Share = 1 / 3
    """R-on-T: a V after less than this share of the mean of twelve RR, ..."""
    r_on_t_pause: Annotated[float, Meta(gt=1, le=5)] = 1.25
    """... followed by an RR of at least this many times that mean ..."""
    r_on_t_max_bpm: Annotated[float, Meta(ge=15, le=300)] = 100.0
    """... at a heart rate below this."""
    pvc_per_min: Annotated[int, Meta(ge=1, le=200)] = 10
    """Frequent PVC: more V than this within the last minute."""
    multiform_beats: Annotated[int, Meta(ge=3, le=31)] = 15
    """Multiform PVC: two V of different shape within this many beats."""
    report_s: Annotated[float, Meta(ge=0, le=2)] = 0.5
    """A QRS is reported up to this long after its peak: so much later a pause is announced unasked."""
    hold_s: Annotated[float, Meta(ge=0, le=60)] = 5.0
    """An alarm about something momentary (a pause) stands for this long."""
    blind_s: Annotated[float, Meta(ge=0, le=10)] = 2.0
    """No lead usable for this long: cannot analyse."""
    gaps_s: Annotated[float, Meta(ge=5, le=10)] = 10.0
    """More than half of so much signal could not be judged, or a quiet heart for as long: signal gaps."""
    carry_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """After a gap, a condition that is not found again within this time is over."""
    reminder_s: Annotated[float, Meta(ge=0, le=3600)] = 180.0
    """An acknowledged high or medium condition that still stands is announced again after this (0 = off)."""
    audio_pause_s: Annotated[float, Meta(gt=0, le=1800)] = 120.0
    """How long one press pauses all alarm sound."""
    off: tuple[Switchable, ...] = ()
    """Kinds that are switched off; not what kills or says that nothing can be told. A bed's own list adds."""

    def limits(self) -> dict[str, float]:
        """Return what a station shows and may change for one bed, by key."""
        return {key: getattr(self, key) for key in LIMITS}

    def __post_init__(self) -> None:
        """See that the limits do not cross: a red alarm must not come before the yellow one."""
        _see_order(self, _RATES)


class BedAlarmSettings(AlarmSettings, frozen=True, kw_only=True):
    """Keys that a single bed's table of alarms may have."""

    on: tuple[Switchable, ...] = ()
    """Kinds that are on for this bed though they are off for all."""


class ServingSettings(Section, frozen=True, kw_only=True):
    """The batched classifier."""

    collect_ms: Annotated[float, Meta(ge=0, le=200)] = 2.0
    """How long a batch waits for more beats before it runs."""
    confirm_s: Annotated[float, Meta(gt=0, le=5)] = 1.5
    """A label waits so long after R for the next beat's window: 40 bpm, the low end of makers' pauses."""
    label_timeout_s: Annotated[float, Meta(gt=0, le=300)] = 60.0
    """Signal time after which a beat without an answer is Q and nothing waits for it any more."""


class FeedSettings(Section, frozen=True, kw_only=True):
    """What comes in over sockets."""

    queue_s: Annotated[float, Meta(ge=1, le=600)] = 30.0
    """Signal held per bed while the pipeline is busy; what exceeds it becomes a Gap (overflow)."""
    lost_after_s: Annotated[float, Meta(gt=0, le=10)] = 3.0
    """Wall time without a packet after which the feed is called lost."""
    slow_below: Annotated[float, Meta(ge=0.5, lt=1)] = 0.8
    """Signal that comes at less than this share of real time ..."""
    slow_after_s: Annotated[float, Meta(ge=1, le=10)] = 5.0
    """... over so much wall time, and for as long again: the feed is called slow."""
    queue_items: Annotated[int, Meta(ge=10, le=1_000_000)] = 6000
    """Packets held per bed, however small they are: 30 s of packets of 5 ms."""
    queue_mib: Annotated[float, Meta(ge=1, le=65_536)] = 256.0
    """Memory for what is held of all beds together."""
    max_beds: Annotated[int, Meta(ge=1, le=65536)] = 4096
    """Beds known at once; when there are more, those that said bye make room first."""
    receive_hwm: Annotated[int, Meta(ge=10, le=1_000_000)] = 4000
    """Messages that may wait in the socket per device connection (ZMQ_RCVHWM): 5 s of 32 beds."""


class DisplaySettings(Section, frozen=True, kw_only=True):
    """The live terminal."""

    frames_per_s: Annotated[float, Meta(gt=0, le=30)] = 8.0
    """How often the screen pulls a snapshot and draws it."""
    sweep_s: Annotated[float, Meta(ge=2, le=30)] = 6.0
    """Seconds of waveform across one bed; a narrow tile shows less."""
    page_s: Annotated[float, Meta(ge=1, le=120)] = 8.0
    """How long one page of beds is shown where they do not all fit."""
    stale_s: Annotated[float, Meta(ge=0.5, le=10)] = 2.0
    """Age of a snapshot beyond which the screen says that it is old."""


class StoreSettings(Section, frozen=True, kw_only=True):
    """How much an event store remembers; a bed with arrhythmias fills some 13 MiB a day."""

    keep_days: Annotated[float, Meta(gt=0, le=36_500)] = 90.0
    """What is older is removed."""
    max_mib: Annotated[float, Meta(ge=1, le=10_000_000)] = 2048.0
    """Where there is more, the oldest is removed, and that is told."""
