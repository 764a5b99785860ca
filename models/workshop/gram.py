"""Linear learners on many columns and few rows, by the products of rows alone (dual form).

With thousands of answers to each of hundreds of records the matrix of their products is small, is made once
and serves every target; what is learned is a number per training row (Schoelkopf & Smola 2002, Learning with
Kernels, chapter 4).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["logistic", "products", "ridge"]

_STEPS: Final = 12
_STILL: Final = 1e-3
"""Newton's method ends where no log odds move further."""
_FLAT: Final = 1e-8


def products(x: NDArray[np.float32], learned: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean product of any two rows plus one (the intercept), of shape (n, n).

    Columns are standardised by the rows that are learned from, so no other row has a part in it.

    Parameters
    ----------
    x
        Of shape (n, n_columns).
    learned
        Rows to standardise by.
    """
    mine = x[learned]
    scaled = ((x - mine.mean(axis=0)) / (mine.std(axis=0) + _FLAT)).astype(np.float32)
    scaled /= np.float32(np.sqrt(x.shape[1]))
    return np.asarray((scaled @ scaled.T).astype(np.float64) + 1.0)


def logistic(gram: NDArray[np.float64], y: NDArray[np.float64], *, c: float) -> NDArray[np.float64]:
    """Return the weights of the rows in a logistic regression; log odds are products times weights.

    Newton's method on the sum of log losses plus ``a' gram a / 2c`` (Rasmussen & Williams 2006, Gaussian
    Processes for Machine Learning, algorithm 3.1).

    Parameters
    ----------
    gram
        Of shape (n, n), from `products`.
    y
        Of shape (n,): 0 or 1.
    c
        Inverse strength of the penalty.
    """
    from scipy.linalg import cho_factor, cho_solve

    odds = np.zeros(len(y))
    weights = odds
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-odds))
        curve = np.maximum(p * (1 - p), 1e-5)
        root = np.sqrt(curve)
        b = curve * odds + y - p
        factor = cho_factor(np.eye(len(y)) + c * root[:, None] * gram * root, lower=True)
        weights = b - root * cho_solve(factor, c * root * (gram @ b))
        before, odds = odds, c * (gram @ weights)
        if np.abs(odds - before).max() < _STILL:
            break
    return np.asarray(c * weights)


def ridge(
    gram: NDArray[np.float64], y: NDArray[np.float64], *, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of the rows in a ridge regression, and each row's answers had it been left out.

    The second without learning again (Rifkin & Lippert 2007, MIT-CSAIL-TR-2007-025): answers to
    rows that were learned from are better than those to others, and whatever learns from answers must not
    take the first for the second.

    Parameters
    ----------
    gram
        Of shape (n, n), from `products`.
    y
        Of shape (n, n_targets).
    penalty
        Added to the diagonal.

    Returns
    -------
    tuple of NDArray
        Both of shape (n, n_targets).
    """
    values, vectors = np.linalg.eigh(gram)
    inverse = 1 / (values + penalty)
    weights = vectors @ (inverse[:, None] * (vectors.T @ y))
    diagonal = (vectors**2) @ inverse
    return weights, y - weights / diagonal[:, None]
