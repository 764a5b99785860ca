"""Which points of a beat a network's answer rests on, and which tell the classes apart at all.

Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv 1703.01365) share out the difference
between the probability of a beat's class and that of a flat line over the points of the window: what
they share out adds up to it (completeness). Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391) tells
where the last convolution that still resolves the beat finds what speaks for the class. Both tell what
the network does, not what is true of hearts.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.progress import Report
from models.workshop.gradients import Gradient, differentiated
from models.workshop.select import gains
from monitor.errors import SettingsError

if TYPE_CHECKING:
    import keras

__all__ = [
    "METHODS",
    "STEPS",
    "Explanation",
    "Method",
    "explain",
    "flat",
    "grad_cam",
    "information",
    "integrated_gradients",
]

Method: TypeAlias = Literal["ig", "gradcam"]
METHODS: Final[dict[str, str]] = {"ig": "integrated gradients", "gradcam": "Grad-CAM"}
STEPS: Final = 50
"""Points on the way from the flat line to the beat, at the middles of as many equal stretches."""
_BLOCK: Final = 800
"""Inputs differentiated at once."""
_COARSEST: Final = 8
"""A convolution of fewer steps than this tells nothing of where, and an earlier one is asked."""


class Explanation(NamedTuple):
    """What speaks for a class, averaged over beats of it.

    Attributes
    ----------
    method
        Of `METHODS`.
    name
        Of the class.
    n
        Beats averaged over, and whether the network had told them rightly.
    mean, spread
        Of shape (n_points, n_channels): the beats' mean and standard deviation.
    attribution
        Of shape (n_points, n_channels): mean share in the probability (integrated gradients, signed),
        or strength from 0 to 1, the same for every channel (Grad-CAM).
    gap
        Integrated gradients: the median over beats of how far the sum of the shares is from the
        difference of the probabilities; None for Grad-CAM.
    """

    method: Method
    name: str
    n: int
    right: bool
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    attribution: NDArray[np.float64]
    gap: float | None

    @property
    def counted(self) -> str:
        """How many beats of which kind."""
        kind = "hit" if self.right else "beat"
        return f"{self.n} {kind}{'' if self.n == 1 else 's'}{'' if self.right else ', none told rightly'}"


def explain(
    model: "keras.Model",
    chosen: dict[str, tuple[int, NDArray[np.float32], bool]],
    *,
    method: Method = "ig",
    report: Report = lambda *_: None,
) -> list[Explanation]:
    """Return what speaks for each class.

    Parameters
    ----------
    model
        With one input, windows of shape (n, n_points, n_channels), and the classes' probabilities.
    chosen
        By the class's name: its index, windows of it, and whether they were told rightly.

    Raises
    ------
    SettingsError
        Grad-CAM is asked of a network without convolutions.
    """
    attribute = _gradcam(model) if method == "gradcam" else _integrated(differentiated(model))
    found = []
    for k, (name, (label, x, right)) in enumerate(chosen.items()):
        report(f"explaining {name}", k, len(chosen))
        shares, gap = attribute(x, label)
        found.append(
            Explanation(
                method=method,
                name=name,
                n=len(x),
                right=right,
                mean=x.mean(axis=0, dtype=np.float64),
                spread=x.std(axis=0, dtype=np.float64),
                attribution=shares.mean(axis=0),
                gap=gap,
            )
        )
    report("explaining", len(chosen), len(chosen))
    return found


def integrated_gradients(
    gradient: Gradient, x: NDArray[np.float32], label: int, *, steps: int = STEPS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each point's share in the probability of a class, against a flat line.

    Parameters
    ----------
    gradient
        Of the network; see `models.workshop.gradients.differentiated`.
    x
        Of shape (n, n_points, n_channels).

    Returns
    -------
    shares
        Of the shape of ``x``, signed.
    gap
        Of shape (n,): the sum of the shares less the difference between the probabilities of beat and
        flat line, which it would be with infinitely many steps.
    """
    base = flat(x)
    way = ((np.arange(steps) + 0.5) / steps).astype(np.float32)
    shares = np.empty(x.shape, np.float64)
    n = max(1, _BLOCK // steps)
    for start in range(0, len(x), n):
        here = slice(start, start + n)
        points = base[here, None] + way[:, None, None] * (x[here] - base[here])[:, None]
        _, slopes = gradient(points.reshape(-1, *x.shape[1:]), np.full(points.shape[0] * steps, label))
        shares[here] = (x[here] - base[here]) * slopes.reshape(points.shape).mean(axis=1)
    ends = [_outputs(gradient, side, label) for side in (x, base)]
    return shares, shares.sum(axis=(1, 2)) - (ends[0] - ends[1])


def flat(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return beats without waves: each lead at its median, and 0 where the window is padded at its end.

    So the line lies where the beat's own baseline does, however windows are scaled. What the length of
    the padding tells of the rhythm is not shared out.

    Parameters
    ----------
    x
        Of shape (n, n_points, n_channels).
    """
    held = np.flip(np.logical_or.accumulate(np.flip(x != 0, axis=1), axis=1), axis=1)
    known = np.where(held, x, np.nan)
    known[:, 0] = np.where(held.any(axis=1), known[:, 0], 0.0)  # an empty lead has the median 0
    middle = np.nanmedian(known, axis=1, keepdims=True)
    return np.where(held, middle, np.float32(0)).astype(np.float32)


def grad_cam(
    head: "keras.Model", gradient: Gradient, x: NDArray[np.float32], label: int
) -> NDArray[np.float64]:
    """Return where a convolution finds what speaks for a class, from 0 to 1 within each beat.

    Parameters
    ----------
    head
        From windows to what the convolution gives, of shape (n, n_steps, n_kernels).
    gradient
        Of the rest of the network, up to the classes' logits.

    Returns
    -------
    NDArray
        Of shape (n, n_points): zero throughout where nothing speaks for the class.
    """
    found = np.asarray(head.predict_on_batch(x))
    _, slopes = gradient(found, np.full(len(x), label))
    weights = slopes.mean(axis=1, keepdims=True)
    strength = np.maximum((weights * found).sum(axis=2), 0.0)
    n_points, n_steps = x.shape[1], found.shape[1]
    places = (np.arange(n_steps) + 0.5) * n_points / n_steps - 0.5
    spread = np.array([np.interp(np.arange(n_points), places, row) for row in strength])
    most = spread.max(axis=1, keepdims=True)
    return np.asarray(spread / np.where(most > 0, most, 1.0))


def information(x: NDArray[np.float32], y: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.float64]:
    """Return how many bits each point of a window, by itself, tells of the class.

    As `models.workshop.select.gains`, but for each channel.

    Parameters
    ----------
    x, y
        Of shape (n, n_points, n_channels) and (n,).

    Returns
    -------
    NDArray
        Of shape (n_points, n_channels).
    """
    channels = [gains(x[:, :, [k]], y, seed=seed) for k in range(x.shape[2])]
    return np.asarray(np.stack(channels, axis=1) / np.log(2), np.float64)


_Attribute: TypeAlias = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float64], float | None]]


def _integrated(gradient: Gradient) -> _Attribute:
    def attribute(x: NDArray[np.float32], label: int) -> tuple[NDArray[np.float64], float | None]:
        shares, gap = integrated_gradients(gradient, x, label)
        return shares, float(np.median(np.abs(gap)))

    return attribute


def _gradcam(model: "keras.Model") -> _Attribute:
    head, rest = _divided(model)
    gradient = differentiated(rest)

    def attribute(x: NDArray[np.float32], label: int) -> tuple[NDArray[np.float64], float | None]:
        cam = grad_cam(head, gradient, x, label)
        return np.repeat(cam[:, :, None], x.shape[2], axis=2), None

    return attribute


def _divided(model: Any) -> tuple[Any, Any]:  # noqa: ANN401 - Keras has no types
    """Divide a network behind its convolutions, at the last place that still tells where in the beat.

    The place must be passed by all that reaches the answer: in a residual network it is behind a sum.
    """
    import keras

    places = [k for k, layer in enumerate(model.layers) if isinstance(layer, keras.layers.Conv1D)]
    if not places:
        raise SettingsError(
            f"Grad-CAM of {model.name}: expected a network with convolutions, received one without "
            f"(integrated gradients explain any)"
        )
    logits = model.get_layer("logits").output
    for layer in reversed(model.layers[places[0] :]):
        shape = layer.output.shape
        if len(shape) != 3 or shape[1] < _COARSEST:
            continue
        try:
            return keras.Model(model.inputs, layer.output), keras.Model(layer.output, logits)
        except ValueError:  # a way leads around it
            continue
    raise SettingsError(
        f"Grad-CAM of {model.name}: expected a layer of at least {_COARSEST} steps that all ways pass, "
        f"received none"
    )


def _outputs(gradient: Gradient, x: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    return np.concatenate(
        [
            gradient(x[start : start + _BLOCK], np.full(len(x[start : start + _BLOCK]), label))[0]
            for start in range(0, len(x), _BLOCK)
        ]
    )
