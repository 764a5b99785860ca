"""QRS detection, sample by sample: one detector over all usable leads, every decision dated.

How it works
------------
1. *Band.* Each lead passes a Butterworth band-pass of order one, 8 to 20 Hz: the band in which QRS
   complexes stand out best against P and T waves, wander and muscle (Thakor 1984; Elgendi 2010).
   The length of the vector (signal, slope over centre frequency) is its envelope, smoothed by a
   moving average of 90 ms (an envelope in place of Pan and Tompkins' square, so that large beats do
   not drown small ones).
2. *Leads.* Every lead's envelope is divided by its running QRS level and weighted by the square of its
   QRS level over its noise level; the weighted mean is the one feature that is searched. A lead that
   is off, saturated or flat has no weight, nor for 0.3 s after it has come back.
3. *Candidates.* A peak of the feature that has fallen to 60 % (or is 120 ms old) and reaches a tenth of
   the usual height is a candidate, however small: thresholds are left to what follows.
4. *Verifier.* A small perceptron looks at each candidate: its height, width and surroundings, the time
   since the last beat over the mean RR, agreement of the leads, roughness and span of the raw signal
   against that of beats, correlation with three running templates. Against noise it also knows how well
   the candidate fits the slopes of beats seen in quiet times, each lead weighed by the noise just
   before (`monitor.detect_bank`), where it falls in the rhythm of the beats it was sure of, how sure it was
   lately, and whether the line comes back (`monitor.detect_context`). It looks at once, and where it is
   not sure again 150 and 280 ms after the peak, when it also knows what followed (a P wave is
   followed by something greater).
5. *Decision.* A sure candidate is a beat at the first look, a likely one at the third; two within the
   refractory time of 200 ms are one, the better. Candidates that were merely possible wait, and are
   looked at once more when 1.5 mean RR have gone by without a beat, or before a beat
   that comes as late as that: the best of them is a beat if it is likely now. None is reported later
   than `Detector.delay_max`.
6. *Adaptation.* Each beat moves the lead's QRS, noise, span and roughness levels, the mean RR and the
   template that it is most like. Levels move by an eighth, by 0.4 in the first beats.
7. *Place.* ``sample`` is the largest excursion of the raw signal from the line between the ends of
   a window of +-100 ms, on the best lead (the first unless it is much the worse), in the direction
   that was the larger one lately.

8. *Silence.* A candidate that reaches a fifth of the usual QRS level on no lead is not a beat, however
   like one it looks. That level is remembered longer than the others: it rises with good signal and
   falls, with a time constant of a minute, while smaller beats come. In a long silence the share
   falls to a tenth, and no further: line noise is never learned as a rhythm, so asystole stays
   asystole. A lead that is off for 2 s, or a reset, is forgotten; a QRS complex that shrinks to less
   than a tenth from one beat to the next, without either, is asystole for good.

At a start the levels come from the highest peak of the first 1.5 s that stands out of its
surroundings (after 3 s whatever is highest); the stretch is then searched with them, so its beats
are found too. After six seconds without a beat the levels are learned anew.

Everything but the floor of 20 uV below which no envelope is a QRS complex is a ratio or a time:
amplitude, polarity and sampling rate do not matter.

Sources and deviations
----------------------
Pan and Tompkins (IEEE Trans Biomed Eng 32:230, 1985): band, slope, moving average, refractory time,
search back at a multiple of the mean RR; here one search back only, bounded by the declared delay,
and no fixed thresholds. Hamilton (Comput Cardiol 29:101, 2002): the peak rather than the crossing is
the event, and it waits for a larger one within 200 ms; here the wait depends on how sure the
verifier is. Thakor, Webster and Tompkins (IEEE Trans Biomed Eng 31:702, 1984) and Elgendi, Jonkman
and De Boer (Biosignals 2010) for the band. Lead weighting, verifier and its features are our own.

The weights of the verifier (`monitor.weights`) come from `models.verifier`: 20 DS1 records
without 118 and 119, and svdb, each with both leads, single leads, resampled, with noise added (``bw``,
``ma`` and made-up electrode motion, never ``em``) and with the heart stopped now and then. What was
chosen on what, and what it reaches, stands in ``docs/detector-runs.md``.

What it does not do: name the beat, or tell fibrillation from beats.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.detect_kernel import run
from monitor.detect_memory import NEVER, Memory, blank, parameters
from monitor.filters import SosFilter, group_delay
from monitor.settings import DetectorSettings
from monitor.stage import State
from monitor.weights import N_FEATURES, Network, read, shipped

__all__ = ["Detection", "Detector", "standstill", "within"]

_OFF: Final = 2
_PAST_R_S: Final = 0.02


class Detection(NamedTuple):
    """One QRS complex.

    Attributes
    ----------
    sample
        Absolute index of the R peak in the raw signal.
    decided
        The first sample at which the decision could be made.
    confidence
        The verifier's belief at that time, 0..1; calibrated on training records only.
    """

    sample: int
    decided: int
    confidence: float

    def by(self, end: int) -> "Detection":
        """Return the same, decided with the last sample of a stream that ends before ``end``, or sooner."""
        return self._replace(decided=min(self.decided, end - 1))


class Detector:
    """The QRS detector of one bed.

    Parameters
    ----------
    settings
        Times and thresholds.
    fs
        Sampling rate, Hz, 100 to 1000.
    n_leads
        Number of columns of every block, 1 to 12.
    start
        Absolute index of the first sample to come.
    verifier
        Another network than the one that the settings name.

    Attributes
    ----------
    delay_max
        ``decided - sample`` never exceeds it (samples).
    """

    def __init__(
        self,
        settings: DetectorSettings,
        *,
        fs: float,
        n_leads: int,
        start: int = 0,
        verifier: Network | None = None,
    ) -> None:
        if not 100 <= fs <= 1000:
            raise ValueError(f"sampling rate out of range: expected 100 to 1000 Hz, received {fs:g}")
        self.fs = fs
        self.n_leads = n_leads
        self._network = verifier or (read(settings.weights) if settings.weights else shipped())
        sos = _qrs_sections(settings, fs=fs)
        self._band = SosFilter(sos, n_leads=n_leads, delay=group_delay(sos, fs=fs, band_hz=(8.0, 16.0)))
        self._parameters = parameters(settings, fs=fs, delay=self._band.delay)
        self.delay_max = int(self._parameters[0]["delay_max"])
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything and learn anew; the next sample has index ``start``."""
        self._band.reset()
        self._memory = blank(self._parameters, n_leads=self.n_leads, start=start)

    def push(self, samples: NDArray[np.float64], quality: NDArray[np.int8]) -> list[Detection]:
        """Search the next samples.

        Parameters
        ----------
        samples
            Of shape (n_samples, n_leads), raw millivolt; n_samples may be 0; NaN = missing.
        quality
            Of the same shape: codes of `monitor.quality.STATES`.

        Returns
        -------
        list of Detection
            Beats decided within these samples, ascending in ``sample`` over all calls.
        """
        return self._run(samples, quality, np.empty((0, N_FEATURES + 2)))[0]

    def examine(
        self, samples: NDArray[np.float64], quality: NDArray[np.int8]
    ) -> tuple[list[Detection], NDArray[np.float64]]:
        """Do as `push`, and also return what the verifier saw: for training it.

        Returns
        -------
        detections
            As `push`.
        looks
            Of shape (n_looks, 2 + n_features): about where the candidate's QRS complex lies (sample),
            number of the look (1, 2, 3), features.
        """
        detections, looks = self._run(samples, quality, np.empty((len(samples), N_FEATURES + 2)))
        looks[:, 0] -= self._parameters[0]["lag"]
        return detections, looks

    def flush(self) -> list[Detection]:
        """End the stream: decide what is still pending, as if the last value stood still from here.

        Beats in the last quarter of a second may be found or not, and none in the last 20 ms: what the
        end cuts through so close to its peak may not have had its peak yet. ``decided`` is the last
        sample at the latest. The next call must be `reset` or `restore`.
        """
        end = int(self._memory.scalars[0]["now"])
        p = self._parameters[0]
        n = int(p["final"] + p["lag"] + p["hang"])
        found = self.push(*standstill(n, lost=self._memory.leads["since"] == NEVER))
        return [one.by(end) for one in found if within(one, end, fs=self.fs)]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        memory = {name: array.copy() for name, array in self._memory._asdict().items()}
        return {"band": self._band.snapshot(), "memory": memory}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._band.restore(state["band"])
        self._memory = Memory(**{name: array.copy() for name, array in state["memory"].items()})

    def _run(
        self, samples: NDArray[np.float64], quality: NDArray[np.int8], looks: NDArray[np.float64]
    ) -> tuple[list[Detection], NDArray[np.float64]]:
        found = np.empty((len(samples) // 8 + 32, 3))
        n, n_looks = run(
            np.ascontiguousarray(samples),
            self._band.push(samples),
            np.ascontiguousarray(quality),
            self._parameters[0],
            self._network,
            self._memory,
            found,
            looks,
        )
        rows = found[:n].tolist()
        return [Detection(int(sample), int(decided), belief) for sample, decided, belief in rows], looks[
            :n_looks
        ]


def standstill(n: int, *, lost: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return n samples to push after the last, whose value stands still, and their quality.

    Parameters
    ----------
    lost
        Of shape (n_leads,): leads that were off, and stay so.
    """
    silent = np.full((n, len(lost)), np.nan)
    return silent, np.tile(np.where(lost, _OFF, 0).astype(np.int8), (n, 1))


def within(found: Detection, end: int, *, fs: float) -> bool:
    """Whether a beat lies before the end of a stream, and not so close that R may be yet to come."""
    return found.sample < end - round(_PAST_R_S * fs)


def _qrs_sections(settings: DetectorSettings, *, fs: float) -> NDArray[np.float64]:
    from scipy import signal

    band = [settings.low_hz, settings.high_hz]
    return np.asarray(signal.butter(1, band, "bandpass", fs=fs, output="sos"), dtype=np.float64)
