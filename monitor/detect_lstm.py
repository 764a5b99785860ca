"""A detector that was learned from end to end: a causal LSTM in the place of `monitor.detect.Detector`.

How it works
------------
1. *Input.* Each lead passes the band that the network was trained behind, is read off at the network's
   own rate (125 Hz, linear between the two samples) and divided by twice its RMS: that of the last four
   seconds or so, but not below a quarter of that of the last minute, so that a silent line is not blown
   up to a heartbeat. The mean squares are running ones, so the scale knows the past alone and gain
   does not matter. The first two usable leads are shown, zeros for one that is not there.
2. *Network.* A short convolution over the last steps, then LSTM layers, one step after the other, answer
   two questions at each step: whether an R peak lay ``delay`` steps ago (a sigmoid), and whether the
   beat there is abnormal, S, V or F (a softmax).
3. *Peaks.* Where the probability of a peak passes its highest place above the threshold, there is a
   beat, unless one lies within the refractory time. A peak has passed once the probability has
   halved, or after 50 ms.
4. *Place.* ``sample`` is the largest excursion of the raw signal within 60 ms, as `monitor.detect` has it.

All of it is one loop kernel with explicit state (`monitor.detect_lstm_kernel`): bit-identical for
any partition. No Keras: the weights are numbers in a file (`monitor.weights_lstm`).

Source: the idea of one recurrent network for both questions is common coursework on MIT-BIH; LSTM of
Hochreiter and Schmidhuber (Neural Comput 9:1735, 1997). Training: ``models.dual``.

What it does not do: search back, name the beat, or tell fibrillation from beats. Normality is for
evaluation (`LstmDetector.examine`); labels are the classifier's business. It knows no difference
between a heart that has stopped and a lead that shows next to nothing, but for the minute of memory.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.detect import Detection, Detector, standstill, within
from monitor.detect_lstm_kernel import run
from monitor.detect_lstm_memory import TRACED, LstmMemory, LstmParameters, blank
from monitor.detect_memory import NEVER
from monitor.filters import monitor_band
from monitor.settings import DetectorSettings
from monitor.stage import State, record
from monitor.weights_lstm import StandIn, stand_in

__all__ = ["Examined", "LstmDetector", "detector_for"]

_HANG_S: Final = 0.05
_RADIUS_S: Final = 0.06
_LEVEL_S: Final = 4.0
_LONG_LEVEL_S: Final = 60.0
_QUIET: Final = 0.25
_FLOOR_MV: Final = 0.005
_CLIP: Final = 8.0


class Examined(NamedTuple):
    """What came of some samples, for training and evaluation.

    Attributes
    ----------
    detections
        As `LstmDetector.push`.
    abnormal
        Of shape (n_detections,): P(abnormal) where each was found.
    steps
        Of shape (n_steps, 4): what each step was shown (two leads), P(R peak), P(abnormal).
    """

    detections: list[Detection]
    abnormal: NDArray[np.float64]
    steps: NDArray[np.float64]


class LstmDetector:
    """The recurrent detector of one bed, with the protocol of `monitor.detect.Detector`.

    Parameters
    ----------
    settings
        Refractory and settling time; whatever else it holds is the other detector's.
    network
        What to run.
    fs
        Sampling rate, Hz, 100 to 1000.
    n_leads
        Number of columns of every block, 1 to 12.
    start
        Absolute index of the first sample to come.

    Attributes
    ----------
    delay_max
        ``decided - sample`` never exceeds it (samples).
    """

    def __init__(
        self, settings: DetectorSettings, network: StandIn, *, fs: float, n_leads: int, start: int = 0
    ) -> None:
        if not 100 <= fs <= 1000:
            raise ValueError(f"sampling rate out of range: expected 100 to 1000 Hz, received {fs:g}")
        self.fs = fs
        self.n_leads = n_leads
        self._network = network.network
        self._band = monitor_band(network.band, fs=fs, n_leads=n_leads)
        self._parameters = _parameters(settings, network, fs=fs, lag=self._band.delay)
        p = self._parameters[0]
        steps = int(p["delay"]) + int(p["hang"]) + 1
        self.delay_max = int(np.ceil(steps * p["ratio"])) + int(p["lag"]) + int(p["radius"]) + 1
        self.reset(start)

    @property
    def lag(self) -> int:
        """Samples by which the filter moves what the network is shown."""
        return int(self._parameters[0]["lag"])

    def reset(self, start: int) -> None:
        """Forget everything; the next sample has index ``start``."""
        self._band.reset()
        self._memory = blank(self._parameters, self._network, n_leads=self.n_leads, start=start)

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
            Beats decided within these samples, ascending in ``sample`` over all calls; ``confidence`` is the
            belief that it is one, calibrated on training records.
        """
        return self._run(samples, quality, np.empty((0, TRACED))).detections

    def examine(self, samples: NDArray[np.float64], quality: NDArray[np.int8]) -> Examined:
        """Do as `push`, and also return what the network was shown and what it answered."""
        n_steps = int(len(samples) / self._parameters[0]["ratio"]) + 2
        return self._run(samples, quality, np.empty((n_steps, TRACED)))

    def flush(self) -> list[Detection]:
        """End the stream: decide what is still pending, as if the last value stood still from here.

        Beats in the last quarter of a second may be found or not, and none in the last 20 ms.
        ``decided`` is the last sample at the latest. The next call must be `reset` or `restore`.
        """
        return self.finish().detections

    def finish(self) -> Examined:
        """Do as `flush`, and also return what the network answered."""
        end = int(self._memory.scalars[0]["now"])
        lost = self._memory.leads["since"] == NEVER
        last = self.examine(*standstill(self.delay_max + 1, lost=lost))
        kept = [k for k, one in enumerate(last.detections) if within(one, end, fs=self.fs)]
        told = [last.detections[k].by(end) for k in kept]
        return Examined(told, last.abnormal[np.array(kept, np.int64)], last.steps)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        memory = {name: array.copy() for name, array in self._memory._asdict().items()}
        return {"band": self._band.snapshot(), "memory": memory}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._band.restore(state["band"])
        self._memory = LstmMemory(**{name: array.copy() for name, array in state["memory"].items()})

    def _run(
        self, samples: NDArray[np.float64], quality: NDArray[np.int8], trace: NDArray[np.float64]
    ) -> Examined:
        found = np.empty((len(samples) // int(self._parameters[0]["refractory"]) + 8, 4))
        n, n_trace = run(
            np.ascontiguousarray(samples),
            self._band.push(samples),
            np.ascontiguousarray(quality),
            self._parameters[0],
            self._network,
            self._memory,
            found,
            trace,
        )
        rows = found[:n].tolist()
        detections = [Detection(int(sample), int(decided), belief) for sample, decided, belief, _ in rows]
        return Examined(detections, found[:n, 3].copy(), trace[:n_trace])


def detector_for(
    settings: DetectorSettings, *, fs: float, n_leads: int, start: int = 0
) -> Detector | LstmDetector:
    """Return the detector that the settings name: a recurrent one if their weights are one's, else ours.

    Raises
    ------
    ArtifactError
        The weights cannot be used.
    """
    network = stand_in(settings.weights)
    if network is None:
        return Detector(settings, fs=fs, n_leads=n_leads, start=start)
    return LstmDetector(settings, network, fs=fs, n_leads=n_leads, start=start)


def _parameters(settings: DetectorSettings, network: StandIn, *, fs: float, lag: int) -> NDArray[np.void]:
    array = np.zeros(1, record(LstmParameters))
    p = array[0]
    p["ratio"] = fs / network.fs
    p["delay"] = network.delay
    p["hang"] = max(1, round(_HANG_S * network.fs))
    p["refractory"] = max(1, round(settings.refractory_s * fs))
    p["radius"] = max(1, round(_RADIUS_S * fs))
    p["settle"] = round(settings.settle_s * fs)
    p["lag"] = lag
    p["mask"] = (1 << int(np.ceil(np.log2(2.0 * fs)))) - 1
    p["threshold"] = network.threshold
    p["slope"], p["offset"] = network.belief
    p["gain"] = 1 / (_LEVEL_S * network.fs)
    p["long_gain"] = 1 / (_LONG_LEVEL_S * network.fs)
    p["share"] = _QUIET
    p["floor"] = _FLOOR_MV
    p["clip"] = _CLIP
    return array
