"""Small data sets in the exact formats of the large ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from models.datasets import BeatSet

__all__ = ["beat_set", "ecg", "write_csv", "write_ptb", "write_ptbxl", "write_record"]

PTB_LEADS = "i ii iii avr avl avf v1 v2 v3 v4 v5 v6".split()  # noqa: SIM905


def beat_set(
    labels: Sequence[int],
    patients: Sequence[str],
    *,
    part: Sequence[str] = (),
    classes: tuple[str, ...] = ("N", "S", "V"),
) -> BeatSet:
    """Return a set whose windows hold the number of their row."""
    n = len(labels)
    return BeatSet(
        name="made",
        classes=classes,
        fs=125.0,
        x=np.repeat(np.arange(n, dtype=np.float32), 4).reshape(n, 4, 1),
        y=np.array(labels, dtype=np.int64),
        patients=np.array(patients),
        records=np.array(patients),
        part=np.array(part or [""] * n),
        window=None,
    )


def ecg(seconds: float, *, fs: float, rr_s: float = 0.8, t_mv: float = 0.25) -> NDArray[np.float64]:
    """Return one lead in millivolt, of shape (n_samples,): P, R at every ``rr_s`` from 0.5 s on, S and T."""
    time = np.arange(round(seconds * fs)) / fs
    wave = 0.005 * np.random.default_rng(0).normal(size=len(time))
    for peak in np.arange(0.5, seconds, rr_s):
        for at, height, width in (
            (-0.16, 0.1, 0.03),
            (0, 1.2, 0.012),
            (0.03, -0.25, 0.012),
            (0.28, t_mv, 0.06),
        ):
            wave += height * np.exp(-0.5 * ((time - peak - at) / width) ** 2)
    return wave


def write_record(
    folder: Path, name: str, signal: NDArray[np.float64], *, fs: float, leads: Sequence[str], **more: object
) -> None:
    """Write millivolts as a record of format 16 with 2000 steps to the millivolt."""
    folder.mkdir(parents=True, exist_ok=True)
    n = signal.shape[1]
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV"] * n,
        sig_name=list(leads),
        d_signal=np.rint(signal * 2000).astype(np.int64),
        fmt=["16"] * n,
        adc_gain=[2000.0] * n,
        baseline=[0] * n,
        write_dir=str(folder),
        **more,
    )


def write_ptb(folder: Path, reasons: dict[str, str]) -> None:
    """Write a PTB of 8-s records: by ``patient001/s0010_re`` the reason for admission."""
    for record, reason in reasons.items():
        patient, name = record.split("/")
        lead = ecg(8, fs=1000, t_mv=-0.2 if "infarction" in reason else 0.25)
        signal = np.tile(0.5 * lead[:, np.newaxis], len(PTB_LEADS))
        signal[:, 1] = lead
        comments = ["age: 60", "sex: male", "Diagnose:", f"Reason for admission: {reason}", "Smoker: no"]
        write_record(folder / patient, name, signal, fs=1000, leads=PTB_LEADS, comments=comments)


_STATEMENTS = {
    "NORM": "\"{'NORM': 100.0, 'SR': 0.0}\"",
    "MI": "\"{'IMI': 100.0, 'SR': 0.0}\"",
    "OTHER": "\"{'LVH': 100.0, 'AFIB': 0.0}\"",
}


def write_ptbxl(folder: Path, labels: Sequence[str]) -> None:
    """Write a ``ptbxl_mi`` with a record of each label, folds in turn, patients of two records each."""
    folder.mkdir(parents=True, exist_ok=True)
    x = [ecg(10, fs=500, t_mv=-0.2 if label == "MI" else 0.25) * 1000 for label in labels]
    ids = np.arange(len(labels), dtype=np.int32) + 9
    np.savez(folder / "lead2_500hz.npz", ecg_id=ids, x=np.rint(x).astype(np.int16))
    columns = (
        "ecg_id,record_name,patient_id,strat_fold,label,mi_likelihood,norm_likelihood,inj_only,scp_codes"
    )
    lines = [columns]
    for k, label in enumerate(labels):
        sure = "100.0" if k % 2 == 0 else "35.0"
        mi, norm = (sure, "-1.0") if label == "MI" else ("-1.0", sure)
        lines.append(
            f"{ids[k]},r{k},{100 + k // 2}.0,{k // 2 % 10 + 1},{label},{mi},{norm},False,{_STATEMENTS[label]}"
        )
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def write_csv(path: Path, labels: Sequence[int], *, seed: int = 0) -> NDArray[np.float32]:
    """Write a file as `numpy.savetxt` wrote the published ones, and return its points."""
    points = np.random.default_rng(seed).uniform(0, 1, (len(labels), 187)).astype(np.float32)
    points[:, 120:] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, np.column_stack([points, np.array(labels, np.float32)]), delimiter=",")
    return points
