"""From what was asked for to beds that can be played: sources, names, starts and faults."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from monitor import noise, records
from monitor.errors import SourceError
from monitor.noise import NoiseKind
from sim import faults
from sim.faults import SignalFault, Transport
from sim.publish import SimulatedBed
from sim.script import DEFAULT_SCRIPT
from sim.sources import RampSource, RecordSource, Source, packet_bounds
from sim.synthetic import SyntheticPatient

__all__ = ["NOISES", "Faults", "Play", "make_beds"]

NOISES: Final = (*get_args(NoiseKind), "em", "ma", "bw")
"""Kinds of noise: made here, or the records of the Noise Stress Test Database."""

_LONGEST_BASE: Final = 27
"""Of a bed's name, so that a number of four digits fits the wire's 32."""
_NORMAL: Final = frozenset("NLRBejn")
_MEASURED_S: Final = 300.0
"""How much of a source is looked at to measure its QRS complexes."""
_STRETCH: Final = re.compile(r"(?P<lead>.+?)(?::(?P<start>\d+(?:\.\d+)?)-(?P<stop>\d+(?:\.\d+)?)?)?")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What is to go wrong with the signal; see `sim.faults`.

    Attributes
    ----------
    snr_db, noise
        Noise of a kind in `NOISES` at this ratio, by the definition in `monitor.noise`.
    wander_mv, saturate_mv
        Peak to peak of baseline wander; limit of the amplifier.
    lead_off, lead_loose
        ``LEAD`` or ``LEAD:START-STOP`` with times in seconds.
    """

    snr_db: float | None = None
    noise: str = "muscle"
    wander_mv: float | None = None
    saturate_mv: float | None = None
    lead_off: Sequence[str] = ()
    lead_loose: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Play:
    """What is to be played.

    Attributes
    ----------
    names
        Records; none for a synthetic patient, or for a ramp.
    beds
        How many beds. With one name or none they play the same from different places.
    start_s
        Where in the signal to begin; the index begins there too.
    """

    names: Sequence[str] = ()
    data: Path | None = None
    or_synthetic: bool = False
    ramp: bool = False
    script: str = DEFAULT_SCRIPT
    fs: float = 360.0
    n_leads: int = 2
    beds: int = 1
    name: str | None = None
    loop: bool = False
    start_s: float = 0.0
    packet_ms: float = 40.0
    drift_ppm: float = 0.0
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    transport: Transport = field(default_factory=Transport)


def make_beds(play: Play) -> list[SimulatedBed]:
    """Return the beds, ready to be played.

    Raises
    ------
    SourceError
        A record, script, lead or noise cannot be had, or packets so long do not fit the wire.
    """
    count = max(play.beds, len(play.names))
    sources = [_source(play, number) for number in range(count)]
    for source in sources:
        _check_packets(source, play.packet_ms)
    stream = time.time_ns() // 1_000_000 % 2**41 * 4096
    return [
        SimulatedBed(
            name=name,
            stream=stream + number + 1,
            source=source,
            faults=_signal_faults(play, source, number),
            transport=replace(play.transport, seed=play.seed + number),
            drift_ppm=play.drift_ppm,
            packet_ms=play.packet_ms,
            start=_start(play, source),
        )
        for number, (name, source) in enumerate(zip(_bed_names(play, sources), sources, strict=True))
    ]


def _check_packets(source: Source, packet_ms: float) -> None:
    """Refuse packets of less than a sample, or of more than a packet may hold, before the play begins."""
    try:
        packet_bounds(0, fs=source.fs, packet_ms=packet_ms)
    except ValueError as error:
        raise SourceError(f"{source.record}: {error}") from error


def _start(play: Play, source: Source) -> int:
    start, length = round(play.start_s * source.fs), source.n_samples
    if length is not None and start >= length:
        raise SourceError(
            f"{source.record}: expected a start before its end at {length / source.fs:g} s, "
            f"received {play.start_s:g} s"
        )
    return start


def _source(play: Play, number: int) -> Source:
    """Return the source of bed ``number``, shifted so that no two beds show the same at one time."""
    if play.ramp:
        return RampSource(fs=play.fs, n_leads=play.n_leads)
    if play.names:
        name = play.names[number % len(play.names)]
        repeats = -(-max(play.beds, len(play.names)) // len(play.names))
        share = number // len(play.names) / repeats
        try:
            return RecordSource(name, data=play.data, loop=play.loop, shift=share)
        except SourceError:
            if not play.or_synthetic:
                raise
    return SyntheticPatient(
        play.script, fs=play.fs, seed=play.seed + number, n_leads=play.n_leads, loop=play.loop
    )


def _bed_names(play: Play, sources: Sequence[Source]) -> list[str]:
    """Return a name for each bed: its record's or the one given, numbered where it is not the only one."""
    bases = [play.name or _bed_base(source) for source in sources]
    width = len(str(len(sources)))
    return [
        base if bases.count(base) == 1 else f"{base[:_LONGEST_BASE]}-{number:0{width}d}"
        for number, base in enumerate(bases, 1)
    ]


def _bed_base(source: Source) -> str:
    record = source.name if isinstance(source, RecordSource) else source.record
    return record.replace("/", "-").lstrip("-_")[:_LONGEST_BASE] or "record"


def _signal_faults(play: Play, source: Source, number: int) -> list[SignalFault]:
    asked, seed = play.faults, play.seed + number
    chain: list[SignalFault] = []
    if asked.snr_db is not None:
        samples = _noise_samples(asked.noise, source.fs, seed, len(source.leads))
        rms = noise.noise_rms(samples, fs=source.fs)
        gain = noise.gains(_qrs_size(source, play.data), rms, snr_db=asked.snr_db)
        chain.append(faults.add_noise(samples, gain))
    if asked.wander_mv is not None:
        chain.append(faults.add_wander(asked.wander_mv, fs=source.fs, seed=seed))
    for text in asked.lead_loose:
        lead, start, stop = _stretch(text, source, "lead loose")
        chain.append(faults.lead_loose(lead, start=start, stop=stop, seed=seed))
    if asked.saturate_mv is not None:
        chain.append(faults.saturate(asked.saturate_mv))
    for text in asked.lead_off:
        lead, start, stop = _stretch(text, source, "lead off")
        chain.append(faults.lead_off(lead, start=start, stop=stop))
    return chain


def _stretch(text: str, source: Source, what: str) -> tuple[int, int, int | None]:
    """Return which lead is meant, from which sample and to which, None = to the end."""
    match = _STRETCH.fullmatch(text)
    if match is None or match["lead"] not in source.leads:
        raise SourceError(
            f"{what}: expected one of {', '.join(source.leads)}, or such as {source.leads[0]}:10-20, "
            f"received {text!r}"
        )
    start = round(float(match["start"] or 0) * source.fs)
    stop = None if match["stop"] is None else round(float(match["stop"]) * source.fs)
    if stop is not None and stop <= start:
        raise SourceError(f"{what}: expected an end after its start, received {text!r}")
    return source.leads.index(match["lead"]), start, stop


def _noise_samples(kind: str, fs: float, seed: int, n_leads: int) -> NDArray[np.float64]:
    """Return five minutes and more of noise at the source's rate."""
    made = {name: name for name in get_args(NoiseKind)}
    if kind in made:
        return noise.synthetic(made[kind], round(330 * fs), fs=fs, seed=seed, n_leads=n_leads)
    found = records.read(f"nstdb/{kind}")
    samples = found.samples()
    if abs(found.fs - fs) < 0.01 * fs:
        return samples
    at = np.arange(int(len(samples) / found.fs * fs)) / fs * found.fs
    return np.column_stack([np.interp(at, np.arange(len(samples)), lead) for lead in samples.T])


def _qrs_size(source: Source, data: Path | None) -> NDArray[np.float64]:
    """Return the size of the source's normal QRS complexes, where it is known where they are."""
    if isinstance(source, RecordSource):
        source = RecordSource(source.name, data=data)
    signal = source.read(0, round(_MEASURED_S * source.fs))
    if isinstance(source, SyntheticPatient):
        truth = source.truth(len(signal))
        normal = [r for r, label in zip(truth.r_peaks, truth.labels, strict=True) if label == "N"]
    elif isinstance(source, RecordSource):
        index, symbols, _ = records.annotations(source.name, data=data)
        normal = [i for i, symbol in zip(index, symbols, strict=True) if symbol in _NORMAL]
    else:
        normal = []
    try:
        return noise.qrs_size(signal, normal, fs=source.fs)
    except ValueError as error:
        raise SourceError(
            f"{source.record}: expected normal beats in its first {_MEASURED_S:g} s to measure a "
            f"signal-to-noise ratio by, received none"
        ) from error
