"""Networks as plain functions of shapes: no data, no paths, no training."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURES", "average", "beat_cnn"]


def beat_cnn(
    window_shape: tuple[int, int], n_features: int, n_classes: int, *, width: int = 14, dropout: float = 0.3
) -> "keras.Model":
    """Return the monitor's own network: a small CNN over the window, joined by the features.

    Inputs are ``window`` of shape (batch, n_points, n_channels) and ``features`` of shape
    (batch, n_features); the output is a softmax over ``n_classes``. With 96 x 4 points and 15
    features it has about 26,000 weights and needs about 0.15 million multiplications per beat.

    Three strided convolutions (no pooling: cheaper, and the position of a wave matters) turn the
    window into 12 steps; one dense layer reads them together with the features. In the spirit of
    small patient-independent beat networks (Kiranyaz et al. 2016, IEEE TBME 63:664; Mondejar-Guerra
    et al. 2019, BSPC 47:41), with the dominant beat as further channels instead of training on the
    patient.
    """
    from keras import Input, Model, layers

    window = Input(window_shape, name="window")
    features = Input((n_features,), name="features")
    x = window
    for k, (filters, size) in enumerate(((width, 7), (2 * width, 5), (3 * width, 5))):
        x = layers.Conv1D(filters, size, strides=2, padding="same", use_bias=False, name=f"conv{k}")(x)
        x = layers.BatchNormalization(name=f"norm{k}")(x)
        x = layers.Activation("relu", name=f"relu{k}")(x)
    x = layers.Dropout(dropout, name="drop_shape")(layers.Flatten(name="flat")(x))
    x = layers.Dense(2 * width, activation="relu", name="shape")(x)
    r = layers.Dense(2 * width, activation="relu", name="rhythm")(features)
    x = layers.Concatenate(name="both")([x, r])
    x = layers.Dropout(dropout, name="drop_both")(x)
    x = layers.Dense(2 * width, activation="relu", name="joint")(x)
    logits = layers.Dense(n_classes, name="logits")(x)
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
    return Model([window, features], probabilities, name="beat_cnn")


def average(members: Sequence["keras.Model"]) -> "keras.Model":
    """Return one network that gives the normalised geometric mean of its members' probabilities.

    Networks trained from other seeds agree on the beats of patients like those they know and
    disagree on others; their mean is steadier than any of them (Hansen & Salamon 1990, IEEE PAMI
    12:993). Layers get the names of the members, so that each can be found again.
    """
    from keras import Input, Model, layers

    if len(members) == 1:
        return members[0]
    window = Input(members[0].inputs[0].shape[1:], name="window")
    features = Input(members[0].inputs[1].shape[1:], name="features")
    logits = []
    for k, member in enumerate(members):
        before = Model(member.inputs, member.get_layer("logits").output, name=f"member{k}")
        logits.append(before([window, features]))
    mean = layers.Average(name="mean")(logits)
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(mean)
    return Model([window, features], probabilities, name=f"{members[0].name}_x{len(members)}")


ARCHITECTURES: Final[dict[str, Callable[..., "keras.Model"]]] = {"beat_cnn": beat_cnn}
"""By the name that a card carries."""
