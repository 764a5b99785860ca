"""The synthetic patient: its truth is in its signal, and any way of reading it gives the same."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sim.synthetic import SyntheticPatient


@pytest.mark.parametrize("fs", [100.0, 250.0, 360.0, 1000.0])
def test_r_peaks_lie_where_the_truth_says(fs: float) -> None:
    """Within 10 ms (one sample at 100 Hz) the signal is largest at each true R peak of lead II."""
    patient = SyntheticPatient(
        "sinus:20, pvc, sinus:5, couplet, sinus:5, af:10, svt:5, widepvc, sinus:5, ivr:4b, ront, sinus:5",
        fs=fs,
    )
    signal = patient.read(0, patient.n_samples or 0)[:, 0]
    truth = patient.truth()
    half = round(0.06 * fs)
    for r, label in zip(truth.r_peaks, truth.labels, strict=True):
        if half <= r < len(signal) - half:
            off = int(np.argmax(signal[r - half : r + half + 1])) - half
            assert abs(off) <= max(1, round(0.010 * fs)), (r, label)


def test_ventricular_beats_are_wide_and_large() -> None:
    """A PVC is told from a normal beat by its width at half its height."""
    patient = SyntheticPatient("sinus:20, pvc, sinus:10", fs=1000.0)
    signal = patient.read(0, patient.n_samples or 0)[:, 0]
    truth = patient.truth()
    widths: dict[str, list[int]] = {"N": [], "V": []}
    for r, label in list(zip(truth.r_peaks, truth.labels, strict=True))[1:-1]:
        beat = signal[r - 120 : r + 121]
        widths[label].append(int((beat > beat[120] / 2).sum()))
    assert max(widths["N"]) < 40
    assert min(widths["V"]) > 60


def test_rhythms_adjoin_and_reach_the_end() -> None:
    """Every sample has exactly one rhythm."""
    patient = SyntheticPatient("sinus:5, vt:4, sinus:5, asystole:5, af:5, pvc, vf:5", fs=250.0)
    rhythms = patient.truth().rhythms
    assert [aux for _, _, aux in rhythms] == ["(N", "(VT", "(N", "(ASYS", "(AFIB", "(VF"]
    assert rhythms[0][0] == 0
    assert rhythms[-1][1] == patient.n_samples
    assert all(a[1] == b[0] for a, b in itertools.pairwise(rhythms))


def test_asystole_is_flat_and_fibrillation_is_not() -> None:
    """No beat, no wave but wander in the one; waves of some tenths of a millivolt in the other."""
    patient = SyntheticPatient("sinus:5, asystole:6, vf:6", fs=250.0)
    signal = patient.read(0, patient.n_samples or 0)
    spans = {aux: signal[start + 250 : stop - 250] for start, stop, aux in patient.truth().rhythms}
    assert np.ptp(spans["(ASYS"][:, 0]) < 0.3
    assert np.ptp(spans["(VF"][:, 0]) > 0.8


def test_a_pvc_from_another_place_has_another_shape() -> None:
    """Two shapes of ventricular beats, in both leads, and each like itself."""
    patient = SyntheticPatient(
        "sinus:5, pvc, sinus:4, widepvc, sinus:4, pvc, sinus:4, widepvc, sinus:4", fs=360.0
    )
    signal = patient.read(0, patient.n_samples or 0)
    truth = patient.truth()
    beats = [
        signal[r - 36 : r + 55] for r, label in zip(truth.r_peaks, truth.labels, strict=True) if label == "V"
    ]
    alike = np.corrcoef([beat.ravel() for beat in beats])
    assert min(alike[0, 2], alike[1, 3]) > 0.95
    assert alike[0, 1] < 0.5


def test_any_partition_gives_the_same_samples() -> None:
    """Law 1 holds for the source too, backwards and in leaps."""
    whole = SyntheticPatient(fs=360.0, seed=5).read(0, 30_000)
    ragged = SyntheticPatient(fs=360.0, seed=5)
    bounds = [0, 1, 15, 15, 300, 5000, 5001, 20_000, 30_000]
    parts = [ragged.read(a, b) for a, b in itertools.pairwise(bounds)]
    assert_array_equal(np.concatenate(parts), whole)
    assert_array_equal(SyntheticPatient(fs=360.0, seed=5).read(25_000, 25_100), whole[25_000:25_100])
    assert_array_equal(ragged.read(100, 200), whole[100:200])


def test_beats_lie_at_the_same_times_whatever_the_rate() -> None:
    """One patient, sampled at 128 and at 1000 Hz."""
    slow, fast = (SyntheticPatient(fs=fs, seed=2).truth(round(60 * fs)) for fs in (128.0, 1000.0))
    assert slow.labels == fast.labels
    assert np.abs(slow.r_peaks / 128.0 - fast.r_peaks / 1000.0).max() <= 0.0045


def test_script_ends_and_a_loop_does_not() -> None:
    """Past the end there is nothing, unless it begins again."""
    once = SyntheticPatient("sinus:5", fs=250.0)
    assert once.n_samples == 1250
    assert once.read(1000, 3000).shape == (250, 2)
    assert once.read(2000, 3000).shape == (0, 2)
    loop = SyntheticPatient("sinus:5", fs=250.0, loop=True)
    assert loop.n_samples is None
    assert loop.read(100_000, 100_010).shape == (10, 2)
    with pytest.raises(ValueError, match="expected a stop"):
        loop.truth()


def test_leads_are_one_or_two() -> None:
    """Lead II, with V1 beside it if asked for."""
    assert SyntheticPatient(fs=360.0, n_leads=1).leads == ("II",)
    with pytest.raises(ValueError, match="expected 1 or 2"):
        SyntheticPatient(fs=360.0, n_leads=3)


def test_simulator_starts_without_heavy_imports() -> None:
    """A demo without records starts at once: numpy, zmq and typer alone."""
    code = (
        "import sys, sim.cli, sim.perform, sim.synthetic as s; s.SyntheticPatient(fs=360).read(0, 5000);"
        "print(sorted({'scipy', 'numba', 'wfdb', 'neurokit2', 'keras', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
