"""Somebody else's ECG: neurokit2's simulator, an oracle that shares nothing with ours."""

import numpy as np
import pytest

from monitor.detect import Detector
from monitor.settings import DetectorSettings
from tests.matching import match


@pytest.mark.parametrize(("fs", "bpm"), [(250, 55), (360, 75), (500, 120)])
def test_beats_of_another_simulator_are_found(fs: int, bpm: int) -> None:
    """Every beat that neurokit2's ECGSYN made is found once, at its R peak."""
    import neurokit2 as nk

    ecg = np.asarray(
        nk.ecg_simulate(duration=60, sampling_rate=fs, heart_rate=bpm, noise=0.02, random_state=1)
    )
    _, found = nk.ecg_peaks(ecg, sampling_rate=fs)
    reference = np.asarray(found["ECG_R_Peaks"])
    detector = Detector(DetectorSettings(), fs=float(fs), n_leads=1)
    samples = np.ascontiguousarray(ecg, dtype=np.float64)[:, np.newaxis]
    beats = detector.push(samples, np.zeros(samples.shape, np.int8)) + detector.flush()
    settled = reference[(reference > 3 * fs) & (reference < 59 * fs)]
    told = [beat.sample for beat in beats if 3 * fs < beat.sample < 59 * fs]
    result = match(settled, told, tolerance=0.05 * fs)
    assert (len(settled), 0) == (result.tp, result.fn)
    assert result.fp <= 1  # one may lie across the edge
