"""Records made ready for an evaluation: some of their leads, in another order, at another rate.

What a line does on another device's signal is asked by giving it that signal: a lead that is missing
is not there, and a rate is the rate of the whole record.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SettingsError
from monitor.records import MISSING, Record

__all__ = ["prepared", "resampled", "with_leads"]

RATES_HZ: Final = (100.0, 1000.0)
"""What the pipeline takes."""
_LARGEST: Final = 5000
"""Largest factor of a change of rate; the filter has twenty times as many taps."""


def prepared(record: Record, *, leads: Sequence[str] = (), fs: float | None = None) -> Record:
    """Return the record with these leads (all, if none is named) at this rate (its own, if None).

    Raises
    ------
    SettingsError
        It has no such lead, or cannot be had at that rate.
    """
    chosen = with_leads(record, leads) if leads else record
    return chosen if fs is None else resampled(chosen, fs=fs)


def with_leads(record: Record, leads: Sequence[str]) -> Record:
    """Return the record with these leads alone, in this order.

    Parameters
    ----------
    leads
        Names as in the header (case does not matter), or numbers from 1.

    Raises
    ------
    SettingsError
        It has no such lead, or one is named twice.
    """
    columns = [_column(record, lead) for lead in leads]
    if len(set(columns)) < len(columns):
        raise SettingsError(
            f"record {record.name}: expected each lead once, received {', '.join(leads)} "
            f"(its leads are {', '.join(record.leads)})"
        )
    return replace(
        record,
        leads=tuple(record.leads[i] for i in columns),
        gains=tuple(record.gains[i] for i in columns),
        baselines=tuple(record.baselines[i] for i in columns),
        units=tuple(record.units[i] for i in columns),
        digital=np.ascontiguousarray(record.digital[:, columns]),
    )


def resampled(record: Record, *, fs: float) -> Record:
    """Return the whole record at another rate, in the same digital units.

    An anti-aliased polyphase filter without delay (`scipy.signal.resample_poly`): what was at sample k
    is at ``k * fs / record.fs``. A missing sample is bridged for the filter, and the nearest samples
    of the result are missing.

    Raises
    ------
    SettingsError
        The rate is not one that the pipeline takes, or its ratio to the record's is not simple.
    """
    from scipy.signal import resample_poly

    ratio = _ratio(record, fs)
    if ratio == 1:
        return record
    missing = record.digital == MISSING
    bridged = _bridged(record.digital, missing).astype(np.float64)
    values = resample_poly(bridged, ratio.numerator, ratio.denominator, axis=0, padtype="edge")
    digital = np.clip(np.rint(values), MISSING + 1, -MISSING - 1).astype(np.int16)
    if missing.any():
        nearest = np.rint(np.arange(len(digital)) / float(ratio)).astype(np.int64)
        digital[missing[np.minimum(nearest, len(missing) - 1)]] = MISSING
    return replace(record, fs=fs, digital=digital, start=round(record.start * float(ratio)))


def _column(record: Record, lead: str) -> int:
    if lead in record.leads:
        return record.leads.index(lead)
    if lead.isdecimal() and 1 <= int(lead) <= len(record.leads):
        return int(lead) - 1
    folded = [name.casefold() for name in record.leads]
    if lead.casefold() in folded:
        return folded.index(lead.casefold())
    raise SettingsError(
        f"record {record.name}: expected a lead of {', '.join(record.leads)} or a number from 1 to "
        f"{len(record.leads)}, received {lead!r}"
    )


def _ratio(record: Record, fs: float) -> Fraction:
    if not RATES_HZ[0] <= fs <= RATES_HZ[1]:
        raise SettingsError(f"expected a rate from {RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz, received {fs:g}")
    ratio = Fraction(repr(fs)) / Fraction(repr(record.fs))
    if max(ratio.numerator, ratio.denominator) > _LARGEST:
        raise SettingsError(
            f"record {record.name}: expected a rate in a simple ratio to its {record.fs:g} Hz "
            f"(factors up to {_LARGEST}), received {fs:.10g} Hz: {ratio}"
        )
    return ratio


def _bridged(digital: NDArray[np.int16], missing: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the samples with each missing one as the last before it, or the first after."""
    if not missing.any():
        return digital
    rows = np.where(missing, -1, np.arange(len(digital))[:, np.newaxis])
    last = np.maximum.accumulate(rows, axis=0)
    first = np.argmin(missing, axis=0)  # 0 where all are missing
    held = np.take_along_axis(digital, np.where(last < 0, first, last), axis=0)
    return np.where(held == MISSING, np.int16(0), held)
