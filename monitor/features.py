"""The features of a beat that a network may ask for, by name; `monitor.window` hands them on."""

from typing import Final

__all__ = ["CORRELATIONS", "FEATURES", "INTERVALS", "NEXT_FEATURES", "SHAPES"]

NEXT_FEATURES: Final = (
    "next_known",
    "next_to_rr",
    "next_to_mean",
    "next_to_long_mean",
    "next_correlation",
    "next_like",
    "next_width",
    "next_after",
    "next_before",
)
"""Features that the next beat tells: 0 in a provisional window, filled in for a confirmed one.

``next_known`` says how much it tells: 1.5 its RR and its shape; 1 its RR alone, where its window was
not complete in time; 0.5 that none came in time, and then its RR counts as the time without one so
far; 0 nothing, where the stream ends first. ``next_to_*`` are natural logarithms of ratios of the
next RR to this one and to the means that this one is compared with. The others are the next beat's
own ``correlation``, ``like_previous`` (with this beat, then), ``width``, ``after_correlation`` and
``late_correlation``: whether a pause ends in the patient's own beat, with its own P wave, or in
another like this one.
"""

INTERVALS: Final = (
    "rr",
    "rr_to_mean",
    "previous_to_mean",
    "second_to_mean",
    "third_to_mean",
    "rr_to_previous",
    "rr_to_median",
    "rr_to_long_mean",
    "mean_to_long_mean",
    "variability",
    "long_variability",
    "low_rr",
    "high_rr",
    "rank",
    "regularity",
    "repeats",
    "alternation",
    "rr_to_mode",
    "mode_share",
    "irregularity",
    "rr_to_slow",
    "run_ratio",
    "run_length",
    "experience",
)
"""Features of the rhythm, in the order that `monitor.intervals` computes them.

``rr`` is (RR - 0.8 s) / 0.4 s. The ``*_to_*``, ``low_rr`` and ``high_rr`` are natural logarithms of
ratios: of this RR, those before it, and the eighth from below and above of the last 32, to the mean
of the last 8, the median and the most crowded value (mode) of the last 32, the running mean of about
128, and a slow RR that few are longer than. ``variability`` is the mean absolute change of RR over
its mean (last 8; ``long``: 32); ``rank`` where this RR stands among the last 32 (-1 to 1);
``regularity``, ``repeats`` and ``mode_share`` which share of them is close to the last RR, to this
one and to the mode; ``alternation`` how often RR turned; ``irregularity`` the distance of RR from
their median over about 100 beats. ``run_ratio`` and ``run_length`` tell how far below the rhythm
before a sudden shortening RR still are, and since how many beats. ``experience`` grows from 0 to 1
over the first 32 beats.
"""

SHAPES: Final = (
    "correlation",
    "correlation_best",
    "correlation_worst",
    "amplitude",
    "width",
    "width_own",
    "sharpness",
    "peak",
    "trough",
    "after_correlation",
    "after_size",
    "before_correlation",
    "before_size",
    "quiet_residual",
    "noisy_residual",
    "misfit",
    "amplitude_misfit",
    "width_misfit",
    "recent_correlation",
    "recent_width",
    "recent_amplitude",
    "recent_same",
    "late_correlation",
    "late_size",
    "p_coherence",
    "fit",
    "cluster_share",
    "dominant_share",
    "cluster_rule",
    "cluster_count",
    "cluster_prematurity",
    "cluster_spread",
    "cluster_pause",
    "cluster_correlation",
    "cluster_amplitude",
    "cluster_width",
    "like_previous",
    "previous_correlation",
    "previous_same",
    "run",
    "unrest",
    "initial_correlation",
    "initial_residual",
    "upstroke",
    "upstroke_own",
    "duration",
    "p_correlation",
    "p_size",
    "cluster_p",
)
"""Features of the shape, in the order that `monitor.shapes` computes them.

``correlation``, ``amplitude``, ``width``, ``sharpness``, ``peak`` and ``trough`` compare the QRS with
the patient's dominant shape (``best`` and ``worst``: of the leads), ``after`` and ``before`` what
follows and precedes it; ``residual`` is what differs before the QRS in the quieter and the noisier
lead, and ``misfit`` a difference in units of what is usual for this patient. ``recent`` compares
with the shape that was dominant lately. ``late`` compares what precedes the QRS with the mean of
beats that did not come early, and ``p_coherence`` is the running mean of how alike that is: low in
atrial fibrillation. ``cluster`` tells of earlier beats of this shape: how many, how early (mean and
spread), which pause, and how their mean compares with the dominant shape; ``fit`` how like it this
beat is. ``previous`` and ``run`` tell of the beats just before, ``unrest`` how large the residual of the
quieter lead was in the last few.

The last seven tell how the QRS complex begins and what leads up to it. An aberrantly conducted beat
from above the ventricles enters them as the patient's own beats do and is slow only later; a
ventricular one begins otherwise.
``initial_correlation`` and ``initial_residual`` compare the first 47 ms with those of the dominant
shape, each measured from its onset, the first steep point. ``upstroke_own`` is the natural logarithm
of the way that all leads cover in the first 40 ms over that in the last 40 ms, low where the complex
begins slowly (the vi/vt ratio of Vereckei et al. 2007, Eur Heart J 28:589), and ``upstroke`` how that
differs from the dominant shape's. ``duration`` compares the extent of the steep part with its.
``p_correlation`` and ``p_size`` compare the P wave, at its distance from the onset, with that of ``late``;
``cluster_p`` is the mean of the first over earlier beats of this shape.
"""

FEATURES: Final = (*INTERVALS, *SHAPES, "confidence", "doubt", *NEXT_FEATURES, "alone")
"""Every feature a card may ask for, in the order they are computed. All are clipped to +-2.5.

Those of `CORRELATIONS` are Fisher's z of a correlation, and their clip is no loss: +-2.5 is +-0.987.
``confidence`` is the detector's, from -1 to 1; ``doubt`` what it lacked in the last few beats, 0 to 2.
``alone`` is 1 where the feed has one lead, else 0.
"""

CORRELATIONS: Final = (
    "correlation",
    "correlation_best",
    "correlation_worst",
    "after_correlation",
    "before_correlation",
    "recent_correlation",
    "late_correlation",
    "fit",
    "cluster_correlation",
    "like_previous",
    "previous_correlation",
    "initial_correlation",
    "p_correlation",
    "cluster_p",
    "next_correlation",
    "next_like",
    "next_after",
    "next_before",
)
"""Features that are correlations, given as their inverse hyperbolic tangent (Fisher 1921, Metron 1:3).

Of beats that are like one another 0.95 and 0.99 are far apart, 0.1 and 0.3 are not: so their errors are
about the same everywhere, and the step between aberrated and ventricular beats is not lost in noise."""
