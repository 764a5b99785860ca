"""Beats lifted off a record: their ends, their P wave, and what a bundle branch block leaves alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.pieces import Conduction, Piece, conducted, faded, lay, lift
from tests.test_models import FS, recording

TALL = 1.2
"""Height of the made-up QRS complex in the first lead, mV."""


def _beat() -> Piece:
    """Return a beat with a P wave of 0.15 mV 0.16 s before R."""
    piece = lift(recording("a"), 3)
    seconds = (np.arange(len(piece.wave)) - piece.r) / FS
    p_wave = 0.15 * np.exp(-0.5 * ((seconds + 0.16) / 0.02) ** 2)
    return Piece(piece.wave + p_wave[:, np.newaxis], piece.r)


def _before(piece: Piece) -> np.ndarray:
    """Return what comes more than 0.1 s before R."""
    return piece.wave[: piece.r - round(0.1 * FS)]


def test_a_beat_is_lifted_whole_and_nothing_stays_at_its_ends() -> None:
    """Laid down elsewhere it makes no step."""
    piece = lift(recording("a"), 3)
    assert_array_equal(np.zeros((2, 2)), piece.wave[[0, -1]])
    assert piece.r == np.argmax(piece.wave[:, 0])
    assert piece.wave[piece.r, 0] == pytest.approx(TALL, abs=0.1)


@pytest.mark.parametrize("share", [1.0, 0.0, -0.5])
def test_only_the_p_wave_fades(share: float) -> None:
    """An ectopic P wave is smaller or inverted, in fibrillation there is none."""
    beat = _beat()
    piece = faded(beat, share, fs=FS)
    n = beat.r - round(0.12 * FS)
    assert_allclose(piece.wave[:n], share * beat.wave[:n], atol=1e-12)
    after = beat.r - round(0.06 * FS)
    assert_array_equal(beat.wave[after:], piece.wave[after:])


@pytest.mark.parametrize("seed", range(12))
def test_a_block_changes_the_qrs_complex_and_neither_p_wave_nor_its_place(seed: int) -> None:
    """That is what tells it from a ventricular beat."""
    beat = _beat()
    how = Conduction.of(np.random.default_rng(seed), 2)
    piece = conducted(beat, how, fs=FS)
    assert beat.r == piece.r
    assert_allclose(_before(beat), _before(piece), atol=0.02)
    assert np.abs(piece.wave[: len(beat.wave)] - beat.wave).max() > 0.08
    assert_allclose(piece.wave[-1], 0, atol=0.01)
    if not how.slow_s:  # the first ventricle is reached as always
        start = slice(beat.r - round(0.04 * FS), beat.r - round(0.01 * FS))
        assert np.corrcoef(beat.wave[start, 0], piece.wave[start, 0])[0, 1] > 0.99


def test_conduction_of_a_lone_lead_turns_into_nothing() -> None:
    """Axes turn between two leads; one lead has no other to turn to."""
    beat = _beat()
    alone = Piece(beat.wave[:, :1], beat.r)
    for seed in range(6):
        piece = conducted(alone, Conduction.of(np.random.default_rng(seed), 1), fs=FS)
        assert piece.wave.shape[1] == 1
        assert np.isfinite(piece.wave).all()


def test_beats_add_up_and_what_reaches_beyond_the_signal_is_left_out() -> None:
    """A beat may be laid down anywhere."""
    beat = _beat()
    signal = np.zeros((200, 2))
    for at in (0, 100, 199):
        lay(signal, at, beat)
    assert_allclose(signal[100], beat.wave[beat.r], atol=1e-9)
    assert signal[0, 0] == pytest.approx(beat.wave[beat.r, 0])
    assert signal[199, 0] == pytest.approx(beat.wave[beat.r, 0])


@pytest.mark.parametrize("seed", range(6))
def test_a_fusion_beat_is_tall_its_p_wave_stays_and_its_t_wave_turns(seed: int) -> None:
    """Both waves run the same way: on time, taller than the patient's own, repolarised the other way."""
    beat = _beat()
    how = Conduction.fused(np.random.default_rng(seed), 2)
    piece = conducted(beat, how, fs=FS)
    assert_allclose(_before(beat), _before(piece), atol=0.03 * how.height)
    near = slice(beat.r - round(0.08 * FS), beat.r + round(0.12 * FS))
    assert np.ptp(piece.wave[near], axis=0).max() > 1.2 * np.ptp(beat.wave[near], axis=0).max()
    at = beat.r + round(0.27 * FS)
    main = np.sign(piece.wave[near, 0].max() + piece.wave[near, 0].min())
    turned = (piece.wave[at, 0] - beat.wave[at, 0]) * main
    assert turned < -0.8 * how.discordant * TALL + 0.15 * TALL
