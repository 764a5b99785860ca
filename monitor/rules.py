"""What each alarm means, in words with the figures in force filled in, and where each figure comes from.

Light on purpose: no numpy, no signal. The words are `RULES`; a figure in them is named as a setting is,
so that a figure that no rule names, or a rule without its figure, cannot go unnoticed.
"""

from collections.abc import Mapping, Sequence
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

import msgspec

from monitor.definitions import DEFINITIONS, Definition
from monitor.layers import Layer
from monitor.settings import Settings

__all__ = ["RULES", "Figure", "Rule", "as_json", "rules"]

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "asystole": "no QRS for {alarms.asystole_s:g} s of analysable signal, no fibrillation; "
        "before the first beat counted from {alarms.learning_s:g} s after the start",
        "ventricular_fibrillation": "fibrillatory or flutter waveform for {rhythm.vf_s:g} s, "
        "at least {rhythm.vf_hz:g} Hz and {rhythm.vf_rms_mv:g} mV RMS, score above {rhythm.vf_log_odds:g}",
        "ventricular_tachycardia": "{rhythm.vt_beats:g} V in a row or more, "
        "faster than {rhythm.vt_rate_bpm:g} bpm",
        "extreme_tachycardia": "mean rate over {alarms.extreme_tachy_beats:g} beats in a row "
        "above {alarms.extreme_tachy_bpm:g} bpm",
        "extreme_bradycardia": "mean and median rate over {alarms.extreme_brady_beats:g} beats in a row "
        "below {alarms.extreme_brady_bpm:g} bpm",
        "nonsustained_vt": "3 V in a row or more, fewer than {rhythm.vt_beats:g}, "
        "faster than {rhythm.vt_rate_bpm:g} bpm",
        "ventricular_bradycardia": "{rhythm.vt_beats:g} V in a row or more, slower than "
        "{rhythm.ventricular_brady_bpm:g} bpm",
        "idioventricular": "{rhythm.vt_beats:g} V in a row or more, from {rhythm.ventricular_brady_bpm:g} "
        "to {rhythm.vt_rate_bpm:g} bpm",
        "ventricular_run": "3 V in a row or more, fewer than {rhythm.vt_beats:g}, "
        "at {rhythm.vt_rate_bpm:g} bpm or less",
        "r_on_t": "a V after less than {alarms.r_on_t_ratio:.2g} of the mean RR, then a pause of at least "
        "{alarms.r_on_t_pause:g} times the mean, at a heart rate below {alarms.r_on_t_max_bpm:g} bpm",
        "pause": "RR above {alarms.pause_s:g} s, or above {alarms.pause_ratio:g} times the usual RR "
        "and at least {alarms.pause_floor_s:g} s",
        "supraventricular_tachycardia": "{rhythm.svt_beats:g} premature S in a row or more, "
        "faster than {rhythm.svt_rate_bpm:g} bpm",
        "atrial_fibrillation": "RR irregular without a pattern for {rhythm.af_s:g} s "
        "(mean surprise above {rhythm.af_surprise:g} nats over {rhythm.af_window_s:g} s); "
        "over {rhythm.af_end_s:g} s after they are regular again",
        "high_rate": "heart rate above {alarms.high_rate_bpm:g} bpm, "
        "until it is {alarms.rate_hysteresis_bpm:g} bpm inside",
        "low_rate": "heart rate below {alarms.low_rate_bpm:g} bpm, "
        "until it is {alarms.rate_hysteresis_bpm:g} bpm inside",
        "couplet": "two V in a row between beats that are not V",
        "bigeminy": "{rhythm.pattern_cycles:g} cycles of N V",
        "trigeminy": "{rhythm.pattern_cycles:g} cycles of N N V",
        "frequent_pvc": "more than {alarms.pvc_per_min:g} V within a minute",
        "multiform_pvc": "two V of different shape within {alarms.multiform_beats:g} beats",
        "missed_beat": "RR above {alarms.missed_ratio:g} times the mean, or above {alarms.missed_s:g} s at "
        "{alarms.missed_fast_bpm:g} bpm and more, up to {alarms.pause_s:g} s, no V before it",
        "lead_off": "a lead without samples for {quality.off_s:g} s, "
        "until they have come for {quality.back_s:g} s",
        "cannot_analyse": "no usable lead for {alarms.blind_s:g} s",
        "signal_gaps": "more than half of the last {alarms.gaps_s:g} s, or a quiet heart for as long, "
        "could not be judged",
        "feed_lost": "no packet for {feed.lost_after_s:g} s of wall time",
        "signal_slow": "less than {feed.slow_below:g} s of signal per second of wall time, "
        "over {feed.slow_after_s:g} s and for as long again",
        "feed_error": "packets of this bed that cannot be used",
        "bed_failed": "the analysis of this bed failed and was set aside",
        "classifier_failed": "the classifier cannot run: what needs labels is not found",
        "classifier_late": "a beat went unlabelled for {serving.label_timeout_s:g} s",
        "storage_failed": "journal, recording or store cannot be written",
    }
)
"""By kind: the definition, with settings named as ``{section.key}``."""


class Figure(msgspec.Struct, frozen=True):
    """One figure of a definition: its setting, its value, and who says so (``default`` or a source)."""

    key: str
    value: float
    default: float
    source: str


class Rule(msgspec.Struct, frozen=True):
    """One alarm as it is in force.

    Attributes
    ----------
    kind, text
        Its name in events and settings; what a screen says.
    priority, signalled_as
        High, medium, low or technical; whose colour and sound it takes.
    on, switched_by
        Whether it is on, and, if it is not, who says so.
    can_be_off, latches
        As `monitor.definitions.Definition`.
    definition
        In words, with the figures in force.
    figures
        These figures.
    """

    kind: str
    text: str
    priority: str
    signalled_as: str
    on: bool
    switched_by: str
    can_be_off: bool
    latches: bool
    definition: str
    figures: tuple[Figure, ...]


def rules(settings: Settings, layers: Sequence[Layer], *, bed: str | None = None) -> tuple[Rule, ...]:
    """Return every alarm as it is in force, worst first.

    Parameters
    ----------
    settings
        What `monitor.settings.merge` made of ``layers``.
    layers
        Where the settings come from, lowest precedence first.
    bed
        For which bed; None for one that has no settings of its own.
    """
    own = settings if bed is None else settings.for_bed(bed)
    sources = _Sources(layers, bed)
    return tuple(_rule(definition, own, sources) for definition in DEFINITIONS.values())


def as_json(found: Sequence[Rule]) -> str:
    """Return rules as JSON for programs, a list of objects."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def _rule(definition: Definition, settings: Settings, sources: "_Sources") -> Rule:
    words = RULES[definition.kind]
    defaults = Settings()
    keys = dict.fromkeys(key for _, key, _, _ in Formatter().parse(words) if key)
    on = definition.kind not in settings.alarms.off
    return Rule(
        kind=definition.kind,
        text=definition.text,
        priority=definition.priority,
        signalled_as=definition.borrows or definition.priority,
        on=on,
        switched_by="" if on else sources.switched(definition.kind),
        can_be_off=definition.can_disable,
        latches=definition.latches,
        definition=words.format(**msgspec.structs.asdict(settings)),
        figures=tuple(
            Figure(key, _value(settings, key), _value(defaults, key), sources.of(key)) for key in keys
        ),
    )


def _value(settings: Settings, key: str) -> float:
    section, _, name = key.partition(".")
    value: float = getattr(getattr(settings, section), name)
    return value


class _Sources:
    """Who said what, last."""

    def __init__(self, layers: Sequence[Layer], bed: str | None) -> None:
        self._said: dict[str, str] = {}
        self._off: dict[str, str] = {}
        for layer in layers:
            self._take(layer.values, layer.source)
            off = layer.values.get("alarms", {}).get("off")
            if off is not None:  # of all beds the last list holds
                self._off = dict.fromkeys(off, layer.source)
        for layer in layers:
            self._take(layer.beds.get(bed or "", {}), f"bed {bed} in {layer.source}")

    def of(self, key: str) -> str:
        return self._said.get(key, "default")

    def switched(self, kind: str) -> str:
        """Return who switched a kind off: for all beds, else for the one."""
        return self._off.get(kind, self.of("alarms.off"))

    def _take(self, values: Mapping[str, Mapping[str, Any]], source: str) -> None:
        self._said |= {f"{section}.{key}": source for section, keys in values.items() for key in keys}
