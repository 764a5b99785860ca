"""Networks for single beats as plain functions of shapes: no data, no paths, no training.

Every one takes (n_points, n_channels) and the number of classes, and has

- one input, ``window``, of shape (batch, n_points, n_channels);
- a layer ``features``, a vector: what a transfer keeps and freezes up to;
- a layer ``logits``, and last ``probabilities``: a softmax over the classes, always float32.

``columns`` are the points that it looks at; none given, all. They are picked by the network itself, right
after its input, so that it is shown whole windows whatever it looks at.

Parameter counts in the docstrings are for 187 points of one channel and five classes, and are tested.
None wants a certain number of points: pooling pads, or stops where too little is left.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    import keras

__all__ = ["NETWORKS", "Network", "Shape", "cnn", "cnn_lstm", "deep_cnn", "kachuee", "lstm"]

Shape: TypeAlias = tuple[int, int]
_Tensor: TypeAlias = Any
"""A symbolic tensor; Keras has no types."""

_STEP: Final = 4
"""Points that `lstm` reads at once."""
_MEMORY: Final = 0.9
"""Of the batch normalisation: what is used after training is the mean over about ten steps; with the usual
hundred, the first epochs on few beats are judged by what the network was before it learned."""
_POOL: Final = 5
"""Width of the pooling in `kachuee`."""


def cnn(input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
    """Return a plain convolutional network: the baseline of systems A, B and E.

    Three convolutions (32, 64 and 64 kernels; widths 7, 5 and 5; each with batch normalisation) halve
    the window three times, 187 points to 24 steps of 64; a dense layer of 64 reads all steps, half of it
    dropped in training. 130,277 parameters, 129,957 of them trained.

    The scheme is that of Acharya et al. 2017 (Comput Biol Med 89:389): convolutions, each followed by
    a halving, then dense layers. Deviations: strides instead of max pooling, which costs half as
    much, batch normalisation and dropout, and a dense layer less.
    """
    from keras import layers

    window, x = _window(input_shape, columns)
    x = _strided(x, 32, 7, "conv0")
    x = _strided(x, 64, 5, "conv1")
    x = _strided(x, 64, 5, "conv2")
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(64, activation="relu", name="features")(x)
    return _told(window, x, n_classes, "cnn", dropout=0.5)


def lstm(input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
    """Return a recurrent network without convolutions: the baseline of systems B and E.

    Four points at once are one step (the window is cut to a multiple of four at its end): 187 points
    are 46 steps of 4 numbers. An LSTM of 64 units reads them forwards, another backwards; their last
    states, 128 numbers, go through a dense layer of 64. 43,909 parameters.

    Hochreiter & Schmidhuber 1997 (Neural Comput 9:1735), both ways as Graves & Schmidhuber 2005
    (Neural Netw 18:602). Deviations: four points a step instead of one, which costs a fourth and
    shortens the way that an error has to be carried back.
    """
    from keras import layers

    window, x = _window(input_shape, columns)
    n_points, n_channels = x.shape[1:]
    at_once = min(_STEP, n_points)
    n_steps = n_points // at_once
    x = layers.Cropping1D((0, n_points - n_steps * at_once), name="cut")(x)
    x = layers.Reshape((n_steps, at_once * n_channels), name="steps")(x)
    x = layers.Bidirectional(layers.LSTM(64, name="lstm"), name="both_ways")(x)
    x = layers.Dense(64, activation="relu", name="features")(x)
    return _told(window, x, n_classes, "lstm", dropout=0.3)


def cnn_lstm(input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
    """Return convolutions read by a recurrent layer: the hybrid of systems A and B.

    Two convolutions (32 and 64 kernels, widths 7 and 5, stride 2 each, batch normalisation) turn
    187 points into 47 steps of 64; an LSTM of 64 units reads them, and a dense layer of 64 its last
    state. 48,357 parameters, 48,165 of them trained.

    Scheme of Oh et al. 2018 (Comput Biol Med 102:278): waves are found by convolutions, their order
    by the LSTM. Deviations: two convolutions instead of three with pooling, batch normalisation.
    """
    from keras import layers

    window, x = _window(input_shape, columns)
    x = _strided(x, 32, 7, "conv0")
    x = _strided(x, 64, 5, "conv1")
    x = layers.LSTM(64, name="lstm")(x)
    x = layers.Dense(64, activation="relu", name="features")(x)
    return _told(window, x, n_classes, "cnn_lstm", dropout=0.3)


def kachuee(input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
    """Return the residual network of Kachuee, Fazeli & Sarrafzadeh 2018 (arXiv 1805.00794): system C.

    A convolution, then five blocks: convolution, relu, convolution, sum with what came in, relu, max
    pooling of width 5 and stride 2. All convolutions have 32 kernels of width 5. 187 points become
    92, 44, 20, 8 and 2 steps of 32; two dense layers of 32 follow. 55,013 parameters.

    Deviations: a block that gets fewer than five steps does not pool, so that shorter windows can
    be read; with the 187 points of the paper there is no such block.
    """
    from keras import layers

    window, x = _window(input_shape, columns)
    x = layers.Conv1D(32, 5, padding="same", name="conv")(x)
    for k in range(5):
        y = layers.Conv1D(32, 5, padding="same", activation="relu", name=f"block{k}_conv0")(x)
        y = layers.Conv1D(32, 5, padding="same", name=f"block{k}_conv1")(y)
        x = layers.Add(name=f"block{k}_sum")([x, y])
        x = layers.Activation("relu", name=f"block{k}_relu")(x)
        if x.shape[1] >= _POOL:
            x = layers.MaxPooling1D(_POOL, strides=2, name=f"block{k}_pool")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(32, activation="relu", name="dense")(x)
    x = layers.Dense(32, activation="relu", name="features")(x)
    return _told(window, x, n_classes, "kachuee", dropout=0.0)


def deep_cnn(input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
    """Return a network of nine convolutions, the deep CNN of system E.

    A convolution of width 7 and stride 2 with 16 kernels, then four pairs of width 3 with 16, 32, 64
    and 96 kernels, each pair but the last followed by max pooling of 2: 187 points become 94, 47, 24 and
    12 steps. Every convolution has batch normalisation. The mean over the steps goes through a dense
    layer of 64. 79,029 parameters, 78,165 of them trained.

    Pairs of small kernels whose number grows as the window shrinks: Simonyan & Zisserman 2015
    (arXiv 1409.1556), in one dimension. Deviations: fewer and narrower layers, batch normalisation, the
    mean over steps instead of large dense layers (Lin et al. 2014, arXiv 1312.4400).
    """
    from keras import layers

    window, x = _window(input_shape, columns)
    x = _strided(x, 16, 7, "conv")
    for k, n_kernels in enumerate((16, 32, 64, 96)):
        if k > 0:
            x = layers.MaxPooling1D(2, padding="same", name=f"pool{k}")(x)
        x = _strided(x, n_kernels, 3, f"pair{k}_conv0", stride=1)
        x = _strided(x, n_kernels, 3, f"pair{k}_conv1", stride=1)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    x = layers.Dense(64, activation="relu", name="features")(x)
    return _told(window, x, n_classes, "deep_cnn", dropout=0.3)


class Network(Protocol):
    """What makes a network for (n_points, n_channels) and a number of classes; see above."""

    def __call__(self, input_shape: Shape, n_classes: int, *, columns: Sequence[int] = ()) -> "keras.Model":
        """Return a network with weights not yet trained."""


NETWORKS: Final[dict[str, Network]] = {
    "cnn": cnn,
    "lstm": lstm,
    "cnn_lstm": cnn_lstm,
    "kachuee": kachuee,
    "deep_cnn": deep_cnn,
}
"""By the name that a run's configuration and a card carry."""


def _window(input_shape: Shape, columns: Sequence[int]) -> tuple[_Tensor, _Tensor]:
    """Return the input, and what the network looks at of it."""
    from keras import Input, ops

    window = Input(input_shape, name="window")
    return window, ops.take(window, list(columns), axis=1) if columns else window


def _strided(x: _Tensor, n_kernels: int, width: int, name: str, *, stride: int = 2) -> _Tensor:
    """Return a convolution with batch normalisation and relu."""
    from keras import layers

    x = layers.Conv1D(n_kernels, width, strides=stride, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=_MEMORY, name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _told(window: _Tensor, features: _Tensor, n_classes: int, name: str, *, dropout: float) -> "keras.Model":
    """Return the model whose head tells the classes from the features."""
    from keras import Model, layers

    x = layers.Dropout(dropout, name="drop")(features)
    logits = layers.Dense(n_classes, name="logits")(x)
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
    return Model(window, probabilities, name=name)
