"""Networks as plain functions of shapes: no data, no paths, no training."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURES", "average", "beat_cnn", "beat_mlp"]


def beat_mlp(
    window_shape: tuple[int, int], n_features: int, n_classes: int, *, width: int = 256, dropout: float = 0.5
) -> "keras.Model":
    """Return a perceptron over the features alone; the window is an input that it does not look at.

    Inputs are ``window`` of shape (batch, n_points, n_channels) and ``features`` of shape
    (batch, n_features); the output is a softmax over ``n_classes``. With 84 features about 55,000
    weights. The features compare each beat with the patient's own (`monitor.window.FEATURES`), so
    that little is left that belongs to one patient; noise on them and half of the units dropped keep it so.
    """
    from keras import Input, Model, layers

    window = Input(window_shape, name="window")
    features = Input((n_features,), name="features")
    x = layers.BatchNormalization(name="norm")(features)
    x = layers.GaussianNoise(0.2, name="noise")(x)
    for k, units in enumerate((width, width // 2)):
        x = layers.Dense(units, activation="relu", name=f"dense{k}")(x)
        x = layers.Dropout(dropout, name=f"drop{k}")(x)
    logits = layers.Dense(n_classes, name="logits")(x)
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
    return Model([window, features], probabilities, name="beat_mlp")


def beat_cnn(
    window_shape: tuple[int, int], n_features: int, n_classes: int, *, width: int = 12, dropout: float = 0.5
) -> "keras.Model":
    """Return a small CNN over the window, joined by the features.

    Inputs and output as `beat_mlp`. With 96 x 6 points and 84 features about 42,000 weights.

    Three strided convolutions (no pooling: cheaper, and the position of a wave matters) turn the
    window into 12 steps; a dense layer reads them, another the features. In the spirit of
    small patient-independent beat networks (Kiranyaz et al. 2016, IEEE TBME 63:664; Mondejar-Guerra
    et al. 2019, BSPC 47:41), with the patient's shapes as further channels instead of training on the
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
    x = layers.Dense(32, activation="relu", name="shape")(x)
    x = layers.Dropout(dropout, name="drop_joint")(x)
    r = layers.BatchNormalization(name="norm_features")(features)
    r = layers.GaussianNoise(0.2, name="noise")(r)
    r = layers.Dense(128, activation="relu", name="told")(r)
    x = layers.Concatenate(name="both")([x, r])
    x = layers.Dropout(dropout, name="drop_both")(x)
    x = layers.Dense(64, activation="relu", name="joint")(x)
    x = layers.Dropout(dropout / 2, name="drop_last")(x)
    logits = layers.Dense(n_classes, name="logits")(x)
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
    return Model([window, features], probabilities, name="beat_cnn")


def average(members: Sequence["keras.Model"], *, seen: Sequence[int], n_features: int) -> "keras.Model":
    """Return one network that gives the normalised geometric mean of its members' probabilities.

    Networks trained from other seeds agree on the beats of patients like those they know and
    disagree on others; their mean is steadier than any of them (Hansen & Salamon 1990, IEEE PAMI
    12:993). The members are shown the features ``seen`` out of ``n_features``. A layer ``offsets``, zero at
    first, adds to the mean logits what is linear in all features.
    """
    from keras import Input, Model, layers, ops

    window = Input(members[0].inputs[0].shape[1:], name="window")
    features = Input((n_features,), name="features")
    shown = ops.take(features, list(seen), axis=1)
    logits = []
    for k, member in enumerate(members):
        before = Model(member.inputs, member.get_layer("logits").output, name=f"member{k}")
        logits.append(before([window, shown]))
    mean = layers.Average(name="mean")(logits) if len(logits) > 1 else logits[0]
    offsets = layers.Dense(mean.shape[1], kernel_initializer="zeros", name="offsets")(features)
    told = layers.Add(name="told")([mean, offsets])
    probabilities = layers.Activation("softmax", dtype="float32", name="probabilities")(told)
    return Model([window, features], probabilities, name="beat_average")


ARCHITECTURES: Final[dict[str, Callable[..., "keras.Model"]]] = {
    "beat_mlp": beat_mlp,
    "beat_cnn": beat_cnn,
}
"""By the name that a card carries."""
