"""The verifier's weights as a module: what `monitor.detect_weights` looks like."""

import textwrap
from pathlib import Path
from typing import Final

from monitor.detect_features import Network
from monitor.errors import StorageError

__all__ = ["write"]

_LINE: Final = 104
_HEAD: Final = '''"""The weights of the QRS verifier: {total} numbers, five digits each.

Written by ``beatline models verifier``; the recipe is `models.verifier`, the layers those of `Network`.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.detect_features import Network
from monitor.detect_memory import N_FEATURES

__all__ = ["network"]

_N1 = {n1}
_N2 = {n2}

'''
_TAIL: Final = """

def network() -> Network:
    \"\"\"Return the shipped verifier.\"\"\"
    return Network(
        offset=_numbers(_OFFSET),
        scale=_numbers(_SCALE),
        w1=_numbers(_W1).reshape(N_FEATURES, _N1),
        b1=_numbers(_B1),
        w2=_numbers(_W2).reshape(_N1, _N2),
        b2=_numbers(_B2),
        w3=_numbers(_W3),
        b3=_numbers(_B3),
    )


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64)
"""


def write(network: Network, path: Path) -> None:
    """Write a network in the form of `monitor.detect_weights`."""
    text = _HEAD.format(total=sum(array.size for array in network), n1=network.b1.size, n2=network.b2.size)
    for name, array in network._asdict().items():
        numbers = textwrap.fill(
            " ".join(f"{value:.5g}" for value in array.ravel()),
            _LINE,
            initial_indent="    ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
        text += f'_{name.upper()} = """\n{numbers}\n"""\n\n'
    try:
        path.write_text(text.rstrip() + "\n" + _TAIL, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
