"""What a record's report says, to be learned beside infarction: where it is, how sure, what else there is.

One lead and some hundreds of infarctions are little to learn from; that the same beats also tell of thick
walls, blocked branches and flat T costs nothing but the reports of records that are learned from (Caruana
1997, Machine Learning 28:41). Statements are those of PTB-XL (SCP-ECG). Nothing here is known of a record
that is asked of, and neither age nor sex is among it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.datasets.recordings import Entry

__all__ = ["TARGETS", "targets"]

_STATEMENTS: Final[dict[str, tuple[str, ...]]] = {
    "left ventricular hypertrophy": ("LVH", "VCLVH"),
    "ischaemia": ("ISC*",),
    "left anterior fascicular block": ("LAFB",),
    "abnormal QRS": ("ABQRS",),
    "Q waves": ("QWAVE",),
    "atrial fibrillation or flutter": ("AFIB", "AFLT"),
    "ST or T changed": ("NDT", "NST_", "STD_", "INVT", "LOWT", "NT_"),
    "bundle branch block": ("CLBBB", "CRBBB", "IVCD", "ILBBB", "IRBBB"),
}
"""By what they say; ``*``: whatever follows."""
_INFERIOR: Final = ("IMI", "ILMI", "IPLMI", "IPMI", "PMI", "INJIN", "INJIL")
_ANTERIOR: Final = ("ASMI", "AMI", "ALMI", "LMI", "INJAS", "INJAL", "INJLA")

TARGETS: Final = (
    "infarction",
    "normal",
    "inferior or posterior",
    "anterior or lateral",
    "sure infarction",
    *_STATEMENTS,
    "likelihood of infarction",
)


def targets(entries: Sequence[Entry]) -> NDArray[np.float64]:
    """Return what is to be learned of each record, of shape (n_records, 14): 0 or 1, a likelihood between."""
    return np.array([_of(entry) for entry in entries], np.float64)


def _of(entry: Entry) -> list[float]:
    infarct = entry.label == "MI"
    said = [_says(entry, statements) for statements in (_INFERIOR, _ANTERIOR)]
    more = [_says(entry, statements) for statements in _STATEMENTS.values()]
    return [
        float(infarct),
        float(entry.label == "NORM"),
        *said,
        float(infarct and entry.sure),
        *more,
        entry.likelihood / 100,
    ]


def _says(entry: Entry, statements: tuple[str, ...]) -> float:
    """Return 1 where the report has any of the statements, else 0."""
    begins = tuple(name.removesuffix("*") for name in statements if name.endswith("*"))
    named = not entry.statements.isdisjoint(statements)
    return float(named or any(code.startswith(begins) for code in entry.statements if begins))
